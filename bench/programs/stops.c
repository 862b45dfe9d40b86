/*
 * What one stop of a traced process costs a tracer that does next to nothing:
 * the floor under everything here that stops. No enclave, no Cloister.
 *
 *   stops STOPS
 *
 * Prints, for each kind of stop, the nanoseconds on one core and on two; the
 * second number is missing where there is one core only.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"

enum kind { SYSTEM_CALL, PAGE_FAULT, GENERAL_PROTECTION, BREAKPOINT, INVALID_OPCODE, KINDS };

static const char *const names[KINDS] = { "syscall", "page-fault", "general-protection", "int3", "invalid-opcode" };

/* How far RIP moves on: the length of the instruction, where it stands at it. */
static const uint64_t lengths[KINDS] = { [PAGE_FAULT] = 2, [GENERAL_PROTECTION] = 1, [INVALID_OPCODE] = 2 };

static void stay_on(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof set, &set) != 0)
		die("sched_setaffinity");
}

static void stop_for_ever(enum kind kind)
{
	for (;;) {
		switch (kind) {
		case PAGE_FAULT:
			__asm__ volatile("movb (%0), %%al" ::"d"(0ul) : "rax"); /* two bytes */
			break;
		case GENERAL_PROTECTION:
			__asm__ volatile("hlt");
			break;
		case BREAKPOINT:
			__asm__ volatile("int3");
			break;
		case INVALID_OPCODE:
			__asm__ volatile("ud2");
			break;
		default:
			getppid();
			break;
		}
	}
}

static double measure(enum kind kind, int core, uint64_t stops)
{
	struct user_regs_struct registers;
	uint64_t began = 0;
	siginfo_t info;
	int status;
	pid_t child = fork();

	if (child == 0) {
		stay_on(core);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		stop_for_ever(kind);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("start a process");
	for (uint64_t i = 0; i < stops + stops / 10; i++) {
		if (i == stops / 10)
			began = now();
		ptrace(kind == SYSTEM_CALL ? PTRACE_SYSCALL : PTRACE_CONT, child, NULL, NULL);
		if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			die("wait for a stop");
		ptrace(PTRACE_GETREGS, child, NULL, &registers);
		if (kind != SYSTEM_CALL)
			ptrace(PTRACE_GETSIGINFO, child, NULL, &info);
		registers.rip += lengths[kind];
		ptrace(PTRACE_SETREGS, child, NULL, &registers);
	}
	began = now() - began;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return (double)began / (double)stops;
}

int main(int argc, char **argv)
{
	uint64_t stops = argument(argc, argv, 1, 5000);
	bool has_two = sysconf(_SC_NPROCESSORS_ONLN) > 1;

	stay_on(0);
	for (enum kind kind = 0; kind < KINDS; kind++) {
		printf("%s %.0f", names[kind], measure(kind, 0, stops));
		printf(has_two ? " %.0f\n" : "\n", has_two ? measure(kind, 1, stops) : 0.0);
	}
	return 0;
}
