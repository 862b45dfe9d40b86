/*
 * Two processes with an enclave each make children all the time, and both are killed
 * at one moment: a child that either had just made lives on with its own parent's
 * enclave, every page of it mapped as it was there, and not as in the other's.
 *
 * Source: Linux kernel/fork.c, kernel_clone, where the child is woken before its
 * parent goes on; dup_mmap, which copies what the parent has.
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define ROUNDS 15
#define FAMILIES 2
#define LONGEST_US 3000
#define LIMIT_MS 10000
#define STATUS 7

/* The enclave can be entered when no other child is just there. */
static void child(struct service *service, uint64_t value)
{
	for (;;) {
		struct call call = { .operation = OP_READ, .a = service->data };
		struct sgx_enclave_run run;

		service_try(service, service_tcs(service, 0), &call, EENTER, &run);
		if (run.function == EEXIT)
			_exit(call.result == value ? STATUS : 1);
		if (run.exception_vector != VECTOR_GP || run.function != EENTER) {
			fprintf(stderr, "killed_families: exception %d, error code 0x%x at 0x%llx, of leaf %u\n", run.exception_vector,
				run.exception_error_code, (unsigned long long)run.exception_addr, run.function);
			_exit(2);
		}
		sched_yield();
	}
}

static void family(uint64_t value, int ready)
{
	struct service service;

	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, value, 0, 0);
	if (write(ready, "", 1) != 1)
		die("write");
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			child(&service, value);
		waitpid(pid, NULL, 0);
	}
}

static bool is_good(int status)
{
	return (WIFEXITED(status) && WEXITSTATUS(status) == STATUS) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	unsigned seed = (unsigned)time(NULL);
	int ready[2];
	char byte;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || pipe(ready) != 0)
		die("prctl or pipe");
	for (int round = 0; round < ROUNDS; round++) {
		struct timespec pause = { 0, rand_r(&seed) % LONGEST_US * 1000L };
		pid_t pids[FAMILIES], pid;
		int status, waited = 0;

		for (unsigned i = 0; i < FAMILIES; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				family(40 + i, ready[1]);
		}
		for (unsigned i = 0; i < FAMILIES; i++)
			if (read(ready[0], &byte, 1) != 1)
				die("read");
		nanosleep(&pause, NULL);
		for (unsigned i = 0; i < FAMILIES; i++)
			kill(pids[(i + (unsigned)round) % FAMILIES], SIGKILL);
		while ((pid = waitpid(-1, &status, WNOHANG)) >= 0 || errno == EINTR) {
			if (pid > 0)
				check_equal("how one that was killed, or an orphan, ended", is_good(status) ? (uint64_t)status : STATUS << 8, (uint64_t)status);
			else {
				check("they end", waited++ < LIMIT_MS);
				usleep(1000);
			}
		}
	}
	return 0;
}
