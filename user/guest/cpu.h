/* Instructions that C has no words for. */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H
#include <stdbool.h>
#include <stdint.h>

struct __attribute__((packed)) table_register {
	uint16_t limit;
	uint32_t base;
};

/* GIVES(name, instruction): name() is what the instruction leaves in its operand. */
#define GIVES(name, instruction) \
	static inline uint32_t name(void) { \
		uint32_t value = 0; \
		__asm__ volatile(instruction : "+r"(value) : : "memory"); \
		return value; \
	}
GIVES(read_cs, "mov %%cs, %0")
GIVES(read_ss, "mov %%ss, %0")
GIVES(read_ds, "mov %%ds, %0")
GIVES(sldt, "sldt %0")
/* The first of marks[] that FS shows, by what it was loaded with: */
GIVES(read_held_fs, "movzbl %%fs:0, %0")

/* TAKES(name, type, instruction): name(value) executes it with the value, or at it. */
#define TAKES(name, type, instruction) \
	static inline __attribute__((always_inline)) void name(type value) { \
		__asm__ volatile(instruction : : "r"(value) : "memory", "cc"); \
	}
TAKES(lldt, uint32_t, "lldt %w0")
TAKES(load_fs, uint32_t, "mov %w0, %%fs")
TAKES(lidt, const struct table_register *, "lidt (%0)")
TAKES(sgdt, struct table_register *, "sgdt (%0)")
/* To the next instruction, in another code segment. */
TAKES(far_return, uint32_t, "push %0; push $1f; lret; 1:")

/* ASKS(name, instruction): is ZF set behind it?  LAR and LSL then give *value. */
#define ASKS(name, instruction) \
	static inline bool name(uint32_t selector, uint32_t *value) { \
		bool yes; \
		__asm__ volatile(instruction : "=@ccz"(yes), "+r"(*value) : "r"(selector)); \
		return yes; \
	}
ASKS(lar, "lar %2, %1")
ASKS(lsl, "lsl %2, %1")
ASKS(verr, "verr %w2")
ASKS(verw, "verw %w2")

/* THROUGH(fs): through_fs(selector, offset) is the byte there; FS is afterwards as before. */
#define THROUGH(sreg) \
	static inline uint32_t through_##sreg(uint32_t selector, uint32_t offset) { \
		uint32_t value, before; \
		__asm__ volatile("mov %%" #sreg ", %1; mov %2, %%" #sreg "; movzbl %%" #sreg ":(%3), %0;" \
				 "mov %1, %%" #sreg \
				 : "=&r"(value), "=&r"(before) : "r"(selector), "r"(offset) : "memory"); \
		return value; \
	}
THROUGH(ds) THROUGH(es) THROUGH(fs) THROUGH(gs) THROUGH(ss)

/* What the callee leaves in EAX. */
static inline uint32_t far_call(const void *offset, uint32_t selector) {
	uint32_t eax = 0;
	__asm__ volatile("push %1; push %2; lcall *(%%esp); add $8, %%esp"
			 : "+a"(eax) : "d"(selector), "c"(offset) : "memory", "cc");
	return eax;
}

/* LGDT, then each segment register anew: until then it is what the old table said. */
static inline void use_table(struct table_register table, uint32_t code, uint32_t data) {
	__asm__ volatile("lgdt %0; push %1; push $1f; ljmp *(%%esp); 1: add $8, %%esp;"
			 "mov %2, %%ss; mov %2, %%ds; mov %2, %%es; mov %2, %%fs; mov %2, %%gs"
			 : : "m"(table), "r"(code), "r"(data) : "memory", "cc");
}

/* FAULT(what, instruction, operand): an exception is expected; its handler goes on here. */
#define FAULT(what, instruction, operand) do { \
		say(what ":"); \
		__asm__ volatile("movl $1f, resume_at\n" instruction "\n1: movl $0, resume_at" \
				 : : operand : "eax", "edx", "memory", "cc"); \
	} while (0)
#endif
