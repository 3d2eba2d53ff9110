/*
 * lib.h: what a 32-bit test program without a C library has: its start, the
 * ways into the kernel, and steps as tests/user/lib/check.h prints them.
 *
 * The program defines test_main(); its result is the exit status.
 */
#ifndef TESTS_USER32_LIB_H
#define TESTS_USER32_LIB_H

#include <stdbool.h>
#include <stdint.h>

int test_main(int argc, char **argv);

/* ---- The start ------------------------------------------------------------- */

/* The registers with which the program began. */
struct start_regs {
	uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax, flags;
	uint16_t cs, ss, ds, es, fs, gs;
};
extern struct start_regs start_regs;

/* A value of the auxiliary vector; 0 if it is not there. */
uint32_t auxv(uint32_t type);

enum {
	AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_ENTRY = 9,
	AT_PLATFORM = 15, AT_HWCAP = 16, AT_CLKTCK = 17, AT_RANDOM = 25,
	AT_EXECFN = 31, AT_SYSINFO = 32,
};

/* ---- System calls ------------------------------------------------------------ */

enum errno_value {
	ENOENT = 2, ESRCH = 3, EINTR = 4, EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12,
	EFAULT = 14, EEXIST = 17, EINVAL = 22, ENOTTY = 25, ENOSYS = 38, EOPNOTSUPP = 95,
};

enum call {
	SYS_exit = 1, SYS_read = 3, SYS_write = 4, SYS_getpid = 20, SYS_brk = 45,
	SYS_ioctl = 54, SYS_mmap = 90, SYS_munmap = 91, SYS_uname = 122,
	SYS_mprotect = 125, SYS_writev = 146, SYS_nanosleep = 162, SYS_mmap2 = 192,
	SYS_gettid = 224, SYS_futex = 240, SYS_exit_group = 252, SYS_clock_gettime = 265,
	SYS_getrandom = 355, SYS_arch_prctl = 384, SYS_clock_gettime64 = 403,
};

/* The number and six arguments; the registers afterwards are in after_call. */
typedef int32_t way_in(uint32_t nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d,
		       uint32_t e, uint32_t f);
way_in by_int80, by_sysinfo, by_sysenter, by_syscall;

struct call_regs {
	uint32_t ebx, ecx, edx, esi, edi, ebp, esp, flags;
};
extern volatile struct call_regs after_call;

/* The flags with which each way in is taken; behind it they are 0x202 again. */
extern uint32_t entry_flags;

/* Does this processor, by its vendor, have SYSENTER, SYSCALL in 32-bit code? */
bool has_sysenter(void);
bool has_syscall(void);

/* sys(SYS_write, 1, text, n): INT 0x80; arguments left out are zero. */
#define sys(...) sys_padded(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define sys_padded(nr, a, b, c, d, e, f, ...) \
	by_int80((uint32_t)(nr), (uint32_t)(a), (uint32_t)(b), (uint32_t)(c), \
		 (uint32_t)(d), (uint32_t)(e), (uint32_t)(f))

#define PAGE 4096u
#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_PRIVATE_ANONYMOUS 0x22
#define MAP_FIXED 0x10

/* ---- Steps --------------------------------------------------------------------- */

void check_begin(bool quiet);
void check_equal(uint32_t got, uint32_t expected, const char *sentence);
void check_result(int32_t got, int32_t expected, const char *sentence);
void check_true(bool good, const char *sentence);
void check_skip(const char *reason, const char *sentence);

/* Printed in front of every sentence from here on; "" at the beginning. */
void check_subject(const char *subject);

/* Prints the plan; the exit status: 0 if all steps were ok. */
int check_end(void);

bool same(const char *a, const char *b);

/* To a line of standard output, which end_line() writes. */
void put(const char *text);
void put_number(uint32_t n);
void end_line(void);

#endif
