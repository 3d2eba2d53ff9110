/*
 * Reaching memory that may not be there: the user half, on behalf of a system
 * call, and any address at all, for probes.
 *
 * A fault in one of these functions is looked up in the exception table
 * (.extable) by the trap code, which goes on at the fixup.
 */
#ifndef MM_SPACE_UACCESS_H
#define MM_SPACE_UACCESS_H

#include "kernel/base/layout.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/types.h"

/*
 * Copies between the kernel and the current user half.  Return the number of
 * bytes that could not be copied (0: all), as Linux's do.  Addresses outside
 * the user half, and lengths that reach beyond it, copy nothing.  Context: a
 * task with an address space, interrupts on, no spinlock held (may fault in).
 */
size_t copy_from_user(void *to, virt_addr_t from, size_t n);
size_t copy_to_user(virt_addr_t to, const void *from, size_t n);

/*
 * One store, as Linux's put_user(): all of the value is there, or nothing.  0 or
 * -EFAULT.  Context as above.
 */
int put_user_u32(virt_addr_t to, u32 value);
int put_user_u64(virt_addr_t to, u64 value);

/*
 * Copies a string of at most n - 1 characters with its NUL and returns its
 * length; n: there is no NUL in the first n bytes, all of which are in `to`;
 * -EFAULT.
 */
long copy_string_from_user(char *to, virt_addr_t from, size_t n);

/* [addr, addr + n) lies in the user half and does not wrap. */
static inline bool user_range_ok(virt_addr_t addr, size_t n)
{
	return addr <= USER_END && n <= USER_END - addr;
}

/* Set by boot when CR4.SMAP is on: the copies then open EFLAGS.AC. */
extern bool uaccess_smap;

/* A line of the exception table, in inline assembly. */
#define EXTABLE(insn, fixup)             \
	".pushsection .extable, \"a\"\n" \
	".quad " insn ", " fixup "\n"    \
	".popsection\n"

/*
 * Between these two, user memory is open for single instructions: values that
 * go one by one need no copy on the kernel's stack.  The caller has checked the
 * range.  What faults goes on at the label `fault`, where user_access_end() is
 * due, too.  Context: as copy_to_user().
 *
 * user_access_end() is also the first thing in every trap: EFLAGS.AC is then as
 * it was, and a program may have set it.  The IRET restores that.
 */
static inline void user_access_begin(void)
{
	might_lock(LOCK_MM); /* by a fault */
	if (uaccess_smap)
		__asm__ volatile("stac" : : : "memory", "cc");
}

static inline void user_access_end(void)
{
	if (uaccess_smap)
		__asm__ volatile("clac" : : : "memory", "cc");
}

#define USER_STORE(insn, type, to, value, fault)                            \
	__asm__ goto("1: " insn " %1, %0\n" EXTABLE("1b", "%l[" #fault "]") \
		     :                                                      \
		     : "m"(*(type *)(uintptr_t)(to)), "re"((type)(value))   \
		     : "cc"                                                 \
		     : fault)

#define user_put16(to, value, fault) USER_STORE("movw", u16, to, value, fault)
#define user_put32(to, value, fault) USER_STORE("movl", u32, to, value, fault)
#define user_put64(to, value, fault) USER_STORE("movq", u64, to, value, fault)
#define user_or64(to, value, fault) USER_STORE("orq", u64, to, value, fault)

/* Either way.  Words are of 8 bytes. */
#define user_copy_words(to, from, words, fault)                                         \
	__asm__ goto("movq %0, %%rdi\n"                                                 \
		     "movq %1, %%rsi\n"                                                 \
		     "movl %2, %%ecx\n"                                                 \
		     "1: rep movsq\n" EXTABLE("1b", "%l[" #fault "]")                   \
		     :                                                                  \
		     : "r"((uintptr_t)(to)), "r"((uintptr_t)(from)), "ri"((u32)(words)) \
		     : "rcx", "rsi", "rdi", "memory"                                    \
		     : fault)

#define user_zero_words(to, words, fault)                             \
	__asm__ goto("movq %0, %%rdi\n"                               \
		     "movl %1, %%ecx\n"                               \
		     "xorl %%eax, %%eax\n"                            \
		     "1: rep stosq\n" EXTABLE("1b", "%l[" #fault "]") \
		     :                                                \
		     : "r"(to), "ri"((u32)(words))                    \
		     : "rax", "rcx", "rdi", "memory", "cc"            \
		     : fault)

/* The other way, to kernel memory; through RAX. */
#define USER_LOAD(insn, reg, type, to, from, fault)                              \
	__asm__ goto("1: " insn " %0, " reg "\n" insn " " reg                    \
		     ", %1\n" EXTABLE("1b", "%l[" #fault "]")                    \
		     :                                                           \
		     : "m"(*(const type *)(uintptr_t)(from)), "m"(*(type *)(to)) \
		     : "rax", "memory"                                           \
		     : fault)

#define user_get32(to, from, fault) USER_LOAD("movl", "%%eax", u32, to, from, fault)
#define user_get64(to, from, fault) USER_LOAD("movq", "%%rax", u64, to, from, fault)

/*
 * FPU state to and from a 64-aligned area.  Content that the processor refuses
 * is a fault; the registers may then hold a part of it.  `states` as XSAVE takes
 * it in EDX:EAX; FXSAVE and FXRSTOR ignore it.
 */
#define USER_FPU(insn, area, states, fault)                                           \
	__asm__ goto("1: " insn " (%0)\n" EXTABLE("1b", "%l[" #fault "]")             \
		     :                                                                \
		     : "r"(area), "a"((u32)(states)), "d"((u32)((u64)(states) >> 32)) \
		     : "memory"                                                       \
		     : fault)

#define user_xsave(area, states, fault) USER_FPU("xsave64", area, states, fault)
#define user_xrstor(area, states, fault) USER_FPU("xrstor64", area, states, fault)
#define user_fxsave(area, states, fault) USER_FPU("fxsave64", area, states, fault)
#define user_fxrstor(area, states, fault) USER_FPU("fxrstor64", area, states, fault)

/*
 * One byte at any address: 0, or -EFAULT if the access faulted.  Any context
 * in which a #PF or #GP may be taken.
 */
int probe_read(virt_addr_t va, u8 *byte);
int probe_write(virt_addr_t va, u8 byte);

/* WRMSR, which may fault with #GP: 0 or -EFAULT. */
int probe_wrmsr(u32 msr, u64 value);

/* MOV to CR4, which may fault with #GP: 0 or -EFAULT. */
int probe_write_cr4(u64 value);

/* Pairs of addresses: an instruction that may fault, and where to go on. */
struct extable_entry {
	u64 insn, fixup;
};

/* The fixup for a fault at `ip`, or 0 if none is expected there. */
u64 extable_find(u64 ip);

/* Faults that took a fixup, all CPUs, for the tests. */
extern u64 extable_hits;

#endif
