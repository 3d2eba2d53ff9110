/*
 * The ledger: every page that a user PGD's kernel half may show, with owner,
 * reason and rights, in one table (mm/ledger.c).
 */
#ifndef MM_LEDGER_H
#define MM_LEDGER_H

#include "kernel/base/types.h"

enum ledger_kind {
	LEDGER_DATA,
	LEDGER_GDT, /* descriptors are decoded by the leak scan */
	LEDGER_IDT, /* so are gates */
	LEDGER_LDT, /* descriptors that the process has chosen itself */
	LEDGER_TSS, /* with a bitmap that a process may have chosen */
};

/* What an entry's address means. */
enum ledger_place {
	LEDGER_SHARED,  /* an address, for all CPUs */
	LEDGER_AREA,    /* an offset from each CPU's area */
	LEDGER_ESPFIX,  /* of each CPU, the first in its group: layout.h */
	LEDGER_PROCESS, /* an address in a process's own slot */
};

struct ledger_entry {
	const char *name;
	const char *owner;  /* the file that writes it */
	const char *reason; /* why a user PGD has to show it */
	enum ledger_place place;
	virt_addr_t at;
	unsigned pages;
	u64 prot;           /* PROT_R, PROT_RW or PROT_RX */
	bool optional;      /* may be absent */
	enum ledger_kind kind;
};

extern const struct ledger_entry ledger[];
extern const unsigned ledger_size;

/* The CPUs have a debug store: its pages are no longer optional. */
extern bool ledger_debug_store;

/* Must its pages be there? */
bool ledger_required(const struct ledger_entry *e);

static inline bool ledger_per_cpu(const struct ledger_entry *e)
{
	return e->place == LEDGER_AREA || e->place == LEDGER_ESPFIX;
}

/*
 * The entry that allows `va`, and the CPU whose page it is (*cpu; -1 for
 * what is not per CPU), or NULL.
 */
const struct ledger_entry *ledger_find(virt_addr_t va, int *cpu);

/* First address of an entry, for a CPU if it is per-CPU. */
virt_addr_t ledger_address(const struct ledger_entry *e, unsigned cpu);

/* Pages an entry has: fixed, but for entry text, whose size the linker knows. */
unsigned ledger_pages(const struct ledger_entry *e);

#endif
