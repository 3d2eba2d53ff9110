/*
 * Random numbers for programs: AT_RANDOM, getrandom(), where a program lies.
 */
#ifndef ARCH_MACHINE_RANDOM_H
#define ARCH_MACHINE_RANDOM_H

#include "kernel/base/types.h"

/* Seeds the generator as well as this machine can, and says if it cannot.  Boot CPU. */
void random_init(void);

/*
 * Has the key come from a source that nobody outside knows?  Until then numbers
 * differ from call to call, but can be guessed.
 */
bool random_is_seeded(void);

/*
 * Seeds from the timing of port reads, some milliseconds of them; false: it did
 * not vary enough.  Context: interrupts on.
 */
bool random_seed_by_jitter(void);

/* Context: any but NMI and its like. */
void random_bytes(void *to, size_t n);
u64 random_u64(void); /* cheaper: a block makes several */

#endif
