"""What the abstract machine of the entry code must know besides for pti=deferred.

The PTI stack is visible, as the entry stack is, but to its own process alone: a
program's registers may lie there, a hidden address may not (E8).  Above its top are
its thread's facts.  "direct" is the same page by its hidden address.  More values:
  ("delta",)           from the one to the other
  ("to", label)        where a word of the TSS says that SYSCALL goes on
  ("call",)            an entry of the table of deferred calls
  ("code", address)    a return address of entry code
  ("reg", name, n)     a general register whose lower 32 bits are below n
  ("below", n)         those 32 bits
Used by scripts/entry_paths.py.
"""
import re

from entry_machine import ANY, GENERAL, Machine, N_PERCPU, WIDE, Wrong, is_memory, parts
from headers import N

KERNEL_CALLS = ("KERNEL_SYSCALL", "KERNEL_TRAP", "KERNEL_WORK")
TSS_WORDS = {N["TSS_SP0"]: ("at", "pti", 0),
             N["TSS_SP1"]: ("to", "deferred_syscall"),
             N["TSS_SP2"]: ("to", "deferred_syscall32")}


class DeferredMachine(Machine):
    """TEXT: [start, end) of deferred text; TABLE: of the calls; HERE: of their bits."""

    def __init__(self, code, text, table, here):
        super().__init__(code)
        self.text, self.table, self.here = text, table, here

    # ---- memory

    def place(self, state, insn, text):
        """Words of the TSS, of the table, of the vault by a number in a register."""
        segment, base, index, off = parts(text)
        value = state.reg(base) or ("any",)
        if segment == "gs" and base:
            known = {N_PERCPU[name] for name in KERNEL_CALLS}
            if index or value[0] != "const" or value[1] + off not in known:
                raise Wrong(f"calls through {text}: {value}")
            return super().place(state, insn, f"QWORD PTR gs:{value[1] + off:#x}")
        if value[0] == "area" and not segment and not index:
            return self.tss(value[1] + off)
        if index and value == ("const", self.table[0]) and "*8" in text and not off:
            number = state.reg(index) or ("any",)
            if number[0] != "below" or number[1] > N["DEFERRED_NR"]:
                raise Wrong(f"takes entry {number} of the table of calls")
            return "table", 0
        return super().place(state, insn, text)

    def near(self, state, address):
        """The bits of the calls that may end here, and the TSS."""
        area = address - N["CEA_BASE"]
        if address == self.here:
            return "here", 0
        if N["CEA_TSS"] <= area < N["CEA_TSS"] + N["PAGE_SIZE"]:
            return self.tss(area)
        return super().near(state, address)

    @staticmethod
    def tss(area):
        """One of its three words, by where in the area it is."""
        if area - N["CEA_TSS"] not in TSS_WORDS:
            raise Wrong(f"touches {area:#x} bytes into the area")
        return "tss", area - N["CEA_TSS"]

    @staticmethod
    def stack(state, stack, off):
        """The PTI stack, and the facts above it."""
        if stack != "pti":
            return Machine.stack(state, stack, off)
        if not -N["PTI_STACK_SIZE"] <= off < N["PTI_FACTS_SIZE"]:
            raise Wrong(f"touches {off} bytes from the top of the PTI stack")
        return stack, off

    def read(self, state, insn, text):
        """An operand's value."""
        if is_memory(text):
            kind, off = self.place(state, insn, text)
            if kind == "tss":
                return TSS_WORDS[off]
            if kind in ("table", "here"):
                return ("call",) if kind == "table" else ANY
            if kind == "vault" and state.deferred:
                known = {N_PERCPU["TASK_STACK"]: ("at", "pti", 0),
                         N_PERCPU["KERNEL_STACK"]: ("at", "task", -8),
                         N_PERCPU["PTI_DELTA"]: ("delta",)}
                if off in known:
                    return known[off]
            return super().read(state, insn, text)
        if text in WIDE and WIDE[text][1] < 8:
            value = state.reg(WIDE[text][0]) or ("any",)
            if value[0] == "const":
                return "const", value[1] & (1 << 8 * WIDE[text][1]) - 1
            if value[0] == "reg" and len(value) == 3 and WIDE[text][1] == 4:
                return "below", value[2]
        return super().read(state, insn, text)

    def write(self, state, insn, text, value):
        """The state with an operand changed."""
        if is_memory(text) and self.place(state, insn, text)[0] in ("tss", "table", "here"):
            raise Wrong("writes what is read-only")
        if text in WIDE and WIDE[text][1] == 4 and value and value[0] == "below":
            return state.set(WIDE[text][0], value)
        return super().write(state, insn, text, value)

    # ---- arithmetic

    @staticmethod
    def combine(state, name, a, b):
        """PTI stack and delta."""
        if name == "add" and b == ("delta",):
            return ("at", "direct", a[2]) if a and a[:2] == ("at", "pti") else ANY
        return Machine.combine(state, name, a, b)

    def compare(self, state, insn):
        """An interrupted address, the number of a call, a constant."""
        first, second = insn.operands
        if insn.name == "bt" and is_memory(first):
            self.place(state, insn, first)
            number = self.read(state, insn, second) or ("any",)
            if number[0] != "below" or number[1] > N["DEFERRED_NR"]:
                raise Wrong(f"takes bit {number} of those of the calls")
            return ()
        a, b = self.read(state, insn, first) or ("any",), self.read(state, insn, second)
        if insn.name == "cmp" and b and b[0] == "const":
            if a[0] == "ip" and a[1] is not None:
                return "cz", a[1] < b[1], a[1] == b[1]
            if first in WIDE and WIDE[first][1] == 4 and \
                    (state.reg(WIDE[first][0]) or ("any",))[0] == "reg":
                return "below", WIDE[first][0], b[1]
        if insn.name == "test" and first == second and a[0] == "const":
            return "z", a[1] == 0
        return super().compare(state, insn)

    @staticmethod
    def condition(state, name):
        """[(taken?, state)]."""
        kind = state.flags[0] if state.flags else None
        if name == "le":
            return [(True, state), (False, state)]
        if kind == "cz":
            truth = state.flags[1 if name in ("b", "ae") else 2]
            return [(truth == (name in ("b", "e")), state)]
        if kind == "below" and name in ("b", "ae"):
            _, register, n = state.flags
            below = state.set(register, (*state.reg(register)[:2], n))
            return [(name == "b", below), (name == "ae", state)]
        return Machine.condition(state, name)

    # ---- instructions

    def do_mov(self, state, insn):
        """MOV.  One to CR3 waits for all branches before it, and deferred text knows it."""
        then = super().do_mov(state, insn)
        if insn.operands[0] == "cr3":
            then = then._replace(cleared=then.cleared and then.cr3 == "user")
            if self.text[0] <= insn.address < self.text[1]:
                then = then._replace(chosen=False, guessed=False)
        return then

    do_movabs = do_mov

    def do_call(self, state, insn):
        """A call of C on the kernel's PGD: pt_regs at RDI are those on the PTI stack, too."""
        frame, number = state.reg("rdi"), state.reg("rsi")
        if frame and frame[:2] == ("at", "pti"):
            raise Wrong("hands registers to C by their address in slot 507, which changes")
        if frame and frame[:2] == ("at", "direct"):
            state = state._replace(mem=tuple((key, value) for key, value in state.mem
                                             if key[0] != "pti" or key[1] < frame[2]))
        then = super().do_call(state, insn)
        return self.trap_result(then, number if "[rsi]" in insn.text else None)

    @staticmethod
    def trap_result(state, number):
        """All but a system call say false: IRET."""
        call = number == ("const", N_PERCPU["KERNEL_SYSCALL"])
        return state if call or not number else state.set("rax", ("const", 0))

    def call_here(self, state, keeps):
        """A call of C on the user's PGD, seen from behind it; KEEPS: registers.

        scripts/deferred_c.py proves what such C changes: a result, and what lies below.
        """
        top = state.reg("rsp")
        if (state.cr3, state.gs) != ("user", "user") and state.shadow:
            raise Wrong(f"calls deferred C with the {state.cr3}'s CR3 and the {state.gs}'s GS")
        if not top or top[:2] != ("at", "pti"):
            raise Wrong(f"calls deferred C while RSP is {top}")
        self.push(state, ("code", 0))
        regs = tuple((key, value) for key, value in state.regs if key in keeps)
        answer = -N_PERCPU["REGS_SIZE"] + N_PERCPU["REGS_AX"]
        mem = tuple((key, value) for key, value in state.mem if key[0] != "pti" or
                    top[2] <= key[1] < 0 and key[1] != answer)
        return state._replace(regs=regs, mem=mem, flags=())


ALL_BUT_RAX = tuple(name for name in GENERAL if name != "rax") + ("rsp",)
POINTER = re.compile(r"gs:(0x[0-9a-f]+)$")
