// SPDX-License-Identifier: Apache-2.0
/*
 * "cpus" and "memory": a number or a size alone, or an object that has more to say of where they are on the host. See
 * json_reader.h. Before any thread.
 */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>

#include <iolite/size.h>

#include "keys.h"

/* A value with keys, for iol_config_edit_cpus() and iol_config_edit_memory(). */
struct keyed_value {
	const struct iol_json *json;
	const struct iol_json_place *at;
	const json_t *value;
};

static int edit_cpus(const void *with, void *target, struct iol_error *err)
{
	const struct keyed_value *v = with;

	(void)err; /* the file's, where the mistakes were told */
	return iol_json_keys(v->json, v->at, v->value, "{\"count\": 2}", iol_cpus_keys, target);
}

int iol_json_cpus(const struct iol_json *json, const struct iol_json_place *at, const json_t *value)
{
	const struct keyed_value keyed = { json, at, value };
	g_autofree char *text = NULL;

	if (json_is_object(value))
		return iol_config_edit_cpus(json->config, edit_cpus, &keyed, json->err);
	text = iol_json_scalar(json, at, value, IOL_VALUE_COUNT);
	if (!text)
		return -EINVAL;
	return iol_config_set_cpus(json->config, text, json->err) ? iol_json_refused(json, at) : 0;
}

static int edit_memory(const void *with, void *target, struct iol_error *err)
{
	const struct keyed_value *v = with;

	(void)err;
	return iol_json_keys(v->json, v->at, v->value, "{\"size\": \"512M\"}", iol_memory_keys,
			     target);
}

int iol_json_memory(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value)
{
	const struct keyed_value keyed = { json, at, value };
	g_autofree char *text = NULL;

	if (json_is_object(value))
		return iol_config_edit_memory(json->config, edit_memory, &keyed, json->err);
	text = iol_json_scalar(json, at, value, IOL_VALUE_SIZE);
	if (!text)
		return -EINVAL;
	return iol_config_set_memory(json->config, text, json->err) ? iol_json_refused(json, at)
								    : 0;
}

const char *iol_json_place_head(const char *name)
{
	if (!g_strcmp0(name, "cpus"))
		return iol_cpus_keys[0].name;
	return g_strcmp0(name, "memory") ? NULL : iol_memory_keys[0].name;
}

/* The number alone where nothing else was asked for. */
json_t *iol_json_write_cpus(const struct iol_config *config)
{
	const struct iol_cpus_value cpus = { config->cpus, config->cpu_place };
	const struct iol_cpu_place *place = &cpus.place;

	if (place->pin == IOL_PIN_NONE && place->policy == IOL_CPU_POLICY_INHERIT &&
	    !place->pin_loop)
		return json_integer(cpus.count);
	return iol_json_write_keys(iol_cpus_keys, &cpus);
}

json_t *iol_json_write_memory(const struct iol_config *config)
{
	const struct iol_memory_value memory = { config->memory_bytes, config->memory_place };
	const struct iol_memory_place *place = &memory.place;
	char text[IOL_SIZE_TEXT_BYTES];

	if (place->hugepages == IOL_HUGEPAGES_DEFAULT && !place->lock && !place->prealloc &&
	    !place->share && !place->dump && !place->nodes)
		return json_string(iol_size_format(memory.bytes, text));
	return iol_json_write_keys(iol_memory_keys, &memory);
}

/* The first of @keys alone, or an object of all. */
static json_t *schema_of(const struct iol_key *keys)
{
	static const char *const needed[] = { NULL };

	return json_pack("{s:[o, o]}", "oneOf", iol_json_schema_value(keys),
			 iol_json_schema_keys(keys, needed));
}

json_t *iol_json_schema_cpus(void)
{
	return schema_of(iol_cpus_keys);
}

json_t *iol_json_schema_memory(void)
{
	return schema_of(iol_memory_keys);
}
