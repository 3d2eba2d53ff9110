/*
 * IO ports of user tasks: who may reach which, on every CPU, right after every
 * switch, and what is left in the TSS (nothing).  The tasks get their ports
 * here, before they start; ioperm and iopl are called in tests/user/machine/ioports.c.
 */
#include "arch/cpu_entry_area.h"
#include "arch/state/io_bitmap.h"
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/task/sched.h"
#include "mm/audit.h"
#include "mm/frames/frame.h"
#include "mm/leakscan.h"
#include "mm/pti.h"
#include "mm/space/uaccess.h"
#include "tests/suites/cpus.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define PORT 0x80 /* reading it does nothing */
#define YIELDS(n) ((u64)(n) << 16)
#define KILLED WAIT_STATUS(0, SIGSEGV)

static bool open_port(struct selftest *t, struct thread *task, unsigned port, unsigned n)
{
	return EXPECT(t, task && io_bitmap_set(&task->user.io, port, n, true) == 0,
		      "memory for a process with ports");
}

static void expect_closed(struct selftest *t, const char *step)
{
	for_each_cpu(cpu, &cpus_online) {
		unsigned shown = 0;

		for (unsigned i = 0; i < CEA_IO_BITMAP_PAGES; i++)
			shown += pt_translate(pti_init_pgd, (u64)&cea(cpu)->io_bitmap[i]) !=
				 NO_FRAME;
		EXPECT_EQ(t, shown, 0, step);
		EXPECT_EQ(t, cea_tss_direct(cpu)->io_bitmap_base, 104 + 8192 + 1,
			  "where the TSS says that the bitmap is: behind its limit");
		EXPECT_EQ(t, VAULT_OF(cpu)->io, NULL, "whose ports the vault names");
	}
}

static void without(struct selftest *t)
{
	static const u16 port[] = { 0, 0x3f8, PORT, 0x8000, 0xfff8, 0xffff };

	for (unsigned i = 0; i < ARRAY_SIZE(port); i++) {
		struct thread *task = PROCESS_FROM(program_in, port[i]);

		if (EXPECT(t, task, "memory for a process"))
			EXPECT_EQ(t, programs_run(task, online_cpu(i)), KILLED, "status");
	}
	expect_closed(t, "pages of a bitmap that are left shown");
}

static int read_with(struct selftest *t, unsigned first, unsigned n, u64 port, bool word)
{
	struct thread *task = word ? PROCESS_FROM(program_in_word, port) :
				   PROCESS_FROM(program_in, port);

	return open_port(t, task, first, n) ? programs_run(task, online_cpu((unsigned)port)) : -1;
}

static void with(struct selftest *t)
{
	EXPECT_EQ(t, read_with(t, PORT, 1, PORT, false), 0, "a port of its own");
	EXPECT_EQ(t, read_with(t, PORT, 1, PORT - 1, false), KILLED, "the port before it");
	EXPECT_EQ(t, read_with(t, PORT, 1, PORT + 1, false), KILLED, "the port behind it");
	EXPECT_EQ(t, read_with(t, PORT, 1, PORT, true), KILLED, "half of a word");
	EXPECT_EQ(t, read_with(t, PORT, 2, PORT, true), 0, "a word");
	EXPECT_EQ(t, read_with(t, 0, IO_PORTS, 0xffff, false), 0, "the last port");
	EXPECT_EQ(t, read_with(t, 0, IO_PORTS, 0xffff, true), KILLED, "a word beyond it");
	EXPECT_EQ(t, read_with(t, 0xfff8, 7, 0xffff, false), KILLED, "the last port, closed");
	expect_closed(t, "pages of a bitmap that are left shown");
}

static void iopl(struct selftest *t)
{
	struct thread *in = PROCESS_FROM(program_in, 0xffff);
	struct thread *cli = PROCESS_FROM(program_cli, 0);
	struct thread *two = PROCESS_FROM(program_in, PORT);

	if (!EXPECT(t, in && cli && two, "memory for processes"))
		return;
	in->user.io.iopl = cli->user.io.iopl = 3;
	two->user.io.iopl = 2;
	EXPECT_EQ(t, programs_run(in, online_cpu(0)), 0, "iopl 3 opens the last port");
	EXPECT_EQ(t, programs_run(cli, online_cpu(0)), 0, "CLI does nothing with iopl 3");
	EXPECT_EQ(t, programs_run(two, online_cpu(0)), KILLED, "iopl 2 opens none");
	expect_closed(t, "pages of a bitmap that are left shown");
}

/* ---- Taking turns ------------------------------------------------------------- */

static void start(struct thread *task, unsigned cpu)
{
	task->process->quiet = true;
	task_pin(task_of(task), cpu);
	process_start(task, process_next_pid());
}

/* One has ports, one has others, one has none and tries in the end. */
static void turns_on(struct selftest *t, unsigned cpu)
{
	struct thread *one = PROCESS_FROM(program_in, YIELDS(60) | PORT);
	struct thread *other = PROCESS_FROM(program_in, YIELDS(60) | (PORT + 9));
	struct thread *none = PROCESS_FROM(program_yield_in, YIELDS(20) | PORT);
	struct thread *wrong = PROCESS_FROM(program_yield_in, YIELDS(21) | PORT);

	if (!open_port(t, one, PORT, 1) || !open_port(t, other, PORT + 9, 1) || !none ||
	    !open_port(t, wrong, PORT + 1, 100))
		return;
	start(one, cpu);
	start(none, cpu);
	start(other, cpu);
	start(wrong, cpu);
	EXPECT_EQ(t, process_wait_for(none), KILLED, "who has no port");
	EXPECT_EQ(t, process_wait_for(wrong), KILLED, "who has others");
	EXPECT_EQ(t, process_wait_for(one), 0, "who has it, all the time");
	EXPECT_EQ(t, process_wait_for(other), 0, "who has another, all the time");
}

static void turns(struct selftest *t)
{
	for (unsigned i = 0; i < MIN(4, cpumask_count(&cpus_online)); i++)
		turns_on(t, online_cpu(i));
	expect_closed(t, "pages of a bitmap that are left shown");
}

/* ---- The functions -------------------------------------------------------------- */

static void functions(struct selftest *t)
{
	u64 before = selftest_free_frames();
	struct task_io io = { 0 }, child = { 0 };

	EXPECT_EQ(t, io_bitmap_set(&io, 5, 9, false), 0, "closing what is not open");
	EXPECT_EQ(t, io.bitmap, NULL, "makes no bitmap");
	frame_fail_after(0);
	EXPECT_EQ(t, io_bitmap_set(&io, 5, 9, true), -ENOFRAME, "no memory");
	frame_fail_after(-1);
	EXPECT_EQ(t, io_bitmap_set(&io, 5, 9, true), 0, "opening ports 5 to 13");
	EXPECT_EQ(t, io.bitmap[0] << 8 | io.bitmap[1], 0x1fc0, "the bits");
	frame_fail_after(0);
	EXPECT_EQ(t, io_bitmap_copy(&child, &io), -ENOFRAME, "a copy without memory");
	frame_fail_after(-1);
	io.iopl = 1;
	EXPECT_EQ(t, io_bitmap_copy(&child, &io), 0, "a copy");
	EXPECT_EQ(t, child.iopl, 1, "with the iopl");
	io_bitmap_set(&child, 6, 1, false);
	EXPECT_EQ(t, io.bitmap[0], 0x1f, "the parent's, when the child has closed one");
	EXPECT_EQ(t, child.bitmap[0], 0x5f, "the child's");
	io_bitmap_set(&io, 0, IO_PORTS, false);
	EXPECT_EQ(t, io.bitmap, NULL, "a bitmap that denies all is given back");
	io_bitmap_drop(&child);
	EXPECT(t, !child.bitmap && !child.iopl, "dropped");
	EXPECT_EQ(t, selftest_free_frames(), before, "free frames");
	io_bitmap_drop(&io);
	expect_closed(t, "pages of a bitmap that are left shown");
}

/* ---- The leak scan ----------------------------------------------------------------- */

/* Bits that say an address of the direct map, at a port of choice. */
static void choose_bits(struct task_io *io, unsigned byte)
{
	u64 address = DIRECT_MAP_BASE + 0x1000;

	memcpy(io->bitmap + byte, &address, sizeof(address));
}

static void scanned(struct selftest *t)
{
	static const unsigned byte[] = { 0, 3, 4096 - 3, 5000, IO_BITMAP_BYTES - 8 };
	static struct audit_report r;
	struct task_io io = { 0 };
	u64 flags;

	if (!EXPECT_EQ(t, io_bitmap_set(&io, 0, 1, true), 0, "memory for a bitmap"))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(byte); i++) {
		memset(io.bitmap, 0xff, IO_BITMAP_BYTES);
		choose_bits(&io, byte[i]);
		flags = interrupts_save();
		stretch_ignore(); /* three audits while nobody else changes this TSS */
		io_bitmap_load(&io);
		EXPECT_EQ(t, audit_pair(pti_init_pgd, 0, &r), 0, "while it is in use");
		this_cpu()->io = NULL;
		EXPECT_EQ(t, audit_pair(pti_init_pgd, 0, &r), CEA_IO_BITMAP_PAGES,
			  "when it is left behind");
		EXPECT_EQ(t, r.rule, 4, "the rule");
		this_cpu()->io = &io;
		io_bitmap_load(&(struct task_io){ 0 });
		EXPECT_EQ(t, audit_pair(pti_init_pgd, 0, &r), 0, "when it has been closed");
		interrupts_restore(flags);
	}
	io_bitmap_drop(&io);
}

/* ---- What this CPU sees of it -------------------------------------------------------- */

/* The first byte of each page, by the alias, 0x100 for a page that is not shown. */
static u64 bytes_shown(void)
{
	u64 all = 0;

	for (unsigned i = 0; i < CEA_IO_BITMAP_PAGES; i++) {
		u8 byte;
		bool shown = !probe_read((u64)&cea(this_cpu()->cpu)->io_bitmap[i], &byte);

		all = all << 12 | (shown ? byte : 0x100);
	}
	return all;
}

/* Interrupts are off: no CR3 write drops what the processor has cached in between. */
static void seen_at_once(struct selftest *t)
{
	struct task_io none = { 0 }, all = { .iopl = 3 }, some = { 0 };
	u64 flags, seen[6];

	if (!EXPECT_EQ(t, io_bitmap_set(&some, 0, 4, true), 0, "memory for a bitmap"))
		return;
	flags = interrupts_save();
	for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
		const struct task_io *const order[] = { &all, &some, &none, &some, &all, &none };

		io_bitmap_load(order[i]);
		seen[i] = bytes_shown();
	}
	interrupts_restore(flags);
	io_bitmap_drop(&some);
	EXPECT_EQ(t, seen[0], 0x0000000ff, "iopl 3");
	EXPECT_EQ(t, seen[1], 0x0f00ff0ff, "four ports, behind iopl 3");
	EXPECT_EQ(t, seen[2], 0x100100100, "none, behind four ports");
	EXPECT_EQ(t, seen[3], 0x0f00ff0ff, "four ports, behind none");
	EXPECT_EQ(t, seen[4], 0x0000000ff, "iopl 3, behind four ports");
	EXPECT_EQ(t, seen[5], 0x100100100, "none, behind iopl 3");
}

static const struct selftest_case cases[] = {
	{ "a task without ports reaches none", without },
	{ "a task with ports reaches those and no other", with },
	{ "iopl 3 opens every port and leaves the interrupt flag alone", iopl },
	{ "tasks with ports, with others and with none take turns on one CPU", turns },
	{ "the processor sees another bitmap, or none, at once", seen_at_once },
	{ "bitmaps are made, copied and given back", functions },
	{ "the audit lets a bitmap in use be, whatever it says, and finds one that is left", scanned },
};
SELFTEST_SUITE(io_bitmap, cases);
