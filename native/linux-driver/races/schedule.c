#include "schedule.h"
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#undef MAP_TYPE
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_AT_MOST 10
#define ONE_IN 6
const char *const finding_names[FINDINGS] = { "SIGBUS", "fault", "stale entry", "leak", "WARN", "crash", "stuck" };

static struct schedule *running;
static struct outcome *result;
static struct trace *tracing;
static struct {
	struct schedule schedule;
	struct outcome outcome;
	struct trace trace;
} *shared;
static u64 state;

static u64 next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void note_step(enum point kind)
{
	struct step *step = &tracing->steps[tracing->count++];
	void **frame = __builtin_frame_address(0);

	step->task = task_number(task_current());
	step->kind = (int)kind;
	for (step->depth = 0; step->depth < MOST_FRAMES && frame; step->depth++) {
		void **above = frame[0];

		step->frames[step->depth] = (u64)frame[1];
		/* Up one stack, and no further. */
		frame = above > frame && (u64)above - (u64)frame < (256 << 10) ? above : NULL;
	}
}

static int hook(enum point kind)
{
	int step = result->steps, self = task_number(task_current()), next = -1;

	if (step >= MOST_STEPS)
		return -1;
	result->ran[step] = (unsigned char)self;
	for (int i = 1; i < task_count(); i++)
		result->could_run[step] |= (unsigned char)(task_can_run(i) << i);
	result->steps = ++step;
	if (tracing)
		note_step(kind);
	if (running->seed) {
		int task = 1 + (int)(next_random() % (u64)(task_count() - 1));

		if (next_random() % ONE_IN == 0 && task != self && task_can_run(task) && running->count < MOST_SWITCHES) {
			running->at[running->count++] = (struct preemption){ (unsigned short)step, (unsigned short)task };
			next = task;
		}
		return next;
	}
	for (int i = 0; i < running->count; i++)
		if (running->at[i].step == step)
			next = running->at[i].task;
	return next;
}

/* The runtime's own thread and the driver's are there before those of the scenario. */
static const char *name_of(int number, int task)
{
	static const char *const kernel[] = { "", "kworker", "ksgxd" };

	return task < FIRST_THREAD ? kernel[task] : scenarios[number].roles[task - FIRST_THREAD];
}

static const struct scenario *scenario;
static long run_thread(void *argument)
{
	int thread = (int)(long)argument;

	snprintf(result->words[thread], sizeof(result->words[thread]), "%s", scenario->threads[thread]());
	return 0;
}

static void on_fault(int signal)
{
	result->signal = signal;
	snprintf(result->said, sizeof(result->said), "%s", driver_said);
	_exit(0);
}

static void race(void)
{
	int left;

	for (long i = 0; i < 2; i++)
		task_new(scenario->roles[i], scenario_mm(scenario, (int)i), run_thread, (void *)i);
	if (tracing)
		for (int i = 1; i < task_count(); i++)
			snprintf(tracing->names[i], sizeof(tracing->names[i]), "%s", name_of(running->scenario, i));
	left = tasks_run(hook);
	tracing = NULL;
	if (left) {
		result->findings |= 1 << FINDS_STUCK;
		return;
	}
	result->stale = scenario_stale_entry();
	if (scenario->afterwards)
		snprintf(result->afterwards, sizeof(result->afterwards), "%s", scenario->afterwards());
	result->leaked = scenario_end();
}

static void live(void)
{
	const char *failed;

	linux_fail_allocation(running->allocation);
	failed = scenario_life();
	linux_fail_allocation(0);
	snprintf(result->words[0], sizeof(result->words[0]), "%s", failed ? "failed" : "ok");
	snprintf(result->said, sizeof(result->said), "%s", failed ? failed : "");
	result->steps = failed || running->allocation == 0;
	result->leaked = scenario_end();
}

void schedule_prepare(int number)
{
	static char stack[64 << 10];
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK };
	int faults[] = { SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGALRM, 7 };

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, 1 | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) }, NULL);
	scenario = number < scenario_count ? &scenarios[number] : NULL;
	epc_start(scenario ? scenario->epc_pages : 256);
	if (scenario)
		scenario->prepare();
	driver_said[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &action, NULL);
}

void schedule_run(struct schedule *schedule, struct outcome *outcome, struct trace *trace)
{
	pid_t child;
	int status;

	memset(&shared->outcome, 0, sizeof(shared->outcome));
	shared->schedule = *schedule;
	child = fork();
	if (child == 0) {
		running = &shared->schedule;
		result = &shared->outcome;
		tracing = trace ? &shared->trace : NULL;
		shared->trace.count = 0;
		state = running->seed * 0x9e3779b97f4a7c15ul | 1;
		running->count = running->seed ? 0 : running->count;
		alarm(SECONDS_AT_MOST);
		if (scenario)
			race();
		else
			live();
		if (!result->said[0])
			snprintf(result->said, sizeof(result->said), "%s", driver_said);
		if (result->leaked)
			result->findings |= 1 << FINDS_LEAK;
		if (result->stale)
			result->findings |= 1 << FINDS_STALE;
		if (linux_warnings())
			result->findings |= 1 << FINDS_WARN;
		result->finished = true;
		_exit(0);
	}
	waitpid(child, &status, 0);
	*schedule = shared->schedule;
	*outcome = shared->outcome;
	if (!outcome->finished) {
		if (!outcome->signal)
			outcome->signal = WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL;
		/* What could not go on ended itself, and time that ran out is no end either. */
		outcome->findings |= 1u << (outcome->signal == SIGALRM || (outcome->signal == SIGABRT && outcome->said[0]) ? FINDS_STUCK : FINDS_CRASH);
	}
	if (trace)
		*trace = shared->trace;
}

void schedule_write(const struct schedule *schedule, char *text, size_t size)
{
	size_t length = (size_t)snprintf(text, size, "%s:", schedule->scenario < scenario_count ? scenarios[schedule->scenario].name : "allocation");

	if (schedule->allocation)
		snprintf(text + length, size - length, "%d", schedule->allocation);
	else if (schedule->count == 0)
		snprintf(text + length, size - length, "-");
	for (int i = 0; i < schedule->count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%d=%s", i ? "," : "", schedule->at[i].step, name_of(schedule->scenario, schedule->at[i].task));
}

static int task_called(int scenario, const char *name, size_t length)
{
	for (int task = 1; task < TASKS_IN_A_RACE; task++)
		if (strlen(name_of(scenario, task)) == length && strncmp(name_of(scenario, task), name, length) == 0)
			return task;
	return 0;
}

bool schedule_read(struct schedule *schedule, const char *text)
{
	size_t length = strcspn(text, ":");
	int used;

	memset(schedule, 0, sizeof(*schedule));
	for (schedule->scenario = 0; schedule->scenario < scenario_count; schedule->scenario++)
		if (strlen(scenarios[schedule->scenario].name) == length && strncmp(scenarios[schedule->scenario].name, text, length) == 0)
			break;
	if (text[length] != ':')
		return false;
	if (schedule->scenario == scenario_count) {
		return length == 10 && strncmp(text, "allocation", length) == 0 && sscanf(text + length, ":%d%n", &schedule->allocation, &used) == 1 &&
		       text[length + (size_t)used] == 0 && schedule->allocation > 0;
	}
	text += length + 1;
	if (strcmp(text, "-") == 0)
		return true;
	while (*text) {
		unsigned int step;
		int task;

		if (schedule->count == MOST_SWITCHES || sscanf(text, "%u=%n", &step, &used) != 1 || step == 0 || step > MOST_STEPS)
			return false;
		text += used;
		length = strcspn(text, ",");
		task = task_called(schedule->scenario, text, length);
		if (task == 0)
			return false;
		schedule->at[schedule->count++] = (struct preemption){ (unsigned short)step, (unsigned short)task };
		text += length;
		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return false;
	}
	return schedule->count > 0;
}
