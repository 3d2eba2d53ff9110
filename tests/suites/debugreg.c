/*
 * Debug registers of user tasks: what can be set, what traps where, that other
 * tasks are left alone, and what the kernel makes of a watchpoint that it meets
 * itself.
 */
#include "arch/cpu_entry_area.h"
#include "arch/state/debugreg.h"
#include "arch/state/insn.h"
#include "kernel/base/errno.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/signal/signal.h"
#include "tests/suites/cpus.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

/* DR7: breakpoint n enabled, of a type and a length. */
#define EXECUTE 0
#define WRITE 1
#define ACCESS 3
#define LENGTH_1 0
#define LENGTH_2 1
#define LENGTH_8 2
#define LENGTH_4 3
#define ENABLE(n, type, length) (1ULL << 2 * (n) | (u64)((type) | (length) << 2) << (16 + 4 * (n)))

#define DR6_IDLE 0xffff0ff0

static int set(u64 address, u64 dr7)
{
	struct task_debugregs d = { .used = 0 };
	int err = debugreg_set(&d, 0, address);

	return err ? err : debugreg_set(&d, 7, dr7);
}

static void addresses(struct selftest *t)
{
	static const u64 refused[] = {
		USER_END, USER_END + 1, 1ULL << 47, 0x4141414141414141, KERNEL_HALF,
		DIRECT_MAP_BASE, VMAP_BASE, PROCESS_ENTRY_BASE, ESPFIX_BASE, CEA_IDT,
		CEA_ENTRY_TEXT, CEA_BASE, CEA_BASE + CEA_ENTRY_STACK, CEA_BASE + CEA_TRAMPOLINE,
		VAULT_BASE, KERNEL_BASE, ~0ULL, ~7ULL,
	};
	u64 write = ENABLE(0, WRITE, LENGTH_1);

	for (unsigned i = 0; i < ARRAY_SIZE(refused); i++)
		EXPECT_EQ(t, set(refused[i], 0), -EINVAL, "an address of the kernel's, or none");
	EXPECT_EQ(t, set(0, write), 0, "address 0");
	EXPECT_EQ(t, set(USER_END - 1, write), 0, "the last byte");
	EXPECT_EQ(t, set(USER_END - 8, ENABLE(0, WRITE, LENGTH_8)), 0, "the last eight");
	EXPECT_EQ(t, set(USER_END - 4, ENABLE(0, WRITE, LENGTH_8)), -EINVAL, "eight, across");
	EXPECT_EQ(t, set(0x1001, ENABLE(0, WRITE, LENGTH_2)), -EINVAL, "two bytes, odd");
	EXPECT_EQ(t, set(0x1002, ENABLE(0, WRITE, LENGTH_2)), 0, "two bytes, even");
	EXPECT_EQ(t, set(0x1002, ENABLE(0, ACCESS, LENGTH_4)), -EINVAL, "four, not aligned");
	EXPECT_EQ(t, set(0x1004, ENABLE(0, ACCESS, LENGTH_4)), 0, "four, aligned");
	EXPECT_EQ(t, set(0x1004, ENABLE(0, ACCESS, LENGTH_8)), -EINVAL, "eight, not aligned");
	EXPECT_EQ(t, set(0x1001, ENABLE(0, EXECUTE, LENGTH_1)), 0, "execution, odd");
	EXPECT_EQ(t, set(0x1000, ENABLE(0, EXECUTE, LENGTH_2)), -EINVAL, "execution, two bytes");
	EXPECT_EQ(t, set(0x1000, ENABLE(0, 2, LENGTH_1)), -EINVAL, "IO");
}

static void registers(struct selftest *t)
{
	struct task_debugregs d = { .used = 0 };
	u64 dr7 = ENABLE(1, WRITE, LENGTH_4) | 0xffffffff0000fc00;

	EXPECT_EQ(t, debugreg_get(&d, 6), DR6_IDLE, "DR6 at first");
	EXPECT_EQ(t, debugreg_set(&d, 4, 0), -EIO, "DR4");
	EXPECT_EQ(t, debugreg_set(&d, 5, 0), -EIO, "DR5");
	EXPECT_EQ(t, debugreg_set(&d, 8, 0), -EIO, "DR8");
	EXPECT_EQ(t, debugreg_set(&d, 1, 0x1004), 0, "DR1");
	EXPECT_EQ(t, debugreg_set(&d, 7, dr7), 0, "DR7 with reserved bits, GD among them");
	EXPECT_EQ(t, debugreg_get(&d, 7), dr7, "DR7 as it was written");
	EXPECT_EQ(t, d.active, 0x00d00608, "what the processor gets of it");
	EXPECT_EQ(t, debugreg_set(&d, 1, 0x1006), -EINVAL, "DR1, not aligned to its length");
	EXPECT_EQ(t, debugreg_set(&d, 7, ENABLE(1, WRITE, LENGTH_8)), -EINVAL,
		  "a length that does not fit the address");
	EXPECT_EQ(t, debugreg_get(&d, 1), 0x1004, "DR1 is as it was");
	EXPECT_EQ(t, debugreg_get(&d, 7), dr7, "DR7, too");
	EXPECT_EQ(t, debugreg_set(&d, 7, 0), 0, "nothing armed");
	EXPECT_EQ(t, d.active, 0, "what the processor gets of it");
	EXPECT_EQ(t, debugreg_set(&d, 6, 0xffff0ff3), 0, "DR6");
	EXPECT_EQ(t, debugreg_get(&d, 6), 0xffff0ff3, "read back");
	EXPECT_EQ(t, debugreg_get(&d, 5), 0, "DR5 reads as 0");
}

/* ---- Traps ---------------------------------------------------------------------- */

/* Runs it with a breakpoint; its wait status; where it stood and its DR6. */
static int run(struct selftest *t, struct thread *task, u64 address, u64 dr7, u64 *ip, u64 *dr6)
{
	if (!EXPECT(t, task, "memory for a process"))
		return -1;
	EXPECT_EQ(t, debugreg_set(&task->user.debug, 0, address), 0, "the address is set");
	EXPECT_EQ(t, debugreg_set(&task->user.debug, 7, dr7), 0, "the breakpoint is armed");
	task->process->quiet = true;
	process_start(task, process_next_pid());
	user_wait(task);
	*ip = thread_regs(task)->ip;
	*dr6 = task->user.debug.dr6;
	return process_wait_for(task);
}

#define STORE_FIRST (PROGRAM_CODE_BASE + (u64)(program_store_first - program_store))
#define TRAPPED WAIT_STATUS(0, SIGTRAP)

static void user_traps(struct selftest *t)
{
	u64 ip, dr6;

	EXPECT_EQ(t, run(t, PROCESS_FROM(program_store, 0), PROGRAM_WATCHED,
			 ENABLE(0, WRITE, LENGTH_1), &ip, &dr6), TRAPPED, "a watched store");
	EXPECT_EQ(t, ip, STORE_FIRST, "it stands behind the store");
	EXPECT_EQ(t, dr6, 1, "DR6");
	EXPECT_EQ(t, run(t, PROCESS_FROM(program_store, 0), PROGRAM_WATCHED + 1,
			 ENABLE(0, WRITE, LENGTH_1), &ip, &dr6), 0, "the byte behind, watched");
	EXPECT_EQ(t, dr6, 0, "DR6");
	EXPECT_EQ(t, run(t, PROCESS_FROM(program_store, 0), PROGRAM_WATCHED,
			 ENABLE(0, WRITE, LENGTH_1) & ~1ULL, &ip, &dr6), 0, "not enabled");
}

static void breakpoint_trap(struct selftest *t)
{
	u64 ip, dr6;

	if (cpus_skip_breakpoints(t))
		return;
	EXPECT_EQ(t, run(t, PROCESS_FROM(program_store, 0), STORE_FIRST,
			 ENABLE(0, EXECUTE, LENGTH_1), &ip, &dr6), TRAPPED, "a breakpoint");
	EXPECT_EQ(t, ip, STORE_FIRST, "it stands before the instruction");
	EXPECT_EQ(t, dr6, 1, "DR6");
}

static void expect_idle_here(void *wrong)
{
	if ((read_dr7() & 0xff) || this_cpu()->debug_armed)
		__atomic_fetch_add((unsigned *)wrong, 1, __ATOMIC_RELAXED);
}

/* Others have the same addresses, and nothing watched. */
static void turns(struct selftest *t)
{
	unsigned wrong = 0, cpu = online_cpu(1);
	u64 watched = ENABLE(0, ACCESS, LENGTH_1);
	struct thread *task[4];

	if (cpus_skip_breakpoints(t))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(task); i++) {
		task[i] = PROCESS_FROM(program_load_often, 30ULL << 16 | SEL_USER_DS);
		if (!EXPECT(t, task[i], "memory for a process"))
			return;
		if (i % 2) {
			debugreg_set(&task[i]->user.debug, 0, PROGRAM_CODE_BASE);
			debugreg_set(&task[i]->user.debug, 7, ENABLE(0, EXECUTE, LENGTH_1));
		} else {
			debugreg_set(&task[i]->user.debug, 0, PROGRAM_WATCHED);
			debugreg_set(&task[i]->user.debug, 7, watched);
		}
		task[i]->process->quiet = true;
		task_pin(task_of(task[i]), cpu);
		process_start(task[i], process_next_pid());
	}
	for (unsigned i = 0; i < ARRAY_SIZE(task); i++)
		EXPECT_EQ(t, process_wait_for(task[i]), i % 2 ? TRAPPED : 0,
			  i % 2 ? "a breakpoint of its own" : "the breakpoint of others");
	cpus_call_all(expect_idle_here, &wrong);
	EXPECT_EQ(t, wrong, 0, "CPUs that have one armed when all have gone");
}

/* ---- Watchpoints that the kernel meets --------------------------------------------- */

static void copies(struct selftest *t)
{
	u64 ip, dr6;

	EXPECT_EQ(t, run(t, PROCESS_FROM(program_uname, 0), PROGRAM_WATCHED,
			 ENABLE(0, WRITE, LENGTH_1), &ip, &dr6), 0,
		  "a system call writes to a watched place, and nothing comes of it");
	EXPECT_EQ(t, dr6, 1, "but it is noted in DR6");
}

static struct thread *with_selector(struct thread *task)
{
	u16 selector = SEL_USER_DS;

	if (task && mm_write(task->mm, PROGRAM_WATCHED, &selector, sizeof(selector)))
		return NULL;
	return task;
}

/*
 * On TCG the #DB comes behind the MOV, in user mode; on others on the kernel's
 * first instruction, where it is noted.
 */
static void mov_ss(struct selftest *t)
{
	u64 ip, dr6, watch = ENABLE(0, ACCESS, LENGTH_2);
	int status = run(t, with_selector(PROCESS_FROM(program_mov_ss, 0)), PROGRAM_WATCHED,
			 watch, &ip, &dr6);

	EXPECT(t, status == 0 || status == TRAPPED, "SYSCALL behind a watched MOV SS");
	EXPECT_EQ(t, dr6, 1, "DR6");
	selftest_note("MOV SS, then SYSCALL: #DB in %s mode", status ? "user" : "kernel");
	status = run(t, with_selector(PROCESS_FROM(program_mov_ss_int3, 0)), PROGRAM_WATCHED,
		     watch, &ip, &dr6);
	EXPECT_EQ(t, status, TRAPPED, "INT3 behind a watched MOV SS");
}

static const struct selftest_case cases[] = {
	{ "only addresses of the user half can be watched", addresses },
	{ "the registers read and write as ptrace's", registers },
	{ "a watched store ends in SIGTRAP", user_traps },
	{ "a breakpoint ends in SIGTRAP", breakpoint_trap },
	{ "other tasks on the same CPU are left alone", turns },
	{ "a watchpoint that a system call meets is noted, and no more", copies },
	{ "a debug trap that MOV SS puts off does no harm", mov_ss },
};
SELFTEST_SUITE(debugreg, cases);
