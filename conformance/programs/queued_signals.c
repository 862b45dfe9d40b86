/*
 * A thread computes in an enclave that is larger than the EPC while another one
 * sends it signals with values: each arrives once, in its order and with its
 * value, and the pages hold what was written.
 *
 * Kernel: real-time signals queue; a page fault of an enclave has no part in
 * them.
 * Source: signal(7), "Real-time signals"; Linux arch/x86/kernel/cpu/sgx/encl.c,
 * sgx_vma_fault.
 *
 * Run: --epc 2M
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "check.h"
#include "service.h"

#define SIGNALS 1000
#define PAGES 1024

static struct service service;
static volatile int received;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	check_equal("si_code", (uint64_t)SI_QUEUE, (uint64_t)info->si_code);
	check_equal("value of the next signal", (uint64_t)received, (uint64_t)info->si_value.sival_int);
	received++;
}

static void *work(void *argument)
{
	for (uint64_t round = 1; received < SIGNALS; round++) {
		struct call fill = { .operation = OP_FILL, .a = service.heap, .b = round, .c = PAGES };
		struct call verify = { .operation = OP_VERIFY, .a = service.heap, .b = round, .c = PAGES, .result = 99 };

		/* ERESUME is at the AEP: an interrupted call goes on by itself. */
		enclu_enter((uint64_t)&fill, 0, 0, service_tcs(&service, 0));
		enclu_enter((uint64_t)&verify, 0, 0, service_tcs(&service, 0));
		check_equal("pages with other contents", 0, verify.result);
	}
	return argument;
}

int main(void)
{
	struct service_options options = { .heap_length = PAGES * PAGE };
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct timespec pause = { .tv_nsec = 300000 };
	pthread_t thread;

	service_build(&service, &options);
	sigaction(SIGRTMIN, &action, NULL);
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		die("start a thread");
	for (int i = 0; i < SIGNALS; i++) {
		union sigval value = { .sival_int = i };

		if (pthread_sigqueue(thread, SIGRTMIN, value) != 0)
			die("send a signal");
		if (i % 4 == 0)
			nanosleep(&pause, NULL);
	}
	pthread_join(thread, NULL);
	check_equal("signals received", SIGNALS, (uint64_t)received);
	return 0;
}
