// SPDX-License-Identifier: Apache-2.0
/* What GDB is told of aarch64's registers, where they are in its buffers, and how an exception is entered. */
#include <glib.h>
#include <string.h>

#include "arch/aarch64/gdb.h"

static const struct iol_gdb_description *const d = &iol_arm64_gdb_description;

static const struct iol_gdb_register *register_at(unsigned int n)
{
	for (unsigned int i = 0; i < d->feature_count; i++) {
		if (n < d->features[i]->count)
			return &d->features[i]->registers[n];
		n -= d->features[i]->count;
	}
	g_error("no register %u", n);
}

static void test_places(void)
{
	size_t expected = 0;

	for (unsigned int n = 0; n < IOL_ARM64_GDB_COUNT; n++) {
		const struct iol_gdb_register *reg = register_at(n);
		unsigned int bytes;
		size_t at = iol_arm64_gdb_place(n, &bytes);

		if (at != expected || bytes * 8 != reg->bits)
			g_error("%s: %u bytes at %zu instead of %u at %zu", reg->name, bytes, at,
				reg->bits / 8, expected);
		expected += bytes;
	}
	g_assert_cmpuint(expected, <=, IOL_GDB_REGISTERS_BYTES_MAX);
}

static void test_numbers(void)
{
	static const struct {
		unsigned int n;
		const char *name;
	} of[] = {
		{ 0, "x0" },
		{ 30, "x30" },
		{ IOL_ARM64_GDB_SP, "sp" },
		{ IOL_ARM64_GDB_PC, "pc" },
		{ IOL_ARM64_GDB_CPSR, "cpsr" },
		{ IOL_ARM64_GDB_V0, "v0" },
		{ IOL_ARM64_GDB_V0 + 31, "v31" },
		{ IOL_ARM64_GDB_FPSR, "fpsr" },
		{ IOL_ARM64_GDB_FPCR, "fpcr" },
		{ IOL_ARM64_GDB_SP_EL0, "sp_el0" },
		{ IOL_ARM64_GDB_SPSR_EL1, "spsr_el1" },
		{ IOL_ARM64_GDB_sctlr_el1, "sctlr_el1" },
		{ IOL_ARM64_GDB_midr_el1, "midr_el1" },
		{ IOL_ARM64_GDB_CNTVCT, "cntvct_el0" },
	};
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

	for (size_t i = 0; i < G_N_ELEMENTS(of); i++)
		g_assert_cmpstr(register_at(of[i].n)->name, ==, of[i].name);
	for (unsigned int n = 0; n < IOL_ARM64_GDB_COUNT; n++)
		if (!g_hash_table_add(names, (void *)register_at(n)->name))
			g_error("%s is there twice", register_at(n)->name);
	g_assert_cmpuint(d->pc, ==, IOL_ARM64_GDB_PC);
	g_assert_cmpuint(d->general_features, ==, 2);
	g_assert_cmpstr(d->features[0]->name, ==, "org.gnu.gdb.aarch64.core");
	g_assert_cmpstr(d->features[1]->name, ==, "org.gnu.gdb.aarch64.fpu");
}

/* GDB manual, "Predefined Target Types" */
static const char *const predefined[] = {
	"int",      "int8",      "int16",       "int32",       "int64",   "int128",
	"uint8",    "uint16",    "uint32",      "uint64",      "uint128", "code_ptr",
	"data_ptr", "ieee_half", "ieee_single", "ieee_double",
};

static void element(GMarkupParseContext *context, const char *name, const char **keys,
		    const char **values, void *types, GError **error)
{
	(void)context;
	(void)error;
	for (unsigned int i = 0; keys[i]; i++) {
		if (!strcmp(keys[i], "type") && !g_hash_table_contains(types, values[i]))
			g_error("<%s>: no type \"%s\" before it", name, values[i]);
		if (!strcmp(keys[i], "id"))
			g_hash_table_add(types, g_strdup(values[i]));
	}
}

static void test_types(void)
{
	static const GMarkupParser parser = { .start_element = element };

	for (unsigned int i = 0; i < d->feature_count; i++) {
		const struct iol_gdb_feature *f = d->features[i];
		g_autoptr(GHashTable) types =
			g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		g_autofree char *text =
			g_strdup_printf("<feature>%s</feature>", f->types ? f->types : "");
		GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, types, NULL);

		for (size_t k = 0; k < G_N_ELEMENTS(predefined); k++)
			g_hash_table_add(types, g_strdup(predefined[k]));
		g_assert_true(g_markup_parse_context_parse(context, text, -1, NULL));
		g_assert_true(g_markup_parse_context_end_parse(context, NULL));
		g_markup_parse_context_free(context);
		for (unsigned int n = 0; n < f->count; n++)
			if (!g_hash_table_contains(
				    types, f->registers[n].type ? f->registers[n].type : "int"))
				g_error("%s: no type %s", f->registers[n].name,
					f->registers[n].type);
	}
}

static void test_sp(void)
{
	g_assert_true(iol_arm64_uses_sp_el1(0x3c5));
	g_assert_false(iol_arm64_uses_sp_el1(0x3c4));
	g_assert_false(iol_arm64_uses_sp_el1(0x3c0));
	/* AArch32's modes have other numbers: user and supervisor. */
	g_assert_false(iol_arm64_uses_sp_el1(0x10));
	g_assert_false(iol_arm64_uses_sp_el1(0x13));
}

static void test_exception(void)
{
	static const struct {
		uint64_t pstate, sctlr, offset, after;
	} of[] = {
		{ 0x5, IOL_ARM64_SCTLR_SPAN, 0x200, 0x3c5 },
		{ 0x4, IOL_ARM64_SCTLR_SPAN, 0x000, 0x3c5 },
		{ 0x0, IOL_ARM64_SCTLR_SPAN, 0x400, 0x3c5 },
		{ 0x10, IOL_ARM64_SCTLR_SPAN, 0x600, 0x3c5 },
		/* Flags and DIT stay; BTYPE, SSBS, IL, SS, UAO, TCO go. */
		{ 0xf3b01c05, IOL_ARM64_SCTLR_SPAN, 0x200, 0xf10003c5 },
		/* PAN stays, or comes where SPAN is not set; SSBS is as SCTLR has it. */
		{ 0x00400005, IOL_ARM64_SCTLR_SPAN, 0x200, 0x004003c5 },
		{ 0x60000000, 0, 0x400, 0x604003c5 },
		{ 0x0, IOL_ARM64_SCTLR_SPAN | IOL_ARM64_SCTLR_DSSBS, 0x400, 0x13c5 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(of); i++) {
		struct iol_arm64_exception e = {
			.pc = 0x1234,
			.pstate = of[i].pstate,
			.sctlr = of[i].sctlr,
			.vbar = 0xffff800010010fff, /* the lower bits are none of it */
		};

		iol_arm64_exception_take(&e);
		g_test_message("from 0x%" G_GINT64_MODIFIER "x", of[i].pstate);
		g_assert_cmphex(e.elr, ==, 0x1234);
		g_assert_cmphex(e.spsr, ==, of[i].pstate);
		g_assert_cmphex(e.pc, ==, 0xffff800010010800 + of[i].offset);
		g_assert_cmphex(e.pstate, ==, of[i].after);
	}
}

static void test_held(void)
{
	static const struct {
		uint64_t pstate;
		uint32_t insn;
		uint64_t held;
	} of[] = {
		{ 0x5, 0x8b010002, 0xc0 }, /* add */
		{ 0x85, 0x8b010002, 0x40 }, { 0x3c5, 0x8b010002, 0 },
		{ 0x0, 0x8b010002, 0xc0 },  { 0x10, 0x8b010002, 0 }, /* AArch32 */
		{ 0x5, 0xd4000001, 0xc0 }, /* svc #0 */
		{ 0x5, 0xd4000002, 0 }, /* hvc #0 */
		{ 0x5, 0xd4000003, 0 }, /* smc #0 */
		{ 0x5, 0xd53b4220, 0 }, /* mrs x0, daif */
		{ 0x5, 0xd51b423f, 0 }, /* msr daif, xzr */
		{ 0x5, 0xd53b4200, 0xc0 }, /* mrs x0, nzcv */
		{ 0x5, 0xd50342df, 0 }, /* msr daifset, #2 */
		{ 0x5, 0xd5034fff, 0 }, /* msr daifclr, #15 */
		{ 0x5, 0xd503207f, 0xc0 }, /* wfi */
		{ 0x5, 0xd69f03e0, 0 }, /* eret */
		{ 0x5, 0xd69f0bff, 0 }, /* eretaa */
		{ 0x5, 0xd65f03c0, 0xc0 }, /* ret */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(of); i++) {
		g_test_message("instruction 0x%x", of[i].insn);
		g_assert_cmphex(iol_arm64_step_holds(of[i].pstate, of[i].insn), ==, of[i].held);
	}
}

static void test_released(void)
{
	static const struct {
		uint64_t pc, elr;
		bool entered;
	} of[] = {
		{ 0x1004, 0, false },
		{ 0x1000, 0, false },
		/* A vector, from the instruction itself or as a call. */
		{ 0x8a00, 0x1000, true },
		{ 0x8c00, 0x1004, true },
		{ 0x8800, 0x1000, true },
		{ 0x8f80, 0x1000, true },
		/* A branch there, or to what is none. */
		{ 0x8a00, 0x2000, false },
		{ 0x8a04, 0x1000, false },
		{ 0x9000, 0x1000, false },
		{ 0x8780, 0x1000, false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(of); i++) {
		struct iol_arm64_exception e = {
			.pc = of[i].pc,
			.elr = of[i].elr,
			.vbar = 0x8800,
			.pstate = 0x3c5,
			.spsr = 0x2c5,
		};

		iol_arm64_step_release(&e, 0x1000, 0xc0);
		g_test_message("to 0x%" G_GINT64_MODIFIER "x", of[i].pc);
		g_assert_cmphex(e.pstate, ==, of[i].entered ? 0x3c5 : 0x305);
		g_assert_cmphex(e.spsr, ==, of[i].entered ? 0x205 : 0x2c5);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm64-gdb/places", test_places);
	g_test_add_func("/arm64-gdb/numbers", test_numbers);
	g_test_add_func("/arm64-gdb/types", test_types);
	g_test_add_func("/arm64-gdb/sp", test_sp);
	g_test_add_func("/arm64-gdb/exception", test_exception);
	g_test_add_func("/arm64-gdb/held", test_held);
	g_test_add_func("/arm64-gdb/released", test_released);
	return g_test_run();
}
