/*
 * Tasks: each has a stack, and one runs at a time. The embedder's thread is task 0 on its own stack. As everything lies in one
 * address space, fork() of the embedder's process copies all of them as they stand.
 */
#include "tasks.h"
#include <sys/mman.h>
#undef MAP_TYPE
#include <ucontext.h>

#define FIRST_TASKS 16
#define STACK (256 << 10)
struct task {
	struct task_struct kernel; /* first: current is a pointer to it */
	ucontext_t context;
	void *stack;
	enum { RUNNABLE, WAITING, PARKED, DONE } state;
	const void *waits_for;
	long (*function)(void *);
	int (*thread)(void *);
	void *argument;
	const char *name;
	long result;
	bool is_kernel_thread, should_stop;
	int spinlocks, locks;
};

static struct task embedders = { .name = "embedder" };
static struct task *first_tasks[FIRST_TASKS] = { &embedders }, **tasks = first_tasks;
static int count = 1, room = FIRST_TASKS;
struct task_struct *current_task_ = &embedders.kernel;
int preemption_off_;
static int (*turn)(enum point kind);
static struct {
	void (*function)(void *);
	void *argument;
	struct task *asks;
} question;
static bool is_asking;
/* Whom linux_call runs, and the same when it is over for now after so many more pages. */
static struct task *called, *sliced;
static int pages_left;

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
	is_asking = true;
	/* The current task stays who it is: the question is asked for it. */
	swapcontext(&asks->context, &embedders.context);
	is_asking = false;
	check_lateness_();
}

bool driver_runs_(void)
{
	return task_current() != &embedders && !is_asking;
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
	/* What it woke has its time when the embedder asks for that. */
	switch_to(task == called ? &embedders : next_task());
}

static void prepare(struct task *task, const char *name, struct mm_struct *mm, long (*function)(void *), void *argument)
{
	task->name = name;
	task->kernel.mm = mm;
	task->function = function;
	task->argument = argument;
	task->state = RUNNABLE;
	getcontext(&task->context);
	task->context.uc_stack.ss_sp = task->stack;
	task->context.uc_stack.ss_size = STACK;
	makecontext(&task->context, begin, 0);
}

struct task *task_new(const char *name, struct mm_struct *mm, long (*function)(void *), void *argument)
{
	struct task *task = calloc(1, sizeof(*task));

	if (count == room) {
		struct task **more = calloc((size_t)room * 2, sizeof(*more));

		memcpy(more, tasks, (size_t)room * sizeof(*more));
		tasks = more; /* what was there before is little, and may be the first */
		room *= 2;
	}
	task->kernel.number = count;
	task->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (task->stack == MAP_FAILED)
		fail("no memory for the stack of %s", name);
	mprotect(task->stack, PAGE_SIZE, 0);
	prepare(task, name, mm, function, argument);
	tasks[count++] = task;
	return task;
}

struct task *task_take(const char *name, struct mm_struct *mm, unsigned int personality, long (*function)(void *), void *argument)
{
	struct task *task = NULL;

	for (int i = 1; i < count && !task; i++)
		if (tasks[i]->state == DONE && !tasks[i]->is_kernel_thread)
			task = tasks[i];
	if (task)
		prepare(task, name, mm, function, argument);
	else
		task = task_new(name, mm, function, argument);
	task->kernel.personality = personality;
	task->locks = task->spinlocks = 0;
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
bool task_is_parked(const struct task *task)
{
	return task->state == PARKED;
}
bool task_has_guard(const void *address)
{
	return (size_t)((const char *)address - (const char *)task_current()->stack) < PAGE_SIZE;
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

void locks_held_(int change)
{
	task_current()->locks += change;
}

void slice_point(void)
{
	struct task *task = task_current();

	if (task != sliced || task->locks || task->spinlocks || preemption_off_ || --pages_left > 0)
		return;
	task->state = PARKED;
	switch_to(&embedders);
}

void task_run(struct task *task, int pages)
{
	called = task;
	sliced = pages > 0 ? task : NULL;
	pages_left = pages;
	if (task && task->state == PARKED)
		task->state = RUNNABLE;
	while (!has_failed() && (task ? task->state == RUNNABLE || task->state == WAITING : next_task() != &embedders)) {
		struct task *next = task && task->state == RUNNABLE ? task : next_task();

		if (next == &embedders)
			fail("deadlock: %s waits for ever", task->name);
		switch_to(next);
	}
	called = sliced = NULL;
}

void task_give_up(void)
{
	question.function = NULL;
	is_asking = false;
	current_task_ = &embedders.kernel;
	setcontext(&embedders.context);
	abort();
}

void switch_point(enum point kind)
{
	int next;

	if (kind == POINT_RESCHEDULE)
		slice_point();
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
	while (!has_failed() && (first = next_task()) != &embedders)
		switch_to(first);
	turn = NULL;
	for (int i = 1; i < count; i++)
		left += tasks[i]->state == WAITING && !tasks[i]->is_kernel_thread;
	return left;
}

bool need_resched(void)
{
	return turn != NULL || task_current() == sliced;
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
