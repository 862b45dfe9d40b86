/*
 * What a program writes into memory that Cloister keeps in it is the program's
 * own misfortune: it may end for it, but no other program does, nor the machine.
 * On hardware there is no such memory, and nothing to do.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"
#include "sign.h"

#define CHILDREN 8
#define THREADS 2
#define PAGES 64
#define MILLISECONDS 120

static struct service service;
static uint64_t state;
static _Atomic int *begun; /* in memory that all have: mappings that a child found, and 1 */

static uint64_t number(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dul >> 16;
}

/* Enters, adds pages by EACCEPT, takes one away, for ever; whatever comes of it. */
static void *use(void *thread)
{
	unsigned i = (unsigned)(uintptr_t)thread;
	uint64_t secinfo = service.data + PAGE - (i + 1) * 64;
	struct secinfo content = { .flags = SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING };

	for (uint64_t at = service.room + i * PAGES * PAGE;; at += PAGE) {
		struct call copy = { .operation = OP_COPY, .a = secinfo, .b = (uint64_t)&content, .c = sizeof content };
		struct call accept = { .operation = OP_ENCLU, .a = EACCEPT, .b = secinfo, .c = at };
		struct sgx_enclave_run run;
		uint64_t count;

		service_try(&service, service_tcs(&service, i), &copy, EENTER, &run);
		service_try(&service, service_tcs(&service, i), &accept, EENTER, &run);
		enclave_modify(&service.enclave, at, PAGE, PT_TRIM, NULL, &count);
	}
	return NULL;
}

/* Never comes back. */
static void live(uint64_t seed)
{
	char line[256];
	uint64_t starts[16], ends[16];
	struct service_options options = { .threads = THREADS, .size = 64ul << 20 };
	pthread_t thread;
	unsigned count = 0;
	FILE *maps;

	service_build(&service, &options);
	service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0);
	service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING, service.room + 32 * PAGE, 0);
	if ((maps = fopen("/proc/self/maps", "r")) == NULL)
		die("open /proc/self/maps");
	while (count < 16 && fgets(line, sizeof line, maps) != NULL)
		if (strstr(line, " rw-s ") != NULL && (strstr(line, "cloister:fast") != NULL || strstr(line, "cloister:awaited") != NULL)
		    && sscanf(line, "%lx-%lx", &starts[count], &ends[count]) == 2)
			count++;
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, use, (void *)(uintptr_t)i) != 0)
			die("pthread_create");
	*begun = (int)count + 1;
	for (state = seed;;) {
		static const uint64_t values[] = { 0, 1, 2, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ul };
		unsigned i = (unsigned)(number() % (count != 0 ? count : 1));
		uint64_t value = number() % 4 ? values[number() % 7] : number() % 2 ? service.enclave.base + number() % (64ul << 20) : number();

		if (count == 0) {
			pause();
			continue;
		}
		/* Most of what is in use lies at the beginning of slots: one in two goes to the first of them. */
		uint64_t length = number() % 2 ? ends[i] - starts[i] : 0x1800;
		uint64_t at = number() % (length < ends[i] - starts[i] ? length : ends[i] - starts[i]) & ~7ul;

		/* Not the gate: with it shut nothing is read of the others. */
		if (at >= 0x1000)
			*(volatile uint64_t *)(starts[i] + at) = value;
	}
}

int main(void)
{
	struct sigstruct any = { 0 };

	begun = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check("mmap", begun != MAP_FAILED);
	/* The key, once for all. */
	sigstruct_sign(&any);
	for (uint64_t seed = 1; seed <= CHILDREN; seed++) {
		int status;
		*begun = 0;
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			fclose(stderr);
			live(seed * 0x9e3779b97f4a7c15ul);
		}
		check("fork", pid > 0);
		for (int i = 0; i < 30000 && *begun == 0; i++)
			usleep(1000);
		check("the child has begun", *begun != 0);
		usleep(MILLISECONDS * 1000);
		kill(pid, SIGKILL);
		check_equal("waitpid", (uint64_t)pid, (uint64_t)waitpid(pid, &status, 0));
	}

	/* The machine is as good as before. */
	struct service_options options = { .size = 16ul << 20 };

	service_build(&service, &options);
	service_do(&service, 0, OP_WRITE, service.data, 42, 0, 0);
	check_equal("a page of an enclave", 42, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return 0;
}
