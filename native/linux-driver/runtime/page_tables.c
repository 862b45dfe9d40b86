/* Page tables: an entry is a page frame number, or nothing. */
#include "mappings.h"

/* Never 0, so that an entry is there. */
#define ENTRY(pfn) ((void *)((unsigned long)(pfn) << 12 | 1))
#define PFN(entry) ((unsigned long)(entry) >> 12)

struct change {
	u64 mm, address, number, flags;
};
static void tell_set(void *argument)
{
	struct change *change = argument;

	embedder_->entry_set(embedder_->context, change->mm, change->address, change->number, change->flags);
}
static void tell_cleared(void *argument)
{
	struct change *change = argument;

	embedder_->entries_cleared(embedder_->context, change->mm, change->address, change->number);
}
static void ask_young(void *argument)
{
	struct change *change = argument;

	change->flags = (u64)embedder_->is_young(embedder_->context, change->mm, change->address);
}

vm_fault_t vmf_insert_pfn(struct vm_area_struct *vma, unsigned long address, unsigned long pfn)
{
	struct change change = { vma->vm_mm->name, address, pfn, vma->vm_flags };

	switch_point(POINT_PAGE_TABLE);
	if (address < vma->vm_start || address >= vma->vm_end)
		return VM_FAULT_SIGBUS;
	if (allocation_fails_())
		return VM_FAULT_OOM;
	if (xarray_peek_(&vma->vm_mm->entries, address >> PAGE_SHIFT))
		return VM_FAULT_NOPAGE;
	xa_store_range(&vma->vm_mm->entries, address >> PAGE_SHIFT, address >> PAGE_SHIFT, ENTRY(pfn), GFP_KERNEL);
	on_own_stack(tell_set, &change);
	return VM_FAULT_NOPAGE;
}

void entries_clear_(struct mm_struct *mm, u64 start, u64 end)
{
	struct change change = { mm->name, start, end - start, 0 };
	struct xarray *entries = &mm->entries;
	unsigned long kept = 0, count = entries->count;

	for (unsigned long i = 0; i < count; i++)
		if (entries->ranges[i].first < start >> PAGE_SHIFT || entries->ranges[i].first >= end >> PAGE_SHIFT)
			entries->ranges[kept++] = entries->ranges[i];
	entries->count = kept;
	if (kept != count)
		on_own_stack(tell_cleared, &change);
}

void entries_copy_(struct mm_struct *from, struct vm_area_struct *to)
{
	for (unsigned long i = 0; i < from->entries.count; i++) {
		struct xarray_range_ *range = &from->entries.ranges[i];
		struct change change = { to->vm_mm->name, range->first << PAGE_SHIFT, PFN(range->entry), to->vm_flags };

		if (change.address < to->vm_start || change.address >= to->vm_end)
			continue;
		xa_store_range(&to->vm_mm->entries, range->first, range->first, range->entry, GFP_KERNEL);
		on_own_stack(tell_set, &change);
	}
}

void zap_vma_ptes(struct vm_area_struct *vma, unsigned long address, unsigned long length)
{
	switch_point(POINT_PAGE_TABLE);
	entries_clear_(vma->vm_mm, address, address + length);
}

void set_pte_at(struct mm_struct *mm, unsigned long address, pte_t *place, pte_t entry)
{
	(void)mm;
	(void)address;
	*place = entry;
}

int apply_to_page_range(struct mm_struct *mm, unsigned long address, unsigned long length,
			int (*function)(pte_t *, unsigned long, void *), void *data)
{
	struct change change = { mm->name, address, length, 0 };
	void *there;
	pte_t entry = { 0 };

	switch_point(POINT_PAGE_TABLE);
	there = xarray_peek_(&mm->entries, address >> PAGE_SHIFT);
	if (there) {
		on_own_stack(ask_young, &change);
		entry.value = ((unsigned long)there & ~1UL) | (change.flags != 0);
	}
	return function(&entry, address, data);
}

uint64_t linux_entry(struct mm_struct *mm, uint64_t address)
{
	void *entry = xarray_peek_(&mm->entries, address >> PAGE_SHIFT);

	return entry ? PFN(entry) : ~0ul;
}
uint64_t linux_entries(struct mm_struct *mm)
{
	return mm->entries.count;
}
