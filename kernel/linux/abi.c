/*
 * Words of a program, by the width that its call has.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/linux/abi.h"
#include "mm/space/uaccess.h"

int abi_read_words(u64 *to, virt_addr_t from, unsigned n, unsigned width)
{
	u32 narrow[ABI_WORDS];

	ASSERT_OP(n, <=, ABI_WORDS);
	if (width == sizeof(u64))
		return copy_from_user(to, from, n * sizeof(u64)) ? -EFAULT : 0;
	if (copy_from_user(narrow, from, n * sizeof(u32)))
		return -EFAULT;
	for (unsigned i = 0; i < n; i++)
		to[i] = narrow[i];
	return 0;
}

int abi_write_words(virt_addr_t to, const u64 *from, unsigned n, unsigned width)
{
	u32 narrow[ABI_WORDS];

	ASSERT_OP(n, <=, ABI_WORDS);
	if (width == sizeof(u64))
		return copy_to_user(to, from, n * sizeof(u64)) ? -EFAULT : 0;
	for (unsigned i = 0; i < n; i++)
		narrow[i] = (u32)from[i];
	return copy_to_user(to, narrow, n * sizeof(u32)) ? -EFAULT : 0;
}

int abi_put_word(virt_addr_t to, u64 value)
{
	return abi_is_ia32() ? put_user_u32(to, (u32)value) : put_user_u64(to, value);
}
