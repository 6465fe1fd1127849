// SPDX-License-Identifier: Apache-2.0
/* Chains through indirect tables (virtio-v1.2 2.7.5.3): every rule of the header, one case at least each. */
#include "chain_rig.h"

/* --- indirect tables: 2.7.5.3 --- */

static void test_indirect(void)
{
	struct rig r;

	init(&r);
	for (uint16_t i = 0; i < SIZE; i++)
		rig_put_in(&r, TABLE, i, RIG_DATA + i, i + 1,
			   (i < 2 ? 0 : WRITE) | (i + 1 < SIZE ? NEXT : 0), (uint16_t)(i + 1));
	rig_put(&r, 4, TABLE, SIZE * DESC_BYTES, INDIRECT, 0xffff);
	rig_show_head(&r, 4);
	g_assert_cmpuint(rig_take(&r), ==, 4);
	assert_shape(&r, 2, 3, 6, 33);
	for (unsigned int i = 0; i < SIZE; i++)
		assert_part(&r, i, RIG_DATA + i, i + 1);
	rig_finish(&r);
}

/* 2.7.5.3.2: the device must ignore the write-only flag of what refers to a table. */
static void test_indirect_write_ignored(void)
{
	struct rig r;

	init(&r);
	rig_put_in(&r, TABLE, 0, RIG_DATA, 1, NEXT, 1);
	rig_put_in(&r, TABLE, 1, RIG_DATA + 1, 1, WRITE, 0);
	rig_put(&r, 0, TABLE, 2 * DESC_BYTES, INDIRECT | WRITE, 0);
	rig_show_head(&r, 0);
	rig_take(&r);
	assert_shape(&r, 1, 1, 1, 1);
	rig_finish(&r);
}

/* 2.7.5.3.2: the device must handle zero or more normal descriptors before the table. */
static void test_direct_then_indirect(void)
{
	struct rig r;

	init(&r);
	for (uint16_t direct = 0; direct < SIZE; direct++) {
		again(&r);
		for (uint16_t i = 0; i < direct; i++)
			rig_put(&r, i, RIG_DATA + i, 1, NEXT, (uint16_t)(i + 1));
		rig_put(&r, direct, TABLE, DESC_BYTES, INDIRECT | WRITE, 0);
		rig_put_in(&r, TABLE, 0, RIG_DATA + 64, 2, WRITE, 0);
		rig_show_head(&r, 0);
		rig_take(&r);
		assert_shape(&r, direct, direct, 1, 2);
		assert_part(&r, direct, RIG_DATA + 64, 2);
	}
	rig_finish(&r);
}

/* 2.7.5.3.1: a chain is not longer than the queue, in whatever tables its descriptors are. */
static void test_mixed_length(void)
{
	struct rig r;

	init(&r);
	for (uint16_t direct = 0; direct < SIZE; direct++) {
		for (uint16_t in_table = 1; in_table <= SIZE; in_table++) {
			again(&r);
			for (uint16_t i = 0; i < direct; i++)
				rig_put(&r, i, RIG_DATA, 1, NEXT, (uint16_t)(i + 1));
			rig_put(&r, direct, TABLE, in_table * DESC_BYTES, INDIRECT, 0);
			for (uint16_t i = 0; i < in_table; i++)
				rig_put_in(&r, TABLE, i, RIG_DATA, 1, i + 1 < in_table ? NEXT : 0,
					   (uint16_t)(i + 1));
			rig_show_head(&r, 0);
			if (direct + in_table > SIZE)
				rig_assert_broken(&r, "longer than the 8 entries");
			else
				g_assert_cmpuint(rig_take(&r), ==, 0);
		}
	}
	rig_finish(&r);
}

/* Order and total length hold over both tables. */
static void test_rules_across_tables(void)
{
	struct rig r;

	init(&r);
	rig_put(&r, 0, RIG_DATA, 1, NEXT | WRITE, 1);
	rig_put(&r, 1, TABLE, DESC_BYTES, INDIRECT, 0);
	rig_put_in(&r, TABLE, 0, RIG_DATA, 1, 0, 0);
	rig_show_head(&r, 0);
	rig_assert_broken(&r, "readable part behind");
	rig_finish(&r);
}

/* 2.7.5.3.1 */
static void test_indirect_not_negotiated(void)
{
	struct rig r;

	rig_init(&r, SIZE, false, false);
	rig_put_in(&r, TABLE, 0, RIG_DATA, 1, 0, 0);
	rig_put(&r, 0, TABLE, DESC_BYTES, INDIRECT, 0);
	rig_show_head(&r, 0);
	rig_assert_broken(&r, "not negotiated");
	rig_finish(&r);
}

/* G6, 2.7.5.3.1 */
static void test_indirect_in_indirect(void)
{
	struct rig r;

	init(&r);
	for (uint16_t flags = INDIRECT; flags < 8; flags++) {
		again(&r);
		rig_put_in(&r, TABLE, 0, RIG_DATA, 1, NEXT, 1);
		rig_put_in(&r, TABLE, 1, TABLE + 0x100, DESC_BYTES, flags, 0);
		rig_put_in(&r, TABLE + 0x100, 0, RIG_DATA, 1, 0, 0);
		rig_put(&r, 0, TABLE, 2 * DESC_BYTES, INDIRECT, 0);
		rig_show_head(&r, 0);
		rig_assert_broken(&r, "table in an indirect table");
	}
	rig_finish(&r);
}

static void test_indirect_with_next(void)
{
	struct rig r;

	init(&r);
	rig_put_in(&r, TABLE, 0, RIG_DATA, 1, 0, 0);
	rig_put(&r, 0, TABLE, DESC_BYTES, INDIRECT | NEXT, 1);
	rig_put(&r, 1, RIG_DATA, 1, 0, 0);
	rig_show_head(&r, 0);
	rig_assert_broken(&r, "NEXT beside");
	rig_finish(&r);
}

static void test_table_length(void)
{
	struct rig r;

	init(&r);
	rig_put_in(&r, TABLE, 0, RIG_DATA, 1, 0, 0);
	for (uint32_t len = 0; len <= (SIZE + 2) * DESC_BYTES; len++) {
		char text[64];

		again(&r);
		rig_put(&r, 0, TABLE, len, INDIRECT, 0);
		rig_show_head(&r, 0);
		if (len && len % DESC_BYTES == 0 && len <= SIZE * DESC_BYTES) {
			rig_take(&r);
			continue;
		}
		g_snprintf(text, sizeof(text), "table of %u bytes, and 1 to 8", len);
		rig_assert_broken(&r, text);
	}
	again(&r);
	rig_put(&r, 0, TABLE, UINT32_MAX - 15, INDIRECT, 0);
	rig_show_head(&r, 0);
	rig_assert_broken(&r, "table of 4294967280 bytes");
	rig_finish(&r);
}

/* All of the table is in RAM, also what is not used; it lies at any address. */
static void test_table_place(void)
{
	struct rig r;

	init(&r);
	for (uint64_t off = 0; off <= 64; off++) {
		uint64_t table = RIG_DATA_END - 48 + off - 16;

		again(&r);
		rig_put_in(&r, table, 1, RIG_DATA + 2, 4, WRITE, 0);
		rig_put_in(&r, table, 0, RIG_DATA + 1, 3, NEXT, 1);
		rig_put(&r, 0, table, 3 * DESC_BYTES, INDIRECT, 0);
		rig_show_head(&r, 0);
		if (table + 48 > RIG_DATA_END) {
			rig_assert_broken(&r, "table of 48 bytes at 0x1");
			continue;
		}
		rig_take(&r);
		assert_shape(&r, 1, 3, 1, 4);
		assert_part(&r, 0, RIG_DATA + 1, 3);
		assert_part(&r, 1, RIG_DATA + 2, 4);
	}
	rig_finish(&r);
}

/* The bound is the table's own. */
static void test_next_bound_in_table(void)
{
	static const uint16_t wrong[] = { 3, 4, SIZE - 1, SIZE, 0xffff };
	struct rig r;

	init(&r);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(wrong); i++) {
		char text[64];

		again(&r);
		rig_put_in(&r, TABLE, 0, RIG_DATA, 1, NEXT, wrong[i]);
		rig_put(&r, 0, TABLE, 3 * DESC_BYTES, INDIRECT, 0);
		rig_show_head(&r, 0);
		g_snprintf(text, sizeof(text), "next is %u in a table of 3 entries", wrong[i]);
		rig_assert_broken(&r, text);
	}
	again(&r);
	rig_put_in(&r, TABLE, 0, RIG_DATA, 1, NEXT, 2);
	rig_put_in(&r, TABLE, 2, RIG_DATA, 1, NEXT, 1);
	rig_put_in(&r, TABLE, 1, RIG_DATA, 1, 0, 0);
	rig_put(&r, 0, TABLE, 3 * DESC_BYTES, INDIRECT, 0);
	rig_show_head(&r, 0);
	rig_take(&r);
	assert_shape(&r, 3, 3, 0, 0);
	rig_finish(&r);
}

static void test_loop_in_table(void)
{
	struct rig r;

	init(&r);
	for (uint16_t entries = 1; entries <= SIZE; entries++) {
		again(&r);
		for (uint16_t i = 0; i < entries; i++)
			rig_put_in(&r, TABLE, i, RIG_DATA, 1, NEXT, (uint16_t)((i + 1) % entries));
		rig_put(&r, 0, TABLE, entries * DESC_BYTES, INDIRECT, 0);
		rig_show_head(&r, 0);
		rig_assert_broken(&r, "longer than the 8 entries");
	}
	rig_finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/chain/indirect/plain", test_indirect);
	g_test_add_func("/chain/indirect/write_ignored", test_indirect_write_ignored);
	g_test_add_func("/chain/indirect/direct_first", test_direct_then_indirect);
	g_test_add_func("/chain/indirect/mixed_length", test_mixed_length);
	g_test_add_func("/chain/indirect/rules_across_tables", test_rules_across_tables);
	g_test_add_func("/chain/indirect/not_negotiated", test_indirect_not_negotiated);
	g_test_add_func("/chain/indirect/in_indirect", test_indirect_in_indirect);
	g_test_add_func("/chain/indirect/with_next", test_indirect_with_next);
	g_test_add_func("/chain/indirect/table_length", test_table_length);
	g_test_add_func("/chain/indirect/table_place", test_table_place);
	g_test_add_func("/chain/indirect/next_bound", test_next_bound_in_table);
	g_test_add_func("/chain/indirect/loop", test_loop_in_table);
	return g_test_run();
}
