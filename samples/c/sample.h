/* What the host and the enclave of the sample say to each other. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdint.h>

/* A thread's pages: TCS, three SSA frames, a stack. The same in the library
 * that builds the enclave (conformance/programs/lib/enclave.h). */
#define SAMPLE_THREAD_PAGES 5

enum sample_request {
	SAMPLE_ADD, /* a page's first number += value; answer = the sum */
	SAMPLE_READ, /* answer = the first number of a page */
	SAMPLE_ACCEPT, /* EACCEPT count pages whose state is flags; answer = the first error */
	SAMPLE_EXTEND, /* EMODPE count pages to flags */
	SAMPLE_MAKE_THREAD, /* write a TCS for the thread at address, whose entry point is value */
};

struct sample_call {
	uint64_t request; /* enum sample_request */
	uint64_t address;
	uint64_t count;
	uint64_t flags; /* SECINFO.FLAGS */
	uint64_t value;
	uint64_t base; /* of the enclave */
	uint64_t answer;
};

#endif
