"""Boots machines with each set of clocks, stopped for 20 ms again and again until a
program runs, and has three seconds slept there.

The machine is stopped by SIGSTOP, as a busy host or a debugger would: its TSC, its
counters and its timers go on meanwhile.  tests/user/time/seconds.c compares the clocks of
the machine with each other; here it is held against the host's clock that the sleep
is not shorter, for a busy host may make it longer.

    tests/test_clock.py    (prints `ok N - sentence` lines; tests/run.py runs it)
"""
import os
import re
import signal
import sys
import threading
import time

import boots
import tapunit
from boots import bounded, qemu

STOP, RUN = 0.02, 0.02      # seconds
LIMIT = 300                 # for hangs
STARTED = re.compile(rb"boot: \d+ TSC ticks .* to /")
MACHINES = (("q35", "HPET"), ("q35,pit=off", "HPET"), ("q35,hpet=off", "ACPI PM timer"),
            ("q35,pit=off,hpet=off", "ACPI PM timer"), ("pc,pit=off", "HPET"))


class HeldUp:
    """A machine that is stopped and continued until its first program runs."""

    def __init__(self, machine):
        self.output, self.at, self.stops = b"", {}, 0
        self.started = threading.Event()
        self.process = bounded.start(qemu.command(qemu.Machine(
            kernel=boots.KERNEL, initramfs=boots.INITRAMFS, machine=machine, cpus=2,
            cmdline="init=/bin/seconds")))

    def hold_up(self):
        """In a thread of its own; the process is a child, so its number stays."""
        while not self.started.is_set() and not bounded.exited(self.process):
            os.kill(self.process.pid, signal.SIGSTOP)
            time.sleep(STOP)
            os.kill(self.process.pid, signal.SIGCONT)
            self.stops += 1
            time.sleep(RUN)

    def look(self, chunk):
        """At the output as it comes."""
        self.output += chunk
        if STARTED.search(self.output):
            self.started.set()
        for word in (b"sleeps", b"wakes"):
            if word in self.output:
                self.at.setdefault(word, time.monotonic())

    def run(self):
        """Until its end; True if it came to one."""
        holder = threading.Thread(target=self.hold_up)
        holder.start()
        try:
            bounded.follow(self.process, time.monotonic() + LIMIT, self.look)
            ended = bounded.wait_until(self.process, time.monotonic() + bounded.GRACE)
        finally:
            self.started.set()
            holder.join()
            bounded.end(self.process)
            self.process.stdout.close()
        return ended and self.process.returncode == qemu.PASSED


def try_machine(machine, by):
    """(good, sentence, output) of each step."""
    held = HeldUp(machine)
    passed = held.run()
    text = held.output.decode("utf-8", "replace").replace("\r", "")
    slept = held.at.get(b"wakes", 0) - held.at.get(b"sleeps", 0)
    yield f"kHz by {by}" in text and held.stops > 3, \
        f"{machine}: the TSC is measured by {by}, while the machine is held up", text
    yield passed and "not ok" not in text, \
        f"{machine}: three seconds are three seconds by all of its clocks", text
    yield slept > 2.9, f"{machine}: they are not shorter by the host's clock", text
    yield "time may be wrong" not in text and "\nclock: found" not in text, \
        f"{machine}: no clock is said to be wrong", text


def main():
    """Each machine."""
    return tapunit.print_results(result for machine, by in MACHINES
                                 for result in try_machine(machine, by))


if __name__ == "__main__":
    sys.exit(main())
