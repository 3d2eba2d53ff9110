/*
 * raw_syscall.h: system calls without a C library between.
 *
 * The C library keeps the raw result away (errno), answers some calls itself
 * (clock_gettime from the vDSO on Linux) and does not pass nonsense on. The
 * tests want to see what the kernel returns: a value, or minus an errno.
 *
 * sys(SYS_write, 1, text, length) takes up to six arguments of any integer or
 * pointer type; those left out are zero.
 */
#ifndef USER_RAW_SYSCALL_H
#define USER_RAW_SYSCALL_H

#include <stdint.h>
#include <sys/syscall.h>

static inline int64_t raw_syscall(uint64_t number, uint64_t a, uint64_t b, uint64_t c,
				  uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	int64_t result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define sys(...) sys_padded(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define sys_padded(n, a, b, c, d, e, f, ...) \
	raw_syscall((uint64_t)(n), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), \
		    (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))

#endif
