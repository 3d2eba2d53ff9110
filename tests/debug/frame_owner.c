/*
 * The ledger of frames, in a debug build: for each frame below 512 MiB the
 * back-trace of who took it, and that one's pid.
 *
 * A suite sets a mark; if it has lost a frame at its end, each one that is taken
 * and was free at the mark is printed, and each one that is free and was taken.
 */
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/task/task.h"
#include "mm/frames/frame_owner.h"
#include "tests/debug/place_name.h"

#define FRAMES (512ULL << 20 >> PAGE_SHIFT)
#define CALLERS 5
#define LINES_MAX 40

static struct owner {
	u32 caller[CALLERS]; /* the lower half: all are of the image */
	int pid;
	bool taken, at_mark;
} owners[FRAMES];

/* Frame pointers lead upwards, from one function of the image to the next. */
static void back_trace(u32 caller[CALLERS])
{
	const u64 *frame = __builtin_frame_address(0);

	for (unsigned i = 0; i < CALLERS; i++)
		caller[i] = 0;
	for (unsigned i = 0; i < CALLERS; i++) {
		const u64 *next = (const u64 *)frame[0];

		caller[i] = (u32)frame[1];
		if (next <= frame || next > frame + TASK_STACK_SIZE / sizeof(*frame))
			return;
		frame = next;
	}
}

void frame_owner_take(phys_addr_t pa, unsigned n)
{
	const struct task *self = current_task();
	struct owner now = { .pid = self ? self->pid : 0, .taken = true };

	back_trace(now.caller);
	for (u64 pfn = PFN(pa); pfn < PFN(pa) + n && pfn < FRAMES; pfn++) {
		now.at_mark = owners[pfn].at_mark;
		owners[pfn] = now;
	}
}

void frame_owner_give(phys_addr_t pa, unsigned n)
{
	for (u64 pfn = PFN(pa); pfn < PFN(pa) + n && pfn < FRAMES; pfn++)
		owners[pfn].taken = false;
}

void frame_owner_check_clean(phys_addr_t pa)
{
	const u64 *words = phys_to_virt(pa);

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		if (words[i])
			panic("frame: %#lx has %#lx at %#lx, expected all zeroes of what is "
			      "given back as clean", pa, words[i], i * sizeof(*words));
}

void frame_owner_mark(void)
{
	for (u64 pfn = 0; pfn < FRAMES; pfn++)
		owners[pfn].at_mark = owners[pfn].taken;
}

void frame_owner_print(void)
{
	unsigned lines = 0;

	for (u64 pfn = 0; pfn < FRAMES && lines < LINES_MAX; pfn++) {
		const struct owner *o = &owners[pfn];

		if (o->taken == o->at_mark)
			continue;
		lines++;
		log("    # frame %#lx, %s by pid %d at", pfn << PAGE_SHIFT,
		    o->taken ? "taken" : "given back, taken before", o->pid);
		for (unsigned i = 0; i < CALLERS; i++)
			if (o->caller[i])
				log("%s", PLACE_NAME(0xffffffff00000000 | o->caller[i]));
		log("\n");
	}
}
