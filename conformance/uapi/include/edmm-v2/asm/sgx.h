/* "[PATCH V2 00/32] x86/sgx and selftests/sgx: Support SGX2", 7 February 2022. */
#ifndef UAPI_ASM_SGX_H
#define UAPI_ASM_SGX_H

#define UAPI_EDMM_V2 1
#include "../../shared/secinfo-edmm.h"

#define SGX_IOC_ENCLAVE_RELAX_PERMISSIONS _IOWR(SGX_MAGIC, 0x05, struct sgx_enclave_relax_perm)
#define SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS _IOWR(SGX_MAGIC, 0x06, struct sgx_enclave_restrict_perm)
#define SGX_IOC_ENCLAVE_MODIFY_TYPE _IOWR(SGX_MAGIC, 0x07, struct sgx_enclave_modt)
#define SGX_IOC_ENCLAVE_REMOVE_PAGES _IOWR(SGX_MAGIC, 0x08, struct sgx_enclave_remove_pages)

struct sgx_enclave_relax_perm {
	__u64 offset;
	__u64 length;
	__u64 secinfo;
	__u64 count;
};

#endif
