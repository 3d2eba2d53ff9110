"""Proves from the disassembly what the C of deferred text reaches, and what each of its
calls reads (entry/deferred/).

Every path of every function that the table of calls has, and of deferred_trap(), is
executed on the values of scripts/deferred_values.py, of which "page" is the address of
the thread's page in slot 507: RSP is at a known distance from it.  Reached are the
function's frame; the program's RSP; the facts behind the stack's top, of which WRITTEN may
be written, the mask of signals by XCHG alone, which also waits; the process's facts in the next page, and the machine's page, read-only; and memory of the
program's, by an instruction of the exception table, with interrupts on, SMAP open, and
below a bound that has been compared with.  No operand has a segment, no register's value
is jumped to or called, all registers but RAX come back as they were, and the one exit but
RET is deferred_to_kernel().

What a function read is then compared with its row in entry/deferred/call_list.h.
Assumed: RSP is where scripts/entry_paths.py has seen it at the calls; the machine's page
does not change after the boot.  Called by scripts/check_entry.py.
"""
import re
import struct

from deferred_values import (MASK, PAGE, State, ZERO, add, condition, const, from_page,
                             known_zero, low, told, unknown, with_number)
from entry_machine import GENERAL, N_PERCPU, WIDE, Wrong, number, parts
from headers import N, read
from hints import read_at

REGISTERS = {**WIDE, **{f"r{i}{letter}": (f"r{i}", size) for i in range(8, 16)
                        for letter, size in (("w", 2), ("b", 1))},
             **{name + "l": ("r" + name, 1) for name in ("si", "di", "bp")}}
SIZES = {"QWORD": 8, "DWORD": 4, "WORD": 2, "BYTE": 1}
MOST_STEPS = 200000

# Without effect but on a register's value, of which nothing is known afterwards.
PLAIN = ("imul", "mul", "div", "sar", "shr", "shl", "shld", "shrd", "or", "and", "xor", "not",
         "neg", "adc", "sbb", "rol", "ror", "bswap", "movzx", "movsx", "movsxd", "cdqe", "cqo",
         "cdq", "inc", "dec", "add", "sub")
NOTHING = ("nop", "lfence", "cld")
FILLING = "xchg   ax,ax"

# What every call may read besides: work that came meanwhile; whether SMAP is there.
IMPLIED = {("own", "work_due"), ("machine", "smap")}
WRITTEN = ("result", "work_due", "blocked", "clear_child_tid")
MSRS = {N["MSR_FS_BASE"]: "FS base", N["MSR_GS_BASE"]: "GS base"}
CLOCK = ("tsc_start", "ns_per_tsc", "realtime_start")


# ---- Where memory is -----------------------------------------------------------------------

def fields(struct_name):
    """(offset, size, name) of a structure of entry/deferred/pti_page.h."""
    text = re.sub(r"/\*.*?\*/", "", read("entry/deferred/pti_page.h"), flags=re.S)
    body = re.search(rf"struct {struct_name} \{{(.*?)\n\}};", text, re.S)[1]
    at = 0
    for kind, names in re.findall(r"(u\d+|struct \w+) ([^;]+);", body):
        for name in names.split(","):
            match = re.match(r"\s*(\w+)(?:\[(.*)\])?$", name)
            one = size_of(kind)
            many = times(match[2]) if match[2] else 1
            at = -(-at // min(one, 8)) * min(one, 8)
            yield at, one * many, match[1]
            at += one * many


def size_of(kind):
    """Of a type, in bytes; structures are of words."""
    if kind[0] == "u":
        return int(kind[1:]) // 8
    return max(-(-(at + size) // 8) * 8 for at, size, _ in fields(kind.split()[1]))


def times(text):
    """A dimension: NAME, or NAME / NUMBER."""
    name, _, by = text.partition(" / ")
    return N[name] // int(by or 1)


def frame_top(name):
    """How far into the page RSP is when a function is called."""
    used = N_PERCPU["REGS_SIZE"] if name == "deferred_trap" else 40
    return N["PTI_STACK_SIZE"] - used - 8


class Function:
    """All paths of one function.  READS is what it has read of others' memory."""

    def __init__(self, deferred, name):
        self.deferred, self.name = deferred, name
        self.trap = name == "deferred_trap"
        self.top = frame_top(name)
        self.reads = set()

    def start(self):
        """The state at its first instruction."""
        regs = {register: unknown("reg", register) for register in GENERAL}
        regs["rsp"] = add(PAGE, const(self.top))
        if self.trap:
            regs["rdi"] = add(PAGE, const(self.top + 8))
        return State(tuple(sorted(regs.items())))

    # ---- memory

    def field(self, off, size, writes):
        """A word of the thread's page, or of the next: it must be a field, or the frame."""
        sp = N["PTI_STACK_SIZE"] - N_PERCPU["REGS_SIZE"] + N_PERCPU["REGS_SP"]
        if (off, size, writes) == (sp, 8, False):
            self.reads.add("user's RSP")
            return
        places = ((N["PTI_STACK_SIZE"], "own", self.deferred.own),
                  (N["PAGE_SIZE"], "process", self.deferred.process))
        for base, kind, known in places:
            for at, length, name in known:
                if at <= off - base and off - base + size <= at + length:
                    if writes and (kind != "own" or name not in WRITTEN):
                        raise Wrong(f"writes {kind} page's {name}")
                    if not writes:
                        self.reads.add((kind, name))
                    return
        raise Wrong(f"touches {off:#x} bytes behind its thread's page")

    def on_page(self, state, off, size, writes):
        """The same, the frame included; True: that is where it is."""
        bottom = from_page(state.reg("rsp"))
        if bottom is None or not 0 <= bottom <= self.top:
            raise Wrong("has lost RSP")
        if bottom <= off and off + size <= self.top:
            return
        regs = off - self.top - 8
        if self.trap and 0 <= regs and regs + size <= N_PERCPU["REGS_SIZE"] and \
                (not writes or (regs, size) == (N_PERCPU["REGS_AX"], 8)):
            return
        self.field(off, size, writes)

    def at_number(self, address, size, writes):
        """The machine's page, and the tables."""
        if writes:
            raise Wrong(f"writes to {address:#x}")
        start, end = self.deferred.rodata
        if start <= address and address + size <= end:
            return
        for at, length, name in self.deferred.machine:
            if at <= address - N["CEA_DEFERRED_DATA"] and \
                    address - N["CEA_DEFERRED_DATA"] + size <= at + length:
                self.reads.add(("machine", name))
                return
        raise Wrong(f"touches {address:#x}")

    def of_program(self, state, insn, address, size):
        """Memory of the program's."""
        if insn.address not in self.deferred.fixups:
            raise Wrong(f"touches {told(address)}, and is not in the exception table")
        if not state.interrupts:
            raise Wrong("touches the program's memory with interrupts off")
        smap = ((("machine", "smap", 4), 1),), 0
        if not state.open and not known_zero(state, smap):
            raise Wrong("touches the program's memory while SMAP forbids it")
        for value, most in state.bounds:
            terms, off = add(address, value, -1)
            if not terms and off <= N["USER_END"] and most + off + size <= N["USER_END"]:
                return
        raise Wrong(f"touches {told(address)}, and has compared it with no bound")

    def address(self, state, insn, text):
        """A memory operand's address."""
        segment, base, index, off = parts(text)
        if segment and segment != "ds":
            raise Wrong(f"has an operand in {segment}")
        value = const(off + (insn.next if base == "rip" else 0))
        if base and base != "rip":
            value = add(value, state.reg(base))
        scale = re.search(r"\*(\d)", text)
        return add(value, state.reg(index), int(scale[1])) if index else value

    def touch(self, state, insn, text, size, writes):
        """A memory operand: (kind, address)."""
        address = self.address(state, insn, text)
        off = from_page(address)
        if off is not None:
            off -= 2 ** 64 if off > MASK // 2 else 0
            self.on_page(state, off, size, writes)
            if writes and insn.name != "xchg" and off - N["PTI_STACK_SIZE"] in self.deferred.masks:
                raise Wrong("changes the mask of signals, and is no XCHG")
            return "page", off
        if not address[0]:
            self.at_number(address[1], size, writes)
            return "number", address[1]
        self.of_program(state, insn, address, size)
        return "program", address

    # ---- operands

    @staticmethod
    def size(insn):
        """Of an instruction's operands, in bytes."""
        for text in insn.operands:
            if text in REGISTERS and insn.name not in ("movzx", "movsx", "movsxd"):
                return REGISTERS[text][1]
        for text in reversed(insn.operands):
            if " PTR " in text:
                return SIZES[text.split()[0]]
            if text in REGISTERS:
                return REGISTERS[text][1]
        return 8

    def read(self, state, insn, text, size):
        """An operand's value."""
        if text in REGISTERS:
            name, own = REGISTERS[text]
            value = low(state.reg(name), own)
            for unknown_, n in state.known if own < 8 else ():
                value = with_number(value, unknown_, n)
            return value
        if "[" in text or ":" in text:
            size = SIZES[text.split()[0]] if " PTR " in text else size
            kind, where = self.touch(state, insn, text, size, False)
            if kind == "page":
                found = dict(state.mem).get((where, size))
                return found or unknown("data", where, state.count, size)
            if kind == "number":
                for at, length, name in self.deferred.machine:
                    if where - N["CEA_DEFERRED_DATA"] == at and size == length:
                        return unknown("machine", name, size)
            return unknown("data", insn.address, state.count, size)
        return const(number(text) & (1 << 8 * size) - 1)

    def write(self, state, insn, text, value, size):
        """The state with an operand changed."""
        if text in REGISTERS:
            name, own = REGISTERS[text]
            if own < 4:
                return state.fresh(name, unknown("part", insn.address, state.count))
            return state.fresh(name, low(value, own))
        size = SIZES[text.split()[0]] if " PTR " in text else size
        kind, where = self.touch(state, insn, text, size, True)
        if kind != "page":
            return state
        mem = tuple(((at, n), old) for (at, n), old in state.mem
                    if at + n <= where or where + size <= at)
        return state._replace(mem=(*mem, ((where, size), value)))

    # ---- instructions

    def step(self, state, insn):
        """The state behind an instruction that goes on to the next."""
        name, ops, size = insn.name, insn.operands, self.size(insn)
        if name in NOTHING or insn.text == FILLING:
            return state
        if name == "xchg":
            return self.exchange(state, insn, size)
        if name in ("sti", "cli"):
            return state._replace(interrupts=name == "sti")
        if name in ("stac", "clac"):
            return state._replace(open=name == "stac", flags=())
        if name in ("rdtsc", "rdmsr"):
            return self.special(state, insn)
        if name in ("mov", "movabs"):
            return self.write(state, insn, ops[0], self.read(state, insn, ops[1], size), size)
        if name == "lea":
            return self.write(state, insn, ops[0], self.address(state, insn, ops[1]), size)
        if name == "leave":
            state = state.set("rsp", state.reg("rbp"))
            insn = insn._replace(name="pop", operands=("rbp",))
        if insn.name in ("push", "pop"):
            return self.push_pop(state, insn)
        if name in ("cmp", "test"):
            return state._replace(flags=self.compare(state, insn, size))
        if name.startswith("set"):
            return self.write(state, insn, ops[0],
                              unknown("set", insn.address, state.count, 1), 1)
        if name in PLAIN:
            return self.arithmetic(state, insn, size)
        raise Wrong("is not known to this check")

    def exchange(self, state, insn, size):
        """XCHG."""
        first, second = insn.operands
        values = [self.read(state, insn, text, size) for text in insn.operands]
        return self.write(self.write(state, insn, first, values[1], size),
                          insn, second, values[0], size)

    def special(self, state, insn):
        """RDTSC, and RDMSR of two."""
        if insn.name == "rdmsr":
            terms, n = state.reg("rcx")
            if terms or n not in MSRS:
                raise Wrong(f"reads an MSR, expected those of {' and '.join(MSRS.values())}")
            self.reads.add(MSRS[n])
        else:
            self.reads.add("TSC")
        for name in ("rax", "rdx"):
            state = state.fresh(name, unknown("data", insn.address, state.count, 4))
        return state

    def push_pop(self, state, insn):
        """PUSH and POP of eight bytes."""
        if insn.name == "push":
            value = self.read(state, insn, insn.operands[0], 8)
            state = state.set("rsp", add(state.reg("rsp"), const(-8)))
            return self.write(state, insn, "QWORD PTR [rsp]", value, 8)
        value = self.read(state, insn, "QWORD PTR [rsp]", 8)
        state = state.set("rsp", add(state.reg("rsp"), const(8)))
        return self.write(state, insn, insn.operands[0], value, 8)

    def compare(self, state, insn, size):
        """Two values, the flags being those of their difference."""
        a, b = (self.read(state, insn, text, size) for text in insn.operands)
        if insn.name == "cmp":
            return a, b
        if insn.operands[0] == insn.operands[1]:
            return a, ZERO
        return (const(a[1] & b[1]) if not a[0] and not b[0] else
                unknown("and", a, b)), ZERO

    def arithmetic(self, state, insn, size):
        """What is known of a sum, a mask or a shift."""
        name, ops = insn.name, insn.operands
        if not ops or len(ops) == 1:
            for text in ops:
                self.read(state, insn, text, size)
            touched = ("rax", "rdx") if name in ("mul", "imul", "div", "cdqe", "cqo", "cdq") \
                else ()
            for register in touched:
                state = state.fresh(register, unknown("data", insn.address, state.count, 8))
            if not touched:
                state = self.write(state, insn, ops[0],
                                   unknown("data", insn.address, state.count, 8), size)
            return state._replace(flags=())
        values = [self.read(state, insn, text, size) for text in ops[-2:]]
        value = self.result(state, insn, values, size)
        zero = not value[0] or name in ("add", "sub", "and", "or", "xor")
        return self.write(state, insn, ops[0], value, size)._replace(flags=(value,) if zero else ())

    @staticmethod
    def result(state, insn, values, size):
        """Of two operands."""
        name, (a, b) = insn.name, values
        plain = len(insn.operands) == 2
        if plain and name in ("add", "sub") and size == 8:
            return add(a, b, 1 if name == "add" else -1)
        if name == "xor" and insn.operands[0] == insn.operands[1]:
            return ZERO
        if name == "and" and b == const(-N["PAGE_SIZE"]) and \
                from_page(a) is not None and from_page(a) < N["PAGE_SIZE"]:
            return PAGE
        if plain and not a[0] and not b[0] and name in ("and", "or", "shr", "xor", "add", "sub"):
            x, y = a[1], b[1]
            return const({"and": x & y, "or": x | y, "shr": x >> (y & 63), "xor": x ^ y,
                          "add": x + y, "sub": x - y}[name] & (1 << 8 * size) - 1)
        if plain and name == "shl" and not b[0] and size == 8:
            return add(ZERO, a, 1 << (b[1] & 63))
        return unknown("data", insn.address, state.count, size)

    # ---- paths

    def at_end(self, state, where):
        """Nothing of the program's is open any more."""
        if state.interrupts:
            raise Wrong(f"{where} with interrupts on")
        if state.open:
            raise Wrong(f"{where} with SMAP open")

    def leave(self, state):
        """RET to the assembly."""
        self.at_end(state, "returns")
        first = self.start()
        kept = ("rbx", "rbp", "r12", "r13", "r14", "r15") if self.trap else \
            [name for name in GENERAL if name != "rax"]
        for name in kept:
            if state.reg(name) != first.reg(name):
                raise Wrong(f"returns while {name} is not as it was")

    def ways(self, state, insn):
        """(address, state) of all that can follow."""
        name = insn.name
        if insn.address in self.deferred.fixups:
            yield self.deferred.fixups[insn.address], state
        if name == "ud2":
            return
        if name == "ret":
            if from_page(state.reg("rsp")) == self.top:
                self.leave(state)
                return
            raise Wrong("returns while RSP is not as it was")
        if name == "jmp" or name[0] == "j":
            if insn.target is None:
                raise Wrong("goes where a value says")
            for taken, then in ([(True, state)] if name == "jmp" else
                                condition(state, name[1:])):
                yield (insn.target if taken else insn.next), then
        elif name.startswith("cmov"):
            size = self.size(insn)
            for taken, then in condition(state, name[4:]):
                value = self.read(then, insn, insn.operands[1 if taken else 0], size)
                yield insn.next, self.write(then, insn, insn.operands[0], value, size)
        elif name == "call":
            raise Wrong("calls")
        else:
            yield insn.next, self.step(state, insn)

    def to_kernel(self, state):
        """deferred_to_kernel(regs, kernel_trap), for good."""
        self.at_end(state, "goes to the kernel")
        if not self.trap or state.reg("rdi") != self.start().reg("rdi") or \
                state.reg("rsi") != const(N_PERCPU["KERNEL_TRAP"]):
            raise Wrong("goes to the kernel with other arguments than a trap's")

    def walk(self):
        """The lines of all its paths."""
        todo, errors, steps = [(self.deferred.at[self.name], self.start())], {}, 0
        last = None
        while todo and steps < MOST_STEPS:
            address, state = todo.pop()
            insn, steps = self.deferred.code.get(address), steps + 1
            try:
                if address == self.deferred.at["deferred_to_kernel"]:
                    self.to_kernel(state)
                    continue
                if insn is None:
                    raise Wrong(f"goes out of deferred C, to {address:#x}")
                last = insn
                self.deferred.reached.add(address)
                todo += self.ways(state, insn)
            except Wrong as error:
                errors.setdefault((last.address, str(error)),
                                  f"{last.address:#x}: '{last.text}' of {self.name} {error}")
        if todo:
            errors[0, ""] = f"{self.name}: found no end of its paths"
        yield from (errors[key] for key in sorted(errors))


# ---- All ---------------------------------------------------------------------------------

ROW = re.compile(r'^DEFERRED\((\d+), (\w+), "([^"]*)",\s+"([^"]*)"\)', re.M)


def said(text):
    """What a row says that its function reads."""
    found, kind = set(), None
    for word in text.split(", "):
        match = re.match(r"(own|process's|machine's) page: (\w+)$", word)
        if match:
            kind, word = match[1].removesuffix("'s"), match[2]
        elif not re.match(r"[a-z_]+$", word):
            kind = None
        if word == "clock of the machine":
            found |= {("machine", name) for name in CLOCK}
        else:
            found.add((kind, word) if kind else word)
    return found


class Deferred:
    """The C of one image's deferred text."""

    def __init__(self, elf, at, code):
        self.elf, self.at, self.code = elf, at, code
        size = at["deferred_end_lma"] - at["deferred_rodata_lma"]
        self.rodata = (at["deferred_calls"], at["deferred_calls"] + size)
        self.own = [*fields("thread_choices"), *fields("deferred_facts")]
        self.masks = [at for at, _, name in self.own if name == "blocked"]
        self.process = list(fields("process_facts"))
        self.machine = list(fields("deferred_machine"))
        first, end = at["extable_start"], at["extable_end"]
        self.fixups = dict(struct.iter_unpack("<QQ", read_at(elf, first, end - first)))
        self.reached = set()

    def table(self):
        """Number -> address, where there is one."""
        data = read_at(self.elf, self.at["deferred_calls"], 8 * N["DEFERRED_NR"])
        return {i: entry for i, (entry,) in enumerate(struct.iter_unpack("<Q", data)) if entry}

    def check(self):
        """The lines of all of it."""
        if (N["DEFERRED_HERE_BITS"], "here") not in [(at, name) for at, _, name in self.machine]:
            yield "pti_page.h: found the bits `here` at another offset than deferred.h says"
        rows = ROW.findall(read("entry/deferred/call_list.h"))
        table = self.table()
        for number_, name, reads, _ in rows:
            label = "deferred_" + name
            if table.pop(int(number_), None) != self.at.get(label, 0):
                yield f"call {number_}: found another function in the table, expected {label}"
                continue
            function = Function(self, label)
            yield from function.walk()
            found, want = function.reads - IMPLIED, said(reads)
            for extra in sorted(map(repr, found - want)):
                yield f"{label}: reads {extra}, of which call_list.h says nothing"
            for missing in sorted(map(repr, want - found)):
                yield f"{label}: does not read {missing}, as call_list.h says"
        for number_ in sorted(table):
            yield f"call {number_}: found a function in the table, expected none"
        yield from Function(self, "deferred_trap").walk()
        for address in sorted(self.code.keys() - self.reached):
            insn = self.code[address]
            if insn.name not in ("nop", "int3") and insn.text != FILLING:
                yield f"{address:#x}: '{insn.text}' is on no path"
