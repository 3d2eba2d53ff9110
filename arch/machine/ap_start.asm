; Where an application processor wakes up: real mode, at the start of a page
; below 1 MiB into which arch/machine/smp.c has copied what stands between
; ap_start_begin and ap_start_end.  Straight to long mode, then to the kernel
; image's ap_start64 (arch/machine/ap_entry.asm), which finds out which CPU it is.
;
; The page is mapped R X at its own address while APs start, and at no other
; time.  The words at ap_start_params are filled in by arch/machine/smp.c.

%include "layout.inc"
%include "x86.inc"

	bits	16
	section	.rodata progbits alloc noexec nowrite align=16

	global	ap_start_begin, ap_start_end, ap_start_params
ap_start_begin:
	cli
	cld
	mov	ax, cs
	mov	ds, ax
	lgdt	[ap_gdtr - ap_start_begin]
	mov	eax, cr4
	or	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, [ap_cr3 - ap_start_begin]
	mov	cr3, eax
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_LME | EFER_NXE | EFER_SCE
	wrmsr
	mov	eax, CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_MP
	mov	cr0, eax
	jmp	far dword [ap_far - ap_start_begin]

	bits	64
	global	ap_start_long
ap_start_long:
	mov	eax, SEL_KERNEL_DS
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	jmp	[rel ap_entry]

; struct ap_start_params (arch/machine/smp.c)
	align	8
ap_start_params:
ap_entry:
	dq	0			; ap_start64
ap_cr3:
	dq	0			; below 4 GiB
ap_gdt_kernel:				; of a GDT like boot/start32.asm's
	dq	DESC_KERNEL_CS
	dq	DESC_KERNEL_DS
ap_far:
	dd	0			; physical address of ap_start_long
	dw	SEL_KERNEL_CS
ap_gdtr:
	dw	GDT_KERNEL_END - 1
	dd	0			; physical address of ap_gdt_kernel - SEL_KERNEL_CS
	align	8
ap_start_end:
