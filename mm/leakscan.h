/*
 * P7, the leak scan: does a byte string that a user PGD shows hold an address
 * of what it must not show?
 */
#ifndef MM_LEAKSCAN_H
#define MM_LEAKSCAN_H

#include "kernel/base/types.h"
#include "mm/ledger.h"

/* Is `v` an address of the direct map, the vmap area or the kernel image? */
bool leakscan_is_hidden(u64 v);

/*
 * Looks at every window of 8 bytes of a page, aligned or not, and, by kind, at
 * the addresses that gates and descriptors hold in pieces.  In an LDT it looks
 * for what is no segment of ring 3 instead; in an IO bitmap for nothing, since every
 * bit is its task's own choice.  The offset of the first hidden address, *value set,
 * or -1.
 */
long leakscan_page(const void *page, enum ledger_kind kind, u64 *value);

/*
 * The windows of 8 bytes that lie in two pages, one behind the other in the
 * address space.  Offset from the start of the first page, as above, or -1.
 */
long leakscan_seam(const void *below, const void *above, u64 *value);

#endif
