/* Kernel threads and wait queues. They are never frozen; a wake-up of nobody is lost, as the kernel's. */
#ifndef KERNEL_THREADS_H
#define KERNEL_THREADS_H
typedef struct wait_queue_head {
	int unused;
} wait_queue_head_t;
#define DECLARE_WAIT_QUEUE_HEAD(name) wait_queue_head_t name
void wake_up(wait_queue_head_t *queue);
#define wait_event_freezable(queue, condition)                                                 \
	do {                                                                                   \
		while (!(condition))                                                           \
			wait_for(&(queue));                                                    \
	} while (0)
struct task_struct *kthread_run(int (*function)(void *), void *argument, const char *name, ...);
bool kthread_should_stop(void);
int kthread_stop(struct task_struct *task);
#define set_freezable() ((void)0)
#define try_to_freeze() 0
#endif
