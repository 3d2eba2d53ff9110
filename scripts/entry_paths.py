"""All paths through the entry code, walked by scripts/entry_machine.py.

Owns the listing, where paths begin (and what is assumed of the processor and of
C there), where they may end, and what must hold at every instruction on them:
E1, E3, E4 and P8 of the design; LFENCE and VERW.  Used by scripts/check_entry.py.

Assumed, not proved here: hardware switches to the entry stack or an IST stack on
a trap from user mode; C leaves CR3, GS, RSP and a paranoid_frame below its
pt_regs as they were, and returns; fields of struct percpu hold what its header
says; the IRETQ to user mode faults with an error code, on its own stack; C panics on
a trap that comes on the entry stack under the user's CR3.
"""
import os
import re
from collections import defaultdict

from entry_machine import (GENERAL, HIDDEN, Insn, Machine, N_PERCPU, State, VISIBLE,
                           Wrong)
from headers import N, ROOT
from hints import PT_REGS, output, symbols

LINE = re.compile(r"^\s*([0-9a-f]+):\t([0-9a-f ]+?)\s*\t(.*)$", re.M)
# C's ways into the entry code, and what RDI is there if it matters.
CALLED = {"entry_switch_to": None, "entry_load_user_gs": None, "entry_run_on_stack": None,
          "entry_task_start": None, "entry_return_to_user": "task"}
IMAGE_CODE = (("entry_syscall_direct", "entry_window_direct32_end"),
              ("entry_switch_to", "entry_run_on_stack"))
REGS_SIZE = 8 * len(PT_REGS)
FRAME_WORDS = 5     # what hardware pushes: ss, sp, flags, cs, ip
STUB = 8


def is_register(value):
    """Is it a general register as it was, or as a pt_regs on a hidden stack has it?

    The five words of hardware's frame are no general registers.
    """
    return value is not None and (value[0] == "reg" or value[0] == "word" and
                                  value[1] in HIDDEN and
                                  not -8 * FRAME_WORDS <= value[2] < 0)


def listing(elf, *options, wanted=""):
    """Address -> Insn, of those in whose text the regex WANTED is found."""
    found = {}
    text = output("objdump", "-d", "-w", "-M", "intel", *options, elf)
    for at, code, words in LINE.findall(text):
        if not re.search(wanted, words):
            continue
        words = words.split("#")[0].strip()
        match = re.match(r"((?:rep |data16 |cs |rex\S* )*\S+)\s*(.*)$", words)
        operands = tuple(part.strip() for part in match[2].split(",")) if match[2] else ()
        name = "nop" if match[1].startswith(("data16", "cs ")) else match[1]
        found[int(at, 16)] = Insn(int(at, 16), len(code.split()), name, operands, words)
    return found


def percpu_offsets(path=os.path.join(ROOT, "build", "inc", "offsets.inc")):
    """Name -> offset, as the build generated them for the assembly."""
    with open(path, encoding="utf-8") as file:
        return {name: int(value) for name, value in
                re.findall(r"%define PERCPU_(\w+) (\d+)", file.read())}


class Paths:
    """The entry code of one image.  ERRORS collects what is wrong with it."""

    def __init__(self, elf):
        N_PERCPU.update(percpu_offsets())
        self.at = {name: address for name, (address, _) in symbols(elf).items()}
        self.code = {**listing(elf, "-j", ".entry_text"), **listing(elf, "-j", ".trampoline")}
        self.visible = [(self.at["entry_text_start"], self.at["entry_text_end"]),
                        (self.at["trampoline_start"], self.at["trampoline_end"])]
        for start, end in IMAGE_CODE:
            end = min(at for at in self.at.values() if at > self.at[end])
            self.code.update(listing(elf, "-j", ".text",
                                     f"--start-address={self.at[start]:#x}",
                                     f"--stop-address={end:#x}"))
        self.machine = Machine(self.visible)
        self.windows = list(self.find_windows())
        self.errors = {}
        self.before = defaultdict(set)  # address -> states
        self.after = defaultdict(set)

    def find_windows(self):
        """[start, end) of each window, by the labels' names."""
        for name, address in self.at.items():
            if "window" in name and name.endswith("_start"):
                yield address, self.at[name[:-5] + "end"]

    # ---- where paths begin

    def trap(self, origin, vector, stack, cr3, gs, shadow, used=0):
        """The state at a stub, after hardware has pushed its frame."""
        error = N["VEC_ERROR_CODE_MASK"] >> vector & 1
        top = -used & ~15
        frame = top - 8 * FRAME_WORDS
        mem = {(stack, frame + 8): ("cs", "user" if origin == "user" else "kernel"),
               (stack, frame): ("ip", self.at["entry_door_iret_user"]
                                if origin == "door" else None)}
        if origin == "door":
            mem[stack, frame + 24] = ("at", stack, -used)
        return State(origin, shadow, cr3, gs, (cr3, gs),
                     regs=(("rsp", ("at", stack, frame - 8 * error)),),
                     chosen=True, guessed=True, mem=tuple(sorted(mem.items(), key=repr)))

    def traps(self, vector, shadow):
        """Every state in which a vector's stub can be entered."""
        user = "user" if shadow else "kernel"
        if vector in (N["VEC_DB"], N["VEC_NMI"], N["VEC_DF"], N["VEC_MC"]):
            yield self.trap("user", vector, "ist", user, "user", shadow)
            for cr3 in {user, "kernel"}:
                for gs in ("user", "kernel"):
                    yield self.trap("kernel", vector, "ist", cr3, gs, shadow)
            return
        yield self.trap("user", vector, "entry", user, "user", shadow)
        yield self.trap("kernel", vector, "kernel", "kernel", "kernel", shadow)
        if N["VEC_ERROR_CODE_MASK"] >> vector & 1:
            for stack in ("entry", "espfix"):
                yield self.trap("door", vector, stack, user, "user", shadow,
                                8 * FRAME_WORDS)
        if shadow:  # our bug, on its way to a panic, as deep as a way in or out has it
            for used in (0, 8 * (FRAME_WORDS + 2)):
                yield self.trap("bug", vector, "entry", "user", "user", shadow, used)

    def starts(self):
        """(address, state) of every beginning, all registers being somebody's."""
        for address, state in self.entries():
            for name in GENERAL:
                if state.reg(name) is None:
                    state = state.set(name, ("reg", name))
            yield address, state

    def entries(self):
        """The same, with the registers that lead somewhere alone."""
        for shadow in (True, False):
            user = "user" if shadow else "kernel"
            for vector in range(N["NR_VECTORS"]):
                for state in self.traps(vector, shadow):
                    yield self.at["entry_stubs"] + STUB * vector, state
            call = State("user", shadow, user, "user", (user, "user"),
                         regs=(("rsp", ("user",)),))
            for name in ("syscall", "syscall_pcid", "syscall32", "syscall32_pcid"):
                yield self.at["trampoline_" + name], call
            # By that door's convention RBP is the user's stack pointer.
            yield self.at["entry_sysenter"], \
                call.set("rsp", ("at", "entry", 0)).set("rbp", ("user",))
            if not shadow:
                for name in ("syscall", "syscall32"):
                    yield self.at[f"entry_{name}_direct"], call
            for name, stack in CALLED.items():
                state = State("C", shadow, "kernel", "kernel", ("kernel", "kernel"),
                              regs=(("rsp", ("at", "task", -8)),))
                for register in ("rdi", "rsi") if stack is None else ():
                    state = state.set(register, ("at", "task", -64))
                yield self.at[name], state if stack is None else \
                    state.set("rdi", ("at", stack, -REGS_SIZE))

    # ---- what must hold

    def within(self, address, ranges):
        """Does an address lie in one of these?"""
        return any(start <= address < end for start, end in ranges)

    def judge(self, state, insn):
        """E1 and E3."""
        if state.cr3 == "user" and not self.within(insn.address, self.visible):
            raise Wrong("runs under the user's CR3 outside of entry text (E1)")
        if state.shadow and state.cr3 == "user" or state.gs == "user":
            if not self.within(insn.address, self.windows):
                raise Wrong(f"runs with the {state.cr3}'s CR3 and the {state.gs}'s GS "
                            "outside of the windows (E3)")

    @staticmethod
    def residue(state):
        """P8: what lies on a visible stack must not be a general register."""
        for (stack, off), value in state.mem:
            if stack in VISIBLE and is_register(value):
                raise Wrong(f"leaves {value} {-off} bytes below the top of the {stack} stack "
                            "(P8)")

    def leave(self, state, insn):
        """The end of a path: SYSRET, IRET or RET."""
        self.residue(state)
        door = insn.name == "sysretq" or insn.address == self.at["entry_door_iret_user"]
        if (door or state.cr3 == "user") and not state.cleared:
            raise Wrong("leaves without VERW")
        top = state.reg("rsp")
        holds, want = (state.cr3, state.gs), state.found
        if insn.name == "sysretq" or insn.address == self.at["entry_door_iret_user"]:
            want = ("user" if state.shadow else "kernel", "user")
        if holds != want:
            raise Wrong(f"leaves with the {holds[0]}'s CR3 and the {holds[1]}'s GS, "
                        f"expected the {want[0]}'s and the {want[1]}'s")
        if insn.name == "sysretq":
            return
        if not top or top[0] != "at":
            raise Wrong(f"leaves while RSP is {top}")
        self.machine.stack(state, top[1], top[2])
        if insn.address == self.at["entry_door_iret_user"] and \
                (top[1] not in VISIBLE or top[2] != -8 * FRAME_WORDS):
            raise Wrong(f"leaves while RSP is {top}, expected the frame below a top")

    def ways(self, state, insn):
        """(address, state) of all that can follow."""
        name = insn.name
        if name in ("sysretq", "iretq", "ret"):
            self.leave(state, insn)
            return
        if name == "ud2":
            return
        if name == "jmp" and insn.target is None:
            self.machine.place(state, insn, insn.operands[0])
            offset = int(insn.operands[0].split("gs:")[-1], 16)
            if offset != N_PERCPU["EXIT_TO_USER"]:
                raise Wrong("jumps through another pointer than the exit's")
            yield self.at["entry_exit_to_user"], state
        elif name == "jmp":
            yield insn.target, state
        elif name[0] == "j":
            for taken, then in self.machine.condition(state, name[1:]):
                yield (insn.target if taken else insn.next), then
        else:
            for then in self.machine.step(state, insn):
                if name == "call":
                    self.residue(then)
                    if state.origin == "bug":
                        continue
                yield insn.next, then

    def walk(self):
        """Walks all paths."""
        todo, seen = [(address, state, None) for address, state in self.starts()], set()
        while todo:
            address, state, where = todo.pop()
            if (address, state) in seen:
                continue
            seen.add((address, state))
            insn = self.code.get(address)
            try:
                if insn is None:
                    raise Wrong(f"leads to {address:#x}, which is no entry code (E4)")
                self.judge(state, insn)
                self.before[address].add(state)
                for place, then in self.ways(state, insn):
                    self.after[address].add(then)
                    todo.append((place, then, insn))
            except Wrong as error:
                at = insn or where
                self.errors.setdefault((at.address, str(error)),
                                       f"{at.address:#x}: '{at.text}' {error}")
        yield from (self.errors[key] for key in sorted(self.errors))
        for address, insn in sorted(self.code.items()):
            if address not in self.before and insn.name not in ("nop", "int3") and \
                    address >> 3 != self.at["entry_cr3_noflush"] >> 3:
                yield f"{address:#x}: '{insn.text}' is on no path"
