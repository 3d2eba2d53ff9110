/*
 * CVE-2014-9322 and CVE-2014-8133 (Linux, November and December 2014), and the
 * leak that ESPFIX is for.
 *
 * -9322: an IRET to a stack segment that is gone or not present raises #SS at
 * CPL 0 after SWAPGS; the #SS handler's entry did not know that, and swapped GS
 * once more or not at all: the kernel ran on the user's GS.  -9090, of the same
 * days, is the double fault that ESPFIX makes of it.
 * -8133: an IRET to a 16-bit stack segment loads SP only; bits 31:16 of ESP stay
 * the kernel's, and tell where its stack is.  ESPFIX was for segments of the LDT;
 * set_thread_area made such a segment in the GDT.
 *
 * In Postern: entry_iret_fault in entry/interrupt.asm turns whatever the one
 * user IRET raises into a fault of the user's; .push_frame's lines before it take
 * the ESPFIX stack for any selector of the LDT; arch/state/user_desc.c refuses 16-bit
 * segments for the GDT.
 *
 * Right: a bad selector is SIGSEGV (or SIGBUS) at the place returned to, the GS
 * base is kept; ESP's upper bits are the program's; the GDT takes no such segment.
 */
#include "../lib/far.h"
#include "lib/bugs.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GS_MARK 0x123456789000
#define ENTRY 3
#define TURNS 400
#define SET_THREAD_AREA 243

static volatile uint16_t ss, cs;
static void (*volatile spoil)(void);

static void return_by(ucontext_t *uc)
{
	frame_set_selectors(uc, cs, ss);
	if (spoil)
		spoil();
}

static void check_return(const char *name, uint16_t code, uint16_t stack, void (*then)(void))
{
	int signal;

	cs = code;
	ss = stack;
	spoil = then;
	ldt_write(ENTRY, 0, 0xfffff, SEG_32BIT | SEG_IN_PAGES);
	ldt_write(ENTRY + 1, 0, 0xfffff, SEG_32BIT | SEG_IN_PAGES | SEG_CODE);
	on_usr1 = return_by;
	signal = CAUGHT(raise_usr1());
	on_usr1 = NULL;
	check_true(signal == SIGSEGV || signal == SIGBUS, "an IRET with %s ends in signal %d", name, signal);
	check_equal((int64_t)gs_base(), GS_MARK, "GS is the program's after %s", name);
}

static void clear_stack(void) { ldt_clear(ENTRY); }
static void absent_stack(void) { ldt_write(ENTRY, 0, 0xfffff, SEG_32BIT | SEG_NOT_PRESENT); }
static void read_only_stack(void) { ldt_write(ENTRY, 0, 0xfffff, SEG_32BIT | 0x8); }
static void clear_code(void) { ldt_clear(ENTRY + 1); }
static void absent_code(void) { ldt_write(ENTRY + 1, 0, 9, SEG_32BIT | SEG_CODE | SEG_NOT_PRESENT); }

static void test_returns(void)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, GS_MARK);
	check_return("SS gone from the LDT", 0x33, LDT_SELECTOR(ENTRY), clear_stack);
	check_return("SS not present", 0x33, LDT_SELECTOR(ENTRY), absent_stack);
	check_return("SS read-only", 0x33, LDT_SELECTOR(ENTRY), read_only_stack);
	check_return("SS a code segment", 0x33, LDT_SELECTOR(ENTRY + 1), NULL);
	check_return("SS beyond the LDT", 0x33, 0xffff, NULL);
	check_return("SS null", 0x33, 0, NULL);
	check_return("CS gone from the LDT", LDT_SELECTOR(ENTRY + 1), 0x2b, clear_code);
	check_return("CS not present", LDT_SELECTOR(ENTRY + 1), 0x2b, absent_code);
	check_return("CS and SS gone", LDT_SELECTOR(ENTRY + 1), LDT_SELECTOR(ENTRY), clear_stack);
	check_return("CS of 16 bits to 64 that is data", LDT_SELECTOR(ENTRY), 0x2b, NULL);
}

/* ---- The segment goes while another CPU returns to it --------------------------------- */

static volatile bool stop;

static void *toggle(void *arg)
{
	while (!stop) {
		ldt_clear(ENTRY);
		ldt_write(ENTRY, 0, 0xfffff, SEG_32BIT | SEG_IN_PAGES);
	}
	return arg;
}

/*
 * The handler of the fault keeps an SS that was good a moment ago; if that goes,
 * too, the process dies of it, on Linux as well.  So a child does it.
 */
static void race(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, toggle, NULL))
		_exit(1);
	cs = 0x33;
	ss = LDT_SELECTOR(ENTRY);
	spoil = NULL;
	on_usr1 = return_by;
	for (volatile int i = 0; i < TURNS; i++)
		(void)CAUGHT(raise_usr1());
	stop = true;
	pthread_join(thread, NULL);
	_exit(gs_base() == GS_MARK ? 0 : 2);
}

static void test_race(void)
{
	for (int i = 0; i < 5; i++) {
		int status = in_child(race) & ~0x80;

		check_true(status == 0 || status == SIGSEGV || status == SIGBUS,
			   "returns while the LDT changes: %#x", status);
	}
	check_equal((int64_t)gs_base(), GS_MARK, "GS is the program's after all");
}

/* ---- 16-bit stacks ------------------------------------------------------------------------ */

/* INT 0x80 (getpid), then ESP's old value to EDX, its new one to EAX. */
uint32_t esp_before, esp_after;
extern const char small_stack_code[];
__asm__(".text\n"
	".code32\n"
	"small_stack_code:\n"
	"	mov	%esp, esp_before\n"
	"	mov	$20, %eax\n"
	"	int	$0x80\n"
	"	mov	%esp, esp_after\n"
	FAR_RETURN

	/* The same by the return of a signal's handler: kill, SIGUSR1. */
	"small_stack_signal:\n"
	"	mov	%esp, esp_before\n"
	"	mov	$37, %eax\n"
	"	mov	small_stack_pid, %ebx\n"
	"	mov	$10, %ecx\n"
	"	int	$0x80\n"
	"	mov	%esp, esp_after\n"
	FAR_RETURN
	".code64\n");

uint32_t small_stack_pid;
extern const char small_stack_signal[];
static char small_stack[4096] __attribute__((aligned(4096)));

static void test_leak(void)
{
	static const uint32_t high[] = { 0, 0x0001, 0x1234, 0x7fff, 0x8000, 0xdead, 0xffff };
	struct far to = { far_low(small_stack_code), 0x23 };

	check_equal(ldt_write(ENTRY, far_low(small_stack), 0xfff, 0), 0, "a 16-bit segment in the LDT");
	for (unsigned i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
		far_go(&to, LDT_SELECTOR(ENTRY), high[i] << 16 | 0xff0, 0);
		check_equal(esp_before, high[i] << 16 | 0xff0, "ESP before a system call");
		check_equal(esp_after, esp_before, "and after it");
	}
}

static void nothing(ucontext_t *uc)
{
	(void)uc;
}

/* rt_sigreturn comes by SYSCALL, and must leave as the others do.  That code keeps no RBX. */
static void test_leak_at_sigreturn(void)
{
	static uint64_t rbx;
	struct far to = { far_low(small_stack_signal), 0x23 };

	on_usr1 = nothing;
	small_stack_pid = (uint32_t)getpid();
	__asm__ volatile("mov %%rbx, %0" : "=m"(rbx));
	far_go(&to, LDT_SELECTOR(ENTRY), 0x12340ff0, 0);
	__asm__ volatile("mov %0, %%rbx" : : "m"(rbx));
	check_equal(esp_before, 0x12340ff0, "ESP before a signal");
	check_equal(esp_after, esp_before, "and behind its handler");
}

static void check_thread_area(const char *name, uint32_t flags)
{
	static uint32_t desc[4];

	desc[0] = 12;
	desc[1] = far_low(small_stack);
	desc[2] = 0xfff;
	desc[3] = flags;
	check_equal(int80(SET_THREAD_AREA, far_low(desc), 0, 0), -EINVAL, "no %s in the GDT", name);
}

static void test_thread_area(void)
{
	check_thread_area("16-bit data", 0);
	check_thread_area("16-bit data, usable", 0x40);
	check_thread_area("16-bit code", SEG_CODE);
	check_thread_area("32-bit code", SEG_32BIT | SEG_CODE);
	check_thread_area("segment not present", SEG_32BIT | SEG_NOT_PRESENT);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	test_returns();
	test_race();
	test_leak();
	test_leak_at_sigreturn();
	test_thread_area();
	return check_end();
}
