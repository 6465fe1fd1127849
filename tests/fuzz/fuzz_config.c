// SPDX-License-Identifier: Apache-2.0
/*
 * Texts of options and configuration values, and JSON files, against a second reading of what they should
 * mean. The first byte says which value, the rest is the text.
 */
#include "fuzz.h"

#include <errno.h>
#include <glib.h>
#include <jansson.h>

#include <iolite/config.h>
#include <iolite/size.h>
#include <iolite/system_config.h>

#include "arch/x86_64/x86.h"
#include "config_disks.h"
#include "config_text.h"
#include "heap.h"

/* As users write them; longer texts only make their error's remedy unreadable. */
enum { TEXT_BYTES_MAX = 2000, OPTIONS_MAX = 24 };

/* An error names the value, a long one by its beginning, and is not cut before its remedy. */
static void check_error(const struct iol_error *err, int ret, const char *text)
{
	g_autofree char *shown = g_strdup_printf("'%.64s'", text);

	for (char *c = shown; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fuzz_check_error(err, ret);
	fuzz_check(g_str_has_prefix(err->msg, shown));
	fuzz_check(strlen(err->msg) < sizeof(err->msg) - 1);
}

static void try_size(const char *text)
{
	char formatted[IOL_SIZE_TEXT_BYTES];
	uint64_t bytes = 1, expected = 1, again = 0;
	int expected_ret = read_number(text, "KkMmGgTt", &expected);
	struct iol_error err = { 0 };
	int ret = iol_size_parse(text, &bytes, &err);

	fuzz_check(ret == expected_ret && bytes == expected);
	fuzz_check(iol_size_parse(text, &bytes, NULL) == ret);
	if (ret) {
		check_error(&err, ret, text);
		return;
	}
	fuzz_check(!iol_size_parse(iol_size_format(bytes, formatted), &again, NULL));
	fuzz_check(again == bytes);
}

static void check_written(const struct iol_config *config, bool utf8);

/* A value with keys: what is taken can be written, and read again. */
static void try_keys(const char *text,
		     int (*set)(struct iol_config *config, const char *text, struct iol_error *err))
{
	struct iol_error err = { 0 };
	struct iol_config config;
	int ret;

	iol_config_init(&config);
	ret = set(&config, text, &err);
	fuzz_check(!ret || ret == -EINVAL || ret == -ERANGE);
	if (ret) {
		fuzz_check_error(&err, ret);
	} else {
		iol_config_complete(&config);
		check_written(&config, true);
	}
	iol_config_finish(&config);
}

static void try_memory(const char *text)
{
	struct iol_error err = { 0 };
	struct iol_config config;
	struct iol_layout layout;
	uint64_t expected = 0, sum = 0;
	int ret, expected_ret = read_number(text, "KkMmGgTt", &expected);

	if (strchr(text, ',')) {
		try_keys(text, iol_config_set_memory);
		return;
	}
	if (!expected_ret &&
	    (expected < IOL_CONFIG_MEMORY_MIN || expected > IOL_CONFIG_MEMORY_MAX ||
	     expected % IOL_CONFIG_MEMORY_STEP))
		expected_ret = -EINVAL;
	iol_config_init(&config);
	ret = iol_config_set_memory(&config, text, &err);
	fuzz_check(ret == expected_ret);
	if (ret) {
		check_error(&err, ret, text);
		fuzz_check(config.memory_bytes == IOL_CONFIG_MEMORY_DEFAULT);
	} else {
		/* What the configuration takes, the machine has. */
		fuzz_check(config.memory_bytes == expected);
		fuzz_check(!iol_x86_layout(
			&(struct iol_layout_request){
				.memory_bytes = config.memory_bytes, .cpus = 1, .serials = 1 },
			&layout, NULL));
		for (unsigned int i = 0; i < layout.ram_count; i++)
			sum += layout.ram[i].size_bytes;
		fuzz_check(sum == expected);
	}
	iol_config_finish(&config);
}

static void try_cpus(const char *text)
{
	struct iol_error err = { 0 };
	struct iol_config config;
	struct iol_layout layout;
	uint64_t expected = 0;
	int ret;

	if (strchr(text, ',')) {
		try_keys(text, iol_config_set_cpus);
		return;
	}
	if (read_number(text, "", &expected) || expected > IOL_CONFIG_CPUS_MAX)
		expected = 0;
	iol_config_init(&config);
	ret = iol_config_set_cpus(&config, text, &err);
	fuzz_check(ret == (expected ? 0 : -EINVAL));
	fuzz_check(config.cpus == (expected ? expected : 1));
	if (ret)
		check_error(&err, ret, text);
	else
		fuzz_check(!iol_x86_layout(
			&(struct iol_layout_request){ .memory_bytes = IOL_MIB,
						      .cpus = config.cpus,
						      .serials = config.serial_count },
			&layout, NULL));
	iol_config_finish(&config);
}

static void try_serial(const char *text)
{
	struct iol_error err = { 0 };
	struct iol_config config;
	const struct iol_char_config *line = config.serials;
	int ret;

	iol_config_init(&config);
	ret = iol_config_set_serial(&config, text, &err);
	fuzz_check(ret == 0 || ret == -EINVAL);
	fuzz_check(config.serial_count == 1 && line->kind < IOL_CHAR_KIND_COUNT);
	fuzz_check(line->ring_bytes >= IOL_CHAR_RING_MIN && line->ring_bytes <= IOL_CHAR_RING_MAX);
	fuzz_check((line->kind == IOL_CHAR_FILE || line->kind == IOL_CHAR_UNIX) == !!line->path);
	fuzz_check(!line->link || line->kind == IOL_CHAR_PTY);
	fuzz_check(line->port <= 65535);
	if (ret) /* of several items it names the one that is wrong */
		fuzz_check_error(&err, ret);
	iol_config_finish(&config);
}

static void try_check(const char *text)
{
	struct iol_error err = { 0 };
	struct iol_config config;
	int ret;

	iol_config_init(&config);
	if (*text)
		config.kernel = g_strdup(text);
	if (strlen(text) % 2)
		config.cmdline = g_strdup(text);
	ret = iol_config_check(&config, &err);
	fuzz_check(ret == (*text ? 0 : -EINVAL));
	if (ret)
		fuzz_check_error(&err, ret);
	else
		fuzz_check(config.cmdline && config.kernel);
	iol_config_finish(&config);
}

/* --- network cards --- */

/* What every card that was taken has, whatever its kind. */
static void check_net(const struct iol_config *config, unsigned int idx)
{
	const struct iol_net_config *net = &config->nets[idx];

	fuzz_check(net->kind < IOL_NET_KIND_COUNT);
	fuzz_check(matches("^[A-Za-z][A-Za-z0-9._-]{0,31}$", net->id));
	fuzz_check(!net->has_mac || !(net->mac[0] & 1));
	fuzz_check(!net->mtu || (net->mtu >= 68 && net->mtu <= 65535));
	fuzz_check(net->queues <= IOL_CONFIG_NET_QUEUES_MAX);
	fuzz_check(!net->ifname || (*net->ifname && strlen(net->ifname) < 16));
	fuzz_check(!net->bridge == (net->kind != IOL_NET_KIND_BRIDGE));
	fuzz_check(net->path || net->kind != IOL_NET_KIND_SOCKET);
	for (unsigned int i = 0; i < idx; i++)
		fuzz_check(strcmp(config->nets[i].id, net->id));
}

/* One network card a line. */
static void try_nets(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", 3 * IOL_CONFIG_NETS_MAX);
	struct iol_config config;

	iol_config_init(&config);
	for (size_t i = 0; lines[i]; i++) {
		struct iol_error err = { 0 };
		unsigned int count = config.net_count;
		int ret = iol_config_add_net(&config, lines[i], &err);

		fuzz_check(config.net_count == count + !ret);
		if (ret)
			fuzz_check_error(&err, ret);
		else
			check_net(&config, count);
	}
	iol_config_complete(&config);
	for (unsigned int i = 0; i < config.net_count; i++)
		for (unsigned int j = 0; j < i; j++)
			fuzz_check(memcmp(config.nets[i].mac, config.nets[j].mac,
					  sizeof(config.nets[i].mac)));
	iol_config_finish(&config);
}

/* --- JSON files: what jansson made of it, held against what came of it --- */

static const char file_name[] = "fuzz.json";

/* A disk as an option would have it. */
static char *option_of(const json_t *disk)
{
	const char *path = json_string_value(json_object_get(disk, "path"));
	GString *text = g_string_new(path);
	const char *key;
	json_t *value;

	g_string_replace(text, ",", ",,", 0);
	json_object_foreach((json_t *)disk, key, value)
	{
		g_auto(GStrv) halves =
			g_strsplit(json_is_string(value) ? json_string_value(value) : "", ",", -1);
		g_autofree char *doubled = g_strjoinv(",,", halves);

		if (!strcmp(key, "path"))
			continue;
		if (json_is_boolean(value))
			g_string_append_printf(text, ",%s=%s", key,
					       json_is_true(value) ? "on" : "off");
		else if (json_is_integer(value))
			g_string_append_printf(text, ",%s=%" JSON_INTEGER_FORMAT, key,
					       json_integer_value(value));
		else
			g_string_append_printf(text, ",%s=%s", key, doubled);
	}
	return g_string_free(text, FALSE);
}

static void check_twins(const struct iol_disk_config *a, const struct iol_disk_config *b)
{
	fuzz_check(!strcmp(a->path, b->path));
	fuzz_check(!strcmp(a->id, b->id) && !g_strcmp0(a->serial, b->serial));
	fuzz_check(!g_strcmp0(a->fault, b->fault));
	fuzz_check(a->read_only == b->read_only && a->direct == b->direct);
	fuzz_check(a->cache == b->cache && a->discard == b->discard && a->lock == b->lock);
	fuzz_check(a->queues == b->queues && a->transport == b->transport);
	fuzz_check(a->bytes_per_s == b->bytes_per_s && a->requests_per_s == b->requests_per_s);
}

/* The two forms must be of one mind, but for paths that an option takes for a key. */
static void check_disks(const struct iol_config *config, const json_t *disks)
{
	struct iol_config twin;
	struct iol_error err;
	json_t *disk;
	size_t i;

	fuzz_check(config->disk_count == json_array_size(disks));
	iol_config_init(&twin);
	json_array_foreach(disks, i, disk)
	{
		g_autofree char *text = option_of(disk);

		if (matches("^(file|path)=", text))
			break;
		if (iol_config_add_disk(&twin, text, &err)) {
			fprintf(stderr, "%s: %s\n", text, err.msg);
			abort();
		}
		check_twins(&config->disks[i], &twin.disks[i]);
	}
	iol_config_finish(&twin);
}

static void check_edit(const struct iol_tree_edit *edit)
{
	bool of_node = edit->kind == IOL_TREE_ADD_NODE || edit->kind == IOL_TREE_DELETE_NODE;

	/* A long place is told by its end. */
	fuzz_check(matches("^fuzz\\.json:[0-9]+:[0-9]+: (tree\\.|\\.\\.\\.)", edit->where));
	fuzz_check(strlen(edit->where) < sizeof(((struct iol_error *)NULL)->msg) / 2);
	fuzz_check(matches("^[A-Za-z0-9,._+@/-]+$", edit->node) && strlen(edit->node) <= 1024);
	fuzz_check(!edit->prop == of_node);
	fuzz_check(!edit->prop || matches("^[A-Za-z0-9,._+?#-]{1,255}$", edit->prop));
	fuzz_check(edit->kind == IOL_TREE_SET || edit->kind == IOL_TREE_PREPEND ||
		   !edit->part_count);
	for (size_t i = 0; i < edit->part_count; i++) {
		const struct iol_tree_part *part = &edit->parts[i];

		fuzz_check(!part->bytes == !part->len && !part->bytes == !!part->phandle_of);
	}
	if (edit->kind == IOL_TREE_PREPEND)
		fuzz_check(edit->part_count == 1 && !edit->parts[0].bytes[edit->parts[0].len - 1]);
}

/* As many changes as the file says, deletions last. */
static void check_edits(const struct iol_config *config, const json_t *tree)
{
	const json_t *deletions = json_object_get(tree, "delete");
	size_t updates = 0;
	const char *node;
	json_t *props;

	json_object_foreach(json_object_get(tree, "node-update"), node, props) updates +=
		MAX(json_object_size(props), 1);
	fuzz_check(config->tree_edit_count == updates + json_array_size(deletions));
	for (size_t i = 0; i < config->tree_edit_count; i++) {
		const struct iol_tree_edit *edit = &config->tree_edits[i];

		check_edit(edit);
		fuzz_check((edit->kind == IOL_TREE_DELETE_NODE) == (i >= updates));
		if (i >= updates)
			fuzz_check(!strcmp(edit->node, json_string_value(json_array_get(
							       deletions, i - updates))));
	}
}

/* @text, or the default where the file does not say. */
static void check_text(const char *text, const json_t *object, const char *key)
{
	fuzz_check(!g_strcmp0(text, json_string_value(json_object_get(object, key))));
}

static void check_watchdog(const struct iol_config *config, const json_t *watchdog)
{
	const struct iol_watchdog_config *is = &config->watchdog;

	check_text(watchdog ? "i6300esb" : NULL, watchdog, "kind");
	fuzz_check((is->kind == IOL_WATCHDOG_KIND_I6300ESB) == json_is_object(watchdog));
	fuzz_check(is->autostart_s == json_integer_value(json_object_get(watchdog, "autostart")));
	fuzz_check(is->autostart_s <= IOL_CONFIG_WATCHDOG_SECONDS_MAX);
}

static void check_loaded(struct iol_config *config, const json_t *file)
{
	const json_t *boot = json_object_get(file, "boot");
	const json_t *cpus = json_object_get(file, "cpus");
	const json_t *count = json_is_object(cpus) ? json_object_get(cpus, "count") : cpus;
	struct iol_error err = { 0 };
	int ret;

	check_text(config->name, file, "name");
	check_text(config->machine, file, "machine");
	check_text(config->kernel, boot, "kernel");
	check_text(config->initrd, boot, "initrd");
	check_text(config->cmdline, boot, "cmdline");
	check_text(config->dtb, boot, "dtb");
	fuzz_check(config->dtb_overlay_count ==
		   json_array_size(json_object_get(boot, "dtb-overlays")));
	fuzz_check(config->dtb_overlay_count <= IOL_CONFIG_OVERLAYS_MAX);
	fuzz_check(config->cpus == (count ? json_integer_value(count) : 1));
	fuzz_check(config->cpus >= 1 && config->cpus <= IOL_CONFIG_CPUS_MAX);
	fuzz_check(config->memory_bytes >= IOL_CONFIG_MEMORY_MIN &&
		   config->memory_bytes <= IOL_CONFIG_MEMORY_MAX &&
		   !(config->memory_bytes % IOL_CONFIG_MEMORY_STEP));
	check_disks(config, json_object_get(file, "disks"));
	check_watchdog(config, json_object_get(file, "watchdog"));
	check_edits(config, json_object_get(file, "tree"));
	/* With a kernel there may still be lines that do not go together. */
	ret = iol_config_check(config, &err);
	fuzz_check(ret == -EINVAL || (!ret && config->kernel));
	if (ret)
		fuzz_check_error(&err, ret);
	iol_config_complete(config);
	fuzz_check(config->cmdline);
	for (unsigned int i = 0; i < config->disk_count; i++)
		fuzz_check(config->disks[i].queues >= 1 &&
			   config->disks[i].queues <= IOL_CONFIG_DISK_QUEUES_MAX);
}

/* --- all mistakes, their places, and what is written back --- */

/* Where a mistake is said to be, the text must have a character; nothing is said of the same place in vain. */
static void check_place(const char *said, const char *text, size_t len)
{
	unsigned int line = 0, column = 0;
	size_t i = 0;

	if (sscanf(said, "fuzz.json:%u:%u:", &line, &column) != 2)
		return;
	fuzz_check(line >= 1 && column >= 1);
	for (; line > 1; line--) {
		const char *end = memchr(text + i, '\n', len - i);

		fuzz_check(end);
		i = (size_t)(end - text) + 1;
	}
	/* Columns are characters, of which a byte is the least. */
	fuzz_check(i + column <= len + 1);
}

static void try_all(const char *text, size_t len, char *const *sets)
{
	struct iol_mistakes *mistakes = iol_mistakes_new();
	struct iol_config config;
	const char *said;

	iol_config_init(&config);
	iol_config_load_text_all(&config, text, len, file_name, NULL, sets, mistakes);
	iol_config_check_all(&config, mistakes);
	for (size_t i = 0; (said = iol_mistakes_text(mistakes, i)); i++) {
		fuzz_check(*said && strlen(said) < sizeof(((struct iol_error *)NULL)->msg));
		check_place(said, text, len);
	}
	fuzz_check(iol_mistakes_count(mistakes) >= (size_t)!config.kernel);
	iol_mistakes_free(mistakes);
	iol_config_finish(&config);
}

/* What is written is read as the same. */
static void check_written(const struct iol_config *config, bool utf8)
{
	g_autofree char *text = NULL, *again = NULL;
	struct iol_error err = { 0 };
	struct iol_config twin;
	int ret = iol_config_to_json(config, &text, &err);

	fuzz_check(!ret == !!text);
	if (ret) {
		fuzz_check_error(&err, ret);
		fuzz_check(!utf8); /* a file is */
		return;
	}
	iol_config_init(&twin);
	if (strlen(text) > IOL_CONFIG_FILE_BYTES_MAX) {
		iol_config_finish(&twin);
		return;
	}
	if (iol_config_load_text(&twin, text, strlen(text), file_name, NULL, &err)) {
		/* A socket's path that is from the root now may be too long. */
		if (!strstr(err.msg, "longer than 107 bytes")) {
			fprintf(stderr, "%s\n%s\n", text, err.msg);
			abort();
		}
		iol_config_finish(&twin);
		return;
	}
	iol_config_complete(&twin);
	fuzz_check(!iol_config_to_json(&twin, &again, &err));
	fuzz_check(!strcmp(text, again));
	fuzz_check(twin.tree_edit_count == config->tree_edit_count);
	iol_config_finish(&twin);
}

/* Lines before the first empty one are those of --set, the rest is the file. */
static void try_sets(const char *text)
{
	const char *rest = strstr(text, "\n\n");
	g_autofree char *head = rest ? g_strndup(text, (gsize)(rest - text)) : g_strdup(text);
	g_auto(GStrv) sets = g_strsplit(head, "\n", 20);

	rest = rest ? rest + 2 : "{}";
	try_all(rest, strlen(rest), sets);
}

/* --- a command line --- */

typedef int (*setter)(struct iol_config *config, const char *text, struct iol_error *err);

/* By the first byte of a line. What came later than kept inputs has a byte that they do not use. */
static setter setter_of(uint8_t byte)
{
	static const setter setters[] = {
		iol_config_set_name,        iol_config_set_machine,
		iol_config_set_initrd,      iol_config_set_kernel_address,
		iol_config_set_memory,      iol_config_set_cpus,
		iol_config_set_serial,      iol_config_add_serial,
		iol_config_set_console,     iol_config_set_gdb,
		iol_config_set_gdb_wait,    iol_config_set_control,
		iol_config_set_on_reboot,   iol_config_set_on_panic,
		iol_config_set_on_crash,    iol_config_set_on_poweroff,
		iol_config_set_on_watchdog, iol_config_set_dtb,
		iol_config_add_dtb_overlay, iol_config_add_disk,
		iol_config_add_net,         iol_config_set_rng,
		iol_config_set_cmdline,
	};

	return byte == UINT8_MAX ? iol_config_set_watchdog : setters[byte % IOL_ARRAY_LEN(setters)];
}

/*
 * Options as a person gives them together: a line each, of which the first byte says which option it is. One that is refused
 * says why and changes nothing; all that is found wrong with the whole is found by both checks; what is right is written as
 * the file that gives the same.
 */
static void try_options(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", OPTIONS_MAX);
	struct iol_mistakes *mistakes = iol_mistakes_new();
	struct iol_error err = { 0 };
	struct iol_config config;
	int ret;

	iol_config_init(&config);
	fuzz_check(!iol_config_set_kernel(&config, "/kernel", &err));
	for (size_t i = 0; lines[i] && *lines[i]; i++) {
		struct iol_config before = config;

		ret = setter_of((uint8_t)*lines[i])(&config, lines[i] + 1, &err);
		if (!ret)
			continue;
		fuzz_check_error(&err, ret);
		fuzz_check(!memcmp(&before, &config, sizeof(config)));
	}
	ret = iol_config_check(&config, &err);
	iol_config_check_all(&config, mistakes);
	fuzz_check(!ret == !iol_mistakes_count(mistakes));
	if (ret)
		fuzz_check_error(&err, ret);
	else
		check_written(&config, false);
	iol_mistakes_free(mistakes);
	iol_config_finish(&config);
}

/* As a system of partitions: what is wrong is told at a place that there is; what is not, is complete and in an order. */
static void try_system(const char *text, size_t len)
{
	const struct iol_host_memory host = {
		.total_bytes = IOL_GIB,
		.pool_count = 1,
		.pools = { { .page_bytes = 2 * IOL_MIB, .pages = 16 } },
	};
	struct iol_mistakes *mistakes = iol_mistakes_new();
	struct iol_system_config system;
	const char *said;

	iol_system_config_load_text(&system, text, len, file_name, NULL, &host, mistakes);
	for (size_t i = 0; (said = iol_mistakes_text(mistakes, i)); i++) {
		fuzz_check(*said && strlen(said) < sizeof(((struct iol_error *)NULL)->msg));
		check_place(said, text, len);
	}
	fuzz_check(system.name && (system.count || iol_mistakes_count(mistakes)));
	for (unsigned int i = 0; !iol_mistakes_count(mistakes) && i < system.count; i++) {
		const struct iol_partition_config *partition = system.partitions[i];

		fuzz_check(partition->machine.name && partition->machine.kernel);
		for (unsigned int j = 0; j < partition->after_count; j++)
			fuzz_check(partition->after[j] < system.count && partition->after[j] != i);
		check_written(&partition->machine, true);
	}
	iol_mistakes_free(mistakes);
	iol_system_config_finish(&system);
}

static void load_once(const char *text, size_t len, const json_t *file)
{
	struct iol_error err = { 0 };
	struct iol_config config, fresh;
	int ret;

	iol_config_init(&fresh);
	iol_config_init(&config);
	ret = iol_config_load_text(&config, text, len, file_name, NULL, &err);
	if (ret) {
		fuzz_check_error(&err, ret);
		fuzz_check(g_str_has_prefix(err.msg, file_name));
		fuzz_check(!memcmp(&config, &fresh, sizeof(config)));
		fuzz_check(iol_config_load_text(&config, text, len, file_name, NULL, NULL) == ret);
	} else {
		fuzz_check(file);
		check_loaded(&config, file);
		check_written(&config, true);
	}
	iol_config_finish(&config);
	try_all(text, len, NULL);
	try_system(text, len);
}

static void try_json(const char *text, size_t len)
{
	bool marked = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3);
	json_t *file =
		json_loadb(text + 3 * marked, len - 3 * marked, JSON_REJECT_DUPLICATES, NULL);
	size_t bytes;

	/* Once more, with all that libraries keep: nothing stays behind. */
	load_once(text, len, file);
	bytes = heap_bytes();
	load_once(text, len, file);
	fuzz_check(heap_bytes() <= bytes + HEAP_CACHED_BYTES);
	json_decref(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const tries[])(const char *text) = {
		try_size, try_memory, try_cpus, try_serial, try_check, try_disks, NULL, try_nets,
	};
	struct fuzz_input in = { data, len };
	uint8_t first = fuzz_u8(&in), which = first % IOL_ARRAY_LEN(tries);
	g_autofree char *text = NULL;
	size_t got;

	if (!tries[which] && first < 0x80) {
		/* A copy of its own, so that a read behind its end is seen. */
		text = g_memdup2(in.data, in.len);
		try_json(text ? text : "", in.len);
		return 0;
	}
	data = fuzz_take(&in, TEXT_BYTES_MAX, &got);
	text = g_strndup((const char *)data, got);
	if (first >= 0xe0) {
		try_options(text);
		return 0;
	}
	(tries[which] ? tries[which] : try_sets)(text);
	return 0;
}
