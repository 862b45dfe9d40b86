/*
 * EENTER and EEXIT of an enclave that does nothing.
 *
 *   transition vdso|inline|crowded|paced PAIRS REPETITIONS [MEBIBYTES]
 *   transition threads PAIRS REPETITIONS
 *
 * Prints the way's name and the nanoseconds of a pair. "inline" has padding in
 * reach of a short jump from its ENCLU, as compilers leave it between functions;
 * "crowded" has none. "threads" prints one-thread and four-threads, the latter
 * per thread: wall time, divided by what the cores that there are allow. "paced"
 * computes between the pairs: with the reference engine it makes about 10,000
 * transitions a second. With MEBIBYTES the enclave has a heap of so many, all of
 * which was written to before.
 */
#include <pthread.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "bench.h"
#include "check.h"

#define THREADS 4

static struct service service;
static struct call nothing = { .operation = OP_NOTHING };
static pthread_barrier_t barrier;
static uint64_t pairs;

static void by_vdso(uint64_t count, uint64_t tcs)
{
	struct sgx_enclave_run run = { .tcs = tcs };

	for (; count != 0; count--)
		vdso_enter((uint64_t)&nothing, 0, 0, EENTER, 0, 0, &run);
	check_equal("how the enclave was left", EEXIT, run.function);
}

static void compute(uint64_t rounds)
{
	for (volatile uint64_t i = 0; i < rounds; i++)
		;
}

/* Rounds that take 150 us here: the least of some, so that a busy machine does
 * not make them fewer. */
static uint64_t calibrate(void)
{
	const uint64_t rounds = 1000000;
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 20; i++) {
		uint64_t began = now();

		compute(rounds);
		least = now() - began < least ? now() - began : least;
	}
	return rounds * 150000 / least;
}

static void paced(uint64_t count, uint64_t tcs)
{
	static uint64_t rounds;

	rounds = rounds == 0 ? calibrate() : rounds;
	for (; count != 0; count--) {
		by_vdso(1, tcs);
		compute(rounds);
	}
}

static void *thread(void *tcs)
{
	by_vdso(1000, (uint64_t)tcs);
	pthread_barrier_wait(&barrier);
	by_vdso(pairs, (uint64_t)tcs);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* Nanoseconds for all of the threads to do their pairs. */
static double run_threads(unsigned count)
{
	pthread_t threads[THREADS];
	uint64_t began, took;

	pthread_barrier_init(&barrier, NULL, count + 1);
	for (unsigned i = 0; i < count; i++)
		check_equal("pthread_create", 0,
			    (uint64_t)pthread_create(&threads[i], NULL, thread, (void *)service_tcs(&service, i)));
	pthread_barrier_wait(&barrier);
	began = now();
	pthread_barrier_wait(&barrier);
	took = now() - began;
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	return (double)took;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "vdso";
	uint64_t repetitions = argument(argc, argv, 3, 5), heap, tcs;

	pairs = argument(argc, argv, 2, 1000000);
	heap = argument(argc, argv, 4, 0) << 20;
	service_build(&service, &(struct service_options){ .threads = THREADS,
							   .heap_length = heap,
							   .size = heap == 0 ? 0 : 2 * heap });
	if (heap != 0)
		service_do(&service, 0, OP_FILL, service.heap, 1, heap / PAGE, 0);
	tcs = service_tcs(&service, 0);
	if (strcmp(way, "threads") == 0) {
		int cores = get_nprocs() < THREADS ? get_nprocs() : THREADS;

		for (uint64_t i = 0; i < repetitions; i++) {
			report("one-thread", run_threads(1) / (double)pairs);
			report("four-threads", run_threads(THREADS) / (double)pairs * cores / THREADS);
		}
		return 0;
	}
	for (uint64_t i = 0; i <= repetitions; i++) {
		/* The first repetition is short: code is patched when it first runs. */
		uint64_t count = i == 0 ? pairs / 100 + 1 : pairs, began;

		if (strcmp(way, "paced") == 0 && i == 0)
			paced(1, tcs);
		began = now();

		if (strcmp(way, "vdso") == 0)
			by_vdso(count, tcs);
		else if (strcmp(way, "paced") == 0)
			paced(count, tcs);
		else
			for (uint64_t n = count; n != 0; n--)
				(strcmp(way, "inline") == 0 ? enter_padded : enter_crowded)((uint64_t)&nothing, tcs);
		if (i != 0)
			report(way, (double)(now() - began) / (double)count);
	}
	return 0;
}
