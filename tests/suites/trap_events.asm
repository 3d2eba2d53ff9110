; IST events with all registers under control: see tests/suites/trap_events.h.
; Between the two SWAPGS of the _gs ones no C may run but the event's handler.

%include "regs.inc"

	section	.text progbits alloc exec nowrite align=16

	extern	event_watched, event_seen, event_patience

%define NR_GENERAL 15

; Ends early when nothing comes.  Changes the arithmetic flags only.
%macro WAIT_FOR_EVENT 0
%%wait:
	cmp	dword [rel event_seen], 0
	jne	%%seen
	pause
	dec	dword [rel event_patience]
	jnz	%%wait
%%seen:
%endmacro

; rdi = struct pt_regs *
%macro EVENT_BEGIN 1
	global	%1
%1:
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	push	rdi
	mov	rsi, rdi
	sub	rsp, NR_GENERAL * 8
	mov	rdi, rsp
	mov	ecx, NR_GENERAL
	rep movsq
	push	qword [rsi + REGS_FLAGS - REGS_VECTOR]
	popfq
	POP_REGS_BUT_RDI
	pop	rdi
%endmacro

%macro EVENT_END 0
	pushfq
	PUSH_REGS rax
	cld
	mov	rsi, rsp
	mov	rdi, [rsp + (NR_GENERAL + 1) * 8]
	mov	ecx, NR_GENERAL
	rep movsq
	mov	rax, [rsi]			; RFLAGS
	mov	[rdi + REGS_FLAGS - REGS_VECTOR], rax
	add	rsp, (NR_GENERAL + 2) * 8
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	ret
%endmacro

	global	event_watch_after, event_watch_gs_after
	EVENT_BEGIN event_watch
	mov	byte [rel event_watched], 1
event_watch_after:
	EVENT_END

	EVENT_BEGIN event_watch_gs
	swapgs
	mov	byte [rel event_watched], 1
event_watch_gs_after:
	swapgs
	EVENT_END

	EVENT_BEGIN event_icr
	mov	[rdi], eax
	WAIT_FOR_EVENT
	EVENT_END

	EVENT_BEGIN event_icr_gs
	swapgs
	mov	[rdi], eax
	WAIT_FOR_EVENT
	swapgs
	EVENT_END

	EVENT_BEGIN event_msr
	wrmsr
	WAIT_FOR_EVENT
	EVENT_END

	EVENT_BEGIN event_msr_gs
	swapgs
	wrmsr
	WAIT_FOR_EVENT
	swapgs
	EVENT_END

	EVENT_BEGIN event_wait
	WAIT_FOR_EVENT
	EVENT_END
