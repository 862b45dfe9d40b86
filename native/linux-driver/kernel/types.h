/* Types, annotations and small macros. Annotations for sparse and for sections mean nothing here. */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef unsigned int gfp_t, vm_fault_t;
typedef unsigned long pgoff_t, vm_flags_t;
typedef u64 phys_addr_t;
typedef unsigned short umode_t;

#define __user
#define __iomem
#define __init
#define __exit
#define __rcu
#define __force
#define __must_check
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __packed __attribute__((packed))
#define __aligned(bytes) __attribute__((aligned(bytes)))
#define __maybe_unused __attribute__((unused))
#define noinline __attribute__((noinline))
#define fallthrough __attribute__((__fallthrough__))
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#define READ_ONCE(x) (*(volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#define barrier() __asm__ volatile("" ::: "memory")
/* Tasks take turns, so every order seen here is sequentially consistent: what a missing barrier does is not found. */
#define smp_mb() barrier()
#define smp_rmb() barrier()
#define smp_wmb() barrier()

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define BUILD_BUG_ON(condition) _Static_assert(!(condition), "BUILD_BUG_ON")
#define min(a, b)                                                                              \
	({                                                                                     \
		__typeof__(a) first_ = (a);                                                    \
		__typeof__(b) second_ = (b);                                                   \
		first_ < second_ ? first_ : second_;                                           \
	})
#define max(a, b)                                                                              \
	({                                                                                     \
		__typeof__(a) first_ = (a);                                                    \
		__typeof__(b) second_ = (b);                                                   \
		first_ > second_ ? first_ : second_;                                           \
	})
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))

/* Nothing is loaded or exported; the initcall is called by the embedder. */
#define THIS_MODULE ((void *)0)
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)
#define MODULE_LICENSE(text)
int driver_initcall(void);
#define device_initcall(function)                                                              \
	int driver_initcall(void)                                                              \
	{                                                                                      \
		return function();                                                             \
	}
#endif
