/*
 * P8: after a return to user mode, the pages that user PGDs show hold no value
 * of another task.
 *
 * Processes that share a CPU run with registers full of a word that names them
 * (residue.asm) and enter by SYSCALL, INT 0x80, page faults, SYSENTER, signals, a
 * single step, interrupts and NMIs, from 32-bit code and with a 16-bit stack too.
 * An interrupt looks, through the user PGD of the process that it interrupted, at
 * every page that the ledger gives any CPU, at every offset, for the word of a
 * process that is not the current one; and, less often, for hidden addresses (P7).
 * While ordinary programs run, a kernel thread on their CPU does the same: it sees
 * the stacks empty whenever it gets the CPU.
 *
 * Another CPU's pages are looked at while it runs.  A paranoid entry has registers
 * on its IST page until it has copied them, which is not what P8 forbids: so a word
 * there counts if it is seen again and again while the processes of that CPU go on
 * in user mode.
 */
#include "arch/cpu_entry_area.h"
#include "arch/espfix.h"
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "arch/state/ldt.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/frames/frame.h"
#include "mm/leakscan.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

extern const u8 residue_program[], residue_program_end[];

extern const u8 residue_handler[], residue_restorer[], residue_compat[];

static_assert(PROGRAM_CODE_BASE == 0x400000, "residue.asm has this address");
static_assert(PROGRAM_DATA_BASE == 0x600000, "and this");
static_assert(PROGRAM_DATA_SIZE == 0x10000, "and its end");

#define ALT_STACK_SIZE 0x4000 /* the data area's end; the pages before it are touched */

/* The data area's first words. */
struct residue_words {
	u64 stop, turns, next_page, poison;
	u64 poison_sp, progress;
	struct signal_action action;
	struct {
		u64 sp, flags, size;
	} alt_stack;
	u64 saved_sp;
	u32 compat_ip;
	u16 compat_cs;
};
static_assert(offsetof(struct residue_words, compat_ip) == 112, "as residue.asm has it");

/* In each half of the word; the low byte is the name.  Four bytes of it before the
 * sign of a vector that was pushed must be no address of the image. */
#define POISON 0x7ec0de00u
#define POISON_SP 0x1eaf0000u /* RSP's, which may be seen */
#define PER_CPU 3
#define MOST_CPUS 4
#define LOOKS 60           /* at each CPU */
#define FEWEST_LOOKS 16
#define LEAK_SCAN_EVERY 16 /* of them */
#define PAUSE_NS (NSEC_PER_MSEC / 5)
#define MOMENTS 8          /* at which a word must be there to have stayed */
#define MOST_PAUSES 2000000
#define STACK_SEGMENT_16 0x0000f3000000ffff /* read, write, ring 3, 64 KiB */

static struct thread *poisoned[PER_CPU * MOST_CPUS];
static const volatile u64 *progress_of[PER_CPU * MOST_CPUS];

/* What the scans found; several CPUs write it. */
static struct {
	u64 scans, in_process, foreign, leaks, passing;
	u64 at, word; /* of the last find */
} seen;

static void found(u64 *count, virt_addr_t at, u64 word)
{
	__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	seen.at = at;
	seen.word = word;
}

/* Which process's word begins at p: its number, or -1. */
static int poison_at(const u8 *p)
{
	u32 word;

	memcpy(&word, p, sizeof(word));
	return (word & ~0xffu) == POISON ? (int)(word & 0xff) : -1;
}

/* Offset of the first poison that is not `own`, or -1. */
static long scan_page(const void *frame, int own)
{
	const u8 *page = frame;
	const u64 *word = frame;

	for (unsigned i = 0; i < PAGE_SIZE / 8; i++) {
		if (!word[i] || !~word[i])
			continue; /* what begins before has its own look */
		for (long at = MAX((long)i * 8 - 3, 0); at < i * 8L + 8; at++) {
			int name = at <= PAGE_SIZE - 4 ? poison_at(page + at) : -1;

			if (name >= 0 && name != own)
				return at;
		}
	}
	return -1;
}

static int name_of(const struct thread *task)
{
	for (unsigned i = 0; i < ARRAY_SIZE(poisoned); i++)
		if (task && poisoned[i] == task)
			return (int)i;
	return -1;
}

/* The PGD that a task has in user mode. */
static pte_t *shown_by(const struct thread *task)
{
	if (task && pti_roots_per_cpu)
		return pti_user_pgd(this_cpu()->root);
	return task && pti_enabled ? pti_user_pgd(task->process->mm->pgd) :
	       pti_init_pgd;
}

static bool runs_on(unsigned name, unsigned cpu)
{
	return poisoned[name] && online_cpu(name / PER_CPU) == cpu;
}

/* How far the processes of a CPU have come in user mode. */
static u64 progress_on(unsigned cpu)
{
	u64 sum = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(poisoned); i++)
		if (runs_on(i, cpu))
			sum += *progress_of[i];
	return sum;
}

/* An IST page of another CPU, while our processes run there; else each word counts. */
static bool may_pass(unsigned cpu, virt_addr_t va)
{
	bool runs = false;

	for (unsigned i = 0; i < ARRAY_SIZE(poisoned); i++)
		runs |= runs_on(i, cpu);
	return runs && cpu != this_cpu()->cpu && cea_ist_of(cpu, va);
}

/* Waits until they have gone on.  False: they do not, they may wait for this CPU. */
static bool goes_on(unsigned cpu)
{
	u64 before = progress_on(cpu);

	for (unsigned i = 0; i < MOST_PAUSES; i++) {
		if (progress_on(cpu) - before >= 2)
			return true;
		cpu_relax();
	}
	return false;
}

/* Of another CPU's page: is there a word at all these moments? */
static bool stays(unsigned cpu, const u8 *page, int own)
{
	for (unsigned i = 0; i < MOMENTS && !seen.foreign; i++)
		if (!goes_on(cpu) || scan_page(page, own) < 0)
			return false;
	return true;
}

/* cpu: whose page it is, NR_CPUS: everybody's. */
static void look_at_page(virt_addr_t va, const struct ledger_entry *e, unsigned cpu, int own,
			 bool leaks)
{
	phys_addr_t pa = pt_translate(shown_by(thread_of(current_task())), va);
	const u8 *page;
	u64 value = 0;
	u32 word;
	long at;

	if (pa == NO_FRAME)
		return;
	page = phys_to_virt(pa);
	at = scan_page(page, own);
	if (at >= 0 && may_pass(cpu, va) && !stays(cpu, page, own)) {
		__atomic_fetch_add(&seen.passing, 1, __ATOMIC_RELAXED);
		at = -1;
	}
	if (at >= 0) {
		memcpy(&word, page + at, sizeof(word));
		found(&seen.foreign, va + (u64)at, word);
	}
	at = leaks ? leakscan_page(page, e->kind, &value) : -1;
	if (at >= 0)
		found(&seen.leaks, va + (u64)at, value);
}

/* Everything that the ledger gives one CPU, and what all share. */
static void look_at_cpu(unsigned cpu, int own, bool leaks)
{
	/* Others' words come and go: addresses are looked for on this CPU's pages. */
	leaks &= cpu == this_cpu()->cpu;
	for (unsigned i = 0; i < ledger_size; i++) {
		const struct ledger_entry *e = &ledger[i];

		if (e->place == LEDGER_PROCESS || (e->place == LEDGER_SHARED && !leaks))
			continue;
		for (unsigned page = 0; page < ledger_pages(e); page++)
			look_at_page(ledger_address(e, cpu) + page * PAGE_SIZE, e,
				     ledger_per_cpu(e) ? cpu : NR_CPUS, own, leaks);
	}
	__atomic_fetch_add(&seen.scans, 1, __ATOMIC_RELAXED);
}

/* In an interrupt, through the tables of what it interrupted: all CPUs' areas. */
static void look(void *leaks)
{
	int own = name_of(thread_of(current_task()));

	stretch_ignore(); /* each page of each CPU, before anybody else runs here */
	if (own >= 0)
		__atomic_fetch_add(&seen.in_process, 1, __ATOMIC_RELAXED);
	for_each_cpu(cpu, &cpus_online)
		look_at_cpu(cpu, own, leaks);
}

static bool is_nmi(struct pt_regs *regs)
{
	return (regs->vector & 0xff) == VEC_NMI;
}

static void expect_none(struct selftest *t)
{
	if (!EXPECT_EQ(t, seen.foreign, 0, "words of another task") ||
	    !EXPECT_EQ(t, seen.leaks, 0, "hidden addresses"))
		selftest_note("the last at %#lx: %#lx", seen.at, seen.word);
}

/* ---- Processes with poison ------------------------------------------------------- */

/* Where the process has a label of residue.asm. */
static virt_addr_t in_code(const u8 *label)
{
	return PROGRAM_CODE_BASE + (u64)(label - residue_program);
}

static struct thread *start_poisoned(struct selftest *t, unsigned name, unsigned cpu)
{
	u64 word = POISON + name;
	struct residue_words words = {
		.next_page = PROGRAM_DATA_BASE + PAGE_SIZE,
		.poison = word << 32 | word,
		.poison_sp = (u64)POISON_SP << 32 | POISON_SP,
		.action = { in_code(residue_handler), SA_SIGINFO | SA_ONSTACK | SA_RESTORER,
			    in_code(residue_restorer), 0 },
		.alt_stack = { PROGRAM_DATA_BASE + PROGRAM_DATA_SIZE - ALT_STACK_SIZE, 0,
			       ALT_STACK_SIZE },
		.compat_ip = (u32)in_code(residue_compat),
		.compat_cs = SEL_USER32_CS,
	};
	struct thread *task = program_from_code(
		"residue", residue_program,
		(size_t)(residue_program_end - residue_program), 0);

	if (!EXPECT(t, task, "memory for a process"))
		return NULL;
	task_pin(task_of(task), cpu);
	task->process->quiet = true;
	mm_write(task->process->mm, PROGRAM_DATA_BASE, &words, sizeof(words));
	progress_of[name] = phys_to_virt(pt_translate(task->process->mm->pgd, PROGRAM_DATA_BASE) +
					 offsetof(struct residue_words, progress));
	EXPECT_EQ(t, ldt_write(task->process->mm, 0, STACK_SEGMENT_16), 0, "an LDT");
	process_start(task, process_next_pid());
	return task;
}

#define LAST_PAGE (PROGRAM_DATA_BASE + PROGRAM_DATA_SIZE - ALT_STACK_SIZE - PAGE_SIZE)

/* However few looks there were: until it has come round, and touched all its pages. */
static void wait_for_pages(struct thread *task, struct residue_words *words)
{
	u64 end = clock_ns() + 30 * NSEC_PER_SEC;

	do {
		sched_sleep_until(clock_ns() + PAUSE_NS);
		mm_read(task->process->mm, PROGRAM_DATA_BASE, words, sizeof(*words));
	} while ((words->next_page < LAST_PAGE || words->turns == 0) && clock_ns() < end);
}

static void end_poisoned(struct selftest *t, struct thread *task)
{
	struct residue_words words;
	u64 one = 1;
	int status;

	wait_for_pages(task, &words);
	mm_write(task->process->mm, PROGRAM_DATA_BASE, &one, sizeof(one));
	user_wait(task);
	mm_read(task->process->mm, PROGRAM_DATA_BASE, &words, sizeof(words));
	EXPECT(t, words.turns > 0, "it came round, more than once");
	EXPECT_EQ(t, words.next_page, LAST_PAGE, "all its pages were touched");
	status = process_wait_for(task);
	EXPECT(t, status == WAIT_STATUS(0, SIGSEGV) || status == WAIT_STATUS(0, SIGILL),
	       "SYSENTER was its end");
}

/* tests/inject/visible.py stops here, asks for more looks, and then stops at random. */
extern volatile u64 residue_looks;
volatile u64 residue_looks = LOOKS;
void residue_poison_runs(void);
__attribute__((noinline)) void residue_poison_runs(void)
{
	__asm__ volatile("");
}

static void no_word_of_another(struct selftest *t)
{
	unsigned cpus = MIN(MOST_CPUS, cpumask_count(&cpus_online));
	u64 looks;

	memset(&seen, 0, sizeof(seen));
	trap_paranoid_hook = is_nmi;
	for (unsigned i = 0; i < PER_CPU * cpus; i++)
		poisoned[i] = start_poisoned(t, i, online_cpu(i / PER_CPU));
	residue_poison_runs();
	looks = residue_looks == LOOKS ? MAX(FEWEST_LOOKS, rounds_of(LOOKS)) : residue_looks;
	for (u64 i = 0; i < looks; i++) {
		sched_sleep_until(clock_ns() + PAUSE_NS);
		for (unsigned n = 0; n < cpus; n++) {
			smp_send_nmi(online_cpu(n));
			call_on_cpu(online_cpu(n), look, i % LEAK_SCAN_EVERY ? NULL : t);
		}
	}
	for (unsigned i = 0; i < PER_CPU * cpus; i++)
		if (poisoned[i])
			end_poisoned(t, poisoned[i]);
	memset(poisoned, 0, sizeof(poisoned));
	for (unsigned n = 0; n < cpus; n++)
		call_on_cpu(online_cpu(n), look, t);
	trap_paranoid_hook = NULL;
	expect_none(t);
	/* On the only CPU it is this thread that looks, right behind each of them. */
	EXPECT(t, seen.in_process > 0 || cpus == 1, "some looks were while one of them ran");
	selftest_note("%lu scans of a CPU's pages, %lu looks while such a process ran, %lu words "
		      "passing by", seen.scans, seen.in_process, seen.passing);
}

/* ---- Ordinary programs ------------------------------------------------------------ */

static volatile bool programs_done;
static u64 dirty;

/* A kernel thread, on the CPU of the programs. */
static void watch(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !programs_done; i++) {
		unsigned cpu = this_cpu()->cpu;
		u64 start = clock_ns(), end;

		dirty += !cea_is_scrubbed(cpu);
		look_at_cpu(cpu, -1, i % LEAK_SCAN_EVERY == 0);
		end = clock_ns(); /* the programs have most of the CPU */
		sched_sleep_until(end + MAX(5 * PAUSE_NS, 4 * (end - start)));
	}
	task_exit(0);
}

static void under_programs(struct selftest *t)
{
	static const char *const paths[] = { "/bin/abi", "/bin/ldt", "/bin/signals",
					     "/bin/int80", "/bin/ia32" };
	static const char *const envp[] = { NULL };
	unsigned cpu = online_cpu(1);
	struct task *watcher;

	memset(&seen, 0, sizeof(seen));
	dirty = 0;
	programs_done = false;
	watcher = thread_run(t, watch, NULL, cpu);
	for (unsigned i = 0; i < ARRAY_SIZE(paths) && program_exists(paths[i]); i++) {
		const char *argv[] = { paths[i], "-q", NULL };
		struct complaint why;
		struct thread *task = program_load(paths[i], argv, envp, &why);

		if (!EXPECT(t, task, "the program is loaded"))
			break;
		task->process->quiet = true;
		task_pin(task_of(task), cpu);
		process_start(task, process_next_pid());
		EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
	}
	programs_done = true;
	if (watcher)
		task_wait(watcher);
	EXPECT_EQ(t, dirty, 0, "looks that saw a word on a stack");
	expect_none(t);
	selftest_note("%lu scans", seen.scans);
}

/* ---- What would be found ------------------------------------------------------------ */

/* On how many pages of that CPU is the frame at `pa`: GDT and TSS share one. */
static unsigned pages_of_frame(unsigned cpu, phys_addr_t pa)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ledger_size; i++)
		for (unsigned page = 0; ledger_per_cpu(&ledger[i]) && page < ledger_pages(&ledger[i]);
		     page++)
			n += pt_translate(pti_init_pgd, ledger_address(&ledger[i], cpu) +
					  page * PAGE_SIZE) == pa;
	return n;
}

/* One byte string in one page, through the frame's own address. */
static void plant(struct selftest *t, virt_addr_t va, unsigned offset, const char *name)
{
	phys_addr_t pa = pt_translate(pti_init_pgd, va);
	u8 *page = phys_to_virt(pa), old[8];
	u64 word = POISON + 1;

	word |= word << 32;
	memset(&seen, 0, sizeof(seen));
	interrupts_off(); /* else a process that ends would have it scrubbed */
	stretch_ignore(); /* each page of each CPU is looked at meanwhile */
	memcpy(old, page + offset, 8);
	memcpy(page + offset, &word, 8);
	look_at_cpu(online_cpu(0), -1, false);
	memcpy(page + offset, old, 8);
	interrupts_on();
	if (!EXPECT_EQ(t, seen.foreign, pages_of_frame(online_cpu(0), pa), "finds"))
		selftest_note("planted in %s", name);
	EXPECT_EQ(t, pt_translate(pti_init_pgd, seen.at), pa + offset, "its place");
	EXPECT_EQ(t, seen.word, (u32)word, "half of the word");
}

static void planted(struct selftest *t)
{
	unsigned pages = 0;

	for (unsigned i = 0; i < ledger_size; i++) {
		const struct ledger_entry *e = &ledger[i];
		unsigned last = ledger_pages(e) - 1;
		virt_addr_t va = ledger_address(e, online_cpu(0)) + last * PAGE_SIZE;

		if (!ledger_per_cpu(e) || pt_translate(pti_init_pgd, va) == NO_FRAME ||
		    (e->optional && e->place != LEDGER_ESPFIX) || e->prot == PROT_RX)
			continue;
		plant(t, va, 0xf00 + i % 8, e->name);
		plant(t, va, PAGE_SIZE - 8, e->name);
		pages++;
	}
	selftest_note("planted in %u pages", pages);
	EXPECT(t, pages >= 8, "GDT, TSS, entry, IST and ESPFIX stacks");
	memset(&seen, 0, sizeof(seen));
	look_at_cpu(online_cpu(0), -1, true);
	expect_none(t);
}

static void scrubbed(struct selftest *t)
{
	unsigned cpu = online_cpu(0);
	struct cpu_entry_area *area = cea(cpu);
	void *const stacks[] = { &area->entry_stack, &area->ist[0].stack,
				 &area->ist[NR_IST - 1].stack, (void *)espfix_page(cpu) };

	EXPECT(t, cea_is_scrubbed(cpu), "nothing is on them now");
	for (unsigned i = 0; i < ARRAY_SIZE(stacks); i++) {
		u64 *end = (u64 *)stacks[i] + PAGE_SIZE / 8;

		end[-1] = 1;
		EXPECT(t, !cea_is_scrubbed(cpu), "one word at the end of a stack's page");
		end[-1] = 0;
	}
	EXPECT(t, cea_is_scrubbed(cpu), "undone");
}

static const struct selftest_case cases[] = {
	{ "P8: a word of another task is found in each page, at any offset", planted },
	{ "P8: one word on an entry stack is found", scrubbed },
	{ "P8: processes that share a CPU leave no word of theirs", no_word_of_another },
	{ "P7, P8: ordinary programs leave nothing, while they run", under_programs },
};
SELFTEST_SUITE(residue, cases);
