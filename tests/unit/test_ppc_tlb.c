// SPDX-License-Identifier: Apache-2.0
/* A guest's TLB as a debugger walks it: sizes of pages, address spaces, process ids, and what a hostile guest puts there. */
#include <glib.h>
#include <string.h>

#include "arch/powerpc/debug.h"

enum {
	VALID = INT32_MIN,
	TS = 0x1000,
	TSIZE_SHIFT = 7,
	TID_SHIFT = 16,
	T4K = 2,
	T16M = 14,
	FLAGS = 0x3f,
};

static const struct iol_ppc_machine *machine;
static struct iol_ppc_tlb_entry tlb[2048];

static void use(const char *name)
{
	machine = iol_ppc_machine_find(name);
	memset(tlb, 0, sizeof(tlb));
}

static struct iol_ppc_tlb_entry *tlb1(unsigned int n)
{
	return &tlb[machine->tlb[0].entries + n];
}

static struct iol_ppc_tlb_entry entry(uint64_t ea, uint64_t gpa, uint32_t tsize, uint32_t more)
{
	return (struct iol_ppc_tlb_entry){
		.mas1 = (uint32_t)VALID | tsize << TSIZE_SHIFT | more,
		.mas2 = ea | 0x4,
		.mas7_3 = gpa | FLAGS,
	};
}

static void expect(uint64_t msr, uint32_t pid, uint64_t ea, uint64_t gpa, uint64_t left)
{
	uint64_t got = 0, got_left = 0;

	g_test_message("address %" G_GINT64_MODIFIER "x msr %" G_GINT64_MODIFIER "x pid %u", ea,
		       msr, pid);
	g_assert_true(iol_ppc_tlb_translate(machine, tlb, msr, pid, ea, &got, &got_left));
	g_assert_cmphex(got, ==, gpa);
	g_assert_cmphex(got_left, ==, left);
}

static void expect_none(uint64_t msr, uint32_t pid, uint64_t ea)
{
	uint64_t got, left;

	g_test_message("address %" G_GINT64_MODIFIER "x msr %" G_GINT64_MODIFIER "x pid %u", ea,
		       msr, pid);
	g_assert_false(iol_ppc_tlb_translate(machine, tlb, msr, pid, ea, &got, &left));
}

static void test_sizes(void)
{
	use("e500v2");
	expect_none(0, 0, 0);
	*tlb1(0) = entry(0xc0000000, 0, T16M, 0);
	/* TLB0 has pages of 4 KiB, whatever it says; the last entry. */
	tlb[511] = entry(0x10000000, 0x7000, T16M, 0);
	expect(0, 0, 0xc0000000, 0, 16 * IOL_MIB);
	expect(0, 0, 0xc0ffffff, 0xffffff, 1);
	expect_none(0, 0, 0xc1000000);
	expect_none(0, 0, 0xbfffffff);
	expect(0, 0, 0x10000123, 0x7123, 4096 - 0x123);
	expect_none(0, 0, 0x10001000);
	/* Physical addresses of more than 32 bits. */
	*tlb1(15) = entry(0xe0000000, UINT64_C(0xfe0000000), T4K, 0);
	expect(0, 0, 0xe0000ffc, UINT64_C(0xfe0000ffc), 4);
	/* Not valid. */
	tlb1(0)->mas1 &= ~(uint32_t)VALID;
	expect_none(0, 0, 0xc0000000);
}

static void test_spaces(void)
{
	use("e500v2");
	*tlb1(0) = entry(0, 0x100000, T4K, 0);
	*tlb1(1) = entry(0, 0x200000, T4K, TS);
	*tlb1(2) = entry(0x1000, 0x300000, T4K, TS);
	expect(0, 0, 0, 0x100000, 4096);
	expect(IOL_PPC_MSR_DS | IOL_PPC_MSR_IS, 0, 0, 0x200000, 4096);
	expect_none(0, 0, 0x1000);
	/* Data first, then where code is. */
	expect(IOL_PPC_MSR_IS, 0, 0, 0x100000, 4096);
	expect(IOL_PPC_MSR_IS, 0, 0x1000, 0x300000, 4096);
	/* Processes. */
	tlb[0] = entry(0x2000, 0x400000, T4K, 5u << TID_SHIFT);
	tlb[1] = entry(0x2000, 0x500000, T4K, 6u << TID_SHIFT);
	expect(0, 5, 0x2000, 0x400000, 4096);
	expect(0, 6, 0x2000, 0x500000, 4096);
	expect_none(0, 0, 0x2000);
	expect_none(0, 7, 0x2000);
	expect(0, 7, 0, 0x100000, 4096);
}

static void test_modes(void)
{
	use("e6500");
	*tlb1(63) = entry(UINT64_C(0xc000000000000000), 0, T16M, 0);
	expect(IOL_PPC_MSR_CM, 0, UINT64_C(0xc000000000123456), 0x123456, 16 * IOL_MIB - 0x123456);
	expect_none(IOL_PPC_MSR_CM, 0, 0x123456);
	expect_none(IOL_PPC_MSR_CM, 0, UINT64_C(0x4000000000123456));
	/* In 32-bit mode the upper halves count for nothing. */
	expect(0, 0, 0x123456, 0x123456, 16 * IOL_MIB - 0x123456);
	use("e500v2");
	*tlb1(0) = entry(0xc0000000, 0, T16M, 0);
	expect(IOL_PPC_MSR_CM, 0, UINT64_C(0xffffffffc0000000), 0, 16 * IOL_MIB);
}

/* Sizes that no core has; all bits set. */
static void test_hostile(void)
{
	uint64_t gpa, left;

	use("e6500");
	for (uint32_t tsize = 0; tsize < 32; tsize++) {
		*tlb1(0) = entry(0, 0, tsize, 0);
		g_assert_true(
			iol_ppc_tlb_translate(machine, tlb, IOL_PPC_MSR_CM, 0, 0x10, &gpa, &left));
		g_assert_cmphex(gpa, ==, 0x10);
		g_assert_cmphex(left, ==, (tsize < T4K ? 4096 : UINT64_C(1024) << tsize) - 0x10);
	}
	memset(tlb, 0xff, sizeof(tlb));
	for (uint64_t ea = 1; ea; ea <<= 1)
		iol_ppc_tlb_translate(machine, tlb, UINT64_MAX, 0x3fff, ~ea, &gpa, &left);
	g_assert_true(
		iol_ppc_tlb_translate(machine, tlb, UINT64_MAX, 0x3fff, UINT64_MAX, &gpa, &left));
	g_assert_cmphex(gpa, ==, UINT64_MAX);
	g_assert_cmphex(left, ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc-tlb/sizes", test_sizes);
	g_test_add_func("/ppc-tlb/spaces", test_spaces);
	g_test_add_func("/ppc-tlb/modes", test_modes);
	g_test_add_func("/ppc-tlb/hostile", test_hostile);
	return g_test_run();
}
