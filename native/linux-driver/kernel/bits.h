/* Bits, alignment, page numbers, and the numbers of ioctls (include/uapi/asm-generic/ioctl.h has the layout). */
#ifndef KERNEL_BITS_H
#define KERNEL_BITS_H
#define BITS_PER_LONG 64
#define BIT(number) (1UL << (number))
#define BIT_ULL(number) (1ULL << (number))
#define GENMASK(high, low) ((~0UL << (low)) & (~0UL >> (63 - (high))))
#define GENMASK_ULL(high, low) ((~0ULL << (low)) & (~0ULL >> (63 - (high))))
#define DECLARE_BITMAP(name, bits) unsigned long name[((bits) + 63) / 64]
#define ALIGN(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGNED(x) IS_ALIGNED((unsigned long)(x), PAGE_SIZE)
#define PFN_DOWN(x) ((unsigned long)(x) >> PAGE_SHIFT)
#define PFN_PHYS(x) ((phys_addr_t)(x) << PAGE_SHIFT)

static inline bool is_power_of_2(unsigned long number)
{
	return number && !(number & (number - 1));
}
/* The first byte that differs, as the kernel's. */
void *memchr_inv(const void *start, int value, size_t length);
unsigned long find_first_zero_bit(const unsigned long *bits, unsigned long count);

#define IOCTL_NUMBER_(direction, type, number, size)                                           \
	((unsigned int)((direction) << 30 | (unsigned int)(size) << 16 | (type) << 8 | (number)))
#define _IO(type, number) IOCTL_NUMBER_(0u, type, number, 0)
#define _IOW(type, number, structure) IOCTL_NUMBER_(1u, type, number, sizeof(structure))
#define _IOR(type, number, structure) IOCTL_NUMBER_(2u, type, number, sizeof(structure))
#define _IOWR(type, number, structure) IOCTL_NUMBER_(3u, type, number, sizeof(structure))
#endif
