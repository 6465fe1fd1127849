// SPDX-License-Identifier: Apache-2.0
/* The defaults of a system under what a partition says. See system.h. Before any thread. */
#include "system.h"

static json_t *merge(const json_t *defaults, const json_t *own)
{
	json_t *merged;
	const char *key;
	json_t *value;

	if (!json_is_object(defaults) || !json_is_object(own))
		return json_deep_copy(own);
	merged = json_deep_copy(defaults);
	json_object_foreach((json_t *)own, key, value)
	{
		const json_t *under = json_object_get(defaults, key);

		json_object_set_new(merged, key, merge(under, value));
	}
	return merged;
}

/* "cpus": 2 and "memory": "1G" are their objects with one key: so that one side may write it short. */
static void widen(json_t *whole, const json_t *other, const char *key)
{
	const char *head = iol_json_place_head(key);
	json_t *value = json_object_get(whole, key);
	json_t *object;

	if (!json_is_object(json_object_get(other, key)) ||
	    (!json_is_integer(value) && !json_is_string(value)))
		return;
	object = json_object();
	json_object_set(object, head, value);
	json_object_set_new(whole, key, object);
}

json_t *iol_system_merge(const json_t *defaults, const json_t *own)
{
	static const char *const short_forms[] = { "cpus", "memory" };
	json_auto_t *under = json_deep_copy(defaults);
	json_auto_t *over = json_deep_copy(own);

	if (!json_is_object(under) || !json_is_object(over))
		return json_deep_copy(own);
	for (size_t i = 0; i < IOL_ARRAY_LEN(short_forms); i++) {
		widen(under, over, short_forms[i]);
		widen(over, under, short_forms[i]);
	}
	return merge(under, over);
}
