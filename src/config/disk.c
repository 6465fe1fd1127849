// SPDX-License-Identifier: Apache-2.0
/*
 * Disks: their keys, and the text of an option, PATH[,key[=value]...], a comma within a value written twice.
 * See include/iolite/config.h. Before any thread; the text is the user's.
 */
#include "config_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/size.h>

#define ID_LETTERS G_CSET_a_2_z G_CSET_A_2_Z

static int refuse(struct iol_error *err, const char *item, const char *what, const char *remedy)
{
	return iol_error_set(err, -EINVAL, "'%.64s' %s: %s", item, what, remedy);
}

static int set_bool(bool *field, const char *value, const char *item, struct iol_error *err)
{
	bool on = !strcmp(value, "on");

	if (!on && strcmp(value, "off"))
		return refuse(err, item, "is neither on nor off", "give on or off");
	*field = on;
	return 0;
}

static int set_ro(struct iol_disk_config *disk, const char *value, const char *item,
		  struct iol_error *err)
{
	return set_bool(&disk->read_only, value, item, err);
}

static int set_direct(struct iol_disk_config *disk, const char *value, const char *item,
		      struct iol_error *err)
{
	return set_bool(&disk->direct, value, item, err);
}

static int set_discard(struct iol_disk_config *disk, const char *value, const char *item,
		       struct iol_error *err)
{
	return set_bool(&disk->discard, value, item, err);
}

static int set_lock(struct iol_disk_config *disk, const char *value, const char *item,
		    struct iol_error *err)
{
	return set_bool(&disk->lock, value, item, err);
}

static int set_id(struct iol_disk_config *disk, const char *value, const char *item,
		  struct iol_error *err)
{
	size_t len = strlen(value);

	if (!len || !strchr(ID_LETTERS, value[0]) ||
	    strspn(value, ID_LETTERS G_CSET_DIGITS ".-_") != len)
		return refuse(err, item, "is no id",
			      "give a letter, then letters, digits, dots, dashes, underscores");
	if (len > IOL_CONFIG_DISK_ID_MAX)
		return iol_error_set(err, -EINVAL, "'%.64s' is too long: an id has up to %d bytes",
				     item, IOL_CONFIG_DISK_ID_MAX);
	disk->id = g_strdup(value);
	return 0;
}

static int set_serial(struct iol_disk_config *disk, const char *value, const char *item,
		      struct iol_error *err)
{
	size_t len = strlen(value);

	if (!len)
		return refuse(err, item, "is empty", "give a text, or leave it out for the id");
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isprint(value[i]))
			return refuse(err, item, "is not printable ASCII",
				      "give letters, digits, punctuation, spaces");
	if (len > IOL_CONFIG_DISK_SERIAL_MAX)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is too long: a serial has up to %d bytes", item,
				     IOL_CONFIG_DISK_SERIAL_MAX);
	disk->serial = g_strdup(value);
	return 0;
}

/* The place of @value among @names, or -1. */
static int find(const char *const *names, size_t count, const char *value)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], value))
			return (int)i;
	return -1;
}

static int set_cache(struct iol_disk_config *disk, const char *value, const char *item,
		     struct iol_error *err)
{
	static const char *const modes[] = {
		[IOL_BLOCK_WRITEBACK] = "writeback",
		[IOL_BLOCK_WRITETHROUGH] = "writethrough",
		[IOL_BLOCK_UNSAFE] = "unsafe",
	};
	int mode = find(modes, IOL_ARRAY_LEN(modes), value);

	if (!strcmp(value, "none"))
		return refuse(err, item, "is no cache mode",
			      "give direct, which goes past the host's page cache");
	if (mode < 0)
		return refuse(err, item, "is no cache mode",
			      "give writeback, writethrough or unsafe");
	disk->cache = (enum iol_block_cache)mode;
	return 0;
}

static int set_transport(struct iol_disk_config *disk, const char *value, const char *item,
			 struct iol_error *err)
{
	static const char *const kinds[] = {
		[IOL_TRANSPORT_PCI] = "pci",
		[IOL_TRANSPORT_MMIO] = "mmio",
	};
	int kind = find(kinds, IOL_ARRAY_LEN(kinds), value);

	if (kind < 0)
		return refuse(err, item, "is no transport", "give pci or mmio");
	disk->transport = (enum iol_transport)kind;
	return 0;
}

static int set_queues(struct iol_disk_config *disk, const char *value, const char *item,
		      struct iol_error *err)
{
	uint64_t count;

	if (!iol_number_parse(value, 10, 1, IOL_CONFIG_DISK_QUEUES_MAX, &count))
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is not a number of queues: give 1 to %d, or leave it "
				     "out for one for each CPU",
				     item, IOL_CONFIG_DISK_QUEUES_MAX);
	disk->queues = (unsigned int)count;
	return 0;
}

static int set_bps(struct iol_disk_config *disk, const char *value, const char *item,
		   struct iol_error *err)
{
	if (!iol_size_parse(value, &disk->bytes_per_s, NULL))
		return 0;
	return refuse(err, item, "is not bytes a second",
		      "give a whole number and K, M, G or T, such as 100M; 0 is no limit");
}

static int set_iops(struct iol_disk_config *disk, const char *value, const char *item,
		    struct iol_error *err)
{
	if (!iol_number_parse(value, 10, 0, UINT64_MAX, &disk->requests_per_s))
		return refuse(err, item, "is not requests a second",
			      "give a whole number, such as 500; 0 is no limit");
	return 0;
}

#ifdef IOLITE_TEST_FAULTS
/* Judged by the backend that it is for. */
static int set_fault(struct iol_disk_config *disk, const char *value, const char *item,
		     struct iol_error *err)
{
	if (!*value)
		return refuse(err, item, "is empty", "give a fault specification");
	disk->fault = g_strdup(value);
	return 0;
}
#endif

static const struct iol_disk_key keys[] = {
	{ "id", IOL_VALUE_TEXT, false, set_id },
	{ "ro", IOL_VALUE_FLAG, true, set_ro },
	{ "direct", IOL_VALUE_FLAG, true, set_direct },
	{ "cache", IOL_VALUE_TEXT, false, set_cache },
	{ "discard", IOL_VALUE_FLAG, false, set_discard },
	{ "lock", IOL_VALUE_FLAG, false, set_lock },
	{ "queues", IOL_VALUE_COUNT, false, set_queues },
	{ "transport", IOL_VALUE_TEXT, false, set_transport },
	{ "serial", IOL_VALUE_TEXT, false, set_serial },
	{ "bps", IOL_VALUE_SIZE, false, set_bps },
	{ "iops", IOL_VALUE_COUNT, false, set_iops },
#ifdef IOLITE_TEST_FAULTS
	{ "fault", IOL_VALUE_TEXT, false, set_fault },
#endif
};

enum { KEYS_HELD = sizeof(uint32_t) * 8 };

const struct iol_disk_key *iol_disk_key_find(const char *name)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

void iol_disk_key_names(const char *names[IOL_DISK_NAMES_MAX])
{
	_Static_assert(IOL_ARRAY_LEN(keys) + 2 <= IOL_DISK_NAMES_MAX, "room for all names");
	*names++ = "path";
	for (size_t i = 0; i < IOL_ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].name, "fault"))
			*names++ = keys[i].name;
	*names = NULL;
}

static int unknown(const char *item, const char *name, struct iol_error *err)
{
	const char *names[IOL_DISK_NAMES_MAX];

	iol_disk_key_names(names);
	/* The path has no key here. */
	iol_name_refuse(name, names + 1, "; a comma in a value is written twice", err);
	iol_error_prefix(err, "'%.64s'", item);
	return -EINVAL;
}

/* @item: "key" or "key=value". @seen has a bit for each key that was there before. */
static int set_item(struct iol_disk_config *disk, const char *item, uint32_t *seen,
		    struct iol_error *err)
{
	const char *equals = strchr(item, '=');
	g_autofree char *name = equals ? g_strndup(item, (gsize)(equals - item)) : g_strdup(item);
	const struct iol_disk_key *key = iol_disk_key_find(name);
	uint32_t bit;

	_Static_assert(IOL_ARRAY_LEN(keys) <= KEYS_HELD, "a bit for each key");
	if (!*item)
		return iol_error_set(err, -EINVAL,
				     "a comma with nothing behind it: take it away, or write it "
				     "twice if it belongs to a value");
	if (!key)
		return unknown(item, name, err);
	bit = UINT32_C(1) << (key - keys);
	if (*seen & bit)
		return iol_error_set(err, -EINVAL, "'%.64s': '%s' is given twice: leave one out",
				     item, name);
	*seen |= bit;
	if (!equals && !key->bare)
		return iol_error_set(err, -EINVAL, "'%s' lacks its value: write it as %s=...", name,
				     name);
	return key->set(disk, equals ? equals + 1 : "on", item, err);
}

/* Takes the text up to the next single comma off @rest, which is NULL behind the last. */
static char *next_item(const char **rest)
{
	GString *item = g_string_new(NULL);
	const char *at = *rest;

	while (*at && (*at != ',' || at[1] == ',')) {
		at += *at == ',';
		g_string_append_c(item, *at++);
	}
	*rest = *at ? at + 1 : NULL;
	return g_string_free(item, FALSE);
}

static int check_path(const char *path, struct iol_error *err)
{
	if (!*path)
		return iol_error_set(err, -EINVAL,
				     "no path: name a disk image or a block device first, such as "
				     "disk.img or disk.img,ro");
	if (g_str_has_prefix(path, "file=") || g_str_has_prefix(path, "path="))
		return iol_error_set(err, -EINVAL,
				     "the path stands first and without a key, such as %.64s; a "
				     "file of this name is ./%.64s",
				     path[5] ? path + 5 : "disk.img", path);
	return 0;
}

static int parse(struct iol_disk_config *disk, const char *text, struct iol_error *err)
{
	uint32_t seen = 0;
	int ret;

	disk->path = next_item(&text);
	ret = check_path(disk->path, err);
	while (!ret && text) {
		g_autofree char *item = next_item(&text);

		ret = set_item(disk, item, &seen, err);
	}
	return ret;
}

/* @disk beside those before it. */
static int check_others(const struct iol_config *config, const struct iol_disk_config *disk,
			struct iol_error *err)
{
	for (unsigned int i = 0; i < config->disk_count; i++) {
		const struct iol_disk_config *other = &config->disks[i];

		if (!strcmp(other->id, disk->id))
			return iol_error_set(err, -EINVAL,
					     "its id '%s' is that of the disk '%.64s' already: "
					     "give another id",
					     disk->id, other->path);
		if (!strcmp(other->path, disk->path) && !(other->read_only && disk->read_only))
			return iol_error_set(err, -EINVAL,
					     "given twice (as %s and %s): leave one out, or make "
					     "both ro",
					     other->id, disk->id);
	}
	return 0;
}

void iol_disk_config_init(struct iol_disk_config *disk)
{
	*disk = (struct iol_disk_config){ .discard = true, .lock = true };
}

int iol_config_append_disk(struct iol_config *config, struct iol_disk_config *disk,
			   struct iol_error *err)
{
	int ret;

	if (!disk->id)
		disk->id = g_strdup_printf("disk%u", config->disk_count);
	if (config->disk_count == IOL_CONFIG_DISKS_MAX)
		ret = iol_error_set(err, -EINVAL, "one disk too many: a machine has up to %d",
				    IOL_CONFIG_DISKS_MAX);
	else
		ret = check_others(config, disk, err);
	if (ret) {
		iol_error_prefix(err, "'%.64s'", disk->path);
		iol_disk_config_finish(disk);
		return ret;
	}
	config->disks[config->disk_count++] = *disk;
	memset(disk, 0, sizeof(*disk));
	return 0;
}

int iol_config_add_disk(struct iol_config *config, const char *text, struct iol_error *err)
{
	struct iol_disk_config disk;
	int ret;

	iol_disk_config_init(&disk);
	ret = parse(&disk, text, err);
	if (!ret)
		return iol_config_append_disk(config, &disk, err);
	iol_error_prefix(err, "'%.64s'", disk.path);
	iol_disk_config_finish(&disk);
	return ret;
}

void iol_disk_config_finish(struct iol_disk_config *disk)
{
	g_free(disk->path);
	g_free(disk->id);
	g_free(disk->serial);
	g_free(disk->fault);
	memset(disk, 0, sizeof(*disk));
}
