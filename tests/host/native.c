/*
 * The processor's side of tests/host/native.h: the LDT, the jump there, the signal back.
 */
#define _GNU_SOURCE /* registers of a signal's context */
#include "tests/host/native.h"

#include <asm/ldt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define USER_CS32 0x23
#define USER_CS 0x33
#define USER_DS 0x2b
#define SPACE 0x100000 /* around the arena */

#define WHOLE .usable = true
/* clang-format off */
struct native_segment native_segments[NATIVE_SEGMENTS] = {
	[NATIVE_FLAT] = { USER_DS, { WHOLE, .limit = 0xffffffff, .writable = true, .big = true } },
	[NATIVE_UP] = { 0x0f, { WHOLE, .base = NATIVE_ARENA + 0x123, .limit = 0x2345,
				.writable = true, .big = true } },
	[NATIVE_UP16] = { 0x17, { WHOLE, .base = NATIVE_ARENA + 0x3000 - 0x10000, .limit = 0xffff,
				  .writable = true } },
	[NATIVE_DOWN] = { 0x1f, { WHOLE, .base = NATIVE_ARENA - 0x10000, .limit = 0x11f00,
				  .writable = true, .expand_down = true, .big = true } },
	[NATIVE_DOWN16] = { 0x27, { WHOLE, .base = NATIVE_ARENA + 0x4000 - 0x10000, .limit = 0xd234,
				    .writable = true, .expand_down = true } },
	[NATIVE_CONSTANT] = { 0x2f, { WHOLE, .base = NATIVE_ARENA - 0x1000, .limit = 0x4fff,
				      .big = true } },
	[NATIVE_TEXT] = { 0x37, { WHOLE, .base = NATIVE_ARENA, .limit = 0x3210,
				  .code = true, .readable = true, .big = true } },
	[NATIVE_NULL] = { 0, { .usable = false } },
	[NATIVE_CODE32] = { USER_CS32, { WHOLE, .limit = 0xffffffff, .code = true,
					 .readable = true, .big = true } },
	[NATIVE_CODE32_SHORT] = { 0x3f, { WHOLE, .base = NATIVE_CODE, .limit = 0xfff,
					  .code = true, .big = true } },
	[NATIVE_CODE16] = { 0x47, { WHOLE, .base = NATIVE_CODE, .limit = 0xfff,
				    .code = true, .readable = true } },
};
/* clang-format on */

static struct native_run running __attribute__((aligned(1024)));
u64 native_kept_rsp;

void native_enter(const struct pt_regs *regs);
void native_left(void);

static_assert(offsetof(struct pt_regs, bp) == 32 && offsetof(struct pt_regs, ax) == 80 &&
		      offsetof(struct pt_regs, di) == 112 && offsetof(struct pt_regs, ip) == 136,
	      "the offsets below");

__asm__(".text\n"
	"native_enter:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, native_kept_rsp(%rip)\n"
	"	mov 32(%rdi), %rbp\n"
	"	mov 40(%rdi), %rbx\n"
	"	mov 80(%rdi), %rax\n"
	"	mov 88(%rdi), %rcx\n"
	"	mov 96(%rdi), %rdx\n"
	"	mov 104(%rdi), %rsi\n"
	"	lea 136(%rdi), %rsp\n" /* IP, CS, flags, SP, SS */
	"	mov 112(%rdi), %rdi\n"
	"	iretq\n"
	"native_left:\n"
	"	mov native_kept_rsp(%rip), %rsp\n"
	"	push $2\n" /* NT, ID: a signal's return leaves them */
	"	popfq\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n");

/* Notes what the instruction left, and goes on behind native_enter(). */
static void ended(int signal, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct pt_regs *regs = &running.regs;

	(void)info;
	if ((u16)g[REG_CSGSFS] == USER_CS)
		_exit(128 + signal); /* a bug of the test itself */
	regs->ax = (u64)g[REG_RAX];
	regs->cx = (u64)g[REG_RCX];
	regs->dx = (u64)g[REG_RDX];
	regs->bx = (u64)g[REG_RBX];
	regs->sp = (u64)g[REG_RSP];
	regs->bp = (u64)g[REG_RBP];
	regs->si = (u64)g[REG_RSI];
	regs->di = (u64)g[REG_RDI];
	regs->ip = (u64)g[REG_RIP];
	regs->flags = (u64)g[REG_EFL];
	running.fault.vector = (u8)g[REG_TRAPNO];
	running.fault.error = (u32)g[REG_ERR];
	running.fault.address = (u32)g[REG_CR2];
	g[REG_CSGSFS] = (greg_t)USER_DS << 48 | USER_CS;
	g[REG_RIP] = (greg_t)(uintptr_t)native_left;
	g[REG_RSP] = (greg_t)native_kept_rsp;
	g[REG_EFL] = RFLAGS_FIXED | RFLAGS_IF;
}

u32 native_esp_upper(void)
{
	return (u32)(uintptr_t)&running & 0xffff0000;
}

void native_run(struct native_run *run)
{
	running = *run;
	running.regs.cs = run->segment[SEG_CS]->selector;
	running.regs.ss = run->segment[SEG_SS]->selector;
	__asm__ volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%gs"
			 :
			 : "r"((u32)run->segment[SEG_DS]->selector),
			   "r"((u32)run->segment[SEG_ES]->selector),
			   "r"((u32)run->segment[SEG_GS]->selector));
	native_enter(&running.regs);
	*run = running;
}

static bool set_ldt(const struct native_segment *segment)
{
	const struct guest_segment *is = &segment->is;
	struct user_desc desc = {
		.entry_number = segment->selector >> 3,
		.base_addr = is->base,
		.limit = is->limit,
		.seg_32bit = is->big,
		.contents = is->code ? MODIFY_LDT_CONTENTS_CODE :
			    is->expand_down ? MODIFY_LDT_CONTENTS_STACK : MODIFY_LDT_CONTENTS_DATA,
		.read_exec_only = is->code ? !is->readable : !is->writable,
		.useable = 1,
	};

	return (segment->selector & 4) == 0 ||
	       syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)) == 0;
}

static bool map(u32 at, size_t size, int prot)
{
	return mmap(native_at(at), size, prot,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1,
		    0) == native_at(at);
}

bool native_init(const char **why)
{
	static u8 signal_stack[65536];
	stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	struct sigaction action = { .sa_sigaction = ended, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static const int signals[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

	*why = "this host has no modify_ldt()";
	for (int i = 0; i < NATIVE_SEGMENTS; i++)
		if (!set_ldt(&native_segments[i]))
			return false;
	*why = "this host has no room for the code and data";
	if (!map(NATIVE_ARENA - SPACE, SPACE + NATIVE_SIZE + SPACE, PROT_NONE) ||
	    !map(NATIVE_CODE, NATIVE_CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    mprotect(native_at(NATIVE_ARENA), NATIVE_SIZE, PROT_READ | PROT_WRITE))
		return false;
	memset(native_at(NATIVE_CODE), 0xcc, NATIVE_CODE_SIZE);
	sigaltstack(&stack, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	return true;
}
