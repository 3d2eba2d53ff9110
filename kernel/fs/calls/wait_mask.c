/*
 * The signal mask of one wait.  It is kept where sigsuspend keeps its own; the thread must
 * call both functions, one behind the other.
 */
#include "kernel/base/errno.h"
#include "kernel/fs/calls/wait_mask.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/thread.h"
#include "mm/space/uaccess.h"

long wait_mask_set(virt_addr_t from, u64 size)
{
	struct thread *t = current_thread();
	u64 mask = t->choices->blocked;

	if (from && size != sizeof(mask))
		return -EINVAL;
	if (from && copy_from_user(&mask, from, sizeof(mask)))
		return -EFAULT;
	t->signals.saved_blocked = t->choices->blocked;
	if (from)
		signal_set_blocked(mask);
	return 0;
}

long wait_mask_restore(long answer)
{
	struct thread *t = current_thread();

	if (t->signals.saved_blocked == t->choices->blocked)
		return answer;
	if (answer == -EINTR || answer == -ERESTARTNOHAND)
		t->signals.restore_blocked = true;
	else
		signal_set_blocked(t->signals.saved_blocked);
	return answer;
}
