/* A guest whose tables lie at corners: at the end of its memory, of a page, of their own
 * limits; under its stack; beside its LDT; and who loads them again and again. */
#include "guest.h"

enum { END_OF_MEMORY = 0x1000000, INT_FRAME = 0x2e, SPARE = 0x70, RESERVED = 0x3f0 };
enum { RO = 0x9000, RW = 0x9200, DOWN_RW = 0x9600, CODE_RX = 0x9a00, CODE_ONLY = 0x9800 };
enum { AN_LDT = 0x8200, ABSENT_RW = 0x1200, SIZE32 = 0x400000, PAGES32 = 0xc00000 };
enum { SMALL = 0x58, WRAPS = 0x20, WRAPS2 = 0x60, DOWN32 = 0x28, HIDDEN = 0x68 };
#define LGDTS 3000

extern const uint8_t edge_code[], frame_handler[];
uint32_t edge(uint32_t selector);

static _Alignas(PAGE) struct {
	descriptor gdt[0x80]; /* with those that a monitor may keep for itself */
	descriptor ldt[8];
	volatile uint8_t rest[PAGE - 0x440];
	descriptor other[16];
} tables;

_Alignas(256) uint8_t marks[256];

GIVES(read_fs, "mov %%fs, %0")

static void put(descriptor *d, uint32_t base, uint32_t limit, uint32_t kind) {
	d->low = base << 16 | (limit & 0xffff);
	d->high = (base & 0xff000000) | (limit & 0xf0000) | kind | (base >> 16 & 0xff);
}

static void fill(descriptor *table) {
	put(&table[CODE / 8], 0, 0xfffff, PAGES32 | CODE_RX);
	put(&table[DATA / 8], 0, 0xfffff, PAGES32 | RW);
	put(&table[MARKS / 8], (uint32_t)marks, 0xff, SIZE32 | RW);
}

static void use(descriptor *table, uint32_t limit) {
	use_table((struct table_register){(uint16_t)limit, (uint32_t)table}, CODE, DATA);
}

static void limits(void) {
	for (uint32_t limit = 0x17; limit < 0x20; limit++) {
		use(tables.other, limit | 7);
		say("a GDT with the limit %2:", limit);
		use(tables.other, limit);
		FAULT("  FS from its end, which may be beyond", "mov %0, %%fs", "r"(MARKS));
	}
}

static void end_of_memory(void) {
	descriptor *last = (descriptor *)END_OF_MEMORY - 4;

	fill(last);
	use(last, 31);
	say("at the end of memory: %2, limit %8", through_fs(MARKS, 1), last[3].high);
	use(last, 30);
	FAULT("without its last byte", "mov %0, %%fs", "r"(MARKS));
	use(tables.gdt, sizeof(tables.gdt) - 1);
	say("then it is memory: %8 %8", last[3].low & 0xffff, last[1].high & ~ACCESSED);
}

/* An LDT behind the GDT, on the same page; the GDT changes, the LDT goes. */
static void one_page(void) {
	put(&tables.gdt[LDT / 8], (uint32_t)tables.ldt, sizeof(tables.ldt) - 1, AN_LDT);
	put(&tables.ldt[LOCAL_MARKS / 8], (uint32_t)marks + 0x40, 0xf, SIZE32 | RW);
	lldt(LDT);
	say("on one page: %2 %2", through_fs(MARKS, 1), through_gs(LOCAL_MARKS, 1));
	tables.gdt[MARKS / 8].low += 0x10 << 16;
	tables.ldt[LOCAL_MARKS / 8].low += 0x20 << 16;
	say("both changed: %2 %2", through_fs(MARKS, 1), through_gs(LOCAL_MARKS, 1));
	say("accessed: %1 %1", tables.gdt[MARKS / 8].high / ACCESSED & 1,
	    tables.ldt[LOCAL_MARKS / 8].high / ACCESSED & 1);
	use(tables.other, 127);
	say("another GDT, the LDT stays: %2 %2", through_fs(MARKS, 1), through_gs(LOCAL_MARKS, 1));
	use(tables.gdt, sizeof(tables.gdt) - 1);
	lldt(0);
	say("the LDT went, the GDT stays: %2 %8", through_fs(MARKS, 1), tables.ldt[1].low);
	tables.gdt[MARKS / 8].low -= 0x10 << 16;
	FAULT("FS from the LDT that went", "mov %0, %%fs", "r"(LOCAL_MARKS));
	put(&tables.gdt[LDT / 8], (uint32_t)tables.ldt, 0xe, AN_LDT);
	lldt(LDT);
	FAULT("FS from beyond an LDT's last whole entry", "mov %0, %%fs", "r"(LOCAL_MARKS));
	lldt(0);
}

/* The processor, or who takes its place, has read the descriptor when it pushes over it. */
static void under_the_stack(void) {
	descriptor *d = &tables.gdt[SPARE / 8];

	__asm__ volatile("mov %%esp, %%edx; lea 8(%0), %%esp; push %1; push %2; mov %%edx, %%esp"
			 : : "r"(d), "r"(tables.gdt[MARKS / 8].high), "r"(tables.gdt[MARKS / 8].low)
			 : "edx", "memory");
	say("a descriptor that was pushed: %2", through_fs(SPARE, 5));
	put(d, 0, 0xfffff, PAGES32 | CODE_RX);
	far_return(SPARE);
	set_gate(INT_FRAME, (uint32_t)frame_handler, INTERRUPT_GATE);
	far_return(CODE);
	__asm__ volatile("mov %%esp, %%edx; lea 12(%0), %%esp; int $0x2e; mov %%edx, %%esp"
			 : : "r"(d) : "eax", "edx", "memory");
	say("an INT's frame lies over a descriptor: CS %4", d->high & 0xfffc);
	__asm__ volatile("mov %%esp, %%edx; lea 32(%0), %%esp; pusha; popa; mov %%edx, %%esp"
			 : : "r"(d - 3) : "edx", "memory");
	put(d, (uint32_t)marks, 0xff, SIZE32 | RW);
	say("behind PUSHA: %2", through_fs(SPARE, 6));
}

static void bases(void) {
	put(&tables.gdt[WRAPS / 8], 0xfffff000, 0xfffff, PAGES32 | RW);
	put(&tables.gdt[WRAPS2 / 8], (uint32_t)marks, 0xfffff, PAGES32 | RW);
	say("a base near 4 GiB: %2 %2", through_fs(WRAPS, 0x1000 + (uint32_t)marks),
	    through_gs(WRAPS, 0x1000 + (uint32_t)&tables.gdt[1]));
	say("an offset near 4 GiB: %2 %2", through_fs(WRAPS2, 8),
	    through_gs(WRAPS2, (uint32_t)&tables.gdt[1] - (uint32_t)marks));
	put(&tables.gdt[DOWN32 / 8], 0, 0xff, PAGES32 | DOWN_RW);
	say("expand-down to 4 GiB: %2 %2", through_fs(DOWN32, (uint32_t)marks + 9),
	    through_gs(DOWN32, (uint32_t)&tables.gdt[1]));
	load_fs(DOWN32);
	FAULT("a read at what is not beyond its limit", "movb %%fs:0xffff0, %%al", );
}

static void reserved(void) {
	descriptor *d = &tables.gdt[RESERVED / 8];

	for (uint32_t i = 0x3d0 / 8; i < 0x80; i++)
		put(&tables.gdt[i], i, 0xff, ABSENT_RW);
	say("entries that are not present: %8 %8", d[0].high, d[1].high);
	for (uint32_t i = 0x3d0; i < 0x400; i += 8)
		FAULT("  FS from there", "mov %0, %%fs", "r"(i));
}

static void refused_loads(void) {
	put(&tables.gdt[HIDDEN / 8], 0, 0xfffff, PAGES32 | CODE_ONLY);
	FAULT("FS = what can only be executed", "mov %0, %%fs", "r"(HIDDEN));
	say("it is not accessed: %1, FS is as before: %4", tables.gdt[HIDDEN / 8].high / ACCESSED & 1,
	    read_fs());
}

static void again_and_again(void) {
	for (int i = 0; i < LGDTS; i++) {
		struct table_register r = {127, (uint32_t)(i % 3 ? tables.other : tables.gdt)};
		__asm__ volatile("lgdt %0" : : "m"(r));
	}
	use(tables.other, 127);
	say("LGDT %8 times: %2", LGDTS, through_fs(MARKS, 3));
}

void guest_main(void) {
	say("guest: corners");
	for (unsigned i = 0; i < sizeof(marks); i++)
		marks[i] = (uint8_t)(i ^ 0xa5);
	fill(tables.gdt);
	fill(tables.other);
	use(tables.gdt, sizeof(tables.gdt) - 1);
	use_traps();
	end_of_memory();
	one_page();
	under_the_stack();
	bases();
	reserved();
	refused_loads();
	limits();
	again_and_again();
	put(&tables.other[SMALL / 8], (uint32_t)edge_code, 0, SIZE32 | CODE_RX);
	use(tables.other, 127);
	say("behind a CLI that ends its segment: %8", edge(SMALL));
	say("guest: all said");
	end(0);
}
