/*
 * The text formatter: format_va reads the format, parse_spec takes one
 * conversion apart, and one function per kind of argument writes it.
 *
 * All output goes through put_fill and put_text, which count every byte and
 * store those that fit; C99's return value is that count.  Widths
 * and precisions are never loops over the number given, so even "%2000000000d"
 * costs only what the buffer can hold.
 *
 * Source: ISO C99 7.19.6.1 and 7.19.6.5.  Read next: complaint.c, the user.
 */
#include "kernel/base/format.h"
#include "kernel/base/string.h"

enum length { LEN_INT, LEN_CHAR, LEN_SHORT, LEN_LONG };

struct out {
	char *buf;
	size_t size;
	u64 length; /* of the whole text so far, stored or not */
};

/* One conversion, as written: %[flags][width][.precision][length]conv */
struct spec {
	bool left, zero, plus, space, alt;
	int width;
	int precision; /* negative: none given */
	enum length length;
	char conv;
};

/* In a struct, a va_list can be passed by reference whatever its type is. */
struct arguments {
	va_list ap;
};

static size_t room(const struct out *out, u64 want)
{
	if (out->length >= out->size)
		return 0;
	return MIN(want, out->size - out->length);
}

static void put_fill(struct out *out, char c, s64 n)
{
	size_t fits;

	if (n <= 0)
		return;
	fits = room(out, (u64)n);
	if (fits != 0)
		memset(out->buf + out->length, c, fits);
	out->length += (u64)n;
}

static void put_text(struct out *out, const char *text, size_t n)
{
	size_t fits = room(out, n);

	if (fits != 0)
		memcpy(out->buf + out->length, text, fits);
	out->length += n;
}

/* Decimal digits at *f; advances *f past them, and stops at INT_MAX. */
static int parse_number(const char **f)
{
	s64 n = 0;

	for (; **f >= '0' && **f <= '9'; (*f)++)
		n = MIN(n * 10 + (**f - '0'), (s64)__INT_MAX__);
	return (int)n;
}

static const char *parse_flags(const char *f, struct spec *s)
{
	for (;; f++) {
		switch (*f) {
		case '-': s->left = true; break;
		case '0': s->zero = true; break;
		case '+': s->plus = true; break;
		case ' ': s->space = true; break;
		case '#': s->alt = true; break;
		default: return f;
		}
	}
}

static const char *parse_size(const char *f, struct spec *s, struct arguments *args)
{
	if (*f == '*') {
		s->width = va_arg(args->ap, int);
		if (s->width < 0) { /* C99: a `-` flag and the width */
			s->left = true;
			s->width = s->width == -__INT_MAX__ - 1 ? __INT_MAX__ : -s->width;
		}
		f++;
	} else {
		s->width = parse_number(&f);
	}
	if (*f != '.')
		return f;
	f++;
	if (*f == '*') {
		s->precision = va_arg(args->ap, int);
		return f + 1;
	}
	s->precision = parse_number(&f);
	return f;
}

static const char *parse_length(const char *f, struct spec *s)
{
	switch (*f) {
	case 'h':
		s->length = f[1] == 'h' ? LEN_CHAR : LEN_SHORT;
		return f[1] == 'h' ? f + 2 : f + 1;
	case 'l': /* long and long long have 64 bits both */
		s->length = LEN_LONG;
		return f[1] == 'l' ? f + 2 : f + 1;
	case 'z':
	case 'j':
	case 't': s->length = LEN_LONG; return f + 1;
	default: return f;
	}
}

/* Takes apart what follows a %; returns a pointer to the conversion's letter. */
static const char *parse_spec(const char *f, struct spec *s, struct arguments *args)
{
	*s = (struct spec){ .precision = -1 };
	f = parse_flags(f, s);
	f = parse_size(f, s, args);
	f = parse_length(f, s);
	s->conv = *f;
	return f;
}

static s64 signed_argument(const struct spec *s, struct arguments *args)
{
	if (s->length == LEN_LONG)
		return va_arg(args->ap, long);
	if (s->length == LEN_SHORT)
		return (s16)va_arg(args->ap, int);
	if (s->length == LEN_CHAR)
		return (s8)va_arg(args->ap, int);
	return va_arg(args->ap, int);
}

static u64 unsigned_argument(const struct spec *s, struct arguments *args)
{
	if (s->length == LEN_LONG)
		return va_arg(args->ap, unsigned long);
	if (s->length == LEN_SHORT)
		return (u16)va_arg(args->ap, unsigned);
	if (s->length == LEN_CHAR)
		return (u8)va_arg(args->ap, unsigned);
	return va_arg(args->ap, unsigned);
}

/* Pads to the width: on the right if `-`, else zeros after the prefix, else
 * blanks before it. */
static void put_number(struct out *out, const struct spec *s, u64 value, const char *prefix,
		       unsigned base)
{
	const char *alphabet = s->conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char digits[20]; /* 2^64 has twenty */
	size_t first = sizeof(digits);
	s64 prefix_len = (s64)strlen(prefix);
	s64 len, zeros, pad;

	for (; value != 0; value /= base)
		digits[--first] = alphabet[value % base];
	if (first == sizeof(digits) && s->precision != 0)
		digits[--first] = '0';
	len = (s64)(sizeof(digits) - first);

	zeros = s->precision - len;
	if (s->zero && !s->left && s->precision < 0)
		zeros = s->width - prefix_len - len;
	zeros = MAX(zeros, 0);
	pad = s->width - prefix_len - zeros - len;

	if (!s->left)
		put_fill(out, ' ', pad);
	put_text(out, prefix, (size_t)prefix_len);
	put_fill(out, '0', zeros);
	put_text(out, digits + first, (size_t)len);
	if (s->left)
		put_fill(out, ' ', pad);
}

static void put_signed(struct out *out, const struct spec *s, s64 value)
{
	const char *sign = value < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";

	put_number(out, s, value < 0 ? 0 - (u64)value : (u64)value, sign, 10);
}

static void put_hex(struct out *out, const struct spec *s, u64 value)
{
	const char *prefix = "";

	if (s->conv == 'p' || (s->alt && value != 0))
		prefix = s->conv == 'X' ? "0X" : "0x";
	put_number(out, s, value, prefix, 16);
}

static void put_padded(struct out *out, const struct spec *s, const char *text, size_t n)
{
	s64 pad = s->width - (s64)n;

	if (!s->left)
		put_fill(out, ' ', pad);
	put_text(out, text, n);
	if (s->left)
		put_fill(out, ' ', pad);
}

static void put_string(struct out *out, const struct spec *s, const char *text)
{
	if (text == NULL)
		text = "(null)";
	/* With a precision, the text need not be terminated. */
	put_padded(out, s, text, strnlen(text, s->precision < 0 ? SIZE_MAX : (size_t)s->precision));
}

/* Writes one conversion; false if its letter is unknown. */
static bool put_conversion(struct out *out, const struct spec *s, struct arguments *args)
{
	char c;

	switch (s->conv) {
	case 'd':
	case 'i': put_signed(out, s, signed_argument(s, args)); return true;
	case 'u': put_number(out, s, unsigned_argument(s, args), "", 10); return true;
	case 'x':
	case 'X': put_hex(out, s, unsigned_argument(s, args)); return true;
	case 'p': put_hex(out, s, (uintptr_t)va_arg(args->ap, void *)); return true;
	case 'c':
		c = (char)va_arg(args->ap, int);
		put_padded(out, s, &c, 1);
		return true;
	case 's': put_string(out, s, va_arg(args->ap, const char *)); return true;
	case '%': put_text(out, "%", 1); return true;
	default: return false;
	}
}

int format_va(char *buf, size_t size, const char *fmt, va_list ap)
{
	/* One byte is kept back for the NUL. */
	struct out out = { buf, size == 0 ? 0 : size - 1, 0 };
	struct arguments args;
	struct spec spec;
	const char *percent;

	va_copy(args.ap, ap);
	while (*fmt != '\0') {
		if (*fmt != '%') {
			put_text(&out, fmt++, 1);
			continue;
		}
		percent = fmt;
		fmt = parse_spec(fmt + 1, &spec, &args);
		if (*fmt != '\0')
			fmt++;
		if (!put_conversion(&out, &spec, &args))
			put_text(&out, percent, (size_t)(fmt - percent));
	}
	va_end(args.ap);
	if (size != 0)
		buf[MIN(out.length, out.size)] = '\0';
	return (int)MIN(out.length, (u64)__INT_MAX__);
}

int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = format_va(buf, size, fmt, ap);
	va_end(ap);
	return length;
}
