/*
 * The IDT: one for all CPUs, read-only at CEA_IDT, which is what IDTR holds.
 */
#ifndef ARCH_IDT_H
#define ARCH_IDT_H

#include "kernel/base/types.h"

/* A gate of 64-bit mode (SDM vol. 3, 6.14.1). */
struct idt_gate {
	u16 offset_low;
	u16 selector;
	u8 ist;
	u8 type; /* P, DPL, 0xe: 64-bit interrupt gate */
	u16 offset_middle;
	u32 offset_high;
	u32 reserved;
};

#define GATE_INTERRUPT 0x8e
#define GATE_INTERRUPT_USER 0xee

/* Fills the table; returns its page (in the image) for cea_map_shared(). */
const void *idt_init(void);

/* Loads IDTR with the alias.  Every CPU. */
void idt_load(void);

/* Makes a gate lead elsewhere; the other way round of idt_gate_offset(). */
void idt_gate_set_offset(struct idt_gate *gate, virt_addr_t to);

/* Where a gate leads, put together from its three parts. */
virt_addr_t idt_gate_offset(const struct idt_gate *gate);

#endif
