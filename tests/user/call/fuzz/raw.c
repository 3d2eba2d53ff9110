/*
 * System calls without a libc.  A second return of fork or clone has perhaps no
 * stack, or another's: it runs a few instructions in registers, then ends, or
 * waits for its end.
 */
#include "fuzz.h"

/*
 * What follows the instruction that calls: r12 forks, r13 fate, r14 turns.
 * Fates: exit, UD2, a store to 0, sleep for ever, go round for ever.
 */
#define AFTER                                                           \
	"	test	%%rax, %%rax\n"                                 \
	"	jnz	9f\n"                                           \
	"	test	%%r12, %%r12\n"                                 \
	"	jz	9f\n"                                           \
	"1:	mov	$24, %%eax\n"                                   \
	"	syscall\n"                                              \
	"	dec	%%r14\n"                                        \
	"	jns	1b\n"                                           \
	"	cmp	$1, %%r13\n"                                    \
	"	je	2f\n"                                           \
	"	cmp	$2, %%r13\n"                                    \
	"	je	3f\n"                                           \
	"	cmp	$3, %%r13\n"                                    \
	"	je	4f\n"                                           \
	"	cmp	$4, %%r13\n"                                    \
	"	je	1b\n"                                           \
	"	mov	$60, %%eax\n"                                   \
	"	xor	%%edi, %%edi\n"                                 \
	"	syscall\n"                                              \
	"2:	ud2\n"                                                  \
	"3:	mov	%%rax, 0\n"                                     \
	"4:	mov	$34, %%eax\n"                                   \
	"	syscall\n"                                              \
	"	jmp	4b\n"                                           \
	"9:\n"

#define CLOBBERS "rcx", "r11", "r14", "memory", "cc"

long fuzz_syscall(uint64_t number, const uint64_t arg[6], bool forks, unsigned fate)
{
	register uint64_t d __asm__("r10") = arg[3];
	register uint64_t e __asm__("r8") = arg[4];
	register uint64_t f __asm__("r9") = arg[5];
	register uint64_t twice __asm__("r12") = forks;
	register uint64_t end __asm__("r13") = fate;
	uint64_t a = arg[0], b = arg[1], c = arg[2];

	__asm__ volatile("mov $20, %%r14d\n\tsyscall\n" AFTER
			 : "+a"(number), "+D"(a), "+S"(b), "+d"(c), "+r"(d), "+r"(e), "+r"(f)
			 : "r"(twice), "r"(end) : CLOBBERS);
	return (long)number;
}

/* The sixth argument is in EBP, which the compiler does not lend. */
long fuzz_int80(uint64_t number, const uint64_t arg[6], bool forks, unsigned fate)
{
	register uint64_t f __asm__("r9") = arg[5];
	register uint64_t twice __asm__("r12") = forks;
	register uint64_t end __asm__("r13") = fate;
	uint64_t a = arg[0], b = arg[1], c = arg[2], d = arg[3], e = arg[4];

	__asm__ volatile("mov %%rbp, %%r15\n\tmov %%r9, %%rbp\n\tmov $20, %%r14d\n"
			 "	int $0x80\n	mov %%r15, %%rbp\n" AFTER
			 : "+a"(number), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e), "+r"(f)
			 : "r"(twice), "r"(end) : "r8", "r10", "r11", "r14", "r15", "memory", "cc");
	return (long)number;
}

long fuzz_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const uint64_t arg[6] = { a, b, c, d, 0, 0 };

	return fuzz_syscall(number, arg, false, 0);
}
