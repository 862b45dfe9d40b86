/* How the driver begins and ends. */
#include "tasks.h"

int worker_(void *unused);
const struct embedder *embedder_;
static struct embedder copy;

int linux_start(const struct embedder *embedder)
{
	int error;

	copy = *embedder;
	embedder_ = &copy;
	kthread_run(worker_, NULL, "kworker");
	error = driver_initcall();
	/* ksgxd makes the EPC ready; linux_call has its own word for that. */
	if (error == 0 && task_number(task_current()) == 0)
		linux_idle();
	return error;
}

int linux_version(void)
{
	return EMBEDDING_VERSION;
}

void linux_stop(void)
{
	tasks_stop();
}

int linux_idle(void)
{
	return tasks_run(NULL);
}

void linux_run_as(struct mm_struct *mm, unsigned int personality)
{
	current->mm = mm;
	current->personality = personality;
}
