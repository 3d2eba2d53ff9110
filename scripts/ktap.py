"""Reads KTAP version 1, the selftests' output, strictly.

Owns what counts as a good stream.  Called by scripts/run (which folds the
stream into one line) and tests/run.py (which counts its cases).  A serial log
is fed line by line; lines that are no KTAP may stand anywhere between.  A
stream is good only if it is whole: one stream, each plan met, cases in order,
each nested plan closed by its suite's result, a reason on each skip.

    KTAP version 1
    1..1
        KTAP version 1
        # Subtest: pti
        1..2
        ok 1 pti_shares_lower_levels
        ok 2 pti_pcid # SKIP this CPU has no PCID
    ok 1 pti
"""
import dataclasses
import re

VERSION = re.compile(r"^( *)KTAP version (\d+)\s*$")
PLAN = re.compile(r"^( *)1\.\.(\d+)\s*(?:# ?(.*))?$")
RESULT = re.compile(r"^( *)(ok|not ok)(?: (\d+))?(?: (?:- )?(.*?))??(?: # ?(\w+)\b ?(.*))?$")
RESULT_LIKE = re.compile(r"^ *(?:ok|not ok)(?: |$)")
DIAGNOSTIC = re.compile(r"^ *#(?: |$)")
SUBTEST = re.compile(r"^ *# Subtest: (.*)$")
BAIL = re.compile(r"^ *Bail out!(.*)$")
ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


def clean(line):
    """A line without its end and without the firmware's terminal escapes."""
    return ESCAPES.sub("", line.rstrip("\r\n").replace("\r", "")).rstrip()


@dataclasses.dataclass
class Case:
    """One leaf of the stream: a test case, or a suite with none."""
    name: str
    verdict: str
    reason: str = ""
    detail: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Level:
    """One plan with its results; the suites form the outer one."""
    indent: int
    name: str = ""
    plan: int = -1
    seen: int = 0
    cases: list = dataclasses.field(default_factory=list)
    line: int = 0


class Stream:
    """Feed lines, call finish(), then read cases, suites and errors."""

    def __init__(self):
        self.cases = []
        self.errors = []
        self.suites = 0
        self.levels = []    # open ones, outermost first
        self.started = False
        self.detail = []    # lines since the last result, for a failed case
        self.number = 0

    def wrong(self, text):
        """Records what is wrong with the stream at this line."""
        self.errors.append(f"line {self.number}: {text}")

    def feed(self, raw):
        """Takes one line; returns True if it is a line of the stream."""
        self.number += 1
        line = clean(raw)
        version = VERSION.match(line)
        if version:
            self.open_level(len(version[1]), version[2])
            return True
        if not self.started:
            return False
        for pattern, take in ((PLAN, self.take_plan), (BAIL, self.take_bail)):
            match = pattern.match(line)
            if match:
                take(match)
                return True
        if RESULT_LIKE.match(line):
            self.take_result(line)
            return True
        subtest = SUBTEST.match(line)
        if subtest:
            self.levels[-1].name = subtest[1].strip()
        else:
            self.detail.append(line)
        return bool(DIAGNOSTIC.match(line))

    def open_level(self, indent, version):
        """A version line opens the stream, or a suite's nested one."""
        if version != "1":
            self.wrong(f"found KTAP version {version}, expected 1")
        if not self.started:
            self.started = True
            self.levels = [Level(indent, line=self.number)]
            return
        if indent <= self.levels[-1].indent:
            self.wrong("found a second stream, expected one (a restart?)")
            return
        if self.levels[-1].plan < 0:
            self.wrong("found a nested stream before the outer plan")
        self.levels.append(Level(indent, line=self.number))
        self.detail = []

    def take_plan(self, match):
        """A plan stands once in each level, before its results."""
        level = self.levels[-1]
        if len(match[1]) != level.indent:
            self.wrong(f"found a plan at column {len(match[1])}, "
                       f"expected column {level.indent}")
        if level.plan >= 0 or level.seen:
            self.wrong("found a second or a late plan")
            return
        level.plan = int(match[2])

    def take_bail(self, match):
        """The kernel gave up; whatever follows does not count."""
        self.wrong("found 'Bail out!'" + match[1])

    def take_result(self, line):
        """One result: of a case in the open level, or of the suite around it."""
        match = RESULT.match(line)
        if not match or not match[3] or not (match[4] or "").strip():
            self.wrong(f"found '{line.strip()}', expected 'ok N name'")
            return
        indent = len(match[1])
        child = None
        if len(self.levels) > 1 and indent == self.levels[-2].indent:
            child = self.close_level(match[4])
        level = self.levels[-1]
        if indent != level.indent:
            self.wrong(f"found a result at column {indent}, "
                       f"expected column {level.indent}")
            return
        self.check_number(level, int(match[3]))
        self.record(level, child, match)

    def check_number(self, level, number):
        """Results are numbered from one, without holes, within the plan."""
        level.seen += 1
        if number != level.seen:
            self.wrong(f"found result {number}, expected {level.seen}")
            level.seen = number
        if level.plan < 0:
            self.wrong("found a result before the plan")
        elif number > level.plan:
            self.wrong(f"found result {number} of a plan of {level.plan}")

    def close_level(self, name):
        """Ends the nested stream; its plan must have been met."""
        level = self.levels.pop()
        level.name = level.name or name
        self.check_complete(level, f"suite {level.name}")
        return level

    def check_complete(self, level, what):
        """The number of results must be the number planned."""
        if level.plan < 0:
            self.wrong(f"{what}: found no plan")
        elif level.seen != level.plan:
            self.wrong(f"{what}: found {level.seen} results, "
                       f"planned {level.plan}")

    def record(self, level, child, match):
        """Turns a result into cases, and checks a suite's against its cases'."""
        verdict = PASSED if match[2] == "ok" else FAILED
        name, directive, reason = match[4], (match[5] or "").upper(), match[6] or ""
        if directive == "SKIP":
            verdict = SKIPPED if verdict == PASSED else FAILED
            if not reason.strip():
                verdict = FAILED
                self.detail.append("skipped without a reason")
        elif directive:  # TIMEOUT, ERROR and the like: none excuses a case
            verdict = FAILED
            self.detail.append(f"{directive} {reason}".strip())
        case = Case(name, verdict, reason.strip(),
                    self.detail if verdict == FAILED else [])
        self.detail = []
        if len(self.levels) == 1:
            self.suites += 1
        if child is None:
            level.cases.append(case)
        else:
            level.cases += self.suite_cases(child, case)
        if len(self.levels) == 1:
            self.cases += level.cases
            level.cases = []

    def suite_cases(self, child, case):
        """The cases of a suite that has ended, under its name."""
        for inner in child.cases:
            inner.name = f"{case.name}/{inner.name}"
        if not child.cases:
            if case.verdict == PASSED:
                self.wrong(f"suite {case.name}: found no case in it, nor a skip")
            return [case]
        failed = any(inner.verdict == FAILED for inner in child.cases)
        if failed and case.verdict != FAILED:
            self.wrong(f"suite {case.name}: found 'ok' with a failed case in it")
        if not failed and case.verdict == FAILED:  # say, a leak check at its end
            return [*child.cases, case]
        return child.cases

    def finish(self):
        """Checks that the stream has ended where its plan says; returns self."""
        if not self.started:
            self.errors.append("found no KTAP stream")
            return self
        for level in reversed(self.levels[1:]):
            self.wrong(f"suite {level.name or '?'} (line {level.line}): "
                       "found no end")
            self.cases += level.cases
        self.check_complete(self.levels[0], "the stream")
        return self

    def count(self, verdict):
        """How many cases ended so."""
        return sum(case.verdict == verdict for case in self.cases)

    def summary(self):
        """The stream in one line."""
        return (f"{self.suites} suites, {len(self.cases)} cases: "
                f"{self.count(PASSED)} passed, {self.count(FAILED)} failed, "
                f"{self.count(SKIPPED)} skipped")


def parse(text):
    """The stream in TEXT, finished."""
    stream = Stream()
    for line in text.splitlines():
        stream.feed(line)
    return stream.finish()
