/*
 * What user mode may not reach: from ring 3, a read, a write and a jump to each
 * part of the kernel's address map, each of which must end the process with
 * SIGSEGV and leave its registers and the kernel's memory as they were.
 *
 * The page fault's error code tells one thing more: its P bit is set if the
 * user's tables show the page at all.  With a shadow that must be so for slot
 * 508 only.
 */
#include "arch/cpu_entry_area.h"
#include "entry/entry.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/signal/signal.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/pti.h"
#include "mm/space/mm.h"
#include "mm/space/vmap.h"
#include "tests/suites/pinned.h"

#define PATTERN 0x5ec4e7005ec4e700
/* With more CPUs than this, only some of them are looked at. */
#define EVERY_CPU_MAX 32

struct place {
	const char *name;
	virt_addr_t va; /* of eight bytes in one page */
};

static bool is_canonical(virt_addr_t va)
{
	return va < 0x0000800000000000 || va >= KERNEL_HALF;
}

/* Slot 508; with roots=cpu, of the areas the one of its CPU. */
static bool is_gate(const struct thread *task, virt_addr_t va)
{
	if (va < CEA_SLOT_BASE || va >= CEA_SLOT_END)
		return false;
	return !pti_roots_per_cpu || va < CEA_BASE || va - (u64)cea(task->cpu) < CEA_STRIDE;
}

/* What the process's tables show to user mode, whatever its rights. */
static bool is_shown(const struct thread *task, virt_addr_t va)
{
	pte_t *pgd = task->process->mm->pgd;
	struct pt_leaf leaf;

	if (pti_roots_per_cpu && va >= KERNEL_HALF)
		pgd = VAULT_OF(task->cpu)->root;
	return pt_walk(pti_enabled ? pti_user_pgd(pgd) : pgd, va, &leaf) == 0;
}

/* The kernel may read there without consequences: RAM, not a device. */
static bool is_memory(virt_addr_t va)
{
	struct pt_leaf leaf;

	return is_canonical(va) && pt_walk(pti_init_pgd, va, &leaf) == 0 &&
	       !(leaf.entry & PTE_PCD);
}

static void expect_refused(struct selftest *t, struct thread *task, virt_addr_t va,
			   u64 error_bits)
{
	const struct pt_regs *regs = thread_regs(task);
	bool shown;

	EXPECT_EQ(t, task->status, WAIT_STATUS(0, SIGSEGV), "ended by SIGSEGV");
	EXPECT_EQ(t, regs->ax, PATTERN, "rax as it was: nothing was read");
	EXPECT(t, user_mode(regs), "it happened in ring 3");
	if (!is_canonical(va)) {
		EXPECT_EQ(t, regs->vector & 0xff, VEC_GP, "the exception");
		return;
	}
	shown = is_shown(task, va);
	EXPECT_EQ(t, regs->vector & 0xff, VEC_PF, "the exception");
	EXPECT_EQ(t, regs->orig_ax, error_bits | PF_USER | (shown ? PF_PROT : 0),
		  "the error code");
	EXPECT_EQ(t, regs->ip, error_bits & PF_INSTR ? va : PROGRAM_CODE_BASE,
		  "where it happened");
	if (pti_enabled)
		EXPECT_EQ(t, shown, is_gate(task, va) && is_memory(va),
			  "slot 508 is shown, the rest is not");
}

/* A process that holds the pattern in rax and does one access to va. */
static struct thread *start(struct selftest *t, struct user_piece code, virt_addr_t va)
{
	struct thread *task = user_new(t, code, va, ANY_CPU);

	if (task) {
		thread_regs(task)->ax = PATTERN;
		user_start(task);
	}
	return task;
}

static void end(struct selftest *t, struct thread *task, virt_addr_t va, u64 error_bits)
{
	if (!task)
		return;
	user_wait(task);
	expect_refused(t, task, va, error_bits);
	process_wait_for(task);
}

static void try(struct selftest *t, struct place p)
{
	bool failed_before = t->failed;
	struct thread *reader, *writer, *jumper;

	t->failed = false;
	reader = start(t, USER_CODE(read), p.va);
	writer = start(t, USER_CODE(write), p.va);
	jumper = start(t, USER_CODE(jump), p.va);
	end(t, reader, p.va, 0);
	end(t, writer, p.va, PF_WRITE);
	end(t, jumper, p.va, PF_INSTR);
	if (is_memory(p.va))
		EXPECT(t, *(volatile u64 *)p.va != PATTERN, "nothing was written");
	if (t->failed)
		selftest_note("the place was: %s, %#lx", p.name, p.va);
	t->failed |= failed_before;
}

/* ---- Places ------------------------------------------------------------------------ */

static u64 some_data = 1;

static void image(struct selftest *t)
{
	try(t, (struct place){ "text", (virt_addr_t)image_text_start });
	try(t, (struct place){ "entry text's load address",
			       KERNEL_BASE + (u64)entry_text_lma });
	try(t, (struct place){ "rodata", (virt_addr_t)image_rodata_start });
	try(t, (struct place){ "data", (virt_addr_t)&some_data });
	try(t, (struct place){ "the end of data", (virt_addr_t)image_data_end - 8 });
	try(t, (struct place){ "behind the image", (virt_addr_t)image_data_end });
	try(t, (struct place){ "the last bytes of all", ~0ULL - 7 });
}

static void direct_map(struct selftest *t)
{
	phys_addr_t fresh = frame_alloc_zeroed();

	try(t, (struct place){ "its first page", DIRECT_MAP_BASE });
	try(t, (struct place){ "the image",
			       DIRECT_MAP_BASE + image_to_phys((const char *)&some_data) });
	try(t, (struct place){ "the first PGD pair", (virt_addr_t)pti_init_pgd });
	try(t, (struct place){ "a task", (virt_addr_t)current_task() });
	if (EXPECT(t, fresh != NO_FRAME, "a frame"))
		try(t, (struct place){ "a frame", (virt_addr_t)phys_to_virt(fresh) });
	try(t, (struct place){ "the last frame", DIRECT_MAP_BASE + frame_stats().top - 8 });
	if (fresh != NO_FRAME)
		frame_free(fresh);
}

static void vmap(struct selftest *t)
{
	virt_addr_t top = current_task()->stack_top;

	try(t, (struct place){ "a kernel stack", top - 8 });
	try(t, (struct place){ "its guard page", top - TASK_STACK_SIZE - 8 });
	try(t, (struct place){ "an IST's kernel stack",
			       this_cpu()->ist_kernel_stack[0] - 8 });
	try(t, (struct place){ "nothing", VMAP_END - 8 });
}

static unsigned cpu_step(void)
{
	unsigned cpus = cpumask_count(&cpus_online);
	unsigned step = 1 + (cpus - 1) / EVERY_CPU_MAX;

	if (step > 1)
		selftest_note("every %uth CPU's, because there are more than %u", step,
			      EVERY_CPU_MAX);
	return step;
}

static void vaults(struct selftest *t)
{
	unsigned step = cpu_step();

	for (unsigned n = 0; n < cpumask_count(&cpus_online); n += step) {
		virt_addr_t vault = (virt_addr_t)VAULT_OF(online_cpu(n));

		try(t, (struct place){ "a vault", vault });
	}
	try(t, (struct place){ "between vaults", VAULT_BASE + PAGE_SIZE });
	try(t, (struct place){ "of no CPU", (virt_addr_t)VAULT_OF(NR_CPUS) });
}

static void area_of(struct selftest *t, unsigned cpu)
{
	const struct cpu_entry_area *a = cea(cpu);

	try(t, (struct place){ "GDT", (virt_addr_t)a->gdt });
	try(t, (struct place){ "behind the GDT", (virt_addr_t)&a->gdt[1] });
	try(t, (struct place){ "guard", (virt_addr_t)&a->guard_entry_stack });
	try(t, (struct place){ "entry stack", (virt_addr_t)a + CEA_ENTRY_STACK_TOP - 8 });
	try(t, (struct place){ "TSS", (virt_addr_t)&a->tss_page });
	try(t, (struct place){ "the TSS", (virt_addr_t)&a->tss_page + CEA_TSS_OFFSET });
	try(t, (struct place){ "the IO bitmap", (virt_addr_t)a->io_bitmap });
	try(t, (struct place){ "the IO bitmap's end",
			       (virt_addr_t)&a->io_bitmap[CEA_IO_BITMAP_PAGES] - 8 });
	for (unsigned i = 0; i < NR_IST; i++) {
		try(t, (struct place){ "IST guard", (virt_addr_t)&a->ist[i].guard });
		try(t, (struct place){ "IST stack",
				       (virt_addr_t)&a->ist[i].stack + PAGE_SIZE - 8 });
	}
	try(t, (struct place){ "trampoline", (virt_addr_t)&a->trampoline });
	try(t, (struct place){ "debug store", (virt_addr_t)a->debug_store });
}

static void areas(struct selftest *t)
{
	unsigned last = cpumask_count(&cpus_online) - 1;

	area_of(t, online_cpu(0));
	if (last > 0)
		area_of(t, online_cpu(last));
	try(t, (struct place){ "the area of no CPU", (virt_addr_t)cea(NR_CPUS - 1) });
}

static void shared_part(struct selftest *t)
{
	try(t, (struct place){ "IDT", CEA_IDT });
	try(t, (struct place){ "behind the IDT", CEA_IDT + PAGE_SIZE });
	try(t, (struct place){ "entry text", CEA_ENTRY_TEXT });
	try(t, (struct place){ "the way out", entry_labels.exit_to_user });
	try(t, (struct place){ "the start of slot 508", CEA_SLOT_BASE });
}

static void edges(struct selftest *t)
{
	static const struct place places[] = {
		{ "the page behind the user half", USER_END },
		{ "the last bytes of the lower half", 0x00007ffffffffff8 },
		{ "the first of the hole", 0x0000800000000000 },
		{ "the middle of the hole", 0x4141414141414140 },
		{ "the last of the hole", 0xffff7ffffffffff8 },
		{ "the first of the kernel half", KERNEL_HALF },
		{ "the process entry area", PROCESS_ENTRY_BASE },
		{ "below the direct map", DIRECT_MAP_BASE - 8 },
		{ "above the direct map", DIRECT_MAP_END },
		{ "null", 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		try(t, places[i]);
}

/* The test can tell: what a process may do, it does. */
static void own_memory(struct selftest *t)
{
	static const struct user_piece code[] = {
		{ "read", user_read, user_read_end },
		{ "write", user_write, user_write_end },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
		struct thread *task = start(t, code[i], PROGRAM_DATA_BASE + USER_WORD(result));

		if (!task)
			return;
		user_wait(task);
		EXPECT_EQ(t, task->status, 0, "exit status");
		EXPECT_EQ(t, user_get(task, USER_WORD(result)), i ? PATTERN : 0,
			  "what is in its memory");
		process_wait_for(task);
	}
}

static const struct selftest_case cases[] = {
	{ "a process reads and writes its own memory", own_memory },
	{ "the kernel image is out of reach", image },
	{ "the direct map is out of reach", direct_map },
	{ "stacks in the vmap area are out of reach", vmap },
	{ "the vault of each CPU is out of reach", vaults },
	{ "every field of an entry area is out of reach", areas },
	{ "IDT and entry text are out of reach", shared_part },
	{ "the edges of the address map are out of reach", edges },
};
SELFTEST_SUITE(user, cases);
