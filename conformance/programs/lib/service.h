/*
 * The service enclave: what most programs need of an enclave, in one page of
 * code without calls to anything. The host passes the address of a struct call
 * in its own memory in RDI; the enclave does what it says and exits.
 *
 * Layout: a page of code at 0, the data pages, the threads, the pages of the
 * program's own code, the heap, and then nothing up to the end of ELRANGE: room
 * for pages that are added at run time.
 */
#ifndef CONFORMANCE_SERVICE_H
#define CONFORMANCE_SERVICE_H

#include "enclave.h"
#include "enter.h"

enum operation {
	OP_NOTHING = 0,
	OP_READ = 1, /* result = 8 bytes at a */
	OP_WRITE = 2, /* 8 bytes at a = b */
	OP_COPY = 3, /* c bytes to a from b */
	OP_ENCLU = 4, /* result = RAX of ENCLU[a] with RBX = b, RCX = c, RDX = d */
	OP_JUMP = 5, /* jump to a with R11 = where to come back, RSI = b, RDX = c; result = RAX */
	OP_SPIN = 6, /* count up in result until the 8 bytes at a are not 0 */
	OP_CSSA = 7, /* result = CSSA at entry */
	OP_EXCEPTION = 8, /* in an exception handler (CSSA > 0): result = RIP, b = EXITINFO of the
			   * frame before this one, whose RIP then becomes RIP + a; c = pages of
			   * a frame, 0 for one */
	OP_FILL = 9, /* write a different number into each of c pages from a, derived from b */
	OP_VERIFY = 10, /* result = how many of these c numbers are not what OP_FILL wrote */
	OP_REGISTERS = 11, /* exit with RDI = a, RSI = b, RDX = c, R8 = d, R9 = e */
};

struct call {
	uint64_t operation;
	uint64_t a, b, c, d, e;
	uint64_t result;
};
_Static_assert(offsetof(struct call, result) == 48, "service.S uses these offsets");

struct service_options {
	struct enclave_options enclave;
	unsigned threads; /* 0: one */
	unsigned data_pages; /* 0: one */
	const void *data; /* the content of the data pages; NULL: zeros */
	const void *code; /* page-aligned code of the program's own, position independent */
	uint64_t code_length; /* a multiple of 4096 */
	uint64_t heap_length; /* zeros, read and write, not measured */
	uint64_t size; /* of ELRANGE; 0: 16 MiB */
};

struct service {
	struct enclave enclave;
	uint64_t data; /* addresses */
	uint64_t threads;
	uint64_t code;
	uint64_t heap;
	uint64_t room; /* the first address that was not added */
};

/* Adds everything, without EINIT. options may be NULL. */
void service_add(struct service *service, const struct service_options *options);

/* Adds everything, initialises and maps it, the room as well (RWX, which Linux
 * allows as long as no page was added there). */
void service_build(struct service *service, const struct service_options *options);

/* Maps what service_add added, and the room. */
void service_map(struct service *service);

/* The address of a thread's TCS. */
uint64_t service_tcs(const struct service *service, unsigned thread);

/* Enters by the vDSO and expects an exit by EEXIT. Returns the result. */
uint64_t service_call(struct service *service, unsigned thread, struct call *call);

/* The same for a call with these arguments. */
uint64_t service_do(struct service *service, unsigned thread, enum operation operation, uint64_t a,
		    uint64_t b, uint64_t c, uint64_t d);

/* Enters by the vDSO and leaves what happened in run. function is EENTER or
 * ERESUME. Returns what the vDSO's function returned.
 *
 * An enclave comes back with the RSP of the EENTER, also after an ERESUME: the
 * processor does not note the RSP of an ERESUME (SDM 3D, ERESUME). So what was
 * entered on one stack has to be resumed at the same place of it. Each EENTER
 * here gets a stack of its own until its EEXIT, and ERESUME takes the one of the
 * newest EENTER on that TCS. */
int service_try(struct service *service, uint64_t tcs, struct call *call, uint32_t function,
		struct sgx_enclave_run *run);

/* Runs the call and expects an exception with this vector. */
void service_expect_exception(struct service *service, unsigned thread, struct call *call,
			      const char *what, unsigned vector, struct sgx_enclave_run *run);

/* Resumes the thread after an exception; the call then has to end in EEXIT. */
void service_resume(struct service *service, unsigned thread);

/* What was entered last on the thread will not be resumed: its stack is free. */
void service_abandon(struct service *service, unsigned thread);

/* From inside: ENCLU[leaf] on a page, with a SECINFO of these flags. Returns
 * RAX. The SECINFO is placed in the last 64 bytes of the first data page. */
uint64_t service_accept(struct service *service, unsigned thread, enum enclu leaf, uint64_t flags,
			uint64_t address, uint64_t source);

/* The three ioctls of SGX2 on a range of addresses; they return what ioctl() does.
 * result and count may be NULL. */
int enclave_restrict(struct enclave *enclave, uint64_t address, uint64_t length, uint64_t permissions,
		     uint64_t *result, uint64_t *count);
int enclave_modify(struct enclave *enclave, uint64_t address, uint64_t length, uint64_t type,
		   uint64_t *result, uint64_t *count);
int enclave_remove(struct enclave *enclave, uint64_t address, uint64_t length, uint64_t *count);

extern const char service_code[], service_code_end[];

#endif
