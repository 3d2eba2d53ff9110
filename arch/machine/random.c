/*
 * Random numbers: ChaCha20 with fast key erasure (Bernstein, 2017), as Linux has
 * it.  Each request takes a key of its own out of the generator's, which is
 * replaced at the same time: an attacker who reads the kernel's memory later cannot
 * compute what was given before.  (What random_u64() will give next, up to three words, he
 * can read.)
 *
 * The seed is RDSEED's or RDRAND's.  Where the CPU has neither, it is the jitter of
 * reads of a device: another clock's, or on an emulator the host's.  Jitter counts
 * for a bit at most, and only where the first, second and third differences of how
 * long the reads take are not zero; on a machine whose time is a function of its instructions
 * (icount, Bochs) it never does, and the generator says that it is not seeded.
 * What is known of the time, and RDRAND, go into every request's key besides.
 */
#include "arch/cpu.h"
#include "arch/machine/clock.h"
#include "arch/machine/insn.h"
#include "arch/machine/random.h"
#include "kernel/base/chacha20.h"
#include "kernel/base/insn.h"
#include "kernel/base/io.h"
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"

#define RDRAND_TRIES 10   /* SDM vol. 1, 7.3.17.1 */
#define RDSEED_TRIES 1000 /* it runs dry for a while */
#define SEED_BITS 256
#define SAMPLES_PER_BIT 4
#define MAX_SAMPLES 8192
#define JITTER_PORT 0x61
#define SPARES 3

static struct spinlock lock = SPINLOCK(LOCK_RANDOM);
static u32 key[CHACHA20_KEY_WORDS];
static bool seeded;
static u64 spare[SPARES]; /* for random_u64(), each given once and erased */
static unsigned spares;
static const u32 no_nonce[3];

/* Mixes `more` into the key, and takes another key out of it. */
static void next_key(const u32 more[CHACHA20_KEY_WORDS], u32 out[CHACHA20_KEY_WORDS])
{
	u32 block[CHACHA20_WORDS];
	u64 flags = spin_lock(&lock);

	for (unsigned i = 0; i < CHACHA20_KEY_WORDS; i++)
		key[i] ^= more[i];
	chacha20_block(key, 0, no_nonce, block);
	memcpy(key, block, sizeof(key));
	spin_unlock(&lock, flags);
	memcpy(out, block + CHACHA20_KEY_WORDS, sizeof(key));
	memset(block, 0, sizeof(block));
}

/* ---- Seeds --------------------------------------------------------------------- */

static bool hardware_word(u64 *v)
{
	for (int i = 0; cpu_features.rdseed && i < RDSEED_TRIES; i++) {
		if (rdseed(v))
			return true;
		cpu_relax();
	}
	for (int i = 0; cpu_features.rdrand && i < RDRAND_TRIES; i++)
		if (rdrand(v))
			return true;
	return false;
}

/* Some processors' RDRAND has been seen to give the same word for ever. */
static bool seed_by_hardware(void)
{
	u64 words[4];
	u32 out[CHACHA20_KEY_WORDS];

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (!hardware_word(&words[i]) || (i > 0 && words[i] == words[i - 1]))
			return false;
	next_key((const u32 *)words, out);
	return true;
}

/* What was made before there was a seed. */
static void forget_spares(void)
{
	SPIN_SCOPE(&lock) {
		memset(spare, 0, sizeof(spare));
		spares = 0;
	}
}

bool random_seed_by_jitter(void)
{
	u32 words[CHACHA20_KEY_WORDS] = { 0 }, out[CHACHA20_KEY_WORDS];
	s64 last[3] = { 0 };
	unsigned good = 0;

	for (unsigned i = 0; i < MAX_SAMPLES && good < SEED_BITS * SAMPLES_PER_BIT; i++) {
		s64 start = (s64)rdtsc(), end, delta[3];

		inb(JITTER_PORT);
		end = (s64)rdtsc();
		delta[0] = end - start;
		delta[1] = delta[0] - last[0];
		delta[2] = delta[1] - last[1];
		good += i > 2 && delta[1] && delta[2] && delta[2] != last[2];
		memcpy(last, delta, sizeof(last));
		words[i % CHACHA20_KEY_WORDS] ^= (u32)end;
		if (i % CHACHA20_KEY_WORDS == CHACHA20_KEY_WORDS - 1)
			next_key(words, out);
	}
	if (good < SEED_BITS * SAMPLES_PER_BIT)
		return false;
	forget_spares();
	__atomic_store_n(&seeded, true, __ATOMIC_RELEASE);
	return true;
}

void random_init(void)
{
	u64 known[4] = { rdtsc(), clock_realtime_ns() };
	u32 out[CHACHA20_KEY_WORDS];

	next_key((const u32 *)known, out);
	seeded = seed_by_hardware();
	if (!seeded && !random_seed_by_jitter())
		log("random: found no RDRAND, and no jitter in time, expected one of them: "
		    "getrandom() waits\n");
}

bool random_is_seeded(void)
{
	return __atomic_load_n(&seeded, __ATOMIC_ACQUIRE);
}

/* ---- Numbers ------------------------------------------------------------------- */

void random_bytes(void *to, size_t n)
{
	u32 own[CHACHA20_KEY_WORDS], block[CHACHA20_WORDS];
	u64 fresh[4] = { rdtsc() };
	u8 *at = to;

	if (cpu_features.rdrand)
		rdrand(&fresh[1]); /* if it fails, no harm */
	next_key((const u32 *)fresh, own);
	if (n <= sizeof(own)) { /* nobody else has had these words: they will do */
		memcpy(to, own, n);
		n = 0;
	}
	for (u32 counter = 0; n; counter++) {
		size_t part = MIN(n, sizeof(block));

		chacha20_block(own, counter, no_nonce, block);
		memcpy(at, block, part);
		at += part;
		n -= part;
	}
	memset(own, 0, sizeof(own));
	memset(block, 0, sizeof(block));
}

static bool take_spare(u64 *v)
{
	bool found = false;

	SPIN_SCOPE(&lock) {
		found = spares > 0;
		if (found) {
			*v = spare[--spares];
			spare[spares] = 0;
		}
	}
	return found;
}

/* A block has words for more than one. */
u64 random_u64(void)
{
	u64 words[1 + SPARES];

	if (take_spare(&words[0]))
		return words[0];
	random_bytes(words, sizeof(words));
	SPIN_SCOPE(&lock) {
		memcpy(spare, words + 1, sizeof(spare));
		spares = SPARES;
	}
	memset(words + 1, 0, sizeof(spare));
	return words[0];
}
