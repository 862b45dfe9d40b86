/*
 * Explores schedules of the driver's tasks: races [--scenario NAME]... [--bound 0|1|2] [--random SEED] [--schedules N] [--brief] [--list]
 * [--replay SCHEDULE]. Exit status: 0 without findings, 1 with some, 64 for a wrong argument. The same arguments give the same output.
 */
#include "report.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define USAGE 64
/* Two preemptions in every way only where that is some ten thousand schedules. */
#define FEW_STEPS 130
static struct {
	int bound, schedules;
	u64 seed;
	bool is_brief, is_bound_given;
} options = { .bound = 2, .schedules = 300, .seed = 1 };
/* What each thread, and who looks afterwards, can see when they come one after another. */
static char in_order[4][3][24];
static int orders;

static bool has_order(int column, const char *word)
{
	for (int i = 0; i < orders; i++)
		if (strcmp(in_order[i][column], word) == 0)
			return true;
	return false;
}

static void judge_word(struct outcome *outcome, int column, const char *word)
{
	if (!word[0] || has_order(column, word))
		return;
	if (strcmp(word, "SIGBUS") == 0)
		outcome->findings |= 1 << FINDS_SIGBUS;
	else if (strcmp(word, "ok") != 0 && strncmp(word, "errno", 5) != 0)
		outcome->findings |= 1 << FINDS_FAULT;
}

static void run(struct schedule *schedule, struct outcome *outcome)
{
	schedule_run(schedule, outcome, NULL);
	if (outcome->finished && schedule->scenario < scenario_count) {
		for (int i = 0; i < 2; i++)
			judge_word(outcome, i, outcome->words[i]);
		judge_word(outcome, 2, outcome->afterwards);
	}
	report_count(schedule, outcome);
}

static void learn_orders(int scenario)
{
	for (int first = FIRST_THREAD; first < TASKS_IN_A_RACE; first++) {
		struct schedule schedule = { .scenario = scenario, .count = 1, .at = { { 1, (unsigned short)first } } };
		struct outcome outcome;

		schedule_run(&schedule, &outcome, NULL);
		for (int i = 0; i < 2; i++)
			strcpy(in_order[orders][i], outcome.words[i]);
		strcpy(in_order[orders++][2], outcome.afterwards);
	}
}

static void preempt_again(struct schedule *schedule, const struct outcome *outcome)
{
	struct outcome unused;

	schedule->count = 2;
	for (int step = schedule->at[0].step + 1; step <= outcome->steps; step++)
		for (int task = 1; task < TASKS_IN_A_RACE; task++)
			if (outcome->could_run[step - 1] >> task & 1 && outcome->ran[step - 1] != task) {
				schedule->at[1] = (struct preemption){ (unsigned short)step, (unsigned short)task };
				run(schedule, &unused);
			}
}

static void explore(int scenario)
{
	struct schedule schedule = { .scenario = scenario };
	struct outcome whole, outcome;

	run(&schedule, &whole);
	for (int step = 1; options.bound >= 1 && step <= whole.steps; step++)
		for (int task = 1; task < TASKS_IN_A_RACE; task++)
			if (whole.could_run[step - 1] >> task & 1 && whole.ran[step - 1] != task) {
				schedule = (struct schedule){ .scenario = scenario, .count = 1, .at = { { (unsigned short)step, (unsigned short)task } } };
				run(&schedule, &outcome);
				if (options.bound >= 2 && (options.is_bound_given || whole.steps <= FEW_STEPS))
					preempt_again(&schedule, &outcome);
			}
	for (int i = 0; i < options.schedules; i++) {
		schedule = (struct schedule){ .scenario = scenario, .seed = options.seed + (u64)i * 0x10001 };
		run(&schedule, &outcome);
		if (outcome.findings)
			schedule.seed = 0;
	}
}

static void fail_each_allocation(void)
{
	for (int number = 1;; number++) {
		struct schedule schedule = { .scenario = scenario_count, .allocation = number };
		struct outcome outcome;

		schedule_run(&schedule, &outcome, NULL);
		if (outcome.finished && !outcome.said[0] && number > 1)
			break;
		report_count(&schedule, &outcome);
	}
}

static int explore_one(int scenario)
{
	if (scenario == scenario_count)
		printf("allocation: each allocation of an enclave's life fails\n");
	else
		printf("%s: %s\n", scenarios[scenario].name, scenarios[scenario].what);
	fflush(stdout);
	schedule_prepare(scenario);
	if (scenario == scenario_count) {
		fail_each_allocation();
	} else {
		learn_orders(scenario);
		explore(scenario);
	}
	return report_scenario(scenario, !options.is_brief);
}

static int replay(const char *text)
{
	struct schedule schedule;
	struct outcome outcome;

	if (!schedule_read(&schedule, text)) {
		fprintf(stderr, "%s is no schedule: SCENARIO:STEP=TASK,... as a finding has it\n", text);
		return USAGE;
	}
	schedule_prepare(schedule.scenario);
	if (schedule.scenario < scenario_count) {
		learn_orders(schedule.scenario);
		report_trace(&schedule);
	}
	run(&schedule, &outcome);
	printf("  ");
	report_outcome(&outcome, schedule.scenario);
	printf("\n");
	return outcome.findings ? 1 : 0;
}

/* Each scenario in a process of its own: what one did to the driver is not there for the next. */
static int in_process(int scenario)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		int findings = explore_one(scenario);

		fflush(stdout);
		_exit(findings > 0);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 70;
}

static int number_of(const char *name)
{
	for (int i = 0; i < scenario_count; i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return i;
	return strcmp(name, "allocation") == 0 ? scenario_count : -1;
}

int main(int count, char **arguments)
{
	int chosen[32], chosen_count = 0, worst = 0;

	for (int i = 1; i < count; i++) {
		const char *name = arguments[i], *value = i + 1 < count ? arguments[i + 1] : "";

		if (strcmp(name, "--list") == 0) {
			for (int j = 0; j < scenario_count; j++)
				printf("%-14s %s\n", scenarios[j].name, scenarios[j].what);
			printf("%-14s %s\n", "allocation", "each allocation of an enclave's life fails");
			return 0;
		} else if (strcmp(name, "--brief") == 0) {
			options.is_brief = true;
			continue;
		} else if (strcmp(name, "--replay") == 0) {
			return replay(value);
		} else if (strcmp(name, "--scenario") == 0 && number_of(value) >= 0 && chosen_count < 32) {
			chosen[chosen_count++] = number_of(value);
		} else if (strcmp(name, "--bound") == 0) {
			options.bound = atoi(value);
			options.is_bound_given = true;
		} else if (strcmp(name, "--random") == 0) {
			options.seed = strtoull(value, NULL, 10) + 1;
		} else if (strcmp(name, "--schedules") == 0) {
			options.schedules = atoi(value);
		} else {
			fprintf(stderr, "%s %s: not understood\n", name, value);
			return USAGE;
		}
		i++;
	}
	if (chosen_count == 0)
		while (chosen_count <= scenario_count) {
			chosen[chosen_count] = chosen_count;
			chosen_count++;
		}
	for (int i = 0; i < chosen_count; i++)
		worst = max(worst, in_process(chosen[i]));
	return worst;
}
