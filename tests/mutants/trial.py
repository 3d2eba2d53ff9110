"""Makes one test of one kernel, and knows how long it takes without a mutant.

Owns the verdict of a test on a mutant, and the time that it may take.  Used by
tests/mutants/run.py.
"""
import dataclasses
import os
import re
import sys
import threading
import time
from collections import defaultdict

import patches
from tree import BASE, DEBUG_IMAGE, IMAGE, WORK, read
import boots  # in tests/, whose path patches.py has set
from boots import bounded, ktap

# Seconds for a boot, at least; four times what it takes without a mutant, if more.
QEMU_LIMIT, BOCHS_LIMIT, BASE_LIMIT = 15, 300, 600


class Failed(Exception):
    """A case of a running boot has failed: it need not be waited for."""


def stop_at_failure():
    """To be called with the output as it comes."""
    text = b""

    def look(chunk):
        nonlocal text
        text += chunk
        for line in re.findall(rb"^\s*not ok (?:\d+ )?(?:- )?(.+)\n", text, re.M):
            raise Failed(line.decode("utf-8", "replace").strip())
        text = text[text.rfind(b"\n") + 1:]
    return look


def what_failed(outcome):
    """The first failed case of a boot, or '' if all passed.  Of a boot that was cut
    short: its panic, or its problem and the last case that it passed."""
    bad = [c.name for c in outcome.cases if c.verdict == ktap.FAILED]
    if bad or not outcome.problems:
        return (bad + [""])[0]
    text = ktap.clean(read(outcome.log).decode("utf-8", "replace")) if outcome.log else ""
    panic = re.search(r"^panic: .*", text, re.M)
    if panic:
        return panic[0].strip()
    passed = re.findall(r"^\s*(ok \d+.*)", text, re.M)
    return outcome.problems[0] + (f", behind '{passed[-1].strip()}'" if passed else "")


class BaseFails(Exception):
    """A test fails without a mutant: it would kill them all."""


def run_program(killer, tree, folder, limit):
    """What failed, or ''.  Scripts are those of the copy, and read what it built."""
    program, *words = killer.split()
    argv = [sys.executable, os.path.join(tree.path, program), *words,
            os.path.join(folder, IMAGE)]
    if program == "host":
        argv = [os.path.join(folder, patches.host_program(killer))]
    done = bounded.run(argv, limit)
    if done.timed_out:
        return f"found no end after {done.seconds:.0f} s"
    wrong = re.findall(r"^not ok \d+ - (.+)", done.output, re.M)
    return (wrong or done.output.strip().splitlines() or ["status"])[0] if done.status else ""


class Bench:
    """The tests, and how long each takes on the kernel without a mutant.

    Several threads use it, each with a tree of its own.
    """

    def __init__(self, directory):
        self.machines = patches.machines_by_name()
        self.directory = directory
        self.seconds = {}
        self.locks = defaultdict(threading.Lock)  # held while a test is tried without one

    def run(self, killer, tree, folder, limit):
        """(what failed or '', seconds) of one test of what was built there."""
        began = time.monotonic()
        if patches.is_program(killer) or killer.startswith("host "):
            failed = run_program(killer, tree, folder, limit)
            return failed, time.monotonic() - began
        boot = dataclasses.replace(patches.boot_of(killer, self.machines),
                                   name=f"mutant-{tree.number}", timeout=limit)
        image = DEBUG_IMAGE if killer.startswith("debug ") else IMAGE
        try:
            outcome = boots.run(boot, self.directory, WORK, on_output=stop_at_failure(),
                                kernel=os.path.join(folder, image))
        except Failed as failed:
            return str(failed), time.monotonic() - began
        return what_failed(outcome), time.monotonic() - began

    def measure(self, killer, tree):
        """Tries it without a mutant; on a machine that is slower than before, the
        longest of the times counts."""
        failed, seconds = self.run(killer, tree, BASE, BASE_LIMIT)
        if failed:
            raise BaseFails(f"without a mutant, '{killer}' fails: {failed}")
        self.seconds[killer] = max(seconds, self.seconds.get(killer, 0))

    def limit(self, killer):
        """Seconds that the test may take: it has been measured."""
        bochs = killer.startswith("bochs")
        return max(BOCHS_LIMIT if bochs else QEMU_LIMIT, 4 * self.seconds[killer])

    def judge(self, killer, tree):
        """What the mutant in TREE fails, or ''.  That it found no end is believed
        only if the kernel without a mutant, just after it, is as fast as it was."""
        with self.locks[killer]:
            if killer not in self.seconds:
                self.measure(killer, tree)
        while True:
            limit = self.limit(killer)
            failed, seconds = self.run(killer, tree, tree.built, limit)
            if seconds < limit:
                return failed
            with self.locks[killer]:
                self.measure(killer, tree)
            if self.limit(killer) <= limit:
                return failed
