/* fpu.c: x87, SSE and AVX registers over a handler, and changed through it. */
#include "../../lib/check.h"
#include "signals.h"

#include <cpuid.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u

struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size;
};

static bool have_avx(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return false;
	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (a & 6) == 6;
}

static volatile uint32_t mxcsr_inside;
static volatile uint16_t fcw_inside;
static volatile struct sw_bytes sw;
static volatile uint32_t magic2;
static volatile uint64_t present;
static volatile bool aligned;

/* Looks at the frame, spoils the registers, changes XMM5 and MXCSR in the frame. */
static void spoil(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char *area = (char *)uc->uc_mcontext.fpregs;
	uint32_t csr;
	uint16_t cw;

	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(csr), "=m"(cw));
	mxcsr_inside = csr;
	fcw_inside = cw;
	note(signal, info, context);
	memcpy((void *)&sw, area + 464, sizeof(sw));
	aligned = (uintptr_t)area % 64 == 0;
	if (uc->uc_flags & 1) {
		memcpy((void *)&magic2, area + sw.xstate_size, 4);
		memcpy((void *)&present, area + 512, 8);
	}
	__asm__ volatile("pcmpeqd %%xmm4, %%xmm4; fninit; fldz" : : : "xmm4");
	if (have_avx())
		__asm__ volatile("vzeroall" : : : "xmm4");
	memset(area + 160 + 16 * 5, 0x5a, 16);
	csr = 0x1fa0;
	memcpy(area + 24, &csr, 4);
}

static uint8_t before[2][32], after[2][32];
static long double x87_before = 1.5L, x87_after;
static uint32_t csr_before = 0x7f80, csr_after;
static uint16_t cw_before = 0x27f, cw_after;

#define AROUND(load, store) \
	__asm__ volatile("fninit; fldcw %[cw]; fldt %[x]; ldmxcsr %[csr];" \
			 load \
			 "ud2;" \
			 store \
			 "fnstcw %[cw2]; fstpt %[x2]; stmxcsr %[csr2]" \
			 : [x2] "=m"(x87_after), [csr2] "=m"(csr_after), [cw2] "=m"(cw_after) \
			 : [x] "m"(x87_before), [csr] "m"(csr_before), [cw] "m"(cw_before), \
			   "S"(before), "D"(after) \
			 : "xmm4", "xmm5", "memory")

static void skip_ud2(int signal, siginfo_t *info, void *context)
{
	spoil(signal, info, context);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

static void check_kept(bool avx)
{
	static const uint8_t changed[16] = "ZZZZZZZZZZZZZZZ";
	uint32_t normal = 0x1f80;

	__asm__ volatile("ldmxcsr %0; fninit" : : "m"(normal));
	check_equal(mxcsr_inside, 0x1f80, "a handler begins with its own MXCSR");
	check_equal(fcw_inside, 0x37f, "and x87 control word");
	check_true(memcmp(before[0], after[0], avx ? 32 : 16) == 0, "%s is kept", avx ? "YMM4" : "XMM4");
	check_true(memcmp(after[1], changed, 15) == 0, "XMM5 is as the handler set it");
	if (avx)
		check_true(memcmp(before[1] + 16, after[1] + 16, 16) == 0, "the upper half of YMM5 is kept");
	check_true(x87_after == x87_before, "ST0 is kept");
	check_equal(cw_after, cw_before, "the x87 control word is kept");
	check_equal(csr_after, 0x1fa0, "MXCSR is as the handler set it");
}

/* ---- PKRU ---------------------------------------------------------------------------- */

#define PKRU_DEFAULT 0x55555554u /* all keys closed but 0 */
#define PKRU_STATE (1 << 9)

static volatile uint32_t pkru_inside;
static volatile uint64_t drop; /* states that the frame is not to have */

static bool have_keys(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_OSPKE);
}

static uint32_t read_pkru(void)
{
	uint32_t value, high;

	__asm__ volatile("rdpkru" : "=a"(value), "=d"(high) : "c"(0));
	return value;
}

static void write_pkru(uint32_t value)
{
	__asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static void look_at_keys(int signal, siginfo_t *info, void *context)
{
	char *area = (char *)((ucontext_t *)context)->uc_mcontext.fpregs;
	uint64_t states;

	(void)signal;
	(void)info;
	pkru_inside = read_pkru();
	write_pkru(0x55555544);
	memcpy(&states, area + 512, sizeof(states));
	states &= ~drop;
	memcpy(area + 512, &states, sizeof(states));
}

static void test_keys(void)
{
	int status = -1;

	if (!have_keys()) {
		check_skip("no protection keys", "PKRU over a handler");
		return;
	}
	write_pkru(0x55555550);
	act(SIGUSR1, look_at_keys, 0);
	raise(SIGUSR1);
	check_equal(pkru_inside, PKRU_DEFAULT, "a handler begins with all keys closed but 0");
	check_equal(read_pkru(), 0x55555550, "behind it PKRU is as before");
	if (fork() == 0)
		_exit(read_pkru() == 0x55555550 ? 0 : 1);
	wait(&status);
	check_equal(status, 0, "a child begins with its parent's");
	drop = PKRU_STATE;
	raise(SIGUSR1);
	check_equal(read_pkru(), 0, "without that state in the frame it is the processor's initial one");
	act_default(SIGUSR1);
	write_pkru(PKRU_DEFAULT);
}

void test_fpu_state(void)
{
	bool avx = have_avx();

	for (unsigned i = 0; i < sizeof(before); i++)
		((uint8_t *)before)[i] = (uint8_t)(i * 7 + 1);
	act(SIGILL, skip_ud2, 0);
	if (avx)
		AROUND("vmovdqu (%%rsi), %%ymm4; vmovdqu 32(%%rsi), %%ymm5;",
		       "vmovdqu %%ymm4, (%%rdi); vmovdqu %%ymm5, 32(%%rdi); vzeroupper;");
	else
		AROUND("movdqu (%%rsi), %%xmm4; movdqu 32(%%rsi), %%xmm5;",
		       "movdqu %%xmm4, (%%rdi); movdqu %%xmm5, 32(%%rdi);");
	act_default(SIGILL);
	check_kept(avx);
	check_true(aligned, "the area is 64-aligned");
	check_equal(sw.magic1, MAGIC1, "its first magic number");
	check_equal(sw.extended_size, sw.xstate_size + 4, "its two sizes");
	if (told.uc_flags & 1) {
		check_equal(magic2, MAGIC2, "its second magic number");
		check_equal((int64_t)(present & 3), 3, "x87 and SSE are marked as present");
	}
	test_keys();
}
