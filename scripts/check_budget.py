#!/usr/bin/env python3
"""How much there is to read: eight numbers, each with a bound.

Called by `make check`.  The reading list is what README's "Two hours of reading"
names; the gate is what lies directly in entry/, arch/, mm/ and kernel/, with four headers
of kernel/base/; the personality is kernel/linux/, what it can open kernel/fs/, what it can
read of the kernel kernel/proc/, small calls kernel/extra/, what it is told of calls that
are not here kernel/missing/, how it traces another kernel/trace/.  Prints the numbers; exits
with 1 if one is above its bound: then something goes elsewhere, or is said once instead of
twice.
Each item of the list must say how many lines it has, and give them time.

    scripts/check_budget.py [ROOT]
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GATE = ("entry", "arch", "mm", "kernel")
HEADERS = ("layout.h", "percpu.h", "x86.h", "insn.h")
SUFFIXES = (".c", ".h", ".asm", ".inc")
LINES_A_MINUTE, MINUTES = 33, 120
# Of the files 400 and of tracing 360 were the personality's before they had a room.
BOUNDS = {"reading list": 2300, "gate": 5000, "personality": 8600, "files": 6880, "proc": 1850,
          "extra": 480, "missing calls": 130, "tracing": 800}
ROOMS = {"personality": "kernel/linux", "files": "kernel/fs", "proc": "kernel/proc",
         "extra": "kernel/extra", "missing calls": "kernel/missing", "tracing": "kernel/trace"}


def lines(path):
    """Of one file."""
    with open(path, encoding="utf-8") as file:
        return sum(1 for _ in file)


def reading_part(root):
    """That part of the README."""
    with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
        text = file.read()
    return text.split("## Two hours of reading", 1)[-1].split("\n## ", 1)[0]


def files_named(root, text):
    """The sources that TEXT names, each once."""
    names = dict.fromkeys(re.findall(r"`([a-z_0-9/]+\.(?:c|h|asm))`", text))
    return [os.path.join(root, name) for name in names]


def reading_list(root):
    """The files that the README has a newcomer read."""
    return files_named(root, reading_part(root))


def wrong_items(root):
    """What is wrong with the list's lines and minutes, one line each."""
    total = 0
    for item in re.findall(r"^\d+\. .*", reading_part(root), re.M):
        number, there = item.split(".")[0], sum(map(lines, files_named(root, item)))
        said = re.match(r"\d+\. \((\d+) lines, (\d+) min\) ", item)
        if not said:
            yield f"item {number}: found no '(N lines, N min)'"
            continue
        total += int(said[2])
        if int(said[1]) != there:
            yield f"item {number}: found '{said[1]} lines', expected {there}"
        if there > LINES_A_MINUTE * int(said[2]):
            yield f"item {number}: found {there} lines in {said[2]} minutes, expected " \
                  f"at most {LINES_A_MINUTE} a minute"
    if total > MINUTES:
        yield f"found {total} minutes in all, expected {MINUTES}"


def sources(folder):
    """Files of the folder itself."""
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if name.endswith(SUFFIXES)]


def gate(root):
    """What a reader of the gate has before him."""
    out = [os.path.join(root, "kernel/base", name) for name in HEADERS]
    for folder in GATE:
        out += sources(os.path.join(root, folder))
    return out


def below(root, room):
    """A room, and what is below."""
    return [path for folder, _, _ in os.walk(os.path.join(root, room))
            for path in sources(folder)]


def main(argv):
    """Counts."""
    root = argv[0] if argv else os.path.dirname(HERE)
    parts = {"reading list": reading_list(root), "gate": gate(root),
             **{name: below(root, room) for name, room in ROOMS.items()}}
    bad = False
    for name, part in parts.items():
        found, most = sum(map(lines, part)), BOUNDS[name]
        bad |= not 0 < found <= most
        print(f"budget: {name}: {found} lines, at most {most}" +
              ("" if 0 < found <= most else ": too many, or none found"))
    wrong = list(wrong_items(root))
    for line in wrong:
        print(f"budget: reading list: {line}")
    return int(bad or bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
