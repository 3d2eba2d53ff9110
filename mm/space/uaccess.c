/*
 * Copies to and from user memory, and probes, each around one instruction that
 * may fault.  With SMAP, EFLAGS.AC is set for just that instruction; a fault
 * in it takes the fixup with AC still set, and the code there clears it.
 * A check of an address that is guessed to have passed leads nowhere: nospec.h.
 */
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "kernel/base/nospec.h"
#include "kernel/base/string.h"
#include "mm/space/uaccess.h"

bool uaccess_smap;
u64 extable_hits;

extern const struct extable_entry extable_start[], extable_end[];

/*
 * Returns what is left of n when the copy ended or faulted.  Words first; where
 * a word faults, bytes find out how much of it there was.
 */
static size_t copy_bytes(void *to, const void *from, size_t n)
{
	size_t words = n / 8;

	__asm__ volatile("1: rep movsq\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+D"(to), "+S"(from), "+c"(words)
			 :
			 : "memory");
	n = words * 8 + n % 8;
	__asm__ volatile("1: rep movsb\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+D"(to), "+S"(from), "+c"(n)
			 :
			 : "memory");
	return n;
}

size_t copy_from_user(void *to, virt_addr_t from, size_t n)
{
	size_t left = n;

	if (!user_range_ok(from, n))
		return n;
	from = array_index_nospec(from, USER_END);
	user_access_begin();
	left = copy_bytes(to, (const void *)from, n);
	user_access_end();
	return left;
}

size_t copy_to_user(virt_addr_t to, const void *from, size_t n)
{
	size_t left = n;

	if (!user_range_ok(to, n))
		return n;
	to = array_index_nospec(to, USER_END);
	user_access_begin();
	left = copy_bytes((void *)to, from, n);
	user_access_end();
	return left;
}

#define PUT_USER(name, type, insn)                          \
	int name(virt_addr_t to, type value)                \
	{                                                   \
		int err = -EFAULT;                          \
                                                            \
		if (!user_range_ok(to, sizeof(value)))      \
			return err;                         \
		to = array_index_nospec(to, USER_END);      \
		user_access_begin();                        \
		__asm__ volatile("1: " insn " %1, (%2)\n"   \
				 "xorl %0, %0\n"            \
				 "2:\n" EXTABLE("1b", "2b") \
				 : "+r"(err)                \
				 : "r"(value), "r"(to)      \
				 : "memory", "cc");         \
		user_access_end();                          \
		return err;                                 \
	}

PUT_USER(put_user_u32, u32, "movl")
PUT_USER(put_user_u64, u64, "movq")

/* Page by page, so that what lies behind the end does not matter. */
long copy_string_from_user(char *to, virt_addr_t from, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t part = MIN(n - done, PAGE_SIZE - (from + done) % PAGE_SIZE);
		size_t left = copy_from_user(to + done, from + done, part);
		size_t length = strnlen(to + done, part - left);

		done += length;
		if (length < part - left)
			return (long)done;
		if (left)
			return -EFAULT;
	}
	return (long)n;
}

int probe_read(virt_addr_t va, u8 *byte)
{
	int err = -EFAULT;
	u8 v = 0;

	__asm__ volatile("1: movb (%2), %1\n"
			 "xorl %0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err), "+q"(v)
			 : "r"(va)
			 : "memory", "cc");
	*byte = v;
	return err;
}

int probe_write(virt_addr_t va, u8 byte)
{
	int err = -EFAULT;

	__asm__ volatile("1: movb %1, (%2)\n"
			 "xorl %0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err)
			 : "q"(byte), "r"(va)
			 : "memory", "cc");
	return err;
}

int probe_wrmsr(u32 msr, u64 value)
{
	int err = -EFAULT;

	__asm__ volatile("1: wrmsr\n"
			 "xorl %0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err)
			 : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32))
			 : "memory", "cc");
	return err;
}

int probe_write_cr4(u64 value)
{
	int err = -EFAULT;

	__asm__ volatile("1: mov %1, %%cr4\n"
			 "xorl %0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err)
			 : "r"(value)
			 : "memory", "cc");
	return err;
}

u64 extable_find(u64 ip)
{
	for (const struct extable_entry *e = extable_start; e < extable_end; e++)
		if (e->insn == ip)
			return e->fixup;
	return 0;
}
