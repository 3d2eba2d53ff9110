/*
 * Reading each CPU's registers, and running something on one CPU.  No suite of
 * its own; tests/suites/ calls it.
 */
#include "arch/machine/emulator.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/start/selftest.h"
#include "kernel/task/sched.h"
#include "mm/pti.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/kernel_thread.h"

struct cpu_state cpu_state[NR_CPUS];

static void read_state(void *arg __unused)
{
	struct cpu_state *s = &cpu_state[this_cpu()->cpu];

	sgdt(&s->gdtr);
	sidt(&s->idtr);
	s->tr = str();
	s->cr0 = read_cr0();
	s->cr3 = read_cr3();
	s->cr4 = read_cr4();
	s->efer = rdmsr(MSR_EFER);
	s->gs_base = rdmsr(MSR_GS_BASE);
	s->star = rdmsr(MSR_STAR);
	s->lstar = rdmsr(MSR_LSTAR);
	s->cstar = rdmsr(MSR_CSTAR);
	s->sfmask = rdmsr(MSR_SFMASK);
	s->sysenter_cs = rdmsr(MSR_SYSENTER_CS);
	s->sysenter_esp = rdmsr(MSR_SYSENTER_ESP);
	s->sysenter_eip = rdmsr(MSR_SYSENTER_EIP);
}

void cpus_read_state(void)
{
	cpus_call_all(read_state, NULL);
}

struct cpumask cpus_only(unsigned cpu)
{
	struct cpumask only = { { 0 } };

	cpumask_set(&only, cpu);
	return only;
}

void cpus_call(unsigned cpu, void (*fn)(void *), void *arg)
{
	struct cpumask only = cpus_only(cpu);

	seam_call_on_cpus(&only, fn, arg);
}

void cpus_call_set(const struct cpumask *cpus, void (*fn)(void *), void *arg)
{
	seam_call_on_cpus(cpus, fn, arg);
}

void cpus_call_all(void (*fn)(void *), void *arg)
{
	seam_call_on_cpus(&cpus_online, fn, arg);
}

struct thread_call {
	void (*fn)(void *);
	void *arg;
};

static void run_call(void *arg)
{
	const struct thread_call *call = arg;

	call->fn(call->arg);
	task_exit(0);
}

bool cpus_run_thread(unsigned cpu, void (*fn)(void *), void *arg)
{
	struct thread_call call = { fn, arg };
	struct task *t = task_create("test", run_call, &call);

	if (!t)
		return false;
	t->affinity = cpus_only(cpu);
	sched_start(t);
	task_wait(t);
	return true;
}

const pte_t *cpus_user_view(unsigned cpu)
{
	u64 pgd = cpu_state[cpu].cr3 & CR3_ADDR_MASK & ~(u64)CR3_USER_PGD;

	if (!pti_enabled)
		pgd = cpu_state[cpu].cr3 & CR3_ADDR_MASK;
	return phys_to_virt(pti_enabled ? pgd | CR3_USER_PGD : pgd);
}

unsigned cpus_gdt_pages(unsigned cpu)
{
	return (cpu_state[cpu].gdtr.limit + 1U + PAGE_SIZE - 1) / PAGE_SIZE;
}

bool cpus_skip_breakpoints(struct selftest *t)
{
	if (emulator.faults & EMULATOR_STALE_RIP)
		selftest_skip(t, "%s here", emulator_fault_title(EMULATOR_STALE_RIP));
	return emulator.faults & EMULATOR_STALE_RIP;
}
