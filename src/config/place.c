// SPDX-License-Identifier: Apache-2.0
/*
 * CPUs and memory, and where they are to be on the host: COUNT[,key=value...] and SIZE[,key...]. See
 * include/iolite/place_config.h. Before any thread; the text is the user's.
 *
 * What is not named stays as it was, so that `-m 2G` on top of a file does not silently take away what that asks for.
 */
#include "keys.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/size.h>

/* Huge pages of all architectures lie between these. */
#define PAGE_BYTES_MIN (16 * IOL_KIB)
#define PAGE_BYTES_MAX (16 * IOL_GIB)

enum { PRIORITY_MIN = 1, PRIORITY_MAX = 99 }; /* sched(7) */

/* --- sets --- */

struct number_set {
	unsigned int end; /* of the numbers that there are */
	void (*add)(void *target, unsigned int number);
	void *target;
};

/* "3" or "2-5" */
static bool read_range(const char *text, const struct number_set *set)
{
	const char *dash = strchr(text, '-');
	g_autofree char *first = dash ? g_strndup(text, (gsize)(dash - text)) : g_strdup(text);
	uint64_t from, to;

	if (!iol_number_parse(first, 10, 0, set->end - 1, &from))
		return false;
	to = from;
	if (dash && !iol_number_parse(dash + 1, 10, from, set->end - 1, &to))
		return false;
	for (; from <= to; from++)
		set->add(set->target, (unsigned int)from);
	return true;
}

/* "0-3,5" */
static bool read_set(const char *text, const struct number_set *set)
{
	g_auto(GStrv) ranges = g_strsplit(text, ",", -1);

	for (char **range = ranges; *range; range++)
		if (!read_range(*range, set))
			return false;
	return *ranges != NULL;
}

static void add_cpu(void *target, unsigned int number)
{
	cpu_set_t *set = target;

	CPU_SET(number, set);
}

static bool read_cpus(const char *text, cpu_set_t *set)
{
	const struct number_set numbers = { CPU_SETSIZE, add_cpu, set };

	CPU_ZERO(set);
	return read_set(text, &numbers);
}

static void add_node(void *target, unsigned int number)
{
	uint64_t *nodes = target;

	*nodes |= UINT64_C(1) << number;
}

/* --- CPUs --- */

static int set_count(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_cpus_value *cpus = target;
	uint64_t count;

	if (!iol_number_parse(value, 10, 1, IOL_CONFIG_CPUS_MAX, &count))
		return iol_error_set(
			err, -EINVAL,
			"'%.64s' is not a number of CPUs: give a whole number from 1 to %d", item,
			IOL_CONFIG_CPUS_MAX);
	cpus->count = (unsigned int)count;
	return 0;
}

static char *get_count(const void *target, unsigned int i)
{
	(void)i;
	return g_strdup_printf("%u", ((const struct iol_cpus_value *)target)->count);
}

static int refuse_cpus(const char *item, const char *more, struct iol_error *err)
{
	return iol_error_set(err, -EINVAL,
			     "'%.64s' is no set of the host's CPUs: give numbers and ranges from "
			     "0 to %d, such as 2-3%s",
			     item, CPU_SETSIZE - 1, more);
}

/* "2-3,5": for all vCPUs; "2:3-4": for each; a list of one has its colon behind it. */
static int set_pin(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_cpu_place *place = &((struct iol_cpus_value *)target)->place;
	g_auto(GStrv) texts = g_strsplit(value, ":", -1);
	unsigned int count = g_strv_length(texts);
	bool each = count > 1;

	place->pin = IOL_PIN_NONE;
	place->set_count = 0;
	if (!strcmp(value, "none"))
		return 0;
	if (count == 2 && !*texts[1])
		count = 1;
	if (count > IOL_PLACE_VCPUS_MAX)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' has more than the %d vCPUs of a machine", item,
				     IOL_PLACE_VCPUS_MAX);
	for (unsigned int i = 0; i < MAX(count, 1); i++)
		if (!count || !read_cpus(texts[i], &place->sets[i]))
			return refuse_cpus(item,
					   " (all vCPUs share them), with colons for one each "
					   "(2:3), or none",
					   err);
	place->pin = each ? IOL_PIN_EACH : IOL_PIN_SHARED;
	place->set_count = count;
	return 0;
}

static char *get_pin(const void *target, unsigned int i)
{
	const struct iol_cpu_place *place = &((const struct iol_cpus_value *)target)->place;
	char set[IOL_PLACE_SET_WHOLE_BYTES];
	GString *text;

	(void)i;
	if (place->pin == IOL_PIN_NONE)
		return g_strdup("none");
	text = g_string_new(NULL);
	for (unsigned int vcpu = 0; vcpu < place->set_count; vcpu++)
		g_string_append_printf(text, "%s%s", vcpu ? ":" : "",
				       iol_cpu_set_format_whole(&place->sets[vcpu], set));
	if (place->pin == IOL_PIN_EACH && place->set_count == 1)
		g_string_append_c(text, ':');
	return g_string_free(text, FALSE);
}

static int set_loop_pin(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_cpu_place *place = &((struct iol_cpus_value *)target)->place;
	g_autofree char *text = g_strdelimit(g_strdup(value), ":", ',');

	place->pin_loop = strcmp(value, "none") != 0;
	if (g_str_has_suffix(text, ","))
		text[strlen(text) - 1] = '\0';
	if (place->pin_loop && !read_cpus(text, &place->loop))
		return refuse_cpus(item, ", or none", err);
	return 0;
}

static char *get_loop_pin(const void *target, unsigned int i)
{
	const struct iol_cpu_place *place = &((const struct iol_cpus_value *)target)->place;
	char set[IOL_PLACE_SET_WHOLE_BYTES];

	(void)i;
	return g_strdup(place->pin_loop ? iol_cpu_set_format_whole(&place->loop, set) : "none");
}

static const char *const policies[IOL_CPU_POLICY_COUNT] = {
	[IOL_CPU_POLICY_INHERIT] = "default", [IOL_CPU_POLICY_OTHER] = "other",
	[IOL_CPU_POLICY_BATCH] = "batch",     [IOL_CPU_POLICY_FIFO] = "fifo",
	[IOL_CPU_POLICY_RR] = "rr",
};

const char *iol_cpu_policy_name(enum iol_cpu_policy policy)
{
	return policies[policy];
}

static int set_policy(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_cpu_place *place = &((struct iol_cpus_value *)target)->place;
	const char *colon = strchr(value, ':');
	g_autofree char *name = colon ? g_strndup(value, (gsize)(colon - value)) : g_strdup(value);
	int policy = iol_key_choose(policies, IOL_ARRAY_LEN(policies), name);
	bool ranked = policy == IOL_CPU_POLICY_FIFO || policy == IOL_CPU_POLICY_RR;
	uint64_t priority = 0;

	if (policy < 0)
		return iol_key_refuse(err, item, "is no policy",
				      "give fifo:PRIORITY, rr:PRIORITY, other, batch or default");
	if (!ranked && colon)
		return iol_key_refuse(err, item, "has a priority, which is for fifo and rr only",
				      "take it away");
	if (ranked &&
	    (!colon || !iol_number_parse(colon + 1, 10, PRIORITY_MIN, PRIORITY_MAX, &priority)))
		return iol_error_set(err, -EINVAL,
				     "'%.64s' lacks a priority from %d to %d: write it as %s:10",
				     item, PRIORITY_MIN, PRIORITY_MAX, name);
	place->policy = (enum iol_cpu_policy)policy;
	place->priority = (unsigned int)priority;
	return 0;
}

static char *get_policy(const void *target, unsigned int i)
{
	const struct iol_cpu_place *place = &((const struct iol_cpus_value *)target)->place;
	const char *name = iol_cpu_policy_name(place->policy);

	(void)i;
	return place->priority ? g_strdup_printf("%s:%u", name, place->priority) : g_strdup(name);
}

const struct iol_key iol_cpus_keys[] = {
	{ .name = "count",
	  .kind = IOL_VALUE_COUNT,
	  .head = true,
	  .set = set_count,
	  .get = get_count,
	  .doc = { .text = "Virtual CPUs.",
		   .fallback = "1",
		   .min = 1,
		   .max = IOL_CONFIG_CPUS_MAX } },
	{ .name = "pin",
	  .kind = IOL_VALUE_LIST,
	  .set = set_pin,
	  .get = get_pin,
	  .doc = { .text = "Host CPUs that all virtual CPUs share, or a list with those of each; "
			   "or none.",
		   .fallback = "\"none\"" } },
	{ .name = "policy",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_policy,
	  .get = get_policy,
	  .doc = { .text = "How the host schedules virtual CPUs: fifo:PRIORITY, rr:PRIORITY, "
			   "other, batch or default.",
		   .fallback = "\"default\"" } },
	{ .name = "loop-pin",
	  .kind = IOL_VALUE_LIST,
	  .set = set_loop_pin,
	  .get = get_loop_pin,
	  .doc = { .text = "Host CPUs of all threads that are no virtual CPUs, or none.",
		   .fallback = "\"none\"" } },
	{ .name = NULL },
};

/* --- memory --- */

static int set_size(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_memory_value *memory = target;
	char min[IOL_SIZE_TEXT_BYTES], max[IOL_SIZE_TEXT_BYTES];
	uint64_t bytes;
	int ret = iol_size_parse(value, &bytes, err);

	if (ret)
		return ret;
	if (bytes < IOL_CONFIG_MEMORY_MIN || bytes > IOL_CONFIG_MEMORY_MAX)
		return iol_error_set(err, -EINVAL, "'%.64s' is out of range: give %s to %s", item,
				     iol_size_format(IOL_CONFIG_MEMORY_MIN, min),
				     iol_size_format(IOL_CONFIG_MEMORY_MAX, max));
	if (bytes % IOL_CONFIG_MEMORY_STEP)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is not a multiple of 4K: the nearest are %" PRIu64
				     "K and %" PRIu64 "K",
				     item, bytes / IOL_CONFIG_MEMORY_STEP * 4,
				     (bytes / IOL_CONFIG_MEMORY_STEP + 1) * 4);
	memory->bytes = bytes;
	return 0;
}

static char *get_memory_size(const void *target, unsigned int i)
{
	(void)i;
	return iol_key_get_size(((const struct iol_memory_value *)target)->bytes);
}

/* Those that are no sizes. */
static const char *const hugepages_names[] = {
	[IOL_HUGEPAGES_DEFAULT] = "default",
	[IOL_HUGEPAGES_NONE] = "none",
	[IOL_HUGEPAGES_TRANSPARENT] = "transparent",
};

static int set_hugepages(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_memory_place *place = &((struct iol_memory_value *)target)->place;
	int kind = iol_key_choose(hugepages_names, IOL_ARRAY_LEN(hugepages_names), value);
	uint64_t bytes = 0;

	if (kind < 0) {
		kind = IOL_HUGEPAGES_POOL;
		if (iol_size_parse(value, &bytes, NULL) || bytes < PAGE_BYTES_MIN ||
		    bytes > PAGE_BYTES_MAX || (bytes & (bytes - 1)))
			return iol_key_refuse(err, item, "is no size of huge pages",
					      "give 2M, 1G, transparent or none");
	}
	place->hugepages = (enum iol_hugepages)kind;
	place->page_bytes = bytes;
	return 0;
}

static char *get_hugepages(const void *target, unsigned int i)
{
	const struct iol_memory_place *place = &((const struct iol_memory_value *)target)->place;

	(void)i;
	return place->hugepages == IOL_HUGEPAGES_POOL ? iol_key_get_size(place->page_bytes)
						      : g_strdup(hugepages_names[place->hugepages]);
}

static int set_lock(void *target, const char *value, const char *item, struct iol_error *err)
{
	return iol_key_set_bool(&((struct iol_memory_value *)target)->place.lock, value, item, err);
}

static char *get_lock(const void *target, unsigned int i)
{
	(void)i;
	return iol_key_get_bool(((const struct iol_memory_value *)target)->place.lock);
}

static int set_prealloc(void *target, const char *value, const char *item, struct iol_error *err)
{
	return iol_key_set_bool(&((struct iol_memory_value *)target)->place.prealloc, value, item,
				err);
}

static char *get_prealloc(const void *target, unsigned int i)
{
	(void)i;
	return iol_key_get_bool(((const struct iol_memory_value *)target)->place.prealloc);
}

static int set_share(void *target, const char *value, const char *item, struct iol_error *err)
{
	return iol_key_set_bool(&((struct iol_memory_value *)target)->place.share, value, item,
				err);
}

static char *get_share(const void *target, unsigned int i)
{
	(void)i;
	return iol_key_get_bool(((const struct iol_memory_value *)target)->place.share);
}

static int set_dump(void *target, const char *value, const char *item, struct iol_error *err)
{
	return iol_key_set_bool(&((struct iol_memory_value *)target)->place.dump, value, item, err);
}

static char *get_dump(const void *target, unsigned int i)
{
	(void)i;
	return iol_key_get_bool(((const struct iol_memory_value *)target)->place.dump);
}

static int set_node(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_memory_place *place = &((struct iol_memory_value *)target)->place;
	g_autofree char *text = g_strdelimit(g_strdup(value), ":", ',');
	const struct number_set numbers = { IOL_PLACE_NODES_MAX, add_node, &place->nodes };

	place->nodes = 0;
	if (g_str_has_suffix(text, ","))
		text[strlen(text) - 1] = '\0';
	if (!strcmp(value, "none") || read_set(text, &numbers))
		return 0;
	return iol_error_set(err, -EINVAL,
			     "'%.64s' is no NUMA node: give numbers and ranges from 0 to %d, such "
			     "as 0 or 0-1, or none",
			     item, IOL_PLACE_NODES_MAX - 1);
}

static char *get_node(const void *target, unsigned int i)
{
	char text[IOL_PLACE_SET_TEXT_BYTES];

	(void)i;
	return g_strdup(
		iol_node_set_format(((const struct iol_memory_value *)target)->place.nodes, text));
}

const struct iol_key iol_memory_keys[] = {
	{ .name = "size",
	  .kind = IOL_VALUE_SIZE,
	  .head = true,
	  .set = set_size,
	  .get = get_memory_size,
	  .doc = { .text = "Guest memory, 1M to 64G in steps of 4K.", .fallback = "\"256M\"" } },
	{ .name = "hugepages",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_hugepages,
	  .get = get_hugepages,
	  .doc = { .text = "Pages of the host's pool, 2M or 1G; or transparent, none or default.",
		   .fallback = "\"default\"" } },
	{ .name = "lock",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_lock,
	  .get = get_lock,
	  .doc = { .text = "Whether what is there never leaves memory.", .fallback = "false" } },
	{ .name = "prealloc",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_prealloc,
	  .get = get_prealloc,
	  .doc = { .text = "Whether all of it is there before the guest starts.",
		   .fallback = "false" } },
	{ .name = "share",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_share,
	  .get = get_share,
	  .doc = { .text = "Whether it is a memfd, mapped shared.", .fallback = "false" } },
	{ .name = "dump",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_dump,
	  .get = get_dump,
	  .doc = { .text = "Whether it is in core dumps of iolite.", .fallback = "false" } },
	{ .name = "node",
	  .kind = IOL_VALUE_LIST,
	  .set = set_node,
	  .get = get_node,
	  .doc = { .text = "NUMA node of the host, or some; or none.", .fallback = "\"none\"" } },
	{ .name = NULL },
};

/* --- both --- */

/* HEAD[,key...] into @target, which has what there was. */
static int read_option(const struct iol_key *keys, const char *text, void *target,
		       struct iol_error *err)
{
	const char *rest = text;
	g_autofree char *head = iol_keys_next(&rest);
	int ret = keys[0].set(target, head, head, err);

	return ret ? ret : iol_keys_read(keys, rest, target, err);
}

int iol_config_edit_cpus(struct iol_config *config,
			 int (*edit)(const void *with, void *target, struct iol_error *err),
			 const void *with, struct iol_error *err)
{
	struct iol_cpus_value cpus = { config->cpus, config->cpu_place };
	int ret = edit(with, &cpus, err);

	if (ret)
		return ret;
	config->cpus = cpus.count;
	config->cpu_place = cpus.place;
	return 0;
}

int iol_config_edit_memory(struct iol_config *config,
			   int (*edit)(const void *with, void *target, struct iol_error *err),
			   const void *with, struct iol_error *err)
{
	struct iol_memory_value memory = { config->memory_bytes, config->memory_place };
	int ret = edit(with, &memory, err);

	if (ret)
		return ret;
	config->memory_bytes = memory.bytes;
	config->memory_place = memory.place;
	return 0;
}

static int edit_cpus(const void *with, void *target, struct iol_error *err)
{
	return read_option(iol_cpus_keys, with, target, err);
}

int iol_config_set_cpus(struct iol_config *config, const char *text, struct iol_error *err)
{
	return iol_config_edit_cpus(config, edit_cpus, text, err);
}

static int edit_memory(const void *with, void *target, struct iol_error *err)
{
	return read_option(iol_memory_keys, with, target, err);
}

int iol_config_set_memory(struct iol_config *config, const char *text, struct iol_error *err)
{
	return iol_config_edit_memory(config, edit_memory, text, err);
}

int iol_config_check_pin(const struct iol_config *config, struct iol_error *err)
{
	const struct iol_cpu_place *cpus = &config->cpu_place;

	if (cpus->pin != IOL_PIN_EACH || cpus->set_count == config->cpus)
		return 0;
	return iol_error_set(err, -EINVAL,
			     "the machine has %u vCPU(s), and pin is a list of %u: give one for "
			     "each, or a set that all share, such as \"2-3\"",
			     config->cpus, cpus->set_count);
}

int iol_config_check_hugepages(const struct iol_config *config, struct iol_error *err)
{
	const uint64_t page_bytes = config->memory_place.page_bytes;
	char size[IOL_SIZE_TEXT_BYTES], page[IOL_SIZE_TEXT_BYTES], up[IOL_SIZE_TEXT_BYTES];

	if (!page_bytes || !(config->memory_bytes % page_bytes))
		return 0;
	return iol_error_set(
		err, -EINVAL,
		"%s is no multiple of the %s of its huge pages: give %s, or other pages",
		iol_size_format(config->memory_bytes, size), iol_size_format(page_bytes, page),
		iol_size_format((config->memory_bytes / page_bytes + 1) * page_bytes, up));
}
