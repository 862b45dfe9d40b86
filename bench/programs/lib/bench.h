/*
 * What the programs of bench/run share. A program prints lines of a name and a
 * number, nanoseconds unless its first comment says otherwise, one line for
 * each repetition; bench/run pairs them and makes ratios.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#include "service.h"

/* Nanoseconds of the monotonic clock. */
uint64_t now(void);

/* Prints a line; at once, so that a program that dies has said what it had. */
void report(const char *name, double value);

/* The number that is argument i, or the default where there is none. */
uint64_t argument(int argc, char **argv, int i, uint64_t otherwise);

/* The code of gates.S and kernels.c, page-aligned, as service_options wants it. */
const void *bench_code(void);
uint64_t bench_code_length(void);

/* Where a function of that code is in an enclave, or in another copy of it. */
uint64_t bench_at(uint64_t copy, const void *function);

/* An enclave with that code, a first data page for SECINFOs, and room for
 * pages that come later, mapped for reading and writing. */
void bench_build(struct service *service, uint64_t room_pages);

/* Puts a SECINFO into the enclave and returns its address. */
uint64_t bench_secinfo(struct service *service, uint64_t flags);

/* EACCEPT of count pages from address, in one entry. Ends the program when one
 * is refused. */
void bench_accept_range(struct service *service, uint64_t secinfo, uint64_t address, uint64_t count);

/* gates.S: entered by OP_JUMP. */
extern const char bench_accept[], bench_touch[], bench_fault[], bench_syscall[],
	bench_call[];

/* gates.S: EENTER inline, with padding near the instruction and without. */
void enter_padded(uint64_t rdi, uint64_t tcs);
void enter_crowded(uint64_t rdi, uint64_t tcs);

/* kernels.c: position independent, no calls, no data but theirs. */
typedef uint64_t kernel(uint64_t rounds, void *data);
kernel kernel_hash, kernel_matrix, kernel_branchy;

#define KERNEL_DATA (96 * PAGE) /* three matrices of 128 by 128 doubles */

#endif
