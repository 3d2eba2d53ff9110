/*
 * FPU state, saved and restored whole at every switch between user tasks, by
 * XSAVE where the CPU has it and FXSAVE where not.  Never lazily: a lazy FPU
 * leaks (CVE-2018-3665).
 * Source: Intel SDM vol. 1, 13.4 (XSAVE area), 10.5.1 (FXSAVE area).
 */
#include "arch/cpu.h"
#include "arch/state/fpu.h"
#include "arch/state/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"

#define FCW_DEFAULT 0x37f
#define MXCSR_DEFAULT 0x1f80
#define PKRU_DEFAULT 0x55555554 /* Linux's: key 0 is open, nothing is with the others */
#define PKRU_KEY_0 3            /* denied: all access, writing */

/* The fields of the XSAVE area whose initial value is not zero. */
struct fpu_state {
	u16 fcw, fsw;
	u8 reserved0[20];
	u32 mxcsr;
	u8 reserved1[484];
	u64 xstate_bv; /* only with XSAVE */
	u8 reserved2[XSAVE_HEADER_SIZE - 8];
};
static_assert(offsetof(struct fpu_state, mxcsr) == 24, "the FXSAVE area");
static_assert(offsetof(struct fpu_state, xstate_bv) == 512, "the XSAVE header");

/*
 * AMD's processors before Zen 2 save and restore the pointers to the last x87
 * instruction and its operand only while an exception is pending.
 */
static bool leaves_pointers(void)
{
	bool amd = strcmp(cpu_features.vendor, "AuthenticAMD") == 0 ||
		   strcmp(cpu_features.vendor, "HygonGenuine") == 0;

	return amd &&
	       !(cpuid(0x80000000, 0).eax >= 0x80000008 && cpuid(0x80000008, 0).ebx & BIT(2));
}

/*
 * Takes a state whose part of XSAVE's area lies where CPUID says, which it returns.  Bochs
 * 2.7 has PKRU and says of it neither length nor place: its XSAVE would go beyond our area.
 */
static u32 take_state(u64 state)
{
	struct cpuid_regs r = cpuid(0xd, (u32)__builtin_ctzll(state));
	u32 end = r.ebx + r.eax;

	if (r.eax == 0 || end > FPU_STATE_MAX)
		return 0;
	cpu_features.xcr0 |= state;
	cpu_features.fpu_size = MAX(cpu_features.fpu_size, end);
	return r.ebx;
}

/* XSAVE's area for what we enable; FXSAVE's where there is no XSAVE. */
void fpu_detect(void)
{
	u32 states;

	cpu_features.fpu_pointers_stay = leaves_pointers();
	cpu_features.xcr0 = XCR0_X87 | XCR0_SSE;
	cpu_features.fpu_size = cpu_features.fpu_frame_size = FXSAVE_SIZE;
	if (!cpu_features.xsave || cpuid(0, 0).eax < 0xd) {
		cpu_features.xsave = cpu_features.pku = false;
		return;
	}
	states = cpuid(0xd, 0).eax;
	cpu_features.fpu_size = FXSAVE_SIZE + XSAVE_HEADER_SIZE;
	if (states & XCR0_AVX)
		take_state(XCR0_AVX);
	if ((states & XCR0_PKRU) && cpu_features.pku)
		cpu_features.pkru_offset = take_state(XCR0_PKRU);
	cpu_features.pku = cpu_features.xcr0 & XCR0_PKRU;
	cpu_features.fpu_frame_size = cpu_features.fpu_size + sizeof(u32); /* a magic number */
}

/* What lies behind fpu_size in a task's page is not ours: nothing may load or save it. */
void fpu_init_cpu(void)
{
	if (!cpu_features.xsave)
		return;
	xsetbv(0, cpu_features.xcr0);
	ASSERT_OP(cpuid(0xd, 0).ebx, <=, cpu_features.fpu_size);
}

void fpu_init_state(void *state)
{
	static const u32 pkru = PKRU_DEFAULT;
	struct fpu_state *s = state;

	memset(state, 0, cpu_features.fpu_size);
	s->fcw = FCW_DEFAULT;
	s->mxcsr = MXCSR_DEFAULT;
	if (cpu_features.xsave)
		s->xstate_bv = cpu_features.xcr0;
	if (cpu_features.pku)
		memcpy((u8 *)state + cpu_features.pkru_offset, &pkru, sizeof(pkru));
}

/*
 * CVE-2006-1056: without this the next task finds the pointers of the last one.
 * FILD sets them to itself and its operand, which are the same in every boot.
 */
void fpu_overwrite_pointers(void)
{
	static const u32 operand;

	x87_load_after_clear(&operand);
}

/* With no state marked as present, XRSTOR makes all initial but MXCSR. */
static const struct fpu_state initial __aligned(64) = {
	.fcw = FCW_DEFAULT,
	.mxcsr = MXCSR_DEFAULT,
};

void fpu_reset(void)
{
	fpu_restore(&initial);
	if (cpu_features.pku)
		write_pkru(PKRU_DEFAULT);
}

bool fpu_lets_write(void)
{
	return !cpu_features.pku || !(read_pkru() & PKRU_KEY_0);
}

void fpu_reset_some(u64 states)
{
	xrstor_some(&initial, states);
}

/* Bits of FSW, FCW and MXCSR: exceptions, and at bit 7 of MXCSR their masks. */
#define FP_INVALID 0x01
#define FP_DENORMAL 0x02
#define FP_DIVIDE 0x04
#define FP_OVERFLOW 0x08
#define FP_UNDERFLOW 0x10
#define FP_PRECISION 0x20
#define MXCSR_MASKS_SHIFT 7

enum { FPE_FLTDIV = 3, FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES, FPE_FLTINV };

int fpu_exception_code(const void *state, bool simd)
{
	const struct fpu_state *s = state;
	u32 raised = simd ? s->mxcsr & ~(s->mxcsr >> MXCSR_MASKS_SHIFT) : s->fsw & ~(u32)s->fcw;

	if (raised & FP_INVALID)
		return FPE_FLTINV;
	if (raised & FP_DIVIDE)
		return FPE_FLTDIV;
	if (raised & FP_OVERFLOW)
		return FPE_FLTOVF;
	if (raised & (FP_DENORMAL | FP_UNDERFLOW))
		return FPE_FLTUND;
	return raised & FP_PRECISION ? FPE_FLTRES : 0;
}
