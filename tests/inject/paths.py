"""The ways into the kernel and out of it, as the injection test takes them.

A path is a piece of tests/suites/inject_code.asm with registers, then triggers:
at each of these addresses in turn something is done (an NMI sent, TF set, RIP
moved).  From there on each boundary that is passed belongs to the path.
"""
import dataclasses
import struct

from headers import N
from image import VECTORS, in_alias

DATA = 0x600000          # PROGRAM_DATA_BASE
STACK = DATA + 0xf000
FAR_POINTER, TIME, ACTION, DESCRIPTOR, NAME = (DATA + 0x100 * i for i in range(1, 6))
FRESH = 0x10000000       # pages that are touched once each
FRESH_PAGES = 8192
FS_BASE, GS_BASE = 0x123456789000, 0x23456789a000
LDT_SS = 7               # entry 0: a 16-bit stack segment
SEL_USER32_CS, SEL_USER_DS = N["SEL_USER32_CS"], N["SEL_USER_DS"]
TF = 0x100
SLEEP_NS = 2_000_000

NR = {"close": 3, "mmap": 9, "rt_sigaction": 13, "rt_sigreturn": 15, "nanosleep": 35, "getpid": 39,
      "vfork": 58, "exit": 60, "wait4": 61, "kill": 62, "sysinfo": 99, "modify_ldt": 154, "arch_prctl": 158,
      "clock_gettime": 228, "none": 1000, "hole": 323}
OUT, OUT_2 = DATA + 0x800, DATA + 0xc00
# Those of entry/deferred/call_list.h, with arguments with which they end where they began.
DEFERRED_CALLS = (
    (14, {"rdi": 0, "rsi": TIME, "rdx": OUT, "r10": 8}), (14, {"rdi": 2, "rsi": 0, "rdx": OUT, "r10": 8}),
    (14, {"rdi": 2, "rsi": TIME, "rdx": 0, "r10": 8}), (14, {"rdi": 1, "rsi": TIME, "rdx": 0, "r10": 8}),
    (39, {}), (63, {"rdi": OUT}), (96, {"rdi": OUT, "rsi": OUT_2}), (96, {"rdi": 0, "rsi": 0}), (102, {}),
    (104, {}), (107, {}), (108, {}), (110, {}), (111, {}), (121, {"rdi": 0}), (124, {"rdi": 0}),
    (131, {"rdi": 0, "rsi": OUT}), (158, {"rdi": 0x1003, "rsi": OUT}),
    (158, {"rdi": 0x1004, "rsi": OUT}), (186, {}), (201, {"rdi": 0}), (201, {"rdi": OUT}),
    (204, {"rdi": 0, "rsi": 128, "rdx": OUT}), (218, {"rdi": OUT}), (228, {"rdi": 0, "rsi": OUT}),
    (228, {"rdi": 1, "rsi": OUT}), (309, {"rdi": OUT, "rsi": OUT_2}), (309, {"rdi": 0, "rsi": 0}))
I386_CLOSE, I386_GETPID = 6, 20
SIGFPE = 8
SIGNALS = (4, 5, 7, SIGFPE, 11)
SA_FLAGS = 0x4 | 0x04000000 | 0x40000000  # SIGINFO, RESTORER, NODEFER
FRAME_CS = 192           # in a signal frame (kernel/linux/signal/sigframe64.c)
FRAME_BYTES = 440

PATTERN = {name: 0x5100000051 * (i + 3) & 0x7fffffffffff for i, name in enumerate(
    ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12",
     "r13", "r14", "r15"))}
FLAGS = 0xa43            # IF, and CF, ZF, OF


@dataclasses.dataclass
class Path:
    """One way; triggers are (address, action or None)."""
    name: str
    piece: str
    registers: dict = dataclasses.field(default_factory=dict)
    triggers: tuple = ()
    edits: dict = dataclasses.field(default_factory=dict)  # address -> action
    prepare: object = None        # action in front of each round
    calls: bool = False           # that is by system calls
    own: str = ""                 # the event that the path itself is
    masked: bool = False          # NMIs all the way
    until: frozenset = frozenset()  # the trace ends behind these
    varies: str = ""              # a register that is another one each time
    alias: bool = False           # worth taking through another CPU's alias
    spins: bool = False           # it ends where it began
    timer: bool = False           # ticks belong to it
    from_kernel: bool = False     # the trigger is an interrupt, and must come in ring 0
    through_c: bool = False       # deferred C is interrupted itself
    starts: bool = False          # an idle CPU, or a new task, is interrupted, too
    only_c: bool = False          # events come in deferred C; the rest is that of other paths


class Process:
    """The suite's process, which rests in front of the jump behind a piece."""

    def __init__(self, machine, image):
        self.m, self.image = machine, image
        self.page = self.pid = 0
        self.frame = b""
        self.frame_at = 0
        self.ends = {image.piece(name)[1] for name in (
            "syscall", "int80", "int3", "store", "hlt", "handler", "load_ss", "load_gs",
            "syscall32", "sysenter")}

    def run(self, piece, **registers):
        """Executes a piece to its end; RAX."""
        start, end = self.image.piece(piece)
        self.m.set_registers(rip=start, rsp=STACK, **registers)
        self.m.stop_at(end, self.image.piece("handler")[1])
        found = self.m.go()
        if found != end:
            raise RuntimeError(f"{piece}: found a signal")
        return self.m.registers()["rax"]

    def call(self, name, *arguments):
        """A system call; its result."""
        return self.run("syscall", rax=NR[name], **dict(zip(
            ("rdi", "rsi", "rdx", "r10", "r8", "r9"), arguments)))

    def want(self, name, *arguments):
        """One that must succeed."""
        result = self.call(name, *arguments)
        if result >= 2 ** 64 - 4095:
            raise RuntimeError(f"{name}: found errno {2 ** 64 - result}")

    def set_up(self):
        """Memory, bases, signal handlers, an LDT, FPU registers."""
        m, image = self.m, self.image
        self.want("mmap", FRESH, FRESH_PAGES << 12, 3, 0x32, 2 ** 64 - 1, 0)
        self.run("store", rdi=DATA)  # the page is there from now on
        self.pid = self.call("getpid")
        m.write(ACTION, struct.pack("<QQQQ", image.piece("handler")[0], SA_FLAGS,
                                    image.piece("restorer")[0], 0))
        for signal in SIGNALS:
            self.want("rt_sigaction", signal, ACTION, 0, 8)
        m.write(TIME, struct.pack("<QQ", 0, SLEEP_NS))
        m.write(DESCRIPTOR, struct.pack("<IIII", 0, 0, 0xffff, 0x40))
        self.want("modify_ldt", 1, DESCRIPTOR, 16)
        m.set_registers(**{f"xmm{i}": PATTERN["rbx"] << 64 | i for i in range(16)})
        self.want("arch_prctl", 0x1002, FS_BASE)
        self.want("arch_prctl", 0x1001, GS_BASE)
        m.set_registers(rip=image.piece("int3")[0], rsp=STACK, eflags=FLAGS, **PATTERN)
        m.stop_at(image.piece("handler")[1])
        m.go()
        self.frame_at = m.registers()["rsp"]
        self.frame = m.read(self.frame_at, FRAME_BYTES)

    # ---- What paths need in front of each round ------------------------------

    def fresh(self, register="rdi"):
        """A page that nobody has touched yet, or not since it was unmapped."""
        def prepare():
            if self.page == FRESH_PAGES:
                self.want("mmap", FRESH, FRESH_PAGES << 12, 3, 0x32, 2 ** 64 - 1, 0)
                self.page = 0
            self.page += 1
            return {register: FRESH + (self.page - 1 << 12)}
        return prepare

    def to32(self, piece):
        """Into 32-bit code by a far jump."""
        def prepare():
            self.m.write(FAR_POINTER, struct.pack("<IH", self.image.piece(piece)[0],
                                                  SEL_USER32_CS))
            return {"rdi": FAR_POINTER}
        return prepare

    def sigreturn(self, cs=None):
        """A signal frame on the stack."""
        def prepare():
            frame = bytearray(self.frame)
            if cs is not None:
                frame[FRAME_CS:FRAME_CS + 2] = struct.pack("<H", cs)
            self.m.write(self.frame_at, bytes(frame))
            return {"rsp": self.frame_at + 8}
        return prepare

    def stack_segment(self):
        """SS out of the LDT."""
        self.run("load_ss", rax=LDT_SS)
        return {}

    def gs_selector(self):
        """A GS selector that is not null, which the scheduler has to load."""
        self.run("load_gs", rax=SEL_USER_DS)
        return {}

    def normal_segments(self):
        """Undoes these."""
        self.run("load_ss", rax=SEL_USER_DS)
        self.run("load_gs", rax=0)
        self.want("arch_prctl", 0x1001, GS_BASE)

    def bury(self):
        """Waits for the child of the round before."""
        self.call("wait4", 2 ** 64 - 1, 0, 1, 0)
        return {}

    # ---- Actions at triggers ---------------------------------------------------

    def step_flag(self):
        """The next instruction is followed by a #DB."""
        self.m.set_registers(eflags=self.m.registers()["eflags"] | TF)

    def move_to(self, address):
        """Goes on there instead."""
        return lambda: self.m.set_registers(rip=address)

    def lose_stack(self):
        """RSP to a guard page: the next push is a #DF."""
        self.lost_rsp = self.m.registers()["rsp"]
        guard = N["CEA_BASE"] + self.m.target * N["CEA_STRIDE"] + N["CEA_ENTRY_STACK"]
        self.m.set_registers(rsp=guard - 64)

    def find_stack(self):
        """In the frame of that #DF: RSP as it was."""
        at = self.m.registers()["rsp"] + 32
        self.m.write(at, struct.pack("<Q", self.lost_rsp))

    def spoil_frame(self):
        """In front of an IRETQ: a CS that it refuses."""
        self.m.write(self.m.registers()["rsp"] + 8, struct.pack("<Q", SEL_USER_DS))

    def child_exits(self):
        """A child of vfork() comes back first."""
        self.m.set_registers(rip=self.image.piece("exit")[0])

    def work_is_due(self):
        """What deferred C returns if a signal has come meanwhile."""
        self.m.set_registers(rax=N["DEFERRED_WORK_DUE"])

    def no_bit_63(self):
        """What a processor with PCIDs would not have put into CR3."""
        self.m.set_registers(rsp=self.m.registers()["rsp"] & ~(1 << 63))


def ring3_paths(p, shadow):
    """Events and calls from user mode."""
    image = p.image
    timer = image.stub(N["VEC_TIMER"])
    yield Path("SYSCALL, SYSRET", "syscall", {"rax": NR["getpid"]}, alias=True)
    for name, page in (("NMI", N["IST_NMI"]), ("#DB", N["IST_DB"])):
        bottom = N["CEA_BASE"] + p.m.target * N["CEA_STRIDE"] + N["CEA_IST"] + \
            (page - 1) * N["CEA_IST_STRIDE"]
        yield Path(f"SYSCALL with RSP on the {name}'s page", "syscall",
                   {"rax": NR["getpid"], "rsp": bottom + 8}, alias=True)
    yield Path("32-bit SYSCALL", "to32", {"rax": I386_GETPID}, prepare=p.to32("syscall32"),
               alias=True, triggers=((p.image.piece("syscall32")[0], None),))
    yield Path("SYSENTER", "to32", {"rax": I386_GETPID, "rbp": STACK},
               prepare=p.to32("sysenter"),
               triggers=((p.image.piece("sysenter")[0], None),))
    yield Path("INT 0x80", "int80", {"rax": I386_GETPID})
    yield Path("page fault from user", "store", prepare=p.fresh(), varies="rdi")
    yield Path("page fault in copy_to_user", "syscall", {"rax": NR["sysinfo"]},
               prepare=p.fresh(), varies="rdi")
    yield Path("INT3, signal", "int3")
    yield Path("general protection, signal", "hlt")
    yield Path("timer from user", "spin", triggers=((timer, None),), spins=True,
               timer=True)
    yield Path("timer from kernel, switch", "syscall",
               {"rax": NR["nanosleep"], "rdi": TIME, "rsi": 0}, prepare=p.gs_selector,
               triggers=((timer, None),), timer=True, from_kernel=True,
               starts=True)
    yield Path("vfork, a new task", "syscall", {"rax": NR["vfork"]}, prepare=p.bury, calls=True,
               edits={image.piece("syscall")[1]: p.child_exits}, varies="rax", starts=True)
    yield Path("a signal behind SYSCALL, IRET", "syscall",
               {"rax": NR["kill"], "rdi": p.pid, "rsi": SIGFPE}, alias=True)
    yield Path("signal return, IRET", "syscall", {"rax": NR["rt_sigreturn"]},
               prepare=p.sigreturn(), alias=True)
    yield Path("IRET that faults", "syscall", {"rax": NR["rt_sigreturn"]},
               prepare=p.sigreturn(cs=SEL_USER_DS))
    yield Path("ESPFIX", "int80", {"rax": I386_GETPID}, prepare=p.stack_segment)
    spin = image.piece("spin")[0]
    yield Path("NMI from user", "spin", triggers=((spin, "nmi"),), own="nmi", spins=True)
    yield Path("#MC from user, signal", "spin", triggers=((spin, "mc"),), own="mc",
               spins=True)
    yield Path("#DB from user, signal", "spin", triggers=((spin, p.step_flag),), own="db")
    if image.deferred:
        yield from deferred_paths(p)
    elif shadow:
        for plain in (f"{image.way}_syscall", f"{image.way}_syscall32"):
            there = in_alias(image.at[plain], p.m.target)
            other = in_alias(image.at[f"{plain}_pcid"], p.m.target)
            flip = in_alias(image.find(f"{plain}_pcid", "mov    %rsp,%cr3"), p.m.target)
            wide = not plain.endswith("32")
            yield Path("SYSCALL, PCID" if wide else "32-bit SYSCALL, PCID",
                       "syscall" if wide else "to32",
                       {"rax": NR["getpid"] if wide else I386_GETPID},
                       prepare=None if wide else p.to32("syscall32"),
                       triggers=((there, p.move_to(other)),), edits={flip: p.no_bit_63},
                       alias=True)


def deferred_paths(p):
    """Calls that end on the user's table, and those that try."""
    image = p.image
    returned = image.at["deferred_call_return"]
    yield Path("a number that no call has", "syscall", {"rax": NR["none"]})
    yield Path("a number between, that no call has", "syscall", {"rax": NR["hole"]})
    yield Path("a call that needs the kernel", "syscall", {"rax": NR["close"]}, alias=True)
    yield Path("clock_gettime to a page that is there", "syscall",
               {"rax": NR["clock_gettime"], "rdi": 1, "rsi": TIME + 64})
    yield Path("clock_gettime to a page that is not", "syscall",
               {"rax": NR["clock_gettime"], "rdi": 1}, prepare=p.fresh("rsi"), varies="rsi",
               through_c=True)
    yield Path("clock_gettime, refused", "syscall",
               {"rax": NR["clock_gettime"], "rdi": 1, "rsi": 1 << 62})
    for number, registers in DEFERRED_CALLS:
        yield Path("calls that end on the user's table", "syscall", {"rax": number, **registers},
                   varies="rax" if number == 201 else "", only_c=True)
    yield Path("IRET of deferred text that faults", "int80", {"rax": I386_CLOSE, "rbx": 2 ** 32 - 1},
               edits={image.at["deferred_door_iret"]: p.spoil_frame})
    yield Path("a call behind which work is due", "syscall", {"rax": NR["getpid"]},
               edits={returned: p.work_is_due})


def kernel_paths(p, shadow):
    """The paranoid events in C, and where the user's CR3 is still loaded."""
    image = p.image
    inside = image.at["do_syscall"]
    over = frozenset((image.at["entry_door_iret_kernel"],))
    masked_ret = image.find("paranoid_exit_nmi_masked", "ret")
    entry = "trampoline_deferred" if image.deferred else \
        f"{image.way}_syscall" if shadow else "entry_syscall_direct"
    second = in_alias(image.find(entry, "mov"), p.m.target)
    registers = {"rax": NR["close"]}
    for where, at in (("C", inside), ("SYSCALL's entry", second)):
        for event, action, name in (("nmi", "nmi", "NMI"), ("mc", "mc", "#MC"),
                                    ("db", p.step_flag, "#DB")):
            yield Path(f"{name} in {where}", "syscall", registers, ((at, action),),
                       own=event, until=over)
        yield Path(f"#MC on the NMI's page, in {where}", "syscall", registers,
                   ((at, "nmi"), (image.stub(N["VEC_NMI"]), "mc")), own="mc", masked=True,
                   until=frozenset((masked_ret,)))
    yield Path("#DF in C", "syscall", registers, ((inside, p.lose_stack),), own="df",
               edits={image.stub(N["VEC_DF"]): p.find_stack}, until=over)


def gates(p):
    """Every other gate, entered with the frame of INT 0x80 or of a #GP."""
    image = p.image
    with_error = N["VEC_ERROR_CODE_MASK"]
    real = {N[f"VEC_{name}"] for name in ("DB", "NMI", "DF", "MC", "BP", "GP", "PF",
                                          "INT80", "TIMER")}
    for vector in set(range(VECTORS)) - real:
        error = vector < 32 and with_error >> vector & 1
        base, piece = (N["VEC_GP"], "hlt") if error else (N["VEC_INT80"], "int80")
        there = image.stub(vector)
        yield Path("every other gate", piece, {"rax": I386_GETPID},
                   ((image.stub(base), p.move_to(there)),),
                   until=frozenset((there + 2,)))

