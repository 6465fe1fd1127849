// SPDX-License-Identifier: Apache-2.0
/* Names of keys: which one a person meant who wrote another. Before any thread. */
#include "config_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum {
	NAME_BYTES_MAX = 16, /* longer words resemble no key */
	EDITS_MAX = 2, /* what still counts as a slip of the finger */
};

/* What other programs call it is far from ours in letters. */
static const struct {
	const char *theirs, *ours;
} synonyms[] = {
	{ "readonly", "ro" },    { "read-only", "ro" },     { "file", "path" },
	{ "filename", "path" },  { "mem", "memory" },       { "ram", "memory" },
	{ "smp", "cpus" },       { "vcpus", "cpus" },       { "append", "cmdline" },
	{ "args", "cmdline" },   { "bootargs", "cmdline" }, { "initramfs", "initrd" },
	{ "ramdisk", "initrd" }, { "drives", "disks" },     { "overlays", "dtb-overlays" },
	{ "slirp", "user" },     { "bridge", "br" },        { "networks", "nets" },
};

static size_t min3(size_t a, size_t b, size_t c)
{
	return MIN(MIN(a, b), c);
}

/* Letters to add, drop or change to make @a of @b (Levenshtein's distance), row by row. */
static size_t edits(const char *a, const char *b)
{
	size_t row[NAME_BYTES_MAX + 1], diagonal, above, len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			above = row[j + 1];
			row[j + 1] = min3(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[len];
}

/* Two neighbours that changed places are one slip. */
static bool is_swapped(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a && *b && a[0] == b[1] && a[1] == b[0] && !strcmp(a + 2, b + 2);
}

static const char *synonym_of(const char *name, const char *const *names)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(synonyms); i++)
		if (!g_ascii_strcasecmp(synonyms[i].theirs, name) &&
		    g_strv_contains(names, synonyms[i].ours))
			return synonyms[i].ours;
	return NULL;
}

/* The one of @names that @name was meant to be, or NULL. */
static const char *nearest(const char *name, const char *const *names)
{
	const char *best = synonym_of(name, names);
	size_t best_edits = EDITS_MAX + 1;

	if (best || strlen(name) > NAME_BYTES_MAX)
		return best;
	for (; *names; names++) {
		size_t distance = is_swapped(*names, name) ? 1 : edits(*names, name);

		if (distance < best_edits && distance < strlen(*names) &&
		    2 * distance <= strlen(name)) {
			best = *names;
			best_edits = distance;
		}
	}
	return best;
}

int iol_name_refuse(const char *name, const char *const *names, const char *remark,
		    struct iol_error *err)
{
	const char *guess = nearest(name, names);
	g_autofree char *all = NULL;

	if (guess)
		return iol_error_set(err, -EINVAL, "there is no '%.32s': did you mean '%s'?", name,
				     guess);
	all = g_strjoinv(", ", (char **)names);
	return iol_error_set(err, -EINVAL, "there is no '%.32s', but %s%s", name, all, remark);
}
