// SPDX-License-Identifier: Apache-2.0
/* A system's file: what a partition has by the defaults, in which order they come, what the host has for them. */
#include <iolite/system_config.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#define KERNEL "\"boot\": {\"kernel\": \"k\"}"

struct loaded {
	struct iol_system_config system;
	struct iol_mistakes *mistakes;
};

static void load_on(struct loaded *loaded, const char *text, const struct iol_host_memory *host)
{
	loaded->mistakes = iol_mistakes_new();
	iol_system_config_load_text(&loaded->system, text, strlen(text), "sys.json", "/f", host,
				    loaded->mistakes);
}

static void load(struct loaded *loaded, const char *text)
{
	load_on(loaded, text, NULL);
	g_assert_cmpstr(iol_mistakes_text(loaded->mistakes, 0), ==, NULL);
}

static void unload(struct loaded *loaded)
{
	iol_system_config_finish(&loaded->system);
	iol_mistakes_free(loaded->mistakes);
}

static void test_merge(void)
{
	struct loaded l;
	const struct iol_config *a, *b;

	load(&l,
	     "{\"defaults\": {" KERNEL
	     ", \"cpus\": 2, \"memory\": {\"size\": \"64M\", \"lock\": true},"
	     " \"disks\": [{\"path\": \"one\", \"ro\": true}, {\"path\": \"two\", \"ro\": true}]},"
	     " \"partitions\": {\"a\": {},"
	     " \"b\": {\"boot\": {\"cmdline\": \"x\"}, \"memory\": \"32M\", \"cpus\": {\"pin\": \"0-1\"},"
	     " \"disks\": [{\"path\": \"/three\"}]}}}");
	g_assert_cmpuint(l.system.count, ==, 2);
	a = &l.system.partitions[0]->machine;
	b = &l.system.partitions[1]->machine;
	g_assert_cmpstr(a->name, ==, "a");
	g_assert_cmpstr(a->kernel, ==, "/f/k");
	g_assert_cmpuint(a->memory_bytes, ==, 64 * IOL_MIB);
	g_assert_true(a->memory_place.lock);
	g_assert_cmpuint(a->disk_count, ==, 2);
	/* Objects are merged, and a short form is its object; lists are replaced. */
	g_assert_cmpstr(b->kernel, ==, "/f/k");
	g_assert_cmpstr(b->cmdline, ==, "x");
	g_assert_cmpuint(b->memory_bytes, ==, 32 * IOL_MIB);
	g_assert_true(b->memory_place.lock);
	g_assert_cmpuint(b->cpus, ==, 2);
	g_assert_cmpint(b->cpu_place.pin, ==, IOL_PIN_SHARED);
	g_assert_cmpuint(b->disk_count, ==, 1);
	g_assert_cmpstr(b->disks[0].path, ==, "/three");
	g_assert_false(b->disks[0].read_only);
	unload(&l);
}

static void test_defaults(void)
{
	struct loaded l;
	const struct iol_partition_config *a, *b, *c;

	load(&l,
	     "{\"defaults\": {" KERNEL ", \"restart\": {\"policy\": \"always\", \"limit\": 9}},"
	     " \"partitions\": {\"a\": {\"restart\": {\"delay-ms\": 7}}, \"b\": {\"restart\": \"never\"},"
	     " \"c\": {\"autostart\": false, \"serials\": [{\"kind\": \"null\"}]}}}");
	a = l.system.partitions[0];
	b = l.system.partitions[1];
	c = l.system.partitions[2];
	g_assert_cmpstr(l.system.name, ==, "sys");
	g_assert_cmpint(l.system.all_stopped, ==, IOL_ALL_STOPPED_EXIT);
	g_assert_true(a->autostart);
	g_assert_cmpint(a->restart.policy, ==, IOL_RESTART_ALWAYS);
	g_assert_cmpuint(a->restart.limit, ==, 9);
	g_assert_cmpuint(a->restart.delay_ms, ==, 7);
	g_assert_cmpuint(a->restart.delay_max_ms, ==, 30000);
	/* A word is a whole value: nothing is left of the defaults. */
	g_assert_cmpint(b->restart.policy, ==, IOL_RESTART_NEVER);
	g_assert_cmpuint(b->restart.limit, ==, 5);
	g_assert_false(c->autostart);
	g_assert_null(c->console);
	g_assert_cmpint(c->machine.serials[0].kind, ==, IOL_CHAR_NULL);
	/* No terminal: a socket of its own, where there is a folder for it. */
	if (a->console) {
		g_assert_true(g_str_has_suffix(a->console, "/a.console"));
		g_assert_cmpint(a->machine.serials[0].kind, ==, IOL_CHAR_UNIX);
		g_assert_cmpstr(a->machine.serials[0].path, ==, a->console);
	}
	unload(&l);
}

static void test_order(void)
{
	struct loaded l;

	load(&l,
	     "{\"name\": \"s\", \"defaults\": {" KERNEL
	     "}, \"on-all-stopped\": [\"/bin/x\", \"y\"],"
	     " \"partitions\": {\"a\": {\"after\": [\"c\", \"b\"]}, \"b\": {\"after\": [\"c\"]}, \"c\": {}}}");
	g_assert_cmpuint(l.system.partitions[0]->after_count, ==, 2);
	g_assert_cmpuint(l.system.partitions[0]->after[0], ==, 2);
	g_assert_cmpuint(l.system.partitions[0]->after[1], ==, 1);
	g_assert_cmpuint(l.system.partitions[1]->after_count, ==, 1);
	g_assert_cmpuint(l.system.partitions[2]->after_count, ==, 0);
	g_assert_cmpstr(l.system.name, ==, "s");
	g_assert_cmpint(l.system.all_stopped, ==, IOL_ALL_STOPPED_PROGRAM);
	g_assert_cmpstr(l.system.program[1], ==, "y");
	g_assert_null(l.system.program[2]);
	unload(&l);
}

/* Whatever circles a file has, what is left of its order has none. */
static void test_circles(void)
{
	struct loaded l;
	unsigned int edges = 0;

	load_on(&l,
		"{\"defaults\": {" KERNEL "}, \"partitions\": {\"a\": {\"after\": [\"b\", \"c\"]},"
		" \"b\": {\"after\": [\"c\", \"a\"]}, \"c\": {\"after\": [\"a\", \"b\"]}}}",
		NULL);
	g_assert_cmpuint(iol_mistakes_count(l.mistakes), ==, 3);
	for (unsigned int i = 0; i < l.system.count; i++)
		edges += l.system.partitions[i]->after_count;
	g_assert_cmpuint(edges, ==, 3);
	unload(&l);
}

static void test_memory(void)
{
	static const char text[] =
		"{\"defaults\": {" KERNEL "}, \"partitions\": {"
		"\"a\": {\"memory\": {\"size\": \"512M\", \"lock\": true}},\n"
		"\"b\": {\"memory\": {\"size\": \"513M\", \"lock\": true}},\n"
		"\"c\": {\"memory\": {\"size\": \"512M\", \"lock\": true}},\n"
		"\"d\": {\"memory\": {\"size\": \"8M\", \"hugepages\": \"2M\", \"lock\": true}},\n"
		"\"e\": {\"memory\": {\"size\": \"8M\", \"hugepages\": \"2M\"}},\n"
		"\"f\": {\"memory\": {\"size\": \"1G\", \"hugepages\": \"1G\"}}}}";
	const struct iol_host_memory host = {
		.total_bytes = IOL_GIB,
		.pool_count = 1,
		.pools = { { .page_bytes = 2 * IOL_MIB, .pages = 7 } },
	};
	static const char *const wanted[] = {
		"sys.json:2:42: partitions.b.memory.lock: 513M of locked memory, and of the host's "
		"1024M the partitions before it leave 512M: give it less, or do not lock it",
		"sys.json:5:45: partitions.e.memory.hugepages: 4 hugepages of 2M, and the host's "
		"pool has 3 left for it: give the host more (nr_hugepages), or leave it out",
		"sys.json:6:45: partitions.f.memory.hugepages: 1 hugepages of 1G, and the host's "
		"pool has 0 left for it: give the host more (nr_hugepages), or leave it out",
	};
	struct loaded l;

	load_on(&l, text, &host);
	g_assert_cmpuint(iol_mistakes_count(l.mistakes), ==, IOL_ARRAY_LEN(wanted));
	for (size_t i = 0; i < IOL_ARRAY_LEN(wanted); i++)
		g_assert_cmpstr(iol_mistakes_text(l.mistakes, i), ==, wanted[i]);
	unload(&l);
}

static void write_file(const char *root, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(root, name, NULL);
	g_autofree char *folder = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void remove_all(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *below = g_build_filename(path, name, NULL);

		remove_all(below);
	}
	g_assert_cmpint(g_remove(path), ==, 0);
}

static void test_host(void)
{
	g_autofree char *root = g_dir_make_tmp("iolite-XXXXXX", NULL);
	struct iol_host_memory host;

	iol_host_memory_read(root, &host);
	g_assert_cmpuint(host.total_bytes, ==, 0);
	g_assert_cmpuint(host.pool_count, ==, 0);
	write_file(root, "proc/meminfo", "MemTotal:        2048 kB\nMemFree:   7 kB\n");
	write_file(root, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "12\n");
	write_file(root, "sys/kernel/mm/hugepages/other/nr_hugepages", "13\n");
	iol_host_memory_read(root, &host);
	g_assert_cmpuint(host.total_bytes, ==, 2 * IOL_MIB);
	g_assert_cmpuint(host.pool_count, ==, 1);
	g_assert_cmpuint(host.pools[0].page_bytes, ==, 2 * IOL_MIB);
	g_assert_cmpuint(host.pools[0].pages, ==, 12);
	remove_all(root);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/system/config/merge", test_merge);
	g_test_add_func("/system/config/defaults", test_defaults);
	g_test_add_func("/system/config/order", test_order);
	g_test_add_func("/system/config/circles", test_circles);
	g_test_add_func("/system/config/memory", test_memory);
	g_test_add_func("/system/config/host", test_host);
	return g_test_run();
}
