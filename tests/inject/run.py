#!/usr/bin/env python3
"""Injection at every instruction of the entry code (`make inject`).

    tests/inject/run.py [--sample] [--elf PATH] [--path TEXT]

Boots the suite `inject` under QEMU's gdb stub, takes each path into the kernel,
stops at each of its instruction boundaries and delivers an NMI, a machine check
and a debug exception there, one at a time.  After each the user's registers are
compared with those of the same path without the event, and the kernel's hook
tells where the event came and where its back-trace ended; at the end the kernel
audits itself.  Prints a table and which boundaries no event has reached; exits
with 0 only if none is left and nothing was wrong.

--sample is what `make test` runs: every few boundaries of a few paths.
--path takes those only whose name contains the text; nothing is said of the rest.
"""
import argparse
import os
import re
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "scripts"), os.path.join(ROOT, "scripts", "gdb")]
import bounded  # noqa: E402
import driver  # noqa: E402
import image  # noqa: E402
import paths  # noqa: E402
import stub  # noqa: E402
from headers import N  # noqa: E402

CPUS = 2
CPU = "max,vendor=GenuineIntel"  # QEMU's SYSENTER works in long mode only so
END_SECONDS = 20
BOOTS_A_PATH = 3
ATTEMPTS = 6
SHOWN = 20
SAMPLE_STEP = 4
SAMPLE = ("SYSCALL, SYSRET", "SYSCALL with RSP on the NMI's page",
          "page fault from user", "IRET that faults", "ESPFIX",
          "NMI in SYSCALL's entry", "#MC on the NMI's page, in SYSCALL's entry")
# Arguments, which CPU, and what to take there: all, all but the gates, or what
# differs from one trampoline alias, or place where SYSCALL enters, to the other.
SESSIONS = (("pti=on", 0, "all"), ("pti=off", 0, "no gates"), ("pti=deferred", 0, "all"),
            ("pti=on syscall=entry", 1, "aliases"), ("pti=on", 1, "aliases"), ("pti=deferred", 1, "aliases"))

# How the program of kernel/start/ring3_probe.c begins, which has the same address.
PROBE = b"\x48\xbc"

# Where an event cannot come: kinds, from, to, why.
EXCEPTIONS = (
    (("nmi",), "paranoid_exit_nmi_masked", "entry_text_end",
     "runs only while NMIs are masked, to leave them so"),
    (("nmi",), "entry_stubs+0x10", "entry_stubs+0x18",
     "its own stub: the processor holds the next one back"),
    (("mc",), "entry_stubs+0x90", "entry_stubs+0x98",
     "its own stub: MCIP is set, another one is a shutdown"),
    (("db",), "entry_stubs+0x8", "entry_stubs+0x10",
     "its own stub: TF is clear, a breakpoint there would come in its own way in"),
    *((("nmi", "mc", "db"), f"deferred_stubs+{8 * vector:#x}", f"deferred_stubs+{8 * vector + 8:#x}",
       "no gate leads there: it has an IST stack") for vector in image.IST_VECTORS),
    (("nmi", "mc", "db"), "entry_run_on_stack", "entry_run_on_stack+0x20",
     "runs once, before there is a process"),
)


class Report:
    """What was covered and what was wrong."""

    def __init__(self, known):
        self.image = known
        self.covered = {kind: set() for kind in driver.KINDS}
        self.interrupted = set()
        self.lines = self.failed = self.repeated = 0

    def line(self, good, text, details=()):
        """One result."""
        self.lines += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.lines} - {text}")
        for detail in details:
            if not good:
                print(f"  # {detail}")
        sys.stdout.flush()

    def excused(self, kind, at):
        """Why this boundary cannot have that event; None: it can."""
        if self.image.text[at] == "ud2":
            return "behind a call that does not return"
        for kinds, start, end, why in EXCEPTIONS:
            first = self.image.address(start)
            last = self.image.address(end)
            if kind in kinds and first <= at < last:
                return why
        return None

    def coverage(self):
        """The union of all paths."""
        for kind, name in (("nmi", "NMI"), ("mc", "#MC"), ("db", "#DB")):
            wanted = [at for at in self.image.boundaries if not self.excused(kind, at)]
            missing = [at for at in wanted if at not in self.covered[kind]]
            count = len(wanted) - len(missing)
            self.line(not missing, f"{name}: {count} of {len(wanted)} boundaries, "
                      f"{100 * count / len(wanted):.1f} %",
                      [f"missing: {self.image.name(at)} {self.image.text[at]}"
                       for at in missing])
        c = self.image.deferred_c
        print(f"# deferred C, of {len(c)} instructions: " + ", ".join(
            f"{name} at {sum(at in self.covered[kind] for at in c)}"
            for kind, name in (("nmi", "NMI"), ("mc", "#MC"), ("db", "#DB"))))
        for kinds, start, end, why in EXCEPTIONS:
            print(f"# left out, {', '.join(kinds)}: {start} to {end}: {why}")
        print("# left out: UD2 behind calls that do not return")
        print("# device interrupts: IF was set at, and one came at: " + ", ".join(
            self.image.name(at) for at in sorted(self.interrupted)))
        if self.repeated:
            print(f"# {self.repeated} injections were repeated: a tick came in between")


class Session:
    """One boot; as many as it takes, if paths lose the machine."""

    def __init__(self, report, options, directory, arguments, cpu):
        self.report, self.options, self.directory = report, options, directory
        self.arguments, self.cpu = arguments, cpu
        self.name = f"{arguments}, CPU {cpu}"

    def boot(self):
        """The machine in the suite's process, which is set up."""
        self.report.image.deferred = "pti=deferred" in self.arguments
        self.report.image.way = "entry_shared" if "syscall=entry" in self.arguments \
            else "trampoline"
        m = stub.Machine(self.directory, self.options.elf, CPUS, CPU,
                         f"{self.arguments} selftest=inject")
        try:
            m.target = self.cpu
            m.stop_at(image.CODE)
            m.go()
            while m.read(image.CODE, 2) == PROBE:
                m.step()
                m.go()
            process = paths.Process(m, self.report.image)
            process.set_up()
            shadow = "pti=off" not in self.arguments
            return m, driver.Driver(m, self.report.image, process, shadow)
        except BaseException:
            m.__exit__()
            raise

    def wanted(self, d, extent):
        """The paths of this session."""
        out = [*paths.ring3_paths(d.p, d.shadow), *paths.kernel_paths(d.p, d.shadow)]
        if extent == "aliases":
            out = [path for path in out if path.alias or "SYSCALL" in path.name]
        if extent == "all" and not self.options.sample:
            out += paths.gates(d.p)
        if self.options.sample:
            out = [path for path in out if path.name in SAMPLE]
        return [path for path in out if self.options.path in path.name]

    def run(self, extent):
        """All paths, those of one name in one line, and the end."""
        m, d = self.boot()
        try:
            index, lost, tally = 0, 0, Tally()
            todo = self.wanted(d, extent)
            while index < len(todo):
                path = todo[index]
                try:
                    self.take(d, path, tally)
                except (stub.Lost, driver.Wrong, OSError) as error:
                    tally.problems.append(f"{tally.where}: {error}; booted again")
                    tally.problems += m.console().splitlines()[-SHOWN:]
                    m.__exit__()
                    m, d = self.boot()
                    todo = self.wanted(d, extent)
                    lost += 1
                if index + 1 == len(todo) or todo[index + 1].name != path.name:
                    self.report.line(not tally.problems, f"{self.name}: {path.name}: {tally}",
                                     tally.problems[:SHOWN + 3])
                    tally = Tally()
                index += 1
                if lost == BOOTS_A_PATH:
                    break
            self.finish(m, lost)
        finally:
            m.__exit__()

    def take(self, d, path, tally):
        """One path: each boundary, each event."""
        tally.where = f"{path.name}, its trace"
        steps = d.trace(path)
        expected = d.without(path)
        tally.steps += len(steps)
        for i, step in enumerate(steps):
            if self.options.sample and i % SAMPLE_STEP:
                continue
            for kind in driver.kinds(path, step, self.report.image.is_deferred_c(step.at)):
                at = image.common(step.at)
                tally.where = f"{kind} at {self.report.image.name(at)}"
                error = self.attempt(d, path, step, expected, d.with_event, path, step, kind)
                if error:
                    tally.problems.append(f"{tally.where}: {error}")
                    continue
                tally.done[kind] += 1
                self.report.covered[kind].add(at)
            if step.interrupts:
                self.interrupt(d, path, step, expected, tally)
        if path.prepare:
            d.p.normal_segments()

    def interrupt(self, d, path, step, expected, tally):
        """A device's, where IF is set."""
        at = image.common(step.at)
        error = self.attempt(d, path, step, expected, d.with_interrupt, path, step)
        if error:
            tally.problems.append(f"interrupt at {self.report.image.name(at)}: {error}")
        else:
            self.report.interrupted.add(at)

    def attempt(self, d, path, step, expected, deliver, *what):
        """None, or what was wrong each time: a tick of the timer may come in between."""
        for i in range(ATTEMPTS):
            try:
                if i:
                    self.report.repeated += 1
                    expected = d.without(path)
                    d.look(path, step)
                deliver(*what, expected)
                return None
            except driver.Wrong as wrong:
                error = wrong
        return error

    def finish(self, m, lost):
        """The process ends, and with it the suite: the kernel's own verdict."""
        m.set_registers(rip=self.report.image.piece("exit")[0])
        m.stop_at()
        m.send("vCont;c")
        done = bounded.wait_until(m.process, time.monotonic() + END_SECONDS)
        text = m.console()
        good = done and "selftests passed" in text and "not ok" not in text and not lost
        self.report.line(good, f"{self.name}: the machine and its audit at the end",
                         text.splitlines()[-SHOWN:])
        for used in re.findall(r"^stack: .*?(?=\r?$)", text, re.M):  # a debug kernel's
            print(f"# {self.name}: {used}")


class Tally:
    """Of the paths of one name."""

    def __init__(self):
        self.steps, self.problems, self.where = 0, [], ""
        self.done = dict.fromkeys(driver.KINDS, 0)

    def __str__(self):
        return (f"{self.steps} boundaries, {self.done['nmi']} NMI, {self.done['mc']} #MC, "
                f"{self.done['db']} #DB")


def parse(argv):
    """The options."""
    parser = argparse.ArgumentParser(description="Injection at every instruction.")
    parser.add_argument("--sample", action="store_true", help="a part, as in `make test`")
    parser.add_argument("--path", default="", metavar="TEXT", help="paths so named only")
    parser.add_argument("--elf", default=os.path.join(ROOT, "build", "postern.elf"))
    return parser.parse_args(argv)


def main(argv):
    """All sessions, then the union."""
    options = parse(argv)
    report = Report(image.Image(options.elf))
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="postern-inject-") as directory:
        for arguments, cpu, extent in SESSIONS[:4] if options.sample else SESSIONS:
            session = Session(report, options, directory, arguments, cpu)
            try:
                session.run(extent)
            except (stub.Lost, OSError, driver.Wrong) as error:
                report.line(False, f"{session.name}: {error}")
    if not options.sample and not options.path:
        report.coverage()
    print(f"1..{report.lines}")
    print(f"# {len(report.image.boundaries)} boundaries, {time.monotonic() - start:.0f} s")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
