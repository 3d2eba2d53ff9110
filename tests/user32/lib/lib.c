/*
 * lib.c: see lib.h.  Runs before anything is known to work, so it needs nothing
 * but INT 0x80 and write.
 */
#include "lib.h"

struct start_regs start_regs;
volatile struct call_regs after_call;
uint32_t entry_flags = 0x202;
uint32_t lib_sysinfo;
static const uint32_t *auxiliary;

/*
 * The stack pointer is kept in a word of its own while the registers are pushed
 * into start_regs from its end.
 */
__asm__(
	".text\n"
	".globl _start\n"
	"_start:\n"
	"	mov	%cs, start_regs + 36\n"
	"	mov	%ss, start_regs + 38\n"
	"	mov	%ds, start_regs + 40\n"
	"	mov	%es, start_regs + 42\n"
	"	mov	%fs, start_regs + 44\n"
	"	mov	%gs, start_regs + 46\n"
	"	mov	%esp, start_regs + 12\n"
	"	mov	$start_regs + 36, %esp\n"
	"	pushf\n"
	"	push	%eax\n"
	"	push	%ecx\n"
	"	push	%edx\n"
	"	push	%ebx\n"
	"	mov	$start_regs + 12, %esp\n"
	"	push	%ebp\n"
	"	push	%esi\n"
	"	push	%edi\n"
	"	mov	start_regs + 12, %esp\n"
	"	mov	%esp, %eax\n"
	"	push	%eax\n"
	"	push	%eax\n"
	"	push	%eax\n"
	"	push	%eax\n"
	"	call	lib_start\n"
	"	ud2\n");

#define WAY_IN(name, instructions)                                            \
	__asm__(                                                              \
		".globl " #name "\n"                                          \
		#name ":\n"                                                   \
		"	push	%ebp\n"                                       \
		"	push	%ebx\n"                                       \
		"	push	%esi\n"                                       \
		"	push	%edi\n"                                       \
		"	mov	20(%esp), %eax\n"                             \
		"	mov	24(%esp), %ebx\n"                             \
		"	mov	28(%esp), %ecx\n"                             \
		"	mov	32(%esp), %edx\n"                             \
		"	mov	36(%esp), %esi\n"                             \
		"	mov	40(%esp), %edi\n"                             \
		"	mov	44(%esp), %ebp\n"                             \
		instructions                                                  \
		"	mov	%ebx, after_call\n"                    \
		"	mov	%ecx, after_call + 4\n"                \
		"	mov	%edx, after_call + 8\n"                \
		"	mov	%esi, after_call + 12\n"               \
		"	mov	%edi, after_call + 16\n"               \
		"	mov	%ebp, after_call + 20\n"               \
		"	mov	%esp, after_call + 24\n"               \
		"	pushf\n"                                              \
		"	pop	after_call + 28\n"                     \
		"	push	$0x202\n"                             \
		"	popf\n"                                       \
		"	pop	%edi\n"                                       \
		"	pop	%esi\n"                                       \
		"	pop	%ebx\n"                                       \
		"	pop	%ebp\n"                                       \
		"	ret\n")

/* The last thing before the way in. */
#define SET_FLAGS "	push	entry_flags\n	popf\n"

/* What the landing pad takes back: EBP, EDX, ECX, and the way home. */
#define PUSH_FOR_LANDING_PAD \
	"	call	1f\n" \
	"	jmp	2f\n" \
	"1:	push	%ecx\n" \
	"	push	%edx\n" \
	"	push	%ebp\n"

WAY_IN(by_int80, SET_FLAGS "	int	$0x80\n");
WAY_IN(by_sysinfo, SET_FLAGS "	call	*lib_sysinfo\n");
WAY_IN(by_sysenter, PUSH_FOR_LANDING_PAD "	mov	%esp, %ebp\n" SET_FLAGS
       "	sysenter\n	ud2\n2:\n");
WAY_IN(by_syscall, PUSH_FOR_LANDING_PAD "	mov	%ecx, %ebp\n" SET_FLAGS
       "	syscall\n	ud2\n2:\n");

void lib_start(const uint32_t *stack);
__attribute__((noreturn)) void lib_start(const uint32_t *stack)
{
	const uint32_t *at = stack + 1 + stack[0] + 1;

	while (*at)
		at++;
	auxiliary = at + 1;
	lib_sysinfo = auxv(AT_SYSINFO);
	sys(SYS_exit_group, test_main((int)stack[0], (char **)(stack + 1)));
	__builtin_trap();
}

uint32_t auxv(uint32_t type)
{
	for (const uint32_t *at = auxiliary; at[0]; at += 2)
		if (at[0] == type)
			return at[1];
	return 0;
}

/* The twelve letters, as CPUID 0 gives them in EBX, EDX, ECX. */
static bool vendor_is(const char *vendor)
{
	const uint32_t *want = (const uint32_t *)vendor;
	uint32_t a = 0, b, c, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	return b == want[0] && d == want[1] && c == want[2];
}

bool has_sysenter(void)
{
	static const char intel[] __attribute__((aligned(4))) = "GenuineIntel";

	return vendor_is(intel);
}

bool has_syscall(void)
{
	static const char amd[] __attribute__((aligned(4))) = "AuthenticAMD";

	return vendor_is(amd);
}

/* ---- Steps --------------------------------------------------------------------- */

static bool only_failures;
static uint32_t steps, failures;
static const char *subject = "";

static char line[256];
static uint32_t used;

void put(const char *text)
{
	while (*text && used < sizeof(line))
		line[used++] = *text++;
}

void put_number(uint32_t n)
{
	char digits[11], *at = digits + 10;

	*at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	put(at);
}

static void put_hex(uint32_t n)
{
	put("0x");
	for (int shift = 28; shift >= 0; shift -= 4)
		put((const char[2]){ "0123456789abcdef"[n >> shift & 15], '\0' });
}

void end_line(void)
{
	put("\n");
	sys(SYS_write, 1, line, used);
	used = 0;
}

void check_begin(bool quiet)
{
	only_failures = quiet;
}

void check_subject(const char *text)
{
	subject = text;
}

static void begin_step(bool good, const char *sentence)
{
	put(good ? "ok " : "not ok ");
	put_number(steps);
	put(" - ");
	put(subject);
	put(sentence);
}

void check_equal(uint32_t got, uint32_t expected, const char *sentence)
{
	bool good = got == expected;

	steps++;
	failures += !good;
	if (good && only_failures)
		return;
	begin_step(good, sentence);
	if (!good) {
		put(": got ");
		put_hex(got);
		put(", expected ");
		put_hex(expected);
	}
	end_line();
}

void check_result(int32_t got, int32_t expected, const char *sentence)
{
	check_equal((uint32_t)got, (uint32_t)expected, sentence);
}

void check_true(bool good, const char *sentence)
{
	check_equal(good, true, sentence);
}

void check_skip(const char *reason, const char *sentence)
{
	steps++;
	if (only_failures)
		return;
	begin_step(true, sentence);
	put(" # SKIP ");
	put(reason);
	end_line();
}

int check_end(void)
{
	put("1..");
	put_number(steps);
	end_line();
	return failures > 0;
}

bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}
