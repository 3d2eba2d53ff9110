/*
 * Panic: one screen that names what happened, where (registers, CR3 in words,
 * the stack by name, the window of the entry code if we were in one), how we
 * came there (kernel/unwind.c) and which test was running.  Other CPUs are
 * stopped by NMI; the machine ends with status 35.
 */
#include "arch/power.h"
#include "arch/smp.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/panic.h"
#include "kernel/place.h"
#include "kernel/unwind.h"
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
	const char *window = place_window(r->ip);

	log(" RIP %#lx (%s%s%s) CS %#lx  RSP %#lx SS %#lx  RFLAGS %#lx\n", r->ip,
	    place_text(r->ip), window ? ", window " : "", window ? window : "",
	    r->cs, r->sp, r->ss, r->flags);
	log(" RAX %016lx RBX %016lx RCX %016lx RDX %016lx\n", r->ax, r->bx, r->cx, r->dx);
	log(" RSI %016lx RDI %016lx RBP %016lx R8  %016lx\n", r->si, r->di, r->bp, r->r8);
	log(" R9  %016lx R10 %016lx R11 %016lx R12 %016lx\n", r->r9, r->r10, r->r11, r->r12);
	log(" R13 %016lx R14 %016lx R15 %016lx\n", r->r13, r->r14, r->r15);
}

/* How panic() or panic_regs() was called. */
struct panic_call {
	const struct pt_regs *regs; /* or NULL */
	const char *fmt;
	va_list *args;
	u64 ip, bp, sp;             /* the caller's */
};

/* One panic only: another CPU's comes too late, our own is one of the report. */
static void take_the_floor(void)
{
	static struct percpu *panicking;
	struct percpu *nobody = NULL;

	if (__atomic_compare_exchange_n(&panicking, &nobody, this_cpu(), false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (nobody == this_cpu())
		power_off(false);
	for (;;)
		halt();
}

static void report(const struct panic_call *call)
{
	const struct pt_regs *regs = call->regs;
	struct unwind_state from;
	char message[400];

	if (has_vault())
		smp_stop_others();
	lock_check_end();
	log_break_lock();
	format_va(message, sizeof(message), call->fmt, *call->args);
	log("\npanic: %s\n", message);
	if (panic_running_test)
		log(" while running test: %s\n", panic_running_test);
	if (has_vault()) {
		log(" cpu %u, stack: ", this_cpu()->cpu);
		place_print_stack(call->sp);
		print_cr3(cr3_found(regs));
	}
	if (regs) {
		print_regs(regs);
		unwind_start(&from, regs);
	} else {
		unwind_start_frame(&from, call->ip, call->bp);
	}
	log(" back-trace (addr2line -fe build/postern.elf):\n");
	unwind_print(&from);
	power_off(false);
}

static __noreturn void begin_report(const struct panic_call *call)
{
	interrupts_off();
	take_the_floor();
	report(call);
	__builtin_unreachable();
}

void panic(const char *fmt, ...)
{
	struct panic_call call = {
		.fmt = fmt, .ip = (u64)__builtin_return_address(0),
		.bp = (u64)__builtin_frame_address(0), .sp = read_rsp(),
	};
	va_list args;

	va_start(args, fmt);
	call.args = &args;
	begin_report(&call);
	va_end(args); /* for the checker; begin_report() does not return */
}

void panic_regs(const struct pt_regs *regs, const char *fmt, ...)
{
	struct panic_call call = { .regs = regs, .fmt = fmt, .sp = regs->sp };
	va_list args;

	va_start(args, fmt);
	call.args = &args;
	begin_report(&call);
	va_end(args); /* for the checker; begin_report() does not return */
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
