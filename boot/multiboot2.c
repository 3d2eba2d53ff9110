/*
 * Reader of the multiboot2 information structure.
 *
 * The structure is a header and a list of tags, each with its own length, the
 * last one of type 0.  Nothing in it is trusted: every length is held against
 * what contains it before anything behind it is read.  A lie about a length is
 * refused, for then nothing that follows can be found; a strange value inside
 * a sound tag is warned about and left out.
 *
 * Read next: boot_info.c, and pvh.c, which does the same for the other protocol.
 */
#include "boot/multiboot2.h"

#include "kernel/base/string.h"

enum tag_type {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_RSDP_OLD = 14, /* a copy of the ACPI 1 structure */
	TAG_RSDP_NEW = 15, /* a copy of the ACPI 2 structure */
};

struct info_header {
	u32 total_size; /* with this header and the end tag */
	u32 reserved;
} __packed;

struct tag {
	u32 type;
	u32 size; /* with this header, without the padding to 8 bytes */
} __packed;

struct module_tag {
	struct tag head;
	u32 start;
	u32 end;
	char name[];
} __packed;

struct mmap_tag {
	struct tag head;
	u32 entry_size;
	u32 entry_version;
	u8 entries[];
} __packed;

struct mmap_entry {
	u64 base;
	u64 length;
	u32 type;
	u32 reserved;
} __packed;

struct parser {
	struct boot_info *bi;
	struct complaint *why;
	unsigned modules;
};

/* Copies the string that fills the tag; `what` names it in messages. */
static int take_string(struct parser *p, const struct tag *tag, const char *what, char *to,
		       size_t size)
{
	const char *text = (const char *)(tag + 1);
	size_t room = tag->size - sizeof(*tag);

	if (strnlen(text, room) == room)
		return complain(p->why,
				"multiboot2: found a %s of %zu bytes "
				"without an end, expected a NUL in it",
				what, room);
	if (strscpy(to, text, size) < 0)
		boot_info_warn(p->bi,
			       "multiboot2: found a %s of %zu bytes, "
			       "expected at most %zu; cut there",
			       what, strlen(text), size - 1);
	return 0;
}

/* The first module is the initramfs; there is no use for another. */
static int take_module(struct parser *p, const struct module_tag *tag)
{
	size_t room;

	if (tag->head.size < sizeof(*tag))
		return complain(p->why,
				"multiboot2: found a module tag of %u "
				"bytes, expected at least %zu",
				tag->head.size, sizeof(*tag));
	room = tag->head.size - sizeof(*tag);
	if (strnlen(tag->name, room) == room)
		return complain(p->why,
				"multiboot2: found a module name of "
				"%zu bytes without an end, expected a NUL in "
				"it",
				room);
	if (tag->start > tag->end)
		return complain(p->why,
				"multiboot2: found a module from %#x "
				"to %#x, expected its end not below its start",
				tag->start, tag->end);
	if (p->modules++ == 0)
		p->bi->initramfs = (struct boot_range){ tag->start, tag->end };
	else
		boot_info_warn(p->bi,
			       "multiboot2: found module %u at %#x, "
			       "expected only one, the initramfs; ignored",
			       p->modules, tag->start);
	if (p->modules > 1)
		boot_info_keep_apart(p->bi, "another module", tag->start, tag->end);
	return 0;
}

static int take_memory_map(struct parser *p, const struct mmap_tag *tag)
{
	const struct mmap_entry *entry;
	u32 room, at;

	if (tag->head.size < sizeof(*tag))
		return complain(p->why,
				"multiboot2: found a memory map tag of "
				"%u bytes, expected at least %zu",
				tag->head.size, sizeof(*tag));
	/* A later version may append fields to an entry, in steps of 8. */
	if (tag->entry_size < sizeof(*entry) || tag->entry_size % 8 != 0)
		return complain(p->why,
				"multiboot2: found memory map entries "
				"of %u bytes, expected a multiple of 8 from "
				"%zu on",
				tag->entry_size, sizeof(*entry));
	room = tag->head.size - (u32)sizeof(*tag);
	if (room % tag->entry_size != 0)
		return complain(p->why,
				"multiboot2: found %u bytes of memory "
				"map, expected a multiple of the entry size %u",
				room, tag->entry_size);
	for (at = 0; at < room; at += tag->entry_size) {
		entry = (const struct mmap_entry *)(tag->entries + at);
		boot_info_add_region(p->bi, entry->base, entry->length, entry->type);
	}
	return 0;
}

/* `want` is the length of the structure of which the tag holds a copy. */
static void take_rsdp(struct parser *p, const struct tag *tag, size_t want)
{
	if (tag->size - sizeof(*tag) < want) {
		boot_info_warn(p->bi,
			       "multiboot2: found an RSDP of %zu bytes, "
			       "expected %zu; ignored",
			       tag->size - sizeof(*tag), want);
		return;
	}
	/* OVMF gives both; the new one knows the XSDT. */
	if (p->bi->rsdp_len > want)
		return;
	memcpy(p->bi->rsdp, tag + 1, want);
	p->bi->rsdp_len = (unsigned)want;
}

/* One tag, all of whose bytes may be read; unknown types are skipped. */
static int take_tag(struct parser *p, const struct tag *tag)
{
	struct boot_info *bi = p->bi;

	switch (tag->type) {
	case TAG_CMDLINE:
		return take_string(p, tag, "command line", bi->cmdline, sizeof(bi->cmdline));
	case TAG_LOADER: return take_string(p, tag, "loader name", bi->loader, sizeof(bi->loader));
	case TAG_MODULE: return take_module(p, (const struct module_tag *)tag);
	case TAG_MEMORY_MAP: return take_memory_map(p, (const struct mmap_tag *)tag);
	case TAG_RSDP_OLD: take_rsdp(p, tag, 20); return 0;
	case TAG_RSDP_NEW: take_rsdp(p, tag, BOOT_RSDP_SIZE); return 0;
	default: return 0;
	}
}

/* Takes every tag up to the end tag; `total` bytes at `info` may be read. */
static int take_tags(struct parser *p, const u8 *info, size_t total)
{
	const struct tag *tag;
	size_t at = sizeof(struct info_header);
	int err;

	for (;; at += ALIGN_UP(tag->size, 8)) {
		if (at > total || total - at < sizeof(*tag))
			return complain(p->why,
					"multiboot2: found no end tag "
					"in %zu bytes, expected one",
					total);
		tag = (const struct tag *)(info + at);
		if (tag->size < sizeof(*tag))
			return complain(p->why,
					"multiboot2: found a tag of "
					"type %u with %u bytes at offset %zu, "
					"expected at least %zu",
					tag->type, tag->size, at, sizeof(*tag));
		if (tag->size > total - at)
			return complain(p->why,
					"multiboot2: found a tag of "
					"type %u with %u bytes at offset %zu, "
					"expected at most the %zu that are "
					"left",
					tag->type, tag->size, at, total - at);
		if (tag->type == TAG_END)
			return 0;
		err = take_tag(p, tag);
		if (err != 0)
			return err;
	}
}

int multiboot2_parse(const void *info, size_t limit, struct boot_info *bi, struct complaint *why)
{
	const struct info_header *header = info;
	const size_t smallest = sizeof(*header) + sizeof(struct tag);
	struct parser p = { .bi = bi, .why = why };
	int err;

	bi->protocol = BOOT_MULTIBOOT2;
	if (limit < sizeof(*header))
		return complain(why,
				"multiboot2: found %zu readable bytes, "
				"expected at least %zu",
				limit, sizeof(*header));
	if (header->total_size < smallest || header->total_size > limit)
		return complain(why,
				"multiboot2: found a total size of %u, "
				"expected %zu to %zu",
				header->total_size, smallest, limit);
	err = take_tags(&p, info, header->total_size);
	if (err != 0)
		return err;
	if (bi->region_count == 0)
		return complain(why,
				"multiboot2: found no memory map, "
				"expected a tag of type %d with entries",
				TAG_MEMORY_MAP);
	bi->info_end = bi->info_start + header->total_size;
	boot_info_keep_apart(bi, "the boot information", bi->info_start, bi->info_end);
	return 0;
}
