/* A process with an enclave: what it can ask of the driver. */
#ifndef RACES_PROCESS_H
#define RACES_PROCESS_H
#include "epcm.h"

#define ENCLAVE_BASE 0x7f0000000000ul
#define ENCLAVE_PAGES 1024ul
/* A page behind those that are added before EINIT. */
#define NEW_PAGE (ENCLAVE_BASE + 100 * PAGE_SIZE)
struct process {
	struct mm_struct *mm;
	struct file *file;
};
/* Opens the device, builds an enclave of so many pages, maps all of it, and ends its initialisation. 0, or the first error. */
int process_build(struct process *process, int pages);
/* Another process with the same mappings, as by fork. */
struct process process_fork(struct process *parent);
/* Its mappings go, and then its descriptor. */
void process_exit(struct process *process);
long process_change_type(struct process *process, u64 address, int type);
long process_remove(struct process *process, u64 address);
/* A page that was added, changed to be trimmed, and accepted: ready for process_remove. */
void process_trim(struct process *process, u64 address);
#endif
