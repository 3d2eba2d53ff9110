/*
 * Reading from the console: lines that somebody types, or a file.
 */
#ifndef KERNEL_FILES_TTY_H
#define KERNEL_FILES_TTY_H

#include "kernel/base/types.h"

/* The argument console=pipe.  Set once, before there are other CPUs. */
extern bool tty_is_pipe;

/*
 * What Ctrl-C does, called by tty_poll().  NULL: nothing, and the host, which is not told
 * "^C", ends the run.
 */
extern void (*tty_interrupt)(void);

/*
 * Takes what has been typed from COM1, for tty_read(); Ctrl-T, which is nobody's
 * input, prints the back-trace of every CPU.  Any context but NMI.
 */
void tty_poll(void);

/*
 * Up to n bytes of a line, newline included, as a terminal gives it: echoed,
 * with backspace, CR for newline and Ctrl-D for the end; of a pipe, up to n bytes
 * as they are.  Sleeps until there are some.  Returns the number of bytes; 0 at the end of input; -ERESTARTSYS once
 * interrupted() is true.  Context: a task's stack, no lock held.
 */
long tty_read(u8 *to, size_t n, bool (*interrupted)(void));

/* Would tty_read() answer at once?  No, too, while another task reads.  Context: the same. */
bool tty_is_ready(void);

/* Nobody is told when it is: whoever waits for it looks every so many ns. */
#define TTY_POLL_NS 5000000ULL

#endif
