; syscall=entry: SYSCALL lands in entry text, at one place for all CPUs, as in Linux since
; 4.20.  Compare entry/trampoline.asm: there RIP tells which CPU this is, here GS does.
;
; SWAPGS comes first, under the user's CR3: it reads an MSR, no memory.  GS base is then
; this CPU's vault, which the user's PGD does not show; but the entry area, which it does,
; lies a constant below (CEA_TO_VAULT), and there RSP is parked.  So no page has to be
; mapped at another address for each CPU, and a call's return address is the same on all.
;
;  step                          CR3     GS      RSP          may be touched
;  1 SWAPGS, store RSP           user    ->kern  user         this area
;  2 flip CR3                    ->kern  kernel  ->scratch    this area
;  3 load RSP from the vault     kernel  kernel  ->task       vault
;  4 build pt_regs               kernel  kernel  task         all
;  5 C: do_syscall               kernel  kernel  task         all
;  6 restore registers           kernel  kernel  task         all
;  7 user RSP to the entry stack kernel  kernel  task         all
;  8 flip CR3                    ->user  kernel  ->scratch    this area
;  9 load RSP, SWAPGS, SYSRET    user    ->user  ->user       this area
;
; SYSCALL comes from ring 3 alone, so no branch decides on SWAPGS, and no LFENCE is due.
; This lies behind entry_text_end: RSP may be the user's here, which the paranoid entries
; know by RIP (CEA_SHARED_ENTRY).
; The rest is as in entry/trampoline.asm.  Read next: arch/syscall_msrs.c, which chooses.

%include "regs.inc"

	section	.entry_text.shared progbits alloc exec nowrite align=16
	UNWIND_IN shared

; The user-RSP word of the entry stack of the CPU whose vault GS holds.
%define GS_USER_RSP	gs:CEA_USER_RSP - CEA_TO_VAULT

	global	entry_shared_start
entry_shared_start:

; As entry/trampoline.asm's.
%macro SYSCALL_ENTRY 2-3+
	global	%1
	align	16
%1:
%1_window_start:
	UNWIND_SYSCALL %2
	swapgs						; 1
	mov	[GS_USER_RSP], rsp
	UNWIND_PARKED %2
	mov	rsp, cr3				; 2
	and	rsp, ~CR3_USER_MASK
	%3
.flip:
	mov	cr3, rsp
	mov	rsp, [gs:PERCPU_TASK_STACK]		; 3
%1_window_end:
	push	SEL_USER_DS				; 4, regs.ss
	push	qword [GS_USER_RSP]			; regs.sp
	global	%1_window_start, %1_window_end
%endmacro

	SYSCALL_ENTRY entry_shared_syscall_pcid, SEL_USER_CS, bts rsp, CR3_NOFLUSH_BIT
	jmp	entry_shared_build_regs

	SYSCALL_ENTRY entry_shared_syscall32_pcid, SEL_USER32_CS, bts rsp, CR3_NOFLUSH_BIT
	jmp	entry_shared_build_regs32

	SYSCALL_ENTRY entry_shared_syscall32, SEL_USER32_CS
entry_shared_build_regs32:
	SYSCALL_REGS SEL_USER32_CS, VEC_SYSCALL32
	call	[gs:PERCPU_DO_TRAP]			; 5
	jmp	[gs:PERCPU_EXIT_TO_USER]

	SYSCALL_ENTRY entry_shared_syscall, SEL_USER_CS
entry_shared_build_regs:
	UNWIND_PARKED SEL_USER_CS
	SYSCALL_REGS SEL_USER_CS, VEC_SYSCALL
	call	[gs:PERCPU_DO_SYSCALL]			; 5
	test	al, al					; 6, may SYSRET return to these?
	jz	entry_shared_by_iret
	POP_REGS_BUT_RDI UNWIND_POPPED
	pop	rdi
	UNWIND_REGS rsp, -REGS_VECTOR, 0
	add	rsp, REGS_SP - REGS_VECTOR		; rcx, r11 are ip, flags
	UNWIND_REGS rsp, -REGS_SP, 0

	global	entry_shared_sysret_window_start
entry_shared_sysret_window_start:
	pop	qword [GS_USER_RSP]			; 7
	UNWIND_PARKED SEL_USER_CS
	mov	rsp, cr3				; 8
	or	rsp, [gs:PERCPU_CR3_USER_BITS]
.flip:
	mov	cr3, rsp
	mov	rsp, [GS_USER_RSP]			; 9
	UNWIND_SYSCALL SEL_USER_CS
	CLEAR_BUFFERS [GS_USER_RSP + 8]
.swapgs:
	swapgs
	global	entry_shared_door_sysret
entry_shared_door_sysret:
	o64 sysret
	global	entry_shared_sysret_window_end
entry_shared_sysret_window_end:

entry_shared_by_iret:
	UNWIND_REGS rsp, 0
	jmp	[gs:PERCPU_EXIT_TO_USER]
	UNWIND_C

	global	entry_shared_end
entry_shared_end:

; ---- Addresses of all that, as data ----------------------------------------------------

	section	.rodata progbits alloc noexec nowrite align=8
	global	entry_shared_labels
entry_shared_labels:
	dq	entry_shared_syscall_window_start, entry_shared_syscall_window_end
	dq	entry_shared_syscall_pcid_window_start, entry_shared_syscall_pcid_window_end
	dq	entry_shared_syscall32_window_start, entry_shared_syscall32_window_end
	dq	entry_shared_syscall32_pcid_window_start, entry_shared_syscall32_pcid_window_end
	dq	entry_shared_sysret_window_start, entry_shared_sysret_window_end
	dq	entry_shared_door_sysret
