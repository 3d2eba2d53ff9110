; pti=deferred: where SYSCALL arrives, in the trampoline's page of every CPU's entry area.
; It makes the hardware's frame on the thread's PTI stack, on the user's PGD and with the
; user's GS, and goes on where the TSS says.  (A file of its own, as is every code section:
; NASM tells gdb of the first one of a file.)
;
;  step                          CR3     GS      RSP
;  1 user's RSP, frame           user    user    ->PTI
;
; Read next: entry/deferred/deferred.asm.

%include "regs.inc"
%include "deferred.inc"

	section	.trampoline.deferred progbits alloc exec nowrite align=16
	UNWIND_IN trampoline_deferred

	extern	trampoline_start
%define IN_AREA(offset)	rel trampoline_start + (offset) - CEA_TRAMPOLINE

; Label, the caller's CS, the word of the TSS that says where to go on.
%macro DEFERRED_ENTRY 3
	global	%1
	align	16
%1:
	UNWIND_SYSCALL %2
	mov	[IN_AREA(CEA_USER_RSP)], rsp		; 1
	UNWIND_PARKED %2
	mov	rsp, [IN_AREA(CEA_TSS + TSS_SP0)]
	push	SEL_USER_DS				; regs.ss
	push	qword [IN_AREA(CEA_USER_RSP)]		; regs.sp
	push	r11					; regs.flags
	push	%2					; regs.cs
	push	rcx					; regs.ip
	UNWIND_IRET rsp, 0
	jmp	[IN_AREA(CEA_TSS + %3)]
%endmacro

	DEFERRED_ENTRY trampoline_deferred, SEL_USER_CS, TSS_SP1
	DEFERRED_ENTRY trampoline_deferred32, SEL_USER32_CS, TSS_SP2
	UNWIND_C
	global	trampoline_deferred_end
trampoline_deferred_end:
