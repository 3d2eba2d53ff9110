/*
 * The terminal's line discipline: what is typed becomes lines, or bytes as they are, with
 * their echo and their signals.
 *
 * All of it is of one terminal, the console, and guarded by one spinlock here.  Sources:
 * POSIX.1-2017, Base Definitions, 11; Linux's termios(3).
 */
#ifndef KERNEL_FS_TERMINAL_H
#define KERNEL_FS_TERMINAL_H

#include "kernel/linux/uapi.h"

struct window {
	u16 rows, columns, x_pixels, y_pixels;
};

/*
 * A byte has been typed.  Returns the signal that it stands for, which the foreground is to
 * have, or 0.  Context: any but NMI; one CPU at a time.
 */
int terminal_type(u8 c);

/*
 * Up to n bytes of what there is: of one line, if lines are edited, whose end they may have.
 * 0: the end of input was typed; -EAGAIN: nothing is there yet.  Context of this and all below: a task's, no lock held.
 */
long terminal_take(u8 *to, size_t n, bool *ended);

/* Bytes that a read could have; and has poll() something to tell? */
u32 terminal_count(void);
bool terminal_is_ready(void);

/* How long a read waits that does not edit lines: VMIN, and VTIME in ns.  False: it edits. */
bool terminal_is_raw(u32 *bytes, u64 *ns);

/* Is a group in the background to stop when it writes? */
bool terminal_stops_writers(void);

/* Writes, with a carriage return in front of each newline if the settings say so. */
void terminal_write(const u8 *text, size_t n);

void terminal_get(struct termios *settings);
void terminal_set(const struct termios *settings);

/* What was typed, and not read, is forgotten. */
void terminal_flush(void);

struct window terminal_window(void);

/* True: it has another size now. */
bool terminal_set_window(const struct window *window);

#endif
