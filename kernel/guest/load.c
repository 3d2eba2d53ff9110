/*
 * A multiboot kernel made into a process.
 *
 * Its segments go to the physical addresses that the ELF file names; there is no paging, so
 * these are linear addresses, too.  Pages of code are R X, all others RW: nothing is both.
 * Source: Multiboot Specification 0.6.96, 3.1 to 3.3.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/files/elf.h"
#include "kernel/guest/guest.h"
#include "kernel/linux/process/clone.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/linux/program/load.h"
#include "mm/space/shared.h"
#include "mm/frames/frame.h"
#include "mm/space/mm_range.h"

#define HEADER_MAGIC 0x1badb002
#define HEADER_SEARCH 8192
#define HEADER_KNOWN 0x3         /* modules aligned (there are none), memory sizes */
#define HEADER_MUST 0xffff       /* flags that a loader must know */
#define HEADER_ADDRESSES 0x10000 /* load addresses in the header, not in the ELF's */

#define LOADER_MAGIC 0x2badb002
#define INFO_MEMORY 0x1
#define INFO_AT 0x1000 /* below where an ELF file may have segments */
#define LOW_KIB 640

#define SEL_LOADER_CS 0x08
#define CR0_AT_START 0x11 /* PE, ET */
#define SEL_LOADER_DS 0x10

/* Where struct guest lies in its address space: behind its memory, like covered pages kept. */
#define GUEST_STRUCT (OVERLAY_KEPT + GUEST_MEMORY + PAGE_SIZE)

struct multiboot_header {
	u32 magic, flags, checksum;
};

struct multiboot_info {
	u32 flags, mem_lower, mem_upper;
};

static const struct multiboot_header *find_header(const u8 *image, size_t size)
{
	struct multiboot_header h;

	for (size_t at = 0; at + sizeof(h) <= MIN(size, HEADER_SEARCH); at += 4) {
		memcpy(&h, image + at, sizeof(h));
		if (h.magic == HEADER_MAGIC && h.magic + h.flags + h.checksum == 0)
			return (const void *)(image + at);
	}
	return NULL;
}

static bool is_elf32(const u8 *image, size_t size)
{
	static const u8 ident[5] = { 0x7f, 'E', 'L', 'F', 1 };

	return size > sizeof(ident) && memcmp(image, ident, sizeof(ident)) == 0;
}

/* ---- Checks ------------------------------------------------------------------------------ */

static int check_header(const struct multiboot_header *h, struct complaint *why)
{
	if (h->flags & HEADER_ADDRESSES)
		return complain(why,
				"guest: found load addresses in its multiboot header (flag 16), "
				"expected those of the ELF file");
	if (h->flags & HEADER_MUST & ~HEADER_KNOWN)
		return complain(why, "guest: found the multiboot flags %#x, expected at most %#x",
				h->flags & HEADER_MUST, HEADER_KNOWN);
	return 0;
}

static bool share_page(const struct elf_segment *a, const struct elf_segment *b)
{
	return ALIGN_DOWN(a->paddr, PAGE_SIZE) < b->paddr + b->memsz &&
	       ALIGN_DOWN(b->paddr, PAGE_SIZE) < a->paddr + a->memsz;
}

static int check_segments(const struct elf_image *elf, struct complaint *why)
{
	for (unsigned i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *s = &elf->segment[i];

		if (s->paddr + s->memsz > GUEST_MEMORY || s->paddr < INFO_AT + PAGE_SIZE)
			return complain(why,
					"guest: found a segment from %#lx to %#lx, expected it "
					"from %#lx to %#x, the end of its memory",
					s->paddr, s->paddr + s->memsz - 1, (u64)INFO_AT + PAGE_SIZE,
					GUEST_MEMORY - 1);
		for (unsigned j = 0; j < i; j++)
			if (share_page(s, &elf->segment[j]) &&
			    ((s->rights ^ elf->segment[j].rights) & ELF_X))
				return complain(
					why,
					"guest: found code and data in the page %#lx, expected "
					"a page of its own for either",
					ALIGN_DOWN(MAX(s->paddr, elf->segment[j].paddr),
						   PAGE_SIZE));
	}
	return 0;
}

/* ---- Building ----------------------------------------------------------------------------- */

static long map_segment(struct mm *mm, const u8 *image, const struct elf_segment *s)
{
	virt_addr_t start = ALIGN_DOWN(s->paddr, PAGE_SIZE);
	u64 size = ALIGN_UP(s->paddr + s->memsz, PAGE_SIZE) - start;
	long err = mm_write(mm, s->paddr, image + s->offset, s->filesz);

	if (!err && (s->rights & ELF_X))
		err = mm_protect(mm, start, size, VMA_READ | VMA_EXEC);
	return err;
}

static long map_all(struct mm *mm, const u8 *image, const struct elf_image *elf)
{
	static const struct multiboot_info info = {
		.flags = INFO_MEMORY,
		.mem_lower = LOW_KIB,
		.mem_upper = (GUEST_MEMORY >> 10) - 1024,
	};
	long err = overlay_make_memory(mm, GUEST_PAGES * PAGE_SIZE);

	for (unsigned i = 0; !err && i < elf->segment_count; i++)
		err = map_segment(mm, image, &elf->segment[i]);
	return err ? err : mm_write(mm, INFO_AT, &info, sizeof(info));
}

/* The struct lies in a frame of the address space, and is freed with it. */
static struct guest *make_guest(struct mm *mm)
{
	static const struct guest start = {
		.segment = { [SEG_ES] = SEL_LOADER_DS,
			     [SEG_DS] = SEL_LOADER_DS,
			     [SEG_FS] = SEL_LOADER_DS,
			     [SEG_GS] = SEL_LOADER_DS },
		.cpu = NR_CPUS,
		.cr0 = CR0_AT_START,
	};

	if (mm_write(mm, GUEST_STRUCT, &start, sizeof(start)))
		return NULL;
	mm->guest = overlay_kept(mm, GUEST_STRUCT);
	mm->guest->mm = mm;
	mm->guest->own_trap = guest_do_trap;
	return mm->guest;
}

static void enter_guest(void *regs)
{
	struct guest *g = current_task()->mm->guest;

	guest_tables_init(g);
	exit_work_before_user(regs);
	guest_enter(g, regs);
	entry_return_to_user(regs);
}

static void set_registers(struct thread *t)
{
	struct pt_regs *regs = thread_regs(t);

	t->process->ia32 = true;
	regs->cs = SEL_LOADER_CS | 3;
	regs->ss = SEL_LOADER_DS | 3;
	regs->ax = LOADER_MAGIC;
	regs->bx = INFO_AT;
	task_prepare_stack(task_of(t), sizeof(*regs), enter_guest, regs);
}

/* NULL: no memory, and nothing is left of it. */
static struct thread *build(const char *name, const u8 *image, const struct elf_image *elf)
{
	struct mm *mm = mm_alloc();
	struct thread *t = NULL;
	struct guest *g = NULL;

	if (mm && map_all(mm, image, elf) == 0)
		g = make_guest(mm);
	if (g)
		t = thread_create(name, mm, elf->entry, 0);
	if (t) {
		set_registers(t);
		g->regs = thread_regs(t);
	} else if (mm) {
		mm_put(mm);
	}
	return t;
}

static int load(const u8 *bytes, u64 size, const char *path, struct thread **t,
		struct complaint *why)
{
	const struct multiboot_header *header =
		is_elf32(bytes, size) ? find_header(bytes, size) : NULL;
	struct elf_image elf;

	if (!header)
		return -ENOENT;
	if (pti_deferred)
		return complain(why,
				"guest: found pti=deferred, expected pti=on or off: the user's "
				"table would answer its INT 0x80");
	if (check_header(header, why) || elf_parse(bytes, size, &elf, why) ||
	    check_segments(&elf, why))
		return -EINVAL;
	*t = build(program_name(path), bytes, &elf);
	if (*t)
		return 0;
	complain(why, "guest: found no memory for %s, expected enough", path);
	return -ENOMEM;
}

int guest_load(const char *path, struct thread **t, struct complaint *why)
{
	const u8 *bytes = NULL;
	struct dentry *file;
	int err = -ENOENT;

	if (program_find(path, &file))
		return -ENOENT;
	if (file_is(file->inode, FILE_REGULAR))
		bytes = shared_bytes(file->inode->content);
	if (bytes)
		err = load(bytes, inode_size(file->inode), path, t, why);
	dentry_drop(file);
	return err;
}
