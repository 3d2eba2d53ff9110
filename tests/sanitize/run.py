#!/usr/bin/env python3
"""Boots the sanitizing kernel: suites, programs, storms, and faults that it must see.

Called by `make sanitize`, which builds build/sanitize/postern.elf first, and with
--short by tests/run.py.  Prints KTAP, a case a boot, and a last line with the totals;
exits with 0 if all passed.  Logs are in build/sanitize/logs/.

    tests/sanitize/run.py [--short] [--only GLOB]... [--jobs N] [--scale X]

The boots:
    suites     all in-kernel suites, on 1, 2 and 4 CPUs, pti on and off
    programs   the boots of tests/programs.cfg
    storms     hostile programs at random (tests/stress.py), half a minute each
    faults     tests/sanitize/faults.cfg: the report must be right, its back-trace lead
               through the fault, and that of the free through who freed
    leader     the kernel with tests/mutants/leader-without-hold.patch, in a copy of
               the tree: a real use after free, by a program
With --short: on 2 CPUs the suites that make and free objects, three programs, and the
faults that are quick.

What differs from the shipped kernel is time: a system call takes several times as
many instructions.  Nobody's verdict here hangs on it.
"""
import argparse
import concurrent.futures
import dataclasses
import fnmatch
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "mutants"))
import boots  # noqa: E402
import machines  # noqa: E402
import patches  # noqa: E402
import stress  # noqa: E402
import tree  # noqa: E402
from boots import ROOT, bounded, ktap  # noqa: E402

BUILD = os.path.join(boots.BUILD, "sanitize")
KERNEL = os.path.join(BUILD, "postern.elf")
LOGS = os.path.join(BUILD, "logs")
COPY = tree.Tree("sanitize")  # for the kernel with the mutant
FAULTS = os.path.join(HERE, "faults.cfg")
MUTANT = os.path.join(ROOT, "tests/mutants/leader-without-hold.patch")

# Those in which objects are made and freed, and few seconds pass.
SHORT_SUITES = ("audit,audit_leak,bugs_tables,cea*,compat_entry,exit,frame,futex,gdt,"
                "io_bitmap,ldt,ltr,mm,pagetable,pti*,randmaps,signals,syscall,tls,user,vmap")
SHORT_PROGRAMS = ("init-processes", "init-threads", "init-exec")
STORMS, STORM_SECONDS = 4, 30
LIMIT = 900  # seconds for a boot of suites

# Who must be found among those that gave it back; else the fault itself.
GIVEN_BACK_BY = {"task": "task_put", "table": "mm_put"}


@dataclasses.dataclass
class Job:
    """A boot, and what else must be true of its output."""
    boot: machines.Boot
    kernel: str = KERNEL
    traces: dict = dataclasses.field(default_factory=dict)  # heading: a function there
    storm: bool = False


# ---- The boots ---------------------------------------------------------------------

def suites(short):
    """In-kernel suites."""
    if short:
        yield machines.Boot("suites-short", cpus=2, cmdline=f"selftest={SHORT_SUITES}",
                            timeout=LIMIT, suites=10)
        return
    for cpus, words in ((4, ""), (2, "pti=off"), (1, "")):
        name = f"suites-{cpus}-{words.replace('=', '-') or 'pti-on'}"
        yield machines.Boot(name, cpus=cpus, cmdline=f"selftest {words}".strip(),
                            timeout=LIMIT, suites=10)


def programs():
    """The direct boots of tests/programs.cfg."""
    first = machines.FILES[0]  # whose defaults are the other's, too
    others = {boot.name for boot in machines.load(first)}
    for boot in machines.load(first, os.path.join(ROOT, "tests/programs.cfg")):
        if boot.name not in others and boot.boot == "direct":
            yield boot


def faults(short):
    """Planted ones, with the functions that their back-traces must lead through."""
    for boot in machines.load(FAULTS):
        machines.check(boot)
        if short and not boot.quick:
            continue
        fault = boot.cmdline.split("=sanitize_")[1]
        traces = {"back-trace": fault}
        if any("given back by" in p.pattern for p in boot.must):
            traces["given back"] = GIVEN_BACK_BY.get(fault.split("_")[0], fault)
        yield Job(boot, traces=traces)


def leader():
    """The use after free of a thread that was its process's leader."""
    must = [r"^panic: sanitize: \w+ of \d+ bytes at 0xffff8880\w+, \d+ bytes into a frame "
            r"that has been given back$", r"^ taken by dead_leader:$",
            r"^ given back by dead_leader:$"]
    boot = machines.Boot("leader", cpus=2, cmdline="init=/bin/dead_leader pti=on",
                         stream="none", status=35, timeout=120, must=list(map(re.compile, must)))
    kernel = os.path.join(COPY.built, tree.IMAGE)
    return Job(boot, kernel, {"given back": "task_put_dead"})


def all_jobs(short):
    """All, the long ones first."""
    jobs = [Job(boot) for boot in suites(short)]
    if not short:
        kinds, _ = stress.choose(1, STORMS * stress.LEAST)
        for i, kind in enumerate(kinds):
            boot = stress.machine(dataclasses.replace(kind, debug=False), 1 + i, STORM_SECONDS)
            jobs.append(Job(boot, storm=True))
        jobs.append(leader())
    jobs += [Job(boot) for boot in programs() if not short or boot.name in SHORT_PROGRAMS]
    jobs += faults(short)
    for job in jobs:
        machines.check(job.boot)
    return jobs


def build_leader():
    """The kernel with the mutant, in a copy of the tree; complaints."""
    COPY.synchronise()
    complaint = patches.apply(patches.load(MUTANT), COPY.path)
    return complaint or tree.make(COPY.path, ["SANITIZE=1", "build/postern.elf"], 2)


# ---- The verdict -------------------------------------------------------------------

def trace(lines, heading):
    """The functions of the back-trace below the line that begins so; foo.cold is foo."""
    names = []
    for i, line in enumerate(lines):
        if line.startswith(f" {heading}"):
            for below in lines[i + 1:]:
                if not re.match(r"^  (0x|<|start)", below):
                    break
                names += re.findall(r"^  0x[0-9a-f]+ (\w+)", below)
            break
    return names


def trace_problems(job, text):
    """Back-traces that do not lead where they must."""
    lines = [ktap.clean(line) for line in text.splitlines()]
    for heading, function in job.traces.items():
        found = trace(lines, heading)
        if function not in found:
            yield f"{heading}: found {' '.join(found) or 'none'}, expected {function}"


def run_job(job, directory, scale):
    """(outcome, what is wrong) of one boot."""
    outcome = boots.run(job.boot, directory, LOGS, scale, kernel=job.kernel)
    problems = list(outcome.problems)
    problems += [f"not ok {case.name}" for case in outcome.cases
                 if case.verdict == ktap.FAILED]
    if outcome.log:
        with open(outcome.log, encoding="utf-8") as file:
            text = file.read()
        problems += trace_problems(job, text)
        problems += list(stress.stray_lines(text))[:10] if job.storm else []
    return outcome, problems


def run_all(jobs, options):
    """Makes all boots, a few at a time, and prints KTAP; how many failed."""
    print(f"KTAP version 1\n1..{len(jobs)}", flush=True)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="postern-sanitize-") as directory:
        pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
        try:
            futures = [pool.submit(run_job, job, directory, options.scale) for job in jobs]
            for i, future in enumerate(concurrent.futures.as_completed(futures), start=1):
                outcome, problems = future.result()
                failed += bool(problems)
                print(f"# {outcome.seconds:.0f} s, {outcome.count(ktap.PASSED)} cases, "
                      f"{outcome.count(ktap.SKIPPED)} skipped")
                for problem in problems:
                    print(f"# {problem}")
                print(f"{'not ok' if problems else 'ok'} {i} {outcome.name}", flush=True)
        except BaseException:
            bounded.end_all()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return failed


def parse(argv):
    """The options."""
    parser = argparse.ArgumentParser(description="Boots the sanitizing kernel.")
    parser.add_argument("--short", action="store_true", help="the part of `make test`")
    parser.add_argument("--only", action="append", metavar="GLOB", help="these boots")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N",
                        help="how many at a time")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X",
                        help="multiply the time limits, for a slow machine")
    return parser.parse_args(argv)


def main(argv):
    """Chooses, boots, counts."""
    options = parse(argv)
    if not os.path.isfile(KERNEL):
        print(f"sanitize: {os.path.relpath(KERNEL, ROOT)} is not built")
        return 1
    jobs = [job for job in all_jobs(options.short)
            if any(fnmatch.fnmatch(job.boot.name, glob) for glob in options.only or ["*"])]
    if any(job.boot.name == "leader" for job in jobs):
        complaint = build_leader()
        if complaint:
            print(f"sanitize: the kernel of 'leader': {complaint.splitlines()[0]}")
            return 1
    failed = run_all(jobs, options)
    print(f"# {len(jobs)} boots, {failed} failed")
    return int(failed > 0 or not jobs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
