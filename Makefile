# Builds build/postern.elf and what boots and tests it.  `make help` lists the
# targets.  Tools beyond make itself are installed by scripts/deps.

BUILD := build
CC := gcc
LD := ld
NASM := nasm
PYTHON := /usr/bin/python3

CPUS ?=
MEM ?= 512M
CMDLINE ?=
ACCEL ?= tcg
# GUEST= alone is our own guest kernel.  Guests return far: QEMU 7.2 is wrong there with SMAP.
GUEST_GIVEN := $(filter command environment,$(origin GUEST))
COMMA := ,
CPU ?= max$(if $(GUEST_GIVEN),$(COMMA)-smap)
INITRAMFS ?=
PROGRAM ?=
# For the shell: one word, whatever is in it; none if it is empty.
WORD = $(if $1,'$(subst ','\'',$1)')
# Set by .ci/run: `make test` tries another Debian, too.
SYSTEMS :=
V ?=
export CPUS MEM CMDLINE ACCEL CPU INITRAMFS V

CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-jump-tables -fms-extensions -fno-strict-aliasing -fno-common -fno-delete-null-pointer-checks
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wundef -Wpointer-arith -Wcast-align -Wwrite-strings -Wformat=2 \
	-Wold-style-definition -Wredundant-decls -Wno-microsoft-anon-tag -Wno-pass-failed
WERROR :=
# Set by `make coverage` and the sanitizing build, for what is no test and can call them.
INSTRUMENT :=
PLAIN := tests/% entry/deferred/%
# DEBUG=1, with a BUILD of its own: headers below tests/debug/ stand in for those
# of the same path, and its .c files are linked in.  DEBUG=measure: without the
# check of locks, whose own instructions would count.
DEBUG :=
# SANITIZE=1 is the same with tests/sanitize, and gcc's calls before loads and stores.
SANITIZE :=
TWINS := $(if $(DEBUG),tests/debug) $(if $(filter 1,$(DEBUG)),tests/debug/locks) \
	$(if $(SANITIZE),tests/sanitize)
CPPFLAGS := $(addprefix -I,$(TWINS)) -I.
# Relocations between sections are the linker's to judge: it sees what does not fit.
NASMWARNINGS := -w+all -w-unknown-warning -w-reloc
NASMFLAGS := -f elf64 -g -F dwarf -I$(BUILD)/inc/ -Ientry/ $(NASMWARNINGS)
# -X: labels that begin with two dots, of NASM's macros, are dropped.
LDFLAGS := -nostdlib -static -X -z max-page-size=4096 -z noexecstack --fatal-warnings

DIRS := kernel/base mm/frames mm mm/audit mm/space entry entry/shared entry/deferred arch arch/vdso arch/state arch/machine \
	kernel/task kernel/debug kernel/files kernel/linux kernel/missing kernel/linux/signal kernel/fs \
	kernel/trace kernel/linux/process kernel/trace/calls kernel/linux/program kernel/fs/calls kernel/linux/calls kernel/extra kernel/guest kernel/start kernel/proc kernel boot \
	tests/suites $(TWINS)
C_SOURCES := $(filter-out entry/offsets.c,$(wildcard $(addsuffix /*.c,$(DIRS))))
ASM_SOURCES := $(wildcard $(addsuffix /*.asm,$(DIRS)))
CALL_NAMES := $(BUILD)/call_names.o
OBJECTS := $(C_SOURCES:%.c=$(BUILD)/%.o) $(ASM_SOURCES:%.asm=$(BUILD)/%.asm.o) $(CALL_NAMES)
INCLUDES := $(addprefix $(BUILD)/inc/,layout.inc x86.inc ports.inc errno.inc hints.inc deferred.inc offsets.inc)

ELF := $(BUILD)/postern.elf
ISO := $(BUILD)/postern.iso
CPIO := $(BUILD)/initramfs.cpio
PROMPT := $(BUILD)/prompt.cpio
BUSYBOX := $(shell command -v busybox)
PEOPLE := hello meltdown round

all: $(ELF) $(ISO) $(PROMPT)

# ---- The kernel -------------------------------------------------------------

# What the tools' options are: a change of them rebuilds everything.
FLAGS := $(CC) $(CFLAGS) $(INSTRUMENT) $(WARNINGS) $(WERROR) $(CPPFLAGS) $(NASMFLAGS) $(LDFLAGS)
$(BUILD)/flags: FORCE
	@echo '$(FLAGS)' | cmp -s - $@ || { mkdir -p $(@D) && echo '$(FLAGS)' > $@; } 2>/dev/null || \
		{ echo 'make: found a tree that cannot be written, expected one to build in' >&2; exit 126; }

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(if $(filter $(PLAIN),$<),,$(INSTRUMENT)) $(WARNINGS) $(WERROR) $(CPPFLAGS) \
		-MMD -MP -c -o $@ $<

# Each number's entry is the answer to an unknown one until the list says another.
$(BUILD)/kernel/linux/calls/table.o: WARNINGS += -Wno-override-init

# What runs on the user table can call nothing else, and reaches its data from where it is.
$(BUILD)/entry/deferred/%.o: CFLAGS += -mcmodel=small -fpie -fvisibility=hidden
$(BUILD)/entry/deferred/%.o: CPPFLAGS := -I.

# nasm -MD leaves %included files out of the dependency file: a pass of its own.
$(BUILD)/%.asm.o: %.asm $(BUILD)/flags | $(INCLUDES)
	@mkdir -p $(@D)
	@$(NASM) $(NASMFLAGS) -M -MP -MT $@ $< > $(@:.o=.d)
	$(NASM) $(NASMFLAGS) -o $@ $<

# Headers of plain #defines become NASM includes.
$(BUILD)/inc/%.inc: kernel/base/%.h
	@mkdir -p $(@D)
	$(CC) -E -P -dD -undef -nostdinc $< | sed -n 's/^#define \([A-Z][A-Za-z0-9_]* .\)/%define \1/p' > $@

$(BUILD)/inc/offsets.inc: entry/offsets.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARNINGS) $(WERROR) $(CPPFLAGS) -MMD -MP -MT $@ -MF $(@:.inc=.d) -S -o $(@:.inc=.s) $<
	sed -n 's/^.*"->\([A-Z_0-9]*\) \(.*\)".*/%define \1 \2/p' $(@:.inc=.s) > $@

$(BUILD)/linker.ld: linker.ld kernel/base/layout.h kernel/base/deferred.h
	@mkdir -p $(@D)
	$(CC) -E -P -undef -nostdinc -x c -I. $< > $@

LIBGCC = $(shell $(CC) -print-libgcc-file-name)

# The vDSO: a shared object of one page, which the kernel has as data.
VDSO_CFLAGS = $(filter-out -mcmodel=kernel -fno-pi% -mno-red-zone -fno-asynchronous%,$(CFLAGS)) \
	-fpic -fvisibility=hidden -fasynchronous-unwind-tables
$(BUILD)/inc/vdso64.so: user/vdso/vdso64.c user/vdso/vdso64.lds $(BUILD)/flags
	@mkdir -p $(@D) $(BUILD)/vdso
	$(CC) $(VDSO_CFLAGS) $(WARNINGS) $(WERROR) -I. -MMD -MP -MT $@ -MF $(@:.so=.d) \
		-c -o $(BUILD)/vdso/vdso64.o $<
	{ cat kernel/base/layout.h; grep -h VDSO_CLOCK_AT arch/vdso/vdso64.h; cat user/vdso/vdso64.lds; } | \
		$(CC) -E -P -undef -nostdinc -x c -I. - > $(BUILD)/vdso/vdso64.lds
	$(LD) -shared -nostdlib -soname linux-vdso.so.1 --hash-style=both --eh-frame-hdr -Bsymbolic \
		-z max-page-size=4096 -z noexecstack --fatal-warnings -T $(BUILD)/vdso/vdso64.lds \
		-o $(BUILD)/vdso/vdso64.so.dbg $(BUILD)/vdso/vdso64.o
	objcopy -S $(BUILD)/vdso/vdso64.so.dbg $@
$(BUILD)/arch/vdso/vdso64_image.asm.o: $(BUILD)/inc/vdso64.so

# Linux's names of the calls that are not here.
$(CALL_NAMES): scripts/call_names.py $(BUILD)/flags
	$(PYTHON) scripts/call_names.py $(CC) > $(@:.o=.asm)
	$(NASM) -f elf64 $(NASMWARNINGS) -o $@ $(@:.o=.asm)

# Twice: from what is linked without the names of its text the table of them is made.
# It lies behind all text, so no name has another address then: scripts/check_elf.py.
NAMELESS := $(BUILD)/nameless.elf
SYMBOLS := $(BUILD)/symbols.o
$(NAMELESS): $(OBJECTS) $(BUILD)/linker.ld
	$(LD) $(LDFLAGS) -T $(BUILD)/linker.ld -o $@ $(OBJECTS) $(LIBGCC)
$(SYMBOLS): $(NAMELESS) scripts/symbols.py
	$(PYTHON) scripts/symbols.py $(NAMELESS) > $(@:.o=.asm)
	$(NASM) -f elf64 $(NASMWARNINGS) -o $@ $(@:.o=.asm)
$(ELF): $(OBJECTS) $(SYMBOLS) $(BUILD)/linker.ld
	$(LD) $(LDFLAGS) -T $(BUILD)/linker.ld -o $@ $(OBJECTS) $(SYMBOLS) $(LIBGCC)

# The same kernel, counting, with the one file that brings the counts out.
COVERED := $(BUILD)/covered.elf
COVERAGE_OBJECTS := $(OBJECTS) $(BUILD)/tests/coverage/dump.o
$(COVERED): $(COVERAGE_OBJECTS) $(BUILD)/linker.ld
	$(LD) $(LDFLAGS) --wrap=power_off --wrap=power_restart -T $(BUILD)/linker.ld -o $@ \
		$(COVERAGE_OBJECTS) $(shell $(CC) -print-file-name=libgcov.a) $(LIBGCC)

include user/Makefile.inc tests/guest/Makefile.inc tests/host/Makefile.inc $(if $(SANITIZE),tests/sanitize/Makefile.inc)

# ---- What is booted ---------------------------------------------------------

# Programs go there without what only a debugger reads: half of their bytes.
PACKED := $(BUILD)/packed
$(CPIO): $(USER_PROGRAMS) $(BUILD)/user/guest.elf $(BUILD)/user/bench-middle.elf scripts/mkinitramfs
	@rm -rf $(PACKED) && mkdir -p $(PACKED)
	@for program in $(USER_PROGRAMS); do objcopy --strip-debug $$program $(PACKED)/$${program##*/} || exit 1; done
	scripts/mkinitramfs $@ init=$(PACKED)/init $(foreach p,$(notdir $(USER_PROGRAMS)),bin/$(p)=$(PACKED)/$(p)) \
		bin/guest=$(BUILD)/user/guest.elf bin/bench-middle=$(BUILD)/user/bench-middle.elf

# What `make run` boots at a terminal: Debian's busybox, and the programs for people.
$(PROMPT): user/prompt/profile $(BUSYBOX) $(PEOPLE:%=$(BUILD)/user/%) scripts/mkinitramfs
	@! readelf -lW $(BUSYBOX) | grep -q INTERP || \
		{ echo 'make: found $(BUSYBOX) with an interpreter, expected the one of busybox-static' >&2; exit 126; }
	scripts/mkinitramfs $@ bin/busybox=$(BUSYBOX) bin/sh=$(BUSYBOX) etc/profile=user/prompt/profile \
		$(foreach p,$(PEOPLE),bin/$p=$(BUILD)/user/$p)

$(ISO): $(ELF) $(CPIO) scripts/mkiso
	scripts/mkiso $(ELF) $(CPIO) $@

# ---- What people call ----------------------------------------------------------

# Quiet, and on all processors unless the caller has said on how many.
QUIETLY = -s --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# Installs what is missing first; silent when all is there.
deps-%:
	@scripts/deps $*

run: deps-run
	@$(if $(and $(GUEST_GIVEN),$(PROGRAM)),echo 'run: found GUEST and PROGRAM$(COMMA) expected one of them' >&2; exit 126)
	@$(MAKE) $(QUIETLY) kernel $(PROMPT) $(if $(GUEST_GIVEN),guests)
	@scripts/run $(call WORD,$(if $(GUEST_GIVEN),$(or $(GUEST),$(BUILD)/user/guest.elf),$(PROGRAM))) $(ARGS)

# Where the kernel's instructions go while the program runs.
demo: deps-run
	@$(MAKE) $(QUIETLY) kernel
	@DEMO=1 scripts/run

profile: deps-run
	@$(MAKE) $(QUIETLY) kernel
	@PROFILE=1 scripts/run $(call WORD,$(PROGRAM)) $(ARGS)

# What a program reads with pti=off, and with pti=on: side by side.
meltdown: deps-run
	@$(MAKE) $(QUIETLY) kernel
	@$(PYTHON) scripts/meltdown.py

test: deps-test
	@$(MAKE) $(QUIETLY) all user-hosted guests debug-kernel sanitize-kernel
	@$(PYTHON) tests/run.py $(if $(SYSTEMS),--systems)

# The README's commands in minimal roots of Debian 13 and 12, each with make alone.
systems:
	@$(PYTHON) tests/systems.py

# One direct boot, all suites.
selftest: deps-run
	@$(MAKE) $(QUIETLY) all
	@$(PYTHON) tests/run.py --only cpus-4

# Linker symbols are compared and subtracted on purpose; offsets are taken of a
# null pointer by typeof alone; `return *pte & MASK` is an address, no condition.
# cppcheck 2.17 cannot parse `asm goto`, and says that it looks at some branches only.
CPPCHECK := cppcheck -q --enable=warning,portability --std=c11 -I. --error-exitcode=1 \
	'-Dgoto(...)=("")' --suppress=normalCheckLevelMaxBranches \
	--suppress=comparePointers --suppress=subtractPointers \
	--suppress=nullPointer:kernel/task/task.h --suppress=nullPointer:kernel/task/sched.c \
	--suppress=identicalInnerCondition:mm/space/pages.c \
	$(addprefix -USIG,ABRT FPE INT KILL SEGV TERM) # its own macros of these names

# The kernel's C stands as clang-format writes it; tests have tables of their own form.
FORMATTED := $(filter-out tests/%,$(C_SOURCES) $(wildcard $(addsuffix /*.h,$(DIRS)))) entry/offsets.c

# A build of its own, in which a warning is an error, and the static checks.
check: deps-check
	@$(MAKE) $(QUIETLY) BUILD=$(BUILD)/check WERROR=-Werror kernel guests
	@$(MAKE) $(QUIETLY) BUILD=$(BUILD)/check-debug DEBUG=1 WERROR=-Werror $(BUILD)/check-debug/postern.elf
	@$(MAKE) $(QUIETLY) compile_commands.json
	@$(CPPCHECK) $(filter-out tests/%,$(C_SOURCES))
	@clang-format --dry-run --Werror $(FORMATTED)
	@$(PYTHON) scripts/check_layers.py --objects $(BUILD)/check
	@$(PYTHON) scripts/check_style.py
	@$(PYTHON) scripts/check_budget.py
	@$(MAKE) $(QUIETLY) all user-hosted
	@$(PYTHON) scripts/check_elf.py $(ELF)
	@$(PYTHON) scripts/check_entry.py $(ELF)
	@$(PYTHON) scripts/check_unwind.py $(ELF)
	@$(PYTHON) scripts/check_features.py $(ELF)
	@$(PYTHON) tests/run.py --quick

format: deps-check
	@clang-format -i $(FORMATTED)

# The same user programs in QEMU and Bochs; docs/emulators.md explains each difference.
emulators: deps-test
	@$(MAKE) $(QUIETLY) all
	@$(PYTHON) tests/emulators.py

# Hostile programs at random; the seed is printed.
MINUTES := 10
SEED :=
stress: deps-test
	@$(MAKE) $(QUIETLY) kernel debug-kernel
	@$(PYTHON) tests/stress.py --seconds $$(($(MINUTES) * 60)) $(if $(SEED),--seed $(SEED))

# Bugs brought back, one at a time: which test sees each?  ONLY=GLOB: some.
ONLY ?= *
mutants: deps-test
	@$(PYTHON) tests/mutants/run.py --only '$(ONLY)'

# The ways to keep user and kernel apart, side by side: what each costs, shows and leaves.
strategies: deps-test
	@$(MAKE) $(QUIETLY) all
	@$(PYTHON) scripts/strategies.py

# An NMI, a machine check and a debug exception at every instruction of entry code.
inject: deps-test
	@$(MAKE) $(QUIETLY) kernel
	@$(PYTHON) tests/inject/run.py

bench: deps-run
	@$(MAKE) $(QUIETLY) kernel guests
	@$(MAKE) $(QUIETLY) BUILD=$(BUILD)/measure DEBUG=measure $(BUILD)/measure/postern.elf
	@$(PYTHON) scripts/bench.py

# Counters are atomic: lines are computed from differences of them.  The host
# tests count for the parsers; theirs are anew, not added to those of the last run.
coverage: deps-test
	@$(MAKE) $(QUIETLY) all user-hosted
	@$(MAKE) $(QUIETLY) BUILD=$(BUILD)/coverage \
		INSTRUMENT='--coverage -fprofile-info-section -fprofile-update=atomic' \
		$(BUILD)/coverage/covered.elf
	@find $(BUILD)/coverage -name '*.gcda' -delete
	@$(MAKE) $(QUIETLY) HOST_OUT=$(BUILD)/coverage/host INSTRUMENT=--coverage \
		host-tests > $(BUILD)/coverage/host-tests.txt || { cat $(BUILD)/coverage/host-tests.txt; false; }
	@$(PYTHON) tests/coverage/run.py

# The kernel that asks before each load and store whether the bytes are live.
sanitize: deps-test
	@$(MAKE) $(QUIETLY) all user-hosted sanitize-kernel
	@$(PYTHON) tests/sanitize/run.py

gdb: deps-gdb
	@$(MAKE) $(QUIETLY) kernel
	@scripts/debug $(if $(PROGRAM),-- $(call WORD,$(PROGRAM)) $(ARGS))

kernel: $(ELF) $(CPIO)
debug-kernel:
	@$(MAKE) $(QUIETLY) BUILD=$(BUILD)/debug DEBUG=1 $(BUILD)/debug/postern.elf
sanitize-kernel:
	@$(MAKE) $(QUIETLY) BUILD=$(BUILD)/sanitize SANITIZE=1 $(BUILD)/sanitize/postern.elf
iso: deps-run
	@$(MAKE) $(QUIETLY) $(ISO)

clean:
	rm -rf $(BUILD) compile_commands.json

help:
	@sed -n 's/^# help: //p' Makefile

# help: make           build/postern.elf, build/postern.iso, build/initramfs.cpio
# help: make run       boot to a prompt (or PROGRAM=./a.out ARGS="...")
# help: make demo      boot the demonstration: the selftests, a program, the end
# help: make demo V=1  every line of it, unfolded
# help: make run GUEST=    a guest kernel: user/guest/, or GUEST=./a.elf
# help: make meltdown  a program reads the kernel with pti=off, and cannot with pti=on
# help: make profile PROGRAM=./a.out   where the kernel's instructions go while it runs
# help: make test      every test: host tests, all machines of tests/*.cfg, gdb
# help: make format    the kernel's C as clang-format writes it
# help: make check     warnings as errors, layers, style, host tests, one boot
# help: make systems   make run and make test in fresh roots of Debian 13 and 12 (as root)
# help: make selftest  one direct boot, all in-kernel suites
# help: make emulators the same programs in QEMU and Bochs, compared
# help: make stress    storms of hostile programs, MINUTES=10 of them, SEED= to replay
# help: make mutants   bring bugs back, one by one: which test finds each? (ONLY=glob)
# help: make inject    an NMI, a #MC and a #DB at every instruction of entry code
# help: make bench     instructions per system call, frames shown, boot
# help: make strategies  the ways of separation side by side: costs, what is shown
# help: make coverage  lines of C and instructions of entry text that tests execute
# help: make sanitize  a kernel that stops at a use after free, an overrun, an overflow
# help: make gdb       boot stopped under gdb (or PROGRAM=./a.out ARGS="...", with its symbols)
# help: make compile_commands.json  for clangd, as clang compiles the kernel
# help: make clean     remove build/
# help: knobs: CPUS=4 MEM=512M CMDLINE= ACCEL=tcg CPU=max INITRAMFS=

# Each object's command in clang's own words: what clangd reads.
CLANG_BUILD := $(BUILD)/check-clang
compile_commands.json: deps-check
	@$(MAKE) $(QUIETLY) BUILD=$(CLANG_BUILD) CC=clang WERROR=-Werror PLAIN= \
		'INSTRUMENT=-MJ $$@.json' $(CLANG_BUILD)/postern.elf
	@sed -e '1s/^/[/' -e '$$s/,$$/]/' $(C_SOURCES:%.c=$(CLANG_BUILD)/%.o.json) > $@

-include $(wildcard $(OBJECTS:.o=.d)) $(wildcard $(BUILD)/inc/*.d)

# make would delete them as intermediate, and build all anew.
.SECONDARY: $(INCLUDES)
.PHONY: all format compile_commands.json kernel debug-kernel sanitize sanitize-kernel iso run profile meltdown test systems selftest check emulators bench strategies gdb clean stress mutants coverage inject help FORCE
.DELETE_ON_ERROR:
FORCE:
