/*
 * In the place of the driver's own encls.h, whose include guard the build defines: each leaf of ENCLS is a question to the embedder.
 * Its answer is what the kernel's wrapper gives: 0, an SGX error, or the number of an exception with SGX_ENCLS_FAULT_FLAG.
 */
#ifndef KERNEL_ENCLS_H
#define KERNEL_ENCLS_H
#include <kernel.h>
#include <asm/sgx.h>
#include "sgx.h"
/* EDGBRD and EDGBWR are spelled as in <asm/sgx.h>. */
int encls_(u32 leaf, u64 rbx, u64 rcx, u64 rdx, u64 *rbx_out);

#define ENCLS_TRAPNR(result) ((result) & ~SGX_ENCLS_FAULT_FLAG)
#define ENCLS_WARN(result, name) WARN_ONCE(result, "%s returned %d (0x%x)\n", name, result, result)
static inline bool encls_faulted(int result)
{
	return result & SGX_ENCLS_FAULT_FLAG;
}
/* A page fault is no failure: the EPC is gone after a suspend (SDM 3D, "EPC and power states"). */
static inline bool encls_failed(int result)
{
	return encls_faulted(result) ? ENCLS_TRAPNR(result) != X86_TRAP_PF : result != 0;
}
#define LEAF_(name, leaf, parameters, rbx, rcx, rdx)                                           \
	static inline int name parameters                                                      \
	{                                                                                      \
		return encls_(leaf, (u64)(rbx), (u64)(rcx), (u64)(rdx), NULL);                 \
	}
LEAF_(__ecreate, ECREATE, (struct sgx_pageinfo * info, void *secs), info, secs, 0)
LEAF_(__eadd, EADD, (struct sgx_pageinfo * info, void *page), info, page, 0)
LEAF_(__eextend, EEXTEND, (void *secs, void *address), secs, address, 0)
LEAF_(__einit, EINIT, (void *sigstruct, void *token, void *secs), sigstruct, secs, token)
LEAF_(__eremove, EREMOVE, (void *page), 0, page, 0)
LEAF_(__edbgwr, EDGBWR, (void *address, unsigned long *data), *data, address, 0)
LEAF_(__etrack, ETRACK, (void *secs), 0, secs, 0)
LEAF_(__eblock, EBLOCK, (void *page), 0, page, 0)
LEAF_(__epa, EPA, (void *page), SGX_PAGE_TYPE_VA, page, 0)
LEAF_(__eldu, ELDU, (struct sgx_pageinfo * info, void *page, void *version), info, page, version)
LEAF_(__ewb, EWB, (struct sgx_pageinfo * info, void *page, void *version), info, page, version)
LEAF_(__emodpr, EMODPR, (struct sgx_secinfo * info, void *page), info, page, 0)
LEAF_(__emodt, EMODT, (struct sgx_secinfo * info, void *page), info, page, 0)
LEAF_(__eaug, EAUG, (struct sgx_pageinfo * info, void *page), info, page, 0)
static inline int __edbgrd(void *address, unsigned long *data)
{
	u64 value = 0;
	int result = encls_(EDGBRD, 0, (u64)address, 0, &value);

	if (!result)
		*data = value;
	return result;
}
#endif
