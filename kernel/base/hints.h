/*
 * The unwind hints: for each instruction of the entry code, where the registers
 * of the interrupted code, or of the caller, can be found.
 * entry/unwind.inc emits them, in the image's section .unwind; kernel/debug/unwind.c,
 * scripts/gdb/unwinder.py and scripts/check_unwind.py read them.
 * Plain `#define NAME expression` only: NASM includes this as hints.inc.
 *
 * A hint is 16 bytes: its address (8), type, base (1 each), offset (2, signed),
 * order, saved (1 each), zero (2).  It holds from its address to the next one's.
 * "At base" below means: at the register `base`, plus the offset.
 */
#ifndef KERNEL_BASE_HINTS_H
#define KERNEL_BASE_HINTS_H

#define HINT_SIZE 16

/* Types */
#define HINT_C 0             /* no assembly of ours: frame pointers lead on */
#define HINT_END 1           /* nothing is above: a task, or a stack, begins */
#define HINT_CALL 2          /* at base: the return address of a call by C */
#define HINT_FRAME 3         /* at base: ip, cs, flags, sp, ss */
#define HINT_SYSCALL 4       /* ip in rcx, flags in r11, sp as it is; offset = cs */
#define HINT_PARKED 5        /* the same, sp in CEA_USER_RSP of this CPU's area */
#define HINT_PARKED_VAULT 6  /* the same, sp in the vault's user_rsp */
#define HINT_SYSENTER 7      /* sp in rbp, ip nowhere; offset = cs */
#define HINT_RESUME 8        /* at base: where a RET resumes what was interrupted */
#define HINT_SYSCALL_FRAME 9 /* as HINT_FRAME, and rcx is ip, r11 is flags */

/* Registers, by their place in struct pt_regs (a static_assert agrees) */
#define HINT_BP 4
#define HINT_AX 10
#define HINT_CX 11
#define HINT_DI 14
#define HINT_IP 17
#define HINT_SP 20

/* Bases that no register holds, of this CPU's area */
#define HINT_ENTRY_STACK 32 /* the top of the entry stack */
#define HINT_EXIT_RSP 33    /* what the word CEA_EXIT_RSP holds */
#define HINT_AT_SP 34       /* what the word at RSP holds */

/*
 * Which general registers are in memory, the first `saved` of an order, one
 * below the other.  All others are where they were: in the registers.
 */
#define HINT_ORDER_REGS 0    /* from ip - 24: di si dx cx ax r8 .. r15: pt_regs */
#define HINT_ORDER_SCRATCH 1 /* from ip - 24: ax cx dx bx si */
#define HINT_ORDER_RDI 2     /* from ip - 8: di */
#define HINT_ORDER_CALLEE 3  /* from the return address - 8: bp bx r12 .. r15 */
#define HINT_ORDER_RESUME 4  /* from ip - 16, the flags being between: di */

#endif
