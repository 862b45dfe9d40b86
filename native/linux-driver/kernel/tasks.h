/*
 * Tasks: what runs the driver's code. They take turns; each kernel call that another processor could notice is a switch
 * point, and a policy says where a turn ends (../runtime/tasks.c).
 */
#ifndef KERNEL_TASKS_H
#define KERNEL_TASKS_H
struct mm_struct;
struct task_struct {
	struct mm_struct *mm;
	unsigned int personality;
	int number;
};
extern struct task_struct *current_task_;
#define current current_task_
#define READ_IMPLIES_EXEC 0x0400000

enum point {
	POINT_LOCK,
	POINT_UNLOCK,
	POINT_ALLOCATE,
	POINT_FREE,
	POINT_ENCLS,
	POINT_XARRAY,
	POINT_ATOMIC,
	POINT_RESCHEDULE,
	POINT_SRCU,
	POINT_USER,
	POINT_PAGE_TABLE,
	POINT_READ,
	POINT_WRITE,
};
/* Others may have their turn here. */
void switch_point(enum point kind);
/* The current task waits until somebody says that the object has changed. */
void wait_for(const void *object);
void wake_waiters(const void *object);
/* Reports a call that may sleep where the caller may not: under a spinlock or with preemption off. */
void may_sleep(const char *call);
extern int preemption_off_;

/* The embedder says whether a signal waits. */
int signal_pending(struct task_struct *task);
/* True while schedules are explored and in a call that may be over for now, else false. */
bool need_resched(void);
/* A switch point; it does not look whether anybody waits. */
#define cond_resched() (may_sleep("cond_resched"), switch_point(POINT_RESCHEDULE))
/* Passes no time. */
unsigned long msleep_interruptible(unsigned int milliseconds);
/* Logged, not delivered. */
void force_sig(int signal);
#define SIGBUS 7
/* Counted for may_sleep; another processor goes on as it does on hardware. */
#define preempt_disable() ((void)preemption_off_++)
#define preempt_enable() ((void)preemption_off_--)
#define preemptible() (preemption_off_ == 0)
#endif
