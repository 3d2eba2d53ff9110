#!/usr/bin/env python3
"""Tests `make gdb`: scripts/debug, the gdb commands, stepping through entry.

Boots two CPUs under QEMU's TCG through scripts/debug, with a small program as
init, and lets session.py drive gdb; then looks at what is said without a
machine, and whether anything is left behind.  Prints `ok N - sentence` or
`not ok N - sentence` for each check, with the record of each single step as
comments; exits with 0 only if all are ok.  Called by tests/run.py.

    tests/gdb/run.py [--elf PATH] [--initramfs PATH]
"""
import argparse
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests"), os.path.join(ROOT, "scripts")]
import bounded  # noqa: E402
import newc  # noqa: E402
import program  # noqa: E402

DEBUG = os.path.join(ROOT, "scripts", "debug")
POSTERN_GDB = os.path.join(ROOT, "scripts", "gdb", "postern.gdb")
SESSION_SECONDS = 90
SHORT_SECONDS = 15
RESULT = re.compile(r"^(ok|not ok) - (.*)$")


class Tap:
    """The numbered lines, and whether all were good."""

    def __init__(self):
        self.count = self.failed = 0

    def result(self, good, sentence, detail=""):
        """One check."""
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {sentence}")
        for line in detail.splitlines() if not good else []:
            print(f"  # {line}")
        sys.stdout.flush()

    def finish(self):
        """The plan, and the exit status."""
        print(f"1..{self.count}")
        return 1 if self.failed else 0


def environment(options, **more):
    """What scripts/debug is told; a caller's own knobs do not count."""
    clean = {k: v for k, v in os.environ.items()
             if k not in ("CPU", "MEM", "CMDLINE", "POSTERN_GDB", "POSTERN_SERIAL")}
    return {**clean, "ELF": options.elf, "INITRAMFS": options.initramfs,
            "CPUS": "2", "POSTERN_GDB_TEST": HERE, "PYTHONDONTWRITEBYTECODE": "1",
            **more}


def session(tap, options, initramfs, name, pti):
    """A long check: session.py or its like inside gdb, its lines numbered."""
    result = bounded.run(
        [DEBUG, "-batch", "-x", os.path.join(HERE, name)], SESSION_SECONDS,
        cwd="/", env=environment(options, CMDLINE=f"pti={pti} norandmaps init=/init",
                                 INITRAMFS=initramfs))
    for line in result.output.splitlines():
        found = RESULT.match(line)
        if found:
            tap.result(found[1] == "ok", found[2])
        else:
            print(line if line.startswith((" ", "#")) else f"# {line}")
    tap.result("# the end" in result.output, f"{name} in gdb came to its end",
               f"found status {result.status} after {result.seconds:.0f} s")


def hour(tap, cpus):
    """hour.py inside gdb, with a program that has symbols."""
    result = bounded.run(
        [DEBUG, "-batch", "-x", os.path.join(HERE, "hour.py"), "--",
         os.path.join(ROOT, "build/user/round"), "3"], SESSION_SECONDS, cwd="/",
        env={**environment(argparse.Namespace(elf="", initramfs="")), "CPUS": str(cpus)})
    for line in result.output.splitlines():
        found = RESULT.match(line)
        if found:
            tap.result(found[1] == "ok", f"{cpus} CPUs: {found[2]}")
        else:
            print(line if line.startswith((" ", "#")) else f"# {line}")
    tap.result("# the end" in result.output, f"{cpus} CPUs: the first hour came to its end",
               f"found status {result.status} after {result.seconds:.0f} s")


def without_machine(tap, options):
    """The commands without a QEMU: one line each."""
    commands = ["cea", "gdt 1", "walk 0", "cr3", "postern-break-syscall"]
    arguments = [part for command in commands for part in ("-ex", command)]
    result = bounded.run(
        ["gdb", "-q", "-nx", "-d", ROOT, "-ex", f"source {POSTERN_GDB}", *arguments,
         "-ex", "serial", "-ex", "quit", options.elf], SHORT_SECONDS, cwd="/",
        env=environment(options, POSTERN_GDB="/nonexistent/socket"))
    lines = result.output.splitlines()
    count = sum(line.startswith("not connected to QEMU: ") for line in lines)
    tap.result(count == len(commands) and
               "found no serial log: scripts/debug keeps one" in lines and
               "cannot connect to /nonexistent/socket: " in result.output and
               "Traceback" not in result.output,
               "without a machine each command says so in one line", result.output)


def bad_knobs(tap, options):
    """What scripts/debug refuses, before it starts anything."""
    for knob, wrong, line in (
            ("CPUS", "0", "debug: found CPUS=0, expected 1 to 255"),
            ("MEM", "lots", "debug: found MEM=lots, expected a size such as 512M or 4G"),
            ("MEM", "1M", "debug: found MEM=1M, expected 20M to 512G"),
            ("ELF", "/nonexistent", "debug: /nonexistent: found nothing, expected what `make` "
                                    "builds, or ELF="),
            ("INITRAMFS", "/", "debug: /: found a directory, expected what `make` builds"),
            ("GDB", "no-gdb", "debug: found no no-gdb, expected one; `scripts/deps gdb`"),
            ("CPU", "none", "debug: QEMU did not start: ")):
        result = bounded.run([DEBUG, "-batch"], SHORT_SECONDS,
                             env={**environment(options), knob: wrong})
        tap.result(result.status == 126 and result.output.startswith(line) and
                   result.output.count("\n") == 1,
                   f"scripts/debug refuses {knob}={wrong} in one line", result.output)


def bad_programs(tap, options):
    """The same of a program."""
    for path, line in (("/nonexistent", "debug: /nonexistent: found nothing, expected a static"),
                       ("/", "debug: /: found a directory, expected a static"),
                       (__file__, f"debug: {__file__}: found a script, expected")):
        result = bounded.run([DEBUG, "-batch", "--", path], SHORT_SECONDS,
                             env=environment(options))
        tap.result(result.status == 126 and result.output.startswith(line) and
                   result.output.count("\n") == 1,
                   f"scripts/debug refuses the program {os.path.basename(path)} in one line",
                   result.output)


def alive(pid):
    """Is there such a process, zombies aside?"""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def start_and_read_pid(options):
    """scripts/debug with a gdb that waits; (process, QEMU's number)."""
    process = subprocess.Popen(
        bounded.tied([DEBUG, "-batch", "-ex", "shell sleep 30"]),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True, env=environment(options))
    line = process.stdout.readline()
    found = re.match(r"debug: QEMU is process (\d+); serial output: tail -f (\S+)", line)
    return process, int(found[1]), os.path.dirname(found[2])


def ends_qemu(tap, options, number, name, directory_goes):
    """A signal to scripts/debug ends its QEMU, and only it is signalled."""
    process, qemu, directory = start_and_read_pid(options)
    was_alive = alive(qemu)
    os.kill(process.pid, number)
    deadline = time.monotonic() + SHORT_SECONDS / 2
    bounded.wait_until(process, deadline)
    while alive(qemu) and time.monotonic() < deadline:
        time.sleep(0.05)
    gone = not alive(qemu)
    if not gone:
        os.kill(qemu, signal.SIGKILL)
    bounded.end(process)  # with gdb's `shell sleep`, which is in its session
    process.stdout.close()
    left = glob.glob(directory)
    tap.result(was_alive and gone and not (directory_goes and left),
               f"{name} to scripts/debug ends its QEMU",
               f"found QEMU alive {was_alive} then {not gone}, left behind: {left}")
    for path in left:
        subprocess.run(["rm", "-rf", "--", path], check=False)


def parse(argv):
    """The options."""
    build = os.path.join(ROOT, "build")
    parser = argparse.ArgumentParser(description="Tests the gdb support.")
    parser.add_argument("--elf", default=os.path.join(build, "postern.elf"))
    parser.add_argument("--initramfs", default=os.path.join(build, "initramfs.cpio"))
    options = parser.parse_args(argv)
    options.elf = os.path.abspath(options.elf)
    options.initramfs = os.path.abspath(options.initramfs)
    return options


def interrupted(_number, _frame):
    """SIGTERM ends us by way of the cleaning up."""
    raise KeyboardInterrupt


def main(argv):
    """All checks."""
    options, tap = parse(argv), Tap()
    signal.signal(signal.SIGTERM, interrupted)
    with tempfile.TemporaryDirectory(prefix="postern-gdb-test-") as directory:
        initramfs = os.path.join(directory, "initramfs.cpio")
        newc.write_whole(initramfs, program.archive())
        session(tap, options, initramfs, "session.py", "on")
        session(tap, options, initramfs, "deferred.py", "deferred")
    for cpus in (1, 4):
        hour(tap, cpus)
    without_machine(tap, options)
    bad_knobs(tap, options)
    bad_programs(tap, options)
    ends_qemu(tap, options, signal.SIGTERM, "SIGTERM", True)
    ends_qemu(tap, options, signal.SIGKILL, "SIGKILL", False)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
