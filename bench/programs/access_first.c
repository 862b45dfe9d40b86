/*
 * EAUG by access first: a write to a page that is not there adds it and faults
 * again because it is pending; the handler in the enclave accepts it, and the
 * write goes on by ERESUME.
 *
 *   access_first PAGES REPETITIONS
 *
 * Prints "access-first" and the nanoseconds for each page.
 */
#include "bench.h"
#include "check.h"

int main(int argc, char **argv)
{
	static struct service service;
	uint64_t pages = argument(argc, argv, 1, 1024), repetitions = argument(argc, argv, 2, 1), secinfo;

	bench_build(&service, pages * repetitions);
	secinfo = bench_secinfo(&service, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING);
	for (uint64_t i = 0; i < repetitions; i++) {
		uint64_t start = service.room + i * pages * PAGE, began = now(), seen = 0;
		struct call touch = {
			.operation = OP_JUMP,
			.a = bench_at(service.code, bench_touch),
			.b = start,
			.c = pages,
		};
		struct sgx_enclave_run run;

		service_try(&service, service_tcs(&service, 0), &touch, EENTER, &run);
		for (; run.function == ERESUME; seen++) {
			check_equal("exception", VECTOR_PF, run.exception_vector);
			check_equal("address", start + seen * PAGE, run.exception_addr & ~(PAGE - 1));
			check_equal("EACCEPT", SGX_SUCCESS,
				    service_do(&service, 0, OP_ENCLU, EACCEPT, secinfo, start + seen * PAGE, 0));
			service_try(&service, service_tcs(&service, 0), &touch, ERESUME, &run);
		}
		check_equal("how the enclave was left", EEXIT, run.function);
		check_equal("pages accepted", pages, seen);
		report("access-first", (double)(now() - began) / (double)pages);
	}
	return 0;
}
