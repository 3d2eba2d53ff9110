/*
 * raw_clone.h: clone() without a C library between.
 *
 * musl from 1.2.5 on refuses threads that it did not make (CLONE_THREAD is -EINVAL),
 * and pthread_create() makes none with unusual flags, nor on 256 bytes of stack.
 */
#ifndef USER_RAW_CLONE_H
#define USER_RAW_CLONE_H

#include "raw_syscall.h"

/*
 * clone(2), with no TLS.  The child runs fn(arg) on the stack below `stack`, which must be
 * aligned to 16 bytes, and ends with what fn returns; it shares its maker's C
 * library, errno too, if it shares memory.  `where` is the parent's and the child's
 * TID address, for the flags that want one.  Returns the TID, or minus an errno.
 */
static inline int64_t raw_clone(int (*fn)(void *), void *stack, uint64_t flags, void *arg,
				volatile int *where)
{
	register volatile int *r10 __asm__("r10") = where;
	register uint64_t r8 __asm__("r8") = 0;
	void **at = stack;
	int64_t result;

	*--at = arg;
	*--at = (void *)fn;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "pop %%rax\n\t"
			 "pop %%rdi\n\t"
			 "call *%%rax\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone), "D"(flags), "S"(at), "d"(where), "r"(r10), "r"(r8),
			   [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory", "cc");
	return result;
}

#endif
