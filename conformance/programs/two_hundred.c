/*
 * Two hundred enclaves of one process at once: each is built, entered, and keeps
 * its own memory while all others are there, also where they do not fit into the
 * EPC together.
 * With a number it is that many, and with a second argument they stay until the
 * process is ended (bench/containers).
 *
 * Source: SDM 3D, "Enclave Page Cache Map"; Linux, arch/x86/kernel/cpu/sgx/driver.c,
 * sgx_open: an enclave for each open file, and no limit but the EPC.
 *
 * Run: --epc 32M
 * Run: --epc 4M
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 200, wrong = 0;
	struct service *all = calloc(count, sizeof *all);

	vdso_find();
	for (unsigned i = 0; i < count; i++) {
		service_build(&all[i], &(struct service_options){ .size = 1ul << 20, .heap_length = 2 * PAGE });
		service_do(&all[i], 0, OP_FILL, all[i].heap, i, 2, 0);
	}
	for (unsigned i = 0; i < count; i++)
		wrong += service_do(&all[i], 0, OP_VERIFY, all[i].heap, i, 2, 0) != 0;
	check_equal("enclaves with other contents", 0, wrong);
	if (argc > 2) {
		printf("%u enclaves\n", count);
		fflush(stdout);
		for (;;)
			pause();
	}
	return 0;
}
