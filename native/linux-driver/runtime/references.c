/* Reference counts, and bits that are searched. */
#include "tasks.h"

void kref_get(struct kref *reference)
{
	switch_point(POINT_ATOMIC);
	if (reference->count <= 0)
		warn_("kref", 0, "kref_get of %d", reference->count);
	reference->count++;
}

int kref_get_unless_zero(struct kref *reference)
{
	switch_point(POINT_ATOMIC);
	if (reference->count == 0)
		return 0;
	reference->count++;
	return 1;
}

int kref_put(struct kref *reference, void (*release)(struct kref *))
{
	switch_point(POINT_ATOMIC);
	if (reference->count <= 0)
		warn_("kref", 0, "kref_put of %d", reference->count);
	if (--reference->count)
		return 0;
	release(reference);
	return 1;
}

void *memchr_inv(const void *start, int value, size_t length)
{
	const u8 *bytes = start;

	for (size_t i = 0; i < length; i++)
		if (bytes[i] != (u8)value)
			return (void *)(bytes + i);
	return NULL;
}

unsigned long find_first_zero_bit(const unsigned long *bits, unsigned long count)
{
	for (unsigned long i = 0; i < count; i += BITS_PER_LONG)
		if (~bits[i / BITS_PER_LONG]) {
			i += (unsigned long)__builtin_ctzl(~bits[i / BITS_PER_LONG]);
			return min(i, count);
		}
	return count;
}
