; Switching between tasks, and the first and last steps of a task in the
; kernel: where the exact layout of a stack is the job.  Kernel image text,
; kernel CR3 and GS, interrupts off.  Called by kernel/sched.c and kernel/task.c.

%include "regs.inc"

	section	.text progbits alloc exec nowrite align=16

	extern	seam_task_started

; void entry_switch_to(u64 *prev_sp, u64 next_sp)
	global	entry_switch_to
entry_switch_to:
	push	rbp
	push	rbx
	push	r12
	push	r13
	push	r14
	push	r15
	mov	[rdi], rsp
	mov	rsp, rsi
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbx
	pop	rbp
	ret

; First instruction of a new task: r12 = function, r13 = its argument.
	global	entry_task_start
entry_task_start:
	call	seam_task_started
	xor	ebp, ebp
	mov	rdi, r13
	call	r12
	ud2				; r12's function does not return

; void entry_return_to_user(struct pt_regs *regs)
	global	entry_return_to_user
entry_return_to_user:
	cli
	mov	rsp, rdi
	jmp	[gs:PERCPU_EXIT_TO_USER]

; void entry_load_user_gs(u16 selector): loading GS sets the active base, so
; the user's is made active around it.  A window: the user's GS in ring 0.
	global	entry_load_user_gs
	global	entry_window_load_gs_start, entry_window_load_gs_end
entry_load_user_gs:
	pushfq
	cli
	swapgs
entry_window_load_gs_start:
	mov	gs, edi
	swapgs
entry_window_load_gs_end:
	popfq
	ret

; void entry_run_on_stack(u64 top, void (*fn)(u64 top))
	global	entry_run_on_stack
entry_run_on_stack:
	mov	rsp, rdi
	xor	ebp, ebp
	call	rsi
	ud2
