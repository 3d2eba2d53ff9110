/*
 * A siginfo's way to a 64-bit program, which of its fields its code makes count,
 * and which codes there are.
 * Source: Linux, include/uapi/asm-generic/siginfo.h (the ABI).
 */
#include "kernel/base/errno.h"
#include "kernel/linux/signal/signal.h"
#include "mm/space/uaccess.h"

#define SI_TIMER (-2)
#define SI_SIGIO (-5)
#define SI_DETHREAD (-7)
#define SI_ASYNCNL (-60)
#define SIGPOLL 29
#define POLL_CODES 6

/* How many codes of its own a signal has, and what they come with. */
static const struct {
	int codes;
	enum siginfo_layout layout;
} own[] = {
	[SIGILL] = { 11, SIGINFO_FAULT },  [SIGFPE] = { 15, SIGINFO_FAULT },
	[SIGSEGV] = { 9, SIGINFO_FAULT },  [SIGBUS] = { 5, SIGINFO_FAULT },
	[SIGTRAP] = { 6, SIGINFO_FAULT },  [SIGCHLD] = { 6, SIGINFO_CHILD },
	[SIGPOLL] = { POLL_CODES, SIGINFO_POLL }, [SIGSYS] = { 2, SIGINFO_SYS },
};

static int own_codes(int signal)
{
	return signal > 0 && signal < (int)ARRAY_SIZE(own) ? own[signal].codes : 0;
}

/* The program's address need not be aligned, so it is never a pointer to the struct. */
int siginfo_to_user(virt_addr_t to, const struct siginfo *from)
{
	if (!user_range_ok(to, sizeof(struct user_siginfo)))
		return -EFAULT;
	user_access_begin();
	user_copy_words(to, from, sizeof(*from) / 8, fault);
	user_zero_words(to + offsetof(struct user_siginfo, rest),
			(sizeof(struct user_siginfo) - sizeof(*from)) / 8, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

enum siginfo_layout siginfo_layout(const struct siginfo *info)
{
	if (info->code > SI_USER && info->code < SI_KERNEL) {
		if (info->code <= own_codes(info->signo))
			return own[info->signo].layout;
		return info->code <= POLL_CODES ? SIGINFO_POLL : SIGINFO_KILL;
	}
	if (info->code == SI_TIMER)
		return SIGINFO_TIMER;
	if (info->code == SI_SIGIO)
		return SIGINFO_POLL;
	return info->code < 0 ? SIGINFO_QUEUE : SIGINFO_KILL;
}

bool siginfo_is_known(const struct siginfo *info)
{
	if (info->code == SI_KERNEL)
		return true;
	if (info->code > SI_USER)
		return info->code <= (own_codes(info->signo) ? own_codes(info->signo)
							     : POLL_CODES);
	return info->code >= SI_DETHREAD || info->code == SI_ASYNCNL;
}
