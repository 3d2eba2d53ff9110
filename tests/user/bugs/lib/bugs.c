/* bugs.c: signals and the LDT for the regression programs; bugs.h. */
#include "bugs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HWCAP2_FSGSBASE 2

volatile struct caught caught;
sigjmp_buf caught_at;
volatile bool catching;
void (*volatile on_usr1)(ucontext_t *uc);
static char stack[65536] __attribute__((aligned(16)));

static void act(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = handler;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
	if (sigaction(signal, &sa, NULL))
		abort();
}

static void leave(int signal, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	__asm__ volatile("pushq $2; popfq" : : : "cc");
	if (!catching) { /* it dies of it when this returns */
		(void)sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		raise(signal);
		return;
	}
	catching = false;
	caught.signal = signal;
	caught.ip = (uint64_t)r[REG_RIP];
	caught.sp = (uint64_t)r[REG_RSP];
	caught.flags = (uint64_t)r[REG_EFL];
	caught.cs = (uint64_t)r[REG_CSGSFS] & 0xffff;
	caught.ss = (uint64_t)r[REG_CSGSFS] >> 48;
	caught.err = (uint64_t)r[REG_ERR];
	caught.addr = (uint64_t)info->si_addr;
	siglongjmp(caught_at, 1);
}

static void usr1(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	if (on_usr1)
		on_usr1(context);
}

void catch_signals(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGTRAP, SIGILL, SIGFPE, SIGSYS };
	stack_t s = { .ss_sp = stack, .ss_size = sizeof(stack) };

	sigaltstack(&s, NULL);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		act(signals[i], leave);
	act(SIGUSR1, usr1);
}

void bugs_begin(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	catch_signals();
}

void raise_usr1(void)
{
	syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1);
}

void frame_set_selectors(ucontext_t *uc, uint16_t cs, uint16_t ss)
{
	uint64_t *word = (uint64_t *)&uc->uc_mcontext.gregs[REG_CSGSFS];

	*word = (*word & 0x0000ffffffff0000) | cs | (uint64_t)ss << 48;
}

bool has_fsgsbase(void)
{
	return getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
}

uint64_t gs_base(void)
{
	uint64_t base = 0;

	syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
	return base;
}

int ldt_write(unsigned entry, uint32_t base, uint32_t limit, uint32_t flags)
{
	uint32_t desc[4] = { entry, base, limit, flags };

	return (int)syscall(SYS_modify_ldt, 0x11, desc, sizeof(desc));
}

int ldt_clear(unsigned entry)
{
	return ldt_write(entry, 0, 0, 0x28);
}

int64_t int80(uint64_t nr, uint64_t b, uint64_t c, uint64_t d)
{
	int64_t result;

	__asm__ volatile("int $0x80" : "=a"(result) : "0"(nr), "b"(b), "c"(c), "d"(d)
			 : "r8", "r9", "r10", "r11", "memory");
	return result;
}
