/*
 * Instructions of programs, where the processor fetched them.
 *
 * In 64-bit code that is RIP.  In other code it is EIP in a segment that may be the
 * program's own, in the LDT: with a base, a limit, and 16-bit sizes; addresses wrap
 * at 4 GiB.  The bytes are read whatever their page's rights: the processor needs
 * none but to execute.
 */
#include "arch/gdt.h"
#include "arch/state/ldt.h"
#include "arch/state/user_code.h"
#include "arch/state/user_desc.h"
#include "kernel/base/insn.h"
#include "kernel/base/percpu.h"
#include "mm/space/mm.h"

#define END_OF_32_BITS 0x100000000

/*
 * The descriptor of a selector, as far as programs have any; 0: none.  TLS entries of
 * the GDT are the current task's; no code segment is among them.
 */
static u64 descriptor_of(struct mm *mm, u16 selector)
{
	u64 desc = 0;

	if (selector & SEL_TI)
		ldt_read(mm, selector >> 3, 1, &desc);
	else if (selector >> 3 < GDT_ENTRIES)
		desc = this_cpu()->gdt->entry[selector >> 3];
	return desc;
}

static u16 selector_of(const struct pt_regs *regs, enum user_segment s)
{
	switch (s) {
	case SEG_ES: return read_es();
	case SEG_CS: return (u16)regs->cs;
	case SEG_SS: return (u16)regs->ss;
	case SEG_FS: return read_fs();
	case SEG_GS: return read_gs();
	default: return read_ds();
	}
}

/*
 * Turns an offset into an address.  Returns how many bytes there are from it up to the
 * segment's limit; 0: it is beyond.
 */
static u64 add_base(u64 desc, u64 *address)
{
	struct user_desc d = user_desc_unpack(desc);
	u64 limit = d.flags & USER_DESC_LIMIT_IN_PAGES ?
			    ((u64)d.limit << PAGE_SHIFT) + PAGE_SIZE - 1 :
			    d.limit;
	u64 offset = *address;

	if (!desc || offset > limit)
		return 0;
	*address = (u32)(offset + d.base_addr);
	return limit - offset + 1;
}

bool user_code_address(const struct user_code *code, const struct pt_regs *regs,
		       enum user_segment s, u64 *address)
{
	if (!code->long_mode)
		return add_base(descriptor_of(code->mm, selector_of(regs, s)), address) > 0;
	*address += s == SEG_FS ? rdmsr(MSR_FS_BASE) : s == SEG_GS ? rdmsr(MSR_KERNEL_GS_BASE) : 0;
	return true;
}

/* As many of the n bytes as there are, page by page. */
static unsigned read_bytes(struct mm *mm, u64 from, u8 *to, u64 n)
{
	u64 first = MIN(n, PAGE_SIZE - from % PAGE_SIZE);

	if (mm_read(mm, from, to, first))
		return 0;
	return (unsigned)(n == first || mm_read(mm, from + first, to + first, n - first) ? first :
											   n);
}

bool user_code_fetch(struct mm *mm, const struct pt_regs *regs, struct user_code *code)
{
	u64 ip = regs->ip, end = USER_END, most = INSN_MAX, desc;

	code->mm = mm;
	code->have = 0;
	code->operand = 4;
	code->long_mode = (u16)regs->cs == SEL_USER_CS;
	if (!code->long_mode) {
		desc = descriptor_of(mm, (u16)regs->cs);
		most = add_base(desc, &ip);
		end = END_OF_32_BITS;
		if (!(user_desc_unpack(desc).flags & USER_DESC_32BIT))
			code->operand = 2;
	}
	most = MIN(most, INSN_MAX);
	if (ip < end && most)
		code->have = read_bytes(mm, ip, code->byte, MIN(end - ip, most));
	return code->have > 0;
}

bool user_code_is_prefix(const struct user_code *code, u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65: /* segments */
	case 0x66:
	case 0x67: /* sizes */
	case 0xf0:
	case 0xf2:
	case 0xf3: /* LOCK, REP */ return true;
	default: return code->long_mode && (byte & 0xf0) == 0x40;
	}
}

/*
 * The fault pushed RF, which would keep back a breakpoint on the instruction: the next
 * one is another.
 */
void user_code_skip(struct pt_regs *regs, const struct user_code *code, unsigned length)
{
	regs->ip += length;
	if (!code->long_mode)
		regs->ip = (u32)regs->ip;
	regs->flags &= ~(u64)RFLAGS_RF;
}
