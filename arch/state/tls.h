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

/* As user_desc_pack() makes them; 0: none. */
struct task_tls {
	u64 desc[TLS_ENTRIES];
};

/*
 * This CPU's GDT gets a task's descriptors, at a switch (kernel threads have
 * none) or when they change.  Through the direct map; the accessed bits are
 * set.  Before segment registers are loaded.  Interrupts off.
 */
static inline void tls_load(const struct task_tls *tls)
{
	u64 *entry = &this_cpu()->gdt->entry[TLS_FIRST];

	for (unsigned i = 0; i < TLS_ENTRIES; i++)
		if (entry[i] != tls->desc[i])
			entry[i] = tls->desc[i];
}

#endif
