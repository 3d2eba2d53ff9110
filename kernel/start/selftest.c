/*
 * Runs the suites and prints KTAP.  Source: Linux, Documentation/dev-tools/
 * ktap.rst (the format).
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/clock.h"
#include "arch/stack_marks.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/debug/panic.h"
#include "kernel/linux/process/make.h"
#include "kernel/start/selftest.h"
#include "kernel/task/sched.h"
#include "mm/audit.h"
#include "mm/audit/roots.h"
#include "mm/audit/all.h"
#include "mm/frames/frame.h"
#include "mm/frames/frame_owner.h"
#include "mm/pti.h"
#include "mm/space/mm.h"

extern const struct selftest_suite selftests_start[], selftests_end[];

const struct boot_args *selftest_args;

bool selftest_expect(struct selftest *t, u64 found, u64 expected, const char *step,
		     const char *file, int line)
{
	if (found == expected)
		return true;
	t->failed = true;
	log("    # %s: found %#lx, expected %#lx (%s:%d)\n", step, found, expected, file, line);
	return false;
}

void selftest_skip(struct selftest *t, const char *reason, ...)
{
	va_list args;

	va_start(args, reason);
	format_va(t->skip, sizeof(t->skip), reason, args);
	va_end(args);
}

void selftest_note(const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	log("    # %s\n", text);
}

void selftest_expected_begins(const char *why)
{
	selftest_note("expected output begins: %s", why);
}

void selftest_expected_ends(void)
{
	selftest_note("expected output ends");
}

static bool print_result(unsigned number, const struct selftest *t)
{
	bool skipped = t->skip[0] && !t->failed;

	log("    %s %u %s%s%s\n", t->failed ? "not ok" : "ok", number, t->name,
	    skipped ? " # SKIP " : "", skipped ? t->skip : "");
	return !t->failed;
}

static bool run_case(const struct selftest_suite *suite, unsigned i)
{
	static char running[200];
	struct selftest t = { .suite = suite->name, .name = suite->cases[i].name };

	format(running, sizeof(running), "%s: %s", t.suite, t.name);
	panic_running_test = running;
	suite->cases[i].run(&t);
	panic_running_test = NULL;
	return print_result(i + 1, &t);
}

#define SETTLE_NS (60 * NSEC_PER_SEC)

bool selftest_settle(void)
{
	u64 start = clock_ns();

	for (;;) {
		process_bury();
		if (process_none_left())
			return true;
		if (clock_ns() - start > SETTLE_NS)
			return false;
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
	}
}

u64 selftest_free_frames(void)
{
	mm_settle();
	return frame_stats().free;
}

/* The three cases that every suite ends with. */
static bool check_frames(const struct selftest_suite *suite, u64 free_before)
{
	struct selftest t = { .suite = suite->name, .name = "no frame is lost" };

	selftest_settle(); /* orphans end in their own time */
	if (!EXPECT_EQ(&t, selftest_free_frames(), free_before, "free frames after the suite"))
		frame_owner_print();
	return print_result(suite->count + 1, &t);
}

static bool check_tables(const struct selftest_suite *suite)
{
	struct selftest t = { .suite = suite->name, .name = "the audit is clean" };

	/* A difference is no failed case: nothing can be trusted any more. */
	audit_roots_or_panic(suite->name);
	return print_result(suite->count + 2, &t);
}

/* P8.  No process runs any more, so every CPU's stacks must be empty. */
static bool check_stacks(const struct selftest_suite *suite)
{
	struct selftest t = { .suite = suite->name, .name = "no residue is on entry stacks" };

	for_each_cpu(cpu, &cpus_online)
		if (!EXPECT(&t, cea_is_scrubbed(cpu), "entry, IST and ESPFIX stacks are empty"))
			selftest_note("on CPU %u", cpu);
	return print_result(suite->count + 3, &t);
}

static bool run_suite(const struct selftest_suite *suite, unsigned number)
{
	u64 free_before = selftest_free_frames();
	bool good = true;

	frame_owner_mark();
	log("    KTAP version 1\n    # Subtest: %s\n    1..%u\n", suite->name, suite->count + 3);
	for (unsigned i = 0; i < suite->count; i++)
		good &= run_case(suite, i);
	good &= check_frames(suite, free_before);
	good &= check_tables(suite);
	good &= check_stacks(suite);
	log("%s %u %s\n", good ? "ok" : "not ok", number, suite->name);
	return good;
}

/* Globs that match a name of no letters stand for everything. */
static bool wanted(const char *globs, const struct selftest_suite *s)
{
	return glob_match_list(globs, s->name) && !(s->by_name && glob_match_list(globs, ""));
}

bool selftest_run(const char *globs)
{
	unsigned number = 0, matching = 0;
	bool good = true;

	for (const struct selftest_suite *s = selftests_start; s < selftests_end; s++)
		matching += wanted(globs, s);
	if (!matching) {
		log("selftest: found no suite that matches '%s', expected one of", globs);
		for (const struct selftest_suite *s = selftests_start; s < selftests_end; s++)
			log(" %s", s->name);
		log("\n");
		return false;
	}
	log("KTAP version 1\n1..%u\n", matching);
	for (const struct selftest_suite *s = selftests_start; s < selftests_end; s++)
		if (wanted(globs, s))
			good &= run_suite(s, ++number);
	stack_marks_print();
	return good;
}
