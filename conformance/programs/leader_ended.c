/*
 * A process whose main thread has ended by pthread_exit.
 *
 * Kernel: the other threads go on with the same memory and files. /proc/PID
 * shows a zombie without either; what belongs to the process is reached by its
 * living threads.
 * Source: pthread_exit(3), proc_pid(5); Linux kernel/exit.c, exit_mm,
 * exit_files.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;
static volatile sig_atomic_t signals;
static int waits;

static void count(int signal)
{
	(void)signal;
	signals++;
}

/* Waits until the kernel counts the main thread as a zombie. */
static void wait_for_end(void)
{
	char path[32], line[128];
	int found = 0;

	snprintf(path, sizeof path, "/proc/%d/status", getpid());
	while (!found) {
		FILE *file = fopen(path, "r");

		if (!file)
			die(path);
		while (fgets(line, sizeof line, file))
			found |= !strncmp(line, "State:\tZ", 8);
		fclose(file);
		usleep(1000);
	}
}

static void check_cpuinfo(void)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cpuinfo", "r");

	if (!file)
		die("open /proc/cpuinfo");
	while (fgets(line, sizeof line, file) && strncmp(line, "flags", 5))
		;
	fclose(file);
	check("cpuinfo has the flag sgx", strstr(line, " sgx ") || strstr(line, " sgx\n"));
}

static void *enter(void *arg)
{
	(void)arg;
	check_equal("a thread made after the main thread's end", 7,
		    service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return NULL;
}

static void check_child(pid_t child, uint64_t expected)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		die("run a child");
	check_equal("a child's status", expected, (uint64_t)status);
}

static void *go_on(void *arg)
{
	struct sigaction action = { .sa_handler = count };
	pthread_t thread;
	int code = PROT_READ | PROT_EXEC;
	pid_t child;

	(void)arg;
	wait_for_end();
	check_cpuinfo();
	vdso_find();
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 7, 0, 0);
	for (uint64_t i = 0; i < 40; i++) {
		uint64_t page = service.room + i * PAGE;

		check_equal("EACCEPT", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT,
					   SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING, page, 0));
		service_do(&service, 0, OP_WRITE, page, i, 0, 0);
	}
	if (pthread_create(&thread, NULL, enter, NULL) || pthread_join(thread, NULL))
		die("run a thread");

	/* A copy of the memory, then memory that is shared with a child. */
	child = fork();
	if (child == 0) {
		check_equal("the enclave in a child of fork", 7,
			    service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
		service_build(&service, NULL);
		_exit(service_do(&service, 0, OP_READ, service.data, 0, 0, 0) == 0 ? 0 : 1);
	}
	check_child(child, 0);
	child = vfork();
	if (child == 0)
		_exit(service_do(&service, 0, OP_READ, service.room + 5 * PAGE, 0, 0, 0) == 5 ? 3 : 4);
	check_child(child, 3 << 8);

	check_errno("mprotect to read and execute a page of code", 0,
		    mprotect((void *)service.enclave.base, PAGE, code));
	check_equal("the enclave after it", 39, service_do(&service, 0, OP_READ, service.room + 39 * PAGE, 0, 0, 0));
	sigaction(SIGUSR1, &action, NULL);
	kill(getpid(), SIGUSR1);
	check_equal("signals to the process", 1, (uint64_t)signals);
	if (waits) {
		printf("ready\n");
		fflush(stdout);
		for (;;)
			pause();
	}
	exit(0);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	(void)argv;
	waits = argc > 1;
	if (pthread_create(&thread, NULL, go_on, NULL))
		die("start a thread");
	pthread_exit(NULL);
}
