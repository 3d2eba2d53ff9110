/*
 * A siginfo's way to a program: which of its fields count, as its code says, and where
 * they have their places in the two layouts.
 * Source: Linux, include/uapi/asm-generic/siginfo.h (the ABI).
 */
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/signal/siginfo.h"
#include "mm/space/uaccess.h"

#define SI_TIMER (-2)
#define SI_SIGIO (-5)
#define SI_DETHREAD (-7)
#define SI_ASYNCNL (-60)
#define SIGPOLL 29
#define POLL_CODES 6

/* Which fields count. */
enum layout {
	SIGINFO_KILL,
	SIGINFO_TIMER,
	SIGINFO_POLL,
	SIGINFO_FAULT,
	SIGINFO_CHILD,
	SIGINFO_QUEUE,
	SIGINFO_SYS,
};

/* How many codes of its own a signal has, and what they come with. */
static const struct {
	int codes;
	enum layout layout;
} own[] = {
	[SIGILL] = { 11, SIGINFO_FAULT },         [SIGFPE] = { 15, SIGINFO_FAULT },
	[SIGSEGV] = { 9, SIGINFO_FAULT },         [SIGBUS] = { 5, SIGINFO_FAULT },
	[SIGTRAP] = { 6, SIGINFO_FAULT },         [SIGCHLD] = { 6, SIGINFO_CHILD },
	[SIGPOLL] = { POLL_CODES, SIGINFO_POLL }, [SIGSYS] = { 2, SIGINFO_SYS },
};

static int own_codes(int signal)
{
	return signal > 0 && signal < (int)ARRAY_SIZE(own) ? own[signal].codes : 0;
}

/* The program's address need not be aligned, so it is never a pointer to the struct. */
int siginfo_put(virt_addr_t to, const struct siginfo *from)
{
	user_copy_words(to, from, sizeof(*from) / 8, fault);
	user_zero_words(to + offsetof(struct user_siginfo, rest),
			(sizeof(struct user_siginfo) - sizeof(*from)) / 8, fault);
	return 0;
fault:
	return -EFAULT;
}

int siginfo_to_user(virt_addr_t to, const struct siginfo *from)
{
	int err;

	if (!user_range_ok(to, sizeof(struct user_siginfo)))
		return -EFAULT;
	user_access_begin();
	err = siginfo_put(to, from);
	user_access_end();
	return err;
}

static enum layout layout_of(const struct siginfo *info)
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

/* False: a code that may have more than a struct siginfo keeps. */
static bool is_known(const struct siginfo *info)
{
	if (info->code == SI_KERNEL)
		return true;
	if (info->code > SI_USER)
		return info->code <= (own_codes(info->signo) ? own_codes(info->signo) : POLL_CODES);
	return info->code >= SI_DETHREAD || info->code == SI_ASYNCNL;
}

/* ---- i386 ------------------------------------------------------------------------------ */

/*
 * Where in struct siginfo's words the fields behind the code have their places,
 * by what the code makes of them, and which of them are longs: 64 bits there.
 */
static const struct {
	u8 count, place[5], is_long;
} layouts[] = {
	[SIGINFO_KILL] = { 2, { 0, 1 }, 0 },                         /* pid, uid */
	[SIGINFO_TIMER] = { 3, { 0, 1, 2 }, 0 },                     /* id, overrun, half a value */
	[SIGINFO_QUEUE] = { 3, { 0, 1, 2 }, 0 },                     /* pid, uid, half a value */
	[SIGINFO_CHILD] = { 5, { 0, 1, 2, 4, 6 }, BIT(3) | BIT(4) }, /* .. status, times */
	[SIGINFO_FAULT] = { 1, { 0 }, 0 },                           /* address */
	[SIGINFO_POLL] = { 2, { 0, 2 }, BIT(0) },                    /* band, descriptor */
	[SIGINFO_SYS] = { 3, { 0, 2, 3 }, 0 },                       /* address, number, kind */
};

/* i386's siginfo_t: signo, error, code, and no padding before the fields. */
#define WORDS32 (sizeof(struct user_siginfo) / 4)
#define FIELDS32 3

int siginfo_to_user32(virt_addr_t to, const struct siginfo *from)
{
	u32 word[WORDS32] = { (u32)from->signo, (u32)from->error, (u32)from->code };
	enum layout l = layout_of(from);

	for (unsigned i = 0; i < layouts[l].count; i++)
		word[FIELDS32 + i] = from->words[layouts[l].place[i]];
	return copy_to_user(to, word, sizeof(word)) ? -EFAULT : 0;
}

static int from_user32(struct siginfo *to, virt_addr_t from, int signal)
{
	u32 word[WORDS32];
	enum layout l;

	if (copy_from_user(word, from, sizeof(word)))
		return -EFAULT;
	*to = (struct siginfo){
		.signo = signal,
		.error = (s32)word[1],
		.code = (s32)word[2],
	};
	l = layout_of(to);
	for (unsigned i = 0; i < layouts[l].count; i++) {
		u32 field = word[FIELDS32 + i];
		unsigned place = layouts[l].place[i];

		to->words[place] = field;
		if (layouts[l].is_long & BIT(i))
			to->words[place + 1] = (s32)field < 0 ? ~0u : 0;
	}
	return 0;
}

/* What is not kept is looked at only with a code we do not know: it may be filled. */
int siginfo_from_user(struct siginfo *to, virt_addr_t from, int signal)
{
	u64 rest[sizeof(((struct user_siginfo *)0)->rest) / sizeof(u64)];

	if (abi_is_ia32())
		return from_user32(to, from, signal);
	if (copy_from_user(to, from, sizeof(*to)))
		return -EFAULT;
	to->signo = signal;
	if (is_known(to))
		return 0;
	if (copy_from_user(rest, from + sizeof(*to), sizeof(rest)))
		return -EFAULT;
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		if (rest[i])
			return -E2BIG;
	return 0;
}
