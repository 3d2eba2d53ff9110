"""The ledger of mm/ledger.c, taken out of the kernel's image by gdb.

Run by tests/leak/run.py outside of gdb (rows()), which runs it inside, where it
prints one row a line.
"""
import os
import subprocess

PLACES = ("shared", "area", "espfix", "process", "places", "guest", "vdso")
LINKER = ("entry_text_lma", "trampoline_lma", "deferred_text_lma", "deferred_rodata_lma",
          "deferred_end_lma", "image_text_start", "image_data_end")


def rows(elf):
    """(name, place, at, pages, writable, optional) of each row; linker symbols."""
    done = subprocess.run(["gdb", "-q", "-nx", "-batch", "-x", os.path.abspath(__file__), elf],
                          capture_output=True, text=True, timeout=120, check=True)
    table, symbols = [], {}
    for line in done.stdout.splitlines():
        words = line.split("\t")
        if words[0] == "row":
            table.append((words[1], words[2], *map(int, words[3:])))
        elif words[0] == "symbol":
            symbols[words[1]] = int(words[2])
    return table, symbols


def print_rows(gdb):
    """Inside gdb."""
    first = gdb.parse_and_eval("&ledger[0]")
    for i in range(int(gdb.parse_and_eval("ledger_size"))):
        row = first[i]
        prot = int(row["prot"])
        print("row", row["name"].string(), PLACES[int(row["place"])], int(row["at"]),
              int(row["pages"]), prot >> 1 & 1, int(row["optional"]), sep="\t")
    for name in LINKER:
        print("symbol", name, int(gdb.parse_and_eval(f"(unsigned long)&{name}")), sep="\t")


if __name__ == "__main__":
    import gdb as this_gdb
    print_rows(this_gdb)
