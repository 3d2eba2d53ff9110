/*
 * Probes: one instruction that may fault, on this CPU, and the fault it took
 * (tests/suites/faults.asm).  They need no context but a kernel stack: they
 * turn interrupts off, and put back every register that they load.
 */
#ifndef TESTS_SUITES_FAULTS_H
#define TESTS_SUITES_FAULTS_H

#include "kernel/base/types.h"

#define NO_FAULT 0xffff

/* faults.asm has these offsets in a struc of the same name. */
struct fault {
	u64 vector; /* NO_FAULT: the instruction was executed */
	u64 error;
	u64 cr2;    /* of a page fault */
	u64 loaded; /* the selector read back, when it was */
	u64 flags;  /* RFLAGS in the fault's frame */
};
static_assert(offsetof(struct fault, error) == 8, "faults.asm has this offset");
static_assert(offsetof(struct fault, cr2) == 16, "faults.asm has this offset");
static_assert(offsetof(struct fault, loaded) == 24, "faults.asm has this offset");
static_assert(offsetof(struct fault, flags) == 32, "faults.asm has this offset");

/* MOV to a segment register, far return, LTR. */
void fault_load_ds(u64 selector, struct fault *f);
void fault_load_es(u64 selector, struct fault *f);
void fault_load_fs(u64 selector, struct fault *f);
void fault_load_gs(u64 selector, struct fault *f);
void fault_load_ss(u64 selector, struct fault *f);
void fault_load_cs(u64 selector, struct fault *f);
void fault_load_tr(u64 selector, struct fault *f);

/* IRETQ to this function's own next instruction: `loaded` is CS. */
void fault_iretq(u64 cs, struct fault *f, u64 ss);

/* Reads a byte, or reads it and writes it back. */
void fault_read(u64 va, struct fault *f);
void fault_write(u64 va, struct fault *f);

#endif
