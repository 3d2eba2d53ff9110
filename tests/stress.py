#!/usr/bin/env python3
"""Storms: boots the suite `storm` on many machines, each for its share of the time.

Owns the seed, the shares and the verdict.  Called by `make stress` and, with half a
minute, by tests/run.py.  The suite is tests/suites/storm.c, the hostile programs
are tests/user/call/fuzz.c.

    tests/stress.py [--seconds N] [--seed N] [--scale X]

The machines are those of 1, 2 and 4 CPUs, 64 and 512 MiB, pti on, off and deferred; of two
neighbours one is Intel's and one AMD's, and one runs the debug build, which fills
what is freed and names who took a frame that is lost.  If there is not time enough
for all, some of them are taken, other ones by another seed.

Prints one line `ok N ...` a machine, with the suite's counts, and exits with 0
only if all passed.  The seed is printed: the same one makes the same children do
the same things; who runs when is the host's business.  Machine i has seed + i,
and `init=/bin/fuzz -- child SEED NUMBER` does what one child did.
"""
import argparse
import dataclasses
import itertools
import os
import random
import re
import sys
import tempfile

import boots
import ktap
import machines

LOGS = os.path.join(boots.BUILD, "test-logs")
LEAST = 5  # seconds, a machine
START_AND_END = 400  # seconds, for the boot, the last children, a busy host
# A host that does not run one of our CPUs for some time is no fault.
EXPECTED = re.compile(r"^watchdog: .* for \d{5,} ms|^selftests passed|^stretch: |^stack: ")


@dataclasses.dataclass
class Kind:
    """A machine of the matrix."""
    pti: str
    mem: str
    cpus: int
    vendor: str
    debug: bool


def matrix():
    """All machines; neighbours differ in as much as possible."""
    kinds = []
    for i, (pti, mem, cpus) in enumerate(itertools.product(
            ("on", "off", "deferred"), ("64M", "512M"), (1, 2, 4))):
        vendor = ("GenuineIntel", "AuthenticAMD")[(i + i // 6) % 2]
        kinds.append(Kind(pti, mem, cpus, vendor, bool(i // 2 % 2)))
    return kinds


def choose(seed, seconds):
    """As many as there is time for, each for a share of it: (kinds, seconds)."""
    kinds = matrix()
    count = max(1, min(len(kinds), seconds // LEAST))
    step = 5 if count < len(kinds) else 1  # through all, in leaps: 5 and 18 are coprime
    chosen = [kinds[(seed + step * i) % len(kinds)] for i in range(count)]
    return chosen, max(5, seconds // count)


def machine(kind, seed, seconds):
    """The boot, as tests/boots.py takes it."""
    boot = machines.Boot(
        name=f"storm-pti-{kind.pti}-{kind.mem}-{kind.cpus}-{kind.vendor}"
             f"{'-debug' if kind.debug else ''}",
        cpus=kind.cpus, mem=kind.mem, cpu=f"max,vendor={kind.vendor}", debug=kind.debug,
        cmdline=f"pti={kind.pti} norandmaps selftest=storm -- {seed} {seconds}",
        timeout=seconds + START_AND_END)
    machines.check(boot)
    return boot


def stray_lines(text):
    """What the kernel printed in the storm and is not of the stream."""
    stream = ktap.Stream()
    for raw in text.splitlines():
        line = ktap.clean(raw)
        if not stream.feed(line) and stream.started and not EXPECTED.search(line):
            yield f"unexpected: {line}"


def run(number, boot, directory, scale):
    """One boot and its line; True if all was well."""
    outcome = boots.run(boot, directory, LOGS, scale)
    with open(outcome.log, encoding="utf-8") as file:
        text = file.read()
    problems = outcome.problems + list(stray_lines(text))[:10]
    bad = [case for case in outcome.cases if case.verdict == ktap.FAILED]
    print(f"{'not ok' if bad or problems else 'ok'} {number} {boot.name}", flush=True)
    for line in [*problems, *(f"not ok {case.name}" for case in bad)]:
        print(f"# {line}")
    for line in re.findall(r"^ +(# .*(?:, expected |\d children|\d calls|child \d|children \d|frame 0x).*)$",
                           text, re.M):
        print(line)
    sys.stdout.flush()
    return not bad and not problems


def parse(argv):
    """The options."""
    parser = argparse.ArgumentParser(description="Runs storms.")
    parser.add_argument("--seconds", type=int, default=600, help="of all machines")
    parser.add_argument("--seed", type=lambda text: int(text, 0),
                        help="of the first machine; else by chance")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X",
                        help="multiply the time limits, for a slow machine")
    return parser.parse_args(argv)


def main(argv):
    """All machines, one after the other."""
    options = parse(argv)
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None \
        else options.seed
    os.nice(10)  # what runs beside it has time limits
    kinds, share = choose(seed, options.seconds)
    print(f"# seed {seed}: `make stress SEED={seed}` does it again", flush=True)
    good = True
    with tempfile.TemporaryDirectory(prefix="postern-stress-") as directory:
        for i, kind in enumerate(kinds):
            boot = machine(kind, seed + i, share)
            good &= run(i + 1, boot, directory, options.scale)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
