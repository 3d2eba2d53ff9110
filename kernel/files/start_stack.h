/*
 * The stack with which a program begins, as the System V ABI has it (AMD64, 3.4.1; i386):
 * its arguments, its environment, and an auxiliary vector.
 */
#ifndef KERNEL_FILES_START_STACK_H
#define KERNEL_FILES_START_STACK_H

#include "kernel/base/types.h"

struct mm;
struct start_stack;

/*
 * Strings, by an array of pointers that ends in NULL: the kernel's, or if that is NULL,
 * the current process's, in pointers of `width` bytes; no array at all (0) is an empty one.
 */
struct string_list {
	const char *const *kernel;
	virt_addr_t user;
	unsigned width;
};

struct start_strings {
	struct string_list argv, envp;
};

/* The most bytes of one string, its end included. */
#define START_STRING_MAX (128ULL << 10)

/*
 * One after the other: a stack in the stack area of `mm`, of 32-bit words if `ia32`; its
 * strings, and the path of the program, which is returned: with the pointers `room` bytes at
 * most; bytes that do not count, for the auxiliary vector to point to; the vector's entries,
 * AT_NULL last; the end.  grown(mm) is called whenever the area may have grown.  NULL: no
 * memory; the end tells other errors.  Context: task context or boot, no lock held.
 */
struct start_stack *start_stack_begin(struct mm *mm, bool ia32, u64 room,
				      void (*grown)(const struct mm *mm));
virt_addr_t start_stack_strings(struct start_stack *b, const char *path,
				const struct start_strings *strings);
virt_addr_t start_stack_bytes(struct start_stack *b, const void *bytes, size_t n);
void start_stack_auxv(struct start_stack *b, u64 type, u64 value);

/*
 * Leaves `gap` bytes free, writes auxiliary vector, envp, argv and argc, and gives *b back.
 * *sp is the initial RSP, 16-aligned.  0, -ENOMEM, -ENOFRAME, -EFAULT, -EINTR; -E2BIG: more than
 * `room`, or than the stack may grow to, or a string of more than START_STRING_MAX bytes.
 */
int start_stack_end(struct start_stack *b, u64 gap, virt_addr_t *sp);

#endif
