/* Mappings that the embedder keeps: what the driver says to a new one, and what is there afterwards. */
#include "mappings.h"

int linux_may_mmap(struct mm_struct *mm, struct file *file, uint64_t start, uint64_t end, uint64_t flags, uint64_t offset, uint64_t map_flags)
{
	struct vm_area_struct *vma;
	int error = file->f_op->mmap ? 0 : -ENODEV;

	mmap_write_lock_(mm);
	if (!error && file->f_op->get_unmapped_area) {
		unsigned long address = file->f_op->get_unmapped_area(file, start, end - start, offset, map_flags);

		if (IS_ERR((void *)address))
			error = (int)PTR_ERR((void *)address);
	}
	if (!error) {
		vma = calloc(1, sizeof(*vma));
		vma->vm_start = start;
		vma->vm_end = end;
		vma->vm_flags = flags;
		vma->vm_pgoff = offset;
		vma->vm_mm = mm;
		vma->vm_file = file;
		error = file->f_op->mmap(file, vma);
		if (!error && !file->pattern) {
			file->pattern = vma;
		} else {
			/* Only one that came to be is closed. */
			if (!error && vma->vm_ops && vma->vm_ops->close)
				vma->vm_ops->close(vma);
			free(vma);
		}
	}
	mmap_write_unlock_(mm);
	return error;
}

int linux_may_mprotect(struct mm_struct *mm, uint64_t start, uint64_t end, uint64_t protection)
{
	int error = 0;

	mmap_write_lock_(mm);
	while (start < end && !error) {
		struct vm_area_struct *vma = vma_lookup(mm, start);
		unsigned long part;

		if (!vma)
			break;
		part = min(vma->vm_end, end);
		error = mapping_may_protect_(vma, start, part, (vma->vm_flags & ~VM_ACCESS_FLAGS) | protection);
		start = part;
	}
	mmap_write_unlock_(mm);
	return error;
}

static void set_rights(struct mm_struct *mm, u64 start, u64 end, u64 rights)
{
	mappings_split_(mm, start);
	mappings_split_(mm, end);
	while (start < end) {
		struct vm_area_struct *vma = vma_lookup(mm, start);

		if (!vma)
			return;
		vma->vm_flags = (vma->vm_flags & ~VM_ACCESS_FLAGS) | rights;
		start = vma->vm_end;
	}
}

int linux_follow(struct mm_struct *mm, struct file *file, uint64_t start, uint64_t end, uint64_t rights, uint64_t offset)
{
	struct vm_area_struct *vma;

	mmap_write_lock_(mm);
	vma = vma_lookup(mm, start);
	if (file && vma && vma->vm_file == file && vma->vm_end >= end && vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT) == offset) {
		set_rights(mm, start, end, rights);
	} else {
		mappings_remove_(mm, start, end);
		if (file && file->pattern) {
			vma = mapping_copy_(file->pattern, mm);
			vma->vm_start = start;
			vma->vm_end = end;
			vma->vm_pgoff = offset;
			vma->vm_flags = (vma->vm_flags & ~VM_ACCESS_FLAGS) | rights;
			mappings_put_in_(mm, vma);
			if (vma->vm_ops && vma->vm_ops->open)
				vma->vm_ops->open(vma);
		}
	}
	mmap_write_unlock_(mm);
	return 0;
}
