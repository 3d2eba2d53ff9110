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
};

struct ledger_entry {
	const char *name;
	const char *owner;  /* the file that writes it */
	const char *reason; /* why a user PGD has to show it */
	bool per_cpu;       /* offset from the CPU's area, or an address */
	virt_addr_t at;
	unsigned pages;
	u64 prot;           /* PROT_R, PROT_RW or PROT_RX */
	bool optional;      /* may be absent */
	enum ledger_kind kind;
};

extern const struct ledger_entry ledger[];
extern const unsigned ledger_size;

/*
 * The entry that allows `va`, and the CPU whose area it is in (*cpu; -1 for
 * the shared part), or NULL.
 */
const struct ledger_entry *ledger_find(virt_addr_t va, int *cpu);

/* First address of an entry, for a CPU if it is per-CPU. */
virt_addr_t ledger_address(const struct ledger_entry *e, unsigned cpu);

/* Pages an entry has: fixed, but for entry text, whose size the linker knows. */
unsigned ledger_pages(const struct ledger_entry *e);

#endif
