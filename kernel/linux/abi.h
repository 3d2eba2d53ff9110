/*
 * The two forms in which a call's data comes and goes: words of 64 bits, or i386's of 32.
 *
 * A call that does the same work for both is one function, which asks here by which way it
 * was called.  The form belongs to the call, not to the program: a 64-bit program's
 * INT 0x80 has i386's.
 * Context of all: a system call, or what a fault does in a call's place.
 */
#ifndef KERNEL_LINUX_ABI_H
#define KERNEL_LINUX_ABI_H

#include "kernel/linux/thread.h"

/* Did the current thread come by one of i386's three ways in? */
static inline bool abi_is_ia32(void)
{
	u64 way = thread_regs(current_thread())->vector;

	return way == VEC_INT80 || way == VEC_SYSCALL32 || way == VEC_SYSENTER;
}

/* Bytes of a word: a pointer, a long, a size_t. */
static inline unsigned abi_width(void)
{
	return abi_is_ia32() ? sizeof(u32) : sizeof(u64);
}

/*
 * Reads and writes n words of `width` bytes, at most ABI_WORDS, at once: 0 or -EFAULT.
 * Words of 32 bits are extended by zeroes, and cut.
 */
#define ABI_WORDS 18
int abi_read_words(u64 *to, virt_addr_t from, unsigned n, unsigned width);
int abi_write_words(virt_addr_t to, const u64 *from, unsigned n, unsigned width);

/* One store of a word of the call's width, as put_user_u64(): 0 or -EFAULT. */
int abi_put_word(virt_addr_t to, u64 value);

#endif
