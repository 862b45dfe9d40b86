/* The structures of EDMM V2, its RFC of 4 March 2022 and V3, where permissions
 * and types are given in a SECINFO. */
#ifndef UAPI_SECINFO_EDMM_H
#define UAPI_SECINFO_EDMM_H

#include "mainline.h"

struct sgx_enclave_restrict_perm {
	__u64 offset;
	__u64 length;
	__u64 secinfo;
	__u64 result;
	__u64 count;
};

struct sgx_enclave_modt {
	__u64 offset;
	__u64 length;
	__u64 secinfo;
	__u64 result;
	__u64 count;
};

struct sgx_enclave_remove_pages {
	__u64 offset;
	__u64 length;
	__u64 count;
};

#define SGX_IOC_VEPC_REMOVE_ALL _IO(SGX_MAGIC, 0x04)

#endif
