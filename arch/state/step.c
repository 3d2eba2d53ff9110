/*
 * TF of a program that a debugger steps.
 */
#include "arch/state/step.h"
#include "arch/state/user_code.h"

#define INSN_POPF 0x9d
#define INSN_IRET 0xcf

/* Will the next instruction load TF, if it is executed? */
static bool loads_tf(struct mm *mm, const struct pt_regs *regs)
{
	struct user_code code;
	unsigned i = 0;

	if (!user_code_fetch(mm, regs, &code))
		return false;
	while (i < code.have && user_code_is_prefix(&code, code.byte[i]))
		i++;
	return i < code.have && (code.byte[i] == INSN_POPF || code.byte[i] == INSN_IRET);
}

void step_on(struct user_step *s, struct mm *mm, struct pt_regs *regs)
{
	s->on = true;
	s->loads_tf = loads_tf(mm, regs);
	s->from_call = regs_in_syscall(regs);
	if (!(regs->flags & RFLAGS_TF))
		s->forced_tf = true;
	regs->flags |= RFLAGS_TF;
}

/*
 * Behind an instruction that loads the flags, TF is what the program has loaded: the
 * debugger's is gone, whichever it is now.
 */
bool step_done(struct user_step *s, struct pt_regs *regs)
{
	bool debugger_gone = s->forced_tf && !s->on;

	if (!s->loads_tf)
		return step_forget(s, regs);
	s->loads_tf = s->forced_tf = false;
	return debugger_gone;
}
