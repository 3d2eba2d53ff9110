/*
 * area.h: slots 507 to 510 of the address map (kernel/base/layout.h), under
 * names that do not collide with the C library's.
 */
#ifndef TESTS_USER_BUGS_AREA_H
#define TESTS_USER_BUGS_AREA_H

#undef PAGE_SIZE
#include "../../../../kernel/base/layout.h"

#define AREA_PAGE ((uint64_t)PAGE_SIZE)
#define AREA_BASE CEA_BASE
#define AREA_STRIDE CEA_STRIDE
#define AREA_SHARED_BASE CEA_SHARED_BASE
#define AREA_ENTRY_TEXT CEA_ENTRY_TEXT
#define AREA_GUARD (CEA_ENTRY_STACK - PAGE_SIZE)
#define AREA_SLOT_507 PROCESS_ENTRY_BASE
#define AREA_SLOT_510 (VAULT_BASE + 0x8000000000)
#define AREA_SAMPLE 0x123456000

#endif
