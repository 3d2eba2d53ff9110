/*
 * pti=deferred in numbers: what is shown besides, where it lies, and the words that
 * assembly and C share.  entry/deferred/deferred.asm tells the story.
 * Plain `#define NAME expression` only: NASM includes this as deferred.inc.
 *
 *   slot 508  CEA_DEFERRED_TEXT    R X  code that runs on the user table
 *             CEA_DEFERRED_RODATA  R    its tables
 *             CEA_DEFERRED_DATA    R    what it must know of the machine: the clock
 *   slot 507  PTI_PLACE_BASE ...        a place for each thread of the process:
 *               a page that is absent
 *               its PTI stack        RW   (struct pti_page)
 *               its process's facts  R    (struct process_facts)
 *               another absent page
 */
#ifndef KERNEL_BASE_DEFERRED_H
#define KERNEL_BASE_DEFERRED_H

#define CEA_DEFERRED_TEXT (CEA_SHARED_BASE + 0x8000)
#define CEA_DEFERRED_TEXT_PAGES 2
#define CEA_DEFERRED_RODATA (CEA_SHARED_BASE + 0xc000)
#define CEA_DEFERRED_RODATA_PAGES 1
#define CEA_DEFERRED_DATA (CEA_SHARED_BASE + 0xe000)

/* Behind the two places of an LDT (mm/ledger.h). */
#define PTI_PLACE_BASE (PROCESS_ENTRY_BASE + 0x20000)
#define PTI_PLACE_SIZE 0x4000
#define PTI_PLACES 0x8000
#define PTI_PLACES_SIZE (PTI_PLACES * PTI_PLACE_SIZE)
#define PTI_PLACE_STACK 0x1000
#define PTI_PLACE_FACTS 0x2000

/* A thread's page: the stack, and above its top the facts. */
#define PTI_FACTS_SIZE 256
#define PTI_STACK_SIZE (PAGE_SIZE - PTI_FACTS_SIZE)
#define PTI_REGS_SIZE 176 /* struct pt_regs, at the stack's top */

/* Facts begin with what the thread chose: any words.  Then the one that assembly reads. */
#define PTI_CHOICES_SIZE 48
#define FACT_RESULT PTI_CHOICES_SIZE

/* What uname answers, in bytes. */
#define UTSNAME_SIZE (6 * 65)

/* In the page CEA_DEFERRED_DATA, struct deferred_machine. */
#define DEFERRED_HERE_BITS 28

/* Words of the TSS: sp[0] is the current thread's PTI stack; rings 1 and 2 do not run,
 * so the others are free to say where SYSCALL's two entries go on. */
#define TSS_SP0 4
#define TSS_SP1 12
#define TSS_SP2 20

/* Numbers from here on are no system calls. */
#define DEFERRED_NR 512

/* What deferred_to_kernel() calls, an index in the vault's kernel_call[]. */
#define DEFERRED_SYSCALL 0
#define DEFERRED_TRAP 1
#define DEFERRED_WORK 2
#define DEFERRED_CALLS 3

/*
 * What a deferred call answers if it must go the long way, from the beginning; and if
 * it is done, its result being in the facts, but work is due before user mode.  No call
 * has such a result: they are below every negated errno.
 */
#define DEFERRED_REFUSED -0x2000
#define DEFERRED_WORK_DUE -0x2001

#endif
