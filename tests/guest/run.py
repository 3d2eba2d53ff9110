#!/usr/bin/env python3
"""Runs guest kernels on the bare machine and under the monitor, and compares what they print.

The same ELF file (user/guest/, tests/guest/instructions/) boots at all of places.py's PLACES.
What must be refused or ended is in bad.py.  A line that begins with blanks belongs to the
one before.  Each difference is a failure, or stands in tests/guest/differences.txt with its
reason.  Prints `ok` and `not ok` lines.  Called by tests/run.py; by hand:

    tests/guest/run.py [--only GLOB] [--write DIRECTORY] [--elf IMAGE]

GLOB is of GUEST@PLACE, or of a row of bad.py; the transcripts go to DIRECTORY, too; IMAGE
is another kernel than the build's.
"""
import argparse
import concurrent.futures
import dataclasses
import fnmatch
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import bad  # noqa: E402
import places  # noqa: E402
from places import BY_NAME, PLACES  # noqa: E402

TABLE = os.path.join(HERE, "differences.txt")
LAST = "guest: all said"
ENOUGH = {"guest": 130, "instructions": 1000, "corners": 30}  # facts that each must print
# Of the many lines these are enough: nothing in them is about limits or another way.
PLACES_OF = {"guest": [place.name for place in PLACES],
             "instructions": ["qemu", "bochs", "umip-all", "plain-one", "bochs-all"],
             "corners": ["qemu", "bochs", "umip-all", "plain-one", "bochs-all", "bochs-one"]}
OF_VERSIONS = ")"  # how the reason ends of a row that not every version needs
SHOWN = 8  # differences that one line names
BAD_AT = "umip-all"


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

    def names(self, place):
        """Is it one of the places?"""
        return any(fnmatch.fnmatchcase(place, where) for where in self.where.split())

    def explains(self, place, one, other):
        """Is that the difference that the row means?"""
        return self.names(place) and \
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
        if row.why.endswith(OF_VERSIONS):
            continue
        named = list(filter(row.names, places))
        idle = [name for name in named if name not in row.used]
        if idle or not named:
            yield f"'{row.line}' at {', '.join(idle) or row.where}"


def judge(runs, table):
    """(good, sentence) of each run and each comparison."""
    transcripts = {}
    for (guest, place), run in runs.items():
        wrong, output = place.problem(run), run.output
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


def judge_table(table):
    """(good, sentence) of the table, behind all comparisons."""
    idle = list(stale(table, list(BY_NAME)))
    yield not idle, "each row of differences.txt explains one; not: " + \
        ("; ".join(idle) or "none")


def judge_bad(ends):
    """(good, sentence) of each that must be refused or ended."""
    for row in bad.ROWS:
        if row[0] in ends:
            what = bad.problem(row, ends[row[0]].output, ends[row[0]].status)
            yield not what, f"{row[0]}: {what or row[1] or row[2]}"


def choose(only):
    """(guest, place) of all runs, or of those that are asked for, with what they are
    compared with."""
    pairs = [(guest, BY_NAME[name]) for guest in ENOUGH for name in PLACES_OF[guest]]
    chosen = [(guest, place) for guest, place in pairs
              if fnmatch.fnmatchcase(f"{guest}@{place.name}", only)]
    wanted = {(guest, place.reference) for guest, place in chosen}
    return [pair for pair in pairs if pair in chosen or (pair[0], pair[1].name) in wanted]


def run_all(jobs):
    """The boots, two at a time."""
    with tempfile.TemporaryDirectory(prefix="postern-guest-") as directory, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda job: job[1].run(job[1], job[0], directory), jobs))


def write(directory, runs):
    """The transcripts, as they are compared."""
    for (guest, place), run in runs.items():
        name = os.path.join(directory, f"{guest}.{place.name}.txt")
        with open(name, "w", encoding="utf-8") as file:
            file.write("\n".join(facts(run.output) or [run.output]) + "\n")


def main(argv):
    """Chooses, runs, judges."""
    parser = argparse.ArgumentParser(description="Compares guests, bare and under the monitor.")
    parser.add_argument("--only", metavar="GLOB", default="*")
    parser.add_argument("--write", metavar="DIRECTORY")
    parser.add_argument("--elf", metavar="IMAGE", default=places.KERNEL)
    options = parser.parse_args(argv)
    places.KERNEL = options.elf
    pairs = choose(options.only)
    ends = [row[0] for row in bad.ROWS if fnmatch.fnmatchcase(row[0], options.only)]
    results = run_all(pairs + [(name, places.REFUSING if name in ENOUGH else BY_NAME[BAD_AT])
                               for name in ends])
    runs = dict(zip(pairs, results))
    if options.write:
        write(options.write, runs)
    with open(TABLE, encoding="utf-8") as file:
        table = rows(file.read())
    sentences = [*judge(runs, table), *judge_bad(dict(zip(ends, results[len(pairs):])))]
    if options.only == "*":
        sentences += judge_table(table)
    for number, (fine, sentence) in enumerate(sentences, 1):
        print(f"{'ok' if fine else 'not ok'} {number} - {sentence}")
    print(f"1..{len(sentences)}")
    return 0 if all(fine for fine, _ in sentences) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
