/*
 * IO ports for user tasks: ioperm's bitmap, and iopl, which is made of it.
 */
#ifndef ARCH_STATE_IO_BITMAP_H
#define ARCH_STATE_IO_BITMAP_H

#include "kernel/base/percpu.h"
#include "kernel/base/types.h"

#define IO_PORTS 65536

/* What a task may reach; all zero: nothing. */
struct task_io {
	u8 *bitmap; /* IO_BITMAP_BYTES, a set bit denies; NULL: none */
	u64 iopl;   /* 3: every port; the flags' IOPL stays 0 */
};

static inline bool io_bitmap_wanted(const struct task_io *io)
{
	return io->bitmap || io->iopl == 3;
}

/*
 * A CPU's frames for the bitmap of whatever task runs there.  Boot CPU, before that CPU
 * starts; its vault is mapped.  0 or -ENOMEM.
 */
int io_bitmap_make_cpu(unsigned cpu);

/*
 * Opens or closes ports [from, from + n), which must be below IO_PORTS, and, if
 * `io` is the current task's, in this CPU's TSS.  A bitmap that denies all is
 * given back.  0 or -ENOFRAME.  io is the current task's, or of one that does not
 * run.
 */
int io_bitmap_set(struct task_io *io, unsigned from, unsigned n, bool open);

/* iopl: at level 3 (0 to 3) all are open.  io is the current task's. */
void io_bitmap_set_level(struct task_io *io, unsigned level);

/* fork: the child, which has none, gets a copy.  0 or -ENOFRAME. */
int io_bitmap_copy(struct task_io *child, const struct task_io *parent);

/* exec, exit: nothing is open any more; if it is the current task's, at once. */
void io_bitmap_drop(struct task_io *io);

/* Makes this CPU's TSS say what `io` does.  Interrupts off. */
void io_bitmap_load(const struct task_io *io);

#endif
