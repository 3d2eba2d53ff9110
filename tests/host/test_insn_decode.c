/*
 * Test of kernel/guest/insn_decode.c: lengths against objdump's, of random bytes; fields
 * by hand; missing bytes and too many.
 *
 * objdump disassembles random bytes from end to end, and each of its instructions is
 * decoded where it says that one begins.  It knows newer opcodes, too: those that the
 * decoder is not to know are counted, and what it refuses must be one of them.
 */
#include "kernel/guest/insn.h"
#include "tests/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RANDOM_BYTES 400000

static u8 code[RANDOM_BYTES];

/* ---- Against objdump ------------------------------------------------------------- */

/*
 * Random bytes make long runs of instructions without prefixes; here a prefix is one
 * byte of eight, and 0x0f another.
 */
static void make_code(void)
{
	static const u8 often[] = { 0x66, 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
				    0xf0, 0xf2, 0xf3, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f };

	for (size_t i = 0; i < sizeof(code); i++) {
		u64 r = host_random();

		code[i] = r >> 60 == 0 ? often[r % sizeof(often)] : (u8)r;
	}
}

/*
 * What objdump knows and the decoder does not, by the first byte behind the prefixes (and
 * the next): the three-byte maps, 3DNow!, VEX and its like, PadLock.  MOV from and to test
 * registers is the 386's, and JMPE the Itanium's: objdump knows neither.
 */
static bool is_newer(const u8 *at)
{
	if (*at == 0x62 || *at == 0xc4 || *at == 0xc5)
		return at[1] >= 0xc0;
	if (*at == 0x8f)
		return (at[1] & 0x38) != 0;
	if (*at != 0x0f)
		return false;
	return at[1] == 0x0e || at[1] == 0x0f || (at[1] >= 0x36 && at[1] <= 0x3f) ||
	       at[1] == 0x04 || at[1] == 0x0a || at[1] == 0x0c || at[1] == 0xa6 || at[1] == 0xa7 ||
	       (at[1] >= 0x78 && at[1] <= 0x7b);
}

static const u8 *behind_prefixes(const u8 *at)
{
	while (strchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", *at) && *at)
		at++;
	return at;
}

/*
 * A line of objdump's: the address, the bytes, the mnemonic.  False: there is nothing
 * to compare: bytes that are no instruction, a prefix that stands alone, and FWAIT,
 * which it takes for a prefix of what follows.
 */
static bool parse(const char *line, unsigned long *at, unsigned *length)
{
	unsigned byte;
	char *end;
	int used;

	*at = strtoul(line, &end, 16);
	if (end == line || *end != ':' || *at + 2 * INSN_MAX > sizeof(code))
		return false;
	for (*length = 0, end++; sscanf(end, "%2x%n", &byte, &used) == 1 && *end != '\0'; end += used) {
		if (++*length > INSN_MAX)
			return false;
		if (end[used] == '\t' || (end[used] == ' ' && end[used + 1] == ' ')) {
			end += used;
			break;
		}
	}
	return !strstr(end, "(bad)") && *behind_prefixes(code + *at) != 0x9b;
}

static bool stands_alone(const u8 *at, unsigned length)
{
	return behind_prefixes(at) >= at + length;
}

/* Returns how many lengths were compared. */
static unsigned compare(FILE *listing, bool code32)
{
	unsigned compared = 0, newer = 0, length;
	struct guest_insn insn;
	unsigned long at;
	char line[256];
	bool known;

	while (fgets(line, sizeof(line), listing)) {
		if (!parse(line, &at, &length) || stands_alone(code + at, length))
			continue;
		if (is_newer(behind_prefixes(code + at))) {
			newer++;
			continue;
		}
		known = guest_insn_decode(code + at, INSN_MAX, code32, &insn);
		if (!known || insn.length != length)
			printf("# found %u bytes, expected: %s", insn.length, line);
		CHECK(known);
		CHECK_EQ(insn.length, length);
		compared++;
	}
	printf("# %u lengths compared, %u of newer instructions\n", compared, newer);
	return compared;
}

static void against_objdump(const char *machine, bool code32)
{
	char name[] = "/tmp/test_insn.XXXXXX", command[200];
	int fd = mkstemp(name);
	FILE *listing;

	make_code();
	CHECK(fd >= 0 && write(fd, code, sizeof(code)) == (ssize_t)sizeof(code));
	snprintf(command, sizeof(command), "objdump -D -z -b binary -m %s --insn-width=16 %s",
		 machine, name);
	listing = popen(command, "r");
	CHECK(listing && compare(listing, code32) > RANDOM_BYTES / 10);
	CHECK(listing && pclose(listing) == 0);
	close(fd);
	unlink(name);
}

static void test_i386(void)
{
	against_objdump("i386", true);
}

static void test_i8086(void)
{
	against_objdump("i8086", false);
}

/* ---- By hand ----------------------------------------------------------------------- */

static struct guest_insn decode(bool code32, const char *bytes, unsigned n)
{
	u8 *exact = host_exact_copy(bytes, n);
	struct guest_insn insn;

	CHECK(guest_insn_decode(exact, n, code32, &insn));
	CHECK_EQ(insn.length, n);
	CHECK(!memcmp(insn.byte, bytes, n));
	free(exact);
	return insn;
}

#define DECODE(code32, bytes) decode(code32, bytes, sizeof(bytes) - 1)

static void test_fields(void)
{
	/* lock addl $-2, %gs:0x12345678(%ebx,%esi,4) */
	struct guest_insn i = DECODE(true, "\xf0\x65\x83\x84\xb3\x78\x56\x34\x12\xfe");

	CHECK(i.lock && i.override == SEG_GS && i.operand == 4 && i.address == 4);
	CHECK(i.opcode == 0x83 && i.has_modrm && i.mod == 2 && i.reg == 0 && i.rm == 4);
	CHECK(i.sib == 0xb3 && i.displacement == 0x12345678 && i.immediate == 0xfffffffe);

	i = DECODE(true, "\x66\x67\xc7\x46\xf0\xcd\xab"); /* movw $0xabcd, -16(%bp) */
	CHECK(i.operand == 2 && i.address == 2 && i.mod == 1 && i.rm == 6);
	CHECK(i.displacement == 0xfffffff0 && i.immediate == 0xabcd && i.override == SEG_NONE);

	i = DECODE(false, "\x66\xea\x78\x56\x34\x12\x08\x00"); /* ljmpl $8, $0x12345678 */
	CHECK(i.operand == 4 && i.immediate == 0x12345678 && i.selector == 8 && !i.has_modrm);

	i = DECODE(true, "\x2e\xa0\x78\x56\x34\x12"); /* movb %cs:0x12345678, %al */
	CHECK(i.operand == 1 && i.displacement == 0x12345678 && i.override == SEG_CS);
	CHECK(guest_insn_has_memory(&i));

	i = DECODE(true, "\xf3\xa5"); /* rep movsl */
	CHECK(i.rep == 0xf3 && i.operand == 4 && !guest_insn_has_memory(&i));

	i = DECODE(true, "\x0f\x22\x1d"); /* movl %ebp, %cr3, mod ignored */
	CHECK(i.opcode == 0x0f22 && i.mod == 3 && i.reg == 3 && i.rm == 5);

	i = DECODE(true, "\xc8\x34\x12\x03"); /* enter $0x1234, $3 */
	CHECK(i.immediate == 0x1234 && i.selector == 3);

	i = DECODE(true, "\x0f\xb4\x15\x78\x56\x34\x12"); /* lfs 0x12345678, %edx */
	CHECK(i.opcode == 0x0fb4 && i.reg == GUEST_DX && i.displacement == 0x12345678);
	i = DECODE(true, "\x66\xff\x5e\x04"); /* lcallw *4(%esi) */
	CHECK(i.opcode == 0xff && i.reg == 3 && i.operand == 2 && i.displacement == 4);
	i = DECODE(true, "\x8e\x6d\xfc"); /* movw -4(%ebp), %gs */
	CHECK(i.opcode == 0x8e && i.reg == SEG_GS - SEG_ES && i.displacement == 0xfffffffc);

	i = DECODE(false, "\x0f\x01\x16\x34\x12"); /* lgdt 0x1234 */
	CHECK(i.opcode == 0x0f01 && i.reg == 2 && i.displacement == 0x1234 && i.operand == 2);
}

static size_t whole_length;

/* The first n bytes of an instruction, in a block of just that size. */
static void decode_cut(const u8 *bytes, size_t n)
{
	struct guest_insn insn;
	bool whole = guest_insn_decode(bytes, (unsigned)n, true, &insn);

	CHECK_EQ(whole, n == whole_length);
	CHECK_EQ(insn.length, whole ? n : 0);
}

static void cut(const char *bytes, size_t n)
{
	whole_length = n;
	host_truncate(bytes, n, decode_cut);
}

static void test_missing(void)
{
	cut("\x65\x66\x67\xf0\x81\x84\x34\x12\x78\x56", 10);
	cut("\x65\xf0\x81\x84\xb3\x78\x56\x34\x12\x78\x56\x34\x12", 13);
	cut("\x0f\xa4\x84\xb3\x78\x56\x34\x12\x05", 9);
	cut("\xc8\x34\x12\x03", 4);
	cut("\x9a\x78\x56\x34\x12\x08\x00", 7);
}

/* 15 bytes are the most: one prefix more, and it is none. */
static void test_longest(void)
{
	static const u8 add[] = { 0x65, 0x65, 0x65, 0x65, 0x65, 0x81, 0x84, 0xb3,
				  1,    2,    3,    4,    5,    6,    7,    8 };
	struct guest_insn insn;

	CHECK(guest_insn_decode(add + 1, INSN_MAX, true, &insn));
	CHECK_EQ(insn.length, INSN_MAX);
	CHECK(!guest_insn_decode(add, sizeof(add), true, &insn));
	CHECK_EQ(insn.length, INSN_MAX + 1);
}

const struct host_case host_cases[] = {
	{ "lengths of 32-bit code are objdump's", test_i386 },
	{ "lengths of 16-bit code are objdump's", test_i8086 },
	{ "fields of instructions", test_fields },
	{ "missing bytes are noticed", test_missing },
	{ "15 bytes are the most", test_longest },
	{ NULL, NULL }
};
