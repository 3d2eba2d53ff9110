/*
 * Calling a function on other CPUs and waiting for all of them: what TLB
 * shootdowns and tests are made of.
 *
 * One call is under way at a time, under a claim.  A CPU that waits for the claim
 * may have interrupts off, and the call under way may want it: so it answers that
 * while it waits, which a spinlock's loop could not.  A CPU that waits for answers
 * is wanted by no call but its own.  No spinlock may be held (asserted): its next
 * owner might be spinning with interrupts off and would never answer.
 */
#include "arch/machine/apic.h"
#include "arch/machine/ipi_call.h"
#include "arch/machine/long_wait.h"
#include "arch/machine/smp.h"
#include "kernel/base/claim.h"
#include "kernel/base/insn.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/seams.h"

static struct {
	struct claim claim;
	void (*fn)(void *);
	void *arg;
	struct cpumask pending; /* the CPUs that have not answered yet */
} call = { .claim = CLAIM(LOCK_IPI_CALL) };

static struct percpu *stopper; /* for good; NULL: nobody */

void smp_handle_call(void)
{
	unsigned cpu = this_cpu()->cpu;

	if (!cpumask_test(&call.pending, cpu))
		return; /* answered while waiting; the interrupt came late */
	call.fn(call.arg);
	cpumask_clear(&call.pending, cpu);
}

static void wait_until_answered(void)
{
	struct long_wait wait = { 0 };
	u64 ms;

	for (unsigned i = 0; i < ARRAY_SIZE(call.pending.bits); i++)
		while (__atomic_load_n(&call.pending.bits[i], __ATOMIC_ACQUIRE)) {
			ms = long_wait_ms(&wait);
			if (ms)
				log("smp: cpu %u has waited %lu ms for cpu %u to answer a call\n",
				    this_cpu()->cpu, ms, cpumask_next(&call.pending, 0));
			cpu_relax();
		}
}

/* Only one call is under way at a time. */
static void take_the_call(void)
{
	struct long_wait wait = { 0 };
	u64 ms;

	while (!claim_try(&call.claim)) {
		smp_handle_call();
		ms = long_wait_ms(&wait);
		if (ms)
			log("smp: cpu %u has waited %lu ms for the calls of others to be "
			    "answered\n",
			    this_cpu()->cpu, ms);
		cpu_relax();
	}
}

/* A CPU that joins the set behind this fence sees all that was written in front of it. */
static bool others_in(const struct cpumask *cpus, unsigned self)
{
	unsigned first;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	first = cpumask_next(cpus, 0);
	return first < NR_CPUS && (first != self || cpumask_next(cpus, self + 1) < NR_CPUS);
}

void seam_call_on_cpus(const struct cpumask *cpus, void (*fn)(void *), void *arg)
{
	u64 flags = interrupts_save();
	unsigned self = this_cpu()->cpu;

	might_sleep();
	ASSERT_OP(this_cpu()->locks_held, ==, 0);
	if (!others_in(cpus, self)) {
		if (cpumask_test(cpus, self))
			fn(arg);
		interrupts_restore(flags);
		return;
	}
	take_the_call();
	call.fn = fn;
	call.arg = arg;
	for_each_cpu(cpu, &cpus_online)
		if (cpu != self && cpumask_test(cpus, cpu))
			cpumask_set(&call.pending, cpu);
	for_each_cpu(cpu, &call.pending)
		apic_send_ipi(VAULT_OF(cpu)->apic_id, VEC_IPI_CALL);
	if (cpumask_test(cpus, self))
		fn(arg);
	wait_until_answered();
	claim_drop(&call.claim);
	interrupts_restore(flags);
}

void smp_stop_others(void)
{
	stopper = this_cpu();
	for_each_cpu(cpu, &cpus_online)
		if (cpu != this_cpu()->cpu)
			apic_send_nmi(VAULT_OF(cpu)->apic_id);
}

bool smp_stopping(void)
{
	return stopper && stopper != this_cpu();
}
