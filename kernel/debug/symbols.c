/*
 * The table of the names of our text: where each begins, ascending, and where a text
 * ends, a name that is empty.  scripts/symbols.py makes it of the image that is linked
 * without it, and the linker puts it behind the read-only data.  An image that is linked
 * once only has none.
 *
 * Nothing here takes a lock or writes, so that a panic and an NMI can ask.
 */
#include "kernel/base/format.h"
#include "kernel/base/layout.h"
#include "kernel/debug/symbols.h"

extern const struct symbol {
	u64 address;
	const char *name;
} symbols_start[], symbols_end[];

int symbol_cpu(u64 ip)
{
	return ip >= CEA_BASE && ip < CEA_SLOT_END ? (int)((ip - CEA_BASE) / CEA_STRIDE) : -1;
}

const char *symbol_find(u64 ip, u64 *offset)
{
	size_t first = 0, end = (size_t)(symbols_end - symbols_start);

	if (symbol_cpu(ip) >= 0)
		ip = CEA_BASE + (ip - CEA_BASE) % CEA_STRIDE;
	while (first < end) {
		size_t middle = (first + end) / 2;

		if (symbols_start[middle].address <= ip)
			first = middle + 1;
		else
			end = middle;
	}
	if (!first || !symbols_start[first - 1].name[0])
		return NULL;
	*offset = ip - symbols_start[first - 1].address;
	return symbols_start[first - 1].name;
}

const char *symbol_format(char *to, u64 ip, bool behind_call)
{
	u64 offset, at = ip - behind_call;
	const char *name = symbol_find(at, &offset);
	int n = 0;

	to[0] = '\0';
	if (name)
		n = format(to, SYMBOL_TEXT_SIZE, " %.*s+0x%lx", SYMBOL_NAME_MAX, name,
			   offset + behind_call);
	if (name && symbol_cpu(at) >= 0)
		format(to + n, SYMBOL_TEXT_SIZE - (size_t)n, " [cpu %d]", symbol_cpu(at));
	return to;
}
