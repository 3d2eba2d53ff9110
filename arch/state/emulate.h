/*
 * Instructions that fault in ring 3, and that programs execute all the same: SGDT, SIDT,
 * SLDT, STR and SMSW under UMIP; CLI and STI;
 * SYSCALL of a program that is traced.
 */
#ifndef ARCH_STATE_EMULATE_H
#define ARCH_STATE_EMULATE_H

#include "arch/state/io_bitmap.h"
#include "entry/entry.h"

struct mm;

enum emulation {
	EMULATE_NOT,   /* it was something else */
	EMULATE_DONE,  /* and stepped over */
	EMULATE_FAULT, /* where it stores cannot be written */
};

/*
 * A #GP from user mode, of the current task, in its address space mm: if it was one of the
 * five instructions, stores a made-up answer where the program wants it (*bad: where it
 * could not).  Context: a task's stack, interrupts on.
 */
enum emulation umip_emulate(struct mm *mm, struct pt_regs *regs, virt_addr_t *bad);

/*
 * The same for CLI and STI, which do nothing with iopl(3), as on Linux since it makes
 * iopl of the IO bitmap.  True: stepped over.
 */
bool io_skip_cli(const struct task_io *io, struct mm *mm, struct pt_regs *regs);

/*
 * A #UD of a task for which SYSCALL is invalid (arch/state/debugreg.h): true: it was one, of
 * 64-bit code, and *regs are as the processor leaves them behind it; ax has the number still.
 */
bool syscall_emulate(struct mm *mm, struct pt_regs *regs);

#endif
