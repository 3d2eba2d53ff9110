/*
 * cli: with iopl(3), CLI and STI do nothing, and nothing else is skipped.  They are
 * looked for where the processor fetched them: in a segment with a base, in 16-bit
 * code, up to its limit.  In each case other bytes lie where EIP alone would lead.
 * As root (on a Linux that has iopl: many do not).
 *
 *	cli [-q]	-q: prints only what failed
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/check.h"
#include "../lib/far.h"

#define SELECTOR 7
#define CODE32 0x15 /* struct user_desc's flags: 32-bit, code, limit in pages */
#define CODE16 0x04 /* code */
#define RETURNED 17

extern const char hlts[], clis[], code_clis[], code_hlt[], code_66[], code_end[], code_end_clis[];
extern const char clis_above[], code16[], code16_end[];

/* What is looked for in the wrong place stands below and above what is executed. */
__asm__(".text\n.balign 64\n"
	"hlts:	hlt; hlt; hlt; hlt\n"
	"clis:	cli; cli; cli; cli\n"
	"	.code32\n"
	"code_clis:	cli\n"
	"	sti\n"
	FAR_RETURN
	"code_hlt:	hlt\n"
	FAR_RETURN
	"code_66:	.byte 0x66; cli\n"
	FAR_RETURN
	"code_end:	nop\n"
	"	nop\n"
	"code_end_clis:	cli\n"
	FAR_RETURN
	"	.code16\n"
	"code16:	cli\n"
	"	sti\n"
	FAR_RETURN16
	"code16_end:\n"
	"	.code64\n"
	"clis_above:	cli; cli; cli; cli\n"
	"hlts_above:	hlt; hlt; hlt; hlt\n");
extern const char hlts_above[];

/* Executes `code` in a segment in which EIP is `ip`; the wait status. */
static int go(int level, const char *code, uint32_t ip, uint32_t limit, uint32_t flags)
{
	uint32_t desc[4] = { 0, far_low(code) - ip, limit, flags };
	struct far to = { ip, SELECTOR };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (iopl(level) || syscall(SYS_modify_ldt, 0x11, desc, sizeof(desc)))
			_exit(1);
		far_go(&to, 0x2b, far_low(desc), 0); /* nothing is pushed */
		_exit(RETURNED);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int go32(int level, const char *code, const char *at_eip)
{
	return go(level, code, far_low(at_eip), 0xfffff, CODE32);
}

int main(int argc, char **argv)
{
	uint32_t end = (uint32_t)(code16_end - code16) - 1;

	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	if (iopl(3)) {
		check_skip("iopl(3) is refused", "CLI and STI do nothing");
		return check_end();
	}
	check_equal(go32(3, code_clis, code_clis), RETURNED << 8, "CLI and STI, base 0");
	check_equal(go32(3, code_clis, hlts), RETURNED << 8, "with a base");
	check_equal(go32(3, code_clis, hlts_above), RETURNED << 8, "with one that wraps at 4 GiB");
	check_equal(go32(0, code_clis, code_clis), SIGSEGV, "not with iopl(0)");
	check_equal(go32(3, code_hlt, code_hlt), SIGSEGV, "HLT is not skipped");
	check_equal(go32(3, code_hlt, clis), SIGSEGV, "nor where CLI stands at EIP");
	check_equal(go32(3, code_hlt, clis_above), SIGSEGV, "nor with a base that wraps");
	check_equal(go32(3, code_66, code_66), SIGSEGV, "nor CLI with a prefix, as on Linux");
	check_equal(go(3, code16, 0, end, CODE16), RETURNED << 8, "16-bit code");
	check_equal(go(3, code_end, 0, (uint32_t)(code_end_clis - code_end) - 1, CODE32 & ~0x10u),
		    SIGSEGV, "CLI behind the segment's limit is not skipped");
	return check_end();
}
