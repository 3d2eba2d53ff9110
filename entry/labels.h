/*
 * The labels of entry code, said once: entry/labels.c makes struct entry_labels of them
 * (their addresses as data), kernel/debug/names.c the names of the windows.
 * scripts/check_entry.py finds the windows by their labels' names.
 */
#ifndef ENTRY_LABELS_H
#define ENTRY_LABELS_H

/* Field of struct entry_labels, label. */
#define ENTRY_LABELS(X)                                                             \
	X(stubs, entry_stubs) /* of the IDT, ENTRY_STUB_SIZE each */                \
	X(stubs_end, entry_stubs_end)                                               \
	X(sysenter, entry_sysenter)                                                 \
	X(exit_to_user, entry_exit_to_user)                                         \
	X(door_iret_user, entry_door_iret_user)                                     \
	X(door_iret_kernel, entry_door_iret_kernel)                                 \
	X(cr3_noflush, entry_cr3_noflush) /* a quadword of data in entry text */    \
	X(syscall, trampoline_syscall)    /* these six: CPU 0's trampoline */       \
	X(syscall_pcid, trampoline_syscall_pcid)                                    \
	X(syscall32, trampoline_syscall32) /* CSTAR */                              \
	X(syscall32_pcid, trampoline_syscall32_pcid)                                \
	X(syscall_return, trampoline_syscall_return) /* behind do_syscall's call */ \
	X(door_sysret, trampoline_door_sysret)                                      \
	X(syscall_direct, entry_syscall_direct) /* these: kernel image, pti=off */  \
	X(syscall32_direct, entry_syscall32_direct)                                 \
	X(door_sysret_direct, entry_door_sysret_direct)

/*
 * The windows: ring 0 with the user's CR3, GS or RSP.  Field (window_NAME_start and
 * _end), label (likewise), and the window's name in reports.
 */
#define ENTRY_WINDOWS(X)                                                          \
	X(syscall, trampoline_syscall_window, "syscall")                          \
	X(syscall_pcid, trampoline_syscall_pcid_window, "syscall")                \
	X(syscall32, trampoline_syscall32_window, "syscall32")                    \
	X(syscall32_pcid, trampoline_syscall32_pcid_window, "syscall32")          \
	X(sysret, trampoline_sysret_window, "sysret")                             \
	X(sysenter, entry_window_sysenter, "sysenter")                            \
	X(load_gs, entry_window_load_gs, "load_gs")                               \
	X(stubs, entry_window_stubs, "IDT stub")                                  \
	X(trap, entry_window_trap, "trap")                                        \
	X(missed, entry_window_missed, "trap") /* without a shadow, every trap */ \
	X(kernel, entry_window_kernel, "trap from kernel")                        \
	X(iret, entry_window_iret, "iret")                                        \
	X(direct, entry_window_direct, "direct syscall")                          \
	X(direct32, entry_window_direct32, "direct syscall32")                    \
	X(direct_exit, entry_window_direct_exit, "direct sysret")                 \
	X(paranoid, paranoid_window, "paranoid")                                  \
	X(paranoid_exit, paranoid_exit_window, "paranoid exit")

#endif
