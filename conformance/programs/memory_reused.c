/*
 * What munmap of a part of an enclave gives back, any thread may have as ordinary
 * memory at once, while another is just entering or leaving: an entry and an exit
 * change nothing of it. munmap(2).
 *
 * Run: --isolation fast
 * Run: --isolation strict
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "check.h"
#include "service.h"

#define LENGTH (4 * PAGE)
#define ENTERING 2
#define REUSING 2

static struct service service;
static _Atomic bool over;

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void *enters(void *number)
{
	while (!over)
		check_equal("an entry beside it", 0, service_do(&service, (unsigned)(uintptr_t)number, OP_NOTHING, 0, 0, 0, 0));
	return NULL;
}

/* The kernel gives the highest place that is free: the one that the other thread's munmap has left. */
static void *reuses(void *unused)
{
	(void)unused;
	while (!over) {
		uint64_t *memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			die("mmap of memory");
		for (uint64_t i = 0; i < LENGTH / 8; i += 512)
			memory[i] = i + 1;
		for (uint64_t i = 0; i < LENGTH / 8; i += 512)
			check_equal("what was written to memory", i + 1, memory[i]);
		check_errno("munmap of memory", 0, munmap(memory, LENGTH));
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[ENTERING + REUSING];
	struct service_options options = { .size = 1ul << 20, .threads = ENTERING };
	/* An enclave that was never created has mappings too. */
	int fd = open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC);

	service_build(&service, &options);
	for (uintptr_t i = 0; i < ENTERING + REUSING; i++)
		pthread_create(&threads[i], NULL, i < ENTERING ? enters : reuses, (void *)i);
	for (uint64_t end = milliseconds() + 700; milliseconds() < end;) {
		void *other = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (other == MAP_FAILED)
			die("mmap of the device");
		check_errno("munmap of the device", 0, munmap(other, LENGTH));
	}
	over = true;
	for (unsigned i = 0; i < ENTERING + REUSING; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
