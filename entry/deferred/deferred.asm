; pti=deferred: the way in and out with the CR3 switch in C's hands.
;
; With pti=on the first thing that entry code does is to go to the kernel's PGD; here it
; stays on the user's, on a stack that both PGDs show: the thread's PTI stack, in slot
; 507 of its process.  Registers are saved there once and stay there.  Code that knows
; enough to answer ends the call on the user's PGD; all else calls deferred_to_kernel(),
; the one place that switches CR3 and the stack on the way in, as deferred_back is the one
; on the way out.
;
;  step                          CR3     GS      RSP
;  1 user's RSP, frame           user    user    ->PTI      deferred_trampoline.asm, hardware
;  2 registers                   user    user    PTI
;  3 deferred C                  user    user    PTI        entry/deferred/*.c
;  4 flip CR3, SWAPGS            ->kern  ->kern  PTI        deferred_to_kernel
;  5 C: do_syscall, do_trap      kernel  kernel  ->task
;  6 flip CR3, SWAPGS            ->user  ->user  ->PTI      deferred_back
;  7 registers, SYSRET or IRETQ  user    user    ->user
;
; A call that ends in step 3 goes from there to its own SYSRET: no CR3 write, no SWAPGS.
; Step 5 reaches the registers at their address in the direct map, which stays when another
; process's slot 507 is loaded.
;
; TSS.sp0 is the PTI stack's top, and follows the thread (pti_stack_load()); so is the
; word from which SYSCALL and SYSENTER take RSP.
;
; Deferred C may be interrupted where it has interrupts on, and faults in user memory:
; deferred_from_kernel saves its registers below, on the same stack, and goes to step 4;
; the thread may come back on another CPU, so nothing there may hold what one CPU owns.
; NMI, #DB, #MC and #DF have IST stacks, as ever (entry/paranoid.asm); from user mode they
; come to the PTI stack on the kernel's PGD, and leave by entry_exit_to_user.
;
; The write of CR3 in step 4 also waits for the branches before it, so that SWAPGS needs no
; LFENCE (SDM vol. 3, 9.3: serializing instructions).
; Read next: entry/deferred/calls.c, kernel/syscall.c.

%include "regs.inc"
%include "deferred.inc"
%include "errno.inc"

; ---- The stubs of the IDT, as those of entry/interrupt.asm ---------------------------

	section	.deferred_text progbits alloc exec nowrite align=16
	UNWIND_IN deferred

; The hardware's frame, its ip at register %1 + %2, behind SYSCALL, whose RCX and R11 are
; gone but for the frame.
%macro UNWIND_SYSCALL_FRAME 2
	UNWIND_HINT HINT_SYSCALL_FRAME, UNWIND_BASE_%1, %2, HINT_ORDER_SCRATCH, 0
%endmacro

%define KERNEL_CALL(n) PERCPU_KERNEL_CALL + 8 * (n)

	extern	entry_from_kernel, entry_cr3_noflush
	extern	deferred_calls, deferred_here_bits, deferred_trap

%define HAS_ERROR(v) ((VEC_ERROR_CODE_MASK >> (v)) & 1)
%define WAY(v) (deferred_ways + 16 * HAS_ERROR(v))

	global	deferred_stubs, deferred_text_start
	align	16
deferred_text_start:
deferred_stubs:
%assign v 0
%rep NR_EXCEPTIONS
	align	8
	UNWIND_IRET rsp, 8 * HAS_ERROR(v)
	push	byte v
	UNWIND_IRET rsp, 8 * HAS_ERROR(v) + 8
	jmp	near WAY(v)
%assign v v + 1
%endrep
%rep NR_VECTORS - NR_EXCEPTIONS
	align	8
	UNWIND_IRET rsp, 0
	push	byte (v ^ 0x80) - 0x80
	UNWIND_IRET rsp, 8
	jmp	near deferred_ways
%assign v v + 1
%endrep

	align	16
deferred_ways:				; no error code
	UNWIND_IRET rsp, FRAME_IP - 8
	push	qword [rsp]
	UNWIND_IRET rsp, FRAME_IP
	and	qword [rsp + FRAME_ERROR], 0
	jmp	short deferred_trap_in
	align	16			; error code
deferred_trap_in:
	UNWIND_IRET rsp, FRAME_IP
	test	byte [rsp + FRAME_CS], 3
	jz	deferred_from_kernel

deferred_from_user:
	UNWIND_IRET rsp, FRAME_IP
	PUSH_REGS rax, UNWIND_PUSHED			; 2
	UNWIND_REGS rsp, 0
deferred_user_regs:
	xor	ebp, ebp
	cld
	mov	rdi, rsp
	call	deferred_trap				; 3
	jmp	deferred_iret

; ---- SYSENTER: RSP comes as the address of TSS.sp0 ------------------------------------

	global	deferred_sysenter
deferred_sysenter:
	UNWIND_SYSENTER
	mov	rsp, [rsp]				; 1
	push	SEL_USER_DS
	push	rbp				; regs.sp
	pushfq
	or	dword [rsp], RFLAGS_IF		; regs.flags, as before SYSENTER
	push	RFLAGS_FIXED
	popfq
	push	SEL_USER32_CS
	push	0				; regs.ip
	push	0				; regs.orig_ax
	push	VEC_SYSENTER
	UNWIND_IRET rsp, FRAME_IP
	jmp	deferred_from_user

; ---- 32-bit SYSCALL, from the trampoline ----------------------------------------------

	global	deferred_syscall32
deferred_syscall32:
	UNWIND_IRET rsp, 0
	push	rax				; regs.orig_ax
	UNWIND_IRET rsp, 8
	push	VEC_SYSCALL32
	UNWIND_IRET rsp, FRAME_IP
	jmp	deferred_from_user

; ---- SYSCALL: the number decides ---------------------------------------------------------

	global	deferred_syscall
deferred_syscall:
	UNWIND_IRET rsp, 0
	cmp	eax, DEFERRED_NR		; as Linux: 32 bits of it
	jae	deferred_unknown
	bt	dword [rel deferred_here_bits], eax
	jc	deferred_here
deferred_long:
	UNWIND_IRET rsp, 0
	push	rax				; regs.orig_ax
	UNWIND_IRET rsp, 8
	push	VEC_SYSCALL
	UNWIND_IRET rsp, FRAME_IP
	PUSH_REGS rax, UNWIND_PUSHED		; 2
	UNWIND_REGS rsp, 0
	xor	ebp, ebp
	mov	rdi, rsp
	mov	esi, KERNEL_CALL(DEFERRED_SYSCALL)

; void deferred_to_kernel(struct pt_regs *regs, u64 which): does not return.  Interrupts
; are off; `which` is the offset of a function's pointer in the vault, bool (*)(regs), true:
; SYSRET will do.
	global	deferred_to_kernel
deferred_to_kernel:
	UNWIND_REGS rdi, 0
	mov	rax, cr3			; 4
	and	rax, ~CR3_USER_MASK
	or	rax, [rel entry_cr3_noflush]
.flip:
	mov	cr3, rax
.swapgs:
	swapgs
	mov	rsp, [gs:PERCPU_KERNEL_STACK]	; 5
	push	rdi
	UNWIND_REGS at_rsp, 0
	add	rdi, [gs:PERCPU_PTI_DELTA]
	call	[gs:rsi]

	global	deferred_back
deferred_back:
	pop	rsp				; 6
	UNWIND_REGS rsp, 0
	mov	rcx, cr3
	or	rcx, [gs:PERCPU_CR3_USER_BITS]
.flip:
	mov	cr3, rcx
.swapgs:
	swapgs
	test	al, al
	jz	deferred_iret
	POP_REGS_BUT_RDI UNWIND_POPPED		; 7
	pop	rdi
	UNWIND_REGS rsp, -REGS_VECTOR, 0
	CLEAR_BUFFERS [rsp + REGS_SS - REGS_VECTOR]
	mov	rsp, [rsp + REGS_SP - REGS_VECTOR]
	UNWIND_SYSCALL SEL_USER_CS
	global	deferred_door_sysret
deferred_door_sysret:
	o64 sysret

deferred_iret:
	UNWIND_REGS rsp, 0
	test	byte [rsp + REGS_SS], SEL_TI
	jnz	deferred_to_ldt_stack
	POP_REGS_BUT_RDI UNWIND_POPPED
	pop	rdi
	UNWIND_IRET rsp, FRAME_IP
	add	rsp, FRAME_IP
	UNWIND_IRET rsp, 0
	CLEAR_BUFFERS [rsp + 32]
	global	deferred_door_iret
deferred_door_iret:
	iretq

; The stack is an LDT's, and may be one of 16 bits, to which IRETQ would carry bits of this
; one's address: the kernel has another way there (arch/espfix.h).
deferred_to_ldt_stack:
	UNWIND_REGS rsp, 0
	mov	rdi, rsp
	mov	esi, KERNEL_CALL(DEFERRED_WORK)
	jmp	deferred_to_kernel

; ---- Calls that end here -------------------------------------------------------------------

; The frame is there, RCX and R11 are in it.  A thread that is stepped goes the long way.
deferred_here:
	UNWIND_IRET rsp, 0
	test	r11d, RFLAGS_TF | RFLAGS_RF
	jnz	deferred_long
	mov	ecx, eax
	UNWIND_SYSCALL_FRAME rsp, 0
	lea	r11, [rel deferred_calls]
	mov	r11, [r11 + rcx * 8]
	test	r11, r11
	jz	deferred_no_call
	call	r11				; 3, keeps all registers but RAX
	global	deferred_call_return
deferred_call_return:
	cmp	rax, DEFERRED_REFUSED
	jle	deferred_not_yet
deferred_answer:
	UNWIND_SYSCALL_FRAME rsp, 0
	pop	rcx				; 7
	UNWIND_SYSCALL_FRAME rsp, -8
	mov	r11, [rsp + FRAME_FLAGS - FRAME_CS]
	mov	rsp, [rsp + FRAME_SP - FRAME_CS]
	UNWIND_SYSCALL SEL_USER_CS
	global	deferred_door_answer
deferred_door_answer:
	o64 sysret

deferred_unknown:
	UNWIND_IRET rsp, 0
	test	r11d, RFLAGS_TF | RFLAGS_RF
	jnz	deferred_long
deferred_no_call:
	UNWIND_SYSCALL_FRAME rsp, 0
	mov	rax, -ENOSYS
	jmp	deferred_answer

; RCX is the number: the call refused, and is made the long way as if nothing had been; or
; it is done, and there is work to do before user mode.
deferred_not_yet:
	UNWIND_SYSCALL_FRAME rsp, 0
	mov	rax, rcx
	mov	rcx, [rsp]
	mov	r11, [rsp + FRAME_FLAGS - FRAME_IP]
	UNWIND_IRET rsp, 0
	je	deferred_long
	push	rax				; regs.orig_ax
	UNWIND_IRET rsp, 8
	push	VEC_SYSCALL
	UNWIND_IRET rsp, FRAME_IP
	mov	rax, [rsp + FRAME_SIZE + FACT_RESULT]
	PUSH_REGS rax, UNWIND_PUSHED
	UNWIND_REGS rsp, 0
	xor	ebp, ebp
	mov	rdi, rsp
	mov	esi, KERNEL_CALL(DEFERRED_WORK)
	jmp	deferred_to_kernel

; ---- From ring 0 ------------------------------------------------------------------------------

; On the kernel's PGD: as ever.  On the user's, in deferred text: deferred C was
; interrupted, or faulted in user memory, or an IRETQ was refused.
deferred_from_kernel:
	UNWIND_IRET rsp, FRAME_IP
	push	rax
	UNWIND_IRET rsp, 8 + FRAME_IP, 1
	mov	rax, cr3
	bt	eax, CR3_USER_PGD_BIT
	jnc	.not_here
	lea	rax, [rel deferred_door_iret]
	cmp	[rsp + 8 + FRAME_IP], rax
	je	deferred_iret_fault
	lea	rax, [rel deferred_text_start]
	cmp	[rsp + 8 + FRAME_IP], rax
	jb	.not_here
	lea	rax, [rel deferred_text_end]
	cmp	[rsp + 8 + FRAME_IP], rax
	jae	.not_here
	pop	rax
	UNWIND_IRET rsp, FRAME_IP
	PUSH_REGS rax, UNWIND_PUSHED
	UNWIND_REGS rsp, 0
	cld
	mov	rdi, rsp
	mov	esi, KERNEL_CALL(DEFERRED_TRAP)
	jmp	deferred_to_kernel
.not_here:
	UNWIND_IRET rsp, 8 + FRAME_IP, 1
	pop	rax
	UNWIND_IRET rsp, FRAME_IP
	jmp	entry_from_kernel

	extern	deferred_text_end

; The frame that IRETQ refused is whole, at the stack's top, and the fault's lies below
; it, over the registers that have just been popped and still live.  With the fault's
; vector and error code they make the pt_regs of a trap from the user's side of the IRETQ.
; IRETQ's RSP was 8 above a multiple of 16, so 8 bytes lie between the two.
%define REFUSED (FRAME_SIZE + 8)	; its ip, above the fault's vector
deferred_iret_fault:
	UNWIND_IRET rsp, 8 + REFUSED, 1
	mov	rax, [rsp + 8 + FRAME_VECTOR]
	mov	[rsp + 8 + REFUSED - 16], rax
	mov	rax, [rsp + 8 + FRAME_ERROR]
	mov	[rsp + 8 + REFUSED - 8], rax
	pop	rax
	UNWIND_IRET rsp, REFUSED
	lea	rsp, [rsp + REFUSED - FRAME_IP]
	UNWIND_IRET rsp, FRAME_IP
	jmp	deferred_from_user
	UNWIND_C

; ---- Addresses of all that, as data ------------------------------------------------------------

	section	.rodata progbits alloc noexec nowrite align=8
	extern	trampoline_deferred, trampoline_deferred32
	extern	deferred_text_lma, deferred_rodata_lma, deferred_rodata_end_lma
	global	deferred_labels
deferred_labels:
	dq	deferred_stubs, trampoline_deferred, trampoline_deferred32
	dq	deferred_syscall, deferred_syscall32, deferred_sysenter
	dq	deferred_text_start, deferred_text_end
	dq	deferred_door_sysret, deferred_door_iret, deferred_door_answer
	dq	deferred_call_return, deferred_to_kernel, deferred_back
