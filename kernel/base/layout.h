/*
 * The one address map.  C, NASM (as layout.inc) and the linker script all take
 * their numbers from here; nothing in it is written a second time elsewhere.
 * Plain `#define NAME expression` only: no C types, no suffixes.
 *
 *   slot  address                what                        kernel   user
 *                                                             PGD      PGD
 *   511   0xffffffffff600000     three calls of old programs: emulated, never mapped
 *         0xffffffff80000000     kernel image (-2 GiB)        yes      -
 *   509   0xfffffe8000000000     cpu vaults, ascending        yes      -
 *   508   0xfffffe7ffc000000     cpu_entry_areas, ascending   shared   shared
 *         0xfffffe7ffbe00000     IDT alias, entry text        shared   shared
 *   507   0xfffffde000000000     ESPFIX stacks' aliases       yes      with an LDT
 *         0xfffffd8000000000     one process's LDT            its own  its own
 *   402   0xffffc90000000000     vmap: stacks, MMIO           yes      -
 *   273   0xffff888000000000     direct map of RAM (NX)       yes      -
 *   0-255 0 .. 0x7fffffffefff    user half                    NX       shared
 *         0 .. 0xffffdfff        the same of a 32-bit program
 *
 * A CPU's entry area is what every user PGD shows of that CPU; its vault is what the CPU
 * keeps to itself (kernel/base/percpu.h).  The areas end where slot 508 ends and the
 * vaults begin where slot 509 begins, with one stride, so that vault(cpu) = cea(cpu) +
 * CEA_TO_VAULT, a constant that fits a RIP-relative displacement.
 */
#ifndef KERNEL_BASE_LAYOUT_H
#define KERNEL_BASE_LAYOUT_H

#define PAGE_SHIFT 12
#define PAGE_SIZE 0x1000
#define NR_CPUS 256

/* PGD slots */
#define PGD_SLOT_DIRECT_MAP 273
#define PGD_SLOT_VMAP 402
#define PGD_SLOT_PROCESS_ENTRY 507
#define PGD_SLOT_CEA 508
#define PGD_SLOT_VAULT 509
#define PGD_SLOT_IMAGE 511
#define PGD_FIRST_KERNEL_SLOT 256

/* Regions */
#define USER_END 0x00007ffffffff000
#define USER_END_IA32 0xffffe000
#define KERNEL_HALF 0xffff800000000000
#define DIRECT_MAP_BASE 0xffff888000000000
#define DIRECT_MAP_END 0xffffc88000000000
#define VMAP_BASE 0xffffc90000000000
#define VMAP_END 0xffffc98000000000
#define PROCESS_ENTRY_BASE 0xfffffd8000000000
#define CEA_SLOT_BASE 0xfffffe0000000000
#define CEA_SLOT_END 0xfffffe8000000000
#define VAULT_BASE 0xfffffe8000000000
#define KERNEL_BASE 0xffffffff80000000
#define KERNEL_PHYS_START 0x100000

/* Where programs made three calls before there was a vDSO: kernel/linux/calls/exception.c */
#define VSYSCALL_PAGE 0xffffffffff600000

/* What the temporary map of boot/start32.asm shows of physical memory */
#define EARLY_MAP_GIB 4
#define EARLY_MAP_END 0x100000000
#define BOOT_STACK_SIZE 0x8000

/* The lowest address a program may use, as Linux's mmap_min_addr */
#define USER_START 0x10000

/* The shared part of slot 508, below CPU 0's area */
#define CEA_STRIDE 0x40000
#define CEA_BASE (CEA_SLOT_END - NR_CPUS * CEA_STRIDE)
#define CEA_SHARED_BASE (CEA_BASE - 0x200000)
#define CEA_IDT CEA_SHARED_BASE
#define CEA_ENTRY_TEXT (CEA_SHARED_BASE + 0x2000)
#define CEA_ENTRY_TEXT_MAX_PAGES 4
#define CEA_SHARED_ENTRY (CEA_ENTRY_TEXT + 0xe00) /* in it: entry/shared/ */

/*
 * One CPU's area: offsets from its start.  struct cpu_entry_area in
 * arch/cpu_entry_area.h is the same list with rights and readers, and pins
 * each of these with a static_assert.
 */
#define CEA_GDT 0x0
#define CEA_GDT_MAX_PAGES 16
#define CEA_ENTRY_STACK 0x11000
#define CEA_TSS_PAGE 0x12000
#define CEA_TSS_OFFSET 0xf98
#define CEA_TSS (CEA_TSS_PAGE + CEA_TSS_OFFSET)
#define CEA_IO_BITMAP (CEA_TSS_PAGE + PAGE_SIZE)
#define CEA_IO_BITMAP_PAGES 3
#define CEA_IST 0x17000
#define CEA_IST_SHIFT 13
#define CEA_IST_STRIDE (1 << CEA_IST_SHIFT)
#define CEA_TRAMPOLINE 0x1e000
#define CEA_DEBUG_STORE 0x1f000
#define CEA_DEBUG_STORE_PAGES 33

#define CEA_TO_VAULT (VAULT_BASE - CEA_BASE)

/*
 * ESPFIX: an IRET to a 16-bit stack segment leaves bits 31:16 of the kernel's
 * RSP in the user's ESP.  So it is done from a stack that is mapped at every
 * value these bits can have: CPU n's one page stands at each address
 * ESPFIX_BASE + n / 8 * 4 GiB + any * 64 KiB + n % 8 * 8 KiB, with nothing
 * below it.  Its top, for any = 0, is ESPFIX_STACK_TOP_OFFSET above that.  They fill the
 * end of slot 507.
 */
#define ESPFIX_BASE (CEA_SLOT_BASE - NR_CPUS / ESPFIX_GROUP_CPUS * ESPFIX_GROUP_SIZE)
#define ESPFIX_GROUP_CPUS 8
#define ESPFIX_GROUP_SIZE 0x100000000
#define ESPFIX_STRIDE 0x10000
#define ESPFIX_STRIDE_PAGES (ESPFIX_STRIDE / PAGE_SIZE)
#define ESPFIX_CPU_STRIDE (ESPFIX_STRIDE / ESPFIX_GROUP_CPUS)
#define ESPFIX_END (ESPFIX_BASE + NR_CPUS / ESPFIX_GROUP_CPUS * ESPFIX_GROUP_SIZE)
#define ESPFIX_STACK_TOP_OFFSET 512

/*
 * The entry stack is the low end of its page: the bytes that entry text needs, and no
 * more, so that anything else that runs on it meets the guard page below at once.
 *
 *    56  the way in: the processor's frame, error code and vector
 *   112  the way out, if its IRETQ faults: the frame to be restored, another one
 *        below it, 16-aligned, with error code and vector, and RAX.  No suite and no
 *        injection has used more, in QEMU and Bochs (the debug build paints the stack
 *        and prints how much was used; docs/debugging.md)
 *   184  a trap in a window under the user's CR3, our bug, on its way to the panic:
 *        two frames, the words of entry/paranoid.asm, and what it erases
 *
 * No C runs here.  Should schedule() ever be called here, there is just room for its
 * check to panic.
 */
#define ENTRY_STACK_SIZE 192
#define CEA_ENTRY_STACK_TOP (CEA_ENTRY_STACK + ENTRY_STACK_SIZE)

/*
 * Where SYSCALL leaves the user's RSP: the word in which an interrupt from
 * user mode would have left it (SS is above it).
 */
#define CEA_USER_RSP (CEA_ENTRY_STACK_TOP - 16)

/*
 * Where the way out by IRET keeps RSP while RSP is scratch: on the entry stack, the word
 * below the frame, whether the frame is there or on the ESPFIX stack.
 */
#define CEA_EXIT_RSP (CEA_ENTRY_STACK_TOP - 48)

/*
 * Interrupt stacks: TSS.IST number n (1 to 4) has index n - 1.  Each has a page, and a
 * guard page below it.  The frame of #DF's page is the entry stack's: one uses the upper
 * end, the other the lower, and none of them what lies between.
 */
#define IST_DF 1
#define IST_NMI 2
#define IST_DB 3
#define IST_MC 4
#define NR_IST 4

/*
 * A paranoid exit into a window of the entry code builds its IRET frame this
 * far below the top of its IST stack, clear of the place in which the next
 * event on the same stack puts its own.
 */
#define IST_RETURN_FRAME 256

/* No more of an IST page is ever used, nested events included. */
#define IST_USED (4 * IST_RETURN_FRAME)

/* Bytes of the direct SYSCALL entries, at most (entry/direct.asm checks). */
#define SYSCALL_DIRECT_MAX 256

/* Kernel-only stacks, in the vmap area */
#define TASK_STACK_SIZE 0x4000
#define IST_STACK_SIZE 0x2000

/* The page below 1 MiB from which application processors start */
#define AP_START_MAX 0x9f000

#endif
