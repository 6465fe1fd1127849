// SPDX-License-Identifier: Apache-2.0
#include <iolite/config.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is said without the line and column, which test_config_json_position.c is about. */
static char *without_position(const char *said)
{
	g_autoptr(GRegex) position = g_regex_new("^web\\.json:[0-9]+:[0-9]+: ", 0, 0, NULL);

	return g_regex_replace_literal(position, said, -1, 0, "web.json: ", 0, NULL);
}

static int load(struct iol_config *config, const char *text, struct iol_error *err)
{
	return iol_config_load_text(config, text, strlen(text), "web.json", NULL, err);
}

static void must_load(struct iol_config *config, const char *text)
{
	struct iol_error err = { 0 };

	iol_config_init(config);
	if (load(config, text, &err))
		g_error("refused: %s", err.msg);
}

static void test_empty(void)
{
	struct iol_config config, fresh;

	iol_config_init(&fresh);
	must_load(&config, "{}");
	g_assert_cmpmem(&config, sizeof(config), &fresh, sizeof(fresh));
	iol_config_finish(&config);
	/* An editor's byte order mark is no mistake. */
	must_load(&config, "\xef\xbb\xbf { } \n");
	iol_config_finish(&config);
}

static void test_all_keys(void)
{
	struct iol_config config;

	must_load(&config, "{\"name\": \"web-1.a_b\", \"machine\": \"virt\", \"cpus\": 3, "
			   "\"memory\": \"512M\", \"boot\": {\"kernel\": \"vmlinuz\", "
			   "\"initrd\": \"/boot/initrd\", \"cmdline\": \"quiet caf\u00e9\", "
			   "\"kernel-address\": \"0x400000\", "
			   "\"dtb\": \"a.dtb\", \"dtb-overlays\": [\"b.dtbo\", \"c.dtbo\"]}, "
			   "\"serials\": [{\"kind\": \"null\"}], \"disks\": [], \"tree\": {}, "
			   "\"watchdog\": {\"autostart\": 9, \"kind\": \"i6300esb\"}, "
			   "\"lifecycle\": {\"on-watchdog\": \"pause\", "
			   "\"on-reboot\": \"exit\", \"on-panic\": \"reset\", "
			   "\"on-crash\": \"pause\", \"on-poweroff\": \"pause\"}}");
	g_assert_cmpstr(config.name, ==, "web-1.a_b");
	g_assert_cmpstr(config.machine, ==, "virt");
	g_assert_cmpuint(config.cpus, ==, 3);
	g_assert_cmpuint(config.memory_bytes, ==, 512 * IOL_MIB);
	g_assert_cmpstr(config.kernel, ==, "vmlinuz");
	g_assert_true(config.has_kernel_address);
	g_assert_cmphex(config.kernel_address, ==, 0x400000);
	g_assert_cmpstr(config.initrd, ==, "/boot/initrd");
	g_assert_cmpstr(config.cmdline, ==, "quiet caf\u00e9");
	g_assert_cmpstr(config.dtb, ==, "a.dtb");
	g_assert_cmpuint(config.dtb_overlay_count, ==, 2);
	g_assert_cmpstr(config.dtb_overlays[0], ==, "b.dtbo");
	g_assert_cmpstr(config.dtb_overlays[1], ==, "c.dtbo");
	g_assert_cmpuint(config.serial_count, ==, 1);
	g_assert_cmpint(config.serials[0].kind, ==, IOL_CHAR_NULL);
	g_assert_cmpint(config.watchdog.kind, ==, IOL_WATCHDOG_KIND_I6300ESB);
	g_assert_cmpuint(config.watchdog.autostart_s, ==, 9);
	g_assert_cmpint(config.on_watchdog, ==, IOL_WATCHDOG_PAUSE);
	g_assert_cmpint(config.on_reboot, ==, IOL_END_EXIT);
	g_assert_cmpint(config.on_panic, ==, IOL_END_RESET);
	g_assert_cmpint(config.on_crash, ==, IOL_END_PAUSE);
	g_assert_cmpint(config.on_poweroff, ==, IOL_END_PAUSE);
	g_assert_cmpuint(config.disk_count, ==, 0);
	g_assert_cmpuint(config.tree_edit_count, ==, 0);
	iol_config_finish(&config);
	must_load(&config, "{\"memory\": 1048576, \"boot\": {\"cmdline\": \"\"}}");
	g_assert_cmpuint(config.memory_bytes, ==, IOL_MIB);
	g_assert_cmpstr(config.cmdline, ==, "");
	iol_config_finish(&config);
}

/* Every key of -s, in the form of a file. */
static void test_serials(void)
{
	struct iol_config config;
	const struct iol_char_config *line;

	must_load(&config, "{\"serials\": [{\"link\": \"a,b\", \"kind\": \"pty\", \"block\": true, "
			   "\"ring\": \"1M\", \"log\": \"c\"}, {\"kind\": \"file\", \"path\": "
			   "\"d\", \"append\": true, \"ring\": 4096}, {\"kind\": \"unix\", "
			   "\"path\": \"e\", \"connect\": true}, {\"port\": 4000, \"kind\": "
			   "\"tcp\", \"host\": \"::\", \"expose\": true}]}");
	g_assert_cmpuint(config.serial_count, ==, 4);
	line = config.serials;
	g_assert_cmpint(line->kind, ==, IOL_CHAR_PTY);
	g_assert_cmpstr(line->link, ==, "a,b");
	g_assert_cmpstr(line->log, ==, "c");
	g_assert_true(line->block);
	g_assert_cmpuint(line->ring_bytes, ==, IOL_MIB);
	line++;
	g_assert_cmpint(line->kind, ==, IOL_CHAR_FILE);
	g_assert_cmpstr(line->path, ==, "d");
	g_assert_true(line->append);
	g_assert_cmpuint(line->ring_bytes, ==, 4096);
	line++;
	g_assert_cmpint(line->kind, ==, IOL_CHAR_UNIX);
	g_assert_true(line->connect);
	line++;
	g_assert_cmpint(line->kind, ==, IOL_CHAR_TCP);
	g_assert_cmpstr(line->host, ==, "::");
	g_assert_cmpuint(line->port, ==, 4000);
	g_assert_true(line->expose);
	iol_config_finish(&config);
	must_load(&config, "{\"serials\": []}");
	g_assert_cmpuint(config.serial_count, ==, 0);
	iol_config_finish(&config);
}

/* Every key of -d, in the form of a file. */
static void test_disks(void)
{
	struct iol_config config;
	const struct iol_disk_config *disk;

	must_load(&config, "{\"disks\": [{\"path\": \"a,b.img\", \"id\": \"data.2\", \"ro\": true, "
			   "\"direct\": true, \"cache\": \"unsafe\", \"discard\": false, "
			   "\"lock\": false, \"queues\": 3, \"transport\": \"mmio\", "
			   "\"serial\": \"S/N 1,2\", \"bps\": \"10M\", \"iops\": 500}, "
			   "{\"path\": \"/dev/vg0/guest\", \"bps\": 4096, \"ro\": false}]}");
	g_assert_cmpuint(config.disk_count, ==, 2);
	disk = &config.disks[0];
	g_assert_cmpstr(disk->path, ==, "a,b.img");
	g_assert_cmpstr(disk->id, ==, "data.2");
	g_assert_cmpstr(disk->serial, ==, "S/N 1,2");
	g_assert_true(disk->read_only);
	g_assert_true(disk->direct);
	g_assert_cmpint(disk->cache, ==, IOL_BLOCK_UNSAFE);
	g_assert_false(disk->discard);
	g_assert_false(disk->lock);
	g_assert_cmpuint(disk->queues, ==, 3);
	g_assert_cmpint(disk->transport, ==, IOL_TRANSPORT_MMIO);
	g_assert_cmpuint(disk->bytes_per_s, ==, 10 * IOL_MIB);
	g_assert_cmpuint(disk->requests_per_s, ==, 500);
	disk = &config.disks[1];
	g_assert_cmpstr(disk->path, ==, "/dev/vg0/guest");
	g_assert_cmpstr(disk->id, ==, "disk1");
	g_assert_null(disk->serial);
	g_assert_false(disk->read_only);
	g_assert_false(disk->direct);
	g_assert_cmpint(disk->cache, ==, IOL_BLOCK_WRITEBACK);
	g_assert_true(disk->discard);
	g_assert_true(disk->lock);
	g_assert_cmpuint(disk->queues, ==, 0);
	g_assert_cmpint(disk->transport, ==, IOL_TRANSPORT_PCI);
	g_assert_cmpuint(disk->bytes_per_s, ==, 4096);
	g_assert_cmpuint(disk->requests_per_s, ==, 0);
	/* Options come behind, and are held against the file's. */
	g_assert_cmpint(iol_config_add_disk(&config, "c.img", NULL), ==, 0);
	g_assert_cmpstr(config.disks[2].id, ==, "disk2");
	g_assert_cmpint(iol_config_add_disk(&config, "d.img,id=data.2", NULL), ==, -EINVAL);
	iol_config_finish(&config);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "[]", "this is a list: give an object, in { and }" },
		{ "{\"zz\": 1}",
		  "there is no 'zz', but name, machine, cpus, memory, boot, disks, nets, rng, watchdog, console, serials, gdb, control, sandbox, jail, lifecycle, tree" },
		{ "{\"cpu\": 1}", "there is no 'cpu': did you mean 'cpus'?" },
		{ "{\"ram\": 1}", "there is no 'ram': did you mean 'memory'?" },
		{ "{\"initrd\": \"x\"}",
		  "'initrd' belongs to 'boot': \"boot\": {\"initrd\": ...}" },
		{ "{\"name\": \"\"}", "name: '' is no name: give a letter or digit, then letters, "
				      "digits, dots, dashes, underscores" },
		{ "{\"name\": \"a b\"}", "name: 'a b' is no name: give a letter or digit, then "
					 "letters, digits, dots, dashes, underscores" },
		{ "{\"name\": 5}", "name: 5 is a number: give text, in double quotes" },
		{ "{\"machine\": \"\"}", "machine: '' is no machine: name one, or leave it out" },
		{ "{\"machine\": null}",
		  "machine: this is null: give text, in double quotes, or leave it out" },
		{ "{\"cpus\": \"2\"}", "cpus: '2' is text: give a whole number, without quotes" },
		{ "{\"cpus\": 2.0}",
		  "cpus: 2.0 is no whole number: give a whole number, without quotes" },
		{ "{\"cpus\": 65}",
		  "cpus: '65' is not a number of CPUs: give a whole number from 1 to 64" },
		{ "{\"cpus\": -1}",
		  "cpus: '-1' is not a number of CPUs: give a whole number from 1 to 64" },
		{ "{\"cpus\": true}", "cpus: this is true: give a whole number, without quotes" },
		{ "{\"memory\": 512}", "memory: '512' is out of range: give 1M to 64G" },
		{ "{\"memory\": \"1.5G\"}", "memory: '1.5G' is not a size: give a whole number and "
					    "K, M, G or T, such as 512M" },
		{ "{\"memory\": [1]}", "memory: this is a list: give a size, such as \"512M\", or "
				       "a number of bytes" },
		{ "{\"boot\": \"vmlinuz\"}",
		  "boot: 'vmlinuz' is text: give an object, in { and }" },
		{ "{\"boot\": {\"kernal\": 1}}",
		  "boot: there is no 'kernal': did you mean 'kernel'?" },
		{ "{\"boot\": {\"kernel\": \"\"}}", "boot.kernel: '' is no path: name a file" },
		{ "{\"boot\": {\"dtb\": false}}",
		  "boot.dtb: this is false: give a path, in double quotes" },
		{ "{\"boot\": {\"dtb-overlays\": \"a\"}}",
		  "boot.dtb-overlays: 'a' is text: give a list of paths, in [ and ]" },
		{ "{\"boot\": {\"dtb-overlays\": [\"a\", {}]}}",
		  "boot.dtb-overlays[1]: this is an object: give a path, in double quotes" },
		{ "{\"disks\": {\"path\": \"a\"}}",
		  "disks: this is an object: give a list of objects, in [ and ]" },
		{ "{\"disks\": [\"a\"]}",
		  "disks[0]: 'a' is text: give an object, such as {\"path\": \"disk.img\"}" },
		{ "{\"disks\": [{\"ro\": true}]}",
		  "disks[0]: no path: name a disk image or a block device, such as \"path\": "
		  "\"disk.img\"" },
		{ "{\"disks\": [{\"path\": \"a\"}, {\"path\": \"b\", \"cache\": \"none\"}]}",
		  "disks[1].cache: 'none' is no cache mode: give direct, which goes past the "
		  "host's page cache" },
		{ "{\"disks\": [{\"path\": \"a\", \"ro\": \"on\"}]}",
		  "disks[0].ro: 'on' is text: give true or false" },
		{ "{\"disks\": [{\"path\": \"a\", \"chache\": 1}]}",
		  "disks[0]: there is no 'chache': did you mean 'cache'?" },
		{ "{\"disks\": [{\"file\": \"a\"}]}",
		  "disks[0]: there is no 'file': did you mean 'path'?" },
		{ "{\"disks\": [{\"path\": \"a\", \"zz\": 1}]}",
		  "disks[0]: there is no 'zz', but path, id, ro, direct, cache, discard, lock, "
		  "queues, transport, serial, bps, iops" },
		{ "{\"disks\": [{\"path\": \"a\", \"bps\": -1}]}",
		  "disks[0].bps: '-1' is not bytes a second: give a whole number and K, M, G or T, "
		  "such as 100M; 0 is no limit" },
		{ "{\"disks\": [{\"path\": \"a\"}, {\"path\": \"a\"}]}",
		  "disks[1]: 'a': given twice (as disk0 and disk1): leave one out, or make both "
		  "ro" },
		{ "{\"boot\": {\"kernel-address\": 4194304}}",
		  "boot.kernel-address: 4194304 is a number: give text, in double quotes" },
		{ "{\"boot\": {\"kernel-address\": \"4M\"}}",
		  "boot.kernel-address: '4M' is no address: give a number such as 0x1000000" },
		{ "{\"lifecycle\": []}", "lifecycle: this is a list: give an object, in { and }" },
		{ "{\"lifecycle\": {\"on_watchdog\": \"reset\"}}",
		  "lifecycle: there is no 'on_watchdog': did you mean 'on-watchdog'?" },
		{ "{\"lifecycle\": {\"on-watchdog\": \"Reset\"}}",
		  "lifecycle.on-watchdog: 'Reset' is no action: give reset, stop, pause or none" },
		{ "{\"lifecycle\": {\"on-poweroff\": \"reset\"}}",
		  "lifecycle.on-poweroff: 'reset' is no action: give exit or pause" },
		{ "{\"lifecycle\": {\"on-panic\": \"stop\"}}",
		  "lifecycle.on-panic: 'stop' is no action: give exit, reset or pause" },
		{ "{\"serials\": \"stdio\"}",
		  "serials: 'stdio' is text: give a list, such as [{\"kind\": \"stdio\"}]" },
		{ "{\"serials\": [{}]}",
		  "serials[0]: no kind: give \"kind\": \"stdio\", \"null\", \"pty\", \"file\", "
		  "\"unix\", \"tcp\" or \"mux\"" },
		{ "{\"serials\": [{\"kind\": \"vga\"}]}",
		  "serials[0].kind: 'vga' is no kind of serial line: give stdio, null, pty, file, "
		  "unix, tcp or mux" },
		{ "{\"serials\": [\"stdio\"]}",
		  "serials[0]: 'stdio' is text: give an object, such as {\"kind\": \"pty\"}" },
		{ "{\"serials\": [{\"kind\": \"unix:/run/x\"}]}",
		  "serials[0].kind: 'unix:/run/x' is no kind of serial line: give stdio, null, pty, "
		  "file, unix, tcp or mux" },
		{ "{\"serials\": [{\"kind\": \"unix\"}]}",
		  "serials[0]: no path: give one, such as \"path\": \"console\"" },
		{ "{\"serials\": [{\"kind\": \"tcp\", \"host\": \"::1\"}]}",
		  "serials[0]: no port: give one, such as \"port\": 4000" },
		{ "{\"serials\": [{\"kind\": \"tcp\", \"port\": \"4000\"}]}",
		  "serials[0].port: '4000' is text: give a whole number, without quotes" },
		{ "{\"serials\": [{\"kind\": \"pty\", \"append\": true}]}",
		  "serials[0]: 'append' is for file, not for pty: leave it out" },
		{ "{\"serials\": [{\"kind\": \"pty\", \"block\": \"on\"}]}",
		  "serials[0].block: 'on' is text: give true or false" },
		{ "{\"serials\": [{\"kind\": \"pty\", \"zz\": 1}]}",
		  "serials[0]: there is no 'zz', but kind, path, host, port, over, connect, expose, "
		  "append, link, log, block, ring" },
		{ "{\"serials\": [{\"kind\": \"stdio\"}, {\"kind\": \"stdio\"}]}",
		  "serials[1]: serial0 has standard input and output already: give stdio to one line "
		  "only" },
		{ "{\"serials\": [{\"kind\": \"pty\"}, {\"kind\": \"pty\"}, {\"kind\": \"pty\"}, "
		  "{\"kind\": \"pty\"}, {\"kind\": \"pty\"}]}",
		  "serials[4]: one serial line too many: a machine has up to 4" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autofree char *says = g_strdup_printf("web.json: %s", cases[i].says);
		g_autofree char *said = NULL;
		struct iol_error err = { 0 };
		struct iol_config config;

		iol_config_init(&config);
		g_test_message("%s", cases[i].text);
		g_assert_cmpint(load(&config, cases[i].text, &err), ==, -EINVAL);
		said = without_position(err.msg);
		g_assert_cmpstr(said, ==, says);
		g_assert_cmpint(err.code, ==, -EINVAL);
		g_assert_cmpint(load(&config, cases[i].text, NULL), ==, -EINVAL);
		iol_config_finish(&config);
	}
}

/* Keys have no order: the same is right, or wrong, in both. Options come before the judgement. */
static void test_console(void)
{
#define KERNEL "\"boot\": {\"kernel\": \"k\"}"
#define STDIO "console: serial0 has standard input and output already: give stdio to one line only"
	static const struct {
		const char *console, *serials, *option, *says;
	} cases[] = {
		{ "{\"kind\": \"stdio\"}", "[{\"kind\": \"null\"}]", NULL, NULL },
		{ "{\"kind\": \"stdio\"}", "[]", NULL, NULL },
		{ "{\"kind\": \"stdio\"}", "[{\"kind\": \"stdio\"}]", NULL, STDIO },
		{ "{\"kind\": \"stdio\"}", "[{\"kind\": \"stdio\"}]", "null", NULL },
		{ "{\"kind\": \"stdio\"}", "[{\"kind\": \"null\"}]", "stdio", STDIO },
		{ "{\"kind\": \"mux\"}", "[{\"kind\": \"mux\", \"over\": \"stdio\"}]", NULL, NULL },
		{ "{\"kind\": \"mux\"}", "[{\"kind\": \"null\"}]", "mux:stdio", NULL },
		{ "{\"kind\": \"mux\"}", "[{\"kind\": \"stdio\"}]", NULL,
		  "console: 'mux' has nothing to share: the first of the lines that share a terminal "
		  "is mux:stdio" },
		{ "{\"kind\": \"file\", \"path\": \"/a\"}",
		  "[{\"kind\": \"null\", \"log\": \"/a\"}]", NULL,
		  "console: '/a' belongs to serial0 already: give each line files of its own" },
	};

	for (size_t i = 0; i < 2 * IOL_ARRAY_LEN(cases); i++) {
		const char *console = cases[i / 2].console, *serials = cases[i / 2].serials;
		const char *option = cases[i / 2].option, *says = cases[i / 2].says;
		g_autofree char *text =
			i % 2 ? g_strdup_printf("{" KERNEL ", \"serials\": %s, \"console\": %s}",
						serials, console)
			      : g_strdup_printf("{" KERNEL ", \"console\": %s, \"serials\": %s}",
						console, serials);
		struct iol_error err = { 0 };
		struct iol_config config;

		g_test_message("%s %s", text, option ? option : "");
		must_load(&config, text);
		if (option)
			g_assert_cmpint(iol_config_set_serial(&config, option, &err), ==, 0);
		g_assert_cmpint(iol_config_check(&config, &err), ==, says ? -EINVAL : 0);
		if (says)
			g_assert_cmpstr(err.msg, ==, says);
		iol_config_finish(&config);
	}
#undef KERNEL
#undef STDIO
}

/* What was there before is there after a mistake, and gone after a success. */
static void test_replaces(void)
{
	struct iol_config config;
	struct iol_error err;

	must_load(&config, "{\"name\": \"old\", \"disks\": [{\"path\": \"a\"}], "
			   "\"tree\": {\"delete\": [\"/x\"]}}");
	g_assert_cmpint(load(&config,
			     "{\"name\": \"new\", \"disks\": [{\"path\": \"b\"}, "
			     "{\"path\": \"c\", \"serial\": \"x\", \"id\": \"1\"}]}",
			     &err),
			==, -EINVAL);
	g_assert_cmpstr(config.name, ==, "old");
	g_assert_cmpuint(config.disk_count, ==, 1);
	g_assert_cmpstr(config.disks[0].path, ==, "a");
	g_assert_cmpuint(config.tree_edit_count, ==, 1);
	g_assert_cmpint(load(&config, "{\"name\": \"new\"}", &err), ==, 0);
	g_assert_cmpstr(config.name, ==, "new");
	g_assert_cmpuint(config.disk_count, ==, 0);
	g_assert_cmpuint(config.tree_edit_count, ==, 0);
	iol_config_finish(&config);
}

/* @count items, each @before, its number, @after. */
static char *repeat(const char *before, const char *after, unsigned int count)
{
	GString *text = g_string_new(NULL);

	for (unsigned int i = 0; i < count; i++)
		g_string_append_printf(text, "%s%s%u%s", i ? ", " : "", before, i, after);
	return g_string_free(text, FALSE);
}

/* The last that is allowed, and one more. */
static void test_limits(void)
{
	static const struct {
		const char *head, *before, *after, *tail;
		unsigned int max;
		const char *says;
	} cases[] = {
		{ "{\"disks\": [", "{\"path\": \"", "\"}", "]}", IOL_CONFIG_DISKS_MAX,
		  "web.json: disks[16]: '16': one disk too many: a machine has up to 16" },
		{ "{\"boot\": {\"dtb-overlays\": [", "\"", "\"", "]}}", IOL_CONFIG_OVERLAYS_MAX,
		  "web.json: boot.dtb-overlays[16]: '16' is one overlay too many: up to 16" },
		{ "{\"tree\": {\"delete\": [", "\"/n", "\"", "]}}", IOL_CONFIG_TREE_EDITS_MAX,
		  "web.json: tree.delete[4096]: one change too many: a file has up to 4096" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autofree char *most = repeat(cases[i].before, cases[i].after, cases[i].max);
		g_autofree char *more = repeat(cases[i].before, cases[i].after, cases[i].max + 1);
		g_autofree char *right = g_strconcat(cases[i].head, most, cases[i].tail, NULL);
		g_autofree char *wrong = g_strconcat(cases[i].head, more, cases[i].tail, NULL);
		struct iol_error err = { 0 };
		g_autofree char *said = NULL;
		struct iol_config config;

		must_load(&config, right);
		g_assert_cmpint(load(&config, wrong, &err), ==, -EINVAL);
		said = without_position(err.msg);
		g_assert_cmpstr(said, ==, cases[i].says);
		iol_config_finish(&config);
	}
}

static void test_name_length(void)
{
	struct iol_config config;

	iol_config_init(&config);
	for (unsigned int len = 63; len <= 65; len++) {
		g_autofree char *name = g_strnfill(len, 'n');
		int ret = iol_config_set_name(&config, name, NULL);

		g_assert_cmpint(ret, ==, len <= IOL_CONFIG_NAME_MAX ? 0 : -EINVAL);
	}
	g_assert_cmpuint(strlen(config.name), ==, 64);
	iol_config_finish(&config);
}

/* A message keeps its remedy when names, places and values are long. */
static void test_long(void)
{
	g_autofree char *value = g_strnfill(4000, 'v');
	g_autofree char *file = g_strdup_printf("%s.json", value);
	static const struct {
		const char *head, *tail, *remedy;
	} cases[] = {
		{ "{\"", "\": 1}", "serials, gdb, control, sandbox, jail, lifecycle, tree" },
		{ "{\"name\": \"", " \"}", "underscores" },
		{ "{\"cpus\": \"", "\"}", "without quotes" },
		{ "{\"disks\": [{\"path\": \"x\", \"", "\": 1}]}", "bps, iops" },
		{ "{\"disks\": [{\"path\": \"x\", \"cache\": \"", "\"}]}", "or unsafe" },
		{ "{\"tree\": {\"node-update\": {\"/", " \": {}}}}", ", . _ + - @" },
		{ "{\"tree\": {\"node-update\": {\"/", "\": 1}}}", "has up to 1024 bytes" },
		{ "{\"tree\": {\"node-update\": {\"/x\": {\"", "\": 1}}}}", "up to 255 bytes" },
		{ "{\"tree\": {\"node-update\": {\"/x\": {\"a\": {\"", "\": 1}}}}}", "prepend" },
		{ "{\"", "\" 1}", "a colon is missing before 1" },
		{ "{\"name\": ", "}", "in small letters" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autofree char *text = g_strconcat(cases[i].head, value, cases[i].tail, NULL);
		struct iol_config config;
		struct iol_error err = { 0 };

		iol_config_init(&config);
		g_assert_cmpint(iol_config_load_text(&config, text, strlen(text), file, NULL, &err),
				==, -EINVAL);
		g_test_message("%s", err.msg);
		g_assert_true(g_str_has_prefix(err.msg, "...vvv"));
		g_assert_true(g_str_has_suffix(err.msg, cases[i].remedy));
		iol_config_finish(&config);
	}
}

/* A name is not cut within a character. */
static void test_long_utf8(void)
{
	for (unsigned int ascii = 0; ascii < 3; ascii++) {
		g_autofree char *head = g_strnfill(ascii, 'a');
		GString *name = g_string_new("b");
		struct iol_config config;
		struct iol_error err = { 0 };

		for (unsigned int i = 0; i < 60; i++)
			g_string_append(name, "\u00e9");
		g_string_append(name, head);
		iol_config_init(&config);
		g_assert_cmpint(iol_config_load_text(&config, "[]", 2, name->str, NULL, &err), ==,
				-EINVAL);
		g_test_message("%s", err.msg);
		g_assert_true(g_utf8_validate(err.msg, -1, NULL));
		g_assert_true(g_str_has_prefix(err.msg, "...\u00e9"));
		iol_config_finish(&config);
		g_string_free(name, TRUE);
	}
}

/* --- files --- */

static void write_file(const char *path, const char *text, size_t len)
{
	g_assert_true(g_file_set_contents(path, text, (gssize)len, NULL));
}

/* Relative paths are the file's folder's; others, and what is no path, stay as they are. */
static void test_folder(void)
{
	static const char text[] = "{\"boot\": {\"kernel\": \"k\", \"initrd\": \"/i\", "
				   "\"cmdline\": \"c\", \"dtb\": \"../d\", \"dtb-overlays\": "
				   "[\"o\"]}, \"disks\": [{\"path\": \"a\", \"serial\": \"s\"}]}";
	g_autofree char *folder = g_dir_make_tmp(NULL, NULL);
	g_autofree char *file = g_build_filename(folder, "x.json", NULL);
	g_autofree char *kernel = g_build_filename(folder, "k", NULL);
	g_autofree char *dtb = g_build_filename(folder, "../d", NULL);
	g_autofree char *overlay = g_build_filename(folder, "o", NULL);
	g_autofree char *disk = g_build_filename(folder, "a", NULL);
	g_autofree char *here = g_get_current_dir();
	struct iol_config config;
	struct iol_error err;

	write_file(file, text, strlen(text));
	iol_config_init(&config);
	g_assert_cmpint(iol_config_load(&config, file, &err), ==, 0);
	g_assert_cmpstr(config.kernel, ==, kernel);
	g_assert_cmpstr(config.initrd, ==, "/i");
	g_assert_cmpstr(config.cmdline, ==, "c");
	g_assert_cmpstr(config.dtb, ==, dtb);
	g_assert_cmpstr(config.dtb_overlays[0], ==, overlay);
	g_assert_cmpstr(config.disks[0].path, ==, disk);
	g_assert_cmpstr(config.disks[0].serial, ==, "s");
	/* From within the folder they are what the file says, so that -d names the same disks. */
	g_assert_cmpint(chdir(folder), ==, 0);
	g_assert_cmpint(iol_config_load(&config, "x.json", &err), ==, 0);
	g_assert_cmpint(chdir(here), ==, 0);
	g_assert_cmpstr(config.kernel, ==, "k");
	g_assert_cmpstr(config.disks[0].path, ==, "a");
	g_assert_cmpstr(config.file, ==, "x.json");
	iol_config_finish(&config);
	g_unlink(file);
	g_rmdir(folder);
}

static void expect_load(const char *path, int code, const char *says)
{
	g_autofree char *told = g_strdup_printf("%s%s", path, says);
	struct iol_config config;
	struct iol_error err = { 0 };

	iol_config_init(&config);
	g_assert_cmpint(iol_config_load(&config, path, &err), ==, code);
	g_assert_cmpint(iol_config_load(&config, path, NULL), ==, code);
	if (code)
		g_assert_cmpstr(err.msg, ==, told);
	g_assert_false(err.host_fault);
	iol_config_finish(&config);
}

static void test_files(void)
{
	g_autofree char *folder = g_dir_make_tmp(NULL, NULL);
	g_autofree char *file = g_build_filename(folder, "x.json", NULL);
	g_autofree char *fifo = g_build_filename(folder, "fifo", NULL);
	g_autofree char *spaces = g_strnfill(IOL_CONFIG_FILE_BYTES_MAX + 1, ' ');

	expect_load(file, -ENOENT,
		    ": no configuration file (a kernel is named with -k): No such file or "
		    "directory");
	expect_load(folder, -EISDIR, ": Is a directory");
	expect_load("/dev/zero", -EFBIG,
		    ": larger than 1 MiB, which no configuration is: a kernel is named with -k, a "
		    "disk with -d");
	memcpy(spaces, "{}", 2);
	write_file(file, spaces, IOL_CONFIG_FILE_BYTES_MAX);
	expect_load(file, 0, "");
	write_file(file, spaces, IOL_CONFIG_FILE_BYTES_MAX + 1);
	expect_load(file, -EFBIG,
		    ": larger than 1 MiB, which no configuration is: a kernel is named with -k, a "
		    "disk with -d");
	write_file(file, "{\0}", 3);
	expect_load(file, -EINVAL,
		    ": zero bytes, which no JSON has: save it as UTF-8; a kernel is named with -k, "
		    "a disk with -d");
	/* Nobody writes there: it must not wait. */
	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	expect_load(fifo, -EINVAL, ":1:1: empty: the least that a configuration has is {}");
	g_unlink(fifo);
	g_unlink(file);
	g_rmdir(folder);
}

static gpointer write_slowly(gpointer data)
{
	static const char text[] = "{\"name\": \"piped\"}";
	int fd = GPOINTER_TO_INT(data);

	for (size_t i = 0; text[i]; i++)
		g_assert_cmpint(write(fd, &text[i], 1), ==, 1);
	close(fd);
	return NULL;
}

/* As a shell's <(...) gives it. */
static void test_pipe(void)
{
	g_autofree char *path = NULL;
	struct iol_config config;
	GThread *writer;
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	path = g_strdup_printf("/proc/self/fd/%d", fds[0]);
	writer = g_thread_new("writer", write_slowly, GINT_TO_POINTER(fds[1]));
	iol_config_init(&config);
	g_assert_cmpint(iol_config_load(&config, path, NULL), ==, 0);
	g_assert_cmpstr(config.name, ==, "piped");
	iol_config_finish(&config);
	g_thread_join(writer);
	close(fds[0]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config-json/empty", test_empty);
	g_test_add_func("/config-json/all-keys", test_all_keys);
	g_test_add_func("/config-json/disks", test_disks);
	g_test_add_func("/config-json/serials", test_serials);
	g_test_add_func("/config-json/refused", test_refused);
	g_test_add_func("/config-json/console", test_console);
	g_test_add_func("/config-json/replaces", test_replaces);
	g_test_add_func("/config-json/limits", test_limits);
	g_test_add_func("/config-json/name-length", test_name_length);
	g_test_add_func("/config-json/long", test_long);
	g_test_add_func("/config-json/long-utf8", test_long_utf8);
	g_test_add_func("/config-json/folder", test_folder);
	g_test_add_func("/config-json/files", test_files);
	g_test_add_func("/config-json/pipe", test_pipe);
	return g_test_run();
}
