/*
 * Making processes: from a file of the initramfs, or from bare code.  The kernel fills the
 * address space from its own side (mm_write()), before the first instruction runs, so that
 * a program that is refused has changed nothing.
 * Read next: kernel/files/elf_map.c, kernel/files/start_stack.c.
 */
#include "arch/cpu.h"
#include "arch/machine/random.h"
#include "arch/vdso/ia32_vdso.h"
#include "arch/vdso/vdso64.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/files/elf_map.h"
#include "kernel/files/file_tree.h"
#include "kernel/files/initramfs.h"
#include "kernel/files/randmaps.h"
#include "kernel/fs/rights.h"
#include "kernel/linux/process/clone.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/signal/sigframe.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/frame.h"
#include "mm/frames/holders.h"
#include "mm/space/mm_range.h"
#include "mm/space/shared.h"

#define STACK_AT_START (33 * PAGE_SIZE)

int program_find(const char *path, struct dentry **file)
{
	const struct process *p = calling_process();
	int err;

	sleep_lock(&file_tree_lock);
	err = file_find(p ? p->cwd : &file_root, path, true, rights_may_search, file);
	sleep_unlock(&file_tree_lock);
	return err;
}

static int find_program(const char *path, struct dentry **file, struct complaint *why)
{
	int err = program_find(path, file);

	if (err && !initramfs_is_there())
		complain(why, "init: found no initramfs, expected one with %s", path);
	else if (err == -ELOOP)
		complain(why, "init: found links without end in %.128s, expected a program", path);
	else if (err)
		complain(why, "init: found no file '%.128s', expected a program", path);
	return err;
}

static int check_program(const char *path, const struct inode *inode, struct complaint *why)
{
	if (file_is(inode, FILE_REGULAR) && rights_allow(inode, MAY_EXECUTE))
		return 0;
	complain(why, "init: found that %.128s is no executable file, expected a program", path);
	return -EACCES;
}

const char *program_name(const char *path)
{
	const char *slash;

	while ((slash = strchr(path, '/')) && slash[1])
		path = slash + 1;
	return path;
}

/* ---- What a program is told ----------------------------------------------------------- */

#define AT_SYSINFO 32 /* the headers have it for 32-bit code alone */
#define HWCAP2_FSGSBASE 2
#define CLOCK_TICKS 100

/*
 * The stack, its auxiliary vector as getauxval(3) has it.  A 32-bit program's begins with
 * AT_SYSINFO, the address of __kernel_vsyscall; the page that is in is no ELF image.
 */
static int build_stack(struct mm *mm, const char *path, const struct start_strings *strings,
		       const struct elf_image *elf, u64 base, virt_addr_t *sp)
{
	struct start_stack *b =
		start_stack_begin(mm, elf->ia32, limits_exec_strings(), oom_charge_exec);
	/* Whose execve this is; root's at boot. */
	const struct process *p = calling_process();
	const struct ids ids = p ? p->ids : (struct ids){ 0 };
	const char *platform = elf->ia32 ? "i686" : "x86_64";
	virt_addr_t execfn, platform_at, random_at;
	const u64 random[] = { random_u64(), random_u64() };

	if (!b)
		return -ENOFRAME;
	execfn = start_stack_strings(b, path, strings);
	platform_at = start_stack_bytes(b, platform, strlen(platform) + 1);
	random_at = start_stack_bytes(b, random, sizeof(random));
	if (elf->ia32)
		start_stack_auxv(b, AT_SYSINFO, ia32_vdso_address(mm, ia32_vdso_vsyscall()));
	else
		start_stack_auxv(b, AT_SYSINFO_EHDR, mm->vdso64);
	start_stack_auxv(b, AT_HWCAP, cpuid(1, 0).edx);
	start_stack_auxv(b, AT_HWCAP2, cpu_features.fsgsbase ? HWCAP2_FSGSBASE : 0);
	start_stack_auxv(b, AT_MINSIGSTKSZ, sigframe_max_size());
	start_stack_auxv(b, AT_PAGESZ, PAGE_SIZE);
	start_stack_auxv(b, AT_CLKTCK, CLOCK_TICKS);
	start_stack_auxv(b, AT_PHDR, elf->phdr ? base + elf->phdr : 0);
	start_stack_auxv(b, AT_PHENT, elf->phentsize);
	start_stack_auxv(b, AT_PHNUM, elf->phnum);
	start_stack_auxv(b, AT_BASE, 0);
	start_stack_auxv(b, AT_FLAGS, 0);
	start_stack_auxv(b, AT_ENTRY, base + elf->entry);
	start_stack_auxv(b, AT_UID, ids.user[REAL_ID]);
	start_stack_auxv(b, AT_EUID, ids.user[EFFECTIVE_ID]);
	start_stack_auxv(b, AT_GID, ids.group[REAL_ID]);
	start_stack_auxv(b, AT_EGID, ids.group[EFFECTIVE_ID]);
	start_stack_auxv(b, AT_SECURE, p && process_ids_are_mixed());
	start_stack_auxv(b, AT_RANDOM, random_at);
	start_stack_auxv(b, AT_EXECFN, execfn);
	start_stack_auxv(b, AT_PLATFORM, platform_at);
	start_stack_auxv(b, AT_NULL, 0);
	return start_stack_end(b, randmaps_stack_gap(mm), sp);
}

/* ---- Building ---------------------------------------------------------------------- */

/* It grows as it is used; Linux begins with as much, unless the limit is lower. */
static int add_stack(struct mm *mm)
{
	u64 size = MIN(STACK_AT_START, ALIGN_DOWN(limits_exec_stack(), PAGE_SIZE));
	long at;

	size = MAX(size, PAGE_SIZE);
	at = mm_map(mm, mm->stack_top - size, size, VMA_READ | VMA_WRITE,
		    MM_FIXED | MM_NOREPLACE | MM_GROWSDOWN);
	return at < 0 ? (int)at : 0;
}

/* The task of a filled address space; frees the latter if there is no memory. */
static struct thread *finish(const char *name, struct mm *mm, virt_addr_t ip, virt_addr_t sp)
{
	struct thread *t = thread_create(name, mm, ip, sp);

	if (!t)
		mm_put(mm);
	return t;
}

/* -ENOEXEC: there is no room for the file and a stack. */
static int place(struct mm *mm, const struct elf_image *elf, u64 *base)
{
	virt_addr_t pie = elf->ia32 ? MM_PIE_BASE_IA32 : MM_PIE_BASE;
	const struct process *p = calling_process();
	bool fixed = p && (p->personality & ADDR_NO_RANDOMIZE);

	mm_init_layout(mm, elf->ia32);
	randmaps_place(mm, elf->ia32, limits_exec_stack(), fixed);
	return elf_place(mm, elf, pie + randmaps_pie_offset(mm, elf->ia32), base);
}

/* All that the program begins with. */
static int fill_mm(struct mm *mm, const char *shown, const struct start_strings *strings,
		   const struct elf_source *from, const struct elf_image *elf, u64 base,
		   virt_addr_t *sp)
{
	int err;

	err = elf_map(mm, from, elf, base);
	mm->brk_start = mm->brk = base + elf->brk_start + randmaps_brk_offset(mm);
	if (!err)
		err = add_stack(mm);
	if (!err)
		err = elf->ia32 ? ia32_vdso_map(mm) : vdso64_map(mm, randmaps_vdso(mm));
	return err ? err : build_stack(mm, shown, strings, elf, base, sp);
}

/* The file to build from, with a hold. */
static int get_program(const char *path, struct dentry **out, struct complaint *why)
{
	int err = find_program(path, out, why);

	if (err)
		return err;
	err = check_program(path, (*out)->inode, why);
	if (err)
		dentry_drop(*out);
	return err;
}

#define HEAD_FRAMES 16 /* of a file that has been written: its headers must lie there */

/* Parses a file that has been written, by a copy of its beginning. */
static int parse_written(struct shared *content, struct elf_image *elf, struct complaint *why)
{
	phys_addr_t head = frame_alloc_run(HEAD_FRAMES, NO_FRAME), pa;
	u64 n = 0, here = 1, size = shared_size(content);
	u8 *copy;
	int err;

	if (head == NO_FRAME)
		return -ENOFRAME;
	copy = phys_to_virt(head);
	while (here && n < HEAD_FRAMES * PAGE_SIZE) {
		const u8 *bytes = shared_peek(content, n, &pa, &here);

		here = MIN(here, HEAD_FRAMES * PAGE_SIZE - n);
		memcpy(copy + n, bytes, here);
		n += here;
		if (pa != NO_FRAME)
			frame_release(pa);
	}
	if (n < HEAD_FRAMES * PAGE_SIZE)
		size = n;
	err = elf_head_size(copy, n) > n ? -ENOEXEC : elf_parse(copy, size, elf, why);
	frame_free_contiguous(head, HEAD_FRAMES);
	return err ? -ENOEXEC : 0;
}

static int build(const struct elf_source *from, const char *path,
		 const struct start_strings *strings, struct built_program *out,
		 struct complaint *why)
{
	struct elf_image elf;
	struct mm *mm;
	u64 base = 0;
	int err;

	if (from->bytes)
		err = elf_parse(from->bytes, shared_size(from->content), &elf, why) ? -ENOEXEC : 0;
	else
		err = parse_written(from->content, &elf, why);
	if (err)
		return err;
	mm = mm_alloc();
	err = mm ? place(mm, &elf, &base) : -ENOFRAME;
	if (!err)
		err = fill_mm(mm, path, strings, from, &elf, base, &out->sp);
	if (err == -ENOEXEC)
		complain(why,
			 "init: found segments of %s from %#lx to %#lx, aligned to %#lx, "
			 "expected room for them and %llu MiB of stack",
			 path, elf.start, elf.brk_start, elf.align, MM_STACK_GAP_MIN >> 20);
	if (err && mm)
		mm_put(mm);
	if (err == -E2BIG)
		complain(why,
			 "init: found more arguments for %s than fit, expected at "
			 "most %lu KiB",
			 path, limits_exec_strings() >> 10);
	else if (err && err != -ENOEXEC)
		complain(why, "init: found no memory for %s, expected enough (error %d)", path,
			 err);
	out->mm = mm;
	out->ip = base + elf.entry;
	out->ia32 = elf.ia32;
	return err;
}

int program_build(const char *path, const struct start_strings *strings, struct built_program *out,
		  struct complaint *why)
{
	struct elf_source from;
	int err = get_program(path, &out->exe, why);

	if (err)
		return err;
	from.content = out->exe->inode->content;
	from.bytes = shared_bytes(from.content);
	err = build(&from, path, strings, out, why);
	out->readable = rights_allow(out->exe->inode, MAY_READ);
	if (err)
		dentry_drop(out->exe);
	return err;
}

void program_set_abi(struct thread *t, bool ia32)
{
	struct pt_regs *regs = thread_regs(t);

	t->process->ia32 = ia32;
	regs->cs = ia32 ? SEL_USER32_CS : SEL_USER_CS;
	regs->ss = SEL_USER_DS;
	t->user.ds = t->user.es = ia32 ? SEL_USER_DS : 0;
	t->user.fs = t->user.gs = 0;
}

struct thread *program_load(const char *path, const char *const argv[], const char *const envp[],
			    struct complaint *why)
{
	const struct start_strings strings = { { .kernel = argv }, { .kernel = envp } };
	struct built_program program;
	struct thread *t;

	if (program_build(path, &strings, &program, why))
		return NULL;
	t = finish(program_name(path), program.mm, program.ip, program.sp);
	if (t) {
		t->process->exe = program.exe;
		program_set_abi(t, program.ia32);
	} else {
		dentry_drop(program.exe);
		complain(why, "init: found no memory for %s, expected enough", path);
	}
	return t;
}

struct thread *program_from_code(const char *name, const void *code, size_t size, u64 arg)
{
	struct mm *mm = mm_alloc();
	struct thread *t;

	if (!mm)
		return NULL;
	if (mm_map(mm, PROGRAM_CODE_BASE, size, VMA_READ | VMA_EXEC, MM_FIXED) < 0 ||
	    mm_write(mm, PROGRAM_CODE_BASE, code, size) ||
	    mm_map(mm, PROGRAM_DATA_BASE, PROGRAM_DATA_SIZE, VMA_READ | VMA_WRITE, MM_FIXED) < 0 ||
	    add_stack(mm)) {
		mm_put(mm);
		return NULL;
	}
	t = finish(name, mm, PROGRAM_CODE_BASE, MM_STACK_TOP);
	if (t)
		thread_regs(t)->di = arg;
	return t;
}
