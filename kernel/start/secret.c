/*
 * The kernel's secret: one sentence in the image's data, which every page table
 * shows that shows the image.  Called by kernel/main.c; printed by kernel/start/banner.c,
 * for the console alone; read, if it can be, by user/meltdown.c.
 */
#include "arch/machine/random.h"
#include "kernel/base/format.h"
#include "kernel/start/secret.h"

#define CHOICES 8

static const char *const words[][CHOICES] = {
	{ "two", "three", "four", "five", "six", "seven", "eight", "nine" },
	{ "grey", "quiet", "old", "small", "sleepy", "clever", "wet", "proud" },
	{ "owls", "cats", "monks", "pages", "ravens", "guards", "moths", "geese" },
	{ "count", "carry", "hide", "polish", "trade", "borrow", "guard", "bury" },
	{ "brass", "iron", "paper", "silver", "rusty", "wooden", "golden", "broken" },
	{ "keys", "coins", "maps", "bells", "masks", "spoons", "seals", "boats" },
};

static char secret[128] __aligned(SECRET_ALIGN);

void secret_draw(void)
{
	u64 r = random_u64();
	const char *word[ARRAY_SIZE(words)];

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++, r /= CHOICES)
		word[i] = words[i][r % CHOICES];
	format(secret, sizeof(secret), SECRET_MARK "%s %s %s %s %s %s", word[0], word[1], word[2],
	       word[3], word[4], word[5]);
}

const char *secret_sentence(void)
{
	return secret + sizeof(SECRET_MARK) - 1;
}
