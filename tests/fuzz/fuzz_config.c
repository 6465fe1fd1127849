// SPDX-License-Identifier: Apache-2.0
/*
 * Texts of options and configuration values, against a second reading of what they should mean. The
 * first byte says which value, the rest is the text.
 */
#include "fuzz.h"

#include <errno.h>
#include <glib.h>

#include <iolite/config.h>
#include <iolite/size.h>

#include "arch/x86_64/x86.h"

/* As users write them; longer texts only make their error's remedy unreadable. */
enum { TEXT_BYTES_MAX = 2000 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What @text says as digits and a suffix: 0, -EINVAL or -ERANGE. */
static int read_number(const char *text, const char *suffixes, uint64_t *value)
{
	const unsigned __int128 limit = (unsigned __int128)1 << 64;
	unsigned __int128 number = 0;
	const char *at = text, *suffix;

	for (; is_digit(*at); at++)
		if (number < limit)
			number = number * 10 + (unsigned int)(*at - '0');
	if (at == text)
		return -EINVAL;
	if (*at) {
		suffix = strchr(suffixes, *at);
		if (!suffix || at[1])
			return number >= limit ? -ERANGE : -EINVAL;
		/* K k M m G g T t */
		for (long i = 0; i <= (suffix - suffixes) / 2; i++)
			if (number < limit)
				number *= 1024;
	}
	if (number >= limit)
		return -ERANGE;
	*value = (uint64_t)number;
	return 0;
}

/* An error names the value, a long one by its beginning, and is not cut before its remedy. */
static void check_error(const struct iol_error *err, int ret, const char *text)
{
	g_autofree char *shown = g_strdup_printf("'%.64s'", text);

	for (char *c = shown; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fuzz_check_error(err, ret);
	fuzz_check(g_str_has_prefix(err->msg, shown));
	fuzz_check(strlen(err->msg) < sizeof(err->msg) - 1);
}

static void try_size(const char *text)
{
	char formatted[IOL_SIZE_TEXT_BYTES];
	uint64_t bytes = 1, expected = 1, again = 0;
	int expected_ret = read_number(text, "KkMmGgTt", &expected);
	struct iol_error err = { 0 };
	int ret = iol_size_parse(text, &bytes, &err);

	fuzz_check(ret == expected_ret && bytes == expected);
	fuzz_check(iol_size_parse(text, &bytes, NULL) == ret);
	if (ret) {
		check_error(&err, ret, text);
		return;
	}
	fuzz_check(!iol_size_parse(iol_size_format(bytes, formatted), &again, NULL));
	fuzz_check(again == bytes);
}

static void try_memory(const char *text)
{
	struct iol_error err = { 0 };
	struct iol_config config;
	struct iol_layout layout;
	uint64_t expected = 0, sum = 0;
	int ret, expected_ret = read_number(text, "KkMmGgTt", &expected);

	if (!expected_ret &&
	    (expected < IOL_CONFIG_MEMORY_MIN || expected > IOL_CONFIG_MEMORY_MAX ||
	     expected % IOL_CONFIG_MEMORY_STEP))
		expected_ret = -EINVAL;
	iol_config_init(&config);
	ret = iol_config_set_memory(&config, text, &err);
	fuzz_check(ret == expected_ret);
	if (ret) {
		check_error(&err, ret, text);
		fuzz_check(config.memory_bytes == IOL_CONFIG_MEMORY_DEFAULT);
	} else {
		/* What the configuration takes, the machine has. */
		fuzz_check(config.memory_bytes == expected);
		fuzz_check(!iol_x86_layout(config.memory_bytes, 1, &layout, NULL));
		for (unsigned int i = 0; i < layout.ram_count; i++)
			sum += layout.ram[i].size_bytes;
		fuzz_check(sum == expected);
	}
	iol_config_finish(&config);
}

static void try_cpus(const char *text)
{
	struct iol_error err = { 0 };
	struct iol_config config;
	struct iol_layout layout;
	uint64_t expected = 0;
	int ret;

	if (read_number(text, "", &expected) || expected > IOL_CONFIG_CPUS_MAX)
		expected = 0;
	iol_config_init(&config);
	ret = iol_config_set_cpus(&config, text, &err);
	fuzz_check(ret == (expected ? 0 : -EINVAL));
	fuzz_check(config.cpus == (expected ? expected : 1));
	if (ret)
		check_error(&err, ret, text);
	else
		fuzz_check(!iol_x86_layout(IOL_MIB, config.cpus, &layout, NULL));
	iol_config_finish(&config);
}

static void try_serial(const char *text)
{
	bool known = !strcmp(text, "stdio") || !strcmp(text, "null");
	struct iol_error err = { 0 };
	struct iol_config config;
	int ret;

	iol_config_init(&config);
	ret = iol_config_set_serial(&config, text, &err);
	fuzz_check(ret == (known ? 0 : -EINVAL));
	fuzz_check(config.serial == (strcmp(text, "null") ? IOL_SERIAL_STDIO : IOL_SERIAL_NULL));
	if (ret)
		check_error(&err, ret, text);
	iol_config_finish(&config);
}

static void try_check(const char *text)
{
	struct iol_error err = { 0 };
	struct iol_config config;
	int ret;

	iol_config_init(&config);
	if (*text)
		config.kernel = g_strdup(text);
	if (strlen(text) % 2)
		config.cmdline = g_strdup(text);
	ret = iol_config_check(&config, &err);
	fuzz_check(ret == (*text ? 0 : -EINVAL));
	if (ret)
		fuzz_check_error(&err, ret);
	else
		fuzz_check(config.cmdline && config.kernel);
	iol_config_finish(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const tries[])(const char *text) = {
		try_size, try_memory, try_cpus, try_serial, try_check,
	};
	struct fuzz_input in = { data, len };
	uint8_t which = fuzz_u8(&in);
	g_autofree char *text = NULL;
	size_t got;

	data = fuzz_take(&in, TEXT_BYTES_MAX, &got);
	text = g_strndup((const char *)data, got);
	tries[which % IOL_ARRAY_LEN(tries)](text);
	return 0;
}
