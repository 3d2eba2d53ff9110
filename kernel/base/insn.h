/*
 * Wrappers of single instructions.  Each has the effect its name says and no
 * other.  Inline assembly stands here, in percpu.h (fields relative to GS), in
 * mm/space/uaccess.c (what may fault) and in string.c (REP), and nowhere else.
 */
#ifndef KERNEL_BASE_INSN_H
#define KERNEL_BASE_INSN_H

#include "kernel/base/stretch.h"
#include "kernel/base/types.h"
#include "kernel/base/x86.h"

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }

static inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* A register of a device in memory. */
static inline u32 mmio_read32(const volatile u32 *at) { return *at; }
static inline void mmio_write32(volatile u32 *at, u32 v) { *at = v; }

static inline void insb(u16 port, void *to, size_t n)
{
	__asm__ volatile("rep insb" : "+D"(to), "+c"(n) : "d"(port) : "memory");
}

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
READ_REG(read_dr6, "mov %%dr6, %0")
READ_REG(read_dr7, "mov %%dr7, %0")
READ_REG(read_rsp, "mov %%rsp, %0")
READ_REG(read_flags, "pushfq; pop %0")
WRITE_REG(write_flags, "push %0; popfq")
WRITE_REG(write_cr0, "mov %0, %%cr0")
WRITE_REG(write_cr3, "mov %0, %%cr3")
WRITE_REG(write_cr4, "mov %0, %%cr4")
WRITE_REG(write_dr0, "mov %0, %%dr0")
WRITE_REG(write_dr1, "mov %0, %%dr1")
WRITE_REG(write_dr2, "mov %0, %%dr2")
WRITE_REG(write_dr3, "mov %0, %%dr3")
WRITE_REG(write_dr6, "mov %0, %%dr6")
WRITE_REG(write_dr7, "mov %0, %%dr7")

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
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

static inline bool rdrand(u64 *v)
{
	u8 ok;

	__asm__ volatile("rdrand %0; setc %1" : "=r"(*v), "=q"(ok) : : "cc");
	return ok;
}

static inline bool rdseed(u64 *v)
{
	u8 ok;

	__asm__ volatile("rdseed %0; setc %1" : "=r"(*v), "=q"(ok) : : "cc");
	return ok;
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
static inline void sgdt(struct table_register *t) { __asm__ volatile("sgdt %0" : "=m"(*t)); }
static inline void sidt(struct table_register *t) { __asm__ volatile("sidt %0" : "=m"(*t)); }
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

static inline u16 sldt(void)
{
	u16 sel;

	__asm__ volatile("sldt %0" : "=r"(sel));
	return sel;
}

/* The segment's limit in bytes; false: the selector leads nowhere. */
static inline bool lsl(u16 sel, u64 *limit)
{
	u32 v;
	bool found;

	__asm__ volatile("lsl %2, %0" : "=r"(v), "=@ccz"(found) : "r"((u32)sel));
	*limit = v;
	return found;
}

static inline u16 str(void)
{
	u16 sel;

	__asm__ volatile("str %0" : "=r"(sel));
	return sel;
}

/*
 * What LAR tells of a selector: the descriptor's bits 40 to 47 and 52 to 55, in
 * their places.  False: it leads nowhere.
 */
static inline bool lar(u16 sel, u64 *desc)
{
	u32 v;
	bool found;

	__asm__ volatile("lar %2, %0" : "=r"(v), "=@ccz"(found) : "r"((u32)sel));
	*desc = (u64)v << 32;
	return found;
}

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

static inline void xsetbv(u32 reg, u64 v)
{
	__asm__ volatile("xsetbv" : : "c"(reg), "a"((u32)v), "d"((u32)(v >> 32)));
}

/* All of the state that XCR0 enables. */
static inline void xsave(void *area)
{
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}

static inline void xrstor_some(const void *area, u64 states)
{
	__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"((u32)states),
			 "d"((u32)(states >> 32)) : "memory");
}

static inline void xrstor(const void *area)
{
	xrstor_some(area, ~0ULL);
}

static inline u32 read_pkru(void)
{
	u32 value, high;

	__asm__ volatile("rdpkru" : "=a"(value), "=d"(high) : "c"(0));
	return value;
}

static inline void write_pkru(u32 value)
{
	__asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

/* Empties the x87 stack, drops pending exceptions, and loads an integer. */
static inline void x87_load_after_clear(const u32 *integer)
{
	__asm__ volatile("fnclex; emms; fildl %0" : : "m"(*integer));
}

static inline void fxsave(void *area) { __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory"); }
static inline void fxrstor(const void *area) { __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory"); }
static inline void breakpoint(void) { __asm__ volatile("int3" : : : "memory"); }
static inline void cpu_relax(void) { __asm__ volatile("pause" : : : "memory"); }
static inline void halt(void) { __asm__ volatile("hlt" : : : "memory"); }
static inline void barrier(void) { __asm__ volatile("" : : : "memory"); }

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

static inline bool interrupts_enabled(void) { return read_flags() & RFLAGS_IF; }

#endif
