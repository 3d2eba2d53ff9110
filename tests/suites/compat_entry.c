/*
 * The other ways in: INT 0x80, SYSENTER and 32-bit SYSCALL, from 64-bit and
 * from 32-bit code, with every register hostile.  The processes here have no
 * vDSO page, so SYSENTER and 32-bit SYSCALL have nowhere to return to: SIGSEGV,
 * or #UD where the vendor has no such instruction; INT 0x80 returns behind
 * itself, to a UD2.  Whatever happens, the CPU is as it was.
 */
#include "arch/cpu.h"
#include "arch/cpu_entry_area.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/signal.h"
#include "tests/suites/cpus.h"
#include "tests/suites/pinned.h"

#define NR_NONE 0x7fff
#define USER_FLAGS (RFLAGS_FIXED | RFLAGS_IF)

enum way { INT80, SYSENTER, SYSCALL };

static const struct {
	const char *name;
	const u8 *begin, *end;
} way_code[] = {
	[INT80] = { "INT 0x80", user_int80_once, user_int80_once_end },
	[SYSENTER] = { "SYSENTER", user_sysenter_once, user_sysenter_once_end },
	[SYSCALL] = { "32-bit SYSCALL", user_call_once, user_call_once_end },
};

static bool is_vendor(const char *vendor)
{
	return strcmp(cpu_features.vendor, vendor) == 0;
}

/*
 * SIGILL where it is no instruction.  QEMU has 32-bit SYSCALL for Intel, which
 * has none, and SYSENTER from 32-bit code for AMD, which has none in long mode;
 * Bochs has it from 64-bit code, too.
 */
static bool ends_right(enum way way, int status)
{
	bool segv = status == WAIT_STATUS(0, SIGSEGV);
	bool ill = status == WAIT_STATUS(0, SIGILL);

	switch (way) {
	case INT80: return ill; /* its UD2 */
	case SYSENTER: return segv || (ill && is_vendor("AuthenticAMD"));
	default: return segv || (ill && !is_vendor("AuthenticAMD"));
	}
}

/* Hostile in what the entry code must not trust. */
static const struct start {
	const char *what;
	u64 flags, sp, bp, bases;
} start[] = {
	{ "nothing odd", 0, PROGRAM_DATA_BASE + 0x1000, 0x1234, 0 },
	{ "TF", RFLAGS_TF, PROGRAM_DATA_BASE + 0x1000, 0x1234, 0 },
	{ "NT", RFLAGS_NT, PROGRAM_DATA_BASE + 0x1000, 0x1234, 0 },
	{ "TF and NT", RFLAGS_TF | RFLAGS_NT, PROGRAM_DATA_BASE + 0x1000, 0x1234, 0 },
	{ "AC and DF", RFLAGS_AC | RFLAGS_DF, PROGRAM_DATA_BASE + 0x1000, 0x1234, 0 },
	{ "RSP in the kernel image", 0, KERNEL_BASE + 0x200000, KERNEL_BASE, 0 },
	{ "RSP in the own vault", 0, VAULT_BASE + 0x800, VAULT_BASE + 0x800, 0 },
	{ "RSP not canonical", 0, 0x8000000000000000, 0x8000000000000000, 0 },
	{ "RSP zero", 0, 0, 0, 0 },
	{ "GS base in the kernel", 0, PROGRAM_DATA_BASE + 0x1000, 0, KERNEL_BASE },
	{ "GS base a vault", 0, PROGRAM_DATA_BASE + 0x1000, 0, VAULT_BASE + CEA_STRIDE },
};

static void set_up(struct pt_regs *regs, const struct start *s, u16 cs)
{
	u64 *word = (u64 *)regs;

	for (unsigned i = 0; i < offsetof(struct pt_regs, vector) / sizeof(u64); i++)
		word[i] = 0xabcd000000000000 | i << 20 | i;
	regs->ax = NR_NONE;
	regs->bp = s->bp;
	regs->sp = s->sp;
	regs->flags = USER_FLAGS | s->flags;
	regs->cs = cs;
}

static void cpu_unharmed(struct selftest *t, unsigned cpu)
{
	cpus_read_state();
	EXPECT_EQ(t, cpu_state[cpu].gs_base, (u64)VAULT_OF(cpu), "GS base afterwards");
	EXPECT_EQ(t, VAULT_OF(cpu)->self, VAULT_OF(cpu), "the vault");
}

/* INT 0x80 changes RAX alone, and in 64-bit code keeps all high halves. */
static void expect_kept(struct selftest *t, const struct pt_regs *after,
			const struct pt_regs *before, bool long_mode)
{
	u64 mask = long_mode ? ~0ULL : 0xffffffff;

	EXPECT_EQ(t, (u32)after->ax, (u32)-ENOSYS, "RAX: the answer");
	EXPECT_EQ(t, after->ip, before->ip + 2, "it returned behind INT 0x80");
	EXPECT_EQ(t, after->flags & ~(u64)RFLAGS_RF, before->flags, "RFLAGS");
	EXPECT_EQ(t, after->sp & mask, before->sp & mask, "RSP");
	EXPECT_EQ(t, after->cx & mask, before->cx & mask, "RCX");
	EXPECT_EQ(t, after->dx & mask, before->dx & mask, "RDX");
	EXPECT_EQ(t, after->bx & mask, before->bx & mask, "RBX");
	EXPECT_EQ(t, after->si & mask, before->si & mask, "RSI");
	EXPECT_EQ(t, after->di & mask, before->di & mask, "RDI");
	EXPECT_EQ(t, after->bp & mask, before->bp & mask, "RBP");
	if (long_mode)
		EXPECT_EQ(t, memcmp(&after->r15, &before->r15, 4 * sizeof(u64)) |
			  memcmp(&after->r11, &before->r11, 4 * sizeof(u64)), 0,
			  "R8 to R15");
}

static void enter(struct selftest *t, enum way way, const struct start *s, u16 cs,
		  unsigned cpu)
{
	struct user_piece code = { way_code[way].name, way_code[way].begin,
				  way_code[way].end };
	struct thread *task = user_new(t, code, 0, cpu);
	struct pt_regs before;
	bool held;
	int status;

	if (!task)
		return;
	set_up(thread_regs(task), s, cs);
	task->user.gs_base = s->bases;
	before = *thread_regs(task);
	user_start(task);
	user_wait(task);
	if (way == INT80)
		expect_kept(t, thread_regs(task), &before, cs == SEL_USER_CS);
	status = process_wait_for(task);
	held = EXPECT(t, ends_right(way, status), "how it ends");
	cpu_unharmed(t, cpu);
	if (!held)
		selftest_note("there: %s, CS %#x, %s, cpu %u, wait status %#x",
			      way_code[way].name, cs, s->what, cpu, status);
}

static void enter_all(struct selftest *t, enum way way, u16 cs)
{
	for (unsigned n = 0; n < MIN(2, cpumask_count(&cpus_online)); n++)
		for (unsigned i = 0; i < ARRAY_SIZE(start); i++)
			enter(t, way, &start[i], cs, online_cpu(n));
}

static void int80_64(struct selftest *t) { enter_all(t, INT80, SEL_USER_CS); }
static void int80_32(struct selftest *t) { enter_all(t, INT80, SEL_USER32_CS); }
static void sysenter_64(struct selftest *t) { enter_all(t, SYSENTER, SEL_USER_CS); }
static void sysenter_32(struct selftest *t) { enter_all(t, SYSENTER, SEL_USER32_CS); }
static void syscall_32(struct selftest *t) { enter_all(t, SYSCALL, SEL_USER32_CS); }

static const struct selftest_case cases[] = {
	{ "INT 0x80 from 64-bit code changes RAX alone", int80_64 },
	{ "INT 0x80 from 32-bit code changes EAX alone", int80_32 },
	{ "SYSENTER from 64-bit code does no harm", sysenter_64 },
	{ "SYSENTER from 32-bit code does no harm", sysenter_32 },
	{ "SYSCALL from 32-bit code does no harm", syscall_32 },
};
SELFTEST_SUITE(compat_entry, cases);
