; Interrupts and exceptions: the stubs that the IDT points to, the way in from
; user and from kernel mode, and the two IRET doors.  Entry text: it lies in
; slot 508, both PGDs show it, and it runs under either.  It holds no address
; of anything hidden: C is called through pointers in the vault.
;
;  from user mode                CR3     GS      RSP
;  1 hardware frame, stub        user    user    entry stack (or IST)
;  2 flip CR3, SWAPGS            ->kern  ->kern  entry stack
;  3 move the frame              kernel  kernel  ->task stack
;  4 C: do_trap                  kernel  kernel  task stack
;  5 frame to the entry stack    kernel  kernel  ->entry stack
;  6 flip CR3, SWAPGS, IRETQ     ->user  ->user  entry stack ->user
;
;  From kernel mode CR3 and GS are the kernel's and nothing moves, but in two
;  cases.  The IRETQ of step 6 can fault (a bad CS, SS or RIP): its frame is
;  turned into one from user mode.  Any other trap under the user's CR3 is our
;  bug, and goes the paranoid way to a panic that can be read.
;
; Every gate is an interrupt gate: IF is 0 on all of this file's paths but C.
; Read next: entry/paranoid.asm, kernel/trap.c.

%include "regs.inc"

	section	.entry_text progbits alloc exec nowrite align=16

	extern	paranoid_entry, paranoid_kernel

; ---- The stubs: 8 bytes a vector, so that vector = (address - start) / 8 ----

; The exceptions that have an IST stack: #DB, NMI, #DF, #MC.
%define IST_MASK (1 << VEC_DB | 1 << VEC_NMI | 1 << VEC_DF | 1 << VEC_MC)
%define HAS_ERROR(v) ((VEC_ERROR_CODE_MASK >> (v)) & 1)
%define HAS_IST(v) ((IST_MASK >> (v)) & 1)

; Where vector %1 goes: one of the four ways below, by its two bits.  The ways
; are 16 bytes apart, in this order.
%define WAY(v) (entry_ways + 16 * (HAS_ERROR(v) + 2 * HAS_IST(v)))

	global	entry_stubs, entry_stubs_end, entry_window_stubs_end
	align	16
entry_stubs:
%assign v 0
%rep NR_EXCEPTIONS
	align	8
	push	byte v
	jmp	near WAY(v)
%assign v v + 1
%endrep
%rep NR_VECTORS - NR_EXCEPTIONS
	align	8
	push	byte (v ^ 0x80) - 0x80	; low 8 bits of the vector; C masks them
	jmp	near entry_ways
%assign v v + 1
%endrep
entry_stubs_end:

	align	16
entry_ways:				; no error code, no IST
	push	qword [rsp]
	and	qword [rsp + FRAME_ERROR], 0	; 6 bytes where MOV has 9
	jmp	short entry_trap
	align	16			; error code, no IST
	jmp	short entry_trap
	align	16			; no error code, IST
	push	qword [rsp]
	and	qword [rsp + FRAME_ERROR], 0	; 6 bytes where MOV has 9
	jmp	near paranoid_entry
	align	16			; error code, IST
	jmp	near paranoid_entry
entry_window_stubs_end:

; ---- The way in --------------------------------------------------------------

	global	entry_window_trap_start, entry_window_trap_end
entry_window_trap_start:
entry_trap:
	test	byte [rsp + FRAME_CS], 3
	jz	entry_from_kernel

; From user mode; the paranoid entries come here too, on their IST stacks.
	global	entry_from_user
entry_from_user:
	push	rax				; 1
.rax_saved:
	mov	rax, cr3			; 2
	bt	eax, CR3_USER_PGD_BIT
	jnc	.kernel_cr3			; no shadow: nothing to flip
	and	rax, ~CR3_USER_MASK
	or	rax, [rel entry_cr3_noflush]
	mov	cr3, rax
.kernel_cr3:
	swapgs
entry_window_trap_end:
	mov	rax, rsp			; 3
	mov	rsp, [gs:PERCPU_TASK_STACK]
	push	qword [rax + 8 + FRAME_SS]	; regs.ss
	push	qword [rax + 8 + FRAME_SP]	; regs.sp
	push	qword [rax + 8 + FRAME_FLAGS]	; regs.flags
	push	qword [rax + 8 + FRAME_CS]	; regs.cs
	push	qword [rax + 8 + FRAME_IP]	; regs.ip
	push	qword [rax + 8 + FRAME_ERROR]	; regs.orig_ax
	push	qword [rax + 8 + FRAME_VECTOR]	; regs.vector
	PUSH_REGS qword [rax]			; rax as it was
	xor	ebp, ebp			; the chain of frames ends here
	cld
	mov	rdi, rsp
	call	[gs:PERCPU_DO_TRAP]		; 4, returns with interrupts off

; ---- The way out to user mode: RSP = pt_regs at the task stack's top ---------

	global	entry_exit_to_user
entry_exit_to_user:
	POP_REGS_BUT_RDI			; 5
	mov	rdi, rsp			; -> regs.di
	mov	rsp, [gs:PERCPU_ENTRY_STACK_TOP]
	push	qword [rdi + REGS_SS - REGS_DI]
	push	qword [rdi + REGS_SP - REGS_DI]
	push	qword [rdi + REGS_FLAGS - REGS_DI]
	push	qword [rdi + REGS_CS - REGS_DI]
	push	qword [rdi + REGS_IP - REGS_DI]
	push	qword [rdi]			; rdi, the last to be restored
	cmp	qword [gs:PERCPU_CR3_USER_BITS], 0
	global	entry_window_iret_start, entry_window_iret_end
entry_window_iret_start:
	je	.no_shadow
	mov	rdi, cr3			; 6
	or	rdi, [gs:PERCPU_CR3_USER_BITS]
	mov	cr3, rdi
.no_shadow:
	pop	rdi
	swapgs
	global	entry_door_iret_user
entry_door_iret_user:
	iretq
entry_window_iret_end:

; ---- From kernel mode ----------------------------------------------------------

	global	entry_window_kernel_start, entry_window_kernel_end
entry_window_kernel_start:
entry_from_kernel:
	push	rax
	lea	rax, [rel entry_door_iret_user]
	cmp	[rsp + 8 + FRAME_IP], rax
	je	entry_iret_fault
	mov	rax, cr3
	bt	eax, CR3_USER_PGD_BIT
	pop	rax
	jc	paranoid_kernel			; never, or our bug: see above
	PUSH_REGS rax
	cld
	mov	rdi, rsp
	call	[gs:PERCPU_DO_TRAP]

	global	entry_exit_to_kernel, entry_door_iret_kernel
entry_exit_to_kernel:
	POP_REGS_BUT_RDI
	pop	rdi
	add	rsp, 16				; regs.vector, regs.orig_ax
entry_door_iret_kernel:
	iretq

; The IRETQ to user mode faulted: CPL 0, the user's CR3, GS and registers, and
; a second frame on the entry stack, whose RSP points to the frame that was
; refused.  Put error code and vector below that one, as if the fault had come
; from the user's side of it, and go the user's way.  Eight bytes may lie
; between the two frames; the words written are ones already read.
entry_iret_fault:
	push	rcx
	mov	rax, [rsp + 16 + FRAME_SP]	; the refused frame
	mov	rcx, [rsp + 16 + FRAME_ERROR]
	mov	[rax - 8], rcx
	mov	rcx, [rsp + 16 + FRAME_VECTOR]
	mov	[rax - 16], rcx
	pop	rcx
	pop	qword [rax - 24]		; rax
	lea	rsp, [rax - 24]
	jmp	entry_from_user.rax_saved
entry_window_kernel_end:

; ---- Data of entry text ----------------------------------------------------------

; ORed into CR3 on the way in: bit 63 where PCIDs are in use.  Written once,
; through the direct map, before the first user task.
	global	entry_cr3_noflush
	align	8
entry_cr3_noflush:
	dq	0
