; struct entry_labels (entry/entry.h): the addresses of entry text as data, in
; its field order.  They lie beyond a 32-bit relocation's reach from the image.

	bits	64
	section	.rodata progbits alloc noexec nowrite align=8

%macro LABELS 1-*
%rep %0
	extern	%1
	dq	%1
%rotate 1
%endrep
%endmacro

	global	entry_labels
entry_labels:
	LABELS	entry_stubs, entry_stubs_end
	LABELS	entry_exit_to_user
	LABELS	entry_door_iret_user, entry_door_iret_kernel
	LABELS	trampoline_door_sysret
	LABELS	trampoline_syscall, trampoline_syscall_pcid
	LABELS	trampoline_syscall_return
	LABELS	trampoline_syscall32, trampoline_syscall32_pcid
	LABELS	entry_sysenter
	LABELS	entry_syscall_direct, entry_syscall32_direct, entry_door_sysret_direct
	LABELS	entry_cr3_noflush
	LABELS	trampoline_syscall_window_start, trampoline_syscall_window_end
	LABELS	trampoline_syscall_pcid_window_start
	LABELS	trampoline_syscall_pcid_window_end
	LABELS	trampoline_sysret_window_start, trampoline_sysret_window_end
	LABELS	trampoline_syscall32_window_start, trampoline_syscall32_window_end
	LABELS	trampoline_syscall32_pcid_window_start
	LABELS	trampoline_syscall32_pcid_window_end
	LABELS	entry_window_sysenter_start, entry_window_sysenter_end
	LABELS	entry_window_load_gs_start, entry_window_load_gs_end
	LABELS	entry_window_stubs_end
	LABELS	entry_window_kernel_start, entry_window_kernel_end
	LABELS	entry_window_direct_start, entry_window_direct_end
	LABELS	entry_window_direct32_start, entry_window_direct32_end
	LABELS	entry_window_direct_exit_start, entry_window_direct_exit_end
	LABELS	entry_window_trap_start, entry_window_trap_end
	LABELS	entry_window_missed_start, entry_window_missed_end
	LABELS	entry_window_iret_start, entry_window_iret_end
	LABELS	paranoid_window_start, paranoid_window_end
	LABELS	paranoid_exit_window_start, paranoid_exit_window_end
