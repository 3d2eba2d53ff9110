/*
 * QEMU's fw_cfg device: named files handed in from QEMU's command line.
 */
#ifndef ARCH_MACHINE_FW_CFG_H
#define ARCH_MACHINE_FW_CFG_H

#include "kernel/base/types.h"

struct fw_cfg_file {
	u16 key;
	u32 size; /* bytes */
};

/* Looks a file up: true and *file, or false (also where there is no device). */
bool fw_cfg_find(const char *name, struct fw_cfg_file *file);

/* Reads its first n bytes, n <= file->size.  Boot CPU only. */
void fw_cfg_read(const struct fw_cfg_file *file, void *to, size_t n);

#endif
