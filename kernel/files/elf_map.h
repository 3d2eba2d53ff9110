/*
 * Program files in address spaces.
 */
#ifndef KERNEL_FILES_ELF_MAP_H
#define KERNEL_FILES_ELF_MAP_H

#include "kernel/files/elf.h"

struct mm;
struct shared;

/* Where a program's file is: in one piece, or, if that is NULL, a file that has been written. */
struct elf_source {
	const u8 *bytes;
	struct shared *content;
};

/*
 * Finds the places of a program and of its stack in a fresh layout: moves the stack and
 * the mmap area of `mm` down if the program is linked where they are.  *base: what is to
 * be added to the addresses in the file, so that a static-pie begins at pie_first or,
 * where it does not fit, below the stack.  0, or -ENOEXEC: there is no room for both.
 */
int elf_place(struct mm *mm, const struct elf_image *elf, virt_addr_t pie_first, u64 *base);

/*
 * Maps the segments of a parsed image there and copies its bytes.  0, -ENOMEM, -ENOFRAME;
 * part of it is mapped then.  Context: a task's stack, or boot.
 */
int elf_map(struct mm *mm, const struct elf_source *from, const struct elf_image *elf, u64 base);

/*
 * Copies n bytes of a file's contents, or as many as there are, to an address space: 0,
 * -EFAULT, -ENOFRAME, -EINTR.
 */
int elf_copy(struct mm *mm, virt_addr_t to, struct shared *content, u64 offset, u64 n);

#endif
