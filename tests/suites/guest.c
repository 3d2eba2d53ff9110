/*
 * Guest kernels (kernel/guest/): what of their descriptors the processor may have, the
 * pages that it finds them in, and that nothing of a guest is left in a CPU or in memory.
 * What a guest prints is compared with the bare machine's by tests/guest/run.py.
 */
#include "arch/cpu.h"
#include "arch/cpu_entry_area.h"
#include "arch/machine/clock.h"
#include "arch/machine/emulator.h"
#include "arch/state/insn.h"
#include "kernel/base/errno.h"
#include "kernel/base/format.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "kernel/guest/guest.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/send.h"
#include "kernel/start/args.h"
#include "kernel/task/sched.h"
#include "mm/audit/finding.h"
#include "mm/frames/frame.h"
#include "tests/suites/cpus.h"
#include "tests/suites/descriptors.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define GUEST "/bin/guest"
#define BUSY_GUEST "/bin/bench-middle" /* thousands of faults on one page */
#define RANDOM_DESCRIPTORS 500000
#define LOADED_DESCRIPTORS 20000
#define KILLED 12

/* ---- Descriptors ----------------------------------------------------------------------- */

static void conversion(struct selftest *t)
{
	unsigned wrong = 0, changed = 0;

	for (unsigned i = 0; i < RANDOM_DESCRIPTORS; i++) {
		u64 desc = descriptor_of_kind(i), ours = guest_convert(desc);

		wrong += !overlay_descriptor_ok(ours);
		changed += !descriptor_kept(desc, ours);
	}
	EXPECT_EQ(t, wrong, 0, "descriptors that ring 3 may not have");
	EXPECT_EQ(t, changed, 0, "descriptors with something else changed");
}

/* What the processor says of them, in a table that it reads. */
static void processors_view(struct selftest *t)
{
	volatile u64 *spare = &this_cpu()->gdt->entry[SEL_SPARE / 8];
	unsigned gates = 0, other_ring = 0, not_ours = 0;
	u64 seen;

	for (unsigned i = 0; i < LOADED_DESCRIPTORS; i++) {
		u64 desc = descriptor_of_kind(i);
		u64 flags = interrupts_save();
		bool found;

		*spare = guest_convert(desc);
		found = lar(SEL_SPARE, &seen);
		*spare = 0;
		interrupts_restore(flags);
		gates += found && !(seen & DESC_SEGMENT);
		other_ring += found && (seen & DESC_DPL3) != DESC_DPL3;
		not_ours += found != !!(desc & DESC_SEGMENT);
	}
	EXPECT_EQ(t, gates, 0, "LAR finds a gate, an LDT or a TSS");
	EXPECT_EQ(t, other_ring, 0, "LAR finds a segment of another ring");
	EXPECT_EQ(t, not_ours, 0, "LAR finds what is no segment, or not what is one");
}

/* ---- Guests ----------------------------------------------------------------------------- */

/* Far returns of its own: with SMAP some emulators make each of them fault. */
static const char *any_guest(void)
{
	bool faults = (emulator.faults & EMULATOR_FAR_RETURN) && cpu_features.smap;

	return faults ? BUSY_GUEST : GUEST;
}

static struct thread *load(struct selftest *t, const char *path, unsigned cpu)
{
	struct complaint why = { "" };
	struct thread *guest = NULL;
	int err = guest_load(path, &guest, &why);

	if (!EXPECT_EQ(t, err, 0, "a guest is loaded")) {
		selftest_note("%s", why.text);
		return NULL;
	}
	guest->process->quiet = true;
	if (cpu != ANY_CPU)
		task_pin(task_of(guest), cpu);
	return guest;
}

static struct thread *start(struct selftest *t, const char *path, unsigned cpu)
{
	struct thread *guest = load(t, path, cpu);

	if (guest)
		user_start(guest);
	return guest;
}

/* No initramfs has one, or the machine cannot run one. */
static bool skipped(struct selftest *t)
{
	if (!program_exists(GUEST) || !program_exists(BUSY_GUEST))
		selftest_skip(t, "no %s in this initramfs", GUEST);
	else if (pti_deferred)
		selftest_skip(t, "pti=deferred runs no guest");
	else
		return false;
	return true;
}

static void expect_own_tables(struct selftest *t)
{
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		EXPECT_EQ(t, cpu_state[cpu].gdtr.base, cea(cpu)->gdt, "GDTR is the CPU's alias");
		EXPECT_EQ(t, cpu_state[cpu].tr, SEL_TSS, "TR");
		EXPECT(t, VAULT_OF(cpu)->do_trap != guest_do_trap, "the vault's do_trap");
	}
}

static void to_the_end(struct selftest *t)
{
	if (skipped(t))
		return;
	for (unsigned way = 0; way < 2; way++) {
		struct thread *guest;

		guest_one_at_a_time = way;
		guest = start(t, any_guest(), ANY_CPU);
		if (guest)
			EXPECT_EQ(t, process_wait_for(guest), 0, "its status");
		expect_own_tables(t);
	}
	guest_one_at_a_time = selftest_args->guest_one_at_a_time;
}

/* Two guests and two programs take turns on one CPU, and move to others. */
static void beside_others(struct selftest *t)
{
	struct thread *guest[2], *program[2];

	if (skipped(t))
		return;
	for (unsigned i = 0; i < 2; i++) {
		program[i] = user_run(t, USER_CODE(call_loop), 0, online_cpu(1));
		guest[i] = start(t, i ? any_guest() : BUSY_GUEST, online_cpu(1));
		if (!program[i] || !guest[i])
			return;
	}
	for (unsigned i = 0; i < 40; i++) {
		task_move(task_of(guest[i % 2]), online_cpu(i));
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
	}
	for (unsigned i = 0; i < 2; i++) {
		EXPECT_EQ(t, process_wait_for(guest[i]), 0, "a guest's status");
		user_set(program[i], USER_WORD(stop), 1);
		EXPECT_EQ(t, process_wait_for(program[i]), 0, "a program's status");
	}
	expect_own_tables(t);
}

static void nmis(struct selftest *t)
{
	unsigned cpu = online_cpu(1);
	struct thread *guest;
	u64 sent = 0;

	if (skipped(t))
		return;
	if (cpumask_count(&cpus_online) < 2) {
		selftest_skip(t, "one CPU");
		return;
	}
	guest = start(t, BUSY_GUEST, cpu);
	while (guest && guest->process->leader->state != TASK_ZOMBIE && sent < 300)
		sent += send_nmi(cpu);
	if (guest)
		EXPECT_EQ(t, process_wait_for(guest), 0, "its status");
	EXPECT(t, sent > 0, "NMIs were sent");
	expect_own_tables(t);
}

/* ---- What is shown ------------------------------------------------------------------------- */

static void send(struct thread *to, int signal)
{
	const struct siginfo info = { .signo = signal, .code = SI_KERNEL };
	SPIN_GUARD(&process_lock);

	signal_send_process(to->process, &info);
}

/* A guest that has loaded its table and does not run.  NULL: the case has failed. */
static struct thread *stopped_guest(struct selftest *t)
{
	struct thread *guest = start(t, BUSY_GUEST, ANY_CPU);
	u64 end = clock_ns() + 20 * NSEC_PER_SEC;

	if (!guest)
		return NULL;
	while (guest->mm && guest->mm->guest->exits[GUEST_EXIT_NEIGHBOUR] < 100 && clock_ns() < end)
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
	send(guest, SIGSTOP);
	while (!__atomic_load_n(&guest->signals.stopped, __ATOMIC_RELAXED) && clock_ns() < end)
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
	while (__atomic_load_n(&guest->on_cpu, __ATOMIC_RELAXED) && clock_ns() < end)
		sched_yield();
	EXPECT(t, guest->signals.stopped, "it has stopped");
	return guest;
}

static void kill_and_wait(struct selftest *t, struct thread *guest)
{
	send(guest, SIGKILL);
	EXPECT_EQ(t, process_wait_for(guest), WAIT_STATUS(0, SIGKILL), "its status");
}

static void expect_pages(struct selftest *t, const struct mm *mm, unsigned findings,
			 const char *glob, const char *step)
{
	static struct audit_report r;

	memset(&r, 0, sizeof(r));
	check_overlay(&r, mm->pgd);
	EXPECT(t, findings ? r.findings > 0 : r.findings == 0, step);
	if (!glob_match(glob, r.text)) {
		EXPECT(t, false, step);
		selftest_note("found '%s'", r.text);
	}
}

/* Faults planted in its tables and in its page table. */
static void plant(struct selftest *t, struct guest *g)
{
	pte_t *pte = pti_user_pte(g->mm->pgd, g->gdt.base, false), pte_was = *pte;
	u64 *desc = guest_ours(g, g->gdt.base + 8), was = *desc;
	static const struct {
		u64 desc;
		const char *what;
	} bad[] = {
		{ 0x00cf9a000000ffff, "code of ring 0" },
		{ 0x00cffe000000ffff, "conforming code" },
		{ 0x00affa000000ffff, "64-bit code" },
		{ 0x0000ee0000080000, "a gate" },
		{ 0x00008b0000000067, "a TSS" },
		{ 0x000082000000ffff, "an LDT" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		*desc = bad[i].desc;
		expect_pages(t, g->mm, 1, "P7: page 0x* (overlay, *owner kernel/guest/*): found the "
					  "descriptor *", bad[i].what);
	}
	*desc = was;
	*pte = pte_was | PTE_U;
	expect_pages(t, g->mm, 1, "P4: *open to user mode*", "a page open to user mode");
	*pte = pte_was & ~PTE_W;
	expect_pages(t, g->mm, 1, "P4: *found R, expected RW*", "a page that is read-only");
	*pte = pte_was & ~(u64)PTE_OVERLAY;
	expect_pages(t, g->mm, 1, "P4: *found a supervisor page in the user half*", "another's page");
	*pte = pte_was;
	expect_pages(t, g->mm, 0, "", "undone");
}

static void shown(struct selftest *t)
{
	static struct audit_report r;
	struct thread *guest;
	struct guest *g;

	if (skipped(t))
		return;
	guest = stopped_guest(t);
	if (!guest)
		return;
	g = guest->mm->guest;
	EXPECT(t, g->pages >= 1, "pages are covered");
	for (unsigned i = 0; i < g->pages; i++) {
		struct pt_leaf leaf;

		pt_walk(g->mm->pgd, g->page[i].va, &leaf);
		EXPECT_EQ(t, leaf.rights & (PTE_U | PTE_W), PTE_W, "rights: supervisor, RW");
		EXPECT(t, leaf.entry & PTE_NX, "NX");
		EXPECT_EQ(t, pt_translate(g->mm->pgd, g->page[i].va + OVERLAY_KEPT), NO_FRAME,
			  "the guest's own frame is nowhere");
	}
	expect_pages(t, g->mm, 0, "", "the audit of its tables");
	if (pti_enabled && !pti_roots_per_cpu) {
		EXPECT_EQ(t, audit_pair(g->mm->pgd, g->mm->ldt.active, &r), 0, "the whole audit");
		EXPECT(t, strcmp(r.text, "") == 0, r.text);
	}
	plant(t, g);
	kill_and_wait(t, guest);
}

/* Every copy asks the area first, which has no rights. */
static void refused(struct selftest *t)
{
	struct thread *guest;
	struct mm_word word;
	struct guest *g;
	u32 old = 0;

	if (skipped(t))
		return;
	guest = stopped_guest(t);
	if (!guest)
		return;
	g = guest->mm->guest;
	EXPECT_EQ(t, mm_lock_word(g->mm, g->gdt.base, &word), (u64)-EFAULT, "a futex");
	EXPECT_EQ(t, mm_exchange_word(g->mm, g->gdt.base, &old, 1), (u64)-EFAULT, "its store");
	EXPECT_EQ(t, mm_fault(g->mm, g->gdt.base, PF_USER | PF_WRITE), FAULT_ACCERR, "a fault");
	kill_and_wait(t, guest);
}

/* The runner counts frames behind the suite. */
static void killed(struct selftest *t)
{
	if (skipped(t))
		return;
	for (unsigned i = 0; i < KILLED; i++) {
		struct thread *guest = start(t, i % 2 ? any_guest() : BUSY_GUEST, ANY_CPU);
		int status;

		if (!guest)
			return;
		sched_sleep_until(clock_ns() + i * i * NSEC_PER_MSEC / 2);
		send(guest, SIGKILL);
		status = process_wait_for(guest);
		EXPECT(t, status == WAIT_STATUS(0, SIGKILL) || status == 0,
		       "it was killed, or had come to its end");
	}
	expect_own_tables(t);
}

static const struct selftest_case cases[] = {
	{ "a converted descriptor is a segment of ring 3, whatever the guest's is", conversion },
	{ "the processor finds no other in them", processors_view },
	{ "a guest comes to its end, and leaves nothing in a CPU", to_the_end },
	{ "guests and programs take turns, and move to other CPUs", beside_others },
	{ "NMIs come well while a guest runs", nmis },
	{ "what is shown of its tables is in the ledger, and faults there are found", shown },
	{ "a futex or a fault does not reach what the processor reads there", refused },
	{ "a guest can be killed at any time", killed },
};
SELFTEST_SUITE(guest, cases);
