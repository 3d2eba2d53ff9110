/*
 * What gcc calls where C says that the behaviour is undefined (-fsanitize=undefined),
 * each with the place in the source, the types and the values.  Source: gcc,
 * libsanitizer/ubsan/ubsan_handlers.h (the structures).
 */
#include "tests/sanitize/sanitize.h"

struct place {
	const char *file;
	u32 line, column;
};

struct type {
	u16 kind; /* 0: an integer */
	u16 info; /* bit 0: signed; above it, the logarithm of its width in bits */
	char name[];
};

struct one_type {
	struct place at;
	const struct type *type;
};

struct two_types {
	struct place at;
	const struct type *type, *other;
};

struct mismatch {
	struct place at;
	const struct type *type;
	u8 log_alignment, kind;
};

struct argument {
	struct place at, attribute;
	int index;
};

#define AT "%s:%u: "
#define PLACE(p) (p)->file, (p)->line

/* A value as signed, if its type is; one that does not fit into a word is a pointer. */
static s64 value(const struct type *type, u64 v)
{
	unsigned bits = 1U << (type->info >> 1);

	if (type->kind != 0 || bits > 64)
		return (s64)v;
	if (type->info & 1)
		return (s64)(v << (64 - bits)) >> (64 - bits);
	return (s64)(v << (64 - bits) >> (64 - bits));
}

static void overflow(const struct one_type *d, const char *op, u64 a, u64 b)
{
	report_undefined(AT "signed overflow: %ld %s %ld is no %s", PLACE(&d->at),
			 value(d->type, a), op, value(d->type, b), d->type->name);
}

#define ARITHMETIC(name, op)                                                      \
	void __ubsan_handle_##name##_overflow(const struct one_type *d, u64 a, u64 b); \
	void __ubsan_handle_##name##_overflow(const struct one_type *d, u64 a, u64 b)  \
	{                                                                         \
		overflow(d, op, a, b);                                            \
	}

ARITHMETIC(add, "+")
ARITHMETIC(sub, "-")
ARITHMETIC(mul, "*")

void __ubsan_handle_negate_overflow(const struct one_type *d, u64 a);
void __ubsan_handle_divrem_overflow(const struct one_type *d, u64 a, u64 b);
void __ubsan_handle_shift_out_of_bounds(const struct two_types *d, u64 a, u64 b);
void __ubsan_handle_out_of_bounds(const struct two_types *d, u64 index);
void __ubsan_handle_type_mismatch_v1(const struct mismatch *d, u64 p);
void __ubsan_handle_pointer_overflow(const struct place *at, u64 p, u64 result);
void __ubsan_handle_load_invalid_value(const struct one_type *d, u64 v);
void __ubsan_handle_vla_bound_not_positive(const struct one_type *d, u64 v);
void __ubsan_handle_nonnull_arg(const struct argument *d);
void __ubsan_handle_nonnull_return_v1(const void *d, const struct place *at);
void __ubsan_handle_invalid_builtin(const struct place *at);
void __ubsan_handle_builtin_unreachable(const struct place *at);
void __ubsan_handle_missing_return(const struct place *at);

void __ubsan_handle_negate_overflow(const struct one_type *d, u64 a)
{
	report_undefined(AT "signed overflow: -(%ld) is no %s", PLACE(&d->at),
			 value(d->type, a), d->type->name);
}

void __ubsan_handle_divrem_overflow(const struct one_type *d, u64 a, u64 b)
{
	if (b == 0)
		report_undefined(AT "division of %ld by 0", PLACE(&d->at), value(d->type, a));
	else
		overflow(d, "/", a, b);
}

void __ubsan_handle_shift_out_of_bounds(const struct two_types *d, u64 a, u64 b)
{
	report_undefined(AT "shift of %ld, a %s, by %ld", PLACE(&d->at), value(d->type, a),
			 d->type->name, value(d->other, b));
}

void __ubsan_handle_out_of_bounds(const struct two_types *d, u64 index)
{
	report_undefined(AT "index %ld of a %s", PLACE(&d->at), value(d->other, index),
			 d->type->name);
}

void __ubsan_handle_type_mismatch_v1(const struct mismatch *d, u64 p)
{
	u64 alignment = BIT(d->log_alignment);

	if (p == 0)
		report_undefined(AT "null pointer to a %s", PLACE(&d->at), d->type->name);
	else if (p % alignment)
		report_undefined(AT "pointer %#lx to a %s, expected a multiple of %lu",
				 PLACE(&d->at), p, d->type->name, alignment);
	else
		report_undefined(AT "pointer %#lx to a %s, whose object is smaller",
				 PLACE(&d->at), p, d->type->name);
}

void __ubsan_handle_pointer_overflow(const struct place *at, u64 p, u64 result)
{
	report_undefined(AT "pointer %#lx became %#lx", PLACE(at), p, result);
}

void __ubsan_handle_load_invalid_value(const struct one_type *d, u64 v)
{
	report_undefined(AT "value %ld of a %s", PLACE(&d->at), (s64)v, d->type->name);
}

void __ubsan_handle_vla_bound_not_positive(const struct one_type *d, u64 v)
{
	report_undefined(AT "array of %ld elements", PLACE(&d->at), value(d->type, v));
}

void __ubsan_handle_nonnull_arg(const struct argument *d)
{
	report_undefined(AT "null pointer as argument %d, expected another", PLACE(&d->at),
			 d->index);
}

void __ubsan_handle_nonnull_return_v1(const void *d __unused, const struct place *at)
{
	report_undefined(AT "null pointer returned, expected another", PLACE(at));
}

void __ubsan_handle_invalid_builtin(const struct place *at)
{
	report_undefined(AT "zero, whose first bit was asked for", PLACE(at));
}

/* gcc expects no return from these two; if another report has begun, wait for its end. */
void __ubsan_handle_builtin_unreachable(const struct place *at)
{
	report_undefined(AT "reached, which cannot be", PLACE(at));
	for (;;)
		halt();
}

void __ubsan_handle_missing_return(const struct place *at)
{
	report_undefined(AT "end of a function without a value", PLACE(at));
	for (;;)
		halt();
}
