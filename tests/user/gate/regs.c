/*
 * regs: what the CPU's registers hold when a program begins.
 *
 * Whatever is not zero there may be somebody else's: a kernel that forgets a
 * register at exec tells secrets. Right outcome: every step `ok`, exit status 0.
 *
 * The program's entry is regs_start (the linker is told so with --entry): it
 * puts the registers away and goes on to the C library's _start. The program
 * ends with the plain exit system call, where abi ends with exit_group.
 * Build: musl-gcc -static -Wl,--entry=regs_start tests/user/gate/regs.c tests/user/lib/check.c
 */
#include "../../../user/raw_syscall.h"
#include "../lib/check.h"

#include <stdio.h>
#include <string.h>

/*
 * Filled by regs_start, the general registers by pushes from regs_end downwards,
 * so that no register is needed for an address. The storage stands beside the
 * code that fills it.
 */
extern const struct {
	uint64_t flags, r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
} regs_general;
extern const uint64_t regs_rsp, regs_has_avx, regs_fs_base, regs_gs_base;
extern const struct {
	uint16_t cs, ss, ds, es, fs, gs;
} regs_segments;
extern const struct {
	uint16_t control, status;
	uint8_t tags, reserved;
	uint16_t opcode;
	uint64_t instruction, operand;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
	uint8_t xmm[16][16];
	uint8_t rest[96];
} regs_fxsave;
extern const struct {
	uint8_t legacy[512];
	uint64_t xstate_bv, header[7];
	uint8_t ymm_high[16][16];
} regs_xsave;

__asm__(
	".bss\n"
	".balign 64\n"
	"regs_xsave:	.skip 4096\n"
	"regs_fxsave:	.skip 512\n"
	"regs_general:	.skip 16 * 8\n"
	"regs_end:	.skip 8\n"
	"regs_rsp:	.skip 8\n"
	"regs_has_avx:	.skip 8\n"
	"regs_fs_base:	.skip 8\n"
	"regs_gs_base:	.skip 8\n"
	"regs_segments:	.skip 6 * 2\n"

	".text\n"
	".globl regs_start\n"
	"regs_start:\n"
	"	mov	%rsp, regs_rsp(%rip)\n"
	"	lea	regs_end(%rip), %rsp\n"
	"	push	%rax; push %rbx; push %rcx; push %rdx; push %rsi; push %rdi; push %rbp\n"
	"	push	%r8; push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15\n"
	"	pushfq\n"
	"	mov	%cs, regs_segments(%rip)\n"
	"	mov	%ss, 2 + regs_segments(%rip)\n"
	"	mov	%ds, 4 + regs_segments(%rip)\n"
	"	mov	%es, 6 + regs_segments(%rip)\n"
	"	mov	%fs, 8 + regs_segments(%rip)\n"
	"	mov	%gs, 10 + regs_segments(%rip)\n"
	"	fxsave64 regs_fxsave(%rip)\n"

	/* The upper halves of YMM, if the kernel lets programs have them. */
	"	mov	$1, %eax\n"
	"	cpuid\n"
	"	bt	$27, %ecx\n"			/* OSXSAVE */
	"	jnc	1f\n"
	"	xor	%ecx, %ecx\n"
	"	xgetbv\n"
	"	and	$4, %eax\n"			/* the YMM component */
	"	jz	1f\n"
	"	movq	$1, regs_has_avx(%rip)\n"
	"	xor	%edx, %edx\n"
	"	xsave64	regs_xsave(%rip)\n"
	"1:\n"
	"	mov	$158, %eax\n"			/* arch_prctl(ARCH_GET_FS, ...) */
	"	mov	$0x1003, %edi\n"
	"	lea	regs_fs_base(%rip), %rsi\n"
	"	syscall\n"
	"	mov	$158, %eax\n"			/* arch_prctl(ARCH_GET_GS, ...) */
	"	mov	$0x1004, %edi\n"
	"	lea	regs_gs_base(%rip), %rsi\n"
	"	syscall\n"
	"	mov	regs_rsp(%rip), %rsp\n"
	"	xor	%edx, %edx\n"			/* _start's one argument: none */
	"	xor	%ebp, %ebp\n"
	"	jmp	_start\n");

static void test_general(void)
{
	static const char *const names[] = {
		"r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8",
		"rbp", "rdi", "rsi", "rdx", "rcx", "rbx", "rax",
	};
	const uint64_t *value = &regs_general.r15;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check_equal((int64_t)value[i], 0, "%s is zero", names[i]);
	check_equal((int64_t)(regs_rsp % 16), 0, "rsp is a multiple of 16");
	check_true(regs_rsp < 0x800000000000, "rsp is in the user half");
	check_equal((int64_t)regs_general.flags, 0x202, "the flags are IF and nothing else");
}

static void test_segments(void)
{
	check_equal(regs_segments.cs, 0x33, "cs is the 64-bit user code segment");
	check_equal(regs_segments.ss, 0x2b, "ss is the user data segment");
	check_equal(regs_segments.ds, 0, "ds is null");
	check_equal(regs_segments.es, 0, "es is null");
	check_equal(regs_segments.fs, 0, "fs is null");
	check_equal(regs_segments.gs, 0, "gs is null");
	check_equal((int64_t)regs_fs_base, 0, "the FS base is zero");
	check_equal((int64_t)regs_gs_base, 0, "the GS base is zero");
}

static void test_fpu(void)
{
	static const uint8_t zeros[16 * 16];

	check_equal(regs_fxsave.control, 0x37f, "the x87 control word is 0x37f");
	check_equal(regs_fxsave.status, 0, "the x87 status word is zero");
	check_equal(regs_fxsave.tags, 0, "the x87 stack is empty");
	check_equal((int64_t)regs_fxsave.instruction, 0, "there was no last x87 instruction");
	check_equal((int64_t)regs_fxsave.operand, 0, "there was no last x87 operand");
	check_equal(regs_fxsave.mxcsr, 0x1f80, "MXCSR is 0x1f80");
	check_true(memcmp(regs_fxsave.st, zeros, sizeof(regs_fxsave.st)) == 0, "the x87 registers are zero");
	check_true(memcmp(regs_fxsave.xmm, zeros, sizeof(regs_fxsave.xmm)) == 0, "the XMM registers are zero");
	if (!regs_has_avx)
		check_skip("no YMM here", "the upper halves of the YMM registers are zero");
	else
		check_true(!(regs_xsave.xstate_bv & 4) || memcmp(regs_xsave.ymm_high, zeros, sizeof(zeros)) == 0,
			   "the upper halves of the YMM registers are zero");
}

int main(void)
{
	check_begin(false);
	test_general();
	test_segments();
	test_fpu();
	sys(SYS_exit, check_end());
}
