/*
 * Reader of the hvm_start_info structure of the PVH boot protocol, by which
 * QEMU starts the kernel directly (-kernel), without firmware or GRUB.
 *
 * Called once, by the boot code on CPU 0, when the PVH entry point was taken;
 * fills struct boot_info, which kernel/base/boot_info.h describes.
 *
 * Source: Xen, docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h.
 */
#ifndef BOOT_PVH_H
#define BOOT_PVH_H

#include "kernel/base/boot_info.h"
#include "kernel/base/complaint.h"

#define PVH_MAGIC 0x336ec578 /* "xEn3" with the top bit of the E set */

/*
 * Reads the structure at `start_info`, of which `limit` bytes may be read; it
 * need not be aligned.  What it points to is reached through map(address,
 * size), which gives a pointer good until this function returns, or NULL for
 * memory that cannot be read.  The caller has called boot_info_init(bi, warn)
 * and set bi->info_start to the structure's physical address.
 *
 * Returns 0, or -EINVAL with one line in *why, "pvh: found X, expected Y"; *bi
 * is then half filled.  Version 0 is refused: it has no memory map, and the
 * Xen hypercall that would give one is not there.  Oddities that leave the
 * rest usable go to bi->warn.
 */
int pvh_parse(const void *start_info, size_t limit,
	      const void *(*map)(phys_addr_t address, size_t size), struct boot_info *bi,
	      struct complaint *why);

#endif
