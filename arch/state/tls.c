/*
 * What a program may put into its TLS descriptors, and how a new one takes effect.
 */
#include "arch/state/tls.h"
#include "arch/state/user_desc.h"
#include "arch/state/user_state.h"
#include "kernel/base/errno.h"
#include "kernel/base/nospec.h"

#define SELECTOR(index) ((u16)((TLS_FIRST + (index)) << 3 | 3))

static bool is_none(const struct user_desc *d)
{
	return user_desc_is_empty(d) || user_desc_is_zero(d);
}

/* Present 32-bit data segments only: 16-bit stacks want an LDT (ESPFIX). */
bool tls_is_allowed(const struct user_desc *d)
{
	return is_none(d) || ((d->flags & USER_DESC_32BIT) && !(d->flags & USER_DESC_NOT_PRESENT) &&
			      (d->flags & USER_DESC_CONTENTS) < USER_DESC_CODE);
}

int tls_free_entry(const struct task_tls *tls)
{
	for (int i = 0; i < TLS_ENTRIES; i++)
		if (!tls->desc[i])
			return TLS_FIRST + i;
	return -ESRCH;
}

/* Registers that hold the selector must get the new descriptor. */
static void refresh(u16 selector)
{
	if (read_ds() == selector)
		segment_load_ds(selector);
	if (read_es() == selector)
		segment_load_es(selector);
	if (read_fs() == selector)
		segment_load_fs(selector);
	if (read_gs() == selector)
		segment_load_gs(selector);
}

int tls_set(struct user_state *u, const struct user_desc *d, bool runs)
{
	u64 index = d->entry_number - TLS_FIRST, flags;

	if (index >= TLS_ENTRIES)
		return -EINVAL;
	index = array_index_nospec(index, TLS_ENTRIES);
	u->tls.desc[index] = is_none(d) ? 0 : user_desc_pack(d);
	if (runs) {
		flags = interrupts_save();
		tls_load(this_cpu(), &u->tls);
		refresh(SELECTOR(index));
		interrupts_restore(flags);
		return 0;
	}
	if (u->fs == SELECTOR(index))
		u->fs_base = d->base_addr;
	if (u->gs == SELECTOR(index))
		u->gs_base = d->base_addr;
	return 0;
}

int tls_get(const struct task_tls *tls, u32 entry, struct user_desc *d)
{
	u64 index = entry - TLS_FIRST;

	if (index >= TLS_ENTRIES)
		return -EINVAL;
	*d = user_desc_unpack(tls->desc[array_index_nospec(index, TLS_ENTRIES)]);
	d->entry_number = entry;
	return 0;
}
