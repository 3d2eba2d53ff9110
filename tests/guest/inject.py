#!/usr/bin/env python3
"""NMI, #MC, #DB and #DF at every instruction at which the processor has a guest's tables.

Boots the suite `inject_guest` under QEMU's gdb stub: a guest whose accesses fault all the
time.  Between the instruction behind LGDT in guest_enter() and that in guest_leave(), user
mode aside, are the way out, with the loads of segments behind another task's turn, and the ways
in; each of their boundaries gets each event, once.
A #DF is made by a fetch of a guard page with RSP in it, too.  It ends in a panic by design;
here the driver mends its frame, and the hook stands in the panic's place.
The kernel's hook (tests/suites/inject.c) tells where it came, with which CR3 and GS, and
where its back-trace ended; the guest and the suite must come to their ends all the same.
Prints `ok` and `not ok` lines.  Called by tests/run.py; by hand:

    tests/guest/inject.py [--elf IMAGE]
"""
import argparse
import os
import re
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests/inject"), os.path.join(ROOT, "scripts"),
                os.path.join(ROOT, "scripts", "gdb")]
import bounded  # noqa: E402
import hints  # noqa: E402
import stub  # noqa: E402
from headers import N  # noqa: E402

INITRAMFS = os.path.join(ROOT, "build", "initramfs.cpio")
CPU = "max,-smap"  # QEMU's far returns: docs/emulators.md
SECONDS = 120      # until the suite's guest runs, or ends
TRIES = 8           # where `before` leads elsewhere, too: to one that has its turn
STEPS = 300        # of a way, at most
TF = 0x100
AT_ENDS = (1, 2)   # enum unwind_status: user mode, or where a task has begun, as a guest does
EVENT = ("vector", "ip", "flags", "cr3_found", "gs_found", "cr3", "gs_base", "status")
VECTOR = {kind: N["VEC_" + kind.upper()] for kind in ("nmi", "mc", "db", "df")}
GUARD = N["CEA_BASE"] + N["CEA_ENTRY_STACK"] - 64  # of the one CPU
ERROR_IP, ERROR_SP = 8, 32  # in the frame of an exception with an error code
# The ways in: by a fault on a covered page, by IN and OUT, by the timer.
WAYS_IN = {"#PF": N["VEC_PF"], "#GP": N["VEC_GP"], "timer": N["VEC_TIMER"]}


class Guest:
    """The machine, with the guest in it."""

    def __init__(self, directory, elf):
        self.at = {name: at for name, (at, _) in hints.symbols(elf).items()}
        self.log = self.at["inject_log"] - N["KERNEL_BASE"]
        self.m = stub.Machine(directory, elf, 1, CPU, "selftest=inject_guest", INITRAMFS)
        self.m.stop_at(self.at["guest_enter"])
        self.m.go(SECONDS)
        self.own = self.table()

    def table(self):
        """GDTR's base."""
        text = self.m.monitor.command("human-monitor-command",
                                      **{"command-line": "info registers"})
        return int(re.search(r"^GDT= +(\w+) ", text, re.M)[1], 16)

    def has_guests(self):
        """Are the guest's tables in the processor?"""
        return self.table() != self.own

    def go(self, at):
        """To that instruction; of a stub: from user mode, with the guest's tables."""
        while True:
            if self.m.rip() == at:
                self.m.stop_at()
                self.m.step()
            self.m.stop_at(at)
            self.m.go(SECONDS)
            if self.has_guests():
                return

    def way_in(self, vector):
        """Boundaries from a stub on, to the one behind LGDT."""
        self.go(self.at["entry_stubs"] + 8 * vector)
        return self.walk(self.has_guests)

    def way_out(self):
        """From the one behind LGDT to the guest's first instruction."""
        self.m.stop_at(self.at["guest_enter"])
        self.m.go(SECONDS)
        while not self.has_guests():
            self.m.step()
        return self.walk(lambda: not self.m.registers()["cs"] & 3)

    def way_out_loading(self):
        """The whole of it: segments are loaded, too, if another task has run."""
        while True:
            way = self.way_out()
            if self.at["segment_load_ds"] in way:
                return way

    def walk(self, goes_on):
        """The boundaries of single steps, while it does; once where a step stays at one."""
        out = []
        while goes_on() and len(out) < STEPS:
            if self.m.rip() not in out[-1:]:
                out.append(self.m.rip())
            self.m.step()
        return out

    def clear(self):
        """No events so far."""
        self.m.write(self.log + 24, bytes(8), physical=True)

    def events(self):
        """What the hook has seen."""
        data = struct.unpack("<4Q", self.m.read(self.log, 32, True))
        for i in range(min(data[3], 4)):
            words = self.m.read(self.log + 32 + i * 256, 8 * len(EVENT), True)
            yield dict(zip(EVENT, struct.unpack(f"<{len(EVENT)}Q", words)))

    def deliver(self, kind, before, at, behind):
        """It comes in front of the instruction `at`, to which `before` leads; then to `behind`."""
        self.clear()
        error = None
        if kind == "db":
            self.go(before)
            self.m.set_registers(eflags=self.m.registers()["eflags"] | TF)
        elif kind == "df":
            self.go(at)
            error = self.double_fault(at)
        else:
            self.go(at)
            if kind == "nmi":
                self.m.nmi()
            else:
                self.m.machine_check()
        self.m.stop_at(behind)
        self.m.go(SECONDS)
        return error or self.judge(kind, at)

    def double_fault(self, at):
        """To its stub; its frame then says that it came at `at`.  None, or what is wrong."""
        before = self.m.registers()
        self.m.set_registers(rip=GUARD, rsp=GUARD)
        self.m.stop_at(self.at["entry_stubs"] + 8 * VECTOR["df"])
        self.m.go(SECONDS)
        there = self.m.registers()
        frame = there["rsp"]
        stack = (frame - N["CEA_BASE"] - N["CEA_IST"]) // N["CEA_IST_STRIDE"]
        self.m.write(frame + ERROR_IP, struct.pack("<Q", at))
        self.m.write(frame + ERROR_SP, struct.pack("<Q", before["rsp"]))
        self.m.set_registers(cr2=before["cr2"])
        if stack == N["IST_DF"] - 1 and there["cs"] == N["SEL_KERNEL_CS"] and self.has_guests():
            return None
        return f"found CS {there['cs']:#x}, RSP {frame:#x}, GDT at {self.table():#x}"

    def judge(self, kind, at):
        """None, or what is wrong with what the hook has seen."""
        found = list(self.events())
        there = [e for e in found if (e["vector"], e["ip"]) == (VECTOR[kind], at)]
        again = kind == "db" and {e["vector"] for e in found} == {VECTOR[kind]}
        if not there or len(found) != 1 and not again:  # a PUSHF has saved TF, POPF restores it
            return "found " + (", ".join(f"{e['vector']} at {e['ip']:#x}" for e in found)
                               or "no event")
        event = there[0]
        if event["cr3"] & N["CR3_USER_PGD"] or event["gs_base"] != N["CEA_BASE"] + \
                N["CEA_TO_VAULT"] & 2 ** 64 - 1 or event["status"] not in AT_ENDS:
            return (f"found CR3 {event['cr3']:#x}, GS base {event['gs_base']:#x}, back-trace "
                    f"{event['status']}")
        return None

    def end(self):
        """The suite's verdict."""
        self.m.stop_at()
        self.m.send("vCont;c")
        done = bounded.wait_until(self.m.process, time.monotonic() + SECONDS)
        text = self.m.console()
        good = done and "selftests passed" in text and "not ok" not in text
        if not good:
            print("# " + "\n# ".join(text.splitlines()[-30:]))
        return good


def pairs(way):
    """(the one before, boundary); the first of a stub has none."""
    return [(before, at) for before, at in zip([0, *way], way)]


def main(argv):
    """All ways, each boundary once."""
    parser = argparse.ArgumentParser(description="Injection under a guest's tables.")
    parser.add_argument("--elf", default=os.path.join(ROOT, "build", "postern.elf"))
    options = parser.parse_args(argv)
    failed = lines = 0
    with tempfile.TemporaryDirectory(prefix="postern-guest-") as directory:
        guest = Guest(directory, options.elf)
        with guest.m:
            seen = set()
            ways = [(name, guest.way_in(vector)) for name, vector in WAYS_IN.items()]
            ways += [("out", guest.way_out_loading())]
            for name, way in ways:
                wrong, done = [], 0
                behind = guest.at["guest_do_trap" if name == "out" else "guest_enter"]
                for before, at in pairs(way):
                    for kind in VECTOR:
                        if (kind, at) in seen or (kind == "db" and not before):
                            continue
                        for _ in range(TRIES if kind == "db" else 1):
                            error = guest.deliver(kind, before, at, behind)
                            if not error:
                                break
                        seen.add((kind, at))
                        done += 1
                        if error:
                            wrong.append(f"{kind} at {at:#x}: {error}")
                lines += 1
                failed += bool(wrong)
                print(f"{'not ok' if wrong else 'ok'} {lines} - {name}: {len(way)} boundaries, "
                      f"{done} events{''.join('; ' + text for text in wrong[:8])}", flush=True)
            good = guest.end()
    lines += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {lines} - the guest and the suite end as without them")
    print(f"1..{lines}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
