#!/usr/bin/env python3
"""Runs the mutants: are the tests good enough to see these bugs?

For each tests/mutants/*.patch: applies it to a copy of the tree (build/mutants/
tree, where only what changed is built again), boots what its header expects to
kill it, and if it survives that, a wider set of boots; stops at the first
failure.  Prints what killed each one and how soon, and the score.

    tests/mutants/run.py [--only GLOB] [--list]     (make mutants ONLY=GLOB)

Each boot is bounded: a hang is a kill.  Kills are kept in build/mutants/
results.json, by patch and tree, so that a run which was interrupted goes on
where it was.  A test kills only if it passes without the mutant: that is tried
first.  Exits with 0 if all died.
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time

import patches
from patches import ROOT
import boots  # in tests/, whose path patches.py has set
from boots import bounded, ktap

WORK = os.path.join(ROOT, "build", "mutants")
TREE = os.path.join(WORK, "tree")
RESULTS = os.path.join(WORK, "results.json")
BUILD = os.path.join(TREE, "build")
BASE = os.path.join(WORK, "base")  # what is tried without a mutant
IMAGE = "postern.elf"  # in either of the two, as the host tests are
COPIED = ("Makefile", "linker.ld", "arch", "boot", "entry", "kernel", "mm", "scripts",
          "tests", "user")
# Seconds for a boot, at least; four times what it takes without a mutant, if more.
QEMU_LIMIT, BOCHS_LIMIT, BASE_LIMIT = 15, 300, 600
WIDER = ("pti-on", "pti-off", "pti-auto-intel", "ltr-reload",
         "scripts/check_elf.py", "scripts/check_unwind.py",
         "init-processes", "init-threads", "bochs-skylake")


# ---- The copy of the tree -----------------------------------------------------

def sources():
    """Paths from the root of all that a build or a test reads."""
    for top in COPIED:
        if os.path.isfile(os.path.join(ROOT, top)):
            yield top
        for directory, names, files in os.walk(os.path.join(ROOT, top)):
            names[:] = [n for n in names if n not in ("__pycache__", "mutants")]
            for name in files:
                yield os.path.relpath(os.path.join(directory, name), ROOT)


def read(path):
    """The bytes of a file, or None."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def copy_if_different(path):
    """One file to the copy; make sees what is new by its time."""
    to = os.path.join(TREE, path)
    if read(os.path.join(ROOT, path)) != read(to):
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copy(os.path.join(ROOT, path), to)


def synchronise():
    """Makes the copy equal to the tree; returns the digest of all of it."""
    wanted = sorted(sources())
    digest = hashlib.sha256()
    for path in wanted:
        copy_if_different(path)
        digest.update(path.encode() + b"\0" + (read(os.path.join(TREE, path)) or b""))
    for top in COPIED:
        for directory, _, files in os.walk(os.path.join(TREE, top)):
            for name in files:
                path = os.path.join(directory, name)
                if os.path.relpath(path, TREE) not in wanted and ".pyc" not in name:
                    os.unlink(path)
    return digest.hexdigest()


def make(*targets):
    """Builds in the copy; the compiler's words if it fails, else ''."""
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = bounded.run(["make", "-s", "-j2", "-C", TREE, "--no-print-directory",
                        "BUILD=build", *targets], 900, env=environment)
    return "" if done.status == 0 else done.output


def targets(*mutants):
    """For make: the image, and the host tests that they need."""
    return ["build/" + IMAGE, *sorted({"build/" + p for m in mutants for p in m.host_tests})]


def keep_base(mutants):
    """Puts what was built without a mutant aside."""
    for target in targets(*mutants):
        to = os.path.join(BASE, os.path.relpath(target, "build"))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copy(os.path.join(TREE, target), to)


# ---- One test -------------------------------------------------------------------

class Failed(Exception):
    """A case of a running boot has failed: it need not be waited for."""


def stop_at_failure():
    """To be called with the output as it comes."""
    text = b""

    def look(chunk):
        nonlocal text
        text += chunk
        for line in re.findall(rb"^\s*not ok (?:\d+ )?(?:- )?(.+)\n", text, re.M):
            raise Failed(line.decode("utf-8", "replace").strip())
        text = text[text.rfind(b"\n") + 1:]
    return look


def run_program(killer, folder, kernel, limit):
    """What failed, or ''."""
    program, *words = killer.split()
    argv = [sys.executable, os.path.join(ROOT, program), *words, kernel]
    if program == "host":
        argv = [os.path.join(folder, patches.host_program(killer))]
    done = bounded.run(argv, limit)
    wrong = re.findall(r"^not ok \d+ - (.+)", done.output, re.M)
    return (wrong or done.output.strip().splitlines() or ["status"])[0] if done.status else ""


class Bench:
    """The tests, and how long each takes on the kernel without a mutant."""

    def __init__(self, directory):
        self.machines = patches.machines_by_name()
        self.directory = directory
        self.seconds = {}
        boots.INITRAMFS = os.path.join(TREE, "build", "initramfs.cpio")

    def run(self, killer, folder, limit):
        """(what failed or '', seconds) of one test of what was built there."""
        began = time.monotonic()
        kernel = os.path.join(folder, IMAGE)
        if patches.is_program(killer) or killer.startswith("host "):
            failed = run_program(killer, folder, kernel, limit)
            return failed, time.monotonic() - began
        boot = patches.boot_of(killer, self.machines)
        boot.timeout = limit
        boots.KERNEL = kernel
        try:
            outcome = boots.run(boot, self.directory, WORK, on_output=stop_at_failure())
        except Failed as failed:
            return str(failed), time.monotonic() - began
        bad = [c.name for c in outcome.cases if c.verdict == ktap.FAILED]
        return (bad + outcome.problems + [""])[0], time.monotonic() - began

    def limit(self, killer):
        """Seconds that the test may take.  Without a mutant it must pass, or it
        would kill them all: that is tried the first time."""
        if killer not in self.seconds:
            failed, self.seconds[killer] = self.run(killer, BASE, BASE_LIMIT)
            if failed:
                raise SystemExit(f"mutants: without a mutant, '{killer}' fails: {failed}")
        bochs = killer.startswith("bochs")
        return max(BOCHS_LIMIT if bochs else QEMU_LIMIT, 4 * self.seconds[killer])


# ---- One mutant -------------------------------------------------------------------

def kill(mutant, bench):
    """(killer, what failed) of the mutant in the copy; ('', '') if it survives."""
    for killer in [*mutant.killers, *WIDER]:
        failed, _ = bench.run(killer, BUILD, bench.limit(killer))
        if failed:
            return killer, failed
    return "", ""


def build(mutant):
    """Applies and builds it in the copy, and takes it out again; complaints."""
    complaint = patches.apply(mutant, TREE)
    if complaint:
        return "does not apply: " + complaint.splitlines()[0]
    try:
        complaint = make(*targets(mutant))
    finally:
        for path in mutant.files:
            copy_if_different(path)
    return "does not build: " + complaint.splitlines()[0] if complaint else ""


def judge(mutant, bench):
    """Builds and runs one; a record for the results."""
    began = time.monotonic()
    record = {"name": mutant.name, "verdict": "error", "by": "", "failed": build(mutant)}
    if not record["failed"]:
        record["by"], record["failed"] = kill(mutant, bench)
        record["verdict"] = "killed" if record["by"] else "survived"
    record["seconds"] = round(time.monotonic() - began, 1)
    return record


def show(record, known):
    """One line of the table."""
    head, seconds = f"{record['name']}: ", f"{record['seconds']:.0f} s"
    if record["verdict"] == "killed":
        print(f"{head}killed by {record['by']} in {seconds}{' (known)' if known else ''}: "
              f"{record['failed'][:90]}", flush=True)
    elif record["verdict"] == "survived":
        print(f"{head}SURVIVED ({seconds})", flush=True)
    else:
        print(f"{head}ERROR: {record['failed']}", flush=True)


# ---- All ------------------------------------------------------------------------

def load_results():
    """Kills of earlier runs, by key."""
    try:
        return json.loads(read(RESULTS) or b"{}")
    except ValueError:
        return {}


def save_results(results):
    """Whole or not at all."""
    with open(RESULTS + ".new", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    os.replace(RESULTS + ".new", RESULTS)


def run_all(mutants, tree, directory):
    """Judges what is not known to die; returns all records."""
    results, records, bench = load_results(), [], Bench(directory)
    for mutant in mutants:
        key = hashlib.sha256((tree + mutant.text).encode()).hexdigest()
        record = results.get(key) or judge(mutant, bench)
        show(record, key in results)
        records.append(record)
        if record["verdict"] == "killed":
            results[key] = record
            save_results(results)
    return records


def parse(argv):
    """The options."""
    parser = argparse.ArgumentParser(description="Runs Postern's mutants.")
    parser.add_argument("--only", default="*", metavar="GLOB",
                        help="only mutants whose name matches")
    parser.add_argument("--list", action="store_true", help="name the mutants")
    return parser.parse_args(argv)


def terminate(_number, _frame):
    """SIGTERM and SIGHUP end the run as Ctrl-C does."""
    raise KeyboardInterrupt


def main(argv):
    """Runs, counts."""
    options = parse(argv)
    mutants = patches.load_all(options.only)
    if options.list:
        print("\n".join(f"{m.name}: {m.why}" for m in mutants))
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminate)
    began = time.monotonic()
    os.makedirs(TREE, exist_ok=True)
    tree = synchronise()
    complaint = make(*targets(*mutants), "build/initramfs.cpio")
    if complaint:
        print(complaint, "mutants: the tree does not build", sep="\n")
        return 1
    keep_base(mutants)
    try:
        with tempfile.TemporaryDirectory(prefix="postern-mutants-") as directory:
            records = run_all(mutants, tree, directory)
    except KeyboardInterrupt:
        bounded.end_all()
        print("mutants: interrupted; the next run goes on from here")
        return 130
    dead = sum(record["verdict"] == "killed" for record in records)
    print(f"{dead} of {len(records)} mutants killed, "
          f"{time.monotonic() - began:.0f} s", flush=True)
    return 0 if records and dead == len(records) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
