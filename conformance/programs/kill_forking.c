/*
 * A process that makes processes and threads all the time is killed at any
 * moment.
 *
 * Kernel: it ends at once, wherever it is; a child that it has just made lives
 * on, with what the parent had mapped, and belongs to the next subreaper.
 * Source: Linux kernel/fork.c, kernel_clone, where the child is woken before its
 * parent goes on; kernel/exit.c, find_new_reaper; prctl(2), PR_SET_CHILD_SUBREAPER.
 *
 * kill_forking.run looks at the statistics afterwards.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define ROUNDS 60
#define LONGEST_US 4000
#define LIMIT_MS 10000
#define STATUS 7

extern char **environ;
static struct service service;

static void *nothing(void *argument) { return argument; }

/* What was copied with the parent is there: the enclave can be entered, when no other child is just there. */
static void child(void)
{
	for (;;) {
		struct call call = { .operation = OP_READ, .a = service.data };
		struct sgx_enclave_run run;

		service_try(&service, service_tcs(&service, 0), &call, EENTER, &run);
		if (run.function == EEXIT)
			_exit(call.result == 42 ? STATUS : 1);
		if (run.exception_vector != VECTOR_GP || run.function != EENTER)
			_exit(2);
		sched_yield();
	}
}

static void *fork_on(void *argument)
{
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			child();
		waitpid(pid, NULL, 0);
	}
	return argument;
}

static void work(int kind)
{
	char *arguments[] = { "true", NULL };
	pthread_t thread;
	pid_t pid;

	if (kind == 4) /* by a thread that is not the first */
		pthread_create(&thread, NULL, fork_on, NULL);
	for (;;) {
		switch (kind) {
		case 0:
			if ((pid = fork()) == 0)
				child();
			waitpid(pid, NULL, 0);
			break;
		case 1:
			if ((pid = vfork()) == 0)
				_exit(STATUS);
			waitpid(pid, NULL, 0);
			break;
		case 2:
			if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ) == 0)
				waitpid(pid, NULL, 0);
			break;
		case 3:
			if (pthread_create(&thread, NULL, nothing, NULL) == 0)
				pthread_join(thread, NULL);
			break;
		default:
			pause();
		}
	}
}

static bool is_good(int status) { return WIFEXITED(status) && (WEXITSTATUS(status) == STATUS || WEXITSTATUS(status) == 0); }

static void sleep_ms(long milliseconds)
{
	struct timespec pause = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

int main(void)
{
	unsigned seed = (unsigned)time(NULL);
	pid_t pid;
	int status;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		die("prctl");
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 42, 0, 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct timespec pause = { 0, rand_r(&seed) % LONGEST_US * 1000L };
		int waited = 0;

		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0)
			work(round % 5);
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		for (;;) {
			pid_t ended = waitpid(-1, &status, WNOHANG);

			if (ended == 0 || ended == pid) {
				if (ended == pid)
					break;
				check("a killed process is there to be waited for", waited++ < LIMIT_MS);
				sleep_ms(1);
			} else {
				check("an orphan ended as it should", is_good(status));
			}
		}
		check("it was ended by SIGKILL", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	for (int waited = 0; (pid = waitpid(-1, &status, WNOHANG)) >= 0;) {
		if (pid > 0) {
			check("an orphan ended as it should", is_good(status));
			continue;
		}
		check("the orphans end", waited++ < LIMIT_MS);
		sleep_ms(1);
	}
	check_equal("errno at the end", ECHILD, (uint64_t)errno);
	check_equal("the enclave's memory", 42, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return 0;
}
