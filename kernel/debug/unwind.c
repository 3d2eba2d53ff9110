/*
 * The unwinder.  In C the frame pointers lead outwards; in assembly of entry/
 * the hints do (kernel/base/hints.h), which say for each instruction where the
 * frame of the one before is.  Both kinds alternate: C below an entry returns to
 * an address in entry code, whose hint knows the pt_regs there; these may be the
 * user's, or those of an interrupted piece of kernel, C or assembly again.
 *
 * The trampoline's hints are those of CPU 0's alias, and hold for all.
 *
 * C that was interrupted need not have its own frame: a function that makes no
 * calls has none at all, others have none in their first and last instructions.
 * RBP is then still the caller's, so that the chain holds, but the caller itself
 * would be left out.  See caller_of_frameless().
 *
 * Nothing here takes a lock or trusts a word that it has read: each read is
 * probed, a frame must lie above the one before, and there are MAX_DEPTH of them
 * at most.
 */
#include "arch/cpu_entry_area.h"
#include "entry/deferred/deferred.h"
#include "kernel/base/format.h"
#include "kernel/base/hints.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "kernel/base/x86.h"
#include "kernel/debug/names.h"
#include "kernel/debug/symbols.h"
#include "kernel/debug/unwind.h"
#include "mm/image.h"
#include "mm/space/uaccess.h"

#define MAX_DEPTH 64

struct unwind_hint {
	u64 ip;
	u8 type, base;
	s16 offset;
	u8 order, saved;
	u16 zero;
};
static_assert(sizeof(struct unwind_hint) == HINT_SIZE, "as NASM lays it out");

extern const struct unwind_hint unwind_hints_start[], unwind_hints_end[];

#define REG_INDEX(field) (offsetof(struct pt_regs, field) / sizeof(u64))
static_assert(REG_INDEX(bp) == HINT_BP && REG_INDEX(ax) == HINT_AX && REG_INDEX(cx) == HINT_CX &&
		      REG_INDEX(di) == HINT_DI && REG_INDEX(ip) == HINT_IP &&
		      REG_INDEX(sp) == HINT_SP,
	      "hints.h numbers the registers as struct pt_regs does");

/* In which order they were pushed, and how far below ip the first is. */
static const struct {
	u8 reg[15];
	u8 count;
	u8 words_below;
} order[] = {
	[HINT_ORDER_REGS] = { { REG_INDEX(di), REG_INDEX(si), REG_INDEX(dx), REG_INDEX(cx),
				REG_INDEX(ax), REG_INDEX(r8), REG_INDEX(r9), REG_INDEX(r10),
				REG_INDEX(r11), REG_INDEX(bx), REG_INDEX(bp), REG_INDEX(r12),
				REG_INDEX(r13), REG_INDEX(r14), REG_INDEX(r15) },
			      15,
			      3 },
	[HINT_ORDER_SCRATCH] = { { REG_INDEX(ax), REG_INDEX(cx), REG_INDEX(dx), REG_INDEX(bx),
				   REG_INDEX(si) },
				 5,
				 3 },
	[HINT_ORDER_RDI] = { { REG_INDEX(di) }, 1, 1 },
	[HINT_ORDER_CALLEE] = { { REG_INDEX(bp), REG_INDEX(bx), REG_INDEX(r12), REG_INDEX(r13),
				  REG_INDEX(r14), REG_INDEX(r15) },
				6,
				1 },
	[HINT_ORDER_RESUME] = { { REG_INDEX(di) }, 1, 2 },
};

/* ---- Reading ---------------------------------------------------------------------- */

/* One word of kernel memory, wherever it is; false if it is not there. */
static bool read_word(u64 at, u64 *v)
{
	u8 byte;

	if (at < KERNEL_HALF || at % sizeof(*v))
		return false;
	for (unsigned i = 0; i < sizeof(*v); i++) {
		if (probe_read(at + i, &byte))
			return false;
		((u8 *)v)[i] = byte;
	}
	return true;
}

/* Of the image, or deferred text. */
static bool in_c_text(u64 ip)
{
	return (ip >= (u64)image_text_start && ip < (u64)image_text_end) || deferred_is_at(ip);
}

/* Code below image_text_start is the loader's part, at low addresses. */
static bool is_kernel_code(u64 ip)
{
	return in_c_text(ip) || (ip >= CEA_ENTRY_TEXT && ip < CEA_SLOT_END) ||
	       (ip < EARLY_MAP_END && ip >= KERNEL_PHYS_START);
}

/* Every trampoline's hints are those of CPU 0's. */
static const struct unwind_hint *find_hint(u64 ip)
{
	static const struct unwind_hint none = { .type = HINT_C };
	size_t first = 0, end = (size_t)(unwind_hints_end - unwind_hints_start);

	if (ip >= CEA_BASE && ip < CEA_SLOT_END)
		ip = CEA_BASE + (ip - CEA_BASE) % CEA_STRIDE;
	while (first < end) {
		size_t middle = (first + end) / 2;

		if (unwind_hints_start[middle].ip <= ip)
			first = middle + 1;
		else
			end = middle;
	}
	return first ? &unwind_hints_start[first - 1] : &none;
}

/* ---- C ------------------------------------------------------------------------------ */

/* Code bytes, as far as there are; the rest is 0. */
static void read_code(u64 at, u8 *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!in_c_text(at + i) || probe_read(at + i, &to[i]))
			to[i] = 0;
}

/* So far behind a function's first instruction may its code without a frame be. */
#define FRAMELESS_MAX 1024

static bool follows(u64 ip, u64 function, u64 most)
{
	return ip >= function && ip - function < most;
}

/* FF /2, a call through a register or memory, of two, three, six or seven bytes */
static bool ends_in_indirect_call(const u8 code[7])
{
	static const u8 at[] = { 5, 4, 1, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
		if (code[at[i]] == 0xff && (code[at[i] + 1] & 0x38) == 0x10)
			return true;
	return false;
}

/*
 * Called by entry code, with a pt_regs on the stack, sp being right behind the
 * return address?  A function without a frame, yet or any more, has RBP as entry code
 * left it: zero on the way from user mode, else as in the pt_regs.  So a word that
 * was left behind by an earlier event is not taken for a return address.
 */
static bool returns_to_entry(const struct unwind_hint *h, u64 sp, u64 bp)
{
	u64 regs_bp;

	if (h->type == HINT_SYSCALL_FRAME) /* deferred C keeps the user's RBP */
		return true;
	if (h->type != HINT_FRAME || (h->base != HINT_SP && h->base != HINT_AT_SP))
		return false;
	if (h->base == HINT_AT_SP && !read_word(sp, &sp))
		return false;
	sp += (u64)(s64)h->offset - 8ULL * (HINT_IP - HINT_BP);
	return read_word(sp, &regs_bp) && (bp == 0 || bp == regs_bp);
}

/*
 * Is `word`, found where the return address of the function around ip is if it
 * has no frame, indeed one?  A direct call says which function it called.  Behind
 * an indirect one ip must be at the very edge of a function: at PUSH RBP or the
 * instruction behind, at a RET, or nowhere at all.
 */
static bool returns_from(u64 word, u64 ip, bool at_edge)
{
	u8 code[7];
	s32 distance;

	if (!in_c_text(word - 1))
		return false;
	read_code(word - sizeof(code), code, sizeof(code));
	memcpy(&distance, code + 3, sizeof(distance));
	if (code[2] == 0xe8 && follows(ip, word + (u64)(s64)distance, FRAMELESS_MAX))
		return true;
	return at_edge && ends_in_indirect_call(code);
}

/*
 * The caller of interrupted C that has no frame: its return address is on top of
 * the stack, or, between PUSH RBP and MOV RBP, RSP, right above the RBP pushed.
 * RBP is the caller's, whose frame is further up.
 */
static bool caller_of_frameless(struct unwind_state *s)
{
	struct pt_regs *r = &s->regs;
	u8 here[2];
	u64 word, sp = r->sp;

	if (!read_word(sp, &word))
		return false;
	read_code(r->ip - 1, here, sizeof(here));
	if (word == r->bp && here[0] == 0x55) {
		sp += 8;
		if (!read_word(sp, &word))
			return false;
	}
	sp += 8;
	if (!returns_to_entry(find_hint(word - 1), sp, r->bp) &&
	    !returns_from(word, r->ip,
			  here[0] == 0x55 || here[1] == 0x55 || here[1] == 0xc3 ||
				  !is_kernel_code(r->ip)))
		return false;
	r->sp = sp;
	r->ip = word;
	return true;
}

static enum unwind_status step_c(struct unwind_state *s)
{
	struct pt_regs *r = &s->regs;
	u64 ip, bp;

	if (!s->interrupted && !is_kernel_code(r->ip))
		return UNWIND_LOST;
	if (s->interrupted && caller_of_frameless(s))
		return UNWIND_GOES_ON;
	if (r->bp == 0)
		return UNWIND_AT_START;
	/* Interrupted code may have put RSP anywhere. */
	if (!s->interrupted && (r->bp < r->sp || r->bp - r->sp > BOOT_STACK_SIZE))
		return UNWIND_LOST;
	if (!read_word(r->bp, &bp) || !read_word(r->bp + 8, &ip))
		return UNWIND_LOST;
	r->sp = r->bp + 16;
	r->bp = bp;
	r->ip = ip;
	return UNWIND_GOES_ON;
}

/* ---- Assembly ------------------------------------------------------------------------ */

/* Takes from memory what the hint says is there; the rest stays. */
static bool read_saved(const struct unwind_hint *h, u64 frame, u64 *regs)
{
	u64 at = frame - 8ULL * order[h->order].words_below;

	for (unsigned i = 0; i < h->saved && i < order[h->order].count; i++)
		if (!read_word(at - 8ULL * i, &regs[order[h->order].reg[i]]))
			return false;
	return true;
}

static enum unwind_status step_frame(struct unwind_state *s, const struct unwind_hint *h, u64 frame)
{
	struct pt_regs *r = &s->regs;
	struct pt_regs out = *r;
	bool whole = h->order == HINT_ORDER_REGS && h->saved == order[h->order].count;

	if (!read_saved(h, frame, (u64 *)&out) || !read_word(frame, &out.ip) ||
	    !read_word(frame + 8, &out.cs) || !read_word(frame + 16, &out.flags) ||
	    !read_word(frame + 24, &out.sp) || !read_word(frame + 32, &out.ss))
		return UNWIND_LOST;
	if (h->type == HINT_SYSCALL_FRAME) {
		out.cx = out.ip;
		out.r11 = out.flags;
	}
	if (whole && !read_word(frame - 16, &out.vector))
		return UNWIND_LOST;
	if (whole && !read_word(frame - 8, &out.orig_ax))
		return UNWIND_LOST;
	s->event = whole ? out.vector : UNWIND_UNKNOWN_EVENT;
	*r = out;
	s->interrupted = true;
	return user_mode(r) ? UNWIND_AT_USER : UNWIND_GOES_ON;
}

static enum unwind_status step_syscall(struct unwind_state *s, const struct unwind_hint *h)
{
	struct pt_regs *r = &s->regs;
	const struct percpu *cpu = this_cpu();

	r->cs = (u16)h->offset;
	r->ss = SEL_USER_DS;
	if (h->type == HINT_PARKED && !read_word((u64)cea(cpu->cpu) + CEA_USER_RSP, &r->sp))
		return UNWIND_LOST;
	if (h->type == HINT_PARKED_VAULT)
		r->sp = cpu->user_rsp;
	if (h->type == HINT_SYSENTER) {
		r->sp = r->bp;
		r->ip = 0; /* it is nowhere */
	} else {
		r->ip = r->cx;
		r->flags = r->r11;
	}
	s->event = h->type == HINT_SYSENTER ? VEC_SYSENTER :
		   h->offset == SEL_USER_CS ? VEC_SYSCALL :
					      VEC_SYSCALL32;
	return UNWIND_AT_USER;
}

static enum unwind_status step_call(struct unwind_state *s, const struct unwind_hint *h, u64 at)
{
	if (!read_saved(h, at, (u64 *)&s->regs) || !read_word(at, &s->regs.ip))
		return UNWIND_LOST;
	s->regs.sp = at + 8;
	s->interrupted = false;
	return UNWIND_GOES_ON;
}

/* RSP is where it was interrupted; CS is the kernel's, as on any RET. */
static enum unwind_status step_resume(struct unwind_state *s, const struct unwind_hint *h, u64 at)
{
	enum unwind_status status = step_call(s, h, at);

	s->interrupted = true;
	s->event = UNWIND_UNKNOWN_EVENT;
	return status;
}

/* What a hint's offset is from; false: the word that holds it is not there. */
static bool base_of(const struct unwind_hint *h, const struct pt_regs *r, u64 *base)
{
	u64 area = (u64)cea(this_cpu()->cpu);

	if (h->base == HINT_EXIT_RSP)
		return read_word(area + CEA_EXIT_RSP, base);
	if (h->base == HINT_AT_SP)
		return read_word(r->sp, base);
	*base = h->base == HINT_ENTRY_STACK ? area + CEA_ENTRY_STACK_TOP :
					      ((const u64 *)r)[h->base];
	return true;
}

static enum unwind_status step(struct unwind_state *s)
{
	/* Behind a call, what made it counts. */
	const struct unwind_hint *h = find_hint(s->regs.ip - !s->interrupted);
	u64 at;

	s->event = UNWIND_NO_EVENT;
	if (h->type == HINT_END)
		return UNWIND_AT_START;
	if (h->type == HINT_C) {
		enum unwind_status status = step_c(s);

		s->interrupted = false;
		return status;
	}
	if (!s->interrupted && h->base != HINT_SP && h->base != HINT_AT_SP)
		return UNWIND_LOST; /* a register that C has not kept */
	if (h->type != HINT_CALL && h->type != HINT_FRAME && h->type != HINT_RESUME &&
	    h->type != HINT_SYSCALL_FRAME)
		return step_syscall(s, h);
	if (!base_of(h, &s->regs, &at))
		return UNWIND_LOST;
	at += (u64)(s64)h->offset;
	if (h->type == HINT_RESUME)
		return step_resume(s, h, at);
	return h->type == HINT_CALL ? step_call(s, h, at) : step_frame(s, h, at);
}

void unwind_start(struct unwind_state *s, const struct pt_regs *regs)
{
	*s = (struct unwind_state){ .regs = *regs, .interrupted = true, .event = UNWIND_NO_EVENT };
	if (user_mode(regs))
		s->status = UNWIND_AT_USER;
}

void unwind_start_frame(struct unwind_state *s, u64 ip, u64 bp)
{
	*s = (struct unwind_state){ .event = UNWIND_NO_EVENT };
	s->regs.cs = SEL_KERNEL_CS;
	s->regs.sp = bp + 16;
	s->regs.ip = ip;
	if (!read_word(bp, &s->regs.bp))
		s->status = UNWIND_LOST;
}

bool unwind_next(struct unwind_state *s)
{
	if (s->status != UNWIND_GOES_ON)
		return false;
	s->status = ++s->depth < MAX_DEPTH ? step(s) : UNWIND_LOST;
	return s->status == UNWIND_GOES_ON || s->status == UNWIND_AT_USER;
}

/* ---- Text ---------------------------------------------------------------------------- */

/* An event's line, a frame's, and the last one. */
#define LINES_SIZE (SYMBOL_TEXT_SIZE + 64)

static const char *event_name(u64 event)
{
	switch (event) {
	case UNWIND_UNKNOWN_EVENT: return "entry";
	case VEC_SYSCALL: return "SYSCALL";
	case VEC_SYSCALL32: return "SYSCALL32";
	case VEC_SYSENTER: return "SYSENTER";
	case VEC_INT80: return "INT 0x80";
	}
	return (u8)event == VEC_TIMER ? "timer" : trap_name((u8)event);
}

/* The frame, below what came in between; how many bytes. */
static size_t format_frame(const struct unwind_state *s, char *to)
{
	const struct pt_regs *r = &s->regs;
	char name[SYMBOL_TEXT_SIZE];
	int n = 0;

	to[0] = '\0';
	if (s->event != UNWIND_NO_EVENT)
		n = format(to, LINES_SIZE, "  <%s>\n", event_name(s->event));
	if (s->status == UNWIND_AT_USER)
		n += format(to + n, LINES_SIZE - (size_t)n, "  user: RIP %#lx CS %#lx RSP %#lx\n",
			    r->ip, r->cs, r->sp);
	if (s->status == UNWIND_GOES_ON)
		n += format(to + n, LINES_SIZE - (size_t)n, "  %#lx%s\n", r->ip,
			    symbol_format(name, r->ip, !s->interrupted));
	return (size_t)n;
}

bool unwind_format(struct unwind_state *s, char *to, size_t size)
{
	static const char *const end[] = {
		[UNWIND_AT_USER] = "",
		[UNWIND_AT_START] = "  start\n",
		[UNWIND_LOST] = "  ?\n",
	};
	size_t used = 0;

	do {
		if (size - used < LINES_SIZE)
			return true;
		used += format_frame(s, to + used);
	} while (unwind_next(s));
	format(to + used, size - used, "%s", end[s->status]);
	return false;
}

void unwind_print(const char *heading, struct unwind_state *s)
{
	char text[UNWIND_TEXT_SIZE];
	size_t used = (size_t)format(text, sizeof(text), "%s\n", heading);
	bool more;

	do {
		more = unwind_format(s, text + used, sizeof(text) - used);
		log_write(text, strlen(text));
		used = 0;
	} while (more);
}
