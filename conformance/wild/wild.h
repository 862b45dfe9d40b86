/*
 * A program that does at random what programs do with enclaves, and knows what
 * must come of it. What it found first is what it is for: races of processes,
 * threads, mappings and signals with the machine.
 *
 * A process of workers, each with an enclave and some threads ("lanes"). A lane
 * has a TCS, a page and a room of its own, so that it knows what is in them
 * whatever the others do. The supervisor stops, goes on with and kills workers.
 */
#ifndef WILD_H
#define WILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "service.h"

#define LANES 3
#define WORKERS 2
#define ROOM_PAGES 12

/* What a worker tells its supervisor, in memory that both have. */
struct sign {
	_Atomic uint64_t steps[LANES];
	_Atomic uint64_t total;
	_Atomic int worries; /* something that must not be was seen */
};

struct lane {
	unsigned number;
	uint64_t random;
	struct service *service;
	struct sign *sign;
	uint64_t page; /* its own, of the heap */
	uint64_t value; /* what is there */
	uint64_t room;
	bool present[ROOM_PAGES];
	bool read_only[ROOM_PAGES];
	uint64_t contents[ROOM_PAGES];
	void *stack; /* to enter on */
};

/* A number below limit. */
uint64_t below(struct lane *lane, uint64_t limit);

/* What the errno of a failed call may be: those that Linux gives, and never one that only the kernel itself knows. */
void check_possible(const char *what, long result);

/* Enters the enclave by the vDSO or by ENCLU of the program's own; result of the operation. Waits while the TCS is busy. */
uint64_t enter(struct lane *lane, enum operation operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* One step of each kind; they end the program when something is not as it must be. */
void step_in_enclave(struct lane *lane);
void step_of_mappings(struct lane *lane);
void step_of_children(struct lane *lane, const char *self);
void step_of_host(struct lane *lane);
void check_everything(struct lane *lane);

/* Never comes back. */
void worker(const char *self, uint64_t seed, struct sign *sign);

extern pthread_t lane_threads[LANES];

#endif
