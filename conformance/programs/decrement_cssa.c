/*
 * EDECCSSA: an exception handler in the enclave becomes the ordinary thread
 * again, without leaving.
 *
 * Hardware: EDECCSSA, where CPUID leaf 0x12 EAX bit 11 says that it is there,
 * decrements CSSA of the running thread and with it the SSA frame that the next
 * AEX uses. With CSSA 0 it is a #GP. Where it is not there, every use is.
 * Source: SDM 3D, EDECCSSA; CPUID.
 */
#include <cpuid.h>

#include "check.h"
#include "service.h"

extern const char faulting_code[], faulting_code_end[];

__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl faulting_code\n"
	"faulting_code:\n"
	"	ud2\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl faulting_code_end\n"
	"faulting_code_end:\n"
	".popsection\n");

int main(void)
{
	struct service_options options = {
		.threads = 2,
		.code = faulting_code,
		.code_length = (uint64_t)(faulting_code_end - faulting_code),
	};
	static struct service service;
	struct call trap, decrement = { .operation = OP_ENCLU, .a = EDECCSSA };
	struct sgx_enclave_run run;
	uint32_t a, b, c, d;
	bool offered;

	__cpuid_count(0x12, 0, a, b, c, d);
	(void)b, (void)c, (void)d;
	offered = a >> 11 & 1;
	service_build(&service, &options);

	service_expect_exception(&service, 1, &decrement, "EDECCSSA with CSSA 0", VECTOR_GP, &run);
	check_equal("function", ERESUME, run.function);

	trap = (struct call){ .operation = OP_JUMP, .a = service.code };
	if (!offered) {
		service_expect_exception(&service, 0, &trap, "UD2", VECTOR_UD, &run);
		service_expect_exception(&service, 0, &decrement, "EDECCSSA", VECTOR_GP, &run);
		return 0;
	}
	/* More often than there are frames: each goes back. */
	for (int round = 0; round < 4 * THREAD_NSSA; round++) {
		service_expect_exception(&service, 0, &trap, "UD2", VECTOR_UD, &run);
		check_equal("CSSA in the handler", 1, service_do(&service, 0, OP_CSSA, 0, 0, 0, 0));
		service_call(&service, 0, &decrement);
		service_abandon(&service, 0);
		check_equal("CSSA after EDECCSSA", 0, service_do(&service, 0, OP_CSSA, 0, 0, 0, 0));
	}
	return 0;
}
