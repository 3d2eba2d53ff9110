/*
 * Reader of ELF program files.
 *
 * Order of work: the file header, then each program header by itself, then
 * what holds only of all of them together (no overlap, the entry point inside
 * code).  Headers of ELF32 are widened to those of ELF64 as they are read, so
 * that one set of checks serves both.  A segment is asked only about what it has:
 * one without bytes in the file has no offset, an empty one has no address.
 * An image that passes can be mapped without a further check, except that a
 * static-pie needs a base under which its segments are in the user half.
 *
 * Read next: kernel/files/elf_map.c, which maps it.
 */
#include "kernel/files/elf.h"

#include "kernel/base/layout.h"
#include "kernel/base/string.h"

struct file_header {
	u8 magic[4];
	u8 class, data, version, osabi, padding[8];
	u16 type, machine;
	u32 file_version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
} __packed;
static_assert(sizeof(struct file_header) == 64, "System V ABI, figure 4-3");

struct program_header {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
} __packed;
static_assert(sizeof(struct program_header) == 56, "System V ABI, figure 5-1");

struct file_header32 {
	u8 ident[16];
	u16 type, machine;
	u32 file_version, entry, phoff, shoff, flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
} __packed;
static_assert(sizeof(struct file_header32) == 52, "System V ABI, figure 4-3");

struct program_header32 {
	u32 type, offset, vaddr, paddr, filesz, memsz, flags, align;
} __packed;
static_assert(sizeof(struct program_header32) == 32, "System V ABI, figure 5-1");

enum { CLASS_32 = 1, CLASS_64 = 2, DATA_LITTLE_ENDIAN = 1 };
enum { MACHINE_386 = 3, MACHINE_X86_64 = 62 };
enum { TYPE_EXEC = 2, TYPE_DYN = 3 };

#define PT_LOAD 1
#define PT_INTERP 3
#define PT_GNU_STACK 0x6474e551

static bool is_elf32(const struct file_header *h)
{
	return h->class == CLASS_32;
}

static size_t phentsize(const struct file_header *h)
{
	return is_elf32(h) ? sizeof(struct program_header32) : sizeof(struct program_header);
}

/* What stands first in the file, the same in both classes. */
static int check_ident(const struct file_header *h, size_t size, struct complaint *why)
{
	static const u8 magic[4] = { 0x7f, 'E', 'L', 'F' };
	size_t least = sizeof(struct file_header32);

	if (size >= least && !is_elf32(h))
		least = sizeof(struct file_header);
	if (size < least)
		return complain(why,
				"elf: found a file of %zu bytes, expected "
				"at least %zu",
				size, least);
	if (memcmp(h->magic, magic, sizeof(magic)) != 0)
		return complain(why,
				"elf: found the magic number %02x %02x "
				"%02x %02x, expected 7f 45 4c 46",
				h->magic[0], h->magic[1], h->magic[2], h->magic[3]);
	if (h->class != CLASS_32 && h->class != CLASS_64)
		return complain(why,
				"elf: found class %u, expected %d "
				"(32-bit) or %d (64-bit)",
				h->class, CLASS_32, CLASS_64);
	if (h->data != DATA_LITTLE_ENDIAN)
		return complain(why,
				"elf: found data encoding %u, expected %d "
				"(little endian)",
				h->data, DATA_LITTLE_ENDIAN);
	return 0;
}

/* The header of an image whose ident is good, in the form of ELF64. */
static struct file_header read_header(const void *image)
{
	const struct file_header32 *h32 = image;
	struct file_header h;

	if (!is_elf32(image))
		return *(const struct file_header *)image;
	memset(&h, 0, sizeof(h));
	h.class = CLASS_32;
	h.type = h32->type;
	h.machine = h32->machine;
	h.entry = h32->entry;
	h.phoff = h32->phoff;
	h.phentsize = h32->phentsize;
	h.phnum = h32->phnum;
	return h;
}

static struct program_header read_phdr(const void *image, const struct file_header *h, unsigned i)
{
	const u8 *at = (const u8 *)image + h->phoff + i * phentsize(h);
	const struct program_header32 *p32 = (const void *)at;

	if (!is_elf32(h))
		return *(const struct program_header *)at;
	return (struct program_header){
		.type = p32->type,
		.flags = p32->flags,
		.offset = p32->offset,
		.vaddr = p32->vaddr,
		.paddr = p32->paddr,
		.filesz = p32->filesz,
		.memsz = p32->memsz,
		.align = p32->align,
	};
}

static int check_header(const struct file_header *h, size_t size, struct complaint *why)
{
	if (h->machine != (is_elf32(h) ? MACHINE_386 : MACHINE_X86_64))
		return complain(why, "elf: found machine %u, expected %s", h->machine,
				is_elf32(h) ? "3 (i386)" : "62 (x86-64)");
	if (h->type != TYPE_EXEC && h->type != TYPE_DYN)
		return complain(why,
				"elf: found type %u, expected %d "
				"(executable) or %d (static-pie)",
				h->type, TYPE_EXEC, TYPE_DYN);
	if (h->phentsize != phentsize(h))
		return complain(why,
				"elf: found program headers of %u bytes, "
				"expected %zu",
				h->phentsize, phentsize(h));
	if (h->phoff > size || h->phnum > (size - h->phoff) / phentsize(h))
		return complain(why,
				"elf: found %u program headers at offset "
				"%#lx, expected them inside the file of %#zx "
				"bytes",
				h->phnum, h->phoff, size);
	return 0;
}

/* Where a segment's bytes are in the file.  There are some. */
static int check_offset(const struct program_header *p, size_t size, struct complaint *why)
{
	if (p->offset > size || p->filesz > size - p->offset)
		return complain(why,
				"elf: found a segment of %#lx bytes at "
				"offset %#lx, expected it inside the file of "
				"%#zx bytes",
				p->filesz, p->offset, size);
	if (p->vaddr % PAGE_SIZE != p->offset % PAGE_SIZE)
		return complain(why,
				"elf: found a segment at %#lx from offset "
				"%#lx, expected both at the same place in a "
				"page",
				p->vaddr, p->offset);
	return 0;
}

/* Checks a PT_LOAD that is not empty against the file and the user half. */
static int check_load(const struct program_header *p, size_t size, const struct elf_image *out,
		      struct complaint *why)
{
	virt_addr_t lowest = out->is_pie ? 0 : USER_START;
	virt_addr_t end = out->ia32 ? USER_END_IA32 : USER_END;

	if (p->filesz > p->memsz)
		return complain(why,
				"elf: found a segment with %#lx bytes in "
				"the file, expected at most its %#lx in memory",
				p->filesz, p->memsz);
	if (p->vaddr < lowest || p->vaddr > end || p->memsz > end - p->vaddr)
		return complain(why,
				"elf: found a segment of %#lx bytes at "
				"%#lx, expected it between %#lx and %#lx",
				p->memsz, p->vaddr, lowest, end);
	if ((p->flags & ELF_W) && (p->flags & ELF_X))
		return complain(why,
				"elf: found the segment at %#lx writable "
				"and executable, expected at most one of the "
				"two",
				p->vaddr);
	return p->filesz ? check_offset(p, size, why) : 0;
}

/* As Linux: what is no power of 2 asks for nothing. */
static u64 alignment(const struct program_header *p)
{
	return (p->align & (p->align - 1)) == 0 ? p->align : 0;
}

/* Adds a checked PT_LOAD, unless it overlaps one that is there already. */
static int add_segment(struct elf_image *out, const struct program_header *p, struct complaint *why)
{
	const struct elf_segment *s;

	for (s = out->segment; s != out->segment + out->segment_count; s++) {
		if (p->vaddr < s->vaddr + s->memsz && s->vaddr < p->vaddr + p->memsz)
			return complain(why,
					"elf: found a segment at %#lx "
					"that overlaps the one at %#lx, "
					"expected them apart",
					p->vaddr, s->vaddr);
	}
	if (out->segment_count == ELF_MAX_SEGMENTS)
		return complain(why,
				"elf: found more than %d segments, "
				"expected at most that",
				ELF_MAX_SEGMENTS);
	out->segment[out->segment_count++] = (struct elf_segment){
		.vaddr = p->vaddr,
		.paddr = p->paddr,
		.memsz = p->memsz,
		.offset = p->filesz ? p->offset : 0,
		.filesz = p->filesz,
		.rights = p->flags & (ELF_R | ELF_W | ELF_X),
	};
	out->align = MAX(out->align, alignment(p));
	out->start = MIN(out->start, ALIGN_DOWN(p->vaddr, PAGE_SIZE));
	out->brk_start = MAX(out->brk_start, ALIGN_UP(p->vaddr + p->memsz, PAGE_SIZE));
	return 0;
}

static int take_program_header(struct elf_image *out, const struct program_header *p, size_t size,
			       struct complaint *why)
{
	int err;

	switch (p->type) {
	case PT_LOAD:
		if (p->memsz == 0 && p->filesz == 0)
			return 0;
		err = check_load(p, size, out, why);
		return err ? err : add_segment(out, p, why);
	case PT_INTERP:
		return complain(why, "elf: found an interpreter (PT_INTERP), "
				     "expected a static program");
	case PT_GNU_STACK:
		if (p->flags & ELF_X)
			return complain(why, "elf: found an executable stack "
					     "(PT_GNU_STACK), expected one without "
					     "X");
		return 0;
	default: return 0;
	}
}

/* Where the program headers are in memory: in the segment that has them. */
static virt_addr_t find_phdr(const struct elf_image *out, const struct file_header *h)
{
	u64 size = (u64)h->phnum * h->phentsize;
	const struct elf_segment *s;

	for (s = out->segment; s != out->segment + out->segment_count; s++) {
		if (h->phoff >= s->offset && size <= s->filesz &&
		    h->phoff - s->offset <= s->filesz - size)
			return s->vaddr + (h->phoff - s->offset);
	}
	return 0;
}

static int check_entry(const struct elf_image *out, struct complaint *why)
{
	const struct elf_segment *s;

	for (s = out->segment; s != out->segment + out->segment_count; s++) {
		if ((s->rights & ELF_X) && out->entry >= s->vaddr &&
		    out->entry - s->vaddr < s->memsz)
			return 0;
	}
	return complain(why,
			"elf: found the entry point %#lx outside, "
			"expected it inside an executable segment",
			out->entry);
}

u64 elf_head_size(const void *image, size_t size)
{
	struct file_header h;

	if (size < sizeof(h))
		return size;
	h = read_header(image);
	return h.phoff > ~0ULL - h.phnum * phentsize(&h) ? ~0ULL :
							   h.phoff + h.phnum * phentsize(&h);
}

int elf_parse(const void *image, size_t size, struct elf_image *out, struct complaint *why)
{
	struct file_header h;
	int err;

	err = check_ident(image, size, why);
	if (err != 0)
		return err;
	h = read_header(image);
	err = check_header(&h, size, why);
	if (err != 0)
		return err;
	memset(out, 0, sizeof(*out));
	out->ia32 = is_elf32(&h);
	out->is_pie = h.type == TYPE_DYN;
	out->entry = h.entry;
	out->phnum = h.phnum;
	out->phentsize = h.phentsize;
	out->start = USER_END;
	out->align = PAGE_SIZE;

	for (unsigned i = 0; i < h.phnum; i++) {
		struct program_header p = read_phdr(image, &h, i);

		err = take_program_header(out, &p, size, why);
		if (err != 0)
			return err;
	}
	if (out->segment_count == 0)
		return complain(why, "elf: found no segment to load, expected "
				     "at least one (PT_LOAD)");
	out->phdr = find_phdr(out, &h);
	return check_entry(out, why);
}
