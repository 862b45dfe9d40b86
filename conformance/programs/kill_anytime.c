/*
 * Programs that use an enclave are killed at any moment.
 *
 * Kernel: with the last file and mapping of a process that dies its enclaves go
 * and every EPC page comes back, wherever the process was: in an ioctl, a fault
 * or inside.
 * Source: Linux arch/x86/kernel/cpu/sgx/driver.c, sgx_release; encl.c,
 * sgx_encl_release.
 *
 * kill_anytime.run looks at the statistics afterwards.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "service.h"
#include "sign.h"

#define ROUNDS 25
#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define TRIMMED (SECINFO_TRIM | SECINFO_MODIFIED)

static struct service service;
static volatile uint64_t stop;

static void *spin_inside(void *argument)
{
	for (;;)
		service_do(&service, 1, OP_SPIN, (uint64_t)&stop, 0, 0, 0);
	return argument;
}

/* Everything an enclave's life has, over and over. */
static void work(void)
{
	struct service_options options = { .threads = 2, .heap_length = 12ul << 20, .size = 32ul << 20 };
	pthread_t thread;

	service_build(&service, &options);
	if (pthread_create(&thread, NULL, spin_inside, NULL) != 0)
		die("start a thread");
	for (uint64_t round = 0;; round++) {
		service_do(&service, 0, OP_FILL, service.heap, round, (12ul << 20) / PAGE, 0);
		for (uint64_t i = 0; i < 32; i++)
			service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, service.room + i * PAGE, 0);
		enclave_modify(&service.enclave, service.room, 32 * PAGE, PT_TRIM, NULL, NULL);
		for (uint64_t i = 0; i < 32; i++)
			service_accept(&service, 0, EACCEPT, TRIMMED, service.room + i * PAGE, 0);
		enclave_remove(&service.enclave, service.room, 32 * PAGE, NULL);
	}
}

int main(void)
{
	struct sigstruct any = { 0 };
	unsigned seed = (unsigned)time(NULL);

	/* Make the key now, once for all of the workers. */
	sigstruct_sign(&any);
	for (int round = 0; round < ROUNDS; round++) {
		/* From before CREATE to well into the work: spread over four decades. */
		long delay = 1000L << (rand_r(&seed) % 19);
		struct timespec pause = { 0, delay };
		pid_t pid = fork();
		int status;

		if (pid < 0)
			die("fork");
		if (pid == 0)
			work();
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		if (waitpid(pid, &status, 0) != pid)
			die("wait for the worker");
		check("the worker lived until it was killed",
		      WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	/* The machine still works. */
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 9, 0, 0);
	check_equal("a new enclave's memory", 9, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return 0;
}
