/* Address spaces: how they begin, fork and end, who hears of it, and the kernel thread that ends them. */
#include "mappings.h"

#define WORK 256
static struct {
	void (*function)(void *);
	void *argument;
} work[WORK];
static int work_count;

void do_later_(void (*function)(void *), void *argument)
{
	if (work_count == WORK)
		fail("more than %d pieces of deferred work", WORK);
	work[work_count].function = function;
	work[work_count++].argument = argument;
	wake_waiters(&work_count);
}

int worker_(void *unused)
{
	(void)unused;
	for (;;) {
		while (!work_count)
			wait_for(&work_count);
		work_count--;
		work[work_count].function(work[work_count].argument);
	}
	return 0;
}

static unsigned long as_asked(struct file *file, unsigned long address, unsigned long length, unsigned long offset, unsigned long flags)
{
	(void)file;
	return mm_get_unmapped_area(NULL, file, address, length, offset, flags);
}

struct mm_struct *linux_mm_new(uint64_t name)
{
	struct mm_struct *mm = calloc(1, sizeof(*mm));

	INIT_LIST_HEAD(&mm->mappings);
	INIT_LIST_HEAD(&mm->notifiers);
	mm->users = 1;
	mm->processors.bits = 1;
	mm->get_unmapped_area = as_asked;
	mm->name = name;
	return mm;
}

struct mm_struct *linux_fork(struct mm_struct *parent, uint64_t name)
{
	struct mm_struct *child = linux_mm_new(name);

	mmap_write_lock_(parent);
	mmap_write_lock_(child);
	mappings_copy_(parent, child);
	mmap_write_unlock_(child);
	mmap_write_unlock_(parent);
	return child;
}

static void end(void *argument)
{
	struct mm_struct *mm = argument;
	struct mmu_notifier *notifier, *following;

	list_for_each_entry_safe(notifier, following, &mm->notifiers, link)
		notifier->ops->release(notifier, mm);
	mappings_remove_(mm, 0, 1ul << 63);
	xa_destroy(&mm->entries);
}

bool mmget_not_zero(struct mm_struct *mm)
{
	switch_point(POINT_ATOMIC);
	if (!mm->users)
		return false;
	mm->users++;
	return true;
}
void mmput_async(struct mm_struct *mm)
{
	switch_point(POINT_ATOMIC);
	if (--mm->users == 0)
		do_later_(end, mm);
}
/* The memory of mm_struct is not given back: who looks at it after its end sees that it has ended. */
void linux_mm_exit(struct mm_struct *mm)
{
	switch_point(POINT_ATOMIC);
	if (--mm->users == 0)
		end(mm);
}

int __mmu_notifier_register(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	mmap_assert_write_locked(mm);
	switch_point(POINT_ALLOCATE);
	if (allocation_fails_())
		return -ENOMEM;
	notifier->mm = mm;
	notifier->is_linked = true;
	list_add(&notifier->link, &mm->notifiers);
	return 0;
}
static void take_out(struct mmu_notifier *notifier)
{
	if (notifier->is_linked)
		list_del(&notifier->link);
	notifier->is_linked = false;
}
void mmu_notifier_unregister(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	switch_point(POINT_ATOMIC);
	if (!notifier->is_linked)
		return;
	notifier->ops->release(notifier, mm);
	take_out(notifier);
}
static void free_notifier(void *argument)
{
	struct mmu_notifier *notifier = argument;

	notifier->ops->free_notifier(notifier);
}
void mmu_notifier_put(struct mmu_notifier *notifier)
{
	switch_point(POINT_ATOMIC);
	take_out(notifier);
	do_later_(free_notifier, notifier);
}
