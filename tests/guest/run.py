#!/usr/bin/env python3
"""Runs guest kernels on the bare machine and under the monitor, and compares what they print.

The same ELF file (user/guest/, tests/guest/instructions/) boots in QEMU, by -kernel, and in
Bochs, by a GRUB ISO, and as init of Postern.  A line that begins with blanks belongs to the
one before.  Each difference is a failure, or stands in tests/guest/differences.txt with its
reason.  Prints `ok` and `not ok` lines.  Called by tests/run.py; by hand:

    tests/guest/run.py [--write DIRECTORY]     the transcripts go there, too
"""
import argparse
import concurrent.futures
import dataclasses
import fnmatch
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import boots  # noqa: E402

sys.path.insert(0, os.path.join(boots.ROOT, "scripts"))
import bochs  # noqa: E402
import qemu  # noqa: E402

TABLE = os.path.join(HERE, "differences.txt")
LAST = "guest: all said"
ENOUGH = {"guest": 130, "instructions": 700}  # facts that each must print
TIMEOUT = 300
BARE_END = 1  # isa-debug-exit's status for 0, which is what the guests end with
SHOWN = 8     # differences that one line names


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a guest runs, and the place whose lines it is compared with."""
    name: str
    run: object      # (place, guest, directory) -> (lines, what is wrong with the end)
    reference: str = ""


def path(guest):
    """The guest's file."""
    return os.path.join(boots.BUILD, "user", f"{guest}.elf")


def on_qemu(_place, guest, _directory):
    """Bare, by QEMU's own multiboot loader."""
    result = qemu.run(qemu.Machine(kernel=path(guest), cpus=1, mem="64M"), TIMEOUT)
    wrong = "" if result.status == BARE_END else \
        f"found QEMU status {result.status}, expected {BARE_END}"
    return result.output, "found no end" if result.timed_out else wrong


def on_bochs(_place, guest, directory):
    """Bare, by GRUB."""
    iso = os.path.join(directory, f"{guest}.iso")
    subprocess.run([os.path.join(boots.ROOT, "scripts/mkiso"), path(guest), os.devnull, iso],
                   check=True)
    result = bochs.run(iso, TIMEOUT, 1)
    return result.output, "Bochs ended, but not by the guest" if result.status else ""


PLACES = (Place("qemu", on_qemu), Place("bochs", on_bochs, "qemu"))


def facts(output):
    """The guest's lines, each with those that belong to it; None if it was cut short."""
    found = []
    for raw in output.replace("\r", "").split("\n"):
        if not found:
            begin = raw.find("guest: ")
            if begin >= 0:  # behind what clears GRUB's screen
                found.append(raw[begin:])
        elif raw.startswith(" "):
            found[-1] += raw
        elif raw:
            found.append(raw)
        if raw == LAST:
            return found
    return None


@dataclasses.dataclass
class Row:
    """A line of the table, and the places where it has explained something."""
    where: str
    reference: str
    line: str
    why: str
    used: set = dataclasses.field(default_factory=set)

    def explains(self, place, one, other):
        """Is that the difference that the row means?"""
        return fnmatch.fnmatchcase(place, self.where) and \
            fnmatch.fnmatchcase(one, self.reference) and fnmatch.fnmatchcase(other, self.line)


def literal_brackets(pattern):
    """fnmatch's only special signs are to be * and ?: instructions have brackets."""
    return pattern.replace("[", "[[]")


def rows(text):
    """The table's rows."""
    out = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            where, *patterns, why = (part.strip() for part in line.split("|"))
            out.append(Row(where, *map(literal_brackets, patterns), why))
    return out


def unexplained(place, one, other, table):
    """The differences of two lists of facts that no row explains, as sentences."""
    if len(one) != len(other):
        for a, b in zip(one, other):
            if a.split(":")[0] != b.split(":")[0]:
                return [f"lines lost or too many: '{a}' there, '{b}' here"]
        return [f"found {len(other)} lines, expected {len(one)}"]
    out = []
    for a, b in zip(one, other):
        fitting = [row for row in table if a != b and row.explains(place, a, b)]
        for row in fitting:
            row.used.add(place)
        if a != b and not fitting:
            out.append(f"'{a}' there, '{b}' here")
    return out


def stale(table, places):
    """Rows that explain nothing, at a place that they name or at any."""
    for row in table:
        named = fnmatch.filter(places, row.where)
        idle = [name for name in named if name not in row.used]
        if idle or not named:
            yield f"'{row.line}' at {', '.join(idle) or row.where}"


def judge(runs, table):
    """(good, sentence) of each run, each comparison, and the table."""
    transcripts = {}
    for (guest, place), (output, wrong) in runs.items():
        found = facts(output)
        transcripts[guest, place.name] = found
        count = len(found or [])
        if not found:
            wrong = f"{wrong or 'cut short'}, behind: {output[-200:]!r}"
        yield not wrong and count >= ENOUGH[guest], \
            f"{guest} at {place.name}: found {count} facts, {wrong or 'and the end'}"
    for guest, place in runs:
        one, other = (transcripts.get((guest, name)) for name in (place.reference, place.name))
        if one and other:
            bad = unexplained(place.name, one, other, table)
            yield not bad, f"{guest} at {place.name} is as at {place.reference}, " \
                f"not explained: {len(bad)}{''.join('; ' + what for what in bad[:SHOWN])}"
    names = [place.name for place in dict.fromkeys(place for _, place in runs)]
    idle = list(stale(table, names))
    yield not idle, "each row of differences.txt explains one; not: " + \
        ("; ".join(idle) or "none")


def main(argv):
    """The boots, two at a time, and the judgement."""
    parser = argparse.ArgumentParser(description="Compares guests, bare and under the monitor.")
    parser.add_argument("--write", metavar="DIRECTORY", help="put the transcripts there")
    options = parser.parse_args(argv)
    jobs = [(guest, place) for guest in ENOUGH for place in PLACES]
    with tempfile.TemporaryDirectory(prefix="postern-guest-") as directory, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda job: job[1].run(job[1], job[0], directory), jobs)
        runs = dict(zip(jobs, results))
    if options.write:
        for (guest, place), (output, _) in runs.items():
            name = os.path.join(options.write, f"{guest}.{place.name}.txt")
            with open(name, "w", encoding="utf-8") as file:
                file.write("\n".join(facts(output) or [output]) + "\n")
    with open(TABLE, encoding="utf-8") as file:
        table = rows(file.read())
    good = True
    for number, (fine, sentence) in enumerate(judge(runs, table), 1):
        good = good and fine
        print(f"{'ok' if fine else 'not ok'} {number} - {sentence}")
        last = number
    print(f"1..{last}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
