; The return stack: the processor's own guess of where RETs lead, 16 or 32 entries
; deep.  A RET for which it is empty, or full of what another task left, may be
; guessed by what a program has trained (Spectre 2, SpectreRSB).

	bits	64
	section	.text progbits alloc exec nowrite align=16

%define ENTRIES 32

; void return_stack_fill(void): a CALL each, none of which returns; a RET that is
; guessed to go to one of them meets INT3, behind which nothing is guessed.
	global	return_stack_fill, return_stack_fill_end
return_stack_fill:
	push	rbp
	mov	rbp, rsp
%assign i 0
%rep ENTRIES
	call	.next%[i]
	int3
.next%[i]:
%assign i i + 1
%endrep
	mov	rsp, rbp
	lfence
	pop	rbp
	ret
return_stack_fill_end:
