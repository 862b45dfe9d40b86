/*
 * The same machine code outside and inside an enclave, in turns.
 *
 *   compute REPETITIONS
 *
 * Prints KERNEL-outside and KERNEL-inside for each kernel and repetition, in
 * nanoseconds of the monotonic clock for the same number of rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"

#define ENOUGH 20000000ul /* ns */

static const struct {
	const char *name;
	kernel *function;
} kernels[] = {
	{ "hash", kernel_hash },
	{ "matrix", kernel_matrix },
	{ "branchy", kernel_branchy },
};

static struct service service;

static uint64_t inside(kernel *function, uint64_t rounds)
{
	return service_do(&service, 0, OP_JUMP, bench_at(service.code, bench_call),
			  bench_at(service.code, function), rounds, service.data);
}

static uint64_t outside(kernel *function, uint64_t rounds, void *data)
{
	kernel *copy = (kernel *)bench_at((uint64_t)bench_code(), function);

	return copy(rounds, data);
}

int main(int argc, char **argv)
{
	uint64_t repetitions = argument(argc, argv, 1, 15), *data;
	struct service_options options = {
		.code = bench_code(),
		.code_length = bench_code_length(),
		.data_pages = KERNEL_DATA / PAGE,
	};

	/* Outside, memory of the same kind: a shared file without huge pages. */
	int fd = memfd_create("data", 0);

	if (fd < 0 || ftruncate(fd, KERNEL_DATA) != 0)
		die("memfd");
	data = mmap(NULL, KERNEL_DATA, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		die("map the data");
	/* Doubles between 1 and 2. */
	for (uint64_t i = 0, x = 1; i < KERNEL_DATA / 8; i++) {
		x = x * 6364136223846793005ul + 1442695040888963407ul;
		data[i] = 0x3ff0000000000000ul | x >> 12;
	}
	options.data = data;
	service_build(&service, &options);

	for (unsigned k = 0; k < sizeof kernels / sizeof *kernels; k++) {
		uint64_t rounds = 1, expected, began, took;
		char name[64];

		for (;; rounds *= 2) {
			began = now();
			expected = outside(kernels[k].function, rounds, data);
			if (now() - began >= ENOUGH)
				break;
		}
		check_equal("what the kernel computes inside", expected, inside(kernels[k].function, rounds));
		for (uint64_t i = 0; i < repetitions; i++) {
			began = now();
			outside(kernels[k].function, rounds, data);
			took = now() - began;
			snprintf(name, sizeof name, "%s-outside", kernels[k].name);
			report(name, (double)took);
			began = now();
			inside(kernels[k].function, rounds);
			took = now() - began;
			snprintf(name, sizeof name, "%s-inside", kernels[k].name);
			report(name, (double)took);
		}
	}
	return 0;
}
