/*
 * For the suites: what each CPU's own registers say, and running something on
 * one CPU.
 */
#ifndef TESTS_SUITES_CPUS_H
#define TESTS_SUITES_CPUS_H

#include "kernel/base/cpumask.h"
#include "kernel/base/insn.h"
#include "mm/pagetable.h"

struct selftest;

/* As SGDT, SIDT, STR, MOV from CRn and RDMSR gave them on that CPU. */
struct cpu_state {
	struct table_register gdtr, idtr;
	u16 tr;
	u64 cr0, cr3, cr4, efer;
	u64 gs_base, star, lstar, cstar, sfmask;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
};
extern struct cpu_state cpu_state[NR_CPUS];

/* Every online CPU reads its own, now. */
void cpus_read_state(void);

/* fn(arg) on one CPU, on some, or on all: in an interrupt, interrupts off. */
void cpus_call(unsigned cpu, void (*fn)(void *), void *arg);
void cpus_call_set(const struct cpumask *cpus, void (*fn)(void *), void *arg);
void cpus_call_all(void (*fn)(void *), void *arg);

/*
 * Skips the case where the machine hangs at an instruction breakpoint that
 * is taken (arch/machine/emulator.h).  True: return.
 */
bool cpus_skip_breakpoints(struct selftest *t);

/*
 * fn(arg) in a kernel thread that stays on one CPU, interrupts on; waits for
 * it.  False: no memory.  Task context.
 */
bool cpus_run_thread(unsigned cpu, void (*fn)(void *), void *arg);

/* In such a thread: it is the only CPU of its affinity. */
struct cpumask cpus_only(unsigned cpu);

/*
 * The PGD that a user program on this CPU would run under, by the CR3 last
 * read: the user PGD, or the kernel PGD without a shadow.
 */
const pte_t *cpus_user_view(unsigned cpu);

/* Pages of the GDT by that CPU's GDTR, rounded up. */
unsigned cpus_gdt_pages(unsigned cpu);

#endif
