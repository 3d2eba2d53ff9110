/*
 * Reader of ELF program files: checks a whole image before anything of it is
 * mapped, and says in struct elf_image what to map where.
 *
 * Pure: allocates nothing, maps nothing.
 *
 * Source: System V ABI, chapters 4 and 5, its AMD64 and i386 supplements, and Linux's
 * fs/binfmt_elf.c for what a kernel has to make of them.
 */
#ifndef KERNEL_FILES_ELF_H
#define KERNEL_FILES_ELF_H

#include "kernel/base/complaint.h"
#include "kernel/base/types.h"

#define ELF_MAX_SEGMENTS 16

enum elf_rights { /* or'ed together in elf_segment.rights */
		  ELF_X = 1,
		  ELF_W = 2,
		  ELF_R = 4,
};

/*
 * Bytes offset .. offset + filesz of the image go to vaddr, and zeros from
 * there to vaddr + memsz.  vaddr and offset are congruent modulo 4 KiB, so a
 * page of the file can become a page of memory; where filesz is 0, offset is 0 and
 * means nothing.
 */
struct elf_segment {
	virt_addr_t vaddr;
	u64 paddr; /* as the file says; only a guest kernel is loaded there */
	u64 memsz; /* bytes, not 0 */
	u64 offset;
	u64 filesz; /* bytes, at most memsz */
	u32 rights; /* never W and X together */
};

/* All addresses are as in the file; with is_pie, the loader adds its base. */
struct elf_image {
	bool ia32; /* ELF32 for i386; phentsize is then 32 */
	bool is_pie;
	virt_addr_t entry;
	virt_addr_t phdr; /* the program headers in memory, for AT_PHDR; 0 if
			     no segment holds them */
	unsigned phnum;
	unsigned phentsize;     /* bytes */
	u64 align;              /* of a base, in bytes: a power of 2, at least a page */
	virt_addr_t start;      /* page-aligned, of the lowest segment */
	virt_addr_t brk_start;  /* page-aligned end of the highest segment */
	unsigned segment_count; /* at least 1 */
	struct elf_segment segment[ELF_MAX_SEGMENTS]; /* in file order */
};

/*
 * Checks an image of `size` readable bytes, at any alignment: a static program,
 * ELF64 for x86-64 or ELF32 for i386, ET_EXEC, or ET_DYN without PT_INTERP
 * (static-pie), whose segments lie between USER_START (0 if is_pie) and
 * USER_END (ELF32: USER_END_IA32).  Empty PT_LOADs are left out, whatever else
 * they say.  Byte ranges of two segments never overlap, but they may meet within a
 * page; as in Linux, such a page gets the rights of the later one.
 *
 * Returns 0, or -EINVAL with one line in *why, "elf: found X, expected Y".
 */
int elf_parse(const void *image, size_t size, struct elf_image *out, struct complaint *why);

/*
 * How many bytes from the image's beginning elf_parse() reads, if all of it that is here are
 * `size` bytes; more than a file may have if the headers are no good.
 */
u64 elf_head_size(const void *image, size_t size);

#endif
