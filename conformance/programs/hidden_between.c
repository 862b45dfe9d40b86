/*
 * Thousands of entries with nothing between them, and what is looked at in
 * between: the enclave's memory is not the host's, nor is the host's code the
 * enclave's, whoever makes the transitions and however often.
 *
 * Run: --isolation=strict
 *
 * Hardware: an access to an EPC page from outside its enclave gets abort-page
 * semantics, and fetching an instruction outside ELRANGE while in enclave mode
 * is a #GP(0). Neither depends on how many entries there were before, on
 * signals that interrupt them, on threads that come and go, or on what the host
 * maps and executes meanwhile.
 * Source: SDM 3D, "Access-control Requirements".
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define ENTRIES 600 /* what is not used for hundreds of entries may be dropped */
#define THREADS 3
#define HEAP_PAGES 300

static struct service service;
static volatile sig_atomic_t ticks, outside_seen;
static pthread_barrier_t barrier;

static void enter_often(unsigned thread, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		check_equal("what an entry wrote before", i, service_do(&service, thread, OP_READ, service.data + 64 * thread, 0, 0, 0)),
			service_do(&service, thread, OP_WRITE, service.data + 64 * thread, i + 1, 0, 0);
	service_do(&service, thread, OP_WRITE, service.data + 64 * thread, 0, 0, 0);
}

static void look_from_outside(void)
{
	volatile uint64_t *data = (volatile uint64_t *)service.data;

	check_equal("a read from outside", ~0ul, *data);
	*data = 42;
	check_equal("a read after a write that vanished", ~0ul, *data);
	check_equal("the last page, from outside", ~0ul, *(volatile uint64_t *)(service.heap + (HEAP_PAGES - 1) * PAGE));
}

static void jump_out(const char *what, const void *target)
{
	struct call call = { .operation = OP_JUMP, .a = (uint64_t)target };
	struct sgx_enclave_run run;

	service_expect_exception(&service, 0, &call, what, VECTOR_GP, &run);
	check_equal("error code", 0, run.exception_error_code);
}

static void one_thread(void)
{
	for (int round = 0; round < 3; round++) {
		enter_often(0, ENTRIES);
		look_from_outside();
		check_equal("pages with other contents", 0,
			    service_do(&service, 0, OP_VERIFY, service.heap, 7, HEAP_PAGES, 0));
	}
}

/* MOV EAX, 42; RET */
static const uint8_t answer[] = { 0xb8, 42, 0, 0, 0, 0xc3 };

static void host_maps_code(void)
{
	uint8_t *code = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (code == MAP_FAILED)
		die("map code");
	memcpy(code, answer, sizeof answer);
	for (int i = 0; i < 3; i++) {
		check_equal("code of the host's", 42, (uint64_t)((int (*)(void))code)());
		enter_often(0, 20);
	}
	/* Data in the place of code, and code again. */
	if (mmap(code, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != code)
		die("map data over it");
	enter_often(0, 20);
	memcpy(code, answer, sizeof answer);
	enter_often(0, 20);
	check_equal("data", answer[1], code[1]);
	code[PAGE] = 1;
	if (mprotect(code, PAGE, PROT_READ | PROT_EXEC) != 0)
		die("mprotect");
	enter_often(0, 20);
	check_equal("code where data was", 42, (uint64_t)((int (*)(void))code)());
	code[PAGE] = 2;
	if (munmap(code, 2 * PAGE) != 0)
		die("munmap");
	enter_often(0, 20);
}

static void on_tick(int signal)
{
	(void)signal;
	ticks++;
	/* Whoever was interrupted is outside now. */
	if (*(volatile uint64_t *)service.data != ~0ul)
		outside_seen = 1;
}

static void interrupted(void)
{
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 700 }, { 0, 700 } }, never = { { 0, 0 }, { 0, 0 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 20 || (ticks < 20 && i < 500); i++)
		enter_often(0, 40);
	setitimer(ITIMER_REAL, &never, NULL);
	check("a handler sees no enclave memory", outside_seen == 0);
	check("signals came", ticks >= 20);
}

static void *threads_entry(void *argument)
{
	enter_often((unsigned)(uint64_t)argument, 150);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void threads(void)
{
	pthread_t all[THREADS];

	for (int round = 0; round < 3; round++) {
		pthread_barrier_init(&barrier, NULL, THREADS + 1);
		for (uint64_t i = 0; i < THREADS; i++)
			if (pthread_create(&all[i], NULL, threads_entry, (void *)(i + 1)) != 0)
				die("start a thread");
		pthread_barrier_wait(&barrier);
		look_from_outside();
		for (int i = 0; i < THREADS; i++)
			pthread_join(all[i], NULL);
		enter_often(0, 50);
		look_from_outside();
	}
}

static void forked(void)
{
	for (int round = 0; round < 3; round++) {
		pid_t child = fork();
		int status = 1;

		if (child < 0)
			die("fork");
		enter_often(child == 0, 50);
		look_from_outside();
		if (child == 0)
			_exit(0);
		if (waitpid(child, &status, 0) != child || status != 0)
			die("the child");
		enter_often(0, 50);
	}
}

int main(void)
{
	struct service_options options = { .threads = THREADS + 1, .heap_length = HEAP_PAGES * PAGE, .size = 32ul << 20 };

	service_build(&service, &options);
	service_do(&service, 0, OP_FILL, service.heap, 7, HEAP_PAGES, 0);
	one_thread();
	host_maps_code();
	interrupted();
	threads();
	forked();
	one_thread();
	enter_often(0, ENTRIES);
	jump_out("a jump out of the enclave", (const void *)look_from_outside);
	return 0;
}
