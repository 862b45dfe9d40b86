/*
 * A program that has its system calls dispatched to itself enters its enclave, and
 * looks at its memory from outside, while they are: none of that is a system call of
 * the program's. Those it makes are SIGSYS, as before.
 *
 * Source: prctl(2), PR_SET_SYSCALL_USER_DISPATCH; Linux
 * Documentation/admin-guide/syscall-user-dispatch.rst.
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define SET_DISPATCH 59
#define DISPATCH_ON 1
#define USER_DISPATCH 2 /* SYS_USER_DISPATCH */

static volatile char selector; /* 1 blocks */
static volatile int number, code;

/* The return from it is a system call as well. */
static void on_call(int signal, siginfo_t *information, void *context)
{
	(void)signal;
	(void)context;
	selector = 0;
	number = information->si_syscall;
	code = information->si_code;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_call, .sa_flags = SA_SIGINFO };
	struct service service;
	uint64_t inside;

	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 42, 0, 0);
	sigaction(SIGSYS, &action, NULL);
	if (prctl(SET_DISPATCH, DISPATCH_ON, 0, 0, &selector) != 0) {
		printf("skipped: this kernel does not dispatch system calls\n");
		return 0;
	}
	for (int round = 0; round < 3; round++) {
		selector = 1;
		inside = service_do(&service, 0, OP_READ, service.data, 0, 0, 0);
		(void)*(volatile uint64_t *)service.data;
		check("nothing of that was a system call", selector == 1);
		syscall(SYS_getppid);
		check_equal("the selector after a system call", 0, (uint64_t)selector);
		check_equal("the call that was dispatched", SYS_getppid, (uint64_t)number);
		check_equal("si_code", USER_DISPATCH, (uint64_t)code);
		check_equal("the enclave's memory", 42, inside);
	}
	check_equal("prctl at the end", 0, (uint64_t)prctl(SET_DISPATCH, 0, 0, 0, 0));
	return 0;
}
