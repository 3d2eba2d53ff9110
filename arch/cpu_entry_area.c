/*
 * The CPU entry areas.
 *
 * The problem.  While a user program runs, CR3 holds a PGD that shows almost
 * nothing of the kernel.  Yet the processor itself, on an interrupt, reads the
 * IDT, the GDT and the TSS, pushes a frame on a stack that the TSS names, and
 * fetches the first instruction of the stub; and SYSCALL fetches the
 * trampoline.  All of this must be mapped then, and none of it may tell where
 * anything else is.  So it is gathered here, at fixed addresses, a constant
 * stride apart, with nothing random and nothing secret in it.
 *
 * In slot 508, ascending (struct cpu_entry_area has the fields):
 *
 *   CEA_IDT          R    the IDT, one for all CPUs
 *   CEA_ENTRY_TEXT   R X  entry text, linked there
 *   cea(0)                CPU 0's area
 *   cea(1)                CPU 1's area ...
 *
 * and, in slot 509, which no user PGD shows, vault(cpu) = cea(cpu) +
 * CEA_TO_VAULT.
 *
 * Invariants: a frame that the area shows read-only has its only writable
 * address in the direct map; the trampoline's and entry text's frames have
 * none; every page stands in the ledger (mm/ledger.c), which the audit
 * compares with these tables.
 * Slot 508's PUD page is shared by all PGDs of all processes, kernel and user,
 * so one PTE is all there is to flip for LTR.  (With roots=cpu a user PGD shows one area:
 * mm/space/roots.c.)
 * Sources: "Prep code for better stack switching", LKML, November 2017; CVE-
 * 2023-0597 for what a fixed area must not hold.
 */
#include "arch/cpu_entry_area.h"
#include "arch/espfix.h"
#include "arch/stack_marks.h"
#include "entry/entry.h"
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/base/x86.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/kernel_map.h"
#include "mm/ledger.h"
#include "mm/pti.h"

/* What stands in for the GDT's pages behind the first. */
static const struct gdt_page zero_page __aligned(PAGE_SIZE);

/* The boot CPU's vault is in the image: GS needs it before there are frames. */
struct percpu boot_vault __aligned(PAGE_SIZE);

/* Every PGD has the shared part, so its pages may be global. */
static int map_shared(virt_addr_t at, phys_addr_t pa, u64 prot)
{
	return pt_map(pti_init_pgd, at, pa, prot | PTE_G);
}

static int map_page(const void *at, phys_addr_t pa, u64 prot)
{
	return pt_map(pti_init_pgd, (virt_addr_t)at, pa, prot | cea_global());
}

/* entry_text_lma and trampoline_lma are physical addresses (mm/image.h). */
void cea_map_shared(const void *idt_page)
{
	u64 text = ALIGN_UP((u64)trampoline_lma - (u64)entry_text_lma, PAGE_SIZE);
	int err = map_shared(CEA_IDT, image_to_phys(idt_page), PROT_R);

	for (u64 off = 0; !err && off < text; off += PAGE_SIZE)
		err = map_shared(CEA_ENTRY_TEXT + off, (u64)entry_text_lma + off, PROT_RX);
	if (err)
		panic("cea: cannot map the shared part: error %d", err);
}

void cea_set_cr3_noflush(bool pcid)
{
	u64 offset = entry_labels.cr3_noflush - CEA_ENTRY_TEXT;
	u64 *word = phys_to_virt((u64)entry_text_lma + offset);

	*word = pcid ? BIT(CR3_NOFLUSH_BIT) : 0;
}

/* Fresh zeroed frames at [at, at + pages). */
static int map_new(const void *at, unsigned pages, u64 prot)
{
	phys_addr_t pa = frame_alloc_contiguous(pages, NO_FRAME);

	for (unsigned i = 0; pa != NO_FRAME && i < pages; i++) {
		int err = map_page((const u8 *)at + i * PAGE_SIZE, pa + i * PAGE_SIZE, prot);

		if (err)
			return err;
	}
	return pa == NO_FRAME ? -ENOMEM : 0;
}

static int map_vault(unsigned cpu)
{
	phys_addr_t pa = cpu == 0 ? image_to_phys(&boot_vault) : frame_alloc_zeroed();

	if (pa == NO_FRAME)
		return -ENOMEM;
	return pt_map(pti_init_pgd, (virt_addr_t)VAULT_OF(cpu), pa, PROT_RW | kernel_map_global());
}

/* The frame of `alias` once more, at `at`. */
static int map_again(const void *at, const void *alias, u64 prot)
{
	return map_page(at, pt_translate(pti_init_pgd, (virt_addr_t)alias), prot);
}

/*
 * GDT and TSS lie at the two ends of one frame.  But where the table goes on behind its
 * first page, all of that page is descriptors, and the TSS has a frame of its own.
 */
static int map_gdt_and_tss(struct cpu_entry_area *area, unsigned gdt_pages)
{
	int err = map_new(&area->gdt[0], 1, PROT_R);

	for (unsigned i = 1; !err && i < gdt_pages; i++)
		err = map_page(&area->gdt[i], image_to_phys(&zero_page), PROT_R);
	if (err || gdt_pages > 1)
		return err ?: map_new(&area->tss_page, 1, PROT_R);
	return map_again(&area->tss_page, &area->gdt[0], PROT_R);
}

/*
 * A double fault is the end of whatever was on the entry stack, and its own stack at the
 * other end of that frame is left before any C runs.  Should it ever overflow, it meets
 * its guard page behind the entry stack's words: nothing else is lost.
 */
static int map_stacks(struct cpu_entry_area *area)
{
	int err = map_new(&area->entry_stack, 1, PROT_RW);

	if (!err)
		err = map_again(&area->ist[IST_DF - 1].stack, &area->entry_stack, PROT_RW);
	for (unsigned i = IST_NMI - 1; !err && i < NR_IST; i++)
		err = map_new(&area->ist[i].stack, 1, PROT_RW);
	return err;
}

/* STACK_PAINT is 0, but in the debug build, which sees by it how much is ever used. */
static void erase_ists(struct cpu_entry_area *area)
{
	for (unsigned i = 0; i < NR_IST; i++)
		memset((u8 *)(&area->ist[i].stack + 1) - IST_USED, STACK_PAINT, IST_USED);
}

int cea_map_cpu(unsigned cpu, unsigned gdt_pages)
{
	struct cpu_entry_area *area = cea(cpu);
	int err = map_gdt_and_tss(area, gdt_pages);

	if (!err)
		err = map_stacks(area);
	if (!err && ledger_trampoline)
		err = map_page(&area->trampoline, (u64)trampoline_lma, PROT_RX);
	if (!err)
		err = map_vault(cpu);
	if (err)
		return err;
	memset(&area->entry_stack, STACK_PAINT, ENTRY_STACK_SIZE);
	erase_ists(area);
	tss_fill(cea_tss_direct(cpu), area);
	gdt_fill(cea_gdt_direct(cpu), cpu, (virt_addr_t)area + CEA_TSS, TSS_LIMIT);
	return 0;
}

static void *direct_address(const void *alias)
{
	phys_addr_t pa = pt_translate(pti_init_pgd, (virt_addr_t)alias);

	ASSERT_OP(pa, !=, NO_FRAME);
	return phys_to_virt(pa);
}

struct gdt_page *cea_gdt_direct(unsigned cpu)
{
	return direct_address(&cea(cpu)->gdt[0]);
}

struct tss *cea_tss_direct(unsigned cpu)
{
	return (struct tss *)((u8 *)direct_address(&cea(cpu)->tss_page) + CEA_TSS_OFFSET);
}

static __attribute__((noinline)) void scrub_used(struct percpu *cpu, struct cpu_entry_area *area)
{
	memset(&area->entry_stack, STACK_PAINT, ENTRY_STACK_SIZE);
	memset(cpu->espfix_page, 0, ESPFIX_STACK_TOP_OFFSET);
	if (__atomic_exchange_n(&cpu->ist_used, false, __ATOMIC_SEQ_CST)) /* later ones stay */
		erase_ists(area);
}

/*
 * Only what was used.  Without a frame one word may be on the entry stack, SYSCALL's RSP.  A
 * frame there has flags, never 0; one on the ESPFIX stack SS of an LDT.  No word stays on an
 * IST page whose event was not in C first.
 */
void cea_scrub(struct percpu *cpu)
{
	u64 *top = (u64 *)cpu->entry_stack_top;

	stack_marks_note(cpu->cpu);
	top[-2] = STACK_PAINT_WORD; /* CEA_USER_RSP */
	if (unlikely(top[-3] != STACK_PAINT_WORD || cpu->ist_used ||
		     cpu->espfix_page[ESPFIX_STACK_TOP_OFFSET / sizeof(u64) - 1]))
		scrub_used(cpu, cea(cpu->cpu));
}

static bool is_empty(const void *page)
{
	const u64 *word = page;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(u64); i++)
		if (word[i] && word[i] != STACK_PAINT_WORD)
			return false;
	return true;
}

bool cea_is_scrubbed(unsigned cpu)
{
	const struct cpu_entry_area *area = cea(cpu);
	bool empty = is_empty(&area->entry_stack) && is_empty(VAULT_OF(cpu)->espfix_page);

	for (unsigned i = 0; i < NR_IST; i++)
		empty &= is_empty(&area->ist[i].stack);
	return empty;
}

unsigned cea_ist_of(unsigned cpu, virt_addr_t va)
{
	for (unsigned i = 0; i < NR_IST; i++)
		if (va - (virt_addr_t)&cea(cpu)->ist[i].stack < PAGE_SIZE)
			return i + 1;
	return 0;
}
