/*
 * Instructions that the kernel executes in the processor's place, behind the #GP that
 * they are in ring 3: those that CR4.UMIP keeps from user mode, and CLI and STI.
 *
 * SGDT and SIDT would tell where the kernel's tables are, SLDT, STR and SMSW a
 * little of its state.  UMIP makes them fault; but there are programs that use
 * them (Wine, dosemu), so they get answers that are the same on every machine:
 * Linux's.
 *
 *   0F 01 /0  SGDT m     limit 0, base 0xfffffffffffe0000
 *   0F 01 /1  SIDT m     limit 0, base 0xffffffffffff0000
 *   0F 01 /4  SMSW r/m   0x80050033
 *   0F 00 /0  SLDT r/m   the LDT's selector if the process has one, else 0
 *   0F 00 /1  STR r/m    0x40
 *
 * A small decoder: prefixes, REX, ModRM, SIB, displacement; in 64-, 32- and
 * 16-bit code, with segments that may be the program's own (arch/state/user_code.c).
 * The bytes may have changed since the processor read them: nothing is believed of
 * them.
 * Sources: Intel SDM vol. 2, 2.1 and 2.2 (formats), tables 2-1 to 2-3.
 */
#include "arch/cpu.h"
#include "arch/state/emulate.h"
#include "arch/state/ldt.h"
#include "arch/state/user_code.h"
#include "kernel/base/string.h"
#include "mm/space/uaccess.h"

#define DUMMY_GDT_BASE 0xfffffffffffe0000
#define DUMMY_IDT_BASE 0xffffffffffff0000
#define DUMMY_CR0 0x80050033 /* PE, MP, ET, NE, WP, AM, PG */
#define DUMMY_TR 0x40

#define REX_W 8
#define REX_X 2
#define REX_B 1

struct insn {
	struct user_code code;
	unsigned at;               /* bytes decoded */
	unsigned operand, address; /* sizes in bytes */
	enum user_segment override;
	u8 rex, opcode, mod, reg, rm;
};

/* The address that an operand's registers and displacement make. */
struct operand {
	u64 offset;
	bool on_stack; /* its base is (R/E)SP or (R/E)BP */
	bool ip_relative;
};

/* ---- Decoding ------------------------------------------------------------------ */

/* The next byte.  Behind the end: zeroes, and in->at tells. */
static u8 next(struct insn *in)
{
	return in->at++ < in->code.have ? in->code.byte[in->at - 1] : 0;
}

static s32 next_signed(struct insn *in, unsigned bytes)
{
	u32 v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (u32)next(in) << 8 * i;
	return bytes == 1 ? (s8)v : bytes == 2 ? (s16)v : (s32)v;
}

/* True if it was one. */
static bool take_prefix(struct insn *in, u8 byte)
{
	switch (byte) {
	case 0x26: in->override = SEG_ES; return true;
	case 0x2e: in->override = SEG_CS; return true;
	case 0x36: in->override = SEG_SS; return true;
	case 0x3e: in->override = SEG_DS; return true;
	case 0x64: in->override = SEG_FS; return true;
	case 0x65: in->override = SEG_GS; return true;
	case 0xf2:
	case 0xf3: return true;
	default: return false;
	}
}

static bool decode(struct insn *in)
{
	bool other_operand = false, other_address = false;
	u8 byte, modrm;

	in->operand = in->address = in->code.operand;
	if (in->code.long_mode)
		in->address = 8;
	for (byte = next(in);; byte = next(in)) {
		if (byte == 0x66)
			other_operand = true;
		else if (byte == 0x67)
			other_address = true;
		else if (!take_prefix(in, byte))
			break;
	}
	if (other_operand)
		in->operand ^= 6; /* 4 and 2 */
	if (other_address)
		in->address ^= in->code.long_mode ? 12 : 6; /* 8 and 4, or 4 and 2 */
	if (in->code.long_mode && (byte & 0xf0) == 0x40) {
		in->rex = byte;
		byte = next(in);
	}
	if (in->rex & REX_W)
		in->operand = 8;
	if (byte != 0x0f)
		return false;
	in->opcode = next(in);
	modrm = next(in);
	in->mod = modrm >> 6;
	in->reg = modrm >> 3 & 7;
	in->rm = modrm & 7;
	return true;
}

/* ---- Operands ------------------------------------------------------------------- */

static u64 *gp_register(struct pt_regs *regs, unsigned number)
{
	u64 *const reg[16] = {
		&regs->ax,  &regs->cx,  &regs->dx,  &regs->bx,  &regs->sp,  &regs->bp,
		&regs->si,  &regs->di,  &regs->r8,  &regs->r9,  &regs->r10, &regs->r11,
		&regs->r12, &regs->r13, &regs->r14, &regs->r15,
	};

	return reg[number & 15];
}

#define GP_SP 4
#define GP_BP 5

/* SDM vol. 2, table 2-1 */
static struct operand operand16(struct insn *in, struct pt_regs *regs)
{
	const u64 base[8] = { regs->bx, regs->bx, regs->bp, regs->bp, 0, 0, regs->bp, regs->bx };
	const u64 index[8] = { regs->si, regs->di, regs->si, regs->di, regs->si, regs->di, 0, 0 };
	bool bp = in->rm == 2 || in->rm == 3 || in->rm == 6;

	if (in->mod == 0 && in->rm == 6)
		return (struct operand){ (u16)next_signed(in, 2), false, false };
	return (struct operand){
		(u16)(base[in->rm] + index[in->rm] + (u64)next_signed(in, in->mod)),
		bp,
		false,
	};
}

/* SDM vol. 2, tables 2-2 and 2-3; 64-bit code has more registers, and RIP. */
static struct operand operand32(struct insn *in, struct pt_regs *regs)
{
	struct operand o = { 0 };
	unsigned base = in->rm, size = in->mod == 1 ? 1 : in->mod == 2 ? 4 : 0;
	bool no_base = in->mod == 0 && base == GP_BP;

	if (base == GP_SP) {
		u8 sib = next(in);
		unsigned index = (sib >> 3 & 7) | (in->rex & REX_X ? 8 : 0);

		if (index != GP_SP)
			o.offset = *gp_register(regs, index) << (sib >> 6);
		base = sib & 7;
		no_base = in->mod == 0 && base == GP_BP;
	} else if (no_base && in->code.long_mode) {
		o.ip_relative = true;
	}
	if (no_base)
		size = 4;
	else
		o.offset += *gp_register(regs, base | (in->rex & REX_B ? 8 : 0));
	o.on_stack = !no_base && !(in->rex & REX_B) && (base == GP_SP || base == GP_BP);
	o.offset += (u64)next_signed(in, size);
	return o;
}

/* The address of a memory operand; all of the instruction is decoded then. */
static bool address_of(struct insn *in, struct pt_regs *regs, u64 *address)
{
	struct operand o = in->address == 2 ? operand16(in, regs) : operand32(in, regs);
	enum user_segment s = in->override ? in->override : o.on_stack ? SEG_SS : SEG_DS;

	if (o.ip_relative)
		o.offset += regs->ip + in->at;
	if (in->address == 4)
		o.offset = (u32)o.offset;
	*address = o.offset;
	return user_code_address(&in->code, regs, s, address);
}

/* ---- Answers --------------------------------------------------------------------- */

/*
 * The answer to an instruction: what it stores, and how many bytes of it go to
 * memory.  False: none of the five.
 */
static bool answer(const struct insn *in, u8 data[10], unsigned *memory_bytes)
{
	u64 value;

	*memory_bytes = 2;
	if (in->opcode == 1 && in->reg <= 1 && in->mod != 3) {
		value = in->reg == 0 ? DUMMY_GDT_BASE : DUMMY_IDT_BASE;
		memcpy(data + 2, &value, sizeof(value));
		*memory_bytes += in->code.long_mode ? 8 : 4;
		return true;
	}
	if (in->opcode == 1 && in->reg == 4)
		value = DUMMY_CR0;
	else if (in->opcode == 0 && in->reg == 0)
		value = in->code.mm->ldt.active ? SEL_LDT : 0;
	else if (in->opcode == 0 && in->reg == 1)
		value = DUMMY_TR;
	else
		return false;
	memcpy(data, &value, sizeof(value));
	return true;
}

enum emulation umip_emulate(struct mm *mm, struct pt_regs *regs, virt_addr_t *bad)
{
	struct insn in = { .at = 0 };
	u8 data[10] = { 0 };
	unsigned bytes;
	u64 address;

	if (!cpu_features.umip || !user_code_fetch(mm, regs, &in.code) || !decode(&in) ||
	    !answer(&in, data, &bytes))
		return EMULATE_NOT;
	if (in.mod == 3) {
		if (in.at > in.code.have)
			return EMULATE_NOT;
		memcpy(gp_register(regs, in.rm | (in.rex & REX_B ? 8 : 0)), data, in.operand);
	} else if (!address_of(&in, regs, &address) || in.at > in.code.have) {
		return EMULATE_NOT;
	} else if (copy_to_user(address, data, bytes)) {
		*bad = address;
		return EMULATE_FAULT;
	}
	user_code_skip(regs, &in.code, in.at);
	return EMULATE_DONE;
}

/* ---- CLI and STI ------------------------------------------------------------------- */

#define INSN_CLI 0xfa
#define INSN_STI 0xfb

bool io_skip_cli(const struct task_io *io, struct mm *mm, struct pt_regs *regs)
{
	struct user_code code;

	if (io->iopl != 3 || !user_code_fetch(mm, regs, &code) ||
	    (code.byte[0] != INSN_CLI && code.byte[0] != INSN_STI))
		return false;
	user_code_skip(regs, &code, 1);
	return true;
}

/* ---- SYSCALL ------------------------------------------------------------------------------ */

bool syscall_emulate(struct mm *mm, struct pt_regs *regs)
{
	struct user_code code;
	unsigned i = 0;

	if (!user_code_fetch(mm, regs, &code) || !code.long_mode)
		return false;
	while (i < code.have && user_code_is_prefix(&code, code.byte[i]))
		i++;
	if (i + 2 > code.have || code.byte[i] != 0x0f || code.byte[i + 1] != 0x05)
		return false;
	regs->ip += i + 2;
	regs->flags &= ~(u64)RFLAGS_RF;
	regs->cx = regs->ip;
	regs->r11 = regs->flags;
	regs->vector = VEC_SYSCALL;
	regs->orig_ax = regs->ax;
	return true;
}
