/*
 * The emulator's faults that only ring 3 can see (arch/machine/emulator.h has the others).
 */
#ifndef KERNEL_START_RING3_PROBE_H
#define KERNEL_START_RING3_PROBE_H

#include "kernel/base/types.h"

/*
 * Runs a process that looks; its faults, EMULATOR_x, 0 if there is no memory for
 * it.  Task context, while no other process runs: it counts exceptions.
 */
u32 ring3_probe(void);

#endif
