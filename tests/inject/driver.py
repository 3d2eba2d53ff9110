"""Takes a path, stops at a boundary, delivers an event there, judges the end.

What is expected is what the same path gives without an event: the user's
registers, all of them, and the events that belong to the path itself.  Of the
event the kernel's hook (tests/suites/inject.c) tells where it was and where its
back-trace ended.  Used by tests/inject/run.py.
"""
import dataclasses
import struct

from headers import N
from image import common, in_alias
from paths import FLAGS, NR, PATTERN, STACK

VECTOR = {"nmi": N["VEC_NMI"], "mc": N["VEC_MC"], "db": N["VEC_DB"], "df": N["VEC_DF"]}
KINDS = ("nmi", "mc", "db")
AT_USER, AT_START = 1, 2  # enum unwind_status (kernel/debug/unwind.h)
LOG_WORDS, EVENT_WORDS, EVENTS_KEPT = 4, 32, 4  # struct inject_log
EVENT = ("vector", "ip", "flags", "cr3_found", "gs_found", "cr3", "gs_base", "status",
         "frames", "events")
PT_REGS = ("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax",
           "rcx", "rdx", "rsi", "rdi", "vector", "orig_ax", "rip", "cs", "eflags", "rsp",
           "ss")
KEPT = ("rbx", "rbp", "rsi", "rdi", "rdx", "r8", "r9", "r10", "r12", "r13", "r14", "r15",
        "rsp")
# Of a boundary's registers, those that are the same in each round.
STAYS = ("rip", "rsp", "cr3", "gs_base", "k_gs_base", "fs_base")
TRACE_LIMIT = 1000
BEGINNINGS = 20
IF, RF = 0x200, 0x10000


@dataclasses.dataclass
class Step:
    """A boundary of a path, by its address in the alias taken."""
    at: int
    before: int = 0        # the one in front of it, if nothing lies between
    after_call: bool = False  # C has run on the way, called here or from deferred text
    state: dict = None        # all registers there, when last seen
    interrupts: bool = False  # IF is set here: an event has seen it


class Wrong(Exception):
    """What an injection left behind that should not be there."""


class Driver:
    """One machine, stopped in the suite's process."""

    def __init__(self, machine, image, process, shadow):
        self.m, self.image, self.p, self.shadow = machine, image, process, shadow
        self.known = {in_alias(at, machine.target)
                      for at in image.boundaries + image.deferred_c}
        self.rip = 0
        self.pending = False
        self.edits = {}
        self.start = {}
        self.ends = self.others = set()
        self.last_count = 1  # RCX in front of a REP's last step

    # ---- Going ---------------------------------------------------------------

    def advance(self, *stops):
        """To one of these, or the first edit on the way, which is then done.

        The way out of a tick may lead there too: its frame is not the path's to edit.
        """
        timer = self.image.stub(N["VEC_TIMER"])
        while True:
            wanted = {*stops, *self.edits, *([timer] if self.edits else [])}
            if self.rip in wanted and not self.event_pends:
                wanted.discard(self.rip)
            self.m.stop_at(*wanted)
            self.rip = self.m.go()
            self.event_pends = self.pending = False
            if self.rip == timer and timer not in stops:
                self.leave_out()
            self.edit()
            if self.rip in stops:
                return

    def edit(self):
        """What the path wants changed at this place."""
        if self.rip in self.edits:
            self.edits.pop(self.rip)()
            self.rip = self.m.rip()

    def begin(self, path, changed=None):
        """To the first boundary, or in front of it; CHANGED: it has been prepared.

        A slow host lets a sleep end before it has begun: then from the start.
        """
        for _ in range(BEGINNINGS):
            if self.try_to_begin(path, changed):
                return
            changed = None
        raise Wrong(f"the path ended {BEGINNINGS} times before its trigger came")

    def try_to_begin(self, path, changed):
        """False: it has ended before a trigger came as it should."""
        if changed is None:
            changed = path.prepare() if path.prepare else {}
        self.start = {**PATTERN, "rsp": STACK, "eflags": FLAGS, **path.registers, **changed}
        self.rip, end = self.image.piece(path.piece)
        self.m.set_registers(rip=self.rip, **self.start)
        self.ends = {end} if path.spins else set(self.p.ends)
        self.ends.add(self.image.piece("handler")[1])
        self.others = set() if path.spins else self.ends  # too early, if it ends there
        self.edits = dict(path.edits)
        self.pending = self.event_pends = False
        self.clear_log()
        for at, action in path.triggers:
            if self.rip != at or self.pending:
                self.advance(at, *self.others)
                if self.rip != at:
                    return False
            if path.from_kernel and self.frame_cs() & 3:
                self.finish()
                return False
            if action:
                self.act(action)
        return True

    def frame_cs(self):
        """CS in the frame of the interrupt whose stub is about to run."""
        return struct.unpack("<Q", self.m.read(self.m.registers()["rsp"] + 8, 8))[0]

    def act(self, action):
        """Something at a trigger."""
        if action in ("nmi", "mc"):
            self.deliver(action)
            return
        before = self.rip
        action()
        self.rip = self.m.rip()
        self.pending = self.rip == before

    def deliver(self, kind):
        """It arrives in front of the instruction at RIP."""
        if kind == "nmi":
            self.m.nmi()
        else:
            self.m.machine_check()
        self.pending = self.event_pends = True

    def to(self, at):
        """To a boundary of the path that has begun."""
        if self.rip != at or self.pending:
            self.advance(at, *self.others)
            if self.rip != at:
                raise Wrong(f"the path ended and did not come to {at:#x}")

    def finish(self):
        """To the end; the user's registers there."""
        self.advance(*self.ends)
        return self.m.registers()

    # ---- The log ---------------------------------------------------------------

    def clear_log(self):
        """No events so far."""
        self.m.write(self.image.log + 24, bytes(8), physical=True)

    def arm(self, at):
        """Breakpoint register 0, by the handler of an NMI, right here in C."""
        self.m.write(self.image.log + 8, struct.pack("<Q", at), physical=True)
        self.deliver("nmi")

    def log(self):
        """The events."""
        words = LOG_WORDS + EVENTS_KEPT * EVENT_WORDS
        data = struct.unpack(f"<{words}Q", self.m.read(self.image.log, 8 * words, True))
        if data[3] > EVENTS_KEPT:
            raise Wrong(f"found {data[3]} events")
        for i in range(data[3]):
            at = LOG_WORDS + i * EVENT_WORDS
            event = dict(zip(EVENT, data[at:]))
            event["end"] = dict(zip(PT_REGS, data[at + len(EVENT):]))
            yield event

    # ---- Without an event --------------------------------------------------------

    def leave_out(self):
        """At the timer's stub, on a path it does not belong to: to where it goes back."""
        back = struct.unpack("<Q", self.m.read(self.m.registers()["rsp"], 8))[0]
        edits, self.edits = self.edits, {}
        self.advance(back)
        self.edits = edits

    def trace(self, path):
        """The path's boundaries, each once, in order."""
        timer = self.image.stub(N["VEC_TIMER"])
        self.begin(path)
        steps, seen, before, calls, called = [], set(), 0, False, False
        if self.rip not in self.known or self.pending:
            self.advance(*self.known, *self.ends)
        for _ in range(TRACE_LIMIT):
            if self.rip in self.ends:
                break
            if self.rip == timer and not path.timer:
                before = 0
                self.leave_out()
            elif self.rip in self.known:
                if self.rip not in seen:
                    steps.append(Step(self.rip, before, called))
                    seen.add(self.rip)
                    before = self.rip
                elif self.rip != before:  # a REP comes back to itself
                    before = 0
                elif self.is_rep() and not self.m.registers()["rcx"]:
                    self.last_count = 0
                if self.rip in path.until:
                    break
                calls |= self.image.text[common(self.rip)].startswith("call")
                self.rip = self.m.step()
                called |= calls and not (self.rip in self.known or
                                      self.image.is_deferred_c(self.rip))  # a NOP
                self.edit()
            else:
                before = 0
                self.advance(*self.known, *self.ends)
        self.m.stop_at()
        if self.rip not in self.ends:
            self.finish()
        for step in steps:
            if self.no_step(step):
                step.before = 0
            elif not step.before and step.after_call and path.own:
                step.before = self.return_before(step.at)
        return steps

    def no_step(self, step):
        """PUSHF would save TF for the user, STI holds it back; IRET, and deferred C whose
        next instruction is the page fault's stub, fault instead of a step."""
        before = self.image.text.get(common(step.before), "")
        return before.startswith(("pushf", "iret", "sti")) or \
            self.image.is_deferred_c(step.before) and step.at == self.image.stub(N["VEC_PF"])

    def return_before(self, at):
        """The RET of the paranoid handler, which leads here."""
        calls = [place for place in self.image.boundaries
                 if place + self.image.length[place] == at and
                 self.image.text[place].startswith("call")]
        in_paranoid = calls and self.image.at["paranoid_kernel"] < at < self.image.at["entry_text_end"]
        return self.image.paranoid_rets[0] if in_paranoid else 0

    def without(self, path):
        """The path to its end: registers and events."""
        self.begin(path)
        if path.spins:
            self.pass_first(path)
        return self.finish(), list(self.log())

    def pass_first(self, path):
        """One that ends where it began has to leave there first."""
        if self.pending:
            self.advance(*self.known)
        assert path.spins

    # ---- With one --------------------------------------------------------------------

    def with_event(self, path, step, kind, expected):
        """Delivers it there; Wrong if anything is not as expected."""
        registers, own = expected
        count, changed = len(own) + 1, ""
        if kind != "db":
            self.begin(path)
            self.to(step.at)
            step.state = self.m.registers()
            self.deliver(kind)
            changed = self.back(step, kind, step.state)
        elif step.before:
            self.begin(path)
            self.to(step.before)
            self.last_turn()
            self.p.step_flag()
            self.pending = True
            if step.state:
                changed = self.back(step, kind, STAYS)
        else:
            on_the_way = path.from_kernel or step.after_call and path.own != "nmi"
            self.by_register(path, step, on_the_way)
            count += on_the_way
        found = self.m.registers() if self.rip in self.ends else self.finish()
        if changed:
            raise Wrong(changed)
        self.judge_end(path, found, registers)
        self.judge_events(path, step, kind, (registers, count))

    def look(self, path, step):
        """The registers at a boundary, once more."""
        self.begin(path)
        self.to(step.at)
        step.state = self.m.registers()
        self.finish()

    def resumes(self, step, kind):
        """RF, if the event's frame has it: not on a processor, but its IRET restores it."""
        for event in self.log():
            if (event["vector"], event["ip"]) == (VECTOR[kind], step.at):
                return event["flags"] & RF
        return 0

    def back(self, step, kind, names):
        """Behind the event, in front of the same instruction: all is as it was."""
        self.advance(step.at, *self.ends)
        found = self.m.registers()
        while self.rip == step.at and found["rsp"] != step.state["rsp"]:
            self.rip = self.m.step()  # it is the event's own way, on another stack
            if self.rip != step.at:
                self.advance(step.at, *self.ends)
            found = self.m.registers()
        if self.rip != step.at:
            return "the event does not return here"
        wanted = {**step.state, "eflags": step.state["eflags"] | self.resumes(step, kind)}
        return ", ".join(f"{name} behind the event: found {found[name]:#x}, expected "
                         f"{wanted[name]:#x}" for name in names
                         if found[name] != wanted[name])

    def last_turn(self):
        """Of a REP, the last; each of them is a step, and in some QEMUs its end, too."""
        while self.is_rep() and self.m.registers()["rcx"] > self.last_count:
            self.rip = self.m.step()

    def is_rep(self):
        """Is it in front of a REP?  (QEMU may end a step where it began, in front of anything:
        when its APIC wants to be polled.)"""
        return self.image.text.get(common(self.rip), "").startswith("rep")

    def by_register(self, path, step, on_the_way):
        """A breakpoint there, set by an NMI: on the path, which is where NMIs are not held
        back, and in C if that runs; or in a system call before."""
        in_c = [self.image.at[f"do_{name}"] for name in ("trap", "syscall")]
        if on_the_way:
            self.begin(path)
            if step.after_call:
                self.advance(*in_c)
            self.arm(step.at)
            return
        changed = path.prepare() if path.calls else None
        start, end = self.image.piece("syscall")
        self.m.set_registers(rip=start, rax=NR["close"])
        self.edits, self.rip, self.pending, self.event_pends = {}, start, False, False
        self.advance(in_c[1])
        self.arm(step.at)
        self.advance(end)
        self.begin(path, changed)

    def with_interrupt(self, path, step, expected):
        """Where IF is set: the handler of an NMI there sends one, which waits for it."""
        self.begin(path)
        self.to(step.at)
        self.m.write(self.image.log + 16, struct.pack("<Q", 1), physical=True)
        self.deliver("nmi")
        self.advance(self.image.stub(N["VEC_IPI_RESCHEDULE"]))
        back = struct.unpack("<Q", self.m.read(self.m.registers()["rsp"], 8))[0]
        if back != step.at:
            raise Wrong(f"the interrupt came at {back:#x}")
        self.judge_end(path, self.finish(), expected[0])

    def judge_end(self, path, found, expected):
        """The user's registers, as far as the path is the same each time; RF is the
        processor's, set in front of an instruction that has faulted before."""
        for name, value in expected.items():
            own = RF if name == "eflags" else 0
            if name not in ("cr2", path.varies) and (found[name] ^ value) & ~own:
                raise Wrong(f"the user's {name}: found {found[name]:#x}, expected {value:#x}")

    def judge_events(self, path, step, kind, expected):
        """One more than without, at the right place, with a whole back-trace."""
        end, count = expected
        events = list(self.log())
        there = [e for e in events if (e["vector"], e["ip"]) == (VECTOR[kind], step.at)]
        if len(events) != count or not there:
            raise Wrong("found events " + (", ".join(
                f"{e['vector']} at {e['ip']:#x}" for e in events) or "none") +
                f", expected {count}, one of them here")
        if not step.before and kind == "db" and step.at in path.edits:
            return  # it came before the edit that makes a back-trace possible
        for event in events:
            self.judge_event(path, event, end)
        step.interrupts = bool(there[0]["flags"] & IF)

    def judge_event(self, path, event, end):
        """What the handler saw."""
        where = f"in the handler of vector {event['vector']}"
        vault = N["CEA_BASE"] + self.m.target * N["CEA_STRIDE"] + N["CEA_TO_VAULT"] & 2 ** 64 - 1
        if event["gs_base"] != vault:
            raise Wrong(f"GS base {where}: found {event['gs_base']:#x}, expected {vault:#x}")
        if self.shadow and event["cr3"] & N["CR3_USER_PGD"]:
            raise Wrong(f"CR3 {where}: found {event['cr3']:#x}, the user's")
        if event["status"] == AT_START and path.starts:
            return
        if event["status"] != AT_USER:
            raise Wrong(f"the back-trace {where}: found status {event['status']} after "
                        f"{event['frames']} frames")
        last = event["end"]
        # What deferred C has saved, no hint says.
        if self.image.is_deferred_c(event["ip"]) or path.through_c:
            if last["rsp"] in (self.start["rsp"], end["rsp"]) and last["cs"] & 3 == 3:
                return
        refused = {**PATTERN, "rsp": STACK}  # what a signal frame holds, before its IRET
        for source in (self.start, end, refused):
            if all(last[name] == source[name] for name in KEPT) and last["cs"] & 3 == 3:
                return
        bad = [name for name in KEPT if last[name] != self.start[name]]
        raise Wrong(f"the back-trace {where} ended in other registers: " + ", ".join(
            f"{name} {last[name]:#x} not {self.start[name]:#x}" for name in bad))


def kinds(path, step, in_c):
    """Which events can be delivered there, on this path; IN_C: in deferred C."""
    if path.only_c and not in_c:
        return
    for kind in KINDS:
        if kind == "nmi" and (path.own == "nmi" or path.masked):
            continue  # the processor holds it back
        if kind == path.own and not step.after_call:
            continue  # MCIP is set: shutdown; and no #DB while the frame is the only one
        yield kind

