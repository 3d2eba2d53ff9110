; What must not be done on an entry stack, for tests/suites/stack_abuse.c.

%include "regs.inc"

	section	.text progbits alloc exec nowrite align=16

; void stack_abuse_push(u64 top): pushes on the stack that ends at `top` until
; there is no more.  The #DF's handler goes on at stack_abuse_recovered, with RSP
; as in RBX.
	global	stack_abuse_push, stack_abuse_culprit, stack_abuse_recovered
stack_abuse_push:
	push	rbp
	mov	rbp, rsp
	push	rbx
	pushfq
	cli
	mov	rbx, rsp
	mov	rsp, rdi
stack_abuse_culprit:
	push	rax
	jmp	stack_abuse_culprit
stack_abuse_recovered:
	popfq
	pop	rbx
	pop	rbp
	ret
