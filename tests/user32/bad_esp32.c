/*
 * ESP bad on every entry of 32-bit code: the other half of tests/user/bugs/
 * bad_rsp.c, where the stories are.
 *
 * SYSENTER has its stack from an MSR, but reads the sixth argument where EBP says,
 * which is the program's; 32-bit SYSCALL enters on the program's stack.  INT 0x80
 * and exceptions have the TSS's.
 *
 * In Postern: as_if_by_int80() in kernel/syscall.c reads there, as any system
 * call reads user memory; the trampoline for CSTAR leaves ESP before its first push.
 *
 * Right: INT 0x80 does its work and leaves ESP alone; SYSENTER and SYSCALL end on the
 * landing pad, whose POP faults; exceptions become signals on the alternate stack, with
 * ESP in the frame.
 */
#include "lib/signals.h"

#define GETPID "mov $20, %%eax\n\t"

/* Nothing is mapped at any of these, nor behind it. */
static const uint32_t places[] = {
	0, 1, 4, 8, 0xfff, 0x1000, 0x41414141, 0xffffe000, 0xfffff000, 0xfffffffc, 0xffffffff,
};

static uint32_t result, after; /* not on the stack */

#define WITH_ESP(code) CAUGHT("mov %0, %%esp\n\t" code, "r"(esp))

static void check_caught(uint32_t signal, uint32_t esp, const char *sentence)
{
	check_equal(caught.signal, signal, sentence);
	check_equal(caught.at.esp, esp, "ESP is in the frame");
	check_equal(caught.at.cs, 0x23, "CS");
	check_equal(caught.at.ss, 0x2b, "SS");
	caught.signal = 0;
}

static void check_calls(uint32_t esp)
{
	CAUGHT("mov %0, %%esp\n\t" GETPID "int $0x80\n\tmov %%esp, %2\n\tmov %%eax, %1",
	       "r"(esp), "m"(result), "m"(after));
	check_equal(result, (uint32_t)sys(SYS_getpid), "INT 0x80");
	check_equal(after, esp, "and ESP is kept");
	check_equal(caught.signal, 0, "without a signal");
	if (has_sysenter()) {
		WITH_ESP("mov %%esp, %%ebp\n\t" GETPID "sysenter\n\tud2");
		check_caught(SIGSEGV, esp, "SYSENTER");
		check_equal(caught.at.eax, (uint32_t)-EFAULT, "the sixth argument is not there");
	}
	if (has_syscall()) {
		WITH_ESP("mov %%esp, %%ebp\n\t" GETPID "syscall\n\tud2");
		check_caught(SIGSEGV, esp, "SYSCALL");
		check_equal(caught.at.eax, (uint32_t)-EFAULT, "the sixth argument is not there");
	}
}

static void check_exceptions(uint32_t esp)
{
	WITH_ESP("int3");
	check_caught(SIGTRAP, esp, "INT3");
	WITH_ESP("ud2");
	check_caught(SIGILL, esp, "#UD");
	WITH_ESP("movb 0, %%al");
	check_caught(SIGSEGV, esp, "#PF");
	WITH_ESP("hlt");
	check_caught(SIGSEGV, esp, "#GP");
	WITH_ESP("int $4");
	check_caught(SIGSEGV, esp, "INT 4");
}

int test_main(int argc, char **argv)
{
	check_begin(argc > 1 && same(argv[1], "-q"));
	catch_signals();
	if (!has_sysenter())
		check_skip("not on this vendor's processors", "SYSENTER");
	if (!has_syscall())
		check_skip("not on this vendor's processors", "SYSCALL");
	for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		check_calls(places[i]);
		check_exceptions(places[i]);
	}
	return check_end();
}
