/*
 * Making processes: from a file of the initramfs, or from bare code.  The kernel fills the
 * address space from its own side (mm_write()), before the first instruction runs, so that
 * a program that is refused has changed nothing.
 * Read next: kernel/files/elf_map.c, kernel/files/start_stack.c.
 */
#include "arch/cpu.h"
#include "arch/machine/random.h"
#include "arch/vdso/ia32_vdso.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "kernel/files/elf_map.h"
#include "kernel/files/file_tree.h"
#include "kernel/files/initramfs.h"
#include "kernel/files/randmaps.h"
#include "kernel/linux/process/clone.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/signal/sigframe.h"
#include "kernel/linux/uapi.h"
#include "mm/space/mm_range.h"

#define STACK_AT_START (33 * PAGE_SIZE)

#define MAY_READ 4 /* of three bits of a mode: shifted by 3 for the group */
#define MAY_EXECUTE 1
#define ANY_EXECUTE 0111

/* Does the mode let the current process, or the booting kernel, do that?  Files are root's. */
static bool allows(const struct file_inode *inode, u32 what)
{
	const struct process *p = calling_process();

	if (!p || process_is_privileged())
		return what == MAY_READ || file_is(inode, FILE_DIRECTORY) ||
		       (inode->mode & ANY_EXECUTE);
	return inode->mode >> (p->ids.group[EFFECTIVE_ID] == 0 ? 3 : 0) & what;
}

static bool may_search(const struct file_inode *dir)
{
	return allows(dir, MAY_EXECUTE);
}

int program_find(const char *path, bool follow, const struct file_node **file)
{
	struct file_node *found;
	int err = file_find(path, follow, may_search, &found);

	*file = found;
	return err;
}

static int find_program(const char *path, const struct file_node **file, struct complaint *why)
{
	int err = program_find(path, true, file);

	if (err && !initramfs_is_there())
		complain(why, "init: found no initramfs, expected one with %s", path);
	else if (err == -ELOOP)
		complain(why, "init: found links without end in %.128s, expected a program", path);
	else if (err)
		complain(why, "init: found no file '%.128s', expected a program", path);
	return err;
}

static int check_program(const char *path, const struct file_inode *inode, struct complaint *why)
{
	if (file_is(inode, FILE_REGULAR) && allows(inode, MAY_EXECUTE))
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
 * AT_SYSINFO, the address of __kernel_vsyscall.  There is no AT_SYSINFO_EHDR, for the page
 * it is in is no ELF image; C libraries do without.
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
	u64 random[2];

	if (!b)
		return -ENOFRAME;
	random_bytes(random, sizeof(random));
	execfn = start_stack_strings(b, path, strings);
	platform_at = start_stack_bytes(b, platform, strlen(platform) + 1);
	random_at = start_stack_bytes(b, random, sizeof(random));
	if (elf->ia32)
		start_stack_auxv(b, AT_SYSINFO, ia32_vdso_address(mm, ia32_vdso_vsyscall()));
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
		   const u8 *image, const struct elf_image *elf, u64 base, virt_addr_t *sp)
{
	int err;

	err = elf_map(mm, image, elf, base);
	mm->brk_start = mm->brk = base + elf->brk_start + randmaps_brk_offset(mm);
	if (!err)
		err = add_stack(mm);
	if (!err && elf->ia32)
		err = ia32_vdso_map(mm);
	return err ? err : build_stack(mm, shown, strings, elf, base, sp);
}

int program_build(const struct file_node *file, const char *path,
		  const struct start_strings *strings, struct built_program *out,
		  struct complaint *why)
{
	const struct file_inode *inode;
	struct elf_image elf;
	struct mm *mm;
	u64 base = 0;
	int err = file ? 0 : find_program(path, &file, why);

	if (!err)
		err = check_program(path, file->inode, why);
	if (err)
		return err;
	inode = file->inode;
	if (elf_parse(inode->data, inode->size, &elf, why))
		return -ENOEXEC;
	mm = mm_alloc();
	err = mm ? place(mm, &elf, &base) : -ENOFRAME;
	if (!err)
		err = fill_mm(mm, path, strings, inode->data, &elf, base, &out->sp);
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
	out->exe = file;
	out->readable = allows(inode, MAY_READ);
	out->ia32 = elf.ia32;
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

	if (program_build(NULL, path, &strings, &program, why))
		return NULL;
	t = finish(program_name(path), program.mm, program.ip, program.sp);
	if (t) {
		t->process->exe = program.exe;
		program_set_abi(t, program.ia32);
	} else {
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
