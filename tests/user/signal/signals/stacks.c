/* stacks.c: the alternate stack, and frames for which there is no room. */
#include "../../lib/check.h"
#include "signals.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AUTODISARM (1u << 31)	/* names that musl does not have */
#define MINSIGSTKSZ_TAG 51
#define SIZE 16384

static char room[SIZE] __attribute__((aligned(16)));
static volatile bool inside;
static volatile int flags_inside;
static volatile long errno_inside;

static void note_stack(int signal, siginfo_t *info, void *context)
{
	stack_t now, other = { .ss_flags = SS_DISABLE };

	note(signal, info, context);
	inside = (char *)&now >= room && (char *)&now < room + SIZE;
	syscall(SYS_sigaltstack, NULL, &now);
	flags_inside = now.ss_flags;
	errno_inside = syscall(SYS_sigaltstack, &other, NULL) ? errno : 0;
}

static long set_stack(void *sp, size_t size, int flags)
{
	stack_t s;

	memset(&s, 0, sizeof(s));
	s.ss_sp = sp;
	s.ss_size = size;
	s.ss_flags = flags;
	return syscall(SYS_sigaltstack, &s, NULL) ? -errno : 0;
}

static stack_t stack_now(void)
{
	stack_t s;

	memset(&s, 0xee, sizeof(s));
	syscall(SYS_sigaltstack, NULL, &s);
	return s;
}

static void test_setting(void)
{
	check_equal(stack_now().ss_flags, SS_DISABLE, "there is none at first");
	check_equal(set_stack(room, 2047, 0), -ENOMEM, "2047 bytes are too few");
	check_equal(set_stack(room, SIZE, 4), -EINVAL, "no such flag");
	check_equal(set_stack(room, SIZE, SS_ONSTACK), 0, "SS_ONSTACK can be given");
	check_equal(set_stack(room, SIZE, 0), 0, "and need not be");
	check_equal((int64_t)stack_now().ss_size, SIZE, "its size can be read");
	check_equal(stack_now().ss_flags, 0, "we are not on it");
	check_equal(syscall(SYS_sigaltstack, (void *)0xffffffff80000000ul, NULL) ? errno : 0, EFAULT,
		    "sigaltstack from nowhere");
	check_equal(syscall(SYS_sigaltstack, NULL, (void *)0xffffffff80000000ul) ? errno : 0, EFAULT,
		    "sigaltstack to nowhere");
}

static void test_using(void)
{
	act(SIGUSR1, note_stack, SA_ONSTACK);
	raise(SIGUSR1);
	check_true(inside, "SA_ONSTACK: the handler is on it");
	check_equal(flags_inside, SS_ONSTACK, "and is told so");
	check_equal(errno_inside, EPERM, "and cannot change it");
	act(SIGUSR1, note_stack, 0);
	inside = true;
	raise(SIGUSR1);
	check_true(!inside, "without the flag it is not");
	set_stack(room, SIZE, 0);
	act(SIGUSR1, note_stack, SA_ONSTACK);
	set_stack(room, SIZE, (int)AUTODISARM);
	raise(SIGUSR1);
	check_true(inside, "SS_AUTODISARM: the handler is on it");
	check_equal(flags_inside, SS_DISABLE, "and it is disabled meanwhile");
	check_equal(stack_now().ss_flags, (int)AUTODISARM, "and set again after it");
	set_stack(NULL, 0, SS_DISABLE);
	check_equal(stack_now().ss_flags, SS_DISABLE, "it can be taken back");
	inside = true;
	raise(SIGUSR1);
	check_true(!inside, "then there is none");
}

/* RSP without memory: SIGSEGV, which an alternate stack can handle. */
static void raise_without_stack(void)
{
	__asm__ volatile("mov %%rsp, %%rbx; mov $0x10000, %%esp; syscall; mov %%rbx, %%rsp"
			 : : "a"(SYS_tkill), "D"(syscall(SYS_gettid)), "S"(SIGUSR1)
			 : "rbx", "rcx", "r11", "memory");
}

static void overflow(void)
{
	__asm__ volatile("mov %%rsp, %%rbx; 1: push %%rax; jmp 1b" : : : "rbx", "memory");
}

static void test_no_room(void)
{
	set_stack(room, SIZE, 0);
	act(SIGSEGV, leave_by_jump, SA_ONSTACK);
	act(SIGUSR1, note, 0);
	handled = 0;
	check_true(RAISES(raise_without_stack()), "a frame that cannot be written raises a signal");
	check_equal(told.signal, SIGSEGV, "which is SIGSEGV");
	check_equal(told.code, 0x80, "from the kernel");
	check_equal(handled, 1, "and the handler has not run");
	set_stack(room, SIZE, 0);
	check_true(RAISES(overflow()), "the end of the stack can be handled");
	check_equal(told.code, SEGV_MAPERR, "as an access to nothing");
	set_stack(NULL, 0, SS_DISABLE);
	act_default(SIGSEGV);
	act_default(SIGUSR1);
}

static void exit_from_handler(int signal)
{
	_exit(signal);
}

/*
 * RSP is a few bytes above the alternate stack's end, which has memory below it.
 * The frame is too large, and so is that of the SIGSEGV which comes of it.
 */
static void raise_at_the_end(void)
{
	signal(SIGUSR1, exit_from_handler);
	signal(SIGSEGV, exit_from_handler);
	set_stack(room + SIZE / 2, SIZE / 2, 0);
	__asm__ volatile("mov %0, %%rsp; syscall"
			 : : "r"(room + SIZE / 2 + 256), "a"(SYS_tkill), "D"(syscall(SYS_gettid)),
			 "S"(SIGUSR1) : "rcx", "r11", "memory");
	__builtin_unreachable();
}

static void test_end_of_stack(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		raise_at_the_end();
	waitpid(pid, &status, 0);
	check_equal(status, SIGSEGV, "a frame that reaches below the alternate stack is not written");
}

static volatile unsigned char rest_of_info;

static void read_rest(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	for (size_t i = 48; i < sizeof(*info); i++)
		rest_of_info |= ((const unsigned char *)info)[i];
}

/* What the kernel has no use for is neither its memory nor what was there. */
static void test_clean(void)
{
	memset(room, 0xff, SIZE);
	set_stack(room, SIZE, 0);
	act(SIGUSR1, read_rest, SA_ONSTACK);
	raise(SIGUSR1);
	check_equal(rest_of_info, 0, "siginfo ends in zeroes");
	set_stack(NULL, 0, SS_DISABLE);
}

void test_stacks(void)
{
	unsigned long size = getauxval(MINSIGSTKSZ_TAG);

	test_setting();
	test_using();
	test_no_room();
	test_end_of_stack();
	test_clean();
	check_true(size == 0 || (size > 1000 && size < 20000), "AT_MINSIGSTKSZ is possible");
}
