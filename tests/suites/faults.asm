; Probes for the suites: one instruction each that may fault, with a line in
; the exception table.  What fault it was is not handed over by the kernel's
; fixup; but the frame that the trap code built is still there below RSP, and
; with interrupts off nothing has used the place since (NMIs have stacks of
; their own).  See tests/suites/faults.h.
;
; All: rdi = operand, rsi = struct fault *, rdx = second operand.

%include "regs.inc"

	section	.text progbits alloc exec nowrite align=16

struc fault
.vector	resq	1
.error	resq	1
.cr2	resq	1
.loaded	resq	1
.flags	resq	1
endstruc

%define NO_FAULT 0xffff

; Saves what a probe may change.  RSP is aligned so that a fault's frame ends
; exactly there, as the processor aligns it too.
%macro PROBE_BEGIN 1
	global	%1
%1:
	push	rbx
	mov	rbx, rsp		; -> the caller's rbx
	pushfq
	cli
	and	rsp, -16
%endmacro

; Names the instruction that follows as one that may fault.
%macro PROBED 0
%%insn:
[section .extable progbits alloc noexec nowrite align=8]
	dq	%%insn, probe_faulted
__?SECT?__
%endmacro

; rax = what was loaded.
%macro PROBE_END 0
	mov	[rsi + fault.loaded], rax
	mov	qword [rsi + fault.vector], NO_FAULT
	jmp	probe_end
%endmacro

; The fault's pt_regs end at RSP, rounded down as hardware does.
probe_faulted:
	mov	rcx, rsp
	and	rcx, -16
	movzx	eax, byte [rcx - REGS_SIZE + REGS_VECTOR]
	mov	[rsi + fault.vector], rax
	mov	rax, [rcx - REGS_SIZE + REGS_IP - 8]	; regs.orig_ax
	mov	[rsi + fault.error], rax
	mov	rax, cr2
	mov	[rsi + fault.cr2], rax
	mov	rax, [rcx - REGS_SIZE + REGS_FLAGS]
	mov	[rsi + fault.flags], rax
probe_end:
	lea	rsp, [rbx - 8]
	popfq
	pop	rbx
	ret

; DS, ES and SS: the selector is all there is to put back.
%macro LOAD_SEGMENT 1
PROBE_BEGIN fault_load_%1
	mov	r8d, %1
	PROBED
	mov	%1, edi
	mov	eax, %1
	mov	%1, r8d
	PROBE_END
%endmacro

	LOAD_SEGMENT ds
	LOAD_SEGMENT es
	LOAD_SEGMENT ss

; FS and GS have a base, which the load sets, and GS's is how C finds its CPU.
%macro LOAD_WITH_BASE 2
PROBE_BEGIN fault_load_%1
	mov	r8d, %1
	mov	ecx, %2
	rdmsr
	mov	r9d, eax
	mov	r10d, edx
	PROBED
	mov	%1, edi
	mov	r11d, %1
	mov	%1, r8d
	mov	ecx, %2
	mov	eax, r9d
	mov	edx, r10d
	wrmsr
	mov	eax, r11d
	PROBE_END
%endmacro

	LOAD_WITH_BASE fs, MSR_FS_BASE
	LOAD_WITH_BASE gs, MSR_GS_BASE

PROBE_BEGIN fault_load_cs
	push	rdi			; the far return's CS
	lea	rax, [rel .loaded]
	push	rax			; and its RIP
	PROBED
	o64 retf
.loaded:
	mov	eax, cs
	PROBE_END

PROBE_BEGIN fault_load_tr
	PROBED
	ltr	di
	str	eax
	PROBE_END

PROBE_BEGIN fault_iretq
	mov	rax, rsp
	mov	r8d, ss
	push	rdx			; the frame's SS
	push	rax			; RSP
	pushfq				; RFLAGS
	push	rdi			; CS
	lea	rax, [rel .returned]
	push	rax			; RIP
	PROBED
	iretq
.returned:
	mov	eax, cs
	mov	ss, r8d
	PROBE_END

PROBE_BEGIN fault_read
	PROBED
	mov	al, [rdi]
	xor	eax, eax
	PROBE_END

PROBE_BEGIN fault_write
	PROBED
	mov	al, [rdi]
	PROBED
	mov	[rdi], al
	xor	eax, eax
	PROBE_END
