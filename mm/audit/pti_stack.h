/*
 * P7 of a PTI stack's page (pti=deferred).
 */
#ifndef MM_AUDIT_PTI_STACK_H
#define MM_AUDIT_PTI_STACK_H

#include "kernel/base/types.h"
#include "mm/ledger.h"

/*
 * leakscan_page(); of LEDGER_PTI all but the registers at the stack's top, which the program
 * has put there itself.
 */
long pti_stack_or_page_leak(const void *page, enum ledger_kind kind, u64 *value);

#endif
