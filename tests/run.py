#!/usr/bin/env python3
"""Runs all tests: host tests, the boots of tests/machines.cfg, the gdb test.

Owns the order, the progress lines and the last line, `N passed, N failed,
N skipped`.  Called by `make test` and `make check` (--quick), which build first.
Judging one boot is tests/boots.py, the list of boots is tests/machines.cfg,
tests/panics.cfg and tests/programs.cfg.

    tests/run.py [--only GLOB] [--quick] [--debug] [--systems] [--list] [--jobs N]
                 [--scale X]

Exits with 0 only if something passed and nothing failed.  Logs are in
build/test-logs/, fresh for each run.  On Ctrl-C or SIGTERM it ends its own
children, by number, and removes its temporary files.
"""
import argparse
import concurrent.futures
import dataclasses
import fnmatch
import os
import re
import signal
import sys
import tempfile

import boots
import backtrace
import machines
from boots import Outcome, ROOT, bounded, ktap

LOGS = os.path.join(boots.BUILD, "test-logs")
TAIL, CASES_SHOWN, DETAIL_SHOWN, COSTS_SHOWN = 25, 10, 15, 10


@dataclasses.dataclass
class Command:
    """A test that is a program: it prints KTAP, or `ok`/`not ok` lines."""
    name: str
    argv: list
    timeout: float
    quick: bool = False
    cpu: float = 10.0  # about how many seconds of processor time it takes


def commands(systems=False):
    """The tests that are programs; the gdb test is there only if written."""
    python = sys.executable
    for name in ("runner", "tools", "images", "deps", "mutants", "meltdown", "guest",
                 "strategies"):
        path = os.path.join(ROOT, f"tests/test_{name}.py")
        yield Command(name, [python, path], 300, quick=True,
                      cpu=20 if name in ("tools", "images") else 3)
    yield Command("host", ["make", "-sk", "-C", ROOT, "--no-print-directory",
                           "host-tests"], 600, quick=True, cpu=25)
    yield Command("stress", [python, os.path.join(ROOT, "tests/stress.py"),
                             "--seconds", "20", "--seed", "1"], 1000, cpu=30)
    yield Command("sanitize", [python, os.path.join(ROOT, "tests/sanitize/run.py"),
                               "--short"], 1200, cpu=120)
    yield Command("console", [python, os.path.join(ROOT, "tests/test_console.py")], 600)
    yield Command("prompt", [python, os.path.join(ROOT, "tests/test_prompt.py")], 900, cpu=20)
    yield Command("run", [python, os.path.join(ROOT, "tests/test_run.py")], 900, cpu=25)
    yield Command("profile", [python, os.path.join(ROOT, "tests/test_profile.py")], 900, cpu=70)
    yield Command("clock", [python, os.path.join(ROOT, "tests/test_clock.py")], 1600)
    yield Command("emulators", [python, os.path.join(ROOT, "tests/emulators.py")], 1500,
                  cpu=35)
    yield Command("visible", [python, os.path.join(ROOT, "tests/inject/visible.py")], 300)
    yield Command("inject", [python, os.path.join(ROOT, "tests/inject/run.py"),
                             "--sample"], 600)
    yield Command("guests", [python, os.path.join(ROOT, "tests/guest/run.py")], 1200, cpu=65)
    yield Command("guests-inject", [python, os.path.join(ROOT, "tests/guest/inject.py")], 600,
                  cpu=20)
    yield Command("strategies-short", [python, os.path.join(ROOT, "scripts/strategies.py"),
                                       "--short"], 1200, cpu=20)
    yield Command("leak", [python, os.path.join(ROOT, "tests/leak/run.py")], 1200)
    if systems:
        yield Command("systems", [python, os.path.join(ROOT, "tests/systems.py"),
                                  "--short"], 3600, cpu=900)
    gdb = os.path.join(ROOT, "tests/gdb/run.py")
    if os.path.exists(gdb):
        yield Command("gdb", [python, gdb], 400)


def command_cases(text):
    """Cases and errors of a program's output; it may hold several streams."""
    starts = [m.start() for m in re.finditer(r"^KTAP version", text, re.M)]
    if not starts:
        cases = boots.tap_cases(text)
        return cases, [] if cases else ["found no 'ok' or 'not ok' lines"]
    cases, errors = [], []
    for start, end in zip(starts, [*starts[1:], len(text)]):
        stream = ktap.parse(text[start:end])
        cases += stream.cases
        errors += stream.errors
    return cases, errors


def run_command(command, scale):
    """Runs it, writes the log, counts its cases."""
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    result = bounded.run(command.argv, command.timeout * scale, cwd=ROOT,
                         env=environment)
    log = os.path.join(LOGS, f"{command.name}.log")
    os.makedirs(LOGS, exist_ok=True)
    with open(log, "w", encoding="utf-8") as file:
        file.write(result.output)
    cases, problems = command_cases(result.output)
    if result.timed_out:
        problems.append(f"found no end after {result.seconds:.0f} s")
    elif result.status and not any(c.verdict == ktap.FAILED for c in cases):
        problems.append(f"found exit status {result.status}, expected 0")
    return Outcome(command.name, cases, problems, result.seconds, log, result.cpu)


def run_job(job, directory, scale):
    """One job, in a worker thread."""
    if isinstance(job, Command):
        return run_command(job, scale)
    return boots.run(job, directory, LOGS, scale)


def counts(outcome):
    """`N passed, N skipped` of one job, with what is zero left out."""
    parts = [f"{outcome.count(v)} {v}" for v in
             (ktap.PASSED, ktap.FAILED, ktap.SKIPPED) if outcome.count(v)]
    return ", ".join(parts)


def show(outcome):
    """The progress line, and for a failure what there is to know."""
    failed = outcome.count(ktap.FAILED)
    print(f"{'FAIL' if failed else 'ok':4} {outcome.name:24} "
          f"{outcome.seconds:6.1f} s {outcome.cpu:6.1f} cpu  {counts(outcome)}", flush=True)
    if not failed:
        return
    for problem in outcome.problems:
        print(f"     {problem}")
    bad = [case for case in outcome.cases if case.verdict == ktap.FAILED]
    for case in bad[:CASES_SHOWN]:
        print(f"     not ok {case.name} {case.reason}".rstrip())
        for line in case.detail[-DETAIL_SHOWN:]:
            print(f"         {line.strip()}")
    if len(bad) > CASES_SHOWN:
        print(f"     and {len(bad) - CASES_SHOWN} more failed cases")
    show_tail(outcome)


def show_tail(outcome):
    """The end of the log, where a crash is."""
    if not outcome.log:
        return
    with open(outcome.log, encoding="utf-8") as file:
        lines = [ktap.clean(line) for line in file]
    print(f"     -- the end of {os.path.relpath(outcome.log, ROOT)} --")
    with backtrace.Places(outcome.kernel) as named:
        for line in lines[-TAIL:]:
            print(f"     | {named.line(line)}")
    sys.stdout.flush()


def run_all(jobs, options):
    """Runs the jobs, some at a time; returns their outcomes as they end."""
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="postern-test-") as directory:
        pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
        try:
            futures = [pool.submit(run_job, job, directory, options.scale)
                       for job in jobs]
            for future in concurrent.futures.as_completed(futures):
                outcomes.append(future.result())
                show(outcomes[-1])
        except BaseException:  # Ctrl-C, SIGTERM, or a bug of ours
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            bounded.end_all()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return outcomes


def never_ran(outcomes):
    """Cases that every boot skipped: a hole that the counts do not show."""
    ran, skipped = set(), {}
    for outcome in outcomes:
        for case in outcome.cases:
            if case.verdict == ktap.SKIPPED:
                skipped[case.name] = case.reason
            else:
                ran.add(case.name)
    return {name: why for name, why in sorted(skipped.items()) if name not in ran}


def clear_logs():
    """Removes the logs of the last run; another run's fresh ones may vanish too."""
    os.makedirs(LOGS, exist_ok=True)
    for name in os.listdir(LOGS):
        if name.endswith(".log"):
            try:
                os.unlink(os.path.join(LOGS, name))
            except FileNotFoundError:
                pass


def expected_cpu(job):
    """About how many seconds of processor time a job takes, to no great precision."""
    if isinstance(job, Command):
        return job.cpu
    words = job.cmdline.split()
    chosen = [word for word in words if word.startswith("selftest=")]
    seconds = 60 if "selftest" in words else 25 if job.leave_out else 10 if chosen else 1
    return seconds * (6 if job.boot == "bochs" else 1) * max(1, min(16, job.cpus) / 4) * \
        (1.5 if job.debug else 1)


def choose(options):
    """The jobs that the options ask for, the longest first: none begins last."""
    jobs = [*commands(options.systems), *machines.load()]
    if options.quick:
        jobs = [job for job in jobs if job.quick]
    if options.only:
        jobs = [job for job in jobs
                if any(fnmatch.fnmatch(job.name, glob) for glob in options.only)]
    if options.debug:
        jobs = [job for job in jobs if getattr(job, "boot", "") == "direct"]
        for job in jobs:
            job.debug = True
    return sorted(jobs, key=expected_cpu, reverse=True)


def costs(outcomes):
    """The largest jobs by processor time, and all together: what is to be watched."""
    largest = sorted(outcomes, key=lambda outcome: outcome.cpu, reverse=True)[:COSTS_SHOWN]
    yield "largest: " + ", ".join(f"{o.name} {o.cpu:.0f}" for o in largest)
    yield (f"processor time: {sum(o.cpu for o in outcomes):.0f} s "
           f"in {len(outcomes)} jobs")


def finish(passed, failed, skipped):
    """The last line, and the exit status."""
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if passed and not failed else 1


def parse(argv):
    """The options."""
    parser = argparse.ArgumentParser(description="Runs Postern's tests.")
    parser.add_argument("--only", action="append", metavar="GLOB",
                        help="only jobs whose name matches; may be repeated")
    parser.add_argument("--quick", action="store_true",
                        help="only the jobs that `make check` runs")
    parser.add_argument("--debug", action="store_true",
                        help="direct boots only, all by the debug build")
    parser.add_argument("--systems", action="store_true",
                        help="the short form of `make systems` too")
    parser.add_argument("--list", action="store_true", help="name the jobs")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1),
                        metavar="N", help="how many at a time")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X",
                        help="multiply each time limit, for a slow machine")
    return parser.parse_args(argv)


def terminate(_number, _frame):
    """SIGTERM and SIGHUP end the run as Ctrl-C does."""
    raise KeyboardInterrupt


def main(argv):
    """Chooses, runs, counts."""
    options = parse(argv)
    try:
        jobs = choose(options)
    except (OSError, machines.Mistake) as error:
        print(f"run.py: {error}")
        return finish(0, 1, 0)
    if options.list:
        print("\n".join(job.name for job in jobs))
        return 0
    if not jobs:
        print("run.py: found no test of that name; --list names them")
    needed = [boots.KERNEL, boots.ISO, boots.INITRAMFS]
    if any(getattr(job, "debug", False) for job in jobs):
        needed.append(boots.DEBUG_KERNEL)
    missing = [path for path in needed if not os.path.isfile(path)]
    if missing and any(isinstance(job, machines.Boot) for job in jobs):
        print(f"run.py: {os.path.relpath(missing[0], ROOT)} is not built")
        return finish(0, 1, 0)
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    clear_logs()
    try:
        outcomes = run_all(jobs, options)
    except KeyboardInterrupt:
        print("run.py: interrupted", flush=True)
        return 130
    if not options.quick and not options.only:
        for name, why in never_ran(outcomes).items():
            print(f"note: no boot ran {name} ({why})")
    bad = [outcome.name for outcome in outcomes if outcome.count(ktap.FAILED)]
    if bad:
        print(f"failed: {' '.join(bad)}")
    print("\n".join(costs(outcomes)))
    return finish(*(sum(outcome.count(verdict) for outcome in outcomes)
                    for verdict in (ktap.PASSED, ktap.FAILED, ktap.SKIPPED)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
