/*
 * The enclave: C without a library, without globals and without constants in
 * other sections, because only the section .enclave is measured and loaded.
 */
#include <stddef.h>

#include "architecture.h"
#include "sample.h"

#define INSIDE __attribute__((section(".enclave")))

/* ENCLU with a SECINFO of these flags. The SECINFO has to be inside: it is on
 * this thread's stack. */
static inline __attribute__((always_inline)) uint64_t enclu_page(enum enclu leaf, uint64_t flags, uint64_t page)
{
	struct secinfo secinfo;
	uint64_t rax = leaf;

	secinfo.flags = flags;
	for (size_t i = 0; i < sizeof secinfo.reserved; i++)
		((volatile uint8_t *)secinfo.reserved)[i] = 0;
	__asm__ volatile("enclu" : "+a"(rax) : "b"(&secinfo), "c"(page) : "memory", "cc");
	return rax;
}

static INSIDE uint64_t accept(const struct sample_call *call)
{
	for (uint64_t i = 0; i < call->count; i++) {
		uint64_t error = enclu_page(EACCEPT, call->flags, call->address + i * PAGE);

		if (error != 0)
			return error;
	}
	return 0;
}

static INSIDE void make_thread(const struct sample_call *call)
{
	volatile struct tcs *tcs = (volatile struct tcs *)call->address;

	/* The page is new and full of zeros. */
	tcs->ossa = call->address + PAGE - call->base;
	tcs->nssa = SAMPLE_THREAD_PAGES - 2;
	tcs->oentry = call->value;
	tcs->fs_limit = 0xffffffff;
	tcs->gs_limit = 0xffffffff;
}

/* A real enclave would copy the call in and distrust every field of it. */
INSIDE void enclave_main(struct sample_call *call);
INSIDE void enclave_main(struct sample_call *call)
{
	volatile uint64_t *number = (volatile uint64_t *)call->address;

	if (call->request == SAMPLE_ADD) {
		*number += call->value;
		call->answer = *number;
	} else if (call->request == SAMPLE_READ) {
		call->answer = *number;
	} else if (call->request == SAMPLE_ACCEPT) {
		call->answer = accept(call);
	} else if (call->request == SAMPLE_EXTEND) {
		for (uint64_t i = 0; i < call->count; i++)
			enclu_page(EMODPE, call->flags, call->address + i * PAGE);
	} else if (call->request == SAMPLE_MAKE_THREAD) {
		make_thread(call);
	}
}
