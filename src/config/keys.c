// SPDX-License-Identifier: Apache-2.0
/* Keys of devices, and the option form of them. See keys.h. Before any thread; the text is the user's. */
#include "keys.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/size.h>

#define ID_LETTERS G_CSET_a_2_z G_CSET_A_2_Z

enum { KEYS_MAX = 32 }; /* of one table: a bit for each */

const struct iol_key *iol_key_find(const struct iol_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

int iol_key_refuse_unknown(const struct iol_key *keys, bool in_option, const char *name,
			   const char *remark, struct iol_error *err)
{
	const char *names[KEYS_MAX + 1];
	unsigned int count = 0;

	for (; keys->name && count < KEYS_MAX; keys++)
		if (!keys->hidden && !(in_option && keys->head))
			names[count++] = keys->name;
	names[count] = NULL;
	return iol_name_refuse(name, names, remark, err);
}

char *iol_keys_next(const char **rest)
{
	GString *item = g_string_new(NULL);
	const char *at = *rest;

	while (*at && (*at != ',' || at[1] == ',')) {
		at += *at == ',';
		g_string_append_c(item, *at++);
	}
	*rest = *at ? at + 1 : NULL;
	return g_string_free(item, FALSE);
}

/* @item: "key" or "key=value". @seen has a bit for each key that was there before. */
static int set_item(const struct iol_key *keys, void *target, const char *item, uint32_t *seen,
		    struct iol_error *err)
{
	const char *equals = strchr(item, '=');
	g_autofree char *name = equals ? g_strndup(item, (gsize)(equals - item)) : g_strdup(item);
	const struct iol_key *key = iol_key_find(keys, name);
	uint32_t bit;

	if (!*item)
		return iol_error_set(err, -EINVAL,
				     "a comma with nothing behind it: take it away, or write it "
				     "twice if it belongs to a value");
	if (!key || key->head) {
		iol_key_refuse_unknown(keys, true, name, "; a comma in a value is written twice",
				       err);
		return iol_error_prefix(err, "'%.64s'", item);
	}
	g_assert(key - keys < KEYS_MAX);
	bit = UINT32_C(1) << (key - keys);
	if ((*seen & bit) && !key->repeats)
		return iol_error_set(err, -EINVAL, "'%.64s': '%s' is given twice: leave one out",
				     item, name);
	*seen |= bit;
	if (!equals && !key->bare)
		return iol_error_set(err, -EINVAL, "'%s' lacks its value: write it as %s=...", name,
				     name);
	return key->set(target, equals ? equals + 1 : "on", item, err);
}

int iol_keys_read(const struct iol_key *keys, const char *rest, void *target, struct iol_error *err)
{
	uint32_t seen = 0;
	int ret = 0;

	while (!ret && rest) {
		g_autofree char *item = iol_keys_next(&rest);

		ret = set_item(keys, target, item, &seen, err);
	}
	return ret;
}

int iol_key_refuse(struct iol_error *err, const char *item, const char *what, const char *remedy)
{
	return iol_error_set(err, -EINVAL, "'%.64s' %s: %s", item, what, remedy);
}

int iol_key_set_text(char **field, const char *value, const char *item, struct iol_error *err)
{
	if (!*value)
		return iol_key_refuse(err, item, "is empty", "give a value, or leave it out");
	g_free(*field);
	*field = g_strdup(value);
	return 0;
}

int iol_key_set_count(unsigned int *field, unsigned int min, unsigned int max, const char *value,
		      const char *item, struct iol_error *err)
{
	uint64_t count;

	if (!iol_number_parse(value, 10, min, max, &count))
		return iol_error_set(err, -EINVAL, "'%.64s' is out of range: give %u to %u", item,
				     min, max);
	*field = (unsigned int)count;
	return 0;
}

int iol_key_set_bool(bool *field, const char *value, const char *item, struct iol_error *err)
{
	bool on = !strcmp(value, "on");

	if (!on && strcmp(value, "off"))
		return iol_key_refuse(err, item, "is neither on nor off", "give on or off");
	*field = on;
	return 0;
}

int iol_key_set_id(char **field, const char *value, const char *item, struct iol_error *err)
{
	size_t len = strlen(value);

	if (!len || !strchr(ID_LETTERS, value[0]) ||
	    strspn(value, ID_LETTERS G_CSET_DIGITS ".-_") != len)
		return iol_key_refuse(
			err, item, "is no id",
			"give a letter, then letters, digits, dots, dashes, underscores");
	if (len > IOL_CONFIG_ID_MAX)
		return iol_error_set(err, -EINVAL, "'%.64s' is too long: an id has up to %d bytes",
				     item, IOL_CONFIG_ID_MAX);
	g_free(*field);
	*field = g_strdup(value);
	return 0;
}

int iol_key_choose(const char *const *names, size_t count, const char *value)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], value))
			return (int)i;
	return -1;
}

const char *const iol_transports[] = {
	[IOL_TRANSPORT_PCI] = "pci",
	[IOL_TRANSPORT_MMIO] = "mmio",
	NULL,
};

int iol_key_set_transport(enum iol_transport *field, const char *value, const char *item,
			  struct iol_error *err)
{
	int kind = iol_key_choose(iol_transports, IOL_ARRAY_LEN(iol_transports) - 1, value);

	if (kind < 0)
		return iol_key_refuse(err, item, "is no transport", "give pci or mmio");
	*field = (enum iol_transport)kind;
	return 0;
}

char *iol_key_get_bool(bool on)
{
	return g_strdup(on ? "on" : "off");
}

char *iol_key_get_count(unsigned int count)
{
	return count ? g_strdup_printf("%u", count) : NULL;
}

char *iol_key_get_size(uint64_t bytes)
{
	char text[IOL_SIZE_TEXT_BYTES];

	return g_strdup(iol_size_format(bytes, text));
}

char *iol_key_get_transport(enum iol_transport transport)
{
	return g_strdup(iol_transports[transport]);
}
