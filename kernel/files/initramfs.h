/*
 * The initramfs: its archives made into files.
 */
#ifndef KERNEL_FILES_INITRAMFS_H
#define KERNEL_FILES_INITRAMFS_H

#include "kernel/base/types.h"

/*
 * Makes the tree of files (file_tree.h) from the archives in `size` readable bytes, which
 * stay.  `secret` is a random number, `now` the time in ns since 1970.  `report` gets a line for each file that is left
 * out (the first ten), and one for what is damaged; what stands in front of that
 * stays.  Boot, once.
 */
void initramfs_init(const void *archives, size_t size, u64 secret, u64 now,
		    void (*report)(const char *line));

/* Is there one? */
bool initramfs_is_there(void);

#endif
