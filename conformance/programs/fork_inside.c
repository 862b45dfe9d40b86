/*
 * A program forks while another of its threads is inside an enclave, and the
 * child uses the enclave too.
 *
 * Kernel and hardware: the mapping of an enclave is shared and is inherited
 * across fork (sgx_vma_open adds the child's mm), so parent and child see the
 * same pages and the same TCS. A TCS in use stays busy, whoever asks for it:
 * EENTER faults with #GP, reported by the vDSO with EENTER as the function.
 * Source: Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_open; SDM 3D, EENTER.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;
static volatile uint64_t stop;
static struct call spin = { .operation = OP_SPIN, .a = (uint64_t)&stop };

static void *spin_inside(void *argument)
{
	struct sgx_enclave_run run;

	/* Busy for a moment when the main thread has just looked. */
	do
		service_try(&service, service_tcs(&service, 0), &spin, EENTER, &run);
	while (run.exception_vector == VECTOR_GP && run.function == EENTER);
	check_equal("how the thread left the enclave", EEXIT, run.function);
	return argument;
}

static void child(void)
{
	struct call nothing = { 0 };
	struct sgx_enclave_run run;

	check_equal("what the child reads inside", 1111,
		    service_do(&service, 1, OP_READ, service.data, 0, 0, 0));
	service_do(&service, 1, OP_WRITE, service.data + 8, 2222, 0, 0);

	/* The parent's thread holds the first TCS. */
	check_equal("EENTER on a busy TCS", 0,
		    (uint64_t)service_try(&service, service_tcs(&service, 0), &nothing, EENTER, &run));
	check_equal("exception on a busy TCS", VECTOR_GP, run.exception_vector);
	check_equal("function that faulted", EENTER, run.function);
	_exit(7);
}

int main(void)
{
	struct service_options options = { .threads = 2 };
	pthread_t thread;
	int status;

	service_build(&service, &options);
	service_do(&service, 1, OP_WRITE, service.data, 1111, 0, 0);
	for (int round = 0; round < 5; round++) {
		struct call nothing = { 0 };
		struct sgx_enclave_run run = { 0 };
		pid_t pid;

		stop = 0;
		if (pthread_create(&thread, NULL, spin_inside, NULL) != 0)
			die("start a thread");
		/* Wait until the thread is inside: its TCS is then busy. */
		do
			service_try(&service, service_tcs(&service, 0), &nothing, EENTER, &run);
		while (run.exception_vector != VECTOR_GP);

		service_do(&service, 1, OP_WRITE, service.data + 8, 0, 0, 0);
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0)
			child();
		if (waitpid(pid, &status, 0) != pid)
			die("wait for the child");
		check_equal("the child's wait status", 7 << 8, (uint64_t)status);
		check_equal("what the child wrote, read in the parent", 2222,
			    service_do(&service, 1, OP_READ, service.data + 8, 0, 0, 0));
		stop = 1;
		pthread_join(thread, NULL);
		check("the thread inside went on", spin.result > 0);
	}
	return 0;
}
