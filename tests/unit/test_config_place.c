// SPDX-License-Identifier: Apache-2.0
/* CPUs and memory with their places on the host, as options and in a file. */
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

static void load(struct iol_config *config, const char *text)
{
	struct iol_error err = { 0 };

	iol_config_init(config);
	if (iol_config_load_text(config, text, strlen(text), "web.json", NULL, &err))
		g_error("'%s' is refused: %s", text, err.msg);
}

static void check_set(const cpu_set_t *set, const char *wanted)
{
	char text[IOL_PLACE_SET_TEXT_BYTES];

	g_assert_cmpstr(iol_cpu_set_format(set, text), ==, wanted);
}

static void test_defaults(void)
{
	const struct iol_memory_place none = { 0 };
	struct iol_config config;

	iol_config_init(&config);
	g_assert_cmpint(config.cpu_place.pin, ==, IOL_PIN_NONE);
	g_assert_cmpint(config.cpu_place.policy, ==, IOL_CPU_POLICY_INHERIT);
	g_assert_false(config.cpu_place.pin_loop);
	g_assert_true(!memcmp(&config.memory_place, &none, sizeof(none)));
	iol_config_finish(&config);
}

static void test_pins(void)
{
	static const struct {
		const char *text;
		enum iol_pin pin;
		unsigned int count;
		const char *sets[3], *loop;
	} cases[] = {
		{ "1,pin=3", IOL_PIN_SHARED, 1, { "3" }, NULL },
		{ "2,pin=2-3", IOL_PIN_SHARED, 1, { "2-3" }, NULL },
		{ "2,pin=2-3,,5,loop-pin=0", IOL_PIN_SHARED, 1, { "2-3,5" }, "0" },
		{ "2,pin=2:3", IOL_PIN_EACH, 2, { "2", "3" }, NULL },
		{ "3,pin=0:1-2:1023", IOL_PIN_EACH, 3, { "0", "1-2", "1023" }, NULL },
		{ "1,pin=7:", IOL_PIN_EACH, 1, { "7" }, NULL },
		{ "1,loop-pin=0-1,,4", IOL_PIN_NONE, 0, { NULL }, "0-1,4" },
		{ "1,pin=none,loop-pin=none", IOL_PIN_NONE, 0, { NULL }, NULL },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_config config;
		struct iol_error err = { 0 };

		iol_config_init(&config);
		g_test_message("%s", cases[i].text);
		if (iol_config_set_cpus(&config, cases[i].text, &err))
			g_error("'%s' is refused: %s", cases[i].text, err.msg);
		g_assert_cmpint(config.cpu_place.pin, ==, cases[i].pin);
		g_assert_cmpuint(config.cpu_place.set_count, ==, cases[i].count);
		for (unsigned int n = 0; n < cases[i].count; n++)
			check_set(&config.cpu_place.sets[n], cases[i].sets[n]);
		g_assert_true(config.cpu_place.pin_loop == (cases[i].loop != NULL));
		if (cases[i].loop)
			check_set(&config.cpu_place.loop, cases[i].loop);
		iol_config_finish(&config);
	}
}

static void test_policies(void)
{
	static const struct {
		const char *text;
		enum iol_cpu_policy policy;
		unsigned int priority;
	} cases[] = {
		{ "1,policy=fifo:10", IOL_CPU_POLICY_FIFO, 10 },
		{ "1,policy=rr:99", IOL_CPU_POLICY_RR, 99 },
		{ "1,policy=other", IOL_CPU_POLICY_OTHER, 0 },
		{ "1,policy=batch", IOL_CPU_POLICY_BATCH, 0 },
		{ "1,policy=default", IOL_CPU_POLICY_INHERIT, 0 },
	};
	struct iol_config config;
	struct iol_error err = { 0 };

	iol_config_init(&config);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		if (iol_config_set_cpus(&config, cases[i].text, &err))
			g_error("'%s' is refused: %s", cases[i].text, err.msg);
		g_assert_cmpint(config.cpu_place.policy, ==, cases[i].policy);
		g_assert_cmpuint(config.cpu_place.priority, ==, cases[i].priority);
	}
	iol_config_finish(&config);
}

static void test_memory(void)
{
	static const struct {
		const char *text;
		struct iol_memory_place place;
	} cases[] = {
		{ "64M,hugepages=2M",
		  { .hugepages = IOL_HUGEPAGES_POOL, .page_bytes = 2 * IOL_MIB } },
		{ "1G,hugepages=1G", { .hugepages = IOL_HUGEPAGES_POOL, .page_bytes = IOL_GIB } },
		{ "64M,hugepages=64K", { .hugepages = IOL_HUGEPAGES_POOL, .page_bytes = 65536 } },
		{ "64M,hugepages=transparent", { .hugepages = IOL_HUGEPAGES_TRANSPARENT } },
		{ "64M,hugepages=none", { .hugepages = IOL_HUGEPAGES_NONE } },
		{ "64M,hugepages=default", { 0 } },
		{ "64M,lock,prealloc,share", { .lock = true, .prealloc = true, .share = true } },
		{ "64M,lock=off,prealloc=on,share=off", { .prealloc = true } },
		{ "64M,node=0", { .nodes = 1 } },
		{ "64M,node=0-1,,63", { .nodes = UINT64_C(1) << 63 | 3 } },
		{ "64M,node=0:2", { .nodes = 5 } },
		{ "64M,node=none", { 0 } },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		const struct iol_memory_place *wanted = &cases[i].place;
		struct iol_config config;
		struct iol_error err = { 0 };

		iol_config_init(&config);
		g_test_message("%s", cases[i].text);
		if (iol_config_set_memory(&config, cases[i].text, &err))
			g_error("'%s' is refused: %s", cases[i].text, err.msg);
		g_assert_cmpint(config.memory_place.hugepages, ==, wanted->hugepages);
		g_assert_cmpuint(config.memory_place.page_bytes, ==, wanted->page_bytes);
		g_assert_cmpint(config.memory_place.lock, ==, wanted->lock);
		g_assert_cmpint(config.memory_place.prealloc, ==, wanted->prealloc);
		g_assert_cmpint(config.memory_place.share, ==, wanted->share);
		g_assert_cmpuint(config.memory_place.nodes, ==, wanted->nodes);
		iol_config_finish(&config);
	}
}

/* An option changes what it names. */
static void test_override(void)
{
	struct iol_config config;
	struct iol_error err;

	load(&config, "{\"memory\": {\"size\": \"64M\", \"lock\": true, \"node\": 0},"
		      " \"cpus\": {\"count\": 2, \"pin\": \"0-1\", \"policy\": \"batch\"}}");
	g_assert_cmpint(iol_config_set_memory(&config, "128M,share", &err), ==, 0);
	g_assert_cmpuint(config.memory_bytes, ==, 128 * IOL_MIB);
	g_assert_true(config.memory_place.lock && config.memory_place.share);
	g_assert_cmpuint(config.memory_place.nodes, ==, 1);
	g_assert_cmpint(iol_config_set_memory(&config, "128M,lock=off", &err), ==, 0);
	g_assert_false(config.memory_place.lock);
	g_assert_cmpint(iol_config_set_cpus(&config, "3,policy=other", &err), ==, 0);
	g_assert_cmpuint(config.cpus, ==, 3);
	g_assert_cmpint(config.cpu_place.policy, ==, IOL_CPU_POLICY_OTHER);
	check_set(&config.cpu_place.sets[0], "0-1");
	iol_config_finish(&config);
}

static void test_file(void)
{
	struct iol_config config;

	load(&config, "{\"cpus\": {\"count\": 2, \"pin\": [2, \"3-4\"], \"policy\": \"fifo:10\","
		      " \"loop-pin\": [0, 1]},"
		      " \"memory\": {\"size\": 67108864, \"hugepages\": \"2M\", \"lock\": true,"
		      " \"prealloc\": true, \"share\": false, \"node\": [0, 1]}}");
	g_assert_cmpuint(config.cpus, ==, 2);
	g_assert_cmpint(config.cpu_place.pin, ==, IOL_PIN_EACH);
	check_set(&config.cpu_place.sets[0], "2");
	check_set(&config.cpu_place.sets[1], "3-4");
	check_set(&config.cpu_place.loop, "0-1");
	g_assert_cmpuint(config.cpu_place.priority, ==, 10);
	g_assert_cmpuint(config.memory_bytes, ==, 64 * IOL_MIB);
	g_assert_cmpuint(config.memory_place.page_bytes, ==, 2 * IOL_MIB);
	g_assert_true(config.memory_place.lock && config.memory_place.prealloc);
	g_assert_false(config.memory_place.share);
	g_assert_cmpuint(config.memory_place.nodes, ==, 3);
	iol_config_finish(&config);

	load(&config, "{\"cpus\": {\"pin\": 1, \"loop-pin\": [1]}, \"memory\": {\"node\": 1}}");
	g_assert_cmpuint(config.cpus, ==, 1);
	g_assert_cmpint(config.cpu_place.pin, ==, IOL_PIN_SHARED);
	check_set(&config.cpu_place.loop, "1");
	g_assert_cmpuint(config.memory_place.nodes, ==, 2);
	g_assert_cmpuint(config.memory_bytes, ==, IOL_CONFIG_MEMORY_DEFAULT);
	iol_config_finish(&config);
}

#define NO_CPUS                                                                               \
	" is no set of the host's CPUs: give numbers and ranges from 0 to 1023, such as 2-3 " \
	"(all vCPUs share them), with colons for one each (2:3), or none"
#define NO_POLICY " is no policy: give fifo:PRIORITY, rr:PRIORITY, other, batch or default"
#define NO_PAGES " is no size of huge pages: give 2M, 1G, transparent or none"
#define NO_NODE " is no NUMA node: give numbers and ranges from 0 to 63, such as 0 or 0-1, or none"

struct refused {
	int (*set)(struct iol_config *, const char *, struct iol_error *);
	const char *text, *says;
};

static const struct refused refusals[] = {
	{ iol_config_set_cpus, "2,pin=", "'pin='" NO_CPUS },
	{ iol_config_set_cpus, "2,pin=a", "'pin=a'" NO_CPUS },
	{ iol_config_set_cpus, "2,pin=1024", "'pin=1024'" NO_CPUS },
	{ iol_config_set_cpus, "2,pin=3-2", "'pin=3-2'" NO_CPUS },
	{ iol_config_set_cpus, "2,pin=-1", "'pin=-1'" NO_CPUS },
	{ iol_config_set_cpus, "2,pin=1-", "'pin=1-'" NO_CPUS },
	{ iol_config_set_cpus, "2,pin=1:", NULL },
	{ iol_config_set_cpus, "2,pin=:1", "'pin=:1'" NO_CPUS },
	{ iol_config_set_cpus, "2,pin=0:1:", "'pin=0:1:'" NO_CPUS },
	{ iol_config_set_cpus, "2,pin=2,3", "'3': there is no '3', but pin, policy, loop-pin" },
	{ iol_config_set_cpus, "2,pin", "'pin' lacks its value: write it as pin=..." },
	{ iol_config_set_cpus, "2,loop-pin=x",
	  "'loop-pin=x' is no set of the host's CPUs: give numbers and ranges from 0 to 1023, "
	  "such as 2-3, or none" },
	{ iol_config_set_cpus, "2,policy=idle", "'policy=idle'" NO_POLICY },
	{ iol_config_set_cpus, "2,policy=fifo",
	  "'policy=fifo' lacks a priority from 1 to 99: write it as fifo:10" },
	{ iol_config_set_cpus, "2,policy=rr:100",
	  "'policy=rr:100' lacks a priority from 1 to 99: write it as rr:10" },
	{ iol_config_set_cpus, "2,policy=other:1",
	  "'policy=other:1' has a priority, which is for fifo and rr only: take it away" },
	{ iol_config_set_cpus, "0,pin=1",
	  "'0' is not a number of CPUs: give a whole number from 1 to 64" },
	{ iol_config_set_memory, "64M,hugepages=3M", "'hugepages=3M'" NO_PAGES },
	{ iol_config_set_memory, "64M,hugepages=4K", "'hugepages=4K'" NO_PAGES },
	{ iol_config_set_memory, "64M,hugepages=32G", "'hugepages=32G'" NO_PAGES },
	{ iol_config_set_memory, "64M,hugepages=on", "'hugepages=on'" NO_PAGES },
	{ iol_config_set_memory, "64M,hugepages=", "'hugepages='" NO_PAGES },
	{ iol_config_set_memory, "64M,lock=yes",
	  "'lock=yes' is neither on nor off: give on or off" },
	{ iol_config_set_memory, "64M,node=64", "'node=64'" NO_NODE },
	{ iol_config_set_memory, "64M,node=", "'node='" NO_NODE },
	{ iol_config_set_memory, "64M,nodes=0",
	  "'nodes=0': there is no 'nodes': did you mean 'node'?" },
	{ iol_config_set_memory, "64M,lock,lock", "'lock': 'lock' is given twice: leave one out" },
};

static void check_refused(const struct refused *c)
{
	struct iol_config config, before;
	struct iol_error err = { 0 };
	int ret;

	iol_config_init(&config);
	before = config;
	ret = c->set(&config, c->text, &err);
	if (c->says) {
		g_test_message("'%s' -> %d: %s", c->text, ret, err.msg);
		g_assert_cmpint(ret, ==, -EINVAL);
		if (!g_str_has_prefix(err.msg, c->says))
			g_error("'%s': '%s' is not '%s'", c->text, err.msg, c->says);
		g_assert_true(!memcmp(&before, &config, sizeof(config)));
	} else {
		g_assert_cmpint(ret, ==, 0);
	}
	iol_config_finish(&config);
}

static void test_refused(void)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(refusals); i++)
		check_refused(&refusals[i]);
}

static void test_together(void)
{
	static const struct {
		const char *cpus, *memory, *says;
	} cases[] = {
		{ "2,pin=1:", "64M",
		  "cpus: the machine has 2 vCPU(s), and pin is a list of 1: give one for each, or "
		  "a set that all share, such as \"2-3\"" },
		{ "1,pin=0:1", "64M",
		  "cpus: the machine has 1 vCPU(s), and pin is a list of 2: give one for each, or "
		  "a set that all share, such as \"2-3\"" },
		{ "1", "65M,hugepages=2M",
		  "memory: 65M is no multiple of the 2M of its huge pages: give 66M, or other "
		  "pages" },
		{ "1", "512M,hugepages=1G",
		  "memory: 512M is no multiple of the 1G of its huge pages: give 1G, or other "
		  "pages" },
		{ "2,pin=0:1", "64M,hugepages=2M", NULL },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_config config;
		struct iol_error err = { 0 };
		int ret;

		iol_config_init(&config);
		g_assert_cmpint(iol_config_set_kernel(&config, "vmlinuz", &err), ==, 0);
		g_assert_cmpint(iol_config_set_cpus(&config, cases[i].cpus, &err), ==, 0);
		g_assert_cmpint(iol_config_set_memory(&config, cases[i].memory, &err), ==, 0);
		ret = iol_config_check(&config, &err);
		g_assert_cmpint(ret, ==, cases[i].says ? -EINVAL : 0);
		if (cases[i].says)
			g_assert_cmpstr(err.msg, ==, cases[i].says);
		iol_config_finish(&config);
	}
}

static void test_texts(void)
{
	char text[IOL_PLACE_SET_TEXT_BYTES];
	cpu_set_t set;

	CPU_ZERO(&set);
	g_assert_cmpstr(iol_cpu_set_format(&set, text), ==, "none");
	for (unsigned int i = 0; i < CPU_SETSIZE; i += 2)
		CPU_SET(i, &set);
	iol_cpu_set_format(&set, text);
	g_assert_true(g_str_has_prefix(text, "0,2,4,") && g_str_has_suffix(text, "..."));
	for (unsigned int i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &set);
	g_assert_cmpstr(iol_cpu_set_format(&set, text), ==, "0-1023");
	g_assert_cmpstr(iol_node_set_format(UINT64_C(1) << 63 | 6, text), ==, "1-2,63");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/place/defaults", test_defaults);
	g_test_add_func("/config/place/pins", test_pins);
	g_test_add_func("/config/place/policies", test_policies);
	g_test_add_func("/config/place/memory", test_memory);
	g_test_add_func("/config/place/override", test_override);
	g_test_add_func("/config/place/file", test_file);
	g_test_add_func("/config/place/refused", test_refused);
	g_test_add_func("/config/place/together", test_together);
	g_test_add_func("/config/place/texts", test_texts);
	return g_test_run();
}
