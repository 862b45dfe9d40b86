/*
 * A signal that ends an ioctl early is another thread's, or is cancelled, before
 * the ioctl's thread gets to it: the call is made again. ERESTARTSYS is never
 * seen. Documentation: signal(7), "Interruption of system calls"; Linux,
 * arch/x86/kernel/signal.c, arch_do_signal_or_restart.
 *
 * Here SIGSTOP, which any of the threads may take and SIGCONT takes back.
 *
 * Run: --isolation fast
 * Run: --isolation strict
 */
#include <errno.h>
#include <fcntl.h>
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

#define SIZE (16ul << 20)
#define ROUNDS 1000

static struct service service;

static void *enters(void *unused)
{
	(void)unused;
	for (;;)
		service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0);
	return NULL;
}

static void add_pages(void)
{
	struct enclave enclave;
	struct secinfo secinfo = { .flags = SECINFO_REG | SECINFO_R | SECINFO_W };
	void *zeros = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	enclave_create(&enclave, SIZE, NULL);
	for (uint64_t done = 0; done < SIZE;) {
		struct sgx_enclave_add_pages add = { .src = (uint64_t)zeros, .offset = done, .length = PAGE, .secinfo = (uint64_t)&secinfo };
		int result = ioctl(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add);

		/* Nothing has a handler, so nothing may be interrupted for good. */
		check_errno("ADD_PAGES of a process that is stopped", 0, result);
		done += add.count;
	}
	munmap(zeros, SIZE);
	measurement_finish(enclave.measurement, (uint8_t[32]){ 0 });
	enclave_destroy(&enclave);
}

int main(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		service_build(&service, &(struct service_options){ .size = 1ul << 20 });
		pthread_create(&thread, NULL, enters, NULL);
		for (;;)
			add_pages();
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct timespec moment = { 0, 100000 + (long)(i % 7) * 100000 };

		nanosleep(&moment, NULL);
		kill(pid, SIGSTOP);
		/* As long as a call of the device takes, more or less. */
		for (volatile unsigned j = i % 64 * 1000; j > 0; j--)
			;

		kill(pid, SIGCONT);
	}
	kill(pid, SIGKILL);
	check_equal("waitpid", (uint64_t)pid, (uint64_t)waitpid(pid, &status, 0));
	check_equal("the process lived until it was killed", SIGKILL, (uint64_t)status);
	return 0;
}
