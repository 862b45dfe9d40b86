/*
 * A thread inside an enclave jumps to code outside of it.
 *
 * Run: --isolation=strict
 *
 * Hardware: fetching an instruction outside ELRANGE while in enclave mode is a
 * #GP(0); nothing of the code there runs.
 * Source: SDM 3D, "Access-control Requirements" (code fetches from inside an
 * enclave to an address outside it).
 */
#include "check.h"
#include "service.h"

static volatile int reached;

static void outside(void)
{
	reached = 1;
}

int main(void)
{
	static struct service service;
	struct call call = { .operation = OP_JUMP, .a = (uint64_t)outside };
	struct sgx_enclave_run run;

	service_build(&service, NULL);
	service_expect_exception(&service, 0, &call, "a jump out of the enclave", VECTOR_GP, &run);
	check_equal("function after the exception", ERESUME, run.function);
	check_equal("error code", 0, run.exception_error_code);
	check_equal("code outside that ran", 0, (uint64_t)reached);
	return 0;
}
