/*
 * Instructions at random for tests/host/test_insn_native.c, with segments and registers
 * that bring their operands into the arena of tests/host/native.h, or to its edges.
 */
#ifndef TESTS_HOST_INSN_TRIAL_H
#define TESTS_HOST_INSN_TRIAL_H

#include "kernel/guest/insn_alu.h"
#include "tests/host/native.h"

/* What a form of instruction uses, or is. */
enum { STACK = 1, STRING = 2, JUMP = 4, BIT_REGISTER = 8, XLAT = 16, MEMORY = 32, PARTIAL = 64, CMPS = 128, CMPXCHG = 256 };

/* Opcodes from `first` to `last`, of a group with the values of ModRM.reg in `regs`. */
struct form {
	u16 first, last;
	u8 regs;
	unsigned what;
	u64 undefined; /* flags, by the manual */
};

struct trial {
	const struct form *form;
	struct native_run run;
	struct guest_insn insn;
	u8 bytes[32];
	unsigned displacement; /* where it is in the bytes */
	u32 stack;	       /* linear: where SP points to, if it is used */
};

/* What the arena holds, for the one that is tested. */
extern u8 trial_model[NATIVE_SIZE];

/* Where the byte at a linear address is: in the model, or in the code. */
u8 *trial_byte(u32 linear);

/* Chooses one.  Returns the number of its form, out of trial_form_count(). */
unsigned trial_choose(struct trial *t);
unsigned trial_form_count(void);

#endif
