/*
 * Structure offsets for NASM, taken from the compiled structures: the build
 * compiles this file to assembly and turns each "->NAME value" line into a
 * %define in build/inc/offsets.inc.  Nothing in it is linked.
 */
#include "entry/entry.h"
#include "kernel/base/percpu.h"

#define DEFINE(name, value) __asm__ volatile("\n.ascii \"->" #name " %c0\"" : : "i"(value))

void offsets(void);

void offsets(void)
{
	DEFINE(PERCPU_TASK_STACK, offsetof(struct percpu, task_stack));
	DEFINE(PERCPU_USER_RSP, offsetof(struct percpu, user_rsp));
	DEFINE(PERCPU_ENTRY_STACK_TOP, offsetof(struct percpu, entry_stack_top));
	DEFINE(PERCPU_CR3_USER_BITS, offsetof(struct percpu, cr3_user_bits));
	DEFINE(PERCPU_IST_KERNEL_STACK, offsetof(struct percpu, ist_kernel_stack));
	DEFINE(PERCPU_DO_SYSCALL, offsetof(struct percpu, do_syscall));
	DEFINE(PERCPU_DO_TRAP, offsetof(struct percpu, do_trap));
	DEFINE(PERCPU_DO_PARANOID, offsetof(struct percpu, do_paranoid));
	DEFINE(PERCPU_EXIT_TO_USER, offsetof(struct percpu, exit_to_user));
	DEFINE(PERCPU_ESPFIX_STACK, offsetof(struct percpu, espfix_stack));
	DEFINE(PERCPU_USER_KERNEL_CR3, offsetof(struct percpu, user_kernel_cr3));
	DEFINE(PERCPU_SYSCALL_DIRECT, offsetof(struct percpu, syscall_direct));
	DEFINE(PERCPU_KERNEL_STACK, offsetof(struct percpu, kernel_stack));
	DEFINE(PERCPU_PTI_DELTA, offsetof(struct percpu, pti_delta));
	DEFINE(PERCPU_KERNEL_CALL, offsetof(struct percpu, kernel_call));
	DEFINE(REGS_AX, offsetof(struct pt_regs, ax));
	DEFINE(REGS_DI, offsetof(struct pt_regs, di));
	DEFINE(REGS_VECTOR, offsetof(struct pt_regs, vector));
	DEFINE(REGS_ORIG_AX, offsetof(struct pt_regs, orig_ax));
	DEFINE(REGS_IP, offsetof(struct pt_regs, ip));
	DEFINE(REGS_CS, offsetof(struct pt_regs, cs));
	DEFINE(REGS_FLAGS, offsetof(struct pt_regs, flags));
	DEFINE(REGS_SP, offsetof(struct pt_regs, sp));
	DEFINE(REGS_SS, offsetof(struct pt_regs, ss));
	DEFINE(REGS_SIZE, sizeof(struct pt_regs));
	DEFINE(PARANOID_CR3, offsetof(struct paranoid_frame, cr3));
	DEFINE(PARANOID_GS_BASE, offsetof(struct paranoid_frame, gs_base));
	DEFINE(PARANOID_IST_FRAME, offsetof(struct paranoid_frame, ist_frame));
	DEFINE(PARANOID_CR2, offsetof(struct paranoid_frame, cr2));
	DEFINE(PARANOID_REGS, offsetof(struct paranoid_frame, regs));
}
