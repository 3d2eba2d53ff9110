; User code for the suites: small pieces that program_from_code() puts into
; processes of their own.  Position-independent; rdi is the argument, and FS and
; GS bases are the data area, whose words are named once, here: the C side
; (tests/suites/pinned.h) links against the offsets.

%include "layout.inc"
%include "x86.inc"

	bits	64
	section	.rodata progbits alloc noexec nowrite align=16

; Linux's numbers
%define NR_MMAP		9
%define NR_MPROTECT	10
%define NR_MUNMAP	11
%define NR_SCHED_YIELD	24
%define NR_GETPID	39
%define NR_EXIT		60

; Words of the data area
	struc	user_word
	.stop:		resq 1	; set by the test: end
	.count:		resq 1	; turns left
	.number:	resq 1	; the system call of call_loop
	.expected:	resq 1	; and what it must return
	.turns:		resq 1	; turns done
	.errors:	resq 1	; what was not as expected
	.result:	resq 1
	.rsp:		resq 1
	endstruc
%macro EXPORT_WORD 1-*
%rep %0
	global	user_word_%1
user_word_%1	equ	user_word.%1
%rotate 1
%endrep
%endmacro
	EXPORT_WORD stop, count, number, expected, turns, errors, result

%macro CODE 1
	global	user_%1
	align	16
user_%1:
%endmacro
%macro END_CODE 1
	global	user_%1_end
user_%1_end:
%endmacro

%macro SYSTEM_CALL 1
	mov	eax, %1
	syscall
%endmacro

; Exit status: 0 if .errors is, else 1.
%macro EXIT 0
	xor	edi, edi
	cmp	qword [fs:user_word.errors], 0
	setne	dil
	SYSTEM_CALL NR_EXIT
	ud2
%endmacro

; ---- System calls ----------------------------------------------------------------

	CODE calls
.turn:
	SYSTEM_CALL NR_GETPID
	cmp	rax, [fs:user_word.expected]
	je	.good
	inc	qword [fs:user_word.errors]
.good:
	inc	qword [fs:user_word.turns]
	dec	qword [fs:user_word.count]
	jnz	.turn
	EXIT
	END_CODE calls

	CODE call_once
	syscall
	ud2
	END_CODE call_once

; All registers that nobody else may change hold a pattern, the carry flag and
; the bases of FS and GS are ours; a turn in which one differs is an error.
%define PATTERN(n) (0x51000000 + (n) * 0x010305)
%macro FOR_PATTERNS 1		; %1 register, pattern
	%1 rbx, PATTERN(1)
	%1 rbp, PATTERN(2)
	%1 rdi, PATTERN(3)
	%1 rsi, PATTERN(4)
	%1 rdx, PATTERN(5)
	%1 r8, PATTERN(6)
	%1 r9, PATTERN(7)
	%1 r10, PATTERN(8)
	%1 r12, PATTERN(9)
	%1 r13, PATTERN(10)
	%1 r14, PATTERN(11)
	%1 r15, PATTERN(12)
%endmacro
%macro LOAD 2
	mov	%1, %2
%endmacro
%macro COMPARE 2
	cmp	%1, %2
	jne	.wrong
%endmacro

; %1: the lines between loading and comparing, with RAX as left there being
; equal to .expected
%macro PATTERN_LOOP 1
	mov	[fs:user_word.rsp], rsp
.load:
	FOR_PATTERNS LOAD
.turn:
	inc	qword [fs:user_word.turns]
	cmp	qword [fs:user_word.stop], 0
	jne	.stop
	%1
	jnc	.wrong
	cmp	rax, [gs:user_word.expected]
	jne	.wrong
	cmp	rsp, [fs:user_word.rsp]
	jne	.wrong
	FOR_PATTERNS COMPARE
	jmp	.turn
.wrong:
	inc	qword [gs:user_word.errors]
	jmp	.load
.stop:
	EXIT
%endmacro
%macro ONE_CALL 0
	mov	rax, [fs:user_word.number]
	stc
	syscall
%endmacro
%macro NO_CALL 0
	mov	rax, [fs:user_word.expected]
	stc
	mov	rcx, 20
%%again:
	lea	rcx, [rcx - 1]	; which leaves the carry flag alone
	jrcxz	%%done
	jmp	%%again
%%done:
%endmacro

	CODE call_loop
	PATTERN_LOOP ONE_CALL
	END_CODE call_loop

	CODE spin_loop
	PATTERN_LOOP NO_CALL
	END_CODE spin_loop

; ---- What must fault -----------------------------------------------------------------

	CODE read
	mov	rax, [rdi]
	EXIT
	END_CODE read

	CODE write
	mov	[rdi], rax
	EXIT
	END_CODE write

	CODE jump
	jmp	rdi
	END_CODE jump

	CODE divide
	xor	edx, edx
	mov	eax, 1
	xor	ecx, ecx
	div	ecx
	EXIT
	END_CODE divide

	CODE breakpoint
	int3
	EXIT
	END_CODE breakpoint

; ---- Mappings ------------------------------------------------------------------------

%define PROT_READ	1
%define PROT_WRITE	2
%define MAP_FLAGS	0x32	; MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
%define REMAP_SIZE	(2 * PAGE_SIZE)

%macro COUNT_ERROR 2		; unless the last comparison was %1
	%1	%%good
	inc	qword [fs:user_word.%2]
%%good:
%endmacro

; Maps two fresh pages at rbx, which must be zero, fills them with the turn's
; pattern (rbp), makes them read-only, and reads them back after a yield.
%macro MAP_AND_FILL 0
	mov	rdi, rbx
	mov	esi, REMAP_SIZE
	mov	edx, PROT_READ | PROT_WRITE
	mov	r10d, MAP_FLAGS
	mov	r8, -1
	xor	r9d, r9d
	SYSTEM_CALL NR_MMAP
	cmp	rax, rbx
	COUNT_ERROR je, errors
	cmp	qword [rbx], 0		; what the last turn left is gone
	COUNT_ERROR je, errors
	cmp	qword [rbx + PAGE_SIZE], 0
	COUNT_ERROR je, errors
	mov	[rbx], rbp
	mov	[rbx + PAGE_SIZE], rbp
	mov	rdi, rbx
	mov	esi, REMAP_SIZE
	mov	edx, PROT_READ
	SYSTEM_CALL NR_MPROTECT
	SYSTEM_CALL NR_SCHED_YIELD
	cmp	[rbx], rbp
	COUNT_ERROR je, errors
	cmp	[rbx + PAGE_SIZE], rbp
	COUNT_ERROR je, errors
%endmacro

	CODE remap
	mov	rbx, rdi
.turn:
	imul	rbp, [fs:user_word.count], 0x01010101
	add	rbp, [fs:user_word.expected]
	MAP_AND_FILL
	mov	rdi, rbx
	mov	esi, REMAP_SIZE
	SYSTEM_CALL NR_MUNMAP
	test	rax, rax
	COUNT_ERROR jz, errors
	inc	qword [fs:user_word.turns]
	dec	qword [fs:user_word.count]
	jnz	.turn
	MAP_AND_FILL
	global	user_remap_refused
user_remap_refused:
	mov	[rbx], rbp		; read-only: the end
	EXIT
	END_CODE remap

; ---- 32-bit code ---------------------------------------------------------------------

; rdi = the data area: addresses below 4 GiB for what 32-bit code can reach.
	CODE int80_once
	int	0x80
	ud2
	END_CODE int80_once

	CODE sysenter_once
	sysenter
	ud2
	END_CODE sysenter_once
