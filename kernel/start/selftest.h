/*
 * In-kernel tests: suites of cases, linked in through section .selftests,
 * reported as KTAP version 1 on the console.
 *
 * A case is a sentence that is true when it passes, and a function.  Each step
 * in it has its own message.  After every suite the runner adds three cases of
 * its own: no frame was lost, the audit of the tables is clean, and nothing is
 * left on the stacks that user PGDs show.
 */
#ifndef KERNEL_START_SELFTEST_H
#define KERNEL_START_SELFTEST_H

#include "kernel/base/types.h"

struct selftest {
	const char *suite, *name;
	bool failed;
	char skip[120]; /* the reason; empty: not skipped */
};

struct selftest_case {
	const char *name; /* a sentence, without `#` */
	void (*run)(struct selftest *t);
};

struct selftest_suite {
	const char *name; /* begins with the subsystem */
	const struct selftest_case *cases;
	unsigned count;
	bool by_name; /* runs only if named: see the macros */
};

/* SELFTEST_SUITE(gdt, cases) registers `static const struct selftest_case cases[]`. */
#define SELFTEST_SUITE(suite_name, case_array)                                           \
	static const struct selftest_suite selftest_suite_##suite_name __used __section( \
		".selftests") __aligned(8) = {                                           \
		.name = #suite_name,                                                     \
		.cases = (case_array),                                                   \
		.count = ARRAY_SIZE(case_array),                                         \
	}

/*
 * A suite that ends in a panic: it runs only if an argument names it, in full or by a
 * glob other than `*`.
 */
#define SELFTEST_SUITE_THAT_PANICS(suite_name, case_array)                               \
	static const struct selftest_suite selftest_suite_##suite_name __used __section( \
		".selftests") __aligned(8) = {                                           \
		.name = #suite_name,                                                     \
		.cases = (case_array),                                                   \
		.count = ARRAY_SIZE(case_array),                                         \
		.by_name = true,                                                         \
	}

/* The same for one that takes long and has arguments of its own. */
#define SELFTEST_SUITE_ON_DEMAND SELFTEST_SUITE_THAT_PANICS

/*
 * What the boot was asked for: what followed from it is what suites check, and the
 * words after ` -- ` are for such a suite.  Set by kernel/start/init.c.
 */
struct boot_args;
extern const struct boot_args *selftest_args;

/*
 * A step: prints a diagnostic with both values, and fails the case, unless
 * found == expected.  Returns whether it held.
 */
bool selftest_expect(struct selftest *t, u64 found, u64 expected, const char *step,
		     const char *file, int line);

#define EXPECT_EQ(t, found, expected, step) \
	selftest_expect(t, (u64)(found), (u64)(expected), step, __FILE__, __LINE__)
#define EXPECT(t, condition, step) EXPECT_EQ(t, !!(condition), true, step)

/* The case cannot run here; return after it. */
void selftest_skip(struct selftest *t, const char *reason, ...) __printf_like(2, 3);

/* A line `# ...` in the stream. */
void selftest_note(const char *fmt, ...) __printf_like(1, 2);

/*
 * What is printed between the two is no trouble but what the case is about: scripts/fold.py
 * shows it only if the case fails.
 */
void selftest_expected_begins(const char *why);
void selftest_expected_ends(void);

/*
 * Runs the suites whose names match the comma-separated globs.  True if all
 * passed and there was at least one.  Task context.
 */
bool selftest_run(const char *globs);

/*
 * Waits until no process is left, a minute at most, and buries them: for what counts
 * frames.  False: some are left.  Task context.
 */
bool selftest_settle(void);

/* Free frames, when nothing is kept for the next task or process.  Context: as mm_put(). */
u64 selftest_free_frames(void);

#endif
