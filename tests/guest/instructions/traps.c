/* Faults of loading CS and SS that only leave a frame on the stack behind: EBX keeps ESP. */
#include "guest.h"
#include "tests/guest/instructions/instructions.h"

/* As FAULT(), and the stack is afterwards as before. */
#define FAULT_ON_STACK(what, instructions, selector) do { \
		say(what ":"); \
		__asm__ volatile("movl $1f, resume_at; mov %%esp, %%ebx; " instructions "\n" \
				 "1: mov %%ebx, %%esp; movl $0, resume_at" \
				 : : "c"(selector) : "eax", "ebx", "edx", "memory", "cc"); \
	} while (0)

static void far_to(void) {
	FAULT_ON_STACK("far CALL to data", "push %0; push $0; lcall *(%%esp)", DATA);
	FAULT_ON_STACK("far CALL to what is not present", "push %0; push $0; lcall *(%%esp)", ABSENT);
	FAULT_ON_STACK("far CALL to null", "push %0; push $0; lcall *(%%esp)", 0);
	FAULT_ON_STACK("far JMP to what is beyond the table", "push %0; push $0; ljmp *(%%esp)", BEYOND);
	FAULT_ON_STACK("far RET to data", "push %0; push $1f; lret", DATA);
	FAULT_ON_STACK("far RET to what is not present", "push %0; push $1f; lret", ABSENT);
	FAULT_ON_STACK("far RET to null", "push %0; push $1f; lret", 0);
	FAULT_ON_STACK("IRET to data", "pushf; push %0; push $1f; iret", DATA);
	FAULT_ON_STACK("IRET to null", "pushf; push %0; push $1f; iret", 0);
}

void meet_more_traps(void) {
	FAULT("SS = null", "mov %0, %%ss", "r"(0));
	FAULT("SS = code", "mov %0, %%ss", "r"(CODE));
	FAULT("SS = what is beyond the table", "mov %0, %%ss", "r"(BEYOND));
	FAULT("DS = what can only be executed", "mov %0, %%ds", "r"(EXECUTE_ONLY));
	FAULT("ES = a TSS", "mov %0, %%es", "r"(TSS));
	FAULT("GS = an entry of no LDT", "mov %0, %%gs", "r"(LOCAL_MARKS));
	load_fs(0);
	FAULT("FS = null is no fault, a read through it is", "movb %%fs:0, %%al", );
	far_to();
}
