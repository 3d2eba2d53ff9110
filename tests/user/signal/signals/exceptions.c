/*
 * exceptions.c: si_code, si_addr, RIP, trap number and error code of each
 * exception that a program can raise without help of the kernel's.
 */
#include "../../lib/check.h"
#include "signals.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define UNMAPPED 0x10000ul	/* nothing is put so low */
#define KERNEL 0xffffffff80000000ul
#define SI_KERNEL_CODE 0x80

/* Where the instruction is of which the case speaks, and the place it uses. */
volatile uint64_t here;
void *volatile place;
#define HERE "lea 9f(%%rip), %%rax; mov %%rax, here(%%rip); 9: "
#define CASE(name, code) \
	static void name(void) \
	{ \
		__asm__ volatile(code : : : "rax", "rcx", "rdx", "cc", "memory", "xmm0", "xmm1"); \
	}

CASE(divide, "xor %%edx, %%edx; xor %%ecx, %%ecx;" HERE "div %%ecx")
CASE(step, "lea 9f(%%rip), %%rax; mov %%rax, here(%%rip);"
     "pushfq; orl $0x100, (%%rsp); popfq; nop; 9: nop")
CASE(breakpoint, "lea 9f(%%rip), %%rax; mov %%rax, here(%%rip); int3; 9:")
CASE(overflow, "lea 9f(%%rip), %%rax; mov %%rax, here(%%rip); int $4; 9:")
CASE(opcode, HERE "ud2")
CASE(privileged, HERE "hlt")
CASE(gate, HERE "int $14")
CASE(non_canonical, "movabs $0x4141414141414141, %%rcx;" HERE "mov (%%rcx), %%al")
CASE(selector, "mov $0xfffb, %%ecx;" HERE "mov %%ecx, %%es")
CASE(read_place, "mov place(%%rip), %%rcx;" HERE "mov (%%rcx), %%dl")
CASE(write_place, "mov place(%%rip), %%rcx;" HERE "movb $1, (%%rcx)")
CASE(x87, "fninit; pushq $0x37b; fldcw (%%rsp); pop %%rax; fld1; fldz; fdivrp;" HERE "fwait")
CASE(x87_invalid, "fninit; pushq $0x37e; fldcw (%%rsp); pop %%rax; fldz; fldz; fdivrp;" HERE "fwait")

/* The return address tells where the call went wrong. */
static void call_place(void)
{
	__asm__ volatile("call *%0" : : "r"(place) : "memory");
}

enum address { NONE, INSTRUCTION, PLACE };

static const struct row {
	const char *name;
	void (*function)(void);
	int signal, code;
	enum address addr;
	unsigned trapno, err;
	uint64_t place;		/* 0: a page that can be read only */
} rows[] = {
	{ "division by zero", divide, SIGFPE, FPE_INTDIV, INSTRUCTION, 0, 0, 1 },
	{ "single step", step, SIGTRAP, TRAP_TRACE, INSTRUCTION, 1, 0, 1 },
	{ "int3", breakpoint, SIGTRAP, SI_KERNEL_CODE, NONE, 3, 0, 1 },
	{ "INTO's gate", overflow, SIGSEGV, SI_KERNEL_CODE, NONE, 4, 0, 1 },
	{ "ud2", opcode, SIGILL, ILL_ILLOPN, INSTRUCTION, 6, 0, 1 },
	{ "hlt", privileged, SIGSEGV, SI_KERNEL_CODE, NONE, 13, 0, 1 },
	{ "int 14", gate, SIGSEGV, SI_KERNEL_CODE, NONE, 13, 14 * 8 + 2, 1 },
	{ "a non-canonical address", non_canonical, SIGSEGV, SI_KERNEL_CODE, NONE, 13, 0, 1 },
	{ "a selector beyond the GDT", selector, SIGSEGV, SI_KERNEL_CODE, NONE, 13, 0xfff8, 1 },
	{ "a read of nothing", read_place, SIGSEGV, SEGV_MAPERR, PLACE, 14, 4, UNMAPPED },
	{ "a write to nothing", write_place, SIGSEGV, SEGV_MAPERR, PLACE, 14, 6, UNMAPPED },
	{ "a read of the kernel's", read_place, SIGSEGV, SEGV_MAPERR, PLACE, 14, 5, KERNEL },
	{ "a write to the kernel's", write_place, SIGSEGV, SEGV_MAPERR, PLACE, 14, 7, KERNEL },
	{ "a jump to the kernel's", call_place, SIGSEGV, SEGV_MAPERR, PLACE, 14, 0x15, KERNEL },
	{ "a write to what is read only", write_place, SIGSEGV, SEGV_ACCERR, PLACE, 14, 7, 0 },
	{ "a jump to what is no code", call_place, SIGSEGV, SEGV_ACCERR, PLACE, 14, 0x15, 0 },
	{ "x87: division by zero", x87, SIGFPE, FPE_FLTDIV, INSTRUCTION, 16, 0, 1 },
	{ "x87: zero by zero", x87_invalid, SIGFPE, FPE_FLTINV, INSTRUCTION, 16, 0, 1 },
};

static void check_row(const struct row *r, void *read_only)
{
	uint64_t addr;

	place = r->place ? (void *)r->place : read_only;
	handled = 0;
	memset((void *)&told, 0xee, sizeof(told));
	if (!RAISES(r->function())) {
		__asm__ volatile("fnclex");
		check_true(false, "%s raises a signal", r->name);
		return;
	}
	__asm__ volatile("fnclex");
	addr = r->addr == INSTRUCTION ? here : r->addr == PLACE ? (uint64_t)place : 0;
	check_equal(told.signal, r->signal, "%s: signal", r->name);
	check_equal(told.code, r->code, "%s: si_code", r->name);
	check_equal((int64_t)told.addr, (int64_t)addr, "%s: si_addr", r->name);
	check_equal((int64_t)told.trapno, r->trapno, "%s: trapno", r->name);
	/* QEMU 7.2's TCG doubles the index of a gate in long mode. */
	if (r->function == gate && told.err == 14 * 16 + 2)
		told.err = 14 * 8 + 2;
	check_equal((int64_t)told.err, r->err, "%s: err", r->name);
	if (r->function == call_place)
		check_equal((int64_t)told.ip, (int64_t)place, "%s: rip", r->name);
	else
		check_equal((int64_t)told.ip, (int64_t)here, "%s: rip", r->name);
	if (r->trapno == 14)
		check_equal((int64_t)told.cr2, (int64_t)place, "%s: cr2", r->name);
	check_equal((int64_t)told.cs, 0x33, "%s: cs", r->name);
	check_equal((int64_t)told.ss, 0x2b, "%s: ss", r->name);
}

/* They stay for the signals after it. */
static void check_last_exception_stays(void)
{
	place = (void *)UNMAPPED;
	if (RAISES(read_place()))
		handled = 0;
	act(SIGUSR1, note, 0);
	raise(SIGUSR1);
	check_equal((int64_t)told.trapno, 14, "trapno of SIGUSR1 is the last exception's");
	check_equal((int64_t)told.err, 4, "err of SIGUSR1, too");
	check_equal((int64_t)told.cr2, UNMAPPED, "cr2 of SIGUSR1, too");
	check_equal((int64_t)(told.uc_flags & 6), 6, "uc_flags: SIGCONTEXT_SS, STRICT_RESTORE_SS");
}

void test_exceptions(void)
{
	static const int signals[] = { SIGFPE, SIGTRAP, SIGSEGV, SIGILL, SIGBUS };
	void *read_only = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*(volatile char *)read_only = (char)0xc3; /* it is there */
	mprotect(read_only, 4096, PROT_READ);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		act(signals[i], leave_by_jump, 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i], read_only);
	check_last_exception_stays();
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		act_default(signals[i]);
	munmap(read_only, 4096);
}
