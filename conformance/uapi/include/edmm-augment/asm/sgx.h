/* "[PATCH RFC] x86: Add SGX_IOC_ENCLAVE_AUGMENT_PAGES", 4 March 2022. */
#ifndef UAPI_ASM_SGX_H
#define UAPI_ASM_SGX_H

#define UAPI_EDMM_AUGMENT 1
#include "../../shared/secinfo-edmm.h"

#define SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS _IOWR(SGX_MAGIC, 0x05, struct sgx_enclave_restrict_perm)
#define SGX_IOC_ENCLAVE_MODIFY_TYPE _IOWR(SGX_MAGIC, 0x06, struct sgx_enclave_modt)
#define SGX_IOC_ENCLAVE_REMOVE_PAGES _IOWR(SGX_MAGIC, 0x08, struct sgx_enclave_remove_pages)
#define SGX_IOC_ENCLAVE_AUGMENT_PAGES _IOWR(SGX_MAGIC, 0x09, struct sgx_enclave_augment_pages)

struct sgx_enclave_augment_pages {
	__u64 offset;
	__u64 length;
	__u64 count;
};

#endif
