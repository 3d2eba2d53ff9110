#!/usr/bin/env python3
"""The strategies of separation side by side (`make strategies`): one table.

    scripts/strategies.py [--jobs N] [--way TEXT] [--short]

Each way is booted under the same programs, and all figures are measured there: instructions
under QEMU's -icount, as scripts/bench.py; writes of CR3 by a log of the instructions that
do them; what is shown, and what is left on it, by the look from outside of tests/leak; the
boundaries by a trace of all the paths of tests/inject, and by delivering an NMI, a machine
check and a debug exception at each of those of one system call.  PCIDs are in Bochs alone,
whose TSC counts instructions, too; nothing else is counted there.

Prints the table, and exits with 1 and a line for each figure that could not be had.
What has been had is kept in build/strategies.json, by the image, so that a run that was
interrupted goes on where it was.
--way takes the ways only whose arguments contain the text; --short is what `make test` runs:
one way, one CPU, no injection, and `ok` lines.
"""
import argparse
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(HERE, "gdb")]
import bench  # noqa: E402
import bochs  # noqa: E402
import bounded  # noqa: E402
import outside  # noqa: E402
import strategies_table as table  # noqa: E402
from headers import N  # noqa: E402
from hints import symbols  # noqa: E402

COST = os.path.join(bench.BUILD, "user/cost")
KEPT = os.path.join(bench.BUILD, "strategies.json")
BOCHS_SECONDS = 900
SAMPLES, OTHER = 12, 0x5ec0de  # tests/user/gate/leak/poison.c: a task's word, without its name
RAM = 512 << 20
FILLING = re.compile(rb"\xcc{4,}")

# Path of /bin/cost, turns under the log of CR3 writes.
PATHS = {"syscall": 100, "getpid": 100, "close": 100, "fault": 100, "timer": 3, "signal": 50,
         "switch": 50}


def load(name):
    """A program of tests/, as a module: both are called run.py."""
    spec = importlib.util.spec_from_file_location(
        f"{name}_run", os.path.join(ROOT, "tests", name, "run.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


leak, inject = load("leak"), load("inject")


@dataclasses.dataclass(frozen=True)
class Way:
    """One combination; the arguments say all."""
    arguments: str

    @property
    def shadow(self):
        """Are there two PGDs?"""
        return "pti=off" not in self.arguments

    def book(self, cpus):
        """The ledger, as far as this way has it."""
        return leak.Ledger(cpus, None, "pti=deferred" in self.arguments,
                           "syscall=entry" not in self.arguments)


WAYS = [Way(arguments) for arguments in (
    "pti=off", "pti=on", "pti=on syscall=entry", "pti=deferred",
    "pti=on roots=cpu", "pti=on syscall=entry roots=cpu", "pti=deferred roots=cpu")]
SHORT = WAYS[2]


class Missing(Exception):
    """A figure that could not be had."""


# ---- What it costs ------------------------------------------------------------------

def ticks(output):
    """Path -> instructions of one turn, from the lines of /bin/cost."""
    found = {name: float(number) for name, number in
             re.findall(r"^cost: (\w+): ([\d.]+) TSC", output, re.M)}
    missing = PATHS.keys() - found.keys()
    if missing:
        raise Missing(f"found no line of cost for {', '.join(sorted(missing))}: "
                      f"{output[-300:]}")
    return found


def instructions(way, _directory):
    """In QEMU."""
    for path, number in ticks(bench.boot(f"{way.arguments} mitigations=off init=/bin/cost -- "
                                         + " ".join(PATHS), timeout=bench.LONG_TIMEOUT)).items():
        if path in PATHS:
            yield ("ticks", path), number


def with_pcids(way, directory):
    """In Bochs, which has them."""
    iso = os.path.join(directory, "cost.iso")
    subprocess.run([os.path.join(HERE, "mkiso"), bench.KERNEL, bench.INITRAMFS, iso,
                    f"{way.arguments} norandmaps mitigations=off init=/bin/cost -- "
                    + " ".join(PATHS)], check=True)
    result = bochs.run(iso, BOCHS_SECONDS, cpus=1)
    if way.shadow and not re.search(r"^cpus:.* PCID", result.output, re.M):
        raise Missing(f"found no PCIDs in Bochs: {result.output[-300:]}")
    for path, number in ticks(result.output).items():
        if path in PATHS:
            yield ("pcid", path), number


def cr3_writes(way, _directory):
    """Those between the two readings of the clock, in the run between two calls of mark()."""
    mark = {symbols(COST)["mark"][0]}
    clock = bench.instructions_like(COST, r"\brdtsc\b")
    writers = bench.cr3_writers()
    turns = " ".join(f"{path} {number}" for path, number in PATHS.items())
    executed = bench.executions(f"{way.arguments} mitigations=off init=/bin/cost -- {turns}",
                                mark | clock | writers)
    for path, writes in zip(PATHS, table.segments(executed, mark, clock, writers)):
        yield ("cr3", path), writes / PATHS[path]


# ---- What it shows ------------------------------------------------------------------

class Shown:
    """The kernel half that a CPU in ring 3 has loaded, each frame of RAM once; its pages are
    those outside of the direct map, which has every frame again."""

    def __init__(self, reader):
        self.reader, self.pages, self.frames, taken = reader, {}, set(), set()
        for address, size, entry in reader.leaves():
            first = entry & N["PTE_ADDR_MASK"]
            if first >= RAM:
                continue  # a device
            self.frames.update(range(first, first + size, N["PAGE_SIZE"]))
            if outside.region(address) == "direct map" or first in taken:
                continue
            taken.add(first)
            self.pages[address] = not entry & N["PTE_NX"]

    def read(self, page):
        """Its bytes."""
        data = self.reader.read(page, N["PAGE_SIZE"])
        if data is None:
            raise Missing(f"found nothing at {page:#x}, which the tables map")
        return data


def shown(way, cpus, directory, all_of_it):
    """Frames; with one CPU also what is in them (the direct map aside: it is all RAM)."""
    with leak.Stopped(directory, f"{way.arguments} init=/bin/meltdown -- -outside",
                      "from outside", cpus) as stopped:
        stopped.in_ring_3()
        seen = Shown(stopped.reader)
        yield ("frames", cpus), len(seen.frames)
        if not all_of_it:
            return
        book, text, hidden = way.book(cpus), 0, 0
        for page, executable in seen.pages.items():
            data = seen.read(page)
            hidden += sum(1 for _ in leak.hidden_in(data, page, book))
            text += len(FILLING.sub(b"", data)) * executable
        yield "text", text
        yield "hidden", hidden


def residue(way, directory):
    """Words of other tasks, each CPU having one: of their registers, and on the stacks of
    the other CPU's area; the most that was seen at once."""
    registers = stacks = looks = 0
    with leak.Stopped(directory, f"{way.arguments} init=/bin/leak -- victims=2",
                      "runs on each CPU", 2) as stopped:
        for _ in range(SAMPLES):
            if len(stopped.in_ring_3()) < 2:
                continue  # registers of one on its way in are no residue
            looks += 1
            seen, own = Shown(stopped.reader), stopped.reader.register("r15") & 0xff
            for page in seen.pages:
                words = outside.words(seen.read(page))
                registers += sum(table.is_of_other(word, OTHER, own) for word in words)
                other = table.area_of(page) not in (None, 1)  # CPU 1 is the one that looks
                stacks = max(stacks, sum(map(bool, words)) * other) if other else stacks
    if not looks:
        raise Missing("found the two CPUs never in ring 3 together")
    yield "registers", registers
    yield "stacks", stacks


# ---- Where it is interrupted ------------------------------------------------------------

def boundaries(way, directory):
    """Those of all paths; and an NMI, #MC and #DB at each of one call."""
    report = inject.Report(inject.image.Image(bench.KERNEL))
    options = inject.parse([])
    session = inject.Session(report, options, directory, way.arguments, 0)
    machine, driver = session.boot()
    reached, tally = set(), inject.Tally()
    try:
        todo = session.wanted(driver, "no gates")
        with contextlib.redirect_stdout(io.StringIO()):
            session.take(driver, todo[0], tally)
        for path in todo:
            reached.update(inject.image.common(step.at) for step in driver.trace(path))
            if path.prepare:
                driver.p.normal_segments()
    finally:
        machine.__exit__()
    if tally.problems:
        raise Missing(f"{todo[0].name}: {tally.problems[0]}")
    yield "boundaries", len(reached & set(report.image.boundaries))
    yield "delivered", sum(tally.done.values())


# ---- All of it ---------------------------------------------------------------------------

# What is to be measured: functions of a way and a directory that yield (key, figure).
JOBS = {
    "instructions": instructions,
    "shown-1": lambda way, directory: shown(way, 1, directory, True),
    "cr3": cr3_writes,
    "shown-4": lambda way, directory: shown(way, 4, directory, False),
    "shown-64": lambda way, directory: shown(way, 64, directory, False),
    "residue": residue,
    "boundaries": boundaries,
    "pcids": with_pcids,
}
SHORT_JOBS = ("instructions", "shown-1", "cr3")


class Kept:
    """Figures of this image that were had before."""

    def __init__(self, path):
        self.path, self.image = path, hashlib.sha256()
        for name in (bench.KERNEL, bench.INITRAMFS):
            with open(name, "rb") as file:
                self.image.update(file.read())
        self.image, self.figures = self.image.hexdigest(), {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)
            self.figures = kept["figures"] if kept["image"] == self.image else {}

    def get(self, way, name):
        """Those of a job, or None."""
        pairs = self.figures.get(f"{way.arguments}: {name}")
        return None if pairs is None else \
            {tuple(key) if isinstance(key, list) else key: figure for key, figure in pairs}

    def put(self, way, name, found):
        """The same, for the next run."""
        self.figures[f"{way.arguments}: {name}"] = list(found.items())
        with open(self.path + ".tmp", "w", encoding="utf-8") as file:
            json.dump({"image": self.image, "figures": self.figures}, file, indent=1)
        os.replace(self.path + ".tmp", self.path)


def measure(job, way):
    """One job's figures, or why there are none."""
    with tempfile.TemporaryDirectory(prefix="postern-strategies-") as directory:
        try:
            return dict(job(way, directory)), None
        except (Exception, SystemExit) as error:  # pylint: disable=broad-except
            return {}, f"strategies: {way.arguments}: {type(error).__name__}: {error}"


def run(ways, names, workers, fresh):
    """Way -> figures; the problems.  FRESH: nothing that was had before is taken."""
    kept, figures, problems = Kept(KEPT), {way: {} for way in ways}, []
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    futures = {}
    try:
        for name in names:
            for way in ways:
                before = None if fresh else kept.get(way, name)
                figures[way].update(before or {})
                if before is None:
                    futures[pool.submit(measure, JOBS[name], way)] = way, name
        for done, future in enumerate(concurrent.futures.as_completed(futures), 1):
            (found, problem), (way, name) = future.result(), futures[future]
            figures[way].update(found)
            problems += [problem] if problem else []
            if not problem:
                kept.put(way, name, found)
            print(f"# {done} of {len(futures)}: {way.arguments}: {name}"
                  f"{': ' + problem if problem else ''}", file=sys.stderr, flush=True)
    except BaseException:
        bounded.end_all()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return figures, problems


def parse(argv):
    """The options."""
    parser = argparse.ArgumentParser(description="The strategies of separation side by side.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--way", default="", help="ways with this in their arguments only")
    parser.add_argument("--short", action="store_true", help="a part, as in `make test`")
    return parser.parse_args(argv)


def main(argv):
    """The table."""
    options = parse(argv)
    begin = time.monotonic()
    ways = [SHORT] if options.short else [way for way in WAYS if options.way in way.arguments]
    figures, problems = run(ways, SHORT_JOBS if options.short else JOBS, options.jobs,
                            options.short)
    rows = table.rows(options.short)
    missing = table.missing([(way.arguments, figures[way]) for way in ways], rows)
    for line in table.lines([(way.arguments, figures[way]) for way in ways], rows):
        print(line)
    for problem in problems + missing:
        print(problem)
    if options.short:
        print(f"1..1\n{'not ok' if problems + missing else 'ok'} 1 - strategies: every figure "
              f"of {SHORT.arguments} can be had")
    print(f"# strategies: took {time.monotonic() - begin:.0f} s")
    return 1 if problems + missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
