/* common.c: the handlers that all parts share. */
#include "signals.h"

#include <stdlib.h>
#include <string.h>

volatile struct told told;
volatile int handled;
sigjmp_buf way_back;

void note(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;

	told.signal = signal;
	told.code = info->si_code;
	told.addr = (uint64_t)info->si_addr;
	told.pid = info->si_pid;
	told.value = (uint64_t)info->si_value.sival_ptr;
	told.ip = (uint64_t)r[REG_RIP];
	told.sp = (uint64_t)r[REG_RSP];
	told.flags = (uint64_t)r[REG_EFL];
	told.err = (uint64_t)r[REG_ERR];
	told.trapno = (uint64_t)r[REG_TRAPNO];
	told.cr2 = (uint64_t)r[REG_CR2];
	told.cs = (uint64_t)r[REG_CSGSFS] & 0xffff;
	told.ss = (uint64_t)r[REG_CSGSFS] >> 48;
	told.uc_flags = uc->uc_flags;
	handled++;
}

void leave_by_jump(int signal, siginfo_t *info, void *context)
{
	__asm__ volatile("pushq $2; popfq" : : : "cc"); /* a handler keeps AC */
	note(signal, info, context);
	siglongjmp(way_back, 1);
}

void act(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = handler;
	sa.sa_flags = flags | SA_SIGINFO;
	if (sigaction(signal, &sa, NULL))
		abort();
}

void act_default(int signal)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	if (sigaction(signal, &sa, NULL))
		abort();
}
