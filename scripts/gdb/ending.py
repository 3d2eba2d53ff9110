"""The end of a run, and the next one: gdb stops before the power-off and at a reset.

Owns two breakpoints of its own.  Used by postern.py.
"""
import os

import gdb

RESET_VECTOR = 0xfffffff0  # where a processor begins; gdb sees 0xfff0 of it


def last_line():
    """What the kernel said last."""
    path = os.environ.get("POSTERN_SERIAL")
    if not path:
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return (file.read().rstrip().splitlines() or [""])[-1]


class BeforePowerOff(gdb.Breakpoint):
    """Stops; what QEMU would have ended with is still there to be looked at."""

    def __init__(self):
        super().__init__("power_off", internal=True)
        self.silent = True

    def stop(self):
        """Called by gdb."""
        print(f"postern: the run is over: {last_line()}; `restart` boots again")
        return True


class AtReset(gdb.Breakpoint):
    """Where a processor begins.  Off while a boot is on its way there and back: gdb, which
    sees another address in real mode, could not get past it."""

    def __init__(self):
        super().__init__(f"*{RESET_VECTOR:#x}", internal=True)
        self.enabled = False


class AtStart(gdb.Breakpoint):
    """The kernel runs: from here on a reset is none of ours."""

    def __init__(self, reset):
        super().__init__("kernel_main", internal=True)
        self.reset = reset

    def stop(self):
        """Called by gdb."""
        self.reset.enabled = True
        return False


POINTS = {}  # class -> breakpoint, once connected


def register():
    """Once connected; again is no harm."""
    if POINTS:
        return
    POINTS[BeforePowerOff] = BeforePowerOff()
    POINTS[AtReset] = AtReset()
    POINTS[AtStart] = AtStart(POINTS[AtReset])
    gdb.events.stop.connect(tell_reset)


def tell_reset(_event):
    """Called by gdb at each stop."""
    if POINTS[AtReset].enabled and int(gdb.newest_frame().pc()) == RESET_VECTOR & 0xffff:
        POINTS[AtReset].enabled = False
        print(f"postern: the machine has reset (a triple fault, or the program wanted it): "
              f"{last_line()}; `continue` boots again")


def restart():
    """Boots the machine again, and stops before its first instruction."""
    POINTS[AtReset].enabled = False
    gdb.execute("monitor system_reset", to_string=True)
    gdb.execute("maintenance flush register-cache", to_string=True)
