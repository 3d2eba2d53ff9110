/*
 * Bytes from the console's port: keys that somebody types, or a file.
 */
#ifndef KERNEL_FILES_TTY_H
#define KERNEL_FILES_TTY_H

#include "kernel/base/types.h"

/* The argument console=pipe.  Set once, before there are other CPUs. */
extern bool tty_is_pipe;

/*
 * From now on each byte that is typed goes to typed_byte(), one at a time, which returns a
 * signal for those in the foreground, or 0; that goes to signal().  Both: any context but
 * NMI, of the second without a lock.  Before, bytes wait, and the host, which is not told
 * "^C", ends the run.  Once.
 */
void tty_to(int (*typed_byte)(u8 c), void (*signal)(int signal));

/*
 * Takes what has come from COM1; Ctrl-T, which is nobody's input, prints the back-trace of
 * every CPU.  Any context but NMI.
 */
void tty_poll(void);

/*
 * Up to n bytes of a pipe, as they are.  Sleeps until there are some.  Returns their number;
 * 0 at the end; -ERESTARTSYS once interrupted() is true.  Context: a task's stack, no lock
 * held.
 */
long tty_read_pipe(u8 *to, size_t n, bool (*interrupted)(void));

/* Would that answer at once?  No, too, while another task reads.  Context: the same. */
bool tty_pipe_is_ready(void);

/* Nobody is told when something comes: whoever waits for it looks every so many ns. */
#define TTY_POLL_NS 5000000ULL

#endif
