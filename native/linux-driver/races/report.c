#include "report.h"
#include "places.h"
#include <stdio.h>

#define KINDS 64
static struct kind {
	struct schedule first;
	struct outcome outcome;
	int count;
} kinds[KINDS];
static int kind_count, schedule_count;

static bool is_alike(const struct outcome *a, const struct outcome *b)
{
	return a->findings == b->findings && a->signal == b->signal && strcmp(a->words[0], b->words[0]) == 0 &&
	       strcmp(a->words[1], b->words[1]) == 0 && strcmp(a->afterwards, b->afterwards) == 0 && strcmp(a->said, b->said) == 0;
}

void report_count(const struct schedule *schedule, const struct outcome *outcome)
{
	schedule_count++;
	for (int i = 0; i < kind_count; i++)
		if (is_alike(&kinds[i].outcome, outcome)) {
			kinds[i].count++;
			/* The one with the fewest preemptions is told. */
			if (schedule->count < kinds[i].first.count)
				kinds[i].first = *schedule;
			return;
		}
	if (kind_count < KINDS)
		kinds[kind_count++] = (struct kind){ *schedule, *outcome, 1 };
}

void report_outcome(const struct outcome *outcome, int scenario)
{
	const char *separator = "";

	if (scenario == scenario_count) {
		printf("%s%s", outcome->said[0] ? "fails: " : "nothing fails", outcome->said);
	} else if (outcome->finished) {
		for (int i = 0; i < 2; i++)
			printf("%s %s, ", scenarios[scenario].roles[i], outcome->words[i][0] ? outcome->words[i] : "waits for ever");
		printf("%s%s", outcome->afterwards[0] ? "afterwards " : "all gone", outcome->afterwards);
	}
	if (!outcome->finished)
		printf("ended by signal %d", outcome->signal);
	if (scenario != scenario_count && outcome->said[0])
		printf(" (%s)", outcome->said);
	for (int i = 0; i < FINDINGS; i++)
		if (outcome->findings >> i & 1) {
			printf("%s%s", *separator ? separator : "  <- ", finding_names[i]);
			separator = ", ";
		}
	if (outcome->leaked)
		printf(" of %d EPC pages", outcome->leaked);
}

/* The kernel around the driver: the call, without what is below it in the runtime. */
static const char *outside(const struct step *step)
{
	static const char *const below[] = { "hook", "switch_point", "lock", "unlock", "copy_user" };

	for (int i = 0; i < step->depth; i++) {
		const struct place *place = place_of(step->frames[i]);
		bool is_below = !place;

		for (size_t j = 0; place && j < ARRAY_SIZE(below); j++)
			is_below |= strcmp(place->function, below[j]) == 0;
		if (!is_below)
			return place->function;
	}
	return "";
}

static void print_step(const struct trace *trace, int number)
{
	const struct step *step = &trace->steps[number];
	const char *call = "", *chain[MOST_FRAMES];
	const struct place *inner = NULL;
	int depth = 0;

	for (int i = 0; i < step->depth; i++) {
		const struct place *place = place_of(step->frames[i]);

		if (!place || !place->function[0])
			continue;
		if (!place->is_driver) {
			if (!inner)
				call = place->function;
			continue;
		}
		if (!inner)
			inner = place;
		chain[depth++] = place->function;
	}
	printf("    %4d  %-9s ", number + 1, trace->names[step->task]);
	for (int i = depth - 1; i >= 0; i--)
		printf("%s%s", chain[i], i ? " > " : "");
	if (inner)
		printf(" (%s:%d) ", inner->file, inner->line);
	else
		call = outside(step);
	printf("%s\n", step->kind == POINT_READ ? "reads" : step->kind == POINT_WRITE ? "writes" : call);
}

void report_trace(struct schedule *schedule)
{
	static struct trace trace;
	struct outcome outcome;

	schedule->seed = 0;
	schedule_run(schedule, &outcome, &trace);
	places_find(&trace);
	for (int i = 0; i < trace.count; i++) {
		if (i && trace.steps[i].task != trace.steps[i - 1].task)
			printf("          ----\n");
		print_step(&trace, i);
	}
}

int report_scenario(int scenario, bool with_traces)
{
	int findings = 0;
	unsigned int seen[KINDS];
	char text[8192];

	printf("  %d schedules:\n", schedule_count);
	for (int i = 0; i < kind_count; i++) {
		printf("  %8d  ", kinds[i].count);
		report_outcome(&kinds[i].outcome, scenario);
		printf("\n");
	}
	for (int i = 0; i < kind_count; i++) {
		bool is_new = kinds[i].outcome.findings != 0;
		struct schedule *first;
		int count = 0;

		for (int j = 0; j < findings; j++)
			is_new = is_new && seen[j] != kinds[i].outcome.findings;
		if (!is_new)
			continue;
		seen[findings++] = kinds[i].outcome.findings;
		first = &kinds[i].first;
		for (int j = i; j < kind_count; j++)
			if (kinds[j].outcome.findings == kinds[i].outcome.findings) {
				count += kinds[j].count;
				if (kinds[j].first.count < first->count)
					first = &kinds[j].first;
			}
		schedule_write(first, text, sizeof(text));
		printf("  FINDING ");
		for (int j = 0, named = 0; j < FINDINGS; j++)
			if (kinds[i].outcome.findings >> j & 1)
				printf("%s%s", named++ ? ", " : "", finding_names[j]);
		printf(" in %d: %s\n", count, text);
		if (with_traces && !first->allocation)
			report_trace(first);
	}
	return findings;
}
