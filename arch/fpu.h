/*
 * x87, SSE and AVX state of user tasks.  The kernel itself uses none of it.
 */
#ifndef ARCH_FPU_H
#define ARCH_FPU_H

/* Fills a zeroed page with the state that a program starts with. */
void fpu_init_state(void *state);

/* `state` is page-aligned, cpu_features.fpu_state_size bytes of it are used. */
void fpu_save(void *state);
void fpu_restore(const void *state);

#endif
