/*
 * What every interface since v22 of the patches has: CREATE, ADD_PAGES, INIT,
 * PROVISION, and the vDSO's structure (Linux 5.11, uapi asm/sgx.h).
 */
#ifndef UAPI_MAINLINE_H
#define UAPI_MAINLINE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SGX_DEVICE "/dev/sgx_enclave"
#define SGX_MAGIC 0xA4

#define SGX_PAGE_MEASURE 0x01

#define SGX_IOC_ENCLAVE_CREATE _IOW(SGX_MAGIC, 0x00, struct sgx_enclave_create)
#define SGX_IOC_ENCLAVE_ADD_PAGES _IOWR(SGX_MAGIC, 0x01, struct sgx_enclave_add_pages)
#define SGX_IOC_ENCLAVE_INIT _IOW(SGX_MAGIC, 0x02, struct sgx_enclave_init)
#define SGX_IOC_ENCLAVE_PROVISION _IOW(SGX_MAGIC, 0x03, struct sgx_enclave_provision)

struct sgx_enclave_create {
	__u64 src;
};

struct sgx_enclave_add_pages {
	__u64 src;
	__u64 offset;
	__u64 length;
	__u64 secinfo;
	__u64 flags;
	__u64 count;
};

struct sgx_enclave_init {
	__u64 sigstruct;
};

struct sgx_enclave_provision {
	__u64 fd;
};

#include "run.h"

#endif
