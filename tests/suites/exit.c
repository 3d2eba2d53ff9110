/*
 * The ways out to user mode with registers that the hardware refuses: a bad
 * CS, SS or RIP makes the last IRETQ fault, in ring 0, with the user's CR3 and
 * GS.  The process gets the signal that Linux gives: #GP SIGSEGV, #NP and #SS
 * SIGBUS (arch/x86/kernel/traps.c); nobody else notices.  And SYSRET, which
 * cannot restore every register, is only used where it need not.
 *
 * CS has RPL 3 in all of it: with another one the frame would not be a user's,
 * and whoever let that through would have to be stopped, not the process.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/clock.h"
#include "arch/state/insn.h"
#include "arch/state/ldt.h"
#include "entry/deferred/deferred.h"
#include "entry/shared/shared.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/start/selftest.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/frames/frame.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "tests/suites/cpus.h"
#include "tests/suites/descriptors.h"
#include "tests/suites/insn.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define DESC_CODE_NOT_PRESENT 0x00af7b000000ffff
#define DESC_DATA_NOT_PRESENT 0x00cf73000000ffff
#define DESC_CODE_NOT_ACCESSED 0x00affa000000ffff
#define EXITED_7 WAIT_STATUS(7, 0)

/* ---- A process that starts with given registers ------------------------------------ */

struct start {
	const char *what;
	u64 cs, ss;     /* 0: as it should be */
	u64 ip, sp;     /* 0: the same */
	u64 flags;      /* more of them */
	u64 spare;      /* descriptor to plant in SEL_SPARE */
	bool push;      /* the program begins with a push */
	int status, or; /* expected; another that is right, too, unless 0 */
};

static void plant(void *desc)
{
	u64 *at = &cea_gdt_direct(this_cpu()->cpu)->entry[SEL_SPARE / 8];

	*(volatile u64 *)at = *(const u64 *)desc;
}

static void check_cpu(struct selftest *t, unsigned cpu)
{
	const struct mm *mm = VAULT_OF(cpu)->mm;
	u64 pgd = tables_of(cpu, mm);

	cpus_read_state();
	EXPECT_EQ(t, cpu_state[cpu].gs_base, (u64)VAULT_OF(cpu), "GS base afterwards");
	EXPECT_EQ(t, cpu_state[cpu].cr3 & CR3_ADDR_MASK, pgd, "CR3 afterwards");
}

static void patch(struct pt_regs *regs, const struct start *s)
{
	regs->cs = s->cs ? s->cs : regs->cs;
	regs->ss = s->ss ? s->ss - 1 : regs->ss;
	regs->ip = s->ip ? s->ip : regs->ip;
	regs->sp = s->sp ? s->sp : regs->sp;
	regs->flags |= s->flags;
}

static void start_on(struct selftest *t, const struct start *s, unsigned cpu)
{
	u64 none = 0, free = selftest_free_frames();
	struct thread *task = s->push ? PROCESS_FROM(program_push, 0) :
				      PROCESS_FROM(program_exit, 0);
	int status;
	bool held;

	if (!EXPECT(t, task, "memory for a process"))
		return;
	patch(thread_regs(task), s);
	/* SS may only name an LDT that is there, if of one entry: segment_of_frame(). */
	if (thread_regs(task)->ss & SEL_TI)
		EXPECT_EQ(t, ldt_write(task->process->mm, 0, 0), 0, "an LDT");
	cpus_call(cpu, plant, (void *)&s->spare);
	status = programs_run(task, cpu);
	cpus_call(cpu, plant, &none);
	held = (s->or && status == s->or) || EXPECT_EQ(t, status, s->status, "wait status");
	held &= EXPECT_EQ(t, selftest_free_frames(), free, "free frames afterwards");
	if (!held)
		selftest_note("there: cpu %u, %s", cpu, s->what);
	check_cpu(t, cpu);
}

static void start_all(struct selftest *t, const struct start *s, unsigned count)
{
	struct thread *good;

	for_each_cpu(cpu, &cpus_online) {
		for (unsigned i = 0; i < count; i++)
			start_on(t, &s[i], cpu);
		good = PROCESS_FROM(program_registers, 0);
		if (EXPECT(t, good, "memory for a process"))
			EXPECT_EQ(t, programs_run(good, cpu), 0, "a good process goes on");
	}
}

/* SS is given as selector + 1, since 0 is one of them. */
#define SS(selector) ((selector) + 1)

static void bad_selectors(struct selftest *t)
{
	static const struct start bad[] = {
		{ .what = "CS beyond the table", .cs = 0xfffb, .status = SIGSEGV },
		{ .what = "CS null", .cs = 3, .status = SIGSEGV },
		{ .what = "CS of the kernel, RPL 3", .cs = SEL_KERNEL_CS | 3,
		  .status = SIGSEGV },
		{ .what = "CS of data", .cs = SEL_USER_DS, .status = SIGSEGV },
		{ .what = "CS of the TSS", .cs = SEL_TSS | 3, .status = SIGSEGV },
		{ .what = "CS in an LDT", .cs = 0xf, .status = SIGSEGV },
		{ .what = "SS beyond the table", .ss = SS(0xfffb), .status = SIGSEGV },
		{ .what = "SS null", .ss = SS(0), .status = SIGSEGV },
		{ .what = "SS null, RPL 3", .ss = SS(3), .status = SIGSEGV },
		{ .what = "SS of the kernel, RPL 3", .ss = SS(SEL_KERNEL_DS | 3),
		  .status = SIGSEGV },
		{ .what = "SS of the kernel", .ss = SS(SEL_KERNEL_DS), .status = SIGSEGV },
		{ .what = "SS of code", .ss = SS(SEL_USER_CS), .status = SIGSEGV },
		{ .what = "SS with RPL 0", .ss = SS(SEL_USER_DS & ~3), .status = SIGSEGV },
		{ .what = "SS in an LDT", .ss = SS(0xf), .status = SIGSEGV },
	};

	start_all(t, bad, ARRAY_SIZE(bad));
}

static void not_present(struct selftest *t)
{
	static const struct start bad[] = {
		{ .what = "CS not present", .cs = SEL_SPARE | 3,
		  .spare = DESC_CODE_NOT_PRESENT, .status = SIGBUS },
		{ .what = "SS not present", .ss = SS(SEL_SPARE | 3),
		  .spare = DESC_DATA_NOT_PRESENT, .status = SIGBUS },
		/* A page fault of the IRETQ, but QEMU's does not set the bit. */
		{ .what = "CS not accessed", .cs = SEL_SPARE | 3,
		  .spare = DESC_CODE_NOT_ACCESSED, .status = SIGSEGV, .or = EXITED_7 },
	};

	for_each_cpu(cpu, &cpus_online)
		if (!EXPECT_EQ(t, cea_gdt_direct(cpu)->entry[SEL_SPARE / 8], 0,
			       "spare descriptor"))
			return;
	start_all(t, bad, ARRAY_SIZE(bad));
}

static void bad_rip(struct selftest *t)
{
	static const struct start bad[] = {
		{ .what = "RIP non-canonical", .ip = 0x8000000000000000, .status = SIGSEGV },
		{ .what = "RIP just beyond the user half", .ip = 0x0000800000000000,
		  .status = SIGSEGV },
		{ .what = "RIP just below the kernel half", .ip = 0xffff7fffffffffff,
		  .status = SIGSEGV },
		{ .what = "RIP at the user half's guard", .ip = USER_END, .status = SIGSEGV },
		{ .what = "RIP in the kernel image", .ip = KERNEL_BASE + KERNEL_PHYS_START,
		  .status = SIGSEGV },
		{ .what = "RIP in entry text", .ip = CEA_ENTRY_TEXT, .status = SIGSEGV },
		{ .what = "RIP in data", .ip = PROGRAM_DATA_BASE, .status = SIGSEGV },
	};

	start_all(t, bad, ARRAY_SIZE(bad));
}

/* IRETQ takes any RSP; who uses it faults: #SS, which QEMU makes #GP. */
static void bad_rsp(struct selftest *t)
{
	static const struct start bad[] = {
		{ .what = "RSP non-canonical, unused", .sp = 0x8000000000000000,
		  .status = EXITED_7 },
		{ .what = "RSP non-canonical, push", .sp = 0x8000000000000000, .push = true,
		  .status = SIGBUS, .or = SIGSEGV },
		{ .what = "RSP in the kernel half, unused", .sp = KERNEL_BASE,
		  .status = EXITED_7 },
		{ .what = "RSP in the kernel half, push", .push = true,
		  .sp = CEA_BASE + CEA_ENTRY_STACK_TOP, .status = SIGSEGV },
		/* The word of the kernel's number on the entry stack goes. */
		{ .what = "all good", .status = EXITED_7 },
	};

	start_all(t, bad, ARRAY_SIZE(bad));
}

static void flags(struct selftest *t)
{
	static const struct start some[] = {
		{ .what = "TF", .flags = RFLAGS_TF, .status = SIGTRAP },
		{ .what = "RF", .flags = RFLAGS_RF, .status = EXITED_7 },
		{ .what = "DF, AC, ID, NT", .status = EXITED_7,
		  .flags = RFLAGS_DF | RFLAGS_AC | RFLAGS_ID | RFLAGS_NT },
	};

	start_all(t, some, ARRAY_SIZE(some));
}

/* ---- SYSRET or IRET ------------------------------------------------------------------ */

static unsigned sysrets;

static bool count_sysret(struct pt_regs *regs)
{
	if ((regs->vector & 0xff) != VEC_DB)
		return false;
	write_dr6(DR6_NONE);
	regs->flags |= RFLAGS_RF;
	sysrets++;
	return true;
}

/* Counts uses of this CPU's SYSRET door, wherever that is. */
static void count_here(void *arg)
{
	const struct entry_labels *l = &entry_labels;
	u64 by = this_cpu()->cpu * CEA_STRIDE;
	bool direct = cpu_state[this_cpu()->cpu].lstar == l->syscall_direct;

	write_dr0(direct	     ? l->door_sysret_direct :
		  pti_deferred	     ? deferred_labels.door_sysret :
		  !ledger_trampoline ? entry_shared_labels.door_sysret :
				       l->door_sysret + by);
	write_dr6(DR6_NONE);
	write_dr7(arg ? DR7_EXECUTE_0 : DR7_NONE);
}

struct resume {
	const char *what;
	struct start to; /* its CS, SS, RIP ... as above */
	u64 cx, r11;     /* 0: as SYSCALL left them */
	bool sysret;     /* expected */
};

static bool wait_until_asleep(const struct thread *task)
{
	u64 deadline = clock_ns() + 30 * NSEC_PER_SEC;

	while (*(const volatile enum task_state *)&task->state != TASK_SLEEPING ||
	       *(const volatile bool *)&task->on_cpu) {
		if (clock_ns() > deadline)
			return false;
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC / 10);
	}
	return true;
}

/* Resumes a process that sleeps in a system call with other registers. */
static void resume(struct selftest *t, const struct resume *r, struct thread *task,
		   unsigned cpu)
{
	struct pt_regs *regs = thread_regs(task);
	const struct siginfo wake = { .signo = SIGUSR1 };
	struct slept slept;
	u64 cx, r11, flags;

	patch(regs, &r->to);
	if (r->to.ip) /* as SYSRET would want it */
		regs->cx = regs->ip;
	if (r->to.flags)
		regs->r11 = regs->flags;
	regs->cx = r->cx ? r->cx : regs->cx;
	regs->r11 = r->r11 ? r->r11 : regs->r11;
	cx = regs->cx;
	r11 = regs->r11;
	sysrets = 0;
	trap_paranoid_hook = count_sysret;
	cpus_call(cpu, count_here, t);
	task->work_due = true; /* as with all who change registers */
	flags = spin_lock(&process_lock);
	signal_send_thread(task, &wake);
	spin_unlock(&process_lock, flags);
	sched_wait_for_exit(task_of(task));
	cpus_call(cpu, count_here, NULL);
	trap_paranoid_hook = NULL;
	EXPECT_EQ(t, sysrets, r->sysret, "returns by SYSRET");
	if (!WAIT_SIGNAL(task->status) &&
	    EXPECT_EQ(t, mm_read(task->process->mm, PROGRAM_DATA_BASE, &slept, sizeof(slept)), 0,
		      "the process's data can be read")) {
		EXPECT_EQ(t, slept.ax, SIGUSR1, "RAX behind the system call");
		EXPECT_EQ(t, slept.cx, cx, "RCX behind the system call");
		EXPECT_EQ(t, slept.r11, r11, "R11 behind the system call");
	}
}

static void resume_on(struct selftest *t, const struct resume *r, unsigned cpu)
{
	struct thread *task = PROCESS_FROM(program_sleep, 0);
	bool failed = t->failed;
	int status;

	if (!EXPECT(t, task, "memory for a process"))
		return;
	task->affinity = cpus_only(cpu);
	task->process->quiet = true;
	task->choices->blocked = SIGNAL_BIT(SIGUSR1);
	process_start(task, process_next_pid());
	if (!EXPECT(t, wait_until_asleep(task), "the process goes to sleep"))
		return;
	resume(t, r, task, cpu);
	status = process_wait_for(task);
	if (!r->to.or || status != r->to.or)
		EXPECT_EQ(t, status, r->to.status, "wait status");
	check_cpu(t, cpu);
	if (t->failed && !failed)
		selftest_note("there: cpu %u, %s", cpu, r->what);
}

static void resume_all(struct selftest *t, const struct resume *r, unsigned count)
{
	if (cpus_skip_breakpoints(t))
		return;
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online)
		for (unsigned i = 0; i < count; i++)
			resume_on(t, &r[i], cpu);
}

static void sysret_used(struct selftest *t)
{
	static const struct resume same[] = {
		{ .what = "as it came", .to = { .status = EXITED_7 }, .sysret = true },
		{ .what = "more flags", .to = { .status = EXITED_7, .flags = RFLAGS_DF },
		  .sysret = true },
	};

	resume_all(t, same, ARRAY_SIZE(same));
}

static void sysret_refused(struct selftest *t)
{
	static const struct resume other[] = {
		{ .what = "RCX is not RIP", .to = { .status = EXITED_7 },
		  .cx = 0x1234567812345678 },
		{ .what = "R11 is not RFLAGS", .to = { .status = EXITED_7 },
		  .r11 = 0x8765432187654321 },
		{ .what = "TF", .to = { .status = SIGTRAP, .flags = RFLAGS_TF } },
		{ .what = "RF", .to = { .status = EXITED_7, .flags = RFLAGS_RF } },
		{ .what = "RIP non-canonical",
		  .to = { .status = SIGSEGV, .ip = 0x8000000000000000 } },
		{ .what = "RIP just beyond the user half",
		  .to = { .status = SIGSEGV, .ip = 0x0000800000000000 } },
		{ .what = "RIP in the kernel image",
		  .to = { .status = SIGSEGV, .ip = KERNEL_BASE + KERNEL_PHYS_START } },
		{ .what = "CS null", .to = { .status = SIGSEGV, .cs = 3 } },
		{ .what = "CS of the kernel, RPL 3",
		  .to = { .status = SIGSEGV, .cs = SEL_KERNEL_CS | 3 } },
		{ .what = "SS of the kernel, RPL 3",
		  .to = { .status = SIGSEGV, .ss = SS(SEL_KERNEL_DS | 3) } },
	};

	resume_all(t, other, ARRAY_SIZE(other));
}

static const struct selftest_case cases[] = {
	{ "a bad CS or SS ends the process with SIGSEGV", bad_selectors },
	{ "a CS or SS that is not present ends the process with SIGBUS", not_present },
	{ "a bad RIP ends the process with SIGSEGV", bad_rip },
	{ "a bad RSP is the process's own affair", bad_rsp },
	{ "IRET restores every flag", flags },
	{ "SYSRET is used when it restores every register", sysret_used },
	{ "SYSRET is refused, and IRET used, when registers differ", sysret_refused },
};
SELFTEST_SUITE(exit, cases);
