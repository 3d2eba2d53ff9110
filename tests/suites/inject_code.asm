; The user program of suite `inject` (tests/suites/inject.c): alone it ends at
; once; under tests/inject/ each piece is one way into the kernel.  The driver
; loads the registers, points RIP at a piece, and stops at the jump behind it.

%include "x86.inc"

	bits	64
	section	.rodata progbits alloc noexec nowrite align=8

%define NR_exit		60
%define BASE		0x400000	; PROGRAM_CODE_BASE: inject.c asserts it

%macro PIECE 1
	global	inject_%1, inject_%1_end
inject_%1:
%endmacro
%macro END 1
inject_%1_end:
	jmp	short $
%endmacro

	global	inject_code, inject_code_end
inject_code:
PIECE exit
	xor	edi, edi
	mov	eax, NR_exit
	syscall
inject_exit_end:

PIECE syscall
	syscall
	END	syscall
PIECE int80
	int	0x80
	END	int80
PIECE int3
	int3
	END	int3
PIECE store
	mov	[rdi], al
	END	store
PIECE hlt
	hlt
	END	hlt
PIECE spin
	pause
inject_spin_end:
	jmp	short inject_spin
PIECE load_ss
	mov	ss, eax
	END	load_ss
PIECE load_gs
	mov	gs, eax
	END	load_gs
PIECE to32
	jmp	far dword [rdi]
inject_to32_end:

PIECE handler
	END	handler
PIECE restorer
	ud2
inject_restorer_end:

	bits	32
PIECE syscall32
	syscall
	END	syscall32
PIECE sysenter
	sysenter
	END	sysenter
PIECE to64
	jmp	SEL_USER_CS:BASE + to64_there - inject_code
inject_to64_end:
	bits	64
to64_there:
	jmp	short $
inject_code_end:
