/*
 * Reader of the PVH start info.
 *
 * Unlike multiboot2's, this structure holds physical addresses of the command
 * line, the module list, the memory map and the RSDP, so each piece is mapped
 * before it is read, and only as many bytes as will be read: lists entry by
 * entry, the command line byte by byte, since its length is not told.
 *
 * Read next: boot_info.c.
 */
#include "boot/pvh.h"

#include "kernel/base/string.h"

struct start_info {
	u32 magic;
	u32 version;
	u32 flags;
	u32 module_count;
	u64 modules; /* physical addresses, 0 for none, from here on */
	u64 cmdline;
	u64 rsdp;
	u64 memmap; /* this and the rest since version 1 */
	u32 memmap_count;
	u32 reserved;
} __packed;

struct module_entry {
	u64 start;
	u64 size;
	u64 cmdline;
	u64 reserved;
} __packed;

struct memmap_entry {
	u64 start;
	u64 size;
	u32 type;
	u32 reserved;
} __packed;

/* Of the modules, one of which is used. */
#define MOST_MODULES 64

/* The ACPI RSDP's two lengths, and where its revision stands. */
enum { RSDP_V1_SIZE = 20, RSDP_REVISION = 15 };

typedef const void *(*map_fn)(phys_addr_t address, size_t size);

static int take_cmdline(phys_addr_t from, map_fn map, struct boot_info *bi, struct complaint *why)
{
	const char *c;
	size_t i;

	for (i = 0; i < sizeof(bi->cmdline); i++) {
		c = map(from + i, 1);
		if (c == NULL)
			return complain(why,
					"pvh: found an unreadable command "
					"line at %#lx, expected a string",
					from + i);
		bi->cmdline[i] = *c;
		if (*c == '\0')
			return 0;
	}
	bi->cmdline[i - 1] = '\0';
	boot_info_warn(bi,
		       "pvh: found a command line of more than %zu bytes, "
		       "expected at most that; cut there",
		       i - 1);
	return 0;
}

/* The first MOST_MODULES are looked at: where they are, if they can be read. */
static void keep_apart_from_others(const struct start_info *si, map_fn map, struct boot_info *bi)
{
	const struct module_entry *module;

	for (u32 i = 1; i < MIN(si->module_count, MOST_MODULES); i++) {
		module = map(si->modules + i * sizeof(*module), sizeof(*module));
		if (module != NULL && module->size <= BOOT_PHYS_END &&
		    module->start <= BOOT_PHYS_END - module->size)
			boot_info_keep_apart(bi, "another module", module->start,
					     module->start + module->size);
	}
}

/* The first module is the initramfs; there is no use for another. */
static int take_modules(const struct start_info *si, map_fn map, struct boot_info *bi,
			struct complaint *why)
{
	const struct module_entry *module;

	if (si->module_count == 0)
		return 0;
	module = map(si->modules, sizeof(*module));
	if (module == NULL)
		return complain(why,
				"pvh: found an unreadable module list at "
				"%#lx, expected %u entries",
				si->modules, si->module_count);
	if (module->start > BOOT_PHYS_END || module->size > BOOT_PHYS_END - module->start)
		return complain(why,
				"pvh: found a module of %#lx bytes at "
				"%#lx, expected its end at or below %#llx",
				module->size, module->start, BOOT_PHYS_END);
	bi->initramfs.start = module->start;
	bi->initramfs.end = module->start + module->size;
	if (si->module_count > 1)
		boot_info_warn(bi,
			       "pvh: found %u modules, expected only one, "
			       "the initramfs; the others are ignored",
			       si->module_count);
	keep_apart_from_others(si, map, bi);
	return 0;
}

/* All that has been read must have been the loader's still. */
static void keep_apart_from_info(const struct start_info *si, struct boot_info *bi)
{
	static const char what[] = "the boot information";
	u64 modules = MIN(si->module_count, MOST_MODULES) * sizeof(struct module_entry);
	u64 memmap = (u64)si->memmap_count * sizeof(struct memmap_entry);

	boot_info_keep_apart(bi, what, bi->info_start, bi->info_end);
	boot_info_keep_apart(bi, what, si->modules, si->modules + modules);
	boot_info_keep_apart(bi, what, si->memmap, si->memmap + memmap);
	if (si->cmdline != 0)
		boot_info_keep_apart(bi, what, si->cmdline, si->cmdline + strlen(bi->cmdline) + 1);
	if (bi->rsdp_len != 0)
		boot_info_keep_apart(bi, what, si->rsdp, si->rsdp + bi->rsdp_len);
}

static int take_memmap(const struct start_info *si, map_fn map, struct boot_info *bi,
		       struct complaint *why)
{
	const struct memmap_entry *entry;
	u64 size = (u64)si->memmap_count * sizeof(*entry);
	u64 at;

	if (si->memmap == 0 || size == 0)
		return complain(why, "pvh: found no memory map, expected "
				     "entries");
	if (si->memmap > UINT64_MAX - size)
		return complain(why,
				"pvh: found a memory map of %u entries at "
				"%#lx, expected one that does not wrap",
				si->memmap_count, si->memmap);
	for (at = 0; at < size; at += sizeof(*entry)) {
		entry = map(si->memmap + at, sizeof(*entry));
		if (entry == NULL)
			return complain(why,
					"pvh: found an unreadable memory "
					"map at %#lx, expected %u entries from "
					"%#lx",
					si->memmap + at, si->memmap_count, si->memmap);
		boot_info_add_region(bi, entry->start, entry->size, entry->type);
	}
	if (bi->region_count == 0)
		return complain(why, "pvh: found only empty regions in the "
				     "memory map, expected memory");
	return 0;
}

/* Without ACPI the machine still boots, on one CPU: so this only warns. */
static void take_rsdp(phys_addr_t from, map_fn map, struct boot_info *bi)
{
	const u8 *rsdp = map(from, RSDP_V1_SIZE);
	unsigned len = RSDP_V1_SIZE;

	if (rsdp != NULL && rsdp[RSDP_REVISION] >= 2) {
		len = BOOT_RSDP_SIZE;
		rsdp = map(from, BOOT_RSDP_SIZE);
	}
	if (rsdp == NULL) {
		boot_info_warn(bi,
			       "pvh: found an unreadable RSDP at %#lx, "
			       "expected %u bytes; ignored",
			       from, len);
		return;
	}
	memcpy(bi->rsdp, rsdp, len);
	bi->rsdp_len = len;
	bi->rsdp_addr = from;
}

static int check_header(const struct start_info *si, size_t limit, struct complaint *why)
{
	if (limit < offsetof(struct start_info, flags))
		return complain(why,
				"pvh: found %zu readable bytes, expected "
				"at least %zu",
				limit, sizeof(*si));
	if (si->magic != PVH_MAGIC)
		return complain(why,
				"pvh: found the magic number %#x, "
				"expected %#x",
				si->magic, PVH_MAGIC);
	if (si->version == 0)
		return complain(why, "pvh: found version 0, which has no "
				     "memory map, expected version 1 or later");
	if (limit < sizeof(*si))
		return complain(why,
				"pvh: found %zu readable bytes, expected "
				"at least %zu",
				limit, sizeof(*si));
	return 0;
}

int pvh_parse(const void *start_info, size_t limit, map_fn map, struct boot_info *bi,
	      struct complaint *why)
{
	const struct start_info *si = start_info;
	int err;

	bi->protocol = BOOT_PVH;
	err = check_header(si, limit, why);
	if (err == 0)
		err = take_memmap(si, map, bi, why);
	if (err == 0)
		err = take_modules(si, map, bi, why);
	if (err == 0 && si->cmdline != 0)
		err = take_cmdline(si->cmdline, map, bi, why);
	if (err != 0)
		return err;
	if (si->rsdp != 0)
		take_rsdp(si->rsdp, map, bi);
	strscpy(bi->loader, "PVH", sizeof(bi->loader));
	bi->info_end = bi->info_start + sizeof(*si);
	keep_apart_from_info(si, bi);
	return 0;
}
