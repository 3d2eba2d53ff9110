/*
 * Boot arguments.
 *
 * Two steps: next_word() takes the next word off the line and drops its
 * quotes, and the table `arguments` says which function understands it.  Each
 * of those either takes the value or reports what it expected, and then names
 * the value that stays: a boot never stops over an argument.
 *
 * Read next: kernel/main.c, where the values are used.
 */
#include "kernel/start/args.h"

#include "kernel/base/complaint.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"

/* Room for the longest word that fits anywhere, `selftest=` and 255 bytes. */
#define WORD_MAX 288

typedef void (*report_fn)(const char *line);

/* What a function of the table gets: the word as a whole, and in parts. */
struct word {
	const char *text;
	const char *value; /* after the `=`; NULL if there is none */
	report_fn report;
};

/* The names of a value, in the order of its enum, NULL at the end. */
static const char *const pti_names[] = { "auto", "on", "off", "deferred", NULL };
static const char *const roots_names[] = { "process", "cpu", NULL };
static const char *const syscall_names[] = { "auto", "trampoline", "direct", "entry", NULL };
static const char *const ltr_names[] = { "remap", "reload", NULL };
static const char *const mitigations_names[] = { "auto", "on", "off", NULL };
static const char *const console_names[] = { "tty", "pipe", NULL };
static const char *const guest_names[] = { "all", "one", NULL };

static_assert(PTI_AUTO == 0 && PTI_ON == 1 && PTI_OFF == 2 && PTI_DEFERRED == 3, "pti_names");
static_assert(ROOTS_PROCESS == 0 && ROOTS_CPU == 1, "roots_names");
static_assert(SYSCALL_AUTO == 0 && SYSCALL_TRAMPOLINE == 1 && SYSCALL_DIRECT == 2 &&
		      SYSCALL_ENTRY == 3,
	      "syscall_names");
static_assert(LTR_REMAP == 0 && LTR_RELOAD == 1, "ltr_names");
static_assert(MITIGATIONS_AUTO == 0 && MITIGATIONS_ON == 1 && MITIGATIONS_OFF == 2,
	      "mitigations_names");

static void tell(report_fn report, const struct complaint *line)
{
	if (report != NULL)
		report(line->text);
}

void args_default(struct boot_args *args)
{
	memset(args, 0, sizeof(*args));
	args->pti = PTI_ON;
	args->syscall = SYSCALL_AUTO;
	args->ltr = LTR_REMAP;
	args->gdt_pages = 1;
	args->mitigations = MITIGATIONS_AUTO;
	args->maxcpus = NR_CPUS;
	strscpy(args->init, "/init", sizeof(args->init));
}

/* Reports a bad value; `using` is the one that stays. */
static void bad_value(const struct word *w, const char *expected, const char *using)
{
	struct complaint line;

	complain(&line, "args: found '%.80s', expected %s; using %s", w->text, expected, using);
	tell(w->report, &line);
}

static void bad_number(const struct word *w, const char *expected, unsigned using)
{
	struct complaint line;

	complain(&line, "args: found '%.80s', expected %s; using %u", w->text, expected, using);
	tell(w->report, &line);
}

/* The index of w's value among the names, or -1. */
static int find_name(const struct word *w, const char *const *names)
{
	int i;

	for (i = 0; w->value != NULL && names[i] != NULL; i++) {
		if (strcmp(w->value, names[i]) == 0)
			return i;
	}
	return -1;
}

/* A decimal number from 1 to `max`, or 0 if the value is anything else. */
static unsigned parse_number(const struct word *w, unsigned max)
{
	const char *c = w->value;
	unsigned n = 0;

	if (c == NULL)
		return 0;
	for (; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return 0;
		n = n * 10 + (unsigned)(*c - '0');
		if (n > max)
			return 0;
	}
	return n;
}

static void take_pti(struct boot_args *args, const struct word *w)
{
	int i = find_name(w, pti_names);

	if (i >= 0)
		args->pti = (enum pti_mode)i;
	else
		bad_value(w, "pti=on|off|auto|deferred", pti_names[args->pti]);
}

static void take_roots(struct boot_args *args, const struct word *w)
{
	int i = find_name(w, roots_names);

	if (i >= 0)
		args->roots = (enum roots_mode)i;
	else
		bad_value(w, "roots=process|cpu", roots_names[args->roots]);
}

static void take_syscall(struct boot_args *args, const struct word *w)
{
	int i = find_name(w, syscall_names);

	if (i >= 0)
		args->syscall = (enum syscall_entry)i;
	else
		bad_value(w, "syscall=trampoline|direct|entry|auto", syscall_names[args->syscall]);
}

static void take_ltr(struct boot_args *args, const struct word *w)
{
	int i = find_name(w, ltr_names);

	if (i >= 0)
		args->ltr = (enum ltr_way)i;
	else
		bad_value(w, "ltr=remap|reload", ltr_names[args->ltr]);
}

static void take_mitigations(struct boot_args *args, const struct word *w)
{
	int i = find_name(w, mitigations_names);

	if (i >= 0)
		args->mitigations = (enum mitigations_mode)i;
	else
		bad_value(w, "mitigations=auto|on|off", mitigations_names[args->mitigations]);
}

static void take_guest(struct boot_args *args, const struct word *w)
{
	int i = find_name(w, guest_names);

	if (i >= 0)
		args->guest_one_at_a_time = i;
	else
		bad_value(w, "guest=all|one", guest_names[args->guest_one_at_a_time]);
}

static void take_gdt_pages(struct boot_args *args, const struct word *w)
{
	unsigned n = parse_number(w, 16);

	if (n == 1 || n == 4 || n == 16)
		args->gdt_pages = n;
	else
		bad_number(w, "gdt_pages=1|4|16", args->gdt_pages);
}

static void take_maxcpus(struct boot_args *args, const struct word *w)
{
	unsigned n = parse_number(w, NR_CPUS);
	struct complaint expected;

	if (n != 0) {
		args->maxcpus = n;
		return;
	}
	complain(&expected, "maxcpus=N with N from 1 to %d", NR_CPUS);
	bad_number(w, expected.text, args->maxcpus);
}

static void take_nopcid(struct boot_args *args, const struct word *w)
{
	if (w->value == NULL)
		args->nopcid = true;
	else
		bad_value(w, "nopcid without a value",
			  args->nopcid ? "nopcid" : "PCID if there is one");
}

static void take_norandmaps(struct boot_args *args, const struct word *w)
{
	if (w->value == NULL)
		args->norandmaps = true;
	else
		bad_value(w, "norandmaps without a value",
			  args->norandmaps ? "norandmaps" : "random places");
}

static void take_quiet(struct boot_args *args, const struct word *w)
{
	if (w->value == NULL)
		args->quiet = true;
	else
		bad_value(w, "quiet without a value", args->quiet ? "quiet" : "all lines");
}

static void take_profile(struct boot_args *args, const struct word *w)
{
	if (w->value == NULL)
		args->profile = true;
	else
		bad_value(w, "profile without a value", args->profile ? "profile" : "none");
}

static void take_console(struct boot_args *args, const struct word *w)
{
	int i = find_name(w, console_names);

	if (i >= 0)
		args->console_is_pipe = i;
	else
		bad_value(w, "console=tty|pipe", console_names[args->console_is_pipe]);
}

static void take_selftest(struct boot_args *args, const struct word *w)
{
	const char *globs = w->value == NULL ? "*" : w->value;

	if (*globs == '\0' || strlen(globs) >= sizeof(args->selftest_globs)) {
		bad_value(w,
			  "selftest or selftest=glob,... of at most 255 "
			  "bytes",
			  args->selftest ? args->selftest_globs : "no selftest");
		return;
	}
	args->selftest = true;
	strscpy(args->selftest_globs, globs, sizeof(args->selftest_globs));
}

static void take_init(struct boot_args *args, const struct word *w)
{
	if (w->value == NULL || w->value[0] != '/' || strlen(w->value) >= sizeof(args->init)) {
		bad_value(w, "init=/path of at most 255 bytes", args->init);
		return;
	}
	args->init_given = true;
	strscpy(args->init, w->value, sizeof(args->init));
}

static const struct {
	const char *name;
	void (*take)(struct boot_args *args, const struct word *w);
} arguments[] = {
	{ "pti", take_pti },         { "syscall", take_syscall },
	{ "ltr", take_ltr },         { "gdt_pages", take_gdt_pages },
	{ "roots", take_roots },     { "mitigations", take_mitigations },
	{ "nopcid", take_nopcid },   { "norandmaps", take_norandmaps },
	{ "maxcpus", take_maxcpus }, { "selftest", take_selftest },
	{ "init", take_init },       { "guest", take_guest },
	{ "quiet", take_quiet },     { "console", take_console },
	{ "profile", take_profile },
};

static void take_argument(struct boot_args *args, const char *text, report_fn report)
{
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(text);
	struct word w = { text, equals ? equals + 1 : NULL, report };
	struct complaint line;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(arguments); i++) {
		if (strlen(arguments[i].name) == length &&
		    memcmp(arguments[i].name, text, length) == 0) {
			arguments[i].take(args, &w);
			return;
		}
	}
	complain(&line,
		 "args: found '%.80s', expected a known argument; "
		 "ignored",
		 text);
	tell(report, &line);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * Takes the next word off *line into buf, without its quotes.  Returns 1 for a
 * word, 0 at the end of the line, and -E2BIG for a word that needs more than
 * `size` bytes, of which buf then holds the beginning.
 */
static int next_word(const char **line, char *buf, size_t size, report_fn report)
{
	const char *c = *line;
	const char *start;
	struct complaint bad;
	bool quoted = false;
	size_t n = 0;

	while (is_space(*c))
		c++;
	start = c;
	for (; *c != '\0' && (quoted || !is_space(*c)); c++) {
		if (*c == '"')
			quoted = !quoted;
		else if (n++ < size)
			buf[n - 1] = *c;
	}
	*line = c;
	if (quoted) {
		complain(&bad,
			 "args: found no end of the quotes in '%.80s', "
			 "expected another '\"'; taking the rest of the line",
			 start);
		tell(report, &bad);
	}
	if (c == start)
		return 0;
	if (size != 0)
		buf[MIN(n, size - 1)] = '\0';
	return n < size ? 1 : -E2BIG;
}

/* Takes the words after `--`. */
static void take_argv(struct boot_args *args, const char *line, report_fn report)
{
	struct complaint bad;
	char *word;
	int got;

	for (;;) {
		word = args->argv_text + args->argv_used;
		got = next_word(&line, word, sizeof(args->argv_text) - args->argv_used, report);
		if (got == 0)
			return;
		if (got < 0 || args->argc == ARGS_MAX_ARGV) {
			complain(&bad,
				 "args: found too much after '--', "
				 "expected at most %d words in %zu bytes; no "
				 "program is run",
				 ARGS_MAX_ARGV, sizeof(args->argv_text));
			tell(report, &bad);
			args->argv_too_long = true;
			return;
		}
		args->argv[args->argc++] = word;
		args->argv_used += strlen(word) + 1;
	}
}

void args_parse(struct boot_args *args, const char *line, void (*report)(const char *line))
{
	struct complaint bad;
	char word[WORD_MAX];
	bool first = true;
	int got;

	for (;; first = false) {
		got = next_word(&line, word, sizeof(word), report);
		if (got == 0)
			break;
		if (got < 0) {
			complain(&bad,
				 "args: found '%.80s...', expected at "
				 "most %d bytes a word; ignored",
				 word, WORD_MAX - 1);
			tell(report, &bad);
			continue;
		}
		if (first && word[0] == '/' && strchr(word, '=') == NULL)
			continue;
		if (strcmp(word, "--") == 0) {
			take_argv(args, line, report);
			break;
		}
		take_argument(args, word, report);
	}
}

/* ---- What no single argument can know -------------------------------------------- */

/* Which ways in there are with pti=on, pti=off and pti=deferred, the default first. */
static const char *ways_of(enum pti_mode pti)
{
	return pti == PTI_ON  ? "trampoline|entry" :
	       pti == PTI_OFF ? "direct|trampoline" :
				"trampoline";
}

static bool goes_with(enum syscall_entry way, enum pti_mode pti)
{
	return way == SYSCALL_TRAMPOLINE || (way == SYSCALL_DIRECT && pti == PTI_OFF) ||
	       (way == SYSCALL_ENTRY && pti == PTI_ON);
}

static void settle_syscall(struct boot_args *args, report_fn report)
{
	enum syscall_entry usual = args->pti == PTI_OFF ? SYSCALL_DIRECT : SYSCALL_TRAMPOLINE;
	struct complaint bad;

	if (args->syscall != SYSCALL_AUTO && !goes_with(args->syscall, args->pti)) {
		complain(&bad, "args: found syscall=%s with pti=%s, expected syscall=%s; using %s",
			 syscall_names[args->syscall], pti_names[args->pti], ways_of(args->pti),
			 syscall_names[usual]);
		tell(report, &bad);
		args->syscall = usual;
	}
	if (args->syscall == SYSCALL_AUTO)
		args->syscall = usual;
}

void args_settle(struct boot_args *args, bool meltdown, void (*report)(const char *line))
{
	struct complaint bad;

	if (args->pti == PTI_AUTO)
		args->pti = meltdown ? PTI_ON : PTI_OFF;
	settle_syscall(args, report);
	if (args->pti != PTI_OFF || args->roots != ROOTS_CPU)
		return;
	args->roots = ROOTS_PROCESS;
	complain(&bad,
		 "args: found roots=cpu with pti=off, expected pti=on|deferred; using process");
	tell(report, &bad);
}
