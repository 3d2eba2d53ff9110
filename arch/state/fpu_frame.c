/*
 * FPU state in signal frames, where the program can read and change it.  What
 * comes back may be anything: XRSTOR itself refuses a bad header, behind a
 * fixup, and what it would not look at is checked before.
 *
 * An area of XSAVE ends in a second magic number, and says in bytes that XSAVE
 * leaves alone how long it is; without both, only FXSAVE's part of it counts.
 * i386's frames have FSAVE's image in front, which is for x87 what counts.
 * Sources: Intel SDM vol. 1, 8.1.10 (FSAVE), 13; Linux's sigcontext.h (the ABI).
 */
#include "arch/cpu.h"
#include "arch/state/fpu.h"
#include "arch/state/fpu_frame.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "mm/space/uaccess.h"

#define MAGIC1 0x46505853
#define MAGIC2 0x46505845
#define MXCSR_VALID 0xffff
#define X87_SSE (XCR0_X87 | XCR0_SSE)

/* The bytes of FXSAVE's area that are left to software. */
struct sw_bytes {
	u32 magic1, extended_size;
	u64 xfeatures;
	u32 xstate_size, padding[7];
};

struct fx_area {
	u16 fcw, fsw;
	u8 ftw, reserved0;
	u16 fop;
	u64 rip, rdp;
	u32 mxcsr, mxcsr_mask;
	struct {
		u16 word[5], pad[3];
	} st[8];
	u8 xmm[256], reserved1[48];
	struct sw_bytes sw;
};
static_assert(offsetof(struct fx_area, sw) == 464, "FXSAVE's area");
static_assert(sizeof(struct fx_area) == FXSAVE_SIZE, "FXSAVE's area");

struct xsave_header {
	u64 xstate_bv, xcomp_bv, reserved[6];
};
static_assert(sizeof(struct xsave_header) == XSAVE_HEADER_SIZE, "XSAVE's header");

/* What FSAVE writes in 32-bit mode, and two words of Linux's. */
struct legacy_area {
	u32 cw, sw, tag, ip, cs, data, ds;
	struct {
		u16 word[5];
	} st[8];
	u16 status, magic; /* magic 0: there is more behind it */
};
static_assert(sizeof(struct legacy_area) == FPU_LEGACY_SIZE, "FSAVE's area");

union state {
	struct {
		struct fx_area fx;
		struct xsave_header header;
	};
	u8 bytes[FPU_STATE_MAX];
};

/* ---- FSAVE's tag word: two bits a register, by register, not by stack -------------- */

enum tag { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static enum tag tag_of(const u16 word[5])
{
	u16 exponent = word[4] & 0x7fff;

	if (exponent == 0)
		return word[0] | word[1] | word[2] | word[3] ? TAG_SPECIAL : TAG_ZERO;
	return exponent != 0x7fff && word[3] & 0x8000 ? TAG_VALID : TAG_SPECIAL;
}

static u32 full_tags(const struct fx_area *fx)
{
	unsigned top = fx->fsw >> 11 & 7;
	u32 tags = 0xffff0000;

	for (unsigned i = 0; i < 8; i++) {
		enum tag tag = fx->ftw & BIT(i) ? tag_of(fx->st[(i - top) & 7].word) : TAG_EMPTY;

		tags |= (u32)tag << 2 * i;
	}
	return tags;
}

static u8 short_tags(u32 tags)
{
	u8 used = 0;

	for (unsigned i = 0; i < 8; i++)
		if ((tags >> 2 * i & 3) != TAG_EMPTY)
			used |= (u8)BIT(i);
	return used;
}

/* ---- To a frame ------------------------------------------------------------------------ */

static int save_legacy(virt_addr_t at, u16 cs, u16 ds)
{
	union state s __aligned(64) = { 0 };
	struct legacy_area l = { .magic = 0 };

	fpu_save(&s);
	l.cw = s.fx.fcw | 0xffff0000;
	l.sw = s.fx.fsw | 0xffff0000;
	l.tag = full_tags(&s.fx);
	l.ip = (u32)s.fx.rip;
	l.cs = cs;
	l.data = (u32)s.fx.rdp;
	l.ds = ds | 0xffff0000;
	l.status = s.fx.fsw;
	for (unsigned i = 0; i < 8; i++)
		memcpy(l.st[i].word, s.fx.st[i].word, sizeof(l.st[i].word));
	return copy_to_user(at, &l, sizeof(l)) ? -EFAULT : 0;
}

/* Words behind the numbers that XSAVE and FXSAVE leave alone; the header of XSAVE's follows. */
#define SW_PADDING_WORDS 3
#define HEADER_WORDS (XSAVE_HEADER_SIZE / sizeof(u64))

int fpu_frame_save(virt_addr_t at, u64 in_front)
{
	union state *to = (union state *)at;
	struct sw_bytes *sw = &to->fx.sw;
	u64 *zero = (void *)&sw->padding[1];
	u64 size = cpu_features.fpu_size;

	user_put64(&sw->magic1, MAGIC1 | (size + sizeof(u32) + in_front) << 32, fault);
	user_put64(&sw->xfeatures, cpu_features.xcr0, fault);
	user_put64(&sw->xstate_size, size, fault);
	if (unlikely(!cpu_features.xsave)) {
		user_zero_words(zero, SW_PADDING_WORDS, fault);
		user_fxsave(to, 0, fault);
		return 0;
	}
#pragma GCC unroll 16
	for (unsigned i = 0; i < SW_PADDING_WORDS + HEADER_WORDS; i++)
		user_put64(&zero[i], 0, fault);
	user_put32(at + size, MAGIC2, fault);
	user_xsave(to, cpu_features.xcr0, fault);
	/* A program that knows nothing of the header changes x87 and SSE. */
	user_or64(&to->header.xstate_bv, X87_SSE, fault);
	return 0;
fault:
	return -EFAULT;
}

int fpu_frame_save32(virt_addr_t at, u16 cs, u16 ds)
{
	int err;

	if (!user_range_ok(at, cpu_features.fpu_frame_size))
		return -EFAULT;
	user_access_begin();
	err = fpu_frame_save(at, FPU_LEGACY_SIZE);
	user_access_end();
	return err ? err : save_legacy(at - FPU_LEGACY_SIZE, cs, ds);
}

/* ---- From a frame ---------------------------------------------------------------------- */

/*
 * Which states the area at `at` has; *fx_only: no header either.  0 or -EFAULT.
 * User memory is open.
 */
static inline int read_features(virt_addr_t at, u64 *features, bool *fx_only)
{
	/* The program's address need not be aligned. */
	typedef struct sw_bytes __attribute__((aligned(1))) any_sw_bytes;
	const any_sw_bytes *sw = (const any_sw_bytes *)(at + offsetof(struct fx_area, sw));
	u32 magic2 = 0, size = 0;
	u64 head = 0; /* magic1, extended_size */

	*features = X87_SSE;
	*fx_only = true;
	if (!cpu_features.xsave)
		return 0;
	user_get64(&head, &sw->magic1, fault);
	user_get32(&size, &sw->xstate_size, fault);
	if ((u32)head != MAGIC1 || size < FXSAVE_SIZE + XSAVE_HEADER_SIZE ||
	    size > cpu_features.fpu_size || size > head >> 32)
		return 0;
	user_get32(&magic2, at + size, fault);
	if (magic2 != MAGIC2)
		return 0;
	user_get64(features, &sw->xfeatures, fault);
	*features &= cpu_features.xcr0;
	*fx_only = false;
	return 0;
fault:
	return -EFAULT;
}

int fpu_frame_restore64(virt_addr_t at)
{
	u64 features;
	bool fx_only;

	if (!user_range_ok(at, cpu_features.fpu_frame_size) ||
	    read_features(at, &features, &fx_only))
		goto fault;
	if (fx_only)
		user_fxrstor(at, 0, fault);
	else
		user_xrstor(at, features, fault);
	if (unlikely(cpu_features.xcr0 & ~features))
		fpu_reset_some(cpu_features.xcr0 & ~features);
	return 0;
fault:
	fpu_reset();
	return -EFAULT;
}

static bool header_ok(const struct xsave_header *h)
{
	u64 bad = h->xcomp_bv | (h->xstate_bv & ~cpu_features.xcr0);

	for (unsigned i = 0; i < ARRAY_SIZE(h->reserved); i++)
		bad |= h->reserved[i];
	return !bad;
}

/* A copy of the area, checked, so that what XRSTOR then gets is good. */
static int read_state(virt_addr_t at, union state *s)
{
	u64 features;
	bool fx_only;
	int err;

	user_access_begin();
	err = read_features(at, &features, &fx_only);
	user_access_end();
	if (err || copy_from_user(s, at, fx_only ? FXSAVE_SIZE : cpu_features.fpu_size))
		return -EFAULT;
	if (fx_only)
		s->header = (struct xsave_header){ .xstate_bv = X87_SSE };
	else if (!header_ok(&s->header))
		return -EFAULT;
	if (s->header.xstate_bv && s->fx.mxcsr & ~(u32)MXCSR_VALID)
		return -EFAULT;
	s->fx.mxcsr &= MXCSR_VALID; /* XRSTOR loads it in any case */
	s->header.xstate_bv &= features;
	return 0;
}

static int restore32(virt_addr_t at)
{
	union state s __aligned(64) = { 0 };
	struct legacy_area l;

	if (!user_range_ok(at, FPU_LEGACY_SIZE + cpu_features.fpu_frame_size) ||
	    copy_from_user(&l, at, sizeof(l)) || read_state(at + FPU_LEGACY_SIZE, &s))
		return -EFAULT;
	s.fx.fcw = (u16)l.cw;
	s.fx.fsw = (u16)l.sw;
	s.fx.ftw = short_tags(l.tag);
	s.fx.fop = (u16)(l.cs >> 16);
	s.fx.rip = l.ip;
	s.fx.rdp = l.data;
	for (unsigned i = 0; i < 8; i++)
		memcpy(s.fx.st[i].word, l.st[i].word, sizeof(l.st[i].word));
	fpu_restore(&s);
	return 0;
}

int fpu_frame_restore32(virt_addr_t at)
{
	int err = restore32(at);

	if (err)
		fpu_reset();
	return err;
}
