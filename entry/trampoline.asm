; The SYSCALL trampoline: one page, the same frame in every CPU's entry area,
; and the whole way of a system call from its first instruction to SYSRET.
;
; Why a page of its own, mapped once per CPU: SYSCALL changes neither RSP nor
; CR3 nor GS, so it arrives with all three the user's.  The one thing that
; tells this CPU from the others is then RIP: every CPU's MSR_LSTAR points into
; its own alias, and RIP-relative addresses reach that CPU's entry stack before
; the CR3 switch and that CPU's vault after it.  No %gs, no kernel address.
;
; 32-bit SYSCALL (CSTAR) comes the same way in, with i386's numbers, and leaves
; by IRET: its caller's registers are not where SYSRET would want them.
;
; Behind the call of do_syscall the task may be on another CPU, still running
; in the alias of the first.  From there on everything is found through GS.
;
; To flip CR3 is to go to the other PGD of the pair: one bit of it, and one of the
; PCID's (CR3_USER_MASK in kernel/base/x86.h; mm/pti.c).
;
;  step                          CR3     GS      RSP          may be touched
;  1 store RSP                   user    user    user         this area
;  2 flip CR3                    ->kern  user    ->scratch    this area
;  3 load RSP from the vault     kernel  user    ->task       vault
;  4 build pt_regs, SWAPGS       kernel  ->kern  task         all
;  5 C: do_syscall               kernel  kernel  task         all
;  6 restore registers           kernel  kernel  task         all
;  7 user RSP to the entry stack kernel  kernel  task         all
;  8 flip CR3                    ->user  kernel  ->scratch    this area
;  9 load RSP, SWAPGS, SYSRET    user    ->user  ->user       this area
;
; The calls and jumps through pointers in the vault are indirect because the alias
; has no fixed distance to anything but its own area, and an address of C would be
; a pointer that users could read (P7 of mm/pti.c).  The processor predicts them as any
; indirect branch: it may execute for a moment, in ring 0, what a program has trained it
; to.  No retpoline stands here, as none stands at C's own indirect calls (docs/paths.md).
;
; entry/regs.inc has SYSCALL_REGS and POP_REGS_BUT_RDI.  A line UNWIND_... makes no
; code: it tells the unwinder where the caller's registers are (entry/unwind.inc).
; scripts/check_entry.py compares the table with the code, and knows by labels such as
; .flip and .swapgs where CR3 and GS may be written.
; Interrupts are off throughout but for C (SFMASK clears IF, and TF with it).
; NMI, #MC and #DB may arrive at each instruction: they have stacks of their
; own and put CR3 and GS back as found (entry/paranoid.asm).
; Read next: entry/interrupt.asm.  Without a shadow: entry/direct.asm.

%include "regs.inc"

	section	.trampoline progbits alloc exec nowrite align=4096
	UNWIND_IN trampoline

; A place in the area, or in the vault, of the CPU through whose alias we run.
%define IN_AREA(offset)	rel trampoline_start + (offset) - CEA_TRAMPOLINE
%define IN_VAULT(offset) IN_AREA(CEA_TO_VAULT + (offset))
; The user-RSP word of the entry stack of the CPU whose vault GS holds.
%define GS_USER_RSP	gs:CEA_USER_RSP - CEA_TO_VAULT

	global	trampoline_start
trampoline_start:

; %1 prefixes the labels; %2 is the caller's CS, for the unwinder; %3, if given, is
; done to RSP between the flip and the CR3 write: with PCIDs, bit 63 keeps what
; the kernel's PCID has cached.
%macro SYSCALL_ENTRY 2-3+
	global	%1
	align	16
%1:
%1_window_start:
	UNWIND_SYSCALL %2
	mov	[IN_AREA(CEA_USER_RSP)], rsp		; 1
	UNWIND_PARKED %2
	mov	rsp, cr3				; 2
	and	rsp, ~CR3_USER_MASK
	%3
.flip:
	mov	cr3, rsp
	mov	rsp, [IN_VAULT(PERCPU_TASK_STACK)]	; 3
.swapgs:
	swapgs						; 4
%1_window_end:
	push	SEL_USER_DS				; regs.ss
	push	qword [IN_AREA(CEA_USER_RSP)]		; regs.sp
	global	%1_window_start, %1_window_end
%endmacro

	SYSCALL_ENTRY trampoline_syscall_pcid, SEL_USER_CS, bts rsp, CR3_NOFLUSH_BIT
	jmp	trampoline_build_regs

	SYSCALL_ENTRY trampoline_syscall32_pcid, SEL_USER32_CS, bts rsp, CR3_NOFLUSH_BIT
	jmp	trampoline_build_regs32

	SYSCALL_ENTRY trampoline_syscall32, SEL_USER32_CS
trampoline_build_regs32:
	SYSCALL_REGS SEL_USER32_CS, VEC_SYSCALL32
	call	[gs:PERCPU_DO_TRAP]			; 5
	jmp	[gs:PERCPU_EXIT_TO_USER]

	SYSCALL_ENTRY trampoline_syscall, SEL_USER_CS

	global	trampoline_build_regs
trampoline_build_regs:
	UNWIND_PARKED SEL_USER_CS
	SYSCALL_REGS SEL_USER_CS, VEC_SYSCALL
	call	[gs:PERCPU_DO_SYSCALL]			; 5

	global	trampoline_syscall_return
trampoline_syscall_return:
	test	al, al					; 6, may SYSRET return to these?
	jz	trampoline_by_iret
	POP_REGS_BUT_RDI UNWIND_POPPED
	pop	rdi
	UNWIND_REGS rsp, -REGS_VECTOR, 0
	add	rsp, REGS_SP - REGS_VECTOR		; rcx, r11 are ip, flags
	UNWIND_REGS rsp, -REGS_SP, 0

	global	trampoline_sysret_window_start
trampoline_sysret_window_start:
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
	global	trampoline_door_sysret
trampoline_door_sysret:
	o64 sysret
	global	trampoline_sysret_window_end
trampoline_sysret_window_end:

trampoline_by_iret:
	UNWIND_REGS rsp, 0
	jmp	[gs:PERCPU_EXIT_TO_USER]
	UNWIND_C

	global	trampoline_end
trampoline_end:
