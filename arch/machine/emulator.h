/*
 * Which emulator this is, and which of the known faults of emulators it has: a
 * result says no more than the machine can show.  docs/emulators.md explains each.
 */
#ifndef ARCH_MACHINE_EMULATOR_H
#define ARCH_MACHINE_EMULATOR_H

#include "kernel/base/types.h"

enum emulator_name {
	EMULATOR_UNKNOWN, /* a processor, a hypervisor, or one that says nothing */
	EMULATOR_TCG,     /* QEMU's, by its CPUID signature */
	EMULATOR_BOCHS,   /* by its port 0xe9, which scripts/bochs.py opens */
};

/* Found by doing it. */
#define EMULATOR_TAKES_PCIDE BIT(0)  /* CR4.PCIDE without CPUID's PCID */
#define EMULATOR_DROPS_GLOBAL BIT(1) /* a CR3 write drops global entries */
#define EMULATOR_DROPS_PCID BIT(2)   /* bit 63 of CR3 keeps nothing */
#define EMULATOR_NO_RF BIT(3)        /* a fault's frame may have RFLAGS.RF clear */
#define EMULATOR_STALE_RIP \
	BIT(10) /* behind an exception the RIP in front of it is
					 compared with instruction breakpoints, for ever */

/* Found by doing it in ring 3, later: kernel/start/ring3_probe.c. */
#define EMULATOR_FAR_RETURN BIT(9) /* its stack is read with the kernel's rights */

/* Known of a name: they take user mode, or more than a boot should do. */
#define EMULATOR_NO_AC BIT(4)         /* no #AC, nor SSE's #XM */
#define EMULATOR_LATE_DB BIT(5)       /* no #DB on an entry's first instruction */
#define EMULATOR_LRET_ACCESSED BIT(6) /* LRET and IRET leave the accessed bit */
#define EMULATOR_IRET_RING3 BIT(7)    /* SYSRET and IRETQ to no address: in ring 3 */
#define EMULATOR_NO_NMI BIT(8)        /* no NMI from outside, and no #MC */

struct emulator {
	enum emulator_name name;
	u32 faults;
};
extern struct emulator emulator;

/*
 * Fills `emulator`.  Boot CPU, once its CR4 is set; `page` is a page of the
 * kernel's own map, mapped by a PTE, whose byte nobody else uses meanwhile.
 */
void emulator_detect(virt_addr_t page);

/* The faults that ring 0 can probe, found again.  Any CPU, interrupts off. */
u32 emulator_probe(virt_addr_t page);

/* In words. */
const char *emulator_title(void);
const char *emulator_fault_title(u32 fault);

#endif
