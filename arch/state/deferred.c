/*
 * The deferred switch's part of the tables: with pti=deferred the IDT, the TSS and the MSRs
 * lead to entry/deferred/ instead of to entry/interrupt.asm and the trampoline's first
 * entries.  No path of pti=on or pti=off asks which it is.
 */
#include "arch/cpu_entry_area.h"
#include "arch/idt.h"
#include "arch/state/deferred.h"
#include "entry/deferred/deferred.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/ledger.h"
#include "mm/pti.h"

static struct deferred_machine *machine_page;

struct deferred_machine *deferred_machine_page(void)
{
	return machine_page;
}

static void show(virt_addr_t va, phys_addr_t pa, unsigned pages, u64 prot)
{
	for (unsigned i = 0; i < pages; i++)
		if (pt_map(pti_init_pgd, va + i * PAGE_SIZE, pa + i * PAGE_SIZE, prot | PTE_G))
			panic("deferred: no memory for the tables of slot 508");
}

static void set_gates(struct idt_gate *idt)
{
	for (unsigned v = 0; v < NR_VECTORS; v++)
		if (!idt[v].ist)
			idt_gate_set_offset(&idt[v], deferred_labels.stubs + v * ENTRY_STUB_SIZE);
}

void deferred_map_shared(void)
{
	phys_addr_t pa = frame_alloc_zeroed();

	if (pa == NO_FRAME)
		panic("deferred: no memory for the machine's page");
	machine_page = phys_to_virt(pa);
	show(CEA_DEFERRED_TEXT, (u64)deferred_text_lma, CEA_DEFERRED_TEXT_PAGES, PROT_RX);
	show(CEA_DEFERRED_RODATA, (u64)deferred_rodata_lma, CEA_DEFERRED_RODATA_PAGES, PROT_R);
	show(CEA_DEFERRED_DATA, pa, 1, PROT_R);
	set_gates(phys_to_virt(pt_translate(pti_init_pgd, CEA_IDT)));
}

void deferred_init_cpu(unsigned cpu)
{
	struct tss *tss = cea_tss_direct(cpu);
	u64 alias = (u64)cpu * CEA_STRIDE;

	tss->sp[1] = deferred_labels.syscall;
	tss->sp[2] = deferred_labels.syscall32;
	VAULT_OF(cpu)->tss = tss;
	wrmsr(MSR_LSTAR, deferred_labels.syscall_in + alias);
	wrmsr(MSR_CSTAR, deferred_labels.syscall32_in + alias);
	wrmsr(MSR_SYSENTER_ESP, (u64)cea(cpu) + CEA_TSS + TSS_SP0);
	wrmsr(MSR_SYSENTER_EIP, deferred_labels.sysenter);
}

void deferred_load(const struct pti_stack *s, u64 kernel_stack_top)
{
	struct percpu *cpu = this_cpu();

	cpu->kernel_stack = kernel_stack_top - 8;
	if (!s->page) {
		cpu->tss->sp[0] = cpu->entry_stack_top;
		return;
	}
	cpu->task_stack = pti_stack_top(s);
	cpu->pti_delta = (u64)s->page - s->at;
	cpu->tss->sp[0] = pti_stack_top(s);
	deferred_facts_of(s)->cpu = cpu->cpu;
}
