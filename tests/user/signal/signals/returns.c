/*
 * returns.c: rt_sigreturn with frames that a handler has changed.  Each case
 * changes one thing; what comes of it is either a signal at the place returned
 * to, or nothing.
 */
#include "../../lib/check.h"
#include "signals.h"

#include <cpuid.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NON_CANONICAL 0x800000000000l

static char stack[32768] __attribute__((aligned(16)));
static volatile const struct change *doing;
static volatile greg_t flags_after;

enum what { CS, SS, RIP, RSP, FLAGS, BV, COMPACT, RESERVED, MXCSR, SIZE, FPU, MAGIC_2, MASK };

static const struct change {
	const char *name;
	enum what what;
	uint64_t value;
	int signal;		/* 0: nothing happens */
	int err;		/* error code; -1: any */
} changes[] = {
	{ "CS null", CS, 0, SIGSEGV, 0 },
	{ "CS of the kernel", CS, 0x10, SIGSEGV, 0x10 },
	{ "CS of the TSS", CS, 0x40, SIGSEGV, 0x40 },
	{ "CS a data segment", CS, 0x2b, SIGSEGV, 0x28 },
	{ "CS in no LDT", CS, 7, SIGSEGV, 4 },
	{ "CS beyond the GDT", CS, 0xfff8, SIGSEGV, 0xfff8 },
	{ "CS with RPL 0", CS, 0x30, 0, 0 },
	{ "SS null", SS, 0, SIGSEGV, 0 },
	{ "SS of the kernel", SS, 0x18, SIGSEGV, 0x18 },
	{ "SS of the TSS", SS, 0x40, SIGSEGV, 0x40 },
	{ "SS a code segment", SS, 0x33, SIGSEGV, 0x30 },
	{ "SS in no LDT", SS, 7, SIGSEGV, 0 },	/* Linux: by ESPFIX it is 0 */
	{ "SS with RPL 0", SS, 0x28, 0, 0 },
	{ "RIP non-canonical", RIP, NON_CANONICAL, SIGSEGV, 0 },
	{ "RIP all ones", RIP, ~0ul, SIGSEGV, -1 },
	{ "RIP in the kernel", RIP, 0xffffffff80000000ul, SIGSEGV, 0x15 },
	{ "RIP null", RIP, 0, SIGSEGV, 0x14 },
	{ "RFLAGS all ones but TF", FLAGS, ~0x100ul, 0, 0 },
	{ "RFLAGS zero", FLAGS, 0, 0, 0 },
	{ "TF", FLAGS, 0x302, SIGTRAP, 0 },
	{ "FPU area null", FPU, 0, 0, 0 },
	{ "FPU area unmapped", FPU, 0x10000, SIGSEGV, -1 },
	{ "FPU area in the kernel", FPU, 0xffffffff80000000ul, SIGSEGV, -1 },
	{ "FPU area in zeroes of the kernel's", FPU, 0xffff888010000000ul, SIGSEGV, -1 },
	{ "FPU area unaligned", FPU, 8, SIGSEGV, -1 },
	{ "a state that there is not", BV, 1ul << 62, SIGSEGV, -1 },
	{ "bit 63 of the states", BV, 1ul << 63, SIGSEGV, -1 },
	{ "no state at all", BV, 0, 0, 0 },
	{ "a second set of states", COMPACT, 2, SIGSEGV, -1 },
	{ "a reserved word of the header", RESERVED, 1, SIGSEGV, -1 },
	{ "a size that is too large", SIZE, 1 << 20, 0, 0 },
	{ "a size that is too small", SIZE, 512, 0, 0 },
	{ "no second magic number", MAGIC_2, 0, 0, 0 },
	{ "all signals blocked", MASK, ~0ul, 0, 0 },
};

static bool needs_xsave(const struct change *c)
{
	return c->what >= BV && c->what <= SIZE && c->what != MXCSR;
}

static void set_selector(greg_t *r, unsigned shift, uint64_t value)
{
	r[REG_CSGSFS] = (greg_t)(((uint64_t)r[REG_CSGSFS] & ~(0xfffful << shift)) | value << shift);
}

static void put(char *area, unsigned offset, uint64_t value, size_t size)
{
	memcpy(area + offset, &value, size);
}

static void change(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;
	char *area = (char *)uc->uc_mcontext.fpregs;
	uint64_t value = doing->value;
	uint32_t size;

	(void)signal;
	(void)info;
	switch (doing->what) {
	case CS: set_selector(r, 0, value); break;
	case SS: set_selector(r, 48, value); break;
	case RIP: r[REG_RIP] = (greg_t)value; break;
	case RSP: r[REG_RSP] = (greg_t)value; break;
	case FLAGS: r[REG_EFL] = (greg_t)value; break;
	case BV: put(area, 512, value, 8); break;
	case COMPACT: put(area, 520, value, 8); break;
	case RESERVED: put(area, 528, value, 8); break;
	case MXCSR: put(area, 24, value, 4); break;
	case SIZE: put(area, 480, value, 4); break;
	case FPU: uc->uc_mcontext.fpregs = (void *)(value == 8 ? (uint64_t)area + 8 : value); break;
	case MAGIC_2:
		memcpy(&size, area + 480, 4);
		put(area, size, value, 4);
		break;
	case MASK: memcpy(&uc->uc_sigmask, &value, 8); break;
	}
}

/* SIGUSR1 to ourselves, whose handler makes the change. */
static void raise_change(void)
{
	uint64_t flags;

	__asm__ volatile("syscall; pushfq; pop %%rbx; cld; pushq $2; popfq"
			 : "=b"(flags) : "a"(SYS_tkill), "D"(syscall(SYS_gettid)), "S"(SIGUSR1)
			 : "rcx", "r11", "cc", "memory");
	flags_after = (greg_t)flags;
}

static void check_flags(const struct change *c)
{
	uint64_t may = 0x40cd5;	/* what PUSHF shows of them */

	if (c->what != FLAGS)
		return;
	check_equal((int64_t)((uint64_t)flags_after & may), (int64_t)(c->value & may), "%s: those of a program", c->name);
	check_equal((int64_t)((uint64_t)flags_after & 0x3000), 0, "%s: IOPL stays 0", c->name);
	check_true((uint64_t)flags_after & 0x200, "%s: IF stays 1", c->name);
	check_equal((int64_t)((uint64_t)flags_after & 0x4000), 0, "%s: NT stays 0", c->name);
	check_equal((int64_t)((uint64_t)flags_after & 0x20000), 0, "%s: VM stays 0", c->name);
}

static void check_change(const struct change *c)
{
	uint64_t none = 0;
	bool raised;

	doing = c;
	memset((void *)&told, 0, sizeof(told));
	raised = RAISES(raise_change());
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
	__asm__ volatile("pushq $2; popfq" : : : "cc");
	check_equal(raised ? told.signal : 0, c->signal, "%s: signal", c->name);
	if (raised && c->err >= 0)
		check_equal((int64_t)told.err, c->err, "%s: error code", c->name);
	if (!raised)
		check_flags(c);
}

static uint64_t seed = 0x1234567;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Anything in every register, the flags and selectors; RIP where no code is. */
static void randomize(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;

	(void)signal;
	(void)info;
	for (int i = 0; i < REG_CSGSFS; i++) {
		if (i == REG_RIP && rnd() & 1)
			continue;
		if (rnd() & 3)
			r[i] = (greg_t)(rnd() & 1 ? rnd() : (uint64_t)(int64_t)(int32_t)rnd());
		if (i == REG_RIP)
			r[i] |= 1l << 46;
	}
	if (rnd() & 1)
		r[REG_CSGSFS] = (greg_t)(rnd() & 0x00ff0000000000ff);
	if (!(rnd() & 7))
		memset((char *)uc->uc_mcontext.fpregs + 512, (int)rnd(), 64);
	if (!(rnd() & 7))
		uc->uc_flags = rnd();
	memset(&uc->uc_sigmask, 0, 8);
}

/* Whatever comes of it ends in one of our handlers. */
static void raise_random(void)
{
	__asm__ volatile("syscall; ud2"
			 : : "a"(SYS_tkill), "D"(syscall(SYS_gettid)), "S"(SIGUSR1)
			 : "rcx", "r11", "memory");
}

static void random_rounds(int rounds)
{
	volatile int i, raised = 0;

	act(SIGUSR1, randomize, SA_ONSTACK);
	for (i = 0; i < rounds; i++)
		raised += RAISES(raise_random());
	check_equal(raised, rounds, "registers of all contents, and a signal each time");
}

/* Without a frame: RSP leads nowhere. */
static void return_from_nowhere(void)
{
	__asm__ volatile("mov $0x10008, %%esp; syscall" : : "a"(SYS_rt_sigreturn) : "memory");
}

void test_returns(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGTRAP, SIGILL, SIGFPE, SIGSYS };
	stack_t s = { .ss_sp = stack, .ss_size = sizeof(stack) };
	unsigned a, b, c = 0, d;

	__get_cpuid(1, &a, &b, &c, &d);
	sigaltstack(&s, NULL);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		act(signals[i], leave_by_jump, SA_ONSTACK);
	act(SIGUSR1, change, 0);
	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (needs_xsave(&changes[i]) && !(c & bit_OSXSAVE))
			continue;
		check_change(&changes[i]);
	}
	check_true(RAISES(return_from_nowhere()) && told.signal == SIGSEGV, "a frame that is not there");
	random_rounds(1000);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		act_default(signals[i]);
	act_default(SIGUSR1);
	s.ss_flags = SS_DISABLE;
	sigaltstack(&s, NULL);
}
