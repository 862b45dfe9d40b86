/*
 * A child of fork has the mappings that its parent had, whatever had been done
 * to them before and is being done meanwhile.
 *
 * Kernel: mremap, mmap and shmat may put ordinary memory over a part of an
 * enclave; madvise(MADV_DONTFORK) keeps a part from children; fork copies what
 * there is while other threads wait for the lock of the mappings.
 * Source: Linux mm/mremap.c; ipc/shm.c, SHM_REMAP; kernel/fork.c, dup_mmap
 * (VM_DONTCOPY); vfork(2): the child has the parent's memory, though the
 * parent's first thread may have ended.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define OVER (8ul << 20) /* offset of what is mapped over */
#define PART (1ul << 20)
#define RACE_MS 700

extern char **environ;
static struct service service;
static volatile int stop;
static sigjmp_buf back;

static void jump_back(int signal) { siglongjmp(back, signal); }

/* The signal that reading a byte gives, or 0. */
static int signal_of_read(const volatile char *at)
{
	int signal = sigsetjmp(back, 1);

	if (signal == 0)
		(void)*at;
	return signal;
}

static char *at(uint64_t offset) { return (char *)(service.enclave.base + offset); }

static void check_child(const char *what, pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die(what);
	check(what, WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void check_enclave(const char *what)
{
	check_equal(what, 42, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
}

/* Ordinary memory in place of a part of the enclave is ordinary for the child too. */
static void over(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

	check("mremap over the enclave", mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(OVER)) == at(OVER));
	check("mmap over the enclave", mmap(at(OVER + PART), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at(OVER + PART));
	check("shmat over the enclave", shmat(id, at(OVER + 2 * PART), SHM_REMAP) == at(OVER + 2 * PART));
	shmctl(id, IPC_RMID, NULL);
	for (uint64_t i = 0; i < 3; i++)
		*at(OVER + i * PART) = (char)(i + 1);
	for (int round = 0; round < 3; round++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (uint64_t i = 0; i < 3; i++)
				check_equal("what lies over the enclave, in the child", i + 1, (uint64_t)*at(OVER + i * PART));
			check_enclave("the enclave in the child");
			_exit(0);
		}
		check_child("a child with memory over its enclave", pid);
	}
	check_enclave("the enclave with memory over it");
}

static void dont_fork(void)
{
	pid_t pid;

	check_errno("madvise(MADV_DONTFORK)", 0, madvise(at(OVER + 4 * PART), PART, MADV_DONTFORK));
	pid = fork();
	if (pid == 0) {
		check_equal("what is not for children", SIGSEGV, (uint64_t)signal_of_read(at(OVER + 4 * PART)));
		check_enclave("the rest of the enclave in the child");
		_exit(0);
	}
	check_child("a child without a part of its enclave", pid);
}

static void *map_on(void *argument)
{
	uint64_t offset = (uint64_t)argument;

	while (!stop) {
		munmap(at(offset), PART);
		enclave_map(&service.enclave, offset, PART, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

/* Maps and unmaps another's place with what comes. */
static void *replace_on(void *argument)
{
	uint64_t offset = (uint64_t)argument;

	while (!stop) {
		mmap(at(offset), PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		munmap(at(offset + PART / 2), PART / 2);
	}
	return NULL;
}

/* Looks at a place that is mapped and unmapped meanwhile: any of the kernel's answers will do. */
static void *touch_on(void *argument)
{
	volatile char *place = at((uint64_t)argument + PART / 2 + PAGE);

	while (!stop)
		signal_of_read(place);
	return NULL;
}

static void races(void)
{
	pthread_t threads[4];
	struct timespec begin, now;

	pthread_create(&threads[0], NULL, map_on, (void *)(OVER + 5 * PART));
	pthread_create(&threads[1], NULL, map_on, (void *)(OVER + 5 * PART + PART / 2));
	pthread_create(&threads[2], NULL, replace_on, (void *)(OVER + 5 * PART));
	pthread_create(&threads[3], NULL, touch_on, (void *)(OVER + 5 * PART));
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		pid_t pid = fork();

		if (pid == 0) {
			check_enclave("the enclave in a child made meanwhile");
			_exit(0);
		}
		check_child("a child that was made while mappings changed", pid);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < RACE_MS);
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	enclave_map(&service.enclave, OVER + 5 * PART, 2 * PART, PROT_READ | PROT_WRITE);
	check_enclave("the enclave after all that");
}

/* The process's first thread has ended. */
static void *without_leader(void *argument)
{
	char *arguments[] = { "true", NULL };
	pid_t pid;

	usleep(50000);
	check_equal("posix_spawn", 0, (uint64_t)posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ));
	check_child("a child of posix_spawn", pid);
	pid = fork();
	if (pid == 0) {
		check_enclave("the enclave in a child of a thread");
		_exit(0);
	}
	check_child("a child of fork", pid);
	check_enclave("the enclave without the first thread");
	/* And a thread that is not the first becomes another program. */
	execl("/bin/true", "true", (char *)NULL);
	die("execl");
	return argument;
}

int main(void)
{
	struct sigaction action = { .sa_handler = jump_back, .sa_flags = SA_NODEFER };
	pthread_t thread;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 42, 0, 0);
	over();
	dont_fork();
	races();
	if (pthread_create(&thread, NULL, without_leader, NULL) != 0)
		die("start a thread");
	pthread_exit(NULL);
}
