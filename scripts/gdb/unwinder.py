"""Lets gdb unwind the entry code, from any of its instructions to the user's.

The kernel's own unwinder reads the same table (kernel/debug/unwind.c): for each
instruction of entry text, of the trampolines and of the entry code in the image
it says where the registers of what was interrupted are.  C in between is gdb's
own matter; it has its debug information.  Seen from ring 0 a user's frame is the
last one, and so is the start of a task.  In ring 3 the frames of a program whose
symbols are loaded are gdb's own matter, too: `next` must tell a call from a line.
All that is read in memory is shown by whichever PGD the entry code runs under
just then.

gdb knows a frame by a stack address and a code address (FrameId), and gives up
where the stack addresses descend.  So where the next frame is the user's or entry
code's, whose stack may be anywhere, ours is called BEYOND; IST kernel stacks lie
below those of tasks, and #DF's and NMI's below the others'.  (The trace of a #DB
within an NMI's handler ends there.)

One thing gdb does not do well: it takes the address of C that was interrupted
for a return address, and looks at the instruction before it.  That is wrong at a
function's first instruction and at its RET, which are therefore done here.
"""
import os

import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder

from headers import N, area
from hints import PT_REGS, Table

U64 = 2 ** 64 - 1
GENERAL = PT_REGS[:15]
FRAME_REGISTERS = ("rip", "cs", "eflags", "rsp", "ss")
SEGMENTS = ("ds", "es", "fs", "gs")
CALLEE_SAVED = ("rbp", "rbx", "r12", "r13", "r14", "r15")
RET = 0xc3
BEYOND = 0xfffffffffffff000  # above all stacks

tables = {}  # of an ELF file: (path, time of change) -> Table


def table():
    """The hints of the program being debugged; None if it has none."""
    path = gdb.current_progspace().filename
    if not path:
        return None
    key = (path, os.stat(path).st_mtime)
    if key not in tables:
        try:
            tables[key] = Table(path)
        except (OSError, KeyError, ValueError):
            tables[key] = None
    return tables[key]


def hint_at(address):
    """The hint of an instruction, or None outside of entry code."""
    known = table()
    hint = known.find(address) if known else None
    return hint if hint and hint.name != "HINT_C" else None


def in_kernel_c(address):
    """Text of the image, or deferred text."""
    deferred = address - N["CEA_DEFERRED_TEXT"]
    return address >= N["KERNEL_BASE"] or \
        0 <= deferred < N["CEA_DEFERRED_TEXT_PAGES"] * N["PAGE_SIZE"]


def read(address, kind):
    """Memory as the CPU that is looked at has it mapped.  (Not Inferior.read_memory():
    since gdb 14 it asks any thread, so another CPU, whose CR3 may not show the place.)"""
    return int(gdb.Value(address).cast(gdb.lookup_type(kind).pointer()).dereference())


def word(address):
    """A quadword of memory."""
    return read(address, "unsigned long")


def function_at(address):
    """The block of the function of C that an address is in, not of an inlined one."""
    block, found = gdb.block_for_pc(address), None
    while block and not block.is_static:
        found = block if block.function else found
        block = block.superblock
    return found


def starts_function(address):
    """Does a function of C begin here?"""
    block = function_at(address)
    return bool(block) and block.start == address


def has_symbol(address):
    """Has a program whose symbols are loaded a name for it?"""
    return not gdb.execute(f"info symbol {address:#x}", to_string=True).startswith("No symbol")


class FrameId:
    """What gdb knows a frame by: what is outside of it, the same at all its steps."""

    def __init__(self, sp, pc):
        pointer = gdb.lookup_type("void").pointer()
        self.sp, self.pc = gdb.Value(sp).cast(pointer), gdb.Value(pc).cast(pointer)


class Step:
    """One frame of entry code: the registers of the one outside of it."""

    def __init__(self, pending):
        self.pending = pending
        self.found = {}

    def register(self, name):
        """A register of this frame, as a number."""
        return int(self.pending.read_register(name).cast(
            gdb.lookup_type("unsigned long"))) & U64

    def keep(self, *names):
        """These have not changed, as far as they are known at all."""
        for name in names:
            try:
                self.found[name] = self.register(name)
            except gdb.error:
                pass  # C in between has not kept it

    def unwind_info(self):
        """The answer to gdb."""
        outer, sp = self.found["rip"], self.found["rsp"]
        if outer < N["KERNEL_HALF"] or hint_at(outer):
            sp = BEYOND
        info = self.pending.create_unwind_info(FrameId(sp, outer))
        for name, value in self.found.items():
            kind = self.pending.read_register(name).type
            data = (value & (1 << 8 * kind.sizeof) - 1).to_bytes(kind.sizeof, "little")
            info.add_saved_register(name, gdb.Value(data, kind))
        return info


def own_cpu():
    """Whose frames these are."""
    return gdb.selected_thread().ptid[1] - 1


def base_of(step, hint):
    """What the hint's offset is from."""
    if hint.base == N["HINT_ENTRY_STACK"]:
        return area(own_cpu()) + N["CEA_ENTRY_STACK_TOP"]
    if hint.base == N["HINT_EXIT_RSP"]:
        return word(area(own_cpu()) + N["CEA_EXIT_RSP"])
    if hint.base == N["HINT_AT_SP"]:
        return word(step.register("rsp"))
    return step.register(PT_REGS[hint.base])


def apply_frame(step, hint):
    """A hardware frame, or a whole pt_regs."""
    at = base_of(step, hint) + hint.offset & U64
    step.keep(*GENERAL, *SEGMENTS)
    for name, place in hint.saved_at(at):
        step.found[name] = word(place)
    for i, name in enumerate(FRAME_REGISTERS):
        step.found[name] = word(at + 8 * i)
    if hint.name == "HINT_SYSCALL_FRAME":
        step.found.update(rcx=step.found["rip"], r11=step.found["eflags"])


def apply_syscall(step, hint):
    """What SYSCALL and SYSENTER leave in registers."""
    step.keep(*GENERAL, *SEGMENTS)
    step.found["cs"], step.found["ss"] = hint.offset, N["SEL_USER_DS"]
    if hint.name == "HINT_SYSENTER":
        step.found.update(rip=0, rsp=step.register("rbp"))
        return
    step.found["rip"] = step.register("rcx")
    step.found["eflags"] = step.register("r11")
    if hint.name == "HINT_PARKED":
        step.found["rsp"] = word(area(own_cpu()) + N["CEA_USER_RSP"])
    elif hint.name == "HINT_PARKED_VAULT":
        field = gdb.lookup_type("struct percpu")["user_rsp"].bitpos // 8
        step.found["rsp"] = word(area(own_cpu()) + N["CEA_TO_VAULT"] + field & U64)
    else:
        step.found["rsp"] = step.register("rsp")


def apply_call(step, at, hint=None):
    """A function that C has called: its return address is at AT."""
    step.keep(*CALLEE_SAVED, "cs", "ss", *SEGMENTS)
    for name, place in hint.saved_at(at) if hint else ():
        step.found[name] = word(place)
    step.found.update(rip=word(at), rsp=at + 8)


def apply_resume(step, hint):
    """A RET is about to go on with what was interrupted."""
    at = step.register("rsp") + hint.offset
    step.keep(*GENERAL, "cs", "ss", *SEGMENTS)
    for name, place in hint.saved_at(at):
        step.found[name] = word(place)
    step.found.update(rip=word(at), rsp=at + 8)


def apply_end(step):
    """Nothing is above: gdb stops at an address of zero, the filter hides it."""
    step.found.update(rip=0, rsp=step.register("rsp"), rbp=0)


class EntryUnwinder(Unwinder):
    """Asked by gdb for every frame; answers for those that are not C."""

    def __init__(self):
        super().__init__("postern-entry")

    def __call__(self, pending):
        try:
            return self.unwind(pending)
        except gdb.error:
            return None  # memory or a register that is not there: gdb tries

    def unwind(self, pending):
        """The registers of the frame outside, or None."""
        step = Step(pending)
        pc = step.register("rip")
        hint = hint_at(pc)
        if hint is None:
            return self.other(pending, step, pc)
        if hint.name in ("HINT_FRAME", "HINT_SYSCALL_FRAME"):
            apply_frame(step, hint)
        elif hint.name == "HINT_CALL":
            apply_call(step, base_of(step, hint) + hint.offset, hint)
        elif hint.name == "HINT_RESUME":
            apply_resume(step, hint)
        elif hint.name == "HINT_END":
            apply_end(step)
        else:
            apply_syscall(step, hint)
        return step.unwind_info()

    @staticmethod
    def other(pending, step, pc):
        """User code; and C that was interrupted where gdb would be wrong."""
        if step.register("cs") & 3 == 3:
            if has_symbol(pc):
                return None
            apply_end(step)
            return step.unwind_info()
        if pending.level() > 0 and in_kernel_c(pc) and (
                starts_function(pc) or read(pc, "unsigned char") == RET):
            apply_call(step, step.register("rsp"))
            return step.unwind_info()
        return None


def interrupted(frame):
    """Is this frame's address that of an instruction not yet executed?"""
    inner = frame.newer()
    hint = hint_at(inner.pc()) if inner else None
    return bool(hint) and hint.name != "HINT_CALL"


def is_user(frame):
    """Does this frame run in ring 3?"""
    try:
        return int(frame.read_register("cs")) & 3 == 3
    except gdb.error:
        return False


def user_name(frame):
    """`user`, and the program's own name for it if its symbols are loaded."""
    block = function_at(frame.pc()) if exact_place(frame) else None
    name = block.function.name if block else frame.name()
    return f"user: {name}" if name else "user"


def exact_place(frame):
    """The line of the very instruction that was interrupted, if gdb has another for the
    frame, or None."""
    if not interrupted(frame) or frame.type() == gdb.INLINE_FRAME:
        return None
    place, taken = gdb.find_pc_line(frame.pc()), frame.find_sal()
    if not place.symtab or (taken.symtab and taken.line == place.line and
                            taken.symtab.filename == place.symtab.filename):
        return None
    return place


class FileTeller:
    """At a stop, names the file of a line that is not its function's: a macro's.  gdb
    prints a new file only with a new function."""

    def __init__(self):
        self.last = None
        gdb.events.stop.connect(self.stopped)

    def stopped(self, _event):
        """Called by gdb."""
        try:
            frame = gdb.newest_frame()
            symtab, name = frame.find_sal().symtab, frame.name()
        except gdb.error:
            return
        here = (name, symtab.filename if symtab else None)
        if self.last and name == self.last[0] and here[1] and here[1] != self.last[1]:
            print(f"\t(in {here[1]})")
        self.last = here


class EntryDecorator(FrameDecorator):
    """How `bt` names a frame."""

    def function(self):
        """`user`, or the name as of the very instruction that was interrupted."""
        frame = self.inferior_frame()
        if is_user(frame):
            return user_name(frame)
        if interrupted(frame) and starts_function(frame.pc()):
            return function_at(frame.pc()).function.name
        if frame.newer() and not interrupted(frame):
            return frame.name() or super().function()  # a return address has its call's name
        return super().function()

    def line(self):
        """The very instruction's, too."""
        place = exact_place(self.inferior_frame())
        return place.line if place else super().line()

    def filename(self):
        """As line()."""
        place = exact_place(self.inferior_frame())
        return place.symtab.filename if place else super().filename()

    def frame_args(self):
        """None where gdb would print those of the function before."""
        return None if exact_place(self.inferior_frame()) else super().frame_args()


class EntryFilter:
    """Names the user's frame, and hides what is behind the last one."""
    name, priority, enabled = "postern-entry", 50, True

    def __init__(self):
        gdb.frame_filters[self.name] = self

    def filter(self, frames):
        """Called by gdb's bt."""
        for decorated in frames:
            if decorated.inferior_frame().pc() == 0 and decorated.inferior_frame().newer():
                return
            yield EntryDecorator(decorated)
            frame = decorated.inferior_frame()
            if is_user(frame) and frame.newer() and not is_user(frame.newer()):
                return


def register():
    """Once, when the scripts are loaded."""
    gdb.unwinder.register_unwinder(None, EntryUnwinder(), replace=True)
    EntryFilter()
    FileTeller()
