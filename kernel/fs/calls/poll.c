/*
 * System calls that wait for one of several files: poll and select, with their kin.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/nospec.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/fs/calls/wait_mask.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/poll.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "kernel/linux/user_time.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

#define NSEC_PER_USEC 1000

/* ---- Times ----------------------------------------------------------------------------- */

/* When the wait is over that a struct timespec gives: 0, -EFAULT or -EINVAL. */
static int read_end(virt_addr_t from, u64 *when)
{
	struct timespec ts;
	int err = from ? timespec_read(&ts, from) : 0;

	*when = from && !err ? timespec_ns(&ts) : TIME_NEVER;
	if (from && *when)
		*when += clock_ns();
	return err;
}

static u64 left_until(u64 when)
{
	u64 now = clock_ns();

	return when > now ? when - now : 0;
}

/* What is left goes back to the program; a restart goes on with that. */
static long write_left(long answer, virt_addr_t to, u64 when)
{
	struct timespec left = timespec_from_ns(left_until(when));

	if (to && timespec_write(to, &left, time_form()) && answer == -ERESTARTNOHAND)
		return -EINTR;
	return answer;
}

/* ---- poll ------------------------------------------------------------------------------ */

struct polled {
	virt_addr_t fds; /* struct pollfd: fd, events and revents */
	u32 count;
};

/* How many have something; revents are written. */
static long scan_pollfds(struct poller *p, void *arg)
{
	const struct polled *polled = arg;
	long found = 0;

	for (u32 i = 0; i < polled->count; i++) {
		virt_addr_t at = polled->fds + i * sizeof(struct pollfd);
		struct pollfd fd;

		if (copy_from_user(&fd, at, sizeof(fd)))
			return -EFAULT;
		fd.revents = fd.fd < 0 ? 0 : (s16)poller_look(p, fd.fd, (u16)fd.events);
		if (fd.revents)
			found++;
		at += offsetof(struct pollfd, revents);
		if (copy_to_user(at, &fd.revents, sizeof(fd.revents)))
			return -EFAULT;
	}
	return found;
}

static long poll_until(virt_addr_t fds, u32 count, u64 when)
{
	struct polled polled = { fds, count };

	return count > fd_limit() ? -EINVAL : poller_wait(scan_pollfds, &polled, when);
}

static long resume_poll(struct restart_block *r);

static long poll_restartable(virt_addr_t fds, u32 count, u64 when)
{
	long found = poll_until(fds, count, when);

	if (found != -EINTR)
		return found;
	current_thread()->signals.restart = (struct restart_block){
		.resume = resume_poll, .when = when, .rem = fds, .count = count
	};
	return -ERESTART_RESTARTBLOCK;
}

static long resume_poll(struct restart_block *r)
{
	return poll_restartable(r->rem, r->count, r->when);
}

long sys_poll(struct pt_regs *regs)
{
	int ms = (int)regs->dx;
	u64 when = ms < 0 ? TIME_NEVER : ms ? clock_ns() + (u64)ms * NSEC_PER_MSEC : 0;

	return poll_restartable(regs->di, (u32)regs->si, when);
}

long sys_ppoll(struct pt_regs *regs)
{
	u64 when;
	long answer = read_end(regs->dx, &when);

	if (!answer)
		answer = wait_mask_set(regs->r10, regs->r8);
	if (answer)
		return answer;
	answer = poll_until(regs->di, (u32)regs->si, when);
	answer = wait_mask_restore(answer == -EINTR ? -ERESTARTNOHAND : answer);
	return write_left(answer, regs->dx, when);
}

/* ---- select ----------------------------------------------------------------------------- */

enum { TO_READ, TO_WRITE, TO_EXCEPT, SETS };

/* As Linux groups what poll() knows. */
static const u32 events_of[SETS] = {
	[TO_READ] = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
	[TO_WRITE] = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
	[TO_EXCEPT] = POLLPRI,
};

struct selected {
	u32 count;         /* of descriptors */
	u64 *wanted[SETS]; /* a bit each */
	u64 *found[SETS];
};

static long look_at(struct poller *p, const struct selected *s, u32 fd)
{
	u64 bit = BIT(fd % 64);
	u32 events = 0, now;
	long found = 0;

	for (unsigned i = 0; i < SETS; i++)
		if (s->wanted[i][fd / 64] & bit)
			events |= events_of[i];
	now = poller_look(p, (int)fd, events);
	if (now & POLLNVAL)
		return -EBADF;
	for (unsigned i = 0; i < SETS; i++) {
		if (s->wanted[i][fd / 64] & bit && now & events_of[i]) {
			s->found[i][fd / 64] |= bit;
			found++;
		}
	}
	return found;
}

static long scan_sets(struct poller *p, void *arg)
{
	const struct selected *s = arg;
	long found = 0;

	for (u32 word = 0; word < s->count; word += 64) {
		u64 bits = 0;

		for (unsigned i = 0; i < SETS; i++) {
			bits |= s->wanted[i][word / 64];
			s->found[i][word / 64] = 0;
		}
		for (; bits; bits &= bits - 1) {
			long n = look_at(p, s, word + (u32)__builtin_ctzll(bits));

			if (n < 0)
				return n;
			found += n;
		}
	}
	return found;
}

/* Sets that are not given are empty. */
static int copy_sets(const struct selected *s, const u64 user[SETS], size_t bytes)
{
	for (unsigned i = 0; i < SETS; i++) {
		if (user[i] && copy_from_user(s->wanted[i], user[i], bytes))
			return -EFAULT;
		if (s->count % 64)
			s->wanted[i][s->count / 64] &= BIT(s->count % 64) - 1;
	}
	return 0;
}

static long select_in(void *memory, u32 count, const u64 user[SETS], u64 when)
{
	size_t words = ALIGN_UP(count, 64) / 64;
	size_t bytes = ALIGN_UP(count, 8 * abi_width()) / (8 * abi_width()) * abi_width();
	struct selected s = { .count = count };
	long found;

	for (unsigned i = 0; i < SETS; i++) {
		s.wanted[i] = (u64 *)memory + i * words;
		s.found[i] = (u64 *)memory + (SETS + i) * words;
	}
	found = copy_sets(&s, user, bytes);
	if (!found)
		found = poller_wait(scan_sets, &s, when);
	for (unsigned i = 0; i < SETS && found >= 0; i++)
		if (user[i] && copy_to_user(user[i], s.found[i], bytes))
			found = -EFAULT;
	return found == -EINTR ? -ERESTARTNOHAND : found;
}

/* Numbers above all that the table of descriptors has room for do not count. */
static long select_until(int count, const u64 user[SETS], u64 when)
{
	u32 n = MIN((u32)count, fd_room());
	unsigned frames = (unsigned)(ALIGN_UP(n / 8 * 2 * SETS + 64, PAGE_SIZE) / PAGE_SIZE);
	phys_addr_t pa;
	long found;

	if (count < 0)
		return -EINVAL;
	pa = frame_alloc_contiguous(frames, NO_FRAME);
	if (pa == NO_FRAME)
		return -ENOMEM;
	found = select_in(phys_to_virt(pa), n, user, when);
	frame_free_contiguous(pa, frames);
	return found;
}

/* struct timeval, in the call's words. */
long sys_select(struct pt_regs *regs)
{
	const u64 user[SETS] = { regs->si, regs->dx, regs->r10 };
	u64 words[2], when = TIME_NEVER, left;
	long found;

	if (regs->r8) {
		if (abi_read_words(words, regs->r8, 2, abi_width()))
			return -EFAULT;
		if (abi_is_ia32())
			words[0] = (u64)(s32)words[0], words[1] = (u64)(s32)words[1];
		if ((s64)words[0] < 0 || (s64)words[1] < 0)
			return -EINVAL;
		when = timespec_ns(&(struct timespec){ (s64)words[0], 0 }) +
		       MIN(words[1], TIME_NEVER / 4 / NSEC_PER_USEC) * NSEC_PER_USEC;
		when += when ? clock_ns() : 0;
	}
	found = select_until((int)regs->di, user, when);
	left = left_until(when);
	words[0] = left / NSEC_PER_SEC;
	words[1] = left % NSEC_PER_SEC / NSEC_PER_USEC;
	if (regs->r8 && abi_write_words(regs->r8, words, 2, abi_width()) &&
	    found == -ERESTARTNOHAND)
		return -EINTR;
	return found;
}

/* The last argument points to a set of signals and its size. */
long sys_pselect6(struct pt_regs *regs)
{
	const u64 user[SETS] = { regs->si, regs->dx, regs->r10 };
	u64 mask[2] = { 0, 0 }, when;
	long answer;

	if (regs->r9 && abi_read_words(mask, regs->r9, 2, abi_width()))
		return -EFAULT;
	answer = read_end(regs->r8, &when);
	if (!answer)
		answer = wait_mask_set(mask[0], mask[1]);
	if (answer)
		return answer;
	answer = wait_mask_restore(select_until((int)regs->di, user, when));
	return write_left(answer, regs->r8, when);
}
