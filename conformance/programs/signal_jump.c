/*
 * A handler on an alternate stack interrupts a thread inside and jumps away
 * from it.
 *
 * Hardware: the AEX has saved the thread in its SSA frame; nothing obliges the
 * program to ERESUME. The thread can be entered again, with CSSA 1, and its
 * first work be resumed later and from elsewhere: EEXIT then leaves to where
 * that EENTER asked for.
 * Kernel: the handler's frame is on the alternate stack, the interrupted RSP is
 * the one at EENTER.
 * Source: SDM 3D, EENTER, ERESUME; sigaltstack(2).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <ucontext.h>

#include "check.h"
#include "service.h"

static struct service service;
static volatile uint64_t stop;
static sigjmp_buf back;
static char *stack;

static void on_alarm(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
	char here;

	(void)signal;
	(void)info;
	check("the handler runs on the alternate stack", &here > stack && &here < stack + 65536);
	if (registers[REG_RAX] != ERESUME || (uint64_t)registers[REG_RIP] - vdso_base >= vdso_length)
		return;
	check("the interrupted RSP is on the ordinary stack",
	      registers[REG_RSP] > (greg_t)stack + 65536 || registers[REG_RSP] < (greg_t)stack);
	siglongjmp(back, 1);
}

int main(void)
{
	struct itimerval timer = { { 0, 5000 }, { 0, 5000 } }, none = { 0 };
	struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static struct call spin = { .operation = OP_SPIN, .a = (uint64_t)&stop };
	stack_t alternate;

	stack = malloc(65536);
	alternate = (stack_t){ .ss_sp = stack, .ss_size = 65536 };
	service_build(&service, NULL);
	if (sigaltstack(&alternate, NULL) != 0 || sigaction(SIGALRM, &action, NULL) != 0)
		die("set up the handler");
	for (int round = 0; round < 10; round++) {
		stop = 0;
		spin.result = 0;
		if (sigsetjmp(back, 1) == 0) {
			setitimer(ITIMER_REAL, &timer, NULL);
			service_call(&service, 0, &spin);
			check("the thread left before it was told to", false);
		}
		setitimer(ITIMER_REAL, &none, NULL);
		check_equal("CSSA of the thread left behind", 1, service_do(&service, 0, OP_CSSA, 0, 0, 0, 0));
		check_equal("what it has said so far", 0, spin.result);
		stop = 1;
		service_resume(&service, 0);
		check("it went on when it was resumed", spin.result > 0);
		check_equal("CSSA afterwards", 0, service_do(&service, 0, OP_CSSA, 0, 0, 0, 0));
	}
	return 0;
}
