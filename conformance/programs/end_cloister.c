/*
 * Signals that are sent to Cloister end it and all of its program, at any moment.
 *
 * It stands for the program, so a signal is the program's; one that ends the
 * program ends what the program has started as well, for nothing can run on
 * without a tracer.
 *
 * end_cloister.run sends the signals. This is the program: processes and threads
 * come and go, inside an enclave and outside.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;
static volatile uint64_t never;

static void *spin(void *argument)
{
	service_do(&service, 1, OP_SPIN, (uint64_t)&never, 0, 0, 0);
	return argument;
}

int main(void)
{
	struct service_options options = { .threads = 2 };
	pthread_t thread;

	printf("begun %d\n", (int)getpid());
	fflush(stdout);
	service_build(&service, &options);
	if (fork() == 0) {
		if (pthread_create(&thread, NULL, spin, NULL) != 0)
			die("start a thread");
	}
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0) == 0 ? 0 : 1);
		waitpid(pid, NULL, 0);
	}
}
