// SPDX-License-Identifier: Apache-2.0
#include <iolite/memory.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

#define HIGH (4 * IOL_GIB)

static void init(struct iol_memory *mem)
{
	static const struct iol_memory_region regions[] = {
		{ .gpa = 0x1000, .size_bytes = 0x3000 },
		{ .gpa = HIGH, .size_bytes = 2 * IOL_MIB },
	};
	struct iol_error err;

	g_assert_cmpint(iol_memory_init(mem, regions, 2, &err), ==, 0);
	g_assert_cmpuint(mem->size_bytes, ==, 0x3000 + 2 * IOL_MIB);
}

static void test_gate(void)
{
	static const struct {
		uint64_t gpa, len;
		bool valid;
	} cases[] = {
		{ 0x1000, 1, true },
		{ 0x1000, 0x3000, true },
		{ 0x3fff, 1, true },
		{ 0x3000, 0x1000, true },
		{ HIGH, 2 * IOL_MIB, true },
		{ HIGH + 2 * IOL_MIB - 1, 1, true },
		{ HIGH + 0x1000, 2 * IOL_MIB - 0x1000, true },
		{ 0, 1, false },
		{ 0xfff, 1, false },
		{ 0xfff, 2, false },
		{ 0x1000, 0, false },
		{ 0x4000, 0, false },
		{ 0x1000, 0x3001, false },
		{ 0x3fff, 2, false },
		{ 0x4000, 1, false },
		{ 0x3000, HIGH, false },
		{ HIGH - 1, 2, false },
		{ HIGH + 2 * IOL_MIB, 1, false },
		{ HIGH, 2 * IOL_MIB + 1, false },
		{ HIGH, UINT64_MAX, false },
		{ 0x1000, UINT64_MAX, false },
		{ 0x1001, UINT64_MAX - 0x1000, false },
		{ UINT64_MAX, 1, false },
		{ UINT64_MAX, UINT64_MAX, false },
		{ UINT64_MAX - 0xfff, 0x1000, false },
		{ UINT64_MAX - 0xfff, 0x2001, false },
	};
	struct iol_memory mem;

	init(&mem);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		uint8_t *p = iol_memory_ptr(&mem, cases[i].gpa, cases[i].len);

		g_test_message("gpa 0x%" G_GINT64_MODIFIER "x len 0x%" G_GINT64_MODIFIER "x",
			       cases[i].gpa, cases[i].len);
		g_assert_true((p != NULL) == cases[i].valid);
		if (p) { /* both ends are there: the sanitizer or the kernel would tell */
			p[0] = 1;
			p[cases[i].len - 1] = 2;
		}
	}
	iol_memory_finish(&mem);
}

static void test_regions_are_distinct(void)
{
	struct iol_memory mem;
	uint8_t *low, *high;

	init(&mem);
	low = iol_memory_ptr(&mem, 0x3fff, 1);
	high = iol_memory_ptr(&mem, HIGH, 1);
	*low = 0x11;
	*high = 0x22;
	g_assert_cmpint(*low, ==, 0x11);
	iol_memory_finish(&mem);
}

static void test_copy(void)
{
	struct iol_memory mem;
	char text[6] = "";

	init(&mem);
	g_assert_cmpint(iol_memory_write(&mem, 0x3ffa, "hello", 6), ==, 0);
	g_assert_cmpint(iol_memory_read(&mem, 0x3ffa, text, 6), ==, 0);
	g_assert_cmpstr(text, ==, "hello");
	g_assert_cmpint(iol_memory_write(&mem, 0x3ffb, "world", 6), ==, -EFAULT);
	g_assert_cmpint(iol_memory_read(&mem, 0x3ffb, text, 6), ==, -EFAULT);
	g_assert_cmpstr(text, ==, "hello");
	iol_memory_finish(&mem);
}

static void test_clear(void)
{
	static const uint8_t zeros[16];
	struct iol_memory mem;
	struct iol_error err;
	uint8_t buf[16];

	init(&mem);
	iol_memory_write(&mem, 0x1000, "something", 9);
	iol_memory_write(&mem, HIGH + IOL_MIB, "else", 4);
	g_assert_cmpint(iol_memory_clear(&mem, &err), ==, 0);
	iol_memory_read(&mem, 0x1000, buf, sizeof(buf));
	g_assert_cmpmem(buf, sizeof(buf), zeros, sizeof(zeros));
	iol_memory_read(&mem, HIGH + IOL_MIB, buf, sizeof(buf));
	g_assert_cmpmem(buf, sizeof(buf), zeros, sizeof(zeros));
	iol_memory_finish(&mem);
}

/* More than any host has in one piece. */
static void test_too_large(void)
{
	const struct iol_memory_region region = { .gpa = 0, .size_bytes = UINT64_C(1) << 50 };
	struct iol_memory mem;
	struct iol_error err;

	g_assert_cmpint(iol_memory_init(&mem, &region, 1, &err), ==, -ENOMEM);
	g_assert_nonnull(strstr(err.msg, "1024T"));
	iol_memory_finish(&mem);
}

#if UINTPTR_MAX == UINT32_MAX
/* Cut to 32 bits, each of these lengths could be mapped. */
static void test_32_bits(void)
{
	static const uint64_t sizes[] = { 4 * IOL_GIB - 4096, 4 * IOL_GIB, 4 * IOL_GIB + IOL_MIB };
	struct iol_memory mem;
	struct iol_error err;

	for (size_t i = 0; i < IOL_ARRAY_LEN(sizes); i++) {
		const struct iol_memory_region region = { .gpa = 0, .size_bytes = sizes[i] };

		g_assert_cmpint(iol_memory_init(&mem, &region, 1, &err), ==, -ENOMEM);
		g_assert_nonnull(strstr(err.msg, "a 32-bit iolite"));
		iol_memory_finish(&mem);
	}
}
#endif

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/memory/gate", test_gate);
	g_test_add_func("/memory/regions-are-distinct", test_regions_are_distinct);
	g_test_add_func("/memory/copy", test_copy);
	g_test_add_func("/memory/clear", test_clear);
	g_test_add_func("/memory/too-large", test_too_large);
#if UINTPTR_MAX == UINT32_MAX
	g_test_add_func("/memory/32-bits", test_32_bits);
#endif
	return g_test_run();
}
