/*
 * ESPFIX: the stack of each CPU from which it returns to a 16-bit stack
 * segment.  Why, and where it lies: kernel/base/layout.h, at ESPFIX_BASE.
 */
#ifndef ARCH_ESPFIX_H
#define ARCH_ESPFIX_H

#include "kernel/base/layout.h"
#include "kernel/base/types.h"
#include "mm/ledger.h"

/*
 * Maps the page of one CPU, with a fresh frame, at all of its addresses.
 * Returns the top of its stack at the first of them, or 0: no memory (nothing
 * is undone).  Boot CPU, before that CPU starts; kernel_map_init() is done.
 */
virt_addr_t espfix_map_cpu(unsigned cpu);

#endif
