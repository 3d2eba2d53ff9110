"""All paths through the entry code, walked by scripts/entry_machine.py.

Owns the listing, where paths begin (and what is assumed of the processor and of
C there), where they may end, and what must hold at every instruction on them:
E1, E3, E4 and P8 of the design; LFENCE and VERW.  Used by scripts/check_entry.py.

With pti=deferred there are other beginnings, and the PTI stack (deferred_machine.py): in
deferred text CR3 is the user's if and only if GS is, but for one instruction behind each
write of CR3, and no hidden address is put on the PTI stack (E8).

Assumed, not proved here: hardware switches to the stack that TSS.sp0 names (entry or PTI
stack) or to an IST stack on a trap from user mode; C leaves CR3, GS, RSP and a paranoid_frame below its
pt_regs as they were, and returns; fields of struct percpu hold what its header
says; the IRETQ to user mode faults with an error code, on its own stack; C panics on
a trap that comes on the entry stack under the user's CR3; with pti=deferred nothing but
deferred C and the IRETQ faults on the PTI stack; deferred_do_trap() says false.
"""
import os
import re
from collections import defaultdict

from deferred_machine import ALL_BUT_RAX, DeferredMachine, POINTER
from entry_machine import (CALLEE_SAVED, GENERAL, HIDDEN, Insn, N_PERCPU, State, VISIBLE,
                           Wrong)
from headers import N, ROOT
from hints import PT_REGS, output, symbols

WORDS = re.compile(r"((?:rep |data16 |cs |rex\S* )*\S+)\s*(.*)$")
# C's ways into the entry code, and what RDI is there if it matters.
CALLED = {"entry_switch_to": None, "entry_load_user_gs": None, "entry_run_on_stack": None,
          "entry_task_start": None, "entry_return_to_user": "task"}
IMAGE_CODE = (("entry_syscall_direct", "entry_window_direct32_end"),
              ("entry_switch_to", "entry_run_on_stack"),
              ("deferred_on_kernel_stack", "deferred_on_kernel_stack.here"))
REGS_SIZE = 8 * len(PT_REGS)
FRAME_WORDS = 5     # what hardware pushes: ss, sp, flags, cs, ip
STUB = 8


def is_register(value):
    """Is it a general register as it was, or as a pt_regs on a hidden stack has it?

    The five words of hardware's frame are no general registers.
    """
    return value is not None and (value[0] in ("reg", "below") or value[0] == "word" and
                                  value[1] in (*HIDDEN, "pti") and
                                  not -8 * FRAME_WORDS <= value[2] < 0)


def listing(elf, *options, wanted=""):
    """Address -> Insn, of those in whose text the regex WANTED is found."""
    found = {}
    is_wanted = re.compile(wanted).search
    text = output("objdump", "-d", "-w", "-M", "intel", *options, elf)
    for line in text.splitlines():
        at, code, words = (line.split("\t", 2) + ["", ""])[:3]
        if not words or not is_wanted(words):
            continue
        words = words.split("#")[0].strip()
        match = WORDS.match(words)
        operands = tuple(part.strip() for part in match[2].split(",")) if match[2] else ()
        name = "nop" if match[1].startswith(("data16", "cs ")) else match[1]
        address = int(at.rstrip(":"), 16)
        found[address] = Insn(address, len(code.split()), name, operands, words)
    return found


def percpu_offsets(path=os.path.join(ROOT, "build", "inc", "offsets.inc")):
    """Name -> offset, as the build generated them for the assembly."""
    with open(path, encoding="utf-8") as file:
        found = {name: int(value) for name, value in
                 re.findall(r"%define (?:PERCPU_)?(\w+) (\d+)", file.read())}
    for name in ("SYSCALL", "TRAP", "WORK"):  # what deferred_to_kernel() calls
        found[f"KERNEL_{name}"] = found["KERNEL_CALL"] + 8 * N[f"DEFERRED_{name}"]
    return found


class Paths:
    """The entry code of one image.  ERRORS collects what is wrong with it."""

    def __init__(self, elf):
        N_PERCPU.update(percpu_offsets())
        self.at = {name: address for name, (address, _) in symbols(elf).items()}
        self.code = {**listing(elf, "-j", ".entry_text"), **listing(elf, "-j", ".trampoline")}
        self.visible = [(self.at["entry_text_start"], self.at["entry_text_end"]),
                        (self.at["entry_shared_start"], self.at["entry_shared_end"]),
                        (self.at["trampoline_start"], self.at["trampoline_end"]),
                        (self.at["trampoline_deferred"], self.at["trampoline_deferred_end"]),
                        (self.at["deferred_text_start"], self.at["deferred_text_end"])]
        text = self.visible[-1]
        self.deferred_c = min(at for at in self.at.values()
                              if at > self.at["deferred_iret_fault"])
        self.code.update(listing(elf, "-j", ".deferred_text",
                                 f"--stop-address={self.deferred_c:#x}"))
        self.c_code = listing(elf, "-j", ".deferred_text",
                              f"--start-address={self.deferred_c:#x}",
                              f"--stop-address={text[1]:#x}")
        for start, end in IMAGE_CODE:
            end = min(at for at in self.at.values() if at > self.at[end])
            self.code.update(listing(elf, "-j", ".text",
                                     f"--start-address={self.at[start]:#x}",
                                     f"--stop-address={end:#x}"))
        table = self.at["deferred_calls"], self.at["deferred_calls"] + 8 * N["DEFERRED_NR"]
        self.machine = DeferredMachine([*self.visible[:-1], (text[0], self.deferred_c)], text,
                                       table, self.at["deferred_here_bits"])
        self.windows = list(self.find_windows())
        self.between = [self.at[name] for name in
                        ("deferred_to_kernel.swapgs", "deferred_back.swapgs")]
        self.errors = {}
        self.before = defaultdict(set)  # address -> states
        self.after = defaultdict(set)

    def find_windows(self):
        """[start, end) of each window, by the labels' names."""
        for name, address in self.at.items():
            if "window" in name and name.endswith("_start"):
                yield address, self.at[name[:-5] + "end"]
        yield from self.visible[-2:]

    # ---- where paths begin

    def trap(self, origin, vector, stack, cr3, gs, shadow, used=0, ip=None):
        """The state at a stub, after hardware has pushed its frame."""
        error = N["VEC_ERROR_CODE_MASK"] >> vector & 1
        top = -used & ~15
        frame = top - 8 * FRAME_WORDS
        mem = {(stack, frame + 8): ("cs", "user" if origin == "user" else "kernel"),
               (stack, frame): ("ip", ip)}
        if origin == "door":
            mem[stack, frame + 24] = ("at", stack, -used)
        return State(origin, shadow, cr3, gs, (cr3, gs),
                     regs=(("rsp", ("at", stack, frame - 8 * error)),),
                     chosen=True, guessed=True, mem=tuple(sorted(mem.items())))

    @staticmethod
    def is_paranoid(vector):
        """Has it an IST stack?"""
        return vector in (N["VEC_DB"], N["VEC_NMI"], N["VEC_DF"], N["VEC_MC"])

    def traps(self, vector, shadow):
        """Every state in which a vector's stub can be entered."""
        user = "user" if shadow else "kernel"
        if self.is_paranoid(vector):
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
                                8 * FRAME_WORDS, self.at["entry_door_iret_user"])
        if shadow:  # our bug, on its way to a panic, as deep as a way in or out has it
            for used in (0, 8 * (FRAME_WORDS + 2)):
                yield self.trap("bug", vector, "entry", "user", "user", shadow, used,
                                self.at["entry_text_start"])

    def deferred_traps(self, vector):
        """The same for pti=deferred: the stub's address, too."""
        here, there = "entry_stubs", "deferred_stubs"
        if self.is_paranoid(vector):
            for state in self.traps(vector, True):
                yield here, state
        else:
            for state in self.traps(vector, True):
                if state.origin != "user":
                    yield there, state
        # A gate that has an IST stack never leads to its stub there.
        yield there, self.trap("user", vector, "pti", "user", "user", True)
        # Deferred C, as deep as may be; and the IRETQ.
        yield there, self.trap("deferred", vector, "pti", "user", "user", True, 512,
                               self.deferred_c)
        if N["VEC_ERROR_CODE_MASK"] >> vector & 1:
            yield there, self.trap("door", vector, "pti", "user", "user", True,
                                   8 * FRAME_WORDS, self.at["deferred_door_iret"])

    def deferred_entries(self):
        """(address, state) of every beginning with pti=deferred."""
        def changed(state):
            mem = dict(state.mem)
            if state.origin == "door":  # the registers of what was to be returned to
                mem["pti", -32] = ("cs", "user")
            return state._replace(deferred=True, cleared=state.cr3 == "user",
                           mem=tuple(sorted(mem.items())))

        for vector in range(N["NR_VECTORS"]):
            for stubs, state in self.deferred_traps(vector):
                yield self.at[stubs] + STUB * vector, changed(state)
        call = changed(State("user", True, "user", "user", ("user", "user"),
                             regs=(("rsp", ("user",)),)))
        for name in ("trampoline_deferred", "trampoline_deferred32"):
            yield self.at[name], call
        yield self.at["deferred_sysenter"], \
            call.set("rsp", ("area", N["CEA_TSS"] + N["TSS_SP0"])).set("rbp", ("user",))
        for address, state in self.called(True):
            yield address, state._replace(deferred=True)
        yield self.at["entry_return_to_user"], \
            State("C", True, "kernel", "kernel", ("kernel", "kernel"), deferred=True,
                  regs=(("rdi", ("at", "direct", -REGS_SIZE)), ("rsp", ("at", "task", -8))))

    def starts(self):
        """(address, state) of every beginning, all registers being somebody's."""
        for address, state in (*self.entries(), *self.deferred_entries()):
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
                if shadow:
                    yield self.at["entry_shared_" + name], call
            # By that door's convention RBP is the user's stack pointer.
            yield self.at["entry_sysenter"], \
                call.set("rsp", ("at", "entry", 0)).set("rbp", ("user",))
            if not shadow:
                for name in ("syscall", "syscall32"):
                    yield self.at[f"entry_{name}_direct"], call
            yield from self.called(shadow)

    def called(self, shadow):
        """The same: what C calls."""
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
        if self.within(insn.address, self.visible[-1:]) and state.cr3 != state.gs and \
                state.shadow and insn.address not in self.between:
            raise Wrong(f"runs with the {state.cr3}'s CR3 and the {state.gs}'s GS (E3)")

    @staticmethod
    def residue(state):
        """P8: what lies on a visible stack must not be a general register; E8."""
        for (stack, off), value in state.mem:
            if stack == "pti" and value and \
                    (value[0] in ("gs", "low", "high", "delta") or
                     value[0] == "at" and value[1] in HIDDEN):
                raise Wrong(f"leaves {value} {-off} bytes below the top of the PTI stack (E8)")
            if stack in VISIBLE and is_register(value):
                raise Wrong(f"leaves {value} {-off} bytes below the top of the {stack} stack "
                            "(P8)")

    def leave(self, state, insn):
        """The end of a path: SYSRET, IRET or RET."""
        self.residue(state)
        doors = {self.at["entry_door_iret_user"]: VISIBLE, self.at["deferred_door_iret"]: "pti"}
        back = state.origin == "deferred"
        door = insn.name == "sysretq" or insn.address in doors
        if (door or state.cr3 == "user") and not state.cleared:
            raise Wrong("leaves without VERW")
        top = state.reg("rsp")
        holds, want = (state.cr3, state.gs), state.found
        if door:
            want = ("user" if state.shadow else "kernel", "user")
        if holds != want:
            raise Wrong(f"leaves with the {holds[0]}'s CR3 and the {holds[1]}'s GS, "
                        f"expected the {want[0]}'s and the {want[1]}'s")
        if insn.name == "sysretq":
            if back:
                raise Wrong("leaves by SYSRET for deferred C")
            return
        if not top or top[0] != "at":
            raise Wrong(f"leaves while RSP is {top}")
        self.machine.stack(state, top[1], top[2])
        depth = -8 * FRAME_WORDS - (512 if back else 0)
        if door and (top[1] not in doors[insn.address] or top[2] != depth):
            raise Wrong(f"leaves while RSP is {top}, expected the frame below a top")

    def ways(self, state, insn):
        """(address, state) of all that can follow."""
        name = insn.name
        top = state.reg("rsp")
        inner = state.load(top[1:]) if name == "ret" and top and top[0] == "at" else None
        if inner and inner[0] == "code":
            yield inner[1], self.machine.pop(state)[1]
            return
        if name in ("sysretq", "iretq", "ret"):
            self.leave(state, insn)
            return
        if name == "ud2":
            return
        if name == "jmp" and insn.target is None:
            yield from self.jump(state, insn)
        elif name == "call" and self.calls_here(state, insn):
            yield from self.call(state, insn)
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

    def jump(self, state, insn):
        """The same for a jump through a pointer."""
        value = self.machine.read(state, insn, insn.operands[0]) or ("any",)
        pointer = POINTER.search(insn.operands[0])
        offset = pointer and int(pointer[1], 16)
        if value[0] == "to":
            yield self.at[value[1]], state
        elif offset == N_PERCPU["EXIT_TO_USER"]:
            yield self.at["entry_exit_to_user"], state
        elif offset == N_PERCPU["KERNEL_TRAP"]:  # C, which returns to the caller's caller
            back, popped = self.machine.pop(state)
            if not back or back[0] != "code":
                raise Wrong(f"jumps to C, which returns to {back}")
            self.machine.do_call(state, insn)
            yield back[1], self.machine.do_call(popped, insn)
        else:
            raise Wrong("jumps through another pointer than the exit's")

    def calls_here(self, state, insn):
        """Is it deferred C that is called, or what do_trap is with pti=deferred?"""
        pointer = POINTER.search(insn.operands[0])
        return insn.operands[0] == "r11" or insn.target == self.at["deferred_trap"] or \
            bool(pointer) and state.deferred and int(pointer[1], 16) == N_PERCPU["DO_TRAP"]

    def call(self, state, insn):
        """The same for these."""
        machine, frame = self.machine, state.reg("rdi")
        if insn.operands[0] == "r11":
            if state.reg("r11") != ("call",) or state.reg("rsp") != ("at", "pti", -40):
                raise Wrong(f"calls {state.reg('r11')} while RSP is {state.reg('rsp')}")
            yield insn.next, machine.call_here(state, ALL_BUT_RAX)
        elif insn.target == self.at["deferred_trap"]:
            if not frame or frame != state.reg("rsp") or frame[2] != -REGS_SIZE:
                raise Wrong(f"calls deferred_trap() of {frame}")
            yield insn.next, machine.call_here(state, CALLEE_SAVED)
            inner = machine.push(state, ("code", insn.next))
            yield self.at["deferred_to_kernel"], \
                inner.set("rsi", ("const", N_PERCPU["KERNEL_TRAP"]))
        else:
            machine.place(state, insn, insn.operands[0])
            self.residue(state)
            yield self.at["deferred_on_kernel_stack"], \
                machine.push(state, ("code", insn.next))

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
