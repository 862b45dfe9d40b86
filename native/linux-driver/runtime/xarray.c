/* The XArray: ranges in order, found by halves. */
#include "tasks.h"

void xa_init(struct xarray *array)
{
	memset(array, 0, sizeof(*array));
}

/* The first range that ends at the index or behind it. */
static unsigned long place_of(const struct xarray *array, unsigned long index)
{
	unsigned long low = 0, high = array->count;

	while (low < high) {
		unsigned long middle = (low + high) / 2;

		if (array->ranges[middle].last < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *xarray_peek_(struct xarray *array, unsigned long index)
{
	unsigned long place = place_of(array, index);

	return place < array->count && array->ranges[place].first <= index ? array->ranges[place].entry : NULL;
}

static void insert(struct xarray *array, unsigned long first, unsigned long last, void *entry)
{
	unsigned long place = place_of(array, first);

	if (array->count == array->room) {
		array->room = array->room ? 2 * array->room : 16;
		array->ranges = realloc(array->ranges, array->room * sizeof(*array->ranges));
	}
	memmove(array->ranges + place + 1, array->ranges + place, (array->count - place) * sizeof(*array->ranges));
	array->ranges[place] = (struct xarray_range_){ first, last, entry };
	array->count++;
}

static void *take_out(struct xarray *array, unsigned long index)
{
	unsigned long place = place_of(array, index);
	void *entry;

	if (place >= array->count || array->ranges[place].first > index)
		return NULL;
	entry = array->ranges[place].entry;
	array->count--;
	memmove(array->ranges + place, array->ranges + place + 1, (array->count - place) * sizeof(*array->ranges));
	return entry;
}

void *xa_load(struct xarray *array, unsigned long index)
{
	switch_point(POINT_XARRAY);
	return xarray_peek_(array, index);
}

int xa_insert(struct xarray *array, unsigned long index, void *entry, gfp_t flags)
{
	(void)flags;
	may_sleep("xa_insert");
	switch_point(POINT_XARRAY);
	if (xarray_peek_(array, index))
		return -EBUSY;
	if (allocation_fails_())
		return -ENOMEM;
	insert(array, index, index, entry);
	return 0;
}

void *xa_store(struct xarray *array, unsigned long index, void *entry, gfp_t flags)
{
	void *old;

	(void)flags;
	may_sleep("xa_store");
	switch_point(POINT_XARRAY);
	if (allocation_fails_())
		return ERR_PTR(-ENOMEM);
	old = take_out(array, index);
	if (entry)
		insert(array, index, index, entry);
	return old;
}

void *xa_erase(struct xarray *array, unsigned long index)
{
	switch_point(POINT_XARRAY);
	return take_out(array, index);
}

void *xa_store_range(struct xarray *array, unsigned long first, unsigned long last, void *entry, gfp_t flags)
{
	(void)flags;
	insert(array, first, last, entry);
	return NULL;
}

void xa_destroy(struct xarray *array)
{
	free(array->ranges);
	xa_init(array);
}

void *xarray_next_(struct xarray *array, unsigned long *index, unsigned long last)
{
	unsigned long place;

	switch_point(POINT_XARRAY);
	place = place_of(array, *index);
	if (place >= array->count || array->ranges[place].first > last)
		return NULL;
	*index = max(*index, array->ranges[place].first);
	return array->ranges[place].entry;
}
