/*
 * Waits for another CPU without an end of their own: when is a line about one due?
 */
#include "arch/machine/long_wait.h"

u64 smp_patience_ns = SMP_PATIENCE_NS;
u32 smp_long_waits;

u64 long_wait_ms(struct long_wait *w)
{
	u64 now = clock_ns();

	if (!w->since) {
		w->since = now;
		w->next = now + smp_patience_ns;
	}
	if (now < w->next)
		return 0;
	w->next = now + (now - w->since);
	__atomic_fetch_add(&smp_long_waits, 1, __ATOMIC_RELAXED);
	return MAX(1, (now - w->since) / NSEC_PER_MSEC);
}
