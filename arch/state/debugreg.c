/*
 * Debug registers.
 *
 * The rule: no breakpoint and no watchpoint on anything of the kernel's, the
 * pages of the ledger included: every address, with its length, lies in the
 * user half.  So the kernel meets one only where it reaches for user memory, in
 * a system call's copy; and DR7 need not be cleared on the way in, since no
 * handler of an NMI, a #DB or a #MC reaches there.
 *
 * What MOV SS adds (CVE-2018-8897): a watchpoint that its load has met is held
 * back until after the next instruction, which may be SYSCALL or INT; then the
 * #DB comes on the first instruction of the kernel.  The paranoid entry is made
 * for this.
 *
 * GD, which would make our own MOV to DRn fault, and IO breakpoints cannot be
 * set: DR7 is put together from the fields that have been checked.
 * Source: Intel SDM vol. 3, 17.2.
 */
#include "arch/state/debugreg.h"
#include "arch/state/insn.h"
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "kernel/base/nospec.h"

#define DR6_IDLE 0xffff0ff0 /* nothing happened; the reserved bits are ones */
#define DR7_IDLE 0x400
#define DR7_GE 0x200
#define DR7_WRITABLE 0xffff03ff

#define TYPE_EXECUTE 0
#define TYPE_IO 2

struct field {
	bool enabled;
	unsigned type, length; /* length in bytes */
};

static struct field field_of(u64 dr7, unsigned n)
{
	static const u8 length[4] = { 1, 2, 8, 4 };

	return (struct field){
		.enabled = dr7 >> (2 * n) & 3,
		.type = dr7 >> (16 + 4 * n) & 3,
		.length = length[dr7 >> (18 + 4 * n) & 3],
	};
}

static bool field_ok(const struct field *f, u64 address)
{
	if (f->type == TYPE_IO || (f->type == TYPE_EXECUTE && f->length != 1))
		return false;
	return address < USER_END && address + f->length <= USER_END &&
	       IS_ALIGNED(address, f->length);
}

/* Only what is enabled, by the global bits. */
static u64 active_of(u64 dr7)
{
	u64 active = 0;

	for (unsigned n = 0; n < DEBUGREGS; n++)
		if (field_of(dr7, n).enabled)
			active |= (dr7 & 0xfULL << (16 + 4 * n)) | 2ULL << (2 * n);
	return active ? active | DR7_GE | DR7_IDLE : 0;
}

static int set_control(struct task_debugregs *d, u64 value)
{
	u64 dr7 = value & DR7_WRITABLE;
	u8 used = d->used;

	for (unsigned n = 0; n < DEBUGREGS; n++) {
		struct field f = field_of(dr7, n);

		if (!f.enabled && !(used & BIT(n)))
			continue;
		if (!field_ok(&f, d->address[n]))
			return -EINVAL;
		used |= (u8)BIT(n);
	}
	d->used = used;
	d->dr7 = value;
	d->active = active_of(dr7) | (d->active & DEBUGREG_CALLS_TRAP);
	return 0;
}

static int set_address(struct task_debugregs *d, unsigned n, u64 value)
{
	struct field f = { .type = 1, .length = 1 }; /* before DR7 has said any */

	if (d->used & BIT(n))
		f = field_of(d->dr7, n);
	if (!field_ok(&f, value))
		return -EINVAL;
	d->address[n] = value;
	d->used |= (u8)BIT(n);
	return 0;
}

int debugreg_set(struct task_debugregs *d, unsigned n, u64 value)
{
	if (n < DEBUGREGS)
		return set_address(d, (unsigned)array_index_nospec(n, DEBUGREGS), value);
	if (n == 7)
		return set_control(d, value);
	if (n != 6)
		return -EIO;
	d->dr6 = value ^ DR6_IDLE;
	return 0;
}

u64 debugreg_get(const struct task_debugregs *d, unsigned n)
{
	if (n < DEBUGREGS)
		return d->address[array_index_nospec(n, DEBUGREGS)];
	return n == 6 ? d->dr6 ^ DR6_IDLE : n == 7 ? d->dr7 : 0;
}

static void load_efer(bool calls_trap)
{
	u64 efer = rdmsr(MSR_EFER), new = calls_trap ? efer & ~(u64)EFER_SCE : efer | EFER_SCE;

	if (new != efer)
		wrmsr(MSR_EFER, new);
}

void debugreg_load(const struct task_debugregs *d)
{
	write_dr7(DR7_IDLE); /* no address with the other's length or type */
	this_cpu()->debug_armed = d->active;
	load_efer(debugreg_calls_trap(d));
	if (!(u32)d->active)
		return;
	write_dr0(d->address[0]);
	write_dr1(d->address[1]);
	write_dr2(d->address[2]);
	write_dr3(d->address[3]);
	write_dr7((u32)d->active);
}

static u64 read_and_clear(void)
{
	u64 dr6 = read_dr6();

	write_dr6(DR6_IDLE);
	return dr6 ^ DR6_IDLE;
}

/*
 * DR6's low bits may be set for breakpoints that are not enabled, too (SDM vol.
 * 3, 17.2.3).
 */
static u64 traps_of(const struct task_debugregs *d, u64 dr6)
{
	u64 traps = 0;

	for (unsigned n = 0; n < DEBUGREGS; n++)
		if ((dr6 & BIT(n)) && field_of(d->active, n).enabled)
			traps |= BIT(n);
	return traps;
}

u64 debugreg_user_trap(struct task_debugregs *d)
{
	u64 dr6 = read_and_clear();
	u64 traps = traps_of(d, dr6);

	d->dr6 = (dr6 & DR6_STEP) | traps;
	return (dr6 & ~(u64)DR6_TRAPS) | traps;
}

void debugreg_note_step(struct task_debugregs *d)
{
	d->dr6 = DR6_STEP;
}

void debugreg_kernel_trap(struct task_debugregs *d)
{
	u64 dr6 = read_and_clear();

	if (d)
		d->dr6 |= traps_of(d, dr6);
}
