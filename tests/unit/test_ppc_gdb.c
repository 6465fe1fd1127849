// SPDX-License-Identifier: Apache-2.0
/* What GDB is told of Book E's registers: names, sizes, order, and values in its buffers. */
#include <glib.h>
#include <string.h>

#include "arch/powerpc/debug.h"

static struct iol_ppc_gdb gdb;

static const struct iol_ppc_machine *describe(const char *name, bool has_fpu)
{
	const struct iol_ppc_machine *machine = iol_ppc_machine_find(name);

	g_assert_nonnull(machine);
	iol_ppc_gdb_describe(&gdb, machine, has_fpu);
	return machine;
}

/* The register's number, or -1. */
static int find(const char *name)
{
	for (unsigned int n = 0; n < gdb.count; n++)
		if (!strcmp(gdb.registers[n].name, name))
			return (int)n;
	return -1;
}

static void check_one(const char *name, int number, unsigned int bits, const char *type)
{
	int n = find(name);

	g_test_message("%s of %s", name, gdb.description.architecture);
	g_assert_cmpint(n, >=, 0);
	if (number >= 0)
		g_assert_cmpint(n, ==, number);
	g_assert_cmpuint(gdb.registers[n].bits, ==, bits);
	g_assert_cmpstr(gdb.registers[n].type, ==, type);
}

/* Features cover all registers in order, without gaps, and no name comes twice. */
static void check_whole(void)
{
	const struct iol_gdb_description *d = &gdb.description;
	unsigned int n = 0;
	size_t offset = 0;

	for (unsigned int i = 0; i < d->feature_count; i++) {
		for (unsigned int j = 0; j < d->features[i]->count; j++, n++) {
			const struct iol_gdb_register *reg = &d->features[i]->registers[j];

			g_assert_true(reg == &gdb.registers[n]);
			g_assert_cmpuint(gdb.offsets[n], ==, offset);
			g_assert_cmpuint(reg->bits % 8, ==, 0);
			g_assert_nonnull(reg->group);
			offset += reg->bits / 8;
			g_assert_cmpint(find(reg->name), ==, (int)n);
		}
	}
	g_assert_cmpuint(n, ==, gdb.count);
	g_assert_cmpuint(offset, ==, gdb.bytes);
	g_assert_cmpuint(gdb.bytes, <=, IOL_GDB_REGISTERS_BYTES_MAX);
	g_assert_cmpuint(d->pc, ==, (unsigned int)find("pc"));
}

static void test_e500v2(void)
{
	describe("e500v2", false);
	check_whole();
	g_assert_cmpstr(gdb.description.architecture, ==, "powerpc:e500");
	g_assert_cmpuint(gdb.description.feature_count, ==, 2);
	g_assert_cmpuint(gdb.description.general_features, ==, 1);
	g_assert_cmpstr(gdb.features[0].name, ==, "org.gnu.gdb.power.core");
	g_assert_cmpuint(gdb.features[0].count, ==, 38);
	g_assert_cmpstr(gdb.features[1].name, ==, "org.iolite.powerpc.system");
	check_one("r0", 0, 32, "uint32");
	check_one("r31", 31, 32, "uint32");
	check_one("pc", 32, 32, "code_ptr");
	check_one("msr", 33, 32, "uint32");
	check_one("cr", 34, 32, "uint32");
	check_one("lr", 35, 32, "code_ptr");
	check_one("ctr", 36, 32, "uint32");
	check_one("xer", 37, 32, "uint32");
	check_one("srr0", 38, 32, "code_ptr");
	check_one("dear", -1, 32, "data_ptr");
	check_one("tb", -1, 64, "uint64");
	check_one("mas7_3", -1, 64, "uint64");
	check_one("ivor15", -1, 32, "uint32");
	check_one("sprg7", -1, 32, "uint32");
	g_assert_cmpint(find("f0"), ==, -1);
	g_assert_cmpint(find("sprg9"), ==, -1);
	g_assert_cmpint(find("epcr"), ==, -1);
}

static void test_e500mc(void)
{
	describe("e500mc", true);
	check_whole();
	g_assert_cmpstr(gdb.description.architecture, ==, "powerpc:common");
	g_assert_cmpuint(gdb.description.feature_count, ==, 3);
	g_assert_cmpuint(gdb.description.general_features, ==, 2);
	g_assert_cmpstr(gdb.features[1].name, ==, "org.gnu.gdb.power.fpu");
	check_one("f0", 38, 64, "ieee_double");
	check_one("f31", 69, 64, "ieee_double");
	check_one("fpscr", 70, 32, "uint32");
	check_one("srr0", 71, 32, "code_ptr");
	check_one("sprg9", -1, 32, "uint32");
	g_assert_cmpint(find("epcr"), ==, -1);
}

static void test_64bit(void)
{
	static const char *const machines[] = { "e5500", "e6500" };

	for (unsigned int i = 0; i < G_N_ELEMENTS(machines); i++) {
		describe(machines[i], false);
		check_whole();
		g_assert_cmpstr(gdb.description.architecture, ==, "powerpc:common64");
		check_one("r0", 0, 64, "uint64");
		check_one("pc", 32, 64, "code_ptr");
		check_one("msr", 33, 64, "uint64");
		check_one("cr", 34, 32, "uint32");
		check_one("xer", 37, 32, "uint32");
		check_one("csrr1", -1, 32, "uint32");
		check_one("mas2", -1, 64, "uint64");
		check_one("epcr", -1, 32, "uint32");
	}
}

static void test_values(void)
{
	static const uint8_t word[4] = { 0x89, 0xab, 0xcd, 0xef };
	static const uint8_t twice[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
	uint8_t buf[IOL_GDB_REGISTERS_BYTES_MAX] = { 0 };
	unsigned int tb;

	describe("e500v2", false);
	iol_ppc_gdb_put(&gdb, 1, buf, UINT64_C(0x0123456789abcdef));
	g_assert_cmpmem(buf + 4, 4, word, 4);
	g_assert_cmphex(be32_load(buf), ==, 0);
	g_assert_cmphex(be32_load(buf + 8), ==, 0);
	g_assert_cmphex(iol_ppc_gdb_get(&gdb, 1, buf), ==, 0x89abcdef);
	tb = (unsigned int)find("tb");
	iol_ppc_gdb_put(&gdb, tb, buf, UINT64_C(0x0123456789abcdef));
	g_assert_cmpmem(buf + gdb.offsets[tb], 8, twice, 8);
	describe("e6500", false);
	iol_ppc_gdb_put(&gdb, 31, buf, UINT64_C(0x0123456789abcdef));
	g_assert_cmpmem(buf + (size_t)31 * 8, 8, twice, 8);
	g_assert_cmphex(iol_ppc_gdb_get(&gdb, 31, buf), ==, UINT64_C(0x0123456789abcdef));
}

static void test_read_only(void)
{
	g_assert_true(iol_ppc_row_read_only(IOL_PPC_ROW_pvr));
	g_assert_true(iol_ppc_row_read_only(IOL_PPC_ROW_tb));
	g_assert_true(iol_ppc_row_read_only(IOL_PPC_ROW_tlb1cfg));
	g_assert_false(iol_ppc_row_read_only(IOL_PPC_ROW_pc));
	g_assert_false(iol_ppc_row_read_only(IOL_PPC_ROW_r31));
	g_assert_false(iol_ppc_row_read_only(IOL_PPC_ROW_epr));
}

/* What the processor does on an instruction that it does not know. */
static void test_program_interrupt(void)
{
	struct iol_ppc_program_interrupt irq;

	/* User mode, external and critical interrupts on, address space 1. */
	iol_ppc_program_interrupt(0x1234, 0x0002d230, 0xc0001fff, 0x70c, 0, &irq);
	g_assert_cmphex(irq.pc, ==, 0xc0000700);
	g_assert_cmphex(irq.msr, ==, 0x00021200);
	g_assert_cmphex(irq.srr0, ==, 0x1234);
	g_assert_cmphex(irq.srr1, ==, 0x0002d230);
	g_assert_cmphex(irq.esr, ==, 0x08000000);
	/* A 64-bit kernel takes it in 64-bit mode. */
	iol_ppc_program_interrupt(0x1234, 0x1000, UINT64_C(0xc000000000010000), 0x700, 0x02000000,
				  &irq);
	g_assert_cmphex(irq.pc, ==, UINT64_C(0xc000000000010700));
	g_assert_cmphex(irq.msr, ==, 0x80001000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc-gdb/e500v2", test_e500v2);
	g_test_add_func("/ppc-gdb/e500mc", test_e500mc);
	g_test_add_func("/ppc-gdb/64bit", test_64bit);
	g_test_add_func("/ppc-gdb/values", test_values);
	g_test_add_func("/ppc-gdb/read-only", test_read_only);
	g_test_add_func("/ppc-gdb/program-interrupt", test_program_interrupt);
	return g_test_run();
}
