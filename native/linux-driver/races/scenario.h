/* What races with what. */
#ifndef RACES_SCENARIO_H
#define RACES_SCENARIO_H
#include "process.h"

struct scenario {
	const char *name, *what;
	int epc_pages;
	void (*prepare)(void);
	/* Two threads; each says how it ended in a word. */
	const char *roles[2];
	const char *(*threads[2])(void);
	/* What the first page of the race shows afterwards, or NULL when nobody is there to look. */
	const char *(*afterwards)(void);
};
extern const struct scenario scenarios[];
extern const int scenario_count;
/* The thread's address space. */
struct mm_struct *scenario_mm(const struct scenario *scenario, int thread);
/* A page-table entry that shows a page of somebody else, or none: its address, or 0. */
u64 scenario_stale_entry(void);
/* Everybody ends; how many EPC pages are still valid. */
int scenario_end(void);
/* Allocation failures: one life of an enclave. The step that failed, or NULL. */
const char *scenario_life(void);
#endif
