/*
 * Names for addresses: the window of the entry code, the kind of text, the stack.
 * For reports; reads only what is sure to be there.
 */
#include "arch/cpu_entry_area.h"
#include "entry/entry.h"
#include "entry/shared/shared.h"
#include "kernel/base/deferred.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/debug/names.h"
#include "kernel/task/task.h"
#include "mm/image.h"
#include "mm/space/vmap.h"

bool place_nth_window(unsigned i, struct window *w)
{
#define WINDOW(labels, field, name) \
	{ labels.window_##field##_start, labels.window_##field##_end, name },
#define OWN_WINDOW(field, label, name) WINDOW(entry_labels, field, name)
#define SHARED_WINDOW(field, name) WINDOW(entry_shared_labels, field, name)
	const struct window window[] = { ENTRY_WINDOWS(OWN_WINDOW) SHARED_WINDOWS(SHARED_WINDOW) };

	if (i < ARRAY_SIZE(window))
		*w = window[i];
	return i < ARRAY_SIZE(window);
}

const char *place_window(u64 ip)
{
	struct window w;

	/* A trampoline alias stands for CPU 0's, where the labels are. */
	if (ip >= CEA_BASE && ip < CEA_SLOT_END)
		ip = CEA_BASE + (ip - CEA_BASE) % CEA_STRIDE;
	for (unsigned i = 0; place_nth_window(i, &w); i++)
		if (ip >= w.start && ip < w.end)
			return w.name;
	return NULL;
}

const char *place_text(u64 ip)
{
	if (ip >= (u64)image_text_start && ip < (u64)image_text_end)
		return "kernel text";
	if (ip >= CEA_BASE && ip < CEA_SLOT_END)
		return "trampoline";
	if (ip >= CEA_ENTRY_TEXT && ip < CEA_BASE)
		return "entry text";
	return ip < KERNEL_HALF ? "user" : "no text";
}

static const char *const exception_name[NR_EXCEPTIONS] = {
	[VEC_DE] = "#DE", [VEC_DB] = "#DB", [VEC_NMI] = "NMI", [VEC_BP] = "#BP", [VEC_OF] = "#OF",
	[VEC_BR] = "#BR", [VEC_UD] = "#UD", [VEC_NM] = "#NM",  [VEC_DF] = "#DF", [VEC_TS] = "#TS",
	[VEC_NP] = "#NP", [VEC_SS] = "#SS", [VEC_GP] = "#GP",  [VEC_PF] = "#PF", [VEC_MF] = "#MF",
	[VEC_AC] = "#AC", [VEC_MC] = "#MC", [VEC_XM] = "#XM",  [VEC_VE] = "#VE", [VEC_CP] = "#CP",
};

const char *trap_name(unsigned vector)
{
	if (vector >= NR_EXCEPTIONS)
		return "interrupt";
	return exception_name[vector] ? exception_name[vector] : "exception";
}

const char *fault_access(u64 error)
{
	return error & PF_INSTR ? "fetch" : error & PF_WRITE ? "write" : "read";
}

static const char *const ist_name[NR_IST] = { "#DF", "NMI", "#DB", "#MC" };

static bool print_ist_kernel_stack(const struct percpu *cpu, u64 sp)
{
	for (unsigned i = 0; i < NR_IST; i++) {
		if (cpu->ist_kernel_stack[i] - sp > IST_STACK_SIZE)
			continue;
		log("kernel stack of IST%u %s, cpu %u\n", i + 1, ist_name[i], cpu->cpu);
		return true;
	}
	return false;
}

void place_print_stack(u64 sp)
{
	const struct percpu *cpu = this_cpu();
	unsigned ist = cea_ist_of(cpu->cpu, sp - 1);

	if (ist)
		log("IST%u %s, cpu %u\n", ist, ist_name[ist - 1], cpu->cpu);
	else if (cpu->entry_stack_top - sp <= ENTRY_STACK_SIZE)
		log("entry stack, cpu %u\n", cpu->cpu);
	else if (cpu->current && cpu->current->stack_top - sp < TASK_STACK_SIZE)
		log("task %s[%d]\n", cpu->current->name, cpu->current->pid);
	else if (sp - PTI_PLACE_BASE <= PTI_PLACES_SIZE)
		log("PTI stack, in slot 507\n");
	else if (print_ist_kernel_stack(cpu, sp))
		return;
	else if (!cpu->current)
		log("boot\n");
	else if (sp < KERNEL_HALF)
		log("the user's\n");
	else if (vmap_stack_of_guard(sp - 8) || vmap_stack_of_guard(sp))
		log("overflown: in the guard page below the stack that ends at %#lx\n",
		    vmap_stack_of_guard(sp - 8));
	else
		log("none that we know\n");
}
