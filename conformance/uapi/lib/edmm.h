/*
 * The dynamic memory calls of whichever generation a program is built for, under
 * one name each, for what all generations promise alike. They return what
 * ioctl() does; result and count may be NULL.
 */
#ifndef UAPI_EDMM_H
#define UAPI_EDMM_H

#include <asm/sgx.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "service.h"

static inline int edmm_result(int status, uint64_t from_result, uint64_t from_count, uint64_t *result,
			      uint64_t *count)
{
	if (result != NULL)
		*result = from_result;
	if (count != NULL)
		*count = from_count;
	return status;
}

/* Takes permissions (SECINFO_R, W, X) away. */
static inline int edmm_restrict(const struct enclave *enclave, uint64_t address, uint64_t length,
				uint64_t permissions, uint64_t *result, uint64_t *count)
{
	int status;
#if defined(UAPI_EDMM_V1)
	/* PROT_READ, PROT_WRITE and PROT_EXEC have the values of R, W and X. */
	struct sgx_page_modp argument = { .prot = permissions };
	unsigned long command = SGX_IOC_PAGE_MODP;
#elif defined(UAPI_V6_0)
	struct sgx_enclave_restrict_permissions argument = { .permissions = permissions };
	unsigned long command = SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS;
#else
	struct secinfo secinfo = { .flags = permissions };
#if defined(UAPI_EDMM_V3)
	struct sgx_enclave_restrict_permissions argument = { .secinfo = (uint64_t)&secinfo };
#else
	struct sgx_enclave_restrict_perm argument = { .secinfo = (uint64_t)&secinfo };
#endif
	unsigned long command = SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS;
#endif
	argument.offset = address - enclave->base;
	argument.length = length;
	status = ioctl(enclave->fd, command, &argument);
	return edmm_result(status, argument.result, argument.count, result, count);
}

/* Changes the type to a PT_ value. */
static inline int edmm_modify(const struct enclave *enclave, uint64_t address, uint64_t length,
			      uint64_t type, uint64_t *result, uint64_t *count)
{
	int status;
#if defined(UAPI_EDMM_V1)
	struct sgx_page_modt argument = { .type = type };
	unsigned long command = SGX_IOC_PAGE_MODT;
#elif defined(UAPI_V6_0)
	struct sgx_enclave_modify_types argument = { .page_type = type };
	unsigned long command = SGX_IOC_ENCLAVE_MODIFY_TYPES;
#else
	struct secinfo secinfo = { .flags = type << 8 };
#if defined(UAPI_EDMM_V3)
	struct sgx_enclave_modify_type argument = { .secinfo = (uint64_t)&secinfo };
#else
	struct sgx_enclave_modt argument = { .secinfo = (uint64_t)&secinfo };
#endif
	unsigned long command = SGX_IOC_ENCLAVE_MODIFY_TYPE;
#endif
	argument.offset = address - enclave->base;
	argument.length = length;
	status = ioctl(enclave->fd, command, &argument);
	return edmm_result(status, argument.result, argument.count, result, count);
}

static inline int edmm_remove(const struct enclave *enclave, uint64_t address, uint64_t length, uint64_t *count)
{
	int status;
#if defined(UAPI_EDMM_V1)
	struct sgx_page_remove argument = { 0 };
	unsigned long command = SGX_IOC_PAGE_REMOVE;
#else
	struct sgx_enclave_remove_pages argument = { 0 };
	unsigned long command = SGX_IOC_ENCLAVE_REMOVE_PAGES;
#endif
	argument.offset = address - enclave->base;
	argument.length = length;
	status = ioctl(enclave->fd, command, &argument);
	return edmm_result(status, 0, argument.count, NULL, count);
}

#define EDMM_REG SECINFO_REG
#define EDMM_R (SECINFO_REG | SECINFO_R)
#define EDMM_RW (EDMM_R | SECINFO_W)
#define EDMM_RX (EDMM_R | SECINFO_X)
#define EDMM_RWX (EDMM_RW | SECINFO_X)

#endif
