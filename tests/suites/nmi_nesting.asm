; What can happen inside an NMI's handler: see tests/suites/nmi_nesting.c.
; Kernel mode, interrupts off.

%include "regs.inc"

	extern	entry_door_iret_kernel

	section	.text progbits alloc exec nowrite align=16

; void nesting_iret(void): an IRET to the next instruction unmasks NMIs.
	global	nesting_iret
nesting_iret:
	mov	rax, rsp
	push	SEL_KERNEL_DS
	push	rax
	pushfq
	push	SEL_KERNEL_CS
	push	.after
	mov	rax, entry_door_iret_kernel	; the one place for it
	jmp	rax
.after:
	ret

; void nesting_machine_check(u64 stack): a #MC, as the processor would raise it,
; while RSP is eight bytes below `stack`.  Any RET will do to come back.  r12 to r15
; are compared afterwards: -1 if they differ.
	global	nesting_machine_check
nesting_machine_check:
	push	r12
	push	r13
	mov	r12, rsp
	mov	r13, 0x1234567890abcdef
	lea	rax, [rel .back]
	mov	rsp, rdi
	push	rax
	int	VEC_MC
	ret
.back:
	cmp	rsp, rdi
	mov	rsp, r12
	jne	.differs
	mov	rax, 0x1234567890abcdef
	cmp	rax, r13
	jne	.differs
	xor	eax, eax
	jmp	.done
.differs:
	mov	rax, -1
.done:
	pop	r13
	pop	r12
	ret
