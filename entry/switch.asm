; Switching between tasks, and the first and last steps of a task in the
; kernel: where the exact layout of a stack is the job.  Kernel image text,
; kernel CR3 and GS, interrupts off.

%include "regs.inc"

	section	.text progbits alloc exec nowrite align=16
	UNWIND_IN text

; void entry_switch_to(u64 *prev_sp, u64 next_sp)
	global	entry_switch_to
entry_switch_to:
	UNWIND_CALL 0
	PUSH_EACH UNWIND_SAVED, rbp, rbx, r12, r13, r14, r15
	mov	[rdi], rsp			; the last hint holds on either stack
	mov	rsp, rsi
	POP_EACH UNWIND_RESTORED, r15, r14, r13, r12, rbx, rbp
	ret

; First instruction of a new task: r14 = what the scheduler does first, r12 =
; function, r13 = its argument.  Nothing has called it: entry_switch_to returns to it.
; The unwinder looks at the instruction in front of a return address, so there is one.
	UNWIND_END
	nop
	global	entry_task_start
entry_task_start:
	call	r14
	xor	ebp, ebp
	mov	rdi, r13
	call	r12
	ud2				; r12's function does not return

; void entry_return_to_user(struct pt_regs *regs)
	global	entry_return_to_user
entry_return_to_user:
	UNWIND_CALL 0
	cli
	mov	rsp, rdi
	UNWIND_REGS rsp, 0
	jmp	[gs:PERCPU_EXIT_TO_USER]

; void entry_load_user_gs(u16 selector): loading GS sets the active base, so
; the user's is made active around it.  A window: the user's GS in ring 0.
	global	entry_load_user_gs
	global	entry_window_load_gs_start, entry_window_load_gs_end
entry_load_user_gs:
	UNWIND_CALL 0
	pushfq
	UNWIND_CALL 8
	cli
.swapgs:
	swapgs
entry_window_load_gs_start:
	mov	gs, edi
.swapgs:
	swapgs
entry_window_load_gs_end:
	popfq
	UNWIND_CALL 0
	ret

; void entry_run_on_stack(u64 top, void (*fn)(u64 top))
	global	entry_run_on_stack
entry_run_on_stack:
	UNWIND_CALL 0
	mov	rsp, rdi
	UNWIND_END
	xor	ebp, ebp
	call	rsi
	ud2
	UNWIND_C
entry_switch_end:			; for tests/coverage/run.py
