; What tests/suites/residue.c runs: a program whose registers are full of its own
; poison each time it enters the kernel.  Copied to PROGRAM_CODE_BASE; the words of
; its data area are struct residue_words there.

%include "layout.inc"
%include "x86.inc"

	bits	64
	default	abs
	section	.rodata progbits alloc noexec nowrite align=8

%define DATA		0x600000	; PROGRAM_DATA_BASE: residue.c asserts it
%define DATA_END	0x610000
%define STOP		DATA
%define TURNS		DATA + 8
%define NEXT_PAGE	DATA + 16
%define POISON		DATA + 24
%define SEL_LDT_STACK	7		; entry 0 of the LDT, a 16-bit stack segment
%define NR_sched_yield	24
%define NR_getpid	39
%define I386_getpid	20

; All general registers, RSP included.
%macro POISONED 0
	mov	rax, [POISON]
	mov	rbx, rax
	mov	rcx, rax
	mov	rdx, rax
	mov	rsi, rax
	mov	rdi, rax
	mov	rbp, rax
	mov	rsp, rax
	mov	r8, rax
	mov	r9, rax
	mov	r10, rax
	mov	r11, rax
	mov	r12, rax
	mov	r13, rax
	mov	r14, rax
	mov	r15, rax
%endmacro

	global	residue_program, residue_program_end
residue_program:
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
	cmp	ebx, DATA_END
	jae	.no_more
	mov	[NEXT_PAGE], rbx
.no_more:
	POISONED
	mov	ecx, 2000		; interrupts and NMIs come here as well
.spin:
	loop	.spin
	mov	ecx, SEL_LDT_STACK	; the way back is ESPFIX now
	mov	ss, ecx
	mov	rcx, rax
	mov	eax, I386_getpid
	int	0x80
	POISONED
	mov	ecx, 2000
.spin_espfix:
	loop	.spin_espfix
	mov	ecx, SEL_USER_DS
	mov	ss, ecx
	inc	qword [TURNS]
	cmp	qword [STOP], 0
	je	residue_program
	POISONED
	sysenter			; ends it, on either vendor's processors
	ud2
residue_program_end:
