/*
 * The addresses of entry text as data: entry text lies in slot 508, beyond a 32-bit
 * relocation's reach from the image.
 */
#include "entry/entry.h"

#define DECLARE(field, label) extern const char label[];
ENTRY_LABELS(DECLARE)
#define DECLARE_WINDOW(field, label, name) extern const char label##_start[], label##_end[];
ENTRY_WINDOWS(DECLARE_WINDOW)

#define FILL(field, label) .field = (u64)label,
#define FILL_WINDOW(field, label, name) \
	.window_##field##_start = (u64)label##_start, .window_##field##_end = (u64)label##_end,

const struct entry_labels entry_labels = { ENTRY_LABELS(FILL) ENTRY_WINDOWS(FILL_WINDOW) };
