/*
 * mitigations=: what is decided for which processor, that entry code has VERW or NOP
 * at each of its ways out, that IBPB comes between programs that may not trace each
 * other, and that a switch leaves the return stack full.
 *
 * No emulator shows speculation: what can be seen is that the instructions are
 * executed.  QEMU and Bochs take a write of MSR_PRED_CMD though CPUID has no such bit,
 * so there the case of IBPB turns it on by itself.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/emulator.h"
#include "arch/state/mitigations.h"
#include "entry/deferred/deferred.h"
#include "entry/entry.h"
#include "kernel/base/nospec.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/task/sched.h"
#include "mm/image.h"
#include "mm/ledger.h"
#include "mm/space/mm.h"
#include "mm/space/pti_stack.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"

/* ---- What is decided -------------------------------------------------------------- */

#define MDS_NO BIT(5)
#define TAA_NO BIT(8)
#define FB_CLEAR BIT(17)
#define RFDS_NO BIT(27)
#define RFDS_CLEAR BIT(28)

static void decisions(struct selftest *t)
{
	static const struct {
		enum mitigations_mode mode;
		struct mitigation_facts facts;
		bool verw, ibpb, each, stack;
	} row[] = {
		{ MITIGATIONS_OFF, { true, true, true, 0 }, false, false, false, false },
		{ MITIGATIONS_ON, { false, false, false, 0 }, true, false, true, true },
		{ MITIGATIONS_ON, { true, true, false, MDS_NO }, true, true, true, true },
		{ MITIGATIONS_AUTO, { false, true, false, 0 }, false, true, false, true },
		{ MITIGATIONS_AUTO, { true, false, false, 0 }, true, false, false, true },
		{ MITIGATIONS_AUTO, { true, true, false, MDS_NO }, false, true, false, true },
		{ MITIGATIONS_AUTO, { true, true, true, MDS_NO }, true, true, false, true },
		{ MITIGATIONS_AUTO, { true, true, true, MDS_NO | TAA_NO }, false, true, false,
		  true },
		{ MITIGATIONS_AUTO, { true, true, false, MDS_NO | FB_CLEAR }, true, true, false,
		  true },
		{ MITIGATIONS_AUTO, { true, true, false, MDS_NO | FB_CLEAR | 7ULL << 13 }, false,
		  true, false, true },
		{ MITIGATIONS_AUTO, { true, true, false, MDS_NO | RFDS_CLEAR }, true, true,
		  false, true },
		{ MITIGATIONS_AUTO, { true, true, false, MDS_NO | RFDS_CLEAR | RFDS_NO }, false,
		  true, false, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct mitigations m = mitigations_decide(row[i].mode, &row[i].facts);

		if (!EXPECT_EQ(t, m.verw, row[i].verw, "VERW") ||
		    !EXPECT_EQ(t, m.ibpb, row[i].ibpb, "IBPB") ||
		    !EXPECT_EQ(t, m.each_process, row[i].each, "between all processes") ||
		    !EXPECT_EQ(t, m.return_stack, row[i].stack, "the return stack"))
			selftest_note("row %u", i);
	}
}

/* ---- Indexes ------------------------------------------------------------------------ */

static void indexes(struct selftest *t)
{
	static const struct {
		u64 index, size, want;
	} row[] = {
		{ 0, 1, 0 }, { 1, 1, 0 }, { 5, 6, 5 }, { 6, 6, 0 }, { ~0ULL, 6, 0 },
		{ 1ULL << 63, 6, 0 }, { USER_END - 1, USER_END, USER_END - 1 },
		{ USER_END, USER_END, 0 }, { KERNEL_HALF, USER_END, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		u64 index = row[i].index;

		EXPECT_EQ(t, array_index_nospec(index, row[i].size), row[i].want, "masked");
		EXPECT_EQ(t, array_index_or_end(index, row[i].size), MIN(index, row[i].size),
			  "or the end");
	}
}

/* ---- VERW ----------------------------------------------------------------------------- */

#define SITES 8 /* SYSRET three times, IRET, two paranoid ways out, two deferred ones */

static void expect_site(struct selftest *t, const u8 *code)
{
	unsigned prefix = *code == 0x65;
	u8 want[2] = { mitigations.verw ? 0x00 : 0x1f, mitigations.verw ? 0x28 : 0x00 };

	EXPECT_EQ(t, code[prefix], 0x0f, "two-byte opcode");
	EXPECT_EQ(t, code[prefix + 1], want[0], "VERW or NOP");
	EXPECT_EQ(t, code[prefix + 2] & 0x38, want[1], "the operation in ModRM");
}

/* A site where it can be read: what is not mapped there, in the image. */
static const u8 *code_at(u64 site)
{
	u64 trampoline = CEA_BASE + CEA_TRAMPOLINE;

	if (deferred_is_at(site) && !pti_deferred)
		return (const u8 *)KERNEL_BASE + (u64)deferred_text_lma + (site - CEA_DEFERRED_TEXT);
	if (site - trampoline < PAGE_SIZE && !ledger_trampoline)
		return (const u8 *)KERNEL_BASE + (u64)trampoline_lma + (site - trampoline);
	return (const u8 *)site;
}

/* As the processor fetches them: every CPU's trampoline too. */
static void sites(struct selftest *t)
{
	unsigned trampolines = 0;

	EXPECT_EQ(t, verw_sites_end - verw_sites_start, SITES, "VERWs in entry code");
	for (const u64 *site = verw_sites_start; site < verw_sites_end; site++) {
		u64 offset = *site - CEA_BASE;

		expect_site(t, code_at(*site));
		if (*site < CEA_BASE || *site >= CEA_SLOT_END)
			continue;
		for_each_cpu(cpu, &cpus_online)
			if (ledger_trampoline)
				expect_site(t, (const u8 *)cea(cpu) + offset);
		trampolines++;
	}
	EXPECT_EQ(t, trampolines, 1, "of them in the trampoline");
}

/* ---- IBPB ------------------------------------------------------------------------------ */

#define TURNS 20

static struct thread *yielding(struct selftest *t, unsigned cpu, u32 uid, bool dumpable)
{
	struct thread *task = user_new(t, USER_CODE(call_loop), 0, cpu);

	if (!task)
		return NULL;
	user_set(task, USER_WORD(number), NR_sched_yield);
	user_set(task, USER_WORD(expected), 0);
	task->process->ids.user[EFFECTIVE_ID] = uid;
	task->mm->dumpable = dumpable;
	user_start(task);
	return task;
}

static void end_yielding(struct selftest *t, struct thread *task)
{
	user_set(task, USER_WORD(stop), 1);
	user_wait(task);
	EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
}

/* How many barriers two such programs on one CPU cause, while both take TURNS turns. */
static u64 barriers_between(struct selftest *t, u32 uid, bool dumpable)
{
	unsigned cpu = online_cpu(1);
	struct thread *a = yielding(t, cpu, 1000, true), *b = yielding(t, cpu, uid, dumpable);
	u64 before, barriers;

	if (!a || !b)
		return 0;
	EXPECT(t, user_reaches(a, USER_WORD(turns), 1), "one runs");
	EXPECT(t, user_reaches(b, USER_WORD(turns), 1), "and the other");
	before = VAULT_OF(cpu)->branch_barriers;
	EXPECT(t, user_reaches(a, USER_WORD(turns), user_get(a, USER_WORD(turns)) + TURNS),
	       "one goes on");
	EXPECT(t, user_reaches(b, USER_WORD(turns), user_get(b, USER_WORD(turns)) + TURNS),
	       "and the other");
	barriers = VAULT_OF(cpu)->branch_barriers - before;
	end_yielding(t, a);
	end_yielding(t, b);
	return barriers;
}

static void barriers(struct selftest *t)
{
	const struct mitigations saved = mitigations;

	if (!mitigations.ibpb && emulator.name == EMULATOR_UNKNOWN) {
		selftest_skip(t, "neither IBPB nor an emulator that takes it all the same");
		return;
	}
	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "needs two CPUs");
		return;
	}
	mitigations.ibpb = true;
	mitigations.each_process = false;
	EXPECT_EQ(t, barriers_between(t, 1000, true), 0, "between programs of one user");
	EXPECT(t, barriers_between(t, 1001, true) >= TURNS, "between two users");
	EXPECT(t, barriers_between(t, 1000, false) >= TURNS, "one is not dumpable");
	mitigations.each_process = true;
	EXPECT(t, barriers_between(t, 1000, true) >= TURNS, "between all, if so wished");
	mitigations.ibpb = false;
	EXPECT_EQ(t, barriers_between(t, 1001, true), 0, "without the MSR");
	mitigations = saved;
}

/* ---- The return stack -------------------------------------------------------------------- */

extern const u8 return_stack_fill_end[];

#define ENTRIES 32
#define BELOW 100 /* words below a sleeper's RSP in which the CALLs' are */

static volatile bool sleeper_may_end;

static void sleeper(void *arg)
{
	(void)arg;
	while (!sleeper_may_end)
		sched_sleep_until(~0ULL >> 1);
	task_exit(0);
}

/* What the CALLs pushed is below the stack of the task that was switched away from. */
static unsigned filled_below(const struct task *task)
{
	const u64 *word = (const u64 *)task->sp;
	unsigned n = 0;

	for (unsigned i = 1; i <= BELOW; i++)
		n += word[-(long)i] - (u64)return_stack_fill <
		     (u64)(return_stack_fill_end - (const u8 *)return_stack_fill);
	return n;
}

static void return_stack(struct selftest *t)
{
	struct task *task;

	sleeper_may_end = false;
	task = thread_run(t, sleeper, NULL, ANY_CPU);
	if (!task)
		return;
	EXPECT(t, task_sleeps(task), "it sleeps");
	if (mitigations.return_stack) /* calls behind it have overwritten some */
		EXPECT(t, filled_below(task) >= ENTRIES / 2, "CALLs at the switch");
	else
		EXPECT_EQ(t, filled_below(task), 0, "CALLs at the switch");
	sleeper_may_end = true;
	sched_wake(task);
	task_wait(task);
}

static const struct selftest_case cases[] = {
	{ "what is decided for which processor", decisions },
	{ "indexes are masked", indexes },
	{ "VERW or NOP at each way out", sites },
	{ "IBPB between programs that may not trace each other", barriers },
	{ "the return stack is filled at a switch", return_stack },
};
SELFTEST_SUITE(mitigations, cases);
