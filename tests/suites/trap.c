/*
 * Interrupts on every vector, and kernel-mode faults that the exception table
 * takes care of; page faults in user memory.  The events with IST stacks are in
 * trap_events.c and trap_window.c.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "arch/state/ldt.h"
#include "kernel/base/errno.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/start/selftest.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/space/mm.h"
#include "mm/space/mm_range.h"
#include "mm/space/uaccess.h"
#include "tests/suites/cpus.h"
#include "tests/suites/faults.h"
#include "tests/suites/pinned.h"

#define PATIENCE_NS (20 * NSEC_PER_SEC)
#define NON_CANONICAL 0x8000000000000000
#define USER_PAGE 0x10000000

static u64 count_of(unsigned vector)
{
	return __atomic_load_n(&trap_count[vector], __ATOMIC_RELAXED);
}

/* ---- Each vector ------------------------------------------------------------------- */

/*
 * The spurious vector is not sent: the kernel acknowledges none, so one that
 * came as a real interrupt would stay in service.
 */
static bool is_sent(unsigned vector)
{
	return vector >= NR_EXCEPTIONS && vector != VEC_SPURIOUS;
}

/* These come by themselves, too. */
static bool is_ours(unsigned vector)
{
	return vector == VEC_TIMER || vector == VEC_IPI_CALL ||
	       vector == VEC_IPI_RESCHEDULE;
}

static struct {
	unsigned missing, first_missing;
	bool timer_counted, resched_asked;
} sent;

static bool send_and_wait(unsigned vector)
{
	u64 before = count_of(vector), deadline = clock_ns() + PATIENCE_NS;

	apic_send_ipi(this_cpu()->apic_id, (u8)vector);
	while (count_of(vector) == before)
		if (clock_ns() > deadline)
			return false;
	return true;
}

/* In a thread on one CPU. */
static void send_all(void *arg __unused)
{
	u64 timers = this_cpu()->timer_interrupts;

	for (unsigned v = 0; v < NR_VECTORS; v++) {
		if (!is_sent(v))
			continue;
		if (v == VEC_IPI_RESCHEDULE)
			sched_yield(); /* clears what earlier ones asked for */
		if (!send_and_wait(v) && !sent.missing++)
			sent.first_missing = v;
		if (v == VEC_TIMER)
			sent.timer_counted = this_cpu()->timer_interrupts > timers;
		if (v == VEC_IPI_RESCHEDULE)
			sent.resched_asked = this_cpu()->need_resched;
	}
	sched_yield();
}

static void every_vector(struct selftest *t)
{
	static u64 before[NR_VECTORS];

	for_each_cpu(cpu, &cpus_online) {
		memset(&sent, 0, sizeof(sent));
		for (unsigned v = 0; v < NR_VECTORS; v++)
			before[v] = count_of(v);
		if (!EXPECT(t, cpus_run_thread(cpu, send_all, NULL), "memory for a thread"))
			return;
		if (!EXPECT_EQ(t, sent.missing, 0, "vectors that did not arrive"))
			selftest_note("there: cpu %u, first vector %u", cpu,
				      sent.first_missing);
		EXPECT(t, sent.timer_counted, "the timer's vector reached the scheduler");
		EXPECT(t, sent.resched_asked, "the reschedule vector asked for it");
		for (unsigned v = 0; v < NR_VECTORS; v++) {
			u64 n = count_of(v) - before[v];

			if (is_ours(v) ? n >= 1 : n == is_sent(v))
				continue;
			EXPECT_EQ(t, n, is_sent(v), "times the vector was counted");
			selftest_note("there: cpu %u, vector %u", cpu, v);
		}
	}
}

/* ---- The exception table ---------------------------------------------------------------- */

static struct {
	struct fault absent, read_only, read_nc, write_nc, none;
	int read, write, read_good;
	u8 byte;
} table[NR_CPUS];

static void fault_here(void *arg __unused)
{
	unsigned self = this_cpu()->cpu;
	u64 guard = (u64)&cea(self)->guard_entry_stack + 0x123;

	fault_read(guard, &table[self].absent);
	fault_write((u64)&cea(self)->tss_page + 4, &table[self].read_only);
	fault_read(NON_CANONICAL, &table[self].read_nc);
	fault_write((u64)cea(self) & ~BIT(60), &table[self].write_nc);
	fault_read((u64)&cea(self)->tss_page, &table[self].none);
	table[self].read = probe_read(guard, &table[self].byte);
	table[self].write = probe_write(NON_CANONICAL, 0);
	table[self].read_good = probe_read((u64)&cea(self)->tss_page, &table[self].byte);
}

static void expect_fault(struct selftest *t, const struct fault *f, u64 vector,
			 u64 error, const char *which)
{
	bool held = EXPECT_EQ(t, f->vector, vector, "vector of the fault");

	if (vector != NO_FAULT)
		held &= EXPECT_EQ(t, f->error, error, "its error code");
	if (!held)
		selftest_note("there: %s", which);
}

static void exception_table(struct selftest *t)
{
	u64 hits = extable_hits, pf = count_of(VEC_PF), gp = count_of(VEC_GP);
	unsigned cpus = cpumask_count(&cpus_online);

	memset(table, 0, sizeof(table));
	cpus_call_all(fault_here, NULL);
	for_each_cpu(cpu, &cpus_online) {
		expect_fault(t, &table[cpu].absent, VEC_PF, 0, "read of an absent page");
		EXPECT_EQ(t, table[cpu].absent.cr2,
			  (u64)&cea(cpu)->guard_entry_stack + 0x123, "CR2");
		expect_fault(t, &table[cpu].read_only, VEC_PF, PF_PROT | PF_WRITE,
			     "write to a read-only page");
		expect_fault(t, &table[cpu].read_nc, VEC_GP, 0, "non-canonical read");
		expect_fault(t, &table[cpu].write_nc, VEC_GP, 0, "non-canonical write");
		expect_fault(t, &table[cpu].none, NO_FAULT, 0, "a good read");
		EXPECT(t, table[cpu].read < 0, "probe_read() of an absent page fails");
		EXPECT(t, table[cpu].write < 0, "probe_write(), non-canonical, fails");
		EXPECT_EQ(t, table[cpu].read_good, 0, "probe_read() of a good page");
	}
	EXPECT_EQ(t, count_of(VEC_PF) - pf, 3 * cpus, "page faults counted");
	EXPECT_EQ(t, count_of(VEC_GP) - gp, 3 * cpus, "protection faults counted");
	EXPECT_EQ(t, extable_hits - hits, 6 * cpus, "fixups taken");
}

/* ---- WRMSR ------------------------------------------------------------------------------ */

static void bad_wrmsr(struct selftest *t)
{
	/* What some CPU or emulator refuses, and what changes nothing where it
	 * does not: QEMU checks few MSRs, Bochs others. */
	const struct { u32 msr; u64 value; } bad[] = {
		{ 0xc0010117, 1 },                          /* VM_HSAVE_PA, unaligned */
		{ MSR_EFER, rdmsr(MSR_EFER) | 1ULL << 63 }, /* reserved */
		{ 0x6e1, ~0ULL },                           /* PKRS, absent */
	};
	u64 gp = count_of(VEC_GP), efer = rdmsr(MSR_EFER);
	unsigned refused = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		refused += probe_wrmsr(bad[i].msr, bad[i].value) != 0;
	EXPECT_EQ(t, rdmsr(MSR_EFER), efer, "EFER is as it was");
	EXPECT_EQ(t, count_of(VEC_GP) - gp, refused, "protection faults counted");
	EXPECT_EQ(t, probe_wrmsr(MSR_EFER, efer), 0, "a good WRMSR");
	if (!refused)
		selftest_skip(t, "this CPU refuses none of the %lu bad values",
			      ARRAY_SIZE(bad));
}

/* ---- Flags ------------------------------------------------------------------------------ */

static void note_flags(void *flags)
{
	*(u64 *)flags = read_flags();
}

/* With AC set SMAP would be open; with DF, C would copy backwards. */
static void flags_of_user(struct selftest *t)
{
	unsigned target = online_cpu(1);
	u64 flags = 0;
	struct thread *task;

	if (target == online_cpu(0)) {
		selftest_skip(t, "found one CPU, expected two: nobody else can interrupt");
		return;
	}
	move_to_cpu(online_cpu(0));
	task = user_new(t, USER_CODE(spin_loop), 0, target);
	if (task) {
		thread_regs(task)->flags |= RFLAGS_AC | RFLAGS_DF;
		user_start(task);
		EXPECT(t, user_reaches(task, USER_WORD(turns), 1), "it runs");
		call_on_cpu(target, note_flags, &flags);
		EXPECT_EQ(t, flags & RFLAGS_DF, 0, "DF in an interrupt from user mode");
		EXPECT_EQ(t, uaccess_smap && (flags & RFLAGS_AC), 0, "SMAP is closed in it");
		user_set(task, USER_WORD(stop), 1);
		process_wait_for(task);
	}
	move_to_cpu(ANY_CPU);
}

/* Nothing of this thread's is mapped at these addresses. */
static void closed_after_copies(struct selftest *t)
{
	u64 word = 0;

	EXPECT_EQ(t, copy_to_user(0x400000, &word, sizeof(word)), sizeof(word), "left");
	EXPECT_EQ(t, uaccess_smap && (read_flags() & RFLAGS_AC), 0, "closed behind a store");
	EXPECT_EQ(t, copy_from_user(&word, 0x400000, sizeof(word)), sizeof(word), "left");
	EXPECT_EQ(t, uaccess_smap && (read_flags() & RFLAGS_AC), 0, "closed behind a load");
	user_access_end();
}

/* ---- User memory ------------------------------------------------------------------------- */

static bool map_page(struct selftest *t, struct mm *mm)
{
	return EXPECT_EQ(t, mm_map(mm, USER_PAGE, PAGE_SIZE, VMA_READ | VMA_WRITE, MM_FIXED),
			 USER_PAGE, "a page is mapped");
}

static void load_mm(struct mm *mm)
{
	u64 flags = interrupts_save();

	ldt_load_mm(mm);
	interrupts_restore(flags);
}

/* A copy brings in what it touches; what else stumbles over user memory does not. */
static void probe_of_user(struct selftest *t)
{
	struct mm *mm = mm_alloc(), *old = this_cpu()->mm;
	int err;
	u8 byte;

	if (!EXPECT(t, mm, "memory for an address space"))
		return;
	if (map_page(t, mm)) {
		load_mm(mm);
		err = probe_read(USER_PAGE, &byte);
		load_mm(old);
		EXPECT_EQ(t, err, uaccess_smap ? -EFAULT : 0, "a probe of user memory");
		EXPECT_EQ(t, mm->tables > 0, !uaccess_smap, "did it bring something in");
	}
	mm_put(mm);
}

/* The process does nothing else that could wait. */
static void fault_locked(struct selftest *t)
{
	struct thread *task = user_new(t, USER_CODE(write), USER_PAGE, online_cpu(1));
	struct mm *mm;

	if (!task)
		return;
	mm = task->mm;
	if (map_page(t, mm)) {
		sleep_lock(&mm->lock);
		user_start(task);
		EXPECT(t, task_sleeps(task_of(task)), "it waits for the lock");
		sleep_unlock(&mm->lock);
	} else {
		user_start(task);
	}
	EXPECT_EQ(t, process_wait_for(task), 0, "then it has its page");
}

static const struct selftest_case cases[] = {
	{ "each interrupt vector arrives once, on every CPU", every_vector },
	{ "faults in ring 0 take the exception table's way, on every CPU",
	  exception_table },
	{ "a refused WRMSR takes the exception table's way", bad_wrmsr },
	{ "whatever flags user mode has, an interrupt finds AC and DF clear", flags_of_user },
	{ "SMAP is closed behind every copy", closed_after_copies },
	{ "with SMAP a probe brings no page of user memory in", probe_of_user },
	{ "a page fault waits for who holds the address space's lock", fault_locked },
};
SELFTEST_SUITE(trap, cases);
