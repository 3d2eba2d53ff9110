/*
 * Descriptors that programs write: struct user_desc of modify_ldt and
 * set_thread_area, and what becomes of it in a table.
 */
#ifndef ARCH_STATE_USER_DESC_H
#define ARCH_STATE_USER_DESC_H

#include "kernel/base/types.h"

/* Linux's layout; the ABI. */
struct user_desc {
	u32 entry_number;
	u32 base_addr;
	u32 limit; /* 20 bits count */
	u32 flags; /* USER_DESC_* */
};
static_assert(sizeof(struct user_desc) == 16, "Linux's struct user_desc");

#define USER_DESC_32BIT 0x1
#define USER_DESC_CONTENTS 0x6 /* 2: expand down, 4: code, 6: conforming code */
#define USER_DESC_CODE 0x4
#define USER_DESC_CONFORMING 0x6
#define USER_DESC_READ_EXEC_ONLY 0x8
#define USER_DESC_LIMIT_IN_PAGES 0x10
#define USER_DESC_NOT_PRESENT 0x20
#define USER_DESC_USEABLE 0x40
#define USER_DESC_FLAGS 0x7f /* those that mean something to us */

/* The two ways to say "no segment at all". */
bool user_desc_is_empty(const struct user_desc *d);
bool user_desc_is_zero(const struct user_desc *d);

/*
 * The descriptor: always a code or data segment of ring 3, with its accessed
 * bit set (the tables are read-only to the processor), never a 64-bit one.
 */
u64 user_desc_pack(const struct user_desc *d);

/* For an LDT, by modify_ldt's rules, the old ones or today's: 0 or -EINVAL. */
int user_desc_pack_ldt(const struct user_desc *d, bool old_mode, u64 *desc);

/* The other way, entry_number 0. */
struct user_desc user_desc_unpack(u64 desc);

#endif
