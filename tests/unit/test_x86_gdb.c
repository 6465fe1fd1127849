// SPDX-License-Identifier: Apache-2.0
/* The descriptions of x86's registers: numbers, widths, names and types as GDB expects them. */
#include <glib.h>
#include <string.h>

#include "arch/x86_64/debug.h"

static const struct iol_gdb_register *find(const struct iol_gdb_description *d, const char *name,
					   unsigned int *number, size_t *offset)
{
	*number = 0;
	*offset = 0;
	for (unsigned int f = 0; f < d->feature_count; f++) {
		for (unsigned int i = 0; i < d->features[f]->count; i++, ++*number) {
			const struct iol_gdb_register *r = &d->features[f]->registers[i];

			if (!strcmp(r->name, name))
				return r;
			*offset += r->bits / 8;
		}
	}
	g_error("there is no %s", name);
}

/* Numbers and places in 'g' that GDB has for amd64 as well. */
static void test_numbers(void)
{
	static const struct {
		const char *name;
		unsigned int number, offset, bits;
	} wanted[] = {
		{ "rax", 0, 0, 64 },        { "rbx", 1, 8, 64 },        { "rsi", 4, 32, 64 },
		{ "rsp", 7, 56, 64 },       { "r8", 8, 64, 64 },        { "rip", 16, 128, 64 },
		{ "eflags", 17, 136, 32 },  { "cs", 18, 140, 32 },      { "ss", 19, 144, 32 },
		{ "gs", 23, 160, 32 },      { "st0", 24, 164, 80 },     { "fctrl", 32, 244, 32 },
		{ "fop", 39, 272, 32 },     { "xmm0", 40, 276, 128 },   { "mxcsr", 56, 532, 32 },
		{ "fs_base", 57, 536, 64 }, { "gs_base", 58, 544, 64 },
	};

	for (int avx = 0; avx < 2; avx++) {
		const struct iol_gdb_description *d = iol_x86_gdb_description(avx);

		g_assert_cmpstr(d->architecture, ==, "i386:x86-64");
		g_assert_cmpuint(d->pc, ==, 16);
		for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
			unsigned int number;
			size_t offset;
			const struct iol_gdb_register *r =
				find(d, wanted[i].name, &number, &offset);

			if (number != wanted[i].number || offset != wanted[i].offset ||
			    r->bits != wanted[i].bits)
				g_error("%s: number %u, offset %zu, %u bits", r->name, number,
					offset, r->bits);
		}
	}
}

static void test_avx(void)
{
	const struct iol_gdb_description *with = iol_x86_gdb_description(true);
	const struct iol_gdb_description *without = iol_x86_gdb_description(false);
	unsigned int number;
	size_t offset;

	find(with, "ymm0h", &number, &offset);
	g_assert_cmpuint(number, ==, IOL_X86_GDB_YMM0H);
	g_assert_cmpuint(offset, ==, 552);
	find(with, "cr0", &number, &offset);
	g_assert_cmpuint(number, ==, IOL_X86_GDB_YMM0H + IOL_X86_GDB_YMM_COUNT);
	find(without, "cr0", &number, &offset);
	g_assert_cmpuint(number, ==, IOL_X86_GDB_YMM0H);
	g_assert_cmpuint(offset, ==, 552);
	/* What goes as a whole is all but the system's. */
	g_assert_cmpuint(with->general_features, ==, with->feature_count - 1);
	g_assert_cmpuint(without->general_features, ==, without->feature_count - 1);
}

static bool is_known(const char *type)
{
	static const char *const predefined[] = { "int",      "int32",    "int64",  "code_ptr",
						  "data_ptr", "i387_ext", "uint128" };

	for (size_t i = 0; i < G_N_ELEMENTS(predefined); i++)
		if (!strcmp(type, predefined[i]))
			return true;
	return false;
}

/* Names are unique, sizes are whole bytes, types are GDB's or the feature's own, and the feature's XML is well-formed. */
static void check_feature(const struct iol_gdb_feature *feature, GHashTable *names)
{
	static const GMarkupParser nothing;
	GError *error = NULL;
	GMarkupParseContext *xml = g_markup_parse_context_new(&nothing, 0, NULL, NULL);
	g_autofree char *text =
		g_strdup_printf("<feature>%s</feature>", feature->types ? feature->types : "");

	if (!g_markup_parse_context_parse(xml, text, -1, &error) ||
	    !g_markup_parse_context_end_parse(xml, &error))
		g_error("%s: %s", feature->name, error->message);
	g_markup_parse_context_free(xml);
	for (unsigned int i = 0; i < feature->count; i++) {
		const struct iol_gdb_register *r = &feature->registers[i];
		g_autofree char *id = g_strdup_printf(" id=\"%s\"", r->type);

		if (!g_hash_table_add(names, (char *)r->name))
			g_error("%s is there twice", r->name);
		if (!r->bits || r->bits % 8)
			g_error("%s has %u bits", r->name, r->bits);
		if (!is_known(r->type) && !(feature->types && strstr(feature->types, id)))
			g_error("%s: nobody knows the type %s", r->name, r->type);
	}
}

static void test_sane(void)
{
	for (int avx = 0; avx < 2; avx++) {
		const struct iol_gdb_description *d = iol_x86_gdb_description(avx);
		GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
		GHashTable *features = g_hash_table_new(g_str_hash, g_str_equal);

		g_assert_cmpuint(d->feature_count, <=, IOL_GDB_FEATURES_MAX);
		for (unsigned int f = 0; f < d->feature_count; f++) {
			g_assert_true(g_hash_table_add(features, (char *)d->features[f]->name));
			check_feature(d->features[f], names);
		}
		g_hash_table_destroy(names);
		g_hash_table_destroy(features);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86/gdb/numbers", test_numbers);
	g_test_add_func("/x86/gdb/avx", test_avx);
	g_test_add_func("/x86/gdb/sane", test_sane);
	return g_test_run();
}
