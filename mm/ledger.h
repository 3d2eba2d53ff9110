/*
 * The ledger: every page that a user PGD's kernel half may show, with owner,
 * reason and rights, in one table (mm/ledger.c).
 */
#ifndef MM_LEDGER_H
#define MM_LEDGER_H

#include "kernel/base/deferred.h"
#include "kernel/base/layout.h"
#include "kernel/base/types.h"

enum ledger_kind {
	LEDGER_DATA,
	LEDGER_GDT,       /* descriptors are decoded by the leak scan */
	LEDGER_IDT,       /* so are gates */
	LEDGER_LDT,       /* descriptors that the process has chosen itself */
	LEDGER_IO_BITMAP, /* a task's own choice, shown while it runs */
	LEDGER_PTI,       /* at its top a program's registers, as it has them */
	LEDGER_OVERLAY,   /* descriptors that a guest has chosen: mm/audit/overlay.c */
};

/* What an entry's address means. */
enum ledger_place {
	LEDGER_SHARED,  /* an address, for all CPUs */
	LEDGER_AREA,    /* an offset from each CPU's area */
	LEDGER_ESPFIX,  /* of each CPU, the first in its group; shown with an LDT: layout.h */
	LEDGER_PROCESS, /* an address in a process's own slot */
	LEDGER_PLACES,  /* there, an offset from each thread's place */
	LEDGER_GUEST,   /* an address in the user half of a guest */
	LEDGER_VDSO,    /* anywhere in the user half of a program: mm/audit/vdso.h */
};

struct ledger_entry {
	const char *name;
	const char *owner;  /* the file that writes it */
	const char *reason; /* why a user PGD has to show it */
	enum ledger_place place;
	virt_addr_t at;
	unsigned pages;
	u64 prot;      /* PROT_R, PROT_RW or PROT_RX */
	bool optional; /* may be absent */
	enum ledger_kind kind;
};

#define LEDGER_ROWS 22
extern const struct ledger_entry ledger[LEDGER_ROWS];
extern const unsigned ledger_size;

/* The CPUs have a debug store, pti=deferred: their pages are no longer optional. */
extern bool ledger_debug_store, ledger_deferred;
extern bool ledger_trampoline; /* else there are none: syscall=entry */

/* Must its pages be there? */
bool ledger_required(const struct ledger_entry *e);

static inline bool ledger_per_cpu(const struct ledger_entry *e)
{
	return e->place == LEDGER_AREA || e->place == LEDGER_ESPFIX;
}

/*
 * A process's LDT lies in slot 507, in one of two places that are used in turn, a full
 * table each.  mm->ldt.active says how many entries it has (1 to LDT_ENTRIES) and in
 * which place it is; 0: there is no LDT.
 */
#define LDT_ENTRIES 8192
#define LDT_PLACE_SIZE (LDT_ENTRIES * 8)
#define LDT_MAX_PAGES (LDT_PLACE_SIZE / PAGE_SIZE)
#define LDT_ACTIVE_PLACE 0x80000000
#define LDT_ACTIVE_ENTRIES 0xffff

static inline unsigned ldt_entries(u32 active)
{
	return active & LDT_ACTIVE_ENTRIES;
}

static inline unsigned ldt_pages(u32 active)
{
	return (unsigned)(ALIGN_UP(ldt_entries(active) * 8, PAGE_SIZE) / PAGE_SIZE);
}

static inline virt_addr_t ldt_address(u32 active)
{
	return PROCESS_ENTRY_BASE + (active & LDT_ACTIVE_PLACE ? LDT_PLACE_SIZE : 0);
}

/*
 * The entry that allows `va`, and the CPU whose page it is (*cpu; -1 for
 * what is not per CPU), or NULL.
 */
const struct ledger_entry *ledger_find(virt_addr_t va, int *cpu);

/* The ESPFIX page of CPU n, mapped or not, at its first address. */
static inline virt_addr_t espfix_page(unsigned cpu)
{
	return ESPFIX_BASE + (u64)(cpu / ESPFIX_GROUP_CPUS) * ESPFIX_GROUP_SIZE +
	       (u64)(cpu % ESPFIX_GROUP_CPUS) * ESPFIX_CPU_STRIDE;
}

/* First address of an entry, for a CPU if it is per-CPU. */
virt_addr_t ledger_address(const struct ledger_entry *e, unsigned cpu);

/* Pages an entry has: fixed, but for entry text, whose size the linker knows; 0: none may be. */
unsigned ledger_pages(const struct ledger_entry *e);

#endif
