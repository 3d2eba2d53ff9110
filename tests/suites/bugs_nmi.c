/*
 * CVE-2015-3290, -3291 and -5157 (Linux, July 2015; found by Andy Lutomirski).
 *
 * An IRET within an NMI's handler unmasks NMIs, so Linux's NMI entry told a nested
 * NMI from a first one by looking at the interrupted RSP: on the NMI's own stack,
 * it is nested.  -3291: a program put that address into RSP and made a system call;
 * the NMI that met it on SYSCALL's first instructions thought itself nested, and
 * was lost.  -3290: with ESPFIX the program also chose what lay there, and had the
 * kernel return where it wanted.  -5157: an IRET to user mode that faults within
 * the NMI's path.
 *
 * In Postern an NMI never asks whether it is nested: it moves its frame to a
 * kernel-only stack, and the place there is by RIP first (.from_the_top in
 * entry/paranoid.asm), and so is the way out: in the trampolines, and in the direct
 * entry, RSP counts for nothing.  tests/inject/ delivers one at each instruction of
 * them with such an RSP; here they come as they come.
 *
 * Right: tests/user/bugs/bad_rsp.c makes system calls with RSP at each such place,
 * and on the kernel-only stack of its own CPU, whose address we give away to it,
 * while NMIs arrive from another CPU: each NMI is counted, the program finds all
 * its registers, and ends with 0.
 */
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/percpu.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/signal/signal.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define PROGRAM "/bin/bad_rsp"
#define NMIS 2000
#define CALLS 500 /* behind these it is in its loop */

static bool running(const struct thread *task)
{
	return !__atomic_load_n(&task->process->ended, __ATOMIC_ACQUIRE);
}

/* Places on the stack to which NMIs move: its lowest bytes, and below its top. */
static const char *const *places(unsigned cpu)
{
	static char text[2][20];
	static const char *argv[] = { PROGRAM, "-q", "-long", text[0], text[1], NULL };
	u64 top = VAULT_OF(cpu)->ist_kernel_stack[IST_NMI - 1];

	format(text[0], sizeof(text[0]), "%#lx", top - IST_STACK_SIZE + 64);
	format(text[1], sizeof(text[1]), "%#lx", top - 512);
	return argv;
}

static void stop(struct process *process)
{
	const struct siginfo info = { .signo = SIGUSR1 };
	u64 flags = spin_lock(&process_lock);

	signal_send_process(process, &info);
	spin_unlock(&process_lock, flags);
}

static void nmis(struct selftest *t)
{
	static const char *const envp[] = { NULL };
	unsigned target = online_cpu(1), sent = 0, most = rounds_of(NMIS);
	u64 calls;
	struct complaint why;
	struct thread *task;

	if (cpumask_count(&cpus_online) < 2) {
		selftest_skip(t, "needs 2 CPUs, found 1");
		return;
	}
	if (!program_exists(PROGRAM)) {
		selftest_skip(t, "no %s in the initramfs, or no initramfs", PROGRAM);
		return;
	}
	task = program_load(PROGRAM, places(target), envp, &why);
	if (!EXPECT(t, task, "the program is loaded"))
		return;
	move_to_cpu(online_cpu(0));
	task->process->quiet = true;
	task_pin(task_of(task), target);
	calls = VAULT_OF(target)->syscalls;
	process_start(task, process_next_pid());
	EXPECT(t, wait_for_value(&task->process->signals.action[SIGUSR1 - 1].handler, SIG_IGN + 1),
	       "it hears SIGUSR1");
	if (!pti_deferred) /* where they end before they are counted */
		EXPECT(t, wait_for_value(&VAULT_OF(target)->syscalls, calls + CALLS),
		       "it makes system calls");
	while (sent < most && running(task) && EXPECT(t, send_nmi(target), "an NMI arrives"))
		sent++;
	stop(task->process);
	EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
	EXPECT_EQ(t, sent, most, "NMIs sent");
	move_to_cpu(ANY_CPU);
	selftest_note("%u NMIs", sent);
}

static const struct selftest_case cases[] = {
	{ "NMIs meet system calls with RSP at the kernel's own stacks", nmis },
};
SELFTEST_SUITE(bugs_nmi, cases);
