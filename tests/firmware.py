"""Writes ACPI tables of our own for QEMU's machines: right ones, and such as real
firmware has been seen to have.

Owns KINDS, the names that tests/machines.cfg may use.  QEMU is told to make no
tables (acpi=off); ours come as the fw_cfg files from which SeaBIOS takes QEMU's,
with the script by which it puts them together (QEMU, hw/acpi/bios-linker-loader.c).
Layouts: ACPI 6.4, 5.2.  Called by tests/boots.py.
"""
import os
import struct

TABLES, RSDP, LOADER = "etc/acpi/tables", "etc/acpi/rsdp", "etc/table-loader"
ALLOCATE, ADD_POINTER, ADD_CHECKSUM = 1, 2, 3
ZONE_HIGH, ZONE_FSEG = 1, 2
LAPIC, HPET, PM1A_CNT, PM_TIMER = 0xFEE00000, 0xFED00000, 0x604, 0x608
KEYBOARD = 0x60  # and three ports more, of which 0x61 has a bit that comes and goes
GHOST = 77  # the APIC id of no CPU
S5 = b"\x08_S5_\x12\x06\x04\x00\x00\x00\x00"


def table(signature, body, revision=1):
    """A table; SeaBIOS makes its checksum good."""
    return struct.pack("<4sIBB6s8sI4sI", signature.encode(), 36 + len(body), revision, 0,
                       b"POSTRN", b"POSTERN ", 1, b"TEST", 1) + body


def madt(*apic_ids, address=LAPIC, entries=b""):
    """Local APICs with these ids, and ENTRIES."""
    cpus = b"".join(struct.pack("<BBBBI", 0, 8, i, n, 1) for i, n in enumerate(apic_ids))
    return table("APIC", struct.pack("<II", address, 1) + cpus + entries)


def override(address):
    """The MADT's entry that moves the local APIC."""
    return struct.pack("<BBHQ", 5, 12, 0, address)


def fadt(pm1a_cnt=PM1A_CNT, pm_timer=PM_TIMER):
    """Of ACPI 1; the DSDT's address is filled in by name."""
    body = bytearray(116 - 36)
    struct.pack_into("<I", body, 64 - 36, pm1a_cnt)
    struct.pack_into("<I", body, 76 - 36, pm_timer)
    body[91 - 36] = 4 if pm_timer else 0
    return table("FACP", bytes(body))


def hpet(address=HPET):
    """The HPET's registers."""
    return table("HPET", struct.pack("<IBBBBQBHB", 0x8086A201, 0, 64, 0, 0, address, 0, 0, 0))


# The tables below the RSDT, in their order.
KINDS = {
    "good": [fadt(), madt(0, 1), hpet()],
    "two-madts": [fadt(), madt(0, 1), hpet(), madt(0, 1, GHOST)],
    "two-fadts": [fadt(), madt(0, 1), fadt(0, 0)],
    "two-hpets": [fadt(), madt(0, 1), hpet(), hpet(0xFED80000)],
    "ghost": [fadt(), madt(0, 1, GHOST), hpet()],
    "lapic-elsewhere": [fadt(), madt(0, 1, address=0xFED90000)],
    "lapic-overridden": [fadt(), madt(0, 1, address=0xFED90000, entries=override(LAPIC))],
    "lapic-override-elsewhere": [fadt(), madt(0, 1, entries=override(0x1FED90000))],
    "no-clocks": [fadt(pm_timer=0), madt(0, 1)],
    "noisy-pm-timer": [fadt(pm_timer=KEYBOARD), madt(0, 1)],
    "wrong-clocks": [fadt(pm_timer=0x4321), madt(0, 1), hpet(0xFED80000)],
}


class Script:
    """The blob of tables, and what SeaBIOS is to do with it."""

    def __init__(self):
        self.blob = bytearray()
        self.commands = []

    def command(self, number, fmt, *values):
        """One command, of 128 bytes."""
        data = struct.pack("<I" + fmt, number, *values)
        self.commands.append(data + bytes(128 - len(data)))

    def allocate(self, file, zone):
        """Gives the file its memory."""
        self.command(ALLOCATE, "56sIB", file.encode(), 64, zone)

    def add(self, data, pointers=()):
        """Appends a table whose 32-bit fields at POINTERS name others; its offset."""
        at = len(self.blob)
        self.blob += data
        for offset in pointers:
            self.command(ADD_POINTER, "56s56sIB", TABLES.encode(), TABLES.encode(),
                         at + offset, 4)
        self.command(ADD_CHECKSUM, "56sIII", TABLES.encode(), at + 9, at, len(data))
        return at


def build(tables):
    """The three files of fw_cfg, by name."""
    script = Script()
    script.allocate(RSDP, ZONE_FSEG)
    script.allocate(TABLES, ZONE_HIGH)
    dsdt = script.add(table("DSDT", S5))
    places = []
    for data in tables:
        is_fadt = data[:4] == b"FACP"
        if is_fadt:
            data = data[:40] + struct.pack("<I", dsdt) + data[44:]
        places.append(script.add(data, (40,) if is_fadt else ()))
    root = script.add(table("RSDT", struct.pack(f"<{len(places)}I", *places)),
                      [36 + 4 * i for i in range(len(places))])
    rsdp = struct.pack("<8sB6sBI", b"RSD PTR ", 0, b"POSTRN", 0, root)
    script.command(ADD_POINTER, "56s56sIB", RSDP.encode(), TABLES.encode(), 16, 4)
    script.command(ADD_CHECKSUM, "56sIII", RSDP.encode(), 8, 0, 20)
    return {TABLES: bytes(script.blob), RSDP: rsdp, LOADER: b"".join(script.commands)}


def options(kind, directory):
    """QEMU's options for the tables KIND, whose files are written into DIRECTORY."""
    out = []
    for name, data in build(KINDS[kind]).items():
        path = os.path.join(directory, f"{kind}-{os.path.basename(name)}")
        with open(path, "wb") as file:
            file.write(data)
        out += ["-fw_cfg", f"name={name},file={path}"]
    return out
