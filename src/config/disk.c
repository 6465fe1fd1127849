// SPDX-License-Identifier: Apache-2.0
/* Disks and their keys. See include/iolite/config.h. Before any thread; the text is the user's. */
#include "keys.h"

#include <errno.h>
#include <glib.h>
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

static int set_cache(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_disk_config *disk = target;
	static const char *const modes[] = {
		[IOL_BLOCK_WRITEBACK] = "writeback",
		[IOL_BLOCK_WRITETHROUGH] = "writethrough",
		[IOL_BLOCK_UNSAFE] = "unsafe",
	};
	int mode = iol_key_choose(modes, IOL_ARRAY_LEN(modes), value);

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

const struct iol_key iol_disk_keys[] = {
	{ "path", IOL_VALUE_PATH, .head = true, .set = set_path },
	{ "id", IOL_VALUE_TEXT, .set = set_id },
	{ "ro", IOL_VALUE_FLAG, .bare = true, .set = set_ro },
	{ "direct", IOL_VALUE_FLAG, .bare = true, .set = set_direct },
	{ "cache", IOL_VALUE_TEXT, .set = set_cache },
	{ "discard", IOL_VALUE_FLAG, .set = set_discard },
	{ "lock", IOL_VALUE_FLAG, .set = set_lock },
	{ "queues", IOL_VALUE_COUNT, .set = set_queues },
	{ "transport", IOL_VALUE_TEXT, .set = set_transport },
	{ "serial", IOL_VALUE_TEXT, .set = set_serial },
	{ "bps", IOL_VALUE_SIZE, .set = set_bps },
	{ "iops", IOL_VALUE_COUNT, .set = set_iops },
#ifdef IOLITE_TEST_FAULTS
	{ "fault", IOL_VALUE_TEXT, .hidden = true, .set = set_fault },
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
