/*
 * Trials: a signal's handler changes the frame that it returns through, or sets
 * all registers and jumps into random bytes; and the signal that this ends in
 * brings the good registers back.  A timer ends what goes on for ever.
 *
 * The handler runs on a stack of its own and touches neither FS nor GS, which
 * the bytes may change.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#define TRIALS 100
#define TURN_US 10000
#define SS_SHIFT 48
#define FRAME_SIZE 1024
#define XSAVE_HEADER 512

static volatile bool on_trial;
static bool only_code;
static gregset_t good;
static char stack[4 * SIGSTKSZ] __attribute__((aligned(64)));
static unsigned char forged[8 * FRAME_SIZE] __attribute__((aligned(64)));

void fuzz_sigreturn64(void);
void fuzz_sigreturn32(void);
void fuzz_rt_sigreturn32(void);
__asm__(".text\n"
	"fuzz_sigreturn64: mov $15, %eax\n	syscall\n	ud2\n"
	"fuzz_sigreturn32: mov $119, %eax\n	int $0x80\n	ud2\n"
	"fuzz_rt_sigreturn32: mov $173, %eax\n	int $0x80\n	ud2\n");

/* ---- Code ---------------------------------------------------------------------------------- */

/* What random bytes seldom are. */
static const struct { unsigned char length, bytes[9]; } pieces[] = {
	{ 2, { 0x0f, 0x05 } },             /* syscall */
	{ 2, { 0x0f, 0x34 } },             /* sysenter */
	{ 2, { 0xcd, 0x80 } }, { 1, { 0xcc } }, { 1, { 0xf1 } }, { 2, { 0xcd, 0x01 } },
	{ 2, { 0xcd, 0x02 } }, { 2, { 0xcd, 0x08 } }, { 2, { 0xcd, 0xf0 } },
	{ 2, { 0x8e, 0xd0 } }, { 2, { 0x8e, 0xd8 } }, { 2, { 0x8e, 0xe0 } }, /* mov ss, ds, fs */
	{ 2, { 0x8e, 0xe8 } }, { 2, { 0x8e, 0xc1 } },
	{ 3, { 0x8e, 0xd0, 0x9c } }, { 4, { 0x8e, 0xd0, 0x0f, 0x05 } }, { 4, { 0x8e, 0xd1, 0xcd, 0x80 } },
	{ 1, { 0x9d } }, { 1, { 0x9c } }, { 2, { 0x48, 0xcf } }, { 1, { 0xcf } }, /* popf, iret */
	{ 1, { 0xcb } }, { 2, { 0x48, 0xcb } }, { 3, { 0xff, 0x28, 0x90 } }, /* retf, ljmp */
	{ 5, { 0xf3, 0x48, 0x0f, 0xae, 0xd0 } }, { 5, { 0xf3, 0x48, 0x0f, 0xae, 0xd8 } }, /* wrfsbase */
	{ 3, { 0x0f, 0x01, 0xc1 } }, { 3, { 0x0f, 0x01, 0xf8 } }, { 3, { 0x0f, 0x01, 0x20 } }, /* swapgs */
	{ 3, { 0x0f, 0x00, 0x18 } }, { 3, { 0x0f, 0x22, 0xd8 } }, { 3, { 0x0f, 0x20, 0xc0 } },
	{ 2, { 0x0f, 0x30 } }, { 2, { 0x0f, 0x07 } }, { 3, { 0x48, 0x0f, 0x07 } }, { 1, { 0xf4 } },
	{ 3, { 0x0f, 0xae, 0x28 } }, { 3, { 0x0f, 0xae, 0x08 } }, { 3, { 0x0f, 0xc7, 0x18 } },
	{ 1, { 0xfa } }, { 1, { 0xfb } }, { 2, { 0x0f, 0x0b } }, { 2, { 0xeb, 0xfe } },
	{ 9, { 0x9c, 0x80, 0x4c, 0x24, 0x01, 0x01, 0x9d, 0x0f, 0x05 } }, /* TF, then syscall */
	{ 9, { 0x9c, 0x80, 0x4c, 0x24, 0x01, 0x05, 0x9d, 0xcd, 0x80 } }, /* TF, DF, then int */
	{ 9, { 0x9c, 0x80, 0x4c, 0x24, 0x02, 0x44, 0x9d, 0x0f, 0x05 } }, /* NT, AC */
};

static void new_code(void)
{
	unsigned char *code = (unsigned char *)FUZZ_CODE;
	unsigned at = 0;

	fuzz_call(SYS_mmap, FUZZ_CODE, FUZZ_PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
	while (at < 256) {
		unsigned piece = fuzz_below(2 * sizeof(pieces) / sizeof(*pieces));

		if (piece >= sizeof(pieces) / sizeof(*pieces)) {
			code[at++] = (unsigned char)fuzz_random();
			continue;
		}
		memcpy(code + at, pieces[piece].bytes, pieces[piece].length);
		at += pieces[piece].length;
	}
	fuzz_call(SYS_mprotect, FUZZ_CODE, FUZZ_PAGE, PROT_READ | PROT_EXEC, 0);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void set_segments(greg_t *r)
{
	uint64_t cs = fuzz_one_in(3) ? fuzz_selector() : fuzz_one_in(2) ? 0x33 : 0x23;
	uint64_t ss = fuzz_one_in(2) ? fuzz_selector() : 0x2b;

	r[REG_CSGSFS] = (greg_t)(cs | (uint64_t)fuzz_selector() << 16 |
				 (uint64_t)fuzz_selector() << 32 | ss << SS_SHIFT);
}

static void change_xsave(ucontext_t *uc)
{
	unsigned char *area = (unsigned char *)uc->uc_mcontext.fpregs;

	switch (fuzz_below(5)) {
	case 0: fuzz_fill(area + XSAVE_HEADER, 64); break;
	case 1: fuzz_fill(area + 464, 48); break;          /* sizes, features, magic */
	case 2: area[24 + fuzz_below(8)] ^= (unsigned char)fuzz_random(); break; /* MXCSR */
	case 3: area[XSAVE_HEADER + fuzz_below(64)] ^= (unsigned char)(1 << fuzz_below(8)); break;
	default: uc->uc_mcontext.fpregs = (void *)fuzz_value(); break;
	}
}

static void random_registers(greg_t *r, uint64_t ip)
{
	for (unsigned i = REG_R8; i <= REG_RSP; i++)
		r[i] = (greg_t)fuzz_value();
	r[REG_RIP] = (greg_t)ip;
}

/* Back through a frame that is forged, or half so, by any of the three calls. */
static void forge(ucontext_t *uc)
{
	void (*const returns[])(void) = { fuzz_sigreturn64, fuzz_sigreturn32, fuzz_rt_sigreturn32 };

	memcpy(forged + FRAME_SIZE, uc, sizeof(*uc));
	if (fuzz_one_in(2))
		fuzz_fill(forged, sizeof(forged));
	for (unsigned n = fuzz_below(8); n > 0; n--)
		fuzz_fill(forged + FRAME_SIZE + 8 * fuzz_below(40), 8);
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)returns[fuzz_below(3)];
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)(forged + FRAME_SIZE);
}

static void change_frame(ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;

	switch (fuzz_below(9)) {
	case 0: r[REG_RIP] = (greg_t)fuzz_value(); break;
	case 1: r[REG_RSP] = (greg_t)fuzz_value(); break;
	case 2: r[REG_EFL] = (greg_t)fuzz_random(); break;
	case 3: set_segments(r); break;
	case 4: change_xsave(uc); break;
	case 5: uc->uc_flags = fuzz_value(); set_segments(r); break;
	case 6: forge(uc); break;
	case 7: fuzz_fill(r, sizeof(gregset_t)); break;
	default:
		random_registers(r, FUZZ_CODE + fuzz_below(64));
		set_segments(r);
		r[REG_EFL] = (greg_t)fuzz_random();
		break;
	}
}

static void handler(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	if (number != SIGUSR1 || on_trial) {
		if (on_trial)
			memcpy(uc->uc_mcontext.gregs, good, sizeof(good));
		memset(&uc->uc_sigmask, 0, 8);
		on_trial = false;
		return;
	}
	memcpy(good, uc->uc_mcontext.gregs, sizeof(good));
	on_trial = true;
	if (only_code)
		random_registers(uc->uc_mcontext.gregs, FUZZ_CODE + fuzz_below(64));
	else
		for (unsigned n = 1 + fuzz_below(2); n > 0; n--)
			change_frame(uc);
}

/* ---- Trials ------------------------------------------------------------------------------------ */

static void catch_all(void)
{
	static const int caught[] = { SIGUSR1, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP,
				      SIGALRM, SIGSYS };
	struct sigaction act = { .sa_sigaction = handler,
				 .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	for (unsigned i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaction(caught[i], &act, NULL);
}

/* Selectors for the frames and the code to use. */
static void new_segment(void)
{
	uint32_t descriptor[4] = {
		fuzz_one_in(4) ? (uint32_t)fuzz_value() : fuzz_below(8),
		fuzz_one_in(2) ? 0 : (uint32_t)fuzz_value(),
		fuzz_one_in(2) ? 0xfffff : (uint32_t)fuzz_value(),
		(uint32_t)fuzz_random() & (fuzz_one_in(8) ? ~0u : 0xff),
	};
	uint64_t arg[6];

	memcpy((void *)FUZZ_MEMORY, descriptor, sizeof(descriptor));
	fuzz_call(SYS_modify_ldt, fuzz_one_in(2) ? 1 : 0x11, FUZZ_MEMORY, 16, 0);
	if (fuzz_one_in(2)) {
		arg[0] = FUZZ_MEMORY;
		*(uint32_t *)FUZZ_MEMORY = fuzz_one_in(8) ? 0xffffffff : 12 + fuzz_below(3);
		fuzz_int80(243, arg, false, 0); /* set_thread_area */
	}
	fuzz_call(SYS_arch_prctl, 0x1001, fuzz_value(), 0, 0);
}

static void trials(void)
{
	struct itimerval turn = { .it_interval.tv_usec = TURN_US, .it_value.tv_usec = TURN_US };
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const uint64_t me = (uint64_t)fuzz_call(SYS_getpid, 0, 0, 0, 0);

	for (unsigned i = 0; i < TRIALS; i++) {
		/* Each time anew: a trial may have undone any of it. */
		sigaltstack(&alternate, NULL);
		catch_all();
		setitimer(ITIMER_REAL, &turn, NULL);
		fuzz_map_memory();
		new_code();
		if (fuzz_one_in(3))
			new_segment();
		on_trial = false;
		fuzz_call(SYS_kill, me, SIGUSR1, 0, 0);
		on_trial = false;
		fuzz_counts->trials++;
	}
}

void fuzz_frames(void)
{
	fuzz_become_nobody();
	trials();
}

void fuzz_code(void)
{
	fuzz_become_nobody();
	only_code = true;
	trials();
}
