/*
 * What is on a thread's PTI stack is the program's own, or addresses of slot 508: deferred C
 * has nothing else.  Looked for is what the kernel may have left there.
 */
#include "kernel/base/deferred.h"
#include "kernel/base/layout.h"
#include "kernel/base/string.h"
#include "mm/audit/pti_stack.h"
#include "mm/leakscan.h"

static long scan(const u8 *page, long from, long to, u64 *value)
{
	for (long i = from; i <= to - 8; i++) {
		memcpy(value, page + i, 8);
		if (leakscan_is_hidden(*value))
			return i;
	}
	return -1;
}

long pti_stack_or_page_leak(const void *page, enum ledger_kind kind, u64 *value)
{
	long at;

	if (kind != LEDGER_PTI)
		return leakscan_page(page, kind, value);
	at = scan(page, 0, PTI_STACK_SIZE - PTI_REGS_SIZE, value);
	return at < 0 ? scan(page, PTI_STACK_SIZE + PTI_CHOICES_SIZE, PAGE_SIZE, value) : at;
}
