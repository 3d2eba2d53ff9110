/*
 * Back-traces from every instruction.  A process with known registers enters the
 * kernel; a handler that interrupts it there, at each instruction by TF or at
 * random ones by NMI, unwinds what it has interrupted and compares where the
 * trace ends with what the process is known to hold.
 *
 * Stepped are whole ways in and out, C included: a system call, a page fault
 * from user mode, a timer interrupt, an interrupt in kernel mode.  The #DB's own
 * way cannot be stepped: NMIs come while a CPU steps, and so land in it, too.
 */
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "arch/state/insn.h"
#include "entry/deferred/deferred.h"
#include "entry/shared/shared.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/seams.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/debug/unwind.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/syscalls.h"
#include "kernel/syscall.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/image.h"
#include "mm/space/pti_stack.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define NMIS 3000
#define LOTS 10 /* until one has met a #DB's way */
#define NMIS_IDLE 300
#define ARRIVAL_NS (20 * NSEC_PER_SEC)
#define MAX_STEPS 40000

/* Where C that the entry code calls begins; each is smaller than this. */
#define FUNCTION_MAX 0x400

/* What the handlers saw; they run on one CPU only, the target. */
static struct {
	u64 start;          /* stepping begins here, each time */
	u64 sp;             /* the process's; 0: there is none, a task starts */
	u64 bx, bp, r15;    /* its general registers, as far as we look */
	unsigned rounds;    /* so many times */
	bool on;            /* stepping */
	bool stopping;      /* no more of it */
	const struct thread *task; /* that is stepped */
	struct pt_regs user; /* what it had in the general registers at the start */
	unsigned hits, steps, in_entry, in_c, nmis;
	unsigned through_syscall, through_trap, events;
	unsigned bad;
	u64 bad_ip;         /* of the first bad trace */
	const char *why;
	char text[1024];
} seen;
static unsigned target;

/* What programs.asm and user_code.asm have in their registers. */
static void expect_program(void)
{
	seen.bx = 0x13579bdf;
	seen.bp = 0x44445555;
	seen.r15 = 0x0aaabbbb;
}

static void expect_pattern(void)
{
	seen.bx = 0x51000000 + 1 * 0x010305;
	seen.bp = 0x51000000 + 2 * 0x010305;
	seen.r15 = 0x51000000 + 12 * 0x010305;
}

static bool in_slot_508(u64 ip)
{
	return ip >= CEA_SHARED_BASE && ip < CEA_SLOT_END;
}

static bool in_image(u64 ip)
{
	return ip >= (u64)image_text_start && ip < (u64)image_text_end;
}

static bool in_function(u64 ip, u64 function)
{
	return ip >= function && ip - function < FUNCTION_MAX;
}

/* ---- One trace ----------------------------------------------------------------------- */

static bool in_entry_code(u64 ip)
{
	u64 direct = entry_labels.syscall_direct;

	return in_slot_508(ip) || (ip >= direct && ip - direct < SYSCALL_DIRECT_MAX);
}

/* All as at the first step, but for what a system call returns. */
static bool same_general(const struct pt_regs *r)
{
	struct pt_regs found = *r;

	if (seen.through_syscall || pti_deferred)
		found.ax = seen.user.ax;
	return !memcmp(&found, &seen.user, offsetof(struct pt_regs, vector));
}

/* Why the end is not the process's registers, or the start; NULL: it is. */
static const char *wrong_end(const struct unwind_state *s, bool from_entry_code)
{
	const struct pt_regs *r = &s->regs;

	if (!seen.sp)
		return s->status == UNWIND_AT_START ? NULL : "ends before the start";
	if (s->status != UNWIND_AT_USER)
		return "ends before the user";
	if (!from_entry_code)
		return "comes to the user from C";
	if (r->cs != SEL_USER_CS || r->ip - PROGRAM_CODE_BASE >= PAGE_SIZE)
		return "ends in another RIP or CS";
	if (r->sp != seen.sp)
		return "ends in another RSP";
	if (r->bx != seen.bx || r->bp != seen.bp || r->r15 != seen.r15 ||
	    (seen.on && !same_general(r)))
		return "ends in other general registers";
	return NULL;
}

/* Every frame is code of ours. */
static const char *walk(struct unwind_state *s)
{
	bool entry;

	do {
		u64 ip = s->regs.ip;

		if (!in_slot_508(ip) && !in_image(ip) && ip > EARLY_MAP_END)
			return "passes through no code";
		entry = in_entry_code(ip);
		seen.through_syscall += in_function(ip, (u64)do_syscall);
		seen.through_trap += in_function(ip, (u64)do_trap);
		seen.events += s->event != UNWIND_NO_EVENT;
	} while (unwind_next(s) && s->status != UNWIND_AT_USER);
	return wrong_end(s, entry);
}

static void trace(const struct pt_regs *regs)
{
	struct unwind_state s;
	const char *why;

	unwind_start(&s, regs);
	why = walk(&s);
	seen.in_entry += in_entry_code(regs->ip);
	seen.in_c += !in_entry_code(regs->ip);
	if (!why || seen.bad++)
		return;
	seen.bad_ip = regs->ip;
	seen.why = why;
	unwind_start(&s, regs);
	unwind_format(&s, seen.text, sizeof(seen.text));
}

/* ---- The handlers ----------------------------------------------------------------------- */

static bool at_door(u64 ip)
{
	u64 alias = ip >= CEA_BASE && ip < CEA_SLOT_END ?
		    CEA_BASE + (ip - CEA_BASE) % CEA_STRIDE : ip;

	return alias == entry_labels.door_sysret || ip == entry_labels.door_sysret_direct ||
	       ip == entry_shared_labels.door_sysret ||
	       ip == entry_labels.door_iret_user || ip == entry_labels.door_iret_kernel ||
	       ip == deferred_labels.door_sysret || ip == deferred_labels.door_iret ||
	       ip == deferred_labels.door_answer;
}

static bool on_debug(struct pt_regs *regs)
{
	write_dr6(DR6_NONE);
	if (regs->ip == seen.start) {
		seen.hits++;
		seen.task = current_thread();
		seen.user = *regs;
		seen.on = true;
		if (seen.hits >= seen.rounds)
			write_dr7(DR7_NONE);
	}
	regs->flags &= ~(u64)RFLAGS_TF;
	/* The scheduler may send us to another task, whose user is another. */
	if (seen.stopping || (seen.sp && current_thread() != seen.task))
		seen.on = false;
	if (!seen.on)
		return true;
	trace(regs);
	seen.steps++;
	seen.on = !at_door(regs->ip) && seen.steps < MAX_STEPS;
	regs->flags |= RFLAGS_RF | (seen.on ? RFLAGS_TF : 0);
	return true;
}

static bool hook(struct pt_regs *regs)
{
	stretch_ignore(); /* a back-trace at each instruction is no work of the kernel's */
	switch (regs->vector & 0xff) {
	case VEC_DB:
		return on_debug(regs);
	case VEC_NMI:
		seen.nmis++;
		trace(regs);
		return true;
	}
	return false;
}

static void arm_here(void *arg __unused)
{
	trap_paranoid_hook = hook;
	write_dr0(seen.start);
	write_dr6(DR6_NONE);
	write_dr7(seen.start ? DR7_EXECUTE_0 : DR7_NONE);
}

/* We may be interrupting a step; the handler has to end it. */
static void disarm_here(void *arg __unused)
{
	seen.stopping = true;
	write_dr7(DR7_NONE);
}

static void done(void)
{
	trap_paranoid_hook = NULL;
}

static u64 stub(unsigned vector)
{
	return (pti_deferred ? deferred_labels.stubs : entry_labels.stubs) +
	       vector * ENTRY_STUB_SIZE;
}

static void check_seen(struct selftest *t, const char *what)
{
	if (!EXPECT_EQ(t, seen.bad, 0, "back-traces that are wrong")) {
		selftest_note("the first, from %#lx, %s:", seen.bad_ip, seen.why);
		selftest_note("%s", seen.text);
	}
	selftest_note("%s, cpu %u: %u traces from entry code, %u from C, %u through "
		      "do_syscall(), %u through do_trap(), %u events on the way",
		      what, target, seen.in_entry, seen.in_c, seen.through_syscall,
		      seen.through_trap, seen.events);
}

static void begin(unsigned cpu, u64 start, unsigned rounds, u64 sp)
{
	memset(&seen, 0, sizeof(seen));
	target = cpu;
	seen.start = start;
	seen.rounds = rounds;
	seen.sp = sp;
}

static void check_steps(struct selftest *t, const char *what)
{
	EXPECT_EQ(t, seen.hits, seen.rounds, "times that it began");
	EXPECT(t, seen.steps < MAX_STEPS, "it came to its door");
	EXPECT(t, seen.in_entry > 20 * seen.rounds, "steps in entry code");
	/* A deferred call's C is entry code. */
	if (!pti_deferred || seen.through_syscall || seen.through_trap)
		EXPECT(t, seen.in_c > 10 * seen.rounds, "steps in C");
	check_seen(t, what);
}

/* ---- Each instruction of a way ------------------------------------------------------------ */

static void step_program(struct selftest *t, const char *what, unsigned cpu, u64 start)
{
	struct thread *task = PROCESS_FROM(program_registers, 0);

	if (!EXPECT(t, task, "memory for a process"))
		return;
	begin(cpu, start, 2, thread_regs(task)->sp);
	expect_program();
	cpus_call(cpu, arm_here, NULL);
	EXPECT_EQ(t, programs_run(task, cpu), 0, "status of the program");
	cpus_call(cpu, disarm_here, NULL);
	done();
	check_steps(t, what);
}

static void each_of_syscall(struct selftest *t)
{
	if (cpus_skip_breakpoints(t))
		return;
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online)
		step_program(t, "system call", cpu, cpu_state[cpu].lstar);
}

static void each_of_page_fault(struct selftest *t)
{
	if (cpus_skip_breakpoints(t))
		return;
	for_each_cpu(cpu, &cpus_online)
		step_program(t, "page fault", cpu, stub(VEC_PF));
}

/* A process of user_code.asm on the target, in its loop. */
static struct thread *start_loop(struct selftest *t, struct user_piece code, unsigned cpu)
{
	struct thread *task = user_new(t, code, 0, cpu);

	if (!task)
		return NULL;
	begin(cpu, 0, 0, thread_regs(task)->sp);
	expect_pattern();
	user_start(task);
	EXPECT(t, user_reaches(task, USER_WORD(turns), 1), "it runs");
	return task;
}

static void end_loop(struct selftest *t, struct thread *task)
{
	user_set(task, USER_WORD(stop), 1);
	user_wait(task);
	EXPECT_EQ(t, user_get(task, USER_WORD(errors)), 0, "registers that were wrong");
	EXPECT_EQ(t, process_wait_for(task), 0, "exit status");
}

static bool reaches(const unsigned *what, unsigned value)
{
	u64 deadline = clock_ns() + ARRIVAL_NS;

	while (__atomic_load_n(what, __ATOMIC_ACQUIRE) < value) {
		if (clock_ns() > deadline)
			return false;
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
	}
	return true;
}

static void each_of_timer(struct selftest *t)
{
	if (cpus_skip_breakpoints(t))
		return;
	for_each_cpu(cpu, &cpus_online) {
		struct thread *task = start_loop(t, USER_CODE(spin_loop), cpu);

		if (!task)
			return;
		seen.start = stub(VEC_TIMER);
		seen.rounds = 1;
		cpus_call(cpu, arm_here, NULL);
		EXPECT(t, reaches(&seen.hits, 1), "a timer interrupt comes");
		cpus_call(cpu, disarm_here, NULL);
		end_loop(t, task);
		done();
		check_steps(t, "timer interrupt");
	}
}

static void nothing(void *arg __unused)
{
}

/* On another CPU, which is idle: our calls interrupt it in C. */
static void each_of_interrupt_in_kernel(struct selftest *t)
{
	unsigned cpu = online_cpu(1);

	if (cpus_skip_breakpoints(t))
		return;
	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "needs another CPU that interrupts this one");
		return;
	}
	move_to_cpu(online_cpu(0));
	begin(cpu, stub(VEC_IPI_CALL), 2, 0);
	cpus_call(cpu, arm_here, NULL);
	for (unsigned i = 0; i < 4; i++)
		cpus_call(cpu, nothing, NULL);
	cpus_call(cpu, disarm_here, NULL);
	cpus_call(cpu, nothing, NULL); /* its last step is over */
	done();
	check_steps(t, "interrupt of an idle CPU");
	move_to_cpu(ANY_CPU);
}

/* ---- NMIs ----------------------------------------------------------------------------------- */

/* An NMI that comes while one is pending is lost: one at a time. */
static void send_nmis(struct selftest *t, unsigned count)
{
	const u64 *taken = &VAULT_OF(target)->nmis;

	for (unsigned i = 0; i < count; i++) {
		u64 before = __atomic_load_n(taken, __ATOMIC_ACQUIRE);

		smp_send_nmi(target);
		for (u64 spins = 0; __atomic_load_n(taken, __ATOMIC_ACQUIRE) == before;) {
			if (++spins % 1024)
				cpu_relax();
			else
				sched_sleep_until(clock_ns() + NSEC_PER_MSEC / 10);
			if (spins > 1 << 24) {
				EXPECT(t, false, "the NMI arrives");
				return;
			}
		}
	}
}

static bool ready_to_send(struct selftest *t)
{
	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "needs another CPU to send from");
		return false;
	}
	move_to_cpu(online_cpu(0));
	return true;
}

/* The target also steps through its system calls: NMIs land in #DB's way, too. */
static void nmis_in_calls(struct selftest *t)
{
	struct thread *task;

	if (cpus_skip_breakpoints(t))
		return;
	if (!ready_to_send(t))
		return;
	cpus_read_state();
	task = start_loop(t, USER_CODE(call_loop), online_cpu(1));
	if (task) {
		seen.start = cpu_state[target].lstar;
		seen.rounds = ~0U;
		cpus_call(target, arm_here, NULL);
		for (unsigned i = 0; i < LOTS && !seen.events; i++)
			send_nmis(t, rounds_of(NMIS));
		cpus_call(target, disarm_here, NULL);
		end_loop(t, task);
		done();
		EXPECT(t, seen.nmis > 0, "NMIs in kernel mode");
		EXPECT(t, seen.events > 0, "traces through more than one event");
		selftest_note("%u NMIs in kernel mode", seen.nmis);
		check_seen(t, "NMIs and steps");
	}
	move_to_cpu(ANY_CPU);
}

static void nmis_while_idle(struct selftest *t)
{
	if (!ready_to_send(t))
		return;
	begin(online_cpu(1), 0, 0, 0);
	cpus_call(target, arm_here, NULL);
	send_nmis(t, rounds_of(NMIS_IDLE));
	cpus_call(target, disarm_here, NULL);
	done();
	EXPECT_EQ(t, seen.nmis, rounds_of(NMIS_IDLE), "NMIs in kernel mode");
	check_seen(t, "NMIs in an idle CPU");
	move_to_cpu(ANY_CPU);
}

static const struct selftest_case cases[] = {
	{ "each instruction of a system call leads to the user's registers",
	  each_of_syscall },
	{ "each instruction of a page fault does", each_of_page_fault },
	{ "each instruction of a timer interrupt does", each_of_timer },
	{ "each instruction of an interrupt in kernel mode leads to the task's start",
	  each_of_interrupt_in_kernel },
	{ "NMIs at random instructions of system calls and debug traps lead to the user",
	  nmis_in_calls },
	{ "NMIs in an idle CPU lead to its start", nmis_while_idle },
};
SELFTEST_SUITE(unwind, cases);
