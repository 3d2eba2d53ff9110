/*
 * A process's address space: the user half, as areas and as page tables.
 */
#ifndef MM_SPACE_MM_H
#define MM_SPACE_MM_H

#include "kernel/base/cpumask.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/base/types.h"
#include "mm/pagetable.h"
#include "mm/pti.h"
#include "mm/space/areas.h"

struct guest;

#define MM_FRAMES 1
#define MM_MAX_VMAS 65530 /* Linux's vm.max_map_count */

/* mm/space/process_entry.h has the meaning of `active`. */
struct mm_ldt {
	struct sleep_lock lock; /* one change at a time; see arch/state/ldt.c */
	u32 active;             /* 0: none; read by every CPU that loads the mm */
	phys_addr_t table;      /* its frames, contiguous */
};

/*
 * Life: counted in `users`; made by mm_alloc() or mm_fork() with one, freed by the
 * last mm_put().  Each process has one for process->mm, however many threads share
 * it; an execve has one for the address space it builds, the measuring of
 * kernel/linux/process/oom.c one for as long as it takes.  A thread's task->mm needs none: the
 * thread loads another before its process gives the hold back, so no CPU has the mm
 * loaded when it is freed (asserted).  A tracer uses that of a thread that it has
 * frozen, which cannot end.
 *
 * The functions below take the lock themselves: the caller must hold no spinlock.  No
 * code touches user memory while it holds the lock, for the fault would want it, too.  Another
 * process may hold it for as long as its work is; so SIGKILL ends the wait for it, and
 * those that return errors return -EINTR, whatever else is said of them.
 *
 * What takes time in proportion to a range lets other tasks run, and is left
 * early with -EINTR by a task that is about to die.  Areas and pages agree then,
 * too: others may share the address space, and live on.
 */
struct mm {
	pte_t *pgd; /* kernel PGD of its pair, or roots_alloc(): set when it is made */

	/* Changed by single instructions, by anybody. */
	u64 slots[PTI_SLOT_WORDS]; /* roots=cpu: entries of the user half that are present */
	struct cpumask cpus;       /* that have it loaded; each sets and clears its own bit */
	u32 users;                 /* see above */
	bool dumpable; /* its user's other processes may trace it: kernel/linux/creds.c */

	/* Set when it is made, and while exec fills it: no other task has it yet. */
	u64 id;          /* no other has, or will have, the same */
	virt_addr_t end; /* of what the program may have: mm_init_layout() */
	virt_addr_t stack_top, mmap_top;
	virt_addr_t low_top; /* the same for MAP_32BIT */
	bool random_layout;  /* these are random: kernel/files/randmaps.c */
	struct guest *guest; /* kernel/guest/, in a frame of this one; NULL: an ordinary program */
	virt_addr_t vdso;    /* page of arch/vdso/ia32_vdso.asm; 0: a 64-bit program */
	virt_addr_t vdso64;  /* page of arch/vdso/vdso64.c at the start; 0: a 32-bit program */

	/* Where the program's arguments, environment and auxiliary vector begin and end. */
	struct {
		virt_addr_t args, env, env_end, auxv, auxv_end;
	} told;

	/* oom measure, of kernel/linux/process/oom.c. */
	u64 measured; /* by mm_measure(), last */

	struct mm_ldt ldt; /* under its own lock: arch/state/ldt.c */
	unsigned pti_free; /* the same lock: mm/space/pti_stack.c */

	struct sleep_lock lock; /* of all that follows */
	virt_addr_t brk_start, brk;
	u64 resident;          /* pages, those of shared objects included */
	u64 shown;             /* pages of shared objects */
	u64 tables;            /* frames of page tables of the user half */
	unsigned stale_faults; /* tried again since an entry last got more rights */
	unsigned lock_new;     /* mlockall(MCL_FUTURE): VMA_LOCKED and so on of new areas */
	u64 bytes, data_bytes, locked_bytes; /* of areas: mm/space/vma.h */
	struct areas areas;                  /* the last: see there */
};
static_assert(sizeof(struct mm) <= MM_FRAMES * PAGE_SIZE, "struct mm fits");

/* Where programs are put. */
#define MM_STACK_TOP (USER_END - 0x100000) /* programs may want the last pages */
#define MM_STACK_SIZE (8ULL << 20)         /* Linux's RLIMIT_STACK, unless it is set */
#define MM_STACK_GAP_MIN (128ULL << 20)    /* from the mmap area to the stack's top */
#define MM_MMAP_TOP (MM_STACK_TOP - MM_STACK_GAP_MIN)
#define MM_PIE_BASE 0x555555554000
#define MM_LOW_TOP 0x80000000 /* MAP_32BIT */

/* The places for 32-bit programs, whose vDSO page lies at MM_MMAP_TOP_IA32. */
#define MM_STACK_TOP_IA32 USER_END_IA32
#define MM_MMAP_TOP_IA32 (MM_STACK_TOP_IA32 - MM_STACK_GAP_MIN)
#define MM_PIE_BASE_IA32 0x56555000

/*
 * An empty address space of a 64-bit program with one user, or NULL.  The last
 * mm_put() takes back all it has; no CPU has it loaded then.
 */
struct mm *mm_alloc(void);
void mm_get(struct mm *mm);
void mm_put(struct mm *mm);

/*
 * Some that have ended are kept for the next ones, as kernel stacks are.  The first frees all
 * of these: memory is wanted, or frames are counted.  Context: as mm_put().  The other says
 * how many frames that would give.
 */
void mm_settle(void);
u64 mm_kept_frames(void);

/*
 * A copy for a child process: private pages are copied on write, shared ones shared.  NULL:
 * no memory, or the caller is about to die; nothing is left of it.
 */
struct mm *mm_fork(struct mm *parent);

/* Where the program's end, stack and mmap area are.  Nothing is mapped yet. */
void mm_init_layout(struct mm *mm, bool ia32);

/*
 * Loads mm on `cpu`, this one (NULL: the pair of no process); false: it was loaded.  For
 * ldt_load_mm() alone: the LDT goes with it.  Context: interrupts off.
 */
bool mm_load(struct percpu *cpu, struct mm *mm);

/*
 * Frames that are there for it: its private pages, its page tables and LDT, and
 * all frames of each shared object that it has a part of.  Context: the caller
 * must see to it that no other CPU measures at the same time.
 */
u64 mm_measure(struct mm *mm);

enum fault_verdict {
	FAULT_HANDLED,
	FAULT_MAPERR, /* nothing is mapped there */
	FAULT_ACCERR, /* it is, but not for this */
	FAULT_BUS,    /* behind the end of the shared object that is mapped */
	FAULT_OOM,
	FAULT_DIES, /* the current task is about to die: nothing was done */
};

/*
 * A page fault at `addr`; error is the processor's error code (PF_*).  Handled: the
 * CPU must try the access again.
 */
enum fault_verdict mm_fault(struct mm *mm, virt_addr_t addr, u64 error);

/*
 * Copies n bytes into an address space that need not be loaded, making its pages
 * present, whatever their rights.  0, -EFAULT (nothing there), -ENOFRAME; -EINTR:
 * the caller is about to die, and more than one page was asked for.
 * A whole page is not cleared before it is filled: the address space must be one that
 * nobody runs yet, or n less than a page (asserted).
 */
int mm_write(struct mm *mm, virt_addr_t to, const void *from, u64 n);

/* The other way. */
int mm_read(struct mm *mm, virt_addr_t from, void *to, u64 n);

/*
 * An aligned 32-bit word of a program, as a futex needs it: what it is, whoever
 * maps it, and where it is now.  `space` and `offset` are a name, which stays true
 * of this word and is never given to another; they hold nothing.
 */
struct mm_word {
	u64 space;     /* id of the address space, or of what is MAP_SHARED */
	u64 offset;    /* in it */
	bool own;      /* not shared memory: `space` is mm's id */
	bool writable; /* by the program */
	const u32 *at; /* valid until mm_unlock_word() */
};

/*
 * Makes the word present and keeps it so, in that place, until mm_unlock_word():
 * the address space is locked meanwhile.  0 or, with nothing locked, -ENOFRAME, or
 * -EFAULT: it may not be read.
 */
int mm_lock_word(struct mm *mm, virt_addr_t va, struct mm_word *word);
void mm_unlock_word(struct mm *mm);

/*
 * Atomically: if the word at va is *old, makes it `new`, else *old what it is.
 * Returns 1, 0, -ENOFRAME, or -EFAULT: it may not be written.
 */
int mm_exchange_word(struct mm *mm, virt_addr_t va, u32 *old, u32 new);

#endif
