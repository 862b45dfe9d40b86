/*
 * Building an enclave through Linux's /dev/sgx_enclave, step by step
 * (Documentation/arch/x86/sgx.rst; arch/x86/include/uapi/asm/sgx.h).
 *
 * Everything here ends the program with one line when it fails; programs that
 * want to see a failure call the ioctls themselves.
 */
#ifndef CONFORMANCE_ENCLAVE_H
#define CONFORMANCE_ENCLAVE_H

#include <asm/sgx.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "architecture.h"
#include "measurement.h"

/* An enclave thread as these programs lay it out: its TCS, THREAD_NSSA SSA
 * frames of one page each, and a page of stack. Enclave code finds all of it
 * from RBX, which holds the address of the TCS at entry. */
#define THREAD_NSSA 4
#define THREAD_PAGES (1 + THREAD_NSSA + 1)
#define THREAD_SIZE (THREAD_PAGES * PAGE)
#define THREAD_SSA PAGE
#define THREAD_STACK ((1 + THREAD_NSSA) * PAGE)

struct enclave_options {
	uint64_t base; /* 0: anywhere */
	uint64_t attributes; /* beside MODE64BIT */
	uint32_t miscselect;
	uint16_t isv_svn;
	int open_flags; /* beside O_RDWR */
	uint64_t tcs_flags; /* of every thread */
	uint64_t xfrm; /* 0: x87 and SSE */
	uint32_t frame_pages; /* of an SSA frame; 0: one. NSSA is THREAD_NSSA divided by it */
};

struct enclave {
	int fd;
	uint64_t base;
	uint64_t size;
	struct secs secs;
	struct sigstruct sigstruct;
	struct measurement *measurement;
	struct enclave_options options;
};

/* Opens the device, reserves an aligned range and runs ECREATE. size is a power
 * of two. options may be NULL. */
void enclave_create(struct enclave *enclave, uint64_t size, const struct enclave_options *options);

/* Adds and measures pages from page-aligned memory. */
void enclave_add(struct enclave *enclave, uint64_t offset, const void *source, uint64_t length,
		 uint64_t secinfo_flags);

/* Adds pages of zeros that are not measured. */
void enclave_add_unmeasured(struct enclave *enclave, uint64_t offset, uint64_t length,
			    uint64_t secinfo_flags);

/* Adds a thread at offset, which enters at entry (an offset too). */
void enclave_add_thread(struct enclave *enclave, uint64_t offset, uint64_t entry);

/* Signs and runs EINIT. */
void enclave_init(struct enclave *enclave);

/* The SIGSTRUCT of what was added so far, signed; ends the measurement. */
void enclave_sign(struct enclave *enclave);

/* Maps a part of the enclave. */
void enclave_map(const struct enclave *enclave, uint64_t offset, uint64_t length, int protection);

/* Unmaps everything and closes the file. */
void enclave_destroy(struct enclave *enclave);

/* Reserves size bytes at a multiple of size, or at base where it is not 0. */
uint64_t enclave_reserve(uint64_t base, uint64_t size);

/* The TCS fields for a thread at offset. */
struct tcs thread_tcs(uint64_t offset, uint64_t entry);

#endif
