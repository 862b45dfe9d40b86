/* Kernel memory, pages, the EPC's addresses, and copies from and to the program. */
#include "tasks.h"
#include <malloc.h>
#include <sys/mman.h>
#undef MAP_TYPE

static long fail_at, allocations;
static void *epc;
static size_t epc_size;

void linux_fail_allocation(long number)
{
	fail_at = number;
	allocations = 0;
}
long linux_allocations(void)
{
	return allocations;
}
bool allocation_fails_(void)
{
	return ++allocations == fail_at;
}

void *kmalloc(size_t size, gfp_t flags)
{
	(void)flags;
	may_sleep("kmalloc");
	switch_point(POINT_ALLOCATE);
	if (allocation_fails_())
		return NULL;
	/* What is a page or more lies on pages, as the leaves' operands must. */
	return size >= PAGE_SIZE ? aligned_alloc(PAGE_SIZE, ALIGN(size, PAGE_SIZE)) : malloc(size);
}
void *kzalloc(size_t size, gfp_t flags)
{
	void *memory = kmalloc(size, flags);

	return memory ? memset(memory, 0, size) : NULL;
}
void *kmalloc_array(size_t count, size_t size, gfp_t flags)
{
	return kmalloc(count * size, flags);
}
void *kcalloc(size_t count, size_t size, gfp_t flags)
{
	return kzalloc(count * size, flags);
}
void kfree(const void *memory)
{
	switch_point(POINT_FREE);
	if (memory)
		memset((void *)memory, 0x6b, malloc_usable_size((void *)memory));
	free((void *)memory);
}
void *vmalloc(unsigned long size)
{
	return allocation_fails_() ? NULL : malloc(size);
}
void vfree(const void *memory)
{
	free((void *)memory);
}

void *memremap(u64 physical, size_t size, unsigned long flags)
{
	void *memory = mmap(NULL, size, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)physical;
	(void)flags;
	if (memory == MAP_FAILED)
		return NULL;
	epc = memory;
	epc_size = size;
	return memory;
}
void memunmap(void *memory)
{
	(void)memory;
}
void *linux_epc(void)
{
	return epc;
}

bool is_epc_page_(u64 address)
{
	return address % PAGE_SIZE == 0 && address - (u64)epc < epc_size;
}

struct copy {
	u64 mm, user;
	void *kernel;
	size_t length, left;
	bool is_write;
};
static void ask_copy(void *argument)
{
	struct copy *copy = argument;

	copy->left = copy->is_write ? embedder_->write_user(embedder_->context, copy->mm, copy->user, copy->kernel, copy->length) :
				      embedder_->read_user(embedder_->context, copy->mm, copy->kernel, copy->user, copy->length);
}
static unsigned long copy_user(void *kernel, u64 user, unsigned long length, bool is_write)
{
	struct copy copy = { .mm = current->mm ? current->mm->name : 0, .user = user, .kernel = kernel, .length = length, .is_write = is_write };

	may_sleep(is_write ? "copy_to_user" : "copy_from_user");
	switch_point(POINT_USER);
	on_own_stack(ask_copy, &copy);
	return copy.left;
}
unsigned long copy_from_user(void *to, const void *from, unsigned long length)
{
	return copy_user(to, (u64)from, length, false);
}
unsigned long copy_to_user(void *to, const void *from, unsigned long length)
{
	return copy_user((void *)from, (u64)to, length, true);
}

struct page *page_new_(void)
{
	struct page *page = calloc(1, sizeof(*page));

	page->data = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	memset(page->data, 0, PAGE_SIZE);
	page->references = 1;
	return page;
}
void get_page(struct page *page)
{
	page->references++;
}
void put_page(struct page *page)
{
	if (--page->references)
		return;
	free(page->data);
	free(page);
}
long get_user_page_(unsigned long start, struct page **page)
{
	*page = page_new_();
	if (copy_user((*page)->data, start & PAGE_MASK, PAGE_SIZE, false) == 0)
		return 1;
	put_page(*page);
	return -EFAULT;
}
