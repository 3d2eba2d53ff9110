/*
 * The kernel's part of the injection test (tests/inject/, DESIGN.md E6): a
 * process whose code is one instruction for each way into the kernel, on the
 * first CPU and then on the last, and a hook that writes down each paranoid
 * event there: where it was, what it found, and where its back-trace ended.
 *
 * The driver holds the machine by QEMU's gdb stub.  It moves the process from
 * piece to piece, delivers the events, and reads inject_log.  Without a driver
 * the process ends at once, and what is tested is that.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/smp.h"
#include "arch/state/insn.h"
#include "kernel/base/insn.h"
#include "kernel/debug/unwind.h"
#include "kernel/guest/guest.h"
#include "kernel/linux/process/exit.h"
#include "kernel/start/selftest.h"
#include "kernel/trap.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define EVENTS_KEPT 4

extern const u8 inject_code[], inject_code_end[];
static_assert(PROGRAM_CODE_BASE == 0x400000, "inject_code.asm has this address");

/* The driver knows these by their place: quadwords, in this order. */
struct inject_event {
	u64 vector, ip, flags;      /* of what was interrupted */
	u64 cr3_found, gs_found;
	u64 cr3, gs_base;           /* in the handler */
	u64 status, frames, events; /* of the back-trace: enum unwind_status */
	struct pt_regs end;         /* where it ended */
};

/* All that the driver reads and writes. */
struct inject_log {
	u64 cpu;   /* of the process */
	u64 arm;   /* the next NMI's handler sets breakpoint register 0 to it */
	u64 send;  /* the next NMI's handler sends an interrupt, which waits for IF */
	u64 count; /* events, the first EVENTS_KEPT of them below */
	struct inject_event event[EVENTS_KEPT];
};
struct inject_log inject_log;
static u64 events_seen;

static void trace(const struct pt_regs *regs, struct inject_event *e)
{
	struct unwind_state s;

	unwind_start(&s, regs);
	do {
		e->frames++;
		e->events += s.event != UNWIND_NO_EVENT;
	} while (unwind_next(&s) && s.status != UNWIND_AT_USER);
	e->status = s.status;
	e->end = s.regs;
}

static void note(struct pt_regs *regs)
{
	const struct paranoid_frame *f = container_of(regs, struct paranoid_frame, regs);

	events_seen++;
	if (inject_log.count >= EVENTS_KEPT) {
		inject_log.count++;
		return;
	}
	/* Counted before it is filled: an event within this one has its own. */
	struct inject_event *e = &inject_log.event[inject_log.count++];

	*e = (struct inject_event){
		.vector = regs->vector & 0xff, .ip = regs->ip, .flags = regs->flags,
		.cr3_found = f->cr3, .gs_found = f->gs_base,
		.cr3 = read_cr3(), .gs_base = rdmsr(MSR_GS_BASE),
	};
	trace(regs, e);
}

static bool hook(struct pt_regs *regs)
{
	if (this_cpu()->cpu == inject_log.cpu)
		note(regs);
	switch (regs->vector & 0xff) {
	case VEC_DB:
		write_dr7(DR7_NONE);
		write_dr6(DR6_NONE);
		regs->flags &= ~(u64)RFLAGS_TF;
		break;
	case VEC_MC:
		wrmsr(MSR_MCG_STATUS, 0); /* MCIP: the next one would shut us down */
		break;
	case VEC_NMI:
		if (inject_log.send && this_cpu()->cpu == inject_log.cpu) {
			inject_log.send = 0;
			smp_kick(this_cpu()->cpu);
		}
		if (inject_log.arm && this_cpu()->cpu == inject_log.cpu) {
			write_dr0(inject_log.arm);
			write_dr7(DR7_EXECUTE_0);
			inject_log.arm = 0;
		}
		break;
	}
	return true;
}

static void run_on(struct selftest *t, unsigned cpu)
{
	struct thread *task = program_from_code("inject", inject_code,
					      (size_t)(inject_code_end - inject_code), 0);

	if (!EXPECT(t, task, "memory for a process"))
		return;
	inject_log.cpu = cpu;
	inject_log.count = 0;
	trap_paranoid_hook = hook;
	EXPECT_EQ(t, programs_run(task, cpu), 0, "status of the program");
	trap_paranoid_hook = NULL;
	cpus_read_state();
	EXPECT_EQ(t, cpu_state[cpu].gs_base, (u64)VAULT_OF(cpu), "GS base afterwards");
}

static void first_and_last(struct selftest *t)
{
	unsigned first = NR_CPUS, last = 0;

	for_each_cpu(cpu, &cpus_online) {
		first = first == NR_CPUS ? cpu : first;
		last = cpu;
	}
	run_on(t, first);
	if (last != first)
		run_on(t, last);
}

static const struct selftest_case cases[] = {
	{ "the process that takes every way in ends, on the first CPU and the last",
	  first_and_last },
};
SELFTEST_SUITE(inject, cases);

/* ---- For tests/guest/inject.py ------------------------------------------------------------- */

/*
 * On the one CPU that there is: rounds, until a guest had none of the driver's events.  A
 * program takes turns with it.
 */
static void guests_to_their_ends(struct selftest *t)
{
	struct thread *other = user_run(t, USER_CODE(spin_loop), 0, this_cpu()->cpu);
	u64 before;

	if (!other)
		return;

	inject_log.cpu = this_cpu()->cpu;
	trap_paranoid_hook = hook;
	do {
		struct complaint why = { "" };
		struct thread *guest;

		before = events_seen;
		if (!EXPECT_EQ(t, guest_load("/bin/bench-middle", &guest, &why), 0, "a guest"))
			break;
		guest->process->quiet = true;
		process_start(guest, 0);
		EXPECT_EQ(t, process_wait_for(guest), 0, "its status");
	} while (events_seen != before);
	trap_paranoid_hook = NULL;
	user_set(other, USER_WORD(stop), 1);
	EXPECT_EQ(t, process_wait_for(other), 0, "the program's status");
}

static const struct selftest_case guest_cases[] = {
	{ "a guest comes to its end, whatever comes while its tables are loaded",
	  guests_to_their_ends },
};
SELFTEST_SUITE_ON_DEMAND(inject_guest, guest_cases);
