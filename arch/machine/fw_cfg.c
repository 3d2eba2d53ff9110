/*
 * fw_cfg by its two I/O ports.  Absent in Bochs and on real machines: the
 * signature says so.  Source: QEMU, docs/specs/fw_cfg.rst.
 */
#include "arch/machine/fw_cfg.h"
#include "kernel/base/io.h"
#include "kernel/base/string.h"

#define PORT_SELECT 0x510
#define PORT_DATA 0x511
#define KEY_SIGNATURE 0x00
#define KEY_DIRECTORY 0x19
#define MAX_FILES 1024

/* A directory entry; numbers are big-endian. */
struct __packed entry {
	u32 size;
	u16 key, reserved;
	char name[56];
};

static void read_bytes(void *to, size_t n)
{
	insb(PORT_DATA, to, n);
}

static bool present(void)
{
	char signature[4];

	outw(PORT_SELECT, KEY_SIGNATURE);
	read_bytes(signature, sizeof(signature));
	return memcmp(signature, "QEMU", 4) == 0;
}

bool fw_cfg_find(const char *name, struct fw_cfg_file *file)
{
	struct entry e;
	u32 count;

	if (!present())
		return false;
	outw(PORT_SELECT, KEY_DIRECTORY);
	read_bytes(&count, sizeof(count));
	count = __builtin_bswap32(count);
	for (u32 i = 0; i < MIN(count, MAX_FILES); i++) {
		read_bytes(&e, sizeof(e));
		e.name[sizeof(e.name) - 1] = '\0';
		if (strcmp(e.name, name) != 0)
			continue;
		file->key = __builtin_bswap16(e.key);
		file->size = __builtin_bswap32(e.size);
		return true;
	}
	return false;
}

void fw_cfg_read(const struct fw_cfg_file *file, void *to, size_t n)
{
	outw(PORT_SELECT, file->key);
	read_bytes(to, n);
}
