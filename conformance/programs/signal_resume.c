/*
 * A SIGSEGV handler that repairs what the enclave tripped over and returns.
 *
 * Hardware and kernel: an access that the page tables forbid, made inside an
 * enclave without the vDSO, ends in an AEX and a plain SIGSEGV: SEGV_ACCERR,
 * the address with its lower 12 bits cleared (the processor hides them), RIP at
 * the AEP. Returning from the handler runs ERESUME and the access is tried
 * again.
 * Source: SDM 3D, "Enclave Exiting Events", synthetic state for MISC features
 * (CR2); Linux arch/x86/mm/fault.c.
 */
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "check.h"
#include "service.h"

static struct service service;
static volatile sig_atomic_t faults;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;

	check_equal("signal", SIGSEGV, (uint64_t)signal);
	check_equal("si_code", SEGV_ACCERR, (uint64_t)info->si_code);
	check_equal("si_addr", service.data, (uint64_t)info->si_addr);
	check_equal("RIP", (uint64_t)enclu_aep, (uint64_t)registers[REG_RIP]);
	check_equal("RAX", ERESUME, (uint64_t)registers[REG_RAX]);
	check_equal("trap number", VECTOR_PF, (uint64_t)registers[REG_TRAPNO]);
	faults++;
	if (mprotect((void *)service.data, PAGE, PROT_READ | PROT_WRITE) != 0)
		die("mprotect in the handler");
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct call write_it = { .operation = OP_WRITE, .b = 0x1122334455667788 };
	struct call read_it = { .operation = OP_READ };

	service_build(&service, NULL);
	write_it.a = read_it.a = service.data + 0x128;
	sigaction(SIGSEGV, &action, NULL);

	for (int round = 1; round <= 3; round++) {
		int protection = round == 2 ? PROT_NONE : PROT_READ;

		write_it.b += (uint64_t)round;
		if (mprotect((void *)service.data, PAGE, protection) != 0)
			die("mprotect");
		enclu_enter((uint64_t)&write_it, 0, 0, service_tcs(&service, 0));
		check_equal("faults", (uint64_t)round, (uint64_t)faults);
		enclu_enter((uint64_t)&read_it, 0, 0, service_tcs(&service, 0));
		check_equal("what was written", write_it.b, read_it.result);
	}
	return 0;
}
