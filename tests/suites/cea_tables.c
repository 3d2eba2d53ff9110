/*
 * What the hardware's tables in the entry areas say, read where the hardware
 * reads it: TSS and IDT through their aliases, by the addresses that TR, GDTR
 * and IDTR hold on each CPU; and where the SYSCALL MSRs lead.
 */
#include "arch/cpu_entry_area.h"
#include "arch/gdt.h"
#include "arch/idt.h"
#include "entry/deferred/deferred.h"
#include "entry/entry.h"
#include "entry/shared/shared.h"
#include "kernel/base/percpu.h"
#include "kernel/start/args.h"
#include "kernel/start/selftest.h"
#include "kernel/task/task.h"
#include "mm/pti.h"
#include "mm/tlb.h"
#include "tests/suites/cpus.h"

/* ---- The TSS ------------------------------------------------------------------------ */

/* The TSS that TR and the GDT name on that CPU. */
static const struct tss *tss_of(unsigned cpu, u32 *limit)
{
	const u64 *desc = (const u64 *)(cpu_state[cpu].gdtr.base + cpu_state[cpu].tr);

	*limit = (u32)((desc[0] & 0xffff) | (desc[0] >> 48 & 0xf) << 16);
	return (const struct tss *)gdt_system_base(desc);
}

static void tss_descriptor(struct selftest *t)
{
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		const u64 *desc = (const u64 *)(cpu_state[cpu].gdtr.base +
						cpu_state[cpu].tr);
		u32 limit;

		EXPECT_EQ(t, tss_of(cpu, &limit), (u64)cea(cpu) + 0x12f98, "base: the own alias");
		EXPECT_EQ(t, limit, 104 + 8192 + 1 - 1,
			  "limit: up to the byte behind the bitmap");
		EXPECT_EQ(t, DESC_TYPE(desc[0]), DESC_TYPE_TSS_BUSY, "type: busy TSS");
		EXPECT_EQ(t, desc[0] >> 45 & 3, 0, "DPL");
		EXPECT_EQ(t, desc[0] >> 47 & 1, 1, "present");
		EXPECT_EQ(t, desc[0] >> 55 & 1, 0, "granularity: bytes");
		EXPECT_EQ(t, desc[1] >> 32, 0, "reserved bits");
	}
}

static void tss_stacks(struct selftest *t)
{
	u32 limit;

	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		const struct tss *tss = tss_of(cpu, &limit);
		u64 area = (u64)cea(cpu);

		/* A kernel thread runs there; a program's sp0 is its PTI stack. */
		if (!pti_deferred || !VAULT_OF(cpu)->current->user.pti.page)
			EXPECT_EQ(t, tss->sp[0], area + 0x11000 + 192,
				  "sp0: behind 192 bytes of the own entry stack");
		EXPECT_EQ(t, tss->sp[1], pti_deferred ? deferred_labels.syscall : 0,
			  "ring 1 has no stack");
		EXPECT_EQ(t, tss->sp[2], pti_deferred ? deferred_labels.syscall32 : 0,
			  "ring 2 has no stack");
		for (unsigned i = 0; i < 4; i++)
			EXPECT_EQ(t, tss->ist[i], area + 0x18000 + i * 0x2000,
				  "IST: the end of its page in the own area");
		EXPECT_EQ(t, tss->ist[4] | tss->ist[5] | tss->ist[6], 0,
			  "other ISTs are not used");
		EXPECT_EQ(t, tss->reserved0 | tss->reserved1 | tss->reserved2 |
			  tss->reserved3, 0, "reserved fields");
	}
}

static void tss_io_bitmap(struct selftest *t)
{
	u32 limit;

	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		const struct tss *tss = tss_of(cpu, &limit);

		EXPECT(t, tss->io_bitmap_base > limit, "the bitmap begins behind the limit");
	}
}

/* The TSS ends the page; with gdt_pages=1 the GDT begins it. */
static void tss_rest_is_zero(struct selftest *t)
{
	u32 limit;

	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		const u8 *tss = (const u8 *)tss_of(cpu, &limit);
		const u8 *from = (const u8 *)ALIGN_DOWN((u64)tss, PAGE_SIZE) + GDT_KERNEL_END;
		unsigned bytes = 0;

		while (from < tss)
			bytes += *from++ != 0;
		EXPECT_EQ(t, bytes, 0, "bytes between the GDT and the TSS that are not zero");
	}
}

/* ---- The IDT ------------------------------------------------------------------------ */

/* Which gates have an IST stack, and which one. */
static unsigned expected_ist(unsigned vector)
{
	static const u8 ist[NR_EXCEPTIONS] = {
		[8] = 1, [2] = 2, [1] = 3, [18] = 4,
	};

	return vector < NR_EXCEPTIONS ? ist[vector] : 0;
}

static void idt_gates(struct selftest *t)
{
	const struct idt_gate *gate;
	struct pt_leaf leaf;

	cpus_read_state();
	gate = (const struct idt_gate *)cpu_state[0].idtr.base;
	for (unsigned v = 0; v < NR_VECTORS; v++, gate++) {
		virt_addr_t to = idt_gate_offset(gate);
		bool user = v == VEC_BP || v == VEC_OF || v == VEC_INT80;
		bool held = true;

		held &= EXPECT_EQ(t, gate->type & 0x1f, 0xe, "64-bit interrupt gate");
		held &= EXPECT_EQ(t, gate->type >> 7, 1, "present");
		held &= EXPECT_EQ(t, gate->type >> 5 & 3, user ? 3 : 0,
				  "DPL: INT3, INTO and INT 0x80 alone from ring 3");
		held &= EXPECT_EQ(t, gate->ist, expected_ist(v), "IST");
		held &= EXPECT_EQ(t, gate->selector, SEL_KERNEL_CS, "selector");
		held &= EXPECT_EQ(t, gate->reserved, 0, "reserved bits");
		held &= EXPECT(t, to >= CEA_ENTRY_TEXT && to < CEA_BASE &&
			       !pt_walk(cpus_user_view(0), to, &leaf) &&
			       !(leaf.rights & (PTE_NX | PTE_W)),
			       "leads to entry text that the user PGD shows");
		/* The stub begins with PUSH imm8: the vector. */
		held = held && EXPECT_EQ(t, *(const u8 *)to, 0x6a, "the stub pushes") &&
		       EXPECT_EQ(t, ((const u8 *)to)[1], v, "the vector it pushes");
		if (!held)
			selftest_note("there: vector %u, gate to %#lx", v, to);
	}
}

static void idt_one_for_all(struct selftest *t)
{
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		EXPECT_EQ(t, cpu_state[cpu].idtr.base, 0xfffffe7ffbe00000, "IDTR base");
		EXPECT_EQ(t, cpu_state[cpu].idtr.limit, 0xfff, "IDTR limit");
	}
}

/* ---- SYSCALL ------------------------------------------------------------------------- */

static bool is_executable(const pte_t *pgd, virt_addr_t va)
{
	struct pt_leaf leaf;

	return !pt_walk(pgd, va, &leaf) && !(leaf.rights & (PTE_NX | PTE_W));
}

static void syscall_entry(struct selftest *t)
{
	enum syscall_entry way = selftest_args->syscall;

	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		const struct cpu_state *s = &cpu_state[cpu];
		u64 area = (u64)cea(cpu);
		u64 start = tlb_pcid ? entry_labels.syscall_pcid : entry_labels.syscall;
		u64 start32 = tlb_pcid ? entry_labels.syscall32_pcid :
					 entry_labels.syscall32;

		if (pti_deferred) {
			start = deferred_labels.syscall_in;
			start32 = deferred_labels.syscall32_in;
		}
		EXPECT(t, is_executable(cpus_user_view(cpu), s->lstar),
		       "LSTAR leads to what a user program's PGD lets run");
		EXPECT(t, is_executable(cpus_user_view(cpu), s->cstar),
		       "CSTAR leads to what a user program's PGD lets run");
		if (way == SYSCALL_ENTRY) {
			EXPECT_EQ(t, s->lstar, tlb_pcid ? entry_shared_labels.window_syscall_pcid_start :
							  entry_shared_labels.window_syscall_start,
				  "LSTAR leads into entry text");
			EXPECT_EQ(t, s->cstar, tlb_pcid ? entry_shared_labels.window_syscall32_pcid_start :
							  entry_shared_labels.window_syscall32_start,
				  "CSTAR leads into entry text");
			EXPECT(t, s->lstar - CEA_SHARED_ENTRY < PAGE_SIZE, "where RSP is the user's");
		} else if (way == SYSCALL_DIRECT) {
			EXPECT_EQ(t, s->lstar, entry_labels.syscall_direct,
				  "LSTAR leads into the kernel image");
			EXPECT_EQ(t, s->cstar, entry_labels.syscall32_direct,
				  "CSTAR leads into the kernel image");
		} else {
			EXPECT_EQ(t, s->lstar, area + 0x1e000 + start % PAGE_SIZE,
				  "LSTAR leads into the own trampoline");
			EXPECT_EQ(t, s->cstar, area + 0x1e000 + start32 % PAGE_SIZE,
				  "CSTAR leads into the own trampoline");
		}
		EXPECT_EQ(t, s->sysenter_esp,
			  pti_deferred ? area + CEA_TSS + 4 : area + 0x11000 + 192,
			  "SYSENTER_ESP is the top of the own entry stack");
		EXPECT(t, is_executable(cpus_user_view(cpu), s->sysenter_eip),
		       "SYSENTER_EIP leads to what a user program's PGD lets run");
	}
}

static void syscall_selectors(struct selftest *t)
{
	u64 must = RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT | RFLAGS_IOPL;

	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		const struct cpu_state *s = &cpu_state[cpu];

		EXPECT_EQ(t, s->star >> 32 & 0xffff, SEL_KERNEL_CS, "STAR: CS of SYSCALL");
		EXPECT_EQ(t, (s->star >> 48) + 16, SEL_USER_CS, "STAR: CS of SYSRET");
		EXPECT_EQ(t, (s->star >> 48) + 8, SEL_USER_DS, "STAR: SS of SYSRET");
		EXPECT_EQ(t, s->sfmask & must, must, "SFMASK: what must be clear");
		EXPECT_EQ(t, s->sfmask & RFLAGS_FIXED, 0, "SFMASK: bit 1 stays");
		EXPECT_EQ(t, s->efer & EFER_SCE, EFER_SCE, "EFER.SCE");
		EXPECT_EQ(t, s->sysenter_cs, SEL_KERNEL_CS, "SYSENTER_CS");
	}
}

static const struct selftest_case cases[] = {
	{ "the descriptor in TR's place is a busy TSS in the own area", tss_descriptor },
	{ "each TSS names stacks in its own area", tss_stacks },
	{ "the IO bitmap denies every port", tss_io_bitmap },
	{ "nothing stands between the GDT and the TSS", tss_rest_is_zero },
	{ "every gate leads to its own stub in entry text", idt_gates },
	{ "all CPUs have the IDT at its fixed alias", idt_one_for_all },
	{ "SYSCALL enters each CPU through its own alias", syscall_entry },
	{ "SYSCALL and SYSRET load the right selectors and clear the right flags",
	  syscall_selectors },
};
SELFTEST_SUITE(cea_tables, cases);
