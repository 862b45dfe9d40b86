/* Tasks, for the runtime and for who explores schedules. */
#ifndef RUNTIME_TASKS_H
#define RUNTIME_TASKS_H
#include <kernel.h>
#include "../embedding.h"

struct task;
struct task *task_new(const char *name, struct mm_struct *mm, long (*function)(void *), void *argument);
const char *task_name(const struct task *task);
bool task_is_done(const struct task *task);
long task_result(const struct task *task);
struct task *task_current(void);
int task_number(const struct task *task);
int task_count(void);
/* Whether the address lies on the running task's stack. */
bool task_has_on_stack(const void *address);
bool task_can_run(int number);
/* A task that tries again and again gives the others their turn. */
void task_yield(void);
/* Runs tasks until none can; the hook, if any, says at each switch point who goes on: a number, or -1 for who is running. */
int tasks_run(int (*hook)(enum point kind));
/* Calls the function on the embedder's own stack. */
void on_own_stack(void (*function)(void *), void *argument);
/* A task for one more function, of those that have ended or new. */
struct task *task_take(const char *name, struct mm_struct *mm, unsigned int personality, long (*function)(void *), void *argument);
/* Runs a task until it has ended, or is over for now after so many pages; others where it waits. Null: all that can run. */
void task_run(struct task *task, int pages);
bool task_is_parked(const struct task *task);
/* A place where a call may be over for now, when the running task holds no lock. */
void slice_point(void);
void locks_held_(int change);
/* Whether the driver's own code runs, and not the embedder's. */
bool driver_runs_(void);
/* The running task will not go on: to the embedder. */
void task_give_up(void) __attribute__((noreturn));
bool task_has_guard(const void *address);
/* In a call of linux_call it does not return. */
void failure_here(const char *text);
bool has_failed(void);
/* A call that took too long ends here. */
void check_lateness_(void);
void tasks_stop(void);
extern const struct embedder *embedder_;
#endif
