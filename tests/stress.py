#!/usr/bin/env python3
"""Storms: boots the suite `storm` on four machines, each for its share of the time.

Owns the seed, the shares and the verdict.  Called by `make stress` and, with a
minute, by tests/run.py.  The suite is tests/suites/storm.c, the hostile programs
are tests/user/fuzz.c.

    tests/stress.py [--seconds N] [--seed N] [--scale X]

Prints one line `ok N ...` a machine, with the suite's counts, and exits with 0
only if all passed.  The seed is printed: the same one makes the same children do
the same things; who runs when is the host's business.  Machine i has seed + i,
and `init=/bin/fuzz -- child SEED NUMBER` does what one child did.
"""
import argparse
import os
import random
import re
import sys
import tempfile

import boots
import ktap
import machines

LOGS = os.path.join(boots.BUILD, "test-logs")
MACHINES = [(pti, vendor) for pti in ("on", "off")
            for vendor in ("GenuineIntel", "AuthenticAMD")]
CPUS = 4
START_AND_END = 200  # seconds, for the boot, the last children, a busy host
# A host that does not run one of our CPUs for some time is no fault.
EXPECTED = re.compile(r"^watchdog: .* for \d{5,} ms|^selftests passed")


def machine(pti, vendor, seed, seconds):
    """The boot, as tests/boots.py takes it."""
    boot = machines.Boot(
        name=f"storm-pti-{pti}-{vendor}", cpus=CPUS, cpu=f"max,vendor={vendor}",
        cmdline=f"pti={pti} norandmaps selftest=storm -- {seed} {seconds}",
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
    for line in re.findall(r"^ +(# .*(?:, expected |\d children|\d calls|child \d).*)$",
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
    share = max(5, options.seconds // len(MACHINES))
    print(f"# seed {seed}: `make stress SEED={seed}` does it again", flush=True)
    good = True
    with tempfile.TemporaryDirectory(prefix="postern-stress-") as directory:
        for i, (pti, vendor) in enumerate(MACHINES):
            boot = machine(pti, vendor, seed + i, share)
            good &= run(i + 1, boot, directory, options.scale)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
