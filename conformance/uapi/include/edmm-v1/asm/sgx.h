/* "x86/sgx and selftests/sgx: Support SGX2", 1 December 2021. */
#ifndef UAPI_ASM_SGX_H
#define UAPI_ASM_SGX_H

#define UAPI_EDMM_V1 1
#include "../../shared/mainline.h"

#define SGX_IOC_VEPC_REMOVE_ALL _IO(SGX_MAGIC, 0x04)
#define SGX_IOC_PAGE_MODP _IOWR(SGX_MAGIC, 0x05, struct sgx_page_modp)
#define SGX_IOC_PAGE_MODT _IOWR(SGX_MAGIC, 0x06, struct sgx_page_modt)
#define SGX_IOC_PAGE_REMOVE _IOWR(SGX_MAGIC, 0x07, struct sgx_page_remove)

struct sgx_page_modp {
	__u64 offset;
	__u64 length;
	__u64 prot;
	__u64 result;
	__u64 count;
};

struct sgx_page_modt {
	__u64 offset;
	__u64 length;
	__u64 type;
	__u64 result;
	__u64 count;
};

struct sgx_page_remove {
	__u64 offset;
	__u64 length;
	__u64 count;
};

#endif
