/*
 * Names of the kernel's text, for back-traces.
 */
#ifndef KERNEL_DEBUG_SYMBOLS_H
#define KERNEL_DEBUG_SYMBOLS_H

#include "kernel/base/types.h"

/*
 * The function or the label of entry code that the instruction at ip belongs to, and how
 * far behind its first byte ip is; NULL: no text, or an image without names.  In a
 * trampoline alias it is the name in CPU 0's.  Any context.
 */
const char *symbol_find(u64 ip, u64 *offset);

/* The CPU in whose trampoline alias, or at least entry area, ip is, or -1.  Any context. */
int symbol_cpu(u64 ip);

/*
 * Writes " name+0x1c", in a trampoline alias " name+0x1c [cpu 1]", or nothing, into `to`,
 * which has room for SYMBOL_TEXT_SIZE bytes; a name is cut after SYMBOL_NAME_MAX.
 * behind_call: ip is a return address, so the name is that of the call, and of no
 * function behind it.  Returns `to`.  Any context.
 */
#define SYMBOL_NAME_MAX 40
#define SYMBOL_TEXT_SIZE (SYMBOL_NAME_MAX + 40)
const char *symbol_format(char *to, u64 ip, bool behind_call);

#endif
