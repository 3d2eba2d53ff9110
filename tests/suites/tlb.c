/*
 * TLB shootdown.  A kernel page of our own is moved from frame to frame, or
 * loses its rights, while every other CPU reads it: what tlb_flush_range() has
 * returned for, nobody may see any more.  And processes that map, tighten and
 * unmap memory while they are sent from CPU to CPU.
 *
 * The page lies in slot 402 far behind all stacks and devices, in tables of its
 * own, which are freed again.
 */
#include "arch/cpu.h"
#include "arch/machine/clock.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/kernel_map.h"
#include "mm/pti.h"
#include "mm/space/uaccess.h"
#include "mm/tlb.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"

#define PAGES 40 /* more than tlb_flush_local() drops one by one */
#define PAGE_VA (VMAP_END - (64ULL << 30))
#define MOVES 2000
#define MOVES_MIN 20
/* With many CPUs on few real ones a shootdown takes long; enough is enough. */
#define LOAD_NS (400 * NSEC_PER_MSEC)
#define REMAP_TURNS 300
#define REMAP_AT 0x10000000
#define MAX_PROCESSES 16
#define MAX_READERS 15

static phys_addr_t frame[2];
static pte_t *pte; /* of PAGE_VA, and PAGES - 1 behind it */

/* ---- The page -------------------------------------------------------------------- */

static bool map_page(struct selftest *t)
{
	int err = 0;

	for (unsigned i = 0; i < 2; i++)
		frame[i] = frame_alloc_zeroed();
	if (!EXPECT(t, frame[0] != NO_FRAME && frame[1] != NO_FRAME, "two frames"))
		return false;
	for (unsigned i = 0; i < PAGES && !err; i++)
		err = pt_map(pti_init_pgd, PAGE_VA + i * PAGE_SIZE, frame[0],
			     PROT_RW | kernel_map_global());
	pte = pt_entry(pti_init_pgd, PAGE_VA, 1, false);
	return EXPECT_EQ(t, err, 0, "the page is mapped");
}

static void unmap_page(void)
{
	phys_addr_t table[2];

	for (unsigned i = 0; i < PAGES; i++)
		pt_unmap(pti_init_pgd, PAGE_VA + i * PAGE_SIZE);
	for (unsigned level = 2; level <= 3; level++) {
		pte_t *entry = pt_entry(pti_init_pgd, PAGE_VA, level, false);

		table[level - 2] = *entry & PTE_ADDR_MASK;
		*entry = 0;
	}
	tlb_flush_range(&cpus_online, PAGE_VA, PAGE_VA + PAGES * PAGE_SIZE);
	for (unsigned i = 0; i < 2; i++) {
		frame_free(table[i]);
		frame_free(frame[i]);
	}
}

static void point_to(unsigned which, u64 rights)
{
	for (unsigned i = 0; i < PAGES; i++)
		pte[i] = rights ? frame[which] | rights | kernel_map_global() : 0;
}

static void flush_everywhere(unsigned pages)
{
	tlb_flush_range(&cpus_online, PAGE_VA, PAGE_VA + pages * PAGE_SIZE);
}

/* ---- Moving it under load --------------------------------------------------------- */

/*
 * The n-th move writes n into the frame that is next, and when its shootdown is
 * over sets `floor` to n: a CPU that reads `floor` first and then the page sees
 * at least that much, unless it uses the translation of before.
 */
static u64 floor_value, readers_up, readers_stop, reads, stale_reads;

static void reader(void *arg __unused)
{
	u64 n = 0, stale = 0;

	__atomic_fetch_add(&readers_up, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&readers_stop, __ATOMIC_ACQUIRE)) {
		u64 least = __atomic_load_n(&floor_value, __ATOMIC_ACQUIRE);

		stale += *(volatile u64 *)PAGE_VA < least;
		stale += *(volatile u64 *)(PAGE_VA + (PAGES - 1) * PAGE_SIZE) < least;
		n++;
	}
	__atomic_fetch_add(&stale_reads, stale, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&reads, n, __ATOMIC_SEQ_CST);
	task_exit(0);
}

static unsigned move_about(void)
{
	u64 deadline = clock_ns() + LOAD_NS;
	unsigned n = 0, most = rounds_of(MOVES);

	while (n < most && (n < MOVES_MIN || clock_ns() < deadline)) {
		unsigned which = ++n % 2;

		*(volatile u64 *)phys_to_virt(frame[which]) = n;
		point_to(which, PROT_RW);
		flush_everywhere(PAGES);
		__atomic_store_n(&floor_value, n, __ATOMIC_RELEASE);
	}
	return n;
}

static void moved(struct selftest *t)
{
	struct task *task[1 + MAX_READERS];
	unsigned cpus = MIN(cpumask_count(&cpus_online), 1 + MAX_READERS), started = 0, n;

	if (cpus == 1) {
		selftest_skip(t, "needs another CPU to look from");
		return;
	}
	if (!map_page(t))
		return;
	floor_value = readers_up = readers_stop = reads = stale_reads = 0;
	move_to_cpu(online_cpu(0));
	for (unsigned i = 1; i < cpus; i++) {
		task[i] = thread_run(t, reader, NULL, online_cpu(i));
		started += task[i] != NULL;
	}
	EXPECT(t, wait_for_value(&readers_up, started), "the readers are up");
	n = move_about();
	EXPECT_EQ(t, *(volatile u64 *)PAGE_VA, n, "what this CPU sees");
	__atomic_store_n(&readers_stop, 1, __ATOMIC_RELEASE);
	for (unsigned i = 1; i < cpus; i++)
		if (task[i])
			task_wait(task[i]);
	move_to_cpu(ANY_CPU);
	EXPECT(t, reads > 0, "the others have read");
	EXPECT_EQ(t, stale_reads, 0, "reads through the translation of before");
	selftest_note("%u moves under %lu reads by %u CPUs", n, reads, started);
	unmap_page();
}

/* ---- Rights ----------------------------------------------------------------------- */

struct tries {
	virt_addr_t va;
	u64 written, read; /* CPUs on which it did not fault */
};

static void try(void *arg)
{
	struct tries *tries = arg;
	u8 byte;

	if (probe_write(tries->va, 1) == 0)
		__atomic_fetch_add(&tries->written, 1, __ATOMIC_RELAXED);
	if (probe_read(tries->va, &byte) == 0)
		__atomic_fetch_add(&tries->read, 1, __ATOMIC_RELAXED);
}

static void expect_access(struct selftest *t, unsigned page, u64 writers, u64 readers)
{
	struct tries tries = { .va = PAGE_VA + page * PAGE_SIZE };

	seam_call_on_cpus(&cpus_online, try, &tries);
	EXPECT_EQ(t, tries.written, writers, "CPUs that can write");
	EXPECT_EQ(t, tries.read, readers, "CPUs that can read");
}

/* Once page by page, once as much as is flushed whole. */
static void rights(struct selftest *t)
{
	static const unsigned pages[] = { 1, PAGES };
	unsigned cpus = cpumask_count(&cpus_online);

	if (!map_page(t))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		unsigned last = pages[i] - 1;

		point_to(0, PROT_RW);
		flush_everywhere(pages[i]);
		expect_access(t, last, cpus, cpus);
		point_to(0, PROT_R);
		flush_everywhere(pages[i]);
		expect_access(t, last, 0, cpus);
		point_to(0, 0);
		flush_everywhere(pages[i]);
		expect_access(t, last, 0, 0);
	}
	unmap_page();
}

/* Global entries outlive a CR3 write; they may not outlive a flush. */
static void flush_all(struct selftest *t)
{
	u8 byte = 0;

	if (!map_page(t))
		return;
	*(u8 *)phys_to_virt(frame[0]) = 1;
	*(u8 *)phys_to_virt(frame[1]) = 2;
	for (unsigned i = 0; i < PAGES; i++)
		pte[i] |= PTE_G;
	interrupts_off();
	tlb_flush_all_local();
	EXPECT_EQ(t, probe_read(PAGE_VA, &byte), 0, "the page can be read");
	EXPECT_EQ(t, byte, 1, "the first frame");
	pte[0] = frame[1] | PROT_RW;
	tlb_flush_all_local();
	EXPECT_EQ(t, probe_read(PAGE_VA, &byte), 0, "the page can be read");
	EXPECT_EQ(t, byte, 2, "the second frame");
	EXPECT_EQ(t, !!(read_cr4() & CR4_PGE), cpu_features.pge, "CR4.PGE is as before");
	interrupts_on();
	unmap_page();
}

/* No test of ours: whether this machine would show a flush that is missing. */
static void without_flush(struct selftest *t)
{
	u8 before = 0, after = 0;

	if (!map_page(t))
		return;
	*(u8 *)phys_to_virt(frame[0]) = 1;
	*(u8 *)phys_to_virt(frame[1]) = 2;
	interrupts_off();
	probe_read(PAGE_VA, &before);
	point_to(1, PROT_RW);
	probe_read(PAGE_VA, &after);
	interrupts_on();
	selftest_note("a flush that is missing %s here", after == before ? "shows" :
		      "does not show");
	flush_everywhere(PAGES);
	EXPECT_EQ(t, probe_read(PAGE_VA, &after), 0, "the page can be read");
	EXPECT_EQ(t, after, 2, "what is seen after the flush");
	unmap_page();
}

/* ---- User memory ------------------------------------------------------------------- */

/* Sends them on, CPU after CPU, until one has ended. */
static unsigned send_about(struct thread *const task[], unsigned count)
{
	unsigned n = 0;

	while (__atomic_load_n(&task[0]->state, __ATOMIC_ACQUIRE) != TASK_ZOMBIE) {
		for (unsigned i = 0; i < count; i++)
			task_move(task_of(task[i]), online_cpu(n + i));
		n++;
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
	}
	return n;
}

static void remapped(struct selftest *t)
{
	struct thread *task[MAX_PROCESSES];
	unsigned count = MIN(2 * cpumask_count(&cpus_online), MAX_PROCESSES), moves;
	u64 refused = PROGRAM_CODE_BASE + (u64)(user_remap_refused - user_remap);
	u64 turns = rounds_of(REMAP_TURNS);

	for (unsigned i = 0; i < count; i++) {
		task[i] = user_new(t, USER_CODE(remap), REMAP_AT, online_cpu(i));
		if (!task[i])
			count = i;
		else
			user_set(task[i], USER_WORD(count), turns);
	}
	for (unsigned i = 0; i < count; i++)
		user_start(task[i]);
	moves = count ? send_about(task, count) : 0;
	for (unsigned i = 0; i < count; i++) {
		user_wait(task[i]);
		EXPECT_EQ(t, user_get(task[i], USER_WORD(turns)), turns, "turns");
		EXPECT_EQ(t, user_get(task[i], USER_WORD(errors)), 0, "wrong contents");
		EXPECT_EQ(t, thread_regs(task[i])->ip, refused, "where it ended");
		EXPECT_EQ(t, cpumask_count(&task[i]->process->mm->cpus), 0, "CPUs that have its PGD");
		EXPECT_EQ(t, process_wait_for(task[i]), WAIT_STATUS(0, SIGSEGV),
			  "a write to what mprotect took is refused");
	}
	selftest_note("%u processes, sent to the next CPU %u times", count, moves);
}

static const struct selftest_case cases[] = {
	{ "a page that moves is seen by all when the flush returns", moved },
	{ "a right that is taken back is gone on every CPU", rights },
	{ "a flush of everything drops global entries", flush_all },
	{ "a page that moves is seen after a flush here", without_flush },
	{ "user memory is remapped while processes change CPUs", remapped },
};
SELFTEST_SUITE(tlb, cases);
