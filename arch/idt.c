/*
 * Fills and loads the IDT.  Every gate is an interrupt gate to a stub of entry
 * text (entry/interrupt.asm); #DF, NMI, #DB and #MC have IST stacks; INT3,
 * INTO and INT 0x80 alone may be raised from user mode.
 */
#include "arch/idt.h"
#include "entry/entry.h"
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"

static struct idt_gate idt[NR_VECTORS] __aligned(PAGE_SIZE);
static_assert(sizeof(idt) == PAGE_SIZE, "the IDT is one page");

static u8 ist_of(unsigned vector)
{
	switch (vector) {
	case VEC_DF: return IST_DF;
	case VEC_NMI: return IST_NMI;
	case VEC_DB: return IST_DB;
	case VEC_MC: return IST_MC;
	default: return 0;
	}
}

const void *idt_init(void)
{
	for (unsigned v = 0; v < NR_VECTORS; v++) {
		idt[v] = (struct idt_gate){
			.selector = SEL_KERNEL_CS,
			.ist = ist_of(v),
			.type = v == VEC_BP || v == VEC_OF || v == VEC_INT80 ? GATE_INTERRUPT_USER :
									       GATE_INTERRUPT,
		};
		idt_gate_set_offset(&idt[v], entry_labels.stubs + v * ENTRY_STUB_SIZE);
	}
	return idt;
}

void idt_load(void)
{
	struct table_register t = { sizeof(idt) - 1, CEA_IDT };

	lidt(&t);
}

void idt_gate_set_offset(struct idt_gate *gate, virt_addr_t to)
{
	gate->offset_low = (u16)to;
	gate->offset_middle = (u16)(to >> 16);
	gate->offset_high = (u32)(to >> 32);
}

virt_addr_t idt_gate_offset(const struct idt_gate *gate)
{
	return gate->offset_low | (u64)gate->offset_middle << 16 | (u64)gate->offset_high << 32;
}
