/*
 * registers.c: what a system call and an interrupt leave of the registers.
 *
 * A system call changes rax (the result), rcx (the address after SYSCALL) and
 * r11 (the flags), and nothing else: no other register, no flag, no x87 or SSE
 * state, no segment base. An interrupt changes nothing at all.
 *
 * All sixteen registers are in use while it happens, so `before` and `after` are
 * filled and emptied with RSP walking over them: their order is that of the pops.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#define FLAGS_CLEAR	0x202		/* IF and the bit that is always 1 */
#define FLAGS_ARITHMETIC 0x8d5		/* OF SF ZF AF PF CF */
#define FLAG_DF		0x400
#define FLAG_NT		0x4000
#define FLAG_AC		0x40000
#define FLAG_ID		0x200000
#define HWCAP2_FSGSBASE	2
#define TURNS		4000000		/* some ten milliseconds, for the timer to come by */

struct registers {
	uint64_t flags, r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
};

static const char *const names[] = {
	"flags", "r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8",
	"rbp", "rdi", "rsi", "rdx", "rcx", "rbx", "rax",
};

#define COUNT (sizeof(names) / sizeof(names[0]))
_Static_assert(sizeof(struct registers) == COUNT * sizeof(uint64_t), "a name for each register");

static struct registers before;
static struct {
	struct registers registers;
	uint64_t end;		/* RSP starts here and goes down */
	uint64_t rsp;
	uint64_t next;		/* the address after the instruction under test */
} after;
static uint64_t kept_rsp, kept_rbp;
static const uint64_t clean_flags = FLAGS_CLEAR;

/*
 * Fills every register from `before`, executes `code`, and puts every register
 * into `after`. Until RSP is back nothing may use the stack, nor needs to: the
 * kernel does not, for there are no signal handlers here.
 */
#define WITH_REGISTERS(code) \
	__asm__ volatile( \
		"mov %%rsp, %[kept_rsp]\n\t" \
		"mov %%rbp, %[kept_rbp]\n\t" \
		"lea %[before], %%rsp\n\t" \
		"popfq\n\t" \
		"pop %%r15\n\t" "pop %%r14\n\t" "pop %%r13\n\t" "pop %%r12\n\t" \
		"pop %%r11\n\t" "pop %%r10\n\t" "pop %%r9\n\t" "pop %%r8\n\t" \
		"pop %%rbp\n\t" "pop %%rdi\n\t" "pop %%rsi\n\t" "pop %%rdx\n\t" \
		"pop %%rcx\n\t" "pop %%rbx\n\t" "pop %%rax\n\t" \
		"mov %[kept_rsp], %%rsp\n\t" \
		code "\n" \
		"9:\tmov %%rsp, %[rsp]\n\t" \
		"lea %[end], %%rsp\n\t" \
		"push %%rax\n\t" "push %%rbx\n\t" "push %%rcx\n\t" "push %%rdx\n\t" \
		"push %%rsi\n\t" "push %%rdi\n\t" "push %%rbp\n\t" "push %%r8\n\t" \
		"push %%r9\n\t" "push %%r10\n\t" "push %%r11\n\t" "push %%r12\n\t" \
		"push %%r13\n\t" "push %%r14\n\t" "push %%r15\n\t" \
		"pushfq\n\t" \
		"lea %[clean], %%rsp\n\t" \
		"popfq\n\t" \
		"mov %[kept_rsp], %%rsp\n\t" \
		"mov %[kept_rbp], %%rbp\n\t" \
		"lea 9b(%%rip), %%rax\n\t" \
		"mov %%rax, %[next]" \
		: [kept_rsp] "+m"(kept_rsp), [kept_rbp] "+m"(kept_rbp), \
		  [rsp] "=m"(after.rsp), [next] "=m"(after.next), \
		  "=m"(after.registers) \
		: [before] "m"(before), [end] "m"(after.end), [clean] "m"(clean_flags) \
		: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", \
		  "r12", "r13", "r14", "r15", "cc", "memory")

static __attribute__((noinline)) void system_call(void)
{
	WITH_REGISTERS("syscall");
}

/* Counts rcx down, with no flag and no other register changed. */
static __attribute__((noinline)) void spin(void)
{
	WITH_REGISTERS("1: lea -1(%%rcx), %%rcx\n\t" "jrcxz 9f\n\t" "jmp 1b");
}

/* Each register its own value, none of them a canonical address. */
static void fill(uint64_t flags)
{
	uint64_t *word = &before.flags;

	for (unsigned i = 0; i < COUNT; i++)
		word[i] = 0x5a00c0de00000000 + 0x0101010101010101 * i;
	before.flags = flags;
	memset(&after, 0, sizeof(after));
}

/* One step for all registers; what the step says is the first that is wrong. */
static void compare(const char *what, const struct registers *expected)
{
	const uint64_t *old = &expected->flags, *new = &after.registers.flags;
	unsigned long long flags = before.flags;

	for (unsigned i = 0; i < COUNT; i++) {
		if (old[i] != new[i]) {
			check_equal((int64_t)new[i], (int64_t)old[i], "%s with flags 0x%llx: %s", what, flags, names[i]);
			return;
		}
	}
	check_equal((int64_t)after.rsp, (int64_t)kept_rsp, "%s with flags 0x%llx: all registers are as they should be",
		    what, flags);
}

static void try_call(const char *what, uint64_t number, uint64_t flags, int64_t result)
{
	static const struct timespec millisecond = { 0, 1000000 };
	struct registers expected;

	fill(flags);
	before.rax = number;
	if (number == SYS_nanosleep) {
		before.rdi = (uint64_t)&millisecond;
		before.rsi = 0;
	}
	system_call();
	expected = before;
	expected.rax = (uint64_t)result;
	expected.rcx = after.next;	/* SYSCALL put them there, and SYSRET needs them there */
	expected.r11 = flags;
	compare(what, &expected);
}

static void test_interrupt(uint64_t flags)
{
	struct registers expected;

	fill(flags);
	before.rcx = TURNS;
	spin();
	expected = before;
	expected.rcx = 0;
	compare("an interrupt", &expected);
}

static void test_general(void)
{
	static const uint64_t flags[] = {
		FLAGS_CLEAR, FLAGS_CLEAR | FLAGS_ARITHMETIC, FLAGS_CLEAR | FLAG_DF, FLAGS_CLEAR | FLAG_AC,
		FLAGS_CLEAR | FLAG_NT, FLAGS_CLEAR | FLAG_ID,
		FLAGS_CLEAR | FLAGS_ARITHMETIC | FLAG_DF | FLAG_AC | FLAG_NT | FLAG_ID,
	};
	int64_t pid = sys(SYS_getpid);

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		try_call("getpid", SYS_getpid, flags[i], pid);
		try_call("sched_yield", SYS_sched_yield, flags[i], 0);
		try_call("nanosleep", SYS_nanosleep, flags[i], 0);
		try_call("call 999", 999, flags[i], -ENOSYS);
		test_interrupt(flags[i]);
	}
}

/* The FXSAVE image, without what no two CPUs agree about (last instruction, reserved). */
struct fxsave {
	uint16_t control, status;
	uint8_t tags, reserved;
	uint16_t opcode;
	uint64_t instruction, operand;
	uint32_t mxcsr, mxcsr_mask;
	struct {
		uint8_t value[10], reserved[6];
	} st[8];
	uint8_t xmm[16][16];
	uint8_t rest[96];
} __attribute__((aligned(16)));

static struct fxsave fpu_before, fpu_after, fpu_kept;

static bool fpu_same(void)
{
	for (int i = 0; i < 8; i++) {
		if (memcmp(fpu_before.st[i].value, fpu_after.st[i].value, 10) != 0)
			return false;
	}
	return fpu_before.control == fpu_after.control && fpu_before.status == fpu_after.status &&
	       fpu_before.tags == fpu_after.tags && fpu_before.mxcsr == fpu_after.mxcsr &&
	       memcmp(fpu_before.xmm, fpu_after.xmm, sizeof(fpu_before.xmm)) == 0;
}

static void try_fpu(const char *what, uint64_t number, const struct timespec *time)
{
	int64_t result;

	for (unsigned i = 0; i < 8; i++)
		memset(fpu_before.st[i].value, (int)(0x11 * (i + 1)), 10);
	for (unsigned i = 0; i < 16; i++)
		memset(fpu_before.xmm[i], (int)(0xf0 - 7 * i), 16);
	fpu_before.control = 0x0f7f;	/* round to zero, 64 bits, all masked */
	fpu_before.status = 0x2800;	/* top of stack 5 */
	fpu_before.tags = 0xff;		/* all full */
	fpu_before.mxcsr = 0x5fbf;	/* round up, all masked, all raised but none pending */
	__asm__ volatile("fxsave64 %[kept]\n\t"
			 "fxrstor64 %[before]\n\t"
			 "syscall\n\t"
			 "fxsave64 %[after]\n\t"
			 "fxrstor64 %[kept]"
			 : "=a"(result), [kept] "=m"(fpu_kept), [after] "=m"(fpu_after)
			 : "a"(number), "D"(time), "S"(0l), [before] "m"(fpu_before)
			 : "rcx", "r11", "memory");
	check_equal(result, 0, "%s with x87 and SSE in use returns 0", what);
	check_true(fpu_same(), "%s preserves x87 and SSE state", what);
}

static void test_fpu(void)
{
	static const struct timespec time = { 0, 5000000 };

	try_fpu("sched_yield", SYS_sched_yield, NULL);
	try_fpu("nanosleep", SYS_nanosleep, &time);
}

/* A user GS base may be anything with WRGSBASE, and the kernel's own must not be mixed up with it. */
static void test_gs_base(void)
{
	static const uint64_t bases[] = { 0x1234, 0xffffffff80000000, 0xfffffe7fffffe000 };
	const struct timespec time = { 0, 1000000 };
	uint64_t base;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)) {
		check_skip("AT_HWCAP2 does not offer WRGSBASE", "a GS base written by the program is preserved");
		return;
	}
	for (unsigned i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		__asm__ volatile("wrgsbase %0" : : "r"(bases[i]));
		sys(SYS_sched_yield);
		sys(SYS_nanosleep, &time, 0);
		__asm__ volatile("rdgsbase %0" : "=r"(base));
		check_equal((int64_t)base, (int64_t)bases[i], "the GS base 0x%llx is preserved", (unsigned long long)bases[i]);
	}
	__asm__ volatile("wrgsbase %0" : : "r"(0ul));
}

void test_registers(void)
{
	test_general();
	test_fpu();
	test_gs_base();
}
