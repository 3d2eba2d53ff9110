# Sets gdb up for Postern: settings, commands, symbols, breakpoints.
#
# Loaded by scripts/debug (`make gdb`) with -x, never as a .gdbinit.  By hand:
#
#     qemu-system-x86_64 ... -S -s
#     gdb -d . -x scripts/gdb/postern.gdb build/postern.elf
#
# The stub's address comes from the environment, POSTERN_GDB=host:port or the
# path of a socket, else it is localhost:1234; `postern-connect ADDRESS` later
# takes another one.  -d names the source tree, from any directory.

set confirm off
# Nothing asks for RET.
set pagination off
set architecture i386:x86-64
# The sources are NASM's syntax.
set disassembly-flavor intel
# A CPU's entry area is 256 KiB, as types go.
set max-value-size unlimited
# A chain that is broken goes nowhere for ever.
set backtrace limit 64

source -s scripts/gdb/postern.py

# gdb steps for ever at a jump to itself, and a Ctrl-C between two steps is lost.
define hook-until
  postern-until
end

# What postern-connect does besides `target remote`: the trampoline's symbols
# for each CPU's alias, breakpoints where SYSCALL arrives on each CPU, and
# `set scheduler-locking step`: the other CPUs stand while one steps in the kernel.  If the
# one waits for another (a lock, a TLB shootdown), `set scheduler-locking off`.
# QEMU masks interrupts during a step (maintenance packet Qqemu.sstep=0x1 lets
# them in).
postern-connect
