/*
 * Panic: one screen that names what happened, where (registers, CR3 in words,
 * the stack by name, the window of the entry code if we were in one), how we
 * came there (frame pointers) and which test was running.  Other CPUs are
 * stopped by NMI; the machine ends with status 35.
 */
#include "arch/cpu_entry_area.h"
#include "arch/power.h"
#include "arch/smp.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/panic.h"
#include "kernel/task.h"
#include "mm/image.h"
#include "mm/pti.h"
#include "mm/uaccess.h"
#include "mm/vmap.h"

const char *volatile panic_running_test;

static bool has_vault(void)
{
	return rdmsr(MSR_GS_BASE) >= VAULT_BASE && this_cpu()->self == this_cpu();
}

/* ---- Names for addresses ------------------------------------------------------ */

static const char *window_of(u64 ip)
{
	const struct entry_labels *l = &entry_labels;
	const struct {
		u64 start, end;
		const char *name;
	} window[] = {
		{ l->window_syscall_start, l->window_syscall_end, "syscall" },
		{ l->window_syscall_pcid_start, l->window_syscall_pcid_end, "syscall" },
		{ l->window_sysret_start, l->window_sysret_end, "sysret" },
		{ l->window_syscall32_start, l->window_syscall32_end, "syscall32" },
		{ l->window_load_gs_start, l->window_load_gs_end, "load_gs" },
		{ l->stubs, l->window_stubs_end, "IDT stub" },
		{ l->window_kernel_start, l->window_kernel_end, "trap from kernel" },
		{ l->window_direct_start, l->window_direct_end, "direct syscall" },
		{ l->window_direct_exit_start, l->window_direct_exit_end,
		  "direct sysret" },
		{ l->window_trap_start, l->window_trap_end, "trap" },
		{ l->window_iret_start, l->window_iret_end, "iret" },
		{ l->window_paranoid_start, l->window_paranoid_end, "paranoid" },
		{ l->window_paranoid_exit_start, l->window_paranoid_exit_end,
		  "paranoid exit" },
	};

	/* A trampoline alias stands for CPU 0's, where the labels are. */
	if (ip >= CEA_BASE && ip < CEA_SLOT_END)
		ip = CEA_BASE + (ip - CEA_BASE) % CEA_STRIDE;
	for (unsigned i = 0; i < ARRAY_SIZE(window); i++)
		if (ip >= window[i].start && ip < window[i].end)
			return window[i].name;
	return NULL;
}

static const char *text_name(u64 ip)
{
	if (ip >= (u64)image_text_start && ip < (u64)image_text_end)
		return "kernel text";
	if (ip >= CEA_BASE && ip < CEA_SLOT_END)
		return "trampoline";
	if (ip >= CEA_ENTRY_TEXT && ip < CEA_BASE)
		return "entry text";
	return ip < KERNEL_HALF ? "user" : "no text";
}

static void print_stack_name(u64 sp)
{
	static const char *const ist_name[] = { "#DF", "NMI", "#DB", "#MC" };
	const struct percpu *cpu = this_cpu();
	unsigned ist = cea_ist_of(cpu->cpu, sp - 1);

	if (ist)
		log("IST%u %s, cpu %u\n", ist, ist_name[ist - 1], cpu->cpu);
	else if (cpu->entry_stack_top - sp <= ENTRY_STACK_SIZE)
		log("entry stack, cpu %u\n", cpu->cpu);
	else if (cpu->current && cpu->current->stack_top - sp <= TASK_STACK_SIZE)
		log("task %s[%d]\n", cpu->current->name, cpu->current->pid);
	else if (!cpu->current)
		log("boot\n");
	else if (sp < KERNEL_HALF)
		log("the user's\n");
	else if (vmap_stack_of_guard(sp - 8) || vmap_stack_of_guard(sp))
		log("overflown: in the guard page below the stack that ends at %#lx\n",
		    vmap_stack_of_guard(sp - 8));
	else
		log("none that we know\n");
	for (unsigned i = 0; i < NR_IST; i++)
		if (cpu->ist_kernel_stack[i] - sp <= IST_STACK_SIZE)
			log(" (kernel stack of IST%u %s)\n", i + 1, ist_name[i]);
}

static void print_cr3(u64 cr3)
{
	log(" CR3 %#lx: %s PGD, PCID %#lx, %s\n", cr3,
	    cr3 & CR3_USER_PGD && pti_enabled ? "user" : "kernel",
	    cr3 & CR3_PCID_MASK,
	    this_cpu()->mm ? "of the current process" : "of no process");
}

/* An IST event has switched away from what it found. */
static u64 cr3_found(const struct pt_regs *regs)
{
	if (!regs || !this_cpu()->in_paranoid)
		return read_cr3();
	return container_of(regs, struct paranoid_frame, regs)->cr3;
}

/* ---- The report ---------------------------------------------------------------- */

static void print_regs(const struct pt_regs *r)
{
	const char *window = window_of(r->ip);

	log(" RIP %#lx (%s%s%s) CS %#lx  RSP %#lx SS %#lx  RFLAGS %#lx\n", r->ip,
	    text_name(r->ip), window ? ", window " : "", window ? window : "",
	    r->cs, r->sp, r->ss, r->flags);
	log(" RAX %016lx RBX %016lx RCX %016lx RDX %016lx\n", r->ax, r->bx, r->cx, r->dx);
	log(" RSI %016lx RDI %016lx RBP %016lx R8  %016lx\n", r->si, r->di, r->bp, r->r8);
	log(" R9  %016lx R10 %016lx R11 %016lx R12 %016lx\n", r->r9, r->r10, r->r11, r->r12);
	log(" R13 %016lx R14 %016lx R15 %016lx\n", r->r13, r->r14, r->r15);
}

/* Reads one word wherever it is; false if it is not there. */
static bool read_word(u64 at, u64 *v)
{
	u8 byte;

	for (unsigned i = 0; i < sizeof(*v); i++) {
		if (probe_read(at + i, &byte))
			return false;
		((u8 *)v)[i] = byte;
	}
	return true;
}

static void print_backtrace(u64 ip, u64 bp)
{
	log(" back-trace (addr2line -fe build/postern.elf):\n ");
	for (int i = 0; i < 16; i++) {
		log(" %#lx", ip);
		if (bp < KERNEL_HALF || bp % 8 || !read_word(bp + 8, &ip) ||
		    !read_word(bp, &bp))
			break;
	}
	log("\n");
}

static __noreturn void report(const struct pt_regs *regs, const char *message, u64 bp)
{
	static struct percpu *panicking;
	struct percpu *nobody = NULL;

	interrupts_off();
	if (!__atomic_compare_exchange_n(&panicking, &nobody, this_cpu(), false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		if (nobody == this_cpu())
			power_off(false); /* the report itself failed */
		for (;;)
			halt(); /* another CPU is at it */
	}
	if (has_vault())
		smp_stop_others();
	log_break_lock();
	log("\npanic: %s\n", message);
	if (panic_running_test)
		log(" while running test: %s\n", panic_running_test);
	if (has_vault()) {
		log(" cpu %u, stack: ", this_cpu()->cpu);
		print_stack_name(regs ? regs->sp : read_rsp());
		print_cr3(cr3_found(regs));
	}
	if (regs)
		print_regs(regs);
	print_backtrace(regs ? regs->ip : (u64)__builtin_return_address(0), bp);
	power_off(false);
}

void panic(const char *fmt, ...)
{
	char message[400];
	va_list args;

	va_start(args, fmt);
	format_va(message, sizeof(message), fmt, args);
	va_end(args);
	report(NULL, message, (u64)__builtin_frame_address(0));
}

void refuse(const char *fmt, ...)
{
	char line[400];
	va_list args;

	va_start(args, fmt);
	format_va(line, sizeof(line), fmt, args);
	va_end(args);
	log("%s\n", line);
	power_off(false);
}

void panic_regs(const struct pt_regs *regs, const char *fmt, ...)
{
	char message[400];
	va_list args;

	va_start(args, fmt);
	format_va(message, sizeof(message), fmt, args);
	va_end(args);
	report(regs, message, regs->bp);
}
