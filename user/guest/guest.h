/* What the parts of the guest kernel share: its tables, and how it says what it finds. */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H
#include <stdint.h>

#include "cpu.h"

enum { /* the first table's selectors */
	CODE = 0x08,
	DATA = 0x10,
	MARKS = 0x18,      /* the bytes of marks[], and no more */
	CODE16 = 0x20,     /* begins at code16 */
	DOWN = 0x28,       /* expand-down, 16 bits: offsets from 0x1000, where marks[] is */
	ABSENT = 0x30,     /* not present */
	READ_ONLY = 0x38,  /* marks[], not to be written */
	LDT = 0x40,
	TSS = 0x48,
	OTHER_CODE = 0x50, /* as CODE */
	STACK16 = 0x58,    /* 16 bits */
	EXECUTE_ONLY = 0x60,
	BEYOND = 0x80      /* three spare entries lie before it */
};
enum { LOCAL_MARKS = 0x0c, LOCAL_CODE = 0x14 };     /* the LDT's: bit 2 says so */
enum { DATA2 = 0x20, MARKS2 = 0x28, CODE2 = 0x30 }; /* the second table's */

typedef volatile struct {
	uint32_t low, high;
} descriptor;
#define ACCESSED 0x100 /* of .high */
enum { PAGE = 4096, FRONT = 1024 };

/* The tables as a small kernel has them: arrays among its other data. */
extern struct __attribute__((aligned(PAGE))) memory {
	volatile uint8_t front[FRONT];
	descriptor gdt[BEYOND / 8];
	volatile uint8_t back[PAGE - FRONT - BEYOND];
	volatile uint8_t between[PAGE - 16];
	descriptor gdt2[8]; /* two entries on one page, the others on the next */
	volatile uint8_t back2[PAGE - 48];
	volatile uint8_t front_of_ldt[FRONT];
	descriptor ldt[3];
	volatile uint8_t back_of_ldt[PAGE - FRONT - 24];
} memory;
extern uint8_t marks[256];
extern const uint8_t far_callee[], code16[]; /* start.asm */

void guest_main(void); /* main.c */

/* console.c: a line; %s is a string, %1 to %8 a number in so many hexadecimal digits. */
void say(const char *format, ...);
void end(uint8_t status) __attribute__((noreturn));

/* tables.c */
void fill_tables(void);
void say_table(const char *name, descriptor *table, int entries);

/* traps.c: gates lead to the code segment in use. */
enum { INTERRUPT_GATE = 0x8e00, TRAP_GATE = 0x8f00, VECTORS = 0x31, EFLAGS_IF = 0x200 };
struct frame { /* as the processor pushes it in the same ring, behind an error code */
	uint32_t eip, cs, eflags;
};
void set_gate(uint32_t vector, uint32_t handler, uint32_t kind);
void use_traps(void);
void meet_traps(void);
#endif
