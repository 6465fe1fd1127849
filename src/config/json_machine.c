// SPDX-License-Identifier: Apache-2.0
/* The keys of a JSON file, but "tree". See json_reader.h; iolite-config(5) tells what they mean. */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "keys.h"

static int read_overlay(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *item)
{
	g_autofree char *path = iol_json_scalar(json, at, item, IOL_VALUE_PATH);

	if (!path)
		return -EINVAL;
	return iol_config_add_dtb_overlay(json->config, path, json->err)
		       ? iol_json_refused(json, at)
		       : 0;
}

static int read_overlays(const struct iol_json *json, const struct iol_json_place *at,
			 const json_t *value)
{
	return iol_json_list(json, at, value, "a list of paths, in [ and ]", read_overlay);
}

static const struct iol_json_key boot_keys[] = {
	{ "kernel", NULL, IOL_VALUE_PATH, iol_config_set_kernel },
	{ "kernel-address", NULL, IOL_VALUE_TEXT, iol_config_set_kernel_address },
	{ "initrd", NULL, IOL_VALUE_PATH, iol_config_set_initrd },
	{ "cmdline", NULL, IOL_VALUE_TEXT, iol_config_set_cmdline },
	{ "dtb", NULL, IOL_VALUE_PATH, iol_config_set_dtb },
	{ "dtb-overlays", .read = read_overlays },
	{ .name = NULL },
};

static int read_boot(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *value)
{
	return iol_json_object(json, at, value, boot_keys);
}

static int read_disk(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *item)
{
	struct iol_disk_config disk;
	int ret;

	iol_disk_config_init(&disk);
	ret = iol_json_keys(json, at, item, "{\"path\": \"disk.img\"}", iol_disk_keys, &disk);
	if (!ret && (!disk.path || !*disk.path))
		ret = iol_json_refuse(json, at,
				      "no path: name a disk image or a block device, such as "
				      "\"path\": \"disk.img\"");
	if (!ret && iol_config_append_disk(json->config, &disk, json->err))
		ret = iol_json_refused(json, at);
	iol_disk_config_finish(&disk);
	return ret;
}

static int read_disks(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *value)
{
	return iol_json_list(json, at, value, "a list of objects, in [ and ]", read_disk);
}

/* The kind says which other keys there are, so it is read before them. */
static int read_net_kind(const struct iol_json *json, const struct iol_json_place *at,
			 const json_t *item, enum iol_net_kind *kind)
{
	struct iol_json_place place = { .up = at, .key = "kind" };
	const json_t *value = json_object_get(item, "kind");
	g_autofree char *text = NULL;

	if (!json_is_object(item))
		return iol_json_refuse_type(json, at, item,
					    "an object, such as {\"kind\": \"user\"}");
	if (!value)
		return iol_json_refuse(json, at, "no kind: give one, such as \"kind\": \"user\"");
	text = iol_json_scalar(json, &place, value, IOL_VALUE_TEXT);
	if (!text)
		return -EINVAL;
	return iol_net_kind_parse(text, kind, json->err) ? iol_json_refused(json, &place) : 0;
}

static int read_net(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *item)
{
	enum iol_net_kind kind = IOL_NET_KIND_NONE;
	struct iol_net_config net;
	int ret = read_net_kind(json, at, item, &kind);

	if (ret)
		return ret;
	iol_net_config_init(&net, kind);
	ret = iol_json_keys(json, at, item, "{\"kind\": \"user\"}", iol_net_keys[kind], &net);
	if (!ret && iol_config_append_net(json->config, &net, json->err))
		ret = iol_json_refused(json, at);
	iol_net_config_finish(&net);
	return ret;
}

static int read_nets(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *value)
{
	return iol_json_list(json, at, value, "a list of objects, in [ and ]", read_net);
}

/* A serial line or the console; what it owns is the caller's, also on failure. */
static int read_line(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *item, struct iol_char_config *line)
{
	int ret;

	iol_char_config_init(line);
	ret = iol_json_keys(json, at, item, "{\"kind\": \"pty\"}", iol_char_keys, line);
	if (!ret && !json_object_get(item, "kind"))
		ret = iol_json_refuse(json, at,
				      "no kind: give \"kind\": \"stdio\", \"null\", \"pty\", "
				      "\"file\", \"unix\", \"tcp\" or \"mux\"");
	if (!ret && iol_char_config_check(line, json->err))
		ret = iol_json_refused(json, at);
	return ret;
}

static int read_serial(const struct iol_json *json, const struct iol_json_place *at,
		       const json_t *item)
{
	struct iol_char_config line;
	int ret = read_line(json, at, item, &line);

	if (!ret && iol_config_append_serial(json->config, &line, json->err))
		ret = iol_json_refused(json, at);
	iol_char_config_finish(&line);
	return ret;
}

static int read_console(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value)
{
	struct iol_char_config line;
	int ret = read_line(json, at, value, &line);

	if (!ret)
		iol_config_put_console(json->config, &line);
	iol_char_config_finish(&line);
	return ret;
}

static int read_serials(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value)
{
	iol_config_clear_serials(json->config);
	return iol_json_list(json, at, value, "a list, such as [{\"kind\": \"stdio\"}]",
			     read_serial);
}

static const struct iol_json_key lifecycle_keys[] = {
	{ "on-watchdog", NULL, IOL_VALUE_TEXT, iol_config_set_on_watchdog },
	{ .name = NULL },
};

static int read_lifecycle(const struct iol_json *json, const struct iol_json_place *at,
			  const json_t *value)
{
	return iol_json_object(json, at, value, lifecycle_keys);
}

static const struct iol_json_key machine_keys[] = {
	{ "name", NULL, IOL_VALUE_TEXT, iol_config_set_name },
	{ "machine", NULL, IOL_VALUE_TEXT, iol_config_set_machine },
	{ "cpus", NULL, IOL_VALUE_COUNT, iol_config_set_cpus },
	{ "memory", NULL, IOL_VALUE_SIZE, iol_config_set_memory },
	{ "boot", .read = read_boot },
	{ "disks", .read = read_disks },
	{ "nets", .read = read_nets },
	{ "rng", NULL, IOL_VALUE_FLAG, iol_config_set_rng },
	{ "console", .read = read_console },
	{ "serials", .read = read_serials },
	{ "lifecycle", .read = read_lifecycle },
	{ "tree", .read = iol_json_tree },
	{ .name = NULL },
};

/* A key of "boot" that stands outside of it is the commonest mistake. */
static int check_boot(const struct iol_json *json, const json_t *value)
{
	for (const struct iol_json_key *key = boot_keys; key->name; key++)
		if (json_object_get(value, key->name))
			return iol_json_refuse(json, NULL,
					       "'%s' belongs to 'boot': \"boot\": {\"%s\": ...}",
					       key->name, key->name);
	return 0;
}

int iol_json_machine(const struct iol_json *json, const json_t *value)
{
	int ret = check_boot(json, value);

	return ret ? ret : iol_json_object(json, NULL, value, machine_keys);
}
