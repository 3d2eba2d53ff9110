/*
 * More than one CPU: starting them, calling functions on them.
 */
#ifndef ARCH_MACHINE_SMP_H
#define ARCH_MACHINE_SMP_H

#include "arch/gdt.h"
#include "arch/machine/acpi.h"
#include "arch/syscall_msrs.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/deferred.h"
#include "kernel/base/types.h"

/*
 * Gives numbers to the CPUs of the MADT (the boot CPU is 0, the others follow
 * in table order, up to `max`) and returns how many there are.  Says so if
 * some are left out.
 */
unsigned smp_number_cpus(const struct acpi_info *acpi, unsigned max);

struct pt_regs;

/* How to set a CPU up; the same for all. */
struct smp_setup {
	unsigned gdt_pages;
	enum ltr_way ltr;
	enum syscall_entry syscall;
	bool pcid;
	phys_addr_t start_page; /* below 1 MiB, free */
	/* The C that the entry code calls, by each CPU's vault (kernel/base/percpu.h). */
	bool (*do_syscall)(struct pt_regs *);
	void (*do_trap)(struct pt_regs *);
	void (*do_paranoid)(struct pt_regs *);
	/* The same for deferred_to_kernel(). */
	bool (*kernel_call[DEFERRED_CALLS])(struct pt_regs *);
};

/*
 * Fills the vault of a CPU whose area is mapped: pointers, stacks behind the
 * ISTs, the ESPFIX stack, the debug store.  0 or -ENOMEM.
 */
int smp_prepare_cpu(unsigned cpu, u32 apic_id, const struct smp_setup *setup);

/*
 * This CPU from its first C line to full protection: control registers, IDT,
 * GDT and LTR, SYSCALL MSRs, APIC.  Its vault is prepared; GS is set here.
 */
void smp_init_cpu(unsigned cpu, const struct smp_setup *setup);

/*
 * Starts CPUs 1 to count - 1, all at once, and waits until each has answered
 * or has been given up, which is reported.  Returns how many are online.  Each
 * ends in online(stack_top), on its own stack, which does not return.
 */
unsigned smp_start_others(unsigned count, const struct smp_setup *setup,
			  void (*online)(virt_addr_t stack_top));

/*
 * The part of it that sends and waits, alone.  smp_expect_cpu() says that CPU
 * `cpu` is prepared and has this APIC id; smp_wake_cpus() starts those of
 * [first, end) that are expected, at `page` (below 1 MiB), calls absent() for
 * each that it gives up because no other has arrived for timeout_ns (so the wait is
 * longer if others do arrive), and returns how many are alive.  Context: boot, and the
 * test with a CPU that does not exist.
 */
void smp_expect_cpu(unsigned cpu, u32 apic_id);
unsigned smp_wake_cpus(unsigned first, unsigned end, phys_addr_t page, u64 timeout_ns,
		       void (*absent)(unsigned cpu, u32 apic_id, u64 waited_ns));

/* Sends a reschedule interrupt. */
void smp_kick(unsigned cpu);

/* An NMI to one CPU (not the caller). */
void smp_send_nmi(unsigned cpu);

#endif
