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
/* Something that cannot go on. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void tasks_stop(void);
extern const struct embedder *embedder_;
#endif
