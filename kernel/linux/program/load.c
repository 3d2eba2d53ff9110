/*
 * Making processes: from a file of the initramfs, or from bare code.  The
 * address space is filled from the kernel's side (mm_write()), before the
 * first instruction runs.
 * Read next: kernel/files/elf.c, kernel/linux/program/user_stack.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/files/elf.h"
#include "kernel/files/file_tree.h"
#include "kernel/files/initramfs.h"
#include "kernel/linux/ia32_vdso.h"
#include "kernel/linux/process/thread.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/program/randmaps.h"
#include "kernel/linux/program/user_stack.h"

#define STACK_AT_START (33 * PAGE_SIZE)

#define MAY_READ 4 /* of three bits of a mode: shifted by 3 for the group */
#define MAY_EXECUTE 1
#define ANY_EXECUTE 0111

/* May the current process, or the booting kernel, do that?  Files are root's. */
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

/*
 * The pages of a segment without bytes in the file.  It may begin in a page that an
 * earlier one has filled: the bytes there stay.
 */
static int map_zeros(struct mm *mm, virt_addr_t start, u64 size, unsigned prot)
{
	long err = mm_map(mm, start, PAGE_SIZE, prot, MM_FIXED | MM_NOREPLACE);

	if (err == -EEXIST)
		err = mm_protect(mm, start, PAGE_SIZE, prot);
	if (err >= 0 && size > PAGE_SIZE)
		err = mm_map(mm, start + PAGE_SIZE, size - PAGE_SIZE, prot, MM_FIXED);
	return err < 0 ? (int)err : 0;
}

/*
 * As mmap of a file does it: whole pages, so that the bytes in front of the
 * segment in its first page are the file's; zeroes behind filesz.
 */
static int load_segment(struct mm *mm, const u8 *image, const struct elf_segment *s,
			u64 base)
{
	u64 skew = s->vaddr % PAGE_SIZE;
	virt_addr_t start = base + s->vaddr - skew;
	u64 size = ALIGN_UP(skew + s->memsz, PAGE_SIZE);
	unsigned prot = (s->rights & ELF_R ? VMA_READ : 0) |
			(s->rights & ELF_W ? VMA_WRITE : 0) |
			(s->rights & ELF_X ? VMA_EXEC : 0);
	long err;

	if (s->filesz == 0)
		return map_zeros(mm, start, size, prot);
	err = mm_map(mm, start, size, prot, MM_FIXED);
	if (err < 0)
		return (int)err;
	return mm_write(mm, start, image + s->offset - skew, s->filesz + skew);
}

static int load_image(struct mm *mm, const u8 *image, const struct elf_image *elf,
		      u64 base)
{
	virt_addr_t brk = ALIGN_UP(base + elf->brk_start, PAGE_SIZE);
	int err = 0;

	for (unsigned i = 0; !err && i < elf->segment_count; i++)
		err = load_segment(mm, image, &elf->segment[i], base);
	mm->brk_start = mm->brk = brk + randmaps_brk_offset(mm);
	return err;
}

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
static struct thread *finish(const char *name, struct mm *mm, virt_addr_t ip,
			   virt_addr_t sp)
{
	struct thread *t = thread_create(name, mm, ip, sp);

	if (!t)
		mm_put(mm);
	return t;
}

/* Is a static-pie in the user half at this base, with the stack above it? */
static bool pie_fits(const struct mm *mm, const struct elf_image *elf, u64 base)
{
	virt_addr_t first = base + elf->start, end = mm->stack_top - MM_STACK_GAP_MIN;

	return first >= USER_START && first <= end &&
	       elf->brk_start - elf->start <= end - first;
}

/*
 * Its first address, whatever that is in the file, comes to the usual place or, where it
 * does not fit there, below the stack; less what its alignment takes.  The base may be
 * negative.
 */
static int place_pie(const struct mm *mm, const struct elf_image *elf, u64 *base)
{
	virt_addr_t first = (elf->ia32 ? MM_PIE_BASE_IA32 : MM_PIE_BASE) +
			    randmaps_pie_offset(mm, elf->ia32);

	*base = ALIGN_DOWN(first - elf->start, elf->align);
	if (pie_fits(mm, elf, *base))
		return 0;
	*base = ALIGN_DOWN(mm->stack_top - MM_STACK_GAP_MIN - elf->brk_start, elf->align);
	return pie_fits(mm, elf, *base) ? 0 : -ENOEXEC;
}

/*
 * A program that is linked where the stack would be has the stack below it, and the mmap
 * area as far below that as it was.
 */
static int place_stack(struct mm *mm, const struct elf_image *elf)
{
	u64 gap = mm->stack_top - mm->mmap_top;
	virt_addr_t top = mm->stack_top;

	for (unsigned i = 0; i < elf->segment_count;) {
		const struct elf_segment *s = &elf->segment[i++];

		if (s->vaddr >= top || s->vaddr + s->memsz <= top - MM_STACK_GAP_MIN)
			continue;
		top = ALIGN_DOWN(s->vaddr, PAGE_SIZE);
		if (top < USER_START + MM_STACK_GAP_MIN)
			return -ENOEXEC;
		i = 0; /* another may be there */
	}
	if (top != mm->stack_top)
		mm->mmap_top = top - ALIGN_DOWN(MIN(gap, top / 6 * 5), PAGE_SIZE);
	mm->stack_top = top;
	return 0;
}

/* -ENOEXEC: there is no room for the file and a stack. */
static int place(struct mm *mm, const struct elf_image *elf, u64 *base)
{
	mm_init_layout(mm, elf->ia32);
	randmaps_place(mm, elf->ia32);
	return elf->is_pie ? place_pie(mm, elf, base) : place_stack(mm, elf);
}

/* All that the program begins with. */
static int fill_mm(struct mm *mm, const char *shown, const struct start_strings *strings,
		   const u8 *image, const struct elf_image *elf, u64 base, virt_addr_t *sp)
{
	int err;

	err = load_image(mm, image, elf, base);
	if (!err)
		err = add_stack(mm);
	if (!err && elf->ia32)
		err = ia32_vdso_map(mm);
	return err ? err : user_stack_build(mm, shown, strings, elf, base, sp);
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
		complain(why, "init: found segments of %s from %#lx to %#lx, aligned to %#lx, "
			 "expected room for them and %llu MiB of stack", path, elf.start,
			 elf.brk_start, elf.align, MM_STACK_GAP_MIN >> 20);
	if (err && mm)
		mm_put(mm);
	if (err == -E2BIG)
		complain(why, "init: found more arguments for %s than fit, expected at "
			 "most %lu KiB", path, limits_exec_strings() >> 10);
	else if (err && err != -ENOEXEC)
		complain(why, "init: found no memory for %s, expected enough (error %d)",
			 path, err);
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

struct thread *program_load(const char *path, const char *const argv[],
			  const char *const envp[], struct complaint *why)
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
	    mm_map(mm, PROGRAM_DATA_BASE, PROGRAM_DATA_SIZE, VMA_READ | VMA_WRITE,
		   MM_FIXED) < 0 || add_stack(mm)) {
		mm_put(mm);
		return NULL;
	}
	t = finish(name, mm, PROGRAM_CODE_BASE, MM_STACK_TOP);
	if (t)
		thread_regs(t)->di = arg;
	return t;
}
