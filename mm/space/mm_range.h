/*
 * Changes of ranges of an address space: mmap, munmap, mprotect, mremap and brk.
 *
 * The functions take mm->lock themselves: see mm/space/mm.h for what that asks of callers.
 */
#ifndef MM_SPACE_MM_RANGE_H
#define MM_SPACE_MM_RANGE_H

#include "kernel/base/types.h"
#include "mm/space/mm.h"

/* How mm_map() maps, or'ed together. */
#define MM_FIXED 0x1      /* what is there goes away; else addr is a hint */
#define MM_NOREPLACE 0x2  /* with MM_FIXED: -EEXIST if something is there */
#define MM_SHARED 0x4     /* with children of fork; else private */
#define MM_32BIT 0x8      /* below 2 GiB */
#define MM_LOCKED 0x40    /* as mlock() does it; the caller makes it present */
#define MM_GROWSDOWN 0x10 /* it grows down when it is touched below */
#define MM_IA32 0x20      /* where a 32-bit program would have it */

/*
 * Adds anonymous, zeroed memory; nothing is allocated before it is touched.
 * addr and len as mmap's.  Returns the address, or -EINVAL (len 0, addr not a
 * page), -ENOMEM (no room, or not in the program's part), -ENOFRAME, -EACCES (W and X),
 * -EPERM (fixed, below USER_START; MM_LOCKED, and nothing may be), -EEXIST; -EAGAIN:
 * more than RLIMIT_MEMLOCK lets be locked.
 */
long mm_map(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot, unsigned how);

/* What is mapped of a file: it needs no hold but for the call. */
struct mm_file {
	struct shared *content;
	u64 offset; /* of a page */
	bool readonly;
};

/*
 * The same of a file; MM_SHARED: what is written there is written to the file, and if that is
 * `readonly`, the area never becomes writable.  Behind the end of the file is FAULT_BUS, but
 * for the rest of its last page.  And -EOVERFLOW: offset and length are too much.
 */
long mm_map_file(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot, unsigned how,
		 const struct mm_file *file);

/*
 * Takes away what is mapped of a file from that size on, private copies, too: to touch it is
 * FAULT_BUS from now on, for the file was made so short.  Less if the task is about to die.
 */
void mm_cut_file(struct mm *mm, const struct shared *content, u64 size);

/* As munmap and mprotect: 0, -EINVAL, -ENOMEM, -ENOFRAME, -EACCES.  Flush what they must. */
long mm_unmap(struct mm *mm, virt_addr_t addr, u64 len);
long mm_protect(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot);

#define MM_REMAP_MAYMOVE 1 /* Linux's MREMAP_* */
#define MM_REMAP_FIXED 2
#define MM_REMAP_DONTUNMAP 4

/* As mremap: the address, -EINVAL, -EFAULT, -ENOMEM, -EPERM, -EAGAIN; or -ENOFRAME. */
long mm_remap(struct mm *mm, virt_addr_t addr, u64 old_len, u64 new_len, unsigned flags,
	      virt_addr_t new_addr);

/* As the system call: returns the break, moved if it could be. */
virt_addr_t mm_brk(struct mm *mm, virt_addr_t brk);

#endif
