/*
 * Address spaces, mappings, page tables and their notifiers. Mappings are never merged. Not modelled: mremap, the per-mapping lock of
 * faults (the driver has none), transparent huge pages, accounting, the order of the kernel's own retries.
 */
#ifndef KERNEL_MAPPINGS_H
#define KERNEL_MAPPINGS_H
#define VM_READ 1UL
#define VM_WRITE 2UL
#define VM_EXEC 4UL
#define VM_SHARED 8UL
#define VM_MAYREAD 0x10UL
#define VM_MAYWRITE 0x20UL
#define VM_MAYEXEC 0x40UL
#define VM_MAYSHARE 0x80UL
#define VM_PFNMAP 0x400UL
#define VM_IO 0x4000UL
#define VM_DONTCOPY 0x20000UL
#define VM_DONTEXPAND 0x40000UL
#define VM_NORESERVE 0x200000UL
#define VM_DONTDUMP 0x4000000UL
#define VM_ACCESS_FLAGS (VM_READ | VM_WRITE | VM_EXEC)
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_TYPE 0xf
#define MAP_FIXED 0x10
#define VM_FAULT_OOM 0x1u
#define VM_FAULT_SIGBUS 0x2u
#define VM_FAULT_SIGSEGV 0x40u
#define VM_FAULT_NOPAGE 0x100u
#define VM_FAULT_RETRY 0x400u
#define FAULT_FLAG_ALLOW_RETRY 4
#define _calc_vm_trans(x, from, to)                                                            \
	((from) <= (to) ? ((x) & (from)) * ((to) / (from)) : ((x) & (from)) / ((from) / (to)))
/* PROT_READ, WRITE and EXEC are the same bits as the flags of a mapping. */
static inline unsigned long calc_vm_prot_bits(unsigned long protection, unsigned long key)
{
	(void)key;
	return protection & VM_ACCESS_FLAGS;
}

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long address;
	unsigned int flags;
};
struct vm_operations_struct {
	void (*open)(struct vm_area_struct *);
	void (*close)(struct vm_area_struct *);
	vm_fault_t (*fault)(struct vm_fault *);
	vm_fault_t (*pfn_mkwrite)(struct vm_fault *);
	int (*mprotect)(struct vm_area_struct *, unsigned long, unsigned long, unsigned long);
	int (*access)(struct vm_area_struct *, unsigned long, void *, int, int);
	int (*may_split)(struct vm_area_struct *, unsigned long);
};
struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags, vm_pgoff;
	struct mm_struct *vm_mm;
	const struct vm_operations_struct *vm_ops;
	void *vm_private_data;
	struct file *vm_file;
	struct list_head link;
};
/* All threads count as on one processor, number 0. */
typedef struct {
	unsigned long bits;
} cpumask_t;
struct mm_struct {
	struct list_head mappings, notifiers;
	struct rw_semaphore mmap_lock;
	int users;
	cpumask_t processors;
	struct xarray entries; /* the page table */
	unsigned long (*get_unmapped_area)(struct file *, unsigned long, unsigned long, unsigned long, unsigned long);
	unsigned long name; /* the embedder's */
	struct vm_area_struct outside; /* stands for ordinary memory that the embedder has */
};
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
/* Reported when mmap_lock is not held. */
struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long address);
struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long address);
void mmap_read_lock(struct mm_struct *mm);
void mmap_read_unlock(struct mm_struct *mm);
void mmap_assert_write_locked(struct mm_struct *mm);
bool mmget_not_zero(struct mm_struct *mm);
/* The last one tears the address space down later, in a kernel thread, as the kernel's. */
void mmput_async(struct mm_struct *mm);
#define mmput mmput_async
/* The range that was asked for is free, always. Until 6.9 it was a member of mm_struct. */
#define mm_get_unmapped_area(mm, file, address, length, offset, flags)                          \
	((void)(length), (void)(offset), (void)(flags), (unsigned long)(address))

/* An entry that stands there stays, whatever it shows. */
vm_fault_t vmf_insert_pfn(struct vm_area_struct *vma, unsigned long address, unsigned long pfn);
void zap_vma_ptes(struct vm_area_struct *vma, unsigned long address, unsigned long length);
/* The accessed bit is the embedder's to say; reading it through apply_to_page_range forgets it. */
typedef struct {
	unsigned long value;
} pte_t;
#define pte_young(entry) ((int)((entry).value & 1))
static inline pte_t pte_mkold(pte_t entry)
{
	return (pte_t){ entry.value & ~1UL };
}
void set_pte_at(struct mm_struct *mm, unsigned long address, pte_t *place, pte_t entry);
/* One page; an absent entry is an entry of zeros, as it is after the kernel has made the table for it. */
int apply_to_page_range(struct mm_struct *mm, unsigned long address, unsigned long length,
			int (*function)(pte_t *, unsigned long, void *), void *data);

/* release is called at the end of the address space and at unregister; free_notifier later, in a kernel thread. Ranges are not told. */
struct mmu_notifier;
struct mmu_notifier_ops {
	void (*release)(struct mmu_notifier *, struct mm_struct *);
	void (*free_notifier)(struct mmu_notifier *);
};
struct mmu_notifier {
	const struct mmu_notifier_ops *ops;
	struct mm_struct *mm;
	struct list_head link;
	bool is_linked;
};
int __mmu_notifier_register(struct mmu_notifier *notifier, struct mm_struct *mm);
void mmu_notifier_unregister(struct mmu_notifier *notifier, struct mm_struct *mm);
void mmu_notifier_put(struct mmu_notifier *notifier);
#endif
