/*
 * The facts that deferred calls answer with: a thread's own.  What a process is told of
 * itself, whoever has processes fills in.
 */
#include "arch/state/deferred.h"
#include "kernel/base/phys.h"
#include "kernel/task/facts.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"

bool facts_make(struct process_facts **facts)
{
	phys_addr_t pa = pti_deferred ? frame_alloc_zeroed() : NO_FRAME;

	*facts = pa == NO_FRAME ? NULL : phys_to_virt(pa);
	return !pti_deferred || *facts;
}

void facts_drop(struct process_facts *facts)
{
	if (facts)
		frame_free(virt_to_phys(facts));
}

bool facts_make_stack(struct task *t)
{
	if (!pti_deferred)
		return true;
	if (!pti_stack_alloc(&t->user.pti))
		return false;
	t->regs = &((struct pti_page *)t->user.pti.page)->regs;
	return true;
}

void facts_tell_number(const struct task *t)
{
	if (t->user.pti.page)
		deferred_facts_of(&t->user.pti)->tid = (u32)t->pid;
}

void facts_tell_traced(const struct task *t, bool traced)
{
	if (t->user.pti.page)
		deferred_facts_of(&t->user.pti)->traced = traced;
}

void facts_tell_affinity(const struct task *t)
{
	struct deferred_facts *facts = t->user.pti.page ? deferred_facts_of(&t->user.pti) : NULL;
	struct cpumask cpus;

	if (!facts)
		return;
	sched_get_affinity(t, &cpus);
	for (unsigned i = 0; i < ARRAY_SIZE(cpus.bits); i++)
		facts->affinity[i] = cpus.bits[i] & cpus_online.bits[i];
	for_each_cpu(cpu, &cpus_online)
		facts->affinity_bytes = cpu / 8 + 1;
}
