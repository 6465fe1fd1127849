// SPDX-License-Identifier: Apache-2.0
/*
 * Changes to a tree that a person or the machine asks for. See include/iolite/fdt.h. Any thread.
 *
 * The tree is hostile, the edits are merely mistaken. Paths are resolved here and not by libfdt, some of whose
 * versions follow aliases without end, and read beyond those that have none. An edit costs a few walks over
 * the tree.
 */
#include <iolite/tree_edit.h>

#include <errno.h>
#include <glib.h>
#include <libfdt.h>

#include <iolite/endian.h>

#include "index.h"
#include "names.h"
#include "work.h"

enum { MANY_FOUND = -1000 }; /* libfdt's errors are from -1 to -FDT_ERR_MAX */

/* Which nodes of a path are made when they are not there. */
enum making { MAKE_NONE, MAKE_LAST, MAKE_ALL };

struct editor {
	struct iol_fdt_work work;
	/* What is being changed, for messages: the last two may be NULL. */
	const char *where, *node, *prop, *phandle_of;
	struct iol_error *err;
};

iol_printf(3, 4) static int refuse(struct editor *e, int code, const char *fmt, ...)
{
	g_autoptr(GString) text = g_string_new(NULL);
	va_list args;

	g_string_append_printf(text, "%.96s: node %.96s: ", e->where, e->node);
	if (e->prop)
		g_string_append_printf(text, "property '%.64s': ", e->prop);
	if (e->phandle_of)
		g_string_append_printf(text, "phandle of %.64s: ", e->phandle_of);
	va_start(args, fmt);
	g_string_append_vprintf(text, fmt, args);
	va_end(args);
	return iol_error_set(e->err, code, "%s", text->str);
}

/* What libfdt's @rc, which is an error, means here. */
static int refuse_rc(struct editor *e, int rc)
{
	return refuse(e, -EINVAL, "%s", iol_fdt_work_text(rc));
}

/* The child that is called @name, or else the only one that is called so with a unit address. */
static int find_child(const void *fdt, int node, const char *name, size_t len)
{
	bool has_unit = memchr(name, '@', len);
	int found = -FDT_ERR_NOTFOUND;
	int child;

	fdt_for_each_subnode(child, fdt, node)
	{
		int child_len;
		const char *child_name = fdt_get_name(fdt, child, &child_len);

		if (!child_name || (size_t)child_len < len || memcmp(child_name, name, len))
			continue;
		if ((size_t)child_len == len)
			return child;
		if (child_name[len] == '@' && !has_unit)
			found = found == -FDT_ERR_NOTFOUND ? child : MANY_FOUND;
	}
	return found;
}

static int add_child(struct editor *e, int parent, const char *name, size_t len, int *node)
{
	g_autofree char *copy = g_strndup(name, len);
	int rc;

	if (!is_node_name(copy))
		return refuse(
			e, -EINVAL,
			"'%.64s' is no name of a node: 1 to %d letters, digits and ,._+-, then "
			"perhaps @ and an address",
			copy, NAME_CHARS_MAX);
	do {
		rc = fdt_add_subnode(e->work.fdt, parent, copy);
	} while (iol_fdt_work_grow(&e->work, rc));
	if (rc < 0)
		return refuse_rc(e, rc);
	*node = rc;
	return 0;
}

/* @path with the alias that it may start with replaced: @whole, owned by the caller. */
static int expand_alias(struct editor *e, const char *path, char **whole)
{
	size_t len = strcspn(path, "/");
	const char *value = NULL;
	int aliases, value_len;

	if (*path == '/') {
		*whole = g_strdup(path);
		return 0;
	}
	aliases = find_child(e->work.fdt, 0, "aliases", strlen("aliases"));
	if (aliases >= 0 && len <= NAME_BYTES_MAX)
		value = fdt_getprop_namelen(e->work.fdt, aliases, path, (int)len, &value_len);
	if (!value) {
		refuse(e, -ENOENT,
		       "'%.64s' is neither a path from the root (/...) nor an alias of this tree",
		       path);
		return -ENOENT;
	}
	if (!iol_fdt_is_string((const uint8_t *)value, (size_t)value_len) || *value != '/') {
		refuse(e, -EINVAL, "the value of the alias '%.*s' is no path", (int)len, path);
		return -EINVAL;
	}
	*whole = g_strconcat(value, path + len, NULL);
	return 0;
}

/* The next node of a path, the @len characters at @name, below @node, which it replaces. */
static int descend(struct editor *e, int *node, const char *name, size_t len, bool make)
{
	int child = find_child(e->work.fdt, *node, name, len);

	if (child >= 0) {
		*node = child;
		return 0;
	}
	if (child == MANY_FOUND)
		return refuse(e, -EINVAL,
			      "there are several '%.*s@...': give the unit address, too",
			      (int)MIN(len, 64), name);
	if (child != -FDT_ERR_NOTFOUND)
		return refuse_rc(e, child);
	if (!make)
		return refuse(e, -ENOENT, "there is no '%.*s'", (int)MIN(len, 64), name);
	return add_child(e, *node, name, len, node);
}

static int resolve(struct editor *e, const char *path, enum making making, int *node)
{
	g_autofree char *whole = NULL;
	unsigned int depth = 1;
	const char *name;
	int rc;

	rc = expand_alias(e, path, &whole);
	if (rc)
		return rc;
	*node = 0;
	for (name = whole + strspn(whole, "/"); *name; name += strspn(name, "/")) {
		size_t len = strcspn(name, "/");
		bool is_last = !name[len + strspn(name + len, "/")];

		if (++depth > IOL_FDT_DEPTH_MAX)
			return refuse(e, -EINVAL, "the path has more than %d levels",
				      IOL_FDT_DEPTH_MAX);
		rc = descend(e, node, name, len,
			     making == MAKE_ALL || (making == MAKE_LAST && is_last));
		if (rc)
			return rc;
		name += len;
	}
	return 0;
}

static int set_prop(struct editor *e, int node, const char *prop, const void *bytes, size_t len)
{
	int rc;

	if (len > IOL_FDT_BYTES_MAX)
		return refuse(e, -EINVAL, "%zu bytes, at most %d are possible", len,
			      IOL_FDT_BYTES_MAX);
	do {
		rc = fdt_setprop(e->work.fdt, node, prop, len ? bytes : "", (int)len);
	} while (iol_fdt_work_grow(&e->work, rc));
	return rc ? refuse_rc(e, rc) : 0;
}

/* The phandle of the node at @path, which gets one if it has none. */
static int get_phandle(struct editor *e, const char *path, uint32_t *phandle)
{
	be32 cell;
	int node, rc;

	rc = resolve(e, path, MAKE_NONE, &node);
	if (rc)
		return rc;
	*phandle = fdt_get_phandle(e->work.fdt, node);
	if (*phandle && *phandle <= FDT_MAX_PHANDLE)
		return 0;
	if (fdt_generate_phandle(e->work.fdt, phandle))
		return refuse(
			e, -EINVAL,
			"it has none, and none is free, since another node has 0x%x, the last "
			"one; give that node a lower one",
			FDT_MAX_PHANDLE);
	cell = be32_of(*phandle);
	return set_prop(e, node, "phandle", &cell, sizeof(cell));
}

/* The bytes of all parts of @edit. Gives nodes phandles, and so moves nodes. */
static int collect(struct editor *e, const struct iol_tree_edit *edit, GByteArray *bytes)
{
	for (size_t i = 0; i < edit->part_count; i++) {
		const struct iol_tree_part *part = &edit->parts[i];
		uint32_t phandle = 0;
		be32 cell;
		int rc;

		e->phandle_of = part->phandle_of;
		rc = part->phandle_of ? get_phandle(e, part->phandle_of, &phandle) : 0;
		e->phandle_of = NULL;
		if (rc)
			return rc;
		cell = be32_of(phandle);
		if (part->phandle_of)
			g_byte_array_append(bytes, (const uint8_t *)&cell, sizeof(cell));
		else if (part->len > IOL_FDT_BYTES_MAX - bytes->len)
			return refuse(e, -EINVAL, "more than %d bytes", IOL_FDT_BYTES_MAX);
		else
			g_byte_array_append(bytes, part->bytes, (guint)part->len);
	}
	return 0;
}

/* Whether @edit's property can be made at @node, or is there already, under whatever name. */
static int check_prop_name(struct editor *e, int node, const char *prop)
{
	if (is_prop_name(prop) ||
	    (strlen(prop) <= NAME_BYTES_MAX && fdt_getprop(e->work.fdt, node, prop, NULL)))
		return 0;
	return refuse(e, -EINVAL,
		      "this is no name of a property: 1 to %d letters, digits and ,._+?#-",
		      NAME_CHARS_MAX);
}

static int apply_set(struct editor *e, const struct iol_tree_edit *edit)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	int node, rc;

	rc = collect(e, edit, bytes);
	if (!rc)
		rc = resolve(e, edit->node, MAKE_ALL, &node);
	if (!rc)
		rc = check_prop_name(e, node, edit->prop);
	return rc ? rc : set_prop(e, node, edit->prop, bytes->data, bytes->len);
}

static int apply_prepend(struct editor *e, const struct iol_tree_edit *edit)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	const void *old;
	int node, old_len, rc;

	rc = collect(e, edit, bytes);
	if (rc)
		return rc;
	if (!iol_fdt_is_string_list(bytes->data, bytes->len))
		return refuse(e, -EINVAL, "only strings can be put before a list of strings");
	rc = resolve(e, edit->node, MAKE_NONE, &node);
	if (rc)
		return rc;
	old = fdt_getprop(e->work.fdt, node, edit->prop, &old_len);
	if (!old)
		return refuse(e, -ENOENT,
			      "it is not there, so nothing can be put before it; set it");
	if (!iol_fdt_is_string_list(old, (size_t)old_len))
		return refuse(e, -EINVAL, "its value is no list of strings; set it instead");
	g_byte_array_append(bytes, old, (guint)old_len);
	return set_prop(e, node, edit->prop, bytes->data, bytes->len);
}

static int apply_delete_prop(struct editor *e, const struct iol_tree_edit *edit)
{
	int node, rc;

	rc = resolve(e, edit->node, MAKE_NONE, &node);
	if (rc)
		return rc;
	rc = fdt_delprop(e->work.fdt, node, edit->prop);
	if (rc == -FDT_ERR_NOTFOUND)
		return refuse(e, -ENOENT, "it is not there, so it cannot be deleted");
	return rc ? refuse_rc(e, rc) : 0;
}

static int apply_delete_node(struct editor *e, const struct iol_tree_edit *edit)
{
	int node, rc;

	rc = resolve(e, edit->node, MAKE_NONE, &node);
	if (rc)
		return rc;
	if (!node)
		return refuse(e, -EINVAL, "the root cannot be deleted");
	rc = fdt_del_node(e->work.fdt, node);
	return rc ? refuse_rc(e, rc) : 0;
}

static int apply(struct editor *e, const struct iol_tree_edit *edit)
{
	int node;

	e->where = edit->where;
	e->node = edit->node;
	e->prop = edit->prop;
	switch (edit->kind) {
	case IOL_TREE_SET:
		return apply_set(e, edit);
	case IOL_TREE_PREPEND:
		return apply_prepend(e, edit);
	case IOL_TREE_DELETE_PROP:
		return apply_delete_prop(e, edit);
	case IOL_TREE_DELETE_NODE:
		return apply_delete_node(e, edit);
	case IOL_TREE_ADD_NODE:
		return resolve(e, edit->node, MAKE_ALL, &node);
	}
	return refuse(e, -EINVAL, "%d is no kind of edit", (int)edit->kind);
}

/* Starts to change @blob, if it is a tree. */
static int begin(struct editor *e, const struct iol_fdt_blob *blob, size_t room)
{
	struct iol_fdt_index index;
	int rc;

	rc = iol_fdt_index_init(&index, blob, e->err);
	if (rc)
		return rc;
	iol_fdt_index_finish(&index);
	iol_fdt_work_init(&e->work, blob, room);
	return 0;
}

int iol_fdt_apply_edits(struct iol_fdt_blob *blob, const struct iol_tree_edit *edits, size_t count,
			struct iol_error *err)
{
	struct editor e = { .err = err };
	int rc;

	rc = begin(&e, blob, 4096);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < count; i++)
		rc = apply(&e, &edits[i]);
	if (rc) {
		iol_fdt_work_finish(&e.work);
		return rc;
	}
	rc = iol_fdt_work_commit(&e.work, blob, err);
	if (rc)
		iol_error_prefix(err, "the tree with all its changes");
	return rc;
}

int iol_fdt_set(struct iol_fdt_blob *blob, const char *path, const char *prop, const void *bytes,
		size_t len, struct iol_error *err)
{
	struct editor e = { .where = "device tree", .node = path, .prop = prop, .err = err };
	int node, rc;

	rc = begin(&e, blob, len + 256);
	if (rc)
		return rc;
	rc = resolve(&e, path, MAKE_LAST, &node);
	if (!rc)
		rc = check_prop_name(&e, node, prop);
	if (!rc)
		rc = set_prop(&e, node, prop, bytes, len);
	if (!rc)
		return iol_fdt_work_commit(&e.work, blob, err);
	iol_fdt_work_finish(&e.work);
	return rc;
}
