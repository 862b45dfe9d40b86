/* Sleepable RCU. */
#include "tasks.h"

int init_srcu_struct(struct srcu_struct *srcu)
{
	memset(srcu, 0, sizeof(*srcu));
	return allocation_fails_() ? -ENOMEM : 0;
}

void cleanup_srcu_struct(struct srcu_struct *srcu)
{
	if (srcu->readers[0] || srcu->readers[1])
		warn_("srcu", 0, "cleanup_srcu_struct with readers");
}

int srcu_read_lock(struct srcu_struct *srcu)
{
	switch_point(POINT_SRCU);
	srcu->readers[srcu->index]++;
	locks_held_(1);
	return srcu->index;
}

void srcu_read_unlock(struct srcu_struct *srcu, int index)
{
	switch_point(POINT_SRCU);
	srcu->readers[index]--;
	locks_held_(-1);
	wake_waiters(srcu);
}

void synchronize_srcu(struct srcu_struct *srcu)
{
	int old;

	may_sleep("synchronize_srcu");
	switch_point(POINT_SRCU);
	/* Those of the turn before are gone: each writer waits for its own turn's. */
	while (srcu->readers[!srcu->index])
		wait_for(srcu);
	old = srcu->index;
	srcu->index = !old;
	while (srcu->readers[old])
		wait_for(srcu);
}
