/* signals.c: catching what a step raises; signals.h. */
#include "signals.h"

volatile struct caught caught;
volatile bool count_traps;
volatile uint32_t traps, trap_ip;
uint32_t caught_landing, caught_esp;
static char stack[16384] __attribute__((aligned(16)));

static void handler(uint32_t signal, uint32_t *info, struct ucontext32 *uc)
{
	uint32_t flags;

	(void)info;
	__asm__ volatile("pushfl; popl %0" : "=r"(flags));
	if (signal == SIGTRAP && count_traps) {
		traps++;
		trap_ip = uc->mc.eip;
		return;
	}
	if (!caught_landing) /* nobody waits for it */
		sys(SYS_exit_group, 128 + signal);
	caught.signal = signal;
	caught.flags_in_handler = flags;
	caught.at = uc->mc;
	uc->mc.eip = caught_landing;
	uc->mc.eflags &= ~0x40500u; /* AC, DF, TF */
}

void catch_signals(void)
{
	static const uint32_t signals[] = { SIGILL, SIGTRAP, SIGSEGV };
	uint32_t s[3] = { (uint32_t)stack, 0, sizeof(stack) };

	sys(SYS_sigaltstack, s, 0);
	for (uint32_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction32 sa = { (uint32_t)handler, SA_SIGINFO | SA_ONSTACK, 0, { 0, 0 } };

		sys(SYS_rt_sigaction, signals[i], &sa, 0, 8);
	}
}
