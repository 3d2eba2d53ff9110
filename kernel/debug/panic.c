/*
 * Panic: one screen that names what happened, where (registers, CR3 in words,
 * the stack by name, the window of the entry code if we were in one), how we
 * came there (kernel/debug/unwind.c) and which test was running.  Other CPUs are
 * stopped by NMI; the machine ends with status 35.
 */
#include "arch/machine/ipi_call.h"
#include "arch/machine/power.h"
#include "arch/machine/smp.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/debug/names.h"
#include "kernel/debug/panic.h"
#include "kernel/debug/symbols.h"
#include "kernel/debug/unwind.h"
#include "mm/pti.h"

const char *volatile panic_running_test;

static bool has_vault(void)
{
	return rdmsr(MSR_GS_BASE) >= VAULT_BASE && this_cpu()->self == this_cpu();
}

/* ---- The machine's state ----------------------------------------------------- */

static void print_cr3(u64 cr3)
{
	log(" CR3 %#lx: %s PGD, PCID %#lx, %s\n", cr3,
	    cr3 & CR3_USER_PGD && pti_enabled ? "user" : "kernel", cr3 & CR3_PCID_MASK,
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
	const char *window = place_window(r->ip);
	char name[SYMBOL_TEXT_SIZE];

	log(" RIP %#lx%s (%s%s%s) CS %#lx  RSP %#lx SS %#lx  RFLAGS %#lx\n", r->ip,
	    symbol_format(name, r->ip, false), place_text(r->ip), window ? ", window " : "",
	    window ? window : "", r->cs, r->sp, r->ss, r->flags);
	log(" RAX %016lx RBX %016lx RCX %016lx RDX %016lx\n", r->ax, r->bx, r->cx, r->dx);
	log(" RSI %016lx RDI %016lx RBP %016lx R8  %016lx\n", r->si, r->di, r->bp, r->r8);
	log(" R9  %016lx R10 %016lx R11 %016lx R12 %016lx\n", r->r9, r->r10, r->r11, r->r12);
	log(" R13 %016lx R14 %016lx R15 %016lx\n", r->r13, r->r14, r->r15);
}

/* One panic only: another CPU's comes too late, our own is one of the report. */
static void take_the_floor(void)
{
	static struct percpu *panicking;
	struct percpu *nobody = NULL;

	if (__atomic_compare_exchange_n(&panicking, &nobody, this_cpu(), false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return;
	if (nobody == this_cpu())
		power_off(false);
	for (;;)
		halt();
}

/* regs: what was interrupted; NULL: `from` is the caller of panic(). */
static __noreturn void report(const char *message, const struct pt_regs *regs,
			      const struct panic_caller *from)
{
	struct unwind_state trace;

	interrupts_off();
	take_the_floor();
	if (has_vault())
		smp_stop_others();
	lock_check_end();
	log_break_lock();
	log("\npanic: %s\n", message);
	if (panic_running_test)
		log(" while running test: %s\n", panic_running_test);
	if (has_vault()) {
		log(" cpu %u, stack: ", this_cpu()->cpu);
		place_print_stack(regs ? regs->sp : from->sp);
		print_cr3(cr3_found(regs));
	}
	if (regs) {
		print_regs(regs);
		unwind_start(&trace, regs);
	} else {
		unwind_start_frame(&trace, from->ip, from->bp);
	}
	unwind_print(" back-trace:", &trace);
	power_off(false);
}

void panic_regs(const struct pt_regs *regs, const char *fmt, ...)
{
	char message[400];
	va_list args;

	interrupts_off();
	va_start(args, fmt);
	format_va(message, sizeof(message), fmt, args);
	va_end(args);
	report(message, regs, NULL);
}

/* panic() and refuse(), which lie below everything (kernel/base/panic.c). */
static void end(const char *message, const struct panic_caller *from)
{
	if (from)
		report(message, NULL, from);
	log("%s\n", message);
	power_off(false);
}

void panic_init(void)
{
	panic_report = end;
}
