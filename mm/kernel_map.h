/*
 * The kernel's own map: RAM at the direct map, the image with the rights of
 * its sections, and the slots that other files fill.
 */
#ifndef MM_KERNEL_MAP_H
#define MM_KERNEL_MAP_H

#include "kernel/base/boot_info.h"
#include "kernel/base/types.h"

/*
 * Makes the frame allocator from the sorted regions, less the image, the
 * initramfs and the first 4 KiB of memory.  Panics with one line if there is
 * too little.  Context: boot CPU, temporary map (first 4 GiB visible).
 */
void kernel_map_init_frames(const struct boot_info *bi);

/*
 * Page-aligned RAM of `size` bytes, below 4 GiB, in which neither the image
 * nor anything of *bi lies; 0: none.  Before kernel_map_init_frames().
 */
phys_addr_t kernel_map_find_room(const struct boot_info *bi, u64 size);

/*
 * Fills pti_init_pgd's kernel half, all of its PGD slots included, and loads
 * it.  From here on the temporary map, and with it every low address, is gone.
 * Context: boot CPU, frames and pti_init() done; cpu features known.
 */
void kernel_map_init(const struct boot_info *bi, bool gib_pages);

/*
 * PTE_G for what every table shows: slot 508 always, and the rest of the
 * kernel half when there is no shadow.
 */
u64 kernel_map_global(void);

#endif
