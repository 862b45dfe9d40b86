/* The tree around "[PATCH v16] Intel SGX driver", November 2018. */
#ifndef UAPI_ASM_SGX_H
#define UAPI_ASM_SGX_H

#define UAPI_V16 1
#include "../../shared/tree-of-2018.h"

#define SGX_IOC_ENCLAVE_CREATE _IOW(SGX_MAGIC, 0x00, struct sgx_enclave_create)
#define SGX_IOC_ENCLAVE_ADD_PAGE _IOW(SGX_MAGIC, 0x01, struct sgx_enclave_add_page)
#define SGX_IOC_ENCLAVE_INIT _IOW(SGX_MAGIC, 0x02, struct sgx_enclave_init)
#define SGX_IOC_ENCLAVE_REMOVE_PAGES _IOW(SGX_MAGIC, 0x03, struct sgx_enclave_remove_pages)
#define SGX_IOC_ENCLAVE_MODIFY_PAGES _IOW(SGX_MAGIC, 0x04, struct sgx_enclave_modify_pages)

#endif
