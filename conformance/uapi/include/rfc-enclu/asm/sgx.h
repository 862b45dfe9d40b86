/* "[RFC v3 4/4] x86/sgx: Add an SGX IOCTL to register a per-mm ENCLU exception
 * handler", 10 December 2018. */
#ifndef UAPI_ASM_SGX_H
#define UAPI_ASM_SGX_H

#define UAPI_RFC_ENCLU 1
#include "../../shared/tree-of-2018.h"

#define SGX_IOC_ENCLU_REGISTER _IOW(SGX_MAGIC, 0x00, struct sgx_enclu_register)
#define SGX_IOC_ENCLAVE_CREATE _IOW(SGX_MAGIC, 0x01, struct sgx_enclave_create)
#define SGX_IOC_ENCLAVE_ADD_PAGE _IOW(SGX_MAGIC, 0x02, struct sgx_enclave_add_page)
#define SGX_IOC_ENCLAVE_INIT _IOW(SGX_MAGIC, 0x03, struct sgx_enclave_init)
#define SGX_IOC_ENCLAVE_REMOVE_PAGES _IOW(SGX_MAGIC, 0x04, struct sgx_enclave_remove_pages)
#define SGX_IOC_ENCLAVE_MODIFY_PAGES _IOW(SGX_MAGIC, 0x05, struct sgx_enclave_modify_pages)

struct sgx_enclu_register {
	__u64 enclu;
	__u64 handler;
};

#endif
