#!/usr/bin/env python3
"""Runs the user programs on the Linux of this machine, the reference for the ABI.

    check_on_linux.py build/user

Every program must do here what its first lines promise, and every row of
`fault --list` must end in the signal that it names. What the tests expect of
Postern is then what Linux does. Ends in `N passed, N failed, N skipped`.
"""
import subprocess
import sys

SIGSEGV = 11
SECONDS = 60

# Program, arguments, expected exit status (minus a signal), expected in the output.
PROGRAMS = [
    ("hello", ["again"], 0, "hello from CPU "),
    ("init", [], 0, "init: pages have 4096 bytes"),
    ("peek", [], -SIGSEGV, "peek: reading kernel memory at 0xffffffff80000000"),
    ("abi", [], 0, "\n1.."),
    ("regs", [], 0, "\n1.."),
    ("spin", ["50"], 0, "counted to"),
    ("memory", ["16"], 0, "no damage"),
    ("fpu", [], 0, "all patterns kept"),
    ("null_syscall", [], 0, "TSC ticks each"),
]


def run(build, name, arguments):
    done = subprocess.run([f"{build}/{name}", *arguments], stdin=subprocess.DEVNULL, timeout=SECONDS,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


def check(title, status, expected, output, needed):
    """True if the program ended as it should; else says what it did."""
    if status == expected and needed in output:
        return True
    print(f"FAILED {title}: ended with {status}, expected {expected} and '{needed.strip()}'")
    print("".join(f"    {line}\n" for line in output.splitlines()
                  if line.startswith("not ok") or len(output) < 2000), end="")
    return False


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build/user"
    passed, failed, skipped = 0, 0, 0
    for name, arguments, expected, needed in PROGRAMS:
        status, output = run(build, name, arguments)
        good = check(name, status, expected, output, needed)
        passed, failed = passed + good, failed + (not good)
    for row in run(build, "fault", ["--list"])[1].splitlines():
        name, signal, *machine = row.split()
        status, output = run(build, "fault", [name])
        if machine == ["umip"] and status == 1:
            print(f"skipped fault {name}: Linux or the CPU executes it")
            skipped += 1
            continue
        good = check(f"fault {name}", status, -int(signal), output, "to be killed")
        passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
