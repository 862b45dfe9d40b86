/*
 * An exception inside an enclave, handled there: AEX, exit through the vDSO,
 * EENTER of the handler, which moves RIP on, EEXIT, ERESUME.
 *
 *   exception COUNT REPETITIONS
 *
 * Prints "exception" and the nanoseconds of one.
 */
#include "bench.h"
#include "check.h"

int main(int argc, char **argv)
{
	static struct service service;
	uint64_t count = argument(argc, argv, 1, 2000), repetitions = argument(argc, argv, 2, 5);

	bench_build(&service, 0);
	for (uint64_t i = 0; i <= repetitions; i++) {
		/* A read of address 0, which is not mapped; the first repetition warms up. */
		uint64_t times = i == 0 ? count / 10 + 1 : count, seen = 0, began = now();
		struct call faults = {
			.operation = OP_JUMP,
			.a = bench_at(service.code, bench_fault),
			.b = 0,
			.c = times,
		};
		struct sgx_enclave_run run;

		service_try(&service, service_tcs(&service, 0), &faults, EENTER, &run);
		for (; run.function == ERESUME; seen++) {
			check_equal("exception", VECTOR_PF, run.exception_vector);
			service_do(&service, 0, OP_EXCEPTION, 3, 0, 0, 0);
			service_try(&service, service_tcs(&service, 0), &faults, ERESUME, &run);
		}
		check_equal("how the enclave was left", EEXIT, run.function);
		check_equal("exceptions", times, seen);
		if (i != 0)
			report("exception", (double)(now() - began) / (double)times);
	}
	return 0;
}
