/*
 * Tasks: each has a stack, and one runs at a time. The embedder's thread is task 0 on its own stack. As everything lies in one
 * address space, fork() of the embedder's process copies all of them as they stand.
 */
#include "tasks.h"
#include <sys/mman.h>
#undef MAP_TYPE
#include <ucontext.h>

#define TASKS 16
#define STACK (256 << 10)
struct task {
	struct task_struct kernel; /* first: current is a pointer to it */
	ucontext_t context;
	void *stack;
	enum { RUNNABLE, WAITING, DONE } state;
	const void *waits_for;
	long (*function)(void *);
	int (*thread)(void *);
	void *argument;
	const char *name;
	long result;
	bool is_kernel_thread, should_stop;
	int spinlocks;
};

static struct task embedders = { .name = "embedder" };
static struct task *tasks[TASKS] = { &embedders };
static int count = 1;
struct task_struct *current_task_ = &embedders.kernel;
int preemption_off_;
static int (*turn)(enum point kind);
static struct {
	void (*function)(void *);
	void *argument;
	struct task *asks;
} question;

struct task *task_current(void)
{
	return (struct task *)current_task_;
}

static void switch_to(struct task *next)
{
	struct task *from = task_current();

	if (next == from)
		return;
	current_task_ = &next->kernel;
	swapcontext(&from->context, &next->context);
	/* Back again. On the embedder's stack it may be only for a question. */
	while (from == &embedders && question.function) {
		void (*function)(void *) = question.function;

		question.function = NULL;
		function(question.argument);
		swapcontext(&from->context, &question.asks->context);
	}
}

void on_own_stack(void (*function)(void *), void *argument)
{
	struct task *asks = task_current();

	if (asks == &embedders || !embedder_->questions_on_own_stack) {
		function(argument);
		return;
	}
	question.function = function;
	question.argument = argument;
	question.asks = asks;
	/* The current task stays who it is: the question is asked for it. */
	swapcontext(&asks->context, &embedders.context);
}

static struct task *next_task(void)
{
	for (int i = 1; i < count; i++)
		if (tasks[i]->state == RUNNABLE)
			return tasks[i];
	if (embedders.state != RUNNABLE)
		fail("deadlock: %s waits, and nobody can run", embedders.name);
	return &embedders;
}

static void begin(void)
{
	struct task *task = task_current();

	task->result = task->function(task->argument);
	task->state = DONE;
	wake_waiters(task);
	switch_to(next_task());
}

struct task *task_new(const char *name, struct mm_struct *mm, long (*function)(void *), void *argument)
{
	struct task *task = calloc(1, sizeof(*task));

	if (count == TASKS)
		fail("more than %d tasks", TASKS);
	task->name = name;
	task->kernel.mm = mm;
	task->kernel.number = count;
	task->function = function;
	task->argument = argument;
	task->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (task->stack == MAP_FAILED)
		fail("no memory for the stack of %s", name);
	mprotect(task->stack, PAGE_SIZE, 0);
	getcontext(&task->context);
	task->context.uc_stack.ss_sp = task->stack;
	task->context.uc_stack.ss_size = STACK;
	makecontext(&task->context, begin, 0);
	tasks[count++] = task;
	return task;
}

void tasks_stop(void)
{
	while (count > 1) {
		munmap(tasks[--count]->stack, STACK);
		free(tasks[count]);
	}
}

const char *task_name(const struct task *task)
{
	return task->name;
}
bool task_is_done(const struct task *task)
{
	return task->state == DONE;
}
long task_result(const struct task *task)
{
	return task->result;
}
int task_number(const struct task *task)
{
	return task->kernel.number;
}
int task_count(void)
{
	return count;
}
bool task_has_on_stack(const void *address)
{
	size_t offset = (size_t)((const char *)address - (const char *)task_current()->stack);

	return offset < STACK;
}
bool task_can_run(int number)
{
	return number > 0 && number < count && tasks[number]->state == RUNNABLE;
}

void switch_point(enum point kind)
{
	int next;

	if (!turn || task_current() == &embedders)
		return;
	next = turn(kind);
	if (next >= 0 && task_can_run(next))
		switch_to(tasks[next]);
}

void task_yield(void)
{
	int self = task_current()->kernel.number;

	for (int i = 1; i < count; i++) {
		int other = (self + i) % count;

		if (other != self && task_can_run(other)) {
			switch_to(tasks[other]);
			return;
		}
	}
}

void wait_for(const void *object)
{
	struct task *task = task_current();

	task->state = WAITING;
	task->waits_for = object;
	switch_to(next_task());
}

void wake_waiters(const void *object)
{
	for (int i = 0; i < count; i++)
		if (tasks[i]->state == WAITING && tasks[i]->waits_for == object)
			tasks[i]->state = RUNNABLE;
}

int tasks_run(int (*hook)(enum point kind))
{
	int left = 0;
	struct task *first;

	turn = hook;
	while ((first = next_task()) != &embedders)
		switch_to(first);
	turn = NULL;
	for (int i = 1; i < count; i++)
		left += tasks[i]->state == WAITING && !tasks[i]->is_kernel_thread;
	return left;
}

bool need_resched(void)
{
	return turn != NULL;
}

unsigned long msleep_interruptible(unsigned int milliseconds)
{
	(void)milliseconds;
	may_sleep("msleep_interruptible");
	switch_point(POINT_RESCHEDULE);
	return 0;
}

void may_sleep(const char *call)
{
	if (task_current()->spinlocks || preemption_off_)
		warn_("sleep", 0, "%s while atomic, by %s", call, task_current()->name);
}

void spinlocks_held_(int change)
{
	task_current()->spinlocks += change;
}

static long begin_kernel_thread(void *unused)
{
	struct task *task = task_current();

	(void)unused;
	return task->thread(task->argument);
}

struct task_struct *kthread_run(int (*function)(void *), void *argument, const char *name, ...)
{
	struct task *task = task_new(name, NULL, begin_kernel_thread, argument);

	task->thread = function;
	task->is_kernel_thread = true;
	return &task->kernel;
}

bool kthread_should_stop(void)
{
	return task_current()->should_stop;
}

int kthread_stop(struct task_struct *kernel)
{
	struct task *task = (struct task *)kernel;

	task->should_stop = true;
	if (task->state == WAITING)
		task->state = RUNNABLE;
	while (task->state != DONE)
		wait_for(task);
	return (int)task->result;
}

void wake_up(wait_queue_head_t *queue)
{
	wake_waiters(queue);
}
