/*
 * addresses.c: addresses of the kernel's that the regression programs try; apart,
 * because sys/user.h has a PAGE_SIZE of its own.  Declared in bugs.h.
 */
#include <stdint.h>

#include "../../../../kernel/base/layout.h"

#define CPU_AREA(cpu) (CEA_BASE + (cpu) * CEA_STRIDE)
#define IST_TOP(cpu, n) (CPU_AREA(cpu) + CEA_IST + ((n) - 1) * CEA_IST_STRIDE + PAGE_SIZE)

const uint64_t kernel_addresses[] = {
	KERNEL_BASE, KERNEL_BASE + 0x100000, DIRECT_MAP_BASE, DIRECT_MAP_BASE + 0x100000, VMAP_BASE,
	PROCESS_ENTRY_BASE, CEA_SLOT_BASE, CEA_IDT, CEA_ENTRY_TEXT,
	CPU_AREA(0) + CEA_GDT, CPU_AREA(0) + CEA_ENTRY_STACK_TOP, CPU_AREA(0) + CEA_TSS,
	IST_TOP(0, IST_DF), IST_TOP(0, IST_NMI), IST_TOP(0, IST_NMI) - 40, IST_TOP(0, IST_DB),
	IST_TOP(0, IST_MC), CPU_AREA(0) + CEA_TRAMPOLINE, VAULT_BASE, VAULT_BASE + 8,
	CPU_AREA(1) + CEA_ENTRY_STACK_TOP, IST_TOP(1, IST_NMI), IST_TOP(1, IST_NMI) - 40,
	IST_TOP(0, IST_NMI) - PAGE_SIZE + 8, IST_TOP(1, IST_NMI) - PAGE_SIZE + 8,
	VAULT_BASE + CEA_STRIDE, CEA_SLOT_END - 8, 0x7ffffffff000, 0xffff800000000000, ~7ul,
};
const unsigned kernel_address_count = sizeof(kernel_addresses) / sizeof(kernel_addresses[0]);
