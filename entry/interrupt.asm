; Interrupts and exceptions: the stubs that the IDT points to, the way in from
; user and from kernel mode, and the two IRET doors.  Entry text: it lies in
; slot 508, both PGDs show it, and it runs under either.  It holds no address
; of anything hidden: C is called through pointers in the vault.
;
;  from user mode                CR3     GS      RSP
;  1 hardware frame, stub        user    user    entry stack
;  2 flip CR3, SWAPGS            ->kern  ->kern  ->scratch
;  3 copy the frame              kernel  kernel  ->task stack
;  4 C: do_trap                  kernel  kernel  task stack
;  5 frame to the entry stack    kernel  kernel  ->entry stack
;  6 flip CR3, SWAPGS, IRETQ     ->user  ->user  ->scratch ->user
;
;  The user PGD of a program on another CPU shows this CPU's entry stack, too.  So no
;  general register may ever be put there, and RSP is the register that a write of CR3
;  goes through: on the way in the frame's place is known, and on the way out the word
;  CEA_EXIT_RSP keeps it.  RSP, RIP and the flags are there anyway: the processor
;  pushes them.
;
;  From kernel mode CR3 and GS are the kernel's and nothing moves, but in two
;  cases.  The IRETQ of step 6 can fault (a bad CS, SS or RIP), and becomes a trap
;  from user mode.  Any other trap under the user's CR3 is our bug, and goes the
;  paranoid way to a panic that can be read.
;
;  An IRET to a 16-bit stack segment (out of the LDT) would leave bits 31:16 of
;  our RSP in the user's ESP.  Step 5 then uses this CPU's ESPFIX stack, at the
;  alias whose bits 31:16 are the user's own (arch/espfix.c).
;
;  SYSENTER comes to entry_sysenter with RSP at the top of this CPU's entry
;  stack, as an interrupt does, and nothing saved: the frame that an interrupt
;  would have pushed is built there, and step 2 follows.
;
;  A branch decides whether SWAPGS is due.  The processor may guess it wrong, and run on
;  for a moment with the other world's GS (CVE-2019-1125).  So an LFENCE stands on either
;  side of the branch before GS is used: behind each SWAPGS, and on the kernel's way.
;
; Every gate is an interrupt gate: IF is 0 on all of this file's paths but C.
; Read next: entry/paranoid.asm, kernel/trap.c.

%include "regs.inc"

	section	.entry_text progbits alloc exec nowrite align=16
	UNWIND_IN entry

; A word of the frame that a trap from user mode has left on the entry stack, and
; the word that holds RSP on the way out; of the CPU whose vault GS holds.
%define GS_FRAME(word) gs:CEA_ENTRY_STACK_TOP - FRAME_SIZE + (word) - CEA_TO_VAULT
%define GS_EXIT_RSP gs:CEA_EXIT_RSP - CEA_TO_VAULT

	extern	paranoid_entry, paranoid_kernel

; ---- The stubs: 8 bytes a vector, so that vector = (address - start) / 8 ----

; The exceptions that have an IST stack: #DB, NMI, #DF, #MC.
%define IST_MASK (1 << VEC_DB | 1 << VEC_NMI | 1 << VEC_DF | 1 << VEC_MC)
%define HAS_ERROR(v) ((VEC_ERROR_CODE_MASK >> (v)) & 1)
%define HAS_IST(v) ((IST_MASK >> (v)) & 1)

; Where vector v goes: one of the four ways below, by its two bits.  The ways are 16
; bytes apart, in this order, and each must fit: AND takes 6 bytes where MOV takes 9.
%define WAY(v) (entry_ways + 16 * (HAS_ERROR(v) + 2 * HAS_IST(v)))

	global	entry_stubs, entry_stubs_end, entry_window_stubs_start, entry_window_stubs_end
	align	16
entry_stubs:
entry_window_stubs_start:
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
	push	byte (v ^ 0x80) - 0x80	; low 8 bits of the vector; C masks them
	UNWIND_IRET rsp, 8
	jmp	near entry_ways
%assign v v + 1
%endrep
entry_stubs_end:

	align	16
entry_ways:				; no error code, no IST
	UNWIND_IRET rsp, FRAME_IP - 8
	push	qword [rsp]
	UNWIND_IRET rsp, FRAME_IP
	and	qword [rsp + FRAME_ERROR], 0
	jmp	short entry_trap
	align	16			; error code, no IST
	jmp	short entry_trap
	align	16			; no error code, IST
	UNWIND_IRET rsp, FRAME_IP - 8
	push	qword [rsp]
	UNWIND_IRET rsp, FRAME_IP
	and	qword [rsp + FRAME_ERROR], 0
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

entry_from_user:
	UNWIND_IRET rsp, FRAME_IP
	mov	rsp, cr3			; 2
	UNWIND_ENTRY_STACK FRAME_IP - FRAME_SIZE
	bt	esp, CR3_USER_PGD_BIT
	jnc	entry_user_kernel_cr3
	and	rsp, ~CR3_USER_MASK
	or	rsp, [rel entry_cr3_noflush]
.flip:
	mov	cr3, rsp
.swapgs:
	swapgs
	lfence					; see above
entry_window_trap_end:
	mov	rsp, [gs:PERCPU_TASK_STACK]	; 3
	push	qword [GS_FRAME(FRAME_SS)]	; regs.ss
	push	qword [GS_FRAME(FRAME_SP)]	; regs.sp
	push	qword [GS_FRAME(FRAME_FLAGS)]	; regs.flags
	push	qword [GS_FRAME(FRAME_CS)]	; regs.cs
	push	qword [GS_FRAME(FRAME_IP)]	; regs.ip
	push	qword [GS_FRAME(FRAME_ERROR)]	; regs.orig_ax
	push	qword [GS_FRAME(FRAME_VECTOR)]	; regs.vector

; The paranoid entries come here with a user's frame, moved to the task stack.
	global	entry_user_frame
entry_user_frame:
	UNWIND_IRET rsp, FRAME_IP
	PUSH_REGS rax, UNWIND_PUSHED
entry_user_regs:
	UNWIND_REGS rsp, 0
	xor	ebp, ebp			; the chain of frames ends here
	cld
	mov	rdi, rsp
	call	[gs:PERCPU_DO_TRAP]		; 4, returns with interrupts off

; ---- The way out to user mode: RSP = pt_regs at the task stack's top ---------

	global	entry_exit_to_user
entry_exit_to_user:
	POP_REGS_BUT_RDI UNWIND_POPPED
	mov	rdi, rsp			; 5, -> regs.di
	UNWIND_REGS rdi, -REGS_DI, 1
	mov	rsp, [gs:PERCPU_ENTRY_STACK_TOP]
	test	byte [rdi + REGS_SS - REGS_DI], SEL_TI
	jz	.push_frame
	mov	rsp, [rdi + REGS_SP - REGS_DI]	; an LDT's SS may be a 16-bit one:
	and	esp, ~0xffff			; keep the user's bits 31:16
	add	rsp, [gs:PERCPU_ESPFIX_STACK]
.push_frame:
	push	qword [rdi + REGS_SS - REGS_DI]
	push	qword [rdi + REGS_SP - REGS_DI]
	push	qword [rdi + REGS_FLAGS - REGS_DI]
	push	qword [rdi + REGS_CS - REGS_DI]
	push	qword [rdi + REGS_IP - REGS_DI]
	mov	rdi, [rdi]			; the last to be restored
	UNWIND_IRET rsp, 0
	cmp	qword [gs:PERCPU_CR3_USER_BITS], 0
	global	entry_window_iret_start, entry_window_iret_end
entry_window_iret_start:
	je	.swapgs
	mov	[GS_EXIT_RSP], rsp
	mov	rsp, cr3			; 6
	UNWIND_EXIT_RSP 0
	or	rsp, [gs:PERCPU_CR3_USER_BITS]
.flip:
	mov	cr3, rsp
	mov	rsp, [GS_EXIT_RSP]
	UNWIND_IRET rsp, 0
.swapgs:
	swapgs
	CLEAR_BUFFERS [rsp + 32]
	global	entry_door_iret_user
entry_door_iret_user:
	iretq
entry_window_iret_end:

; ---- From kernel mode ----------------------------------------------------------

	global	entry_from_kernel, entry_window_kernel_start, entry_window_kernel_end
entry_window_kernel_start:
entry_from_kernel:
	UNWIND_IRET rsp, FRAME_IP
	push	rax
	UNWIND_IRET rsp, 8 + FRAME_IP, 1
	lea	rax, [rel entry_door_iret_user]
	cmp	[rsp + 8 + FRAME_IP], rax
	je	entry_iret_fault
	mov	rax, cr3
	bt	eax, CR3_USER_PGD_BIT
	pop	rax
	UNWIND_IRET rsp, FRAME_IP
	jc	paranoid_kernel			; never, or our bug: see above
	lfence
	PUSH_REGS rax, UNWIND_PUSHED
	UNWIND_REGS rsp, 0
	cld
	mov	rdi, rsp
	call	[gs:PERCPU_DO_TRAP]

	global	entry_exit_to_kernel, entry_door_iret_kernel
entry_exit_to_kernel:
	POP_REGS_BUT_RDI UNWIND_POPPED
	pop	rdi
	UNWIND_IRET rsp, FRAME_IP
	add	rsp, 16				; regs.vector, regs.orig_ax
	UNWIND_IRET rsp, 0
entry_door_iret_kernel:
	iretq

; A trap from user mode that finds the kernel's CR3: every trap, without a shadow.  With
; one, a way out has missed the switch, and C panics (kernel/trap.c).
	global	entry_window_missed_start, entry_window_missed_end
entry_window_missed_start:
entry_user_kernel_cr3:
	UNWIND_ENTRY_STACK FRAME_IP - FRAME_SIZE
	swapgs
	lfence					; see above
entry_window_missed_end:
	mov	qword [gs:PERCPU_USER_KERNEL_CR3], 1
	jmp	entry_window_trap_end

; The IRETQ to user mode faulted: CPL 0, the user's CR3, GS and registers, and
; a second frame below the one that was refused.  What was to be restored is still
; whole where it was taken from, at the task stack's top: with the fault's vector
; and error code it is the pt_regs of a trap from the user's side of the IRETQ.
; So no register's value is needed here, and the word with RAX is cleared.
entry_iret_fault:
	UNWIND_IRET rsp, 8 + FRAME_IP, 1	; at the door, IRET about to be done
	mov	rax, cr3
	bt	eax, CR3_USER_PGD_BIT
	jnc	.kernel_cr3
	and	rax, ~CR3_USER_MASK
	or	rax, [rel entry_cr3_noflush]
.flip:
	mov	cr3, rax
.kernel_cr3:
	swapgs
	lfence
entry_window_kernel_end:
	mov	rax, [gs:PERCPU_TASK_STACK]
	UNWIND_REGS rax, -REGS_SIZE
	and	qword [rsp], 0
	add	rsp, 8
	pop	qword [rax - REGS_SIZE + REGS_VECTOR]
	pop	qword [rax - REGS_SIZE + REGS_ORIG_AX]
	lea	rsp, [rax - REGS_SIZE]
	jmp	entry_user_regs

; ---- SYSENTER ------------------------------------------------------------------

; From 32-bit code, or from 64-bit code on Intel's processors: CR3 and GS are
; the user's, IF is 0, the other flags are as they were.  With TF each instruction
; traps until the flags are cleared; NT would make an IRET fault, and AC would open
; SMAP.  EBP holds the user's ESP, by i386's convention; no register holds EIP: C knows
; where to return to (kernel/syscall.c).
	global	entry_sysenter
	global	entry_window_sysenter_start, entry_window_sysenter_end
entry_sysenter:
entry_window_sysenter_start:
	UNWIND_SYSENTER
	push	SEL_USER_DS			; 1
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
	jmp	entry_from_user
entry_window_sysenter_end:
	UNWIND_C

; ---- Data of entry text ----------------------------------------------------------

; ORed into CR3 on the way in: bit 63 where PCIDs are in use.  Written once,
; through the direct map, before the first user task.
	global	entry_cr3_noflush
	align	8
entry_cr3_noflush:
	dq	0
