/*
 * SIGCONT takes back a stop that was sent before it, at whatever moment it comes,
 * and a process that was stopped and not continued does nothing. Any number of
 * SIGSTOP and SIGCONT in turn leaves it running. signal(7); POSIX, "Signal
 * Concepts".
 *
 * Run: --isolation fast
 * Run: --isolation strict
 * Run: --interrupts 500
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define THREADS 3
#define ROUNDS 400

struct progress {
	_Atomic uint64_t entries[THREADS];
};

static struct service service;
static struct progress *progress;

static void *enters(void *argument)
{
	unsigned number = (unsigned)(uintptr_t)argument;

	for (;;) {
		service_do(&service, number, OP_NOTHING, 0, 0, 0, 0);
		progress->entries[number]++;
	}
	return NULL;
}

static uint64_t sum(void)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < THREADS; i++)
		all += progress->entries[i];
	return all;
}

/* Each of the threads gets on within ten seconds. */
static void check_runs(void)
{
	uint64_t before[THREADS];
	struct timespec moment = { 0, 1000000 };

	for (unsigned i = 0; i < THREADS; i++)
		before[i] = progress->entries[i];
	for (unsigned i = 0, tries = 0; i < THREADS; i += progress->entries[i] != before[i]) {
		check("a process that was continued runs", tries++ < 10000);
		nanosleep(&moment, NULL);
	}
}

int main(void)
{
	int status;
	pid_t pid;

	progress = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if ((pid = fork()) == 0) {
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		service_build(&service, &(struct service_options){ .size = 1ul << 20, .threads = THREADS });
		for (uintptr_t i = 1; i < THREADS; i++)
			pthread_create(&thread, NULL, enters, (void *)i);
		enters(NULL);
	}
	check_runs();
	for (unsigned i = 0; i < ROUNDS; i++) {
		kill(pid, SIGSTOP);
		for (volatile unsigned j = i % 64 * 1000; j > 0; j--)
			;
		kill(pid, SIGCONT);
		if (i % 32 == 0)
			check_runs();
	}
	check_runs();
	for (unsigned i = 0; i < 20; i++) {
		struct timespec moment = { 0, 2000000 };
		uint64_t stopped;

		kill(pid, SIGSTOP);
		check_equal("waitpid for the stop", (uint64_t)pid, (uint64_t)waitpid(pid, &status, WUNTRACED));
		check("it was stopped", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
		stopped = sum();
		nanosleep(&moment, NULL);
		check_equal("entries of a process that is stopped", stopped, sum());
		kill(pid, SIGCONT);
		check_runs();
	}
	kill(pid, SIGKILL);
	check_equal("waitpid", (uint64_t)pid, (uint64_t)waitpid(pid, &status, 0));
	check_equal("the process lived until it was killed", SIGKILL, (uint64_t)status);
	return 0;
}
