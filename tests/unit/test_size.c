// SPDX-License-Identifier: Apache-2.0
#include <iolite/size.h>

#include <errno.h>
#include <glib.h>

static void test_parse(void)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "4096", 0, 4096 },
		{ "1k", 0, 1024 },
		{ "1K", 0, 1024 },
		{ "512M", 0, 512 * IOL_MIB },
		{ "64G", 0, 64 * IOL_GIB },
		{ "2T", 0, UINT64_C(2) << 40 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "16777215T", 0, UINT64_C(16777215) << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999G", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "M", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1MB", -EINVAL, 0 },
		{ "1P", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_error err = { 0 };
		uint64_t bytes = 0;
		int ret = iol_size_parse(cases[i].text, &bytes, &err);

		g_test_message("'%s' -> %d %" G_GUINT64_FORMAT, cases[i].text, ret, bytes);
		g_assert_cmpint(ret, ==, cases[i].ret);
		g_assert_cmpuint(bytes, ==, cases[i].bytes);
		if (ret) {
			g_autofree char *quoted = g_strdup_printf("'%s'", cases[i].text);

			g_assert_nonnull(g_strstr_len(err.msg, -1, quoted));
		}
	}
}

static void test_format_round_trip(void)
{
	static const uint64_t values[] = {
		0,
		1,
		1000,
		1023,
		1024,
		1025,
		IOL_MIB,
		IOL_MIB + 4096,
		3 * IOL_GIB,
		64 * IOL_GIB,
		UINT64_MAX,
		UINT64_C(1) << 50,
		UINT64_C(5) << 60,
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(values); i++) {
		char text[IOL_SIZE_TEXT_BYTES];
		uint64_t bytes = ~values[i];

		g_assert_cmpint(iol_size_parse(iol_size_format(values[i], text), &bytes, NULL), ==,
				0);
		g_assert_cmpuint(bytes, ==, values[i]);
	}
}

static void test_format_is_short(void)
{
	char text[IOL_SIZE_TEXT_BYTES];

	g_assert_cmpstr(iol_size_format(268435456, text), ==, "256M");
	g_assert_cmpstr(iol_size_format(1000, text), ==, "1000");
	g_assert_cmpstr(iol_size_format(IOL_GIB + IOL_MIB, text), ==, "1025M");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/size/parse", test_parse);
	g_test_add_func("/size/format-round-trip", test_format_round_trip);
	g_test_add_func("/size/format-is-short", test_format_is_short);
	return g_test_run();
}
