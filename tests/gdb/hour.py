"""The first hour with gdb, as a newcomer has it; runs inside gdb, after postern.gdb.

A program with symbols (user/round.c, three rounds) from `break main` to its end and into the
next boot, with the commands that the greeting names.  Prints `ok - sentence` or `not ok -
sentence`; the last line is `# the end`.  Called by tests/gdb/run.py, with 1 and with 4 CPUs.
"""
import os
import re
import signal
import sys
import threading
import time

import gdb

sys.path.insert(0, os.environ["POSTERN_GDB_TEST"])
from drive import cpu, expect, expect_match, go_to, refusal, run, value  # noqa: E402

CS_USER, TRAMPOLINE = 0x33, r"trampoline_syscall(_pcid)?"


def in_user():
    """In ring 3?"""
    return value("$cs") & 3 == 3


def step_while(condition, most):
    """stepi as long as it holds; what gdb said meanwhile."""
    said = []
    while condition() and len(said) < most:
        said.append(run("stepi"))
    expect(condition(), False, f"after {most} steps, at {value('$pc'):#x}")
    return "".join(said)


def check_quiet():
    """nothing asks for RET"""
    expect(gdb.parameter("pagination"), False, "pagination")


def check_names():
    """the first call arrives at `trampoline_syscall`, by that name, and frame-regs and gs say whose"""
    run("continue")
    expect_match(rf"<{TRAMPOLINE}>:", run("x/i $pc"), "the instruction")
    expect_match(rf"^{TRAMPOLINE} in section", run("info symbol $pc"), "info symbol")
    rcx, rsp = value("$rcx"), value("$rsp")
    text = run("frame-regs")
    expect_match(rf"^  user mode, RIP {rcx:#x}\b", text, "RIP")
    expect_match(rf"CS 0x33 \(user cs\), SS 0x2b \(user ds\), RSP {rsp:#x}$", text, "CS")
    expect_match(r"^  RFLAGS 0x[0-9a-f]+ \(.*IF.*\)$", text, "RFLAGS")
    expect_match(rf"GS base 0x0: the user's; SWAPGS brings .*: CPU {cpu()}'s vault", run("gs"),
                 "GS at the first instruction")


def check_main():
    """`break main` stops in the program, with its source"""
    run("delete")
    point = gdb.Breakpoint("main")
    run("continue")
    point.delete()
    expect(value("$cs"), CS_USER, "CS")
    expect_match(r"user/round\.c:\d+", run("frame"), "where")


def check_interrupted():
    """`bt` and `up` have the line of the very instruction that faulted, a function's first"""
    go_to("page_fault")
    faults = value("$pc")
    for _ in range(100):  # other CPUs, and a tick, come by there, too
        go_to("do_trap")
        if value("regs->ip") == faults:
            break
    where = rf"^#\d+ +{faults:#018x} in user: page_fault \(\) at user/round\.c:" \
            rf"{gdb.find_pc_line(faults).line}$"
    expect_match(where, run("bt"), "bt")
    expect_match(where, run("up 99"), "up")


def check_program():
    """in the program `bt` shows who called, `finish` goes there, and `next` goes over calls"""
    go_to("getppid")
    expect_match(r"^#1 +0x\w+ in user: main \(", run("bt"), "bt")
    run("finish")
    expect_match(r"^#0 +(0x\w+ in )?main \(", run("frame"), "behind finish")
    seen = []
    for _ in range(4):
        seen.append(run("frame").strip().splitlines()[-1])
        run("next")
        expect_match(r"^#0 +(0x\w+ in )?main \(", run("frame"), "behind next")
    expect_match(r"page_fault.*arithmetic.*raise", " ".join(seen), "the lines that next went over")


def press():
    """Ctrl-C, a while later."""
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGINT)


def check_call():
    """stepi leads from the program's SYSCALL into the kernel, and back; `until` ends by Ctrl-C"""
    go_to("getppid")
    start = value("$pc")
    expect_match(r"^=> 0x\w+ <getppid\+\d+>:", refusal("until"), "until, without lines")
    expect(value("$pc") > start, True, "it went on")
    loop, code = value("$pc"), value("*(unsigned short *)$pc")
    run(f"set *(unsigned short *){loop:#x} = 0xfeeb")  # a jump to itself
    threading.Thread(target=press).start()
    text = refusal("until")
    expect_match(r"^interrupted at => ", text, "Ctrl-C in until")
    run(f"set *(unsigned short *){loop:#x} = {code:#x}")
    expect(value("$pc"), loop, "interrupted at")
    run(f"set $pc = {start:#x}")
    step_while(lambda: "syscall" not in run("x/i $pc"), 20)
    behind = value("$pc") + 2
    run("stepi")
    expect_match(rf"<{TRAMPOLINE}>:", run("x/i $pc"), "behind SYSCALL")
    for _ in range(8):
        text = run("bt")
        expect_match(rf"^#1 +{behind:#018x} in user: getppid \(\)", text, "bt")
        run("stepi")
    said = step_while(lambda: not run("info symbol $pc").startswith("do_syscall "), 200)
    expect_match(r"^\t\(in entry/trampoline\.asm\)$", said, "the file behind a macro's lines")
    expect_match(r"^#1 +0x\w+ in trampoline_build_regs \(", run("bt"), "bt in C")
    text = run("frame-regs regs")
    expect_match(rf"^  user mode, RIP {behind:#x} getppid", text, "struct pt_regs in C")
    expect_match(r"^  orig_ax 0x6e$", text, "the call's number")
    expect_match(rf"^  user mode, RIP {behind:#x} getppid", run("frame-regs"), "frame-regs in C")
    expect_match(rf"GS base .*: CPU {cpu()}'s vault, struct percpu; SWAPGS brings 0x0: the user's",
                 run("gs"), "GS in the kernel")
    run("finish")
    step_while(lambda: not in_user(), 200)
    expect(value("$pc"), behind, "back at")


def check_user_frame():
    """`up` names the user's frame as `bt` does, in code without symbols, too"""
    go_to("do_syscall")
    text = run("bt")
    last = text.strip().splitlines()[-1]
    level = int(re.match(r"#(\d+)", last)[1])
    expect_match(r"in user: ", last, "bt")
    user = expect_match(r"^#\d+ +0x\w+ in user: \w+ \(\)", text, "bt")[0]
    number = int(re.match(r"#(\d+)", user)[1])
    expect_match(rf"^#{number} ", run(f"up {number}"), "up")
    expect_match(r"^#0 ", run(f"down {number}"), "down")
    expect(level >= number, True, "the last frame is the user's")


def check_fault():
    """`break entry_from_user` stops: a page fault, with what it has saved"""
    run("delete")
    go_to("entry_from_user")
    expect_match(r"^  user mode, RIP 0x", run("frame-regs"), "frame-regs")
    step_while(lambda: not run("info symbol $pc").startswith("do_trap"), 200)


def check_nmi():
    """`nmi` sends one, and help says what it does"""
    run("nmi")
    go_to("do_paranoid")
    expect(value("regs->vector") & 0xff, 2, "vector")
    expect("_window_" in run("bt"), False, "a mark's name in bt")
    for command in ("nmi", "gs", "frame-regs", "restart", "cea"):
        expect_match(rf"^{command}\b.*: ", run(f"help {command}"), "help")


def check_end():
    """before the power-off gdb stops with one line, which has the program's status"""
    run("delete")
    text = run("continue")
    found = [line for line in text.splitlines() if line.startswith("postern: ")]
    expect(len(found), 1, f"lines in {text!r}")
    expect_match(r"run is over: /bin/round: exited with status 0; power off; `restart`", found[0],
                 "the line")
    expect_match(r"^#0 +power_off ", run("bt 1"), "where")


def check_restart():
    """`restart` boots again, to the program's main"""
    run("restart")
    point = gdb.Breakpoint("main")
    run("continue")
    point.delete()
    expect_match(r"user/round\.c:\d+", run("frame"), "where")


def check_reset():
    """a reset that nobody wanted stops gdb, with one line"""
    run("monitor system_reset")
    run("maintenance flush register-cache")
    text = run("continue")
    expect_match(r"^postern: the machine has reset", text, "the line")


CHECKS = (check_quiet, check_names, check_main, check_interrupted, check_program, check_call,
          check_user_frame, check_fault, check_nmi, check_end, check_restart, check_reset)


def main():
    """All checks."""
    run("set suppress-cli-notifications on")
    for check in CHECKS:
        try:
            check()
            print(f"ok - {check.__doc__}", flush=True)
        except Exception as error:  # whatever it is, the other checks go on
            print(f"not ok - {check.__doc__}\n  # {type(error).__name__}: {error}", flush=True)
    print("# the end", flush=True)


main()
