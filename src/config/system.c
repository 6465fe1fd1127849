// SPDX-License-Identifier: Apache-2.0
/*
 * A system's file: partitions, each a machine with what a supervisor needs to know. See include/iolite/system_config.h and
 * json_reader.h. Before any thread; the file is a person's.
 *
 * A partition is read as any machine's file is, from what its defaults and its own word are together; where a mistake stands is
 * found out by src/config/mistakes.c.
 */
#include "system.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

#include <iolite/unix_path.h>

#include "keys.h"

static const char *const policies[] = {
	[IOL_RESTART_NEVER] = "never",
	[IOL_RESTART_ON_FAILURE] = "on-failure",
	[IOL_RESTART_ALWAYS] = "always",
	NULL,
};

const char *iol_restart_policy_name(enum iol_restart_policy policy)
{
	return policies[policy];
}

const struct iol_json_place *iol_system_place(const struct iol_partition_config *partition,
					      struct iol_json_place room[2])
{
	room[0] = (struct iol_json_place){ .key = "partitions" };
	room[1] = (struct iol_json_place){ .up = &room[0], .key = partition->name };
	return &room[1];
}

/* --- what a partition has beside its machine --- */

static int set_policy(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_restart_config *restart = target;
	int choice = iol_key_choose(policies, IOL_ARRAY_LEN(policies) - 1, value);

	if (choice < 0)
		return iol_key_refuse(err, item, "is no policy",
				      "give never, on-failure or always");
	restart->policy = (enum iol_restart_policy)choice;
	return 0;
}

enum { DELAY_MS_MAX = 24 * 60 * 60 * 1000, LIMIT_MAX = 1000000 };

static int set_delay(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_restart_config *restart = target;

	return iol_key_set_count(&restart->delay_ms, 0, DELAY_MS_MAX, value, item, err);
}

static int set_delay_max(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_restart_config *restart = target;

	return iol_key_set_count(&restart->delay_max_ms, 0, DELAY_MS_MAX, value, item, err);
}

static int set_limit(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_restart_config *restart = target;

	return iol_key_set_count(&restart->limit, 0, LIMIT_MAX, value, item, err);
}

static int set_steady(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_restart_config *restart = target;

	return iol_key_set_count(&restart->steady_ms, 0, DELAY_MS_MAX, value, item, err);
}

static const struct iol_key restart_keys[] = {
	{ .name = "policy",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_policy,
	  .doc = { .text = "After which ends it is started again.", .values = policies } },
	{ .name = "delay-ms",
	  .kind = IOL_VALUE_COUNT,
	  .set = set_delay,
	  .doc = { .text = "Before the first restart of a row; then twice as long each time.",
		   .fallback = "1000" } },
	{ .name = "delay-max-ms",
	  .kind = IOL_VALUE_COUNT,
	  .set = set_delay_max,
	  .doc = { .text = "The longest wait.", .fallback = "30000" } },
	{ .name = "limit",
	  .kind = IOL_VALUE_COUNT,
	  .set = set_limit,
	  .doc = { .text = "Restarts in a row; 0: any number.", .fallback = "5" } },
	{ .name = "steady-ms",
	  .kind = IOL_VALUE_COUNT,
	  .set = set_steady,
	  .doc = { .text = "Who has run for this long begins a new row.", .fallback = "60000" } },
	{ .name = NULL },
};

static int read_restart(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value)
{
	struct iol_restart_config *restart = &json->partition->restart;
	g_autofree char *text = NULL;

	if (!json_is_string(value) && !json_is_object(value))
		return iol_json_refuse_type(json, at, value,
					    "never, on-failure or always, or an object such as "
					    "{\"policy\": \"on-failure\"}");
	if (json_is_object(value))
		return iol_json_keys(json, at, value, "", restart_keys, restart);
	text = iol_json_scalar(json, at, value, IOL_VALUE_TEXT);
	return set_policy(restart, text, text, json->err) ? iol_json_refused(json, at) : 0;
}

static int read_autostart(const struct iol_json *json, const struct iol_json_place *at,
			  const json_t *value)
{
	if (!json_is_boolean(value))
		return iol_json_refuse_type(json, at, value, "true or false");
	json->partition->autostart = json_is_true(value);
	return 0;
}

/* The texts of a list, to be freed with g_strfreev(); NULL after the mistake was told. */
static char **read_texts(const struct iol_json *json, const struct iol_json_place *at,
			 const json_t *value, const char *expected)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	bool failed = false;
	json_t *item;
	size_t i;

	if (!json_is_array(value)) {
		iol_json_refuse_type(json, at, value, expected);
		return NULL;
	}
	json_array_foreach(value, i, item)
	{
		struct iol_json_place place = { .up = at, .idx = i };
		char *text = iol_json_scalar(json, &place, item, IOL_VALUE_TEXT);

		failed |= !text;
		if (text)
			g_ptr_array_add(texts, text);
	}
	if (failed)
		return NULL;
	g_ptr_array_add(texts, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&texts), FALSE);
}

static int read_after(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *value)
{
	struct iol_partition_config *partition = json->partition;

	partition->after_names =
		read_texts(json, at, value, "a list of names of partitions, in [ and ]");
	return partition->after_names ? 0 : -EINVAL;
}

static const struct iol_json_key partition_keys[] = {
	{ .name = "after",
	  .read = read_after,
	  .doc.text = "Partitions that are to run before this one is started." },
	{ .name = "restart",
	  .read = read_restart,
	  .doc = { .text = "What follows its end.", .fallback = "\"never\"" } },
	{ .name = "autostart",
	  .read = read_autostart,
	  .doc = { .text = "Whether it is started with the system.", .fallback = "true" } },
};

enum { ALL_KEYS_MAX = 32 };

/* Those of a partition and of its machine, ended by one without a name. */
static void all_keys(struct iol_json_key keys[ALL_KEYS_MAX])
{
	size_t count = 0;

	memset(keys, 0, ALL_KEYS_MAX * sizeof(*keys));
	for (size_t i = 0; i < IOL_ARRAY_LEN(partition_keys); i++)
		keys[count++] = partition_keys[i];
	for (const struct iol_json_key *key = iol_json_machine_keys; key->name; key++) {
		g_assert(count + 1 < ALL_KEYS_MAX);
		keys[count++] = *key;
	}
}

/* --- partitions --- */

static struct iol_partition_config *partition_new(const char *name)
{
	struct iol_partition_config *partition = g_new0(struct iol_partition_config, 1);

	partition->name = g_strdup(name);
	partition->autostart = true;
	partition->restart = (struct iol_restart_config){
		.delay_ms = 1000,
		.delay_max_ms = 30000,
		.limit = 5,
		.steady_ms = 60000,
	};
	iol_config_init(&partition->machine);
	return partition;
}

static void partition_free(struct iol_partition_config *partition)
{
	iol_config_finish(&partition->machine);
	g_strfreev(partition->after_names);
	g_free(partition->console);
	g_free(partition->name);
	g_free(partition);
}

/* Nothing was said of lines: a socket, where `iolite console` looks. */
static void make_console(struct iol_partition_config *partition)
{
	g_autofree char *folder = iol_config_control_folder();
	g_autofree char *file = g_strconcat(partition->name, ".console", NULL);
	struct iol_config *machine = &partition->machine;

	iol_config_clear_serials(machine);
	if (!folder)
		return;
	partition->console = g_build_filename(folder, file, NULL);
	machine->serial_count = 1;
	iol_char_config_init(&machine->serials[0]);
	machine->serials[0].kind = IOL_CHAR_UNIX;
	machine->serials[0].path = g_strdup(partition->console);
}

static bool has_terminal(const struct iol_char_config *line)
{
	return line->kind == IOL_CHAR_STDIO || line->kind == IOL_CHAR_MUX;
}

static int refuse_terminal(const struct iol_json *json, const struct iol_json_place *at)
{
	return iol_json_refuse(json, at,
			       "a partition has no terminal: leave serials out for a socket that "
			       "`iolite console` connects to, or give the line another kind, such "
			       "as pty or unix");
}

/* What a machine may do, and a partition may not. */
static void check_partition(const struct iol_json *json, const struct iol_json_place *at)
{
	const struct iol_config *machine = json->config;
	const struct iol_json_place serials = { .up = at, .key = "serials" },
				    console = { .up = at, .key = "console" },
				    control = { .up = at, .key = "control" };

	for (unsigned int i = 0; i < machine->serial_count; i++) {
		const struct iol_json_place serial = { .up = &serials, .idx = i };

		if (has_terminal(&machine->serials[i]))
			refuse_terminal(json, &serial);
	}
	if (machine->has_console && has_terminal(&machine->console))
		refuse_terminal(json, &console);
	if (machine->no_control)
		iol_json_refuse(json, &control,
				"a partition needs a control socket, by which its supervisor "
				"stops it: leave it out, or give a path");
}

static void read_partition(struct iol_json *json, const struct iol_json_place *at,
			   const json_t *value)
{
	struct iol_system_config *system = json->system;
	const json_t *defaults = json_is_object(json->defaults) ? json->defaults : NULL;
	struct iol_json_place key = *at;
	json_auto_t *merged = iol_system_merge(defaults, value);
	struct iol_json_key keys[ALL_KEYS_MAX];
	int ret;

	key.is_key = true;
	json->partition = partition_new(at->key);
	json->config = &json->partition->machine;
	system->partitions[system->count++] = json->partition;
	if (iol_config_set_name(json->config, at->key, json->err))
		iol_json_refused(json, &key);
	json->config->file = g_strdup(system->file);
	if (!json_is_object(value)) {
		iol_json_refuse_type(json, at, value,
				     "an object with what its machine has, in { and }");
		return;
	}
	all_keys(keys);
	if (!json_object_get(merged, "serials"))
		make_console(json->partition);
	ret = iol_json_machine(json, at, merged, keys);
	check_partition(json, at);
	/* What may only be missing because it was mistaken is not missed. */
	if (ret)
		iol_config_complete(json->config);
	else
		iol_config_check_at(json->config, at, json->mistakes);
}

static int read_partitions(const struct iol_json *json, const struct iol_json_place *at,
			   const json_t *value)
{
	struct iol_json each = *json;
	const char *name;
	json_t *member;

	if (!json_is_object(value))
		return iol_json_refuse_type(
			json, at, value,
			"an object with a machine for each name, such as {\"web\": {...}}");
	if (!json_object_size(value))
		return iol_json_refuse(json, at,
				       "no partition: give one or more, such as {\"web\": {...}}");
	if (json_object_size(value) > IOL_SYSTEM_PARTITIONS_MAX)
		return iol_json_refuse(json, at, "%zu partitions: a system has up to %d",
				       json_object_size(value), IOL_SYSTEM_PARTITIONS_MAX);
	json_object_foreach((json_t *)value, name, member)
	{
		const struct iol_json_place place = { .up = at, .key = name };

		read_partition(&each, &place, member);
	}
	return 0;
}

/* --- the system --- */

/* Its members are read with each partition. */
static int read_defaults(const struct iol_json *json, const struct iol_json_place *at,
			 const json_t *value)
{
	if (json_is_object(value))
		return 0;
	return iol_json_refuse_type(json, at, value,
				    "an object with what all partitions have, in { and }");
}

static int read_name(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *value)
{
	iol_auto(iol_config_finish) struct iol_config named;
	g_autofree char *text = iol_json_scalar(json, at, value, IOL_VALUE_TEXT);

	iol_config_init(&named);
	if (!text)
		return -EINVAL;
	if (iol_config_set_name(&named, text, json->err))
		return iol_json_refused(json, at);
	g_free(json->system->name);
	json->system->name = g_steal_pointer(&text);
	return 0;
}

static int read_program(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value)
{
	struct iol_system_config *system = json->system;
	const struct iol_json_place first = { .up = at, .idx = 0 };

	system->program = read_texts(json, at, value, "");
	if (!system->program)
		return -EINVAL;
	if (!system->program[0])
		return iol_json_refuse(json, at,
				       "an empty list: give a program with its arguments, such as "
				       "[\"/sbin/reboot\"], or \"exit\"");
	if (!g_path_is_absolute(system->program[0]))
		return iol_json_refuse(json, &first,
				       "'%.64s' is no path from the root: give one, such as "
				       "\"/sbin/reboot\"",
				       system->program[0]);
	system->all_stopped = IOL_ALL_STOPPED_PROGRAM;
	return 0;
}

static int read_all_stopped(const struct iol_json *json, const struct iol_json_place *at,
			    const json_t *value)
{
	const char *text = json_string_value(value);

	if (json_is_array(value))
		return read_program(json, at, value);
	if (!text)
		return iol_json_refuse_type(json, at, value,
					    "\"exit\", \"stay\", or a program with its arguments, "
					    "such as [\"/sbin/reboot\"]");
	if (strcmp(text, "exit") && strcmp(text, "stay"))
		return iol_json_refuse(json, at,
				       "'%.64s' is neither exit nor stay: give one of them, or a "
				       "program in a list, such as [\"/sbin/reboot\"]",
				       text);
	json->system->all_stopped =
		strcmp(text, "exit") ? IOL_ALL_STOPPED_STAY : IOL_ALL_STOPPED_EXIT;
	return 0;
}

static const struct iol_json_key system_keys[] = {
	{ .name = "name", .read = read_name, .doc.text = "The system's name." },
	{ .name = "defaults",
	  .read = read_defaults,
	  .doc.text = "What every partition has that does not say otherwise." },
	{ .name = "partitions",
	  .read = read_partitions,
	  .doc.text = "The machines, each with its name." },
	{ .name = "on-all-stopped",
	  .read = read_all_stopped,
	  .doc = { .text = "What follows when nothing runs any more.", .fallback = "\"exit\"" } },
	{ .name = NULL },
};

/* Of the file; one that is no name for a socket is replaced. */
static char *name_of_file(const char *path)
{
	iol_auto(iol_config_finish) struct iol_config named;
	g_autofree char *base = g_path_get_basename(path);

	iol_config_init(&named);
	if (g_str_has_suffix(base, ".json"))
		base[strlen(base) - strlen(".json")] = '\0';
	return g_strdup(iol_config_set_name(&named, base, NULL) ? "system" : base);
}

void iol_system_config_load_text(struct iol_system_config *system, const char *text, size_t len,
				 const char *name, const char *folder,
				 const struct iol_host_memory *host, struct iol_mistakes *mistakes)
{
	struct iol_error err = { 0 };
	struct iol_json json = {
		.folder = folder,
		.err = &err,
		.mistakes = mistakes,
		.system = system,
	};
	json_auto_t *whole = NULL;

	*system = (struct iol_system_config){ .file = g_strdup(name), .name = name_of_file(name) };
	whole = iol_json_parse(&json, name, text, len);
	if (!whole)
		return;
	iol_mistakes_set_system(mistakes);
	json.defaults = json_object_get(whole, "defaults");
	iol_json_object(&json, NULL, whole, system_keys);
	if (!json_object_get(whole, "partitions"))
		iol_json_refuse(&json, NULL,
				"no partitions: give them as \"partitions\": {\"web\": {...}}");
	iol_system_check_order(system, mistakes);
	iol_system_check_shared(system, mistakes);
	if (host)
		iol_system_check_memory(system, host, mistakes);
}

void iol_system_config_load(struct iol_system_config *system, const char *path,
			    const struct iol_host_memory *host, struct iol_mistakes *mistakes)
{
	g_autofree char *folder = strchr(path, '/') ? g_path_get_dirname(path) : NULL;
	g_autofree char *text = NULL;
	struct iol_error err = { 0 };
	size_t len = 0;

	*system = (struct iol_system_config){ 0 };
	text = iol_config_read_file(path, &len, &err);
	if (!text) {
		iol_mistakes_add(mistakes, err.msg);
		return;
	}
	iol_system_config_load_text(system, text, len, path, folder, host, mistakes);
	iol_mistakes_keep_text(mistakes, g_steal_pointer(&text));
}

bool iol_system_config_is(const char *path)
{
	g_autofree char *text = NULL;
	json_auto_t *whole = NULL;
	struct stat st;
	size_t len = 0;

	/* A pipe can be read but once. */
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	text = iol_config_read_file(path, &len, NULL);
	if (!text)
		return false;
	whole = iol_json_read(text, len, NULL);
	return json_object_get(whole, "partitions") != NULL;
}

void iol_system_config_finish(struct iol_system_config *system)
{
	for (unsigned int i = 0; i < system->count; i++)
		partition_free(system->partitions[i]);
	g_strfreev(system->program);
	g_free(system->file);
	g_free(system->name);
	memset(system, 0, sizeof(*system));
}
