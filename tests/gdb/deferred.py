"""The gdb test's session with pti=deferred; runs inside gdb, after postern.gdb.

Where SYSCALL arrives, and back-traces at each instruction of calls that end on the
user's table, of one that switches, of a page fault and of an NMI in deferred C.
Called by tests/gdb/run.py; session.py says how it prints.
"""
import os
import sys

sys.path.insert(0, os.environ["POSTERN_GDB_TEST"])
import backtraces  # noqa: E402
import program  # noqa: E402
from drive import (alias, cpu, expect, go_to, report, run,  # noqa: E402
                   user_syscall_on, value)

CPUS = 2
USER_BIT = 1 << 12  # of CR3
CLOSE, CLOCK_GETTIME = 3, 228


def check_first_syscall():
    """pti=deferred: the first system call stops at the trampoline of the CPU that makes it"""
    run("continue")
    expect(value("$pc"), alias("trampoline_deferred", cpu()), "pc")
    expect(bool(value("$cr3") & USER_BIT), True, "the user PGD is loaded")
    run("disable")


def call(number, rax, rdi, fewest):
    """A whole call, with its number in rax."""
    user_syscall_on(number)
    run(f"set $rax = {rax}")
    run(f"set $rdi = {rdi}")
    run("set $rsi = $rsp - 64")
    user = backtraces.Expected(program.GETPPID_SYSCALL + 2, ("rdi",))
    run("stepi")
    count = backtraces.step_until(backtraces.in_user, user)
    expect(count >= fewest, True, f"{count} steps, at least {fewest}")
    expect(value("$pc"), program.GETPPID_SYSCALL + 2, "back at")


def check_calls(number):
    """`bt` leads outside at each step of calls that end on the user's table"""
    call(number, program.GETPPID, 0, 25)
    call(number, CLOCK_GETTIME, 1, 60)


def check_call_that_switches(number):
    """`bt` leads outside at each step of a call that switches"""
    call(number, CLOSE, -1, 90)


def check_page_fault(number):
    """`bt` leads outside at each step of a page fault's way in and out"""
    user_syscall_on(number)
    run(f"set $rdi = $rsp - {0x4000 * (1 + number):#x}")
    run(f"set $pc = {program.TOUCH:#x}")
    user = backtraces.Expected()
    go_to(f"*{value('&deferred_stubs') + 8 * backtraces.PAGE_FAULT:#x}", number)
    backtraces.in_and_out("do_trap", "*&deferred_back", user, backtraces.in_user)
    expect(value("$pc"), program.TOUCH, "back at")


def check_nmi(number):
    """`bt` leads outside at each step of an NMI in deferred C"""
    user_syscall_on(number)
    user = backtraces.Expected(program.GETPPID_SYSCALL + 2, ("rdi",))
    go_to("*deferred_getppid", number)
    interrupted = value("$pc")
    run("monitor nmi")
    go_to(backtraces.stub(backtraces.NMI), number)
    expect(backtraces.step_until(backtraces.at("do_paranoid"), user) > 60, True, "steps on the way in")
    run("finish")
    backtraces.step_until(lambda: value("$pc") == interrupted, user)


def main():
    """All checks."""
    run("set suppress-cli-notifications on")
    report(check_first_syscall)
    for check in (check_calls, check_call_that_switches, check_page_fault, check_nmi):
        for number in range(CPUS):
            report(check, number, sentence=f"pti=deferred, CPU {number}: {check.__doc__}")
    print("# the end", flush=True)


main()
