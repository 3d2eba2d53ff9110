/*
 * ends.c: bad addresses that show when it is too late to refuse them: where a
 * signal is delivered, returned from, or a thread ends. A child each.
 */
#include "../../lib/check.h"
#include "hostile.h"

#include <signal.h>
#include <sys/resource.h>
#include <string.h>

#define SIGNAL_FLAGS	0x04000000ul	/* SA_RESTORER */
#define ON_STACK	0x08000000ul
#define LIST_BYTES	24
#define __WALL		0x40000000

static void nothing(int signal)
{
	(void)signal;
}

static void set_handler(uint64_t handler, uint64_t flags, uint64_t restorer)
{
	const struct { uint64_t handler, flags, restorer, mask; } action = { handler, flags, restorer, 0 };

	sys(SYS_rt_sigaction, SIGUSR1, &action, 0, 8);
}

static void raise_usr1(void)
{
	sys(SYS_tkill, sys(SYS_gettid), SIGUSR1);
}

static void sigreturn_at(uint64_t a)
{
	__asm__ volatile("mov %0, %%rsp; mov $15, %%eax; syscall; ud2" : : "r"(a));
}

static void signal_with_stack_at(uint64_t a)
{
	set_handler((uint64_t)nothing, SIGNAL_FLAGS, 0);
	__asm__ volatile("mov %0, %%rsp; mov $200, %%eax; syscall; ud2"
			 : : "r"(a), "D"(sys(SYS_gettid)), "S"(SIGUSR1) : "rax", "rcx", "r11");
}

static void alternate_stack_at(uint64_t a)
{
	const struct { uint64_t sp; uint32_t flags, pad; uint64_t size; } stack = { a, 0, 0, 65536 };

	sys(SYS_sigaltstack, &stack, 0);
	set_handler((uint64_t)nothing, SIGNAL_FLAGS | ON_STACK, 0);
	raise_usr1();
}

static void handler_at(uint64_t a)
{
	set_handler(a, SIGNAL_FLAGS, 0);
	raise_usr1();
}

static void restorer_at(uint64_t a)
{
	set_handler((uint64_t)nothing, SIGNAL_FLAGS, a);
	raise_usr1();
}

static void jump_to(uint64_t a)
{
	__asm__ volatile("jmp *%0" : : "r"(a));
}

static void robust_list_at(uint64_t a)
{
	sys(SYS_set_robust_list, a, LIST_BYTES);
	sys(SYS_exit, 0);
}

/* A list that is there, whose entries are not. */
static void robust_entry_at(uint64_t a)
{
	const uint64_t head[3] = { a, 0, a };

	sys(SYS_set_robust_list, head, LIST_BYTES);
	sys(SYS_exit, 0);
}

static void robust_offset(uint64_t a)
{
	static uint64_t entry[3];
	const uint64_t head[3] = { (uint64_t)entry, a, (uint64_t)entry };

	entry[0] = (uint64_t)head;
	sys(SYS_set_robust_list, head, LIST_BYTES);
	sys(SYS_exit, 0);
}

static void clear_tid_at(uint64_t a)
{
	sys(SYS_set_tid_address, a);
	sys(SYS_exit, 0);
}

static const struct {
	const char *what;
	void (*go)(uint64_t address);
	int signal;	/* 0: it exits with 0 */
} cases[] = {
	{ "rt_sigreturn from a frame at", sigreturn_at, SIGSEGV },
	{ "a signal on a stack at", signal_with_stack_at, SIGSEGV },
	{ "a signal on an alternate stack at", alternate_stack_at, SIGSEGV },
	{ "a signal's handler at", handler_at, SIGSEGV },
	{ "a return from a signal to", restorer_at, SIGSEGV },
	{ "a jump to", jump_to, SIGSEGV },
	{ "the end with a robust list at", robust_list_at, 0 },
	{ "the end with a robust futex at", robust_entry_at, 0 },
	{ "the end with a robust futex away by", robust_offset, 0 },
	{ "the end with a thread id at", clear_tid_at, 0 },
};

/* The frame of rt_sigreturn, one for the pointer checks to know. */
static const struct {
	const char *name;
	long number;
} frame = { POINTER(rt_sigreturn) };

static void test_case(unsigned n, const struct hostile_address *h)
{
	const struct rlimit no_core = { 0, 0 };
	int64_t child = sys(SYS_fork);
	int status = -1;

	if (child == 0) {
		sys(SYS_setrlimit, RLIMIT_CORE, &no_core);
		cases[n].go(h->address);
		sys(SYS_exit_group, 99);
	}
	check_equal(sys(SYS_wait4, child, &status, 0, 0), child, "%s %s: ends", cases[n].what, h->what);
	check_equal(status, cases[n].signal, "%s %s: wait status", cases[n].what, h->what);
	check_unharmed(cases[n].what);
}

/* The low byte of clone's flags is a signal, or none that there is. */
static void test_exit_signals(void)
{
	static const uint64_t signals[] = { 0, 64, 65, 127, 128, 255 };

	for (unsigned i = 0; i < COUNT(signals); i++) {
		const uint64_t args[6] = { signals[i] };
		int64_t child;

		signal(64, nothing);
		child = make_call(SYS_clone, args);
		check_true(child > 0, "clone with exit signal %lu", signals[i]);
		check_equal(sys(SYS_wait4, child, 0, __WALL, 0), child, "its child is waited for");
		check_unharmed("clone with a strange exit signal");
	}
}

void test_ends(void)
{
	const struct hostile_address null = { 0, "NULL" };

	for (unsigned n = 0; n < COUNT(cases); n++) {
		bool handler = cases[n].go == handler_at;	/* 0 and 1 are none */

		if (!handler)
			test_case(n, &null);
		for (unsigned i = handler; i < hostile_count; i++)
			test_case(n, &hostile_addresses[i]);
	}
	test_exit_signals();
	check_unharmed(frame.name);
}
