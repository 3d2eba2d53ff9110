/* A kernel about one table: what it is for, what the processor writes there, and that it
 * is memory.  It runs on the bare machine, from a multiboot loader, and under a monitor
 * that has the processor use another table in its place.  It must print the same there. */
#include "guest.h"

static descriptor *entry(uint32_t selector) {
	return &memory.gdt[selector / 8];
}

static uint32_t accessed(uint32_t selector) {
	return entry(selector)->high / ACCESSED & 1;
}

static void forget_access(uint32_t selector) {
	entry(selector)->high &= ~ACCESSED;
}

static void say_registers(void) {
	struct table_register r;

	say("CS reads back as %4", read_cs());
	say("SS reads back as %4", read_ss());
	say("DS reads back as %4", read_ds());
	sgdt(&r);
	say("SGDT base: %8", r.base);
	say("SGDT limit: %4", r.limit);
}

static void load_segments(void) {
	say("accessed before LGDT: code %1, data %1", accessed(CODE), accessed(DATA));
	use_table((struct table_register){sizeof(memory.gdt) - 1, (uint32_t)memory.gdt}, CODE, DATA);
	say("accessed behind it: code %1, data %1", accessed(CODE), accessed(DATA));
	say_registers();
	say("MARKS accessed before: %1", accessed(MARKS));
	say("through FS: %2", through_fs(MARKS, 0x10));
	say("MARKS accessed: %1", accessed(MARKS));
	forget_access(MARKS);
	say("MARKS as data of ours: %1", accessed(MARKS));
	say("through DS, ES, GS, SS: %2 %2 %2 %2", through_ds(MARKS, 0x11), through_es(MARKS, 0x12),
	    through_gs(MARKS, 0x13), through_ss(MARKS, 0x14));
	say("MARKS accessed again: %1", accessed(MARKS));
	say("through an expand-down segment: %2", through_fs(DOWN, 0x1020));
}

static void jump_far(void) {
	say("far CALL, which pushes CS %4", far_call(far_callee, OTHER_CODE));
	say("accessed by a far CALL: %1", accessed(OTHER_CODE));
	forget_access(OTHER_CODE);
	far_return(OTHER_CODE);
	say("far RET, to CS %4", read_cs());
	say("accessed by a far RET: %1", accessed(OTHER_CODE));
	far_return(CODE);
	say("16-bit code gives %4", far_call(0, CODE16));
}

/* A segment register keeps what it was loaded with, until it is loaded again. */
static void change_descriptor(void) {
	load_fs(MARKS);
	entry(MARKS)->low += 0x20 << 16;
	say("base changed, FS as it was loaded: %2", read_held_fs());
	say("loaded again: %2", through_fs(MARKS, 0));
	*(volatile uint8_t *)entry(MARKS) = 0x0f;
	load_fs(MARKS);
	FAULT("a byte of the limit changed, a read beyond it", "movb %%fs:0x10, %%al", );
	entry(MARKS)->low = (entry(MARKS)->low | 0xff) - (0x20 << 16);
	say("changed back: %2", through_fs(MARKS, 0x10));
}

static void ask_rights(void) {
	for (uint32_t selector = 0; selector <= BEYOND; selector += 8) {
		uint32_t rights = 0, limit = 0, none = 0;
		bool may_lar = lar(selector, &rights), may_lsl = lsl(selector, &limit);

		say("LAR %2: %1 %8", selector, may_lar, rights & 0xf0ff00);
		say("LSL %2: %1 %8", selector, may_lsl, limit);
		say("VERR, VERW %2: %1 %1", selector, verr(selector, &none), verw(selector, &none));
	}
}

/* Bytes, words and double words of `at`, read and written: memory like any other? */
static void use_memory(const char *name, volatile uint8_t *at) {
	*(volatile uint32_t *)at = 0x04030201;
	at[1] = 0xf2;
	*(volatile uint16_t *)(at + 2) += 0x0f0e;
	*(volatile uint32_t *)at ^= 0x10000000;
	say("%s: %2 %4 %8", name, at[3], *(volatile uint16_t *)(at + 1), *(volatile uint32_t *)at);
}

static void use_neighbours(void) {
	volatile uint8_t *table = (volatile uint8_t *)memory.gdt;

	use_memory("in front of the table", table - 8);
	use_memory("over its front", table - 2);
	use_memory("in it", table + BEYOND - 8);
	use_memory("over its back", table + BEYOND - 2);
	use_memory("behind it", table + BEYOND + 4);
	use_memory("over the page's end", memory.between - 2);
	for (unsigned i = 0; i < PAGE - FRONT - BEYOND; i++)
		memory.back[i] = memory.front[i % FRONT];
	say("all behind it is as in front: %2 %2", memory.back[FRONT - 8], memory.back[2 * FRONT - 7]);
}

static void use_ldt(void) {
	say("SLDT before LLDT: %4", sldt());
	lldt(LDT);
	say("SLDT: %4", sldt());
	say("through the LDT: %2", through_fs(LOCAL_MARKS, 0x02));
	say("far CALL through the LDT, which pushes CS %4", far_call(far_callee, LOCAL_CODE));
	say_table("LDT", memory.ldt, 3);
	memory.ldt[LOCAL_MARKS / 8].low += 0x10 << 16;
	say("its entry changed: %2", through_gs(LOCAL_MARKS, 0x02));
	use_memory("over the LDT's back", memory.back_of_ldt - 2);
	lldt(0);
	FAULT("without an LDT", "mov %0, %%fs", "r"(LOCAL_MARKS));
}

/* Another layout at another place: half on one page, half on the next. */
static void use_second_table(void) {
	use_table((struct table_register){sizeof(memory.gdt2) - 1, (uint32_t)memory.gdt2}, CODE2, DATA2);
	use_traps();
	say_registers();
	say("through the second table: %2", through_fs(MARKS2, 0x05));
	load_fs(MARKS2);
	FAULT("beyond its limit", "movb %%fs:0x10, %%al", );
	use_memory("over its front", (volatile uint8_t *)memory.gdt2 - 2);
	use_memory("over the page's end in it", (volatile uint8_t *)&memory.gdt2[2] - 2);
	use_memory("in the first table, which is memory now", (volatile uint8_t *)entry(MARKS));
	say_table("second", memory.gdt2, 8);
}

void guest_main(void) {
	say("guest: a kernel and its descriptor table");
	fill_tables();
	load_segments();
	say_table("GDT", memory.gdt, BEYOND / 8);
	use_traps();
	jump_far();
	change_descriptor();
	ask_rights();
	meet_traps();
	use_neighbours();
	use_ldt();
	use_second_table();
	say("guest: all said");
	end(0);
}
