; The SYSCALL trampoline: one page, the same frame in every CPU's entry area,
; and the whole way of a system call from its first instruction to SYSRET.
;
; Why a page of its own, mapped once per CPU: SYSCALL changes neither RSP nor
; CR3 nor GS, so it arrives with all three the user's.  The one thing that
; tells this CPU from the others is then RIP: every CPU's MSR_LSTAR points into
; its own alias, and RIP-relative addresses reach that CPU's entry stack before
; the CR3 switch and that CPU's vault after it.  No %gs, no kernel address.
;
; Behind the call of do_syscall the task may be on another CPU, still running
; in the alias of the first.  From there on everything is found through GS.
;
;  step                          CR3     GS      RSP          may be touched
;  1 store RSP                   user    user    user         this area
;  2 flip CR3                    ->kern  user    scratch      this area
;  3 load RSP from the vault     kernel  user    ->task       vault
;  4 build pt_regs, SWAPGS       kernel  ->kern  task         all
;  5 C: do_syscall               kernel  kernel  task         all
;  6 restore registers           kernel  kernel  task         all
;  7 user RSP to the entry stack kernel  kernel  task         all
;  8 flip CR3                    ->user  kernel  scratch      this area
;  9 load RSP, SWAPGS, SYSRET    user    ->user  ->user       this area
;
; Interrupts are off throughout but for C (SFMASK clears IF, and TF with it).
; NMI, #MC and #DB may arrive at each instruction: they have stacks of their
; own and put CR3 and GS back as found (entry/paranoid.asm).
; Read next: entry/interrupt.asm.  Without a shadow: entry/direct.asm.

%include "regs.inc"
%include "errno.inc"

	section	.trampoline progbits alloc exec nowrite align=4096

; A place in the area, or in the vault, of the CPU through whose alias we run.
%define IN_AREA(offset)	rel trampoline_start + (offset) - CEA_TRAMPOLINE
%define IN_VAULT(offset) IN_AREA(CEA_TO_VAULT + (offset))
; The user-RSP word of the entry stack of the CPU whose vault GS holds.
%define GS_USER_RSP	gs:CEA_USER_RSP - CEA_TO_VAULT

trampoline_start:

; %1 prefixes the labels; %2, if given, is done to RSP between the flip and the
; CR3 write: with PCIDs, bit 63 keeps what the kernel's PCID has cached.
%macro SYSCALL_ENTRY 1-2+
	global	%1
	align	16
%1:
%1_window_start:
	mov	[IN_AREA(CEA_USER_RSP)], rsp		; 1
	mov	rsp, cr3				; 2
	and	rsp, ~CR3_USER_MASK
	%2
	mov	cr3, rsp
	mov	rsp, [IN_VAULT(PERCPU_TASK_STACK)]	; 3
	swapgs						; 4
%1_window_end:
	push	SEL_USER_DS				; regs.ss
	push	qword [IN_AREA(CEA_USER_RSP)]		; regs.sp
	global	%1_window_start, %1_window_end
%endmacro

	SYSCALL_ENTRY trampoline_syscall_pcid, bts rsp, CR3_NOFLUSH_BIT
	jmp	trampoline_build_regs

	SYSCALL_ENTRY trampoline_syscall

	global	trampoline_build_regs
trampoline_build_regs:
	push	r11					; regs.flags
	push	SEL_USER_CS				; regs.cs
	push	rcx					; regs.ip
	push	rax					; regs.orig_ax
	push	VEC_SYSCALL				; regs.vector
	PUSH_REGS rax
	xor	ebp, ebp				; the chain of frames ends here
	mov	rdi, rsp
	call	[gs:PERCPU_DO_SYSCALL]			; 5

	global	trampoline_syscall_return
trampoline_syscall_return:
	test	al, al			; may SYSRET return to these registers?
	jz	trampoline_by_iret
	POP_REGS_BUT_RDI				; 6
	pop	rdi
	add	rsp, REGS_SP - REGS_VECTOR		; rcx, r11 are ip, flags

	global	trampoline_sysret_window_start
trampoline_sysret_window_start:
	pop	qword [GS_USER_RSP]			; 7
	mov	rsp, cr3				; 8
	or	rsp, [gs:PERCPU_CR3_USER_BITS]
	mov	cr3, rsp
	mov	rsp, [GS_USER_RSP]			; 9
	swapgs
	global	trampoline_door_sysret
trampoline_door_sysret:
	o64 sysret
	global	trampoline_sysret_window_end
trampoline_sysret_window_end:

trampoline_by_iret:
	jmp	[gs:PERCPU_EXIT_TO_USER]

; SYSCALL from 32-bit code (CSTAR).  There is no entry for it yet; -ENOSYS, at
; once, with CR3, GS and RSP never touched.  On Intel's processors it is #UD
; and never comes here.
	global	trampoline_syscall32_window_start, trampoline_syscall32_window_end
trampoline_syscall32_window_start:
	global	trampoline_syscall32
trampoline_syscall32:
	mov	eax, -ENOSYS
	global	trampoline_door_sysret32
trampoline_door_sysret32:
	o32 sysret
trampoline_syscall32_window_end:

	global	trampoline_end
trampoline_end:
