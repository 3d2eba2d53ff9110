#!/usr/bin/env python3
"""Writes compile_commands.json, which clangd reads, to stdout.

Called by the Makefile, which pipes in one line for each source file: its path,
a tab, and the command that compiles it.
"""
import json
import os
import sys


def main():
    """stdin to JSON; a line without a tab is a mistake in the Makefile."""
    entries = []
    for line in sys.stdin.read().splitlines():
        source, tab, command = line.partition("\t")
        if not tab:
            sys.exit(f"compile_commands: found '{line}', expected SRC<TAB>COMMAND")
        entries.append({"directory": os.getcwd(), "file": source,
                        "command": command.strip()})
    json.dump(entries, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
