; A fault within a fault, for arch/machine/emulator.c: which RIP has the second frame?
; #DE's gate must lead to emulator_rip_handler, whose first instruction faults at
; once.  Its RIP is what the frame of that must hold; an emulator that has kept
; the RIP of the division compares a breakpoint with that one, too, behind every
; exception, and never comes to the handler's first instruction.
; Both have lines in the exception table, and the trap code chooses by the RIP.

	bits	64
	default	rel

	section	.extable progbits alloc noexec nowrite align=8
	dq	emulator_rip_is_stale.divide, emulator_rip_is_stale.stale
	dq	emulator_rip_handler, emulator_rip_is_stale.right

	section	.text progbits alloc exec nowrite align=16

	global	emulator_rip_is_stale, emulator_rip_handler
; bool emulator_rip_is_stale(u64 non_canonical)
emulator_rip_is_stale:
	mov	r8, rsp			; the frame of #DE is given up
	xor	ecx, ecx
.divide:
	div	ecx			; #DE
emulator_rip_handler:
	mov	al, [rdi]		; #GP
emulator_rip_is_stale.stale:
	mov	eax, 1
	jmp	emulator_rip_is_stale.done
emulator_rip_is_stale.right:
	xor	eax, eax
emulator_rip_is_stale.done:
	mov	rsp, r8
	ret
