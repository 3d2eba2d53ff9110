/*
 * What is each CPU doing?  Asked by NMI: when a CPU takes no timer interrupts
 * any more, and when somebody types Ctrl-T on the console.
 */
#ifndef KERNEL_DEBUG_WATCHDOG_H
#define KERNEL_DEBUG_WATCHDOG_H

#include "entry/entry.h"
#include "kernel/base/layout.h"

/*
 * A CPU that has taken no timer interrupt for so long is reported, once, by
 * another one; with 32 CPUs and more, a multiple of it.  Generous: a host may
 * leave one of its virtual CPUs alone for seconds, and of many each for longer.
 * Tests lower it for a moment.
 */
#define WATCHDOG_NS 30000000000ULL
extern u64 watchdog_limit_ns;

/*
 * Each timer interrupt: notes that this CPU is alive, and looks at the next one, every
 * sched_longest_sleep_ns.  Context: interrupts off.
 */
void watchdog_tick(void);

/*
 * In each NMI: prints this CPU's back-trace if that is what the NMI was for.
 * regs: the interrupted registers.
 */
void watchdog_nmi(const struct pt_regs *regs);

/* What each NMI calls: watchdog_nmi(), or kernel/debug/profile.c's, which calls that. */
extern void (*nmi_reader)(const struct pt_regs *regs);

/*
 * Prints the back-trace of every CPU, this one's first; one that does not answer
 * is named.  Nothing if another CPU is at it.  Any context but NMI.
 */
void watchdog_report_all(void);

/* How long to wait for a CPU's answer before reporting that there is none. */
#define WATCHDOG_ANSWER_NS 2000000000ULL
extern u64 watchdog_answer_ns;

/* Of each CPU so far, for the tests: reports of stalls; NMIs not answered. */
extern u32 watchdog_stalls[NR_CPUS], watchdog_silences[NR_CPUS];

#endif
