#!/usr/bin/env python3
"""Runs user/meltdown.c on two kernels, pti=off and pti=on, side by side (`make meltdown`).

Owns the screen of 80 columns and 24 lines.  The program reads by itself where the
emulator lets it (QEMU before 9.1); elsewhere it spins in ring 3, and the same
addresses are read from outside, through the tables that its CPU has loaded
(scripts/outside.py); the screen says which of the two was done.  On a terminal the
letters appear as they are found; else the last screen alone is printed.

    scripts/meltdown.py

Knobs, from the environment: CPUS (as the host has, 4 at most) MEM (512M) CPU (max) ACCEL (tcg, kvm) QEMU, and
WAY=outside: the program is not asked.  Exits with 0 if the secret was read with
pti=off and nothing of the kernel with pti=on, else with 1.
"""
import codecs
import os
import re
import sys
import tempfile
import textwrap
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import bounded  # noqa: E402
import outside  # noqa: E402
import qemu  # noqa: E402
import stub  # noqa: E402
import knobs  # noqa: E402
from knobs import knob  # noqa: E402

BUILD = os.path.join(os.path.dirname(HERE), "build")
WIDTH, LINES, PANE = 80, 24, 39
SECONDS = 300
ROWS = ("direct map", "task stacks", "cpu vaults", "kernel image", "elsewhere",
        "IDT, entry text", "entry areas", "ESPFIX stacks", "LDT")
BYTES = ("kernel text", "direct map", "task stack")
INSIDE = "Read by the program itself: a far return in ring 3 reads its stack with the " \
         "kernel's rights here."
OUTSIDE = "Read from outside: the debugger's stub, through the tables loaded in ring 3, " \
          "asking for no rights."
TRYING = "Booting."


class Pane:
    """What one machine has shown so far."""

    def __init__(self, pti):
        self.pti = pti
        self.pending = ""
        self.kernel = self.secret = ""
        self.bytes, self.map = {}, {}
        self.hidden = self.gate = None
        self.way, self.stays, self.done, self.trouble = TRYING, False, False, ""

    def feed(self, text):
        """Output of the guest, or of the reader outside; it may end anywhere."""
        *lines, self.pending = (self.pending + text).replace("\r", "").split("\n")
        for line in lines:
            self.line(line)
        self.partial(self.pending)

    def partial(self, line):
        """A letter of the secret is shown before its line is whole."""
        found = re.match(r"meltdown: secret: (.*)", line)
        if found:
            self.secret = found[1]

    def line(self, line):
        """One whole line."""
        self.partial(line)
        if found := re.match(r"secret: (.*) \(", line):
            self.kernel = found[1]
        elif found := re.match(r"meltdown: bytes: (.{11}) (.*)", line):
            self.bytes[found[1].strip()] = found[2]
        elif found := re.match(r"meltdown: map: (?:\w{16} )?(.+?):? +(\d+)(?: of +(\d+))?", line):
            self.map[found[1].strip()] = (int(found[2]), found[3])
        elif found := re.match(r"meltdown: total: (\d+) .* (\d+) of the gate", line):
            self.hidden, self.gate = int(found[1]), int(found[2])
            self.done = True
        elif "with the kernel's rights" in line:
            self.way = INSIDE
        elif "to be read from outside" in line:
            self.way, self.stays = OUTSIDE, True
        elif re.match(r"panic:|.*power off$", line) and not self.done:
            self.trouble = line

    def verdict(self):
        """In words, and whether it is as it should be."""
        if not self.done:
            return self.trouble or "reading", False
        told = self.secret == self.kernel
        if self.pti == "off":
            return (f"{self.hidden} hidden pages answer", told and self.hidden > 0)
        return (f"{self.hidden} hidden pages answer, {self.gate} of the gate",
                self.hidden == 0 and not told)


# ---- The screen ------------------------------------------------------------------

def count(pane, name):
    """One row of the map."""
    if name not in pane.map:
        return f" {name}"
    answers, asked = pane.map[name]
    return f" {name:16}{answers:7}" + (f" of {asked:>6}" if asked else "")


def column(pane):
    """A pane's lines."""
    yield f"pti={pane.pti}; the secret that it has drawn:"
    yield f" {pane.kernel}"
    yield "read from ring 3:"
    yield f" {pane.secret}" + ("" if pane.done else "_")
    for name in BYTES:
        words = pane.bytes.get(name, "").split(" ", 1)
        rest = words[1] if len(words) > 1 else ""
        known = re.fullmatch(r"\w{16}", words[0])
        yield f"{name:11} {words[0] if known else ''}"
        yield f" {rest if known else ' '.join(words)}"
    yield "pages that answer" + (", of those asked:" if pane.way == INSIDE else ":")
    for name in ROWS:
        yield count(pane, name)
    yield pane.verdict()[0]


def screen(panes):
    """The lines of the whole screen, none longer than it is wide."""
    ways = {pane.way for pane in panes if pane.way != TRYING} or {TRYING}
    head = textwrap.wrap(" ".join(sorted(ways)), WIDTH - 1)[:2]
    sides = [list(column(pane)) for pane in panes]
    rows = [f"{left[:PANE]:{PANE}}| {right[:PANE - 1]}".rstrip() for left, right in zip(*sides)]
    return head + rows


class Screen:
    """Draws on a terminal whenever something has changed; elsewhere once, at the end."""

    def __init__(self, panes):
        self.panes, self.lock = panes, threading.Lock()
        self.live = sys.stdout.isatty()
        if self.live:
            sys.stdout.write("\033[2J\033[?25l")

    def draw(self):
        """All of it anew."""
        if not self.live:
            return
        with self.lock:
            body = "\033[K\r\n".join(screen(self.panes))
            sys.stdout.write(f"\033[H{body}\033[K\033[J")
            sys.stdout.flush()

    def finish(self):
        """The cursor below; or the only screen."""
        self.draw()
        sys.stdout.write("\033[?25h\r\n" if self.live else "\n".join(screen(self.panes)) + "\n")
        sys.stdout.flush()


# ---- One machine -----------------------------------------------------------------------

class Machine:
    """QEMU with one kernel, and the pane that shows it."""

    def __init__(self, pane, directory, slow):
        self.pane = pane
        self.cpus, mem = knobs.size("meltdown")
        self.socket = os.path.join(directory, f"gdb-{pane.pti}")
        words = ["-outside" if os.environ.get("WAY") == "outside" else "-wait",
                 *(["-slow"] if slow else [])]
        self.argv = qemu.command(qemu.Machine(
            kernel=os.path.join(BUILD, "postern.elf"), cpus=self.cpus, mem=mem,
            initramfs=os.path.join(BUILD, "initramfs.cpio"), cpu=knob("CPU", "max"),
            accel=knob("ACCEL", "tcg"),
            cmdline=f"{knob('CMDLINE', '')} pti={pane.pti} init=/bin/meltdown "
                    f"-- {' '.join(words)}",
            extra=["-chardev", f"socket,path={self.socket},server=on,wait=off,id=gdb",
                   "-gdb", "chardev:gdb"]))

    def look(self):
        """From outside; the machine stops when the stub is spoken to."""
        held = stub.Stub(self.socket, time.monotonic() + 10)
        reader = outside.Outside(held)
        reader.wait_for_ring_3(self.cpus)
        for line in reader.lines():
            yield line + "\n"

    def run(self, draw):
        """Until all is known, or the machine has ended."""
        process = bounded.start(self.argv)
        ends = threading.Timer(SECONDS, process.kill)
        ends.start()
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            while not self.pane.done and (chunk := os.read(process.stdout.fileno(), 4096)):
                self.pane.feed(decoder.decode(chunk))
                draw()
                if self.pane.stays:
                    for text in self.look():
                        self.pane.feed(text)
                        draw()
        except (stub.Lost, OSError) as error:
            self.pane.trouble = str(error)
        finally:
            ends.cancel()
            bounded.end(process)
            process.stdout.close()


def main(argv):
    """Both machines at once."""
    if argv:
        print(__doc__)
        return argv not in (["-h"], ["--help"])
    if not os.path.isfile(os.path.join(BUILD, "postern.elf")):
        knobs.refuse("meltdown", "build/postern.elf: found nothing, expected what `make` builds")
    panes = [Pane("off"), Pane("on")]
    with tempfile.TemporaryDirectory(prefix="postern-meltdown-") as directory:
        shown = Screen(panes)
        threads = [threading.Thread(target=Machine(pane, directory, shown.live).run,
                                    args=(shown.draw,)) for pane in panes]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            bounded.end_all()
            shown.finish()
    return 0 if all(pane.verdict()[1] for pane in panes) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
