/* A guest that wants more than a segment of its own: under the monitor alone.  It makes gates,
 * TSSs, LDTs, conforming and 64-bit code, by plan and by chance, asks the processor for them
 * and for the monitor's own, and looks for bytes that it has not written. */
#include "guest.h"

enum { FLAT = 0xcf0000, SLOT = 0x70, SLOT2 = 0x78, MONITORS = 0x3d0, END = 0x400 };
#define BY_CHANCE 3000
#define RIGHTS_DPL3 0x6000
#define RIGHTS_SEGMENT 0x1000
#define RIGHTS_LONG 0x200000

extern const uint8_t counts_down[];
extern uint32_t may_load(uint32_t selector), may_call(const void *offset, uint32_t selector);

static _Alignas(PAGE) struct {
	volatile uint32_t front[256];
	descriptor gdt[16];
	volatile uint32_t back[736];
} page;
static descriptor shadow[16];
static uint32_t tries, breaches;

static void breach(const char *what, uint32_t selector) {
	breaches++;
	say("hostile: found %s, selector %4, descriptor %8 %8", what, selector,
	    page.gdt[SLOT / 8].high, page.gdt[SLOT / 8].low);
}

static uint32_t chance(void) {
	static uint32_t x = 2463534242;

	x ^= x << 13; /* Marsaglia's xorshift32 */
	x ^= x >> 17;
	return x ^= x << 5;
}

/* What LAR says of it must be a segment of ring 3, of at most 32 bits, that is no gate. */
static void ask(uint32_t selector) {
	uint32_t rights = 0, limit = 0;
	bool code;

	tries++;
	if (lsl(selector, &limit) && !lar(selector, &rights))
		breach("a limit without rights", selector);
	if (!lar(selector, &rights))
		return;
	code = rights & 0x800;
	if ((rights & RIGHTS_DPL3) != RIGHTS_DPL3 || !(rights & RIGHTS_SEGMENT) ||
	    (rights & RIGHTS_LONG) || (code && (rights & 0x400)))
		breach("rights", selector);
}

static void the_monitors(void) {
	for (uint32_t selector = MONITORS; selector < END; selector++) {
		ask(selector);
		tries += 2;
		if (may_load(selector))
			breach("that FS may be loaded", selector);
		if (may_call(far_callee, selector))
			breach("that a far CALL may go there", selector);
	}
}

/* Each type of each ring with the kernel's code segment, or the monitor's, as a gate has it. */
static void gates(void) {
	for (uint32_t kind = 0; kind < 0x80; kind++) {
		if (kind & 0x10)
			continue;
		page.gdt[SLOT / 8].low = (MONITORS + 0x20) << 16 | 0x1000;
		page.gdt[SLOT / 8].high = 0x8000 | kind << 8;
		page.gdt[SLOT2 / 8].low = 0xffffffff;
		page.gdt[SLOT2 / 8].high = 0;
		for (uint32_t rpl = 0; rpl < 4; rpl++) {
			ask(SLOT | rpl);
			tries += 2;
			if (may_load(SLOT | rpl))
				breach("a system segment in FS", SLOT);
			if (may_call(0, SLOT | rpl))
				breach("a gate", SLOT);
		}
	}
}

static void by_chance(void) {
	for (int i = 0; i < BY_CHANCE; i++) {
		page.gdt[SLOT / 8].low = chance();
		page.gdt[SLOT / 8].high = chance();
		ask(SLOT);
	}
}

/* With L it must be what it is without: code of 16 bits. */
static void long_code(void) {
	uint32_t at = (uint32_t)counts_down;

	page.gdt[SLOT / 8].low = at << 16 | 0xffff;
	page.gdt[SLOT / 8].high = (at & 0xff000000) | RIGHTS_LONG | 0x9a00 | (at >> 16 & 0xff);
	ask(SLOT);
	if ((far_call(0, SLOT) & 0xffff) != 0xffff)
		breach("code of 64 bits", SLOT);
}

/* On the page are its own bytes alone: those that it has written, accessed bits aside. */
static void own_bytes(void) {
	uint32_t other = 0;

	for (int i = 0; i < 256; i++)
		other += page.front[i] != 0x5a5a0000U + i;
	for (int i = 0; i < 736; i++)
		other += page.back[i] != 0xa5a50000U + i;
	for (int i = 0; i < SLOT / 8; i++)
		other += page.gdt[i].low != shadow[i].low ||
			((page.gdt[i].high ^ shadow[i].high) & ~ACCESSED);
	tries++;
	if (other)
		breach("bytes that are not its own", other);
}

void guest_main(void) {
	for (int i = 0; i < 256; i++)
		page.front[i] = 0x5a5a0000U + i;
	for (int i = 0; i < 736; i++)
		page.back[i] = 0xa5a50000U + i;
	for (int i = 1; i < SLOT / 8; i++) {
		page.gdt[i].low = 0xffff;
		page.gdt[i].high = FLAT | (i == CODE / 8 ? 0x9a00 : 0x9200);
		shadow[i].low = page.gdt[i].low;
		shadow[i].high = page.gdt[i].high;
	}
	use_table((struct table_register){sizeof(page.gdt) - 1, (uint32_t)page.gdt}, CODE, DATA);
	use_traps();
	the_monitors();
	gates();
	by_chance();
	long_code();
	own_bytes();
	say("hostile: %8 tries, %8 breaches", tries, breaches);
	end(breaches != 0);
}
