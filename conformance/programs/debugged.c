/*
 * A program whose enclaves are debugged by gdb (debugged.run): breakpoints, steps
 * and registers inside an enclave with the DEBUG attribute, none of another's.
 *
 * The program sees nothing of it: what its enclaves read, count and measure is
 * what it is without. Source: SDM 3D, "Enclave Debug and Profiling", EDBGRD;
 * Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_access.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define HEAP (4ul << 20)
#define THREADS 3
#define CALLS 20

static struct service open_one, closed_one;
static volatile int faults;
volatile uint64_t secret = 0x5ec1e7;

/* Where the debugger waits until there are enclaves. */
void debugged_ready(void);
__attribute__((noinline)) void debugged_ready(void)
{
	__asm__ volatile("");
}

static void *enter_often(void *thread)
{
	for (int i = 0; i < CALLS; i++)
		check_equal("CSSA at entry", 0, service_do(&open_one, (unsigned)(uintptr_t)thread, OP_CSSA, 0, 0, 0, 0));
	return NULL;
}

/* A fault inside that comes as a signal: the instruction is skipped, and resumed. */
static void skip(int signal_number, siginfo_t *information, void *context)
{
	struct call call = { .operation = OP_EXCEPTION, .a = 3 };

	(void)signal_number;
	(void)information;
	(void)context;
	faults++;
	check("the instruction that faulted is the enclave's",
	      service_call(&open_one, 0, &call) - open_one.enclave.base < PAGE);
}

/* Until the input ends. */
static int stay(void)
{
	pthread_t threads[THREADS];
	char byte;

	printf("stays\n");
	fflush(stdout);
	for (bool over = false; !over;) {
		for (uintptr_t i = 0; i < THREADS; i++)
			if (pthread_create(&threads[i], NULL, enter_often, (void *)(i + 1)) != 0)
				die("pthread_create");
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		over = poll(&(struct pollfd){ .events = POLLIN }, 1, 0) > 0 && read(0, &byte, 1) == 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	(void)argv;
	struct service_options options = { .threads = 1 + THREADS, .heap_length = HEAP, .size = 64ul << 20,
					   .enclave = { .attributes = ATTRIBUTE_DEBUG } };
	struct sigaction action = { .sa_sigaction = skip, .sa_flags = SA_SIGINFO | SA_NODEFER };
	pthread_t threads[THREADS];
	struct call fault = { .operation = OP_READ, .a = 0x10 };
	uint64_t word = 0, before = secret;
	pid_t child;
	int status;

	service_build(&open_one, &options);
	service_build(&closed_one, NULL);
	debugged_ready();
	if (argc > 1)
		return stay();

	check_equal("what was read inside", before, service_do(&open_one, 0, OP_READ, (uint64_t)&secret, 0, 0, 0));
	check_equal("what was read in the other", before, service_do(&closed_one, 0, OP_READ, (uint64_t)&secret, 0, 0, 0));

	/* Code is data as well: no breakpoint stands in it. */
	service_do(&open_one, 0, OP_COPY, (uint64_t)&word, open_one.enclave.base, sizeof word, 0);
	check("the enclave's code, read inside", memcmp(&word, service_code, sizeof word) == 0);

	/* With a small EPC its pages go and come. */
	service_do(&open_one, 0, OP_FILL, open_one.heap, 1, HEAP / PAGE, 0);
	check_equal("pages with other contents", 0, service_do(&open_one, 0, OP_VERIFY, open_one.heap, 1, HEAP / PAGE, 0));

	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, enter_often, (void *)(i + 1)) != 0)
			die("pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);

	child = fork();
	if (child == 0)
		_exit(service_do(&open_one, 0, OP_CSSA, 0, 0, 0, 0) == 0 ? 7 : 1);
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("fork");
	check("the child of fork ended as it wanted to", WIFEXITED(status) && WEXITSTATUS(status) == 7);

	if (sigaction(SIGSEGV, &action, NULL) != 0)
		die("sigaction");
	enclu_enter((uint64_t)&fault, 0, 0, service_tcs(&open_one, 0));
	check_equal("faults inside that came as signals", 1, (uint64_t)faults);
	printf("done\n");
	return 0;
}
