"""Where guests run: bare, in QEMU and in Bochs, and under the monitor.

A place's name is that of the bare machine, or says of the monitor's which CPU or emulator
there is, and how descriptors are converted (docs/overlay.md).  Called by tests/guest/run.py.
"""
import dataclasses
import os
import subprocess
import sys

import bad
import boots

sys.path.insert(0, os.path.join(boots.ROOT, "scripts"))
import bochs  # noqa: E402
import qemu  # noqa: E402

KERNEL = boots.KERNEL  # tests/guest/run.py may set another
TIMEOUT = 300
BARE_END = 1  # isa-debug-exit's status for 0, which is what the guests end with
BOCHS_END = 0
# Without SMAP, with which QEMU 7.2's far return in ring 3 is wrong.  The many instructions
# run with one CPU, since with several an XCHG may lose the flags (docs/emulators.md).
CPUS = {"umip": "max,-smap", "plain": "max,-smap,-umip"}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a guest runs, and the place whose lines it is compared with."""
    name: str
    run: object      # (place, guest, directory) -> bounded.Result
    reference: str = ""
    end: int = qemu.PASSED  # the status of a guest that ends with 0
    cpus: int = 2
    pti: str = "on"

    def problem(self, result):
        """What is wrong with the end of a run, or an empty string."""
        if result.timed_out:
            return f"found no end after {result.seconds:.0f} s"
        return "" if result.status == self.end else \
            f"found status {result.status}, expected {self.end}"


def path(guest):
    """The guest's file."""
    return os.path.join(boots.BUILD, "user", f"{guest}.elf")


def script(name, *arguments):
    """Runs one of scripts/."""
    subprocess.run([os.path.join(boots.ROOT, "scripts", name), *arguments], check=True)


def on_qemu(_place, guest, _directory):
    """Bare, by QEMU's own multiboot loader."""
    return qemu.run(qemu.Machine(kernel=path(guest), cpus=1, mem="64M"), TIMEOUT)


def on_bochs(_place, guest, directory):
    """Bare, by GRUB."""
    iso = os.path.join(directory, f"{guest}.iso")
    script("mkiso", path(guest), os.devnull, iso)
    return bochs.run(iso, TIMEOUT, 1)


def packed(place, guest, directory):
    """An initramfs with the guest alone; it may be one that bad.py makes."""
    file, archive = path(guest), os.path.join(directory, f"{guest}.{place.name}.cpio")
    if guest in bad.MADE:
        file = os.path.join(directory, guest)
        with open(file, "wb") as out:
            out.write(bad.MADE[guest]())
    script("mkinitramfs", archive, f"bin/{guest}={file}")
    return archive


def arguments(place, guest):
    """Boot arguments that make it init."""
    return f"pti={place.pti} guest={place.name.split('-')[1]} init=/bin/{guest}"


def under_monitor(place, guest, directory):
    """As init of Postern in QEMU."""
    return qemu.run(qemu.Machine(
        kernel=KERNEL, cpus=place.cpus, cpu=CPUS[place.name.split("-")[0]],
        initramfs=packed(place, guest, directory), cmdline=arguments(place, guest)), TIMEOUT)


def under_monitor_in_bochs(place, guest, directory):
    """The same in Bochs, which checks limits, and has no UMIP."""
    iso = os.path.join(directory, f"{guest}.{place.name}.iso")
    script("mkiso", KERNEL, packed(place, guest, directory), iso, arguments(place, guest))
    return bochs.run(iso, TIMEOUT, 1)


PLACES = (Place("qemu", on_qemu, end=BARE_END),
          Place("bochs", on_bochs, "qemu", end=BOCHS_END),
          Place("umip-all", under_monitor, "qemu", cpus=1),
          Place("umip-one", under_monitor, "qemu", pti="off"),
          Place("plain-all", under_monitor, "qemu"),
          Place("plain-one", under_monitor, "qemu", cpus=1),
          Place("bochs-all", under_monitor_in_bochs, "bochs", end=BOCHS_END),
          Place("bochs-one", under_monitor_in_bochs, "bochs", end=BOCHS_END))
REFUSING = Place("umip-all", under_monitor, pti="deferred")
BY_NAME = {place.name: place for place in PLACES}
