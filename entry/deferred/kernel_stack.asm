; pti=deferred: a trap from user mode that comes by a paranoid entry (entry/paranoid.asm), on
; the kernel's PGD and GS, interrupts off.  Kernel image text.

%include "regs.inc"
%include "deferred.inc"

	section	.text progbits alloc exec nowrite align=16
	UNWIND_IN text

; void deferred_on_kernel_stack(struct pt_regs *regs): what the vault's do_trap points to.
; A trap from user mode that comes by a paranoid entry is on the PTI stack: C runs on the
; task's own.
	global	deferred_on_kernel_stack
deferred_on_kernel_stack:
	UNWIND_CALL 0
	test	byte [rdi + REGS_CS], 3
	jz	.here
	mov	rax, rsp
	mov	rsp, [gs:PERCPU_KERNEL_STACK]
	UNWIND_HINT HINT_CALL, HINT_AX, 0, HINT_ORDER_CALLEE, 0
	push	rax
	UNWIND_HINT HINT_CALL, HINT_AT_SP, 0, HINT_ORDER_CALLEE, 0
	add	rdi, [gs:PERCPU_PTI_DELTA]
	call	[gs:PERCPU_KERNEL_CALL + 8 * DEFERRED_TRAP]
	pop	rsp
	UNWIND_CALL 0
	ret
.here:
	UNWIND_CALL 0
	jmp	[gs:PERCPU_KERNEL_CALL + 8 * DEFERRED_TRAP]
	UNWIND_C
