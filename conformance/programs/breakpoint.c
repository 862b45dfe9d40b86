/*
 * INT3 inside an enclave.
 *
 * Hardware: inside an enclave INT3 is a fault: the RIP in the SSA frame is that
 * of the INT3. After an opt-out entry (TCS.FLAGS.DBGOPTIN = 0) it delivers #UD.
 * After an opt-in entry it delivers #BP: EXITINFO says vector 3, software
 * exception. EADD clears DBGOPTIN; a debugger sets it in the TCS of a debug
 * enclave with EDBGWR.
 * Kernel: EDBGRD and EDBGWR are reached through the memory of the process
 * (/proc/PID/mem, ptrace), for debug enclaves only. #BP is never fixed up by the
 * vDSO: it is a SIGTRAP, with RIP at the AEP inside the vDSO.
 * Source: SDM 3D, "INT3 Consideration" and "Tool-chain Opt-in" in "Enclave Code
 * Debug and Profiling"; Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_access;
 * arch/x86/include/uapi/asm/sgx.h, vdso_sgx_enter_enclave_t.
 */
#include <fcntl.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

extern const char breaking_code[], breaking_code_end[];

__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl breaking_code\n"
	"breaking_code:\n"
	"	int3\n"
	"	lea	1(%rsi), %rax\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl breaking_code_end\n"
	"breaking_code_end:\n"
	".popsection\n");

static struct service service;
static volatile sig_atomic_t traps;
static uint64_t trap_rip, trap_rax, trap_rbx;
static struct call skip = { .operation = OP_EXCEPTION, .a = 1 };

static void on_trap(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	(void)info;
	traps++;
	trap_rip = (uint64_t)registers[REG_RIP];
	trap_rax = (uint64_t)registers[REG_RAX];
	trap_rbx = (uint64_t)registers[REG_RBX];
	/* Step over the INT3, from inside, as a debugger would. */
	service_call(&service, 0, &skip);
}

int main(void)
{
	struct service_options options = {
		.enclave = { .attributes = ATTRIBUTE_DEBUG },
		.code = breaking_code,
		.code_length = (uint64_t)(breaking_code_end - breaking_code),
	};
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct sgx_enclave_run run;
	uint64_t flags = TCS_DBGOPTIN;
	int memory;

	service_build(&service, &options);
	sigaction(SIGTRAP, &action, NULL);

	/* Opt-out. */
	struct call call = { .operation = OP_JUMP, .a = service.code, .b = 100 };

	service_expect_exception(&service, 0, &call, "INT3 after an opt-out entry", VECTOR_UD, &run);
	check_equal("RIP in the SSA frame", service.code, service_call(&service, 0, &skip));
	check_equal("EXITINFO", EXITINFO_VALID | EXITINFO_HARDWARE | VECTOR_UD, skip.b);
	service_resume(&service, 0);
	check_equal("what the code behind INT3 returned", 101, call.result);
	check_equal("SIGTRAPs after an opt-out entry", 0, (uint64_t)traps);

	/* Opt-in, by the debugger's way. */
	memory = open("/proc/self/mem", O_RDWR);
	if (memory < 0)
		die("open /proc/self/mem");
	check_equal("bytes written to TCS.FLAGS through /proc/self/mem", sizeof flags,
		    (uint64_t)pwrite(memory, &flags, sizeof flags,
				     (off_t)(service_tcs(&service, 0) + offsetof(struct tcs, flags))));
	call.b = 200;
	check_equal("what the code behind INT3 returned", 201, service_call(&service, 0, &call));
	check_equal("SIGTRAPs after an opt-in entry", 1, (uint64_t)traps);
	check("RIP of the SIGTRAP is in the vDSO", trap_rip - vdso_base < vdso_length);
	check_equal("RAX of the SIGTRAP", ERESUME, trap_rax);
	check_equal("RBX of the SIGTRAP", service_tcs(&service, 0), trap_rbx);
	check_equal("RIP in the SSA frame", service.code, skip.result);
	check_equal("EXITINFO", EXITINFO_VALID | EXITINFO_SOFTWARE | VECTOR_BP, skip.b);
	return 0;
}
