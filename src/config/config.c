// SPDX-License-Identifier: Apache-2.0
/* Configuration values: defaults, parsing, limits. See include/iolite/config.h. Before any thread. */
#include "keys.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/size.h>

void iol_config_init(struct iol_config *config)
{
	*config = (struct iol_config){
		.memory_bytes = IOL_CONFIG_MEMORY_DEFAULT,
		.cpus = 1,
		.serial_count = 1,
	};
	iol_char_config_init(&config->serials[0]);
}

void iol_config_finish(struct iol_config *config)
{
	g_free(config->name);
	g_free(config->file);
	g_free(config->machine);
	g_free(config->kernel);
	g_free(config->initrd);
	g_free(config->cmdline);
	g_free(config->dtb);
	for (unsigned int i = 0; i < config->dtb_overlay_count; i++)
		g_free(config->dtb_overlays[i]);
	for (size_t i = 0; i < config->tree_edit_count; i++)
		iol_tree_edit_finish(&config->tree_edits[i]);
	g_free(config->tree_edits);
	for (unsigned int i = 0; i < config->disk_count; i++)
		iol_disk_config_finish(&config->disks[i]);
	iol_config_clear_serials(config);
	if (config->has_console)
		iol_char_config_finish(&config->console);
	for (unsigned int i = 0; i < config->net_count; i++)
		iol_net_config_finish(&config->nets[i]);
	memset(config, 0, sizeof(*config));
}

static void replace(char **field, const char *text)
{
	g_free(*field);
	*field = g_strdup(text);
}

static int set_path(char **field, const char *path, struct iol_error *err)
{
	if (!*path)
		return iol_error_set(err, -EINVAL, "'' is no path: name a file");
	replace(field, path);
	return 0;
}

int iol_config_set_name(struct iol_config *config, const char *text, struct iol_error *err)
{
	size_t len = strlen(text);

	if (!g_ascii_isalnum(text[0]) ||
	    strspn(text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-") != len)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is no name: give a letter or digit, then letters, "
				     "digits, dots, dashes, underscores",
				     text);
	if (len > IOL_CONFIG_NAME_MAX)
		return iol_error_set(err, -EINVAL, "'%.64s' is too long: a name has up to %d bytes",
				     text, IOL_CONFIG_NAME_MAX);
	replace(&config->name, text);
	return 0;
}

int iol_config_set_machine(struct iol_config *config, const char *text, struct iol_error *err)
{
	if (!*text)
		return iol_error_set(err, -EINVAL, "'' is no machine: name one, or leave it out");
	replace(&config->machine, text);
	return 0;
}

int iol_config_set_kernel(struct iol_config *config, const char *path, struct iol_error *err)
{
	return set_path(&config->kernel, path, err);
}

/* A multiple of an instruction's four bytes; where RAM and other limits are, the architecture knows. */
int iol_config_set_kernel_address(struct iol_config *config, const char *text,
				  struct iol_error *err)
{
	bool hex = g_str_has_prefix(text, "0x");
	uint64_t address;

	if (!iol_number_parse(hex ? text + 2 : text, hex ? 16 : 10, 0, UINT64_MAX, &address))
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is no address: give a number such as 0x1000000",
				     text);
	if (address % 4)
		return iol_error_set(
			err, -EINVAL,
			"'%.64s' is no multiple of 4, as addresses of instructions are", text);
	config->has_kernel_address = true;
	config->kernel_address = address;
	return 0;
}

int iol_config_set_initrd(struct iol_config *config, const char *path, struct iol_error *err)
{
	return set_path(&config->initrd, path, err);
}

int iol_config_set_cmdline(struct iol_config *config, const char *text, struct iol_error *err)
{
	(void)err; /* its length is the architecture's to judge */
	replace(&config->cmdline, text);
	return 0;
}

int iol_config_set_dtb(struct iol_config *config, const char *path, struct iol_error *err)
{
	return set_path(&config->dtb, path, err);
}

int iol_config_add_dtb_overlay(struct iol_config *config, const char *path, struct iol_error *err)
{
	int ret;

	if (config->dtb_overlay_count == IOL_CONFIG_OVERLAYS_MAX)
		return iol_error_set(err, -EINVAL, "'%.64s' is one overlay too many: up to %d",
				     path, IOL_CONFIG_OVERLAYS_MAX);
	ret = set_path(&config->dtb_overlays[config->dtb_overlay_count], path, err);
	config->dtb_overlay_count += !ret;
	return ret;
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

bool iol_number_parse(const char *text, unsigned int base, uint64_t min, uint64_t max,
		      uint64_t *value)
{
	guint64 number;

	if (!g_ascii_isxdigit(text[0]) ||
	    !g_ascii_string_to_unsigned(text, base, min, max, &number, NULL))
		return false;
	*value = number;
	return true;
}

int iol_config_set_cpus(struct iol_config *config, const char *text, struct iol_error *err)
{
	uint64_t count;

	if (!iol_number_parse(text, 10, 1, IOL_CONFIG_CPUS_MAX, &count))
		return iol_error_set(
			err, -EINVAL,
			"'%.64s' is not a number of CPUs: give a whole number from 1 to %d", text,
			IOL_CONFIG_CPUS_MAX);
	config->cpus = (unsigned int)count;
	return 0;
}

/* The place of @text among @names, which NULL ends, or -1. */
static int place_of(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(text, names[i]))
			return i;
	return -1;
}

int iol_config_set_on_watchdog(struct iol_config *config, const char *text, struct iol_error *err)
{
	static const char *const actions[] = {
		[IOL_WATCHDOG_RESET] = "reset",
		[IOL_WATCHDOG_STOP] = "stop",
		[IOL_WATCHDOG_PAUSE] = "pause",
		[IOL_WATCHDOG_NONE] = "none",
		NULL,
	};
	int action = place_of(text, actions);

	if (action < 0)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is no action: give reset, stop, pause or none", text);
	config->on_watchdog = (enum iol_watchdog_action)action;
	return 0;
}

int iol_config_set_rng(struct iol_config *config, const char *text, struct iol_error *err)
{
	return iol_key_set_bool(&config->rng, text, text, err);
}

void iol_config_complete(struct iol_config *config)
{
	if (!config->cmdline)
		config->cmdline = g_strdup(IOL_CONFIG_CMDLINE_DEFAULT);
	for (unsigned int i = 0; i < config->disk_count; i++)
		if (!config->disks[i].queues)
			config->disks[i].queues = MIN(config->cpus, IOL_CONFIG_DISK_QUEUES_MAX);
	iol_config_complete_nets(config);
}

int iol_config_check(struct iol_config *config, struct iol_error *err)
{
	int ret;

	if (!config->kernel)
		return iol_error_set(err, -EINVAL,
				     "no kernel: name one with -k, such as -k /boot/vmlinuz, or "
				     "as boot.kernel in a file");
	iol_config_complete(config);
	ret = iol_config_check_console(config, err);
	return ret ? ret : iol_config_check_files(config, err);
}
