/*
 * A schedule: at which switch points which task goes on. Between them a task runs until it waits; then the first that can run goes on.
 * In text: SCENARIO:STEP=TASK,STEP=TASK with the number of a step and the name of who goes on; no preemption is SCENARIO:-.
 */
#ifndef RACES_SCHEDULE_H
#define RACES_SCHEDULE_H
#include "scenario.h"

#define MOST_SWITCHES 512
#define MOST_STEPS 4096
#define MOST_FRAMES 12
#define FIRST_THREAD 3
#define TASKS_IN_A_RACE 5
struct preemption {
	unsigned short step, task;
};
struct schedule {
	int scenario, count;
	struct preemption at[MOST_SWITCHES];
	u64 seed; /* not 0: at random, and the switches are written down here */
	int allocation; /* not 0: this allocation fails, and nothing races */
};
enum finding { FINDS_SIGBUS, FINDS_FAULT, FINDS_STALE, FINDS_LEAK, FINDS_WARN, FINDS_CRASH, FINDS_STUCK, FINDINGS };
struct outcome {
	int steps;
	unsigned char could_run[MOST_STEPS], ran[MOST_STEPS]; /* at each step: a bit for each task, and a number */
	char words[2][24], afterwards[24], said[256];
	u64 stale;
	int leaked;
	bool finished;
	int signal;
	unsigned int findings; /* a bit for each */
};
/* One step of a trace: who, and the return addresses from the call into the kernel up through the driver. */
struct step {
	int task, kind, depth;
	u64 frames[MOST_FRAMES];
};
struct trace {
	int count;
	char names[TASKS_IN_A_RACE][16];
	struct step steps[MOST_STEPS];
};

/* Makes what schedules of the scenario begin from: in this process, which each schedule is a copy of. */
void schedule_prepare(int scenario);
/* Runs one in a copy of this process. With a trace, it is filled. */
void schedule_run(struct schedule *schedule, struct outcome *outcome, struct trace *trace);
void schedule_write(const struct schedule *schedule, char *text, size_t size);
bool schedule_read(struct schedule *schedule, const char *text);
extern const char *const finding_names[FINDINGS];
#endif
