/*
 * TLS descriptors: set_thread_area's rules, the GDT of the CPU on which a task
 * runs, and of one on which it ran.  i386's system calls are called here from a
 * kernel thread that has an address space loaded.
 */
#include "arch/cpu_entry_area.h"
#include "arch/state/ldt.h"
#include "arch/state/segment.h"
#include "arch/state/user_desc.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "mm/pti.h"
#include "mm/space/mm_range.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define SELECTOR(entry) ((entry) << 3 | 3)
#define AT 0x200000
#define NONE (USER_DESC_READ_EXEC_ONLY | USER_DESC_NOT_PRESENT)

static u64 limit_of(u16 selector)
{
	u64 limit;

	return lsl(selector, &limit) ? limit : ~0ULL;
}

static void expect_empty(struct selftest *t, const char *step)
{
	for_each_cpu(cpu, &cpus_online)
		for (unsigned i = TLS_FIRST; i < TLS_FIRST + TLS_ENTRIES; i++)
			EXPECT_EQ(t, cea_gdt_direct(cpu)->entry[i], 0, step);
}

/* ---- set_thread_area --------------------------------------------------------- */

static struct {
	struct selftest *t;
	struct mm *mm;
	void (*fn)(struct selftest *t);
} under;

static void run_under(void *arg __unused)
{
	u64 flags = interrupts_save();
	struct mm *old = this_cpu()->mm;

	ldt_load_mm(under.mm);
	interrupts_restore(flags);
	under.fn(under.t);
	flags = interrupts_save();
	current_task()->user.tls = (struct task_tls){ { 0 } };
	tls_load(this_cpu(), &current_task()->user.tls);
	ldt_load_mm(old);
	interrupts_restore(flags);
}

/* fn in a thread under an address space with a page at AT. */
static void with_memory(struct selftest *t, void (*fn)(struct selftest *t))
{
	under.t = t;
	under.fn = fn;
	under.mm = mm_alloc();
	if (!EXPECT(t, under.mm && mm_map(under.mm, AT, PAGE_SIZE, VMA_READ | VMA_WRITE,
					  true) == AT, "memory"))
		return;
	EXPECT(t, cpus_run_thread(online_cpu(1), run_under, NULL), "memory for a thread");
	mm_put(under.mm);
}

static long set_area(virt_addr_t at)
{
	struct pt_regs regs = { .di = at };

	return ia32_sys_set_thread_area(&regs);
}

static long get_area(virt_addr_t at)
{
	struct pt_regs regs = { .di = at };

	return ia32_sys_get_thread_area(&regs);
}

static long set(u32 entry, u32 base, u32 limit, u32 flags)
{
	struct user_desc d = { entry, base, limit, flags };

	mm_write(under.mm, AT, &d, sizeof(d));
	return set_area(AT);
}

static struct user_desc get(u32 entry)
{
	struct user_desc d = { .entry_number = entry };

	mm_write(under.mm, AT, &d, sizeof(d));
	if (get_area(AT))
		d.entry_number = 0;
	else
		mm_read(under.mm, AT, &d, sizeof(d));
	return d;
}

static void errors_here(struct selftest *t)
{
	EXPECT_EQ(t, set_area(0), -EFAULT, "a null pointer");
	EXPECT_EQ(t, set_area(AT + PAGE_SIZE - 4), -EFAULT, "half of it");
	EXPECT_EQ(t, set_area(KERNEL_BASE), -EFAULT, "a kernel pointer");
	EXPECT_EQ(t, set(11, 1, 1, USER_DESC_32BIT), -EINVAL, "entry 11");
	EXPECT_EQ(t, set(15, 1, 1, USER_DESC_32BIT), -EINVAL, "entry 15");
	EXPECT_EQ(t, set(~1u, 1, 1, USER_DESC_32BIT), -EINVAL, "entry -2");
	EXPECT_EQ(t, set(12, 1, 1, 0), -EINVAL, "16 bits");
	EXPECT_EQ(t, set(12, 1, 1, USER_DESC_32BIT | USER_DESC_CODE), -EINVAL, "code");
	EXPECT_EQ(t, set(12, 1, 1, USER_DESC_32BIT | USER_DESC_CONFORMING), -EINVAL,
		  "conforming code");
	EXPECT_EQ(t, set(12, 1, 1, USER_DESC_32BIT | USER_DESC_NOT_PRESENT), -EINVAL,
		  "not present");
	EXPECT_EQ(t, get_area(8), -EFAULT, "get, a bad pointer");
	EXPECT_EQ(t, get(11).entry_number | get(15).entry_number, 0, "get, bad entries");
	expect_empty(t, "an entry of the GDT");
}

static void sets_here(struct selftest *t)
{
	struct user_desc d;

	EXPECT_EQ(t, set(13, 0x12345678, 0x1ffff, USER_DESC_32BIT | 2 | USER_DESC_USEABLE), 0,
		  "entry 13");
	EXPECT_EQ(t, limit_of(SELECTOR(13)), 0x1ffff, "its limit, by LSL; it expands down");
	EXPECT_EQ(t, set(13, 0x12345678, 0x1ffff, USER_DESC_32BIT | USER_DESC_USEABLE), 0,
		  "entry 13 again");
	EXPECT_EQ(t, limit_of(SELECTOR(13)), 0x1ffff, "its limit, by LSL");
	d = get(13);
	EXPECT(t, d.entry_number == 13 && d.base_addr == 0x12345678 && d.limit == 0x1ffff &&
	       d.flags == (USER_DESC_32BIT | USER_DESC_USEABLE), "read back");
	EXPECT_EQ(t, set(~0u, 0, 0xfffff, USER_DESC_32BIT | USER_DESC_LIMIT_IN_PAGES), 0,
		  "any entry");
	mm_read(under.mm, AT, &d, sizeof(d));
	EXPECT_EQ(t, d.entry_number, 12, "the first free one");
	EXPECT_EQ(t, limit_of(SELECTOR(12)), 0xffffffff, "its limit");
	EXPECT_EQ(t, set(~0u, 5, 0, USER_DESC_32BIT), 0, "any entry");
	EXPECT_EQ(t, set(~0u, 5, 0, USER_DESC_32BIT), -ESRCH, "when none is free");
	EXPECT_EQ(t, set(14, 0, 0, 0), 0, "zeroes");
	EXPECT_EQ(t, limit_of(SELECTOR(14)), ~0ULL, "are no segment");
	EXPECT_EQ(t, set(13, 0, 0, NONE), 0, "an empty one");
	EXPECT_EQ(t, limit_of(SELECTOR(13)), ~0ULL, "is none");
	EXPECT_EQ(t, get(13).flags, NONE, "read back");
	EXPECT_EQ(t, this_cpu()->gdt->entry[12] & DESC_ACCESSED, DESC_ACCESSED,
		  "the accessed bit");
}

/* Registers that hold the selector of an entry that changes. */
static void refresh_here(struct selftest *t)
{
	u64 flags = interrupts_save();

	EXPECT_EQ(t, set(12, 0x1000, 0xfff, USER_DESC_32BIT), 0, "entry 12");
	segment_load_ds(SELECTOR(12));
	segment_load_es(SELECTOR(12));
	segment_load_fs(SELECTOR(12));
	segment_load_gs(SELECTOR(12));
	EXPECT_EQ(t, rdmsr(MSR_FS_BASE), 0x1000, "FS base");
	EXPECT_EQ(t, rdmsr(MSR_KERNEL_GS_BASE), 0x1000, "GS base");
	EXPECT_EQ(t, set(12, 0x2000, 0xfff, USER_DESC_32BIT), 0, "entry 12 changes");
	EXPECT_EQ(t, rdmsr(MSR_FS_BASE), 0x2000, "FS base");
	EXPECT_EQ(t, rdmsr(MSR_KERNEL_GS_BASE), 0x2000, "GS base");
	EXPECT_EQ(t, read_ds(), SELECTOR(12), "DS");
	EXPECT_EQ(t, set(12, 0, 0, NONE), 0, "entry 12 goes");
	EXPECT_EQ(t, read_ds() | read_es() | read_fs() | read_gs(), 0,
		  "DS, ES, FS and GS are null");
	interrupts_restore(flags);
}

static void errors(struct selftest *t)
{
	with_memory(t, errors_here);
}

static void sets(struct selftest *t)
{
	with_memory(t, sets_here);
	expect_empty(t, "an entry of the GDT, when the task has gone");
}

static void refreshed(struct selftest *t)
{
	with_memory(t, refresh_here);
	expect_empty(t, "an entry of the GDT, when the task has gone");
}

/* ---- Tasks ----------------------------------------------------------------------- */

/* A process that loads entry 13 into DS and ES after some yields. */
static struct thread *loader(u32 limit, u64 yields)
{
	struct thread *task = PROCESS_FROM(program_load_often, yields << 16 | SELECTOR(13));

	if (task && limit)
		task->user.tls.desc[1] = user_desc_pack(&(struct user_desc){ 0, 0, limit,
							USER_DESC_32BIT });
	return task;
}

static void turns_on(struct selftest *t, unsigned cpu)
{
	struct thread *task[] = { loader(1, 60), loader(2, 60), loader(0, 20), loader(0, 21) };

	for (unsigned i = 0; i < ARRAY_SIZE(task); i++) {
		if (!EXPECT(t, task[i], "memory for a process"))
			return;
		task[i]->process->quiet = true;
		task_pin(task_of(task[i]), cpu);
		process_start(task[i], process_next_pid());
	}
	for (unsigned i = 0; i < ARRAY_SIZE(task); i++)
		EXPECT_EQ(t, process_wait_for(task[i]), i < 2 ? 0 : WAIT_STATUS(0, SIGSEGV),
			  i < 2 ? "who has the entry" : "who has not");
}

static void turns(struct selftest *t)
{
	for (unsigned i = 0; i < MIN(4, cpumask_count(&cpus_online)); i++)
		turns_on(t, online_cpu(i));
	expect_empty(t, "an entry of the GDT, when all have gone");
}

/* The entry goes while a task that has it in its registers does not run. */
static void gone(struct selftest *t)
{
	struct thread *task = loader(7, 1);

	if (!EXPECT(t, task, "memory for a process"))
		return;
	task->user.ds = task->user.es = task->user.fs = task->user.gs = SELECTOR(14);
	EXPECT_EQ(t, programs_run(task, online_cpu(0)), 0,
		  "it begins with selectors that lead nowhere, as null");
	task = loader(7, 1);
	if (!EXPECT(t, task, "memory for a process"))
		return;
	task->user.ds = SEL_KERNEL_DS;
	task->user.es = SEL_TSS;
	task->user.fs = 0xfffb;
	task->user.gs = SEL_LDT | SEL_TI | 3;
	EXPECT_EQ(t, programs_run(task, online_cpu(0)), 0, "or to what is the kernel's");
}

static const struct selftest_case cases[] = {
	{ "set_thread_area refuses what Linux refuses", errors },
	{ "set_thread_area sets, chooses and clears entries", sets },
	{ "registers that hold the selector follow the descriptor", refreshed },
	{ "each task finds its own entries, and none that another left", turns },
	{ "a task whose selectors lead nowhere gets null ones", gone },
};
SELFTEST_SUITE(tls, cases);
