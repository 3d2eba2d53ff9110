/*
 * The calendar, read once: the time of day to which the clock adds.  A port where
 * there is nothing reads as all ones, an update that never ends.
 * Source: MC146818 data sheet.  Called by arch/machine/clock.c.
 */
#include "arch/machine/clock.h"
#include "arch/machine/rtc.h"
#include "kernel/base/io.h"

/* An update takes 2 ms, a read of a port a microsecond or less. */
#define UPDATE_READS 100000

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static unsigned bcd(u8 v, bool binary)
{
	return binary ? v : (v >> 4) * 10u + (v & 15);
}

/* Days from 1970-01-01 to a date of the years 2000 to 2099. */
static u64 days_since_1970(unsigned year, unsigned month, unsigned day)
{
	static const u16 before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	u64 days = 10957 + 365ULL * (year - 2000) + (year - 2000 + 3) / 4;

	days += before[(month - 1) % 12] + day - 1;
	return days + (year % 4 == 0 && month > 2);
}

/* Bit 7 says PM in the 12-hour mode, in which noon and midnight are 12. */
static unsigned hour(u8 v, bool binary, bool day_of_24)
{
	unsigned h = bcd(v & 0x7f, binary);

	return day_of_24 ? h : h % 12 + (v & 0x80 ? 12 : 0);
}

/* Waits for the end of an update, 2 ms at most.  False: there is no RTC that ends one. */
static bool updated(void)
{
	for (int i = 0; i < UPDATE_READS; i++)
		if (!(cmos(0x0a) & 0x80))
			return true;
	return false;
}

u64 rtc_read_ns(void)
{
	bool binary = cmos(0x0b) & 4;
	unsigned sec, year;
	u64 t;

	do { /* until no update fell between the first read and the last */
		if (!updated())
			return 0;
		sec = cmos(0x00);
		year = 2000 + bcd(cmos(0x09), binary);
		t = days_since_1970(year, bcd(cmos(0x08), binary), bcd(cmos(0x07), binary));
		t = t * 24 + hour(cmos(0x04), binary, cmos(0x0b) & 2);
		t = t * 60 + bcd(cmos(0x02), binary);
	} while (sec != cmos(0x00));
	return (t * 60 + bcd((u8)sec, binary)) * NSEC_PER_SEC;
}
