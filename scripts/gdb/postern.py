"""gdb commands for Postern, loaded by scripts/gdb/postern.gdb.

    cea [CPU]    gdt [CPU]    walk ADDRESS    cr3 [CPU]    gs [CPU]    serial [LINES]
    frame-regs [ADDRESS]    nmi    restart    up [N]    down [N]
    postern-connect [ADDRESS]    postern-break-syscall [CPU]

This file only defines the commands; what they print is made in areas.py,
descriptors.py and tables.py beside it, from physical memory (machine.py).
unwinder.py lets `bt` pass through entry code.
"""
import os
import sys

import gdb

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import aliases  # noqa: E402
import areas  # noqa: E402
import descriptors  # noqa: E402
import ending  # noqa: E402
import machine  # noqa: E402
import registers  # noqa: E402
import tables  # noqa: E402
import unwinder  # noqa: E402

DEFAULT_STUB = "localhost:1234"  # what QEMU's -s means


class Command(gdb.Command):
    """A command named NAME; lines(argument) makes what it prints.

    Its help text is the subclass's docstring.
    """
    name = ""
    kind = gdb.COMMAND_DATA

    def __init__(self):
        super().__init__(self.name, self.kind)

    def invoke(self, argument, _from_tty):
        """Called by gdb."""
        self.dont_repeat()
        for line in self.lines(argument.strip()):
            print(line)


class Cea(Command):
    """cea [CPU]: the cpu_entry_area of a CPU (the selected one without CPU).

Each page with its frame and its rights in the kernel PGD and the user PGD, the
words of the entry stack, and the TSS."""
    name = "cea"

    def lines(self, argument):
        """See areas.py."""
        return areas.cea_lines(machine.chosen_cpu(argument))


class Gdt(Command):
    """gdt [CPU]: the GDT that a CPU's GDTR points to, each descriptor decoded."""
    name = "gdt"

    def lines(self, argument):
        """See descriptors.py."""
        return descriptors.gdt_lines(machine.chosen_cpu(argument))


class Cr3(Command):
    """cr3 [CPU]: which PGD of which pair a CPU has loaded."""
    name = "cr3"

    def lines(self, argument):
        """See areas.py."""
        return areas.cr3_lines(machine.chosen_cpu(argument))


class WalkAddress(Command):
    """walk ADDRESS: the page-table walk of an address, both PGDs side by side.

ADDRESS is any expression; a function, an array or an assembly label stands for
where it is.  The pair is the selected CPU's.  Read from physical memory: it
shows the tables as they are, whichever PGD is loaded."""
    name = "walk"

    def lines(self, argument):
        """See tables.py."""
        if not argument:
            machine.refuse("found no address, expected: walk ADDRESS")
        cpu = machine.chosen_cpu("")
        va = address(argument)
        if not tables.canonical(va):
            machine.refuse(f"found {va:#x}, expected a canonical address")
        return tables.walk_lines(cpu, va)


def address(expression):
    """An expression's value, or where it is if it is a place in the program."""
    places = (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRUCT,
              gdb.TYPE_CODE_ERROR)
    try:
        value = gdb.parse_and_eval(expression)
        if value.type.strip_typedefs().code in places:
            value = value.address
        return int(value) & 2 ** 64 - 1
    except (gdb.error, TypeError, ValueError) as error:
        return machine.refuse(f"found '{expression}', expected an address: {error}")


class Serial(Command):
    """serial [LINES]: the end of what the kernel has printed (10 lines)."""
    name = "serial"

    def lines(self, argument):
        """The file's name comes from scripts/debug."""
        path = os.environ.get("POSTERN_SERIAL")
        if not path:
            machine.refuse("found no serial log: scripts/debug keeps one")
        if argument and not argument.isdecimal():
            machine.refuse(f"found '{argument}', expected a number of lines")
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()[-int(argument or 10):]


class BreakSyscall(Command):
    """postern-break-syscall [CPU]: breakpoints where SYSCALL arrives.

On all CPUs, or on one: each CPU has its own alias of the trampoline, and there
are two ways in, with PCIDs and without."""
    name = "postern-break-syscall"
    kind = gdb.COMMAND_BREAKPOINTS

    def lines(self, argument):
        """See aliases.py."""
        cpus = machine.threads()
        if argument:
            cpus = [machine.chosen_cpu(argument)]
        count = aliases.break_syscall(sorted(cpus))
        return [f"postern: {count} breakpoints where SYSCALL arrives"]


class Locking:
    """Who runs while one CPU steps.  In the kernel nobody: they run with `continue`.  In a
    program all, as what `next` goes over, a call or a fault, may wait for them.  Whoever sets
    it otherwise keeps that."""

    def __init__(self):
        self.set("step")
        gdb.events.stop.connect(self.stopped)

    def set(self, mode):
        """As `set scheduler-locking`."""
        self.mode = mode
        gdb.execute(f"set scheduler-locking {mode}")

    def stopped(self, _event):
        """Called by gdb."""
        if gdb.parameter("scheduler-locking") == self.mode:
            self.set("off" if unwinder.is_user(gdb.newest_frame()) else "step")


class Connect(Command):
    """postern-connect [ADDRESS]: target remote, symbols, breakpoints.

ADDRESS is what target remote takes: host:port, or the path of a socket;
without it the environment's POSTERN_GDB, or localhost:1234 (QEMU's -s)."""
    name = "postern-connect"
    kind = gdb.COMMAND_RUNNING

    def lines(self, argument):
        """Everything that needs a target."""
        stub = argument or os.environ.get("POSTERN_GDB") or DEFAULT_STUB
        try:
            gdb.execute(f"target remote {stub}", to_string=True)
        except gdb.error as error:
            machine.refuse(f"cannot connect to {stub}: {error}")
        Locking()
        aliases.load()
        program = aliases.load_program()
        ending.register()
        cpus = len(machine.threads())
        aliases.break_syscall(range(cpus))
        yield f"postern: connected to {stub}, {cpus} CPU{'s' * (cpus > 1)}, stopped"
        yield ("postern: breakpoints where SYSCALL arrives on every CPU; "
               "`continue` goes to the first")
        if program:
            yield (f"postern: the symbols of {program} are loaded; `break main` is for it")
        yield ("postern: cea [CPU], gdt [CPU], walk ADDRESS, cr3 [CPU], gs [CPU], frame-regs, "
               "nmi,")
        yield "postern: serial [LINES], restart; `help NAME` says more"


class FrameRegs(Command):
    """frame-regs [ADDRESS]: the registers that an exception or a call has saved, in words.

Those of what was interrupted, as the selected frame's entry code knows them, at any of
its instructions; or a struct pt_regs at ADDRESS (in C: `frame-regs regs`)."""
    name = "frame-regs"

    def lines(self, argument):
        """See registers.py."""
        machine.threads()
        return registers.frame_lines(address(argument) if argument else None)


class Gs(Command):
    """gs [CPU]: whose GS base is loaded, and whose SWAPGS would bring."""
    name = "gs"

    def lines(self, argument):
        """See registers.py."""
        return registers.gs_lines(machine.chosen_cpu(argument))


class Nmi(Command):
    """nmi: sends an NMI, as a chipset's watchdog does.

To each CPU that takes it (its APIC's LINT1); it arrives with the next stepi or continue."""
    name = "nmi"
    kind = gdb.COMMAND_RUNNING

    def lines(self, argument):
        """QEMU's monitor sends it."""
        machine.threads()
        gdb.execute("monitor nmi", to_string=True)
        return ["postern: sent; it arrives with the next stepi or continue"]


class Up(Command):
    """up [N]: selects the frame N further out (1); a user's frame is named as in bt."""
    name = "up"
    kind = gdb.COMMAND_STACK
    step = 1

    def lines(self, argument):
        """gdb's own does not ask the filters."""
        if argument and not argument.lstrip("-").isdecimal():
            machine.refuse(f"found '{argument}', expected a number of frames")
        machine.threads()
        frame = gdb.selected_frame()
        count = self.step * int(argument or 1)
        for _ in range(abs(count)):
            nearer = frame.older() if count > 0 else frame.newer()
            if not nearer or (count > 0 and nearer.pc() == 0):
                if frame == gdb.selected_frame():
                    machine.refuse("found no frame further " + ("out" if count > 0 else "in"))
                break
            frame = nearer
        frame.select()
        place = unwinder.exact_place(frame)
        if place:
            return self.exactly(frame, place)
        if unwinder.is_user(frame) and not frame.function():
            return [f"#{frame.level()}  {frame.pc():#018x} in {unwinder.user_name(frame)} ()"]
        return gdb.execute("frame", to_string=True).splitlines()

    @staticmethod
    def exactly(frame, place):
        """What `frame` would say if it did not take the address for a return address."""
        file, line = place.symtab.filename, place.line
        name = unwinder.EntryDecorator(frame).function()
        yield f"#{frame.level()}  {frame.pc():#018x} in {name} () at {file}:{line}"
        try:
            yield gdb.execute(f"list {file}:{line},{line}", to_string=True).rstrip()
        except gdb.error:
            pass  # no source at hand


class Down(Up):
    """down [N]: selects the frame N further in (1)."""
    name = "down"
    step = -1


class Until(Command):
    """postern-until: what `until` does where there are no lines.

One instruction; where that goes back, all up to the one behind it, a breakpoint, the
function's return or Ctrl-C.  (For a place: `advance`.)  Its refusal keeps gdb's own `until`,
which ends it where there are lines, from running."""
    name = "postern-until"
    kind = gdb.COMMAND_RUNNING

    def lines(self, _argument):
        """Nothing, where there are lines."""
        machine.threads()
        thread, frame = gdb.selected_thread(), gdb.newest_frame()
        start = frame.pc()
        if gdb.find_pc_line(start).symtab:
            return []
        behind = start + frame.architecture().disassemble(start)[0]["length"]
        before = gdb.parameter("suppress-cli-notifications")
        gdb.execute("set suppress-cli-notifications on")
        try:
            gdb.execute("nexti", to_string=True)
            if gdb.newest_frame().pc() <= start:
                gdb.execute(f"advance *{behind:#x}", to_string=True)
        except KeyboardInterrupt:
            pass
        finally:
            thread.switch()  # Ctrl-C may stop at another CPU
            gdb.execute(f"set suppress-cli-notifications {'on' if before else 'off'}")
        why = "" if gdb.newest_frame().pc() > start else "interrupted at "
        return machine.refuse(why + gdb.execute("x/i $pc", to_string=True).strip())


class Restart(Command):
    """restart: boots the machine again, with all breakpoints as they are."""
    name = "restart"
    kind = gdb.COMMAND_RUNNING

    def lines(self, argument):
        """See ending.py."""
        machine.threads()
        ending.restart()
        return ["postern: stopped at the first instruction of a new boot; `continue`"]


for command in (Cea, Gdt, Cr3, WalkAddress, Serial, BreakSyscall, Connect, Restart, FrameRegs, Gs,
                Nmi, Up, Down, Until):
    command()
unwinder.register()
