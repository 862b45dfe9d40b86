/*
 * An enclave entered by ENCLU written into the program, with an AEP of the
 * program's own and no use of the vDSO.
 *
 * Hardware: EENTER passes RDI, RSI and RDX on, gives CSSA in RAX and the
 * address after EENTER in RCX; EEXIT jumps to RBX. An interrupt inside leads
 * to an AEX: the signal frame shows RIP at the AEP, RAX = 3 (ERESUME), RBX =
 * TCS, RCX = AEP, RSP and RBP as at EENTER, every other register scrubbed, and
 * returning from the handler runs ERESUME, which goes on where it was.
 * Source: SDM 3D, ENCLU leaves EENTER, EEXIT, ERESUME; "Enclave Exiting
 * Events", synthetic state on AEX.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include "check.h"
#include "service.h"

#define WANTED 5

static volatile uint64_t stop;
static volatile sig_atomic_t inside;
static struct service service;

static void on_alarm(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	(void)info;
	if (registers[REG_RIP] != (greg_t)enclu_aep)
		return;
	check_equal("RAX at the AEP", ERESUME, (uint64_t)registers[REG_RAX]);
	check_equal("RBX at the AEP", service_tcs(&service, 0), (uint64_t)registers[REG_RBX]);
	check_equal("RCX at the AEP", (uint64_t)enclu_aep, (uint64_t)registers[REG_RCX]);
	check_equal("RDX at the AEP", 0, (uint64_t)registers[REG_RDX]);
	check_equal("RSI at the AEP", 0, (uint64_t)registers[REG_RSI]);
	check_equal("RDI at the AEP", 0, (uint64_t)registers[REG_RDI]);
	for (int i = REG_R8; i <= REG_R15; i++)
		check_equal("R8 to R15 at the AEP", 0, (uint64_t)registers[i]);
	/* CF, PF, AF, ZF, SF, OF */
	check_equal("status flags at the AEP", 0, (uint64_t)registers[REG_EFL] & 0x8d5);
	if (++inside == WANTED)
		stop = 1;
}

int main(void)
{
	struct itimerval timer = { { 0, 10000 }, { 0, 10000 } };
	struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO };
	struct call call = { .operation = OP_CSSA, .result = 99 };
	struct call spin = { .operation = OP_SPIN, .a = (uint64_t)&stop };

	service_add(&service, NULL);
	enclave_init(&service.enclave);
	service_map(&service);

	enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, 0));
	check_equal("CSSA at entry", 0, call.result);

	if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &timer, NULL) != 0)
		die("set a timer");
	enclu_enter((uint64_t)&spin, 0, 0, service_tcs(&service, 0));
	check("signals arrived while the thread was inside", inside >= WANTED);
	check("the enclave went on counting after each", spin.result > WANTED);

	/* The thread is free again: CSSA is back to 0. */
	enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, 0));
	check_equal("CSSA afterwards", 0, call.result);
	return 0;
}
