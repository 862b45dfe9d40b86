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

/*
 * CREATE with backing that the program gives, as discussed on 18/22 of the series
 * (seed 003). No such header was ever posted: names and numbers are this
 * project's. The pages of the enclave come first and then its SECS; the PCMDs in
 * the same order, behind them or in a buffer of their own. 0 is for an enclave
 * that is killed rather than swapped.
 */
struct sgx_enclave_create_backed {
	__u64 src;
	__u64 backing;
};

struct sgx_enclave_create_separately_backed {
	__u64 src;
	__u64 contents;
	__u64 pcmd;
};

#define SGX_IOC_ENCLAVE_CREATE_BACKED _IOW(SGX_MAGIC, 0x00, struct sgx_enclave_create_backed)
#define SGX_IOC_ENCLAVE_CREATE_SEPARATELY_BACKED \
	_IOW(SGX_MAGIC, 0x00, struct sgx_enclave_create_separately_backed)

#endif
