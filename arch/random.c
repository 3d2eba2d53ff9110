/* Random words; see arch/random.h for what they are worth. */
#include "arch/cpu.h"
#include "arch/random.h"
#include "kernel/base/insn.h"

#define RDRAND_TRIES 10 /* SDM vol. 1, 7.3.17.1 */

/* The finalizer of SplitMix64 (Steele, Lea and Flood, 2014). */
static u64 mix(u64 v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	return v ^ v >> 31;
}

u64 random_u64(void)
{
	static u64 counter;
	u64 v;

	for (int i = 0; cpu_features.rdrand && i < RDRAND_TRIES; i++)
		if (rdrand(&v))
			return v;
	return mix(__atomic_add_fetch(&counter, 0x9e3779b97f4a7c15, __ATOMIC_RELAXED) ^
		   rdtsc());
}
