; The page of code that every 32-bit process has: its way into the kernel, and
; its way back from signals.  Data for the kernel, which copies it into the
; process's user half (arch/vdso/ia32_vdso.c); it runs wherever it is put.
;
; __kernel_vsyscall (AT_SYSINFO) takes a system call's registers as INT 0x80
; does: number in EAX, arguments in EBX, ECX, EDX, ESI, EDI, EBP.  There is one
; for each way in, and the kernel picks by the processor's vendor:
;
;   SYSENTER loses EIP and ESP: ESP goes in EBP, and the sixth argument, which
;            was there, is on the stack.
;   SYSCALL  loses ECX: the second argument goes in EBP, the sixth is on the
;            stack.
;
; For both, the word at ESP is the sixth argument, and ECX, EDX and EBP stand
; above it in the order in which the landing pad takes them back.  The kernel
; returns to the landing pad always, so that a call which is to be done again is
; the INT 0x80 two bytes in front of it.
; Linux's stubs push in this order, and debuggers know the bytes of the two
; sigreturn stubs.

	section	.rodata progbits alloc noexec nowrite align=16
	bits	32

NR_SIGRETURN equ 119
NR_RT_SIGRETURN equ 173

	global	ia32_vdso_start, ia32_vdso_end
ia32_vdso_start:

	global	ia32_vdso_by_sysenter
ia32_vdso_by_sysenter:
	push	ecx
	push	edx
	push	ebp
	mov	ebp, esp
	sysenter
	ud2					; returns to the landing pad

	align	16, int3
	global	ia32_vdso_by_syscall
ia32_vdso_by_syscall:
	push	ecx
	push	edx
	push	ebp
	mov	ebp, ecx
	syscall
	ud2					; likewise

	align	16, int3
	global	ia32_vdso_by_int80
ia32_vdso_by_int80:
	push	ecx
	push	edx
	push	ebp
	int	0x80
	global	ia32_vdso_landing
ia32_vdso_landing:
	pop	ebp
	pop	edx
	pop	ecx
	ret

	align	16, int3
	global	ia32_vdso_sigreturn_stub
ia32_vdso_sigreturn_stub:
	pop	eax				; the signal's number
	mov	eax, NR_SIGRETURN
	int	0x80

	align	16, int3
	global	ia32_vdso_rt_sigreturn_stub
ia32_vdso_rt_sigreturn_stub:
	mov	eax, NR_RT_SIGRETURN
	int	0x80
ia32_vdso_end:
