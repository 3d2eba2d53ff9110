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

/* The alternate stack; stack_t has the same in another order. */
struct signal_stack {
	u64 sp, size;
	u32 flags;
};
#define SS_ONSTACK 1
#define SS_DISABLE 2
#define SS_AUTODISARM 0x80000000u

/* Is sp on it (and SS_AUTODISARM not set)?  And its flags, as sigaltstack tells them then. */
static inline bool signal_on_stack(const struct signal_stack *s, u64 sp)
{
	return sp > s->sp && sp - s->sp <= s->size && !(s->flags & SS_AUTODISARM);
}

static inline u32 signal_stack_flags(const struct signal_stack *s, u64 sp)
{
	u32 on = !s->size ? SS_DISABLE : signal_on_stack(s, sp) ? SS_ONSTACK : 0;

	return (s->flags & SS_AUTODISARM) | on;
}

/*
 * What a thread chooses, and may change without the kernel: kept here alone, or, without
 * pti=deferred, in its struct thread.  The thread itself writes it, and others read `blocked`.
 */
struct thread_choices {
	u64 blocked;         /* bit n - 1: signal n */
	u64 seen;            /* its process's signals_sent when none was pending for it */
	u64 clear_child_tid; /* cleared at its end, a futex woken */
	struct signal_stack stack;
};

/*
 * Each of these is what a program is told when it asks: there is no secret in them.  Deferred
 * C writes choices and the next two alone: the kernel sets `work_due`, and `result` is
 * between the call and the assembly.
 */
struct deferred_facts {
	struct thread_choices choices;
	u64 result;   /* of a call that has met it: */
	u32 work_due; /* came while deferred C was interrupted, or because of its call */
	u32 tid;
	u32 cpu;            /* on which the thread runs */
	u32 affinity_bytes; /* no shorter answer of sched_getaffinity is given */
	u64 affinity[NR_CPUS / 64];
	u64 traced; /* its calls are a tracer's to see */
};

/* The process's, read-only for deferred C; written under process_lock. */
struct process_facts {
	u32 pid, ppid, pgid, sid;
	u32 uid, euid, gid, egid;
	u64 signals_sent; /* to the process or one of its threads */
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
static_assert(sizeof(struct thread_choices) == PTI_CHOICES_SIZE, "deferred.h");
static_assert(offsetof(struct deferred_facts, result) == FACT_RESULT, "deferred.h");

/* What deferred C must know of the machine, at CEA_DEFERRED_DATA; set once at boot. */
struct deferred_machine {
	u64 tsc_start, ns_per_tsc; /* as arch/machine/clock.c counts: 32.32 fixed point */
	u64 realtime_start;
	u32 smap; /* STAC and CLAC are there, and needed */

	/* By number: a bit is set if the call may end on the user's table, or is none. */
	u32 here[DEFERRED_NR / 32];

	u8 names[UTSNAME_SIZE]; /* what uname answers */
};
static_assert(offsetof(struct deferred_machine, here) == DEFERRED_HERE_BITS, "deferred.h");

#endif
