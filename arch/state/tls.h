/*
 * TLS: three descriptors of the GDT that belong to the running task.
 */
#ifndef ARCH_STATE_TLS_H
#define ARCH_STATE_TLS_H

#include "arch/gdt.h"
#include "kernel/base/percpu.h"
#include "kernel/base/x86.h"

#define TLS_ENTRIES 3
#define TLS_FIRST 12 /* as Linux's */

struct user_desc;
struct user_state;

/* As user_desc_pack() makes them; 0: none. */
struct task_tls {
	u64 desc[TLS_ENTRIES];
};

static inline u64 tls_any(const struct task_tls *tls)
{
	static_assert(TLS_ENTRIES == 3, "all of them");
	return tls->desc[0] | tls->desc[1] | tls->desc[2];
}

/*
 * This CPU's GDT gets a task's descriptors, at a switch (kernel threads have
 * none) or when they change.  Through the direct map; the accessed bits are
 * set.  Before segment registers are loaded.  Interrupts off.
 */
static inline void tls_load(struct percpu *cpu, const struct task_tls *tls)
{
	u64 *entry = &cpu->gdt->entry[TLS_FIRST];

	for (unsigned i = 0; i < TLS_ENTRIES; i++)
		entry[i] = tls->desc[i];
	cpu->tls_loaded = tls_any(tls);
}

/* May a program have this for a TLS descriptor, or is it one of the two for none? */
bool tls_is_allowed(const struct user_desc *d);

/* The number of the first entry that holds nothing, or -ESRCH. */
int tls_free_entry(const struct task_tls *tls);

/*
 * Makes entry d->entry_number what d says, which is allowed.  `runs`: u is the current
 * task's, and the CPU gets the descriptor at once; else of one that has not run yet.
 * 0, or -EINVAL: not the number of a TLS entry.
 */
int tls_set(struct user_state *u, const struct user_desc *d, bool runs);

/* The entry of that number into *d: 0 or -EINVAL. */
int tls_get(const struct task_tls *tls, u32 entry, struct user_desc *d);

#endif
