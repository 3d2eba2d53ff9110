"""Copies of the tree, in which mutants are built: what is the same is built once.

Owns build/mutants/tree-N, one for each mutant that is judged at a time, and
build/mutants/base, the image without a mutant.  Once synchronised, a copy stands
for itself: the tree may be edited while mutants run.  Used by tests/mutants/run.py.
"""
import hashlib
import os
import shutil

import patches
from patches import ROOT
import boots  # in tests/, whose path patches.py has set
from boots import bounded

WORK = os.path.join(ROOT, "build", "mutants")
BASE = os.path.join(WORK, "base")  # what is tried without a mutant
IMAGE = "postern.elf"  # there and in a copy's build, as the host tests are
DEBUG_IMAGE = "debug/postern.elf"
# Those that tests/guest/run.py compares, or ends, for a killer.
GUESTS = ("guest", "instructions", "corners", "bad-lgdt-reserved")
COPIED = ("Makefile", "README.md", "linker.ld", "arch", "boot", "entry", "kernel", "mm", "scripts",
          "tests", "user")
BUILD_LIMIT = 1800  # seconds for one make


def sources():
    """Paths from the root of all that a build or a test reads."""
    for top in COPIED:
        if os.path.isfile(os.path.join(ROOT, top)):
            yield top
        for directory, names, files in os.walk(os.path.join(ROOT, top)):
            names[:] = [n for n in names if n not in ("__pycache__", "mutants")]
            for name in files:
                yield os.path.relpath(os.path.join(directory, name), ROOT)


def read(path):
    """The bytes of a file, or None."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def targets(mutants):
    """For make: the image, and the host tests and guests that they need."""
    guests = any(k.startswith("tests/guest/") for m in mutants for k in m.killers)
    return ["build/" + IMAGE, *sorted({"build/" + p for m in mutants for p in m.host_tests}),
            *(f"build/user/{name}.elf" for name in GUESTS if guests),
            *{"build/user/ending" for m in mutants for k in m.killers
              if k.startswith("tests/test_run.py")},
            *{"build/prompt.cpio" for m in mutants for k in m.killers
              if k.startswith("tests/test_prompt.py")},
            *{"build/" + DEBUG_IMAGE for m in mutants if m.debug}]


def make(directory, goals, jobs=1, limit=BUILD_LIMIT):
    """Builds what GOALS name; what was wrong in words, else ''."""
    return make_build(directory, [g for g in goals if not g.endswith(DEBUG_IMAGE)],
                      ["BUILD=build"], jobs, limit) or \
        make_build(directory, [g for g in goals if g.endswith(DEBUG_IMAGE)],
                   ["BUILD=build/debug", "DEBUG=1"], jobs, limit)


def make_build(directory, goals, build, jobs, limit):
    """The same for the goals of one build."""
    if not goals:
        return ""
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = bounded.run(["make", "-s", f"-j{jobs}", "-C", directory, "--no-print-directory",
                        *build, *goals], limit, env=environment)
    if done.timed_out:
        return f"found no end of make after {done.seconds:.0f} s"
    return done.output.strip() or f"make: status {done.status}" if done.status else ""


class Tree:
    """One copy, for one mutant at a time."""

    def __init__(self, number):
        self.number = number
        self.path = os.path.join(WORK, f"tree-{number}")
        self.built = os.path.join(self.path, "build")
        self.initramfs = os.path.join(self.built, os.path.basename(boots.INITRAMFS))

    def synchronise(self):
        """Makes the copy equal to the tree; returns the digest of all of it."""
        wanted = sorted(sources())
        digest = hashlib.sha256()
        for path in wanted:
            here, to = read(os.path.join(ROOT, path)), os.path.join(self.path, path)
            if here != read(to):  # make sees what is new by its time
                os.makedirs(os.path.dirname(to), exist_ok=True)
                shutil.copy(os.path.join(ROOT, path), to)
            digest.update(path.encode() + b"\0" + (here or b""))
        for top in COPIED:
            for directory, _, files in os.walk(os.path.join(self.path, top)):
                for name in files:
                    path = os.path.join(directory, name)
                    if os.path.relpath(path, self.path) not in wanted and ".pyc" not in name:
                        os.unlink(path)
        return digest.hexdigest()

    def build_base(self, mutants, jobs):
        """Builds without a mutant, and puts what was built aside; complaints."""
        goals = targets(mutants)
        complaint = make(self.path, [*goals, "build/" + os.path.basename(self.initramfs)], jobs)
        if complaint:
            return complaint
        for goal in goals:
            to = os.path.join(BASE, os.path.relpath(goal, "build"))
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy(os.path.join(self.path, goal), to)
        return ""

    def twin(self, number):
        """Another copy, with what was built, and its times."""
        other = Tree(number)
        shutil.rmtree(other.path, ignore_errors=True)
        shutil.copytree(self.path, other.path)
        return other

    def build(self, mutant):
        """Applies and builds it, and takes it out again; complaints."""
        before = {path: read(os.path.join(self.path, path)) for path in mutant.files}
        complaint = patches.apply(mutant, self.path)
        if complaint:
            return "does not apply: " + complaint.splitlines()[0]
        try:
            complaint = make(self.path, targets([mutant]))
        finally:
            for path, data in before.items():
                with open(os.path.join(self.path, path), "wb") as file:
                    file.write(data)
        return "does not build: " + complaint.splitlines()[0] if complaint else ""
