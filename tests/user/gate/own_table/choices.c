/*
 * What a thread chooses, and asks for again: its mask of signals, its alternate stack, the
 * word that is cleared at its end; and the machine's names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../../../user/raw_clone.h"
#include "own_table.h"

#define KERNEL_ADDRESS 0xffff888000000000
#define MASK_SIZE 8
#define BIT_OF(signal) (1ULL << ((signal) - 1))
#define UNBLOCKABLE (BIT_OF(SIGKILL) | BIT_OF(SIGSTOP))
#define SS_AUTODISARM_BIT (1U << 31)
#define NAMES_SIZE 390
#define SECONDS 20
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

typedef unsigned long long mask_t;

static mask_t mask(void)
{
	mask_t now = 0;

	expect(syscall(SYS_rt_sigprocmask, 99, NULL, &now, MASK_SIZE) == 0, "the mask read", errno);
	return now;
}

static void change(int how, mask_t set, mask_t want)
{
	mask_t before = mask(), old = 0;

	expect(syscall(SYS_rt_sigprocmask, how, &set, &old, MASK_SIZE) == 0, "a mask set", errno);
	expect(old == before, "the old mask", (long)old);
	expect(mask() == want, "the new mask", (long)mask());
}

static void masks(unsigned char *area)
{
	const mask_t some = BIT_OF(SIGHUP) | BIT_OF(64), all = ~0ULL & ~UNBLOCKABLE;
	mask_t first = mask(), both = BIT_OF(SIGTERM);

	change(SIG_SETMASK, some, some);
	change(SIG_BLOCK, BIT_OF(SIGTERM), some | BIT_OF(SIGTERM));
	change(SIG_UNBLOCK, BIT_OF(64) | BIT_OF(SIGQUIT), BIT_OF(SIGHUP) | BIT_OF(SIGTERM));
	change(SIG_SETMASK, ~0ULL, all);
	change(SIG_UNBLOCK, all, 0);
	change(SIG_BLOCK, UNBLOCKABLE | some, some);
	expect(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &both, &both, MASK_SIZE) == 0 &&
	       both == some, "both masks in one place", (long)both);
	expect(mask() == BIT_OF(SIGTERM), "the mask that was there", (long)mask());
	expect(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &some, NULL, 4) == -1 && errno == EINVAL,
	       "a mask of four bytes", errno);
	expect(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &some, NULL, 16) == -1 && errno == EINVAL,
	       "a mask of 16 bytes", errno);
	expect(syscall(SYS_rt_sigprocmask, 3, &some, NULL, MASK_SIZE) == -1 && errno == EINVAL,
	       "no such change", errno);
	expect(syscall(SYS_rt_sigprocmask, SIG_SETMASK, 8, NULL, MASK_SIZE) == -1 &&
	       errno == EFAULT, "a mask that is not there", errno);
	expect(syscall(SYS_rt_sigprocmask, SIG_SETMASK, KERNEL_ADDRESS, NULL, MASK_SIZE) == -1 &&
	       errno == EFAULT, "a mask of the kernel's", errno);
	expect(syscall(SYS_rt_sigprocmask, 0, NULL, KERNEL_ADDRESS, MASK_SIZE) == -1 &&
	       errno == EFAULT, "a mask to the kernel", errno);
	expect(mask() == BIT_OF(SIGTERM), "the mask after calls that failed", (long)mask());
	change(SIG_SETMASK, first, first);
	expect(syscall(SYS_rt_sigprocmask, 0, NULL, area + 2048, MASK_SIZE) == 0,
	       "a mask to a page that goes away", errno);
}

/* ---- The alternate stack -------------------------------------------------------------- */

static volatile unsigned flags_in_handler;

static void on_stack(int signal)
{
	stack_t now = { 0 };

	(void)signal;
	syscall(SYS_sigaltstack, NULL, &now);
	flags_in_handler = (unsigned)now.ss_flags;
}

static void expect_stack(const stack_t *want, unsigned flags, const char *what)
{
	stack_t now;

	memset(&now, 0xff, sizeof(now));
	expect(syscall(SYS_sigaltstack, NULL, &now) == 0, "sigaltstack", errno);
	expect(now.ss_sp == want->ss_sp && now.ss_size == want->ss_size &&
	       (unsigned)now.ss_flags == flags, what, now.ss_flags);
}

static void stacks(unsigned char *area)
{
	static unsigned char place[16384];
	stack_t none = { .ss_flags = SS_DISABLE }, one = { .ss_sp = place,
							    .ss_size = sizeof(place) };
	struct sigaction action = { .sa_handler = on_stack, .sa_flags = SA_ONSTACK };

	expect_stack(&none, SS_DISABLE, "no stack");
	expect(syscall(SYS_sigaltstack, &one, NULL) == 0, "a stack set", errno);
	expect_stack(&one, 0, "a stack");
	sigaction(SIGHUP, &action, NULL);
	flags_in_handler = 99;
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGHUP);
	expect(flags_in_handler == SS_ONSTACK, "in a handler on it", (long)flags_in_handler);
	one.ss_flags = (int)SS_AUTODISARM_BIT;
	expect(syscall(SYS_sigaltstack, &one, NULL) == 0, "one that disarms itself", errno);
	expect_stack(&one, SS_AUTODISARM_BIT, "that one");
	expect(syscall(SYS_sigaltstack, &none, NULL) == 0, "none again", errno);
	expect_stack(&none, SS_DISABLE, "none");
	expect(syscall(SYS_sigaltstack, NULL, 8) == -1 && errno == EFAULT, "no such address",
	       errno);
	expect(syscall(SYS_sigaltstack, NULL, KERNEL_ADDRESS - 8) == -1 && errno == EFAULT,
	       "a kernel address", errno);
	expect(syscall(SYS_sigaltstack, NULL, NULL) == 0, "nothing asked", errno);
	expect(syscall(SYS_sigaltstack, NULL, area + 2056) == 0, "to a page that goes away", errno);
}

/* ---- The word that is cleared -------------------------------------------------------------- */

static volatile int word;
static volatile bool was_tid;

static int clear_at_end(void *unused)
{
	(void)unused;
	was_tid = raw_syscall(SYS_set_tid_address, (uint64_t)&word, 0, 0, 0, 0, 0) ==
		  raw_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	return 0;
}

/* No thread of the library's, which waits for the word that it has set itself. */
static void cleared_word(void)
{
	static unsigned char stack[4096] __attribute__((aligned(16)));
	time_t end = time(NULL) + SECONDS;

	word = 1;
	expect(raw_clone(clear_at_end, stack + sizeof(stack), THREAD, NULL, NULL) > 0, "a thread",
	       errno);
	while (word && time(NULL) < end)
		sched_yield();
	expect(!word, "a word cleared at a thread's end", word);
	expect(was_tid, "what set_tid_address returns", was_tid);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void names(unsigned char *area)
{
	static unsigned char found[NAMES_SIZE + 8];

	memset(found, 0xff, sizeof(found));
	expect(syscall(SYS_uname, found) == 0, "uname", errno);
	expect(!strcmp((char *)found, "Linux"), "the system's name", found[0]);
	expect(!strcmp((char *)found + 4 * 65, "x86_64"), "the machine's", found[4 * 65]);
	for (unsigned i = 1; i <= 6; i++)
		expect(found[i * 65 - 1] == 0, "the end of a name", i);
	for (unsigned i = NAMES_SIZE; i < sizeof(found); i++)
		expect(found[i] == 0xff, "a byte behind the names", i);
	expect(syscall(SYS_uname, 8) == -1 && errno == EFAULT, "no such address", errno);
	expect(syscall(SYS_uname, KERNEL_ADDRESS - 8) == -1 && errno == EFAULT,
	       "a kernel address", errno);
	expect(syscall(SYS_uname, area + 3000) == 0, "to a page that goes away", errno);
}

void choices(unsigned char *area)
{
	static unsigned turn;

	masks(area);
	stacks(area);
	names(area);
	if (turn++ % 16 == 0)
		cleared_word();
}
