/*
 * The vDSO of 64-bit programs: a page of code for ring 3, and the clock's numbers at its
 * end.  The code is user/vdso/vdso64.c, which includes this header, too; the kernel's side
 * is arch/vdso/vdso64.c.
 */
#ifndef ARCH_VDSO_VDSO64_H
#define ARCH_VDSO_VDSO64_H

#include "kernel/base/types.h"

#define VDSO_CLOCK_AT 0xfe0 /* in the page; user/vdso/vdso64.lds has the number from here */

/* clock_ns() is (TSC - tsc_start) * ns_per_tsc >> 32; behind realtime_start it is the time. */
struct vdso_clock {
	u64 tsc_start, ns_per_tsc, realtime_start;
};

extern const struct vdso_clock vdso_clock __attribute__((visibility("hidden")));

struct mm;

/* Fills in the clock.  Once, at boot, before the first program, when the clock runs. */
void vdso64_init(const struct vdso_clock *clock);

/*
 * Shows a 64-bit program its page, readable and executable, at `where`, or, if something is
 * there, where mmap would put it, and says so in mm->vdso64.  The page is everybody's; who
 * makes it writable and writes gets a copy.  0, or mm_map_file()'s errors.  Context: exec,
 * the address space is not loaded.
 */
int vdso64_map(struct mm *mm, virt_addr_t where);

#endif
