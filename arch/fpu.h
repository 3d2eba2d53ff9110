/*
 * x87, SSE and AVX state of user tasks.  The kernel itself uses none of it.
 */
#ifndef ARCH_FPU_H
#define ARCH_FPU_H

/* Fills a zeroed page with the state that a program starts with. */
void fpu_init_state(void *state);

/* `state` is a page of its own, of which XCR0 says how much is used. */
void fpu_save(void *state);
void fpu_restore(const void *state);

#endif
