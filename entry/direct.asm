; The SYSCALL entry without a shadow (pti=off): in the kernel image, because
; with one set of page tables there is nothing to hide behind a trampoline.
; Compare entry/trampoline.asm: what is missing here is the price of KPTI.
;
;  step                          CR3     GS      RSP
;  1 SWAPGS, park RSP            kernel  ->kern  user
;  2 load RSP                    kernel  kernel  ->task
;  3 build pt_regs, C            kernel  kernel  task
;  4 restore, SWAPGS, SYSRET     kernel  ->user  ->user

%include "regs.inc"

	section	.text progbits alloc exec nowrite align=16

	global	entry_syscall_direct
	global	entry_window_direct_start, entry_window_direct_end
entry_syscall_direct:
entry_window_direct_start:
	swapgs						; 1
	mov	[gs:PERCPU_USER_RSP], rsp
	mov	rsp, [gs:PERCPU_TASK_STACK]		; 2
entry_window_direct_end:
	push	SEL_USER_DS				; regs.ss
	push	qword [gs:PERCPU_USER_RSP]		; regs.sp
	push	r11					; regs.flags
	push	SEL_USER_CS				; regs.cs
	push	rcx					; regs.ip
	push	rax					; regs.orig_ax
	push	VEC_SYSCALL				; regs.vector
	PUSH_REGS rax					; 3
	xor	ebp, ebp
	mov	rdi, rsp
	call	[gs:PERCPU_DO_SYSCALL]
	test	al, al
	jz	entry_direct_by_iret
	POP_REGS_BUT_RDI				; 4
	pop	rdi
	global	entry_window_direct_exit_start, entry_window_direct_exit_end
entry_window_direct_exit_start:
	mov	rsp, [rsp + REGS_SP - REGS_VECTOR]
	swapgs
	global	entry_door_sysret_direct
entry_door_sysret_direct:
	o64 sysret
entry_window_direct_exit_end:
entry_direct_by_iret:
	jmp	[gs:PERCPU_EXIT_TO_USER]
entry_direct_end:
	times -(entry_direct_end - entry_syscall_direct > SYSCALL_DIRECT_MAX) nop
