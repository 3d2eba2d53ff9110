/*
 * A guest's tables and segment registers, into this CPU and out of it.
 *
 * From lgdt() in guest_enter() to that in guest_leave() the processor has the guest's
 * tables.  In between are the way out to user mode, the guest, and the way in: nothing there
 * loads a segment register but from user mode, and gates lead to the kernel's selectors,
 * which either table has.  LTR is not done again.
 * Read next: kernel/guest/monitor.c.
 */
#include "arch/gdt.h"
#include "arch/state/insn.h"
#include "arch/state/ldt.h"
#include "arch/state/segment.h"
#include "kernel/base/percpu.h"
#include "kernel/guest/guest.h"

#define DATA_SEGMENTS (BIT(SEG_ES) | BIT(SEG_DS) | BIT(SEG_FS) | BIT(SEG_GS))

/* What the IRET will load CS or SS from. */
static u64 placed(struct guest *g, const struct guest_cached *c, u16 selector, u16 own)
{
	if (c->stale) {
		*guest_ours(g, g->gdt.base + own) = c->desc;
		return own | 3;
	}
	guest_first_load(g, selector);
	return selector;
}

static u64 taken_back(struct guest *g, struct guest_cached *c, u64 selector, u16 own)
{
	if (!c->stale)
		return selector;
	*guest_ours(g, g->gdt.base + own) = 0;
	if (selector == (own | 3U))
		return c->selector;
	c->stale = false; /* it has loaded another */
	return selector;
}

static void set_tss(struct guest *g, const struct percpu *cpu)
{
	const u64 *from = &cpu->gdt->entry[SEL_TSS / 8];
	u64 *to = guest_ours(g, g->gdt.base + SEL_TSS);

	to[0] = from[0];
	to[1] = from[1];
}

static void load_segments(const struct guest *g, unsigned which)
{
	if (which & BIT(SEG_DS))
		segment_load_ds(g->segment[SEG_DS]);
	if (which & BIT(SEG_ES))
		segment_load_es(g->segment[SEG_ES]);
	if (which & BIT(SEG_FS))
		segment_load_fs(g->segment[SEG_FS]);
	if (which & BIT(SEG_GS))
		segment_load_gs(g->segment[SEG_GS]);
}

void guest_enter(struct guest *g, struct pt_regs *regs)
{
	struct percpu *cpu = this_cpu();
	struct table_register gdtr = { (u16)(guest_gdt_bytes(g) - 1), g->gdt.base };
	u64 *ldt = &cpu->gdt->entry[SEL_LDT / 8];

	set_tss(g, cpu);
	regs->cs = placed(g, &g->cs, (u16)regs->cs, SEL_GUEST_CS);
	regs->ss = placed(g, &g->ss, (u16)regs->ss, SEL_GUEST_SS);
	sgdt(&g->alias);
	if (g->ldt.bytes) {
		gdt_set_system(ldt, g->ldt.base, g->ldt.bytes - 1, DESC_TYPE_LDT);
		lldt(SEL_LDT);
	}
	lgdt(&gdtr);
	if (g->cpu != cpu->cpu || g->switches != cpu->context_switches)
		g->to_load = DATA_SEGMENTS;
	load_segments(g, g->to_load);
	g->to_load = 0;
	g->do_trap = cpu->do_trap;
	cpu->do_trap = g->own_trap;
}

void guest_leave(struct guest *g, struct pt_regs *regs)
{
	struct percpu *cpu = this_cpu();

	cpu->do_trap = g->do_trap;
	lgdt(&g->alias);
	if (g->ldt.bytes)
		ldt_load(g->mm);
	g->segment[SEG_DS] = read_ds();
	g->segment[SEG_ES] = read_es();
	g->segment[SEG_FS] = read_fs();
	g->segment[SEG_GS] = read_gs();
	g->cpu = cpu->cpu;
	g->switches = cpu->context_switches;
	regs->cs = taken_back(g, &g->cs, regs->cs, SEL_GUEST_CS);
	regs->ss = taken_back(g, &g->ss, regs->ss, SEL_GUEST_SS);
}
