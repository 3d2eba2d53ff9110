#!/usr/bin/env python3
"""Checks includes and calls against the diagram in scripts/layers.txt.

Called by `make check`.  Each #include and %include, and each symbol that an object
file below OBJECTS wants from another's source file, must not go up; but for the
functions that the seams header declares.  Files that call each other in a circle must
stand in the diagram's text.  What a header declares, its own .c file defines, or one
that begins with the same word.  Prints `file:line: what` or `file: what` for each fault,
then what was checked; exits with 1 if there was one.

    scripts/check_layers.py [--objects DIR] [ROOT]
"""
import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = re.compile(r'^\s*[#%]\s*include\s+"([^"]+)"')
BOX = re.compile(r"^\s*\|\s+([a-z_]+(?:/[a-z_]+)*/)\s")
GENERATED = re.compile(r"^\s*build/inc/\s+generated from (\S+)\s.*: (.*)$")
OUTSIDE = re.compile(r"^\s*([a-z_/]+/)\s+.*\sby ([a-z_/]+/)\s*$")
SEAMS = re.compile(r"^\s*seams: (\S+)")
CIRCLE = re.compile(r"^\s*circle: (.+)$")
DECLARED = re.compile(r"^\w[^;{#(]*?\b(\w+)\(", re.M)
SUFFIXES = (".c", ".h", ".asm", ".inc")


class Diagram:
    """layers.txt: ranks (0 is the lowest), generated names, the seams header."""

    def __init__(self, path):
        self.layers, self.generated, self.outside = [], {}, {}
        self.seams = ""
        self.circles = []
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
        circle = CIRCLE.match(line)
        if box:
            self.layers.append(box[1])
        elif generated:
            for name in generated[2].split():
                self.generated[name] = generated[1]
        elif outside:
            self.outside[outside[1]] = outside[2]
        elif seams:
            self.seams = seams[1]
        elif circle:
            self.circles.append(sorted(circle[1].split()))

    def layer(self, path):
        """The layer that a path belongs to: the longest prefix; or None."""
        fitting = [layer for layer in self.layers if path.startswith(layer)]
        return max(fitting, key=len, default=None)

    def goes_up(self, source, target):
        """Is the layer of TARGET drawn above that of SOURCE?"""
        rank = self.layers.index
        return rank(self.layer(target)) > rank(self.layer(source))

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
        if source == self.seams or not self.goes_up(source, target):
            return None
        return f"{own} includes {target} of {theirs}, which is above it"


# ---- Includes ----------------------------------------------------------------------

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


def check_includes(root, diagram, source):
    """The lines of one file that break the rule."""
    with open(os.path.join(root, source), encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            match = INCLUDE.match(line)
            if match:
                target = resolve(root, diagram, source, match[1])
                what = diagram.complaint(source, target)
                if what:
                    yield f"{source}:{number}: {what}"


# ---- Calls -------------------------------------------------------------------------

class Calls:
    """Which source file wants which symbols of which other."""

    def __init__(self, root, diagram, objects):
        wanted, self.owner = {}, {}
        for source in sources(root, diagram):
            path = os.path.join(objects, source.removesuffix(".c") + ".o")
            if source.endswith((".c", ".asm")) and not source.startswith("tests/") and \
                    os.path.exists(path):
                wanted[source] = self.symbols(source, path)
        self.calls = {source: {} for source in wanted}
        for source, names in wanted.items():
            for name in sorted(names):
                owner = self.owner.get(name, source)
                if owner != source:
                    self.calls[source].setdefault(owner, []).append(name)

    def symbols(self, source, path):
        """What an object wants; what it has is noted."""
        wanted = set()
        done = subprocess.run(["nm", path], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            kind, name = line.split()[-2:]
            if kind == "U":
                wanted.add(name)
            elif kind.isupper():
                self.owner[name] = source
        return wanted

    def without(self, names):
        """The same, some symbols aside: file -> files."""
        return {source: {to for to, what in calls.items() if set(what) - names}
                for source, calls in self.calls.items()}


def circles(graph):
    """The sets of files of which each leads to each other (Tarjan)."""
    number, low, stack, out = {}, {}, [], []

    def visit(source):
        number[source] = low[source] = len(number)
        stack.append(source)
        for target in graph[source]:
            if target not in number:
                visit(target)
            if target in stack:
                low[source] = min(low[source], low[target])
        if low[source] == number[source]:
            at = stack.index(source)
            if len(stack) - at > 1:
                out.append(sorted(stack[at:]))
            del stack[at:]

    for source in graph:
        if source not in number:
            visit(source)
    return sorted(out)


def check_calls(root, diagram, calls):
    """A line for each call that goes up and each circle that is new, or gone."""
    with open(os.path.join(root, diagram.seams), encoding="utf-8") as file:
        seams = set(DECLARED.findall(file.read()))
    for source, targets in calls.calls.items():
        for target, names in targets.items():
            up = sorted(set(names) - seams)
            if up and diagram.goes_up(source, target):
                yield f"{source}: calls {', '.join(up)} of {target}, which is above it"
    found = circles(calls.without(seams))
    for circle in found:
        if circle not in diagram.circles:
            yield f"{circle[0]}: in a new circle with {' '.join(circle[1:])}"
    for circle in diagram.circles:
        if calls.calls and circle not in found:
            yield f"{circle[0]}: found no circle with {' '.join(circle[1:])}, expected one"


def family(path):
    """The folder, and the first word of the name."""
    folder, name = os.path.split(path)
    return folder, re.split(r"[_.]", name)[0]


def check_headers(root, diagram, owner):
    """A line for each function that a header declares for another's .c file."""
    for source in sources(root, diagram):
        own = source.removesuffix(".h") + ".c"
        if not source.endswith(".h") or source.startswith("tests/") or \
                source == diagram.seams or \
                not os.path.exists(os.path.join(root, own)):
            continue
        with open(os.path.join(root, source), encoding="utf-8") as file:
            declared = DECLARED.findall(re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S))
        for name in declared:
            defined = owner.get(name, own)
            if defined.endswith(".c") and family(defined) != family(source):
                yield f"{source}: declares {name} of {defined}, expected one of {own}"


def main(argv):
    """Checks the tree."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--objects", help="the build's folder: calls are checked, too")
    parser.add_argument("root", nargs="?", default=os.path.dirname(HERE))
    options = parser.parse_args(argv)
    diagram = Diagram(os.path.join(HERE, "layers.txt"))
    files = list(sources(options.root, diagram))
    lines = [line for source in files
             for line in check_includes(options.root, diagram, source)]
    summary = f"layers: {len(files)} files checked"
    if options.objects:
        calls = Calls(options.root, diagram, options.objects)
        if not calls.calls:
            lines.append(f"{options.objects}: found no object files, expected those of the kernel")
        lines += check_calls(options.root, diagram, calls)
        lines += check_headers(options.root, diagram, calls.owner)
        summary += "; circles left: " + "; ".join(" ".join(c) for c in diagram.circles)
    print("\n".join([*lines, summary]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
