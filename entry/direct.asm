; The SYSCALL entries without a shadow (pti=off): in the kernel image, because
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
	UNWIND_IN text

; %1 is the entry, %2 prefixes its window's labels, %3 is the caller's CS, %4 the vector.
%macro DIRECT_ENTRY 4
	global	%1, %2_start, %2_end
%1:
%2_start:
	UNWIND_SYSCALL %3
	swapgs						; 1
	mov	[gs:PERCPU_USER_RSP], rsp
	UNWIND_PARKED_VAULT %3
	mov	rsp, [gs:PERCPU_TASK_STACK]		; 2
%2_end:
	push	SEL_USER_DS				; 3, regs.ss
	push	qword [gs:PERCPU_USER_RSP]		; regs.sp
	SYSCALL_REGS %3, %4
%endmacro

	DIRECT_ENTRY entry_syscall_direct, entry_window_direct, SEL_USER_CS, VEC_SYSCALL
	call	[gs:PERCPU_DO_SYSCALL]
	test	al, al					; 4
	jz	entry_direct_by_iret
	POP_REGS_BUT_RDI UNWIND_POPPED
	pop	rdi
	UNWIND_REGS rsp, -REGS_VECTOR, 0
	global	entry_window_direct_exit_start, entry_window_direct_exit_end
entry_window_direct_exit_start:
	mov	rsp, [rsp + REGS_SP - REGS_VECTOR]
	UNWIND_SYSCALL SEL_USER_CS
	CLEAR_BUFFERS [gs:PERCPU_USER_RSP]
.swapgs:
	swapgs
	global	entry_door_sysret_direct
entry_door_sysret_direct:
	o64 sysret
entry_window_direct_exit_end:
entry_direct_by_iret:
	UNWIND_REGS rsp, 0
	jmp	[gs:PERCPU_EXIT_TO_USER]

; 32-bit SYSCALL leaves by IRET.
	DIRECT_ENTRY entry_syscall32_direct, entry_window_direct32, SEL_USER32_CS, VEC_SYSCALL32
	call	[gs:PERCPU_DO_TRAP]
	jmp	[gs:PERCPU_EXIT_TO_USER]
	UNWIND_C
entry_direct_end:
	times -(entry_direct_end - entry_syscall_direct > SYSCALL_DIRECT_MAX) nop
