/* The two calls of the drivers before v20 that programs want to see fail. */
#ifndef UAPI_BY_ADDRESS_LIB_H
#define UAPI_BY_ADDRESS_LIB_H

#include "enclave.h"

/* ADD_PAGE; mrmask has a bit for each 256 bytes that are measured. */
long by_address_add(const struct enclave *enclave, uint64_t offset, const void *source, uint64_t flags,
		    uint16_t mrmask);

/* INIT: what ioctl returns, which can be an error code of EINIT. */
long by_address_init(struct enclave *enclave);

#ifdef UAPI_ISGX
/* The EINITTOKEN that INIT takes, 304 bytes; zeros at first. */
extern uint8_t by_address_token[304];
#endif

#ifdef UAPI_V16
/* What enclave_create gives the driver as backing. */
extern struct by_address_backing {
	enum { BACKING_OF_DRIVER, BACKING_TOGETHER, BACKING_APART } kind;
	void *contents, *pcmds;
} by_address_backing;
#endif

#endif
