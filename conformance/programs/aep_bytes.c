/*
 * A signal handler finds an ENCLU where its thread was interrupted, by the vDSO
 * and inline, and may step over it: the thread is then outside and its enclave
 * stays interrupted.
 *
 * Hardware and kernel: the AEP is the address that EENTER was given; the bytes
 * there are the program's, 0f 01 d7 in the vDSO, whose function returns with
 * EEXIT when the handler adds 3 to RIP. RAX is ERESUME, RBX the TCS, and RCX
 * the AEP.
 * Source: Linux arch/x86/entry/vdso/vsgx.S; SDM 3D, "Processor State on AEX";
 * Fortanix's enclave-runner ends threads so.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define ROUNDS 4
#define INLINE_BACK 3 /* rounds in which the thread goes on by ERESUME */

static struct service service;
static pthread_t target;
static volatile sig_atomic_t seen, step_over;
static volatile uint64_t expected_tcs;

static bool inside(uint64_t rip)
{
	return (rip >= vdso_base && rip < vdso_base + vdso_length) || rip == (uint64_t)enclu_aep || rip == (uint64_t)enclu_eenter;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	uint64_t rip = (uint64_t)registers[REG_RIP];

	(void)signal;
	(void)info;
	if (seen || !inside(rip) || registers[REG_RAX] != ERESUME)
		return;
	check_bytes("the instruction at RIP", "\x0f\x01\xd7", (const void *)rip, 3);
	check_equal("RBX", expected_tcs, (uint64_t)registers[REG_RBX]);
	check_equal("RCX", rip, (uint64_t)registers[REG_RCX]);
	seen = 1;
	if (step_over) {
		registers[REG_RIP] += 3;
		registers[REG_RDI] = registers[REG_RSI] = registers[REG_RDX] = 0;
	}
}

static void *killer(void *stop)
{
	while (!seen) {
		usleep(2000);
		pthread_kill(target, SIGUSR1);
	}
	*(volatile uint64_t *)stop = 1; /* in memory of the host: the enclave's loop ends */
	return NULL;
}

static void one(unsigned thread, bool vdso, bool over)
{
	uint64_t stop = 0;
	struct call spin = { .operation = OP_SPIN, .a = (uint64_t)&stop }, cssa = { .operation = OP_CSSA };
	struct sgx_enclave_run run;
	pthread_t other;

	seen = 0;
	step_over = over;
	expected_tcs = service_tcs(&service, thread);
	if (pthread_create(&other, NULL, killer, &stop) != 0)
		die("pthread_create");
	if (vdso) {
		check_equal("what the vDSO's function returns", 0, (uint64_t)service_try(&service, service_tcs(&service, thread), &spin, EENTER, &run));
		check_equal("run.function", EEXIT, run.function);
	} else {
		enclu_enter((uint64_t)&spin, 0, 0, service_tcs(&service, thread));
	}
	pthread_join(other, NULL);
	check_equal("signals seen", 1, (uint64_t)seen);
	check_equal("CSSA afterwards", over, (service_call(&service, thread, &cssa), cssa.result));
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	service_build(&service, &(struct service_options){ .threads = ROUNDS + 1 });
	sigaction(SIGUSR1, &action, NULL);
	target = pthread_self();
	for (unsigned i = 0; i < INLINE_BACK; i++) {
		one(ROUNDS, true, false);
		one(ROUNDS, false, false);
	}
	for (unsigned i = 0; i < ROUNDS; i++)
		one(i, true, true);
	return 0;
}
