/* A guest of many lines: each instruction that touches memory, at each border of a table
 * and of its pages, each fault of loading a segment, and what is not about tables. */
#include "guest.h"
#include "tests/guest/instructions/instructions.h"

GIVES(str, "str %0")
GIVES(smsw, "smsw %0")
GIVES(read_cr0, "mov %%cr0, %0")
TAKES(sidt, struct table_register *, "sidt (%0)")
TAKES(ltr, uint32_t, "ltr %w0")
TAKES(lmsw, uint32_t, "lmsw %w0")
TAKES(invlpg, const volatile void *, "invlpg (%0)")
GIVES(read_cr3, "mov %%cr3, %0")
GIVES(read_cr4, "mov %%cr4, %0")

static void use_tss(void) {
	say("STR before LTR: %4", str());
	ltr(TSS);
	say("STR: %4", str());
	say("its descriptor is busy: %8", memory.gdt[TSS / 8].high & 0xf0ff00);
	FAULT("LTR once more", "ltr %w0", "r"(TSS));
}

static void use_control_registers(void) {
	struct table_register r;

	say("CR0, PE and PG: %8", read_cr0() & 0x80000001);
	say("SMSW: %4", smsw() & 0xffff);
	sidt(&r);
	say("SIDT base: %8", r.base);
	say("SIDT limit: %4", r.limit);
	say("CR3: %8", read_cr3());
	say("CR4: %8", read_cr4());
	lmsw(read_cr0());
	say("CR0 behind LMSW: %1", read_cr0() & 0xf);
	invlpg(&memory);
	say("INVLPG is no fault");
}

void guest_main(void) {
	say("guest: instructions");
	fill_tables();
	use_table((struct table_register){sizeof(memory.gdt) - 1, (uint32_t)memory.gdt}, CODE, DATA);
	use_traps();
	lldt(0); /* until then it is the loader's, or the one of a reset */
	meet_more_traps();
	use_flags();
	segments();
	use_tss();
	use_control_registers();
	neighbours();
	use_table((struct table_register){sizeof(memory.gdt2) - 1, (uint32_t)memory.gdt2}, CODE2, DATA2);
	neighbours_of_second();
	say("guest: all said");
	end(0);
}
