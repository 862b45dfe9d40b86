/*
 * Signals to a whole process group, and how a run ends.
 *
 * Kernel: ctrl-C sends SIGINT to every process of the foreground group; one with
 * a thread inside an enclave dies of it as any other, or handles it: the thread
 * leaves the enclave (AEX), the handler runs, ERESUME goes on. The exit status
 * says how a program ended.
 * Source: termios(3), signal(7); SDM 3D, "Enclave Exiting Events".
 *
 * signals_group.run sends the signals and looks at the exit statuses.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;
static volatile uint64_t stop;

static void on_interrupt(int signal)
{
	(void)signal;
	stop = 1;
}

static void spin(unsigned thread)
{
	service_do(&service, thread, OP_SPIN, (uint64_t)&stop, 0, 0, 0);
}

int main(int argc, char **argv)
{
	struct service_options options = { .threads = 2 };
	const char *what = argc == 2 ? argv[1] : "";
	int status = 0;
	pid_t child;

	service_build(&service, &options);
	if (strcmp(what, "exit") == 0)
		return 42;
	if (strcmp(what, "crash") == 0) {
		signal(SIGSEGV, SIG_DFL);
		/* Not by the vDSO: a plain signal, of which the program dies. */
		struct call call = { .operation = OP_READ, .a = 16 };

		enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, 0));
	}
	if (strcmp(what, "handle") == 0)
		signal(SIGINT, on_interrupt);
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		spin(1);
		_exit(6);
	}
	printf("ready %d %d\n", getpid(), child);
	fflush(stdout);
	spin(0);
	waitpid(child, &status, 0);
	check_equal("the child's wait status", 6 << 8, (uint64_t)status);
	return 5;
}
