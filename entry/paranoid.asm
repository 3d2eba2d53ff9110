; Paranoid entries: NMI, #DB, #MC and #DF, which may arrive at any instruction,
; with any CR3, GS and RSP, the windows of the other entry files included.
;
; Each has an IST stack in this CPU's entry area.  What tells us which CPU this
; is, is that stack's own address: the area's base plus a constant is the
; vault.  GS decides nothing: a user may have set it to any value.
;
;  from kernel mode              CR3     GS      RSP
;  1 hardware frame, stub        any     any     IST page (or entry stack)
;  2 flip CR3 if the user's      ->kern  any     IST page (or entry stack)
;  3 find the vault, set GS      kernel  ->kern  IST page (or entry stack)
;  4 move all to a kernel-only stack, erase the IST page's words
;                                kernel  kernel  ->IST kernel stack
;  5 C: do_paranoid              kernel  kernel  IST kernel stack
;  6 CR2, GS as found            kernel  ->found IST kernel stack
;  7a CR3 found was the kernel's: IRETQ from here
;  7b it was the user's: build the frame on the IST page, below where the next
;     event would put its own; flip CR3 there; IRETQ
;  7c RSP found was on the NMI's IST page: POPF and RET, on that page
;
; Why 7c: an IRET unmasks NMIs.  While an NMI's frame is still on its IST page,
; or its return frame is, the next NMI would overwrite it; so whatever
; interrupts there (a #MC) must leave NMIs as it found them.  Once the frame has
; been copied to the kernel-only stack, an IRET within the handler does no harm:
; the next NMI goes below it on that stack, and its 7c below the frame of the
; first, should it have interrupted that one's way out; a #DB's or #MC's 7b does the
; same on its own page.
;
; Erasing in step 4 matters: the words are kernel addresses on a page that the
; user PGD shows.  In case 7b they are the user's own, or entry text's, or a
; CR3; they go when the CPU switches to another address space (cea_scrub()).
; From user mode there is nothing to be paranoid about: CS says so.  The frame goes
; to the task stack and then the ordinary way (entry_user_frame); but RSP stays on
; the IST page until all of the frame is off it, as 7c wants it for an NMI's.
; Whatever general register has been put on an IST page, at either end, is erased
; before the way goes on: every user PGD shows the page (P8).
; The interrupted RSP may itself be on the kernel-only stack (a nested event);
; the copy then goes below it.  But SYSCALL's entries begin with the user's RSP,
; which may lie, and so do deferred text's SYSRETs; these never run on these stacks, so
; their RIP decides.  Nor does
; anything but entry text run on the IST pages: 7b and 7c look at RIP first.
; Read next: kernel/trap.c, do_paranoid().

%include "regs.inc"

	section	.entry_text progbits alloc exec nowrite align=16
	UNWIND_IN entry

	extern	entry_user_frame, entry_exit_to_kernel, entry_door_iret_kernel
	extern	entry_text_start, entry_text_end, entry_cr3_noflush

; The words that step 1 leaves on the IST page, as offsets from RSP then:
%define IST_RSI		0
%define IST_RBX		8
%define IST_RDX		16
%define IST_RCX		24
%define IST_RAX		32
%define IST_FRAME	40		; the vector, and all above it
%define IST_WORDS	12

; What way 7c leaves right below RSP, if it ends an event that interrupted us here.
%define IST_BELOW	24

	global	paranoid_entry, paranoid_kernel
	global	paranoid_window_start, paranoid_window_end
paranoid_window_start:
paranoid_entry:
	UNWIND_IRET rsp, FRAME_IP
	test	byte [rsp + FRAME_CS], 3
	jz	paranoid_kernel
	push	rax				; from user mode
	UNWIND_IRET rsp, 8 + FRAME_IP, 1
	mov	rax, cr3
	bt	eax, CR3_USER_PGD_BIT
	jnc	paranoid_user_kernel_cr3
	and	rax, ~CR3_USER_MASK
	or	rax, [rel entry_cr3_noflush]
.flip:
	mov	cr3, rax
.swapgs:
	swapgs
	lfence				; the branch on CS is decided: CVE-2019-1125
.move_frame:
	mov	rax, [gs:PERCPU_TASK_STACK]
	pop	qword [rax - FRAME_SIZE - 8]	; rax
	UNWIND_IRET rsp, FRAME_IP, 1
	pop	qword [rax - FRAME_SIZE + FRAME_VECTOR]
	UNWIND_IRET rsp, FRAME_IP - 8, 1
	pop	qword [rax - FRAME_SIZE + FRAME_ERROR]
	UNWIND_IRET rsp, FRAME_IP - 16, 1
	pop	qword [rax - FRAME_SIZE + FRAME_IP]
	UNWIND_IRET rsp, FRAME_IP - 24, 1
	pop	qword [rax - FRAME_SIZE + FRAME_CS]
	UNWIND_IRET rsp, FRAME_IP - 32, 1
	pop	qword [rax - FRAME_SIZE + FRAME_FLAGS]
	UNWIND_IRET rsp, FRAME_IP - 40, 1
	pop	qword [rax - FRAME_SIZE + FRAME_SP]
	UNWIND_IRET rsp, FRAME_IP - 48, 1
	pop	qword [rax - FRAME_SIZE + FRAME_SS]
	UNWIND_IRET rax, FRAME_IP - FRAME_SIZE, 1
	and	qword [rsp - FRAME_SIZE - 8], 0	; rax, on the IST page
	lea	rsp, [rax - FRAME_SIZE]
	UNWIND_IRET rsp, FRAME_IP, 1
	mov	rax, [rsp - 8]
	jmp	entry_user_frame

; As entry_user_kernel_cr3: with a shadow, a way out has missed the switch.
paranoid_user_kernel_cr3:
	UNWIND_IRET rsp, 8 + FRAME_IP, 1
	swapgs
	lfence
	mov	qword [gs:PERCPU_USER_KERNEL_CR3], 1
	jmp	paranoid_entry.move_frame

paranoid_kernel:
	UNWIND_IRET rsp, FRAME_IP
	push	rax				; 1
	UNWIND_IRET rsp, 8 + FRAME_IP, 1
	push	rcx
	UNWIND_IRET rsp, 16 + FRAME_IP, 2
	push	rdx
	UNWIND_IRET rsp, 24 + FRAME_IP, 3
	push	rbx
	UNWIND_IRET rsp, 32 + FRAME_IP, 4
	push	rsi
	UNWIND_IRET rsp, IST_FRAME + FRAME_IP, 5
	cld
	mov	rbx, cr3			; 2, rbx = CR3 as found
	bt	ebx, CR3_USER_PGD_BIT
	jnc	.kernel_cr3
	mov	rax, rbx
	and	rax, ~CR3_USER_MASK
.flip:
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
.set_gs:
	wrmsr
	lfence				; a WRMSR of a base does not wait for the branches
paranoid_window_end:
	mov	rcx, rsp			; 4, rcx = the IST page's words
	mov	eax, ecx
	and	eax, CEA_STRIDE - 1
	sub	eax, CEA_IST
	shr	eax, CEA_IST_SHIFT			; index of the IST stack
	xor	edx, edx
	cmp	eax, NR_IST			; a trap on the entry stack has none: take
	cmovae	eax, edx			; #DF's
	mov	rax, [gs:PERCPU_IST_KERNEL_STACK + rax * 8]
	mov	rdx, -CEA_SHARED_ENTRY		; from there on, trampolines included, RSP may be
	add	rdx, [rcx + IST_FRAME + FRAME_IP] ; the user's
	cmp	rdx, CEA_SLOT_END - CEA_SHARED_ENTRY
	jb	.from_the_top
	mov	rdx, [rcx + IST_FRAME + FRAME_IP]
	sub	rdx, [gs:PERCPU_SYSCALL_DIRECT]	; and in a direct entry
	cmp	rdx, SYSCALL_DIRECT_MAX
	jb	.from_the_top
	mov	rdx, rax
	sub	rdx, [rcx + IST_FRAME + FRAME_SP]
	cmp	rdx, IST_STACK_SIZE		; RSP within the same stack: nested,
	cmovb	rax, [rcx + IST_FRAME + FRAME_SP] ; so the copy goes below it
.from_the_top:
	mov	rsp, rax
	UNWIND_IRET rcx, IST_FRAME + FRAME_IP, 5
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
	UNWIND_REGS rsp, PARANOID_REGS
	xor	eax, eax			; erase the IST page's words
	lea	rdi, [rcx - IST_BELOW]		; and 7c's: RDI may be the kernel's
	mov	ecx, IST_WORDS + IST_BELOW / 8
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
	mov	rbx, [rsp + PARANOID_CR3]
	lea	rsp, [rsp + PARANOID_REGS]
	UNWIND_REGS rsp, 0
	mov	rax, [rsp + REGS_IP]		; r8 = RSP found if RIP is in entry text,
	lea	rcx, [rel entry_text_start]	; and may be on an IST page; else 0: in
	lea	rdx, [rel entry_text_end]	; a trampoline RSP may be the user's
	sub	rax, rcx
	sub	rdx, rcx
	xor	r8d, r8d
	cmp	rax, rdx
	cmovb	r8, [rsp + REGS_SP]
	mov	rax, rdi
	and	rax, -CEA_STRIDE
	add	rax, CEA_IST + (IST_NMI - 1) * CEA_IST_STRIDE
	mov	rdx, r8
	sub	rdx, rax
	cmp	rdx, PAGE_SIZE
	jb	paranoid_exit_nmi_masked	; 7c
	bt	ebx, CR3_USER_PGD_BIT
	jnc	entry_exit_to_kernel		; 7a

	and	rdi, -PAGE_SIZE			; 7b
	mov	rax, r8
	sub	rax, rdi
	add	rdi, PAGE_SIZE
	cmp	rax, PAGE_SIZE			; in an exit on the same page?
	cmovb	rdi, r8				; then below its frame
	sub	rdi, IST_RETURN_FRAME
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
	POP_REGS_BUT_RDI UNWIND_POPPED
	mov	rsp, rdi
	UNWIND_IRET_RDI rsp, 8
	mov	rdi, cr3
	or	rdi, CR3_USER_MASK
.flip:
	mov	cr3, rdi
	pop	rdi
	UNWIND_IRET rsp, 0
	and	qword [rsp - 8], 0		; rdi
	CLEAR_BUFFERS [rsp + 32]
	jmp	entry_door_iret_kernel

paranoid_exit_nmi_masked:
	UNWIND_REGS rsp, 0
	mov	rdi, [rsp + REGS_SP]		; 7c
	sub	rdi, 24
	mov	rax, [rsp + REGS_DI]
	mov	[rdi], rax
	mov	rax, [rsp + REGS_FLAGS]
	mov	[rdi + 8], rax
	mov	rax, [rsp + REGS_IP]
	mov	[rdi + 16], rax
	bt	ebx, CR3_USER_PGD_BIT		; CF lives until the jump
	POP_REGS_BUT_RDI UNWIND_POPPED
	mov	rsp, rdi
	UNWIND_RESUME 16, 1
	jnc	.kernel_cr3
	mov	rdi, cr3
	or	rdi, CR3_USER_MASK
.flip:
	mov	cr3, rdi
.kernel_cr3:
	pop	rdi
	UNWIND_RESUME 8
	and	qword [rsp - 8], 0		; rdi
	CLEAR_BUFFERS [rsp]
	popfq
	UNWIND_RESUME 0
	ret
paranoid_exit_window_end:
	UNWIND_C
