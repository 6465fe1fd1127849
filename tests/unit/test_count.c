// SPDX-License-Identifier: Apache-2.0
/* A counter in halves, as hosts of 32 bits have it: it never goes back, and never skips what was not counted. */
#define IOL_COUNT_HALVES 1
#include <iolite/count.h>

#include <glib.h>
#include <stdbool.h>

static void set(struct iol_count *count, uint64_t value)
{
	atomic_store(&count->begun, (uint32_t)(value >> 32));
	atomic_store(&count->upper, (uint32_t)(value >> 32));
	atomic_store(&count->low, (uint32_t)value);
}

static void test_carry(void)
{
	struct iol_count count = { 0 };

	g_assert_cmpuint(iol_count_get(&count), ==, 0);
	iol_count_add_one(&count);
	g_assert_cmpuint(iol_count_get(&count), ==, 1);
	set(&count, UINT64_C(0x5fffffffe));
	iol_count_add_one(&count);
	g_assert_cmpuint(iol_count_get(&count), ==, UINT64_C(0x5ffffffff));
	iol_count_add_one(&count);
	g_assert_cmpuint(iol_count_get(&count), ==, UINT64_C(0x600000000));
	iol_count_add_one(&count);
	g_assert_cmpuint(iol_count_get(&count), ==, UINT64_C(0x600000001));
}

/* Whoever reads in the middle of a carry knows the value, whatever the lower half says. */
static void test_in_the_middle(void)
{
	struct iol_count count = { 0 };

	set(&count, UINT64_C(0x5ffffffff));
	atomic_store(&count.begun, 6);
	g_assert_cmpuint(iol_count_get(&count), ==, UINT64_C(0x600000000));
	atomic_store(&count.low, 0);
	g_assert_cmpuint(iol_count_get(&count), ==, UINT64_C(0x600000000));
}

enum { ROUNDS = 2000, AROUND = 100 };

static struct shared {
	struct iol_count count;
	atomic_bool done;
} shared;

/* Over and over where it carries. */
static gpointer write_counts(gpointer data)
{
	struct shared *s = data;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		for (unsigned int j = 0; j < 2 * AROUND; j++)
			iol_count_add_one(&s->count);
		/* A writer that has counted on for long. */
		atomic_store_explicit(&s->count.low, UINT32_MAX - AROUND, memory_order_release);
	}
	atomic_store(&s->done, true);
	return NULL;
}

static void test_threads(void)
{
	g_autoptr(GThread) writer = NULL;
	uint64_t last = 0;

	set(&shared.count, UINT32_MAX - AROUND);
	writer = g_thread_new("writer", write_counts, &shared);
	while (!atomic_load(&shared.done)) {
		uint64_t now = iol_count_get(&shared.count);
		uint32_t low = (uint32_t)now;

		g_assert_cmpuint(now, >=, last);
		g_assert_true(low <= 2 * AROUND || low >= UINT32_MAX - AROUND);
		last = now;
	}
	g_thread_join(g_steal_pointer(&writer));
	g_assert_cmpuint(iol_count_get(&shared.count) >> 32, ==, ROUNDS);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/count/carry", test_carry);
	g_test_add_func("/count/in-the-middle", test_in_the_middle);
	g_test_add_func("/count/threads", test_threads);
	return g_test_run();
}
