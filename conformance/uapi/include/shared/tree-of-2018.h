/* The further structures of the upstream tree of 2018. */
#ifndef UAPI_TREE_OF_2018_H
#define UAPI_TREE_OF_2018_H

#include "by-address.h"

#define SGX_DEVICE "/dev/sgx"

struct sgx_enclave_init {
	__u64 addr;
	__u64 sigstruct;
} __attribute__((packed));

struct sgx_enclave_remove_pages {
	__u64 addr;
	__u64 length;
} __attribute__((packed));

/* op */
#define SGX_MODIFY_PERMISSIONS 0
#define SGX_MODIFY_TYPES 1

struct sgx_enclave_modify_pages {
	__u64 addr;
	__u64 length;
	__u64 secinfo;
	__u8 op;
} __attribute__((packed));

#endif
