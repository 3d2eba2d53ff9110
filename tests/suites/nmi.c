/*
 * NMIs from another CPU, while a process makes system calls, runs in user mode,
 * or nothing runs at all.
 *
 * An NMI arrives at any instruction, whatever CR3 and GS hold.  The hook looks
 * at each that arrives in kernel mode: what the entry found in CR3 and GS, and
 * in which named window (entry/entry.h) it was.  Whether both are put back is
 * seen by the process, which compares all of its registers, and by the machine,
 * which would not get far.
 * A second NMI is lost while one is pending, so each is sent when the one
 * before has been counted.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "entry/deferred/deferred.h"
#include "entry/entry.h"
#include "entry/shared/shared.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/image.h"
#include "mm/pti.h"
#include "mm/space/pti_stack.h"
#include "tests/suites/pinned.h"

#define NMIS_IN_CALLS 5000
#define MAX_WINDOWS 24
#define NMIS_ELSEWHERE 1000
#define TRIES 100
#define WORK_TRIES 100
#define DEFERRED_IN_MAX 128 /* bytes of SYSCALL's two entries in the trampoline's page */

/* What the hook counts; it runs on one CPU only, the target. */
static volatile struct {
	u64 total, entry_text, image;
	u64 user_cr3, user_gs;     /* found in CR3 and GS */
	u64 wrong_cr3, wrong_gs;   /* found where they may not be */
	u64 wrong_cpu;
	u64 wrong_ip, lost;        /* RIP of the last wrong one */
} seen;
static u64 in_window[MAX_WINDOWS];
static unsigned target;
static phys_addr_t user_tables; /* the process's kernel PGD, or 0 */

struct window {
	const char *name;
	u64 start, end; /* in CPU 0's trampoline, where it is in one */
};

/* The windows as data: entry_labels is filled by the linker, far from us. */
static unsigned windows(struct window w[MAX_WINDOWS])
{
	unsigned n = 0;

#define WINDOW(labels, field, name)                                \
	w[n++] = (struct window){ name, labels.window_##field##_start, \
				  labels.window_##field##_end };
#define OWN_WINDOW(field, label, name) WINDOW(entry_labels, field, name)
#define SHARED_WINDOW(field, name) WINDOW(entry_shared_labels, field, name)
	ENTRY_WINDOWS(OWN_WINDOW)
	SHARED_WINDOWS(SHARED_WINDOW)
	return n;
}

static int window_of(u64 ip)
{
	struct window w[MAX_WINDOWS];
	unsigned n = windows(w);

	/* A task that has moved leaves through the alias of another CPU. */
	if (ip >= CEA_BASE && ip < CEA_SLOT_END)
		ip = CEA_BASE + (ip - CEA_BASE) % CEA_STRIDE;
	for (unsigned i = 0; i < n; i++)
		if (ip >= w[i].start && ip < w[i].end)
			return (int)i;
	return -1;
}

static bool in_entry_slot(u64 ip)
{
	return ip >= CEA_SLOT_BASE && ip < CEA_SLOT_END;
}

/* Where pti=deferred has the user's GS, as long as the user's CR3. */
static bool is_deferred(u64 ip)
{
	u64 offset = (ip - CEA_BASE) % CEA_STRIDE + CEA_BASE - deferred_labels.syscall_in;

	return pti_deferred && (deferred_is_at(ip) || offset < DEFERRED_IN_MAX);
}

static bool hook(struct pt_regs *regs)
{
	const struct paranoid_frame *f = container_of(regs, struct paranoid_frame, regs);
	phys_addr_t tables = f->cr3 & CR3_ADDR_MASK & ~(u64)CR3_USER_PGD;
	bool user_cr3 = pti_enabled && (f->cr3 & CR3_USER_PGD);
	bool user_gs = f->gs_base != (u64)VAULT_OF(target);
	int window = window_of(regs->ip);

	if ((regs->vector & 0xff) != VEC_NMI)
		return false;
	seen.total++;
	seen.wrong_cpu += this_cpu() != VAULT_OF(target);
	seen.entry_text += in_entry_slot(regs->ip);
	seen.image += regs->ip >= KERNEL_BASE;
	seen.user_cr3 += user_cr3;
	seen.user_gs += user_gs;
	if (window >= 0)
		in_window[window]++;
	/* The user's tables only in entry text; the user's GS only in a window;
	 * and no other process's tables at all. */
	if ((user_cr3 && !in_entry_slot(regs->ip)) ||
	    (tables != tables_of(target, NULL) && tables != user_tables)) {
		seen.wrong_cr3++;
		seen.wrong_ip = regs->ip;
	}
	if (user_gs && window < 0 && !is_deferred(regs->ip)) {
		seen.wrong_gs++;
		seen.wrong_ip = regs->ip;
	}
	return true;
}

/* ---- Sending ----------------------------------------------------------------------- */

/* From CPU 0, where the caller moves, to the second. */
static void send(struct selftest *t, unsigned count)
{
	u64 before = VAULT_OF(target)->nmis;
	u64 in_kernel;

	for (unsigned i = 0; i < count; i++)
		if (!EXPECT(t, send_nmi(target), "the NMI arrives"))
			break;
	EXPECT_EQ(t, VAULT_OF(target)->nmis - before, count, "NMIs counted");
	in_kernel = seen.total;
	EXPECT(t, in_kernel <= count, "no more in kernel mode than were sent");
	EXPECT_EQ(t, seen.wrong_cpu, 0, "handled with another CPU's vault");
	EXPECT_EQ(t, seen.wrong_cr3, 0, "CR3 found that may not be there");
	EXPECT_EQ(t, seen.wrong_gs, 0, "GS base found that may not be there");
	if (seen.wrong_ip)
		selftest_note("the last of them at RIP %#lx", seen.wrong_ip);
}

static bool begin(struct selftest *t)
{
	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "needs another CPU to send from");
		return false;
	}
	move_to_cpu(online_cpu(0));
	target = online_cpu(1);
	memset((void *)&seen, 0, sizeof(seen));
	memset(in_window, 0, sizeof(in_window));
	user_tables = tables_of(target, NULL);
	trap_paranoid_hook = hook;
	return true;
}

static void finish(void)
{
	trap_paranoid_hook = NULL;
	move_to_cpu(ANY_CPU);
}

/* A process on the target that counts its turns; it runs when this returns. */
static struct thread *start(struct selftest *t, struct user_piece code)
{
	struct thread *task = user_new(t, code, 0, target);

	if (!task)
		return NULL;
	user_tables = tables_of(target, task->mm);
	user_start(task);
	EXPECT(t, user_reaches(task, USER_WORD(turns), 1), "it runs");
	return task;
}

static void end(struct selftest *t, struct thread *task)
{
	user_set(task, USER_WORD(stop), 1);
	user_wait(task);
	EXPECT_EQ(t, user_get(task, USER_WORD(errors)), 0,
		  "registers, flags, bases or results that were wrong");
	EXPECT_EQ(t, process_wait_for(task), 0, "exit status");
	EXPECT_EQ(t, VAULT_OF(target)->in_paranoid, 0, "no handler is left open");
}

/* ---- Cases ------------------------------------------------------------------------- */

static void note_windows(u64 sent)
{
	struct window w[MAX_WINDOWS];
	unsigned n = windows(w);

	selftest_note("%lu NMIs: %lu in user mode, %lu in C, %lu in entry text", sent,
		      sent - seen.total, seen.image, seen.entry_text);
	selftest_note("found the user's CR3 %lu times, the user's GS %lu times",
		      seen.user_cr3, seen.user_gs);
	for (unsigned i = 0; i < n; i++)
		if (in_window[i])
			selftest_note("in window '%s': %lu", w[i].name, in_window[i]);
}

static void during_calls(struct selftest *t)
{
	unsigned n = rounds_of(NMIS_IN_CALLS), sent = 0;
	struct thread *task;

	if (!begin(t))
		return;
	task = start(t, USER_CODE(call_loop));
	if (task) {
		do {
			send(t, n);
			sent += n;
		} while (!seen.total && sent < TRIES * n);
		EXPECT(t, seen.total > 0, "some arrived in kernel mode");
		end(t, task);
		note_windows(sent);
	}
	finish();
}

static void in_user_mode(struct selftest *t)
{
	unsigned n = rounds_of(NMIS_ELSEWHERE), sent = 0;
	struct thread *task;

	if (!begin(t))
		return;
	task = start(t, USER_CODE(spin_loop));
	if (task) {
		do { /* one behind the other may all find it in the tick's handler that one found */
			user_reaches(task, USER_WORD(turns), user_get(task, USER_WORD(turns)) + 1);
			send(t, n);
			sent += n;
		} while (seen.total == sent && sent < 100 * n);
		EXPECT(t, seen.total < sent, "some arrived in user mode");
		end(t, task);
	}
	finish();
}

/* Nothing but that NMI says that its IST page was used: none comes in kernel mode. */
static void in_user_mode_alone(struct selftest *t)
{
	bool alone = false;

	if (!begin(t))
		return;
	for (unsigned i = 0; i < TRIES && !alone; i++) {
		struct thread *task = start(t, USER_CODE(spin_loop));

		if (!task)
			break;
		seen.total = 0;
		send(t, 1);
		alone = !seen.total;
		end(t, task);
		EXPECT(t, cea_is_scrubbed(target), "the switch behind it erased its frame");
	}
	EXPECT(t, alone, "one came in user mode");
	finish();
}

/*
 * The target is told that it has work, and by nobody: the end of an NMI from user mode
 * leaves that alone, as NMIs are masked there.  A second one says that the first has
 * ended.  False: not so, which once may be a tick's or another interrupt's doing.
 */
static bool work_stays(void)
{
	struct percpu *vault = VAULT_OF(target);
	u64 in_kernel = seen.total;

	__atomic_store_n(&vault->work_due, true, __ATOMIC_SEQ_CST);
	if (!send_nmi(target) || !send_nmi(target))
		return false;
	return __atomic_load_n(&vault->work_due, __ATOMIC_ACQUIRE) && seen.total == in_kernel;
}

static void no_exit_work(struct selftest *t)
{
	struct thread *task;
	bool stays = false;

	if (!begin(t))
		return;
	task = start(t, USER_CODE(spin_loop));
	if (task) {
		for (unsigned i = 0; i < WORK_TRIES && !stays; i++)
			stays = work_stays();
		EXPECT(t, stays, "what is due is still due behind an NMI");
		end(t, task);
	}
	finish();
}

struct cpu_state {
	u64 cr3, gs_base;
	bool handled;
};

static void read_state(void *arg)
{
	struct cpu_state *s = arg;

	s->cr3 = read_cr3();
	s->gs_base = rdmsr(MSR_GS_BASE);
	s->handled = this_cpu()->in_paranoid;
}

static void while_idle(struct selftest *t)
{
	struct cpu_state s = { 0 };
	u64 switches;

	if (!begin(t))
		return;
	while (VAULT_OF(target)->current != VAULT_OF(target)->idle)
		sched_yield();
	switches = VAULT_OF(target)->context_switches;
	send(t, rounds_of(NMIS_ELSEWHERE));
	EXPECT_EQ(t, VAULT_OF(target)->context_switches, switches, "it stayed idle");
	call_on_cpu(target, read_state, &s); /* the last handler is done, too */
	EXPECT_EQ(t, seen.total, rounds_of(NMIS_ELSEWHERE), "all arrived in kernel mode");
	EXPECT_EQ(t, seen.user_cr3 + seen.user_gs, 0, "none found the user's CR3 or GS");
	EXPECT_EQ(t, s.cr3 & CR3_ADDR_MASK, tables_of(target, NULL), "CR3 afterwards");
	EXPECT_EQ(t, s.gs_base, (u64)VAULT_OF(target), "GS base afterwards");
	EXPECT(t, !s.handled, "no handler is left open");
	finish();
}

/*
 * A program has jumped to the stub of NMIs: one that comes before the fetch faults
 * has its RIP there, and is as good as any.  The frame is as the processor pushes it.
 */
static void in_user_mode_at_stub(struct selftest *t)
{
	struct pt_regs regs = {
		.vector = VEC_NMI, .cs = SEL_USER_CS, .ss = SEL_USER_DS,
		.ip = entry_labels.stubs + VEC_NMI * ENTRY_STUB_SIZE,
	};
	u64 flags = interrupts_save(), before = this_cpu()->nmis, counted;

	do_trap(&regs);
	counted = this_cpu()->nmis - before;
	interrupts_restore(flags);
	EXPECT_EQ(t, counted, 1, "NMIs counted");
}

static const struct selftest_case cases[] = {
	{ "an NMI in user mode leaves signals and other tasks' turns for later",
	  no_exit_work },
	{ "NMIs during system calls leave no trace", during_calls },
	{ "NMIs in user mode change no register", in_user_mode },
	{ "P8: an NMI in user mode leaves nothing on its stack behind a switch",
	  in_user_mode_alone },
	{ "an NMI whose RIP a program chose is an NMI", in_user_mode_at_stub },
	{ "NMIs in an idle CPU leave it idle", while_idle },
};
SELFTEST_SUITE(nmi, cases);
