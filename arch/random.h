/*
 * Random numbers for programs: AT_RANDOM and getrandom().
 */
#ifndef ARCH_RANDOM_H
#define ARCH_RANDOM_H

#include "kernel/base/types.h"

/*
 * RDRAND where the CPU has it.  Elsewhere a mix of a counter and the TSC:
 * different every time, but not secret from one who knows the time.
 */
u64 random_u64(void);

#endif
