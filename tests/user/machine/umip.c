/*
 * umip: SGDT, SIDT, SLDT, STR and SMSW in user mode, on a CPU with UMIP, give
 * what Linux makes up, in every form that the instructions have: registers of
 * each size, each kind of address, in 64-, 32- and 16-bit code, with segments
 * that have a base.  Without UMIP the processor answers, and all is skipped.
 *
 *	umip [-q]	-q: prints only what failed
 */
#define _GNU_SOURCE 1	/* greg_t's names */
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../lib/check.h"
#include "../lib/far.h"

#define GDT_BASE	0xfffffffffffe0000
#define IDT_BASE	0xffffffffffff0000
#define CR0		0x80050033
#define TSS		0x40
#define LDT		0x50

#define NONE		0xeeeeeeeeeeeeeeee
#define SELECTOR(n)	((n) << 3 | 7)

uint8_t umip_out[64], umip_out2[64];

static void write_entry(uint32_t entry, uint32_t base, uint32_t limit, uint32_t flags)
{
	uint32_t desc[4] = { entry, base, limit, flags };

	check_equal(syscall(SYS_modify_ldt, 0x11, desc, sizeof(desc)), 0, "LDT entry %u", entry);
}

/* Two bytes of limit, and a base of `size` bytes; what is behind is left alone. */
static void expect_table(const uint8_t *out, uint64_t base, unsigned size, const char *what)
{
	uint16_t limit;
	uint64_t found = 0;

	memcpy(&limit, out, 2);
	memcpy(&found, out + 2, size);
	check_equal(limit, 0, "%s: limit", what);
	check_equal((int64_t)found, (int64_t)(size == 8 ? base : (uint32_t)base), "%s: base", what);
	check_equal(out[2 + size], 0xee, "%s: the byte behind", what);
	memset(umip_out, 0xee, sizeof(umip_out));
}

static void expect_word(const uint8_t *out, uint16_t word, const char *what)
{
	check_equal(out[0] | out[1] << 8, word, "%s", what);
	check_equal(out[2], 0xee, "%s: the byte behind", what);
	memset(umip_out, 0xee, sizeof(umip_out));
}

/* ---- 64-bit code --------------------------------------------------------------- */

#define IN_REGISTER(code, reg) ({ \
	register uint64_t v_ __asm__(reg) = NONE; \
	__asm__ volatile(code : "+r"(v_)); \
	v_; })

static void test_registers(unsigned ldt)
{
	check_equal((int64_t)IN_REGISTER("smsw %%rax", "rax"), CR0, "smsw rax");
	check_equal((int64_t)IN_REGISTER("smsw %%r12", "r12"), CR0, "smsw r12");
	check_equal((uint32_t)IN_REGISTER("smsw %%ebx", "rbx"), CR0, "smsw ebx");
	check_equal((int64_t)IN_REGISTER("smsw %%dx", "rdx"), (int64_t)(NONE - 0xeeee + 0x33), "smsw dx");
	check_equal((uint32_t)IN_REGISTER("str %%ecx", "rcx"), TSS, "str ecx");
	check_equal((uint32_t)IN_REGISTER("str %%r8d", "r8"), TSS, "str r8d");
	check_equal((int64_t)IN_REGISTER("str %%r15w", "r15"), (int64_t)(NONE - 0xeeee + TSS), "str r15w");
	check_equal((int64_t)IN_REGISTER(".byte 0x48; sldt %%esi", "rsi"), ldt, "sldt rsi");
	check_equal((int64_t)IN_REGISTER("sldt %%di", "rdi"), (int64_t)(NONE - 0xeeee + ldt), "sldt di");
	check_equal((int64_t)IN_REGISTER(".byte 0x66; smsw %%rax", "rax"), CR0, "smsw rax with a 66");
}

static void test_memory(void)
{
	uint8_t *p = umip_out;

	memset(umip_out, 0xee, sizeof(umip_out));
	__asm__ volatile("sgdt (%0)" : : "r"(p) : "memory");
	expect_table(p, GDT_BASE, 8, "sgdt (reg)");
	__asm__ volatile("sidt (%0)" : : "r"(p) : "memory");
	expect_table(p, IDT_BASE, 8, "sidt (reg)");
	__asm__ volatile("sidt umip_out(%%rip)" : : : "memory");
	expect_table(p, IDT_BASE, 8, "sidt (rip)");
	__asm__ volatile("sidt 8 + umip_out" : : : "memory");
	expect_table(p + 8, IDT_BASE, 8, "sidt, an absolute address");
	__asm__ volatile("mov %0, %%r13; sgdt 16(%%r13)" : : "r"(p) : "r13", "memory");
	expect_table(p + 16, GDT_BASE, 8, "sgdt 16(r13)");
	__asm__ volatile("mov %0, %%r12; sgdt (%%r12)" : : "r"(p) : "r12", "memory");
	expect_table(p, GDT_BASE, 8, "sgdt (r12)");
	__asm__ volatile("mov $4, %%r12d; sgdt 1(%0, %%r12, 4)" : : "r"(p) : "r12", "memory");
	expect_table(p + 17, GDT_BASE, 8, "sgdt 1(reg, r12, 4)");
	__asm__ volatile("mov $3, %%eax; sgdt umip_out(, %%rax, 8)" : : : "rax", "memory");
	expect_table(p + 24, GDT_BASE, 8, "sgdt disp32(, rax, 8)");
	__asm__ volatile("push %%rbp; lea 0x1000(%0), %%rbp; sidt -0x1000(%%rbp); pop %%rbp"
			 : : "r"(p) : "memory");
	expect_table(p, IDT_BASE, 8, "sidt -0x1000(rbp)");
	__asm__ volatile("mov %%rsp, %%rbx; lea 32(%0), %%rsp; sidt -32(%%rsp); mov %%rbx, %%rsp"
			 : : "r"(p) : "rbx", "memory");
	expect_table(p, IDT_BASE, 8, "sidt -32(rsp)");
	__asm__ volatile("movabs $0x1100000000, %%rdx; add %0, %%rdx; sidt (%%edx)"
			 : : "r"(p) : "rdx", "memory");
	expect_table(p, IDT_BASE, 8, "sidt (edx)");
	__asm__ volatile("smsw (%0)" : : "r"(p) : "memory");
	expect_word(p, (uint16_t)CR0, "smsw (reg)");
	__asm__ volatile(".byte 0x48; smsw (%0)" : : "a"(p) : "memory");
	expect_word(p, (uint16_t)CR0, "smsw (reg) with REX.W");
	__asm__ volatile("str 2(%0)" : : "r"(p) : "memory");
	expect_word(p + 2, TSS, "str 2(reg)");
}

static void test_segment_base(void)
{
	uint8_t *p = umip_out;

	syscall(SYS_arch_prctl, 0x1001, umip_out); /* ARCH_SET_GS */
	__asm__ volatile("xor %%eax, %%eax; sgdt %%gs:4(%%rax)" : : : "rax", "memory");
	expect_table(p + 4, GDT_BASE, 8, "sgdt gs:4(rax)");
	__asm__ volatile("sgdt %%es:(%0)" : : "r"(p) : "memory");
	expect_table(p, GDT_BASE, 8, "sgdt es:(reg)");
	syscall(SYS_arch_prctl, 0x1001, 0);
}

/* ---- 32- and 16-bit code ----------------------------------------------------------- */

extern const char umip_code32[], umip_code16[];

__asm__(".text\n"
	"	.code32\n"
	"umip_code32:\n"
	"	push	%ebx\n"
	"	mov	%esi, %es\n"
	"	sgdt	umip_out\n"
	"	sidt	%es:8\n" /* ES's base is umip_out2 */
	"	mov	$2, %eax\n"
	"	sgdt	16 + umip_out(, %eax, 4)\n"
	"	mov	%esp, %ebx\n"
	"	sidt	-16(%esp)\n" /* SS has a base, too */
	"	mov	%ebx, %esp\n"
	"	mov	$-1, %edx\n"
	"	smsw	%edx\n"
	"	mov	%edx, 40 + umip_out\n"
	"	.byte	0x26, 0x67, 0x0f, 0x00, 0x0e; .short 48\n" /* str es:[disp16] */
	"	mov	$44, %ebx\n"
	"	str	%es:(%ebx)\n"
	"	pop	%ebx\n"
	FAR_RETURN
	"	.code16\n"
	"umip_code16:\n"
	"	mov	%si, %ds\n"
	"	mov	$40, %bp\n"
	"	mov	$8, %bx\n"
	"	mov	$4, %di\n"
	"	sgdt	(%bx, %di)\n" /* at 12 */
	"	smsw	%ax\n"
	"	mov	%ax, 0\n"
	"	sidtl	%ss:24\n"
	"	addr32 sidt 36(, %ebx, 1)\n" /* at 44 */
	"	smsw	2(%bp)\n" /* SS */
	FAR_RETURN16
	"	.code64\n");

static void test_code32(void)
{
	static uint32_t stack[64];
	struct far to = { far_low(umip_code32), 0x23 };

	memset(umip_out2, 0xee, sizeof(umip_out2));
	memset(stack, 0xee, sizeof(stack));
	write_entry(1, far_low(umip_out2), sizeof(umip_out2) - 1, 1);
	write_entry(2, far_low(stack), sizeof(stack) - 1, 1);
	far_go(&to, SELECTOR(2), sizeof(stack), SELECTOR(1));
	check_equal(*(uint32_t *)(umip_out + 40), CR0, "32-bit smsw edx");
	check_equal(umip_out2[44] | umip_out2[45] << 8, TSS, "32-bit str es:(ebx)");
	check_equal(umip_out2[48] | umip_out2[49] << 8, TSS, "32-bit str es:disp16");
	check_equal(*(uint32_t *)(umip_out + 26), (uint32_t)GDT_BASE, "32-bit sgdt disp32(, eax, 4)");
	expect_table(umip_out, GDT_BASE, 4, "32-bit sgdt disp32");
	expect_table(umip_out2 + 8, IDT_BASE, 4, "32-bit sidt es:8");
	expect_table((uint8_t *)(stack + 63) - 16, IDT_BASE, 4, "32-bit sidt -16(esp)");
}

static void test_code16(void)
{
	static uint8_t data[64], stack[64];
	struct far to = { 0, SELECTOR(3) };

	memset(data, 0xee, sizeof(data));
	memset(stack, 0xee, sizeof(stack));
	write_entry(3, far_low(umip_code16), 0xffff, 4);
	write_entry(4, far_low(data), sizeof(data) - 1, 0);
	write_entry(5, far_low(stack), sizeof(stack) - 1, 0);
	far_go(&to, SELECTOR(5), 48, SELECTOR(4));
	check_equal(data[0] | data[1] << 8, CR0 & 0xffff, "16-bit smsw ax");
	expect_table(data + 12, GDT_BASE, 4, "16-bit sgdt (bx, di)");
	expect_table(stack + 24, IDT_BASE, 4, "16-bit sidt ss:24");
	expect_table(data + 44, IDT_BASE, 4, "16-bit sidt 36(ebx)");
	check_equal(stack[42] | stack[43] << 8, CR0 & 0xffff, "16-bit smsw 2(bp), in SS");
}

/* ---- What is refused ---------------------------------------------------------------- */

extern const char umip_beyond32[], umip_cut32[], umip_too_long[];

/*
 * Offsets of a segment of 64 bytes; and an instruction of 18 bytes, of which the
 * first 15, with zeroes behind them, would be a good one.
 */
__asm__(".text\n"
	"	.code32\n"
	"umip_beyond32:\n"
	"	mov	%esi, %es\n"
	"	sidt	%es:60\n" /* no more than its first byte is looked at */
	"	sidt	%es:64\n"
	"	sidt	%es:-1\n"
	FAR_RETURN
	"umip_cut32:\n"
	"	smsw	%eax\n"
	FAR_RETURN
	"	.code64\n"
	"umip_too_long:\n"
	"	.rept	11\n"
	"	.byte	0x3e\n"
	"	.endr\n"
	"	.byte	0x0f, 0x01, 0x80, 0, 0, 0, 0\n" /* sgdt disp32(rax) */
	"	ret\n");

static volatile int refused;
static volatile unsigned skip;

static void skip_instruction(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	refused += info->si_code == SI_KERNEL;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += skip;
}

static void test_refused(void)
{
	static uint8_t data[128], stack[64], signal_stack[16384];
	struct far to = { far_low(umip_beyond32), 0x23 };
	struct sigaction sa = { .sa_sigaction = skip_instruction, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t s = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };

	sigaltstack(&s, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	memset(data, 0xee, sizeof(data));
	write_entry(1, far_low(data), 63, 1);
	write_entry(2, far_low(stack), sizeof(stack) - 1, 1);
	skip = 8;
	far_go(&to, SELECTOR(2), sizeof(stack), SELECTOR(1));
	check_equal(refused, 2, "sidt beyond a segment's limit raises SIGSEGV");
	check_true(data[60] != 0xee && data[64] != 0xee && data[66] == 0xee, "and nothing else is stored");
	refused = 0;
	skip = 18;
	memset(umip_out, 0xee, sizeof(umip_out));
	__asm__ volatile("call umip_too_long" : : "a"(umip_out) : "memory");
	check_equal(refused, 1, "an instruction of 18 bytes raises SIGSEGV");
	check_equal(umip_out[0], 0xee, "and stores nothing");
	signal(SIGSEGV, SIG_DFL);
}

/* The processor would not fetch its last byte. */
static void test_cut(void)
{
	struct far to = { 0, SELECTOR(6) };
	int status = -1;
	pid_t pid;

	write_entry(6, far_low(umip_cut32), 1, 5);
	pid = fork();
	if (pid == 0) {
		far_go(&to, 0x2b, 0, 0);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	check_equal(status, SIGSEGV, "smsw across the limit of CS is SIGSEGV");
}

int main(int argc, char **argv)
{
	unsigned a, b, c = 0, d;

	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & 4)) {
		check_skip("this CPU has no UMIP", "the instructions tell nothing");
		return check_end();
	}
	test_registers(0);
	test_memory();
	test_segment_base();
	test_code32();
	test_code16();
	test_registers(LDT);
	test_refused();
	test_cut();
	return check_end();
}
