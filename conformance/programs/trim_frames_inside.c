/*
 * The page of a thread's state save area is trimmed while the thread is inside.
 *
 * Hardware: EMODT and ETRACK succeed. The asynchronous exit cannot fault: it
 * writes the frame at the physical addresses that EENTER found. ERESUME then
 * finds a page that is no regular one: #PF.
 * Source: SDM 3D, EENTER (CR_GPR_PA), "Asynchronous Enclave Exits", ERESUME.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;
static volatile uint64_t stop, about_to_enter;
static struct sgx_enclave_run run;
static int result;

static void *spin(void *argument)
{
	struct call call = { .operation = OP_SPIN, .a = (uint64_t)&stop };

	/* Often enough to enter by itself, where an engine does that. */
	for (int i = 0; i < 3; i++)
		service_do(&service, 1, OP_NOTHING, 0, 0, 0, 0);
	about_to_enter = 1;
	result = service_try(&service, service_tcs(&service, 1), &call, EENTER, &run);
	return argument;
}

/* Whether the thread was inside when its frame was trimmed. */
static bool trim(void)
{
	struct service_options options = { .threads = 2 };
	pthread_t thread;
	uint64_t count = 0;

	stop = about_to_enter = 0;
	service_build(&service, &options);
	if (pthread_create(&thread, NULL, spin, NULL) != 0)
		die("start a thread");
	while (!about_to_enter)
		sched_yield();
	usleep(50000);
	check_errno("MODIFY_TYPES of the frame's page", 0,
		    enclave_modify(&service.enclave, service_tcs(&service, 1) + THREAD_SSA, PAGE, PT_TRIM, NULL, &count));
	check_equal("bytes that were changed", PAGE, count);
	stop = 1;
	pthread_join(thread, NULL);
	if (run.function == EENTER)
		return false;
	check_equal("what the vDSO's function returned", 0, (uint64_t)result);
	check_equal("the leaf that faulted", ERESUME, run.function);
	check_equal("its exception", VECTOR_PF, run.exception_vector);
	check_equal("the other thread", 0, service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0));
	return true;
}

int main(void)
{
	int tries = 0;

	/* A busy machine may not let it in in time. */
	while (!trim())
		check("the thread comes in at last", ++tries < 10);
	return 0;
}
