/*
 * What the files that execute instructions share: the state of one execution, and
 * accesses to the operand that ModRM names, be it a register or memory.
 */
#ifndef KERNEL_GUEST_INSN_EXEC_H
#define KERNEL_GUEST_INSN_EXEC_H

#include "kernel/guest/insn.h"

struct guest_exec {
	const struct guest_insn *insn;
	const struct guest_memory *memory;
	struct guest_fault *fault;
	const struct pt_regs *before;
	struct pt_regs regs; /* a copy, IP behind the instruction; taken over if it is done */
	bool keep;           /* taken over even if it faults: iterations of REP are done */
	u32 beyond;          /* added to the operand's offset: where BT's bit is */
	u32 linear;          /* of the operand in memory that is being modified */
};

/* Executes one kind of instruction.  False: it faulted, *e->fault tells. */
typedef bool guest_handler(struct guest_exec *e);

/* Each file's: what executes the instruction, or NULL. */
guest_handler *guest_bits_handler(const struct guest_insn *insn);
guest_handler *guest_flow_handler(const struct guest_insn *insn);
guest_handler *guest_string_handler(const struct guest_insn *insn);

/* n bytes (1, 2 or 4) of the operand that ModRM (or A0 to A3) names.  False: a fault. */
bool guest_rm_read(struct guest_exec *e, unsigned n, u32 *value);
bool guest_rm_write(struct guest_exec *e, unsigned n, u32 value);

/* To read it and write it back: the right to write is there before it is read. */
bool guest_rm_modify(struct guest_exec *e, unsigned n, u32 *value);
bool guest_rm_modified(struct guest_exec *e, unsigned n, u32 value);

/* The same of 8 bytes, or others, that are in memory. */
bool guest_read_to_write(struct guest_exec *e, unsigned n, void *value);

/* Faults as a write of n bytes (2 or 4) there would, and changes nothing. */
bool guest_probe(struct guest_exec *e, enum user_segment s, u32 offset, unsigned n);

/* The register that ModRM.reg names. */
u32 guest_r_read(const struct guest_exec *e, unsigned n);
void guest_r_write(struct guest_exec *e, unsigned n, u32 value);

#endif
