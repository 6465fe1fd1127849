// SPDX-License-Identifier: Apache-2.0
/* The keys of a JSON file, but "tree". See json_reader.h; iolite-config(5) tells what they mean. */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
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

static json_t *write_overlays(const struct iol_config *config)
{
	json_t *list = config->dtb_overlay_count ? json_array() : NULL;

	for (unsigned int i = 0; i < config->dtb_overlay_count; i++) {
		g_autofree char *path = iol_path_full(config->dtb_overlays[i]);

		json_array_append_new(list, iol_json_text(path));
	}
	return list;
}

static json_t *schema_overlays(void)
{
	return iol_json_schema_list(json_pack("{s:s}", "type", "string"), IOL_CONFIG_OVERLAYS_MAX);
}

static char *get_kernel(const struct iol_config *config)
{
	return g_strdup(config->kernel);
}

static char *get_kernel_address(const struct iol_config *config)
{
	return config->has_kernel_address ? g_strdup_printf("0x%" PRIx64, config->kernel_address)
					  : NULL;
}

static char *get_initrd(const struct iol_config *config)
{
	return g_strdup(config->initrd);
}

static char *get_cmdline(const struct iol_config *config)
{
	return g_strdup(config->cmdline);
}

static char *get_dtb(const struct iol_config *config)
{
	return g_strdup(config->dtb);
}

static const struct iol_json_key boot_keys[] = {
	{ .name = "kernel",
	  .kind = IOL_VALUE_PATH,
	  .set = iol_config_set_kernel,
	  .get = get_kernel,
	  .doc.text = "The kernel." },
	{ .name = "kernel-address",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_kernel_address,
	  .get = get_kernel_address,
	  .doc.text = "Where the kernel goes and is entered, as it is." },
	{ .name = "initrd",
	  .kind = IOL_VALUE_PATH,
	  .set = iol_config_set_initrd,
	  .get = get_initrd,
	  .doc.text = "Initial RAM disk." },
	{ .name = "cmdline",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_cmdline,
	  .get = get_cmdline,
	  .doc = { .text = "Kernel command line.",
		   .fallback = "\"" IOL_CONFIG_CMDLINE_DEFAULT "\"" } },
	{ .name = "dtb",
	  .kind = IOL_VALUE_PATH,
	  .set = iol_config_set_dtb,
	  .get = get_dtb,
	  .doc.text = "A binary device tree that takes the place of the machine's own." },
	{ .name = "dtb-overlays",
	  .read = read_overlays,
	  .write = write_overlays,
	  .schema = schema_overlays,
	  .doc.text = "Device tree overlays, applied in this order." },
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
	/* One with mistakes has its place, too: what is said of others depends on that. */
	if (disk.path && *disk.path && iol_config_append_disk(json->config, &disk, json->err))
		ret = iol_json_refused(json, at);
	iol_disk_config_finish(&disk);
	return ret;
}

static int read_disks(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *value)
{
	return iol_json_list(json, at, value, "a list of objects, in [ and ]", read_disk);
}

static json_t *write_disks(const struct iol_config *config)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < config->disk_count; i++)
		json_array_append_new(list, iol_json_write_keys(iol_disk_keys, &config->disks[i]));
	return list;
}

static json_t *schema_disks(void)
{
	static const char *const needed[] = { "path", NULL };

	return iol_json_schema_list(iol_json_schema_keys(iol_disk_keys, needed),
				    IOL_CONFIG_DISKS_MAX);
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

static json_t *write_nets(const struct iol_config *config)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < config->net_count; i++)
		json_array_append_new(list, iol_json_write_keys(iol_net_keys[config->nets[i].kind],
								&config->nets[i]));
	return list;
}

/* One of the objects of the kinds. */
static json_t *schema_nets(void)
{
	static const char *const needed[] = { "kind", NULL };
	static const char *const bridge[] = { "kind", "br", NULL };
	static const char *const socket[] = { "kind", "path", NULL };
	json_t *kinds = json_array();

	for (unsigned int kind = 0; kind < IOL_NET_KIND_COUNT; kind++) {
		json_t *item = iol_json_schema_keys(iol_net_keys[kind],
						    kind == IOL_NET_KIND_BRIDGE   ? bridge
						    : kind == IOL_NET_KIND_SOCKET ? socket
										  : needed);

		json_object_set_new(json_object_get(json_object_get(item, "properties"), "kind"),
				    "const", json_string(iol_net_kind_name(kind)));
		json_array_append_new(kinds, item);
	}
	return iol_json_schema_list(json_pack("{s:o}", "oneOf", kinds), IOL_CONFIG_NETS_MAX);
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

static json_t *write_console(const struct iol_config *config)
{
	return config->has_console ? iol_json_write_keys(iol_char_keys, &config->console) : NULL;
}

static json_t *write_serials(const struct iol_config *config)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < config->serial_count; i++)
		json_array_append_new(list,
				      iol_json_write_keys(iol_char_keys, &config->serials[i]));
	return list;
}

static json_t *schema_line(void)
{
	static const char *const needed[] = { "kind", NULL };

	return iol_json_schema_keys(iol_char_keys, needed);
}

static json_t *schema_serials(void)
{
	return iol_json_schema_list(schema_line(), IOL_CONFIG_SERIALS_MAX);
}

static int read_listen(const struct iol_json *json, const struct iol_json_place *at,
		       const json_t *value)
{
	g_autofree char *text = iol_json_scalar(json, at, value, IOL_VALUE_TEXT);

	if (!text)
		return -EINVAL;
	return iol_config_set_gdb_in(json->config, text, iol_json_folder(json, at), json->err)
		       ? iol_json_refused(json, at)
		       : 0;
}

static const char *flag(bool on)
{
	return on ? "on" : "off";
}

static char *get_gdb_wait(const struct iol_config *config)
{
	return g_strdup(flag(config->gdb_wait));
}

static const struct iol_json_key gdb_keys[] = {
	{ .name = "listen",
	  .read = read_listen,
	  .get = iol_config_get_gdb,
	  .doc.text = "The address: tcp:[HOST:]PORT[,expose] or unix:PATH." },
	{ .name = "wait",
	  .kind = IOL_VALUE_FLAG,
	  .set = iol_config_set_gdb_wait,
	  .get = get_gdb_wait,
	  .doc = { .text = "Whether nothing of the guest runs before the debugger says so.",
		   .fallback = "false" } },
	{ .name = NULL },
};

static int read_gdb(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value)
{
	if (!json_is_object(value))
		return iol_json_refuse_type(json, at, value,
					    "an object, such as {\"listen\": \"tcp:1234\"}");
	return iol_json_object(json, at, value, gdb_keys);
}

static json_t *write_gdb(const struct iol_config *config)
{
	return config->has_gdb ? iol_json_write(gdb_keys, config) : NULL;
}

static int read_control(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value)
{
	g_autofree char *text = iol_json_scalar(json, at, value, IOL_VALUE_TEXT);

	if (!text)
		return -EINVAL;
	return iol_config_set_control_in(json->config, text, iol_json_folder(json, at), json->err)
		       ? iol_json_refused(json, at)
		       : 0;
}

static int read_jail(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *value)
{
	return iol_json_keys(json, at, value, "{\"user\": \"nobody\"}", iol_jail_keys,
			     &json->config->jail);
}

static json_t *write_jail(const struct iol_config *config)
{
	json_t *jail = iol_json_write_keys(iol_jail_keys, &config->jail);

	if (json_object_size(jail))
		return jail;
	json_decref(jail);
	return NULL;
}

static json_t *schema_jail(void)
{
	static const char *const needed[] = { NULL };

	return iol_json_schema_keys(iol_jail_keys, needed);
}

static int read_watchdog(const struct iol_json *json, const struct iol_json_place *at,
			 const json_t *value)
{
	struct iol_watchdog_config watchdog = { 0 };
	int ret = iol_json_keys(json, at, value, "{\"kind\": \"i6300esb\"}", iol_watchdog_keys,
				&watchdog);

	if (!ret && watchdog.kind == IOL_WATCHDOG_KIND_NONE)
		ret = iol_json_refuse(json, at, "no kind: give \"kind\": \"i6300esb\"");
	if (!ret)
		json->config->watchdog = watchdog;
	return ret;
}

static json_t *write_watchdog(const struct iol_config *config)
{
	return config->watchdog.kind == IOL_WATCHDOG_KIND_NONE
		       ? NULL
		       : iol_json_write_keys(iol_watchdog_keys, &config->watchdog);
}

static json_t *schema_watchdog(void)
{
	static const char *const needed[] = { "kind", NULL };

	return iol_json_schema_keys(iol_watchdog_keys, needed);
}

static char *get_on_reboot(const struct iol_config *config)
{
	return g_strdup(iol_end_actions[config->on_reboot]);
}

static char *get_on_panic(const struct iol_config *config)
{
	return g_strdup(iol_end_actions[config->on_panic]);
}

static char *get_on_crash(const struct iol_config *config)
{
	return g_strdup(iol_end_actions[config->on_crash]);
}

static char *get_on_poweroff(const struct iol_config *config)
{
	return g_strdup(iol_end_actions[config->on_poweroff]);
}

static char *get_on_watchdog(const struct iol_config *config)
{
	return g_strdup(iol_watchdog_actions[config->on_watchdog]);
}

static const struct iol_json_key lifecycle_keys[] = {
	{ .name = "on-reboot",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_on_reboot,
	  .get = get_on_reboot,
	  .doc = { .text = "What a reboot by the guest does.",
		   .fallback = "\"reset\"",
		   .values = iol_end_actions } },
	{ .name = "on-panic",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_on_panic,
	  .get = get_on_panic,
	  .doc = { .text = "What a panic of the guest's kernel does (pvpanic).",
		   .fallback = "\"exit\"",
		   .values = iol_end_actions } },
	{ .name = "on-crash",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_on_crash,
	  .get = get_on_crash,
	  .doc = { .text = "What a triple fault does.",
		   .fallback = "\"exit\"",
		   .values = iol_end_actions } },
	{ .name = "on-poweroff",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_on_poweroff,
	  .get = get_on_poweroff,
	  .doc = { .text = "What a power-off by the guest does.",
		   .fallback = "\"exit\"",
		   .values = iol_poweroff_actions } },
	{ .name = "on-watchdog",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_on_watchdog,
	  .get = get_on_watchdog,
	  .doc = { .text = "What happens when a watchdog runs out.",
		   .fallback = "\"reset\"",
		   .values = iol_watchdog_actions } },
	{ .name = NULL },
};

static int read_lifecycle(const struct iol_json *json, const struct iol_json_place *at,
			  const json_t *value)
{
	return iol_json_object(json, at, value, lifecycle_keys);
}

static char *get_name(const struct iol_config *config)
{
	return g_strdup(config->name);
}

static char *get_machine(const struct iol_config *config)
{
	return g_strdup(config->machine);
}

static char *get_rng(const struct iol_config *config)
{
	return g_strdup(flag(config->rng));
}

const struct iol_json_key iol_json_machine_keys[] = {
	{ .name = "name",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_name,
	  .get = get_name,
	  .doc.text = "The machine's name; network addresses and the control socket's place follow "
		      "from it." },
	{ .name = "machine",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_machine,
	  .get = get_machine,
	  .doc.text = "Kind of machine, one of the architecture's; without it, its first." },
	{ .name = "cpus",
	  .read = iol_json_cpus,
	  .write = iol_json_write_cpus,
	  .schema = iol_json_schema_cpus,
	  .doc = { .text = "Virtual CPUs, and where they run on the host.", .fallback = "1" } },
	{ .name = "memory",
	  .read = iol_json_memory,
	  .write = iol_json_write_memory,
	  .schema = iol_json_schema_memory,
	  .doc = { .text = "Guest memory, 1M to 64G in steps of 4K, and where it lies on the host.",
		   .fallback = "\"256M\"" } },
	{ .name = "boot", .read = read_boot, .members = boot_keys, .doc.text = "What is loaded." },
	{ .name = "disks",
	  .read = read_disks,
	  .write = write_disks,
	  .schema = schema_disks,
	  .doc.text = "Disks, vda, vdb and so on in this order." },
	{ .name = "nets",
	  .read = read_nets,
	  .write = write_nets,
	  .schema = schema_nets,
	  .doc.text = "Network cards." },
	{ .name = "rng",
	  .kind = IOL_VALUE_FLAG,
	  .set = iol_config_set_rng,
	  .get = get_rng,
	  .doc = { .text = "Whether the guest gets a source of entropy.", .fallback = "false" } },
	{ .name = "watchdog",
	  .read = read_watchdog,
	  .write = write_watchdog,
	  .schema = schema_watchdog,
	  .doc.text = "A watchdog on the PCI bus; lifecycle.on-watchdog says what it does." },
	{ .name = "console",
	  .read = read_console,
	  .write = write_console,
	  .schema = schema_line,
	  .doc.text = "The virtio console, hvc0." },
	{ .name = "serials",
	  .read = read_serials,
	  .write = write_serials,
	  .schema = schema_serials,
	  .doc = { .text = "Serial lines, ttyS0, ttyS1 and so on in this order.",
		   .fallback = "[{\"kind\": \"stdio\"}]" } },
	{ .name = "gdb",
	  .read = read_gdb,
	  .write = write_gdb,
	  .members = gdb_keys,
	  .doc.text = "Where debuggers connect." },
	{ .name = "control",
	  .read = read_control,
	  .get = iol_config_get_control,
	  .doc.text =
		  "The path of the control socket (QMP), or none; without it, one for a machine "
		  "with a name." },
	{ .name = "sandbox",
	  .kind = IOL_VALUE_TEXT,
	  .set = iol_config_set_sandbox,
	  .get = iol_config_get_sandbox,
	  .doc = { .text = "What becomes of a system call that a running machine has no use for.",
		   .fallback = "\"on\"",
		   .values = iol_sandbox_modes } },
	{ .name = "jail",
	  .read = read_jail,
	  .write = write_jail,
	  .schema = schema_jail,
	  .doc.text = "Where a machine that root starts ends up." },
	{ .name = "lifecycle",
	  .read = read_lifecycle,
	  .members = lifecycle_keys,
	  .doc.text = "What becomes of the machine when something happens to it." },
	{ .name = "tree",
	  .read = iol_json_tree,
	  .write = iol_json_write_tree,
	  .schema = iol_json_schema_tree,
	  .doc.text = "Changes to the device tree, after all overlays." },
	{ .name = NULL },
};

/* A key of "boot" that stands outside of it is the commonest mistake. */
static int check_boot(const struct iol_json *json, const struct iol_json_place *at,
		      const char *name)
{
	struct iol_json_place place = { .up = at, .key = name, .is_key = true };

	for (const struct iol_json_key *key = boot_keys; key->name; key++)
		if (!strcmp(key->name, name))
			return iol_json_refuse(json, &place,
					       "'%s' belongs to 'boot': \"boot\": {\"%s\": ...}",
					       name, name);
	return 0;
}

/* A system's file, where one machine is wanted. */
static int refuse_system(const struct iol_json *json)
{
	const struct iol_json_place place = { .key = "partitions", .is_key = true };

	return iol_json_refuse(json, &place,
			       "partitions make this a system of several machines: give it to "
			       "`iolite up`, or alone to `iolite check`");
}

int iol_json_machine(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *value, const struct iol_json_key *keys)
{
	json_auto_t *rest = json_copy((json_t *)value);
	const char *name;
	json_t *member;
	int ret = 0;

	if (!at && json_object_get(value, "partitions"))
		return refuse_system(json);
	json_object_foreach((json_t *)value, name, member)
	{
		if (!check_boot(json, at, name))
			continue;
		json_object_del(rest, name);
		ret = -EINVAL;
	}
	return iol_json_object(json, at, rest, keys) ? -EINVAL : ret;
}
