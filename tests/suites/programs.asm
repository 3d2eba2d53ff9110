; User programs of the suites: data here, copied to PROGRAM_CODE_BASE and run in
; ring 3.  Position-independent; rdi = the argument.  See programs.h.

%include "layout.inc"
%include "x86.inc"

	bits	64
	section	.rodata progbits alloc noexec nowrite align=8

%define NR_sched_yield	24
%define NR_nanosleep	35
%define NR_rt_sigtimedwait 128
%define SIGUSR1		10
%define NR_getpid	39
%define NR_exit		60
%define NR_uname	63
%define DATA		0x600000	; PROGRAM_DATA_BASE: programs.c asserts it

%macro PROGRAM 1
	global	%1, %1_end
	align	8
%1:
%endmacro

%macro EXIT 1
	mov	edi, %1
	mov	eax, NR_exit
	syscall
%endmacro

; Each general register but rax, rcx, r11 and r12 (the count) has its pattern.
%macro EACH_PATTERN 1
	%1	rbx, 0x13579bdf
	%1	rdx, 0x11112222
	%1	rsi, 0x22223333
	%1	rdi, -0x33334444
	%1	rbp, 0x44445555
	%1	r8, -0x55556666
	%1	r9, 0x66667777
	%1	r10, 0x07778888
	%1	r13, 0x08889999
	%1	r14, -0x0999aaaa
	%1	r15, 0x0aaabbbb
%endmacro

%macro CHECK 2
	cmp	%1, %2
	jne	.changed
%endmacro

PROGRAM program_registers
	EACH_PATTERN mov
	mov	r12d, 12
.again:
	mov	eax, NR_getpid
	lea	rcx, [rel .again]
	syscall
.returned:
	EACH_PATTERN CHECK
	lea	rax, [rel .returned]
	CHECK	rcx, rax
	pushfq
	pop	rax
	or	eax, RFLAGS_RF		; which PUSHF shows as 0
	or	r11, RFLAGS_RF
	and	eax, ~0x8d5		; the comparisons' own
	and	r11, ~0x8d5
	CHECK	rax, r11
	mov	eax, r12d
	shl	eax, 12
	add	eax, DATA
	mov	ecx, 0x0bbbcccc
	mov	r11d, 0x0cccdddd
	stc
	mov	byte [rax], 1		; a page fault: the other way in and out
	jnc	.changed
	CHECK	rcx, 0x0bbbcccc
	CHECK	r11, 0x0cccdddd
	cmp	byte [rax], 1
	jne	.changed
	EACH_PATTERN CHECK
	dec	r12d
	jnz	.again
	EXIT	0
.changed:
	EXIT	1
program_registers_end:

; Yields rdi >> 16 times, at least once, and reads port di behind each; exit(0).
PROGRAM program_in
	mov	ebx, edi
	mov	r12, rdi
	shr	r12, 16
.again:
	mov	eax, NR_sched_yield
	syscall
	mov	edx, ebx
	in	al, dx
	dec	r12
	jg	.again
	EXIT	0
program_in_end:

; Yields rdi >> 16 times, then reads port di; exit(0).
PROGRAM program_yield_in
	mov	ebx, edi
	mov	r12, rdi
	shr	r12, 16
.again:
	mov	eax, NR_sched_yield
	syscall
	dec	r12
	jg	.again
	mov	edx, ebx
	in	al, dx
	EXIT	0
program_yield_in_end:

; Reads two bytes at port di, as a word; exit(0).
PROGRAM program_in_word
	mov	edx, edi
	in	ax, dx
	EXIT	0
program_in_word_end:

; Writes a byte to DATA + 0x100, then to DATA + 0x110; exit(0).
PROGRAM program_store
	mov	ebx, DATA
	mov	byte [rbx + 0x100], 1
	global	program_store_first
program_store_first:
	mov	byte [rbx + 0x110], 1
	EXIT	0
program_store_end:

; uname to DATA + 0x100; exit(0) if there is something.
PROGRAM program_uname
	mov	edi, DATA + 0x100
	mov	eax, NR_uname
	syscall
	test	eax, eax
	jnz	.wrong
	cmp	byte [rdi], 'L'
	jne	.wrong
	EXIT	0
.wrong:
	EXIT	1
program_uname_end:

; Loads SS from DATA + 0x100, put there before, with SYSCALL (getpid) right behind; exit(0).
PROGRAM program_mov_ss
	mov	ebx, DATA + 0x100
	mov	eax, NR_getpid
	mov	ss, [rbx]
	syscall
	EXIT	0
program_mov_ss_end:

; The same with INT3.
PROGRAM program_mov_ss_int3
	mov	ebx, DATA + 0x100
	mov	ss, [rbx]
	int3
	EXIT	0
program_mov_ss_int3_end:

PROGRAM program_cli
	cli
	pushfq
	pop	rax
	bt	eax, 9			; IF
	jc	.on
	EXIT	1
.on:
	EXIT	0
program_cli_end:

PROGRAM program_exit
	EXIT	7
program_exit_end:

PROGRAM program_push
	push	rax
	EXIT	7
program_push_end:

PROGRAM program_load_ds
	mov	ds, edi
	mov	es, edi
	EXIT	0
program_load_ds_end:

; Yields rdi >> 16 times, and loads DS and ES with di behind each; exit(0).
PROGRAM program_load_often
	mov	ebx, edi
	mov	r12, rdi
	shr	r12, 16
.again:
	mov	eax, NR_sched_yield
	syscall
	mov	ds, ebx
	mov	es, ebx
	dec	r12
	jg	.again
	EXIT	0
program_load_often_end:

PROGRAM program_syscall_with_rsp
	mov	rsp, rdi
	mov	eax, NR_getpid
	syscall
	cmp	rsp, rdi
	jne	.changed
	EXIT	7
.changed:
	EXIT	1
program_syscall_with_rsp_end:

PROGRAM program_sleep
	lea	rdi, [rel .set]
	xor	esi, esi
	xor	edx, edx		; for ever
	mov	r10d, 8
	mov	eax, NR_rt_sigtimedwait
	syscall
	mov	ebx, DATA
	mov	[rbx], rax		; slept.ax
	mov	[rbx + 8], rcx		; slept.cx
	mov	[rbx + 16], r11		; slept.r11
	EXIT	7
.set:
	dq	1 << (SIGUSR1 - 1)
program_sleep_end:
