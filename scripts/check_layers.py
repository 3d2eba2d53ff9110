#!/usr/bin/env python3
"""Checks each #include and %include against the diagram in scripts/layers.txt.

Called by `make check`.  Prints `file:line: what` for each include that goes up,
then the number of files checked; exits with 1 if there was one.

    scripts/check_layers.py [ROOT]
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = re.compile(r'^\s*[#%]\s*include\s+"([^"]+)"')
BOX = re.compile(r"^\s*\|\s+([a-z_]+(?:/[a-z_]+)*/)\s")
GENERATED = re.compile(r"^\s*build/inc/\s+generated from (\S+)\s.*: (.*)$")
OUTSIDE = re.compile(r"^\s*([a-z_/]+/)\s+.*\sby ([a-z_/]+/)\s*$")
SEAMS = re.compile(r"^\s*seams: (\S+)")
SUFFIXES = (".c", ".h", ".asm", ".inc")


class Diagram:
    """layers.txt: ranks (0 is the lowest), generated names, the seams header."""

    def __init__(self, path):
        self.layers, self.generated, self.outside = [], {}, {}
        self.seams = ""
        with open(path, encoding="utf-8") as file:
            for line in file:
                self.take(line)
        self.layers.reverse()
        if not self.layers or not self.seams:
            sys.exit(f"{path}: found no diagram, or no seams line")

    def take(self, line):
        """One line of the text; most say nothing."""
        box, generated = BOX.match(line), GENERATED.match(line)
        outside, seams = OUTSIDE.match(line), SEAMS.match(line)
        if box:
            self.layers.append(box[1])
        elif generated:
            for name in generated[2].split():
                self.generated[name] = generated[1]
        elif outside:
            self.outside[outside[1]] = outside[2]
        elif seams:
            self.seams = seams[1]

    def layer(self, path):
        """The layer that a path belongs to: the longest prefix; or None."""
        fitting = [layer for layer in self.layers if path.startswith(layer)]
        return max(fitting, key=len, default=None)

    def complaint(self, source, target):
        """Why SOURCE may not include TARGET, or None."""
        own = self.layer(source)
        for place, allowed in self.outside.items():
            if target.startswith(place):
                return None if own == allowed else \
                    f"{target} is for {allowed} only"
        theirs = self.layer(target)
        if theirs is None:
            return f"{target} is in no layer"
        if source == self.seams or \
                self.layers.index(theirs) <= self.layers.index(own):
            return None
        return f"{own} includes {target} of {theirs}, which is above it"


def resolve(root, diagram, source, name):
    """The path from ROOT of an included name."""
    if name in diagram.generated:
        return diagram.generated[name] + name
    beside = os.path.normpath(os.path.join(os.path.dirname(source), name))
    if not os.path.exists(os.path.join(root, name)) and \
            os.path.exists(os.path.join(root, beside)):
        return beside
    return name if "/" in name else beside


def sources(root, diagram):
    """Paths from ROOT of all files that are in a layer."""
    tops = sorted({layer.split("/")[0] for layer in diagram.layers})
    for top in tops:
        for directory, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith(SUFFIXES):
                    path = os.path.join(directory, name)
                    yield os.path.relpath(path, root)


def check(root, diagram, source):
    """The lines of one file that break the rule."""
    with open(os.path.join(root, source), encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            match = INCLUDE.match(line)
            if match:
                target = resolve(root, diagram, source, match[1])
                what = diagram.complaint(source, target)
                if what:
                    yield f"{source}:{number}: {what}"


def main(argv):
    """Checks the tree."""
    root = argv[0] if argv else os.path.dirname(HERE)
    diagram = Diagram(os.path.join(HERE, "layers.txt"))
    files = list(sources(root, diagram))
    lines = [line for source in files for line in check(root, diagram, source)]
    print("\n".join([*lines, f"layers: {len(files)} files checked"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
