#!/usr/bin/env python3
"""Which lines of C and which instructions of entry text the tests execute.

Called by `make coverage`, which builds build/coverage/covered.elf and runs the
host tests first, whose counters lie in build/coverage/host/.  Makes boots of
tests/machines.cfg (QEMU; direct, or an ISO of their own) with that kernel and
prints a table of C lines by file, the instructions of entry text that no boot
executed, and the totals; build/coverage/missing.txt has every line never
executed.  Exits with 1 if a boot failed or an aim (AIMS) was missed.

    tests/coverage/run.py [--only GLOB]... [--jobs N] [--scale X]

The C counters are gcc's, sent by tests/coverage/dump.c at power off, merged over
the boots by gcov-tool and laid out by gcov.  Instructions are those of the blocks
that TCG translated, which it does when execution reaches a block for the first
time; of entry text only a block's last instruction can fault.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import boots  # noqa: E402
import machines  # noqa: E402
from boots import ROOT, bounded, ktap  # noqa: E402

BUILD = os.path.join(boots.BUILD, "coverage")
KERNEL = os.path.join(BUILD, "covered.elf")
RUNS = os.path.join(BUILD, "runs")
MISSING = os.path.join(BUILD, "missing.txt")
AIMS = {"C": 90.0, "entry": 100.0}

# Boots that are long and run no code that others do not.
LEFT_OUT = ("cpus-16", "cpus-255", "mem-*", "init-storm-*", "gdt-pages-16", "pc")

# QEMU has no PCIDs: that the Bochs boots do not die shows that it is executed.
NOT_IN_QEMU = ("trampoline_syscall_pcid", "trampoline_syscall32_pcid",
               "entry_shared_syscall_pcid", "entry_shared_syscall32_pcid")

# The code of entry/ that is in the kernel image: first and last symbol.
IMAGE_CODE = (("entry_syscall_direct", "entry_direct_end"),
              ("entry_switch_to", "entry_switch_end"))


def layout():
    """The numbers of kernel/base/layout.h that say where entry text is seen."""
    path = os.path.join(ROOT, "build/inc/layout.inc")
    with open(path, encoding="utf-8") as file:
        text = re.findall(r"^%define (\w+) (.+)$", file.read(), re.M)
    values = {}
    for name, expression in text:
        values[name] = eval(expression, {}, values)  # pylint: disable=eval-used
    return values


# ---- The boots --------------------------------------------------------------------

def extra(boot, map_):
    """QEMU's options: the counters' way out, and the log of translated blocks."""
    base = os.path.join(RUNS, boot.name)
    seen = [(map_["CEA_ENTRY_TEXT"], map_["CEA_SLOT_END"] - 1), *image_ranges()]
    return ["-device", "isa-debugcon,iobase=0xe9,chardev=counters",
            "-chardev", f"file,id=counters,path={base}.stream",
            "-d", "in_asm", "-D", f"{base}.blocks",
            "-dfilter", ",".join(f"{a:#x}..{b:#x}" for a, b in seen)]


def choose(only):
    """The boots to make, in the order of the file."""
    for boot in machines.load():
        left_out = any(fnmatch.fnmatch(boot.name, glob) for glob in LEFT_OUT)
        # Of the ISOs, those that are made for one boot have our kernel in them.
        ours = boot.boot == "direct" or \
            (boot.boot == "bios" and boot.args_by == "grub")
        if ours and not left_out and \
                any(fnmatch.fnmatch(boot.name, glob) for glob in only):
            yield boot


def make_boots(chosen, options, map_):
    """Makes all boots, a few at a time; the names of those that failed."""
    bad = []

    def job(boot):
        return boots.run(boot, directory, RUNS, options.scale, extra(boot, map_))
    with tempfile.TemporaryDirectory(prefix="postern-coverage-") as directory:
        pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
        try:
            futures = [pool.submit(job, boot) for boot in chosen]
            for future in concurrent.futures.as_completed(futures):
                outcome = future.result()
                failed = outcome.count(ktap.FAILED)
                print(f"{'FAIL' if failed else 'ok':4} {outcome.name:32} "
                      f"{outcome.seconds:6.1f} s", *outcome.problems, flush=True)
                bad += [outcome.name] if failed else []
        except BaseException:
            bounded.end_all()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return bad


# ---- Lines of C -------------------------------------------------------------------

def unpack(stream, directory):
    """Writes the .gcda files of one stream (see tests/coverage/dump.c)."""
    at, count = 0, 0
    while at < len(stream):
        end = stream.index(b"\0", at)
        path = os.path.relpath(stream[at:end].decode(), BUILD)
        at, pieces = end + 1, []
        while length := struct.unpack_from("<I", stream, at)[0]:
            pieces.append(stream[at + 4:at + 4 + length])
            at += 4 + length
        at += 4
        path = os.path.join(directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"".join(pieces))
        count += 1
    return count


def merge(chosen, directory):
    """Adds up the boots' counters; the .gcda files then lie beside their .gcno."""
    total = ""
    for boot in chosen:
        path = os.path.join(RUNS, f"{boot.name}.stream")
        if not os.path.exists(path):
            continue    # it could not even be tried, as make_boots() has said
        with open(path, "rb") as file:
            stream = file.read()
        one = os.path.join(directory, boot.name)
        try:
            if not unpack(stream, one):
                continue    # it ended before there was any C
        except (ValueError, struct.error):
            print(f"coverage: {boot.name}: found half a stream of counters")
            continue
        both = os.path.join(directory, f"{boot.name}+")
        if total:
            subprocess.run(["gcov-tool", "merge", total, one, "-o", both], check=True)
        total = both if total else one
    if total:
        shutil.copytree(total, BUILD, dirs_exist_ok=True)


def line_counts():
    """{file: {line: how often}} of the kernel's C, headers included.

    What a host test puts in the place of a header is no part of the kernel.
    """
    found = [os.path.join(path, name) for path, _, names in os.walk(BUILD)
             for name in names if name.endswith(".gcda") and not path.startswith(RUNS)]
    text = subprocess.run(["gcov", "--json-format", "--stdout", *sorted(found)],
                          cwd=ROOT, capture_output=True, text=True, check=True).stdout
    counts = {}
    for line in text.splitlines():
        for source in json.loads(line)["files"]:
            name = os.path.normpath(source["file"])
            if name.startswith("tests/"):
                continue
            lines = counts.setdefault(name, {})
            for entry in source["lines"]:
                number = entry["line_number"]
                lines[number] = lines.get(number, 0) + entry["count"]
    return counts


def line_table(counts):
    """Prints the table; returns the total in per cent."""
    print(f"\n{'file':36} {'lines':>6} {'executed':>9} {'%':>6}")
    rows = [(name, len(lines), sum(n > 0 for n in lines.values()))
            for name, lines in sorted(counts.items())]
    rows.append(("C, all files", sum(r[1] for r in rows), sum(r[2] for r in rows)))
    for name, lines, executed in rows:
        print(f"{name:36} {lines:6} {executed:9} {100 * executed / max(lines, 1):6.1f}")
    with open(MISSING, "w", encoding="utf-8") as file:
        for name, lines in sorted(counts.items()):
            with open(os.path.join(ROOT, name), encoding="utf-8") as source:
                text = source.read().split("\n")
            for number in sorted(n for n, count in lines.items() if count <= 0):
                file.write(f"{name}:{number}: {text[number - 1].strip()}\n")
    return 100 * rows[-1][2] / max(rows[-1][1], 1)


# ---- Instructions of entry text -----------------------------------------------------

def symbols():
    """{name: address} of the kernel."""
    out = subprocess.run(["nm", KERNEL], capture_output=True, text=True,
                         check=True).stdout
    return {name: int(address, 16) for address, _, name in
            (line.split() for line in out.splitlines())}


def image_ranges():
    """Addresses of entry code in the image, first and last."""
    table = symbols()
    return [(table[first], table[last] - 1) for first, last in IMAGE_CODE]


def instructions():
    """{address: text with the symbol} of all entry code."""
    wanted = [["-j", ".entry_text"], ["-j", ".trampoline"]]
    wanted += [[f"--start-address={a:#x}", f"--stop-address={b + 1:#x}"]
               for a, b in image_ranges()]
    data = symbols()["entry_cr3_noflush"]
    found, label = {}, ""
    for choice in wanted:
        out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", *choice, KERNEL],
                             capture_output=True, text=True, check=True).stdout
        for line in out.splitlines():
            if match := re.match(r"^[0-9a-f]+ <(.+)>:$", line):
                label = match[1]
            elif match := re.match(r"^ *([0-9a-f]+):\t(\S.*)$", line):
                # INT3 and NOP fill up, UD2 stands where nothing returns to, and
                # behind all lies a word.
                if not re.match(r"int3|ud2|nop|cs nop|data16|xchg +%ax,%ax", match[2]) and \
                        not data <= int(match[1], 16) < data + 0x1000:
                    found[int(match[1], 16)] = f"<{label}> {match[2].strip()}"
    return found


def executed(chosen, map_):
    """Addresses of entry code that were reached; trampolines count as CPU 0's."""
    reached = set()
    for boot in chosen:
        path = os.path.join(RUNS, f"{boot.name}.blocks")
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            for match in re.finditer(r"^0x([0-9a-f]+):", file.read(), re.M):
                address = int(match[1], 16)
                if map_["CEA_BASE"] <= address < map_["CEA_SLOT_END"]:
                    offset = (address - map_["CEA_BASE"]) % map_["CEA_STRIDE"]
                    address = map_["CEA_BASE"] + offset
                reached.add(address)
    return reached


def entry_report(chosen, map_):
    """Prints what was never executed; returns the part that was, in per cent."""
    all_, reached = instructions(), executed(chosen, map_)
    other = {address for address, text in all_.items()
             if text.startswith(tuple(f"<{name}" for name in NOT_IN_QEMU))} - reached
    never = sorted(set(all_) - reached - other)
    print(f"\nentry text: {len(all_)} instructions, {len(all_) - len(never) - len(other)} "
          f"executed, {len(other)} for a CPU with PCIDs, which QEMU has not")
    for address in never:
        print(f"  never: {address:#x} {all_[address]}")
    for address in other:
        del all_[address]
    return 100 * (len(all_) - len(never)) / len(all_)


def main(argv):
    """Boots, counts, prints."""
    parser = argparse.ArgumentParser(description="coverage of the kernel by its tests")
    parser.add_argument("--only", action="append", metavar="GLOB", help="these boots")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--scale", type=float, default=4.0, help="of the time limits")
    options = parser.parse_args(argv)
    boots.KERNEL = KERNEL
    map_ = layout()
    shutil.rmtree(RUNS, ignore_errors=True)
    os.makedirs(RUNS)
    chosen = list(choose(options.only or ["*"]))
    bad = make_boots(chosen, options, map_)
    with tempfile.TemporaryDirectory(prefix="postern-gcda-") as directory:
        merge(chosen, directory)
    figures = {"C": line_table(line_counts()), "entry": entry_report(chosen, map_)}
    print(f"\n{len(chosen)} boots, {len(bad)} failed {' '.join(bad)}".rstrip())
    for name, aim in AIMS.items():
        print(f"{name}: {figures[name]:.1f} % executed, aim {aim:.0f} %")
    return int(bool(bad) or any(figures[name] < aim for name, aim in AIMS.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
