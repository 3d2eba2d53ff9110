/*
 * Copies to and from user memory, and probes, each around one instruction that
 * may fault.  With SMAP, EFLAGS.AC is set for just that instruction; a fault
 * in it takes the fixup with AC still set, and the code there clears it.
 * Called by kernel/sys_*.c, kernel/process.c and the tests.
 */
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "mm/uaccess.h"

bool uaccess_smap;
u64 extable_hits;

extern const struct extable_entry extable_start[], extable_end[];

#define EXTABLE(insn, fixup)                    \
	".pushsection .extable, \"a\"\n"        \
	".quad " insn ", " fixup "\n"           \
	".popsection\n"

static void user_access_begin(void)
{
	if (uaccess_smap)
		__asm__ volatile("stac" : : : "memory", "cc");
}

static void user_access_end(void)
{
	if (uaccess_smap)
		__asm__ volatile("clac" : : : "memory", "cc");
}

void uaccess_close(void)
{
	user_access_end();
}

bool user_range_ok(virt_addr_t addr, size_t n)
{
	return addr <= USER_END && n <= USER_END - addr;
}

/* Returns what is left of n when the copy ended or faulted. */
static size_t copy_bytes(void *to, const void *from, size_t n)
{
	__asm__ volatile("1: rep movsb\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return n;
}

size_t copy_from_user(void *to, virt_addr_t from, size_t n)
{
	size_t left = n;

	if (!user_range_ok(from, n))
		return n;
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
	user_access_begin();
	left = copy_bytes((void *)to, from, n);
	user_access_end();
	return left;
}

int probe_read(virt_addr_t va, u8 *byte)
{
	int err = -EFAULT;
	u8 v = 0;

	__asm__ volatile("1: movb (%2), %1\n"
			 "xorl %0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err), "+q"(v) : "r"(va) : "memory", "cc");
	*byte = v;
	return err;
}

int probe_write(virt_addr_t va, u8 byte)
{
	int err = -EFAULT;

	__asm__ volatile("1: movb %1, (%2)\n"
			 "xorl %0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err) : "q"(byte), "r"(va) : "memory", "cc");
	return err;
}

int probe_wrmsr(u32 msr, u64 value)
{
	int err = -EFAULT;

	__asm__ volatile("1: wrmsr\n"
			 "xorl %0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err) : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32))
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
