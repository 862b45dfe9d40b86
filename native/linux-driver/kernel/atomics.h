/* Atomic bits, counters and references: a switch point before each, none within. */
#ifndef KERNEL_ATOMICS_H
#define KERNEL_ATOMICS_H
static inline bool test_bit(long bit, const volatile unsigned long *bits)
{
	switch_point(POINT_ATOMIC);
	return bits[bit >> 6] >> (bit & 63) & 1;
}
static inline void set_bit(long bit, volatile unsigned long *bits)
{
	switch_point(POINT_ATOMIC);
	bits[bit >> 6] |= 1UL << (bit & 63);
}
static inline void clear_bit(long bit, volatile unsigned long *bits)
{
	switch_point(POINT_ATOMIC);
	bits[bit >> 6] &= ~(1UL << (bit & 63));
}
static inline bool test_and_set_bit(long bit, volatile unsigned long *bits)
{
	bool was;

	switch_point(POINT_ATOMIC);
	was = bits[bit >> 6] >> (bit & 63) & 1;
	bits[bit >> 6] |= 1UL << (bit & 63);
	return was;
}

typedef struct {
	long value;
} atomic_long_t;
typedef struct {
	int value;
} atomic_t;
#define ATOMIC_LONG_INIT(initial) { (initial) }
#define ATOMIC_INIT(initial) { (initial) }
static inline long atomic_long_read(const atomic_long_t *counter)
{
	switch_point(POINT_ATOMIC);
	return counter->value;
}
static inline void atomic_long_inc(atomic_long_t *counter)
{
	switch_point(POINT_ATOMIC);
	counter->value++;
}
static inline void atomic_long_dec(atomic_long_t *counter)
{
	switch_point(POINT_ATOMIC);
	counter->value--;
}

/* A get of a dead object is reported, as refcount_t does; saturation is not modelled. */
struct kref {
	int count;
};
static inline void kref_init(struct kref *reference)
{
	reference->count = 1;
}
void kref_get(struct kref *reference);
int kref_get_unless_zero(struct kref *reference);
int kref_put(struct kref *reference, void (*release)(struct kref *));
#endif
