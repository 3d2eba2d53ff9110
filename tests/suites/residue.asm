; What tests/suites/residue.c runs: a program whose registers are full of its own
; poison each time it enters the kernel.  Copied to PROGRAM_CODE_BASE; the words of
; its data area are struct residue_words there.

%include "layout.inc"
%include "x86.inc"

	bits	64
	default	abs
	section	.rodata progbits alloc noexec nowrite align=8

%define CODE		0x400000	; PROGRAM_CODE_BASE: residue.c asserts these
%define DATA		0x600000	; PROGRAM_DATA_BASE
%define FAULTS_END	0x60c000	; pages up to here are touched once; then a stack
%define STOP		DATA
%define TURNS		DATA + 8
%define NEXT_PAGE	DATA + 16
%define POISON		DATA + 24
%define POISON_SP	DATA + 32
%define PROGRESS	DATA + 40
%define SIGACTION	DATA + 48	; as rt_sigaction() takes it
%define SIGALTSTACK	DATA + 80
%define STEP_STACK	DATA + PAGE_SIZE
%define SAVED_SP	DATA + 104
%define COMPAT		DATA + 112	; a far pointer: EIP and CS
%define SEL_LDT_STACK	7		; entry 0 of the LDT, a 16-bit stack segment
%define NR_rt_sigaction	13
%define NR_rt_sigreturn	15
%define NR_sched_yield	24
%define NR_getpid	39
%define NR_sigaltstack	131
%define SIGTRAP		5
%define UCONTEXT_EFL	176		; in the signal frame, as i386's and Linux's ABI
%define I386_getpid	20

; All general registers; RSP, which the processor itself shows, has another word.
%macro POISONED 0
	mov	rax, [POISON]
	mov	rbx, rax
	mov	rcx, rax
	mov	rdx, rax
	mov	rsi, rax
	mov	rdi, rax
	mov	rbp, rax
	mov	rsp, [POISON_SP]
	mov	r8, rax
	mov	r9, rax
	mov	r10, rax
	mov	r11, rax
	mov	r12, rax
	mov	r13, rax
	mov	r14, rax
	mov	r15, rax
%endmacro

; Some thousand instructions with poison; PROGRESS says that they are done.
%macro SPIN 0
	POISONED
	mov	ecx, 1000
%%next:
	inc	qword [PROGRESS]
	loop	%%next
	mov	rcx, rax
%endmacro

	global	residue_program, residue_program_end
residue_program:
	mov	eax, NR_rt_sigaction
	mov	edi, SIGTRAP
	mov	esi, SIGACTION
	xor	edx, edx
	mov	r10d, 8
	syscall
	mov	eax, NR_sigaltstack
	mov	edi, SIGALTSTACK
	xor	esi, esi
	syscall
.turn:
	POISONED
	mov	eax, NR_getpid
	syscall
	POISONED
	mov	al, I386_getpid		; the upper half stays
	mov	ah, 0
	int	0x80
	POISONED
	mov	eax, NR_sched_yield	; to the next one's poison
	syscall
	POISONED
	mov	rbx, [NEXT_PAGE]
	mov	byte [rbx], 1		; a page fault, the first time
	add	ebx, PAGE_SIZE
	cmp	ebx, FAULTS_END
	jae	.no_more
	mov	[NEXT_PAGE], rbx
.no_more:
	SPIN				; interrupts and NMIs come here as well
	POISONED
	int3				; a signal, its handler, its return
	SPIN
	POISONED
	mov	rsp, STEP_STACK
	pushfq
	or	dword [rsp], RFLAGS_TF
	popfq				; #DB: the same, by an IST
	nop
	SPIN
	POISONED
	jmp	far dword [COMPAT]		; 32-bit code, of these registers
	bits	32
.compat:
	mov	al, I386_getpid
	mov	ah, 0
	int	0x80
	jmp	SEL_USER_CS:dword CODE + (.long - residue_program)
	bits	64
.long:
	SPIN
	mov	ecx, SEL_LDT_STACK	; the way back is ESPFIX now
	mov	ss, ecx
	mov	rcx, rax
	mov	eax, I386_getpid
	int	0x80
	SPIN
	mov	ecx, SEL_USER_DS
	mov	ss, ecx
	inc	qword [TURNS]
	cmp	qword [STOP], 0
	je	.turn
	POISONED
	mov	rbp, rsp		; the door's name for the stack pointer
	sysenter			; ends it, on either vendor's processors
	ud2

; SIGTRAP's, on a stack of its own; RDX is the ucontext.
residue_handler:
	and	dword [rdx + UCONTEXT_EFL], ~RFLAGS_TF
	mov	[SAVED_SP], rsp
	SPIN
	mov	rsp, [SAVED_SP]
	ret
residue_restorer:
	mov	eax, NR_rt_sigreturn
	syscall
residue_program_end:

	global	residue_handler, residue_restorer, residue_compat
residue_compat equ residue_program.compat
