/*
 * System calls: the trampoline finds each CPU's own stacks, registers come back
 * as they should, and the counters are exact.
 *
 * Most cases need no more user code than SYSCALL and UD2: the first registers
 * are written into the new task's pt_regs, and read from there again when the
 * UD2 has ended it.
 */
#include "arch/cpu.h"
#include "arch/cpu_entry_area.h"
#include "arch/machine/clock.h"
#include "arch/stack_marks.h"
#include "arch/syscall_msrs.h"
#include "entry/deferred/deferred.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/missing/missing.h"
#include "kernel/start/args.h"
#include "mm/pti.h"
#include "mm/space/pti_stack.h"
#include "mm/tlb.h"
#include "tests/suites/pinned.h"

#define CALLS_PER_CPU 20000
#define CALLS_TOTAL (16 * CALLS_PER_CPU)
#define MOVES 60
#define MOVE_CPUS 16
#define EVERY_CPU_MAX 32
/* All that a user program can set and SYSRET restores. */
#define USER_FLAGS (RFLAGS_FIXED | RFLAGS_IF | RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | \
		    RFLAGS_ZF | RFLAGS_SF | RFLAGS_DF | RFLAGS_OF | RFLAGS_NT | \
		    RFLAGS_AC | RFLAGS_ID)
#define SYSCALL_SIZE 2 /* bytes of the instruction */

/* A value of its own for each register; rsp needs no memory behind it. */
static void fill(struct pt_regs *regs, u64 ax)
{
	u64 *word = (u64 *)regs;

	for (unsigned i = 0; i <= offsetof(struct pt_regs, di) / sizeof(u64); i++)
		word[i] = 0x1122334400000000 + 0x0101 * (i + 1);
	regs->ax = ax;
	regs->sp = 0x7abcdef01234;
	regs->flags = USER_FLAGS;
}

/* Every general register but rax, rcx and r11. */
static void expect_preserved(struct selftest *t, const struct pt_regs *regs,
			     const struct pt_regs *before)
{
	EXPECT_EQ(t, regs->bx, before->bx, "rbx");
	EXPECT_EQ(t, regs->bp, before->bp, "rbp");
	EXPECT_EQ(t, regs->di, before->di, "rdi");
	EXPECT_EQ(t, regs->si, before->si, "rsi");
	EXPECT_EQ(t, regs->dx, before->dx, "rdx");
	EXPECT_EQ(t, regs->r8, before->r8, "r8");
	EXPECT_EQ(t, regs->r9, before->r9, "r9");
	EXPECT_EQ(t, regs->r10, before->r10, "r10");
	EXPECT_EQ(t, regs->r12, before->r12, "r12");
	EXPECT_EQ(t, regs->r13, before->r13, "r13");
	EXPECT_EQ(t, regs->r14, before->r14, "r14");
	EXPECT_EQ(t, regs->r15, before->r15, "r15");
	EXPECT_EQ(t, regs->sp, before->sp, "rsp");
	EXPECT_EQ(t, regs->cs, SEL_USER_CS, "cs");
	EXPECT_EQ(t, regs->ss, SEL_USER_DS, "ss");
}

/*
 * One system call with *regs, on one CPU; *regs are then what the process had
 * behind it.  False: it did not come back to the UD2 with rcx and r11 as SYSRET
 * leaves them.
 */
static bool call_once(struct selftest *t, unsigned cpu, struct pt_regs *regs)
{
	struct thread *task = user_new(t, USER_CODE(call_once), 0, cpu);
	u64 back = PROGRAM_CODE_BASE + SYSCALL_SIZE;
	struct pt_regs *r;
	bool good;

	if (!task)
		return false;
	r = thread_regs(task);
	regs->ip = r->ip;
	regs->cs = r->cs;
	regs->ss = r->ss;
	*r = *regs;
	user_start(task);
	user_wait(task);
	*regs = *r;
	good = EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(0, SIGILL), "reached the UD2");
	good &= EXPECT_EQ(t, regs->ip, back, "returned behind SYSCALL");
	good &= EXPECT_EQ(t, regs->cx, back, "rcx is the return address");
	good &= EXPECT_EQ(t, regs->flags & ~(u64)RFLAGS_RF, regs->r11, "r11 is RFLAGS");
	return good;
}

/* ---- Where it lands ------------------------------------------------------------ */

struct msrs {
	u64 star, lstar, cstar, sfmask, sysenter_cs, efer;
};

static void read_msrs(void *arg)
{
	struct msrs *m = arg;

	m->star = rdmsr(MSR_STAR);
	m->lstar = rdmsr(MSR_LSTAR);
	m->cstar = rdmsr(MSR_CSTAR);
	m->sfmask = rdmsr(MSR_SFMASK);
	m->sysenter_cs = rdmsr(MSR_SYSENTER_CS);
	m->efer = rdmsr(MSR_EFER);
}

static bool is_direct(u64 lstar)
{
	return lstar == entry_labels.syscall_direct;
}

static void as_decided(struct selftest *t)
{
	u64 must_clear = RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT;
	struct msrs m;

	for_each_cpu(cpu, &cpus_online) {
		call_on_cpu(cpu, read_msrs, &m);
		EXPECT_EQ(t, m.lstar,
			  pti_deferred ? deferred_labels.syscall_in + cpu * (u64)CEA_STRIDE :
					 syscall_entry_of(cpu, selftest_args->syscall),
			  "LSTAR");
		EXPECT(t, !pti_enabled || !is_direct(m.lstar), "pti=on has no direct entry");
		EXPECT_EQ(t, m.cstar,
			  pti_deferred ? deferred_labels.syscall32_in + cpu * (u64)CEA_STRIDE :
					 syscall32_entry_of(cpu, selftest_args->syscall),
			  "CSTAR");
		EXPECT_EQ(t, m.star >> 32 & 0xffff, SEL_KERNEL_CS, "STAR, for SYSCALL");
		EXPECT_EQ(t, m.star >> 48, SEL_USER32_CS, "STAR, for SYSRET");
		EXPECT_EQ(t, m.sfmask & must_clear, must_clear, "SFMASK");
		EXPECT_EQ(t, m.sysenter_cs, SEL_KERNEL_CS, "SYSENTER_CS");
		EXPECT(t, m.efer & EFER_SCE, "EFER.SCE");
	}
}

/*
 * exit(), the last thing the process did, left its registers at the top of its
 * kernel stack, but nothing on the entry stack, where its RSP was parked: the
 * switch to the next task has scrubbed it.
 */
static void lands_on(struct selftest *t, unsigned cpu)
{
	struct thread *task = user_new(t, USER_CODE(call_once), 0, cpu);
	u64 calls = VAULT_OF(cpu)->syscalls;
	struct pt_regs before;
	const struct pt_regs *r;
	struct msrs m;

	if (!task)
		return;
	fill(&before, NR_exit);
	before.ip = thread_regs(task)->ip;
	before.cs = SEL_USER_CS;
	before.ss = SEL_USER_DS;
	before.sp += cpu;
	*thread_regs(task) = before;
	user_start(task);
	user_wait(task);
	r = thread_regs(task);
	EXPECT_EQ(t, r->vector, VEC_SYSCALL, "it came by SYSCALL");
	EXPECT_EQ(t, r->orig_ax, NR_exit, "the number");
	EXPECT_EQ(t, r->ip, PROGRAM_CODE_BASE + SYSCALL_SIZE, "the return address");
	EXPECT_EQ(t, r->flags, USER_FLAGS, "flags");
	expect_preserved(t, r, &before);
	EXPECT_EQ(t, VAULT_OF(cpu)->syscalls, calls + 1, "one call counted, on that CPU");
	call_on_cpu(cpu, read_msrs, &m);
	if (is_direct(m.lstar))
		EXPECT_EQ(t, VAULT_OF(cpu)->user_rsp, before.sp, "RSP in its vault");
	else
		EXPECT_EQ(t, *(u64 *)((u64)cea(cpu) + CEA_USER_RSP), STACK_PAINT_WORD,
			  "RSP on its entry stack, scrubbed at the switch");
	EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(before.di, 0), "exit status");
}

static void right_stack(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online)
		lands_on(t, cpu);
}

/*
 * While a process makes calls, its RSP, which no other has, stands where this
 * CPU's entry parks it.  (Interrupts leave it in the same word.)
 */
static void parks_on(struct selftest *t, unsigned cpu, bool direct)
{
	struct thread *task = user_new(t, USER_CODE(call_loop), 0, cpu);
	u64 sp = 0x7abcdef00000 + cpu;

	if (!task)
		return;
	thread_regs(task)->sp = sp;
	user_start(task);
	EXPECT(t, user_reaches(task, USER_WORD(turns), 10), "it runs");
	if (direct)
		EXPECT_EQ(t, VAULT_OF(cpu)->user_rsp, sp, "RSP in the CPU's vault");
	else
		EXPECT_EQ(t, *(volatile u64 *)((u64)cea(cpu) + CEA_USER_RSP), sp,
			  "RSP on the CPU's entry stack");
	user_set(task, USER_WORD(stop), 1);
	user_wait(task);
	EXPECT_EQ(t, user_get(task, USER_WORD(errors)), 0, "wrong registers");
	EXPECT_EQ(t, process_wait_for(task), 0, "exit status");
}

static void right_entry_stack(struct selftest *t)
{
	unsigned cpus = cpumask_count(&cpus_online);
	unsigned step = 1 + (cpus - 1) / EVERY_CPU_MAX;

	if (cpus == 1) {
		selftest_skip(t, "needs another CPU to look from");
		return;
	}
	if (step > 1)
		selftest_note("every %uth CPU, because there are more than %u", step,
			      EVERY_CPU_MAX);
	for (unsigned n = 0; n < cpus; n += step) {
		move_to_cpu(online_cpu(n + 1));
		parks_on(t, online_cpu(n), is_direct(rdmsr(MSR_LSTAR)));
	}
	move_to_cpu(ANY_CPU);
}

/* ---- What comes back ------------------------------------------------------------- */

static void registers_kept(struct selftest *t)
{
	for (unsigned n = 0; n < MIN(4, cpumask_count(&cpus_online)); n++) {
		struct pt_regs before, regs;

		fill(&before, NR_getpid);
		regs = before;
		if (!call_once(t, online_cpu(n), &regs))
			return;
		EXPECT(t, regs.ax > 1 && regs.ax < 1000000, "rax is a pid");
		EXPECT_EQ(t, regs.r11, USER_FLAGS, "flags");
		expect_preserved(t, &regs, &before);
	}
}

/* Does a deferred kernel not answer it on the user's table, but tell of it? */
static bool in_kernel(u64 number)
{
	return !pti_deferred || missing_is_told((u32)number);
}

static void unknown_number(struct selftest *t)
{
	static const u64 number[] = { 174, 323, 334, 335, 512, 0x3fffffff, 0x40000027,
				      0x80000027, 0xffffffff, ~0ULL };
	unsigned cpu = online_cpu(1);
	u64 calls = VAULT_OF(cpu)->syscalls, unknown = VAULT_OF(cpu)->syscalls_unknown, n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(number); i++) {
		struct pt_regs before, regs;

		fill(&before, number[i]);
		regs = before;
		if (!call_once(t, cpu, &regs))
			return;
		EXPECT_EQ(t, regs.ax, -ENOSYS, "the answer");
		expect_preserved(t, &regs, &before);
		n += in_kernel(number[i]);
	}
	EXPECT_EQ(t, VAULT_OF(cpu)->syscalls - calls, n, "calls counted");
	EXPECT_EQ(t, VAULT_OF(cpu)->syscalls_unknown - unknown, n, "unknown ones counted");
}

static void high_half(struct selftest *t)
{
	static const u64 high[] = { 1ULL << 32, 1ULL << 63, 0xffffffffULL << 32 };
	unsigned cpu = online_cpu(0);
	u64 unknown = VAULT_OF(cpu)->syscalls_unknown;

	for (unsigned i = 0; i < ARRAY_SIZE(high); i++) {
		struct pt_regs regs;

		fill(&regs, high[i] | NR_getpid);
		if (!call_once(t, cpu, &regs))
			return;
		EXPECT(t, regs.ax > 1 && regs.ax < 1000000, "getpid was called");
	}
	EXPECT_EQ(t, VAULT_OF(cpu)->syscalls_unknown, unknown, "nothing was unknown");
}

static void any_rsp(struct selftest *t)
{
	unsigned cpu = online_cpu(2);
	const u64 rsp[] = {
		0, 1, 7, ~0ULL, USER_END, USER_END - 1, 0x0000800000000000,
		0xffff7ffffffffff8, 0x4141414141414141, 0x8000000000000000,
		KERNEL_HALF, DIRECT_MAP_BASE, KERNEL_BASE, PROGRAM_CODE_BASE,
		current_task()->stack_top, (u64)VAULT_OF(cpu),
		(u64)cea(cpu) + CEA_ENTRY_STACK_TOP, (u64)cea(cpu)->gdt,
		(u64)&cea(cpu)->trampoline,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rsp); i++) {
		struct pt_regs before, regs;

		fill(&before, NR_getpid);
		before.sp = rsp[i];
		regs = before;
		if (!call_once(t, cpu, &regs))
			return;
		EXPECT(t, regs.ax > 1 && regs.ax < 1000000, "rax is a pid");
		expect_preserved(t, &regs, &before);
	}
}

/* ---- Many ------------------------------------------------------------------------ */

static void all_cpus_at_once(struct selftest *t)
{
	static struct thread *task[NR_CPUS];
	static u64 calls[NR_CPUS];
	unsigned share = rounds_of(per_cpu_share(CALLS_TOTAL, CALLS_PER_CPU));
	u64 start;

	selftest_note("%u calls from each CPU", share);
	for_each_cpu(cpu, &cpus_online) {
		task[cpu] = user_new(t, USER_CODE(calls), 0, cpu);
		if (task[cpu])
			user_set(task[cpu], USER_WORD(count), share);
		calls[cpu] = VAULT_OF(cpu)->syscalls;
	}
	start = clock_ns();
	for_each_cpu(cpu, &cpus_online)
		if (task[cpu])
			user_start(task[cpu]);
	for_each_cpu(cpu, &cpus_online) {
		if (!task[cpu])
			continue;
		user_wait(task[cpu]);
		EXPECT_EQ(t, user_get(task[cpu], USER_WORD(turns)), share, "calls made");
		EXPECT_EQ(t, user_get(task[cpu], USER_WORD(errors)), 0, "wrong results");
		EXPECT_EQ(t, process_wait_for(task[cpu]), 0, "exit status");
	}
	for_each_cpu(cpu, &cpus_online) /* and exit() */
		EXPECT_EQ(t, VAULT_OF(cpu)->syscalls - calls[cpu], (pti_deferred ? 0 : share) + 1,
			  "calls counted");
	selftest_note("%u CPUs, %u calls each, in %lu ms", cpumask_count(&cpus_online),
		      share, (unsigned long)((clock_ns() - start) / NSEC_PER_MSEC));
}

/* A loop of sched_yield is sent from CPU to CPU; each must go on counting. */
static void moves(struct selftest *t)
{
	unsigned cpus = cpumask_count(&cpus_online), cpu = online_cpu(0);
	struct thread *task;
	u64 started;

	if (cpus == 1) {
		selftest_skip(t, "needs two CPUs");
		return;
	}
	task = user_new(t, USER_CODE(call_loop), 0, cpu);
	if (!task)
		return;
	user_set(task, USER_WORD(number), NR_sched_yield);
	user_set(task, USER_WORD(expected), 0);
	user_start(task);
	for (unsigned i = 1; i <= MOVES; i++) {
		cpu = online_cpu(i % MIN(cpus, MOVE_CPUS));
		started = VAULT_OF(cpu)->syscalls;
		task_move(task_of(task), cpu);
		if (!EXPECT(t, wait_for_value(&VAULT_OF(cpu)->syscalls, started + 2),
			    "it goes on on the next CPU"))
			break;
	}
	user_set(task, USER_WORD(stop), 1);
	user_wait(task);
	EXPECT(t, user_get(task, USER_WORD(turns)) >= 2 * MOVES, "turns");
	EXPECT_EQ(t, user_get(task, USER_WORD(errors)), 0,
		  "registers, flags, bases or results that were wrong");
	EXPECT_EQ(t, process_wait_for(task), 0, "exit status");
}

static const struct selftest_case cases[] = {
	{ "each CPU's MSRs lead where the arguments say", as_decided },
	{ "a call reaches its task's stack on every CPU", right_stack },
	{ "a call parks RSP on the entry stack of its own CPU", right_entry_stack },
	{ "a call changes rax, rcx and r11 and nothing else", registers_kept },
	{ "an unknown number is answered with ENOSYS and counted", unknown_number },
	{ "the high half of a number is ignored", high_half },
	{ "any RSP comes back as it was", any_rsp },
	{ "thousands of calls from each CPU at once all return right", all_cpus_at_once },
	{ "a call that ends on another CPU returns right", moves },
};
SELFTEST_SUITE(syscall, cases);
