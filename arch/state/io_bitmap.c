/*
 * The IO bitmap.
 *
 * The processor looks a port up in the bitmap of this CPU's TSS.  There is none, and
 * every port is denied, but while a task runs that was given ports: then all user PGDs
 * show a bitmap, read-only, with that task's bits, copied at the switch; the next switch
 * hides it again.  The vault says whose bits are shown (percpu.io; NULL: nobody's).
 * Each CPU's bitmap has frames of its own, for good.  So a translation that another CPU
 * has still cached, having read here while it was shown, leads to nothing else.
 *
 * iopl(3) is a bitmap of zeroes.  The flags' own IOPL would let the program
 * turn interrupts off as well; it is never set.
 * The bits are the program's choice, so they may look like a hidden address:
 * the leak scan leaves them out (mm/audit.c).
 */
#include "arch/cpu_entry_area.h"
#include "arch/state/io_bitmap.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/pti.h"
#include "mm/tlb.h"

#define BITMAP_FRAMES (IO_BITMAP_BYTES / PAGE_SIZE)
#define DENY_ALL 0xff

/* Instead of a bitmap with bits of both kinds, and behind every bitmap. */
static const u8 zero_page[PAGE_SIZE] __aligned(PAGE_SIZE);
static const u8 ones_page[PAGE_SIZE] __aligned(PAGE_SIZE) = { [0 ... PAGE_SIZE - 1] = DENY_ALL };

/* ---- What the processor sees ------------------------------------------------------- */

int io_bitmap_make_cpu(unsigned cpu)
{
	phys_addr_t pa = frame_alloc_contiguous(BITMAP_FRAMES, NO_FRAME);

	if (pa == NO_FRAME)
		return -ENOMEM;
	VAULT_OF(cpu)->io_bitmap = phys_to_virt(pa);
	return 0;
}

/* In every table that shows this CPU's area. */
static void set_page(unsigned cpu, unsigned page, pte_t entry)
{
	virt_addr_t at = (virt_addr_t)&cea(cpu)->io_bitmap[page];

	*pt_entry(pti_init_pgd, at, 1, false) = entry;
	if (pti_roots_per_cpu)
		VAULT_OF(cpu)->shown_area[at % CEA_STRIDE / PAGE_SIZE] = entry;
}

static void hide(unsigned cpu)
{
	virt_addr_t at = (virt_addr_t)cea(cpu)->io_bitmap;

	cea_tss_direct(cpu)->io_bitmap_base = TSS_NO_IO_BITMAP;
	for (unsigned i = 0; i < CEA_IO_BITMAP_PAGES; i++)
		set_page(cpu, i, 0);
	tlb_flush_local(at, at + CEA_IO_BITMAP_PAGES * PAGE_SIZE);
}

/* bits: NULL for zeroes, every port is open. */
static void show(unsigned cpu, const u8 *bits)
{
	u64 prot = PROT_R | cea_global();
	u8 *own = VAULT_OF(cpu)->io_bitmap;

	hide(cpu);
	if (bits)
		memcpy(own, bits, IO_BITMAP_BYTES);
	for (unsigned i = 0; i < BITMAP_FRAMES; i++)
		set_page(cpu, i,
			 prot | (bits ? virt_to_phys(own + i * PAGE_SIZE) :
					image_to_phys(zero_page)));
	set_page(cpu, BITMAP_FRAMES, prot | image_to_phys(ones_page));
	cea_tss_direct(cpu)->io_bitmap_base = TSS_IO_BITMAP;
}

void io_bitmap_load(const struct task_io *io)
{
	struct percpu *cpu = this_cpu();

	if (io_bitmap_wanted(io)) {
		cpu->io = io;
		show(cpu->cpu, io->iopl == 3 ? NULL : io->bitmap);
	} else {
		hide(cpu->cpu);
		cpu->io = NULL;
	}
}

/* ---- A task's own ---------------------------------------------------------------------- */

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
			return -ENOFRAME;
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

void io_bitmap_set_level(struct task_io *io, unsigned level)
{
	u64 flags = interrupts_save();

	io->iopl = level;
	io_bitmap_load(io);
	interrupts_restore(flags);
}

int io_bitmap_copy(struct task_io *child, const struct task_io *parent)
{
	child->iopl = parent->iopl;
	if (!parent->bitmap)
		return 0;
	child->bitmap = new_bitmap();
	if (!child->bitmap)
		return -ENOFRAME;
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
