/*
 * ChaCha20's block function: 512 bits that look random to anybody without the key.
 */
#ifndef KERNEL_BASE_CHACHA20_H
#define KERNEL_BASE_CHACHA20_H

#include "kernel/base/types.h"

#define CHACHA20_KEY_WORDS 8
#define CHACHA20_WORDS 16

/*
 * Block `counter` of a key and a nonce, in words of which the least significant
 * byte is the first.  Any context.
 */
void chacha20_block(const u32 key[CHACHA20_KEY_WORDS], u32 counter, const u32 nonce[3],
		    u32 out[CHACHA20_WORDS]);

#endif
