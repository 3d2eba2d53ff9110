"""Writes cpio "newc" archives entry by entry: also those that no cpio would write.

What people boot is packed by scripts/mkinitramfs.  Tests want archives with entries in
a given order, with wrong sums, hard links and devices, and from programs in memory.
"""
import os

MAGIC, MAGIC_CRC = b"070701", b"070702"
DIRECTORY, REGULAR, SYMLINK = 0o040755, 0o100644, 0o120777
EXECUTABLE = 0o100755
TRAILER = "TRAILER!!!"


def pad4(data):
    """newc aligns the header with its name, and the data, to four bytes."""
    return data + b"\0" * (-len(data) % 4)


def entry(ino, name, mode, data=b"", nlink=None, rdev=(0, 0), check=None):
    """One header, name and data; the fields are eight hexadecimal digits each.  CHECK, if
    there is one, is the sum of the data's bytes, and the format crc."""
    encoded = name.encode() + b"\0"
    nlink = nlink or (2 if mode == DIRECTORY else 1)
    fields = (ino, mode, 0, 0, nlink, 0, len(data), 0, 0, *rdev, len(encoded), check or 0)
    header = (MAGIC if check is None else MAGIC_CRC) + b"".join(b"%08X" % field for field in fields)
    return pad4(header + encoded) + pad4(data)


def parents(name):
    """The directories above NAME, outermost first; the archive must hold them."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def archive(files):
    """Bytes of an archive of FILES, a dict of name to (mode, data)."""
    entries = {}
    for name, (mode, data) in files.items():
        name = name.strip("/")
        if not name or any(part in ("", ".", "..") for part in name.split("/")):
            raise ValueError(f"found the name '{name}', expected a plain path")
        for directory in parents(name):
            entries.setdefault(directory, (DIRECTORY, b""))
        entries[name] = (mode, data)
    out = [entry(ino, name, *entries[name])
           for ino, name in enumerate(sorted(entries), start=1)]
    out.append(entry(0, TRAILER, 0))
    return b"".join(out)


def from_path(path):
    """(mode, data) of a file; only the execute bit of its mode is kept."""
    with open(path, "rb") as file:
        data = file.read()
    return (EXECUTABLE if os.access(path, os.X_OK) else REGULAR), data


def write_whole(path, data):
    """A reader never sees half an archive, nor a failed write a stale one."""
    temporary = f"{path}.tmp{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)

