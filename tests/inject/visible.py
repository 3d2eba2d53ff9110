#!/usr/bin/env python3
"""P8 from outside: what a stopped machine's user PGDs show of other tasks.

    tests/inject/visible.py [--samples N] [--cpus N] [--pti on|deferred] [--elf PATH]

Boots the suite `residue`, whose processes have registers full of a word of their
own, stops all CPUs at random moments, and reads the pages of every CPU's entry area
through the tables that a CPU in ring 3 has loaded.  No word of any process may be
there.  One CPU's IST pages are left out where that CPU stands in a paranoid entry:
registers are on them until the entry has copied them, and that moment is over before
the handler runs.  Prints TAP; exits with 0 only if nothing was found.
"""
import argparse
import os
import random
import re
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "scripts"), os.path.join(ROOT, "scripts", "gdb")]
import stub  # noqa: E402
from headers import N, area  # noqa: E402
from hints import symbols  # noqa: E402

POISON = re.compile(rb"(?s).\xde\xc0\x5e")  # tests/suites/residue.c: POISON, any name
STARTS_SECONDS = 120
STOPS_A_SAMPLE = 200
PAUSE = (0.001, 0.02)  # seconds between two stops
CHUNK = 1024
INTERRUPT = b"\x03"


def pages(cpu):
    """(name, address) of the stacks, the GDT and the TSS of one CPU's area."""
    base = area(cpu)
    yield "GDT", base + N["CEA_GDT"]
    yield "entry stack", base + N["CEA_ENTRY_STACK"]
    yield "TSS", base + N["CEA_TSS_PAGE"]
    for i in range(N["NR_IST"]):
        yield "IST", base + N["CEA_IST"] + i * N["CEA_IST_STRIDE"]
    yield "ESPFIX stack", N["ESPFIX_BASE"] + cpu // N["ESPFIX_GROUP_CPUS"] * \
        N["ESPFIX_GROUP_SIZE"] + cpu % N["ESPFIX_GROUP_CPUS"] * N["ESPFIX_CPU_STRIDE"]


class Sampler:
    """The machine and what was seen of it."""

    def __init__(self, machine, cpus, at):
        self.m, self.cpus = machine, cpus
        self.paranoid = range(at["entry_window_sysenter_end"][0], at["entry_text_end"][0])
        self.stubs = range(at["entry_stubs"][0], at["entry_window_stubs_end"][0])
        self.finds, self.looks, self.in_user = [], 0, 0

    def stop(self):
        """Lets it run for a moment, then stops all CPUs."""
        self.m.send("vCont;c")
        time.sleep(random.uniform(*PAUSE))
        self.m.socket.sendall(INTERRUPT)
        self.m.stopped_cpu(stub.STOP_SECONDS)

    def sample(self):
        """Stops where some CPU runs a process of the suite's; looks through its tables."""
        for _ in range(STOPS_A_SAMPLE):
            self.stop()
            states = []
            for cpu in range(self.cpus):
                self.m.select(cpu)
                states.append(self.m.registers())
            watchers = [cpu for cpu, regs in enumerate(states) if regs["cs"] & 3 == 3]
            if watchers:
                break
        else:
            raise stub.Lost("found no CPU in ring 3")
        self.in_user += len(watchers)
        self.look(random.choice(watchers), states)

    def page(self, address):
        """Its bytes, by packets as large as QEMU takes."""
        return b"".join(self.m.read(address + at, CHUNK)
                        for at in range(0, N["PAGE_SIZE"], CHUNK))

    def look(self, watcher, states):
        """Every CPU's pages, as the watcher's tables show them."""
        self.m.select(watcher)
        self.looks += 1
        for cpu, regs in enumerate(states):
            moving = regs["rip"] in self.paranoid or regs["rip"] in self.stubs
            for name, address in pages(cpu):
                if name == "IST" and moving:
                    continue
                found = POISON.search(self.page(address))
                if found:
                    self.finds.append(
                        f"CPU {watcher}'s process sees {found[0][::-1].hex()} on CPU {cpu}'s "
                        f"{name}, offset {found.start():#x}; that CPU at {regs['rip']:#x}")


def parse(argv):
    """The options."""
    parser = argparse.ArgumentParser(description="P8, measured from outside.")
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--pti", default="on", choices=("on", "deferred"))
    parser.add_argument("--elf", default=os.path.join(ROOT, "build", "postern.elf"))
    return parser.parse_args(argv)


def main(argv):
    """One boot, so many samples."""
    options = parse(argv)
    at = symbols(options.elf)
    with tempfile.TemporaryDirectory(prefix="postern-visible-") as directory:
        with stub.Machine(directory, options.elf, options.cpus, "max",
                          f"pti={options.pti} selftest=residue") as m:
            m.stop_at(at["residue_poison_runs"][0])
            m.send("vCont;c")
            cpu = m.stopped_cpu(STARTS_SECONDS)
            m.select(cpu)
            m.write(at["residue_looks"][0], struct.pack("<Q", 2 ** 62))
            m.step(cpu)
            m.stop_at()
            sampler = Sampler(m, options.cpus, at)
            while sampler.looks < options.samples:
                sampler.sample()
    bad = len(sampler.finds)
    print("TAP version 13\n1..1")
    print(f"{'not ok' if bad else 'ok'} 1 - P8 from outside: {sampler.looks} samples of "
          f"{options.cpus} CPUs, {sampler.in_user} of them in ring 3, {bad} words found")
    for text in sampler.finds[:20]:
        print(f"# {text}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
