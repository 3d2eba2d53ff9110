/*
 * The cpu vault: what one CPU keeps to itself, mapped in slot 509 where no
 * user PGD shows it.  The trampoline reaches it RIP-relative from this CPU's
 * entry area once CR3 has been switched; C reaches it through GS.
 *
 * The first part is the contract with the assembly in entry/ (offsets.inc is
 * generated from here); the rest is C's.  Only the owning CPU writes its
 * vault, but for the fields marked "shared".
 */
#ifndef KERNEL_BASE_PERCPU_H
#define KERNEL_BASE_PERCPU_H

#include "kernel/base/deferred.h"
#include "kernel/base/layout.h"
#include "kernel/base/types.h"

struct pt_regs;
struct task;
struct mm;
struct gdt_page;
struct tss;
struct task_io;
struct timer;

struct percpu {
	struct percpu *self;                   /* = vault address of this CPU, for this_cpu() */
	u64 task_stack;                        /* where the current task's pt_regs end */
	u64 user_rsp;                          /* direct SYSCALL entry: scratch for RSP */
	u64 entry_stack_top;                   /* TSS.sp0: top of this CPU's entry stack */
	u64 cr3_user_bits;                     /* ORed into CR3 on the way out; 0: no shadow */
	u64 ist_kernel_stack[NR_IST];          /* kernel-only stack behind each IST */
	bool (*do_syscall)(struct pt_regs *);  /* true: SYSRET will do */
	void (*do_trap)(struct pt_regs *);     /* task stack, any origin */
	void (*do_paranoid)(struct pt_regs *); /* IST event in kernel mode */
	u64 exit_to_user;                      /* entry text: the IRET path, for the trampoline */
	u64 syscall_direct;                    /* = entry_labels.syscall_direct */
	u64 espfix_stack;                      /* top of the ESPFIX stack, bits 31:16 zero */
	u64 user_kernel_cr3;                   /* not 0: a trap from user mode found the kernel
	                            PGD in CR3; with a shadow, a missed switch */

	/* pti=deferred: the top of the task's own stack - 8; from its PTI stack to the same
	 * page in the direct map; what deferred_to_kernel() calls */
	u64 kernel_stack, pti_delta;
	bool (*kernel_call[DEFERRED_CALLS])(struct pt_regs *);

	/* from here on, C only */
	u32 cpu; /* our number, 0 is the boot CPU */
	u32 apic_id;
	struct task *current; /* NULL until sched_run() */
	struct task *idle;
	struct mm *mm;               /* whose PGD pair CR3 holds */
	struct gdt_page *gdt;        /* its writable address, in the direct map */
	struct tss *tss;             /* the same; pti=deferred */
	u64 *espfix_page;            /* the same: not every kernel PGD shows the other one */
	const struct task_io *io;    /* whose ports the TSS opens; NULL: nobody's */
	u64 tls_loaded, debug_armed; /* the GDT has a task's TLS; its debug.active; else 0 */
	u8 *io_bitmap;               /* the frames that it shows then, in the direct map */
	/* roots=cpu (mm/space/roots.c) */
	u64 *root;       /* kernel PGD of this CPU's pair; NULL: roots=process */
	u64 slots[4];    /* entries of the user half that the pair has, as mm->slots */
	u64 *shown_area; /* its user PGD's PTEs of the area */
	u64 shown_process, shown_espfix; /* its user PGD's entries of slot 507, and there */

	/* the run queue's lock; shared (kernel/task/sched.c) */
	struct task *switching_from;
	struct timer *sleepers;        /* that went to sleep here and have a time */
	u64 first_wake, slice_end;     /* of them, ~0: none; of the current task */
	u64 wanted_alarm, wanted_kick; /* a time, a CPU + 1, for behind its release; 0: none */

	bool ldt_loaded; /* LDTR is not null */
	bool need_resched;
	bool work_due;   /* before user mode: need_resched, or the task's */
	bool ist_used;   /* since the last cea_scrub(): an IST page */
	u32 in_paranoid; /* depth of IST handlers in kernel mode */
	u64 locks_held;  /* spinlocks: no schedule(), no shootdown */
	u64 nmis;        /* taken, from any mode; shared (read) */
	u64 timer_interrupts;
	u64 alarm;                      /* clock_ns() of the timer interrupt to come; 0: none */
	u64 syscalls, syscalls_unknown; /* all; answered with ENOSYS */
	u64 fixup_flags;                /* RFLAGS in the frame of the last fault with a fixup */
	u64 context_switches;
	u64 branches_of;     /* whose branches are predicted: mitigations_switch() */
	u64 branch_barriers; /* IBPBs */
};

/* The vault of CPU n, whether or not that CPU exists. */
#define VAULT_OF(n) ((struct percpu *)(VAULT_BASE + CEA_STRIDE * (u64)(n)))

/*
 * This CPU's vault.  Context: GS holds the kernel's base (all C but the first
 * lines of boot); do not hold the pointer across a schedule().
 */
static inline struct percpu *this_cpu(void)
{
	struct percpu *p;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(p));
	return p;
}

/*
 * One field of this CPU's vault in one instruction, for the system call path
 * and where the task may move to another CPU between two.  The first may be done once for
 * several: its field is to be the same wherever the task runs.
 */
#define this_cpu_read(field)                                                                  \
	({                                                                                    \
		__typeof__(((struct percpu *)0)->field) v_;                                   \
		__asm__("mov %%gs:%c1, %0" : "=r"(v_) : "i"(offsetof(struct percpu, field))); \
		v_;                                                                           \
	})

#define this_cpu_inc(field) \
	__asm__ volatile("incq %%gs:%c0" : : "i"(offsetof(struct percpu, field)) : "memory", "cc")

#define this_cpu_dec(field) \
	__asm__ volatile("decq %%gs:%c0" : : "i"(offsetof(struct percpu, field)) : "memory", "cc")

/* A bool of this CPU's vault: one comparison. */
#define this_cpu_test(field)                                             \
	({                                                               \
		bool set_;                                               \
		__asm__ volatile("cmpb $0, %%gs:%c1"                     \
				 : "=@ccne"(set_)                        \
				 : "i"(offsetof(struct percpu, field))); \
		set_;                                                    \
	})

static_assert(offsetof(struct percpu, self) == 0, "this_cpu() reads gs:0");
static_assert(sizeof(struct percpu) <= PAGE_SIZE, "one page a vault");

/* Interrupts taken, by vector, all CPUs; exceptions too.  kernel/trap.c alone counts. */
extern u64 trap_count[256];

#endif
