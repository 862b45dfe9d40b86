/* Mappings of an address space, for the runtime itself: mmap_lock is held. */
#ifndef RUNTIME_MAPPINGS_H
#define RUNTIME_MAPPINGS_H
#include "tasks.h"
void mmap_write_lock_(struct mm_struct *mm);
void mmap_write_unlock_(struct mm_struct *mm);
void entries_clear_(struct mm_struct *mm, u64 start, u64 end);
void entries_copy_(struct mm_struct *from, struct vm_area_struct *to);
void mappings_remove_(struct mm_struct *mm, u64 start, u64 end);
void mappings_put_in_(struct mm_struct *mm, struct vm_area_struct *vma);
void mappings_split_(struct mm_struct *mm, u64 address);
int mapping_may_protect_(struct vm_area_struct *vma, unsigned long start, unsigned long end, unsigned long flags);
struct vm_area_struct *mapping_copy_(const struct vm_area_struct *vma, struct mm_struct *mm);
void mappings_copy_(struct mm_struct *from, struct mm_struct *to);
/* Later, in a kernel thread. */
void do_later_(void (*function)(void *), void *argument);
#endif
