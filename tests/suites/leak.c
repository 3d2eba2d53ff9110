/*
 * The audit with an attacker's own means: tests/user/gate/leak.c, a program without
 * rights, reads what the loaded tables map by far returns, and compares it with the
 * ledger, which it is given here.  Needs an emulator with the flaw
 * (EMULATOR_FAR_RETURN); tests/leak/run.py reads from outside elsewhere.
 *
 * `selftest=leak -- all` has it read every page that can be there, byte by byte
 * (some ten seconds); else a sample.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/emulator.h"
#include "arch/stack_marks.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/start/args.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "mm/space/pti_stack.h"
#include "mm/tlb.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define MAX_WORDS 32
#define STACK_ROUNDS 4 /* looks at the stacks of a CPU with a task on it */

/* As tests/user/gate/leak/leak.h. */
enum { FOUND_EXTRA = 1, FOUND_MISSING = 2, FOUND_HIDDEN = 4, FOUND_AT_REST = 8,
       FOUND_POISON = 16 };
enum { PART_PAGES = 1, PART_CONTENTS = 2, PART_POISON = 4, PARTS = 7 };
#define POISON 0x5ec0de01

static char words[MAX_WORDS][64];
static const char *argv[MAX_WORDS + 1];
static unsigned argc;

static __printf_like(1, 2) void add_word(const char *fmt, ...)
{
	va_list args;

	ASSERT_OP(argc, <, MAX_WORDS);
	va_start(args, fmt);
	format_va(words[argc], sizeof(words[argc]), fmt, args);
	va_end(args);
	argv[argc] = words[argc];
	argv[++argc] = NULL;
}

static char kind_letter(const struct ledger_entry *e)
{
	switch (e->kind) {
	case LEDGER_GDT: return 'g';
	case LEDGER_IDT: return 'i';
	default: return e->prot == PROT_RW && e->at != CEA_DEBUG_STORE ? 's' : 'o';
	}
}

/* Optional pages count as far as the first CPU has them. */
static void add_row(const struct ledger_entry *e)
{
	static const char place[] = { [LEDGER_SHARED] = 's', [LEDGER_AREA] = 'a',
				      [LEDGER_ESPFIX] = 'e' };
	unsigned pages = 0;

	while (pages < ledger_pages(e) &&
	       (ledger_required(e) || pt_translate(pti_init_pgd, ledger_address(e, 0) +
						   pages * PAGE_SIZE) != NO_FRAME))
		pages++;
	if (pages)
		add_word("row=%c,%c,%lx,%u", place[e->place], kind_letter(e), e->at, pages);
}

/* The program has one thread, and that the first place. */
static void add_place(const struct ledger_entry *e)
{
	if (pti_deferred)
		add_word("row=s,%c,%lx,1", kind_letter(e), PTI_PLACE_BASE + e->at);
}

static bool all(void)
{
	for (const char *const *word = selftest_args->argv; *word; word++)
		if (strcmp(*word, "all") == 0)
			return true;
	return false;
}

static void make_words(int parts)
{
	u64 top = frame_stats().top;

	argc = 0;
	add_word("/bin/leak");
	if (all())
		add_word(parts == PARTS ? "-all" : "-stacks");
	add_word("parts=%d", parts);
	add_word("cpus=%u", cpumask_count(&cpus_online));
	add_word("rounds=%u", all() ? STACK_ROUNDS : rounds_of(STACK_ROUNDS));
	if (pti_roots_per_cpu) /* it runs on CPU 0 */
		add_word("areas=1");
	add_word("ram=%lx", top);
	add_word("paint=%x", STACK_PAINT);
	add_word("hidden=%lx,%lx", DIRECT_MAP_BASE, DIRECT_MAP_BASE + top);
	add_word("hidden=%lx,%lx", VMAP_BASE, VMAP_END);
	add_word("hidden=%lx,%lx", (u64)image_text_start, (u64)image_data_end);
	for (unsigned i = 0; i < ledger_size; i++)
		if (ledger[i].place == LEDGER_PLACES)
			add_place(&ledger[i]);
		else if (ledger[i].place != LEDGER_PROCESS &&
			 !(pti_enabled && ledger[i].place == LEDGER_ESPFIX))
			add_row(&ledger[i]);
}

/* What the program finds: its exit status, or -1. */
static int attack(struct selftest *t, int parts)
{
	static const char *const envp[] = { NULL };
	struct complaint why;
	struct thread *task;
	int status;

	make_words(parts);
	task = program_load(argv[0], argv, envp, &why);
	if (!EXPECT(t, task, "the program is loaded"))
		return -1;
	task->process->quiet = parts != PARTS;
	task_pin(task_of(task), 0);
	selftest_expected_begins("what /bin/leak has read");
	process_start(task, process_next_pid());
	status = process_wait_for(task);
	selftest_expected_ends();
	EXPECT_EQ(t, WAIT_SIGNAL(status), 0, "no signal ends it");
	return WAIT_CODE(status);
}

static bool cannot(struct selftest *t)
{
	if (!program_exists("/bin/leak"))
		selftest_skip(t, "no /bin/leak in the initramfs, or no initramfs");
	else if (!(emulator.faults & EMULATOR_FAR_RETURN))
		selftest_skip(t, "a far return asks for ring 3's rights here");
	return t->skip[0];
}

static void exactly_the_ledger(struct selftest *t)
{
	int found;

	if (cannot(t))
		return;
	found = attack(t, PARTS);
	if (pti_enabled)
		EXPECT_EQ(t, found, 0, "what it finds");
	else
		EXPECT(t, found & FOUND_EXTRA, "without the shadow it reads the kernel");
}

/* ---- What would be found ------------------------------------------------------------ */

static bool cannot_plant(struct selftest *t, bool needs_all)
{
	if (cannot(t))
		return true;
	if (!pti_enabled)
		selftest_skip(t, "everything is visible with pti=off");
	else if (needs_all && !all())
		selftest_skip(t, "takes long: selftest=leak -- all");
	return t->skip[0];
}

static void extra_page(struct selftest *t)
{
	virt_addr_t guard = (virt_addr_t)&cea(0)->guard_entry_stack;
	phys_addr_t pa;

	if (cannot_plant(t, false))
		return;
	pa = frame_alloc_zeroed();
	if (!EXPECT(t, pa != NO_FRAME && pt_map(pti_init_pgd, guard, pa, PROT_R) == 0,
		    "one page more"))
		return;
	if (pti_roots_per_cpu)
		VAULT_OF(0)->shown_area[CEA_ENTRY_STACK / PAGE_SIZE - 1] = pa | PROT_R;
	EXPECT_EQ(t, attack(t, PART_PAGES), FOUND_EXTRA, "what it finds");
	if (pti_roots_per_cpu)
		VAULT_OF(0)->shown_area[CEA_ENTRY_STACK / PAGE_SIZE - 1] = 0;
	pt_unmap(pti_init_pgd, guard);
	tlb_flush_range(&cpus_online, guard, guard + PAGE_SIZE);
	frame_free(pa);
}

/* In the page of a CPU's IST stack, below what is ever used and erased. */
static void plant(unsigned cpu, unsigned at, u64 word)
{
	u8 *page = phys_to_virt(pt_translate(pti_init_pgd,
					     (virt_addr_t)&cea(cpu)->ist[IST_MC - 1].stack));

	memcpy(page + at, &word, sizeof(word));
}

static void words_planted(struct selftest *t)
{
	bool others = cpumask_count(&cpus_online) > 1;

	if (cannot_plant(t, true))
		return;
	plant(0, 0x101, (u64)image_text_start + 0x123);
	if (others)
		plant(1, 0x234, 1);
	EXPECT_EQ(t, attack(t, PART_CONTENTS), others ? FOUND_HIDDEN | FOUND_AT_REST :
		  FOUND_HIDDEN, "an address of the image; a bit on a stack at rest");
	plant(0, 0x101, 0);
	if (others)
		plant(1, 0x234, 0);
}

static void poison_planted(struct selftest *t)
{
	unsigned cpu = cpumask_count(&cpus_online) > 1;

	if (cannot_plant(t, true))
		return;
	plant(cpu, 0x204, POISON);
	EXPECT_EQ(t, attack(t, PART_POISON) & FOUND_POISON, FOUND_POISON, "what it finds");
	plant(cpu, 0x204, 0);
}

static const struct selftest_case cases[] = {
	{ "an unprivileged program reads the ledger's pages, nothing in them, and no other",
	  exactly_the_ledger },
	{ "it finds a page that is not in the ledger", extra_page },
	{ "it finds a hidden address, and a byte on a stack at rest", words_planted },
	{ "it finds a word of another task", poison_planted },
};
SELFTEST_SUITE(leak, cases);
