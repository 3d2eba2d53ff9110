/*
 * Reader of the multiboot2 information structure that GRUB leaves in memory.
 *
 * Called once, by the boot code on CPU 0, when %eax held MULTIBOOT2_MAGIC at
 * the entry point; fills struct boot_info, which kernel/base/boot_info.h describes.
 *
 * Source: The Multiboot2 Specification version 2.0, section 3.6.
 */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "kernel/base/boot_info.h"
#include "kernel/base/complaint.h"

/* What a multiboot2 loader puts into %eax. */
#define MULTIBOOT2_MAGIC 0x36d76289

/*
 * Reads the structure at `info`, of which `limit` bytes may be read; it need
 * not be aligned.  The caller has called boot_info_init(bi, warn) and set
 * bi->info_start to the structure's physical address.
 *
 * Returns 0, or -EINVAL with one line in *why, "multiboot2: found X, expected
 * Y", when the structure contradicts itself or holds no memory map; *bi is
 * then half filled.  Oddities that leave the rest usable (a second module, a
 * command line too long, a region that wraps) go to bi->warn instead.
 */
int multiboot2_parse(const void *info, size_t limit, struct boot_info *bi, struct complaint *why);

#endif
