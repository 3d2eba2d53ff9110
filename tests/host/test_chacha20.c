/* Test of kernel/base/chacha20.c, by the vectors of RFC 8439. */
#include "kernel/base/chacha20.h"
#include "tests/host/host.h"

static void check_block(const u8 key[32], u32 counter, const u32 nonce[3], const u32 want[16])
{
	u32 words[8], out[16];

	for (unsigned i = 0; i < 8; i++)
		words[i] = (u32)(key[4 * i] | key[4 * i + 1] << 8 | key[4 * i + 2] << 16) |
			   (u32)key[4 * i + 3] << 24;
	chacha20_block(words, counter, nonce, out);
	for (unsigned i = 0; i < 16; i++)
		CHECK_EQ(out[i], want[i]);
}

/* RFC 8439, 2.3.2. */
static void test_block(void)
{
	static const u32 nonce[3] = { 0x09000000, 0x4a000000, 0 };
	static const u32 want[16] = {
		0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
		0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
		0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
		0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2,
	};
	u8 key[32];

	for (unsigned i = 0; i < 32; i++)
		key[i] = (u8)i;
	check_block(key, 1, nonce, want);
}

/* RFC 8439, A.1, test vector 1: nothing but zeros. */
static void test_zeros(void)
{
	static const u32 nonce[3];
	static const u8 key[32];
	static const u32 want[16] = {
		0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653,
		0xb819d2bd, 0x1aed8da0, 0xccef36a8, 0xc70d778b,
		0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8,
		0xf4b8436a, 0x1ca11815, 0x69b687c3, 0x8665eeb2,
	};

	check_block(key, 0, nonce, want);
}

const struct host_case host_cases[] = {
	{ "the block of RFC 8439, 2.3.2", test_block },
	{ "the block of RFC 8439, A.1: zeros", test_zeros },
	{ NULL, NULL }
};
