"""Runs the mutants: are the tests good enough to see these bugs?

For each tests/mutants/*.patch: applies it to a copy of the tree (tree.py; only
what changed is built again), boots what its header expects to kill it, and if it
survives that, a wider set of boots; stops at the first failure.  Prints what
killed each one and how soon, and the score.

    tests/mutants/run.py [--only GLOB] [--list] [--jobs N]   (make mutants ONLY=GLOB)

Each boot is bounded: a hang is a kill.  Kills are kept in build/mutants/
results.json, by patch and tree, so that a run which was interrupted goes on
where it was.  A test kills only if it passes without the mutant: that is tried
first.  Exits with 0 if all died.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import queue
import signal
import sys
import tempfile
import time

import patches
from trial import BaseFails, Bench
from tree import Tree, WORK, read
import boots  # in tests/, whose path patches.py has set
from boots import bounded

RESULTS = os.path.join(WORK, "results.json")
WIDER = ("pti-on", "pti-off", "pti-auto-intel", "ltr-reload",
         "scripts/check_elf.py", "scripts/check_unwind.py",
         "init-processes", "init-threads", "bochs-skylake")


# ---- One mutant -------------------------------------------------------------------

def kill(mutant, tree, bench):
    """(killer, what failed) of the mutant in TREE; ('', '') if it survives."""
    for killer in [*mutant.killers, *WIDER]:
        failed = bench.judge(killer, tree)
        if failed:
            return killer, failed
    return "", ""


def judge(mutant, tree, bench):
    """Builds and runs one; a record for the results."""
    began = time.monotonic()
    record = {"name": mutant.name, "verdict": "error", "by": ""}
    try:
        record["failed"] = tree.build(mutant)
        if not record["failed"]:
            record["by"], record["failed"] = kill(mutant, tree, bench)
            record["verdict"] = "killed" if record["by"] else "survived"
    except BaseFails as fails:
        record["failed"] = str(fails)
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


def judge_all(mutants, trees, bench):
    """Judges them, as many at a time as there are trees; records as they come."""
    free = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)

    def work(mutant):
        tree = free.get()
        try:
            return judge(mutant, tree, bench)
        finally:
            free.put(tree)

    pool = concurrent.futures.ThreadPoolExecutor(len(trees))
    try:
        futures = [pool.submit(work, mutant) for mutant in mutants]
        for future in concurrent.futures.as_completed(futures):
            yield mutants[futures.index(future)], future.result()
    except BaseException:  # Ctrl-C, SIGTERM, or a bug of ours
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        bounded.end_all()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def run_all(mutants, digest, trees):
    """Judges what is not known to die; returns all records."""
    results, records = load_results(), []
    keys = {m.name: hashlib.sha256((digest + m.text).encode()).hexdigest() for m in mutants}
    for mutant in mutants:
        if keys[mutant.name] in results:
            records.append(results[keys[mutant.name]])
            show(records[-1], True)
    # Those of a file together: make builds what the one and the next change once.
    unknown = sorted((m for m in mutants if keys[m.name] not in results),
                     key=lambda m: m.files)
    with tempfile.TemporaryDirectory(prefix="postern-mutants-") as directory:
        for mutant, record in judge_all(unknown, trees, Bench(directory)):
            show(record, False)
            records.append(record)
            if record["verdict"] == "killed":
                results[keys[mutant.name]] = record
                save_results(results)
    return records


def parse(argv):
    """The options."""
    parser = argparse.ArgumentParser(description="Runs Postern's mutants.")
    parser.add_argument("--only", default="*", metavar="GLOB",
                        help="only mutants whose name matches")
    parser.add_argument("--list", action="store_true", help="name the mutants")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1),
                        metavar="N", help="how many at a time")
    return parser.parse_args(argv)


def terminate(_number, _frame):
    """SIGTERM and SIGHUP end the run as Ctrl-C does; make sends them on, too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
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
    first = Tree(0)
    try:
        digest = first.synchronise()
        complaint = first.build_base(mutants, options.jobs)
        if complaint:
            print(complaint, "mutants: the tree does not build", sep="\n")
            return 1
        boots.INITRAMFS = first.initramfs  # mutants do not change programs
        boots.initrds.USER = os.path.join(os.path.dirname(first.initramfs), "user")
        trees = [first, *map(first.twin, range(1, options.jobs))]
        records = run_all(mutants, digest, trees)
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
