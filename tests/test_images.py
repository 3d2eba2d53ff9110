"""Tests the static checks of the kernel's image: hints, features, entry code.

Each is seen to fail, with a copy of the image in which a few bytes are others.
Run by tests/run.py as `images`; by hand: python3 tests/test_images.py
"""
import os
import re
import shutil
import sys
from unittest import mock

import boots  # sets the path to scripts/
from test_tools import SCRIPTS, InDirectory, write
sys.path.insert(0, os.path.join(boots.ROOT, "scripts", "gdb"))
import machines
import tapunit
import check_elf
import check_features
import entry_paths
import entry_tables
import backtrace
import hints
import symbols


class UnwindHints(InDirectory):
    """scripts/check_unwind.py, with a copy of the image and one hint changed."""

    def changed(self, label, change):
        """Status and output when the hint at a label is what CHANGE makes of it."""
        at = hints.symbols(boots.KERNEL)
        first = at["unwind_hints_start"][0]
        number = hints.Table(boots.KERNEL).addresses.index(at[label][0])
        place = hints.file_offset(boots.KERNEL, first + 16 * number, 16)
        path = os.path.join(self.root, "postern.elf")
        shutil.copy(boots.KERNEL, path)
        with open(path, "r+b") as file:
            file.seek(place)
            hint = change(bytearray(file.read(16)))
            file.seek(place)
            file.write(hint)
        return self.run_script(sys.executable,
                               os.path.join(SCRIPTS, "check_unwind.py"), path)

    def test_planted(self):
        """unwind hints: a hole, a wrong offset and a wrong order are found"""
        def hole(hint):
            hint[8] = 0
            return hint

        def offset(hint):
            hint[10] += 8
            return hint

        def order(hint):
            hint[7] = 0
            return hint

        label = "entry_door_iret_kernel"
        for change, text in ((hole, "found no hint for 'iretq'"),
                             (offset, "'add    $0x10,%rsp' leads from"),
                             (order, "in the table")):
            status, output = self.changed(label, change)
            self.assertEqual(status, 1, output)
            self.assertIn(text, output)
        self.assertEqual(self.changed(label, lambda hint: hint)[0], 0)
        status, output = self.changed("deferred_iret_fault", hole)
        self.assertEqual(status, 1, output)
        self.assertIn("found no hint for 'mov ", output)


class Features(InDirectory):
    """scripts/check_features.py: what the boot code asks the CPU for."""

    def test_boots(self):
        """features: each that is required has a boot without it"""
        without = {boot.cpu for boot in machines.load()}
        required = check_features.required(boots.KERNEL)
        self.assertGreater(len(required), 15)
        for name in required:
            self.assertIn(f"max,-{name.lower()}", without)

    def test_planted(self):
        """features: an instruction that nobody asks for is found, and one too early"""
        at = {name: address for name, (address, _) in
              hints.symbols(boots.KERNEL).items()}
        plants = (
            (at["syscall_entry_of"], b"\xf3\x0f\xb8\xc0", "found popcnt, expected SSE4.2"),
            (at["syscall32_entry_of"], b"\xc5\xf8\x28\xc0", "found vmovaps, expected AVX"),
            (at["trampoline_syscall"], b"\x48\x0f\xc7\x0f", "found cmpxchg16b, expected"),
            (at["boot_check_cpu"], b"\x0f\x31", "found rdtsc, expected the check of TSC"),
            (at["boot_pvh_entry"], b"\x0f\x30", "found wrmsr, expected the check of MSR"))
        status, output = self.planted("check_features.py", *plants)
        self.assertEqual(status, 1)
        for place, _, words in plants:
            self.assertIn(f"{place:#x}: {words}", output)
        self.assertEqual(self.planted("check_features.py")[0], 0)


class Names(InDirectory):
    """The kernel's table of names, and what scripts/backtrace.py adds to them."""

    def test_planted(self):
        """names: a table that is not the text's is found, and one that is cut short"""
        at = {name: address for name, (address, _) in
              hints.symbols(boots.KERNEL).items()}
        first = at["symbols_start"]
        second = symbols.table(symbols.Image(boots.KERNEL))[1]
        status, output = self.planted("check_elf.py", (first + 16, bytes(8), None))
        self.assertEqual(status, 1, output)
        self.assertIn(f"table of names: found (0, '{second[1]}'), expected {second}", output)
        self.assertEqual(self.planted("check_elf.py")[0], 0)

    def test_size(self):
        """names: README says how many there are, and how large"""
        self.assertEqual(list(check_elf.names(boots.KERNEL)), [])
        write(self.root, "README.md", "a table: 10 names, 3 KB of it\n")
        with mock.patch.object(check_elf, "README", os.path.join(self.root, "README.md")):
            found = list(check_elf.names(boots.KERNEL))
        self.assertEqual(len(found), 1, found)
        self.assertIn("found '10 names, 3 KB', expected about '", found[0])

    def test_labels(self):
        """names: functions and plain labels are, marks and parts of functions are not"""
        kinds = {"trampoline_syscall": 1, "entry_task_start": 1, "entry_window_iret_start": 0,
                 "trampoline_syscall_window_start.flip": 0, "entry_stubs_end": 0}
        for name, good in kinds.items():
            self.assertEqual(symbols.is_name(name, symbols.UNTYPED), bool(good), name)
        self.assertTrue(symbols.is_name("make_entry.part.0", symbols.FUNCTION))
        names = dict(symbols.table(symbols.Image(boots.KERNEL)))
        at = hints.symbols(boots.KERNEL)
        for name in ("trampoline_syscall", "entry_stubs", "deferred_stubs", "kernel_main"):
            self.assertEqual(names[at[name][0]], name)

    def test_places(self):
        """names: a frame's line gets file and line, a return address its call's"""
        at = hints.symbols(boots.KERNEL)
        start, stride = at["trampoline_syscall"][0], entry_paths.N["CEA_STRIDE"]
        with backtrace.Places(boots.KERNEL) as named:
            for line in ("  start", "  <#DB>", "  user: RIP 0x1 CS 0x33 RSP 0", "  0", "hello"):
                self.assertEqual(named.line(line), line)
            first = f"  {at['kernel_main'][0]:#x} kernel_main+0x0"
            self.assertRegex(named.line(first), rf"^{re.escape(first)} kernel/main\.c:\d+$")
            alias = f"  {start + stride:#x} trampoline_syscall+0x0 [cpu 1]"
            self.assertRegex(named.line(alias), r" \[cpu 1\] entry/trampoline\.asm:\d+$")
            code = f"  {at['trampoline_build_regs'][0]:#x} trampoline_syscall+0x26"
            called = named.line(code)
            named.line("  <NMI>")
            self.assertNotEqual(named.line(code), called)


class EntryCode(InDirectory):
    """scripts/check_entry.py, with a copy of the image and a few bytes changed."""

    def test_planted(self):
        """entry code: planted violations of every kind are found"""
        at = {name: address for name, (address, _) in
              hints.symbols(boots.KERNEL).items()}
        code = {insn.text: insn.address for insn in reversed(
            entry_paths.listing(boots.KERNEL, "-j", ".entry_text").values())}
        movabs = next(place for text, place in code.items() if "movabs" in text)
        ways = [at["trampoline_syscall" + name] for name in ("", "32", "_pcid", "32_pcid")]
        vault = (entry_paths.N["VAULT_BASE"] - ways[0] - 7).to_bytes(4, "little")
        nop = b"\x0f\x1f\x00"
        images = (
            ((ways[0], b"\x48\x8b\x25" + vault, "the vault under the user's CR3"),
             (ways[1], b"\x48\x8b\x04\x25" + bytes(4), "touches memory through"),
             (ways[2], b"\xe8" + bytes(4) + b"\x66\x90", "calls with the user's CR3"),
             (ways[3], b"\xe9\0\0\x10\0\x66\x90", "which is no entry code (E4)"),
             (code["xor    ebp,ebp"], b"\x48\xcf", "stands at no label"),
             (at["syscall_entry_of"], b"\x48\xcf", "found iretq in syscall_entry_of"),
             (at["syscall32_entry_of"], b"\x0f\x01\xf8", "found swapgs in"),
             (movabs + 2, bytes.fromhex("000000008088ffff"), "holds the address"),
             (at["entry_cr3_noflush"], bytes.fromhex("00001080ffffffff"),
              "the bytes there are the address")),
            ((code["mov    rax,rsp"], b"\x0f\x22\xd8", "stands at no label"),
             (ways[0], b"\x50" + 2 * nop, "pushes while RSP is"),
             (at["entry_window_iret_start.flip"], nop, "leaves with the kernel's CR3"),
             (at["paranoid_exit_window_start.flip"], nop, "leaves with the kernel's"),
             (at["trampoline_syscall32_window_start.swapgs"], nop, "the windows (E3)"),
             (at["entry_shared_syscall32"], nop, "uses GS while it is the user's")),
            ((at["entry_window_iret_start.swapgs"], nop, "leaves with the user's"),
             (at["paranoid_kernel.set_gs"], b"\x66\x90", "expected wrmsr"),
             (at["entry_from_user.flip"], nop, "runs with the user's CR3"),
             (at["trampoline_sysret_window_start.flip"], nop, "leaves with the kernel's"),
             (at["entry_shared_syscall_window_start.flip"], nop, "the vault under the user's CR3"),
             (at["deferred_back.flip"], nop, "the kernel's CR3 and the user's GS")),
            ((at["deferred_to_kernel.flip"], nop, "the user's CR3 and the kernel's GS"),
             (at["deferred_getuid"], b"\x65\x48\x8b\x04\x25" + bytes(4) + b"\xc3",
              "has an operand in gs"),
             (at["deferred_getgid"], b"\xff\xd0\xc3", "of deferred_getgid calls"),
             (at["deferred_getegid"], b"\xfb\xc3", "returns with interrupts on"),
             (at["deferred_geteuid"], b"\x48\x8b\x04\x25\0\0\x18\x80\xc3",
              "touches 0xffffffff80180000"),
             (at["deferred_gettid"], b"\x48\x89\x07\xc3", "is not in the exception table"),
             (at["deferred_getpid"] + 9, b"\x8b\x80\x10\x10\0\0",
              "reads ('process', 'uid'), of which call_list.h says nothing"),
             (at["deferred_calls"] + 8, at["deferred_time"].to_bytes(8, "little"),
              "call 1: found a function in the table, expected none")))
        for plants in images:
            status, output = self.planted("check_entry.py", *plants)
            self.assertEqual(status, 1)
            for place, _, words in plants:
                self.assertIn(words, output, hex(place))

    def test_tables(self):
        """entry code: a state table that differs from the code is found"""
        paths = entry_paths.Paths(boots.KERNEL)
        self.assertEqual(list(paths.walk()), [])
        entry = os.path.join(boots.ROOT, "entry")
        self.assertEqual(list(entry_tables.compare(paths, boots.KERNEL, entry)), [])
        copy = os.path.join(self.root, "entry")
        for name, old, new in (
                ("trampoline.asm", "2 flip CR3                    ->kern  user",
                 "2 flip CR3                    ->kern  kernel"),
                ("direct.asm", "; 3, regs.ss", "; regs.ss"),
                ("shared/shared.asm", "store RSP           user    ->kern",
                 "store RSP           user    user  "),
                ("deferred/deferred.asm", "do_trap      kernel", "do_trap      user  "),
                ("paranoid.asm", "set GS      kernel", "set GS      user  ")):
            shutil.copytree(entry, copy)
            with open(os.path.join(entry, name), encoding="utf-8") as file:
                text = file.read()
            self.assertIn(old, text)
            write(copy, name, text.replace(old, new))
            found = list(entry_tables.compare(paths, boots.KERNEL, copy))
            self.assertTrue(found and name in found[0], found)
            shutil.rmtree(copy)


if __name__ == "__main__":
    tapunit.main("__main__")
