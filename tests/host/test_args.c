/*
 * Test of kernel/start/args.c: every argument, every complaint, quoting, and what
 * comes after `--`.
 */
#include "kernel/start/args.h"
#include "tests/host/host.h"

#include <stdlib.h>
#include <string.h>

static struct boot_args args;

/* Parses one line on top of the defaults. */
static void parse(const char *line)
{
	char *exact = (char *)host_exact_copy(line, strlen(line) + 1);

	host_record_clear();
	args_default(&args);
	args_parse(&args, exact, host_record);
	free(exact);
}

/* As many characters as `n` tells, in a static buffer. */
static const char *run_of(const char *head, char c, size_t n)
{
	static char text[4096];

	strcpy(text, head);
	memset(text + strlen(head), c, n);
	text[strlen(head) + n] = '\0';
	return text;
}

#define REPORTS(line, lines) \
	do { \
		parse(line); \
		CHECK_STR(host_recorded(), lines); \
	} while (0)

static void test_defaults(void)
{
	REPORTS("", "");
	CHECK_EQ(args.pti, PTI_ON);
	CHECK_EQ(args.roots, ROOTS_PROCESS);
	CHECK_EQ(args.syscall, SYSCALL_AUTO);
	CHECK_EQ(args.ltr, LTR_REMAP);
	CHECK_EQ(args.gdt_pages, 1);
	CHECK_EQ(args.mitigations, MITIGATIONS_AUTO);
	CHECK_EQ(args.maxcpus, 256);
	CHECK(!args.quiet && !args.profile && !args.console_is_pipe);
	CHECK(!args.nopcid && !args.norandmaps && !args.selftest && !args.init_given);
	CHECK_STR(args.selftest_globs, "");
	CHECK_STR(args.init, "/init");
	CHECK_EQ(args.argc, 0);
	CHECK(args.argv[0] == NULL);
}

static void test_all(void)
{
	REPORTS("  pti=off syscall=direct\tltr=reload gdt_pages=16 nopcid norandmaps "
		"mitigations=off "
		"maxcpus=8 selftest=pti*,gdt init=/bin/sh ", "");
	CHECK_EQ(args.pti, PTI_OFF);
	CHECK_EQ(args.syscall, SYSCALL_DIRECT);
	CHECK_EQ(args.ltr, LTR_RELOAD);
	CHECK_EQ(args.gdt_pages, 16);
	CHECK_EQ(args.mitigations, MITIGATIONS_OFF);
	CHECK(args.nopcid && args.norandmaps);
	CHECK_EQ(args.maxcpus, 8);
	CHECK(args.selftest);
	CHECK_STR(args.selftest_globs, "pti*,gdt");
	CHECK(args.init_given);
	CHECK_STR(args.init, "/bin/sh");
	REPORTS("pti=on syscall=trampoline ltr=remap gdt_pages=4 selftest", "");
	CHECK_EQ(args.pti, PTI_ON);
	CHECK_EQ(args.syscall, SYSCALL_TRAMPOLINE);
	CHECK_EQ(args.ltr, LTR_REMAP);
	CHECK_EQ(args.gdt_pages, 4);
	CHECK_STR(args.selftest_globs, "*");
	REPORTS("quiet console=pipe", "");
	CHECK(args.quiet && args.console_is_pipe);
	REPORTS("pti=off pti=auto syscall=direct syscall=auto", "");
	CHECK_EQ(args.pti, PTI_AUTO);
	CHECK_EQ(args.syscall, SYSCALL_AUTO);
}

static void test_unknown(void)
{
	REPORTS("silent pt=on", "args: found 'silent', expected a known "
		"argument; ignored\nargs: found 'pt=on', expected a known "
		"argument; ignored\n");
	REPORTS("=x", "args: found '=x', expected a known argument; ignored\n");
	REPORTS("ptix=on", "args: found 'ptix=on', expected a known argument; "
		"ignored\n");
	args_parse(&args, "nobody=listens", NULL);
}

static void test_bad_names(void)
{
	REPORTS("pti=maybe", "args: found 'pti=maybe', expected pti=on|off|"
		"auto|deferred; using on\n");
	REPORTS("pti", "args: found 'pti', expected pti=on|off|auto|deferred; using "
		"on\n");
	REPORTS("pti=off pti=", "args: found 'pti=', expected pti=on|off|auto|deferred; "
		"using off\n");
	CHECK_EQ(args.pti, PTI_OFF);
	REPORTS("pti=deferred=1", "args: found 'pti=deferred=1', expected pti=on|off|auto|"
		"deferred; using on\n");
	CHECK_EQ(args.pti, PTI_ON);
	REPORTS("syscall=fast", "args: found 'syscall=fast', expected syscall="
		"trampoline|direct|entry|auto; using auto\n");
	REPORTS("mitigations=on mitigations=maybe", "args: found 'mitigations=maybe', expected "
		"mitigations=auto|on|off; using on\n");
	CHECK_EQ(args.mitigations, MITIGATIONS_ON);
	REPORTS("roots=cpu", "");
	CHECK_EQ(args.roots, ROOTS_CPU);
	REPORTS("roots=cpu roots=process", "");
	CHECK_EQ(args.roots, ROOTS_PROCESS);
	REPORTS("roots=cpus", "args: found 'roots=cpus', expected roots=process|cpu; "
		"using process\n");
	REPORTS("roots=cpu roots", "args: found 'roots', expected roots=process|cpu; "
		"using cpu\n");
	REPORTS("ltr=REMAP", "args: found 'ltr=REMAP', expected ltr=remap|"
		"reload; using remap\n");
	REPORTS("nopcid=1", "args: found 'nopcid=1', expected nopcid without a "
		"value; using PCID if there is one\n");
	CHECK(!args.nopcid);
	REPORTS("norandmaps=1", "args: found 'norandmaps=1', expected norandmaps without "
		"a value; using random places\n");
	CHECK(!args.norandmaps);
	REPORTS("quiet=1", "args: found 'quiet=1', expected quiet without a value; using all lines\n");
	CHECK(!args.quiet);
	REPORTS("profile=yes", "args: found 'profile=yes', expected profile without a value; "
		"using none\n");
	CHECK(!args.profile);
	REPORTS("profile", "");
	CHECK(args.profile);
	REPORTS("console=pipe console=file", "args: found 'console=file', expected console=tty|pipe; "
		"using pipe\n");
	CHECK(args.console_is_pipe);
}

static void test_bad_numbers(void)
{
	static const char *const bad[] = {
		"maxcpus", "maxcpus=", "maxcpus=0", "maxcpus=257", "maxcpus=-1",
		"maxcpus=8x", "maxcpus=0x8", "maxcpus=4294967297",
		"maxcpus=18446744073709551617",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		parse(bad[i]);
		CHECK_HAS(host_recorded(), "expected maxcpus=N with N from 1 "
			  "to 256; using 256\n");
		CHECK_EQ(args.maxcpus, 256);
	}
	REPORTS("maxcpus=256 maxcpus=1", "");
	CHECK_EQ(args.maxcpus, 1);
	REPORTS("gdt_pages=2", "args: found 'gdt_pages=2', expected gdt_pages="
		"1|4|16; using 1\n");
	REPORTS("gdt_pages=17", "args: found 'gdt_pages=17', expected "
		"gdt_pages=1|4|16; using 1\n");
}

static void test_bad_text(void)
{
	REPORTS("selftest=", "args: found 'selftest=', expected selftest or "
		"selftest=glob,... of at most 255 bytes; using no selftest\n");
	CHECK(!args.selftest);
	parse(run_of("selftest=", 'a', 256));
	CHECK_HAS(host_recorded(), "of at most 255 bytes; using no selftest\n");
	REPORTS(run_of("selftest=", 'a', 255), "");
	CHECK_EQ(strlen(args.selftest_globs), 255);
	REPORTS("init=bin/sh", "args: found 'init=bin/sh', expected init=/path "
		"of at most 255 bytes; using /init\n");
	CHECK(!args.init_given);
	REPORTS("init", "args: found 'init', expected init=/path of at most "
		"255 bytes; using /init\n");
	parse(run_of("init=/", 'a', 255));
	CHECK_HAS(host_recorded(), "using /init\n");
	REPORTS(run_of("init=/", 'a', 254), "");
	CHECK_EQ(strlen(args.init), 255);
	parse(run_of("", 'a', 288));
	CHECK_HAS(host_recorded(), "aaa...', expected at most 287 bytes a "
		  "word; ignored\n");
	parse(run_of("", 'a', 287));
	CHECK_HAS(host_recorded(), "expected a known argument");
}

#define SETTLES(line, meltdown, lines) \
	do { \
		parse(line); \
		args_settle(&args, meltdown, host_record); \
		CHECK_STR(host_recorded(), lines); \
	} while (0)

static void test_settle(void)
{
	SETTLES("", true, "");
	CHECK_EQ(args.pti, PTI_ON);
	CHECK_EQ(args.syscall, SYSCALL_TRAMPOLINE);
	SETTLES("pti=auto", false, "");
	CHECK_EQ(args.pti, PTI_OFF);
	CHECK_EQ(args.syscall, SYSCALL_DIRECT);
	SETTLES("pti=auto syscall=entry roots=cpu", true, "");
	CHECK_EQ(args.pti, PTI_ON);
	CHECK_EQ(args.syscall, SYSCALL_ENTRY);
	CHECK_EQ(args.roots, ROOTS_CPU);
	SETTLES("pti=off syscall=trampoline", true, "");
	CHECK_EQ(args.syscall, SYSCALL_TRAMPOLINE);
	SETTLES("pti=deferred roots=cpu", false, "");
	CHECK_EQ(args.syscall, SYSCALL_TRAMPOLINE);
	parse("syscall=direct");
	args_parse(&args, "pti=off", host_record);
	args_settle(&args, true, host_record);
	CHECK_STR(host_recorded(), "");
	CHECK_EQ(args.syscall, SYSCALL_DIRECT);
}

static void test_settle_bad(void)
{
	SETTLES("syscall=direct pti=on", true, "args: found syscall=direct with pti=on, "
		"expected syscall=trampoline|entry; using trampoline\n");
	CHECK_EQ(args.pti, PTI_ON);
	CHECK_EQ(args.syscall, SYSCALL_TRAMPOLINE);
	SETTLES("syscall=direct pti=auto", true, "args: found syscall=direct with pti=on, "
		"expected syscall=trampoline|entry; using trampoline\n");
	SETTLES("syscall=direct pti=deferred", true, "args: found syscall=direct with "
		"pti=deferred, expected syscall=trampoline; using trampoline\n");
	CHECK_EQ(args.pti, PTI_DEFERRED);
	CHECK_EQ(args.syscall, SYSCALL_TRAMPOLINE);
	SETTLES("syscall=entry pti=deferred", true, "args: found syscall=entry with "
		"pti=deferred, expected syscall=trampoline; using trampoline\n");
	CHECK_EQ(args.syscall, SYSCALL_TRAMPOLINE);
	SETTLES("syscall=entry pti=auto", false, "args: found syscall=entry with pti=off, "
		"expected syscall=direct|trampoline; using direct\n");
	CHECK_EQ(args.syscall, SYSCALL_DIRECT);
	SETTLES("roots=cpu pti=off", true, "args: found roots=cpu with pti=off, "
		"expected pti=on|deferred; using process\n");
	CHECK_EQ(args.roots, ROOTS_PROCESS);
	parse("roots=cpu pti=off syscall=entry");
	args_settle(&args, true, NULL);
	CHECK_EQ(args.syscall, SYSCALL_DIRECT);
}

static void test_kernel_path(void)
{
	REPORTS("/boot/postern.elf pti=on", "");
	CHECK_EQ(args.pti, PTI_ON);
	REPORTS("/a=b", "args: found '/a=b', expected a known argument; "
		"ignored\n");
	REPORTS("pti=on /boot", "args: found '/boot', expected a known "
		"argument; ignored\n");
}

static void test_quotes(void)
{
	REPORTS("init=\"/a b\" \"selftest=c d\" pti=\"on\"", "");
	CHECK_STR(args.init, "/a b");
	CHECK_STR(args.selftest_globs, "c d");
	CHECK_EQ(args.pti, PTI_ON);
	REPORTS("init=\"/a b pti=on", "args: found no end of the quotes in "
		"'init=\"/a b pti=on', expected another '\"'; taking the rest "
		"of the line\n");
	CHECK_STR(args.init, "/a b pti=on");
	REPORTS("\"\"", "args: found '', expected a known argument; ignored\n");
}

static void test_argv(void)
{
	REPORTS("pti=on -- one \"two words\" -- \"\" pti=off", "");
	CHECK_EQ(args.pti, PTI_ON);
	CHECK_EQ(args.argc, 5);
	CHECK_STR(args.argv[0], "one");
	CHECK_STR(args.argv[1], "two words");
	CHECK_STR(args.argv[2], "--");
	CHECK_STR(args.argv[3], "");
	CHECK_STR(args.argv[4], "pti=off");
	CHECK(args.argv[5] == NULL);
	REPORTS("pti=on --", "");
	CHECK_EQ(args.argc, 0);
}

static void test_argv_limits(void)
{
	char line[200] = "--";
	unsigned i;

	for (i = 0; i < ARGS_MAX_ARGV; i++)
		strcat(line, " a");
	REPORTS(line, "");
	CHECK_EQ(args.argc, 32);
	strcat(line, " b c");
	REPORTS(line, "args: found too much after '--', expected at most 32 "
		"words in 1024 bytes; no program is run\n");
	CHECK(args.argv_too_long);
	CHECK_EQ(args.argc, 32);
	CHECK(args.argv[32] == NULL);
	REPORTS(run_of("-- ", 'a', 1023), "");
	CHECK(!args.argv_too_long);
	CHECK_EQ(strlen(args.argv[0]), 1023);
	args_parse(&args, "-- b", host_record);
	CHECK_HAS(host_recorded(), "found too much after '--'");
	CHECK_EQ(args.argc, 1);
	CHECK_EQ(args.argv_used, 1024);
	parse(run_of("-- ", 'a', 1024));
	CHECK_HAS(host_recorded(), "found too much after '--'");
	CHECK_EQ(args.argc, 0);
}

static void test_second_line(void)
{
	parse("pti=on selftest -- one");
	args_parse(&args, "selftest=gdt maxcpus=2 -- two", host_record);
	CHECK_STR(host_recorded(), "");
	CHECK_EQ(args.pti, PTI_ON);
	CHECK_STR(args.selftest_globs, "gdt");
	CHECK_EQ(args.maxcpus, 2);
	CHECK_EQ(args.argc, 2);
	CHECK_STR(args.argv[0], "one");
	CHECK_STR(args.argv[1], "two");
}

static void parse_bytes(const u8 *input, size_t len)
{
	char *line = malloc(len + 1);
	unsigned i;

	memcpy(line, input, len);
	line[len] = '\0';
	host_record_clear();
	args_default(&args);
	args_parse(&args, line, host_record);
	args_parse(&args, line, host_record);
	args_settle(&args, false, host_record);
	free(line);
	CHECK(args.gdt_pages == 1 || args.gdt_pages == 4 ||
	      args.gdt_pages == 16);
	CHECK(args.maxcpus >= 1 && args.maxcpus <= 256);
	CHECK(args.pti != PTI_AUTO && args.syscall != SYSCALL_AUTO);
	CHECK(args.pti == PTI_OFF || args.syscall != SYSCALL_DIRECT);
	CHECK(args.pti == PTI_ON || args.syscall != SYSCALL_ENTRY);
	CHECK(args.pti != PTI_OFF || args.roots == ROOTS_PROCESS);
	CHECK(args.init[0] == '/');
	CHECK(args.argc <= ARGS_MAX_ARGV && args.argv[args.argc] == NULL);
	for (i = 0; i < args.argc; i++)
		CHECK(args.argv[i] + strlen(args.argv[i]) <
		      args.argv_text + sizeof(args.argv_text));
}

static const char long_line[] =
	"/k pti=on syscall=direct ltr=reload gdt_pages=4 nopcid maxcpus=12 "
	"selftest=pti*,gdt init=\"/bin/a b\" -- a b \"c d\" e=f g h i j k l m "
	"n o p q r s t u v w x y z";

static void test_truncated(void)
{
	host_truncate(long_line, strlen(long_line), parse_bytes);
}

static void test_fuzz(void)
{
	host_fuzz(long_line, strlen(long_line), 30000, parse_bytes);
}

const struct host_case host_cases[] = {
	{ "without arguments, the defaults hold", test_defaults },
	{ "every argument sets its value", test_all },
	{ "unknown arguments are reported", test_unknown },
	{ "bad names are reported, with what stays", test_bad_names },
	{ "bad numbers are reported, with what stays", test_bad_numbers },
	{ "bad paths and globs are reported", test_bad_text },
	{ "what is left open is settled by the CPU", test_settle },
	{ "what cannot go together is put right, with a line", test_settle_bad },
	{ "the kernel's own path is ignored", test_kernel_path },
	{ "quotes keep words together", test_quotes },
	{ "what follows -- is init's", test_argv },
	{ "too much after -- is reported", test_argv_limits },
	{ "a second line adds to the first", test_second_line },
	{ "every truncated line is survived", test_truncated },
	{ "30000 mutations are survived", test_fuzz },
	{ NULL, NULL }
};
