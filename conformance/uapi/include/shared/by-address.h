/*
 * What the drivers before v20 of the patches have alike: an enclave is found by
 * an address in its mapping, pages are added one by one. The numbers differ.
 */
#ifndef UAPI_BY_ADDRESS_H
#define UAPI_BY_ADDRESS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "run.h"

#define SGX_MAGIC 0xA4

/* What a call on an enclave returns that was there when the machine slept. */
#define SGX_POWER_LOST_ENCLAVE 0x40000000

struct sgx_enclave_create {
	__u64 src;
} __attribute__((packed));

struct sgx_enclave_add_page {
	__u64 addr;
	__u64 src;
	__u64 secinfo;
	__u16 mrmask;
} __attribute__((packed));

#endif
