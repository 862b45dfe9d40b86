/*
 * A small EPCM and the leaves that the driver executes: enough to tell a right driver from a wrong one. No cryptography, no SIGSTRUCT, no
 * attributes; nobody is inside an enclave for longer than an access takes. Contents are one number a page.
 */
#ifndef RACES_EPCM_H
#define RACES_EPCM_H
#include "../runtime/tasks.h"

#define EPC_FRAME 0x100000ul /* the page frame number of the first page */
struct epcm_entry {
	bool valid, pending, modified, blocked, initialised;
	u8 type, permissions;
	int secs, children;
	unsigned int epoch;
	u64 address, contents, *versions;
};
extern struct epcm_entry *epcm;
extern int epc_pages;

/* Makes an EPC of so many pages and starts the driver over it. */
void epc_start(int pages);
int epc_valid_pages(void);
/* The page that the entry of the page table shows, or NULL. */
struct epcm_entry *epc_shown(struct mm_struct *mm, u64 address);
/* What the driver said: WARNs and what could not go on. */
extern char driver_said[256];

/*
 * What a thread inside the enclave meets. It makes accesses of the kind that take a page of any type and state, as EACCEPT does while it walks
 * the page tables: a page that is pending, modified or trimmed is no fault by itself.
 */
enum access { ACCESS_OK, ACCESS_SIGBUS, ACCESS_SIGSEGV, ACCESS_SGX_FAULT, ACCESS_NEVER };
bool epc_allows(const struct epcm_entry *entry, u64 address);
enum access epc_touch(struct mm_struct *mm, u64 address);
/* EACCEPT of a page of this type. */
enum access epc_accept(struct mm_struct *mm, u64 address, int type);
#endif
