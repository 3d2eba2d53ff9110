/*
 * UMIP: what SGDT, SIDT, SLDT, STR and SMSW tell a program.
 */
#ifndef KERNEL_LINUX_CALLS_EMULATE_H
#define KERNEL_LINUX_CALLS_EMULATE_H

#include "entry/entry.h"

/*
 * A #GP from user mode: if it was one of the five instructions, stores a made-up
 * answer where the program wants it, or forces the signal of a bad address, and
 * steps over it.  False: it was something else.  Task context, interrupts on.
 */
bool umip_emulate(struct pt_regs *regs);

/*
 * A #GP from user mode: with iopl(3), CLI and STI do nothing, as on Linux since
 * it makes iopl of the IO bitmap.  True: stepped over.  Task context.
 */
bool io_skip_cli(struct pt_regs *regs);

#endif
