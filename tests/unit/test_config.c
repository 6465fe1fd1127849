// SPDX-License-Identifier: Apache-2.0
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

struct value_case {
	const char *text;
	uint64_t value; /* 0: refused */
};

static void check_memory(const struct value_case *c)
{
	struct iol_config config;
	struct iol_error err = { 0 };
	int ret;

	iol_config_init(&config);
	ret = iol_config_set_memory(&config, c->text, &err);
	g_test_message("memory '%s' -> %d: %s", c->text, ret, err.msg);
	if (c->value) {
		g_assert_cmpint(ret, ==, 0);
		g_assert_cmpuint(config.memory_bytes, ==, c->value);
	} else {
		g_assert_cmpint(ret, <, 0);
		g_assert_cmpuint(config.memory_bytes, ==, IOL_CONFIG_MEMORY_DEFAULT);
		g_assert_nonnull(strstr(err.msg, c->text));
	}
	iol_config_finish(&config);
}

static void test_memory(void)
{
	static const struct value_case cases[] = {
		{ "1M", IOL_MIB },
		{ "64G", 64 * IOL_GIB },
		{ "1028K", 1028 * 1024 },
		{ "1048576", IOL_MIB },
		{ "1023K", 0 },
		{ "65G", 0 },
		{ "0", 0 },
		{ "1025K", 0 },
		{ "1048577", 0 },
		{ "lots", 0 },
		{ "-5M", 0 },
		{ "99999999999999999999T", 0 },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++)
		check_memory(&cases[i]);
}

static void test_memory_suggests(void)
{
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_cmpint(iol_config_set_memory(&config, "1048577", &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==,
			"'1048577' is not a multiple of 4K: the nearest are 1024K and 1028K");
	g_assert_cmpint(iol_config_set_memory(&config, "65G", &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, "'65G' is out of range: give 1M to 64G");
	iol_config_finish(&config);
}

static void test_cpus(void)
{
	static const struct value_case cases[] = {
		{ "1", 1 },   { "64", 64 }, { "007", 7 },        { "0", 0 },
		{ "65", 0 },  { "", 0 },    { " 1", 0 },         { "1 ", 0 },
		{ "+1", 0 },  { "-1", 0 },  { "two", 0 },        { "1.5", 0 },
		{ "0x2", 0 }, { "1,2", 0 }, { "4294967297", 0 }, { "99999999999999999999", 0 },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_config config;
		struct iol_error err = { 0 };
		int ret;

		iol_config_init(&config);
		ret = iol_config_set_cpus(&config, cases[i].text, &err);
		g_test_message("cpus '%s' -> %d: %s", cases[i].text, ret, err.msg);
		g_assert_cmpint(ret, ==, cases[i].value ? 0 : -EINVAL);
		g_assert_cmpuint(config.cpus, ==, cases[i].value ? cases[i].value : 1);
		iol_config_finish(&config);
	}
}

static void test_serial(void)
{
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_cmpuint(config.serial_count, ==, 1);
	g_assert_cmpint(config.serials[0].kind, ==, IOL_CHAR_STDIO);
	g_assert_cmpint(iol_config_set_serial(&config, "null", &err), ==, 0);
	g_assert_cmpuint(config.serial_count, ==, 1);
	g_assert_cmpint(config.serials[0].kind, ==, IOL_CHAR_NULL);
	g_assert_cmpint(iol_config_set_serial(&config, "stdio", &err), ==, 0);
	g_assert_cmpint(config.serials[0].kind, ==, IOL_CHAR_STDIO);
	g_assert_cmpint(iol_config_set_serial(&config, "vga", &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"'vga' is no kind of serial line: give stdio, null, pty, file, unix, tcp or mux");
	g_assert_cmpuint(config.serial_count, ==, 1);
	iol_config_finish(&config);
}

static void test_kernel_address(void)
{
	static const struct {
		const char *text;
		uint64_t address;
	} good[] = {
		{ "0", 0 },
		{ "0x0", 0 },
		{ "0x1000000", 0x1000000 },
		{ "16777216", 0x1000000 },
		{ "0xFFFFfffc", 0xfffffffc },
		{ "0xfffffffffffffffc", UINT64_MAX - 3 },
	};
	static const char *const bad[] = { "",    "0x",   "0xg", " 4",  "4 ",
					   "-4",  "+4",   "4K",  "1.0", "0x10000000000000000",
					   "0x2", "4097", "abc", "3",   "0x0x4" };
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_false(config.has_kernel_address);
	for (size_t i = 0; i < IOL_ARRAY_LEN(bad); i++) {
		g_autofree char *value = g_strdup_printf("'%s' is no ", bad[i]);

		g_assert_cmpint(iol_config_set_kernel_address(&config, bad[i], &err), ==, -EINVAL);
		g_assert_true(g_str_has_prefix(err.msg, value));
		g_assert_false(config.has_kernel_address);
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(good); i++) {
		g_assert_cmpint(iol_config_set_kernel_address(&config, good[i].text, &err), ==, 0);
		g_assert_true(config.has_kernel_address);
		g_assert_cmphex(config.kernel_address, ==, good[i].address);
	}
	iol_config_finish(&config);
}

static void test_check(void)
{
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_cmpint(iol_config_check(&config, &err), ==, -EINVAL);
	g_assert_nonnull(strstr(err.msg, "-k"));
	config.kernel = g_strdup("vmlinuz");
	g_assert_cmpint(iol_config_check(&config, &err), ==, 0);
	g_assert_cmpstr(config.cmdline, ==, IOL_CONFIG_CMDLINE_DEFAULT);
	iol_config_finish(&config);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/memory", test_memory);
	g_test_add_func("/config/memory-suggests", test_memory_suggests);
	g_test_add_func("/config/cpus", test_cpus);
	g_test_add_func("/config/serial", test_serial);
	g_test_add_func("/config/kernel-address", test_kernel_address);
	g_test_add_func("/config/check", test_check);
	return g_test_run();
}
