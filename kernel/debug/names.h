/*
 * Names for addresses, for reports.
 */
#ifndef KERNEL_DEBUG_NAMES_H
#define KERNEL_DEBUG_NAMES_H

#include "kernel/base/types.h"

/* The window of entry code (entry/entry.h) that ip is in, or NULL. */
const char *place_window(u64 ip);

/* The i-th of them all, empty ones included; false: there are no more. */
struct window {
	u64 start, end;
	const char *name;
};
bool place_nth_window(unsigned i, struct window *w);

/* "#PF", "NMI", "exception" for one that has no name, or "interrupt".  Any context. */
const char *trap_name(unsigned vector);

/* "fetch", "write" or "read": what a page fault's error code says of it.  Any context. */
const char *fault_access(u64 error);

/* What kind of text ip is in. */
const char *place_text(u64 ip);

/* Prints which stack sp is on, and a newline.  Needs this_cpu(). */
void place_print_stack(u64 sp);

#endif
