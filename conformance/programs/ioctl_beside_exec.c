/*
 * An ioctl reads and writes the memory of the process that makes it, though a
 * child of vfork, which has the same memory, gets another by its exec meanwhile.
 * Source: fs/exec.c, exec_mmap: exec gives the calling process a new mm, and the
 * old one stays its other users'.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define PAGES 512
#define MILLISECONDS 700

static char *program;
static atomic_bool over;

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void *spawn(void *unused)
{
	char *arguments[] = { program, "--nothing", NULL };

	(void)unused;
	while (!over) {
		int status;
		pid_t pid = vfork();

		if (pid == 0) {
			execv(program, arguments);
			_exit(1);
		}
		check("vfork", pid > 0);
		check_equal("waitpid", (uint64_t)pid, (uint64_t)waitpid(pid, &status, 0));
		check_equal("status of the child", 0, (uint64_t)status);
	}
	return NULL;
}

int main(int count, char **arguments)
{
	static struct service service;
	struct service_options options = { .heap_length = PAGES * PAGE };
	uint64_t result, done;
	pthread_t thread;

	if (count > 1 && strcmp(arguments[1], "--nothing") == 0)
		return 0;
	program = arguments[0];
	service_build(&service, &options);
	if (pthread_create(&thread, NULL, spawn, NULL) != 0)
		die("pthread_create");
	for (long end = now() + MILLISECONDS; now() < end;) {
		check_errno("RESTRICT_PERMISSIONS", 0,
			    enclave_restrict(&service.enclave, service.heap, PAGES * PAGE, SECINFO_R | SECINFO_W, &result, &done));
		check_equal("bytes done", PAGES * PAGE, done);
	}
	over = true;
	pthread_join(thread, NULL);
	return 0;
}
