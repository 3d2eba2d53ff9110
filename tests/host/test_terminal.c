/*
 * Test of kernel/fs/terminal.c: keys at random, with settings at random, typed at it and at
 * a terminal of the host's Linux (a pty): the same must be shown and read.
 *
 * A pty works on what is typed a moment later, so each burst of keys ends with a byte whose
 * echo, or whose arrival at the reader, is waited for.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/fs/terminal.h"
#include "kernel/linux/abi_signal.h"
#include "tests/host/host.h"
#include "tests/host/pty.h"

#include <stdio.h>
#include <string.h>

#define BURSTS 3000
#define MARK '#'

static struct {
	char text[1 << 16];
	size_t n;
} ours, theirs;

void console_write_raw(const char *s, size_t n)
{
	CHECK(ours.n + n <= sizeof(ours.text));
	memcpy(ours.text + ours.n, s, n);
	ours.n += n;
}

void console_write(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			console_write_raw("\r", 1);
		console_write_raw(s + i, 1);
	}
}

static const tcflag_t local_flags[] = { ECHOE, ECHOK, ECHOKE, ECHOCTL, IEXTEN, ISIG, ECHONL };
static const tcflag_t input_flags[] = { ICRNL, INLCR, IGNCR };

/*
 * ECHO is on but in some that are raw, where all bytes arrive.  A pty whose input a signal
 * flushes drops what was on its way to the screen, too, so NOFLSH is on here.
 */
static struct termios settings_at_random(void)
{
	struct termios t;

	terminal_get(&t);
	t.c_iflag = 0;
	t.c_lflag = NOFLSH | (host_random() % 3 ? ICANON | ECHO : host_random() % 2 ? ECHO : 0);
	for (unsigned i = 0; i < ARRAY_SIZE(local_flags); i++)
		t.c_lflag |= host_random() % 4 ? local_flags[i] : 0;
	for (unsigned i = 0; i < ARRAY_SIZE(input_flags); i++)
		t.c_iflag |= host_random() % 2 ? input_flags[i] : 0;
	if (host_random() % 2)
		t.c_cc[VEOL] = ';';
	else
		t.c_cc[VEOL] = 0;
	return t;
}

static void set_both(const struct termios *t)
{
	terminal_set(t);
	pty_set(t);
}

static void type_both(const char *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		terminal_type((u8)keys[i]);
	pty_type(keys, n);
}

static bool differ; /* what follows would, too */

static void show(const char *what, const char *bytes, size_t n)
{
	printf("# %s:", what);
	for (size_t i = 0; i < n; i++)
		printf(bytes[i] > ' ' && bytes[i] < 127 ? " %c" : " %02x", (u8)bytes[i]);
	printf("\n");
}

static void same_echo(const char *keys, size_t n)
{
	if (ours.n == theirs.n && !memcmp(ours.text, theirs.text, ours.n))
		return;
	show("typed", keys, n);
	show("ours", ours.text, ours.n);
	show("Linux's", theirs.text, theirs.n);
	CHECK(!"the echo is the same");
	differ = true;
}

static void same_reads(void)
{
	u8 a[64], b[64];
	bool end;

	for (unsigned i = 0; i < 200; i++) {
		size_t n = 1 + host_random() % (sizeof(a) - 1);
		long mine = terminal_take(a, n, &end);

		if (mine == -EAGAIN)
			break;
		differ |= pty_read(b, n) != mine || memcmp(a, b, (size_t)mine);
	}
	differ |= pty_read(b, 1) >= 0;
}

static void burst(void)
{
	static const char alphabet[] = "ab c_1;\n\r\001\003\004\004\025\027\026\022\177\177";
	struct termios t = settings_at_random();
	size_t n = 1 + host_random() % 40;
	char keys[64];

	set_both(&t);
	terminal_flush();
	pty_flush();
	ours.n = theirs.n = 0;
	for (size_t i = 0; i < n; i++)
		keys[i] = alphabet[host_random() % (sizeof(alphabet) - 1)];
	keys[n++] = MARK; /* it may be taken literally, and be the next key's */
	keys[n++] = MARK;
	type_both(keys, n);
	if (t.c_lflag & ECHO)
		theirs.n = pty_echo(theirs.text, sizeof(theirs.text), MARK, ours.n);
	else
		pty_wait_for(terminal_count());
	same_echo(keys, n);
	CHECK_EQ(pty_count(), terminal_count());
	same_reads();
	CHECK(!differ);
	if (differ)
		show("typed", keys, n);
}

static void window(void)
{
	struct window w = { 24, 80, 0, 0 };

	CHECK(!terminal_set_window(&w));
	w.rows = 50;
	CHECK(terminal_set_window(&w));
	CHECK(terminal_window().rows == 50);
}

/* A line that is too long can still be ended, and what is typed behind it is lost. */
static void full(void)
{
	struct termios t;
	u8 text[5000];
	size_t n = 0;
	bool end;
	long got;

	terminal_get(&t);
	t.c_iflag = 0;
	t.c_lflag = ICANON;
	terminal_set(&t);
	terminal_flush();
	for (unsigned i = 0; i < 5000; i++)
		terminal_type('x');
	terminal_type('\n');
	terminal_type('y');
	while ((got = terminal_take(text + n, 100, &end)) > 0)
		n += (size_t)got;
	CHECK(got == -EAGAIN && n == 4096);
	CHECK(text[4094] == 'x' && text[4095] == '\n');
	ours.n = 0;
}

static void signals(void)
{
	struct termios t;
	bool end;
	u8 c;

	terminal_get(&t);
	t.c_iflag = 0;
	t.c_lflag = ICANON | ISIG;
	terminal_set(&t);
	terminal_flush();
	CHECK_EQ(terminal_type('a'), 0);
	CHECK_EQ(terminal_type(3), SIGINT);
	CHECK_EQ(terminal_type(28), SIGQUIT);
	CHECK_EQ(terminal_type(26), SIGTSTP);
	terminal_type('\n');
	CHECK_EQ(terminal_take(&c, 1, &end), 1);
	CHECK_EQ(c, '\n'); /* the a is gone */
	t.c_lflag = ICANON;
	terminal_set(&t);
	CHECK_EQ(terminal_type(3), 0);
	CHECK(!terminal_is_ready());
	terminal_type('\n');
	CHECK_EQ(terminal_count(), 2);
}

static void at_random(void)
{
	if (!pty_open()) {
		host_skip("no pty here");
		return;
	}
	for (unsigned i = 0; i < BURSTS && !differ; i++)
		burst();
}

const struct host_case host_cases[] = {
	{ "keys at random, with settings at random, are shown and read as by Linux", at_random },
	{ "keys that are signals forget what was typed, where they are signals", signals },
	{ "a line that is too long can be ended", full },
	{ "a window has a size, and a change of it is told", window },
	{ NULL, NULL }
};
