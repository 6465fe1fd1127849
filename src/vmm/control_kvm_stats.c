// SPDX-License-Identifier: Apache-2.0
/*
 * KVM's own statistics with the names that QMP has for them: query-stats and query-stats-schemas, of the provider "kvm". See
 * kvm_stats.h and control_internal.h. Runs on the loop's thread; vCPUs run on.
 *
 * Where the host's KVM has none the answers are empty, as of a QEMU without a provider.
 */
#include "control_internal.h"

#include <errno.h>
#include <string.h>

#include "kvm_stats.h"

#define PROVIDER "kvm"

enum { NAME_CHARS_MAX = 40 }; /* of a word that is repeated to its sender */

enum target { VM, VCPU, TARGETS };

static const char *const target_names[TARGETS] = { [VM] = "vm", [VCPU] = "vcpu" };

/* What a client asks for. */
struct filter {
	enum target target;
	GHashTable *cpus; /* paths (char *) of those that are meant; NULL: all */
	bool any_provider, kvm; /* no providers were named; ours was */
	GHashTable *names; /* (char *) of statistics; NULL: all */
};

static void filter_finish(struct filter *f)
{
	g_clear_pointer(&f->cpus, g_hash_table_unref);
	g_clear_pointer(&f->names, g_hash_table_unref);
}

static int refuse(const char *parameter, const char *value, struct iol_error *err)
{
	g_autofree char *cut =
		g_utf8_substring(value, 0, MIN(g_utf8_strlen(value, -1), NAME_CHARS_MAX));

	return iol_error_set(err, -EINVAL, "Parameter '%s' does not accept value '%s'", parameter,
			     cut);
}

/* Adds the texts of @list, which are @list's. */
static int read_texts(const char *parameter, const json_t *list, GHashTable *texts,
		      struct iol_error *err)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return iol_error_set(err, -EINVAL,
					     "Invalid parameter type for '%s[%zu]', expected: "
					     "string",
					     parameter, i);
		g_hash_table_add(texts, (char *)json_string_value(item));
	}
	return 0;
}

static int read_target(const json_t *args, struct filter *f, struct iol_error *err)
{
	const char *name = json_string_value(json_object_get(args, "target"));
	const json_t *cpus = json_object_get(args, "vcpus");

	while (f->target < TARGETS && strcmp(target_names[f->target], name) != 0)
		f->target++;
	if (f->target == TARGETS)
		return refuse("target", name, err);
	if (!cpus)
		return 0;
	if (f->target != VCPU)
		return iol_error_set(err, -EINVAL, "Parameter 'vcpus' is unexpected");
	f->cpus = g_hash_table_new(g_str_hash, g_str_equal);
	return read_texts("vcpus", cpus, f->cpus, err);
}

static int check_provider(const char *parameter, const char *name, struct iol_error *err)
{
	return name && !strcmp(name, PROVIDER) ? 0 : refuse(parameter, name ? name : "", err);
}

/* {"provider": "kvm", "names": [...]} */
static int read_provider(const json_t *item, struct filter *f, bool *all, struct iol_error *err)
{
	const json_t *names = json_object_get(item, "names");
	const char *key;
	json_t *value;
	int ret = check_provider("provider", json_string_value(json_object_get(item, "provider")),
				 err);

	json_object_foreach((json_t *)item, key, value) if (!ret && strcmp(key, "provider") != 0 &&
							    strcmp(key, "names") != 0) ret =
		iol_error_set(err, -EINVAL, "Parameter '%.40s' is unexpected", key);
	if (!ret && names && !json_is_array(names))
		ret = iol_error_set(err, -EINVAL,
				    "Invalid parameter type for 'names', expected: array");
	f->kvm = true;
	*all = *all || !names;
	return ret ? ret : read_texts("names", names, f->names, err);
}

static int read_providers(const json_t *list, struct filter *f, struct iol_error *err)
{
	bool all = false;
	size_t i;
	json_t *item;
	int ret = 0;

	f->any_provider = !list;
	if (!list)
		return 0;
	f->names = g_hash_table_new(g_str_hash, g_str_equal);
	json_array_foreach(list, i, item) if (!ret) ret = read_provider(item, f, &all, err);
	if (all)
		g_clear_pointer(&f->names, g_hash_table_unref);
	return ret;
}

/* ---- Values ---- */

static json_t *describe_value(const struct iol_kvm_stat *stat)
{
	json_t *list;

	if (stat->count == 1 && stat->unit == KVM_STATS_UNIT_BOOLEAN)
		return json_boolean(stat->values[0]);
	if (stat->count == 1)
		return iol_vm_control_count(stat->values[0]);
	list = json_array();
	for (unsigned int i = 0; i < stat->count; i++)
		json_array_append_new(list, iol_vm_control_count(stat->values[i]));
	return list;
}

/* Those of one target; @path: of a vCPU; NULL: it is the machine. */
static void append_values(json_t *results, const struct iol_kvm_stats *stats,
			  const struct filter *f, const char *path)
{
	json_t *list = json_array();
	json_t *result = json_pack("{s:s, s:o}", "provider", PROVIDER, "stats", list);

	for (unsigned int i = 0; i < stats->count; i++) {
		const struct iol_kvm_stat *stat = &stats->stats[i];

		if (!f->names || g_hash_table_contains(f->names, stat->name))
			json_array_append_new(list, json_pack("{s:s, s:o}", "name", stat->name,
							      "value", describe_value(stat)));
	}
	if (path)
		json_object_set_new(result, "qom-path", json_string(path));
	if (json_array_size(list))
		json_array_append(results, result);
	json_decref(result);
}

static int append_vm(struct iol_vm *vm, const struct filter *f, json_t *results,
		     struct iol_error *err)
{
	struct iol_kvm_stats stats;
	int ret = iol_kvm_stats_read_vm(vm->kvm_fd, vm->vm_fd, &stats, err);

	if (ret)
		return ret;
	append_values(results, &stats, f, NULL);
	iol_kvm_stats_finish(&stats);
	return 0;
}

static int append_vcpus(struct iol_vm *vm, const struct filter *f, json_t *results,
			struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < vm->vcpu_count && !ret; i++) {
		g_autofree char *path = g_strdup_printf("/machine/cpu/%u", i);
		struct iol_kvm_stats stats;

		if (f->cpus && !g_hash_table_contains(f->cpus, path))
			continue;
		ret = iol_kvm_stats_read(vm->vcpus[i].stats_fd, &stats, err);
		if (ret)
			break;
		append_values(results, &stats, f, path);
		iol_kvm_stats_finish(&stats);
	}
	return ret;
}

/* A KVM that has none is no failure. */
static int answer(int ret, json_t *results, json_t **result)
{
	if (ret && ret != -ENOTSUP) {
		json_decref(results);
		return ret;
	}
	*result = results;
	return 0;
}

static int query_stats(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;
	struct filter f = { 0 };
	json_t *results = json_array();
	int ret = read_target(args, &f, err);

	if (!ret)
		ret = read_providers(json_object_get(args, "providers"), &f, err);
	if (!ret && (f.any_provider || f.kvm))
		ret = f.target == VM ? append_vm(vm, &f, results, err)
				     : append_vcpus(vm, &f, results, err);
	filter_finish(&f);
	return answer(ret, results, result);
}

/* ---- Schemas ---- */

static const char *type_name(uint32_t type)
{
	switch (type) {
	case KVM_STATS_TYPE_INSTANT:
		return "instant";
	case KVM_STATS_TYPE_PEAK:
		return "peak";
	case KVM_STATS_TYPE_LINEAR_HIST:
		return "linear-histogram";
	case KVM_STATS_TYPE_LOG_HIST:
		return "log2-histogram";
	default:
		return "cumulative";
	}
}

/* NULL: none. */
static const char *unit_name(uint32_t unit)
{
	switch (unit) {
	case KVM_STATS_UNIT_BYTES:
		return "bytes";
	case KVM_STATS_UNIT_SECONDS:
		return "seconds";
	case KVM_STATS_UNIT_CYCLES:
		return "cycles";
	case KVM_STATS_UNIT_BOOLEAN:
		return "boolean";
	default:
		return NULL;
	}
}

/* As QEMU's, which tells of a base only where it means something. */
static json_t *describe_schema_of(const struct iol_kvm_stat *stat)
{
	json_t *schema = json_pack("{s:s, s:s, s:i, s:s*}", "name", stat->name, "type",
				   type_name(stat->type), "exponent", (int)stat->exponent, "unit",
				   unit_name(stat->unit));

	if (stat->exponent)
		json_object_set_new(schema, "base",
				    json_integer(stat->base == KVM_STATS_BASE_POW2 ? 2 : 10));
	if (stat->type == KVM_STATS_TYPE_LINEAR_HIST)
		json_object_set_new(schema, "bucket-size", json_integer(stat->bucket_size));
	return schema;
}

static void append_schema(json_t *schemas, enum target target, struct iol_kvm_stats *stats)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < stats->count; i++)
		json_array_append_new(list, describe_schema_of(&stats->stats[i]));
	json_array_append_new(schemas, json_pack("{s:s, s:s, s:o}", "provider", PROVIDER, "target",
						 target_names[target], "stats", list));
	iol_kvm_stats_finish(stats);
}

static int query_schemas(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;
	const json_t *provider = json_object_get(args, "provider");
	json_t *schemas = json_array();
	struct iol_kvm_stats stats;
	int ret = 0;

	if (provider)
		ret = check_provider("provider", json_string_value(provider), err);
	if (!ret)
		ret = iol_kvm_stats_read_vm(vm->kvm_fd, vm->vm_fd, &stats, err);
	if (!ret) {
		append_schema(schemas, VM, &stats);
		ret = iol_kvm_stats_read(vm->vcpus[0].stats_fd, &stats, err);
	}
	if (!ret)
		append_schema(schemas, VCPU, &stats);
	return answer(ret, schemas, result);
}

static const struct iol_control_arg stats_args[] = {
	{ .name = "target", .type = IOL_CONTROL_STR },
	{ .name = "vcpus", .type = IOL_CONTROL_LIST, .optional = true },
	{ .name = "providers", .type = IOL_CONTROL_LIST, .optional = true },
	{ .name = NULL },
};

static const struct iol_control_arg schemas_args[] = {
	{ .name = "provider", .type = IOL_CONTROL_STR, .optional = true },
	{ .name = NULL },
};

const struct iol_control_command iol_vm_control_kvm_stats_commands[] = {
	{ .name = "query-stats", .args = stats_args, .run = query_stats },
	{ .name = "query-stats-schemas", .args = schemas_args, .run = query_schemas },
	{ .name = NULL },
};
