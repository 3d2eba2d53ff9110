/*
 * What is done against the processor's speculation beyond page-table isolation:
 * boot argument mitigations=auto|on|off.
 */
#ifndef ARCH_STATE_MITIGATIONS_H
#define ARCH_STATE_MITIGATIONS_H

#include "kernel/base/types.h"

enum mitigations_mode { MITIGATIONS_AUTO, MITIGATIONS_ON, MITIGATIONS_OFF };

/* What the decision is made from. */
struct mitigation_facts {
	bool intel;
	bool ibpb;             /* MSR_PRED_CMD is there */
	bool rtm;              /* transactions */
	u64 arch_capabilities; /* the MSR, or 0 */
};

struct mitigations {
	bool verw;         /* before user mode: clear the buffers */
	bool ibpb;         /* between programs: forget the branches of the one before */
	bool each_process; /* the same between processes of one user, too */
	bool return_stack; /* at a context switch: fill the return stack */
};
extern struct mitigations mitigations;

/* What to do on such a processor.  No side effects. */
struct mitigations mitigations_decide(enum mitigations_mode mode,
				      const struct mitigation_facts *facts);

/*
 * Decides for this machine, and makes NOPs of entry code's VERWs unless they are
 * wanted.  Boot CPU, once, under the temporary map: later there is no writable
 * address of entry text.
 */
void mitigations_init(enum mitigations_mode mode);

/* Is there anything for mitigations_switch() to do? */
static inline bool mitigations_at_switch(void)
{
	return mitigations.return_stack | mitigations.ibpb;
}

/*
 * This CPU is about to switch to another task.  owner: whose branches the next
 * program's are, a number above 0 that differs where one must not steer the other;
 * 0: a kernel thread.  Context: schedule(), interrupts off.
 */
void mitigations_switch(u64 owner);

/* Fills the return stack with addresses at which speculation stops. */
void return_stack_fill(void);

#endif
