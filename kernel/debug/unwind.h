/*
 * Back-traces: from any instruction of the kernel to the user's registers, or to
 * the start of a kernel thread.  Each step reads memory that may be anything, and
 * never faults the reporter.
 */
#ifndef KERNEL_DEBUG_UNWIND_H
#define KERNEL_DEBUG_UNWIND_H

#include "entry/entry.h"

enum unwind_status {
	UNWIND_GOES_ON,
	UNWIND_AT_USER,  /* regs are the user's: this is where we came from */
	UNWIND_AT_START, /* the first function of a task or of a CPU */
	UNWIND_LOST,     /* the chain is broken here */
};

/* No event lies between this frame and the one before. */
#define UNWIND_NO_EVENT ~0ULL
/* An event does, but its pt_regs are not complete. */
#define UNWIND_UNKNOWN_EVENT (~0ULL - 1)

struct unwind_state {
	/*
	 * The frame's registers.  If `interrupted`, ip is an instruction that has
	 * not been executed, and all are known (but for the flags of a system
	 * call's caller, see entry/interrupt.asm for SYSENTER); else ip is a
	 * return address, and of the others only sp and bp are known.
	 */
	struct pt_regs regs;
	bool interrupted;
	enum unwind_status status;
	u64 event;      /* pt_regs.vector of what came in between, if anything */
	unsigned depth; /* frames so far */
};

/* Begins at registers that were interrupted.  Any context. */
void unwind_start(struct unwind_state *s, const struct pt_regs *regs);

/*
 * Begins at the caller of the function that says unwind_start_here(), or, by
 * hand, at a return address and that function's frame pointer.
 */
void unwind_start_frame(struct unwind_state *s, u64 ip, u64 bp);
#define unwind_start_here(s) \
	unwind_start_frame(s, (u64)__builtin_return_address(0), (u64)__builtin_frame_address(0))

/*
 * One frame outwards.  False: status says why there is none.  Context: the CPU
 * whose stacks they are; any.
 */
bool unwind_next(struct unwind_state *s);

/*
 * Writes the frames from s on as text, in lines that begin with blanks and end in a
 * newline: a frame's address and name (kernel/debug/symbols.h), <#PF> where an event came
 * in between, at the end the user's registers, or `start`, or `?` where the chain is
 * broken.  True: there is no room in `size` bytes for the rest, from s on; some 35 frames
 * fit into UNWIND_TEXT_SIZE.  Context: as unwind_next().
 */
#define UNWIND_TEXT_SIZE 3072
bool unwind_format(struct unwind_state *s, char *to, size_t size);

/*
 * Prints a line and below it the frames: one piece of output for each UNWIND_TEXT_SIZE.
 * The heading is shorter than that by far.  Needs that much of the stack.
 */
void unwind_print(const char *heading, struct unwind_state *s);

#endif
