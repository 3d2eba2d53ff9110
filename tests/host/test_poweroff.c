/*
 * Test of arch/machine/acpi.c: the FADT, and the search for _S5 in the DSDT, that is
 * all that powering off and resetting by ACPI need.
 *
 * The good tables come from firmware.c; S5() puts a DSDT of its own under
 * them.  Read next: test_acpi.c, for the other tables.
 */
#include "tests/host/firmware.h"

#include <string.h>

static void test_fadt(void)
{
	fw_good();
	fw_set32(fw.fadt + 4, 116); /* revision 1: no reset, no X fields */
	FW_REPORTS("");
	CHECK_EQ(fw.info.pm1a_cnt, 0x604);
	CHECK(!fw.info.has_reset);
	CHECK_EQ(fw.info.pm_tmr, 0x608);
	fw_set32(fw.fadt + 4, 129);
	FW_REPORTS("");
	CHECK(fw.info.has_reset);
	fw_set32(fw.fadt + 4, 72);
	FW_REPORTS("");
	CHECK_EQ(fw.info.pm1a_cnt, 0x604);
	fw_set32(fw.fadt + 4, 71);
	FW_REPORTS("acpi: found 71 bytes of FACP, expected at least 72; "
		"ignored\n");
	CHECK_EQ(fw.info.pm1a_cnt, 0);
	fw_good();
	fw_set32(fw.fadt + 112, 0);
	CHECK_EQ(fw_parse(), 0);
	CHECK(!fw.info.has_reset);
	fw_good();
	host_set_u64(&fw.b, fw.fadt + 140, FW_BASE + fw.dsdt);
	host_set_u32(&fw.b, fw.fadt + 40, 0x1000);
	fw.b.bytes[fw.fadt + 172] = 1; /* I/O space */
	host_set_u64(&fw.b, fw.fadt + 176, 0xb004);
	fw.b.bytes[fw.fadt + 184] = 0; /* memory space: not taken */
	host_set_u64(&fw.b, fw.fadt + 188, 0xb104);
	fw_seal();
	FW_REPORTS("");
	CHECK_EQ(fw.info.dsdt, FW_BASE + fw.dsdt);
	CHECK_EQ(fw.info.pm1a_cnt, 0xb004);
	CHECK_EQ(fw.info.pm1b_cnt, 0);
	fw_set32(fw.fadt + 68, 0xffff);
	FW_REPORTS("");
	CHECK_EQ(fw.info.pm1b_cnt, 0xffff);
	fw_set32(fw.fadt + 68, 0x10000);
	FW_REPORTS("acpi: found a PM1 control block at 0x10000, expected an "
		   "I/O port; ignored\n");
	CHECK_EQ(fw.info.pm1b_cnt, 0);
}

static void test_pm_timer(void)
{
	fw_good();
	fw_set8(fw.fadt + 91, 0); /* its length says that it is not there */
	FW_REPORTS("");
	CHECK_EQ(fw.info.pm_tmr, 0);
	fw_set8(fw.fadt + 91, 4);
	fw_set32(fw.fadt + 112, 1 << 8);
	FW_REPORTS("");
	CHECK(fw.info.pm_tmr_32);
	host_set_u64(&fw.b, fw.fadt + 212, 0xb008);
	fw_set8(fw.fadt + 208, 1); /* I/O space: the newer field counts */
	FW_REPORTS("");
	CHECK_EQ(fw.info.pm_tmr, 0xb008);
	fw_set8(fw.fadt + 208, 0); /* memory: not taken */
	FW_REPORTS("");
	CHECK_EQ(fw.info.pm_tmr, 0x608);
	fw_set32(fw.fadt + 76, 0x10608);
	FW_REPORTS("acpi: found a PM timer at 0x10608, expected an I/O port; ignored\n");
	CHECK_EQ(fw.info.pm_tmr, 0);
}

/* Gives the DSDT a name of six bytes and `n` bytes behind it; returns both
 * SLP_TYP values as one decimal number, or -1. */
static int with_s5(const char *name, const u8 *bytes, size_t n)
{
	fw_begin_good();
	fw_end_table(fw.madt);
	/* The DSDT comes last, so that it can have any length. */
	host_pad(&fw.b, 16);
	fw.dsdt = fw_begin_table("DSDT");
	host_put(&fw.b, name, 6);
	host_put(&fw.b, bytes, n);
	fw_end_table(fw.dsdt);
	host_set_u32(&fw.b, fw.fadt + 40, (u32)(FW_BASE + fw.dsdt));
	fw_put_roots();
	CHECK_EQ(fw_parse(), 0);
	return fw.info.has_s5 ? fw.info.slp_typa * 10 + fw.info.slp_typb : -1;
}

#define NAMED_S5(name, ...) \
	with_s5(name, (u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }))
#define S5(...) NAMED_S5("\x08\\_S5_", __VA_ARGS__)

static void test_s5(void)
{
	CHECK_EQ(S5(0x12, 4, 2, 0, 0), 0);
	CHECK_EQ(S5(0x12, 6, 2, 0x0a, 7, 0x0a, 6), 76);
	CHECK_EQ(S5(0x12, 6, 2, 0x0a, 6, 0x0a, 7), 67);
	CHECK_EQ(S5(0x12, 8, 2, 0x0b, 5, 0, 0x0b, 4, 0), 54);
	CHECK_EQ(S5(0x12, 8, 2, 0x0c, 3, 0, 0, 0, 1), 31);
	CHECK_EQ(S5(0x12, 0x45, 0, 2, 0, 1), 1); /* a length of two bytes */
	CHECK_EQ(S5(0x12, 0x87, 0, 0, 2, 1, 0x0a, 2), 12); /* of three */
	CHECK_EQ(NAMED_S5("?\x08_S5_", 0x12, 4, 2, 0, 1), 1);
	CHECK_STR(host_recorded(), "acpi: found no enabled CPU, expected a "
		  "MADT with one\n");
}

static void test_s5_damage(void)
{
	CHECK_EQ(S5(0x12, 4, 2, 0, 2), -1);      /* no integer */
	CHECK_HAS(host_recorded(), "acpi: found a damaged _S5 at offset 38, "
		  "expected two numbers from 0 to 7; ignored\nacpi: found no "
		  "usable _S5, expected one; no ACPI power off\n");
	CHECK_EQ(S5(0x11, 4, 2, 0, 0), -1);      /* no package */
	CHECK_EQ(S5(0x12, 4, 1, 0, 0), -1);      /* of one element */
	CHECK_EQ(S5(0x12, 5, 2, 0, 0), -1);      /* ends after the table */
	CHECK_EQ(S5(0x12, 3, 2, 0, 0), -1);      /* ends too early */
	CHECK_EQ(S5(0x12, 1, 2, 0, 0), -1);
	CHECK_EQ(S5(0x12, 4, 2, 0, 0x0a, 1), -1); /* inside a number */
	CHECK_EQ(S5(0x12, 7, 2, 0, 0x0c, 1, 0, 0, 0), -1);
	CHECK_EQ(S5(0x12, 5, 2, 0x0a, 8, 0), -1); /* not three bits */
	CHECK_EQ(S5(0x12, 5, 2, 0, 0x0a, 8), -1);
	CHECK_EQ(S5(0x12, 8, 2, 0x0c, 0, 0, 0, 0x80, 0), -1);
	CHECK_EQ(S5(0x12, 12, 2, 0x0e, 1, 0, 0, 0, 0, 0, 0, 0, 0), -1);
	CHECK_EQ(S5(0x12, 0x42, 0), -1);
	CHECK_EQ(S5(0x12, 0xc4), -1);
	CHECK_EQ(S5(0x12, 0xc4, 0xff), -1);
	CHECK_EQ(S5(0x12), -1);
	/* no NameOp before it: a use of _S5, not its definition */
	CHECK_EQ(NAMED_S5("?\\_S5_", 0x12, 4, 2, 0, 0), -1);
	CHECK_EQ(NAMED_S5("\x08?_S5_", 0x12, 4, 2, 0, 0), -1);
	CHECK_HAS(host_recorded(), "found no usable _S5");
}

const struct host_case host_cases[] = {
	{ "old and new FADT fields", test_fadt },
	{ "the PM timer's port", test_pm_timer },
	{ "_S5 in every encoding", test_s5 },
	{ "a damaged _S5 is left out", test_s5_damage },
	{ NULL, NULL }
};
