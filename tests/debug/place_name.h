/*
 * A place in the text, as the debug build's reports have it.
 */
#ifndef TESTS_DEBUG_PLACE_NAME_H
#define TESTS_DEBUG_PLACE_NAME_H

#include "kernel/base/format.h"
#include "kernel/debug/symbols.h"

/* Writes the name into `to`, of SYMBOL_TEXT_SIZE bytes, and returns it. */
static inline const char *place_name_in(char *to, u64 at)
{
	if (!symbol_format(to, at, true)[0])
		format(to, SYMBOL_TEXT_SIZE, " %#lx", at);
	return to;
}

/*
 * " name+0x1c" of the call that returns to `at`, or " 0xffffffff80101234" if it has no name.
 * It is good until the end of the block.
 */
#define PLACE_NAME(at) place_name_in((char[SYMBOL_TEXT_SIZE]){ "" }, at)

#endif
