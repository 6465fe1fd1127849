// SPDX-License-Identifier: Apache-2.0
/* See config_disks.h. */
#include "config_disks.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/config.h>

#include "config_text.h"
#include "fuzz.h"

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

void try_disks(const char *text)
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
