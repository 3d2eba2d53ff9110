/*
 * Making processes: from a file of the initramfs, or from bare code.  The
 * address space is filled from the kernel's side (mm_write()), before the
 * first instruction runs.  Called by kernel/main.c and tests/.
 * Read next: kernel/elf.c, kernel/user_stack.c.
 */
#include "kernel/cpio.h"
#include "kernel/elf.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/user_stack.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"

static const void *archive;
static size_t archive_size;
static int last_pid = 1;

void process_set_initramfs(const void *at, size_t size)
{
	archive = at;
	archive_size = size;
}

static int find_file(const char *path, struct cpio_file *file, struct complaint *why)
{
	int err;

	if (!archive_size)
		return complain(why, "init: found no initramfs, expected one with %s", path);
	err = cpio_find(archive, archive_size, path, file, why);
	if (!err && (file->mode & CPIO_TYPE_MASK) != CPIO_TYPE_REGULAR)
		err = complain(why, "init: found that %s is no regular file, expected "
			       "a program", path);
	return err;
}

bool process_exists(const char *path)
{
	struct cpio_file file;
	struct complaint why;

	return find_file(path, &file, &why) == 0;
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

	err = mm_map(mm, start, size, prot, true);
	if (err < 0)
		return (int)err;
	if (skew > s->offset) /* cannot be: congruent and in the file */
		skew = 0;
	return mm_write(mm, start, image + s->offset - skew, s->filesz + skew);
}

static int load_image(struct mm *mm, const u8 *image, const struct elf_image *elf,
		      u64 base)
{
	virt_addr_t brk = ALIGN_UP(base + elf->brk_start, PAGE_SIZE);
	int err = 0;

	for (unsigned i = 0; !err && i < elf->segment_count; i++)
		err = load_segment(mm, image, &elf->segment[i], base);
	mm->brk_start = mm->brk = brk;
	return err;
}

static int add_stack(struct mm *mm)
{
	long at = mm_map(mm, MM_STACK_TOP - MM_STACK_SIZE, MM_STACK_SIZE,
			 VMA_READ | VMA_WRITE, true);

	return at < 0 ? (int)at : 0;
}

/* The task of a filled address space; frees the latter if there is no memory. */
static struct task *finish(const char *name, struct mm *mm, virt_addr_t ip,
			   virt_addr_t sp)
{
	struct task *t = task_create_user(name, mm, ip, sp);

	if (!t)
		mm_free(mm);
	return t;
}

struct task *process_load(const char *path, const char *const argv[],
			  const char *const envp[], struct complaint *why)
{
	const char *name = strchr(path + 1, '/') ? strchr(path + 1, '/') + 1 : path + 1;
	struct cpio_file file;
	struct elf_image elf;
	struct mm *mm;
	struct task *t;
	virt_addr_t sp;
	u64 base;
	int err;

	if (find_file(path, &file, why) || elf_parse(file.data, file.size, &elf, why))
		return NULL;
	base = elf.is_pie ? MM_PIE_BASE : 0;
	if (elf.brk_start > MM_MMAP_TOP - base) {
		complain(why, "init: found segments of %s up to %#lx, expected them below "
			 "%#llx", path, elf.brk_start, MM_MMAP_TOP - base);
		return NULL;
	}
	mm = mm_alloc();
	err = mm ? load_image(mm, file.data, &elf, base) : -ENOMEM;
	if (!err)
		err = add_stack(mm);
	if (!err)
		err = user_stack_build(mm, path, argv, envp, &elf, base, &sp);
	if (err && mm)
		mm_free(mm);
	t = err ? NULL : finish(name, mm, base + elf.entry, sp);
	if (err == -E2BIG)
		complain(why, "init: found more arguments for %s than fit, expected at "
			 "most 12 KiB", path);
	else if (!t)
		complain(why, "init: found no memory for %s, expected enough (error %d)",
			 path, err);
	return t;
}

struct task *process_from_code(const char *name, const void *code, size_t size, u64 arg)
{
	struct mm *mm = mm_alloc();
	struct task *t;

	if (!mm)
		return NULL;
	if (mm_map(mm, PROCESS_CODE_BASE, size, VMA_READ | VMA_EXEC, true) < 0 ||
	    mm_write(mm, PROCESS_CODE_BASE, code, size) ||
	    mm_map(mm, PROCESS_DATA_BASE, PROCESS_DATA_SIZE, VMA_READ | VMA_WRITE,
		   true) < 0 || add_stack(mm)) {
		mm_free(mm);
		return NULL;
	}
	t = finish(name, mm, PROCESS_CODE_BASE, MM_STACK_TOP);
	if (t)
		task_regs(t)->di = arg;
	return t;
}

int process_next_pid(void)
{
	return __atomic_add_fetch(&last_pid, 1, __ATOMIC_RELAXED);
}

void process_start(struct task *t, int pid)
{
	t->pid = pid;
	t->ppid = pid == 1 ? 0 : 1;
	sched_start(t);
}
