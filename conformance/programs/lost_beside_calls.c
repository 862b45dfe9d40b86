/*
 * A loss of power is nothing that stops a program: no stop signal of anybody else
 * comes to it, whatever the tracer does in its threads at that moment. SIGPWR to
 * Cloister is the loss; the enclave is gone and all else goes on.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "enclave.h"

#define LOSSES 1500
#define LENGTH (4 * PAGE)

static _Atomic bool over;

static void *does_nothing(void *unused)
{
	return unused;
}

/* A new thread is prepared by the tracer before it runs. */
static void *creates(void *unused)
{
	pthread_t other;

	while (!over) {
		if (pthread_create(&other, NULL, does_nothing, NULL) != 0)
			die("pthread_create");
		pthread_join(other, NULL);
	}
	return unused;
}

/* What is mapped of the device is made by calls of the tracer's, in one of the threads. */
static void *maps(void *unused)
{
	int fd = open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC);

	while (!over) {
		void *place = mmap(NULL, LENGTH, PROT_NONE, MAP_SHARED, fd, 0);

		if (place == MAP_FAILED)
			die("mmap");
		check_errno("munmap", 0, munmap(place, LENGTH));
	}
	return unused;
}

int main(void)
{
	pthread_t threads[2];

	pthread_create(&threads[0], NULL, creates, NULL);
	pthread_create(&threads[1], NULL, maps, NULL);
	for (int i = 0; i < LOSSES; i++) {
		check_errno("SIGPWR", 0, kill(getppid(), SIGPWR));
		usleep(200);
	}
	over = true;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
