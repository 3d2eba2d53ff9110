/*
 * A guest: a 32-bit kernel, written for the bare machine, that runs in ring 3 as the one
 * thread of a process, with flat memory from linear address 0.
 *
 *   load.c        the file made into a process; how it begins
 *   monitor.c     its traps: which are its own, which are emulated, how it ends
 *   tables.c      its descriptor tables, overlaid
 *   processor.c   these and the segment registers, into the processor and out of it
 *   convert.c     one descriptor of its made one that ring 3 may have
 *   memory.c      its memory, as its own instructions see it
 *   privileged.c  instructions that only ring 0 may execute; its ports
 *   segments.c    instructions of segment registers, and far calls and jumps
 *   deliver.c     exceptions through its own IDT, and the returns from there
 *   insn*.c       instructions that touch a covered page
 *   end.c         its last line
 *
 * GDTR and LDTR hold the guest's tables from guest_enter() to guest_leave(): in user mode,
 * and in the entry code around it.  All C but the first and last lines of
 * guest_do_trap() runs with the CPU's own.  NMI, #MC, #DB and #DF may come in between:
 * the kernel's selectors lead to the same descriptors in both.
 *
 * The process makes no system call: the vault's do_trap, which the entry code calls, is the
 * guest's meanwhile.  So no path of another process asks whether there are guests.
 */
#ifndef KERNEL_GUEST_GUEST_H
#define KERNEL_GUEST_GUEST_H

#include "kernel/base/complaint.h"
#include "kernel/base/insn.h"
#include "kernel/guest/convert.h"
#include "kernel/guest/insn.h"
#include "kernel/linux/thread.h"
#include "mm/audit/overlay.h"
#include "mm/space/overlay.h"

/* Selectors that only a guest's GDT has: see struct guest_cached. */
#define SEL_GUEST_CS 0x3d0
#define SEL_GUEST_SS 0x3d8
#define SEL_GUEST_FIRST SEL_GUEST_CS

#define GUEST_MAX_TABLE 0x8000 /* bytes of a GDT or LDT */
#define GUEST_MAX_PAGES (2 * (GUEST_MAX_TABLE / PAGE_SIZE + 1))

/*
 * What CS or SS holds.  The guest may change a descriptor that it has loaded; the processor
 * goes on with what it has loaded, but not over the IRET that ends a trap.  So while it is
 * `stale`, the register is loaded from a selector of its own, SEL_GUEST_CS or
 * SEL_GUEST_SS, that leads to the old descriptor; until the guest loads another.
 */
struct guest_cached {
	u16 selector;
	bool stale;
	u64 desc;
};

enum guest_exit {
	GUEST_EXIT_TABLE,      /* the guest's access to its own descriptors */
	GUEST_EXIT_NEIGHBOUR,  /* to what lies beside them */
	GUEST_EXIT_FIRST_LOAD, /* guest=one: the processor's first load of a descriptor */
	GUEST_EXIT_PRIVILEGED, /* an instruction of ring 0 */
	GUEST_EXIT_OWN,        /* an exception or INT n of its own */
	GUEST_EXITS
};

struct guest {
	struct mm *mm;
	struct pt_regs *regs; /* of the trap that is handled */

	/* Its tables, as it has set them. */
	struct guest_table gdt, ldt, idt;
	u16 ldtr, tr;
	struct overlay_page page[GUEST_MAX_PAGES];
	unsigned pages;

	/* The processor. */
	struct guest_cached cs, ss;
	u16 segment[SEG_GS + 1];                /* DS, ES, FS, GS as the last trap found them */
	unsigned to_load;                       /* of these: bits by enum user_segment */
	unsigned cpu;                           /* they are still in this CPU, if it has not */
	u64 switches;                           /* switched since then */
	struct table_register alias;            /* GDTR of the kernel */
	void (*do_trap)(struct pt_regs *regs);  /* the vault's */
	void (*own_trap)(struct pt_regs *regs); /* and while the guest is there: guest_do_trap() */
	bool interrupts;                        /* IF, as it has it */
	u32 cr0;                                /* as it has it; there is no paging */

	u64 exits[GUEST_EXITS];
};
static_assert(sizeof(struct guest) <= PAGE_SIZE, "a guest is one frame");

/* guest=one: a descriptor becomes ours when it is first loaded; else all at LGDT. */
extern bool guest_one_at_a_time;

/* ---- load.c ------------------------------------------------------------------------ */

/*
 * If `path` names a multiboot kernel of 32 bits: its process, not yet runnable, in *t.
 * 0, or with one line in *why -EINVAL, -ENOEXEC, -ENOMEM; -ENOENT, without: it is none.
 */
int guest_load(const char *path, struct thread **t, struct complaint *why);

/* ---- end.c, monitor.c --------------------------------------------------------------- */

/* Ends the guest, with its exit status; or by a signal, behind the line that says why. */
__noreturn void guest_exit(const struct guest *g, int status);
__noreturn void guest_kill(const struct guest *g, int signal, const char *fmt, ...)
	__printf_like(3, 4);

/* What the vault's do_trap is while a guest is in the CPU. */
void guest_do_trap(struct pt_regs *regs);

/* ---- tables.c ----------------------------------------------------------------------- */

/* Its first GDT, of the boot loader's kind. */
void guest_tables_init(struct guest *g);

/*
 * LGDT and LLDT: the pages of the tables are covered, those of the old ones are not any
 * more.  What cannot be kills the guest.  Context: a task's, interrupts on.
 */
void guest_set_gdt(struct guest *g, struct guest_table gdt);
void guest_set_ldt(struct guest *g, struct guest_table ldt);

/* The covered page that holds an address, or NULL. */
struct overlay_page *guest_covered(struct guest *g, u32 linear);

/* Does it lie in one of the tables? */
bool guest_in_table(const struct guest *g, u32 linear);

/* Around an access to n bytes of one covered page: accessed bits, and conversion. */
void guest_before_access(struct guest *g, u32 linear, unsigned n, bool write);
void guest_after_write(struct guest *g, u32 linear, unsigned n);

/* Bytes of the GDT as the processor has it: it ends behind the kernel's selectors. */
static inline u32 guest_gdt_bytes(const struct guest *g)
{
	return MAX(g->gdt.bytes, GDT_KERNEL_END);
}

/* The processor's descriptor at an address of a covered page. */
u64 *guest_ours(struct guest *g, u32 linear);

/* The guest's own descriptor of a selector; 0: null, or beyond the table. */
u64 guest_descriptor(struct guest *g, u16 selector);

/* The same as the register s has it. */
u64 guest_descriptor_in(struct guest *g, enum user_segment s);

/* Sets type bits of the guest's own descriptor (TSS busy, accessed), and ours' accessed bit. */
void guest_mark(struct guest *g, u16 selector, u64 bits);

/* guest=one: did a load fail because the descriptor was not ours yet?  Now it is. */
bool guest_first_load(struct guest *g, u16 selector);

/* CS or SS of the trap's registers becomes the selector, RPL aside; CS by that descriptor. */
void guest_load_cs(struct guest *g, u16 selector, u64 desc);
void guest_load_ss(struct guest *g, u16 selector);

/* DS, ES, FS or GS: guest_enter() loads it. */
void guest_load_data(struct guest *g, enum user_segment s, u16 selector);

/* ---- processor.c -------------------------------------------------------------------- */

/*
 * The guest's tables and segments into this CPU, before it goes on with its registers,
 * and out again, when it has trapped.  Interrupts off.
 */
void guest_enter(struct guest *g, struct pt_regs *regs);
void guest_leave(struct guest *g, struct pt_regs *regs);

/* ---- memory.c ----------------------------------------------------------------------- */

/* Its memory and segments, for kernel/guest/insn.h; what faults there is fatal to it. */
struct guest_memory guest_memory_of(struct guest *g);

/* The instruction at CS and IP.  False: it cannot be read, all of it, or decoded. */
bool guest_fetch(struct guest *g, struct guest_insn *insn);

/* A byte of code; 0 if it cannot be read. */
u8 guest_code_byte(struct guest *g, u32 ip);

/* The operand in memory; false: *fault.  And one of 16 bits, which may be in a register. */
bool guest_read_operand(struct guest *g, const struct guest_insn *insn, void *to, unsigned n,
			struct guest_fault *fault);
bool guest_write_operand(struct guest *g, const struct guest_insn *insn, const void *from,
			 unsigned n, struct guest_fault *fault);
bool guest_read_word(struct guest *g, const struct guest_insn *insn, u16 *value,
		     struct guest_fault *fault);
bool guest_write_word(struct guest *g, const struct guest_insn *insn, u32 value,
		      struct guest_fault *fault);

/* ---- segments.c --------------------------------------------------------------------- */

/* Executes an instruction of segment registers, or a far call, jump or return. */
enum guest_done guest_segment_insn(struct guest *g, const struct guest_insn *insn,
				   struct guest_fault *fault);

/* Is it one of them that ring 3 may not execute, where ring 0 may? */
bool guest_is_ring0_segment_insn(const struct guest_insn *insn);

/* ---- privileged.c, deliver.c --------------------------------------------------------- */

/* Executes the instruction, if it is one of ring 0's. */
enum guest_done guest_privileged(struct guest *g, const struct guest_insn *insn,
				 struct guest_fault *fault);

/*
 * An exception or INT n goes to its IDT.  IP is where the frame is to say.  error < 0: the
 * vector has no error code.
 */
void guest_deliver(struct guest *g, unsigned vector, s64 error);

/* INT n of `length` bytes, which IP is behind; if there is no way to its handler, it faults. */
void guest_deliver_int(struct guest *g, unsigned vector, unsigned length);

/* The same of a fault that an emulated instruction has met. */
void guest_deliver_fault(struct guest *g, const struct guest_fault *fault);

/* IRET, and RET far with `more` bytes to be dropped, to its ring 0.  False: *fault. */
bool guest_iret(struct guest *g, const struct guest_insn *insn, struct guest_fault *fault);
bool guest_far_return(struct guest *g, const struct guest_insn *insn, unsigned more,
		      struct guest_fault *fault);

/* May CS hold that selector, with that IP?  *desc is its descriptor; else *fault: #GP or #NP. */
bool guest_check_cs(struct guest *g, u16 selector, u32 ip, u64 *desc, struct guest_fault *fault);

#endif
