/*
 * Kernel memory and copies from and to the program. Each allocation that may fail can be made to (fail_allocation). GFP flags are
 * ignored; there is no reclaim of ordinary memory, no memory cgroup, no slab that reports what is left behind.
 */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H
#define GFP_KERNEL 0u
void *kmalloc(size_t size, gfp_t flags);
void *kzalloc(size_t size, gfp_t flags);
void *kmalloc_array(size_t count, size_t size, gfp_t flags);
void *kcalloc(size_t count, size_t size, gfp_t flags);
/* Freed memory is filled, so that its use is seen more often than not. */
void kfree(const void *memory);
void *vmalloc(unsigned long size);
void vfree(const void *memory);
/* True when this allocation is the one that shall fail. */
bool allocation_fails_(void);

/* Memory that nobody may touch: a driver that dereferences the EPC ends there. */
#define MEMREMAP_WB 1
void *memremap(u64 physical, size_t size, unsigned long flags);
void memunmap(void *memory);
/* Whether it is the address of a page of it. */
bool is_epc_page_(u64 address);

/* The embedder copies. How much of an unreadable range was copied is its answer. */
unsigned long copy_from_user(void *to, const void __user *from, unsigned long length);
unsigned long copy_to_user(void __user *to, const void *from, unsigned long length);
#define access_ok(pointer, length)                                                             \
	((unsigned long)(length) <= 0x7ffffffff000UL && (unsigned long)(pointer) <= 0x7ffffffff000UL - (unsigned long)(length))
#define __uaccess_begin() ((void)0)
#define __uaccess_end() ((void)0)

/* Pages of ordinary memory, with a count of references. All of it is mapped always. */
struct page {
	void *data;
	int references;
};
struct page *page_new_(void);
void get_page(struct page *page);
void put_page(struct page *page);
/* A copy of one page as it is now, where the kernel pins the page itself: what the program writes meanwhile is not seen. Release 6.1 has a fifth argument. */
long get_user_page_(unsigned long start, struct page **page);
#define get_user_pages(start, count, flags, pages, ...) get_user_page_(start, pages)
#define set_page_dirty(page) ((void)(page))
static inline void *kmap_local_page(struct page *page)
{
	return page->data;
}
static inline void kunmap_local(const void *address)
{
	(void)address;
}
#define kmap_atomic kmap_local_page
#define kunmap_atomic kunmap_local

/* One memory cgroup, which is none. */
struct mem_cgroup;
#define get_mem_cgroup_from_mm(mm) ((void)(mm), (struct mem_cgroup *)NULL)
static inline struct mem_cgroup *set_active_memcg(struct mem_cgroup *group)
{
	return group;
}
#define mem_cgroup_get(group) ((void)(group))
#define mem_cgroup_put(group) ((void)(group))
#endif
