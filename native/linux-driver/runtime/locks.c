/* Mutexes and spinlocks are the same here: an owner, and others that wait until there is none. */
#include "tasks.h"

void spinlocks_held_(int change);

static void lock(struct task_struct **owner, const char *call)
{
	switch_point(POINT_LOCK);
	if (*owner == current)
		fail("recursive %s by %s", call, task_name(task_current()));
	while (*owner)
		wait_for(owner);
	*owner = current;
}

static void unlock(struct task_struct **owner, const char *call)
{
	switch_point(POINT_UNLOCK);
	if (*owner != current)
		warn_("lock", 0, "%s by %s, who does not hold it", call, task_name(task_current()));
	*owner = NULL;
	wake_waiters(owner);
}

void mutex_init(struct mutex *mutex)
{
	mutex->owner = NULL;
}
/*
 * Who takes locks again and again and nobody else has run may wait for somebody: sgx_encl_reserve_page for ksgxd, which runs on another
 * processor meanwhile.
 */
#define PATIENCE 1000
static void let_others_run(void)
{
	static const struct task_struct *last;
	static int times;

	times = last == current ? times + 1 : 0;
	last = current;
	if (times < PATIENCE)
		return;
	times = 0;
	task_yield();
}

void mutex_lock(struct mutex *mutex)
{
	may_sleep("mutex_lock");
	slice_point();
	let_others_run();
	lock(&mutex->owner, "mutex_lock");
	locks_held_(1);
}
void mutex_unlock(struct mutex *mutex)
{
	locks_held_(-1);
	unlock(&mutex->owner, "mutex_unlock");
}
bool mutex_is_locked(struct mutex *mutex)
{
	return mutex->owner != NULL;
}

void spin_lock_init(spinlock_t *spinlock)
{
	spinlock->owner = NULL;
}
void spin_lock(spinlock_t *spinlock)
{
	lock(&spinlock->owner, "spin_lock");
	spinlocks_held_(1);
}
void spin_unlock(spinlock_t *spinlock)
{
	spinlocks_held_(-1);
	unlock(&spinlock->owner, "spin_unlock");
}
