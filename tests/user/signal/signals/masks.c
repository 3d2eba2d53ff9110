/* masks.c: what is blocked, pending and queued; flags of actions; errors. */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "signals.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BAD ((void *)0xffffffff80000000ul)
#define RT (SIGRTMIN + 2)

static uint64_t mask_of(int signal)
{
	return 1ul << (signal - 1);
}

static void set_mask(uint64_t mask)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

static uint64_t mask_now(void)
{
	uint64_t mask = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
	return mask;
}

static uint64_t pending_now(void)
{
	uint64_t set = ~0ul;

	syscall(SYS_rt_sigpending, &set, 8);
	return set;
}

static long fails(long result)
{
	return result == -1 ? -errno : result;
}

static int queue(int signal, int value)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_value.sival_int = value;
	return (int)fails(syscall(SYS_rt_sigqueueinfo, getpid(), signal, &info));
}

static void test_blocking(void)
{
	act(SIGUSR1, note, 0);
	set_mask(~0ul);
	check_equal((int64_t)mask_now(), (int64_t)~(mask_of(SIGKILL) | mask_of(SIGSTOP)),
		    "SIGKILL and SIGSTOP cannot be blocked");
	set_mask(mask_of(SIGUSR1));
	handled = 0;
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	check_equal(handled, 0, "a blocked signal waits");
	check_equal((int64_t)pending_now(), (int64_t)mask_of(SIGUSR1), "and is pending");
	set_mask(0);
	check_equal(handled, 1, "a standard signal comes once");
	check_equal(told.code, SI_USER, "si_code of kill");
	check_equal(told.pid, getpid(), "si_pid of kill");
	check_equal((int64_t)pending_now(), 0, "nothing is pending any more");
	set_mask(mask_of(SIGUSR1));
	kill(getpid(), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	check_equal((int64_t)pending_now(), 0, "ignoring a signal drops it");
	set_mask(0);
}

static int order[8];

static void note_order(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context);
	if (handled <= 8)
		order[handled - 1] = signal << 8 | info->si_value.sival_int;
}

static void test_queueing(void)
{
	int result = 0;

	act(RT, note_order, 0);
	act(RT + 1, note_order, 0);
	act(SIGUSR2, note_order, 0);
	set_mask(~0ul);
	handled = 0;
	queue(RT + 1, 9);
	queue(RT, 1);
	queue(RT, 2);
	queue(RT, 3);
	queue(SIGUSR2, 7);
	queue(SIGUSR2, 8);
	check_equal((int64_t)pending_now(), (int64_t)(mask_of(RT) | mask_of(RT + 1) | mask_of(SIGUSR2)),
		    "all of them are pending");
	set_mask(0);
	check_equal(handled, 5, "real-time signals are queued, standard ones are not");
	/* Each next one interrupts the handler of the one before. */
	check_equal(order[4], SIGUSR2 << 8 | 7, "the lowest number's handler is entered first");
	check_equal(order[0], (RT + 1) << 8 | 9, "and so runs last");
	for (int i = 1; i <= 3; i++)
		check_equal(order[i], RT << 8 | i, "real-time signals come in their order");
	handled = 0;
	set_mask(~0ul);
	for (int i = 0; i < 100000 && result == 0; i++)
		result = queue(RT, i);
	check_equal(result, -EAGAIN, "the queue is full at some time");
	check_equal(queue(SIGUSR2, 5), 0, "but not for a standard signal");
	signal(RT, SIG_IGN);
	check_equal((int64_t)(pending_now() & mask_of(RT)), 0, "ignoring it empties the queue");
	set_mask(0);
	signal(RT, SIG_DFL);
	signal(RT + 1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static volatile uint64_t mask_inside;
static volatile int depth, deepest;

static void nest(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context);
	mask_inside = mask_now();
	if (++depth > deepest)
		deepest = depth;
	if (handled < 3)
		raise(signal);
	depth--;
}

static void test_action_flags(void)
{
	struct sigaction sa;

	deepest = handled = 0;
	act(SIGUSR1, nest, 0);
	raise(SIGUSR1);
	check_equal(deepest, 1, "a handler is not interrupted by its own signal");
	check_equal((int64_t)mask_inside, (int64_t)mask_of(SIGUSR1), "which is blocked in it");
	deepest = handled = 0;
	act(SIGUSR1, nest, SA_NODEFER);
	raise(SIGUSR1);
	check_equal(deepest, 3, "with SA_NODEFER it is");
	check_equal((int64_t)mask_now(), 0, "the mask is as before");
	act(SIGUSR1, note, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	check_true(sa.sa_handler == SIG_DFL, "SA_RESETHAND resets the handler");
	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = nest;
	sa.sa_flags = SA_SIGINFO;
	sigaddset(&sa.sa_mask, SIGTERM);
	sigaction(SIGUSR1, &sa, NULL);
	handled = 2;
	raise(SIGUSR1);
	check_equal((int64_t)mask_inside, (int64_t)(mask_of(SIGUSR1) | mask_of(SIGTERM)),
		    "sa_mask is blocked in the handler");
	signal(SIGUSR1, SIG_DFL);
}

/* As the kernel has it: handler, flags, restorer, mask. */
static void test_action_mask(void)
{
	const uint64_t all[4] = { 0, 0, 0, ~0ul }, none[4] = { 0 };
	uint64_t seen[4];

	syscall(SYS_rt_sigaction, SIGUSR1, all, NULL, 8);
	syscall(SYS_rt_sigaction, SIGUSR1, none, seen, 8);
	check_equal((int64_t)seen[3], (int64_t)~(mask_of(SIGKILL) | mask_of(SIGSTOP)),
		    "an action's mask loses SIGKILL and SIGSTOP");
}

static void test_waiting(void)
{
	struct timespec now = { 0, 0 }, soon = { 0, 3000000 };
	uint64_t set = mask_of(SIGUSR1) | mask_of(RT);
	siginfo_t info;

	set_mask(set);
	check_equal(fails(syscall(SYS_rt_sigtimedwait, &set, &info, &now, 8)), -EAGAIN, "no signal is there");
	check_equal(fails(syscall(SYS_rt_sigtimedwait, &set, &info, &soon, 8)), -EAGAIN, "nor in 3 ms");
	kill(getpid(), SIGUSR1);
	queue(RT, 42);
	check_equal(syscall(SYS_rt_sigtimedwait, &set, &info, NULL, 8), SIGUSR1, "the lower number comes first");
	check_equal(info.si_code, SI_USER, "with its siginfo");
	check_equal(syscall(SYS_rt_sigtimedwait, &set, &info, &soon, 8), RT, "then the other");
	check_equal(info.si_value.sival_int, 42, "with its value");
	check_equal((int64_t)mask_now(), (int64_t)set, "the mask has stayed");
	set_mask(0);
}

static void test_errors(void)
{
	siginfo_t info;
	uint64_t set = 0;

	memset(&info, 0, sizeof(info));
	check_equal(fails(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4)), -EINVAL, "sigaction: size");
	check_equal(fails(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8)), -EINVAL, "sigaction of 0");
	check_equal(fails(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8)), -EINVAL, "sigaction of 65");
	check_equal(fails(syscall(SYS_rt_sigaction, SIGUSR1, BAD, NULL, 8)), -EFAULT, "sigaction from nowhere");
	check_equal(fails(syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD, 8)), -EFAULT, "sigaction to nowhere");
	check_equal(fails(syscall(SYS_rt_sigaction, SIGKILL, NULL, NULL, 8)), 0, "SIGKILL's action can be read");
	check_equal(fails(syscall(SYS_rt_sigaction, SIGKILL, &(uint64_t[4]){ 0 }, NULL, 8)), -EINVAL,
		    "but not set");
	check_equal(fails(syscall(SYS_rt_sigprocmask, 3, &set, NULL, 8)), -EINVAL, "sigprocmask: how");
	check_equal(fails(syscall(SYS_rt_sigprocmask, 3, NULL, NULL, 8)), 0, "which nobody looks at without a set");
	check_equal(fails(syscall(SYS_rt_sigprocmask, 0, BAD, NULL, 8)), -EFAULT, "sigprocmask from nowhere");
	check_equal(fails(syscall(SYS_rt_sigprocmask, 0, NULL, BAD, 8)), -EFAULT, "sigprocmask to nowhere");
	check_equal(fails(syscall(SYS_rt_sigprocmask, 0, &set, NULL, 16)), -EINVAL, "sigprocmask: size");
	check_equal(fails(syscall(SYS_rt_sigpending, &set, 9)), -EINVAL, "sigpending: size");
	check_equal(fails(syscall(SYS_rt_sigpending, BAD, 8)), -EFAULT, "sigpending to nowhere");
	check_equal(fails(syscall(SYS_rt_sigsuspend, &set, 4)), -EINVAL, "sigsuspend: size");
	check_equal(fails(syscall(SYS_rt_sigsuspend, BAD, 8)), -EFAULT, "sigsuspend from nowhere");
	check_equal(fails(syscall(SYS_rt_sigtimedwait, BAD, NULL, NULL, 8)), -EFAULT, "sigtimedwait from nowhere");
	check_equal(fails(syscall(SYS_rt_sigtimedwait, &set, NULL, &(struct timespec){ 0, -1 }, 8)), -EINVAL,
		    "sigtimedwait: time");
	check_equal(fails(syscall(SYS_kill, getpid(), 65)), -EINVAL, "kill with 65");
	check_equal(fails(syscall(SYS_kill, getpid(), -1)), -EINVAL, "kill with -1");
	check_equal(fails(syscall(SYS_kill, getpid(), 0)), 0, "kill with 0");
	check_equal(fails(syscall(SYS_kill, 0x3ffffff, 0)), -ESRCH, "kill of nobody");
	check_equal(fails(syscall(SYS_kill, 0x80000000, 0)), -ESRCH, "kill of the last of all groups");
	check_equal(fails(syscall(SYS_tkill, 0, 0)), -EINVAL, "tkill of 0");
	check_equal(fails(syscall(SYS_tkill, 0x3ffffff, 0)), -ESRCH, "tkill of nobody");
	check_equal(fails(syscall(SYS_tgkill, 0, getpid(), 0)), -EINVAL, "tgkill in no process");
	check_equal(fails(syscall(SYS_tgkill, 0x3fffffe, getpid(), 0)), -ESRCH, "tgkill in another process");
	info.si_code = SI_QUEUE;
	check_equal(fails(syscall(SYS_rt_sigqueueinfo, 0x3ffffff, SIGUSR1, &info)), -ESRCH, "sigqueue to nobody");
	info.si_code = SI_TKILL;
	check_equal(fails(syscall(SYS_rt_sigqueueinfo, 0x3fffffe, SIGUSR1, &info)), -EPERM, "sigqueue as tgkill");
	info.si_code = 0;
	check_equal(fails(syscall(SYS_rt_sigqueueinfo, 0x3fffffe, SIGUSR1, &info)), -EPERM, "sigqueue as kill");
	check_equal(fails(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, BAD)), -EFAULT, "sigqueue from nowhere");
	info.si_code = -100;
	((char *)&info)[100] = 1;
	check_equal(fails(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info)), -E2BIG,
		    "sigqueue with more than is kept");
}

void test_masks(void)
{
	test_blocking();
	test_queueing();
	test_action_flags();
	test_action_mask();
	test_waiting();
	test_errors();
}
