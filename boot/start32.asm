; From either loader's 32-bit entry to 64-bit C in the higher half.
;
; Both protocols arrive in flat 32-bit protected mode, paging off, interrupts
; off, with the physical address of their information in EBX.  We check that
; the CPU can do what the kernel needs (boot/required.asm), and that the loader
; has left the kernel whole (boot/modules.asm), build a map that is
; thrown away soon (the first 4 GiB at 0 and at the direct map's base, the first
; GiB at KERNEL_BASE, all in 2 MiB pages), and jump.  Linked low, VMA = LMA.
;
; A CPU that will not do gets one line on COM1, and the machine ends with
; status 35.  Continued in boot/start64.asm.

%include "layout.inc"
%include "x86.inc"
%include "ports.inc"

	bits	32
	section	.boot.text progbits alloc exec nowrite align=16

	extern	boot_pgd, boot_pud_low, boot_pud_high, boot_pmds
	extern	boot_stack, boot_start64, boot_tsc, boot_check_cpu, boot_check_modules

%define PHYS(symbol)	(symbol - KERNEL_BASE)
%define PMD_COUNT	EARLY_MAP_GIB	; each maps 1 GiB in 2 MiB pages

	global	boot_multiboot2_entry, boot_pvh_entry
boot_multiboot2_entry:
	cmp	eax, 0x36d76289		; what a multiboot2 loader leaves there
	mov	esi, message_loader
	jne	fail
	mov	ebp, 1			; enum boot_protocol + 1
	jmp	start
boot_pvh_entry:
	mov	ebp, 2
start:
	cli
	cld
	mov	esp, PHYS(boot_stack) + BOOT_STACK_SIZE
	mov	edi, ebx		; kept for boot_main
	call	boot_check_cpu		; keeps EDI and EBP
	jc	boot_end
	call	boot_check_modules	; the same
	jc	boot_end
	rdtsc				; the boot line counts from here
	mov	[PHYS(boot_tsc)], eax
	mov	[PHYS(boot_tsc) + 4], edx

; ---- The temporary map ----
	mov	ebx, edi
	mov	edi, PHYS(boot_pmds)
	mov	eax, PTE_P | PTE_W | PTE_PS
	mov	ecx, PMD_COUNT * 512
.pmd:
	mov	[edi], eax
	mov	dword [edi + 4], 0
	add	eax, 0x200000
	add	edi, 8
	loop	.pmd
	mov	edi, PHYS(boot_pud_low)
	mov	eax, PHYS(boot_pmds) + PTE_P + PTE_W
	mov	ecx, PMD_COUNT
.pud:
	mov	[edi], eax
	add	eax, PAGE_SIZE
	add	edi, 8
	loop	.pud
	mov	dword [PHYS(boot_pud_high) + 8 * 510], PHYS(boot_pmds) + PTE_P + PTE_W
	mov	eax, PHYS(boot_pud_low) + PTE_P + PTE_W
	mov	[PHYS(boot_pgd)], eax
	mov	[PHYS(boot_pgd) + 8 * PGD_SLOT_DIRECT_MAP], eax
	mov	dword [PHYS(boot_pgd) + 8 * PGD_SLOT_IMAGE], PHYS(boot_pud_high) + PTE_P + PTE_W

; ---- Long mode ----
	mov	eax, cr4
	or	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, PHYS(boot_pgd)
	mov	cr3, eax
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_LME | EFER_NXE	; SCE: boot/start64.asm
	wrmsr
	mov	eax, cr0		; some loaders leave caches off, WP clear
	and	eax, ~(CR0_CD | CR0_NW | CR0_EM | CR0_TS)
	or	eax, CR0_PG | CR0_WP | CR0_NE | CR0_MP
	mov	cr0, eax
	lgdt	[boot_gdt_pointer]
	jmp	SEL_KERNEL_CS:boot_start64

; ---- ESI: one line for COM1, then the end ----
fail:
	mov	esp, PHYS(boot_stack) + BOOT_STACK_SIZE
	call	boot_print
	global	boot_end
boot_end:				; in 64-bit mode, too: the bytes do the same
	mov	al, DEBUG_EXIT_BAD	; QEMU ends with status 35
	out	PORT_DEBUG_EXIT, al
	mov	esi, message_shutdown
	mov	edx, PORT_BOCHS
	mov	ecx, 8
	rep outsb
.halt:
	cli
	hlt
	jmp	.halt

; ESI: a string that ends in 0; it is behind the string afterwards.  Changes EAX, EDX.
; In 64-bit mode the same bytes do the same.
	global	boot_print
boot_print:
	mov	edx, COM1 + UART_LCR
	mov	al, LCR_8N1
	out	dx, al
.next:
	lodsb
	test	al, al
	jz	.done
	mov	ah, al
	mov	edx, COM1 + UART_LSR
.busy:
	in	al, dx
	test	al, LSR_THR_EMPTY
	jz	.busy
	mov	edx, COM1
	mov	al, ah
	out	dx, al
	jmp	.next
.done:
	ret

message_loader:
	db	"boot: found a loader that is not multiboot2's, "
	db	"expected EAX = 0x36d76289", 13, 10, 0
message_shutdown:
	db	"Shutdown"

; Until arch/gdt.c: code and data at the selectors that stay, and of the table only these.
; Accessed bits are set, so that no load writes.
	align	8
boot_gdt_kernel:
	dq	DESC_KERNEL_CS
	dq	DESC_KERNEL_DS
boot_gdt_pointer:
	dw	GDT_KERNEL_END - 1
	dd	boot_gdt_kernel - SEL_KERNEL_CS
