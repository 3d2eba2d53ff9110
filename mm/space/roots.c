/*
 * One root a CPU: roots=cpu, as in NetBSD and Xen.
 *
 * The problem.  With a pair for each process, which any CPU may load, a user PGD must
 * show the entry areas of all CPUs.  There it can be read what the processor has pushed
 * for the tasks of other CPUs: RIP, RSP, flags (P8 of mm/pti.c).  So here CR3 holds the
 * same pair for ever, the CPU's own, and a switch changes what is in it:
 *
 *                       kernel PGD of the root      user PGD of the root
 *   user half           copied at a switch, | NX    copied at a switch
 *   slot 507            the process's own           own tables: LDT, own ESPFIX stack
 *   slot 508            all areas                   own tables: own area, shared part
 *   all else            the kernel                  absent
 *
 * A process has one PGD frame, mm->pgd, which no CPU ever loads: its user half is what
 * the kernel PGD has of it.  mm->slots says which entries are present, and percpu.slots
 * which of them this CPU has, so that a switch touches no other.
 *
 * A new top-level entry reaches the CPUs that have the mm at once: whoever sets it does
 * so first and reads mm->cpus then; a CPU that loads the mm sets its bit there first and
 * copies then.  One of the two sees the other.  Taken back is an entry only when no CPU
 * has the mm any more.
 *
 * What is shown of this CPU alone is not global, for in the kernel PGD the others' pages
 * are beside it.  A system call's return address is in the trampoline alias of the CPU
 * that it came to; a task that goes on elsewhere gets that CPU's (kernel/task/sched.c).
 * Source: NetBSD, sys/arch/x86/x86/svs.c.
 * Read next: mm/tlb.c.
 */
#include "kernel/base/deferred.h"
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "mm/space/roots.h"

/* Entries of the PUD page of slot 507: the process's own, for its LDT and PTI stacks. */
#define OWN_ENTRIES (PT_INDEX(PTI_PLACE_BASE + PTI_PLACES_SIZE - 1, 3) + 1)
#define FIRST_ESPFIX PT_INDEX(ESPFIX_BASE, 3)

static pte_t *table_of(pte_t entry)
{
	return phys_to_virt(entry & PTE_ADDR_MASK);
}

/* ---- Making one -------------------------------------------------------------------- */

/* Slot 508 of the user PGD: the shared part's page table, and a copy of the area's. */
static int make_area(pte_t *user, unsigned cpu)
{
	virt_addr_t area = CEA_BASE + (u64)cpu * CEA_STRIDE;
	pte_t *shared = pt_entry(user, CEA_SHARED_BASE, 2, true);
	pte_t *own = pt_entry(user, area, 1, true);

	if (!shared || !own)
		return -ENOMEM;
	*shared = *pt_entry(pti_init_pgd, CEA_SHARED_BASE, 2, false);
	memcpy(own, pt_entry(pti_init_pgd, area, 1, false), CEA_STRIDE / PAGE_SIZE * sizeof(pte_t));
	VAULT_OF(cpu)->shown_area = own;
	return 0;
}

/* Slot 507: tables for the own ESPFIX stack.  The slot itself is set with an LDT. */
static int make_espfix(pte_t *user, unsigned cpu)
{
	virt_addr_t page = espfix_page(cpu);
	const pte_t *from = pt_entry(pti_init_pgd, page, 1, false);
	pte_t *to = pt_entry(user, page, 1, true), *pud, *pmd;

	if (!to)
		return -ENOMEM;
	pud = pt_entry(user, ALIGN_DOWN(page, ESPFIX_GROUP_SIZE), 3, false);
	pmd = table_of(*pud);
	for (unsigned i = 0; i < PT_ENTRIES; i += ESPFIX_STRIDE_PAGES)
		to[i] = from[i];
	for (unsigned i = 1; i < PT_ENTRIES; i++)
		pmd[i] = pmd[0] | PTE_ALIAS;
	for (unsigned i = 1; i < ESPFIX_GROUP_SIZE >> PT_SHIFT(3); i++)
		pud[i] = pud[0] | PTE_ALIAS;
	VAULT_OF(cpu)->shown_process = user[PGD_SLOT_PROCESS_ENTRY];
	VAULT_OF(cpu)->shown_espfix = pud[0];
	user[PGD_SLOT_PROCESS_ENTRY] = 0;
	return 0;
}

int roots_make_cpu(unsigned cpu)
{
	pte_t *user;

	if (!pti_roots_per_cpu)
		return 0;
	VAULT_OF(cpu)->root = pti_alloc_pair();
	if (!VAULT_OF(cpu)->root)
		return -ENOMEM;
	user = pti_user_pgd(VAULT_OF(cpu)->root);
	user[PGD_SLOT_CEA] = 0;
	return make_area(user, cpu) || make_espfix(user, cpu) ? -ENOMEM : 0;
}

/* ---- A process's --------------------------------------------------------------------- */

pte_t *roots_alloc(void)
{
	phys_addr_t pa;

	if (!pti_roots_per_cpu)
		return pti_alloc_pair();
	pa = frame_alloc_contiguous(2, NO_FRAME);
	if (pa == NO_FRAME)
		return NULL;
	frame_free(pa);
	return phys_to_virt(pa + PAGE_SIZE);
}

void roots_check_unused(pte_t *pgd)
{
	const unsigned end = PGD_FIRST_KERNEL_SLOT, own = PGD_SLOT_PROCESS_ENTRY;
	const pte_t *user = pti_enabled ? pti_user_pgd(pgd) : pgd;

	ASSERT_OP(pt_next_used_before(user, 0, end), ==, end);
	ASSERT_OP(pgd[own], ==, pti_roots_per_cpu ? 0 : pti_init_pgd[own]);
	ASSERT_OP(user[own], ==, pti_enabled ? 0 : pgd[own]);
}

void roots_free(pte_t *pgd)
{
	if (!pti_roots_per_cpu) {
		pti_free_pair(pgd);
		return;
	}
	for (unsigned slot = 0; slot < PT_ENTRIES; slot++)
		ASSERT_OP(pgd[slot], ==, 0);
	frame_free(virt_to_phys(pgd));
}

/* ---- Loading ------------------------------------------------------------------------ */

static void load_slots(struct percpu *cpu, const struct mm *mm, unsigned word)
{
	u64 now = mm ? __atomic_load_n(&mm->slots[word], __ATOMIC_SEQ_CST) : 0;
	u64 any = now | cpu->slots[word];

	for (; any; any &= any - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(any), slot = word * 64 + bit;

		pti_set_user_pgd(cpu->root, slot, now & BIT(bit) ? mm->pgd[slot] & ~PTE_NX : 0);
	}
	cpu->slots[word] = now;
}

/* If the process's own tables have the ESPFIX stacks: it has an LDT. */
static void show_espfix(const struct percpu *cpu, pte_t *own, bool shown)
{
	unsigned first = PT_INDEX(ALIGN_DOWN(espfix_page(cpu->cpu), ESPFIX_GROUP_SIZE), 3);

	if (!shown && !own[first])
		return;
	for (unsigned i = 0; i < ESPFIX_GROUP_SIZE >> PT_SHIFT(3); i++)
		own[first + i] = shown ? cpu->shown_espfix | (i ? PTE_ALIAS : 0) : 0;
}

/* The tables above the own ESPFIX stack stay; the process's are put beside them. */
static void load_process_entry(struct percpu *cpu, const struct mm *mm)
{
	pte_t entry = mm ? __atomic_load_n(&mm->pgd[PGD_SLOT_PROCESS_ENTRY], __ATOMIC_SEQ_CST) : 0;
	pte_t *own = table_of(cpu->shown_process);
	pte_t *user = pti_user_pgd(cpu->root);

	if (!entry && !user[PGD_SLOT_PROCESS_ENTRY])
		return;
	pti_set_process_entry(cpu->root, entry);
	user[PGD_SLOT_PROCESS_ENTRY] = entry ? cpu->shown_process : 0;
	for (unsigned i = 0; i < OWN_ENTRIES; i++)
		own[i] = entry ? table_of(entry)[i] : 0;
	show_espfix(cpu, own, entry && table_of(entry)[FIRST_ESPFIX]);
}

void roots_load(const struct mm *mm)
{
	struct percpu *cpu = this_cpu();

	for (unsigned word = 0; word < PTI_SLOT_WORDS; word++)
		load_slots(cpu, mm, word);
	load_process_entry(cpu, mm);
}

/* An entry that was absent is cached nowhere; only slot 507 is changed, not made. */
static void reload(void *arg)
{
	const struct mm *mm = arg;
	u64 flags = interrupts_save();

	if (this_cpu()->mm == mm)
		roots_load(mm);
	interrupts_restore(flags);
}

void roots_tell(struct mm *mm, unsigned slot)
{
	if (!pti_roots_per_cpu)
		return;
	if (slot < PGD_FIRST_KERNEL_SLOT)
		__atomic_fetch_or(&mm->slots[slot / 64], BIT(slot % 64), __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (cpumask_count(&mm->cpus)) /* not while it is made */
		seam_call_on_cpus(&mm->cpus, reload, mm);
}
