"""Tests the scripts that the build, the runs and `make check` use.

Owns the bad inputs of scripts/: each check must be seen to fail.
Run by tests/run.py as `tools`; by hand: python3 tests/test_tools.py
"""
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import boots  # sets the path to scripts/
import check_budget
sys.path.insert(0, os.path.join(boots.ROOT, "scripts", "gdb"))
import initrds
import tapunit
import elfcheck
import fold
import hints

SCRIPTS = os.path.join(boots.ROOT, "scripts")


def write(root, path, text, mode=0o644):
    """A file below ROOT, with its directories."""
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def read(path):
    """A file's text."""
    with open(path, encoding="utf-8") as file:
        return file.read()


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

    def planted(self, script, *plants):
        """A check's status and output when the bytes at these addresses are others."""
        path = os.path.join(self.root, "postern.elf")
        shutil.copy(boots.KERNEL, path)
        with open(path, "r+b") as file:
            for place, code, _ in plants:
                file.seek(hints.file_offset(path, place, len(code)))
                file.write(code)
        return self.run_script(sys.executable, os.path.join(SCRIPTS, script), path)

    def check(self, script, path, text):
        """Status and output of a checking script over a tree with one file."""
        write(self.root, path, text)
        result = self.run_script(sys.executable, os.path.join(SCRIPTS, script),
                                 self.root)
        os.unlink(os.path.join(self.root, path))
        return result


class HostileTables(unittest.TestCase):
    """Every system call has its rows in tests/user/call/hostile/: none is forgotten."""

    def words(self, path, pattern):
        """What the pattern finds in a file, or in the C files of a directory."""
        path = os.path.join(boots.ROOT, path)
        files = [path]
        if os.path.isdir(path):
            files = [os.path.join(path, name) for name in os.listdir(path)
                     if name.endswith(".c")]
        return {word for name in files
                for word in re.findall(pattern, read(name), re.MULTILINE)}

    def test_native(self):
        calls = self.words("kernel/linux/syscall_list.h",
                           r"^(?:BOTH|FORMS|ONLY_64)\((?:\d+, )+(\w+)\)")
        pointer = self.words("tests/user/call/hostile", r"\bPOINTER\((\w+)\)")
        plain = self.words("tests/user/call/hostile", r"\bPLAIN\((\w+)\)")
        self.assertGreater(len(calls), 90)
        self.assertEqual(calls - pointer - plain, set(), "calls without a row")
        self.assertEqual((pointer | plain) - calls, set(), "rows without a call")
        self.assertEqual(pointer & plain, set(), "with and without a pointer")

    def test_ia32(self):
        calls = self.words("kernel/linux/syscall_list.h",
                           r"^(?:FORMS\(\d+, |ONLY_32\(|AGAIN_32\()(\d+, \w+)\)")
        rows = self.words("tests/user/call/hostile", r"\bIA32\((\d+), \w+\)")
        others = self.words("tests/user/call/hostile", r"\bOTHER\((\w+)\)")
        left = {call for call in calls
                if call.split(", ")[0] not in rows and call.split(", ")[1] not in others}
        self.assertGreater(len(calls), 30)
        self.assertEqual(left, set(), "calls of i386 without a row")


class Checks(InDirectory):
    """scripts/check_layers.py and scripts/check_style.py can fail."""

    def test_layers(self):
        """layers: an include that goes up is found, others are not"""
        for path, line, good in (
                ("mm/a.c", '#include "kernel/base/types.h"', True),
                ("mm/a.c", '#include "kernel/task/task.h"', False),
                ("kernel/base/a.h", '#include "mm/pti.h"', False),
                ("kernel/base/seams.h", '#include "mm/pti.h"', True),
                ("kernel/a.c", '#include "arch/gdt.h"', True),
                ("kernel/a.c", '#include "kernel/linux/calls/a.h"', True),
                ("kernel/linux/a.c", '#include "kernel/linux/calls/a.h"', False),
                ("kernel/task/a.c", '#include "kernel/trap.h"', False),
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

    def test_calls(self):
        """layers: a call that goes up, a new circle, another's function in a header are found"""
        sources = {
            "kernel/base/seams.h": "void seam_wait(void);\n",
            "mm/a.c": "void b(void); void seam_wait(void);\n"
                      "void a(void) { b(); seam_wait(); }\n",
            "mm/b.c": "void a(void); void b(void) { a(); }\n",
            "kernel/task/c.c": "void a(void); void seam_wait(void) { a(); }\n",
            "mm/d.c": "void e(void); void d(void) { e(); }\n",
            "mm/d.h": "void a(void);\nvoid d(void);\n",
            "kernel/linux/e.c": "void e(void) { }\n"}
        for path, text in sources.items():
            where = write(self.root, path, text)
            if path.endswith(".c"):
                to = os.path.join(self.root, "objects", path[:-2] + ".o")
                os.makedirs(os.path.dirname(to), exist_ok=True)
                subprocess.run(["gcc", "-c", "-o", to, where], check=True)
        status, output = self.run_script(
            sys.executable, os.path.join(SCRIPTS, "check_layers.py"), "--objects",
            os.path.join(self.root, "objects"), self.root)
        self.assertEqual(status, 1, output)
        self.assertIn("mm/d.c: calls e of kernel/linux/e.c, which is above it", output)
        self.assertIn("mm/a.c: in a new circle with mm/b.c\n", output)
        self.assertNotIn("calls seam_wait", output)
        self.assertIn("mm/d.h: declares a of mm/a.c, expected one of mm/d.c\n", output)
        self.assertIn("found no circle with entry/paranoid.asm, expected one", output)

    def test_budget(self):
        """budget: a file too long on the reading list, in the gate, in the personality, among files, in /proc, in extra"""
        def run():
            return self.run_script(sys.executable, os.path.join(SCRIPTS, "check_budget.py"),
                                   self.root)
        for path in ("arch/gdt.c", "entry/a.asm", "mm/a.c", "kernel/linux/a.c",
                     "kernel/fs/a.c", "kernel/proc/a.c", "kernel/extra/a.c",
                     "kernel/missing/a.c", "kernel/trace/a.c",
                     *("kernel/base/" + name
                       for name in ("layout.h", "percpu.h", "x86.h", "insn.h"))):
            write(self.root, path, "x\n" * 10)
        write(self.root, "README.md", "## Two hours of reading\n1. (10 lines, 1 min) `mm/a.c`\n\n"
              "## More\n")
        write(self.root, "kernel/a.c", "")
        most = check_budget.BOUNDS
        self.assertEqual(run(), (0, "".join(
            f"budget: {name}: {lines} lines, at most {most[name]}\n"
            for name, lines in (("reading list", 10), ("gate", 70), ("personality", 10),
                                ("files", 10), ("proc", 10), ("extra", 10),
                                ("missing calls", 10), ("tracing", 10)))))
        for name, path, others in (("reading list", "mm/a.c", 0), ("gate", "mm/a.c", 60),
                                   ("personality", "kernel/linux/b.c", 10),
                                   ("files", "kernel/fs/calls/b.c", 10),
                                   ("proc", "kernel/proc/b.c", 10),
                                   ("extra", "kernel/extra/b.c", 10),
                                   ("missing calls", "kernel/missing/b.c", 10),
                                   ("tracing", "kernel/trace/calls/b.c", 10)):
            write(self.root, path, "x\n" * (most[name] - others + 1))
            status, output = run()
            self.assertEqual(status, 1)
            self.assertIn(f"{name}: {most[name] + 1} lines, at most {most[name]}: too many",
                          output)
            write(self.root, path, "x\n")
        write(self.root, "mm/a.c", "x\n" * 100)
        for said, line in (("100 lines, 2 min", "found 100 lines in 2 minutes, expected at most 33"),
                           ("99 lines, 4 min", "found '99 lines', expected 100"),
                           ("100 lines, 200 min", "found 200 minutes in all, expected 120"),
                           ("4 min", "found no '(N lines, N min)'")):
            write(self.root, "README.md", f"## Two hours of reading\n1. ({said}) `mm/a.c`\n")
            status, output = run()
            self.assertEqual(status, 1)
            self.assertIn(line, output)

    def test_style(self):
        """style: each violation is found, with its line"""
        body = "\tx();\n"
        code = "\tsection\t.a progbits alloc exec nowrite align=16\n"
        guard = "#ifndef A_H\n#define A_H\nint x;\n#endif\n"
        for path, text, line in (
                ("mm/a.c", "int x;\n", 0), ("mm/a.c", "int x; \n", 1),
                ("mm/a.c", "int x;\n#ifdef X\n#endif\n", 2),
                ("mm/a.asm", "a:\n%if X\n%endif\n", 2),
                ("mm/a.asm", code + code, 0), ("mm/a.asm", code + code.replace("a ", "b "), 2),
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


def entries(data):
    """(name, mode, data) of each entry of an archive: a reader of its own.  Owner and
    dates are 0."""
    at, out = 0, []
    while True:
        assert data[at:at + 6] == b"070701", data[at:at + 6]
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        start = (at + 110 + fields[11] + 3) & ~3
        if name == "TRAILER!!!":
            return out
        assert fields[2:4] + fields[5:6] == [0, 0, 0], fields
        out.append((name, fields[1], data[start:start + fields[6]]))
        at = (start + fields[6] + 3) & ~3


class Archive(InDirectory):
    """scripts/mkinitramfs."""

    def pack(self, *pairs):
        """Its status, what it says, and the archive's path."""
        out = os.path.join(self.root, "out.cpio")
        script = os.path.join(SCRIPTS, "mkinitramfs")
        return *self.run_script("sh", script, out, *pairs), out

    def test_round_trip(self):
        """mkinitramfs: what goes in comes out, directories first, and the same bytes again"""
        program = write(self.root, "program", "12345", 0o700)
        text = write(self.root, "text", "", 0o600)
        status, said, out = self.pack(f"b/c/d={program}", f"a={text}")
        self.assertEqual((status, said), (0, ""))
        with open(out, "rb") as file:
            data = file.read()
        self.assertEqual(entries(data), [
            ("a", 0o100644, b""), ("b", 0o040755, b""), ("b/c", 0o040755, b""),
            ("b/c/d", 0o100755, b"12345")])
        os.utime(program, (1, 1))
        self.pack(f"a={text}", f"b/c/d={program}")
        with open(out, "rb") as file:
            self.assertEqual(file.read(), data)

    def test_refusals(self):
        """mkinitramfs: a bad name or file gives one line, and no archive"""
        text = write(self.root, "text", "")
        for pair in (f"={text}", f"..={text}", f"a/../b={text}", f"a//b={text}",
                     f"/a={text}", text, "a=/nowhere", "a=/"):
            status, said, out = self.pack(pair)
            self.assertEqual((status, said.count("\n")), (1, 1), said)
            self.assertTrue(said.startswith("mkinitramfs: "), said)
            self.assertFalse(os.path.exists(out))


class Run(InDirectory):
    """scripts/run before and after the boot."""

    def test_elf(self):
        """run: a program that cannot run is refused in one line"""
        good = initrds.PROGRAMS["exit0"]
        self.assertIsNone(elfcheck.problem(good))
        interp = bytearray(good)
        interp[64] = 3
        def machine(number):
            return good[:18] + bytes([number]) + good[19:]
        for data, word in ((b"", "empty"), (b"text", "no ELF"),
                           (b"#!/bin/sh\n", "script"), (good[:40], "cut short"),
                           (good[:70], "past its end"), (good[:-1], "ends at byte"),
                           (bytes(interp), "-static"),
                           (initrds.PROGRAMS["elf-i386"], "for i386, expected one for x86-64"),
                           (machine(183), "for AArch64, expected"),
                           (machine(77), "for ELF machine 77, expected"),
                           (good[:4] + b"\1" + good[5:], "for x86-64, expected one for i386"),
                           (good[:5] + b"\2" + good[6:], "big-endian"),
                           (good[:16] + b"\1" + good[17:], "object file")):
            found = elfcheck.problem(data) or ""
            self.assertIn(word, found, data[:20])
            self.assertIn("expected", found)
        self.assertIsNone(elfcheck.problem(good[:4] + b"\1" + good[5:] + elfcheck.MULTIBOOT))

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
        for name in ("CPUS", "MEM", "CPU", "ACCEL", "CMDLINE", "INITRAMFS", "ELF", "V",
                     "PROFILE"):
            env.setdefault(name, "")
        env.setdefault("QEMU", self.qemu)
        result = self.run_script(sys.executable, run, *argv,
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
        self.assertIn('-append console=pipe pti=on init=/bin/prog -- "a b" "" -b -initrd',
                      output)
        self.assertIn("-smp 2 ", output)
        self.assertEqual(output.splitlines()[-1], "1")

    def test_refusals(self):
        """run: bad knobs and files give one line and no boot"""
        run = self.tree("echo booted; exit 33\n")
        path = os.path.join(self.root, "prog")
        with open(path, "wb") as file:
            file.write(initrds.PROGRAMS["exit0"])
        os.chmod(path, 0o755)
        plain = write(self.root, "plain", "")
        shutil.copyfile(path, plain)
        pipe, huge = (os.path.join(self.root, name) for name in ("pipe", "huge"))
        os.mkfifo(pipe)
        write(self.root, "huge", "", 0o755)
        os.truncate(huge, 512 << 20)
        for argv, env in ((["/nowhere"], {}), ([""], {}), ([__file__], {}), (["/"], {}),
                          ([plain], {}), (["-x"], {}), (["/bin/ls"], {}),
                          ([], {"CPUS": "0"}), ([], {"CPUS": "256"}), ([], {"CPUS": "-1"}),
                          ([], {"CPUS": "two"}), ([], {"CPUS": "²"}),
                          ([path, 'a"b'], {}), ([path, "a\nb"], {}), ([path, *["a"] * 33], {}),
                          ([path, "a" * 1024], {}), ([path], {"INITRAMFS": path}),
                          ([], {"MEM": "lots"}), ([], {"MEM": "1M"}), ([], {"MEM": "0M"}),
                          ([], {"MEM": "9999G"}), ([], {"MEM": "512"}), ([], {"MEM": "-1M"}),
                          ([], {"ACCEL": "fast"}), ([], {"INITRAMFS": "/nowhere"}),
                          ([], {"INITRAMFS": "/"}), ([], {"CMDLINE": "x" * 2048}),
                          ([path], {"CMDLINE": "pti=on -- b"}), ([path], {"CMDLINE": 'init="/x'}),
                          ([pipe], {}), (["/dev/zero"], {}), ([], {"INITRAMFS": pipe}), ([huge], {}),
                          ([], {"PROFILE": "1"}), ([], {"QEMU": "no-such-qemu"})):
            status, output = self.boot(run, *argv, **env)
            self.assertEqual((status, output.count("\n")), (126, 1), (argv, env, output))
            self.assertTrue(output.startswith("run: "), output)
            self.assertIn("found ", output)
            self.assertIn("expected ", output)

    def test_streams(self):
        """run, debug: a standard input or output that is none is one line, too"""
        run = self.tree("echo booted; exit 33\n")
        full = "found a standard output that takes no more (No space left on device)"
        for name, how, status, words in (
                ("run", "< /", 126, "found a directory as standard input"),
                ("debug", "< /", 126, "found a directory as standard input"),
                ("run", "< /dev/null >&-", 126, "found a standard output that is closed"),
                ("run", "< /dev/null > /dev/full", 141, full)):
            done = subprocess.run(["sh", "-c", f'"$0" {how}', os.path.join(os.path.dirname(run), name)],
                                  env={**os.environ, "QEMU": self.qemu, "CPUS": "1"}, text=True,
                                  capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")),
                             (status, "", 1), done.stderr)
            self.assertTrue(done.stderr.startswith(f"{name}: {words}"), done.stderr)
            self.assertIn("expected ", done.stderr)

    def test_machine_refused(self):
        """run: what QEMU itself refuses is bad use, too, in one line"""
        run = self.tree("echo qemu: no such CPU >&2; exit 1\n")
        self.assertEqual(self.boot(run, CPU="z80"), (
            126, "run: found a machine that QEMU refuses, expected one it has: "
                 "qemu: no such CPU\n"))

    def test_not_built(self):
        """run: without a kernel there is one line"""
        run = self.tree("exit 33\n")
        os.unlink(os.path.join(self.root, "build/postern.elf"))
        status, output = self.boot(run)
        self.assertEqual((status, output.count("\n")), (126, 1), output)
        self.assertIn("build/postern.elf: found nothing, expected the kernel", output)

    def test_statuses(self):
        """run: a program's end is ours; what the kernel did not say is its own failure"""
        log = 'case "$*" in *file,id=host,path=*) ;; *) exit 9 ;; esac\n' \
              'log=${*#*file,id=host,path=}; log=${log%% *}\n' \
              'echo "booted" >"$log"; [ -z "$LAST" ] || echo "$LAST" >>"$log"\n'
        run = self.tree(log + 'echo "/x: exited with status 7; power off"; exit ${STATUS}\n')
        for status, last, want in ((33, "", 0), (0, "", 125), (1, "", 125), (35, "", 125),
                                   (35, "/x: exited with status 200; power off", 200),
                                   (35, "/x: killed by SIGSEGV (11); power off", 139),
                                   (35, "x[1]: killed by SIGSEGV: fetch of 0", 125),
                                   (0, "init[1]: restart", 0),
                                   (35, "init: found no file '/x', expected a program", 126),
                                   (35, "elf: found no end, expected one", 126)):
            got, output = self.boot(run, STATUS=str(status), LAST=last)
            self.assertEqual(got, want, last)
            self.assertEqual(f"status is {status}" in output, want == 125, output)
            self.assertEqual("\nrun: found no " in output, want == 126, output)

    def folded(self, text, size, **options):
        """TEXT as shown, when fed SIZE characters at a time."""
        out = io.StringIO()
        folder = fold.Folder(out, **options)
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
                "0 failed, 1 skipped\nok then\nprompt> ")
        for size in (1, 3, 7, 1000):
            self.assertEqual(self.folded(text, size), want, size)

    def test_fold_expected(self):
        """run: what a case expects is shown only if it fails; the emulator's line is cut"""
        head = ("emulator: QEMU TCG; no a, no b\nKTAP version 1\n1..1\n  KTAP version 1\n  1..1\n"
                "watchdog: unprovoked\n    # expected output begins: why\nwatchdog: provoked\n"
                "    # expected output ends\nhello\n")
        cut = "emulator: QEMU TCG; 2 differences from a processor: make run V=1\n"
        for size in (1, 5, 1000):
            shown = self.folded(head + "  ok 1 a\nok 1 s\n", size, brief=True)
            self.assertEqual(shown, cut + "watchdog: unprovoked\nhello\nselftest: 1 suites, 1 cases: "
                             "1 passed, 0 failed, 0 skipped\n")
        shown = self.folded(head + "  not ok 1 a\nnot ok 1 s\n", 1000, brief=True)
        self.assertIn("not ok s/a", shown)
        self.assertIn("watchdog: provoked\n", shown)
        self.assertIn("emulator: QEMU TCG; no a, no b\n", shown)

    def test_fold_failure(self):
        """run: a failed case is shown with its diagnostics, a cut stream too"""
        text = ("KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n"
                "  # got 1, expected 2\n  not ok 1 a\n")
        shown = self.folded(text + "  ok 2 b\nnot ok 1 s\n", 1000)
        self.assertIn("not ok s/a", shown)
        self.assertIn("got 1, expected 2", shown)
        self.assertIn("damaged", self.folded(text, 1000))
        shown = self.folded(text + "  # note\npanic: why\n", 1000)
        self.assertEqual((shown.count("# note"), shown.count("panic: why\n")), (1, 1), shown)

    def test_fold_interrupted(self):
        """run: an interrupted run takes its progress off the screen"""
        out = io.StringIO()
        out.isatty = lambda: True
        folder = fold.Folder(out)
        folder.feed("KTAP version 1\n1..2\nok 1 a\n")
        self.assertTrue(out.getvalue().endswith("1 of 2 suites"))
        folder.clear_note()
        self.assertTrue(out.getvalue().endswith("\r\033[K"))


if __name__ == "__main__":
    tapunit.main("__main__")
