/*
 * A process's address space: the user half, as areas and as page tables.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include "kernel/base/cpumask.h"
#include "kernel/base/types.h"
#include "mm/pagetable.h"

/* Linux's PROT_*: the ABI of mmap and mprotect. */
#define VMA_READ 1
#define VMA_WRITE 2
#define VMA_EXEC 4

struct vma {
	virt_addr_t start, end; /* pages; end is exclusive */
	unsigned prot;
};

#define MM_FRAMES 4
#define MM_MAX_VMAS 600

/* One task at a time works on an mm; it is not locked. */
struct mm {
	pte_t *pgd;          /* kernel PGD of its pair */
	struct cpumask cpus; /* that have it loaded */
	virt_addr_t brk_start, brk;
	u64 resident;        /* pages */
	unsigned count;
	struct vma vma[MM_MAX_VMAS]; /* ascending, apart, neighbours may touch */
};
static_assert(sizeof(struct mm) <= MM_FRAMES * PAGE_SIZE, "struct mm fits");

/* Where programs are put. */
#define MM_STACK_TOP (USER_END - 0x1000)
#define MM_STACK_SIZE (8ULL << 20)
#define MM_MMAP_TOP (MM_STACK_TOP - MM_STACK_SIZE - 0x10000)
#define MM_PIE_BASE 0x555555554000

/* An empty address space, or NULL.  mm_free() takes back all it has. */
struct mm *mm_alloc(void);
void mm_free(struct mm *mm);

/*
 * Loads mm on this CPU (NULL: the pair of no process).  Context: interrupts
 * off.
 */
void mm_load(struct mm *mm);

/*
 * Adds anonymous, private, zeroed memory; nothing is allocated before it is
 * touched.  addr and len as mmap's: with `fixed`, what is there goes away;
 * else addr is a hint.  Returns the address, or -EINVAL (len 0, addr not a
 * page), -ENOMEM (no room, or not in the user half), -EACCES (W and X), -EPERM
 * (fixed, below USER_START).
 */
long mm_map(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot, bool fixed);

/* As munmap and mprotect: 0, -EINVAL, -ENOMEM, -EACCES.  Flush what they must. */
long mm_unmap(struct mm *mm, virt_addr_t addr, u64 len);
long mm_protect(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot);

/* As the system call: returns the break, moved if it could be. */
virt_addr_t mm_brk(struct mm *mm, virt_addr_t brk);

enum fault_verdict {
	FAULT_HANDLED,
	FAULT_MAPERR, /* nothing is mapped there */
	FAULT_ACCERR, /* it is, but not for this */
	FAULT_OOM,
};

/* A page fault at `addr`; error is the processor's error code (PF_*). */
enum fault_verdict mm_fault(struct mm *mm, virt_addr_t addr, u64 error);

/*
 * Copies n bytes into an address space that need not be loaded, making its pages
 * present, whatever their rights.  0, -EFAULT (no area there), -ENOMEM.
 */
int mm_write(struct mm *mm, virt_addr_t to, const void *from, u64 n);

/* The other way: for the tests, which look at what a program left. */
int mm_read(struct mm *mm, virt_addr_t from, void *to, u64 n);

#endif
