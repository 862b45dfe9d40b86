/* What is told of schedules and findings. */
#ifndef RACES_REPORT_H
#define RACES_REPORT_H
#include "schedule.h"

/* Counts what an outcome is like; the first schedule of each kind is kept. */
void report_count(const struct schedule *schedule, const struct outcome *outcome);
/* What came of a scenario; with traces, each kind of finding step by step. Returns how many kinds of findings there are. */
int report_scenario(int scenario, bool with_traces);
void report_trace(struct schedule *schedule);
void report_outcome(const struct outcome *outcome, int scenario);
#endif
