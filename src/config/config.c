// SPDX-License-Identifier: Apache-2.0
/* Configuration values: defaults, parsing, limits. See include/iolite/config.h. Before any thread. */
#include "config_internal.h"

#include <ctype.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <iolite/size.h>

void iol_config_init(struct iol_config *config)
{
	*config = (struct iol_config){
		.memory_bytes = IOL_CONFIG_MEMORY_DEFAULT,
		.cpus = 1,
		.serial = IOL_SERIAL_STDIO,
	};
}

void iol_config_finish(struct iol_config *config)
{
	g_free(config->kernel);
	g_free(config->initrd);
	g_free(config->cmdline);
	g_free(config->machine);
	g_free(config->dtb);
	for (unsigned int i = 0; i < config->dtb_overlay_count; i++)
		g_free(config->dtb_overlays[i]);
	for (size_t i = 0; i < config->tree_edit_count; i++)
		iol_tree_edit_finish(&config->tree_edits[i]);
	g_free(config->tree_edits);
	for (unsigned int i = 0; i < config->disk_count; i++)
		iol_disk_config_finish(&config->disks[i]);
	memset(config, 0, sizeof(*config));
}

int iol_config_set_memory(struct iol_config *config, const char *text, struct iol_error *err)
{
	char min[IOL_SIZE_TEXT_BYTES], max[IOL_SIZE_TEXT_BYTES];
	uint64_t bytes;
	int ret = iol_size_parse(text, &bytes, err);

	if (ret)
		return ret;
	if (bytes < IOL_CONFIG_MEMORY_MIN || bytes > IOL_CONFIG_MEMORY_MAX)
		return iol_error_set(err, -EINVAL, "'%.64s' is out of range: give %s to %s", text,
				     iol_size_format(IOL_CONFIG_MEMORY_MIN, min),
				     iol_size_format(IOL_CONFIG_MEMORY_MAX, max));
	if (bytes % IOL_CONFIG_MEMORY_STEP)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is not a multiple of 4K: the nearest are %" PRIu64
				     "K and %" PRIu64 "K",
				     text, bytes / IOL_CONFIG_MEMORY_STEP * 4,
				     (bytes / IOL_CONFIG_MEMORY_STEP + 1) * 4);
	config->memory_bytes = bytes;
	return 0;
}

int iol_config_set_cpus(struct iol_config *config, const char *text, struct iol_error *err)
{
	unsigned long count;
	char *end;

	/* strtoul would take spaces and signs. */
	errno = 0;
	count = isdigit((unsigned char)text[0]) ? strtoul(text, &end, 10) : 0;
	if (!count || errno || *end || count > IOL_CONFIG_CPUS_MAX)
		return iol_error_set(
			err, -EINVAL,
			"'%.64s' is not a number of CPUs: give a whole number from 1 to %d", text,
			IOL_CONFIG_CPUS_MAX);
	config->cpus = (unsigned int)count;
	return 0;
}

int iol_config_set_serial(struct iol_config *config, const char *text, struct iol_error *err)
{
	static const char *const kinds[] = {
		[IOL_SERIAL_STDIO] = "stdio",
		[IOL_SERIAL_NULL] = "null",
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(kinds); i++) {
		if (!strcmp(text, kinds[i])) {
			config->serial = (enum iol_serial_kind)i;
			return 0;
		}
	}
	return iol_error_set(err, -EINVAL, "'%.64s' is no kind of serial line: give stdio or null",
			     text);
}

int iol_config_check(struct iol_config *config, struct iol_error *err)
{
	if (!config->kernel)
		return iol_error_set(err, -EINVAL,
				     "no kernel: name one with -k, such as -k /boot/vmlinuz");
	if (!config->cmdline)
		config->cmdline = g_strdup(IOL_CONFIG_CMDLINE_DEFAULT);
	for (unsigned int i = 0; i < config->disk_count; i++)
		if (!config->disks[i].queues)
			config->disks[i].queues = MIN(config->cpus, IOL_CONFIG_DISK_QUEUES_MAX);
	return 0;
}
