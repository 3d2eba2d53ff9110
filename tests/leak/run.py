#!/usr/bin/env python3
"""The audit from outside, and the screens of `make meltdown`.

Boots Postern under QEMU's stub, stops it in ring 3, and reads all that the loaded
tables map, without asking for rights: exactly the ledger's pages; no hidden address
in them; nothing on the stacks of CPUs at rest; and, with a task on each CPU whose
registers are full of a known word (tests/user/gate/leak/poison.c), that word on no page of
a CPU that is back in ring 3.  Then words and a page are planted, which the same
functions must find.  tests/suites/leak.c is the same from inside, where the emulator
has the flaw; this one works on every emulator that has a stub.

Prints `ok N - sentence` or `not ok N - sentence`.  Called by tests/run.py.

    tests/leak/run.py [--sample]      (without the screens)
"""
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "scripts"), os.path.join(ROOT, "scripts", "gdb")]
import bounded  # noqa: E402
import ledger  # noqa: E402
import outside  # noqa: E402
import stub  # noqa: E402
from headers import N, area  # noqa: E402

ELF = os.path.join(ROOT, "build", "postern.elf")
INITRAMFS = os.path.join(ROOT, "build", "initramfs.cpio")
CPUS = 2
START_SECONDS, SAMPLES = 120, 40
POISON = (0x5ec0de00 >> 8).to_bytes(3, "little")  # the low byte is the task's
SHOWN = 5


class Tap:
    """The lines of the result."""

    def __init__(self):
        self.number = self.failed = 0

    def check(self, problems, sentence):
        """One step; problems: what was found, empty if all is well."""
        self.number += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.number} - {sentence}")
        for line in list(problems)[:SHOWN]:
            print(f"# {line}")
        sys.stdout.flush()


# ---- The ledger -------------------------------------------------------------------

class Ledger:
    """Which pages may be seen, from the kernel's own table, by a program of one thread.

    With roots=cpu `own` is the one CPU whose area may be.
    """

    def __init__(self, cpus, own=None, deferred=False, trampoline=True):
        rows, self.symbols = ledger.rows(ELF)
        self.must, self.may, self.stacks, self.cpu = set(), set(), set(), {}
        for _, place, at, pages, writable, optional in rows:
            mine = place == "places" or place == "shared" and at >= N["CEA_DEFERRED_TEXT"]
            if mine and not deferred or place in ("process", "espfix", "guest", "vdso"):
                continue  # of processes with an LDT and of guests: there are none here
            if at == N["CEA_TRAMPOLINE"] and not trampoline:
                continue
            for cpu in ([0] if place in ("shared", "places") else
                        range(cpus) if own is None else [own]):
                start = self.address(place, at, cpu)
                for i in range(pages or self.pages_of(at)):
                    page = start + i * N["PAGE_SIZE"]
                    (self.may if optional and not mine else self.must).add(page)
                    if writable and not mine:
                        self.stacks.add(page)
                    if place == "area":
                        self.cpu[page] = cpu

    def pages_of(self, at):
        """Of what the linker knows the size of."""
        ends = {N["CEA_ENTRY_TEXT"]: ("entry_text_lma", "trampoline_lma"),
                N["CEA_DEFERRED_TEXT"]: ("deferred_text_lma", "deferred_rodata_lma"),
                N["CEA_DEFERRED_RODATA"]: ("deferred_rodata_lma", "deferred_end_lma")}
        first, end = (self.symbols[name] for name in ends[at])
        return -(-(end - first) // N["PAGE_SIZE"])

    @staticmethod
    def address(place, at, cpu):
        """As ledger_address(); a program's first thread has the first place."""
        if place == "places":
            return N["PTI_PLACE_BASE"] + at
        if place == "area":
            return area(cpu) + at
        return at


# ---- Looking ------------------------------------------------------------------------

def shown(reader):
    """All pages that the loaded kernel half maps."""
    pages = set()
    for address, size, _ in reader.leaves():
        if size > 1 << 21:  # a piece of the direct map: one page stands for it
            size = N["PAGE_SIZE"]
        pages.update(range(address, address + size, N["PAGE_SIZE"]))
    return pages


def differences(reader, book):
    """Of the tables from the ledger."""
    pages = shown(reader)
    return [f"{page:#x} is shown, and not in the ledger" for page in
            sorted(pages - book.must - book.may)] + \
        [f"{page:#x} is in the ledger, and not shown" for page in sorted(book.must - pages)]


def is_hidden(value, book):
    """An address of the direct map, the vmap area or the image."""
    return N["DIRECT_MAP_BASE"] <= value < N["DIRECT_MAP_BASE"] + (1 << 34) or \
        N["VMAP_BASE"] <= value < N["VMAP_END"] or \
        book.symbols["image_text_start"] <= value < book.symbols["image_data_end"]


def hidden_in(data, page, book):
    """Hidden addresses in any window of eight bytes, and in gates and descriptors."""
    for found in re.finditer(rb"(?=\xff\xff)", data):
        at = found.start() - 6
        value = int.from_bytes(data[at:at + 8], "little") if at >= 0 else 0
        if is_hidden(value, book):
            yield f"{page + at:#x} holds {value:#x}"
    words = outside.words(data)
    for i in range(len(words) - 1):
        low, high = words[i], words[i + 1]
        gate = low & 0xffff | low >> 48 << 16 | (high & 0xffffffff) << 32
        base = low >> 16 & 0xffffff | low >> 56 << 24 | (high & 0xffffffff) << 32
        if page == N["CEA_IDT"] and i % 2 == 0 and is_hidden(gate, book):
            yield f"{page + i * 8:#x} is a gate with {gate:#x}"
        if N["CEA_BASE"] <= page < N["CEA_SLOT_END"] and page % N["CEA_STRIDE"] == N["CEA_GDT"] \
                and is_hidden(base, book):
            yield f"{page + i * 8:#x} is a descriptor with {base:#x}"


def hidden_addresses(reader, book):
    """In all pages of the ledger."""
    return [line for page in sorted(book.must)
            for line in hidden_in(reader.read(page, N["PAGE_SIZE"]), page, book)]


def left_on_stacks(reader, book, cpus):
    """What is not zero on those of some CPUs."""
    out = []
    for page in sorted(book.stacks & book.must):
        data = reader.read(page, N["PAGE_SIZE"])
        if book.cpu[page] in cpus and any(data):
            at = next(i for i, byte in enumerate(data) if byte)
            out.append(f"{page + at:#x} holds {data[at & ~7:][:8].hex(' ')}")
    return out


def poison_of(reader, book, cpus):
    """Words of poisoned tasks on pages of some CPUs."""
    out = []
    for page in sorted(book.must):
        if book.cpu.get(page) not in cpus:
            continue
        place = reader.read(page, N["PAGE_SIZE"]).find(POISON)
        if place >= 0:
            out.append(f"{page + place - 1:#x} of CPU {book.cpu[page]}, which is in ring 3")
    return out


# ---- The machine ---------------------------------------------------------------------

class Stopped:
    """Postern, booted so far that init has said something; use with `with`."""

    def __init__(self, directory, cmdline, line, cpus=CPUS):
        self.machine = stub.Machine(directory, ELF, cpus, "max", cmdline, INITRAMFS)
        self.cpus = cpus
        self.reader = outside.Outside(self.machine)
        self.line = line

    def __enter__(self):
        self.machine.__enter__()
        end = time.monotonic() + START_SECONDS
        while self.line not in self.machine.console():
            if time.monotonic() > end:
                raise stub.Lost(f"found no line '{self.line}'")
            self.machine.run_for(0.3)
        return self

    def __exit__(self, *error):
        self.machine.__exit__(*error)

    def in_ring_3(self):
        """Runs on until a CPU is in user mode; which are."""
        self.machine.run_for(outside.RUN_SECONDS)
        return self.reader.wait_for_ring_3(self.cpus)

    def physical(self, page):
        """Where a shown page is."""
        return next(entry & N["PTE_ADDR_MASK"] for address, _, entry in self.reader.leaves()
                    if address == page)


def at_rest(tap, directory, book):
    """One program that spins; the other CPU has nothing to do."""
    with Stopped(directory, "pti=on init=/bin/meltdown -- -outside", "from outside") as stopped:
        reader, busy = stopped.reader, stopped.in_ring_3()
        idle = set(range(CPUS)) - set(busy)
        tap.check(differences(reader, book), "exactly the ledger's pages are shown")
        tap.check(hidden_addresses(reader, book), "no hidden address is in them")
        tap.check(left_on_stacks(reader, book, idle) if idle else ["found no CPU at rest"],
                  "nothing is on the stacks of a CPU at rest")
        planted(tap, stopped, book, idle)


def plant_page(stopped, page, frame):
    """In the loaded tables, read-only."""
    root = stopped.reader.register("cr3") & N["PTE_ADDR_MASK"]
    for level in (4, 3, 2):
        entry = stopped.reader.table(root)[page >> 12 + 9 * (level - 1) & 511]
        root = entry & N["PTE_ADDR_MASK"]
    stopped.machine.write(root + (page >> 12 & 511) * 8,
                          (frame | N["PTE_P"]).to_bytes(8, "little"), physical=True)


def planted(tap, stopped, book, idle):
    """The same functions find what is planted."""
    machine, reader = stopped.machine, stopped.reader
    stack = max(page for page in book.stacks & book.must if book.cpu[page] in idle)
    place = stopped.physical(stack) + 0x123
    for value, look in ((book.symbols["image_text_start"] + 5, hidden_addresses),
                        (N["VMAP_BASE"] + 0x7f8, hidden_addresses),
                        (1, lambda r, b: left_on_stacks(r, b, idle)),
                        (0x5ec0de0100000000, lambda r, b: poison_of(r, b, idle))):
        machine.write(place, value.to_bytes(8, "little"), physical=True)
        tap.check([] if len(look(reader, book)) == 1 else ["not found, or too much"],
                  f"a planted {value:#x} is found")
    machine.write(place, bytes(8), physical=True)
    guard = area(0) + N["CEA_ENTRY_STACK"] - N["PAGE_SIZE"]
    plant_page(stopped, guard, place & ~4095)
    tap.check([] if differences(reader, book) == [f"{guard:#x} is shown, and not in the ledger"]
              else ["not found, or too much"], "a planted page is found")


def with_poison(tap, directory, book):
    """A task full of poison on each CPU: looked at again and again."""
    found, looks = set(), 0
    with Stopped(directory, f"pti=on init=/bin/leak -- victims={CPUS}",
                 "runs on each CPU") as stopped:
        for _ in range(SAMPLES):
            cpus = stopped.in_ring_3()
            looks += len(cpus)
            found.update(poison_of(stopped.reader, book, cpus))
        tap.check(differences(stopped.reader, book), "the same pages are shown to these tasks")
    tap.check(sorted(found), f"no word of a task is left when it is back in ring 3 "
              f"(on any of {CPUS} CPUs)")
    print(f"# {looks} looks at a CPU in ring 3")


def with_roots(tap, directory, _book):
    """roots=cpu: of all CPUs' areas the user PGD shows that of its own."""
    with Stopped(directory, f"pti=on roots=cpu init=/bin/leak -- victims={CPUS}",
                 "runs on each CPU") as stopped:
        reader, found = stopped.reader, set()
        books = [Ledger(CPUS, cpu) for cpu in range(CPUS)]
        for _ in range(SAMPLES):
            own = stopped.in_ring_3()[-1]
            found.update(poison_of(reader, books[own], {own}))
        book = books[own]
        tap.check(differences(reader, book), "roots=cpu: exactly the CPU's own pages are shown")
        tap.check(hidden_addresses(reader, book), "roots=cpu: no hidden address is in them")
        tap.check(sorted(found), "roots=cpu: no word of a task is left on them")
        other = area(1 - own) + N["CEA_ENTRY_STACK"]
        stack = stopped.physical(area(own) + N["CEA_ENTRY_STACK"])
        plant_page(stopped, other, stack)
        tap.check([] if differences(reader, book) ==
                  [f"{other:#x} is shown, and not in the ledger"] else ["not found, or too much"],
                  "roots=cpu: a planted page of another CPU is found")


def shared_entry(tap, directory, _):
    """syscall=entry: no trampoline is shown, and the rest holds nothing more."""
    book = Ledger(CPUS, trampoline=False)
    with Stopped(directory, f"pti=on syscall=entry init=/bin/leak -- victims={CPUS}",
                 "runs on each CPU") as stopped:
        reader, found = stopped.reader, set()
        for _ in range(SAMPLES):
            found.update(poison_of(reader, book, stopped.in_ring_3()))
        tap.check(differences(reader, book), "syscall=entry: exactly the ledger's pages are shown")
        tap.check(hidden_addresses(reader, book), "syscall=entry: no hidden address is in them")
        tap.check(sorted(found), "syscall=entry: no word of a task is left on them")
        trampoline = area(0) + N["CEA_TRAMPOLINE"]
        plant_page(stopped, trampoline, book.symbols["trampoline_lma"])
        tap.check([] if differences(reader, book) ==
                  [f"{trampoline:#x} is shown, and not in the ledger"] else ["not found, or too much"],
                  "syscall=entry: a planted trampoline is found")


def deferred(tap, directory, _):
    """pti=deferred: two pages of its own, and what runs on its table; no other's."""
    book = Ledger(CPUS, deferred=True)
    with Stopped(directory, f"pti=deferred init=/bin/leak -- victims={CPUS}",
                 "runs on each CPU") as stopped:
        reader, found, looks, frames = stopped.reader, set(), 0, {}
        for _ in range(SAMPLES // 4):
            cpus = stopped.in_ring_3()
            looks += len(cpus)
            found.update(poison_of(reader, book, cpus))
            for cpu in cpus:
                stopped.machine.select(cpu)
                found.update(differences(reader, book))
                found.update(hidden_addresses(reader, book))
                frames.setdefault(reader.register("cr3"), set()).update(
                    entry for address, _, entry in reader.leaves()
                    if outside.region(address) == "LDT")
    shared = [f"{one & ~4095:#x} is shown to two processes" for first in frames
              for other in frames if first < other for one in frames[first] & frames[other]]
    tap.check(sorted(found), "pti=deferred: exactly the ledger's pages, with nothing in them")
    tap.check(shared if len(frames) > 1 else ["found no two processes"],
              "a PTI stack is shown to its own process alone")
    print(f"# {looks} looks at a CPU in ring 3, {len(frames)} processes")


def without_shadow(tap, directory, book):
    """pti=off: all of the kernel is there, and is seen."""
    with Stopped(directory, "pti=off init=/bin/meltdown -- -outside", "from outside") as stopped:
        stopped.in_ring_3()
        seen = {outside.region(page) for page in shown(stopped.reader) - book.must}
        missing = {"direct map", "task stacks", "cpu vaults", "kernel image"} - seen
    tap.check(sorted(missing), "with pti=off image, direct map, stacks and vaults are seen")


def screens(tap):
    """Both ways of `make meltdown`, as far as the emulator has both."""
    for way in ("", "outside"):
        environment = dict(os.environ, WAY=way, CPUS="2", MEM="256M")
        done = bounded.run([sys.executable, os.path.join(ROOT, "scripts", "meltdown.py")],
                           600, env=environment)
        lines = done.output.splitlines()
        problems = [f"found exit status {done.status}"] * (done.status != 0)
        problems += [line for line in lines if len(line) > 80]
        problems += [f"found {len(lines)} lines"] * (not 20 <= len(lines) < 24)
        name = "from outside" if way else "by the program, or as the emulator lets it"
        tap.check(problems + lines * bool(problems),
                  f"make meltdown, {name}: the secret with pti=off, nothing with pti=on")


def main(argv):
    """All of it."""
    tap, book = Tap(), Ledger(CPUS)
    with tempfile.TemporaryDirectory(prefix="postern-leak-") as directory:
        for part in (at_rest, with_poison, with_roots, shared_entry, deferred, without_shadow):
            try:
                part(tap, directory, book)
            except (stub.Lost, OSError, subprocess.SubprocessError) as error:
                tap.check([str(error)], f"{part.__name__}: comes to its end")
    if "--sample" not in argv:
        screens(tap)
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
