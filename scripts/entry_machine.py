"""An abstract machine for the entry code: what CR3, GS, RSP and the registers
that lead to them hold at each instruction, and what each instruction touches.

A state is one possibility, not a set of them: where something is unknown, there
are several states.  Entry code has no loops, so all paths are walked whole.
Values are tuples:
  ("const", n)         a number           ("cr3", "user" or "kernel")  a CR3 value
  ("at", stack, n)     n bytes from that stack's top
  ("area", n)          n bytes into this CPU's entry area
  ("gs", "user"...)    a GS base          ("low"/"high", value)        half of one
  ("word", stack, n)   what stood there: an unknown with a name
  ("reg", name)        a general register as it was at the beginning
  None                 anything
Stacks: user; entry, espfix, ist (the ledger's); task, handler, kernel, direct (hidden).
A star is another place on the same page.  Knows no labels: scripts/entry_paths.py
says where the paths begin and end, and judges.
"""
import functools
import re
from typing import NamedTuple

from headers import N, U64

VISIBLE = {"entry": N["ENTRY_STACK_SIZE"], "espfix": N["ESPFIX_STACK_TOP_OFFSET"],
           "ist": N["PAGE_SIZE"], "ist*": N["PAGE_SIZE"],
           "entry*": N["ENTRY_STACK_SIZE"]}
HIDDEN = ("task", "handler", "handler*", "kernel", "direct")
GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11",
           "r12", "r13", "r14", "r15")
CALLEE_SAVED = ("rbx", "rbp", "r12", "r13", "r14", "r15", "rsp")
ANY = None

WIDE = {}
for _i, _name in enumerate("ax cx dx bx sp bp si di".split()):
    WIDE.update({"r" + _name: ("r" + _name, 8), "e" + _name: ("r" + _name, 4),
                 _name: ("r" + _name, 2), _name[:-1] + "l": ("r" + _name, 1)})
for _i in range(8, 16):
    WIDE.update({f"r{_i}": (f"r{_i}", 8), f"r{_i}d": (f"r{_i}", 4)})


class Wrong(Exception):
    """An instruction does what it must not."""


class State(NamedTuple):
    """One possibility of what the processor holds."""
    origin: str                 # the scenario: who was interrupted
    shadow: bool                # are there two PGDs?
    cr3: str
    gs: str
    found: tuple                # (cr3, gs) as they were at the start
    regs: tuple = ()            # (name, value), sorted; others are ANY
    mem: tuple = ()             # ((stack, offset), value), sorted
    flags: tuple = ()           # ("z"/"c", truth) or ("within", word, stack)
    chosen: bool = False        # SWAPGS is conditional on this path
    guessed: bool = False       # SWAPGS or not: a branch may have been guessed wrong
    cleared: bool = False       # VERW since C ran on the kernel's PGD
    deferred: bool = False      # pti=deferred

    def reg(self, name):
        """A register's value."""
        return dict(self.regs).get(name)

    def set(self, name, value):
        """The same with one register changed."""
        regs = dict(self.regs)
        regs.pop(name, None)
        if value is not ANY:
            regs[name] = value
        return self._replace(regs=tuple(sorted(regs.items())))

    def load(self, place):
        """A word on a stack, with a name of its own if nothing is known."""
        return dict(self.mem).get(place, ("word", *place))

    def store(self, place, value):
        """The same with one word on a stack changed."""
        mem = dict(self.mem)
        mem[place] = value
        return self._replace(mem=tuple(sorted(mem.items())))

    def know(self, word, value):
        """The same, now that a named unknown is known to be something."""
        def change(pairs):
            return tuple((key, value if old == word else old) for key, old in pairs)
        place = word[1:]
        state = self._replace(regs=change(self.regs), mem=change(self.mem))
        return state if dict(state.mem).get(place) else state.store(place, value)


class Insn(NamedTuple):
    """One instruction of the listing."""
    address: int
    length: int
    name: str
    operands: tuple
    text: str

    @property
    def next(self):
        """The address behind it."""
        return self.address + self.length

    @property
    def target(self):
        """Where it says that it goes, or None."""
        return address_in(self.operands[0]) if self.operands else None


@functools.cache
def address_in(text):
    """The address that an operand begins with, or None."""
    match = re.match(r"([0-9a-f]{6,16})\b", text)
    return int(match[1], 16) if match else None


def number(text):
    """A literal, signed as the disassembler prints it (64 bits)."""
    value = int(text, 0)
    return value - 2 ** 64 if value > U64 // 2 else value


@functools.cache
def parts(text):
    """(segment, base, index, displacement) of a memory operand."""
    segment = re.search(r"\b([a-z]s):", text)
    inner = re.search(r"\[(.*)\]", text)
    base = index = None
    displacement = 0
    for sign, term in re.findall(r"([+-]?)([^+-]+)", inner[1] if inner else
                                 text.split(":")[-1]):
        if re.match(r"0x|\d", term):
            displacement += number(sign + term)
        elif "*" in term:
            index = term.split("*")[0]
        else:
            base = term
    return segment[1] if segment else None, base, index, displacement


def is_memory(text):
    """Is this operand in memory?"""
    return "PTR" in text


class Machine:
    """Runs one instruction on one state.  CODE: [start, end) of visible text."""

    def __init__(self, code):
        self.code = code

    # ---- memory

    def place(self, state, insn, text):
        """(stack, offset) of an operand, or ("vault", offset), or ("text", address).

        Wrong, if this CR3 and this GS do not show it.
        """
        segment, base, index, off = parts(text)
        if segment == "gs":
            if state.guessed:
                raise Wrong("uses GS, no LFENCE being between it and the branch that chose it")
            if state.gs != "kernel":
                raise Wrong("uses GS while it is the user's")
            area = off + N["CEA_TO_VAULT"]
            if N["CEA_ENTRY_STACK"] <= area < N["CEA_ENTRY_STACK_TOP"] and not index:
                return "entry", area - N["CEA_ENTRY_STACK_TOP"]
            return self.vault(state, off)
        if base == "rip":
            return self.near(state, (insn.next + off) & U64)
        value = state.reg(base)
        if index or not value or value[0] != "at":
            raise Wrong(f"touches memory through {text}: {value}")
        return self.stack(state, value[1], value[2] + off)

    @staticmethod
    def vault(state, off):
        """A word of this CPU's vault."""
        if not 0 <= off < N["PAGE_SIZE"]:
            raise Wrong(f"touches {off:#x} bytes from the vault")
        if state.cr3 != "kernel":
            raise Wrong("touches the vault under the user's CR3")
        return "vault", off

    def near(self, state, address):
        """What lies at a fixed distance from the instruction."""
        for start, end in self.code:
            if start <= address < end:
                return "text", address
        area = address - N["CEA_BASE"]
        if N["CEA_ENTRY_STACK"] <= area < N["CEA_ENTRY_STACK_TOP"]:
            return "entry", area - N["CEA_ENTRY_STACK_TOP"]
        return self.vault(state, address - N["VAULT_BASE"])

    @staticmethod
    def stack(state, stack, off):
        """A word on a stack, inside of it."""
        if stack in HIDDEN:
            if state.cr3 != "kernel":
                raise Wrong(f"touches the {stack} stack under the user's CR3")
        elif stack not in VISIBLE:
            raise Wrong(f"touches the {stack} stack")
        elif not -VISIBLE[stack] <= off < 0 and "*" not in stack:
            raise Wrong(f"touches {off} bytes from the top of the {stack} stack")
        return stack, off

    def read(self, state, insn, text):
        """An operand's value."""
        if is_memory(text):
            stack, off = self.place(state, insn, text)
            if stack == "vault":
                return {N_PERCPU["TASK_STACK"]: ("at", "task", 0),
                        N_PERCPU["ENTRY_STACK_TOP"]: ("at", "entry", 0),
                        N_PERCPU["IST_KERNEL_STACK"]: ("at", "handler", 0),
                        N_PERCPU["CR3_USER_BITS"]: ("user bits",),
                        N_PERCPU["ESPFIX_STACK"]: ("espfix",)}.get(off)
            return ("noflush",) if stack == "text" else state.load((stack, off))
        if text in WIDE:
            name, size = WIDE[text]
            return state.reg(name) if size == 8 else ANY
        if text == "cr3":
            return "cr3", state.cr3
        return ("const", number(text)) if re.match(r"-?(0x|\d)", text) else ANY

    def write(self, state, insn, text, value):
        """The state with an operand changed."""
        if is_memory(text):
            stack, off = self.place(state, insn, text)
            if stack == "text":
                raise Wrong("writes to entry text")
            return state if stack == "vault" else state.store((stack, off), value)
        if text not in WIDE:
            return state
        name, size = WIDE[text]
        keep = size == 8 or value and value[0] in ("const", "bits 31:16")
        return state.set(name, value if keep else ANY)

    def push(self, state, value):
        """One word onto the stack."""
        top = state.reg("rsp")
        if not top or top[0] != "at":
            raise Wrong(f"pushes while RSP is {top}")
        place = self.stack(state, top[1], top[2] - 8)
        if value and value[0] == "const":
            value = ("word", *place)
        return state.store(place, value).set("rsp", ("at", *place))

    def pop(self, state):
        """One word off it: (value, state)."""
        top = state.reg("rsp")
        if not top or top[0] != "at":
            raise Wrong(f"pops while RSP is {top}")
        value = state.load(self.stack(state, top[1], top[2]))
        return value, state.set("rsp", ("at", top[1], top[2] + 8))

    # ---- arithmetic

    @staticmethod
    def combine(state, name, a, b):
        """The result of AND, OR, ADD, SUB on two values."""
        a, b = a or ("any",), b or ("any",)
        n = b[1] if b[0] == "const" else None
        if a[0] == "cr3":
            user = N["CR3_USER_MASK"]
            if name == "and" and n == ~user:
                return "cr3", "kernel"
            if name == "or" and (n == user or b[0] == "user bits"):
                return "cr3", "user" if n or state.shadow else a[1]
            return a if name == "or" and b[0] == "noflush" else ANY
        if a[0] == "at" and n is not None:
            if name == "and" and n == -N["CEA_STRIDE"] and a[1] in VISIBLE:
                return "area", 0
            return {"add": ("at", a[1], a[2] + n), "sub": ("at", a[1], a[2] - n),
                    "and": ("at", a[1], a[2] - a[2] % -n if n < 0 else 0)}.get(name)
        if a[0] == "area" and name == "add" and n is not None:
            return ("gs", "kernel") if n == N["CEA_TO_VAULT"] else ("area", n)
        if name == "add" and a[0] == "bits 31:16" and b[0] == "espfix":
            return "at", "espfix", 0
        if name == "sub":
            for word, page in ((a, b), (b, a)):
                if page[0] in ("at", "area"):
                    stack = page[1] if page[0] == "at" else "ist"
                    if word[0] == "word":
                        return "from", word, stack
                    if word == ("const", 0) or word[0] == "at" and word[1] != stack:
                        return ("far",)
        return ANY

    def compare(self, state, insn):
        """What is known of the flags behind CMP, TEST or BT."""
        a, b = (self.read(state, insn, text) for text in insn.operands)
        a, b = a or ("any",), b or ("any",)
        if insn.name == "bt":
            a = state.reg(WIDE[insn.operands[0]][0]) or ("any",)
            if a[0] == "cr3" and b == ("const", N["CR3_USER_PGD_BIT"]):
                return "c", a[1] == "user"
        if insn.name == "test" and a[0] == "cs" and b == ("const", 3):
            return "z", a[1] != "user"
        if insn.name == "cmp":
            if a[0] == "ip":
                return "z", a == ("ip", b[1] if b[0] == "const" else None)
            if a == ("user bits",) and b == ("const", 0):
                return "z", not state.shadow
            if a[0] == "from":
                return "within", a[1], a[2]
            if a[0] == "far":
                return "c", False
        return ()

    @staticmethod
    def condition(state, name):
        """[(taken?, state)] of a condition such as "b" or "ne"."""
        wanted = {"e": ("z", True), "ne": ("z", False), "b": ("c", True),
                  "ae": ("c", False)}[name]
        if state.flags and state.flags[0] == wanted[0]:
            return [(state.flags[1] == wanted[1], state)]
        if state.flags and state.flags[0] == "within" and wanted[0] == "c":
            _, word, stack = state.flags
            inside = state.know(word, ("at", stack.rstrip("*") + "*", 0))
            return [(wanted[1], inside), (not wanted[1], state)]
        return [(True, state), (False, state)]

    # ---- one instruction

    def step(self, state, insn):
        """The states that this instruction can leave behind, jumps left out."""
        name, ops = insn.name, insn.operands
        if name.startswith("cmov"):
            return [self.write(s, insn, ops[0], self.read(s, insn, ops[1])) if taken else s
                    for taken, s in self.condition(state, name[4:])]
        simple = getattr(self, "do_" + name.replace(" ", "_"), None)
        if simple is None:
            raise Wrong("is not known to this check")
        return [simple(state, insn)]

    def do_mov(self, state, insn):
        """MOV, with its special registers."""
        to, source = insn.operands
        value = self.read(state, insn, source)
        if to == "cr3":
            if not value or value[0] != "cr3":
                raise Wrong(f"loads CR3 with {value}")
            return state._replace(cr3=value[1])
        return self.write(state, insn, to, value)

    do_movabs = do_mov

    def do_lea(self, state, insn):
        """LEA: an address, nothing is touched."""
        _, base, index, off = parts(insn.operands[1])
        if base == "rip":
            value = "const", (insn.next + off) & U64
        elif index:
            same = state.reg(base), state.reg(index)
            value = same[0][1] if same[0] and same[0][0] == "low" and \
                same[1] == ("high", same[0][1]) else ANY
        else:
            value = state.reg(base)
            value = ("at", value[1], value[2] + off) if value and value[0] == "at" else ANY
        return self.write(state, insn, insn.operands[0], value)

    def do_push(self, state, insn):
        """PUSH."""
        return self.push(state, self.read(state, insn, insn.operands[0]))

    def do_pop(self, state, insn):
        """POP."""
        value, state = self.pop(state)
        return self.write(state, insn, insn.operands[0], value)

    def do_pushf(self, state, _insn):
        """PUSHF."""
        return self.push(state, ANY)

    def do_popf(self, state, _insn):
        """POPF."""
        return self.pop(state)[1]._replace(flags=())

    def arithmetic(self, state, insn):
        """Two operands, the first is changed."""
        to, by = insn.operands
        a, b = self.read(state, insn, to), self.read(state, insn, by)
        value = self.combine(state, insn.name, a, b)
        if to == "esp" and insn.name == "and" and b == ("const", 0xffff0000):
            value = ("bits 31:16",)
        return self.write(state, insn, to, value)._replace(flags=())

    do_and = do_or = do_add = do_sub = arithmetic

    def do_xor(self, state, insn):
        """XOR of a register with itself."""
        return self.write(state, insn, insn.operands[0], ("const", 0))._replace(flags=())

    def do_shl(self, state, insn):
        """SHL of RDMSR's upper half, to its place."""
        return state._replace(flags=())

    def do_shr(self, state, insn):
        """SHR, for the upper half of a GS base."""
        to, by = insn.operands
        value = self.read(state, insn, to)
        value = ("high", value) if value and by == "0x20" else ANY
        return self.write(state, insn, to, value)._replace(flags=())

    def do_bts(self, state, insn):
        """BTS of CR3's bit 63, which keeps what the TLB has: no other is allowed."""
        if insn.operands[1] != hex(N["CR3_NOFLUSH_BIT"]):
            raise Wrong("sets another bit than CR3's bit 63")
        return state._replace(flags=())

    def do_cmp(self, state, insn):
        """CMP, TEST, BT."""
        return state._replace(flags=self.compare(state, insn))

    do_test = do_bt = do_cmp

    def do_swapgs(self, state, _insn):
        """SWAPGS."""
        return state._replace(gs="user" if state.gs == "kernel" else "kernel",
                       guessed=state.chosen)

    def do_lfence(self, state, _insn):
        """LFENCE: all branches before it are decided."""
        return state._replace(guessed=False)

    def do_verw(self, state, insn):
        """VERW: its operand is read, the processor's buffers are cleared."""
        self.read(state, insn, insn.operands[0])
        return state._replace(cleared=True, flags=())

    def do_rdmsr(self, state, _insn):
        """RDMSR of the GS base."""
        self.gs_base(state)
        value = "gs", state.gs
        return state.set("rax", ("low", value)).set("rdx", ("high", value))

    def do_wrmsr(self, state, _insn):
        """WRMSR of the GS base."""
        self.gs_base(state)
        value = state.reg("rax")
        if not value or value[0] != "gs" or state.reg("rdx") != ("high", value):
            raise Wrong(f"loads the GS base with {value}")
        return state._replace(gs=value[1], guessed=state.chosen)

    @staticmethod
    def gs_base(state):
        """Is it this MSR?"""
        if state.reg("rcx") != ("const", N["MSR_GS_BASE"]):
            raise Wrong(f"touches the MSR {state.reg('rcx')}")

    def do_rep_stos(self, state, _insn):
        """REP STOSQ: up from RDI, RCX words."""
        to, count = state.reg("rdi"), state.reg("rcx")
        if not to or to[0] != "at" or not count or count[0] != "const":
            raise Wrong(f"fills {count} words at {to}")
        self.stack(state, to[1], to[2])
        self.stack(state, to[1], to[2] + 8 * count[1] - 8)
        for i in range(count[1]):
            state = state.store((to[1], to[2] + 8 * i), ("const", 0))
        return state.set("rdi", ANY).set("rcx", ANY)

    def do_nop(self, state, _insn):
        """CLD, CLI, NOP."""
        return state

    do_cld = do_cli = do_nop

    def do_call(self, state, insn):
        """A call of C, seen from behind it: pt_regs at RDI are C's to change."""
        if (state.cr3, state.gs) != ("kernel", "kernel"):
            raise Wrong(f"calls with the {state.cr3}'s CR3 and the {state.gs}'s GS")
        if insn.operands and is_memory(insn.operands[0]):
            self.place(state, insn, insn.operands[0])
        top, frame = state.reg("rsp"), state.reg("rdi")
        if not top or top[0] != "at" or top[1] not in HIDDEN:
            raise Wrong(f"calls while RSP is {top}")
        regs = tuple((key, value) for key, value in state.regs if key in CALLEE_SAVED)
        mem = tuple((key, value) for key, value in state.mem
                    if not frame or frame[0] != "at" or key[0] != frame[1] or
                    key[1] < frame[2])
        return state._replace(regs=regs, mem=mem, flags=(), cleared=False)


# Offsets of struct percpu that hold an address: filled by scripts/entry_paths.py
# from the build's offsets.inc.
N_PERCPU = {}
