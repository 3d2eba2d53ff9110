/*
 * ChaCha20, the block function alone.  Source: RFC 8439, 2.1 to 2.3.
 */
#include "kernel/base/chacha20.h"

#define DOUBLE_ROUNDS 10

static u32 rotate(u32 v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void quarter_round(u32 *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 7);
}

void chacha20_block(const u32 key[CHACHA20_KEY_WORDS], u32 counter, const u32 nonce[3],
		    u32 out[CHACHA20_WORDS])
{
	u32 in[CHACHA20_WORDS] = {
		0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, /* "expand 32-byte k" */
		key[0],     key[1],     key[2],     key[3],     key[4],   key[5],
		key[6],     key[7],     counter,    nonce[0],   nonce[1], nonce[2],
	};

	for (unsigned i = 0; i < CHACHA20_WORDS; i++)
		out[i] = in[i];
	for (unsigned round = 0; round < DOUBLE_ROUNDS; round++) {
		for (unsigned i = 0; i < 4; i++) /* columns, then diagonals */
			quarter_round(out, i, 4 + i, 8 + i, 12 + i);
		for (unsigned i = 0; i < 4; i++)
			quarter_round(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (unsigned i = 0; i < CHACHA20_WORDS; i++)
		out[i] += in[i];
}
