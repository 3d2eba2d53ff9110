/*
 * Faults that the sanitizing build must stop at, one a suite.  This file is
 * instrumented as the kernel is; tests/sanitize/faults.cfg says what each must print.
 * What is behind the fault is only reached if it was not seen.
 */
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/make.h"
#include "kernel/start/selftest.h"
#include "kernel/task/task.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/space/pieces.h"
#include "mm/space/vma.h"
#include "mm/space/vmap.h"
#include "tests/sanitize/sanitize.h"

/* The compiler does not know what it is. */
static u64 unknown(u64 v)
{
	__asm__ volatile("" : "+r"(v));
	return v;
}

static void *unknown_pointer(const void *p)
{
	return (void *)unknown((u64)p);
}

static void unseen(struct selftest *t, u64 v)
{
	EXPECT(t, false, "the fault is seen");
	selftest_note("it came to %#lx", v);
}

static void never_runs(void *arg __unused)
{
}

/* Its frame has been given back. */
static struct task *dead_task(void)
{
	struct task *task = task_create("planted", never_runs, NULL);

	ASSERT(task);
	task_put(task);
	return unknown_pointer(task);
}

static struct process *new_process(void)
{
	struct process *p = process_create(NULL, NULL);

	ASSERT(p);
	return unknown_pointer(p);
}

static struct mm *mm_with_areas(unsigned n)
{
	struct mm *mm = mm_alloc();

	ASSERT(mm);
	for (unsigned i = 0; i < n; i++) {
		struct vma vma = { .start = USER_START + 2 * i * PAGE_SIZE };

		vma.end = vma.start + PAGE_SIZE;
		ASSERT_OP(vma_prepare(mm, 1), ==, 0);
		vma_insert(mm, &vma);
	}
	return unknown_pointer(mm);
}

static pte_t *new_table(void)
{
	struct mm *mm = mm_with_areas(0);
	pte_t *entry = pti_user_pte(mm->pgd, USER_START, true);

	ASSERT(entry);
	return unknown_pointer((pte_t *)ALIGN_DOWN((u64)entry, PAGE_SIZE));
}

/* ---- After it was given back ------------------------------------------------------------ */

static void task_after_free(struct selftest *t)
{
	unseen(t, dead_task()->holds);
}

static void task_written_after_free(struct selftest *t)
{
	dead_task()->work_due = true;
	unseen(t, 0);
}

static void task_copied_after_free(struct selftest *t)
{
	char name[sizeof(((struct task *)0)->name)];

	memcpy(name, dead_task()->name, sizeof(name));
	unseen(t, (u64)name[0]);
}

/* Other frames were taken and given back in between. */
static void task_long_after_free(struct selftest *t)
{
	struct task *task = dead_task();

	for (unsigned i = 0; i < 1000; i++) {
		phys_addr_t pa = frame_alloc_zeroed();

		frame_free(pa);
	}
	unseen(t, task->holds);
}

static void task_freed_twice(struct selftest *t)
{
	frame_free(virt_to_phys(dead_task()));
	unseen(t, 0);
}

static void table_after_free(struct selftest *t)
{
	struct mm *mm = mm_with_areas(0);
	pte_t *pgd = unknown_pointer(mm->pgd);

	mm_put(mm);
	unseen(t, pgd[0]);
}

static void piece_after_free(struct selftest *t)
{
	u64 *piece, flags = spin_lock(&process_lock);

	piece = unknown_pointer(piece_alloc());
	piece_free(piece);
	spin_unlock(&process_lock, flags);
	unseen(t, piece[1]);
}

static void stack_after_free(struct selftest *t)
{
	virt_addr_t top = vmap_alloc_stack(TASK_STACK_SIZE);

	ASSERT(top);
	vmap_free_stack(top, TASK_STACK_SIZE);
	unseen(t, *(u64 *)unknown(top - 8));
}

/* ---- Beyond its end --------------------------------------------------------------------- */

static void task_overrun(struct selftest *t)
{
	struct task *task = task_create("planted", never_runs, NULL);

	ASSERT(task);
	*(u8 *)(unknown((u64)task) + sizeof(*task)) = 1;
	unseen(t, 0);
}

static void process_overrun(struct selftest *t)
{
	memset(new_process(), 0, sizeof(struct process) + unknown(8));
	unseen(t, 0);
}

static void vma_overrun(struct selftest *t)
{
	struct mm *mm = mm_with_areas(3);

	unseen(t, mm->areas.root.vma[unknown(3)].start);
}

static void vma_array_overrun(struct selftest *t)
{
	struct mm *mm = mm_with_areas(3);

	unseen(t, mm->areas.root.vma[unknown(NODE_AREAS)].start);
}

static void table_overrun(struct selftest *t)
{
	unseen(t, new_table()[unknown(PT_ENTRIES)]);
}

static void table_set_too_far(struct selftest *t)
{
	pte_t *table = new_table();

	for (u64 i = 0; i <= PT_ENTRIES; i++)
		table[unknown(i)] = 0;
	unseen(t, 0);
}

static void global_overrun(struct selftest *t)
{
	static char eleven_bytes[11];
	char *p = unknown_pointer(eleven_bytes);

	unseen(t, (u64)p[11]);
}

static void local_index(struct selftest *t)
{
	char local[11];

	memset(local, 0, sizeof(local));
	unseen(t, (u64)local[unknown(11)]);
}

static void below_a_stack(struct selftest *t)
{
	virt_addr_t top = vmap_alloc_stack(TASK_STACK_SIZE);

	ASSERT(top);
	unseen(t, *(u64 *)unknown(top - TASK_STACK_SIZE - 8));
}

/* ---- Where no pointer may lead ---------------------------------------------------------- */

static void null_pointer(struct selftest *t)
{
	const struct task *task = unknown_pointer(NULL);

	unseen(t, (u64)task->cpu);
}

static void null_and_offset(struct selftest *t)
{
	unseen(t, *(u64 *)unknown(0x18));
}

static void user_memory(struct selftest *t)
{
	unseen(t, *(u64 *)unknown(USER_START));
}

static void poisoned_pointer(struct selftest *t)
{
	unseen(t, *(u64 *)unknown(FRAME_POISON));
}

static void poisoned_byte_pointer(struct selftest *t)
{
	unseen(t, *(u8 *)unknown(FRAME_POISON));
}

static void unaligned_pointer(struct selftest *t)
{
	static u64 words[2];

	unseen(t, *(u64 *)unknown((u64)words + 4));
}

/* ---- Undefined -------------------------------------------------------------------------- */

static void shift_too_far(struct selftest *t)
{
	unseen(t, BIT(unknown(64)));
}

static void shift_of_sign(struct selftest *t)
{
	unseen(t, (u64)((int)unknown(3) << 31));
}

static void signed_overflow(struct selftest *t)
{
	unseen(t, (u64)((int)unknown(0x7fffffff) + 1));
}

static void signed_product(struct selftest *t)
{
	unseen(t, (u64)((s64)unknown(1ULL << 62) * 2));
}

static void negated_least(struct selftest *t)
{
	unseen(t, (u64)-(s64)unknown(1ULL << 63));
}

static void divided_by_zero(struct selftest *t)
{
	unseen(t, 7 / unknown(0));
}

static void neither_true_nor_false(struct selftest *t)
{
	static u8 byte = 2;

	unseen(t, *(bool *)unknown_pointer(&byte));
}

static void unreachable(struct selftest *t)
{
	if (unknown(1))
		__builtin_unreachable();
	unseen(t, 0);
}

#define FAULTS(DO)                 \
	DO(task_after_free)        \
	DO(task_written_after_free) \
	DO(task_copied_after_free) \
	DO(task_long_after_free)   \
	DO(task_freed_twice)       \
	DO(table_after_free)       \
	DO(piece_after_free)       \
	DO(stack_after_free)       \
	DO(task_overrun)           \
	DO(process_overrun)        \
	DO(vma_overrun)            \
	DO(vma_array_overrun)      \
	DO(table_overrun)          \
	DO(table_set_too_far)      \
	DO(global_overrun)         \
	DO(local_index)            \
	DO(below_a_stack)          \
	DO(null_pointer)           \
	DO(null_and_offset)        \
	DO(user_memory)            \
	DO(poisoned_pointer)       \
	DO(poisoned_byte_pointer)  \
	DO(unaligned_pointer)      \
	DO(shift_too_far)          \
	DO(shift_of_sign)          \
	DO(signed_overflow)        \
	DO(signed_product)         \
	DO(negated_least)          \
	DO(divided_by_zero)        \
	DO(neither_true_nor_false) \
	DO(unreachable)

#define SUITE(name)                                                              \
	static const struct selftest_case name##_case[] = { { "it is seen", name } }; \
	SELFTEST_SUITE_THAT_PANICS(sanitize_##name, name##_case);

FAULTS(SUITE)
