/*
 * An exception handler inside the enclave raises an exception itself.
 *
 * Hardware: each AEX takes the SSA frame that CSSA names and increments CSSA;
 * EENTER while frames are in use enters with that CSSA in RAX; ERESUME goes
 * back to the newest frame and decrements. When CSSA has reached NSSA there is
 * no frame left to exit to, and EENTER is a #GP.
 * Source: SDM 3D, EENTER, ERESUME; "Enclave Exiting Events", AEX flow.
 */
#include "check.h"
#include "service.h"

extern const char trapping_code[], trapping_code_end[];

/* UD2; what it returns tells that it was passed. */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl trapping_code\n"
	"trapping_code:\n"
	"	ud2\n"
	"	lea	1(%rsi), %rax\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl trapping_code_end\n"
	"trapping_code_end:\n"
	".popsection\n");

/* Takes every frame of the thread: it cannot be used any more after this. */
static void exhaust(struct service *service)
{
	struct call call = { .operation = OP_JUMP, .a = service->code };
	struct call nothing = { 0 };
	struct sgx_enclave_run run;

	for (uint64_t frame = 0; frame < THREAD_NSSA; frame++) {
		check_equal("CSSA at entry", frame, service_do(service, 0, OP_CSSA, 0, 0, 0, 0));
		service_expect_exception(service, 0, &call, "UD2", VECTOR_UD, &run);
		check_equal("function after an exception inside", ERESUME, run.function);
	}
	service_expect_exception(service, 0, &nothing, "EENTER with CSSA = NSSA", VECTOR_GP, &run);
	check_equal("function that faulted", EENTER, run.function);

	/* ERESUME still works, and runs into the same instruction. */
	check_equal("ERESUME", 0,
		    (uint64_t)service_try(service, service_tcs(service, 0), NULL, ERESUME, &run));
	check_equal("exception after ERESUME", VECTOR_UD, run.exception_vector);
	check_equal("function after it", ERESUME, run.function);
}

int main(void)
{
	struct service_options options = {
		.code = trapping_code,
		.code_length = (uint64_t)(trapping_code_end - trapping_code),
	};
	static struct service service;
	struct sgx_enclave_run run;

	service_build(&service, &options);
	exhaust(&service);
	enclave_destroy(&service.enclave);

	/* Two levels, both repaired. */
	service_build(&service, &options);
	for (int round = 0; round < 3; round++) {
		struct call outer = { .operation = OP_JUMP, .a = service.code, .b = 100 };
		struct call inner = { .operation = OP_JUMP, .a = service.code, .b = 200 };
		struct call skip = { .operation = OP_EXCEPTION, .a = 2 };

		service_expect_exception(&service, 0, &outer, "UD2 with CSSA 0", VECTOR_UD, &run);
		service_expect_exception(&service, 0, &inner, "UD2 with CSSA 1", VECTOR_UD, &run);
		check_equal("RIP of the newest frame", service.code, service_call(&service, 0, &skip));
		service_resume(&service, 0);
		check_equal("what the handler returned", 201, inner.result);
		check_equal("what the main code returned so far", 0, outer.result);
		check_equal("RIP of the oldest frame", service.code, service_call(&service, 0, &skip));
		service_resume(&service, 0);
		check_equal("what the main code returned", 101, outer.result);
		check_equal("CSSA when all is done", 0, service_do(&service, 0, OP_CSSA, 0, 0, 0, 0));
	}
	return 0;
}
