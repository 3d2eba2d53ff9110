/*
 * The IO bitmap.
 *
 * The processor looks a port up in the bitmap of this CPU's TSS, which all user
 * PGDs show, read-only.  It always denies everything but while a task runs
 * that was given ports: then it holds that task's bits, copied through the
 * direct map at the switch, and is filled with ones at the next one.  The vault
 * says which task's bits are there (percpu.io; NULL: no task's).
 *
 * iopl(3) is a bitmap of zeroes.  The flags' own IOPL would let the program
 * turn interrupts off as well; it is never set.
 * The bits are the program's choice, so they may look like a hidden address:
 * the leak scan leaves a bitmap in use out (mm/audit.c).
 */
#include "arch/cpu_entry_area.h"
#include "arch/state/io_bitmap.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"

#define BITMAP_FRAMES (IO_BITMAP_BYTES / PAGE_SIZE)
#define DENY_ALL 0xff

void io_bitmap_load(const struct task_io *io)
{
	struct percpu *cpu = this_cpu();
	u8 *to = cea_tss_direct(cpu->cpu)->io_bitmap;

	if (io->iopl == 3)
		memset(to, 0, IO_BITMAP_BYTES);
	else if (io->bitmap)
		memcpy(to, io->bitmap, IO_BITMAP_BYTES);
	else
		memset(to, DENY_ALL, IO_BITMAP_BYTES);
	cpu->io = io_bitmap_wanted(io) ? io : NULL;
}

static u8 *new_bitmap(void)
{
	phys_addr_t pa = frame_alloc_contiguous(BITMAP_FRAMES, NO_FRAME);

	return pa == NO_FRAME ? NULL : phys_to_virt(pa);
}

static void free_bitmap(struct task_io *io)
{
	if (io->bitmap)
		frame_free_contiguous(virt_to_phys(io->bitmap), BITMAP_FRAMES);
	io->bitmap = NULL;
}

static bool denies_all(const u8 *bitmap)
{
	for (unsigned i = 0; i < IO_BITMAP_BYTES; i++)
		if (bitmap[i] != DENY_ALL)
			return false;
	return true;
}

/* By bytes: there may be 65536 of them. */
static void set_ports(u8 *bitmap, unsigned port, unsigned end, bool open)
{
	while (port < end) {
		unsigned n = MIN(8 - port % 8, end - port);
		u8 mask = (u8)((BIT(n) - 1) << port % 8);

		if (open)
			bitmap[port / 8] &= (u8)~mask;
		else
			bitmap[port / 8] |= mask;
		port += n;
	}
}

int io_bitmap_set(struct task_io *io, unsigned from, unsigned n, bool open)
{
	u64 flags;

	if (!io->bitmap) {
		if (!open)
			return 0;
		io->bitmap = new_bitmap();
		if (!io->bitmap)
			return -ENOMEM;
		memset(io->bitmap, DENY_ALL, IO_BITMAP_BYTES);
	}
	set_ports(io->bitmap, from, from + n, open);
	if (denies_all(io->bitmap))
		free_bitmap(io);
	flags = interrupts_save();
	io_bitmap_load(io);
	interrupts_restore(flags);
	return 0;
}

int io_bitmap_copy(struct task_io *child, const struct task_io *parent)
{
	child->iopl = parent->iopl;
	if (!parent->bitmap)
		return 0;
	child->bitmap = new_bitmap();
	if (!child->bitmap)
		return -ENOMEM;
	memcpy(child->bitmap, parent->bitmap, IO_BITMAP_BYTES);
	return 0;
}

void io_bitmap_drop(struct task_io *io)
{
	u64 flags = interrupts_save();

	free_bitmap(io);
	io->iopl = 0;
	if (this_cpu()->io == io)
		io_bitmap_load(io);
	interrupts_restore(flags);
}
