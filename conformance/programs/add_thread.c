/*
 * A thread is added to a running enclave: a regular page becomes a TCS.
 *
 * Hardware: EMODT turns a regular page into a TCS page, which loses its
 * permissions and is MODIFIED until the enclave runs EACCEPT on it, with the
 * type and MODIFIED in SECINFO; from then on EENTER takes it. Before that, EENTER
 * on it is a #PF. Enclave code cannot read a TCS.
 * Kernel: MODIFY_TYPES runs EMODT and ETRACK. A TCS cannot become regular again,
 * and its permissions cannot be restricted. Its mapping may be for reading and
 * writing only: one that allows execution as well gives SIGBUS, which the vDSO
 * reports as a #PF.
 * Source: SDM 3D, EMODT, EACCEPT, EENTER; Linux arch/x86/kernel/cpu/sgx/ioctl.c,
 * sgx_enclave_modify_types.
 */
#include <errno.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)

int main(void)
{
	static struct service service;
	struct enclave *enclave = &service.enclave;
	struct call cssa = { .operation = OP_CSSA, .result = 99 };
	struct sgx_enclave_run run;
	uint64_t result, count;

	service_build(&service, NULL);
	enclave_map(enclave, service.room - enclave->base, 4 * THREAD_SIZE, PROT_READ | PROT_WRITE);
	for (uint64_t thread = 0; thread < 4; thread++) {
		uint64_t at = service.room + thread * THREAD_SIZE;
		struct tcs tcs = thread_tcs(at - enclave->base, 0);

		for (uint64_t page = at; page < at + THREAD_SIZE; page += PAGE)
			check_equal("EACCEPT", SGX_SUCCESS,
				    service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
		service_do(&service, 0, OP_COPY, at, (uint64_t)&tcs, sizeof tcs, 0);

		check_equal("EENTER on a regular page", 0,
			    (uint64_t)service_try(&service, at, &cssa, EENTER, &run));
		check_equal("exception", VECTOR_PF, run.exception_vector);
		check_equal("function that faulted", EENTER, run.function);

		check_errno("MODIFY_TYPES to TCS", 0, enclave_modify(enclave, at, PAGE, PT_TCS, &result, &count));
		check_equal("count", PAGE, count);
		check_equal("EENTER on a TCS not yet accepted", 0,
			    (uint64_t)service_try(&service, at, &cssa, EENTER, &run));
		check_equal("exception", VECTOR_PF, run.exception_vector);
		check_equal("EACCEPT of the TCS", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, SECINFO_TCS | SECINFO_MODIFIED, at, 0));

		cssa.result = 99;
		check_equal("EENTER on the new TCS", 0,
			    (uint64_t)service_try(&service, at, &cssa, EENTER, &run));
		check_equal("how it was left", EEXIT, run.function);
		check_equal("CSSA of the new thread", 0, cssa.result);

		check_errno("MODIFY_TYPES of a TCS to TCS", EINVAL,
			    enclave_modify(enclave, at, PAGE, PT_TCS, &result, &count));
		check_errno("RESTRICT_PERMISSIONS of a TCS", EINVAL,
			    enclave_restrict(enclave, at, PAGE, SECINFO_R, &result, &count));

		/* An exception on the new thread: its SSA frames work. */
		struct call read_it = { .operation = OP_READ, .a = at };

		check_equal("a read of a TCS page from inside", 0,
			    (uint64_t)service_try(&service, at, &read_it, EENTER, &run));
		check_equal("exception", VECTOR_PF, run.exception_vector);
		check_equal("function", ERESUME, run.function);
		check_equal("error code", PFEC_SGX | PFEC_U | PFEC_P, run.exception_error_code);
		cssa.result = 99;
		service_try(&service, at, &cssa, EENTER, &run);
		check_equal("CSSA in the new thread's handler", 1, cssa.result);
	}
	return 0;
}
