// SPDX-License-Identifier: Apache-2.0
/* Disks and their keys. See include/iolite/config.h. Before any thread; the text is the user's. */
#include "keys.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/size.h>

static int set_ro(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;

	return iol_key_set_bool(&disk->read_only, value, item, err);
}

static int set_direct(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;

	return iol_key_set_bool(&disk->direct, value, item, err);
}

static int set_discard(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;

	return iol_key_set_bool(&disk->discard, value, item, err);
}

static int set_lock(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;

	return iol_key_set_bool(&disk->lock, value, item, err);
}

static int set_id(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;

	return iol_key_set_id(&disk->id, value, item, err);
}

static int set_serial(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;
	size_t len = strlen(value);

	if (!len)
		return iol_key_refuse(err, item, "is empty",
				      "give a text, or leave it out for the id");
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isprint(value[i]))
			return iol_key_refuse(err, item, "is not printable ASCII",
					      "give letters, digits, punctuation, spaces");
	if (len > IOL_CONFIG_DISK_SERIAL_MAX)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is too long: a serial has up to %d bytes", item,
				     IOL_CONFIG_DISK_SERIAL_MAX);
	disk->serial = g_strdup(value);
	return 0;
}

static const char *const modes[] = {
	[IOL_BLOCK_WRITEBACK] = "writeback",
	[IOL_BLOCK_WRITETHROUGH] = "writethrough",
	[IOL_BLOCK_UNSAFE] = "unsafe",
	NULL,
};

const char *iol_block_cache_name(enum iol_block_cache cache)
{
	return modes[cache];
}

static int set_cache(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;
	int mode = iol_key_choose(modes, IOL_ARRAY_LEN(modes) - 1, value);

	if (!strcmp(value, "none"))
		return iol_key_refuse(err, item, "is no cache mode",
				      "give direct, which goes past the host's page cache");
	if (mode < 0)
		return iol_key_refuse(err, item, "is no cache mode",
				      "give writeback, writethrough or unsafe");
	disk->cache = (enum iol_block_cache)mode;
	return 0;
}

static int set_transport(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;

	return iol_key_set_transport(&disk->transport, value, item, err);
}

static int set_queues(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;
	uint64_t count;

	if (!iol_number_parse(value, 10, 1, IOL_CONFIG_DISK_QUEUES_MAX, &count))
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is not a number of queues: give 1 to %d, or leave it "
				     "out for one for each CPU",
				     item, IOL_CONFIG_DISK_QUEUES_MAX);
	disk->queues = (unsigned int)count;
	return 0;
}

static int set_bps(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;
	if (!iol_size_parse(value, &disk->bytes_per_s, NULL))
		return 0;
	return iol_key_refuse(err, item, "is not bytes a second",
			      "give a whole number and K, M, G or T, such as 100M; 0 is no limit");
}

static int set_iops(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;
	if (!iol_number_parse(value, 10, 0, UINT64_MAX, &disk->requests_per_s))
		return iol_key_refuse(err, item, "is not requests a second",
				      "give a whole number, such as 500; 0 is no limit");
	return 0;
}

#ifdef IOLITE_TEST_FAULTS
/* Judged by the backend that it is for. */
static int set_fault(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;
	if (!*value)
		return iol_key_refuse(err, item, "is empty", "give a fault specification");
	disk->fault = g_strdup(value);
	return 0;
}
#endif

static int set_path(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;

	(void)item;
	(void)err;
	g_free(disk->path);
	disk->path = g_strdup(value);
	return 0;
}

/* A getter of a field that needs nothing but its type. */
#define GETTER(name, call)                                    \
	static char *name(const void *target, unsigned int i) \
	{                                                     \
		const struct iol_disk_config *disk = target;  \
                                                              \
		(void)i;                                      \
		return call;                                  \
	}

GETTER(get_path, g_strdup(disk->path))
GETTER(get_id, g_strdup(disk->id))
GETTER(get_ro, iol_key_get_bool(disk->read_only))
GETTER(get_direct, iol_key_get_bool(disk->direct))
GETTER(get_cache, g_strdup(iol_block_cache_name(disk->cache)))
GETTER(get_discard, iol_key_get_bool(disk->discard))
GETTER(get_lock, iol_key_get_bool(disk->lock))
GETTER(get_queues, iol_key_get_count(disk->queues))
GETTER(get_transport, iol_key_get_transport(disk->transport))
GETTER(get_bps, iol_key_get_size(disk->bytes_per_s))
/* As much as JSON has: no disk reaches it. */
GETTER(get_iops, g_strdup_printf("%" PRIu64, MIN(disk->requests_per_s, INT64_MAX)))
#ifdef IOLITE_TEST_FAULTS
GETTER(get_fault, g_strdup(disk->fault))
#endif

/* Without one the guest reads the id, as much of it as fits. */
static char *get_serial(const void *target, unsigned int i)
{
	const struct iol_disk_config *disk = target;

	(void)i;
	return disk->serial ? g_strdup(disk->serial)
			    : g_strndup(disk->id, IOL_CONFIG_DISK_SERIAL_MAX);
}

const struct iol_key iol_disk_keys[] = {
	{ .name = "path",
	  .kind = IOL_VALUE_PATH,
	  .head = true,
	  .set = set_path,
	  .get = get_path,
	  .doc.text = "A raw image or a block device." },
	{ .name = "id",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_id,
	  .get = get_id,
	  .doc.text = "A name for messages and control; without it, disk0, disk1 and so on." },
	{ .name = "ro",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_ro,
	  .get = get_ro,
	  .doc = { .text = "Whether it is only read.", .fallback = "false" } },
	{ .name = "direct",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_direct,
	  .get = get_direct,
	  .doc = { .text = "Whether it goes past the host's page cache.", .fallback = "false" } },
	{ .name = "cache",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_cache,
	  .get = get_cache,
	  .doc = { .text = "When what was written is on the disk.",
		   .fallback = "\"writeback\"",
		   .values = modes } },
	{ .name = "discard",
	  .kind = IOL_VALUE_FLAG,
	  .set = set_discard,
	  .get = get_discard,
	  .doc = { .text = "Whether what the guest discards is given back.", .fallback = "true" } },
	{ .name = "lock",
	  .kind = IOL_VALUE_FLAG,
	  .set = set_lock,
	  .get = get_lock,
	  .doc = { .text = "Whether the file is locked against a second user.",
		   .fallback = "true" } },
	{ .name = "queues",
	  .kind = IOL_VALUE_COUNT,
	  .set = set_queues,
	  .get = get_queues,
	  .doc = { .text = "Request queues; without it, one for each CPU.",
		   .min = 1,
		   .max = IOL_CONFIG_DISK_QUEUES_MAX } },
	{ .name = "transport",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_transport,
	  .get = get_transport,
	  .doc = { .text = "How the guest finds it.",
		   .fallback = "\"pci\"",
		   .values = iol_transports } },
	{ .name = "serial",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_serial,
	  .get = get_serial,
	  .doc.text = "What the guest reads as serial number; without it, the id." },
	{ .name = "bps",
	  .kind = IOL_VALUE_SIZE,
	  .set = set_bps,
	  .get = get_bps,
	  .doc = { .text = "Bytes a second at most; 0 is no limit.", .fallback = "0" } },
	{ .name = "iops",
	  .kind = IOL_VALUE_COUNT,
	  .set = set_iops,
	  .get = get_iops,
	  .doc = { .text = "Requests a second at most; 0 is no limit.",
		   .fallback = "0",
		   .max = INT64_MAX } },
#ifdef IOLITE_TEST_FAULTS
	{ .name = "fault",
	  .kind = IOL_VALUE_TEXT,
	  .hidden = true,
	  .set = set_fault,
	  .get = get_fault },
#endif
	{ .name = NULL },
};

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
	int ret;

	disk->path = iol_keys_next(&text);
	ret = check_path(disk->path, err);
	return ret ? ret : iol_keys_read(iol_disk_keys, text, disk, err);
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
