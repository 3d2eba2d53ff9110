/*
 * The console as an open file.
 */
#ifndef KERNEL_FS_CONSOLE_H
#define KERNEL_FS_CONSOLE_H

#include "kernel/fs/file.h"

struct process;

extern const struct file_ops console_ops;

/*
 * The terminal is the session's whose leader has that number, with its group in front; keys
 * are heard from now on.  Once.
 */
void console_begin(int pgid);

/* If p leads the session, the terminal is nobody's, and whom it had in front is hung up on.
 * process_lock, taken with interrupts on, is held, and free now and then. */
void console_left_by(const struct process *p);

/* Is the current process of the session that has the terminal? */
bool console_is_ours(void);

/* What a process that the kernel starts has open: the console as 0, 1 and 2.  NULL: no memory. */
struct descriptors *console_descriptors(void);

#endif
