"""The part of the gdb test that runs inside gdb, after scripts/gdb/postern.gdb.

Each check drives the real machine one step further and prints `ok - sentence`
or `not ok - sentence` with what was found; the last line is `# the end`.
Called by tests/gdb/run.py, which numbers the lines and bounds the time.
What is expected is written here or asked of QEMU, not of the scripts' modules.
"""
import os
import re
import sys

import gdb
import machine  # scripts/gdb/machine.py, which postern.gdb has loaded

sys.path.insert(0, os.environ["POSTERN_GDB_TEST"])
import backtraces  # noqa: E402
import program  # noqa: E402
from drive import (Unexpected, alias, cpu, expect, expect_match, go_to,  # noqa: E402
                   monitor_base, refusal, report, run, user_syscall_on, value)
from steps import Steps, without_line  # noqa: E402

CPUS = 2
USER_BIT = 1 << 12  # of CR3
# Rights of an area's pages in both PGDs, by `cea`'s names; the issue's list.
AREA = {
    "gdt[0]": "R", "gdt[1]..[15]": "-", "guard_entry_stack": "-",
    "entry_stack": "RW", "tss_page": "R", "io_bitmap[0]..[2]": "-",
    "ist[0].guard": "-", "ist[0].stack": "RW", "ist[1].guard": "-",
    "ist[1].stack": "RW", "ist[2].guard": "-", "ist[2].stack": "RW",
    "ist[3].guard": "-", "ist[3].stack": "RW", "trampoline": "R X",
    "debug_store[0]..[32]": "-",
}


# ---- The checks, in the order of the machine's way -----------------------------

def check_before_boot():
    """before paging is on each command says so in one line"""
    for command in ("cr3", "cr3 1", "cea", "walk 0", "gdt"):
        line = refusal(command)
        expect_match(r"^CPU \d (has paging off|is in real mode): [^\n]+$", line, command)


def check_breakpoints_ready():
    """breakpoints wherever SYSCALL may arrive are ready, three for each CPU and three"""
    expect(gdb.parameter("scheduler-locking"), "step", "scheduler-locking")
    lines = run("info breakpoints")
    for place, count in (("entry/trampoline.asm", 2 * CPUS), ("entry/direct.asm", 1),
                         ("entry/shared/shared.asm", 2),
                         ("entry/deferred/deferred_trampoline.asm", CPUS)):
        expect(lines.count(place), count, f"breakpoints in {place}")
    run("postern-break-syscall")
    run("postern-break-syscall 1")
    expect(run("info breakpoints"), lines, "breakpoints set again")


def check_first_syscall():
    """the first system call stops at the trampoline of the CPU that makes it"""
    run("continue")
    expect(value("$pc"), alias("trampoline_syscall", cpu()), "pc")
    expect(bool(value("$cr3") & USER_BIT), True, "the user PGD is loaded")


def check_each_cpu_stops():
    """a system call on each CPU stops in that CPU's own alias"""
    for number in (1, 0):
        run("disable")
        user_syscall_on(number)
        run("enable")
        run("continue")
        expect(cpu(), number, "the CPU that stopped")
        expect(value("$pc"), alias("trampoline_syscall", number), "pc")
    run("disable")


def check_alias_symbols():
    """every alias has the trampoline's names and source lines"""
    for label in ("trampoline_syscall", "trampoline_syscall_pcid",
                  "trampoline_syscall_return", "trampoline_door_sysret"):
        places = {n: run(f"info line *{alias(label, n):#x}") for n in range(CPUS)}
        lines = {expect_match(r"^Line (\d+) of \"entry/trampoline.asm\"", text, label)[1]
                 for text in places.values()}
        expect(len(lines), 1, f"source lines of {label}")
        expect_match(r"trampoline_\w+ in section",
                     run(f"info symbol {alias(label, 1):#x}"), label)
    expect_match(rf"\({CPUS} locations\)", run("tbreak trampoline_build_regs"), "break")


def check_stepping(number):
    """stepping from SYSCALL into C and back to user mode has source all the way"""
    user_syscall_on(number)
    way_in = Steps(lambda: in_body("do_syscall"))
    way_in.show(f"CPU {number}, the way in")
    expect(way_in.rows[0].pc, program.GETPPID_SYSCALL, "the user's SYSCALL")
    expect(way_in.rows[1].pc, alias("trampoline_syscall", number), "SYSCALL's target")
    expect_source(way_in.rows[1:])
    expect(way_in.flips(), [("user", "mov cr3,rsp", "kernel")], "CR3's bit 12")
    top = value(f"((struct percpu *){value('$gs_base'):#x})->task_stack")
    expect(0 < top - way_in.rows[-1].rsp < 0x4000, True, "RSP is in the task stack")

    go_to(f"*{alias('trampoline_syscall_return', number):#x}", number)
    way_out = Steps(lambda: value("$pc") == program.GETPPID_SYSCALL + 2)
    way_out.show(f"CPU {number}, the way out")
    expect_source(way_out.rows[:-1])
    expect(way_out.flips(), [("kernel", "mov cr3,rsp", "user")], "CR3's bit 12")
    expect(way_out.rows[-2].text, "sysretq", "the last instruction of ring 0")
    expect(way_out.rows[-1].rsp, way_in.rows[0].rsp, "the user's RSP")


def expect_source(rows):
    """Every row has its source line."""
    bad = [f"{row.pc:#x} '{row.text}': {why}" for row, why in without_line(rows)]
    if bad:
        raise Unexpected("; ".join(bad))


def in_body(function):
    """Behind the opening line of a C function?"""
    symbol = gdb.selected_frame().function()
    line = gdb.selected_frame().find_sal().line
    return symbol is not None and symbol.name == function and line > symbol.line


def check_source_steps():
    """`step` goes line by line from the trampoline into C, in another CPU's alias"""
    user_syscall_on(1)
    run("stepi")
    by_line = Steps(lambda: in_body("do_syscall"), "step")
    user_syscall_on(1)
    run("stepi")
    by_instruction = Steps(lambda: in_body("do_syscall"))
    expect(len(by_line.lines("entry/")) > 15, True, f"{len(by_line.lines('entry/'))} lines passed")
    expect(by_line.lines("entry/"), by_instruction.lines("entry/"), "lines passed")


def check_backtraces(way, number):
    """`bt` leads outside at each step"""
    run("disable")
    way(number)


BACKTRACES = (
    ("a system call", backtraces.syscall, (0, 1)),
    ("a page fault", backtraces.page_fault, (0, 1)),
    ("a timer interrupt from user mode", backtraces.timer_in_user, (0, 1)),
    ("a timer interrupt from an idle CPU", backtraces.timer_in_kernel, (0, 1)),
    ("an NMI in a system call", backtraces.nmi_in_kernel, (0, 1)),
)


def check_cr3():
    """`cr3` tells the user PGD from the kernel PGD on both sides, and whose it is"""
    user_syscall_on(0)
    loaded = value("$cr3") & ~0xfff
    pair = rf"of the pair {loaded & ~USER_BIT:#x} / {loaded | USER_BIT:#x}"
    expect_match(rf"^CPU 0: CR3 .* the user PGD {pair} \(pid 1, init\)", run("cr3"), "cr3")
    go_to("do_syscall")
    expect(bool(value("$cr3") & USER_BIT), False, "CR3 in C")
    expect_match(rf"the kernel PGD {pair} \(pid 1, init\); no PCIDs", run("cr3"), "cr3")
    expect_match(r"^CPU 1: .* \(the pair of no process\)", run("cr3 1"), "cr3 1")


def check_walk():
    """`walk` shows the image in the kernel PGD alone, slot 508 in both"""
    for side in ("C", "user"):
        if side == "user":
            user_syscall_on(0)
        expect_match(r"^  PGD\[511\] +0x\w+ W A +not present$",
                     run("walk do_syscall"), side)
        expect_match(rf"^  = +{physical('do_syscall')} R X, page of 4 KiB +"
                     r"not present, by the PGD$", run("walk do_syscall"), side)
        here = f"{physical('trampoline_syscall')} R X G, page of 4 KiB"
        expect_match(rf"^  PGD\[508\] +(0x\w+ W A) +\1$", run("walk trampoline_syscall"), side)
        expect_match(rf"^  = +{here} +{here}$", run("walk trampoline_syscall"), side)
    expect_match(r"^  = +(0x\w+) R U, page of 4 KiB +\1 R X U, page of 4 KiB$",
                 run(f"walk {program.START:#x}"), "user code is NX in the kernel PGD")


physical_addresses = {}


def physical(place):
    """Where QEMU itself says that an address is; asked while CR3 shows it."""
    if place not in physical_addresses:
        text = run(f"monitor gva2gpa {value('&' + place):#x}")
        physical_addresses[place] = expect_match(r"gpa: (0x\w+)", text, place)[1]
    return physical_addresses[place]


def check_cea():
    """`cea 1` has every page of CPU 1's area, its frame, and the issue's rights"""
    text = run("cea 1")
    rows = {name: (int(at, 16), frame, kernel, user) for at, name, frame, kernel, user
            in re.findall(r"^  (0x\w+) (\S+) +(\S+) +(R ?[WXUG ]*?|-) +(R[WXUG ]*|-)$", text, re.M)}
    found = {name: kernel.removesuffix(" G") for name, (_, _, kernel, _) in rows.items()}
    expect(found, AREA, "rights in the kernel PGD")
    expect([row for row in rows.values() if row[2] != row[3]], [], "PGDs that differ")
    expect(rows["gdt[0]"][0], monitor_base(1, "GDT"), "the GDT's address")
    expect(rows["tss_page"][0] + 4096 - 104, monitor_base(1, "TR"), "the TSS's address")
    for name, (at, frame, _, _) in rows.items():
        qemu = re.findall(r"gpa: (0x\w+)", run(f"monitor gva2gpa {at:#x}"))
        expect([frame] if frame != "-" else [], qemu, f"{name}'s frame")
    expect_match(rf"^  TSS: sp0 {rows['entry_stack'][0] + 192:#x} ", text, "sp0")
    for i, event in enumerate(("DF", "NMI", "DB", "MC")):
        top = rows[f"ist[{i}].stack"][0] + 4096
        expect_match(rf"^    IST {i + 1} #{event} +{top:#x} ", text, event)
    expect_match(r"IO bitmap at \+8297, beyond the limit: every port denied$", text, "IO bitmap")
    expect_match(rf"trampoline +{rows['trampoline'][1]} ", run("cea 0"), "one frame for all")


def check_entry_stack():
    """`cea` shows the user's RSP on the entry stack, where SYSCALL left it"""
    user_syscall_on(0)
    rsp = value("$rsp")
    run("stepi 2")
    expect_match(rf"0x\w+0b0 {rsp:#018x} sp, SYSCALL's too$", run("cea"), "word")


def check_gdt():
    """`gdt 1` has CPU 1's read-only alias, its selectors and its busy TSS"""
    text = run("gdt 1")
    base = monitor_base(1, "GDT")
    expect_match(rf"^CPU 1: GDTR {base:#x}, limit 0xf97: the alias in its entry area, "
                 r"frame 0x\w+, R G / R G$", text, "GDTR")
    for pattern in (r"0x03f0 \w+ SEL_KERNEL_CS +code 64-bit, R X, accessed, DPL 0",
                    r"0x0028 \w+ SEL_USER_DS +data, RW, accessed, DPL 3",
                    r"0x0030 \w+ SEL_USER_CS +code 64-bit, R X, accessed, DPL 3"):
        expect_match(rf"^  {pattern}$", text, "a segment")
    expect_match(rf"^  0x03e0 \w+ SEL_TSS +TSS busy, DPL 0, base "
                 rf"{monitor_base(1, 'TR'):#x}, limit 0x2068$", text, "the TSS")
    expect(text.count("\n"), 8, "lines")


def check_physical_mode():
    """memory reads are virtual again after every command, failed ones too"""
    run("walk 0")
    expect_match('received: "0"', run("maintenance packet qqemu.PhyMemMode"), "after walk")
    try:
        with machine.PhysicalMemory():
            raise gdb.error("on purpose")
    except gdb.error:
        pass
    expect_match('received: "0"', run("maintenance packet qqemu.PhyMemMode"), "after an error")


BAD_INPUT = {
    "walk": r"found no address, expected: walk ADDRESS",
    "walk no_such_thing": r"found 'no_such_thing', expected an address: .*",
    "walk 1 +": r"found '1 \+', expected an address: .*",
    "walk 0x8000000000000000": r"found 0x8000000000000000, expected a canonical address",
    "cea 2": r"found CPU '2', expected 0 to 1",
    "cea -1": r"found CPU '-1', expected 0 to 1",
    "gdt one": r"found CPU 'one', expected 0 to 1",
    "cr3 9": r"found CPU '9', expected 0 to 1",
    "postern-break-syscall 2": r"found CPU '2', expected 0 to 1",
    "serial many": r"found 'many', expected a number of lines",
}


def check_bad_input():
    """bad input gets one clear line"""
    for command, line in BAD_INPUT.items():
        expect_match(rf"\A{line}\Z", refusal(command), command)


def check_serial():
    """`serial` shows what the kernel printed"""
    expect_match(r"^Postern: ", run("serial 500"), "serial 500")
    expect(len(run("serial 2").splitlines()), 2, "lines of serial 2")


def main():
    """All checks."""
    run("set suppress-cli-notifications on")  # the stops are not the result
    report(check_before_boot)
    report(check_breakpoints_ready)
    report(check_first_syscall)
    report(check_each_cpu_stops)
    report(check_alias_symbols)
    for number in range(CPUS):
        report(check_stepping, number,
               sentence=f"CPU {number}: {check_stepping.__doc__}")
    for check in (check_source_steps, check_cr3, check_walk, check_cea,
                  check_entry_stack, check_gdt, check_physical_mode,
                  check_bad_input, check_serial):
        report(check)
    for what, way, numbers in BACKTRACES:
        for number in numbers:
            report(check_backtraces, way, number,
                   sentence=f"CPU {number}: {check_backtraces.__doc__} of {what}")
    print("# the end", flush=True)


main()
