/* The guest's tables: what is in them at first, and how they are read back. */
#include "guest.h"

/* Bits 8 to 15 of a descriptor's upper half: what it may be used for; 20 to 23: whether
 * the limit counts pages (80), and the size of operands (40). */
enum { DATA_RO = 0x9000, DATA_RW = 0x9200, DATA_DOWN = 0x9600, CODE_X = 0x9800, CODE_RX = 0x9a00 };
enum { NOT_PRESENT = 0x1200, AN_LDT = 0x8200, A_TSS = 0x8900 };
enum { SIZE32 = 0x400000, PAGES32 = 0xc00000, ALL = 0xfffff };

struct memory memory;
_Alignas(256) uint8_t marks[256];
static uint8_t tss[104], stack16[256];

static void put(descriptor *d, const volatile void *base, uint32_t limit, uint32_t kind) {
	uint32_t at = (uint32_t)base;

	d->low = at << 16 | (limit & 0xffff);
	d->high = (at & 0xff000000) | (limit & 0xf0000) | kind | (at >> 16 & 0xff);
}

void fill_tables(void) {
	descriptor *gdt = memory.gdt;

	for (unsigned i = 0; i < sizeof(marks); i++)
		marks[i] = (uint8_t)(i ^ 0xa5);
	put(&gdt[CODE / 8], 0, ALL, PAGES32 | CODE_RX);
	put(&gdt[DATA / 8], 0, ALL, PAGES32 | DATA_RW);
	put(&gdt[MARKS / 8], marks, 0xff, SIZE32 | DATA_RW);
	put(&gdt[CODE16 / 8], code16, 0xff, CODE_RX);
	put(&gdt[DOWN / 8], (void *)((uint32_t)marks - 0x1000), 0xfff, DATA_DOWN);
	put(&gdt[ABSENT / 8], marks, 0xff, SIZE32 | NOT_PRESENT);
	put(&gdt[READ_ONLY / 8], marks, 0xff, SIZE32 | DATA_RO);
	put(&gdt[LDT / 8], memory.ldt, sizeof(memory.ldt) - 1, AN_LDT);
	put(&gdt[TSS / 8], tss, sizeof(tss) - 1, A_TSS);
	put(&gdt[OTHER_CODE / 8], 0, ALL, PAGES32 | CODE_RX);
	put(&gdt[STACK16 / 8], stack16, sizeof(stack16) - 1, DATA_RW);
	put(&gdt[EXECUTE_ONLY / 8], 0, ALL, PAGES32 | CODE_X);
	put(&memory.gdt2[DATA2 / 8], 0, ALL, PAGES32 | DATA_RW);
	put(&memory.gdt2[MARKS2 / 8], marks + 0x20, 0xf, SIZE32 | DATA_RW);
	put(&memory.gdt2[CODE2 / 8], 0, ALL, PAGES32 | CODE_RX);
	put(&memory.ldt[LOCAL_MARKS / 8], marks + 0x40, 0xf, SIZE32 | DATA_RW);
	put(&memory.ldt[LOCAL_CODE / 8], 0, ALL, PAGES32 | CODE_RX);
}

/* Byte for byte, as no processor reads it. */
void say_table(const char *name, descriptor *table, int entries) {
	for (int i = 0; i < entries; i++) {
		volatile uint8_t *b = (volatile uint8_t *)&table[i];
		say("%s %2: %2 %2 %2 %2 %2 %2 %2 %2", name, 8 * i, b[0], b[1], b[2], b[3], b[4], b[5],
		    b[6], b[7]);
	}
}
