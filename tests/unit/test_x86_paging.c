// SPDX-License-Identifier: Apache-2.0
/* Page tables of x86 in all modes, made by hand; and tables that no kernel would make. */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/endian.h>

#include "arch/x86_64/debug.h"

enum { RAM_BYTES = 0x20000 };
#define CR0_PE 1u
#define CR0_PG 0x80000000u
#define CR4_PSE 0x10u
#define CR4_PAE 0x20u
#define CR4_LA57 0x1000u
#define EFER_LMA 0x400u
#define P 1u
#define LARGE 0x80u
#define NX (UINT64_C(1) << 63)
/* No address, and nothing that matters: accessed, dirty, global, ignored bits, keys. */
#define NOISE (UINT64_C(0x7ff) << 52 | 0xf66)

static struct iol_memory mem;

static void setup_memory(void)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = RAM_BYTES };
	struct iol_error err;

	g_assert_cmpint(iol_memory_init(&mem, &ram, 1, &err), ==, 0);
}

static void put64(uint64_t table, unsigned int n, uint64_t entry)
{
	le64 raw = le64_of(entry);

	g_assert_cmpint(iol_memory_write(&mem, table + 8 * n, &raw, sizeof(raw)), ==, 0);
}

static void put32(uint64_t table, unsigned int n, uint32_t entry)
{
	le32 raw = le32_of(entry);

	g_assert_cmpint(iol_memory_write(&mem, table + 4 * n, &raw, sizeof(raw)), ==, 0);
}

#define EXPECT(paging, linear, wanted_gpa, wanted_left)                                           \
	do {                                                                                      \
		uint64_t gpa = 0, left = 0;                                                       \
		int ret = iol_x86_paging_translate(&mem, paging, linear, &gpa, &left);            \
		if (ret || gpa != (wanted_gpa) || left != (wanted_left))                          \
			g_error("line %d: %d, %" PRIx64 ", %" PRIx64 " left", __LINE__, ret, gpa, \
				left);                                                            \
	} while (0)

#define EXPECT_NONE(paging, linear)                                                           \
	do {                                                                                  \
		uint64_t gpa = 0, left = 0;                                                   \
		int ret = iol_x86_paging_translate(&mem, paging, linear, &gpa, &left);        \
		if (ret != -EFAULT)                                                           \
			g_error("line %d: %d, %" PRIx64 ", not -EFAULT", __LINE__, ret, gpa); \
	} while (0)

static void test_none(void)
{
	/* A PG without PE, or what is left of long mode, does not page. */
	static const struct iol_x86_paging modes[] = {
		{ .cr0 = 0 },
		{ .cr0 = CR0_PE },
		{ .cr0 = CR0_PG },
		{ .cr0 = CR0_PE, .efer = EFER_LMA, .cr4 = CR4_PAE },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
		EXPECT(&modes[i], 0x1234, 0x1234, 0xffffedcc);
		EXPECT(&modes[i], 0xffffffff, 0xffffffff, 1);
		EXPECT_NONE(&modes[i], UINT64_C(0x100000000));
		EXPECT_NONE(&modes[i], UINT64_C(0xffffffff81000000));
	}
}

static void test_legacy(void)
{
	struct iol_x86_paging p = { .cr0 = CR0_PE | CR0_PG, .cr3 = 0x1018 };

	put32(0x1000, 0x300, 0x2000 | P | 0xf66); /* 0xc0000000; not a large page without PSE */
	put32(0x2000, 5, 0x7000 | P | 0xffe);
	put32(0x2000, 6, 0x8000);
	put32(0x1000, 0x301, 0x00c00000 | P | LARGE | 0xab << 13);
	put32(0x1000, 0x3ff, 0x2000 | P);
	put32(0x2000, 0x3ff, 0x9000 | P);
	EXPECT(&p, 0xc0005123, 0x7123, 0xedd);
	EXPECT_NONE(&p, 0xc0006000);
	EXPECT_NONE(&p, 0);
	EXPECT(&p, 0xffffffff, 0x9fff, 1);
	EXPECT_NONE(&p, UINT64_C(0x1c0005123));
	p.cr4 = CR4_PSE;
	EXPECT(&p, 0xc0412345, UINT64_C(0xab00c12345), 0x3edcbb);
}

static void test_pae(void)
{
	struct iol_x86_paging p = { .cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .cr3 = 0x1020 };

	put64(0x1020, 0, 0);
	put64(0x1020, 3, 0x3000 | P | LARGE); /* no pages of a GiB here */
	put64(0x3000, 1, 0x4000 | P | NX);
	put64(0x3000, 2, UINT64_C(0x123400000) | P | LARGE | NX | 0x1000);
	put64(0x4000, 0x1ff, UINT64_C(0xfedcba000) | P | NX | LARGE);
	EXPECT(&p, 0xc03ff010, UINT64_C(0xfedcba010), 0xff0);
	EXPECT(&p, 0xc0412345, UINT64_C(0x123412345), 0x1edcbb);
	EXPECT_NONE(&p, 0);
	EXPECT_NONE(&p, 0xc0200000);
	EXPECT_NONE(&p, 0x40000000);
}

static struct iol_x86_paging long_mode(void)
{
	return (struct iol_x86_paging){
		.cr0 = CR0_PE | CR0_PG,
		.cr3 = NX | 0x1fff, /* with a PCID, and the bit that keeps the TLB */
		.cr4 = CR4_PAE,
		.efer = EFER_LMA,
	};
}

static void put_long_tables(void)
{
	put64(0x1000, 0x1ff, 0x3000 | P | NOISE);
	put64(0x3000, 0x1fe, 0x4000 | P | (NOISE & ~(uint64_t)LARGE));
	put64(0x3000, 0x1ff, UINT64_C(0x140000000) | P | LARGE | 0x1000);
	put64(0x4000, 8, 0x5000 | P | (NOISE & ~(uint64_t)LARGE));
	put64(0x4000, 9, 0x600000 | P | LARGE | 0x1000 | NX);
	put64(0x5000, 1, 0x7000 | P | NOISE);
	put64(0x1000, 0, UINT64_C(0xfffffffff000) | P); /* a table where nothing is */
}

static void test_long(void)
{
	struct iol_x86_paging p = long_mode();

	put_long_tables();
	EXPECT(&p, UINT64_C(0xffffffff81001ffe), 0x7ffe, 2);
	EXPECT(&p, UINT64_C(0xffffffff81234567), 0x634567, 0x1cba99);
	EXPECT(&p, UINT64_C(0xffffffffc0000000), UINT64_C(0x140000000), UINT64_C(0x40000000));
	EXPECT(&p, UINT64_MAX, UINT64_C(0x17fffffff), 1);
	EXPECT_NONE(&p, UINT64_C(0xffffffff81000000));
	EXPECT_NONE(&p, 0);
	/* Not canonical. */
	EXPECT_NONE(&p, UINT64_C(0x0000800000000000));
	EXPECT_NONE(&p, UINT64_C(0xffff7fffffffffff));
	EXPECT_NONE(&p, UINT64_C(0x7fffffff81001ffe));
}

static void test_5_levels(void)
{
	struct iol_x86_paging p = long_mode();

	put_long_tables();
	p.cr4 |= CR4_LA57;
	p.cr3 = 0x2000;
	put64(0x2000, 0x1ff, 0x1000 | P);
	put64(0x2000, 0xff, 0x1000 | P | LARGE); /* no pages as large as that */
	EXPECT(&p, UINT64_C(0xffffffff81001ffe), 0x7ffe, 2);
	EXPECT(&p, UINT64_C(0x00ffffff81001ffe), 0x7ffe, 2);
	EXPECT_NONE(&p, UINT64_C(0x0100000000000000));
	EXPECT_NONE(&p, UINT64_C(0xfeffffff81001ffe));
}

/* Tables that are tables of themselves, at the end of RAM, beside it. */
static void test_hostile(void)
{
	struct iol_x86_paging p = long_mode();
	uint64_t own = 0x6000;

	for (unsigned int i = 0; i < 512; i++)
		put64(own, i, own | P);
	p.cr3 = own;
	EXPECT(&p, UINT64_C(0x123456789abc), own + 0xabc, 0x544);
	p.cr3 = RAM_BYTES - 0x1000;
	EXPECT_NONE(&p, UINT64_MAX); /* zeros */
	p.cr3 = RAM_BYTES;
	EXPECT_NONE(&p, 0);
	p.cr3 = UINT64_MAX;
	EXPECT_NONE(&p, UINT64_MAX);
	p = (struct iol_x86_paging){ .cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .cr3 = UINT64_MAX };
	EXPECT_NONE(&p, UINT32_MAX);
	p.cr4 = 0;
	EXPECT_NONE(&p, UINT32_MAX);
}

/* Random tables that mostly lead somewhere: an answer, or none, but always one that makes sense. */
static void test_random(void)
{
	for (unsigned int round = 0; round < 200; round++) {
		for (uint64_t at = 0; at < RAM_BYTES; at += 8)
			put64(at, 0,
			      (uint64_t)(uint32_t)g_test_rand_int() << 32 >>
					      ((uint32_t)g_test_rand_int() % 33) |
				      ((uint32_t)g_test_rand_int() % RAM_BYTES) | P);
		for (unsigned int i = 0; i < 200; i++) {
			uint64_t linear = (uint64_t)(uint32_t)g_test_rand_int() << 32 |
					  (uint32_t)g_test_rand_int();
			struct iol_x86_paging p = {
				.cr0 = CR0_PE | (i % 8 ? CR0_PG : 0),
				.cr3 = (uint32_t)g_test_rand_int() % (2 * RAM_BYTES),
				.cr4 = (uint32_t)g_test_rand_int(),
				.efer = i % 2 ? EFER_LMA : 0,
			};
			uint64_t gpa, left;
			int ret;

			linear = i % 4 ? (uint64_t)((int64_t)linear >> 24) : (uint32_t)linear;
			ret = iol_x86_paging_translate(&mem, &p, linear, &gpa, &left);
			if (ret) {
				g_assert_cmpint(ret, ==, -EFAULT);
				continue;
			}
			g_assert_cmpuint(left, >=, 1);
			g_assert_cmphex(gpa & 0xfff, ==, linear & 0xfff);
			g_assert_cmphex(gpa, <, UINT64_C(1) << 52);
		}
	}
}

int main(int argc, char **argv)
{
	int ret;

	g_test_init(&argc, &argv, NULL);
	setup_memory();
	g_test_add_func("/x86/paging/none", test_none);
	g_test_add_func("/x86/paging/legacy", test_legacy);
	g_test_add_func("/x86/paging/pae", test_pae);
	g_test_add_func("/x86/paging/long", test_long);
	g_test_add_func("/x86/paging/5_levels", test_5_levels);
	g_test_add_func("/x86/paging/hostile", test_hostile);
	g_test_add_func("/x86/paging/random", test_random);
	ret = g_test_run();
	iol_memory_finish(&mem);
	return ret;
}
