/*
 * A pending x87 exception is #MF at the next instruction that waits for it, be
 * that WAIT, an x87 or an MMX instruction; SSE's are #XM.
 *
 * Hardware: EXITINFO has vector 16 or 19, and RIP is the instruction that found
 * the exception.
 * Kernel: both are SIGFPE; the vDSO reports the vector.
 * Source: SDM 1, "x87 FPU Exception Synchronization"; SDM 3A, "Interrupt 16";
 * SDM 3D, EXITINFO; Linux arch/x86/kernel/traps.c, math_error.
 */
#include <string.h>

#include "check.h"
#include "service.h"

#define FINDERS 7

extern const char x87_start[], x87_end[], x87_slots[], xm_slot[], xm_found[];

/* Each slot divides 1 by 0 with the exception unmasked, then lets a different instruction find it. */
__asm__(".pushsection .rodata\n"
	".balign 4096\n"
	"x87_start:\n"
	".macro finder instruction:vararg\n"
	".balign 64\n"
	"movw $0x0372, (%rsi)\n"
	"fninit\n"
	"fldcw (%rsi)\n"
	"fldz\n"
	"fld1\n"
	"fdiv %st(1), %st\n"
	".balign 32, 0x90\n"
	"\\instruction\n"
	"fninit\n"
	"mov $72, %eax\n"
	"jmp *%r11\n"
	".endm\n"
	"x87_slots:\n"
	"finder fwait\n"
	"finder fld1\n"
	"finder emms\n"
	"finder movd %eax, %mm0\n"
	"finder paddb %mm1, %mm2\n"
	"finder cvtpi2ps %mm0, %xmm0\n"
	"finder pshufw $0, %mm0, %mm1\n"
	".balign 64\n"
	"xm_slot:\n"
	"movl $0x1d80, (%rsi)\n"
	"ldmxcsr (%rsi)\n"
	"xorps %xmm0, %xmm0\n"
	"mov $1, %eax\n"
	"cvtsi2ss %eax, %xmm1\n"
	"xm_found: divss %xmm0, %xmm1\n"
	"movl $0x1f80, (%rsi)\n"
	"ldmxcsr (%rsi)\n"
	"mov $72, %eax\n"
	"jmp *%r11\n"
	".balign 4096, 0x90\n"
	"x87_end:\n"
	".popsection\n");

static struct service service;

static void one(const char *name, const char *slot, uint64_t found, unsigned vector, unsigned length)
{
	uint64_t base = service.code - (uint64_t)x87_start, scratch = 0;
	struct call call = { .operation = OP_JUMP, .a = base + (uint64_t)slot, .b = (uint64_t)&scratch };
	struct call skip = { .operation = OP_EXCEPTION, .a = length };
	struct sgx_enclave_run run;

	service_expect_exception(&service, 0, &call, name, vector, &run);
	check_equal("error code", 0, run.exception_error_code);
	check_equal("RIP in the SSA frame", base + found, service_call(&service, 0, &skip));
	check_equal("EXITINFO", EXITINFO_VALID | EXITINFO_HARDWARE | vector, skip.b);
	service_resume(&service, 0);
	check_equal("what the code behind it returned", 72, call.result);
}

int main(void)
{
	static const char *const names[FINDERS] = { "FWAIT", "FLD1", "EMMS", "MOVD MM", "PADDB", "CVTPI2PS", "PSHUFW" };
	static const unsigned lengths[FINDERS] = { 1, 2, 2, 3, 3, 3, 4 };
	struct service_options options = { .code = x87_start, .code_length = (uint64_t)(x87_end - x87_start) };

	service_build(&service, &options);
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < FINDERS; i++)
			one(names[i], x87_slots + i * 64, (uint64_t)x87_slots + i * 64 + 32, 16, lengths[i]);
		one("DIVSS", xm_slot, (uint64_t)xm_found, 19, 4);
	}
	return 0;
}
