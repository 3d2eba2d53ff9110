; The first 64-bit instructions of the boot CPU, still at low addresses, then
; boot_main() in the higher half.  EBX holds the loader's information, EBP the
; protocol + 1, as boot/start32.asm left them.

%include "layout.inc"
%include "x86.inc"

	bits	64
	section	.boot.text64 progbits alloc exec nowrite align=16

	extern	boot_main, boot_stack, boot_check_syscall, boot_end

	global	boot_start64
boot_start64:
	mov	eax, SEL_KERNEL_DS
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	mov	rsp, boot_stack + BOOT_STACK_SIZE
	call	boot_check_syscall	; keeps RBX and RBP
	jc	boot_end
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_SCE
	wrmsr
	mov	edi, ebp
	dec	edi
	mov	esi, ebx
	xor	ebp, ebp
	mov	rax, boot_main
	call	rax
	ud2
