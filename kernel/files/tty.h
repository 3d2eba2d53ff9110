/*
 * Bytes from the console's port: keys that somebody types, or a file.
 */
#ifndef KERNEL_FILES_TTY_H
#define KERNEL_FILES_TTY_H

#include "kernel/task/wait_queue.h"

/* The argument console=pipe.  Set once, before there are other CPUs. */
extern bool tty_is_pipe;

/*
 * COM1's interrupts begin, where an IOAPIC has them; starts the thread that tells those who
 * wait.  Task context, once, before there is a program.
 */
void tty_init(void);

/*
 * From now on each byte that is typed goes to typed_byte(), one at a time, which returns a
 * signal for those in the foreground, or 0; that goes to signal().  The first: any context but
 * NMI; the second: the thread's.  Before, bytes wait, and the host, which is not told "^C",
 * ends the run.  Once.
 */
void tty_to(int (*typed_byte)(u8 c), void (*signal)(int signal));

/*
 * Takes what has come from COM1; Ctrl-T, which is nobody's input, prints the back-trace of
 * every CPU.  Returns a number for tty_wait().  Any context but NMI.
 */
u32 tty_poll(void);

/*
 * Sleeps until something came behind the tty_poll() that returned `seen`, until clock_ns() >=
 * when, or until a signal is due.  May return early.  Context: a task's, no spinlock held.
 */
void tty_wait(u32 seen, u64 when);

/* What has come counts for more: all that wait look again.  Context: as tty_poll(). */
void tty_tell(void);

/* All sleep here; woken for each byte. */
extern struct wait_queue tty_readers;

/* Whoever polls must look again so many ns later; 0: it is told. */
extern u64 tty_look_after;

/*
 * Up to n bytes of a pipe, as they are.  Sleeps until there are some.  Returns their number;
 * 0 at the end; -ERESTARTSYS once interrupted() is true.  Context: a task's stack, no lock
 * held.
 */
long tty_read_pipe(u8 *to, size_t n, bool (*interrupted)(void));

/* Would that answer at once?  No, too, while another task reads.  Context: the same. */
bool tty_pipe_is_ready(void);

#endif
