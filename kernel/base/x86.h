/*
 * Numbers of the architecture, by the names of the manuals (Intel SDM volumes
 * 2 and 3, AMD APM volume 2), and the selectors and vectors that we chose.
 * Plain `#define NAME expression` only: NASM reads this file as x86.inc.
 */
#ifndef KERNEL_BASE_X86_H
#define KERNEL_BASE_X86_H

/* CR0, CR3, CR4 (SDM vol. 3, 2.5) */
#define CR0_PE 0x1
#define CR0_MP 0x2
#define CR0_EM 0x4
#define CR0_TS 0x8
#define CR0_NE 0x20
#define CR0_WP 0x10000
#define CR0_AM 0x40000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000
#define CR4_DE 0x8
#define CR4_PAE 0x20
#define CR4_MCE 0x40
#define CR4_PGE 0x80
#define CR4_OSFXSR 0x200
#define CR4_OSXMMEXCPT 0x400
#define CR4_UMIP 0x800
#define CR4_FSGSBASE 0x10000
#define CR4_PCIDE 0x20000
#define CR4_OSXSAVE 0x40000
#define CR4_SMEP 0x100000
#define CR4_SMAP 0x200000
#define CR4_PKE 0x400000

/*
 * The two PGDs of a pair differ in bit 12 of CR3, and in bit 7 of the PCID.
 * Without CR4.PCIDE the processor ignores bit 7 (SDM vol. 3, table 4-12), so
 * that one mask serves both.
 */
#define CR3_USER_PGD 0x1000
#define CR3_USER_PCID 0x80
#define CR3_USER_MASK (CR3_USER_PGD | CR3_USER_PCID)
#define CR3_USER_PGD_BIT 12
#define CR3_NOFLUSH_BIT 63
#define CR3_ADDR_MASK 0x000ffffffffff000
#define CR3_PCID_MASK 0xfff
#define PCID_KERNEL 0x1
#define PCID_USER (PCID_KERNEL | CR3_USER_PCID)

/* RFLAGS (SDM vol. 1, 3.4.3) */
#define RFLAGS_CF 0x1
#define RFLAGS_FIXED 0x2
#define RFLAGS_PF 0x4
#define RFLAGS_AF 0x10
#define RFLAGS_ZF 0x40
#define RFLAGS_SF 0x80
#define RFLAGS_TF 0x100
#define RFLAGS_IF 0x200
#define RFLAGS_DF 0x400
#define RFLAGS_OF 0x800
#define RFLAGS_IOPL 0x3000
#define RFLAGS_NT 0x4000
#define RFLAGS_RF 0x10000
#define RFLAGS_AC 0x40000
#define RFLAGS_ID 0x200000

/* MSRs (SDM vol. 4, table 2-2) */
#define MSR_PRED_CMD 0x49
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_MCG_STATUS 0x17a
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define EFER_SCE 0x1
#define EFER_LME 0x100
#define EFER_NXE 0x800

/* Page-table entries (SDM vol. 3, 4.5) */
#define PTE_P 0x1
#define PTE_W 0x2
#define PTE_U 0x4
#define PTE_PCD 0x10
#define PTE_A 0x20
#define PTE_D 0x40
#define PTE_PS 0x80
#define PTE_G 0x100
/* Ours: the frame is a struct shared's; it has a second address (mm/pagetable.h); overlay.h's */
#define PTE_SHARED 0x200
#define PTE_ALIAS 0x400
#define PTE_OVERLAY 0x800
#define PTE_NX 0x8000000000000000
#define PTE_ADDR_MASK 0x000ffffffffff000

/* Page-fault error code (SDM vol. 3, 4.7) */
#define PF_PROT 0x1
#define PF_WRITE 0x2
#define PF_USER 0x4
#define PF_INSTR 0x10
#define PF_PK 0x20

/* Selectors.  Programs': Linux's, which some look at */
#define SEL_USER32_CS 0x23
#define SEL_USER_DS 0x2b
#define SEL_USER_CS 0x33
#define SEL_LDT 0x50
#define SEL_TI 0x4
#define SEL_CPU 0x7b /* its limit is the CPU's number, for LSL */
#define GDT_ENTRIES 17
/* The kernel's: where no guest's GDT has any, for they are there, too (kernel/guest/) */
#define SEL_TSS 0x3e0
#define SEL_KERNEL_CS 0x3f0
#define SEL_KERNEL_DS 0x3f8
#define GDT_KERNEL_END 0x400

/* Bits of a descriptor (SDM vol. 3, 3.4.5); SEGMENT: code or data, no gate */
#define DESC_ACCESSED 0x10000000000
#define DESC_SEGMENT 0x100000000000
#define DESC_DPL3 0x600000000000
#define DESC_PRESENT 0x800000000000
#define DESC_LONG 0x20000000000000

/* Flat descriptors, accessed bit set (SDM vol. 3, 3.4.5) */
#define DESC_KERNEL_CS 0x00af9b000000ffff
#define DESC_KERNEL_DS 0x00cf93000000ffff
#define DESC_USER32_CS 0x00cffb000000ffff
#define DESC_USER_DS 0x00cff3000000ffff
#define DESC_USER_CS 0x00affb000000ffff
#define DESC_USER_LIMIT 0x0040f10000000000 /* read-only data, the limit to be added */

/* The TSS: where an open IO bitmap is (SDM vol. 3, 7.7; vol. 1, 19.5.2) */
#define TSS_IO_BITMAP 104
#define IO_BITMAP_BYTES 8192

/* Exceptions (SDM vol. 3, table 6-1) */
#define VEC_DE 0
#define VEC_DB 1
#define VEC_NMI 2
#define VEC_BP 3
#define VEC_OF 4
#define VEC_BR 5
#define VEC_UD 6
#define VEC_NM 7
#define VEC_DF 8
#define VEC_TS 10
#define VEC_NP 11
#define VEC_SS 12
#define VEC_GP 13
#define VEC_PF 14
#define VEC_MF 16
#define VEC_AC 17
#define VEC_MC 18
#define VEC_XM 19
#define VEC_VE 20
#define VEC_CP 21
#define NR_EXCEPTIONS 32
/* Bit n: exception n pushes an error code. */
#define VEC_ERROR_CODE_MASK 0x60227d00

/* Interrupts */
#define VEC_PIC_BASE 0x20
#define VEC_COM1 0xeb
#define VEC_TIMER 0xec
#define VEC_IPI_CALL 0xed
#define VEC_IPI_RESCHEDULE 0xee
#define VEC_APIC_ERROR 0xfe
#define VEC_SPURIOUS 0xff
#define NR_VECTORS 256

/* INT 0x80, the system call of i386 */
#define VEC_INT80 0x80

/* pt_regs.vector of the other system calls: no vectors of the IDT */
#define VEC_SYSCALL 0x100
#define VEC_SYSCALL32 0x101
#define VEC_SYSENTER 0x102

#endif
