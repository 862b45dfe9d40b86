/*
 * A program single-steps over an enclave: the enclave is one step.
 *
 * Hardware: an opt-out entry saves and clears RFLAGS.TF and EEXIT brings it
 * back, so the first #DB comes at the boundary after EEXIT, never inside. An
 * exit by AEX brings it back as well.
 * Source: SDM 3D, "Single-stepping Enclave Entry with Opt-out Entry" in "Enclave
 * Code Debug and Profiling"; EENTER, "Flags Affected".
 */
#include <signal.h>
#include <ucontext.h>

#include "check.h"
#include "service.h"

#define MOST 64

static uint64_t seen[MOST];
static volatile sig_atomic_t count;

static void on_trap(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	(void)info;
	if (count < MOST)
		seen[count] = (uint64_t)registers[REG_RIP];
	count++;
}

int main(void)
{
	static struct service service;
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct call call = { .operation = OP_FILL };

	service_build(&service, NULL);
	call.a = service.data;
	call.b = 1;
	call.c = 1;
	sigaction(SIGTRAP, &action, NULL);
	enclu_enter_single_step((uint64_t)&call, 0, 0, service_tcs(&service, 0));

	/* Steps: the instruction after EEXIT, NOP, PUSHFQ, ANDQ and the POPFQ that ends it. */
	check("the program was stepped", count > 0);
	check_equal("RIP of the first #DB", (uint64_t)enclu_step_return, seen[0]);
	for (int i = 0; i < count && i < MOST; i++)
		check("no #DB came with a RIP inside the enclave",
		      seen[i] - service.enclave.base >= service.enclave.size);
	check_equal("pages that the enclave did not fill", 0,
		    service_do(&service, 0, OP_VERIFY, service.data, 1, 1, 0));
	return 0;
}
