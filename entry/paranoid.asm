; Paranoid entries: NMI, #DB, #MC and #DF, which may arrive at any instruction,
; with any CR3, GS and RSP, the windows of the other entry files included.
;
; Each has an IST stack in this CPU's entry area.  What tells us which CPU this
; is, is that stack's own address: the area's base plus a constant is the
; vault.  GS decides nothing: a user may have set it to any value.
;
;  from kernel mode              CR3     GS      RSP
;  1 hardware frame, stub        any     any     IST page
;  2 flip CR3 if it is the user's  kernel any    IST page
;  3 find the vault, set GS      kernel  kernel  IST page
;  4 move all to a kernel-only stack, erase the IST page's words
;                                kernel  kernel  ->IST kernel stack
;  5 C: do_paranoid              kernel  kernel  IST kernel stack
;  6 CR2, GS as found            kernel  ->found IST kernel stack
;  7a CR3 found was the kernel's: IRETQ from here
;  7b it was the user's: build the frame on the IST page, below where the next
;     event would put its own; flip CR3 there; IRETQ
;
; Erasing in step 4 matters: the words are kernel addresses on a page that the
; user PGD shows.  In case 7b they are the user's own, or entry text's, or a
; CR3; they go when the CPU switches to another address space (cea_scrub()).
; From user mode there is nothing to be paranoid about: CS says so, and the
; frame takes the ordinary way (entry_from_user).
; The interrupted RSP may itself be on the kernel-only stack (a nested event);
; the copy then goes below it.  But SYSCALL's entries begin with the user's RSP,
; which may lie; they never run on these stacks, so their RIP decides.
; Read next: kernel/trap.c, seam_do_paranoid().

%include "regs.inc"

	section	.entry_text progbits alloc exec nowrite align=16

	extern	entry_from_user, entry_exit_to_kernel, entry_door_iret_kernel

; The words that step 1 leaves on the IST page, as offsets from RSP then:
%define IST_RSI		0
%define IST_RBX		8
%define IST_RDX		16
%define IST_RCX		24
%define IST_RAX		32
%define IST_FRAME	40		; the vector, and all above it
%define IST_WORDS	12

	global	paranoid_entry, paranoid_kernel
	global	paranoid_window_start, paranoid_window_end
paranoid_window_start:
paranoid_entry:
	test	byte [rsp + FRAME_CS], 3
	jnz	entry_from_user
paranoid_kernel:
	push	rax				; 1
	push	rcx
	push	rdx
	push	rbx
	push	rsi
	cld
	mov	rbx, cr3			; 2, rbx = CR3 as found
	bt	ebx, CR3_USER_PGD_BIT
	jnc	.kernel_cr3
	mov	rax, rbx
	and	rax, ~CR3_USER_MASK
	mov	cr3, rax
.kernel_cr3:
	mov	ecx, MSR_GS_BASE		; 3
	rdmsr
	shl	rdx, 32
	lea	rsi, [rax + rdx]		; rsi = GS base as found
	mov	rax, rsp
	and	rax, -CEA_STRIDE
	add	rax, CEA_TO_VAULT
	mov	rdx, rax
	shr	rdx, 32
	wrmsr
paranoid_window_end:
	mov	rcx, rsp			; 4, rcx = the IST page's words
	mov	eax, ecx
	and	eax, CEA_STRIDE - 1
	sub	eax, CEA_IST
	shr	eax, CEA_IST_SHIFT			; index of the IST stack
	xor	edx, edx
	cmp	eax, NR_IST			; (a trap on the entry stack: #DF's)
	cmovae	eax, edx
	mov	rax, [gs:PERCPU_IST_KERNEL_STACK + rax * 8]
	mov	rdx, -CEA_BASE			; in a trampoline, and in the
	add	rdx, [rcx + IST_FRAME + FRAME_IP]
	cmp	rdx, NR_CPUS * CEA_STRIDE
	jb	.from_the_top
	mov	rdx, [rcx + IST_FRAME + FRAME_IP]
	sub	rdx, [gs:PERCPU_SYSCALL_DIRECT]	; direct entry, RSP may be any
	cmp	rdx, SYSCALL_DIRECT_MAX		; number of the user's
	jb	.from_the_top
	mov	rdx, rax
	sub	rdx, [rcx + IST_FRAME + FRAME_SP]
	cmp	rdx, IST_STACK_SIZE		; nested: RSP within the same stack?
	cmovb	rax, [rcx + IST_FRAME + FRAME_SP]
.from_the_top:
	mov	rsp, rax
	and	rsp, -16
	push	qword [rcx + IST_FRAME + FRAME_SS]	; regs.ss
	push	qword [rcx + IST_FRAME + FRAME_SP]	; regs.sp
	push	qword [rcx + IST_FRAME + FRAME_FLAGS]	; regs.flags
	push	qword [rcx + IST_FRAME + FRAME_CS]	; regs.cs
	push	qword [rcx + IST_FRAME + FRAME_IP]	; regs.ip
	push	qword [rcx + IST_FRAME + FRAME_ERROR]	; regs.orig_ax
	push	qword [rcx + IST_FRAME + FRAME_VECTOR]	; regs.vector
	mov	rax, [rcx + IST_RAX]
	mov	rdx, [rcx + IST_RDX]
	push	rdi				; regs.di
	push	rsi				; regs.si, set right below
	push	rdx				; regs.dx
	push	qword [rcx + IST_RCX]		; regs.cx
	push	rax				; regs.ax
	push	r8				; regs.r8
	push	r9				; regs.r9
	push	r10				; regs.r10
	push	r11				; regs.r11
	push	qword [rcx + IST_RBX]		; regs.bx
	push	rbp				; regs.bp
	push	r12				; regs.r12
	push	r13				; regs.r13
	push	r14				; regs.r14
	push	r15				; regs.r15
	mov	rax, [rcx + IST_RSI]
	mov	[rsp + REGS_DI - 8], rax	; regs.si
	mov	rax, cr2
	push	rax				; paranoid_frame.cr2
	push	rcx				; paranoid_frame.ist_frame
	push	rsi				; paranoid_frame.gs_base
	push	rbx				; paranoid_frame.cr3
	xor	eax, eax			; erase the IST page's words
	mov	rdi, rcx
	mov	ecx, IST_WORDS
	rep stosq
	lea	rdi, [rsp + PARANOID_REGS]
	call	[gs:PERCPU_DO_PARANOID]		; 5

	global	paranoid_exit_window_start, paranoid_exit_window_end
	mov	rax, [rsp + PARANOID_CR2]	; 6, a #PF may have been cut short
	mov	cr2, rax
	mov	rax, [rsp + PARANOID_GS_BASE]
	mov	rdx, rax
	shr	rdx, 32
	mov	ecx, MSR_GS_BASE
paranoid_exit_window_start:
	wrmsr
	mov	rdi, [rsp + PARANOID_IST_FRAME]
	bt	qword [rsp + PARANOID_CR3], CR3_USER_PGD_BIT
	lea	rsp, [rsp + PARANOID_REGS]
	jnc	entry_exit_to_kernel		; 7a

	and	rdi, -PAGE_SIZE			; 7b
	add	rdi, PAGE_SIZE - IST_RETURN_FRAME
	mov	rax, [rsp + REGS_DI]
	mov	[rdi], rax
	mov	rax, [rsp + REGS_IP]
	mov	[rdi + 8], rax
	mov	rax, [rsp + REGS_CS]
	mov	[rdi + 16], rax
	mov	rax, [rsp + REGS_FLAGS]
	mov	[rdi + 24], rax
	mov	rax, [rsp + REGS_SP]
	mov	[rdi + 32], rax
	mov	rax, [rsp + REGS_SS]
	mov	[rdi + 40], rax
	POP_REGS_BUT_RDI
	mov	rsp, rdi
	mov	rdi, cr3
	or	rdi, CR3_USER_MASK
	mov	cr3, rdi
	pop	rdi
	jmp	entry_door_iret_kernel
paranoid_exit_window_end:
