// SPDX-License-Identifier: Apache-2.0
/* Configuration values: defaults, parsing, limits. See include/iolite/config.h. Before any thread. */
#include "keys.h"
#include "mistakes.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

void iol_config_init(struct iol_config *config)
{
	*config = (struct iol_config){
		.memory_bytes = IOL_CONFIG_MEMORY_DEFAULT,
		.cpus = 1,
		.serial_count = 1,
		.on_reboot = IOL_END_RESET,
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
	g_free(config->control);
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
	if (config->has_gdb)
		iol_char_config_finish(&config->gdb);
	for (unsigned int i = 0; i < config->net_count; i++)
		iol_net_config_finish(&config->nets[i]);
	iol_jail_config_finish(&config->jail);
	memset(config, 0, sizeof(*config));
}

char *iol_path_full(const char *path)
{
	g_autofree char *folder = NULL;

	if (g_path_is_absolute(path))
		return g_strdup(path);
	folder = g_get_current_dir();
	return g_build_filename(folder, path, NULL);
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
	iol_config_complete_control(config);
}

static void check_kernel(const struct iol_config *config, const struct iol_json_place *at,
			 struct iol_mistakes *mistakes)
{
	struct iol_error err = { 0 };

	if (config->kernel || (!at && iol_mistakes_count(mistakes)))
		return;
	if (at)
		iol_error_set(&err, -EINVAL,
			      "no kernel: name one, such as \"boot\": {\"kernel\": \"vmlinuz\"}, "
			      "here or among the defaults");
	else
		iol_error_set(&err, -EINVAL,
			      "no kernel: name one with -k, such as -k /boot/vmlinuz, or "
			      "as boot.kernel in a file");
	iol_mistakes_put(mistakes, at, &err);
}

void iol_config_check_at(struct iol_config *config, const struct iol_json_place *at,
			 struct iol_mistakes *mistakes)
{
	const struct iol_json_place cpus = { .up = at, .key = "cpus" };
	const struct iol_json_place pin = { .up = &cpus, .key = "pin" };
	const struct iol_json_place memory = { .up = at, .key = "memory" };
	const struct iol_json_place hugepages = { .up = &memory, .key = "hugepages" };
	const struct iol_json_place console = { .up = at, .key = "console" };
	const struct iol_json_place gdb = { .up = at, .key = "gdb" };
	const struct iol_json_place control = { .up = at, .key = "control" };
	const struct iol_json_place jail = { .up = at, .key = "jail" };
	struct iol_error err = { 0 };

	check_kernel(config, at, mistakes);
	iol_config_complete(config);
	if (iol_config_check_pin(config, &err))
		iol_mistakes_put_found(mistakes, &pin, "cpus", &err);
	if (iol_config_check_hugepages(config, &err))
		iol_mistakes_put_found(mistakes, &hugepages, "memory", &err);
	if (iol_config_check_console(config, &err))
		iol_mistakes_put_found(mistakes, &console, "console", &err);
	if (iol_config_check_gdb(config, &err))
		iol_mistakes_put_found(mistakes, &gdb, config->has_gdb ? "gdb" : NULL, &err);
	if (iol_config_check_control(config, &err))
		iol_mistakes_put_found(mistakes, &control, "control", &err);
	if (iol_config_check_jail(config, &err))
		iol_mistakes_put_found(mistakes, &jail, "jail", &err);
	iol_config_check_files(config, at, mistakes);
}

void iol_config_check_all(struct iol_config *config, struct iol_mistakes *mistakes)
{
	iol_config_check_at(config, NULL, mistakes);
}

int iol_config_check(struct iol_config *config, struct iol_error *err)
{
	struct iol_mistakes *mistakes = iol_mistakes_new();
	int ret;

	iol_config_check_all(config, mistakes);
	ret = iol_mistakes_first(mistakes, err);
	iol_mistakes_free(mistakes);
	return ret;
}
