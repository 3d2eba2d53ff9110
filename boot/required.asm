; What the CPU must have, in one list, and the checks of it: before anything of
; the list is executed, with the instructions of a 386 alone.  SYSCALL, the last
; row, has a check of its own: Intel's processors tell of it in 64-bit mode only.  A feature is here
; if the kernel executes it without asking (entry/, arch/cpu.c, the compiler),
; or if every program for x86-64 may.  All else is in struct cpu_features, and
; asked for where it is used.
;
; boot/start32.asm calls the first, in 32-bit mode without paging, and
; boot/start64.asm the second.  A row is
;	FEATURE	word of CPUID, bit, name in the manuals
; scripts/check_features.py holds the image against the list; tests/cpus.cfg has
; a boot without each of them.
; Sources: Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E.

%include "layout.inc"
%include "x86.inc"

%define PHYS(symbol)	(symbol - KERNEL_BASE)

; The words, as the check leaves them on its stack.
LEAF1_EDX	equ 0
EXTENDED_EDX	equ 4			; of leaf 0x80000001
SYSCALL_BIT	equ 11

%macro FEATURE 3
	db	%1, %2, %3, 0
%endmacro

	section	.boot.data progbits alloc noexec nowrite align=16
features:
	FEATURE	LEAF1_EDX, 0, "FPU"		; a task's state
	FEATURE	LEAF1_EDX, 2, "DE"		; CR4.DE: DR4 and DR5 are invalid
	FEATURE	LEAF1_EDX, 4, "TSC"		; arch/machine/clock.c
	FEATURE	LEAF1_EDX, 5, "MSR"		; RDMSR, WRMSR
	FEATURE	LEAF1_EDX, 6, "PAE"		; CR4.PAE
	FEATURE	LEAF1_EDX, 7, "MCE"		; CR4.MCE: machine checks
	FEATURE	LEAF1_EDX, 8, "CX8"		; CMPXCHG8B, in programs
	FEATURE	LEAF1_EDX, 9, "APIC"		; timer and IPIs
	FEATURE	LEAF1_EDX, 11, "SEP"		; MSR_SYSENTER_*
	FEATURE	LEAF1_EDX, 14, "MCA"		; MSR_MCG_STATUS
	FEATURE	LEAF1_EDX, 15, "CMOV"		; the compiler's
	FEATURE	LEAF1_EDX, 23, "MMX"		; EMMS
	FEATURE	LEAF1_EDX, 24, "FXSR"		; FXSAVE, FXRSTOR, CR4.OSFXSR
	FEATURE	LEAF1_EDX, 25, "SSE"		; MXCSR, CR4.OSXMMEXCPT
	FEATURE	LEAF1_EDX, 26, "SSE2"		; LFENCE
	FEATURE	EXTENDED_EDX, 20, "NX (no-execute pages)"
	FEATURE	EXTENDED_EDX, 29, "LM (long mode)"
features_in_64_bits:
	FEATURE	EXTENDED_EDX, SYSCALL_BIT, "SYSCALL"	; how programs come in
features_end:

message_without:
	db	"boot: found a CPU without ", 0
message_separator:
	db	", ", 0
message_expected:
	db	", expected one with all that boot/required.asm lists", 13, 10, 0

	bits	32
	section	.boot.text progbits alloc exec nowrite align=16

	extern	boot_print

; ---- CF: something is missing, and the line about it is printed ----
; Keeps EDI and EBP.
	global	boot_check_cpu
boot_check_cpu:
	push	edi
	push	ebp
	call	read_words		; ECX, EDX: LEAF1_EDX, EXTENDED_EDX
	push	edx
	push	ecx
	mov	ebp, esp
	mov	edi, message_without	; then the separator
	mov	esi, features
.next:
	movzx	eax, byte [esi]
	movzx	edx, byte [esi + 1]
	add	esi, 2
	bt	[ebp + eax], edx
	jc	.skip
	push	esi
	mov	esi, edi
	call	boot_print
	pop	esi
	call	boot_print		; its name; ESI behind it
	mov	edi, message_separator
	jmp	.more
.skip:
	lodsb
	test	al, al
	jnz	.skip
.more:
	cmp	esi, features_in_64_bits
	jb	.next
	cmp	edi, message_without
	je	.good
	mov	esi, message_expected
	call	boot_print
	stc
.good:					; CF is clear from the comparison
	lea	esp, [ebp + 8]
	pop	ebp
	pop	edi
	ret

; Zeros where there is no such leaf, or no CPUID: then RFLAGS.ID cannot change.
read_words:
	pushfd
	pop	eax
	mov	ecx, eax
	xor	eax, RFLAGS_ID
	push	eax
	popfd
	pushfd
	pop	edx
	push	ecx
	popfd
	xor	edx, ecx
	xor	ecx, ecx
	and	edx, RFLAGS_ID
	jz	.done			; EDX is 0
	xor	eax, eax
	cpuid
	xor	edx, edx
	test	eax, eax
	jz	.extended
	mov	eax, 1
	cpuid
.extended:
	push	edx
	mov	eax, 0x80000000
	cpuid
	xor	edx, edx
	cmp	eax, 0x80000001
	jb	.no_extended
	mov	eax, 0x80000001
	cpuid
.no_extended:
	pop	ecx
.done:
	ret

	bits	64
	align	16

; ---- CF: no SYSCALL, and the line about it is printed ----
; At low addresses, as boot_print, whose bytes do the same in 64-bit mode.
; Keeps RBX and RBP.
	global	boot_check_syscall
boot_check_syscall:
	push	rbx
	mov	eax, 0x80000001
	cpuid
	pop	rbx
	bt	edx, SYSCALL_BIT
	cmc
	jnc	.done
	mov	esi, message_without
	call	boot_print
	mov	esi, features_in_64_bits + 2
	call	boot_print
	mov	esi, message_expected
	call	boot_print
	stc
.done:
	ret
