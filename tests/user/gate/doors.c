/*
 * doors: enters the kernel from a 64-bit program by the doors of 32-bit ones,
 * whose calls return to a page that this program has not, and is killed.
 *
 *	doors -case N		does number N, 0 the first; exits with 1 if it lives
 *	doors -expect N [all]	exits with the signal of number N on this processor,
 *				255 behind the end; `all`: it has SYSENTER and
 *				SYSCALL in 32-bit code, whatever the vendor
 *
 * INT 0x80, which a 64-bit program may use, is tests/user/call/int80.c's.
 */
#include <cpuid.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GETPID32 20

static uint8_t stack32[4096] __attribute__((aligned(16)));

/* Far jump to 32-bit code, which must be linked below 4 GiB, as a static one is. */
#define FROM_32_BITS(name, instruction)                                    \
	void name(void);                                                   \
	__asm__(                                                           \
		".text\n"                                                  \
		".globl " #name "\n"                                       \
		#name ":\n"                                                \
		"	ljmpl	*1f(%rip)\n"                               \
		"	.code32\n"                                         \
		"2:	mov	$0x2b, %eax\n"                             \
		"	mov	%eax, %ds\n"                               \
		"	mov	$stack32 + 4096 - 16, %esp\n"              \
		"	mov	%esp, %ebp\n"                              \
		"	mov	$20, %eax\n"                               \
		"	" instruction "\n"                                 \
		"	ud2\n"                                             \
		"	.code64\n"                                         \
		"	.data\n"                                           \
		"1:	.long	2b\n"                                      \
		"	.short	0x23\n"                                    \
		"	.text\n")

FROM_32_BITS(sysenter_from_32, "sysenter");
FROM_32_BITS(syscall_from_32, "syscall");

static void sysenter_from_64(void)
{
	__asm__ volatile("push %%rbp\n\tmov %1, %%rbp\n\tsysenter\n\tpop %%rbp"
			 : : "a"(GETPID32), "r"(stack32) : "memory");
}

static void (*const cases[])(void) = { sysenter_from_64, sysenter_from_32, syscall_from_32 };

#define COUNT (sizeof(cases) / sizeof(cases[0]))

static bool is_intel(void)
{
	unsigned max, b, c, d;

	__cpuid(0, max, b, c, d);
	return b == signature_INTEL_ebx && c == signature_INTEL_ecx && d == signature_INTEL_edx;
}

static int expected_signal(unsigned number, bool all)
{
	return all || is_intel() == (cases[number] != syscall_from_32) ? SIGSEGV : SIGILL;
}

int main(int argc, char **argv)
{
	unsigned number = argc > 2 ? (unsigned)atoi(argv[2]) : COUNT;

	if (argc > 2 && strcmp(argv[1], "-expect") == 0)
		return number >= COUNT ? 255 :
		       expected_signal(number, argc > 3 && strcmp(argv[3], "all") == 0);
	if (argc > 2 && strcmp(argv[1], "-case") == 0 && number < COUNT) {
		cases[number]();
		return 1;
	}
	return 2;
}
