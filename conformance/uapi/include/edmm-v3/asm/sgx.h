/* "[PATCH V3 00/30] x86/sgx and selftests/sgx: Support SGX2", 4 April 2022; its
 * structures have other names than V2's and the same fields. */
#ifndef UAPI_ASM_SGX_H
#define UAPI_ASM_SGX_H

#define UAPI_EDMM_V3 1
#define sgx_enclave_restrict_perm sgx_enclave_restrict_permissions
#define sgx_enclave_modt sgx_enclave_modify_type
#include "../../shared/secinfo-edmm.h"
#undef sgx_enclave_restrict_perm
#undef sgx_enclave_modt

#define SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS \
	_IOWR(SGX_MAGIC, 0x05, struct sgx_enclave_restrict_permissions)
#define SGX_IOC_ENCLAVE_MODIFY_TYPE _IOWR(SGX_MAGIC, 0x06, struct sgx_enclave_modify_type)
#define SGX_IOC_ENCLAVE_REMOVE_PAGES _IOWR(SGX_MAGIC, 0x07, struct sgx_enclave_remove_pages)

#endif
