// SPDX-License-Identifier: Apache-2.0
/*
 * Walks of aarch64's page tables: tables made here by hand and for every granule, size and level, in both halves; and
 * tables and registers that no kernel would make.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/endian.h>

#include "arch/aarch64/gdb.h"

#define RAM UINT64_C(0x40000000)
#define RAM_BYTES (4 * IOL_MIB)

#define TABLE UINT64_C(3)
#define PAGE UINT64_C(3)
#define BLOCK UINT64_C(1)
/* Attributes below and above the address that are no matter: AF, SH, AP; contiguous, UXN, software's. */
#define ATTRIBUTES (UINT64_C(0xc00) | UINT64_C(0x03f0) << 48)

#define DS (UINT64_C(1) << 59)
#define IPS(n) ((uint64_t)(n) << 32)
#define TBI0 (UINT64_C(1) << 37)
#define TBI1 (UINT64_C(1) << 38)
#define EPD0 (UINT64_C(1) << 7)
#define EPD1 (UINT64_C(1) << 23)

enum { G4K = 12, G16K = 14, G64K = 16 };

static struct iol_memory mem;

static void poke(uint64_t gpa, uint64_t desc)
{
	uint8_t raw[8];

	le64_store(raw, desc);
	g_assert_cmpint(iol_memory_write(&mem, gpa, raw, sizeof(raw)), ==, 0);
}

static void clear(void)
{
	memset(iol_memory_ptr(&mem, RAM, RAM_BYTES), 0, RAM_BYTES);
}

static uint64_t tg(bool high, unsigned int granule)
{
	if (high)
		return (granule == G4K ? UINT64_C(2) : granule == G16K ? 1 : 3) << 30;
	return (granule == G4K ? UINT64_C(0) : granule == G16K ? 2 : 1) << 14;
}

static uint64_t tcr_of(bool high, unsigned int granule, unsigned int txsz)
{
	return tg(high, granule) | (uint64_t)txsz << (high ? 16 : 0) | (high ? EPD0 : EPD1) |
	       IPS(5);
}

/* What is at @va, of which @left bytes are to be there; @gpa UINT64_MAX: nothing is. */
static void expect(const struct iol_arm64_mmu *mmu, uint64_t va, uint64_t gpa, uint64_t left)
{
	uint64_t is = UINT64_MAX, is_left = 0;
	int ret = iol_arm64_translate(&mem, mmu, va, &is, &is_left);

	if (ret) {
		g_assert_cmpint(ret, ==, -EFAULT);
		is = UINT64_MAX;
		is_left = left;
	}
	if (is != gpa || is_left != left)
		g_error("0x%" PRIx64 " is 0x%" PRIx64 ", 0x%" PRIx64
			" bytes of it, instead of 0x%" PRIx64 ", 0x%" PRIx64 " (tcr 0x%" PRIx64 ")",
			va, is, is_left, gpa, left, mmu->tcr);
}

#define NOTHING UINT64_MAX, 0

/* --- by hand --- */

static void test_off(void)
{
	struct iol_arm64_mmu mmu = { .tcr = TBI0 };

	expect(&mmu, 0x40001234, 0x40001234, -UINT64_C(0x40001234));
	expect(&mmu, 0, 0, UINT64_MAX);
	expect(&mmu, UINT64_MAX, UINT64_MAX, 1);
	expect(&mmu, UINT64_C(0x5500000040001234), 0x40001234, -UINT64_C(0x40001234));
}

/* As Linux has them: 4 KiB, 48 bits; a page, a block of 2 MiB and one of 1 GiB. */
static void test_4k(void)
{
	struct iol_arm64_mmu mmu = {
		.sctlr = IOL_ARM64_SCTLR_M,
		.tcr = 16 | UINT64_C(16) << 16 | UINT64_C(2) << 30 | IPS(5) | TBI0,
		/* ASID, CnP */
		.ttbr0 = RAM | UINT64_C(0x1234) << 48 | 1,
		.ttbr1 = RAM + 0x4000,
	};

	clear();
	/* 0xffff800008010000: indices 256, 0, 64, 16 */
	poke(RAM + 0x4000 + 256 * 8, (RAM + 0x5000) | TABLE);
	poke(RAM + 0x5000, (RAM + 0x6000) | TABLE);
	poke(RAM + 0x6000 + 64 * 8, (RAM + 0x7000) | TABLE);
	poke(RAM + 0x7000 + 16 * 8, 0x48765000 | PAGE | ATTRIBUTES);
	/* 0xffff800008200000, 0xffff800040000000 */
	poke(RAM + 0x6000 + 65 * 8, 0x48600000 | BLOCK | ATTRIBUTES);
	poke(RAM + 0x5000 + 8, 0x80000000 | BLOCK | ATTRIBUTES);
	expect(&mmu, 0xffff800008010000, 0x48765000, 0x1000);
	expect(&mmu, 0xffff800008010fff, 0x48765fff, 1);
	expect(&mmu, 0xffff800008011000, NOTHING);
	expect(&mmu, 0xffff800008234567, 0x48634567, 0x200000 - 0x34567);
	expect(&mmu, 0xffff800040000010, 0x80000010, 0x40000000 - 0x10);
	expect(&mmu, 0xffff800080000000, NOTHING);
	/* Not all of the bits above are as they should be. No tags in this half. */
	expect(&mmu, 0xfffe800008010000, NOTHING);
	expect(&mmu, 0x55ff800008010000, NOTHING);
	/* The lower half, with tags. */
	poke(RAM, (RAM + 0x5000) | TABLE);
	expect(&mmu, 0x40000010, 0x80000010, 0x40000000 - 0x10);
	expect(&mmu, 0x5500000040000010, 0x80000010, 0x40000000 - 0x10);
	expect(&mmu, 0x5501000040000010, NOTHING);
	mmu.tcr |= EPD0;
	expect(&mmu, 0x40000010, NOTHING);
	expect(&mmu, 0xffff800008010000, 0x48765000, 0x1000);
	mmu.tcr |= EPD1;
	expect(&mmu, 0xffff800008010000, NOTHING);
}

static void test_big_endian(void)
{
	struct iol_arm64_mmu mmu = {
		.sctlr = IOL_ARM64_SCTLR_M | IOL_ARM64_SCTLR_EE,
		.tcr = tcr_of(false, G4K, 25),
		.ttbr0 = RAM,
	};
	uint8_t raw[8];

	clear();
	be64_store(raw, 0x80000000 | BLOCK);
	g_assert_cmpint(iol_memory_write(&mem, RAM + 8, raw, sizeof(raw)), ==, 0);
	expect(&mmu, 0x40001234, 0x80001234, 0x40000000 - 0x1234);
	mmu.sctlr &= ~IOL_ARM64_SCTLR_EE;
	expect(&mmu, 0x40001234, NOTHING);
}

/* 64 KiB granules have bits 51 to 48 where others have lower ones (FEAT_LPA), also in TTBR. */
static void test_lpa(void)
{
	struct iol_arm64_mmu mmu = {
		.sctlr = IOL_ARM64_SCTLR_M,
		.tcr = (tcr_of(false, G64K, 12) & ~IPS(7)) | IPS(6),
		.ttbr0 = RAM,
	};

	clear();
	/* 52 bits: three levels, 10 bits at the first; 0xf000000000000 is index 960. */
	poke(RAM + 960 * 8, (RAM + 0x10000) | TABLE);
	poke(RAM + 0x10000, (RAM + 0x20000) | TABLE);
	poke(RAM + 0x20000 + 8, 0x48760000 | 0x3000 | PAGE);
	poke(RAM + 0x10000 + 8, 0x60000000 | 0xa000 | BLOCK);
	poke(RAM + 961 * 8, UINT64_C(0x40000000000) | 0x1000 | BLOCK);
	expect(&mmu, 0xf000000012345, 0x3000048762345, 0x10000 - 0x2345);
	expect(&mmu, 0xf000020000001, 0xa000060000001, 0x20000000 - 1);
	expect(&mmu, 0xf040000000000, 0x1040000000000, UINT64_C(1) << 42);
	/* A table where no RAM is. */
	mmu.ttbr0 = RAM | 1 << 2;
	expect(&mmu, 0xf000000012345, NOTHING);
	/* Without 52 bits these are no address, and there are no such blocks. */
	mmu.ttbr0 = RAM;
	mmu.tcr = tcr_of(false, G64K, 12);
	expect(&mmu, 0xf000000012345, 0x48762345, 0x10000 - 0x2345);
	expect(&mmu, 0xf040000000000, NOTHING);
}

/* 52 bits with 4 KiB: five levels, and bits 51 and 50 at 9 and 8 (FEAT_LPA2). */
static void test_lpa2(void)
{
	struct iol_arm64_mmu mmu = {
		.sctlr = IOL_ARM64_SCTLR_M,
		.tcr = (tcr_of(false, G4K, 12) & ~IPS(7)) | IPS(6) | DS,
		.ttbr0 = RAM,
	};

	clear();
	/* Level -1 has four bits of index: 15. */
	poke(RAM + 15 * 8, (RAM + 0x1000) | TABLE);
	poke(RAM + 0x1000, (RAM + 0x2000) | TABLE);
	poke(RAM + 0x2000, (RAM + 0x3000) | TABLE);
	poke(RAM + 0x3000, (RAM + 0x4000) | TABLE);
	poke(RAM + 0x4000 + 8, UINT64_C(0x3000048765000) | 0x200 | PAGE);
	poke(RAM + 0x1000 + 8, UINT64_C(0x18000000000) | 0x300 | BLOCK);
	expect(&mmu, 0xf000000001234, 0xb000048765234, 0x1000 - 0x234);
	expect(&mmu, 0xf008000000000, 0xc018000000000, UINT64_C(1) << 39);
	mmu.tcr &= ~DS;
	expect(&mmu, 0xf000000001234, NOTHING);
}

/* --- all shapes --- */

/*
 * Maps @va to @pa by a page or a block of @level, whose tables begin at RAM and are one behind the other; returns the
 * size of it. Says where in a table an address belongs by the bits that each level resolves, counted from the last.
 */
static uint64_t map(unsigned int granule, unsigned int va_bits, int level, uint64_t va, uint64_t pa)
{
	unsigned int stride = granule - 3;
	uint64_t table = RAM, within = va & ((UINT64_C(1) << va_bits) - 1);
	int first = 3;

	while (granule + (unsigned int)(4 - first) * stride < va_bits)
		first--;
	for (int at = first;; at++) {
		unsigned int shift = granule + (unsigned int)(3 - at) * stride;
		uint64_t idx = within >> shift;

		if (at != first)
			idx %= UINT64_C(1) << stride;
		if (at == level) {
			poke(table + 8 * idx, pa | ATTRIBUTES | (level == 3 ? PAGE : BLOCK));
			return UINT64_C(1) << shift;
		}
		poke(table + 8 * idx, (table + (UINT64_C(1) << granule)) | TABLE);
		table += UINT64_C(1) << granule;
	}
}

static void check_shape(bool high, unsigned int granule, unsigned int txsz, int level)
{
	struct iol_arm64_mmu mmu = {
		.sctlr = IOL_ARM64_SCTLR_M,
		.tcr = tcr_of(high, granule, txsz),
		.ttbr0 = high ? 0 : RAM,
		.ttbr1 = high ? RAM : 0,
	};
	unsigned int va_bits = 64 - txsz;
	uint64_t size = UINT64_C(1) << (granule + (unsigned int)(3 - level) * (granule - 3));
	uint64_t random = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
	uint64_t va = random & ((UINT64_C(1) << va_bits) - 1);
	uint64_t pa = random * 0x9e3779b97f4a7c15 >> 16 & ~(size - 1);
	uint64_t start;

	if (high)
		va |= UINT64_MAX << va_bits;
	start = va & ~(size - 1);
	clear();
	g_assert_cmphex(map(granule, va_bits, level, va, pa), ==, size);
	expect(&mmu, va, pa | (va - start), size - (va - start));
	expect(&mmu, start, pa, size);
	expect(&mmu, start + (size - 1), pa + (size - 1), 1);
	expect(&mmu, va ^ size, NOTHING);
	expect(&mmu, va ^ UINT64_C(1) << 63, NOTHING);
	expect(&mmu, va ^ UINT64_C(1) << va_bits, NOTHING);
}

static void test_shapes(void)
{
	static const unsigned int granules[] = { G4K, G16K, G64K };
	unsigned int shapes = 0;

	for (unsigned int g = 0; g < G_N_ELEMENTS(granules); g++)
		for (unsigned int txsz = 16; txsz <= 47; txsz++)
			for (int level = granules[g] == G4K ? 1 : 2; level <= 3; level++) {
				unsigned int shift =
					granules[g] + (unsigned int)(3 - level) * (granules[g] - 3);

				/* A table of one entry has no neighbours to look at. */
				if (shift >= 64 - txsz)
					continue;
				check_shape(false, granules[g], txsz, level);
				check_shape(true, granules[g], txsz, level);
				shapes += 2;
			}
	g_assert_cmpuint(shapes, >, 100);
}

/* --- hostile --- */

/* TxSZ of 16 (64 KiB: 12) to @most, and no others. */
static void check_sizes(unsigned int granule, unsigned int most)
{
	for (unsigned int txsz = 0; txsz < 64; txsz++) {
		struct iol_arm64_mmu mmu = {
			.sctlr = IOL_ARM64_SCTLR_M,
			.tcr = tcr_of(false, granule, txsz),
			.ttbr0 = RAM,
		};
		bool good = txsz >= (granule == G64K ? 12 : 16) && txsz <= most;
		uint64_t gpa, left;
		int ret = iol_arm64_translate(&mem, &mmu, 0x456, &gpa, &left);

		if (good != !ret)
			g_error("granule %u, TxSZ %u: %d", granule, txsz, ret);
	}
}

static void test_hostile(void)
{
	struct iol_arm64_mmu mmu = {
		.sctlr = IOL_ARM64_SCTLR_M,
		.tcr = tcr_of(false, G4K, 16),
		.ttbr0 = RAM,
	};
	const struct iol_arm64_mmu good = mmu;

	clear();
	/* A table that is its own: the last level takes it for a page. */
	for (unsigned int i = 0; i < 512; i++)
		poke(RAM + 8 * i, RAM | TABLE);
	expect(&mmu, 0x123456789abc, RAM + 0xabc, 0x1000 - 0xabc);
	/* Blocks where there are none, what is reserved at the last level. */
	poke(RAM + 8, BLOCK | 0x80000000);
	expect(&mmu, UINT64_C(1) << 39, NOTHING);
	expect(&mmu, UINT64_C(1) << 12, NOTHING);
	/* Tables beyond RAM, at its end, and where numbers end. */
	poke(RAM, (RAM + RAM_BYTES) | TABLE);
	expect(&mmu, 0, NOTHING);
	poke(RAM, (RAM + RAM_BYTES - 0x1000) | TABLE);
	expect(&mmu, 0, NOTHING);
	poke(RAM, UINT64_C(0xfffffffff000) | TABLE);
	expect(&mmu, 0, NOTHING);
	mmu.ttbr0 = UINT64_MAX;
	expect(&mmu, 0, NOTHING);
	/* No such granule, sizes that are none. */
	mmu = good;
	mmu.tcr |= 3 << 14;
	expect(&mmu, 0x123456789abc, NOTHING);
	poke(RAM, RAM | TABLE);
	check_sizes(G4K, 48);
	check_sizes(G16K, 48);
	check_sizes(G64K, 47);
	/* An address with more bits than the tables are said to have. */
	mmu = good;
	mmu.tcr &= ~IPS(7);
	poke(RAM, RAM | TABLE);
	expect(&mmu, 0x678, RAM | 0x678, 0x1000 - 0x678);
	poke(RAM + 16, UINT64_C(0x100000000) | PAGE);
	expect(&mmu, 0x2678, NOTHING);
}

static uint64_t rand64(void)
{
	return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

/* Nothing is expected but an end within memory, and that what is said is sensible. */
static void test_random(void)
{
	uint64_t *words = iol_memory_ptr(&mem, RAM, RAM_BYTES);
	unsigned int found = 0;

	for (uint64_t i = 0; i < RAM_BYTES / 8; i++)
		words[i] = i % 7 ? GUINT64_TO_LE(RAM | (rand64() & 0x3ff000) | TABLE) : rand64();
	for (unsigned int i = 0; i < 300000; i++) {
		struct iol_arm64_mmu mmu = {
			.sctlr = IOL_ARM64_SCTLR_M | (i % 16 ? 0 : IOL_ARM64_SCTLR_EE),
			.tcr = rand64() & ~(EPD0 | EPD1),
			.ttbr0 = i % 3 ? RAM | (rand64() & 0x3ff000) : rand64(),
			.ttbr1 = RAM | (rand64() & 0x3ff000),
		};
		uint64_t va = (uint64_t)((int64_t)rand64() >> g_test_rand_int_range(0, 40));
		uint64_t gpa = 0, left = 0;

		if (iol_arm64_translate(&mem, &mmu, va, &gpa, &left))
			continue;
		found++;
		if (gpa >> 52 || !left || (gpa & 0xfff) != (va & 0xfff) || (gpa + left) & 0xfff)
			g_error("0x%" PRIx64 " is 0x%" PRIx64 ", 0x%" PRIx64 " bytes", va, gpa,
				left);
	}
	g_assert_cmpuint(found, >, 1000);
}

int main(int argc, char **argv)
{
	const struct iol_memory_region ram = { .gpa = RAM, .size_bytes = RAM_BYTES };
	int ret;

	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(iol_memory_init(&mem, &ram, 1, NULL), ==, 0);
	g_test_add_func("/arm64-paging/off", test_off);
	g_test_add_func("/arm64-paging/4k", test_4k);
	g_test_add_func("/arm64-paging/big-endian", test_big_endian);
	g_test_add_func("/arm64-paging/lpa", test_lpa);
	g_test_add_func("/arm64-paging/lpa2", test_lpa2);
	g_test_add_func("/arm64-paging/shapes", test_shapes);
	g_test_add_func("/arm64-paging/hostile", test_hostile);
	g_test_add_func("/arm64-paging/random", test_random);
	ret = g_test_run();
	iol_memory_finish(&mem);
	return ret;
}
