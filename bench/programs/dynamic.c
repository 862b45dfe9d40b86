/*
 * The life of dynamic pages, a range at a time: EAUG by EACCEPT first; EMODPR
 * and EACCEPT; EMODT to TRIM, EACCEPT, REMOVE.
 *
 *   dynamic PAGES REPETITIONS [augment]
 *
 * Prints "augment", "restrict" and "remove" and the nanoseconds for each page,
 * or the first of these alone.
 */
#include <errno.h>

#include "bench.h"
#include "check.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)

static struct service service;

/* The kernel may stop in the middle and say how far it came: go on from there. */
static void whole_range(int (*step)(uint64_t address, uint64_t length, uint64_t *count), const char *what,
			uint64_t address, uint64_t length)
{
	while (length != 0) {
		uint64_t count = 0;
		int status = step(address, length, &count);

		if (status != 0 && errno != EINTR && errno != EAGAIN)
			check_errno(what, 0, status);
		address += count;
		length -= count;
	}
}

static int restrict_step(uint64_t address, uint64_t length, uint64_t *count)
{
	return enclave_restrict(&service.enclave, address, length, SECINFO_R, NULL, count);
}

static int trim_step(uint64_t address, uint64_t length, uint64_t *count)
{
	return enclave_modify(&service.enclave, address, length, PT_TRIM, NULL, count);
}

static int remove_step(uint64_t address, uint64_t length, uint64_t *count)
{
	return enclave_remove(&service.enclave, address, length, count);
}

int main(int argc, char **argv)
{
	uint64_t pages = argument(argc, argv, 1, 1024), repetitions = argument(argc, argv, 2, 1);

	bench_build(&service, pages);
	for (uint64_t i = 0; i < repetitions; i++) {
		uint64_t secinfo = bench_secinfo(&service, RW | SECINFO_PENDING), began = now();

		bench_accept_range(&service, secinfo, service.room, pages);
		report("augment", (double)(now() - began) / (double)pages);
		if (argc > 3)
			return 0;

		secinfo = bench_secinfo(&service, SECINFO_REG | SECINFO_R | SECINFO_PR);
		began = now();
		whole_range(restrict_step, "RESTRICT_PERMISSIONS", service.room, pages * PAGE);
		bench_accept_range(&service, secinfo, service.room, pages);
		report("restrict", (double)(now() - began) / (double)pages);

		secinfo = bench_secinfo(&service, SECINFO_TRIM | SECINFO_MODIFIED);
		began = now();
		whole_range(trim_step, "MODIFY_TYPES", service.room, pages * PAGE);
		bench_accept_range(&service, secinfo, service.room, pages);
		whole_range(remove_step, "REMOVE_PAGES", service.room, pages * PAGE);
		report("remove", (double)(now() - began) / (double)pages);
	}
	return 0;
}
