/*
 * The terminal's line discipline (kernel/fs/terminal.h).
 *
 * Bytes that were typed lie in a ring.  Those from `out` to `ready` can be read; those
 * behind, up to `in`, are the line that is still being edited, and there are none if lines
 * are not.  `ends` marks the last byte of each line: a newline, or a 0 for an end of input,
 * which no reader gets.
 * Called by kernel/fs/console.c and, for each byte, by kernel/files/tty.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "kernel/fs/terminal.h"
#include "kernel/linux/abi_signal.h"

#define SIZE 4096       /* Linux's, which programs that paste count on */
#define PICTURE_MAX 256 /* bytes of the echo that are redrawn, with interrupts off */
#define CONTROL 0x40    /* ^A is 1 */
#define DEL 127
#define VTIME_NS 100000000ULL

static struct {
	struct spinlock lock;
	struct termios set;
	struct window window;
	u8 text[SIZE];
	u64 ends[SIZE / 64];
	u32 out, ready, in; /* counts: they come round */
	bool literal;       /* the next byte means itself */
} tty = {
	.lock = SPINLOCK(LOCK_TERMINAL),
	.set = {
		.c_iflag = ICRNL,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = B38400 | CS8 | CREAD,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.c_cc = { [VINTR] = 3, [VQUIT] = 28, [VERASE] = DEL, [VKILL] = 21, [VEOF] = 4,
			  [VMIN] = 1, [VSUSP] = 26, [VREPRINT] = 18, [VWERASE] = 23,
			  [VLNEXT] = 22 },
	},
	.window = { 24, 80, 0, 0 },
};

static bool is_set(tcflag_t flags)
{
	return (tty.set.c_lflag & flags) == flags;
}

/* 0 is no key. */
static bool is_key(u8 c, unsigned key)
{
	return c && c == tty.set.c_cc[key];
}

/* ---- The ring ------------------------------------------------------------------------ */

static u8 *at(u32 n)
{
	return &tty.text[n % SIZE];
}

static bool is_end(u32 n)
{
	return tty.ends[n % SIZE / 64] >> n % 64 & 1;
}

static void set_end(u32 n, bool end)
{
	u64 *word = &tty.ends[n % SIZE / 64];

	*word = (*word & ~BIT(n % 64)) | (u64)end << n % 64;
}

/* The last byte's place is an end's, so that a line that is too long can be ended.  False: it
 * is lost, for there is no room. */
static bool add(u8 c, bool end)
{
	if (tty.in - tty.out >= (end ? SIZE : SIZE - 1))
		return false;
	*at(tty.in) = c;
	set_end(tty.in++, end);
	if (end || !is_set(ICANON))
		tty.ready = tty.in;
	return true;
}

/* ---- The echo -------------------------------------------------------------------------- */

static bool is_control(u8 c)
{
	return c < ' ' || c == DEL;
}

static void put(const char *text, size_t n)
{
	if ((tty.set.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR))
		console_write(text, n);
	else
		console_write_raw(text, n);
}

static void echo_newline(void)
{
	if (is_set(ECHO) || is_set(ECHONL))
		put("\n", 1);
}

static void echo(u8 c)
{
	char text[2] = { '^', (char)(c ^ CONTROL) };

	if (!is_set(ECHO))
		return;
	if (is_control(c) && c != '\t' && is_set(ECHOCTL))
		put(text, 2);
	else
		put((const char *)&c, 1);
}

/* The last byte of the line goes, and what stands for it on the screen. */
static void erase(void)
{
	u8 c = *at(--tty.in);

	if (!is_set(ECHO))
		return;
	if (is_control(c) && is_set(ECHOCTL))
		put("\b \b", 3);
	if (!is_control(c) || is_set(ECHOCTL))
		put("\b \b", 3);
}

/* All behind n goes: without a picture, if there is more than a screen's line or so of it. */
static void erase_to(u32 n)
{
	if (tty.in - n > PICTURE_MAX) {
		echo_newline();
		tty.in = n;
	}
	while (tty.in != n)
		erase();
}

static void erase_byte(u8 key)
{
	if (tty.in == tty.ready)
		return;
	if (is_set(ECHOE)) {
		erase();
		return;
	}
	tty.in--;
	echo(key);
}

static bool is_of_word(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

/* With what stands behind it. */
static void erase_word(void)
{
	u32 n = tty.in;

	while (n != tty.ready && !is_of_word(*at(n - 1)))
		n--;
	while (n != tty.ready && is_of_word(*at(n - 1)))
		n--;
	erase_to(n);
}

static void erase_line(u8 key)
{
	if (tty.in == tty.ready)
		return;
	if (is_set(ECHOK | ECHOKE | ECHOE)) {
		erase_to(tty.ready);
		return;
	}
	tty.in = tty.ready;
	echo(key);
	if (is_set(ECHO | ECHOK))
		echo_newline();
}

static void show_again(u8 key)
{
	u32 n = MIN(tty.in - tty.ready, PICTURE_MAX);

	echo(key);
	echo_newline();
	while (n)
		echo(*at(tty.in - n--));
}

/* ---- What a byte means ------------------------------------------------------------------ */

static void flush(void)
{
	tty.out = tty.ready = tty.in;
	tty.literal = false;
}

static int signal_of(u8 c)
{
	int signal = is_key(c, VINTR) ? SIGINT :
		     is_key(c, VQUIT) ? SIGQUIT :
		     is_key(c, VSUSP) ? SIGTSTP :
					0;

	if (!signal || !is_set(ISIG))
		return 0;
	if (!is_set(NOFLSH))
		flush();
	echo(c);
	return signal;
}

static void take_next_literally(void)
{
	tty.literal = true;
	if (is_set(ECHO | ECHOCTL))
		put("^\b", 2);
}

/* A key that edits the line: true. */
static bool edits(u8 c)
{
	if (is_key(c, VERASE))
		erase_byte(c);
	else if (is_key(c, VKILL))
		erase_line(c);
	else if (is_key(c, VEOF))
		add(0, true);
	else if (!is_set(IEXTEN))
		return false;
	else if (is_key(c, VWERASE))
		erase_word();
	else if (is_key(c, VLNEXT))
		take_next_literally();
	else if (is_key(c, VREPRINT) && is_set(ECHO))
		show_again(c);
	else
		return false;
	return true;
}

/* A newline that ends no line shows as ^J; as Linux has it, not if it was typed as CR. */
static void put_in(u8 c, u8 typed)
{
	bool end = is_set(ICANON) && (c == '\n' || is_key(c, VEOL) || is_key(c, VEOL2));

	if (!add(c, end))
		return;
	if (c == '\n' && (end || (typed != c && is_set(ECHO))))
		echo_newline();
	else
		echo(c);
}

static int type(u8 c)
{
	tcflag_t input = tty.set.c_iflag;
	bool literal = tty.literal;
	u8 typed = c;
	int signal;

	tty.literal = false;
	if (literal) {
		if (add(c, false))
			echo(c);
		return 0;
	}
	if (c == '\r' && input & IGNCR)
		return 0;
	if (c == '\r' && input & ICRNL)
		c = '\n';
	else if (c == '\n' && input & INLCR)
		c = '\r';
	signal = signal_of(c);
	if (!signal && !(is_set(ICANON) && edits(c)))
		put_in(c, typed);
	return signal;
}

int terminal_type(u8 c)
{
	SPIN_GUARD(&tty.lock);

	return type(c);
}

/* ---- What a program does ------------------------------------------------------------------ */

/* The end of input behind what fitted is the end of that, not another one. */
static long take_line(u8 *to, size_t n, bool *ended)
{
	size_t done = 0;
	bool end = false;

	while (!end && tty.out != tty.ready && (done < n || (is_end(tty.out) && !*at(tty.out)))) {
		u8 c = *at(tty.out);

		end = is_end(tty.out++);
		if (!end || c)
			to[done++] = c;
	}
	*ended = end;
	return (long)done;
}

long terminal_take(u8 *to, size_t n, bool *ended)
{
	SPIN_GUARD(&tty.lock);
	size_t done = 0;

	*ended = false;
	if (tty.out == tty.ready)
		return -EAGAIN;
	if (is_set(ICANON))
		return take_line(to, n, ended);
	while (done < n && tty.out != tty.ready)
		to[done++] = *at(tty.out++);
	return (long)done;
}

u32 terminal_count(void)
{
	SPIN_GUARD(&tty.lock);
	u32 count = tty.ready - tty.out;

	for (u32 n = tty.out; is_set(ICANON) && n != tty.ready; n++)
		count -= is_end(n) && !*at(n);
	return count;
}

bool terminal_is_raw(u32 *bytes, u64 *ns)
{
	SPIN_GUARD(&tty.lock);

	*bytes = tty.set.c_cc[VMIN];
	*ns = tty.set.c_cc[VTIME] * VTIME_NS;
	return !is_set(ICANON);
}

bool terminal_is_ready(void)
{
	u64 ns;
	u32 bytes;
	bool some = terminal_is_raw(&bytes, &ns) && !ns;

	return tty.ready - tty.out >= (some ? MAX(bytes, 1) : 1);
}

bool terminal_stops_writers(void)
{
	return __atomic_load_n(&tty.set.c_lflag, __ATOMIC_RELAXED) & TOSTOP;
}

void terminal_write(const u8 *text, size_t n)
{
	put((const char *)text, n);
}

void terminal_get(struct termios *settings)
{
	SPIN_GUARD(&tty.lock);

	*settings = tty.set;
}

/* What is there can be read at once if lines are edited no more, and is a line if they are now. */
void terminal_set(const struct termios *settings)
{
	SPIN_GUARD(&tty.lock);
	bool other = (tty.set.c_lflag ^ settings->c_lflag) & ICANON;

	tty.set = *settings;
	if (!other)
		return;
	memset(tty.ends, 0, sizeof(tty.ends));
	tty.ready = tty.in;
	if (is_set(ICANON) && tty.in != tty.out)
		set_end(tty.in - 1, true);
}

void terminal_flush(void)
{
	SPIN_GUARD(&tty.lock);

	flush();
}

struct window terminal_window(void)
{
	SPIN_GUARD(&tty.lock);

	return tty.window;
}

bool terminal_set_window(const struct window *window)
{
	SPIN_GUARD(&tty.lock);
	bool other = memcmp(&tty.window, window, sizeof(*window));

	tty.window = *window;
	return other;
}
