/*
 * Plain accesses to memory as switch points. gcc's -fsanitize=thread puts a call before each access of the driver's files; these stand in
 * for libtsan. What lies on the task's own stack nobody else sees.
 */
#include "../runtime/tasks.h"

static void access_memory(const void *address, enum point kind)
{
	if (!task_has_on_stack(address))
		switch_point(kind);
}

#define ACCESS(name, kind)                                                                     \
	void __tsan_##name(void *address);                                                     \
	void __tsan_##name(void *address)                                                      \
	{                                                                                      \
		access_memory(address, kind);                                                  \
	}
ACCESS(read1, POINT_READ)
ACCESS(read2, POINT_READ)
ACCESS(read4, POINT_READ)
ACCESS(read8, POINT_READ)
ACCESS(read16, POINT_READ)
ACCESS(write1, POINT_WRITE)
ACCESS(write2, POINT_WRITE)
ACCESS(write4, POINT_WRITE)
ACCESS(write8, POINT_WRITE)
ACCESS(write16, POINT_WRITE)
ACCESS(unaligned_read2, POINT_READ)
ACCESS(unaligned_read4, POINT_READ)
ACCESS(unaligned_read8, POINT_READ)
ACCESS(unaligned_write2, POINT_WRITE)
ACCESS(unaligned_write4, POINT_WRITE)
ACCESS(unaligned_write8, POINT_WRITE)

#define RANGE(name, kind)                                                                      \
	void __tsan_##name(void *address, unsigned long length);                               \
	void __tsan_##name(void *address, unsigned long length)                                \
	{                                                                                      \
		(void)length;                                                                  \
		access_memory(address, kind);                                                  \
	}
RANGE(read_range, POINT_READ)
RANGE(write_range, POINT_WRITE)

void __tsan_init(void);
void __tsan_init(void)
{
}
void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
	(void)caller;
}
void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}
