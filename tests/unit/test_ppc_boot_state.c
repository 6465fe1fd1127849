// SPDX-License-Identifier: Apache-2.0
/* Registers and first mapping of a processor that starts, and how the spin table lets it. */
#include "arch/powerpc/ppc.h"

#include <glib.h>

#define MIB64 UINT64_C(0x4000000)

static struct iol_layout layout_of(const char *machine, unsigned int cpus)
{
	const struct iol_layout_request request = {
		.memory_bytes = IOL_GIB,
		.cpus = cpus,
		.serials = 1,
		.machine = machine,
	};
	struct iol_layout layout;

	g_assert_cmpint(iol_ppc_layout(&request, &layout, NULL), ==, 0);
	return layout;
}

static void check_gprs(const struct iol_ppc_boot_state *state, uint64_t r1, uint64_t r3,
		       uint64_t r6, uint64_t r7)
{
	for (unsigned int i = 0; i < IOL_PPC_GPRS; i++)
		g_assert_cmphex(state->gpr[i], ==,
				i == 1   ? r1
				: i == 3 ? r3
				: i == 6 ? r6
				: i == 7 ? r7
					 : 0);
}

static void test_boot(void)
{
	static const char *const machines[] = { "e500v2", "e500mc", "e5500", "e6500" };
	static const uint32_t pvrs[] = { 0x80210030, 0x80230020, 0x80240020, 0x80400020 };
	const struct iol_entry entry = { .pc = 0x10020, .args = { 0x1230000, 0x1232000 } };
	struct iol_ppc_boot_state state;

	for (unsigned int i = 0; i < G_N_ELEMENTS(machines); i++) {
		struct iol_layout layout = layout_of(machines[i], 2);

		iol_ppc_boot_state(&layout, &entry, 0, &state);
		g_assert_false(state.waits);
		g_assert_cmphex(state.pc, ==, 0x10020);
		g_assert_cmphex(state.msr, ==, 0);
		check_gprs(&state, 0xfffff8, 0x1230000, 0x45504150, MIB64);
		g_assert_cmpuint(state.pir, ==, 0);
		g_assert_cmphex(state.pvr, ==, pvrs[i]);
		g_assert_cmphex(state.tcr, ==, 0);
		g_assert_cmphex(state.tlb1.mas8, ==, 0);
		/* Valid, protected, TID 0, AS 0, 4^8 KiB. */
		g_assert_cmphex(state.tlb1.mas1, ==, 0xc0000800);
		g_assert_cmphex(state.tlb1.mas2, ==, 0x4);
		g_assert_cmphex(state.tlb1.mas7_3, ==, 0x3f);
	}
}

/* The smallest size of 4^n KiB that covers all, and never less than 64 MiB. */
static void test_map_size(void)
{
	static const struct {
		uint64_t end, bytes;
		uint32_t mas1;
	} cases[] = {
		{ 0, MIB64, 0xc0000800 },
		{ 1, MIB64, 0xc0000800 },
		{ MIB64, MIB64, 0xc0000800 },
		{ MIB64 + 1, 256 * IOL_MIB, 0xc0000900 },
		{ 256 * IOL_MIB, 256 * IOL_MIB, 0xc0000900 },
		{ 256 * IOL_MIB + 1, IOL_GIB, 0xc0000a00 },
		{ IOL_GIB, IOL_GIB, 0xc0000a00 },
	};
	struct iol_layout layout = layout_of(NULL, 1);
	struct iol_ppc_boot_state state;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct iol_entry entry = { .args = { 0x10000, cases[i].end } };

		iol_ppc_boot_state(&layout, &entry, 0, &state);
		g_assert_cmphex(state.gpr[7], ==, cases[i].bytes);
		g_assert_cmphex(state.tlb1.mas1, ==, cases[i].mas1);
		g_assert_cmphex(state.tlb1.mas7_3, ==, 0x3f);
	}
}

static void test_waits(void)
{
	const struct iol_entry entry = { .pc = 0x10020, .args = { 0x1230000, 0x1232000 } };
	struct iol_layout layout = layout_of("e500mc", 32);
	struct iol_ppc_boot_state state;

	for (unsigned int i = 1; i < 32; i++) {
		iol_ppc_boot_state(&layout, &entry, i, &state);
		g_assert_true(state.waits);
		g_assert_cmpuint(state.pir, ==, i);
		g_assert_cmphex(state.pvr, ==, 0x80230020);
	}
}

static void test_release(void)
{
	static const struct {
		uint64_t addr, r3, pc, mas7_3;
	} cases[] = {
		{ 0x60, 0, 0x60, 0x3f },
		{ 0x3fffffc, 1, 0x3fffffc, 0x3f },
		{ 0x4000000, 0xdeadbeef, 0, 0x400003f },
		{ 0x2c001238, UINT64_MAX, 0x1238, 0x2c00003f },
		{ 0xb04000100, 7, 0x100, 0xb0400003f },
	};
	struct iol_layout layout = layout_of("e500mc", 4);
	struct iol_ppc_boot_state state;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct iol_ppc_spin_entry spin = {
			.entry_addr = be64_of(cases[i].addr),
			.r3 = be64_of(cases[i].r3),
			.pir = be32_of(99), /* not ours to change: it is the processor's number */
		};

		iol_ppc_release_state(&layout, &spin, 3, &state);
		g_assert_false(state.waits);
		g_assert_cmphex(state.pc, ==, cases[i].pc);
		g_assert_cmphex(state.msr, ==, 0);
		check_gprs(&state, 0, cases[i].r3, 0, MIB64);
		g_assert_cmpuint(state.pir, ==, 3);
		g_assert_cmphex(state.pvr, ==, 0x80230020);
		g_assert_cmphex(state.tcr, ==, 0);
		g_assert_cmphex(state.tlb1.mas8, ==, 0);
		g_assert_cmphex(state.tlb1.mas1, ==, 0xc0000800);
		g_assert_cmphex(state.tlb1.mas2, ==, 0x4);
		g_assert_cmphex(state.tlb1.mas7_3, ==, cases[i].mas7_3);
	}
}

/* As a guest sees memory: its load of @len bytes, big-endian. */
static uint64_t load(const struct iol_ppc_spin_table *table, uint64_t offset, unsigned int len)
{
	uint8_t bytes[8] = { 0 };

	iol_le_store(bytes + 8 - len, len, iol_ppc_spin_read(table, offset, len));
	return be64_load(bytes);
}

static int store(struct iol_ppc_spin_table *table, uint64_t offset, unsigned int len,
		 uint64_t value)
{
	uint8_t bytes[8];

	be64_store(bytes, value);
	return iol_ppc_spin_write(table, offset, len, iol_le_load(bytes + 8 - len, len));
}

static void test_spin_layout(void)
{
	struct iol_ppc_spin_table table;

	iol_ppc_spin_reset(&table, 4);
	g_assert_cmpuint(IOL_PPC_SPIN_TABLE_BYTES, ==, 32 * 0x20);
	for (unsigned int i = 0; i < 32; i++) {
		g_assert_cmphex(load(&table, i * 0x20, 8), ==, 1);
		g_assert_cmphex(load(&table, i * 0x20, 4), ==, 0);
		g_assert_cmphex(load(&table, i * 0x20 + 4, 4), ==, 1);
		g_assert_cmphex(load(&table, i * 0x20 + 7, 1), ==, 1);
		g_assert_cmphex(load(&table, i * 0x20 + 8, 8), ==, i);
		g_assert_cmphex(load(&table, i * 0x20 + 16, 4), ==, 0);
		g_assert_cmphex(load(&table, i * 0x20 + 20, 4), ==, i);
		g_assert_cmphex(load(&table, i * 0x20 + 24, 8), ==, 0);
	}
}

static void test_spin_release(void)
{
	struct iol_ppc_spin_table table;

	iol_ppc_spin_reset(&table, 4);
	/* 32-bit Linux: pir, then the low half. */
	g_assert_cmpint(store(&table, 0x20 + 20, 4, 1), ==, -1);
	g_assert_cmpint(store(&table, 0x20 + 4, 4, 0x1000), ==, 1);
	g_assert_cmphex(be64_get(table.entries[1].entry_addr), ==, 0x1000);
	/* 64-bit Linux: all of it at once. */
	g_assert_cmpint(store(&table, 0x60 + 8, 8, 0x1234), ==, -1);
	g_assert_cmpint(store(&table, 0x60, 8, 0xb00000000), ==, 3);
	g_assert_cmphex(be64_get(table.entries[3].entry_addr), ==, 0xb00000000);
	g_assert_cmphex(be64_get(table.entries[3].r3), ==, 0x1234);
	/* The high half first: bit 0 still says wait. */
	g_assert_cmpint(store(&table, 0x40, 4, 1), ==, -1);
	g_assert_cmpint(store(&table, 0x44, 4, 0x2000), ==, 2);
	g_assert_cmphex(be64_get(table.entries[2].entry_addr), ==, 0x100002000);
	/* Once only, until the next reset. */
	g_assert_cmpint(store(&table, 0x44, 4, 1), ==, -1);
	g_assert_cmpint(store(&table, 0x44, 4, 0x3000), ==, -1);
	iol_ppc_spin_reset(&table, 4);
	g_assert_cmpint(store(&table, 0x44, 4, 0x3000), ==, 2);
}

static void test_spin_hostile(void)
{
	struct iol_ppc_spin_table table;

	iol_ppc_spin_reset(&table, 2);
	/* Processor 0 runs already; there is no processor 2. */
	g_assert_cmpint(store(&table, 0, 8, 0), ==, -1);
	g_assert_cmpint(store(&table, 0x40, 8, 0), ==, -1);
	g_assert_cmpint(store(&table, 31 * 0x20, 8, 0), ==, -1);
	/* Odd addresses wait on. */
	g_assert_cmpint(store(&table, 0x20, 8, UINT64_MAX), ==, -1);
	/* Writes over two registers, or two entries, go nowhere. */
	g_assert_cmpint(store(&table, 0x1c, 8, 0), ==, -1);
	g_assert_cmpint(store(&table, 0x22, 4, 0), ==, -1);
	g_assert_cmphex(load(&table, 0x20, 8), ==, UINT64_MAX);
	/* All that does not touch the address releases nobody. */
	for (unsigned int offset = 0x28; offset < 0x40; offset++)
		g_assert_cmpint(store(&table, offset, 1, 0), ==, -1);
	g_assert_cmpint(store(&table, 0x27, 1, 0xfe), ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc/boot-state/boot", test_boot);
	g_test_add_func("/ppc/boot-state/map-size", test_map_size);
	g_test_add_func("/ppc/boot-state/waits", test_waits);
	g_test_add_func("/ppc/boot-state/release", test_release);
	g_test_add_func("/ppc/spin-table/layout", test_spin_layout);
	g_test_add_func("/ppc/spin-table/release", test_spin_release);
	g_test_add_func("/ppc/spin-table/hostile", test_spin_hostile);
	return g_test_run();
}
