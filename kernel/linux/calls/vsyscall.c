/*
 * gettimeofday, time and getcpu at VSYSCALL_PAGE, 1 KiB apart, as Linux answers them with
 * vsyscall=xonly: nothing is mapped there, in no PGD.  The fetch faults, and the handler
 * of page faults does the work of the call and its RET.  So there is no code at an
 * address that every program knows, nothing to read, and no way but the front
 * door: at any other address of the page there is nothing.
 *
 * No register but RAX, RIP and RSP changes.  Bad pointers were SIGSEGV when this was
 * code of the program's, and still are.
 */
#include "arch/state/fpu.h"
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "kernel/linux/calls/vsyscall.h"
#include "kernel/linux/syscalls.h"
#include "mm/space/uaccess.h"

#define SPACING 0x400

/* The two pointers of a call; 0 bytes: it has only one. */
static const struct {
	long (*call)(struct pt_regs *regs);
	u8 first_size, second_size;
} calls[] = {
	{ sys_gettimeofday, 16, 8 },
	{ sys_time, 8, 0 },
	{ sys_getcpu, 4, 4 },
};

bool vsyscall_is_called(const struct pt_regs *regs, virt_addr_t cr2)
{
	return ALIGN_DOWN(cr2, PAGE_SIZE) == VSYSCALL_PAGE && regs->ip == cr2 &&
	       (regs->orig_ax & (PF_INSTR | PF_WRITE)) == PF_INSTR;
}

/* The first of n bytes of a call's result that cannot be written; 0: none, or no pointer. */
static virt_addr_t unwritable(virt_addr_t to, u64 n)
{
	const u8 zero = 0;
	virt_addr_t at = to;

	if (to && !user_range_ok(to, n))
		return to;
	while (to && at < to + n) {
		if (copy_to_user(at, &zero, sizeof(zero)))
			return at;
		at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE;
	}
	return 0;
}

int vsyscall_emulate(struct pt_regs *regs, virt_addr_t *at, u64 *error)
{
	u64 offset = regs->ip - VSYSCALL_PAGE, caller;
	unsigned i = (unsigned)(offset / SPACING);
	long result;

	*at = 0;
	*error = PF_USER | PF_WRITE | (fpu_lets_write() ? 0 : PF_PK | PF_PROT);
	if (offset % SPACING != 0 || i >= ARRAY_SIZE(calls) ||
	    copy_from_user(&caller, regs->sp, sizeof(caller)))
		return -EFAULT;
	result = calls[i].call(regs);
	if (result == -EFAULT) {
		*at = unwritable(regs->di, calls[i].first_size);
		if (!*at)
			*at = unwritable(regs->si, calls[i].second_size);
		return *at ? -EFAULT : 0; /* 0: it is there by now, and the call made again */
	}
	regs->ax = (u64)result;
	regs->ip = caller;
	regs->sp += sizeof(caller);
	return 0;
}
