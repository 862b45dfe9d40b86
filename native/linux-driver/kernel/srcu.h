/* Sleepable RCU: two counters of readers, and a writer that waits for those who came before it. Callbacks are not modelled. */
#ifndef KERNEL_SRCU_H
#define KERNEL_SRCU_H
struct srcu_struct {
	int index;
	int readers[2];
};
int init_srcu_struct(struct srcu_struct *srcu);
/* Reports readers that are still there. */
void cleanup_srcu_struct(struct srcu_struct *srcu);
int srcu_read_lock(struct srcu_struct *srcu);
void srcu_read_unlock(struct srcu_struct *srcu, int index);
void synchronize_srcu(struct srcu_struct *srcu);
#endif
