"""Tests the scripts that the build, the runs and `make check` use.

Owns the bad inputs of scripts/: each check must be seen to fail.
Run by tests/run.py as `tools`; by hand: python3 tests/test_tools.py
"""
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import boots  # sets the path to scripts/
import initrds
import tapunit
import elfcheck
import fold
import mkcpio

SCRIPTS = os.path.join(boots.ROOT, "scripts")
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\n'


def write(root, path, text, mode=0o644):
    """A file below ROOT, with its directories."""
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


class InDirectory(unittest.TestCase):
    """A test with a directory of its own."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="postern-test-")
        self.addCleanup(shutil.rmtree, self.root)

    def run_script(self, *argv, **env):
        """A script's exit status and all its output."""
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL, check=False, timeout=60,
            env={**os.environ, **env})
        return done.returncode, done.stdout

    def check(self, script, path, text):
        """Status and output of a checking script over a tree with one file."""
        write(self.root, path, text)
        result = self.run_script(sys.executable, os.path.join(SCRIPTS, script),
                                 self.root)
        os.unlink(os.path.join(self.root, path))
        return result


class Deps(InDirectory):
    """scripts/deps in a world of our own: PATH, files, apt-get, id, sudo."""

    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.root, "bin")
        for tool in ("sh", "mktemp", "rm", "tail", "env"):
            os.makedirs(self.bin, exist_ok=True)
            os.symlink(shutil.which(tool), os.path.join(self.bin, tool))
        write(self.root, "etc/os-release", OS_RELEASE)
        self.tool("id", "echo 0")

    def tool(self, name, script):
        """A stand-in program."""
        write(self.root, f"bin/{name}", f"#!/bin/sh\n{script}\n", 0o755)

    def deps(self, group="run"):
        """Runs scripts/deps there."""
        return self.run_script(os.path.join(SCRIPTS, "deps"), group,
                               PATH=self.bin, DEPS_ROOT=self.root)

    def provide(self):
        """A shell command that makes everything of the table exist."""
        with open(os.path.join(SCRIPTS, "deps"), encoding="utf-8") as file:
            rows = [line.split() for line in file if line.count("/") > 3
                    or line.startswith(("run ", "test ", "check "))]
        items = [row[1] for row in rows if len(row) == 3]
        for item in items:
            if item.startswith("/"):
                write(self.root, item[1:], "")
            else:
                self.tool(item, "exit 0")

    def apt(self, install="exit 0"):
        """An apt-get that notes how it was called."""
        self.tool("apt-get", f'echo "$@" >>{self.root}/calls\n'
                             f'case "$*" in *install*) {install};; esac')

    def calls(self):
        """What apt-get was called with."""
        path = os.path.join(self.root, "calls")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_nothing_missing(self):
        """deps: silent, and no apt, when all is there"""
        self.provide()
        self.apt()
        self.assertEqual(self.deps("check"), (0, ""))
        self.assertEqual(self.calls(), "")

    def test_one_missing(self):
        """deps: installs what is missing, and only that"""
        self.provide()
        self.apt(f"echo >{self.bin}/nasm; /bin/chmod +x {self.bin}/nasm")
        os.unlink(os.path.join(self.bin, "nasm"))
        status, output = self.deps()
        self.assertEqual((status, output),
                         (0, "deps: installing nasm\ndeps: done\n"))
        self.assertIn("--no-install-recommends nasm\n", self.calls())

    def test_install_fails(self):
        """deps: says so when the installation fails, or did not help"""
        for install, text in (("echo E: no; exit 100", "E: no"),
                              ("exit 0", "yet still missing")):
            self.apt(install)
            status, output = self.deps()
            self.assertEqual(status, 1)
            self.assertIn(text, output)

    def test_other_system(self):
        """deps: elsewhere it names what is missing, and stops"""
        self.apt()
        write(self.root, "etc/os-release", "ID=fedora\nVERSION_ID=40\n")
        status, output = self.deps()
        self.assertEqual((status, self.calls()), (1, ""))
        self.assertIn(" nasm ", output)

    def test_no_root(self):
        """deps: without root and sudo it says what root would do"""
        self.apt()
        self.tool("id", "echo 1000")
        status, output = self.deps()
        self.assertEqual((status, self.calls()), (1, ""))
        self.assertIn("needs root or sudo", output)

    def test_sudo(self):
        """deps: uses sudo when not root"""
        self.apt()
        self.tool("id", "echo 1000")
        self.tool("sudo", f'echo sudo >>{self.root}/calls; exec "$@"')
        self.deps()
        self.assertIn("sudo", self.calls())


class Checks(InDirectory):
    """scripts/check_layers.py and scripts/check_style.py can fail."""

    def test_layers(self):
        """layers: an include that goes up is found, others are not"""
        for path, line, good in (
                ("mm/a.c", '#include "kernel/base/types.h"', True),
                ("mm/a.c", '#include "kernel/task.h"', False),
                ("kernel/base/a.h", '#include "mm/pti.h"', False),
                ("kernel/base/seams.h", '#include "mm/pti.h"', True),
                ("kernel/a.c", '#include "arch/gdt.h"', True),
                ("kernel/a.c", '#include "tests/x.h"', False),
                ("entry/a.asm", '%include "layout.inc"', True),
                ("mm/a.asm", '%include "offsets.inc"', False),
                ("mm/a.c", '#include "elsewhere/x.h"', False),
                ("tests/a.c", '#include "user/raw_syscall.h"', True),
                ("kernel/a.c", '#include "user/raw_syscall.h"', False)):
            status, output = self.check("check_layers.py", path, line + "\n")
            self.assertEqual(status, 0 if good else 1, line)
            self.assertIn("1 files checked", output)
            self.assertEqual(f"{path}:1: " in output, not good, output)

    def test_style(self):
        """style: each violation is found, with its line"""
        body = "\tx();\n"
        guard = "#ifndef A_H\n#define A_H\nint x;\n#endif\n"
        for path, text, line in (
                ("mm/a.c", "int x;\n", 0), ("mm/a.c", "int x; \n", 1),
                ("mm/a.c", "int x;\n#ifdef X\n#endif\n", 2),
                ("mm/a.asm", "a:\n%if X\n%endif\n", 2),
                ("mm/a.h", guard, 0), ("mm/a.h", guard[:-7] + "#if 1\n#endif\n"
                                       "#endif\n", 4),
                ("mm/a.c", "void f(void)\n{\n" + body * 58 + "}\n", 0),
                ("mm/a.c", "void f(void)\n{\n" + body * 59 + "}\n", 2),
                ("mm/a.c", "\n" * 501, 501), ("mm/a.c", "\n" * 500, 0),
                ("mm/a.c", "/* TO" "DO */\n", 1)):
            status, output = self.check("check_style.py", path, text)
            self.assertEqual(status, 1 if line else 0, text[:40] + output)
            if line:
                self.assertIn(f"{path}:{line}: ", output)


class Archive(unittest.TestCase):
    """scripts/mkcpio.py."""

    def entries(self, data):
        """(name, mode, data) of each entry: a reader of its own."""
        at, out = 0, []
        while True:
            self.assertEqual(data[at:at + 6], b"070701")
            fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16)
                      for i in range(13)]
            name = data[at + 110:at + 110 + fields[11] - 1].decode()
            start = (at + 110 + fields[11] + 3) & ~3
            if name == "TRAILER!!!":
                self.assertEqual(start, len(data))
                return out
            self.assertEqual(fields[2:4] + fields[5:6], [0, 0, 0])
            out.append((name, fields[1], data[start:start + fields[6]]))
            at = (start + fields[6] + 3) & ~3

    def test_round_trip(self):
        """cpio: what goes in comes out, directories first"""
        data = mkcpio.archive({"b/c/d": (0o100755, b"12345"), "a": (0o100644, b"")})
        self.assertEqual(self.entries(data), [
            ("a", 0o100644, b""), ("b", 0o040755, b""), ("b/c", 0o040755, b""),
            ("b/c/d", 0o100755, b"12345")])

    def test_bad_names(self):
        """cpio: a name that leaves the archive is refused"""
        for name in ("", "..", "a/../b", "a//b", "/"):
            with self.assertRaises(ValueError, msg=name):
                mkcpio.archive({name: (0o100644, b"")})


class Run(InDirectory):
    """scripts/run before and after the boot."""

    def test_elf(self):
        """run: a program that cannot run is refused in one line"""
        good = initrds.PROGRAMS["exit0"]
        self.assertIsNone(elfcheck.problem(good))
        interp = bytearray(good)
        interp[64] = 3
        for data, word in ((b"", "no ELF"), (b"text", "no ELF"),
                           (b"#!/bin/sh\n", "script"), (good[:40], "cut short"),
                           (good[:70], "past its end"), (bytes(interp), "-static"),
                           (initrds.PROGRAMS["elf-i386"], "machine 3"),
                           (good[:4] + b"\1" + good[5:], "32-bit"),
                           (good[:16] + b"\1" + good[17:], "object")):
            self.assertIn(word, elfcheck.problem(data) or "", data[:20])

    def tree(self, qemu_script):
        """A tree with a stand-in for QEMU; returns scripts/run's path."""
        shutil.copytree(SCRIPTS, os.path.join(self.root, "scripts"))
        write(self.root, "build/postern.elf", "")
        write(self.root, "build/initramfs.cpio", "")
        write(self.root, "tmp/x", "")
        self.qemu = write(self.root, "qemu", "#!/bin/sh\n" + qemu_script, 0o755)
        return os.path.join(self.root, "scripts/run")

    def boot(self, run, *argv, **env):
        """Runs scripts/run; its temporary files must be gone afterwards."""
        for name in ("CPUS", "MEM", "CPU", "ACCEL", "CMDLINE", "INITRAMFS"):
            env.setdefault(name, "")
        result = self.run_script(sys.executable, run, *argv, QEMU=self.qemu,
                                 TMPDIR=os.path.join(self.root, "tmp"), **env)
        self.assertEqual(os.listdir(os.path.join(self.root, "tmp")), ["x"])
        return result

    def test_program(self):
        """run: packs a program, passes its arguments, tells the status"""
        run = self.tree('echo "$@"; while [ "$1" != -initrd ]; do shift; done\n'
                        'grep -c bin/prog "$2"; exit 33\n')
        path = write(self.root, "prog", "", 0o755)
        with open(path, "wb") as file:
            file.write(initrds.PROGRAMS["exit0"])
        status, output = self.boot(run, path, "a b", "", "-b", CMDLINE="pti=on",
                                   CPUS="2")
        self.assertEqual(status, 0)
        self.assertIn('-append pti=on init=/bin/prog -- "a b" "" -b -initrd',
                      output)
        self.assertIn("-smp 2 ", output)
        self.assertEqual(output.splitlines()[-1], "1")

    def test_refusals(self):
        """run: bad knobs and files give one line and no boot"""
        run = self.tree("echo booted; exit 33\n")
        path = os.path.join(self.root, "prog")
        with open(path, "wb") as file:
            file.write(initrds.PROGRAMS["exit0"])
        for argv, env in ((["/nowhere"], {}), ([__file__], {}), ([], {"CPUS": "0"}),
                          ([path, 'a"b'], {}), ([path], {"INITRAMFS": path}),
                          ([], {"CPUS": "256"}), ([], {"MEM": "lots"}),
                          ([], {"ACCEL": "fast"}), ([], {"INITRAMFS": "/nowhere"})):
            status, output = self.boot(run, *argv, **env)
            self.assertEqual((status, output.count("\n")), (1, 1), output)
            self.assertTrue(output.startswith("run: "), output)

    def test_statuses(self):
        """run: any status but 33 is a failure, and said"""
        run = self.tree("exit ${STATUS}\n")
        for status in (0, 1, 35):
            got, output = self.boot(run, STATUS=str(status))
            self.assertEqual(got, 1)
            self.assertIn(f"status {status}", output)

    def folded(self, text, size):
        """TEXT as shown, when fed SIZE characters at a time."""
        out = io.StringIO()
        folder = fold.Folder(out)
        for at in range(0, len(text), size):
            folder.feed(text[at:at + size])
        folder.finish()
        return out.getvalue()

    def test_fold(self):
        """run: the selftests become one line, other lines pass, in any chunks"""
        text = ("hello\nKTAP version 1\n1..1\n  KTAP version 1\n  1..2\n"
                "  # note\n  ok 1 a\nkernel line\n  ok 2 b # SKIP c\nok 1 s\n"
                "ok then\nprompt> ")
        want = ("hello\nkernel line\nselftest: 1 suites, 2 cases: 1 passed, "
                "0 failed, 1 skipped\nok then\nprompt> \n")
        for size in (1, 3, 7, 1000):
            self.assertEqual(self.folded(text, size), want, size)

    def test_fold_failure(self):
        """run: a failed case is shown with its diagnostics, a cut stream too"""
        text = ("KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n"
                "  # got 1, expected 2\n  not ok 1 a\n")
        shown = self.folded(text + "  ok 2 b\nnot ok 1 s\n", 1000)
        self.assertIn("not ok s/a", shown)
        self.assertIn("got 1, expected 2", shown)
        self.assertIn("damaged", self.folded(text, 1000))


if __name__ == "__main__":
    tapunit.main("__main__")
