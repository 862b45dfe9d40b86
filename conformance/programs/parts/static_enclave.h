/* The enclave of static_enclave.c: one page of code, a TCS and an SSA frame. It
 * gives back three times RDI in RSI. */
#ifndef CONFORMANCE_STATIC_ENCLAVE_H
#define CONFORMANCE_STATIC_ENCLAVE_H

#include "../lib/architecture.h"

#define STATIC_SIZE (4 * PAGE)

/* lea rsi, [rdi + rdi * 2]; mov rbx, rcx; mov eax, 4 (EEXIT); enclu */
static const uint8_t static_code[PAGE] __attribute__((aligned(4096))) = {
	0x48, 0x8d, 0x34, 0x7f, 0x48, 0x89, 0xcb, 0xb8, 0x04, 0x00, 0x00, 0x00, 0x0f, 0x01, 0xd7,
};

static const struct tcs static_tcs __attribute__((aligned(4096))) = {
	.ossa = 2 * PAGE, .nssa = 1, .oentry = 0, .fs_limit = 0xffffffff, .gs_limit = 0xffffffff,
};

static const uint8_t static_ssa[PAGE] __attribute__((aligned(4096)));

#endif
