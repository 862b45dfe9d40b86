/*
 * Locks. A task that would spin waits instead, so others may run under a spinlock, as on other processors. Recursive locks,
 * unlocks by another and sleeping while atomic are reported. Not modelled: interrupts, fairness, adaptive spinning, lockdep's order.
 */
#ifndef KERNEL_LOCKS_H
#define KERNEL_LOCKS_H
struct mutex {
	struct task_struct *owner;
};
typedef struct {
	struct task_struct *owner;
} spinlock_t;
struct rw_semaphore {
	int readers;
	struct task_struct *writer;
};
#define DEFINE_MUTEX(name) struct mutex name = { 0 }
#define DEFINE_SPINLOCK(name) spinlock_t name = { 0 }
void mutex_init(struct mutex *lock);
void mutex_lock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);
bool mutex_is_locked(struct mutex *lock);
void spin_lock_init(spinlock_t *lock);
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
#define lockdep_assert_held(lock) ((void)0)
#endif
