/*
 * Calls that end even where the driver does not: what a processor or libc tells of its code (a fault, an abort) and a call that takes more
 * processor time than any may become a failure, told in the kernel's words, and the embedder goes on.
 */
#include "tasks.h"
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* The kernel's watchdog waits for 20 seconds; a call here is a part of an ioctl. On a machine that is busy otherwise it may take longer. */
#define MOST_SECONDS 5
#define LOOK_AGAIN_NANOSECONDS 50000000
#define WATCHDOG SIGPROF
#define LOCKUP "watchdog: BUG: soft lockup - CPU#0 stuck for %ds!"

static struct linux_failure failure;
static bool is_failed, is_call, is_late, has_timer;
static pid_t watched;
static timer_t timer;
static time_t began;
static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, WATCHDOG };
static struct sigaction before[64];
extern const char object[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

bool has_failed(void)
{
	return is_failed;
}
const struct linux_failure *linux_failure(void)
{
	return is_failed ? &failure : NULL;
}

void check_lateness_(void)
{
	char text[sizeof(LOCKUP) + 16];

	if (!is_late)
		return;
	is_late = false;
	snprintf(text, sizeof(text), LOCKUP, MOST_SECONDS);
	failure_here(text);
}

static bool is_ours(u64 address)
{
	const Elf64_Phdr *parts = (const void *)(object + ((const Elf64_Ehdr *)object)->e_phoff);

	for (int i = 0; i < ((const Elf64_Ehdr *)object)->e_phnum; i++)
		if (parts[i].p_type == PT_LOAD && parts[i].p_flags & PF_X && address - (u64)object - parts[i].p_vaddr < parts[i].p_memsz)
			return true;
	return false;
}
static void add_frame(u64 address)
{
	if (failure.count < LINUX_FRAMES && is_ours(address))
		failure.frames[failure.count++] = address - (u64)object;
}
/* A return address is behind its call. */
static void add_callers(const u64 *frame)
{
	while (failure.count < LINUX_FRAMES && (u64)frame % 8 == 0 && task_has_on_stack(frame) && task_has_on_stack(frame + 1)) {
		const u64 *next = (const u64 *)frame[0];

		add_frame(frame[1] - 1);
		if (next <= frame)
			return;
		frame = next;
	}
}

void failure_here(const char *text)
{
	if (!is_call || !driver_runs_())
		return;
	snprintf(failure.text, sizeof(failure.text), "%s", text);
	add_callers(__builtin_frame_address(0));
	is_failed = true;
	task_give_up();
}

static void describe(int signal, const siginfo_t *information)
{
	char *text = failure.text;
	size_t room = sizeof(failure.text);
	u64 address = (u64)information->si_addr;

	if (signal == WATCHDOG)
		snprintf(text, room, LOCKUP, MOST_SECONDS);
	else if (signal == SIGILL)
		snprintf(text, room, "invalid opcode");
	else if (signal == SIGFPE)
		snprintf(text, room, "divide error");
	else if (signal == SIGABRT)
		snprintf(text, room, "libc aborted: memory was freed twice, or written beyond its end");
	else if (information->si_code == SI_KERNEL)
		snprintf(text, room, "general protection fault, probably for non-canonical address");
	else if (address < PAGE_SIZE)
		snprintf(text, room, "BUG: kernel NULL pointer dereference, address: %016llx", address);
	else if (task_has_guard(information->si_addr))
		snprintf(text, room, "BUG: stack guard page was hit");
	else
		snprintf(text, room, "BUG: unable to handle page fault for address: %016llx", address);
}

static void pass_on(int signal, siginfo_t *information, void *context)
{
	const struct sigaction *action = &before[signal];

	if (signal == WATCHDOG)
		return;
	if (action->sa_flags & SA_SIGINFO) {
		action->sa_sigaction(signal, information, context);
	} else if (action->sa_handler == SIG_DFL) {
		sigaction(signal, action, NULL);
		if (signal == SIGABRT)
			raise(signal);
	} else if (action->sa_handler != SIG_IGN) {
		action->sa_handler(signal);
	}
}

/* A busy machine gives a thread little. */
static time_t seconds_used(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec;
}

static void on_signal(int signal, siginfo_t *information, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
	u64 code = (u64)registers[REG_RIP];
	const u64 *stack = (const u64 *)registers[REG_RSP];

	bool is_watched = is_call && !is_failed && (pid_t)syscall(SYS_gettid) == watched;

	if (signal == WATCHDOG && (!is_watched || seconds_used() - began < MOST_SECONDS))
		return;
	if (!is_watched || !driver_runs_()) {
		/* The driver asks too much: it is over when the question is answered. */
		is_late = is_watched && signal == WATCHDOG;
		pass_on(signal, information, context);
		return;
	}
	describe(signal, information);
	add_frame(code);
	/* In libc, whose functions have no frames: who called it, and from there what looks like a frame of ours. */
	if (!is_ours(code)) {
		while (task_has_on_stack(stack) && !is_ours(*stack))
			stack++;
		if (task_has_on_stack(stack))
			add_frame(*stack - 1);
		while (task_has_on_stack(stack + 1) && !(is_ours(stack[1]) && stack[0] > (u64)stack && task_has_on_stack((const void *)stack[0])))
			stack++;
		add_callers(stack);
	} else {
		add_callers((const u64 *)registers[REG_RBP]);
	}
	is_failed = true;
	task_give_up();
}

static void watch(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WATCHDOG };
	pid_t thread = (pid_t)syscall(SYS_gettid);

	if (thread == watched)
		return;
	if (has_timer)
		timer_delete(timer);
	if (!watched) {
		for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
			struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };

			action.sa_sigaction = on_signal;
			sigaction(signals[i], &action, &before[signals[i]]);
		}
	}
	event._sigev_un._tid = thread;
	/* The first timer's number is 0. */
	has_timer = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
	watched = thread;
}
static void set_watchdog(int seconds)
{
	struct itimerspec time = { .it_value.tv_sec = seconds, .it_interval.tv_nsec = seconds ? LOOK_AGAIN_NANOSECONDS : 0 };

	began = seconds_used();
	if (has_timer)
		timer_settime(timer, 0, &time, NULL);
}

static long begin(void *argument)
{
	struct linux_call *call = argument;
	const uint64_t *a = call->arguments;

	call->result = call->function(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	return 0;
}

int linux_call(struct linux_call *call, int pages)
{
	if (is_failed)
		return LINUX_FAILED;
	watch();
	is_call = true;
	is_late = false;
	set_watchdog(MOST_SECONDS);
	if (call->function && !call->task)
		call->task = task_take("caller", call->mm, (unsigned int)call->personality, begin, call);
	task_run(call->task, pages);
	set_watchdog(0);
	is_call = false;
	return is_failed ? LINUX_FAILED : call->task && task_is_parked(call->task) ? LINUX_AGAIN : LINUX_DONE;
}
