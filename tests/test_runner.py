"""Tests the test runner itself: a runner that cannot fail proves nothing.

Owns the good and bad KTAP streams, and boots with a stand-in for QEMU.
Run by tests/run.py as `runner`; by hand: python3 tests/test_runner.py
"""
import fnmatch
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import boots
import emulators
import initrds
import machines
import run
import tapunit
from boots import bounded, ktap, qemu

GOOD = """\
noise before
KTAP version 1
1..2
    KTAP version 1
    # Subtest: pti
    1..3
    ok 1 shares
cpu 1: a line of the kernel
    ok 2 pcid # SKIP this CPU has no PCID
    # a diagnostic
    ok 3 - name with words
ok 1 pti
  KTAP version 1
  1..1
  ok 1 only
ok 2 gdt
noise after
"""

# What is wrong, and the change of GOOD that makes it so.
BAD = [
    ("no stream", GOOD, "nothing\n"),
    ("version 2", "KTAP version 1\n1..2", "KTAP version 2\n1..2"),
    ("outer plan too large", "1..2\n", "1..3\n"),
    ("outer plan too small", "1..2\n", "1..1\n"),
    ("inner plan too large", "1..3", "1..4"),
    ("inner plan too small", "1..3", "1..2"),
    ("no inner plan", "    1..3\n", ""),
    ("no outer plan", "\n1..2\n", "\n"),
    ("a plan twice", "    1..3\n", "    1..3\n    1..3\n"),
    ("a late plan", "    1..3\n    ok 1 shares\n", "    ok 1 shares\n    1..3\n"),
    ("a case out of order", "ok 2 pcid", "ok 3 pcid"),
    ("a case twice", "ok 2 pcid", "ok 1 pcid"),
    ("a case missing", "    ok 1 shares\n", ""),
    ("no number", "ok 1 shares", "ok shares"),
    ("no name", "ok 1 shares", "ok 1"),
    ("a suite without its result", "ok 1 pti\n", ""),
    ("cut in a suite", GOOD[GOOD.index("  ok 1 only"):], ""),
    ("cut between suites", GOOD[GOOD.index("  KTAP version 1\n  1..1"):], ""),
    ("a second stream", "noise after\n", "KTAP version 1\n1..1\nok 1 again\n"),
    ("a suite more than planned", "noise after\n", "ok 3 more\n"),
    ("ok with a failed case in it", "ok 1 shares", "not ok 1 shares"),
    ("a wrong column", "    ok 1 shares", "      ok 1 shares"),
    ("a bail-out", "noise after", "Bail out! no memory"),
    ("an empty suite", "  1..1\n  ok 1 only\n", "  1..0\n"),
]


class Ktap(unittest.TestCase):
    """The parser of scripts/ktap.py."""

    def test_good(self):
        """ktap: a good stream is read whole"""
        stream = ktap.parse(GOOD)
        self.assertEqual(stream.errors, [])
        self.assertEqual(stream.summary(),
                         "2 suites, 4 cases: 3 passed, 0 failed, 1 skipped")
        self.assertEqual([case.name for case in stream.cases],
                         ["pti/shares", "pti/pcid", "pti/name with words",
                          "gdt/only"])
        self.assertEqual(stream.cases[1].reason, "this CPU has no PCID")

    def test_bad(self):
        """ktap: each kind of damage is found"""
        for what, old, new in BAD:
            self.assertIn(old, GOOD, what)
            stream = ktap.parse(GOOD.replace(old, new, 1))
            self.assertNotEqual(stream.errors, [], what)

    def test_cut_anywhere(self):
        """ktap: a stream cut after any line is damaged"""
        lines = GOOD.splitlines()[:-1]
        for length in range(len(lines)):
            cut = ktap.parse("\n".join(lines[:length]))
            self.assertNotEqual(cut.errors, [], length)

    def test_failed_case(self):
        """ktap: a failed case is counted, with what was said before it"""
        text = GOOD.replace("    ok 3 - name", "    not ok 3 name")
        stream = ktap.parse(text.replace("ok 1 pti", "not ok 1 pti"))
        self.assertEqual(stream.errors, [])
        failed = [c for c in stream.cases if c.verdict == ktap.FAILED]
        self.assertEqual(len(failed), 1)
        self.assertIn("    # a diagnostic", failed[0].detail)

    def test_failed_suite(self):
        """ktap: a suite that fails after its cases counts as one failure"""
        stream = ktap.parse(GOOD.replace("ok 1 pti", "not ok 1 pti"))
        self.assertEqual((stream.errors, stream.count(ktap.FAILED)), ([], 1))

    def test_skip_needs_reason(self):
        """ktap: a skip without a reason is a failure"""
        stream = ktap.parse(GOOD.replace(" this CPU has no PCID", "")
                            .replace("ok 1 pti", "not ok 1 pti"))
        self.assertEqual(stream.count(ktap.FAILED), 1)
        self.assertEqual(stream.count(ktap.SKIPPED), 0)

    def test_skipped_suite(self):
        """ktap: a suite skipped as a whole counts as one skip"""
        stream = ktap.parse("KTAP version 1\n1..1\nok 1 pti # SKIP no MMU\n")
        self.assertEqual((stream.errors, stream.count(ktap.SKIPPED)), ([], 1))

    def test_escapes(self):
        """ktap: firmware's terminal escapes do not hide the stream"""
        stream = ktap.parse("\x1b[2J\x1b[01;01H" + GOOD[13:].replace("\n", "\r\n"))
        self.assertEqual(stream.errors, [])

    def test_tap(self):
        """tap: plain ok lines are counted"""
        cases = boots.tap_cases("ok 1 - a\nnot ok 2 - b\nok 3 c # SKIP why\n"
                                "okay\nok 4 d # SKIP\n")
        self.assertEqual([case.verdict for case in cases],
                         ["passed", "failed", "skipped", "failed"])


class Judge(unittest.TestCase):
    """The verdict on a boot, tests/boots.py."""

    def verdict(self, output, status=33, timed_out=False, **keys):
        """Problems of a boot that ended so."""
        boot = machines.Boot("b", **keys)
        for name in ("must", "must_not", "in_order", "unexpected", "expected"):
            setattr(boot, name, [machines.re.compile(p)
                                 for p in getattr(boot, name)])
        machines.check(boot)
        result = bounded.Result(status, output, 1.0, timed_out)
        return boots.judge(boot, result)[1]

    def test_good(self):
        """boot: a good one has no problem"""
        self.assertEqual(self.verdict(GOOD, suites=2, must=["noise"]), [])

    def test_bad(self):
        """boot: a wrong end or a wrong line is a problem"""
        for output, keys in (
                (GOOD, {"status": 0}), (GOOD, {"status": 35}),
                (GOOD, {"status": -9}), (GOOD, {"timed_out": True}),
                (GOOD, {"suites": 3}), (GOOD, {"must": ["nothing like it"]}),
                (GOOD, {"must_not": ["noise"]}), (GOOD, {"stream": "none"}),
                ("quiet", {}), ("quiet", {"stream": "tap"}),
                (GOOD + "panic: x\n", {"unexpected": ["panic"]}),
                (GOOD, {"boot": "bochs", "status": 1})):
            self.assertNotEqual(self.verdict(output, **keys), [], keys)

    def test_lines_in_stream(self):
        """boot: a diagnostic in the stream is not taken for trouble"""
        text = GOOD.replace("a diagnostic", "expecting a panic")
        self.assertEqual(self.verdict(text, unexpected=["panic"]), [])

    def test_order(self):
        """boot: lines that must come in an order come in it, each behind the one before"""
        text = GOOD + "one\ntwo\none\n"
        for patterns, good in ((["one", "two"], True), (["two", "one"], True),
                               (["one", "two", "one"], True), (["two", "two"], False),
                               (["two", "one", "two"], False), (["one", "none"], False)):
            self.assertEqual(self.verdict(text, in_order=patterns) == [], good, patterns)

    def test_expected(self):
        """boot: an intended line excuses itself only"""
        lines = {"unexpected": ["fault"], "expected": ["user fault"]}
        self.assertEqual(self.verdict(GOOD + "user fault\n", **lines), [])
        self.assertNotEqual(self.verdict(GOOD + "user fault\nfault\n", **lines), [])


class Matrix(unittest.TestCase):
    """tests/machines.py and tests/initrds.py."""

    def load(self, text):
        """The boots of a configuration."""
        with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
            file.write(text)
            file.flush()
            return machines.load(file.name)

    def test_file(self):
        """matrix: the files are good, and has quick boots"""
        loaded = machines.load()
        self.assertTrue(any(boot.quick for boot in loaded))

    def test_mistakes(self):
        """matrix: a mistake is named"""
        for text in ("[a]\ncpu5 = 2\n", "[a]\ncpus = many\n", "[a]\nboot = disk\n",
                     "[a]\nmust = (\n", "[a]\ninitramfs = x\n",
                     "[a]\nboot = bios\nargs_by = append\n",
                     "[a]\ncmdline = selftest\nleave_out = nothing\n",
                     "[a]\ncmdline = init=/init\nleave_out = nmi\n"):
            with self.assertRaises(machines.Mistake, msg=text):
                self.load(text)

    def test_rounds(self):
        """machines: few rounds are asked for, but not of a boot that has words of its own"""
        lines = [boot.cmdline for boot in self.load(
            "[DEFAULT]\nrounds = few\n[a]\ncmdline = selftest=x\n[b]\ncmdline = selftest=x -- all\n"
            "[c]\ncmdline = init=/init\nstream = none\n[d]\ncmdline = selftest=x\nrounds = all\n")]
        self.assertEqual(lines, ["selftest=x -- few", "selftest=x -- all", "init=/init",
                                 "selftest=x"])

    def test_left_out(self):
        """matrix: a boot leaves out what it says, and all else runs"""
        boot, = self.load("[a]\ncmdline = selftest pti=on\nleave_out = nmi bugs*\n")
        word, rest = boot.cmdline.split()
        names, by_name = machines.all_suites()
        ran = {name for name in names + by_name for part in
               word.removeprefix("selftest=").split(",") if fnmatch.fnmatch(name, part)}
        self.assertEqual((set(names) - ran, ran - set(names), rest),
                         ({"nmi", "bugs", "bugs_nmi", "bugs_tables"}, set(), "pti=on"))
        self.assertLess(len(word), 288)

    def test_initrds(self):
        """matrix: each special initramfs can be made"""
        with tempfile.TemporaryDirectory() as directory:
            build = os.path.join(directory, "build.cpio")
            with open(build, "wb") as file:
                file.write(initrds.init(b"x" * 1000))
            for kind in initrds.KINDS:
                path = initrds.make(kind, build, directory)
                self.assertGreater(os.path.getsize(path), 0, kind)


class Processes(unittest.TestCase):
    """scripts/bounded.py and scripts/qemu.py."""

    def shell(self, script, timeout=20.0):
        """Runs a shell script bounded."""
        return bounded.run(["sh", "-c", script], timeout)

    def test_result(self):
        """process: status and output come back"""
        result = self.shell("echo out; echo err >&2; exit 33")
        self.assertEqual((result.status, result.output, result.timed_out),
                         (33, "out\nerr\n", False))

    def test_cpu(self):
        """process: its processor time is told, its child's too, and no sleep"""
        busy = self.shell("sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'")
        idle = self.shell("sleep 0.3")
        self.assertGreater(busy.cpu, 0.02)
        self.assertLess(idle.cpu, busy.cpu)

    def test_costs(self):
        """runner: the largest jobs are named, and the processor time of all is added up"""
        outcomes = [boots.Outcome(f"job{i}", [], [], 1.0, "", float(i)) for i in range(30)]
        largest, total = run.costs(outcomes)
        self.assertEqual(largest.split(", ")[0], "largest: job29 29")
        self.assertEqual(largest.split(", ")[-1], "job20 20")
        self.assertEqual(total, "processor time: 435 s in 30 jobs")

    def test_timeout(self):
        """process: time runs out, and the whole group is ended, no other"""
        other = subprocess.Popen(["sleep", "30"])
        try:
            result = self.shell("sleep 30 & echo $!; trap '' TERM; wait; wait; "
                                "sleep 30", 0.5)
            self.assertTrue(result.timed_out)
            self.assertLess(result.seconds, 10)
            self.assertTrue(gone(int(result.output)))
            self.assertIsNone(other.poll())
        finally:
            other.kill()
            other.wait()

    def test_left_behind(self):
        """process: a child that outlives its parent is ended too"""
        result = self.shell("sleep 30 >/dev/null 2>&1 & echo $!")
        self.assertLess(result.seconds, 5)
        self.assertTrue(gone(int(result.output)))

    def test_endless_output(self):
        """process: endless output is cut off"""
        result = self.shell("yes")
        self.assertTrue(result.too_long)

    def test_interrupt(self):
        """runner: SIGTERM ends the boots under way, and leaves nothing"""
        script = ("import sys, signal; sys.path.insert(0, sys.argv[1])\n"
                  "import run, machines, boots\n"
                  "run.LOGS = sys.argv[2] + '.logs'\n"
                  "boots.qemu.QEMU = sys.argv[2]\n"
                  "signal.signal(signal.SIGTERM, run.terminate)\n"
                  "jobs = [machines.Boot(n, args_by='append', initramfs='')"
                  " for n in 'ab']\n"
                  "run.run_all(jobs, run.parse([]))\n")
        with tempfile.TemporaryDirectory() as directory:
            fake = os.path.join(directory, "qemu")
            pids = os.path.join(directory, "pids")
            with open(fake, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\necho $$ >>{pids}\nexec sleep 30\n")
            os.chmod(fake, 0o755)
            runner = subprocess.Popen(
                [sys.executable, "-c", script, os.path.join(boots.ROOT, "tests"),
                 fake], env={**os.environ, "TMPDIR": directory},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_for(lambda: os.path.exists(pids) and lines_of(pids) == 2)
                runner.terminate()
                runner.wait(15)
            finally:
                runner.kill()
                runner.wait()
            with open(pids, encoding="utf-8") as file:
                self.assertEqual([gone(int(pid)) for pid in file], [True] * 2)
            self.assertLessEqual(set(os.listdir(directory)),
                                 {"pids", "qemu", "qemu.logs"})

    def test_command(self):
        """qemu: commas are doubled, an ISO refuses what it cannot pass on"""
        line = qemu.command(qemu.Machine(fw_cmdline="selftest=a,b"))
        self.assertIn("name=opt/org.postern/cmdline,string=selftest=a,,b", line)
        with self.assertRaises(ValueError):
            qemu.command(qemu.Machine(boot="bios", cmdline="x"))
        with self.assertRaises(ValueError):
            qemu.command(qemu.Machine(boot="disk"))


def lines_of(path):
    """How many lines a file has."""
    with open(path, encoding="utf-8") as file:
        return len(file.readlines())


def alive(pid):
    """True if a process of that number exists and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid):
    """True if the process has ended, or does so in a moment."""
    wait_for(lambda: not alive(pid), 2.0)
    return not alive(pid)


def wait_for(condition, seconds=10.0):
    """Polls; an event would need the stand-in to know of us."""
    event, deadline = threading.Event(), time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        event.wait(0.02)


class Emulators(unittest.TestCase):
    """tests/emulators.py: what it takes apart, and that it can fail."""

    CASE = "fault 0: signal {} flags {} ip 40\nprogram /bin/p:\n{} 1 - works\n"

    def facts(self, *words):
        """The facts of a run that prints these words."""
        found = emulators.facts(self.CASE.format(*words), ["x"])
        return {**found, **{f"filling/{i}": "ok" for i in range(emulators.ENOUGH)}}

    def bad(self, here, pattern="fault x/flags.RF", cell="`1`", qemu="`0`"):
        """The numbers of the sentences that are not good."""
        runs = {"QEMU": self.facts(11, 202, "ok"), "other": here}
        table = [(pattern, {"QEMU": qemu, "other": cell})] if pattern else []
        return [number for number, (good, _) in
                enumerate(emulators.judge(runs, table)) if not good]

    def test_judge(self):
        """emulators: an unexplained difference, a failure and a stale row are found"""
        self.assertEqual(self.bad(self.facts(11, 10202, "ok")), [])
        self.assertEqual(self.bad(self.facts(11, 10202, "ok"), None), [2])
        self.assertEqual(self.bad(self.facts(11, 10202, "ok"), cell="`0`"), [2, 3])
        self.assertEqual(self.bad(self.facts(11, 10203, "ok")), [2])
        self.assertEqual(self.bad(self.facts(11, 202, "ok")), [3])
        self.assertEqual(self.bad(self.facts(5, 10202, "ok")), [2, 3])
        self.assertEqual(self.bad(self.facts(11, 10202, "not ok")), [1, 2])
        self.assertEqual(self.bad({}), [1, 2, 3])

    def test_versions(self):
        """emulators: a row of two versions explains a difference, and need not"""
        both = "`0` (1.0), `1` (2.0)"
        self.assertEqual(self.bad(self.facts(11, 10202, "ok"), qemu=both), [])
        self.assertEqual(self.bad(self.facts(11, 202, "ok"), qemu=both), [])
        self.assertEqual(self.bad(self.facts(11, 10203, "ok"), qemu=both), [2])
        self.assertEqual(self.bad(self.facts(11, 202, "ok"), cell="fine", qemu=both), [3])
        self.assertEqual(self.bad(self.facts(11, 10202, "ok"), qemu="`2` (1.0), `3`"),
                         [2, 3])

    def test_table(self):
        """emulators: every row of docs/emulators.md can be read"""
        rows = list(emulators.rows())
        self.assertGreater(len(rows), 15)
        for _, cells in rows:
            self.assertEqual(len(cells), 7, cells)


if __name__ == "__main__":
    tapunit.main("__main__")
