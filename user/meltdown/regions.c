/*
 * regions.c: the kernel half, region by region.  RAM's direct map is asked at one
 * page in 32, or less, the 128 TiB that should be empty at one address in each PGD slot;
 * of the rest each page is asked that may be there.
 */
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "far_return.h"
#include "regions.h"
#undef PAGE_SIZE
#include "../../kernel/base/layout.h"

#define MIDDLE 0x800 /* of a page: no neighbour need be mapped */
#define CHUNK 256
#define DIRECT_MAP_MOST 8192
#define PGD_SLOT_BYTES (1ul << 39)

struct region regions[NR_REGIONS] = {
	[REGION_DIRECT_MAP] = { .name = "direct map", .start = DIRECT_MAP_BASE,
				.step = 32 * PAGE_BYTES },
	[REGION_STACKS] = { .name = "task stacks", .start = VMAP_BASE, .step = PAGE_BYTES,
			    .count = 256 * STACK_CELL / PAGE_BYTES },
	[REGION_LDT] = { .name = "LDT", .start = PROCESS_ENTRY_BASE, .step = PAGE_BYTES,
			 .count = 64, .gate = true },
	[REGION_ESPFIX] = { .name = "ESPFIX stacks", .start = ESPFIX_BASE,
			    .step = PAGE_BYTES, .count = ESPFIX_STRIDE / PAGE_BYTES,
			    .gate = true },
	[REGION_IDT] = { .name = "IDT, entry text", .start = CEA_SHARED_BASE,
			 .step = PAGE_BYTES, .count = 16, .gate = true },
	[REGION_AREAS] = { .name = "entry areas", .start = CEA_BASE, .step = PAGE_BYTES,
			   .gate = true },
	[REGION_VAULTS] = { .name = "cpu vaults", .start = VAULT_BASE, .step = CEA_STRIDE,
			    .count = NR_CPUS },
	[REGION_IMAGE] = { .name = "kernel image", .start = KERNEL_BASE,
			   .step = PAGE_BYTES, .count = 2048 },
	[REGION_REST] = { .name = "elsewhere", .start = KERNEL_HALF + PGD_SLOT_BYTES / 2,
			  .step = PGD_SLOT_BYTES, .count = PGD_FIRST_KERNEL_SLOT },
};

static void ask(struct region *r)
{
	int32_t word[CHUNK];

	for (unsigned done = 0; done < r->count; done += CHUNK) {
		unsigned n = r->count - done < CHUNK ? r->count - done : CHUNK;
		uint64_t at = r->start + done * r->step;

		far_return_scan(at + MIDDLE, r->step, n, word);
		for (unsigned i = 0; i < n; i++) {
			if (word[i] == NO_ANSWER)
				continue;
			if (r->answers++ == 0)
				r->first = at + i * r->step;
			r->last = at + i * r->step;
		}
	}
}

/* Up to the last area that answers where each has its TSS: roots=cpu shows one. */
static unsigned areas(void)
{
	unsigned end = 0;

	for (unsigned n = 0; n < NR_CPUS; n++)
		if (far_return_word(CEA_BASE + n * CEA_STRIDE + CEA_TSS_PAGE + MIDDLE) != NO_ANSWER)
			end = n + 1;
	return end;
}

void regions_ask(void)
{
	struct region *ram = &regions[REGION_DIRECT_MAP];
	struct sysinfo info;

	if (sysinfo(&info))
		abort();
	while (info.totalram * info.mem_unit / ram->step > DIRECT_MAP_MOST)
		ram->step *= 2;
	ram->count = (unsigned)(info.totalram * info.mem_unit / ram->step);
	regions[REGION_AREAS].count = areas() * (CEA_STRIDE / PAGE_BYTES);
	for (unsigned i = 0; i < NR_REGIONS; i++)
		ask(&regions[i]);
}
