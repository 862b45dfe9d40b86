/* What both programs on the loss of power do: lose it, and build anew. */
#ifndef UAPI_POWER_LOSS_H
#define UAPI_POWER_LOSS_H

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;

static void rebuild(void)
{
	enclave_destroy(&service.enclave);
	service_build(&service, NULL);
	check_equal("a new enclave is empty", 0, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	service_do(&service, 0, OP_WRITE, service.data, 12, 0, 0);
	check_equal("and works", 12, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
}

/* inc qword ptr [rsi], for ever: shows from outside that the thread is inside. */
static const uint8_t loop[PAGE] __attribute__((aligned(4096))) = { 0x48, 0xff, 0x06, 0xeb, 0xfb };
static volatile uint64_t turns;
static struct call spin = { .operation = OP_JUMP, .b = (uint64_t)&turns };
static struct sgx_enclave_run spinner_run;

static void *spinner(void *unused)
{
	service_try(&service, service_tcs(&service, 1), &spin, EENTER, &spinner_run);
	return unused;
}

/* SIGPWR to Cloister, which started this program, while a thread is inside: how
 * that thread came out. */
static const struct sgx_enclave_run *lose_with_a_thread_inside(void)
{
	struct service_options options = { .threads = 2, .code = loop, .code_length = PAGE };
	pthread_t thread;

	service_build(&service, &options);
	spin.a = service.code;
	if (pthread_create(&thread, NULL, spinner, NULL) != 0)
		die("start a thread");
	while (turns == 0)
		;
	check_errno("kill", 0, kill(getppid(), SIGPWR));
	pthread_join(thread, NULL);
	return &spinner_run;
}

#endif
