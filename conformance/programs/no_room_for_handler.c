/*
 * A signal whose handler finds no room on its alternate stack is the kernel's
 * SIGSEGV, also where it comes to a thread inside: that has left by then, and
 * goes on when the handler of the SIGSEGV, which is on the ordinary stack, is
 * over.
 * Source: sigaltstack(2); Linux kernel/signal.c, signal_setup_done and
 * force_sigsegv; SDM 3D, ERESUME.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define LENGTH 65536
#define ROUNDS 10

static struct service service;
static volatile uint64_t stop;
static volatile int inside, handled;

static void on_alarm(int signal)
{
	(void)signal;
	handled++;
}

static void on_fault(int signal, siginfo_t *information, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	check_equal("si_code", SI_KERNEL, (uint64_t)information->si_code);
	if (registers[REG_RAX] != ERESUME || (uint64_t)registers[REG_RIP] - vdso_base >= vdso_length)
		return; /* it came to the host; the next one */
	inside++;
	stop = 1;
}

int main(void)
{
	struct sigaction alarm_action = { .sa_handler = on_alarm, .sa_flags = SA_ONSTACK };
	struct sigaction fault_action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct itimerval timer = { { 0, 20000 }, { 0, 20000 } }, none = { 0 };
	static struct call spin = { .operation = OP_SPIN, .a = (uint64_t)&stop };
	stack_t alternate = { .ss_size = LENGTH };

	sigaddset(&fault_action.sa_mask, SIGALRM); /* or the next one would find SIGSEGV blocked, and end the program */
	alternate.ss_sp = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	service_build(&service, NULL);
	if (sigaltstack(&alternate, NULL) != 0 || sigaction(SIGALRM, &alarm_action, NULL) != 0 || sigaction(SIGSEGV, &fault_action, NULL) != 0)
		die("set up the handlers");
	mprotect(alternate.ss_sp, LENGTH, PROT_NONE);
	for (int round = 0; round < ROUNDS; round++) {
		int before = inside;

		stop = 0;
		spin.result = 0;
		setitimer(ITIMER_REAL, &timer, NULL);
		service_call(&service, 0, &spin);
		setitimer(ITIMER_REAL, &none, NULL);
		check("a SIGSEGV inside", inside > before);
		check("the thread went on", spin.result > 0);
	}
	check_equal("handlers that ran without a stack", 0, (uint64_t)handled);
	mprotect(alternate.ss_sp, LENGTH, PROT_READ | PROT_WRITE);
	stop = 1;
	raise(SIGALRM);
	check_equal("handlers that have one", 1, (uint64_t)handled);
	return 0;
}
