// SPDX-License-Identifier: Apache-2.0
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

static void add(struct iol_config *config, const char *text)
{
	struct iol_error err = { 0 };

	if (iol_config_add_disk(config, text, &err))
		g_error("'%s' is refused: %s", text, err.msg);
}

static void test_defaults(void)
{
	struct iol_config config;
	const struct iol_disk_config *disk;

	iol_config_init(&config);
	g_assert_cmpuint(config.disk_count, ==, 0);
	add(&config, "disk.img");
	g_assert_cmpuint(config.disk_count, ==, 1);
	disk = &config.disks[0];
	g_assert_cmpstr(disk->path, ==, "disk.img");
	g_assert_cmpstr(disk->id, ==, "disk0");
	g_assert_null(disk->serial);
	g_assert_null(disk->fault);
	g_assert_false(disk->read_only);
	g_assert_false(disk->direct);
	g_assert_cmpint(disk->cache, ==, IOL_BLOCK_WRITEBACK);
	g_assert_true(disk->discard);
	g_assert_true(disk->lock);
	g_assert_cmpuint(disk->queues, ==, 0);
	g_assert_cmpint(disk->transport, ==, IOL_TRANSPORT_PCI);
	g_assert_cmpuint(disk->bytes_per_s, ==, 0);
	g_assert_cmpuint(disk->requests_per_s, ==, 0);
	iol_config_finish(&config);
}

static void test_all_keys(void)
{
	struct iol_config config;
	const struct iol_disk_config *disk;

	iol_config_init(&config);
	add(&config,
	    "/dev/vg0/guest,ro,direct,id=data.2_b-c,cache=writethrough,discard=off,lock=off,"
	    "queues=3,transport=mmio,serial=S/N 12,,3=4,bps=10M,iops=500");
	disk = &config.disks[0];
	g_assert_cmpstr(disk->path, ==, "/dev/vg0/guest");
	g_assert_cmpstr(disk->id, ==, "data.2_b-c");
	g_assert_cmpstr(disk->serial, ==, "S/N 12,3=4");
	g_assert_true(disk->read_only);
	g_assert_true(disk->direct);
	g_assert_cmpint(disk->cache, ==, IOL_BLOCK_WRITETHROUGH);
	g_assert_false(disk->discard);
	g_assert_false(disk->lock);
	g_assert_cmpuint(disk->queues, ==, 3);
	g_assert_cmpint(disk->transport, ==, IOL_TRANSPORT_MMIO);
	g_assert_cmpuint(disk->bytes_per_s, ==, 10 * IOL_MIB);
	g_assert_cmpuint(disk->requests_per_s, ==, 500);
	add(&config,
	    "b,ro=off,direct=off,cache=unsafe,discard=on,lock=on,transport=pci,queues=16,bps=0");
	disk = &config.disks[1];
	g_assert_cmpstr(disk->id, ==, "disk1");
	g_assert_false(disk->read_only);
	g_assert_false(disk->direct);
	g_assert_cmpint(disk->cache, ==, IOL_BLOCK_UNSAFE);
	g_assert_true(disk->discard);
	g_assert_true(disk->lock);
	g_assert_cmpuint(disk->queues, ==, 16);
	g_assert_cmpint(disk->transport, ==, IOL_TRANSPORT_PCI);
	add(&config, "c,ro=on,direct=on,cache=writeback,iops=18446744073709551615");
	disk = &config.disks[2];
	g_assert_true(disk->read_only);
	g_assert_true(disk->direct);
	g_assert_cmpint(disk->cache, ==, IOL_BLOCK_WRITEBACK);
	g_assert_cmpuint(disk->requests_per_s, ==, UINT64_MAX);
	iol_config_finish(&config);
}

static void test_commas(void)
{
	static const struct {
		const char *text, *path, *serial;
	} cases[] = {
		{ "a,,b.img", "a,b.img", NULL },  { "a,,b,,,,c.img,serial=x", "a,b,,c.img", "x" },
		{ "a,,,serial=x", "a,", "x" },    { ",,a", ",a", NULL },
		{ "a=b", "a=b", NULL },           { "./file=x,serial=,,", "./file=x", "," },
		{ "a,serial=x,,,ro", "a", "x," },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_config config;

		iol_config_init(&config);
		add(&config, cases[i].text);
		g_assert_cmpstr(config.disks[0].path, ==, cases[i].path);
		g_assert_cmpstr(config.disks[0].serial, ==, cases[i].serial);
		iol_config_finish(&config);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "'': no path: name a disk image or a block device first, such as disk.img or "
		      "disk.img,ro" },
		{ "path=", "'path=': the path stands first and without a key, such as disk.img; a "
			   "file of this name is ./path=" },
		{ "x,",
		  "'x': a comma with nothing behind it: take it away, or write it twice if it "
		  "belongs to a value" },
		{ "x,ro,", "'x': a comma with nothing behind it" },
		{ "x,ro=ON", "'x': 'ro=ON' is neither on nor off: give on or off" },
		{ "x,discard", "'x': 'discard' lacks its value: write it as discard=..." },
		{ "x,id=a,id=a", "'x': 'id=a': 'id' is given twice: leave one out" },
		{ "x,id=a,,b", "'x': 'id=a,b' is no id: give a letter, then letters, digits, dots, "
			       "dashes, underscores" },
		{ "x,id=.a", "'x': 'id=.a' is no id" },
		{ "x,sreial=1", "'x': 'sreial=1': there is no 'sreial': did you mean 'serial'?" },
		{ "x,qeues=1", "'x': 'qeues=1': there is no 'qeues': did you mean 'queues'?" },
		{ "x,iop=1", "'x': 'iop=1': there is no 'iop': did you mean 'iops'?" },
		{ "x,Read-Only", "'x': 'Read-Only': there is no 'Read-Only': did you mean 'ro'?" },
		{ "x,zz",
		  "'x': 'zz': there is no 'zz', but id, ro, direct, cache, discard, lock, "
		  "queues, transport, serial, bps, iops; a comma in a value is written twice" },
		{ "x,transportportportport=pci",
		  "there is no 'transportportportport', but id, ro" },
		{ "x,queues=+1", "'x': 'queues=+1' is not a number of queues" },
		{ "x,queues= 1", "'x': 'queues= 1' is not a number of queues" },
		{ "x,queues=\v1", "'x': 'queues=?1' is not a number of queues" },
		{ "x,iops=\v1", "'x': 'iops=?1' is not requests a second" },
		{ "x,queues=18446744073709551617", "is not a number of queues" },
		{ "x,iops=18446744073709551616", "is not requests a second" },
		{ "x,bps=", "'x': 'bps=' is not bytes a second" },
		{ "x,serial=a\tb", "'x': 'serial=a?b' is not printable ASCII" },
		{ "x,cache=Writeback", "'x': 'cache=Writeback' is no cache mode" },
		{ "x,transport=", "'x': 'transport=' is no transport: give pci or mmio" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_error err = { 0 };
		struct iol_config config;
		int ret;

		iol_config_init(&config);
		ret = iol_config_add_disk(&config, cases[i].text, &err);
		g_test_message("'%s' -> %d: %s", cases[i].text, ret, err.msg);
		g_assert_cmpint(ret, ==, -EINVAL);
		g_assert_cmpint(iol_config_add_disk(&config, cases[i].text, NULL), ==, -EINVAL);
		g_assert_nonnull(strstr(err.msg, cases[i].says));
		g_assert_cmpuint(config.disk_count, ==, 0);
		iol_config_finish(&config);
	}
}

static void test_lengths(void)
{
	static const char digits[] = "a2345678901234567890123456789012x";
	struct iol_config config;

	iol_config_init(&config);
	for (unsigned int len = 31; len <= 33; len++) {
		g_autofree char *text = g_strdup_printf("disk%u,id=%.*s", len, (int)len, digits);
		int ret = iol_config_add_disk(&config, text, NULL);

		g_test_message("%s -> %d", text, ret);
		g_assert_cmpint(ret, ==, len <= IOL_CONFIG_ID_MAX ? 0 : -EINVAL);
	}
	for (unsigned int len = 19; len <= 21; len++) {
		g_autofree char *text =
			g_strdup_printf("disk%u,serial=%.*s", len, (int)len, digits);
		int ret = iol_config_add_disk(&config, text, NULL);

		g_test_message("%s -> %d", text, ret);
		g_assert_cmpint(ret, ==, len <= IOL_CONFIG_DISK_SERIAL_MAX ? 0 : -EINVAL);
	}
	iol_config_finish(&config);
}

/* A message keeps its remedy when paths and values are long. */
static void test_long(void)
{
	g_autofree char *path = g_strnfill(4000, 'p');
	g_autofree char *value = g_strnfill(4000, 'v');
	static const char *const remedies[] = { "is no id: give", "is no cache mode: give",
						"is not printable", "there is no 'vvv",
						"id, ro, d" };
	static const char *const items[] = { "id=1", "cache=", "serial=\t", "", "" };

	for (size_t i = 0; i < IOL_ARRAY_LEN(items); i++) {
		g_autofree char *text = g_strdup_printf("%s,%s%s", path, items[i], value);
		struct iol_config config;
		struct iol_error err;

		iol_config_init(&config);
		g_assert_cmpint(iol_config_add_disk(&config, text, &err), ==, -EINVAL);
		g_test_message("%s", err.msg);
		g_assert_nonnull(strstr(err.msg, remedies[i]));
		g_assert_cmpuint(strlen(err.msg), <, sizeof(err.msg) - 1);
		iol_config_finish(&config);
	}
}

static void refused(struct iol_config *config, const char *text, const char *says)
{
	struct iol_error err = { 0 };
	unsigned int count = config->disk_count;

	g_assert_cmpint(iol_config_add_disk(config, text, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, says);
	g_assert_cmpuint(config->disk_count, ==, count);
}

static void test_several(void)
{
	struct iol_config config;

	iol_config_init(&config);
	add(&config, "a,ro");
	add(&config, "a,ro,id=other");
	add(&config, "b");
	g_assert_cmpstr(config.disks[2].id, ==, "disk2");
	refused(&config, "a",
		"'a': given twice (as disk0 and disk3): leave one out, or make both ro");
	refused(&config, "b,ro",
		"'b': given twice (as disk2 and disk3): leave one out, or make both ro");
	refused(&config, "c,id=disk2",
		"'c': its id 'disk2' is that of the disk 'b' already: give another id");
	add(&config, "c,id=disk4");
	refused(&config, "d",
		"'d': its id 'disk4' is that of the disk 'c' already: give another id");
	/* Names that differ in case are two. */
	add(&config, "d,id=DISK4");
	for (unsigned int i = config.disk_count; i < IOL_CONFIG_DISKS_MAX; i++) {
		g_autofree char *text = g_strdup_printf("more%u", i);

		add(&config, text);
	}
	refused(&config, "one", "'one': one disk too many: a machine has up to 16");
	iol_config_finish(&config);
	g_assert_cmpuint(config.disk_count, ==, 0);
}

static void test_queues_follow_cpus(void)
{
	static const unsigned int cpus[] = { 1, 3, 16, 17, 64 };

	for (size_t i = 0; i < IOL_ARRAY_LEN(cpus); i++) {
		struct iol_config config;
		struct iol_error err;

		iol_config_init(&config);
		config.kernel = g_strdup("vmlinuz");
		config.cpus = cpus[i];
		add(&config, "a");
		add(&config, "b,queues=2");
		g_assert_cmpint(iol_config_check(&config, &err), ==, 0);
		g_assert_cmpuint(config.disks[0].queues, ==, MIN(cpus[i], 16));
		g_assert_cmpuint(config.disks[1].queues, ==, 2);
		iol_config_finish(&config);
	}
}

static void test_fault(void)
{
	struct iol_config config;
	struct iol_error err;
	int ret;

	iol_config_init(&config);
	ret = iol_config_add_disk(&config, "x,fault=eio:write,,3", &err);
#ifdef IOLITE_TEST_FAULTS
	g_assert_cmpint(ret, ==, 0);
	g_assert_cmpstr(config.disks[0].fault, ==, "eio:write,3");
	g_assert_cmpint(iol_config_add_disk(&config, "y,fault=", &err), ==, -EINVAL);
#else
	g_assert_cmpint(ret, ==, -EINVAL);
	g_assert_nonnull(strstr(err.msg, "there is no 'fault'"));
#endif
	iol_config_finish(&config);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config-disk/defaults", test_defaults);
	g_test_add_func("/config-disk/all-keys", test_all_keys);
	g_test_add_func("/config-disk/commas", test_commas);
	g_test_add_func("/config-disk/refused", test_refused);
	g_test_add_func("/config-disk/lengths", test_lengths);
	g_test_add_func("/config-disk/long", test_long);
	g_test_add_func("/config-disk/several", test_several);
	g_test_add_func("/config-disk/queues-follow-cpus", test_queues_follow_cpus);
	g_test_add_func("/config-disk/fault", test_fault);
	return g_test_run();
}
