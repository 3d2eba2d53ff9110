/*
 * signals32: what a handler of a 32-bit program is told, in both layouts of
 * frames, and what comes of changing them.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0.  `signals32 -q` prints failed steps only.
 */
#include "lib/signals.h"

/* FSAVE's image, FXSAVE's area, and the header of XSAVE's. */
struct fpstate {
	uint32_t cw, sw, tag, ip, cs, data, ds;
	uint16_t st[8][5], status, magic;
	uint32_t fx[128 + 16];
};
#define UC_FP_XSTATE 1
#define INFO_WORDS 32

static volatile uint32_t told_signal, told_code, told_addr, told_pid, told_esp, told_args[3];
static volatile uint32_t told_uc_flags, told_rest;
static volatile struct context told;
static volatile struct fpstate told_fpu;
static volatile int handled;
static uint32_t landing;
static char stack[16384] __attribute__((aligned(16)));

/* What the handler is to change, as a word of the context or of `fx`; -1: nothing. */
#define FX(word) (100 + (word))
#define CONTEXT_WORDS 22
static volatile int change_word = -1;
static volatile uint32_t change_to;

static void note(uint32_t signal, struct context *c)
{
	told_signal = signal;
	told = *c;
	if (c->fpstate)
		told_fpu = *(struct fpstate *)c->fpstate;
	handled++;
	if (signal == SIGSEGV || signal == SIGILL || (signal == SIGTRAP && landing)) {
		c->eip = landing;
		c->cs = 0x23;
		c->ss = c->ds = c->es = 0x2b;
	} else if (change_word >= CONTEXT_WORDS) {
		((struct fpstate *)c->fpstate)->fx[change_word - FX(0)] = change_to;
	} else if (change_word >= 0) {
		((uint32_t *)c)[change_word] = change_to;
	}
}

static void rt_handler(uint32_t signal, uint32_t *info, struct ucontext32 *uc)
{
	told_code = info[2];
	told_addr = told_pid = info[3];
	told_esp = (uint32_t)&signal;
	told_uc_flags = uc->flags;
	told_rest = 0;
	for (int i = 5; i < INFO_WORDS; i++)
		told_rest |= info[i];
	note(signal, &uc->mc);
}

/* Without SA_SIGINFO the context lies behind the number. */
static void plain_handler(uint32_t signal)
{
	told_esp = (uint32_t)&signal;
	note(signal, (struct context *)(&signal + 1));
}

/* The same in registers: EAX, EDX, ECX. */
static void __attribute__((regparm(3))) register_handler(uint32_t a, uint32_t b, uint32_t c)
{
	told_args[0] = a;
	told_args[1] = b;
	told_args[2] = c;
	handled++;
}

__asm__(".text\n"
	"restorer: mov $173, %eax\n int $0x80\n"
	"plain_restorer: pop %eax\n mov $119, %eax\n int $0x80\n");
extern const char restorer[], plain_restorer[];

static void act(uint32_t signal, const void *handler, uint32_t flags, const char *way_back)
{
	struct sigaction32 sa = { (uint32_t)handler, flags, (uint32_t)way_back, { 0, 0 } };

	if (way_back)
		sa.flags |= SA_RESTORER;
	check_equal(sys(SYS_rt_sigaction, signal, &sa, 0, 8), 0, "the handler is set");
}

static void raise(uint32_t signal)
{
	sys(SYS_tkill, sys(SYS_gettid), signal);
}

/* Whoever is sent to `landing` comes out here. */
#define FAULTS(code) \
	__asm__ volatile("movl $1f, %0\n\tpushal\n\tmov %%esp, kept_esp\n\t" code "\n" \
			 "1:\tmov kept_esp, %%esp\n\tpopal" : "=m"(landing) : : "memory", "cc")
uint32_t kept_esp __attribute__((used));

static void test_faults(void)
{
	act(SIGSEGV, rt_handler, SA_SIGINFO, restorer);
	act(SIGILL, rt_handler, SA_SIGINFO, restorer);
	check_subject("a write to nothing: ");
	FAULTS("movb $0, 0x1234");
	check_equal(told_signal, SIGSEGV, "signal");
	check_equal(told_code, 1, "si_code");
	check_equal(told_addr, 0x1234, "si_addr");
	check_equal(told.trapno, 14, "trapno");
	check_equal(told.err, 6, "err");
	check_equal(told.cr2, 0x1234, "cr2");
	check_equal(told.cs, 0x23, "cs");
	check_equal(told.ss, 0x2b, "ss");
	check_equal(told.ds, 0x2b, "ds");
	check_equal(told.esp, told.esp_at_signal, "esp, twice");
	check_equal(told_esp % 16, 0, "the handler's first argument is aligned");
	check_subject("ud2: ");
	FAULTS("ud2");
	check_equal(told_signal, SIGILL, "signal");
	check_equal(told_code, 2, "si_code");
	check_equal(told_addr, told.eip, "si_addr");
	check_subject("hlt: ");
	FAULTS("hlt");
	check_equal(told_signal, SIGSEGV, "signal");
	check_equal(told_code, 0x80, "si_code");
	check_equal(told.trapno, 13, "trapno");
	check_subject("");
}

static void test_layouts(void)
{
	static const char *const ways[] = { 0, plain_restorer };

	check_subject("plain frame: ");
	for (int i = 0; i < 2; i++) {
		act(SIGUSR1, plain_handler, 0, ways[i]);
		handled = 0;
		raise(SIGUSR1);
		check_equal((uint32_t)handled, 1, "the handler ran, and returned");
		check_equal(told_signal, SIGUSR1, "its argument");
		check_equal(told.cs, 0x23, "cs");
	}
	check_subject("rt frame: ");
	act(SIGUSR1, rt_handler, SA_SIGINFO, 0);
	handled = 0;
	raise(SIGUSR1);
	check_equal((uint32_t)handled, 1, "without a restorer the handler returns, too");
	check_equal(told_code, (uint32_t)-6, "si_code of tkill");
	check_equal(told_pid, (uint32_t)sys(SYS_getpid), "si_pid of tkill");
	check_equal(told_rest, 0, "siginfo ends in zeroes");
	check_subject("arguments in registers: ");
	act(SIGUSR1, register_handler, SA_SIGINFO, restorer);
	raise(SIGUSR1);
	check_equal(told_args[0], SIGUSR1, "the signal");
	check_true(told_args[1] > told_args[0] && told_args[2] > told_args[1], "siginfo, then ucontext");
	act(SIGUSR1, register_handler, 0, plain_restorer);
	raise(SIGUSR1);
	check_equal(told_args[0], SIGUSR1, "the signal, without SA_SIGINFO");
	check_equal(told_args[1] | told_args[2], 0, "and nothing else");
	check_subject("");
}

static void test_fpu(void)
{
	static const long double half = 0.5L;
	uint16_t cw = 0x27f, cw_after;
	long double st;

	act(SIGUSR2, rt_handler, SA_SIGINFO, restorer);
	change_word = -1;
	__asm__ volatile("fninit; fldcw %0; fldt %1" : : "m"(cw), "m"(half));
	raise(SIGUSR2);
	__asm__ volatile("fstpt %0; fnstcw %1; fninit" : "=m"(st), "=m"(cw_after));
	check_true(st == half, "ST0 is kept");
	check_equal(cw_after, cw, "the control word is kept");
	check_equal(told_fpu.cw, 0xffff027f, "FSAVE's image: control word");
	check_equal(told_fpu.sw, 0xffff3800, "status word");
	check_equal(told_fpu.tag, 0xffff3fff, "tag word");
	check_equal(told_fpu.st[0][4], 0x3ffe, "ST0's exponent");
	check_equal(told_fpu.magic, 0, "its magic number: FXSAVE's follows");
	check_equal(told_fpu.fx[116], 0x46505853, "and says how long it is");
	check_equal(told_fpu.fx[117], told_fpu.fx[120] + 4 + 112, "all in all");
}

#define ANY 0x100	/* no error code, or any */
#define FLAGS 16
#define FLAGS_OF_PROGRAMS 0x40cd5u
uint32_t flags_after __attribute__((used));

static void test_changes(void)
{
	static const struct {
		const char *name;
		int word;
		uint32_t value, signal, err;
	} rows[] = {
		{ "cs null: ", 15, 0, SIGSEGV, 0 },
		{ "cs of the kernel: ", 15, 0x10, SIGSEGV, 0x10 },
		{ "cs a data segment: ", 15, 0x2b, SIGSEGV, 0x28 },
		{ "ss null: ", 18, 0, SIGSEGV, 0 },
		{ "ss of the kernel: ", 18, 0x18, SIGSEGV, 0x18 },
		{ "cs with RPL 0: ", 15, 0x20, SIGUSR2, 0 },
		{ "gs of the TSS: ", 0, 0x40, SIGUSR2, 0 },
		{ "fs of no LDT: ", 1, 7, SIGUSR2, 0 },
		{ "es of the kernel: ", 2, 0x18, SIGUSR2, 0 },
		{ "all flags but TF: ", FLAGS, 0xfffffeff, SIGUSR2, 0 },
		{ "no FPU area: ", 19, 0, SIGUSR2, 0 },
		{ "an FPU area in the kernel: ", 19, 0xffffff00, SIGSEGV, ANY },
		{ "reserved bits of MXCSR: ", FX(6), 0xffff1f80, SIGSEGV, ANY },
		{ "a state that there is not: ", FX(129), 1 << 30, SIGSEGV, ANY },
		{ "no state at all: ", FX(128), 0, SIGUSR2, 0 },
		{ "a second set of states: ", FX(130), 2, SIGSEGV, ANY },
		{ "a reserved word of the header: ", FX(140), 1, SIGSEGV, ANY },
	};

	act(SIGSEGV, rt_handler, SA_SIGINFO | SA_ONSTACK, restorer);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].word >= FX(128) && !(told_uc_flags & UC_FP_XSTATE))
			continue;
		check_subject(rows[i].name);
		change_word = rows[i].word;
		change_to = rows[i].value;
		told_signal = 0;
		FAULTS("mov $224, %%eax; int $0x80; mov %%eax, %%ebx; mov $238, %%eax;"
		       "mov $12, %%ecx; int $0x80; pushfl; popl flags_after; cld; pushl $2; popfl");
		__asm__ volatile("pushl $2; popfl; mov %0, %%es" : : "r"(0x2b) : "cc");
		check_equal(told_signal, rows[i].signal, "signal");
		if (told_signal == SIGSEGV && rows[i].err != ANY)
			check_equal(told.err, rows[i].err, "error code");
		if (rows[i].word == FLAGS) {
			check_equal(flags_after & FLAGS_OF_PROGRAMS, FLAGS_OF_PROGRAMS, "those of a program are set");
			check_equal(flags_after & ~FLAGS_OF_PROGRAMS & 0x3fffff, 0x202, "no others are");
		}
	}
	check_subject("");
	change_word = -1;
}

static void test_stack(void)
{
	uint32_t s[3] = { (uint32_t)stack, 0, sizeof(stack) }, old[3];

	check_equal(sys(SYS_sigaltstack, s, 0), 0, "an alternate stack is set");
	act(SIGUSR1, rt_handler, SA_SIGINFO | SA_ONSTACK, restorer);
	raise(SIGUSR1);
	check_true(told_esp > (uint32_t)stack && told_esp < (uint32_t)stack + sizeof(stack),
		   "and used");
	sys(SYS_sigaltstack, 0, old);
	check_equal(old[0], (uint32_t)stack, "and can be read");
	check_equal(old[1], 0, "we are not on it");
}

int test_main(int argc, char **argv)
{
	check_begin(argc > 1 && same(argv[1], "-q"));
	test_faults();
	test_layouts();
	test_fpu();
	test_stack();
	test_changes();
	return check_end();
}
