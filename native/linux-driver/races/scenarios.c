#include "scenario.h"
#include <stdio.h>

static struct process first, second;

static const char *word_of_access(enum access access)
{
	static const char *const words[] = { "ok", "SIGBUS", "SIGSEGV", "#PF with the SGX bit", "never ends" };

	return words[access];
}
static const char *word_of_result(long result)
{
	static char text[32];

	if (result == 0)
		return "ok";
	snprintf(text, sizeof(text), "errno %ld", -result);
	return strdup(text);
}

/* --- Before ---------------------------------------------------------------------------------------------------------- */
static void build(void)
{
	if (process_build(&first, 4) != 0)
		fail("the enclave cannot be built");
}
static void build_larger(void)
{
	if (process_build(&first, 8) != 0)
		fail("the enclave cannot be built");
}
static void build_and_accept(void)
{
	build();
	epc_accept(first.mm, NEW_PAGE, 2);
}
static void build_and_trim(void)
{
	build();
	process_trim(&first, NEW_PAGE);
}
static void build_two(void)
{
	build_larger();
	if (process_build(&second, 1) != 0)
		fail("the second enclave cannot be built");
}
static void build_two_and_accept(void)
{
	build_two();
	epc_accept(first.mm, NEW_PAGE, 2);
}
static void build_two_and_trim(void)
{
	build_two();
	process_trim(&first, NEW_PAGE);
}
static void build_and_fork(void)
{
	build();
	second = process_fork(&first);
}

/* --- What the threads do --------------------------------------------------------------------------------------------- */
static const char *touch_new(void)
{
	return word_of_access(epc_touch(first.mm, NEW_PAGE));
}
static const char *remove_page(void)
{
	return word_of_result(process_remove(&first, NEW_PAGE));
}
static const char *make_tcs(void)
{
	return word_of_result(process_change_type(&first, NEW_PAGE, 1));
}
static const char *touch_some(struct process *process, int from, int pages)
{
	enum access worst = ACCESS_OK;

	for (int i = from; i < from + pages; i++)
		worst = max(worst, epc_touch(process->mm, ENCLAVE_BASE + (u64)i * PAGE_SIZE));
	return word_of_access(worst);
}
static const char *augment_two(void)
{
	return touch_some(&first, 200, 2);
}
static const char *touch_old(void)
{
	return touch_some(&first, 0, 4);
}
static const char *augment_in_second(void)
{
	return touch_some(&second, 200, 20);
}
static const char *exit_first(void)
{
	process_exit(&first);
	return "ok";
}
static const char *fork_and_touch(void)
{
	struct process child = process_fork(&first);
	const char *word = word_of_access(epc_touch(child.mm, NEW_PAGE));

	process_exit(&child);
	return word;
}
static const char *touch_in_second(void)
{
	return word_of_access(epc_touch(second.mm, NEW_PAGE));
}

/* --- Afterwards ------------------------------------------------------------------------------------------------------ */
static const char *touch_in_second_twice(void)
{
	touch_in_second();
	return touch_in_second();
}
static const char *touch_new_twice(void)
{
	touch_new();
	return touch_new();
}

const struct scenario scenarios[] = {
	{ "fault-fault", "two threads touch the same new page", 256, build, { "A", "B" }, { touch_new, touch_new }, touch_new_twice },
	{ "remove-fault", "REMOVE_PAGES of a trimmed page against a touch of it", 256, build_and_trim, { "remover", "toucher" }, { remove_page, touch_new }, touch_new_twice },
	{ "types-fault", "MODIFY_TYPES of a page against a touch of it", 256, build_and_accept, { "changer", "toucher" }, { make_tcs, touch_new }, touch_new_twice },
	{ "eaug-ksgxd", "two new pages in a full EPC against ksgxd, while another thread touches old pages", 32, build_larger, { "augmenter", "toucher" }, { augment_two, touch_old }, touch_new_twice },
	{ "exit-ksgxd", "the end of a process against ksgxd, while another enclave fills the EPC", 40, build_two, { "augmenter", "leaver" }, { augment_in_second, exit_first }, NULL },
	{ "fork-remove", "fork and a touch in the child against REMOVE_PAGES", 256, build_and_trim, { "remover", "forker" }, { remove_page, fork_and_touch }, touch_new_twice },
	{ "remove-ksgxd", "REMOVE_PAGES against ksgxd, while another enclave fills the EPC", 40, build_two_and_trim, { "augmenter", "remover" }, { augment_in_second, remove_page }, touch_new_twice },
	{ "types-ksgxd", "MODIFY_TYPES against ksgxd, while another enclave fills the EPC", 40, build_two_and_accept, { "augmenter", "changer" }, { augment_in_second, make_tcs }, touch_new_twice },
	{ "release-fault", "the end of a process against a fault in its child", 256, build_and_fork, { "leaver", "child" }, { exit_first, touch_in_second }, touch_in_second_twice },
};
const int scenario_count = ARRAY_SIZE(scenarios);

struct mm_struct *scenario_mm(const struct scenario *scenario, int thread)
{
	const char *(*does)(void) = scenario->threads[thread];

	return does == augment_in_second || does == touch_in_second ? second.mm : first.mm;
}

static u64 stale_entry(struct mm_struct *mm)
{
	for (unsigned long i = 0; mm && i < mm->entries.count; i++) {
		u64 address = mm->entries.ranges[i].first << PAGE_SHIFT;

		if (!epc_allows(epc_shown(mm, address), address))
			return address;
	}
	return 0;
}
u64 scenario_stale_entry(void)
{
	u64 address = stale_entry(first.mm);

	return address ? address : stale_entry(second.mm);
}

int scenario_end(void)
{
	process_exit(&second);
	process_exit(&first);
	linux_idle();
	return epc_valid_pages();
}

const char *scenario_life(void)
{
	struct process child;
	const char *failed = NULL;

#define STEP(what, call)                                                                             \
	do {                                                                                   \
		if ((call) != 0 && !failed)                                                    \
			failed = what;                                                         \
	} while (0)
	STEP("building it", process_build(&first, 8));
	if (!first.file)
		return failed;
	STEP("a touch of an old page", epc_touch(first.mm, ENCLAVE_BASE));
	STEP("a touch of a new page", epc_touch(first.mm, NEW_PAGE));
	STEP("EACCEPT", epc_accept(first.mm, NEW_PAGE, 2));
	STEP("MODIFY_TYPES", process_change_type(&first, NEW_PAGE, 4));
	STEP("EACCEPT of the trim", epc_accept(first.mm, NEW_PAGE, 4));
	STEP("REMOVE_PAGES", process_remove(&first, NEW_PAGE));
	child = process_fork(&first);
	STEP("a touch in the child", epc_touch(child.mm, ENCLAVE_BASE));
	process_exit(&child);
#undef STEP
	return failed;
}
