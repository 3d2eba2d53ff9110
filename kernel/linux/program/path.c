/*
 * Paths as programs give them: copied in, and the one name that is not in the
 * initramfs.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/program/path.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

static_assert(PATH_MAX <= PAGE_SIZE, "a path is kept in a frame");

long path_get(virt_addr_t from, char **path)
{
	phys_addr_t pa;
	long n;

	while ((pa = frame_alloc()) == NO_FRAME)
		if (!oom_make_room(OOM_TOUCHES, 0))
			return -ENOMEM;
	*path = phys_to_virt(pa);
	n = copy_string_from_user(*path, from, PATH_MAX);
	if (n > 0 && n < PATH_MAX)
		return 0;
	path_put(*path);
	return n < 0 ? n : n == 0 ? -ENOENT : -ENAMETOOLONG;
}

void path_put(char *path)
{
	frame_free(virt_to_phys(path));
}

bool path_is_self_exe(const char *path)
{
	return strcmp(path, "/proc/self/exe") == 0;
}
