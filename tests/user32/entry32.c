/*
 * entry32: enters the kernel in a way that ends badly, and should be killed.
 *
 *	entry32 -case N		does number N, 0 the first; exits with 1 if it lives
 *	entry32 -expect N [all]	exits with the signal of number N on this processor,
 *				0 if it lives there, 255 behind the end; `all`: it
 *				has both instructions, as emulators may, whatever
 *				the vendor
 *
 * SYSENTER and SYSCALL return to the vDSO page always, with the stack pointer
 * that they were given: a bad one is EFAULT first, and then a fault there.
 */
#include "lib/lib.h"

enum { SIGILL = 4, SIGSEGV = 11 };
enum needs { NOTHING, SYSENTER, SYSCALL };

#define WITH_STACK(entry, stack) \
	__asm__ volatile("mov %2, %%esp\n\tmov %2, %%ebp\n\t" entry "\n\tud2" \
			 : : "a"(SYS_exit), "b"(1), "r"(stack) : "memory")

static void sysenter_getpid(void)
{
	by_sysenter(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static void syscall_getpid(void)
{
	by_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static void sysenter_stack_null(void) { WITH_STACK("sysenter", 0); }
static void sysenter_stack_last(void) { WITH_STACK("sysenter", 0xffffffff); }
static void sysenter_stack_end(void) { WITH_STACK("sysenter", 0xffffe000); }
static void syscall_stack_null(void) { WITH_STACK("syscall", 0); }
static void syscall_stack_last(void) { WITH_STACK("syscall", 0xffffffff); }
static void syscall_stack_end(void) { WITH_STACK("syscall", 0xffffe000); }

/* Nothing is left to return to.  Linux's has two pages, and lets go of both only. */
static void unmap_vdso(void)
{
	sys(SYS_munmap, auxv(AT_SYSINFO) & ~(PAGE - 1), 2 * PAGE);
}

static void sysenter_without_vdso(void)
{
	unmap_vdso();
	sysenter_getpid();
}

static void syscall_without_vdso(void)
{
	unmap_vdso();
	syscall_getpid();
}

static void write_vdso(void)
{
	*(volatile char *)auxv(AT_SYSINFO) = 0;
}

/* INT 0x80 does not look at the stack: this one ends well. */
static void int80_without_stack(void)
{
	__asm__ volatile("mov $0, %%esp\n\tint $0x80" : : "a"(SYS_exit), "b"(1) : "memory");
}

static const struct {
	enum needs needs;
	int signal;	/* where the processor has what it needs */
	void (*function)(void);
} cases[] = {
	{ SYSENTER, 0, sysenter_getpid },
	{ SYSCALL, 0, syscall_getpid },
	{ SYSENTER, SIGSEGV, sysenter_stack_null },
	{ SYSENTER, SIGSEGV, sysenter_stack_last },
	{ SYSENTER, SIGSEGV, sysenter_stack_end },
	{ SYSCALL, SIGSEGV, syscall_stack_null },
	{ SYSCALL, SIGSEGV, syscall_stack_last },
	{ SYSCALL, SIGSEGV, syscall_stack_end },
	{ SYSENTER, SIGSEGV, sysenter_without_vdso },
	{ SYSCALL, SIGSEGV, syscall_without_vdso },
	{ NOTHING, SIGSEGV, write_vdso },
	{ NOTHING, 0, int80_without_stack },
};

#define COUNT (sizeof(cases) / sizeof(cases[0]))

static int expected_signal(uint32_t number, bool all)
{
	if (number >= COUNT)
		return 255;
	if (cases[number].needs == SYSENTER && !has_sysenter() && !all)
		return SIGILL;
	if (cases[number].needs == SYSCALL && !has_syscall() && !all)
		return SIGILL;
	return cases[number].signal;
}

static uint32_t number_of(const char *text)
{
	uint32_t n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (uint32_t)(*text++ - '0');
	return n;
}

int test_main(int argc, char **argv)
{
	uint32_t number = argc > 2 ? number_of(argv[2]) : COUNT;

	if (argc > 2 && same(argv[1], "-expect"))
		return expected_signal(number, argc > 3 && same(argv[3], "all"));
	if (argc > 2 && same(argv[1], "-case") && number < COUNT) {
		cases[number].function();
		return 1;
	}
	return 2;
}
