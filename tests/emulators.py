#!/usr/bin/env python3
"""Compares what user programs see in QEMU and in Bochs.

Boots tests/user/gate/witness.c in QEMU and in two models of Bochs, and takes apart what
it prints: for each forbidden thing the signal and all registers, for each other
program its lines.  Every difference must be explained by a row of the table in
docs/emulators.md, and every row's pattern must explain one, but where the row has
a version of QEMU that does as Bochs does.  Called by tests/run.py; prints `ok` and
`not ok` lines.  By hand: `make emulators`.

A difference has a name: `fault int1/signal`, `fault in/flags.RF`, `umip/smsw rax`
(a line that only one has).  Where signals differ, registers are not compared.
"""
import concurrent.futures
import fnmatch
import os
import re
import signal
import subprocess
import sys
import tempfile

import boots

sys.path.insert(0, os.path.join(boots.ROOT, "scripts"))
import bochs  # noqa: E402
import qemu  # noqa: E402

ARGUMENTS = "pti=on norandmaps init=/bin/witness"
TABLE = os.path.join(boots.ROOT, "docs", "emulators.md")
TIMEOUT = 600
CASE = re.compile(r"^(fault|doors|entry32) (\d+): (signal|exit) (\d+)((?: \w+ [0-9a-f]+)*)$")
LINE = re.compile(r"^(ok|not ok) \d+ - (.*)$")
BITS = {0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF",
        14: "NT", 16: "RF", 18: "AC"}
ALL = {"QEMU": None, "skylake": "corei7_skylake_x", "ryzen": "ryzen"}
ENOUGH = 800  # facts that each run must give


def fault_names():
    """The names of fault.c's cases, by their numbers."""
    done = subprocess.run([os.path.join(boots.BUILD, "user", "fault"), "--list"],
                          check=True, text=True, capture_output=True)
    return [line.split()[0] for line in done.stdout.splitlines()]


def run(name, directory):
    """What the programs print in one emulator."""
    if name == "QEMU":
        m = qemu.Machine(kernel=boots.KERNEL, initramfs=boots.INITRAMFS, cpus=1,
                         cmdline=ARGUMENTS)
        return qemu.run(m, TIMEOUT).output
    iso = os.path.join(directory, f"{name}.iso")
    subprocess.run([os.path.join(boots.ROOT, "scripts/mkiso"), boots.KERNEL,
                    boots.INITRAMFS, iso, ARGUMENTS], check=True)
    return bochs.run(iso, TIMEOUT, 1, ALL[name]).output


def how(kind, number):
    """The end of a case in words."""
    return signal.Signals(int(number)).name if kind == "signal" else f"exit {number}"


def facts(text, names):
    """Name -> value of all that one run says; a line's value is ok or not ok."""
    found, program = {}, None
    for line in text.replace("\r", "").splitlines():
        case, result = CASE.match(line), LINE.match(line)
        if case:
            number = int(case[2])
            what = f"{case[1]} {names[number] if case[1] == 'fault' else number}"
            found[f"{what}/signal"] = how(case[3], case[4])
            words = case[5].split()
            found.update({f"{what}/{name}": value for name, value in
                          zip(words[::2], words[1::2])})
        elif line.startswith("program "):
            program = os.path.basename(line.split()[1].rstrip(":"))
            if "status" in line:
                found[f"{program}/status"] = line.split()[-1]
        elif result:
            found[f"{program}/{result[2]}"] = result[1]
    return found


def differences(a, b):
    """Name -> (value there, value here) of what two runs say differently."""
    out = {}
    for name in sorted(a.keys() | b.keys()):
        one, other = a.get(name, "-"), b.get(name, "-")
        what, _, part = name.partition("/")
        by = (f"{what}/signal" in a or f"{what}/signal" in b) and part != "signal"
        if one == other or by and a.get(f"{what}/signal") != b.get(f"{what}/signal"):
            continue
        if by and part == "flags":
            bits = int(one, 16) ^ int(other, 16)
            for bit in range(32):
                if bits >> bit & 1:
                    out[f"{what}/flags.{BITS.get(bit, bit)}"] = tuple(
                        str(int(v, 16) >> bit & 1) for v in (one, other))
        else:
            out[name] = one, other
    return out


def rows(path=TABLE):
    """(pattern, {emulator: cell}) of each row of the table that has patterns."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip().strip("|").split("|") for line in file
                 if line.startswith("|")]
    heads = [cell.strip() for cell in lines[0]]
    for line in lines[2:]:
        cells = dict(zip(heads, (cell.strip() for cell in line)))
        for pattern in re.findall(r"`([^`]+)`", cells["seen as"]):
            yield pattern, cells


def values(cell):
    """A cell that is to be taken literally: what was seen, by version; or None."""
    found = re.findall(r"`([^`]*)`", cell)
    return set(found) if cell.startswith("`") else None


def may_agree(cells, others):
    """Do versions of QEMU differ in the row, and does one do as one of the others?"""
    seen = values(cells["QEMU"]) or set()
    return len(seen) > 1 and any(seen & (values(cells[name]) or set()) for name in others)


def explained(name, pair, emulators, table):
    """The patterns of the rows that explain one difference."""
    for pattern, cells in table:
        wanted = [values(cells[emulator]) for emulator in emulators]
        if fnmatch.fnmatchcase(name, pattern) and \
                all(want is None or got in want for want, got in zip(wanted, pair)):
            yield pattern


def judge(runs, table):
    """(good, sentence) of everything that is to be said of the runs."""
    used = set()
    for name, found in runs.items():
        bad = sorted(fact for fact, what in found.items() if what == "not ok")
        yield len(found) > ENOUGH and not bad, \
            f"{name}: found {len(found)} facts, not ok: {', '.join(bad) or 'none'}"
    for other in list(runs)[1:]:
        found, unknown = differences(runs["QEMU"], runs[other]), []
        for name, pair in found.items():
            patterns = set(explained(name, pair, ("QEMU", other), table))
            used |= patterns
            if not patterns:
                unknown.append(f"{name}: {pair[0]} and {pair[1]}")
        yield not unknown, f"QEMU and Bochs {other}: found {len(found)} differences, " \
            f"not explained: {'; '.join(unknown) or 'none'}"
    stale = sorted({pattern for pattern, cells in table
                    if not may_agree(cells, list(runs)[1:])} - used)
    yield not stale, f"docs/emulators.md: explains what does not differ: " \
        f"{', '.join(stale) or 'nothing'}"


def main():
    """The three boots, and the judgement."""
    names = fault_names()
    with tempfile.TemporaryDirectory(prefix="postern-emulators-") as directory, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        texts = list(pool.map(lambda name: run(name, directory), ALL))
    runs = {name: facts(text, names) for name, text in zip(ALL, texts)}
    good = True
    for number, (fine, sentence) in enumerate(judge(runs, list(rows())), 1):
        good = good and fine
        print(f"{'ok' if fine else 'not ok'} {number} - {sentence}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
