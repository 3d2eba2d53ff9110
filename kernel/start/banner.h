/*
 * What the kernel says of itself on the console.
 */
#ifndef KERNEL_START_BANNER_H
#define KERNEL_START_BANNER_H

#include "arch/machine/smp.h"
#include "kernel/base/boot_info.h"

/* CPUs, memory, address map, and what the user PGD shows. */
void banner_print(const struct boot_info *bi, const struct smp_setup *setup, unsigned numbered);

/* The honesty line: what no result on this machine can claim. */
void banner_emulator(void);

/* How pid 1 ended. */
void banner_init_ended(const char *path, int status);

#endif
