/*
 * Wrappers of single instructions, those that the gate needs.  Each has the effect its
 * name says and no other.  Inline assembly stands here, in percpu.h (fields relative to
 * GS), in io.h (ports), in arch/state/insn.h (FPU, debug registers), in
 * arch/machine/insn.h, in mm/space/uaccess.c (what may fault), in string.c (REP) and in
 * kernel/guest/insn_alu.c (a guest's arithmetic), and nowhere else.
 */
#ifndef KERNEL_BASE_INSN_H
#define KERNEL_BASE_INSN_H

#include "kernel/base/stretch.h"
#include "kernel/base/types.h"
#include "kernel/base/x86.h"

/* clang-format off */
#define READ_REG(name, insn)                                    \
	static inline u64 name(void)                            \
	{                                                       \
		u64 v;                                          \
		__asm__ volatile(insn : "=r"(v) : : "memory");  \
		return v;                                       \
	}
#define WRITE_REG(name, insn)                                   \
	static inline void name(u64 v)                          \
	{                                                       \
		__asm__ volatile(insn : : "r"(v) : "memory");   \
	}

READ_REG(read_cr0, "mov %%cr0, %0")
READ_REG(read_cr2, "mov %%cr2, %0")
READ_REG(read_cr3, "mov %%cr3, %0")
READ_REG(read_cr4, "mov %%cr4, %0")
READ_REG(read_rsp, "mov %%rsp, %0")
READ_REG(read_flags, "pushfq; pop %0")
WRITE_REG(write_cr0, "mov %0, %%cr0")
WRITE_REG(write_cr3, "mov %0, %%cr3")
WRITE_REG(write_cr4, "mov %0, %%cr4")

#define SEGMENT_REG(seg)                                                 \
	static inline u16 read_##seg(void)                               \
	{                                                                \
		u16 v;                                                   \
		__asm__ volatile("mov %%" #seg ", %0" : "=r"(v));        \
		return v;                                                \
	}                                                                \
	static inline void write_##seg(u16 v)                            \
	{                                                                \
		__asm__ volatile("mov %0, %%" #seg : : "r"(v) : "memory"); \
	}

SEGMENT_REG(ds)
SEGMENT_REG(es)
SEGMENT_REG(fs)
SEGMENT_REG(gs)
SEGMENT_REG(ss)

static inline u64 rdmsr(u32 msr)
{
	u64 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory"); /* all 64 bits */
	return hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u64 lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return hi << 32 | lo;
}

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* GDTR and IDTR as LGDT, SGDT, LIDT, SIDT move them. */
struct __packed table_register {
	u16 limit;
	u64 base;
};

static inline void lgdt(const struct table_register *t) { __asm__ volatile("lgdt %0" : : "m"(*t) : "memory"); }
static inline void lidt(const struct table_register *t) { __asm__ volatile("lidt %0" : : "m"(*t) : "memory"); }
static inline void ltr(u16 sel) { __asm__ volatile("ltr %0" : : "r"(sel) : "memory"); }

/*
 * Makes *pte, the PTE of `va`, `writable`, and writes through it by LTR: in one
 * piece, so that no instruction of the compiler's stands between.
 */
static inline void pte_open_and_ltr(u64 *pte, u64 writable, virt_addr_t va, u16 sel)
{
	__asm__ volatile("movq %1, %0\n\tinvlpg (%2)\n\tltr %3"
			 : "=m"(*pte) : "r"(writable), "r"(va), "r"(sel) : "memory");
}

static inline void lldt(u16 sel) { __asm__ volatile("lldt %0" : : "r"(sel) : "memory"); }

/* CS is loaded by a far return. */
static inline void reload_cs(u64 sel)
{
	__asm__ volatile("push %0; push $1f; lretq; 1:" : : "r"(sel) : "memory");
}

static inline void invlpg(virt_addr_t va) { __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory"); }

/* SDM vol. 2, INVPCID: types 0 (address), 1 (PCID), 2 (all and global), 3 (all). */
static inline void invpcid(u64 type, u64 pcid, virt_addr_t va)
{
	struct { u64 pcid, va; } desc = { pcid, va };

	__asm__ volatile("invpcid %1, %0" : : "r"(type), "m"(desc) : "memory");
}

static inline void cpu_relax(void) { __asm__ volatile("pause" : : : "memory"); }
static inline void halt(void) { __asm__ volatile("hlt" : : : "memory"); }

static inline void interrupts_on(void)
{
	stretch_irqs_on();
	__asm__ volatile("sti" : : : "memory");
}

static inline void interrupts_off(void)
{
	stretch_irqs_off();
	__asm__ volatile("cli" : : : "memory");
}

static inline u64 interrupts_save(void)
{
	u64 flags = read_flags();

	interrupts_off();
	return flags;
}

static inline void interrupts_restore(u64 flags)
{
	if (flags & RFLAGS_IF)
		interrupts_on();
}
/* clang-format on */

#endif
