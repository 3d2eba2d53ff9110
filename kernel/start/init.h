/*
 * The end of every boot.
 */
#ifndef KERNEL_START_INIT_H
#define KERNEL_START_INIT_H

#include "kernel/start/args.h"

/*
 * Runs the selftests that *args asks for, then the first program as pid 1, and powers
 * off with a status that says whether all went well.  tsc_at_entry: the TSC at the
 * boot's first check of the CPU, for the line that tells how long the boot took.
 * Context: the first kernel thread, everything initialised.
 */
__noreturn void init_run(const struct boot_args *args, u64 tsc_at_entry);

#endif
