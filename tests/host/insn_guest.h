/*
 * A guest that is nothing but memory, segments and registers, for the tests of
 * kernel/guest/insn_*.c: each access is noted, and may fault by choice.
 */
#ifndef TESTS_HOST_INSN_GUEST_H
#define TESTS_HOST_INSN_GUEST_H

#include "kernel/guest/insn.h"

#define LOG_SIZE 2048

/* Memory of 64 KiB, at each multiple of that, and what was done with it. */
struct insn_guest {
	u8 byte[0x10000];
	struct guest_segment segment[SEG_GS + 1];
	unsigned accesses;
	struct {
		u32 linear;
		unsigned n;
		bool write;
	} log[LOG_SIZE];
	u32 bad, bad_size;  /* reads and writes of these bytes fault */
	u32 read_only_from; /* and writes from here on */
	unsigned fault_one_of; /* or any, at random; 0: none */
};

extern struct insn_guest guest;
extern const struct guest_memory memory; /* the guest's, as its instructions see it */
extern struct pt_regs regs;
extern struct guest_fault fault;

/*
 * All segments flat, all registers 0 but IP 0x100 and SP 0x8000, memory 0; flags with RF,
 * as behind a fault.
 */
void guest_reset(void);

/* The same; and AX 0x11, CX 0x22, BX 0x3000. */
void guest_operand_reset(void);

/* Decodes and executes n bytes, which must be one instruction. */
enum guest_done guest_run(const char *bytes, unsigned n);

#define RUN(bytes) guest_run(bytes, sizeof(bytes) - 1)

/* Registers and flags must be as they were. */
void guest_check_untouched(const struct pt_regs *before);

#endif
