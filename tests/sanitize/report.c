/*
 * The end of a sanitizing kernel: kernel/debug/panic.c's screen, with what was done, and
 * behind its back-trace, which is of the use, those of who took and gave back what
 * it was done to.
 *
 * One report only; what its own way does is not looked at any more.
 */
#include "arch/machine/power.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "kernel/debug/symbols.h"
#include "kernel/task/task.h"
#include "tests/sanitize/sanitize.h"

static bool begun;
static struct finding finding; /* of the report that has begun */

__noreturn void __real_power_off(bool good);
__noreturn void __wrap_power_off(bool good);

/* Frame pointers lead upwards, from one function of the image to the next. */
__attribute__((noinline)) void trace_here(struct stack_trace *t)
{
	const u64 *frame = *(const u64 **)__builtin_frame_address(0);
	const struct task *self = current_task();

	for (unsigned i = 0; i < sizeof(t->by); i++)
		t->by[i] = self ? self->name[i] : "boot"[MIN(i, 4)];
	for (unsigned i = 0; i < TRACE_DEPTH; i++)
		t->caller[i] = 0;
	for (unsigned i = 0; i < TRACE_DEPTH; i++) {
		const u64 *next = (const u64 *)frame[0];

		if (frame[1] < KERNEL_BASE)
			return; /* entry text */
		t->caller[i] = (u32)frame[1];
		if (next <= frame || next > frame + TASK_STACK_SIZE / sizeof(*frame))
			return;
		frame = next;
	}
}

static void print(const char *what, const struct stack_trace *t)
{
	char name[SYMBOL_TEXT_SIZE];

	if (!t || !t->caller[0])
		return;
	log(" %s by %.15s:\n", what, t->by);
	for (unsigned i = 0; i < TRACE_DEPTH && t->caller[i]; i++) {
		u64 ip = KERNEL_BASE | t->caller[i];

		log("  %#lx%s\n", ip, symbol_format(name, ip, true));
	}
}

/* The last that panic() does. */
void __wrap_power_off(bool good)
{
	if (begun) {
		print("taken", finding.taken);
		print("given back", finding.freed);
	}
	__real_power_off(good);
}

static bool begin(void)
{
	return !__atomic_exchange_n(&begun, true, __ATOMIC_SEQ_CST);
}

/* The first byte that is not live: the one to be explained. */
static void explain(u64 addr)
{
	struct frame_record *r = frame_record_of(addr);

	if (addr < PAGE_SIZE)
		format(finding.text, sizeof(finding.text), "by a null pointer");
	else if (addr < USER_END)
		format(finding.text, sizeof(finding.text),
		       "in the user half, and not by mm/space/uaccess.c");
	else if (addr < DIRECT_MAP_BASE)
		format(finding.text, sizeof(finding.text), "where nothing ever is");
	else if (pieces_of_image(addr) || (r && r->has_pieces))
		pieces_explain(addr, &finding);
	else if (addr >= KERNEL_BASE)
		globals_explain(addr, &finding);
	else if (addr >= VMAP_BASE)
		stacks_explain(addr, &finding);
	else
		frames_explain(addr, &finding);
}

static u64 first_dead(u64 addr, u64 size, bool whole)
{
	u64 at = addr;

	while (at < addr + size - 1 && byte_is_live(at, whole))
		at++;
	return at;
}

void report_access(u64 addr, u64 size, bool write, bool whole)
{
	if (!begin())
		return;
	explain(first_dead(addr, size, whole));
	panic("sanitize: %s of %lu bytes at %#lx, %s", write ? "write" : "read", size, addr,
	      finding.text);
}

void report_double_free(u64 addr)
{
	if (!begin())
		return;
	explain(addr);
	panic("sanitize: given back: %#lx, %s", addr, finding.text);
}

void report_undefined(const char *fmt, ...)
{
	char text[300];
	va_list args;

	if (!begin())
		return;
	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	panic("sanitize: %s", text);
}
