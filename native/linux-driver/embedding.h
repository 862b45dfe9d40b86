/*
 * What an embedder of the driver sees: the questions that it answers (struct embedder), and what user space and the kernel around the
 * driver do (linux_...). One driver for each loaded object. All calls come on one thread, none from within a question, and every
 * question comes on that thread's own stack when questions_on_own_stack is set.
 */
#ifndef EMBEDDING_H
#define EMBEDDING_H
#include <stddef.h>
#include <stdint.h>
#define EMBEDDING_VERSION 2

struct file;
struct mm_struct;

struct embedder {
	void *context; /* the first argument of each question */
	int questions_on_own_stack;
	/*
	 * No page of the EPC is valid: until another leaf is executed EREMOVE has nothing to do (SDM 3D, EREMOVE), and is no question. ksgxd
	 * executes it for each page at the start.
	 */
	int epc_is_unused;
	/* 0, an SGX error, or 0x40000000 and the number of an exception. Addresses are the driver's: linux_epc() is the EPC's. */
	int (*encls)(void *context, uint32_t leaf, uint64_t rbx, uint64_t rcx, uint64_t rdx, uint64_t *rbx_out);
	/* Bytes that were not copied; mm is a name that linux_mm_new was given. */
	size_t (*read_user)(void *context, uint64_t mm, void *to, uint64_t from, size_t length);
	size_t (*write_user)(void *context, uint64_t mm, uint64_t to, const void *from, size_t length);
	void (*entry_set)(void *context, uint64_t mm, uint64_t address, uint64_t pfn, uint64_t flags);
	void (*entries_cleared)(void *context, uint64_t mm, uint64_t address, uint64_t length);
	/* Whether the page was accessed since the last question. */
	int (*is_young)(void *context, uint64_t mm, uint64_t address);
	/* Every thread leaves the enclave that ETRACK was executed for last. */
	void (*interrupt)(void *context);
	int (*signal_pending)(void *context, uint64_t mm);
	void (*cpuid)(void *context, uint32_t leaf, uint32_t subleaf, uint32_t *registers);
	int (*has_feature)(void *context, int feature);
	void (*write_msr)(void *context, uint32_t number, uint64_t value);
	void (*sha256)(void *context, const void *data, size_t length, void *digest);
	/* The kernel's levels; 1 is a WARN, 0 is what cannot go on: a deadlock, or a recursive lock. */
	void (*log)(void *context, int level, const char *text);
	/*
	 * The flags (VM_...) of the first mapping that ends behind an address of ordinary memory, where no mapping of a device is; 0 for none.
	 * NULL: linux_mmap tells of ordinary memory as well.
	 */
	uint64_t (*mapping)(void *context, uint64_t mm, uint64_t address);
	/* The file that a descriptor stands for. NULL: those of linux_descriptor are all. */
	struct file *(*file)(void *context, uint64_t mm, uint32_t descriptor);
};

/* EMBEDDING_VERSION of what was built. */
int linux_version(void);

/* Starts the driver: 0 or a negated errno. */
int linux_start(const struct embedder *embedder);
/* Ends what linux_start began: the driver's memory stays as it is. */
void linux_stop(void);
void *linux_epc(void);

/* Each call works for the process that linux_run_as named last. */
struct mm_struct *linux_mm_new(uint64_t name);
struct mm_struct *linux_fork(struct mm_struct *parent, uint64_t name);
void linux_mm_exit(struct mm_struct *mm);
void linux_run_as(struct mm_struct *mm, unsigned int personality);

struct file *linux_open(const char *device, int *error);
void linux_close(struct file *file);
int linux_descriptor(struct file *file);
long linux_ioctl(struct file *file, unsigned int command, unsigned long argument);
/* flags are the mapping's (VM_...); file may be NULL. 0 or a negated errno. */
int linux_mmap(struct mm_struct *mm, struct file *file, uint64_t start, uint64_t end, uint64_t flags, uint64_t offset, uint64_t map_flags);
int linux_munmap(struct mm_struct *mm, uint64_t start, uint64_t end);
int linux_mprotect(struct mm_struct *mm, uint64_t start, uint64_t end, uint64_t protection);
/*
 * For an embedder that keeps the mappings itself. linux_may_... ask the driver and change nothing; linux_follow makes the mappings of a
 * range what they are there: the file's, which linux_may_mmap has been asked about, with these rights (VM_READ, ...), or none.
 */
int linux_may_mmap(struct mm_struct *mm, struct file *file, uint64_t start, uint64_t end, uint64_t flags, uint64_t offset, uint64_t map_flags);
int linux_may_mprotect(struct mm_struct *mm, uint64_t start, uint64_t end, uint64_t protection);
int linux_follow(struct mm_struct *mm, struct file *file, uint64_t start, uint64_t end, uint64_t rights, uint64_t offset);
/* The flags of the mapping at the address, or -1. */
int64_t linux_mapping(struct mm_struct *mm, uint64_t address);
/* VM_FAULT_...; 0x40 where nothing is mapped. */
uint32_t linux_fault(struct mm_struct *mm, uint64_t address, unsigned int flags);
int linux_access(struct mm_struct *mm, uint64_t address, void *data, int length, int is_write);
/* The page frame that the entry shows, or ~0. */
uint64_t linux_entry(struct mm_struct *mm, uint64_t address);
uint64_t linux_entries(struct mm_struct *mm);

/* What a machine check does, and KVM. */
int linux_memory_failure(uint64_t pfn, int flags);

/* Kernel threads, until none has anything to do. Returns how many tasks wait for ever. */
int linux_idle(void);
/* The n-th allocation from now fails; 0: none does. */
void linux_fail_allocation(long number);
/* How many allocations there were since then. */
long linux_allocations(void);
int linux_warnings(void);
/* Pages of shared memory that hold something. */
uint64_t linux_backing_pages(void);

/*
 * Calls one of the functions above, which has up to seven arguments of a register each, for a process. It has a stack of its own: what is
 * wrong in the driver ends the call and not the embedder. With pages, a long ioctl is over for now after about so many of them, where
 * it holds no lock. Kernel threads run where it waits for one, and without a function until none has anything to do.
 */
struct linux_call {
	long (*function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
	uint64_t arguments[7];
	int64_t result;
	struct mm_struct *mm;
	uint64_t personality;
	void *task; /* NULL at first */
};
enum { LINUX_DONE, LINUX_AGAIN, LINUX_FAILED };
int linux_call(struct linux_call *call, int pages);

/* What went wrong: in the kernel's words, and the addresses of calls, the innermost first, less where the object was loaded. */
#define LINUX_FRAMES 32
struct linux_failure {
	char text[512];
	uint64_t frames[LINUX_FRAMES];
	int32_t count;
};
const struct linux_failure *linux_failure(void);
#endif
