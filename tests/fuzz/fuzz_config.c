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
		fuzz_check(!iol_x86_layout(
			&(struct iol_layout_request){ .memory_bytes = config.memory_bytes,
						      .cpus = 1 },
			&layout, NULL));
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
		fuzz_check(!iol_x86_layout(&(struct iol_layout_request){ .memory_bytes = IOL_MIB,
									 .cpus = config.cpus },
					   &layout, NULL));
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

/* --- disks: the grammar as regular expressions --- */

static const struct {
	const char *name, *values;
} disk_keys[] = {
	{ "id", "^[A-Za-z][A-Za-z0-9._-]{0,31}$" },
	{ "ro", "^(on|off)$" },
	{ "direct", "^(on|off)$" },
	{ "cache", "^(writeback|writethrough|unsafe)$" },
	{ "discard", "^(on|off)$" },
	{ "lock", "^(on|off)$" },
	{ "queues", "^0*([1-9]|1[0-6])$" },
	{ "transport", "^(pci|mmio)$" },
	{ "serial", "^[ -~]{1,20}$" },
	{ "bps", "^" },
	{ "iops", "^[0-9]+$" },
#ifdef IOLITE_TEST_FAULTS
	{ "fault", "^.+$" },
#endif
};

static bool matches(const char *regex, const char *text)
{
	return g_regex_match_simple(regex, text,
				    G_REGEX_RAW | G_REGEX_DOLLAR_ENDONLY | G_REGEX_DOTALL, 0);
}

static bool value_is_right(const char *name, const char *values, const char *value)
{
	uint64_t number;

	if (!strcmp(name, "bps"))
		return !read_number(value, "KkMmGgTt", &number);
	if (!strcmp(name, "iops"))
		return matches(values, value) && !read_number(value, "", &number);
	return matches(values, value);
}

/* Key -> value of one disk, "" -> path; NULL: not to be taken. */
static GHashTable *read_disk(const char *text)
{
	GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	g_auto(GStrv) halves = g_strsplit(text, ",,", -1);
	g_autofree char *marked = g_strjoinv("\001", halves);
	g_auto(GStrv) items = g_strsplit(marked, ",", -1);
	bool right = items[0] && *items[0] && !matches("^(file|path)=", items[0]);

	for (size_t i = 0; right && items[i]; i++) {
		char *equals = strchr(items[i], '=');
		const char *value = equals ? equals + 1 : NULL;
		size_t key = 0;

		g_strdelimit(items[i], "\001", ',');
		if (!i) {
			g_hash_table_insert(found, (void *)"", g_strdup(items[0]));
			continue;
		}
		if (equals)
			*equals = '\0';
		while (key < G_N_ELEMENTS(disk_keys) && strcmp(disk_keys[key].name, items[i]))
			key++;
		if (!value && (!strcmp(items[i], "ro") || !strcmp(items[i], "direct")))
			value = "on";
		right = key < G_N_ELEMENTS(disk_keys) && value &&
			value_is_right(disk_keys[key].name, disk_keys[key].values, value) &&
			g_hash_table_insert(found, (void *)disk_keys[key].name, g_strdup(value));
	}
	if (!right)
		g_clear_pointer(&found, g_hash_table_unref);
	return found;
}

static bool is_on(GHashTable *found, const char *key, bool otherwise)
{
	const char *value = g_hash_table_lookup(found, key);

	return value ? !strcmp(value, "on") : otherwise;
}

static uint64_t number_of(GHashTable *found, const char *key)
{
	const char *value = g_hash_table_lookup(found, key);
	uint64_t number = 0;

	if (value)
		fuzz_check(!read_number(value, "KkMmGgTt", &number));
	return number;
}

static void check_disk(const struct iol_disk_config *disk, GHashTable *found, unsigned int i)
{
	g_autofree char *default_id = g_strdup_printf("disk%u", i);
	const char *id = g_hash_table_lookup(found, "id");
	const char *cache = g_hash_table_lookup(found, "cache");
	const char *transport = g_hash_table_lookup(found, "transport");
	int mode = !cache || !strcmp(cache, "writeback") ? IOL_BLOCK_WRITEBACK
		   : !strcmp(cache, "unsafe")            ? IOL_BLOCK_UNSAFE
							 : IOL_BLOCK_WRITETHROUGH;

	fuzz_check(!strcmp(disk->path, g_hash_table_lookup(found, "")));
	fuzz_check(!strcmp(disk->id, id ? id : default_id));
	fuzz_check(!g_strcmp0(disk->serial, g_hash_table_lookup(found, "serial")));
	fuzz_check(!g_strcmp0(disk->fault, g_hash_table_lookup(found, "fault")));
	fuzz_check(disk->read_only == is_on(found, "ro", false));
	fuzz_check(disk->direct == is_on(found, "direct", false));
	fuzz_check(disk->discard == is_on(found, "discard", true));
	fuzz_check(disk->lock == is_on(found, "lock", true));
	fuzz_check((int)disk->cache == mode);
	fuzz_check((disk->transport == IOL_TRANSPORT_MMIO) == !g_strcmp0(transport, "mmio"));
	fuzz_check(disk->queues == number_of(found, "queues"));
	fuzz_check(disk->bytes_per_s == number_of(found, "bps"));
	fuzz_check(disk->requests_per_s == number_of(found, "iops"));
}

/* Whether a disk as read may stand beside those that are there. */
static bool fits(const struct iol_config *config, GHashTable *found)
{
	g_autofree char *default_id = g_strdup_printf("disk%u", config->disk_count);
	const char *id = g_hash_table_lookup(found, "id");

	for (unsigned int i = 0; i < config->disk_count; i++) {
		const struct iol_disk_config *other = &config->disks[i];

		if (!strcmp(other->id, id ? id : default_id))
			return false;
		if (!strcmp(other->path, g_hash_table_lookup(found, "")) &&
		    !(other->read_only && is_on(found, "ro", false)))
			return false;
	}
	return config->disk_count < IOL_CONFIG_DISKS_MAX;
}

/* One disk a line. */
static void try_disks(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", 3 * IOL_CONFIG_DISKS_MAX);
	struct iol_config config;

	iol_config_init(&config);
	for (size_t i = 0; lines[i] && !strchr(lines[i], '\001'); i++) {
		struct iol_error err = { 0 };
		unsigned int count = config.disk_count;
		GHashTable *found = read_disk(lines[i]);
		bool right = found && fits(&config, found);
		int ret = iol_config_add_disk(&config, lines[i], &err);

		fuzz_check(ret == (right ? 0 : -EINVAL));
		fuzz_check(config.disk_count == count + right);
		if (right)
			check_disk(&config.disks[count], found, count);
		else
			fuzz_check_error(&err, ret);
		g_clear_pointer(&found, g_hash_table_unref);
	}
	iol_config_finish(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const tries[])(const char *text) = {
		try_size, try_memory, try_cpus, try_serial, try_check, try_disks,
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
