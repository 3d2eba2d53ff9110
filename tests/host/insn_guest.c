/*
 * The memory of tests/host/insn_guest.h.
 */
#include "tests/host/host.h"
#include "tests/host/insn_guest.h"

#include <string.h>

struct insn_guest guest;

static bool note(u32 linear, unsigned n, bool write, struct guest_fault *out)
{
	bool bad = (guest.bad_size && linear + n - 1 - guest.bad < guest.bad_size + n - 1) ||
		   (write && linear >= guest.read_only_from) ||
		   (guest.fault_one_of && host_random() % guest.fault_one_of == 0);

	CHECK(guest.accesses < LOG_SIZE);
	CHECK(n == 1 || n == 2 || n == 4 || n == 8);
	guest.log[guest.accesses % LOG_SIZE].linear = linear;
	guest.log[guest.accesses % LOG_SIZE].n = n;
	guest.log[guest.accesses++ % LOG_SIZE].write = write;
	if (bad)
		*out = (struct guest_fault){ VEC_PF, true, PF_USER | (write ? PF_WRITE : 0), linear };
	return !bad;
}

static bool read(void *arg, u32 linear, void *to, unsigned n, struct guest_fault *out)
{
	CHECK(arg == &guest);
	if (!note(linear, n, false, out))
		return false;
	for (unsigned i = 0; i < n; i++)
		((u8 *)to)[i] = guest.byte[(u16)(linear + i)];
	return true;
}

static bool write(void *arg, u32 linear, const void *from, unsigned n, struct guest_fault *out)
{
	CHECK(arg == &guest);
	if (!note(linear, n, true, out))
		return false;
	for (unsigned i = 0; i < n; i++)
		guest.byte[(u16)(linear + i)] = ((const u8 *)from)[i];
	return true;
}

static void segment(void *arg, enum user_segment s, struct guest_segment *out)
{
	CHECK(arg == &guest && s >= SEG_ES && s <= SEG_GS);
	*out = guest.segment[s];
}

const struct guest_memory memory = { read, write, segment, &guest };
static const struct guest_segment flat = {
	.limit = 0xffffffff, .usable = true, .writable = true, .big = true
};

struct pt_regs regs;
struct guest_fault fault;

void guest_reset(void)
{
	memset(&guest, 0, sizeof(guest));
	guest.read_only_from = 0xffffffff;
	for (unsigned s = SEG_ES; s <= SEG_GS; s++)
		guest.segment[s] = flat;
	guest.segment[SEG_CS].code = guest.segment[SEG_CS].readable = true;
	memset(&regs, 0, sizeof(regs));
	memset(&fault, 0, sizeof(fault));
	regs.ip = 0x100;
	regs.flags = RFLAGS_FIXED | RFLAGS_IF | RFLAGS_RF;
	regs.sp = 0x8000;
}

enum guest_done guest_run(const char *bytes, unsigned n)
{
	struct guest_insn insn;

	CHECK(guest_insn_decode((const u8 *)bytes, n, guest.segment[SEG_CS].big, &insn));
	CHECK_EQ(insn.length, n);
	guest.accesses = 0;
	return guest_insn_execute(&insn, &regs, &memory, &fault);
}

void guest_operand_reset(void)
{
	guest_reset();
	regs.ax = 0x11;
	regs.cx = 0x22;
	regs.bx = 0x3000;
}

void guest_check_untouched(const struct pt_regs *before)
{
	CHECK(!memcmp(&regs, before, sizeof(regs)));
}
