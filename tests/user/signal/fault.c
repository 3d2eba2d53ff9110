/*
 * fault: does one forbidden thing, by name, and should be killed for it.
 *
 *	fault NAME	does it; the right outcome is death by the signal in the
 *			list below. If it lives it says so: exit status 1.
 *	fault --list	prints `NAME SIGNAL` for each, and where the machine has
 *			a say in it, a third word:
 *	tcg=N		some versions of QEMU's TCG make another exception of
 *			it, so that signal N comes there; 0: none, it lives
 *
 * For whom can neither read nor know names (tests/suites/user_programs.c):
 *	fault -case N	does number N of the list, 0 the first, and says nothing
 *	fault -expect N [tcg]
 *			exits with the signal of number N on such a machine,
 *			0 if it lives there, 255 behind the end of the list
 *
 * The numbers are what Linux does (tests/user/check_on_linux.py proves it). The
 * kernel addresses are Postern's. Not here: int 0x80, sysenter and 32-bit
 * syscall, which are doors.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_IMAGE	"0xffffffff80000000"
#define DIRECT_MAP	"0xffff888000000000"
#define VMAP		"0xffffc90000000000"
#define ENTRY_AREA	"0xfffffe7fffffe000"
#define VAULT		"0xfffffe8000000000"
#define NON_CANONICAL	"0x4141414141414141"

#define READ(address)	"movabs $" address ", %%rax; movb (%%rax), %%al"
#define WRITE(address)	"movabs $" address ", %%rax; movb $0, (%%rax)"
#define EXEC(address)	"movabs $" address ", %%rax; call *%%rax"

uint8_t fault_data[16] = { 0xc3 };		/* ret */
const uint8_t fault_rodata[16] = { 0xc3 };

/* modify_ldt(0x11, ...): entry 0, with these flags, base 0, limit one page. */
struct { uint32_t entry, base, limit, flags; } fault_desc = { 0, 0, 0xfff, 0 };
#define LDT(flags) \
	"movl $" flags ", 12 + fault_desc(%%rip); mov $154, %%eax; mov $0x11, %%edi; " \
	"lea fault_desc(%%rip), %%rsi; mov $16, %%edx; syscall; mov $7, %%eax; "
/* Flags: 1 32 bits, 4 code, 8 read- or execute-only, 0x20 not present. */

#define IOPERM(from, n, on) \
	"mov $" from ", %%edi; mov $" n ", %%esi; mov $" on ", %%edx; mov $173, %%eax; syscall; "
#define IOPL(level) "mov $" level ", %%edi; mov $172, %%eax; syscall; "

/* MXCSR's bit 16 is reserved; the header says that SSE's state is there. */
uint8_t fault_fpu[576] __attribute__((aligned(64)));
#define BAD_MXCSR "movl $0x11f80, 24 + fault_fpu(%%rip); movl $2, 512 + fault_fpu(%%rip); "

/* Far jumps, to 32-bit code in the flat segment, DS as it was. */
#define CODE32(code) \
	"movl $1f, fault_far(%%rip); movw $0x23, 4 + fault_far(%%rip); ljmp *fault_far(%%rip); " \
	".code32; 1: " code "; .code64; "
struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) fault_far;

/* NAME, the signal that Linux sends, the third word, what it does. */
#define FAULTS(DO) \
	/* Kernel memory, and addresses that are none. */ \
	DO(read_null, SIGSEGV, "", READ("0")) \
	DO(read_kernel_image, SIGSEGV, "", READ(KERNEL_IMAGE)) \
	DO(read_direct_map, SIGSEGV, "", READ(DIRECT_MAP)) \
	DO(read_vmap, SIGSEGV, "", READ(VMAP)) \
	DO(read_entry_area, SIGSEGV, "", READ(ENTRY_AREA)) \
	DO(read_vault, SIGSEGV, "", READ(VAULT)) \
	DO(read_non_canonical, SIGSEGV, "", READ(NON_CANONICAL)) \
	DO(write_null, SIGSEGV, "", WRITE("0")) \
	DO(write_kernel_image, SIGSEGV, "", WRITE(KERNEL_IMAGE)) \
	DO(write_direct_map, SIGSEGV, "", WRITE(DIRECT_MAP)) \
	DO(write_entry_area, SIGSEGV, "", WRITE(ENTRY_AREA)) \
	DO(write_vault, SIGSEGV, "", WRITE(VAULT)) \
	DO(write_non_canonical, SIGSEGV, "", WRITE(NON_CANONICAL)) \
	DO(exec_null, SIGSEGV, "", EXEC("0")) \
	DO(exec_kernel_image, SIGSEGV, "", EXEC(KERNEL_IMAGE)) \
	DO(exec_direct_map, SIGSEGV, "", EXEC(DIRECT_MAP)) \
	DO(exec_entry_area, SIGSEGV, "", EXEC(ENTRY_AREA)) \
	DO(exec_vault, SIGSEGV, "", EXEC(VAULT)) \
	DO(exec_non_canonical, SIGSEGV, "", EXEC(NON_CANONICAL)) \
	\
	/* The program's own memory, against its rights. */ \
	DO(write_text, SIGSEGV, "", "movb $0x90, 0(%%rip)") \
	DO(write_rodata, SIGSEGV, "", "movb $0x90, fault_rodata(%%rip)") \
	DO(exec_rodata, SIGSEGV, "", "call fault_rodata") \
	DO(exec_data, SIGSEGV, "", "call fault_data") \
	DO(exec_stack, SIGSEGV, "", "movb $0xc3, (%%rsp); call *%%rsp") \
	DO(stack_overflow, SIGSEGV, "", "1: push %%rax; jmp 1b") \
	\
	/* Privileged instructions. */ \
	DO(hlt, SIGSEGV, "", "hlt") \
	DO(cli, SIGSEGV, "", "cli") \
	DO(sti, SIGSEGV, "", "sti") \
	DO(clts, SIGSEGV, "", "clts") \
	DO(wbinvd, SIGSEGV, "tcg=0", "wbinvd") \
	DO(invlpg, SIGSEGV, "", "invlpg (%%rsp)") \
	DO(swapgs, SIGSEGV, "", "swapgs") \
	DO(sysretq, SIGSEGV, "", "lea 1f(%%rip), %%rcx; mov $0x202, %%r11d; sysretq; 1:") \
	DO(read_cr3, SIGSEGV, "", "mov %%cr3, %%rax") \
	DO(write_cr3, SIGSEGV, "", "xor %%eax, %%eax; mov %%rax, %%cr3") \
	DO(write_cr4, SIGSEGV, "", "xor %%eax, %%eax; mov %%rax, %%cr4") \
	DO(write_dr7, SIGSEGV, "", "xor %%eax, %%eax; mov %%rax, %%dr7") \
	DO(rdmsr_efer, SIGSEGV, "", "mov $0xc0000080, %%ecx; rdmsr") \
	DO(wrmsr_lstar, SIGSEGV, "", "mov $0xc0000082, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx; wrmsr") \
	DO(lgdt, SIGSEGV, "", "lgdt (%%rsp)") \
	DO(lidt, SIGSEGV, "", "lidt (%%rsp)") \
	DO(lldt, SIGSEGV, "", "xor %%eax, %%eax; lldt %%ax") \
	DO(ltr, SIGSEGV, "", "mov $0x40, %%eax; ltr %%ax") \
	DO(in, SIGSEGV, "", "mov $0x3f8, %%edx; inb %%dx, %%al") \
	DO(out, SIGSEGV, "", "mov $0xf4, %%edx; mov $0x10, %%al; outb %%al, %%dx") \
	DO(out_last_port, SIGSEGV, "", "mov $0xffff, %%edx; mov $0, %%al; outb %%al, %%dx") \
	\
	/* What ioperm and iopl do not give. */ \
	DO(ioperm_neighbour, SIGSEGV, "", IOPERM("0x80", "1", "1") "inb $0x81, %%al") \
	DO(ioperm_word, SIGSEGV, "", IOPERM("0x80", "1", "1") "inw $0x80, %%ax") \
	DO(ioperm_closed, SIGSEGV, "", \
	   IOPERM("0x80", "4", "1") "inb $0x80, %%al;" IOPERM("0", "65536", "0") "inb $0x80, %%al") \
	DO(ioperm_cli, SIGSEGV, "", IOPERM("0", "65536", "1") "cli") \
	DO(iopl_cli, SIGILL, "", IOPL("3") "inb $0x80, %%al; cli; ud2") \
	DO(iopl_sti, SIGILL, "", IOPL("3") "inb $0x80, %%al; sti; ud2") \
	DO(iopl_hlt, SIGSEGV, "", IOPL("3") "inb $0x80, %%al; hlt") \
	DO(iopl_popf, SIGILL, "", IOPL("3") "pushq $0x3202; popfq; cli; ud2") \
	DO(iopl_back, SIGSEGV, "", IOPL("3") "inb $0x80, %%al;" IOPL("2") "inb $0x80, %%al") \
	\
	/* Stores of what UMIP hides, and Linux makes up, where nothing can be stored. */ \
	DO(sgdt_to_kernel, SIGSEGV, "", "movabs $" KERNEL_IMAGE ", %%rax; sgdt (%%rax)") \
	DO(sidt_to_null, SIGSEGV, "", "sidt 0") \
	DO(sidt_across_the_end, SIGSEGV, "", "movabs $0x7fffffffeffa, %%rax; sidt (%%rax)") \
	DO(smsw_to_rodata, SIGSEGV, "", "smsw fault_rodata(%%rip)") \
	DO(sldt_to_entry_area, SIGSEGV, "", "movabs $" ENTRY_AREA ", %%rax; sldt (%%rax)") \
	DO(str_to_non_canonical, SIGSEGV, "", "movabs $" NON_CANONICAL ", %%rax; str (%%rax)") \
	\
	/* Gates of the IDT that `int` may not use: #GP, not what is behind them. */ \
	DO(int_divide, SIGSEGV, "", "int $0") \
	DO(int_nmi, SIGSEGV, "", "int $2") \
	DO(int_double_fault, SIGSEGV, "", "int $8") \
	DO(int_page_fault, SIGSEGV, "", "int $14") \
	DO(int_machine_check, SIGSEGV, "", "int $18") \
	DO(int_first_irq, SIGSEGV, "", "int $0x20") \
	DO(int_last, SIGSEGV, "", "int $0xff") \
	\
	/* Selectors: past the table, in no LDT, the kernel's, none. */ \
	DO(selector_past_gdt, SIGSEGV, "", "mov $0xfffb, %%eax; mov %%eax, %%ds") \
	DO(selector_of_ldt, SIGSEGV, "", "mov $0x0f, %%eax; mov %%eax, %%es") \
	DO(selector_of_kernel, SIGSEGV, "", "mov $0x18, %%eax; mov %%eax, %%ss") \
	DO(selector_null_stack, SIGSEGV, "", "xor %%eax, %%eax; mov %%eax, %%ss") \
	DO(iret_to_kernel, SIGSEGV, "", \
	   "push $0x18; push %%rsp; pushfq; push $0x10; lea 1f(%%rip), %%rax; push %%rax; iretq; 1:") \
	\
	/* The same in an LDT. */ \
	DO(ldt_not_present, SIGBUS, "", LDT("0x21") "mov %%eax, %%es") \
	DO(ldt_stack_not_present, SIGBUS, "", LDT("0x21") "mov %%eax, %%ss") \
	DO(ldt_stack_read_only, SIGSEGV, "", LDT("0x9") "mov %%eax, %%ss") \
	DO(ldt_stack_code, SIGSEGV, "", LDT("0x5") "mov %%eax, %%ss") \
	DO(ldt_code_not_readable, SIGSEGV, "", LDT("0xd") "mov %%eax, %%ds") \
	DO(ldt_empty, SIGSEGV, "", "movl $0, 8 + fault_desc(%%rip); " LDT("0x28") "mov %%eax, %%fs") \
	DO(ldt_past_the_end, SIGSEGV, "", LDT("0x1") "mov $0x0f, %%eax; mov %%eax, %%gs") \
	DO(ldt_far_jump_to_data, SIGSEGV, "", \
	   LDT("0x1") "movw %%ax, 4 + fault_far(%%rip); ljmp *fault_far(%%rip)") \
	DO(ldt_far_jump_not_present, SIGBUS, "", \
	   LDT("0x25") "movw %%ax, 4 + fault_far(%%rip); ljmp *fault_far(%%rip)") \
	DO(ldt_far_jump_beyond, SIGSEGV, "", \
	   LDT("0x5") "movl $0x1000, fault_far(%%rip); movw %%ax, 4 + fault_far(%%rip); " \
	   "ljmp *fault_far(%%rip)") \
	DO(ldt_read_beyond, SIGSEGV, "", LDT("0x1") "mov %%eax, %%ds; " CODE32("mov 0x1000, %%eax")) \
	DO(ldt_write_read_only, SIGSEGV, "", LDT("0x9") "mov %%eax, %%ds; " CODE32("mov %%eax, 0")) \
	\
	/* Exceptions that have signals of their own. */ \
	DO(ud2, SIGILL, "", "ud2") \
	DO(int3, SIGTRAP, "", "int3") \
	DO(int1, SIGTRAP, "tcg=4", ".byte 0xf1") \
	DO(int_overflow, SIGSEGV, "", "int $4") \
	DO(single_step, SIGTRAP, "", "pushfq; orl $0x100, (%%rsp); popfq; nop; nop") \
	DO(step_over_pause, SIGTRAP, "tcg=4", "pushfq; orl $0x100, (%%rsp); popfq; pause; ud2") \
	DO(divide_by_zero, SIGFPE, "", "xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx") \
	DO(divide_overflow, SIGFPE, "", "mov $0x80000000, %%eax; cltd; mov $-1, %%ecx; idiv %%ecx") \
	/* 1/0 unmasked: the x87 tells at the next waiting instruction, SSE at once. */ \
	DO(x87, SIGFPE, "", "fninit; pushq $0x37b; fldcw (%%rsp); fld1; fldz; fdivrp; fwait") \
	DO(sse, SIGFPE, "tcg=0", "pushq $0x1d80; ldmxcsr (%%rsp); mov $1, %%eax; cvtsi2sd %%eax, %%xmm0; " \
			    "xorpd %%xmm1, %%xmm1; divsd %%xmm1, %%xmm0") \
	DO(ldmxcsr_reserved, SIGSEGV, "tcg=0", "pushq $0x11f80; ldmxcsr (%%rsp)") \
	DO(fxrstor_reserved, SIGSEGV, "tcg=0", BAD_MXCSR "fxrstor fault_fpu(%%rip)") \
	DO(xrstor_reserved, SIGSEGV, "tcg=0", BAD_MXCSR \
	   "push %%rbx; mov $1, %%eax; cpuid; pop %%rbx; bt $27, %%ecx; jc 1f; fxrstor fault_fpu(%%rip); " \
	   "jmp 2f; 1: mov $2, %%eax; xor %%edx, %%edx; xrstor fault_fpu(%%rip); 2:") \
	DO(alignment, SIGBUS, "tcg=0", "pushfq; orl $0x40000, (%%rsp); popfq; mov 1(%%rsp), %%eax") \
	/* #SS where others get #GP: what goes through RSP or RBP. */ \
	DO(push_non_canonical, SIGBUS, "tcg=11", "movabs $" NON_CANONICAL ", %%rsp; push %%rax") \
	DO(frame_non_canonical, SIGBUS, "tcg=11", "movabs $" NON_CANONICAL ", %%rbp; movb (%%rbp), %%al")

static uint64_t kept_rsp, kept_rbp;

/* Whoever lives comes back with the stack as it was. */
#define FUNCTION(name, signal, machine, code) \
	static __attribute__((noinline)) void do_##name(void) \
	{ \
		__asm__ volatile("mov %%rsp, %[rsp]; mov %%rbp, %[rbp]; sub $256, %%rsp\n\t" \
				 code "\n\t" \
				 "mov %[rsp], %%rsp; mov %[rbp], %%rbp" \
				 : [rsp] "+m"(kept_rsp), [rbp] "+m"(kept_rbp) : \
				 : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "cc", "memory"); \
	}
#define ROW(name, signal, machine, code) { #name, signal, machine, do_##name },

FAULTS(FUNCTION)

static const struct {
	const char *name;
	int signal;
	const char *machine;	/* the third word, or "" */
	void (*function)(void);
} faults[] = {
	FAULTS(ROW)
};

#define COUNT (sizeof(faults) / sizeof(faults[0]))

/* The signal of one case on a machine that `words` describe. */
static int expected_signal(unsigned number, char **words)
{
	const char *machine;
	int signal;

	if (number >= COUNT)
		return 255;
	machine = faults[number].machine;
	signal = faults[number].signal;
	for (; *words; words++) {
		if (strcmp(*words, "tcg") == 0)
			sscanf(machine, "tcg=%d", &signal);
	}
	return signal;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	unsigned number = argc > 2 ? (unsigned)atoi(argv[2]) : COUNT;

	if (strcmp(name, "-expect") == 0)
		return expected_signal(number, argv + (argc > 2 ? 3 : 2));
	if (strcmp(name, "-case") == 0 && number < COUNT) {
		faults[number].function();
		return 1;
	}

	if (strcmp(name, "--list") == 0) {
		for (unsigned i = 0; i < COUNT; i++)
			printf("%s %d%s%s\n", faults[i].name, faults[i].signal,
			       faults[i].machine[0] ? " " : "", faults[i].machine);
		return 0;
	}
	for (unsigned i = 0; i < COUNT; i++) {
		if (strcmp(name, faults[i].name) != 0)
			continue;
		printf("fault: %s, to be killed by signal %d\n", name, faults[i].signal);
		fflush(stdout);
		faults[i].function();
		printf("fault: %s, and nothing happened\n", name);
		return 1;
	}
	fprintf(stderr, "usage: fault NAME | --list | -case N | -expect N [tcg] [no-umip]\n");
	return 2;
}
