/*
 * The XArray: an array of ranges in order. A switch point before each call. Not modelled: marks, reserved entries, values, nodes (so
 * only xa_insert and xa_store can fail for want of memory), RCU freeing of nodes.
 */
#ifndef KERNEL_XARRAY_H
#define KERNEL_XARRAY_H
struct xarray_range_ {
	unsigned long first, last;
	void *entry;
};
struct xarray {
	struct xarray_range_ *ranges;
	unsigned long count, room;
	spinlock_t xa_lock;
};
struct xa_state {
	struct xarray *array;
	unsigned long index;
};
#define DEFINE_XARRAY(name) struct xarray name = { 0 }
#define XA_STATE(name, array, index) struct xa_state name = { (array), (index) }
#define XA_CHECK_SCHED 4096
void xa_init(struct xarray *array);
void xa_destroy(struct xarray *array);
void *xa_load(struct xarray *array, unsigned long index);
int xa_insert(struct xarray *array, unsigned long index, void *entry, gfp_t flags);
void *xa_store(struct xarray *array, unsigned long index, void *entry, gfp_t flags);
void *xa_erase(struct xarray *array, unsigned long index);
void *xa_store_range(struct xarray *array, unsigned long first, unsigned long last, void *entry, gfp_t flags);
static inline int xa_err(void *entry)
{
	return IS_ERR(entry) ? (int)PTR_ERR(entry) : 0;
}
static inline bool xa_empty(const struct xarray *array)
{
	return array->count == 0;
}
/* The first entry from *index on, which becomes its index. */
void *xarray_next_(struct xarray *array, unsigned long *index, unsigned long last);
/* The entry, without a switch point: for the runtime itself. */
void *xarray_peek_(struct xarray *array, unsigned long index);
#define xa_for_each(array, index, entry)                                                       \
	for (index = 0; (entry = xarray_next_(array, &(index), ~0UL)) != NULL; index++)
#define xas_for_each(state, entry, last)                                                       \
	for (; (entry = xarray_next_((state)->array, &(state)->index, last)) != NULL; (state)->index++)
#define xas_lock(state) spin_lock(&(state)->array->xa_lock)
#define xas_unlock(state) spin_unlock(&(state)->array->xa_lock)
/* The place of the state is an index, which stays right over changes. */
#define xas_pause(state) ((void)(state))
#endif
