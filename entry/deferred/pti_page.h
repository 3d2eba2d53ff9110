/*
 * A thread's page in slot 507: its PTI stack, and what it may know of itself without the
 * kernel.  The kernel writes the facts at the page's address in the direct map; deferred C
 * finds its own page by its stack.
 */
#ifndef ENTRY_DEFERRED_PTI_PAGE_H
#define ENTRY_DEFERRED_PTI_PAGE_H

#include "entry/entry.h"
#include "kernel/base/deferred.h"
#include "kernel/base/layout.h"
#include "kernel/base/types.h"

/*
 * Each of these is what a program is told when it asks: there is no secret in them.  Deferred
 * C writes the first two alone: the kernel sets `work_due`, and `result` is between the call
 * and the assembly.
 */
struct deferred_facts {
	u64 result;   /* of a call that has met it: */
	u32 work_due; /* came while deferred C was interrupted */
	u32 tid;
	u32 cpu;            /* on which the thread runs */
	u32 affinity_bytes; /* no shorter answer of sched_getaffinity is given */
	u64 affinity[NR_CPUS / 64];
};

/* The process's, read-only for deferred C; written under process_lock. */
struct process_facts {
	u32 pid, ppid, pgid, sid;
	u32 uid, euid, gid, egid;
};

struct pti_page {
	u8 stack[PTI_STACK_SIZE - sizeof(struct pt_regs)];
	struct pt_regs regs; /* of the system call or trap from user mode */
	struct deferred_facts facts;
	u8 rest[PTI_FACTS_SIZE - sizeof(struct deferred_facts)];
};
static_assert(sizeof(struct pti_page) == PAGE_SIZE, "one page");
static_assert(offsetof(struct pti_page, facts) == PTI_STACK_SIZE, "deferred.h");
static_assert(sizeof(struct pt_regs) == PTI_REGS_SIZE, "deferred.h");
static_assert(offsetof(struct deferred_facts, result) == FACT_RESULT, "deferred.h");

/* What deferred C must know of the machine, at CEA_DEFERRED_DATA; set once at boot. */
struct deferred_machine {
	u64 tsc_start, ns_per_tsc; /* as arch/machine/clock.c counts: 32.32 fixed point */
	u64 realtime_start;
	u32 smap; /* STAC and CLAC are there, and needed */

	/* By number: a bit is set if the call may end on the user's table, or is none. */
	u32 here[DEFERRED_NR / 32];
};
static_assert(offsetof(struct deferred_machine, here) == DEFERRED_HERE_BITS, "deferred.h");

#endif
