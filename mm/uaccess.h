/*
 * Reaching memory that may not be there: the user half, on behalf of a system
 * call, and any address at all, for probes.
 *
 * A fault in one of these functions is looked up in the exception table
 * (.extable) by the trap code, which goes on at the fixup.
 */
#ifndef MM_UACCESS_H
#define MM_UACCESS_H

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
 * Closes user memory: traps arrive with EFLAGS.AC as it was, and a program may
 * have set it.  First thing in every trap; the IRET restores what was.
 */
void uaccess_close(void);

/* [addr, addr + n) lies in the user half and does not wrap. */
bool user_range_ok(virt_addr_t addr, size_t n);

/* Set by boot when CR4.SMAP is on: the copies then open EFLAGS.AC. */
extern bool uaccess_smap;

/*
 * One byte at any address: 0, or -EFAULT if the access faulted.  Any context
 * in which a #PF or #GP may be taken.
 */
int probe_read(virt_addr_t va, u8 *byte);
int probe_write(virt_addr_t va, u8 byte);

/* WRMSR, which may fault with #GP: 0 or -EFAULT. */
int probe_wrmsr(u32 msr, u64 value);

/* Pairs of addresses: an instruction that may fault, and where to go on. */
struct extable_entry {
	u64 insn, fixup;
};

/* The fixup for a fault at `ip`, or 0 if none is expected there. */
u64 extable_find(u64 ip);

/* Faults that took a fixup, all CPUs, for the tests. */
extern u64 extable_hits;

#endif
