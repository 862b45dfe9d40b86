/* Mappings of an address space: mmap, munmap, mprotect, faults, and access from outside. */
#include "mappings.h"

void mmap_read_lock(struct mm_struct *mm)
{
	may_sleep("mmap_read_lock");
	switch_point(POINT_LOCK);
	while (mm->mmap_lock.writer)
		wait_for(&mm->mmap_lock);
	mm->mmap_lock.readers++;
	locks_held_(1);
}
void mmap_read_unlock(struct mm_struct *mm)
{
	switch_point(POINT_UNLOCK);
	mm->mmap_lock.readers--;
	locks_held_(-1);
	wake_waiters(&mm->mmap_lock);
}
void mmap_write_lock_(struct mm_struct *mm)
{
	may_sleep("mmap_write_lock");
	switch_point(POINT_LOCK);
	while (mm->mmap_lock.writer || mm->mmap_lock.readers)
		wait_for(&mm->mmap_lock);
	mm->mmap_lock.writer = current;
	locks_held_(1);
}
void mmap_write_unlock_(struct mm_struct *mm)
{
	switch_point(POINT_UNLOCK);
	mm->mmap_lock.writer = NULL;
	locks_held_(-1);
	wake_waiters(&mm->mmap_lock);
}
void mmap_assert_write_locked(struct mm_struct *mm)
{
	if (mm->mmap_lock.writer != current)
		warn_("mm", 0, "mmap_lock is not held for writing");
}

struct question {
	struct mm_struct *mm;
	u64 address, flags;
};
static void ask_mapping(void *argument)
{
	struct question *question = argument;

	question->flags = embedder_->mapping(embedder_->context, question->mm->name, question->address);
}
/* Where it begins and ends nobody asks. */
static struct vm_area_struct *outside(struct mm_struct *mm, u64 address)
{
	struct question question = { mm, address, 0 };

	on_own_stack(ask_mapping, &question);
	if (!question.flags)
		return NULL;
	mm->outside = (struct vm_area_struct){ .vm_start = address & PAGE_MASK, .vm_end = (address & PAGE_MASK) + PAGE_SIZE, .vm_flags = question.flags, .vm_mm = mm };
	return &mm->outside;
}

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma;

	if (!mm->mmap_lock.readers && !mm->mmap_lock.writer)
		warn_("mm", 0, "find_vma without mmap_lock");
	list_for_each_entry(vma, &mm->mappings, link)
		if (address < vma->vm_end)
			break;
	if (&vma->link != &mm->mappings && (vma->vm_start <= address || !embedder_->mapping))
		return vma;
	return embedder_->mapping ? outside(mm, address) : NULL;
}
struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->mappings, link)
		if (address < vma->vm_end)
			return vma->vm_start <= address ? vma : NULL;
	return NULL;
}

void mappings_put_in_(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct list_head *place = mm->mappings.next;

	while (place != &mm->mappings && list_entry(place, struct vm_area_struct, link)->vm_start < vma->vm_start)
		place = place->next;
	list_add_tail(&vma->link, place);
}

struct vm_area_struct *mapping_copy_(const struct vm_area_struct *vma, struct mm_struct *mm)
{
	struct vm_area_struct *copy = malloc(sizeof(*copy));

	*copy = *vma;
	copy->vm_mm = mm;
	if (copy->vm_file)
		copy->vm_file->references++;
	return copy;
}

/* The new part hears of it by open; what was there is cut afterwards, as the kernel's __split_vma does it. */
void mappings_split_(struct mm_struct *mm, u64 address)
{
	struct vm_area_struct *vma, *upper;

	list_for_each_entry(vma, &mm->mappings, link) {
		if (vma->vm_start >= address || address >= vma->vm_end)
			continue;
		upper = mapping_copy_(vma, mm);
		upper->vm_pgoff += (address - vma->vm_start) >> PAGE_SHIFT;
		upper->vm_start = address;
		if (upper->vm_ops && upper->vm_ops->open)
			upper->vm_ops->open(upper);
		vma->vm_end = address;
		mappings_put_in_(mm, upper);
		return;
	}
}

void mappings_remove_(struct mm_struct *mm, u64 start, u64 end)
{
	struct vm_area_struct *vma, *following;

	mappings_split_(mm, start);
	mappings_split_(mm, end);
	entries_clear_(mm, start, end);
	list_for_each_entry_safe(vma, following, &mm->mappings, link) {
		struct file *file = vma->vm_file;

		if (vma->vm_start < start || vma->vm_end > end)
			continue;
		if (vma->vm_ops && vma->vm_ops->close)
			vma->vm_ops->close(vma);
		list_del(&vma->link);
		free(vma);
		if (file)
			fput(file);
	}
}

void mappings_copy_(struct mm_struct *from, struct mm_struct *to)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &from->mappings, link) {
		struct vm_area_struct *copy;

		if (vma->vm_flags & VM_DONTCOPY)
			continue;
		copy = mapping_copy_(vma, to);
		mappings_put_in_(to, copy);
		if (copy->vm_ops && copy->vm_ops->open)
			copy->vm_ops->open(copy);
		/* What no fault of ordinary memory could bring back is copied at once (vma_needs_copy of mm/memory.c). */
		if (copy->vm_flags & VM_PFNMAP)
			entries_copy_(from, copy);
	}
}

int linux_mmap(struct mm_struct *mm, struct file *file, uint64_t start, uint64_t end, uint64_t flags, uint64_t offset, uint64_t map_flags)
{
	struct vm_area_struct *vma;
	int error = 0;

	mmap_write_lock_(mm);
	if (file && !file->f_op->mmap)
		error = -ENODEV;
	if (!error && file && file->f_op->get_unmapped_area) {
		unsigned long address = file->f_op->get_unmapped_area(file, start, end - start, offset, map_flags);

		if (IS_ERR((void *)address))
			error = (int)PTR_ERR((void *)address);
	}
	if (error) {
		mmap_write_unlock_(mm);
		return error;
	}
	/* What was there goes before the driver is asked (mmap_region, until 6.11; since then an error leaves it). */
	mappings_remove_(mm, start, end);
	vma = calloc(1, sizeof(*vma));
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_flags = flags;
	vma->vm_pgoff = offset;
	vma->vm_mm = mm;
	if (file) {
		vma->vm_file = file;
		file->references++;
		error = file->f_op->mmap(file, vma);
	}
	if (error) {
		file->references--;
		free(vma);
	} else {
		mappings_put_in_(mm, vma);
	}
	mmap_write_unlock_(mm);
	return error;
}

int linux_munmap(struct mm_struct *mm, uint64_t start, uint64_t end)
{
	mmap_write_lock_(mm);
	mappings_remove_(mm, start, end);
	mmap_write_unlock_(mm);
	return 0;
}

int mapping_may_protect_(struct vm_area_struct *vma, unsigned long start, unsigned long end, unsigned long flags)
{
	if (flags & ~(flags >> 4) & VM_ACCESS_FLAGS)
		return -EACCES;
	return vma->vm_ops && vma->vm_ops->mprotect ? vma->vm_ops->mprotect(vma, start, end, flags) : 0;
}

int linux_mprotect(struct mm_struct *mm, uint64_t start, uint64_t end, uint64_t protection)
{
	int error = 0;

	mmap_write_lock_(mm);
	while (start < end && !error) {
		struct vm_area_struct *vma = vma_lookup(mm, start);
		unsigned long part, flags;

		if (!vma) {
			error = -ENOMEM;
			break;
		}
		part = min(vma->vm_end, end);
		flags = (vma->vm_flags & ~VM_ACCESS_FLAGS) | protection;
		error = mapping_may_protect_(vma, start, part, flags);
		if (!error) {
			mappings_split_(mm, start);
			mappings_split_(mm, part);
			vma_lookup(mm, start)->vm_flags = flags;
		}
		start = part;
	}
	mmap_write_unlock_(mm);
	return error;
}

int64_t linux_mapping(struct mm_struct *mm, uint64_t address)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->mappings, link)
		if (vma->vm_start <= address && address < vma->vm_end)
			return (int64_t)vma->vm_flags;
	return -1;
}

uint32_t linux_fault(struct mm_struct *mm, uint64_t address, unsigned int flags)
{
	struct vm_area_struct *vma;
	vm_fault_t result = VM_FAULT_SIGSEGV;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, address);
	if (vma && vma->vm_ops && vma->vm_ops->fault) {
		struct vm_fault fault = { vma, address & PAGE_MASK, flags };

		result = vma->vm_ops->fault(&fault);
	}
	/* Who asks to try again has let the lock go. */
	if (!(result & VM_FAULT_RETRY))
		mmap_read_unlock(mm);
	return result;
}

int linux_access(struct mm_struct *mm, uint64_t address, void *data, int length, int is_write)
{
	struct vm_area_struct *vma;
	int result = -EIO;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, address);
	if (vma && vma->vm_ops && vma->vm_ops->access)
		result = vma->vm_ops->access(vma, address, data, length, is_write);
	mmap_read_unlock(mm);
	return result;
}
