/*
 * Test of mm/frames/slab.c: objects of several sizes against a plain array, where frames
 * go, and what must panic.
 */
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/frames/slab.h"
#include "tests/host/arena.h"
#include "tests/host/host.h"

#include <string.h>

#define N 500 /* objects at most */

static u64 bitmap[512];

static void begin(u64 frames)
{
	arena_make(1 << 20);
	memset(bitmap, 0, sizeof(bitmap));
	frame_init(bitmap, 1 << 20);
	frame_add_range(0x10000, 0x10000 + frames * PAGE_SIZE);
}

static u64 used(void)
{
	return frame_stats().total - frame_stats().free;
}

static struct slab make(u32 size)
{
	return (struct slab){ .name = "thing", .size = size };
}

static bool is_full_of(const u8 *object, u32 size, u8 byte)
{
	for (u32 i = 0; i < size; i++)
		if (object[i] != byte)
			return false;
	return true;
}

static u8 *objects[N];
static u8 contents[N];

/* Takes or gives back a random one. */
static void step(struct slab *s, unsigned i)
{
	if (objects[i]) {
		CHECK(is_full_of(objects[i], s->size, contents[i]));
		slab_free(s, objects[i]);
		objects[i] = NULL;
		return;
	}
	objects[i] = slab_alloc(s);
	CHECK(objects[i] && (u64)objects[i] % SLAB_UNIT == 0);
	CHECK(is_full_of(objects[i], s->size, 0));
	contents[i] = (u8)(1 + host_random() % 255);
	memset(objects[i], contents[i], s->size);
}

static void try_size(u32 size)
{
	struct slab s = make(size);
	u64 in_use = 0, a_frame = SLAB_MOST / ALIGN_UP(size, SLAB_UNIT);

	begin(200);
	for (unsigned n = 0; n < 4000; n++) {
		unsigned i = (unsigned)(host_random() % (n / 1000 % 2 ? N / 20 : N / 3));

		in_use += objects[i] ? -1ULL : 1;
		step(&s, i);
		CHECK_EQ(s.objects, in_use);
		CHECK(used() * a_frame >= in_use);
	}
	for (unsigned i = 0; i < N; i++)
		if (objects[i])
			step(&s, i);
	CHECK_EQ(s.objects, 0);
	CHECK_EQ(used(), 0);
	arena_free();
}

static void test_random(void)
{
	static const u32 sizes[] = { 1, 64, 65, 192, 200, 1000, 2016, 2017, SLAB_MOST };

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		try_size(sizes[i]);
}

static void test_frames_full(void)
{
	struct slab s = make(128);
	u64 n = 0;

	begin(3);
	for (void *object; (object = slab_alloc(&s)) != NULL; n++)
		objects[n] = object;
	CHECK_EQ(n, 3 * 31);
	CHECK_EQ(used(), 3);
	CHECK(!slab_alloc(&s));
	slab_free(&s, objects[40]);
	CHECK_EQ(slab_alloc(&s), objects[40]);
	for (u64 i = 0; i < n; i++) {
		slab_free(&s, objects[i]);
		objects[i] = NULL;
	}
	slab_free(&s, NULL);
	CHECK_EQ(used(), 0);
	arena_free();
}

static void test_poison(void)
{
	struct slab s = make(100);
	u8 *a, *b;

	begin(2);
	a = slab_alloc(&s);
	b = slab_alloc(&s);
	memset(b, 7, 100);
	slab_free(&s, a);
	CHECK(is_full_of(a, 100, FRAME_POISON & 0xff));
	CHECK(is_full_of(b, 100, 7));
	CHECK(is_full_of(slab_alloc(&s), 100, 0));
	arena_free();
}

static struct slab things, others;

static void do_free(void *object)
{
	slab_free(&things, object);
}

static const char *free_panics(void *object)
{
	const char *text = arena_catch(do_free, object);

	return text ? text : "(it returned)";
}

static void test_panics(void)
{
	u8 *a, *b, *c;

	begin(4);
	things = make(128);
	others = make(128);
	a = slab_alloc(&things);
	b = slab_alloc(&things);
	c = slab_alloc(&others);
	slab_free(&things, b);
	CHECK_HAS(free_panics(b), "of 'thing' given back twice");
	CHECK_HAS(free_panics(c), "expected an object of 'thing'");
	CHECK_HAS(free_panics(a + 64), "expected an object of 'thing'");
	CHECK_HAS(free_panics((u8 *)ALIGN_DOWN((u64)a, PAGE_SIZE)), "expected an object of");
	CHECK_HAS(free_panics((u8 *)ALIGN_DOWN((u64)a, PAGE_SIZE) + 4032), "expected an object of");
	CHECK_EQ(things.objects, 1);
	CHECK(!arena_catch(do_free, a));
	CHECK_HAS(free_panics(a), "expected an object of 'thing'"); /* its frame is gone */
	slab_free(&others, c);
	CHECK_EQ(used(), 0);
	arena_free();
}

const struct host_case host_cases[] = {
	{ "objects of any size are zero, their own, and back in the end with their frames",
	  test_random },
	{ "all room of a frame is used, and without a frame there is none", test_frames_full },
	{ "what was given back is poison, and its neighbour is not", test_poison },
	{ "what must not be given back panics, and nothing changes", test_panics },
	{ NULL, NULL }
};
