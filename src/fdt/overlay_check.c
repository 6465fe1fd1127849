// SPDX-License-Identifier: Apache-2.0
/*
 * What can be wrong with an overlay, found before it is applied. See overlay.h. Any thread.
 *
 * The format is dtc's (Documentation/dt-object-internal.txt there): fragments with target or target-path and
 * __overlay__; __fixups__ has a property for each label of the tree, a list of "path:property:offset"
 * where its phandle goes; __local_fixups__ mirrors the nodes and has, for each property, the offsets of
 * phandles that belong to the overlay; __symbols__ has the overlay's own labels.
 *
 * Fixups may only point to a fragment's target and into its __overlay__, where dtc has them; elsewhere they
 * could undo what was checked.
 */
#include "overlay.h"

#include <errno.h>
#include <inttypes.h>
#include <libfdt.h>

#include <iolite/endian.h>

static const char local_fixups[] = "/__local_fixups__", fixups[] = "/__fixups__",
		  symbols[] = "/__symbols__";

/* Says what is wrong at node @node of the overlay, and at its property @prop unless that is NULL. */
iol_printf(4, 5) static int refuse(struct iol_fdt_overlay *o, unsigned int node, const char *prop,
				   const char *fmt, ...)
{
	char path[IOL_FDT_PATH_TEXT_BYTES];
	g_autoptr(GString) text = g_string_new(NULL);
	va_list args;

	g_string_printf(text, "overlay %.96s: node %s: ", o->name,
			iol_fdt_index_text(&o->over, node, path));
	if (prop)
		g_string_append_printf(text, "property '%.64s': ", prop);
	va_start(args, fmt);
	g_string_append_vprintf(text, fmt, args);
	va_end(args);
	return iol_error_set(o->err, -EINVAL, "%s", text->str);
}

static int count_items(struct iol_fdt_overlay *o, unsigned int count)
{
	unsigned int limit = IOL_FDT_OVERLAY_WORK_MAX / (o->base.node_count + o->base.prop_count);

	limit = MIN(limit, (unsigned int)IOL_FDT_OVERLAY_ITEMS_MAX);
	o->items += count;
	if (o->items <= limit)
		return 0;
	return refuse(o, 0, NULL,
		      "more than %u nodes, properties and references, which this tree can take at "
		      "once; make several overlays of it",
		      limit);
}

static int find_over(const struct iol_fdt_overlay *o, const char *path)
{
	return iol_fdt_index_path(&o->over, path, strlen(path));
}

static struct iol_fdt_fragment *fragment_at(const struct iol_fdt_overlay *o, unsigned int idx)
{
	return &g_array_index(o->fragments, struct iol_fdt_fragment, idx);
}

/* ---- Fragments ---- */

static int add_fragment(struct iol_fdt_overlay *o, unsigned int node)
{
	int overlay = iol_fdt_index_child(&o->over, node, "__overlay__", strlen("__overlay__"));
	const struct iol_fdt_prop *target = iol_fdt_index_prop(&o->over, node, "target");
	const struct iol_fdt_prop *path = iol_fdt_index_prop(&o->over, node, "target-path");
	struct iol_fdt_fragment fragment = { .node = node, .base = -1 };

	if (overlay < 0 && !target && !path)
		return 0;
	if (g_str_has_prefix(o->over.nodes[node].name, "__"))
		return refuse(o, node, NULL, "it cannot be a fragment, its name is reserved");
	if (overlay < 0)
		return refuse(o, node, NULL,
			      "it has a target and no child __overlay__ to put there");
	if (!target && !path)
		return refuse(o, node, NULL,
			      "it has an __overlay__, and neither target nor target-path to say "
			      "where that goes");
	if (target && target->len != sizeof(uint32_t))
		return refuse(o, node, "target", "%" PRIu32 " bytes, one cell is needed",
			      target->len);
	/* libfdt looks at it unless there is a target that is not 0. */
	if (path && !iol_fdt_is_string(path->value, path->len))
		return refuse(o, node, "target-path", "is no string that ends");
	fragment.target = target ? be32_load(target->value) : 0;
	fragment.overlay = (unsigned int)overlay;
	g_array_append_val(o->fragments, fragment);
	return 0;
}

static int collect_fragments(struct iol_fdt_overlay *o)
{
	int rc = 0;

	for (unsigned int node = 1; !rc && node < o->over.node_count;
	     node = o->over.nodes[node].end)
		rc = add_fragment(o, node);
	if (rc || o->fragments->len)
		return rc;
	return refuse(
		o, 0, NULL,
		"there is no fragment in it, which a whole tree has none of either: an overlay is "
		"compiled from source with /plugin/; (dtc -@)");
}

/* The fragment that a fixup may change: as its target, or in its __overlay__. NULL: none. */
static struct iol_fdt_fragment *fragment_of(const struct iol_fdt_overlay *o, unsigned int node,
					    const char *prop)
{
	for (unsigned int i = 0; i < o->fragments->len; i++) {
		struct iol_fdt_fragment *f = fragment_at(o, i);

		if (node == f->node)
			return strcmp(prop, "target") ? NULL : f;
		if (node >= f->overlay && node < o->over.nodes[f->overlay].end)
			return f;
	}
	return NULL;
}

/* ---- Phandles ---- */

static int check_phandle(struct iol_fdt_overlay *o, unsigned int node, const char *name)
{
	const struct iol_fdt_prop *prop = iol_fdt_index_prop(&o->over, node, name);
	uint32_t value;

	if (!prop)
		return 0;
	if (prop->len != sizeof(value))
		return refuse(o, node, name, "%" PRIu32 " bytes, one cell is needed", prop->len);
	value = be32_load(prop->value);
	if (!value || value > FDT_MAX_PHANDLE)
		return refuse(o, node, name, "0x%" PRIx32 " is no phandle: 1 to 0x%x are", value,
			      FDT_MAX_PHANDLE);
	if (value > FDT_MAX_PHANDLE - o->delta)
		return refuse(o, node, name,
			      "no phandle is left for it: it becomes its 0x%" PRIx32
			      " + the tree's highest, 0x%" PRIx32,
			      value, o->delta);
	return 0;
}

static int check_phandles(struct iol_fdt_overlay *o)
{
	int rc = 0;

	if (o->base.phandle_count)
		o->delta = o->base.phandles[o->base.phandle_count - 1].value;
	/* A node may have it as no phandle can be. */
	if (o->delta > FDT_MAX_PHANDLE)
		return iol_error_set(o->err, -EINVAL,
				     "overlay %.96s: a node of the tree has the phandle 0x%" PRIx32
				     ", which is none",
				     o->name, o->delta);
	for (unsigned int node = 0; !rc && node < o->over.node_count; node++) {
		rc = check_phandle(o, node, "phandle");
		if (!rc)
			rc = check_phandle(o, node, "linux,phandle");
	}
	return rc;
}

/* ---- __local_fixups__ ---- */

static int check_local_prop(struct iol_fdt_overlay *o, unsigned int node,
			    const struct iol_fdt_prop *fixup)
{
	const struct iol_fdt_prop *prop = iol_fdt_index_prop(&o->over, node, fixup->name);
	uint32_t free_from = 0;
	int rc = 0;

	if (!prop)
		return refuse(o, fixup->node, fixup->name, "there is no such property to fix");
	if (!fragment_of(o, node, prop->name))
		return refuse(o, fixup->node, fixup->name,
			      "only targets and what is in an __overlay__ can be fixed");
	if (fixup->len % sizeof(uint32_t))
		return refuse(o, fixup->node, fixup->name,
			      "%" PRIu32 " bytes, a list of cells is needed", fixup->len);
	for (uint32_t pos = 0; !rc && pos < fixup->len; pos += (uint32_t)sizeof(uint32_t)) {
		struct iol_fdt_reference ref = { node, prop, be32_load(fixup->value + pos) };
		uint32_t value;

		if (prop->len < sizeof(uint32_t) || ref.offset > prop->len - sizeof(uint32_t))
			return refuse(o, fixup->node, fixup->name,
				      "offset 0x%" PRIx32 " is beyond the %" PRIu32
				      " bytes of the value that it is to fix",
				      ref.offset, prop->len);
		/* What is fixed twice is wrong. dtc has them in order. */
		if (ref.offset < free_from)
			return refuse(o, fixup->node, fixup->name,
				      "offset 0x%" PRIx32 " is not behind the cell before it",
				      ref.offset);
		free_from = ref.offset + (uint32_t)sizeof(value);
		value = be32_load(prop->value + ref.offset);
		if (iol_fdt_index_phandle(&o->over, value) < 0)
			return refuse(o, node, prop->name,
				      "at offset 0x%" PRIx32 " it refers to phandle 0x%" PRIx32
				      ", which no node of the overlay has",
				      ref.offset, value);
		g_array_append_val(o->references, ref);
		rc = count_items(o, 1);
	}
	return rc;
}

static int check_local_fixups(struct iol_fdt_overlay *o)
{
	g_autofree unsigned int *fixed = g_new0(unsigned int, o->over.node_count);
	int top = find_over(o, local_fixups);
	unsigned int end;

	if (top < 0)
		return 0;
	end = o->over.nodes[top].end;
	for (unsigned int i = (unsigned int)top; i < end; i++) {
		const struct iol_fdt_node *node = &o->over.nodes[i];
		int mirrored = 0, rc;

		if (i != (unsigned int)top)
			mirrored = iol_fdt_index_child(&o->over, fixed[node->parent], node->name,
						       strlen(node->name));
		/* libfdt would take the name without a unit address, too, and fix a node twice. */
		if (mirrored < 0 || (mirrored && strcmp(o->over.nodes[mirrored].name, node->name)))
			return refuse(o, i, NULL, "there is no such node to fix");
		fixed[i] = (unsigned int)mirrored;
		for (unsigned int p = 0; p < node->prop_count; p++) {
			rc = check_local_prop(o, fixed[i], &o->over.props[node->first_prop + p]);
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* ---- __fixups__ ---- */

/* The phandle of the node that the tree calls @label; the overlay's property @label asks for it. */
static int find_label(struct iol_fdt_overlay *o, unsigned int node, const char *label,
		      uint32_t *phandle)
{
	int table = iol_fdt_index_path(&o->base, symbols, strlen(symbols));
	const struct iol_fdt_prop *prop;
	int target;

	if (table < 0)
		return refuse(
			o, node, label,
			"the tree has no /__symbols__, so no labels: use target-path, or compile "
			"the tree with dtc -@");
	prop = iol_fdt_index_prop(&o->base, (unsigned int)table, label);
	if (!prop)
		return refuse(o, node, label,
			      "the tree's /__symbols__ has no such label; `iolite dtb` shows "
			      "the tree");
	if (!iol_fdt_is_string(prop->value, prop->len))
		return refuse(o, node, label, "the tree's /__symbols__ has no path for this label");
	target = iol_fdt_index_path(&o->base, (const char *)prop->value, prop->len - 1);
	if (target < 0)
		return refuse(o, node, label,
			      "the tree's /__symbols__ says '%.64s', which is no node of it",
			      (const char *)prop->value);
	*phandle = iol_fdt_index_phandle_of(&o->base, (unsigned int)target);
	if (!*phandle)
		return refuse(o, node, label,
			      "'%.64s' in the tree has no phandle; compile the tree with dtc -@",
			      (const char *)prop->value);
	return 0;
}

/* "path:property:offset", a place in the overlay. */
struct place {
	const char *path, *prop;
	size_t path_len, prop_len;
	uint32_t offset;
};

static bool parse_place(const char *text, struct place *place)
{
	const char *colon = strchr(text, ':'), *digits;
	uint64_t offset;

	if (*text != '/' || !colon)
		return false;
	place->path = text;
	place->path_len = (size_t)(colon - text);
	place->prop = colon + 1;
	colon = strchr(place->prop, ':');
	if (!colon || colon == place->prop)
		return false;
	place->prop_len = (size_t)(colon - place->prop);
	digits = colon + 1;
	/* libfdt has room for an int, and strtoul() takes signs and spaces. */
	if (!*digits || strlen(digits) > 9 || strspn(digits, "0123456789") != strlen(digits))
		return false;
	offset = g_ascii_strtoull(digits, NULL, 10);
	place->offset = (uint32_t)offset;
	return true;
}

static int check_place(struct iol_fdt_overlay *o, const struct iol_fdt_prop *fixup,
		       const char *text, uint32_t phandle)
{
	g_autofree char *name = NULL;
	const struct iol_fdt_prop *prop;
	struct iol_fdt_fragment *fragment;
	struct place place;
	int node;

	if (!parse_place(text, &place))
		return refuse(o, fixup->node, fixup->name,
			      "'%.96s' is no place, which is /path:property:offset", text);
	node = iol_fdt_index_path(&o->over, place.path, place.path_len);
	if (node < 0)
		return refuse(o, fixup->node, fixup->name,
			      "'%.96s' is in a node that the overlay does not have", text);
	name = g_strndup(place.prop, place.prop_len);
	prop = iol_fdt_index_prop(&o->over, (unsigned int)node, name);
	if (!prop)
		return refuse(o, fixup->node, fixup->name,
			      "'%.96s' is in a property that its node does not have", text);
	fragment = fragment_of(o, (unsigned int)node, name);
	if (!fragment)
		return refuse(o, fixup->node, fixup->name,
			      "'%.96s': only targets and what is in an __overlay__ can be fixed",
			      text);
	if (prop->len < sizeof(uint32_t) || place.offset > prop->len - sizeof(uint32_t))
		return refuse(o, fixup->node, fixup->name,
			      "'%.96s' is beyond the %" PRIu32
			      " bytes of the value that it is to fix",
			      text, prop->len);
	if ((unsigned int)node == fragment->node) {
		fragment->target = phandle;
		fragment->has_label = true;
	}
	return count_items(o, 1);
}

static int check_fixups(struct iol_fdt_overlay *o)
{
	int top = find_over(o, fixups);
	const struct iol_fdt_node *node;

	if (top < 0)
		return 0;
	node = &o->over.nodes[top];
	for (unsigned int p = 0; p < node->prop_count; p++) {
		const struct iol_fdt_prop *fixup = &o->over.props[node->first_prop + p];
		const char *text = (const char *)fixup->value;
		uint32_t phandle = 0;
		int rc;

		if (!iol_fdt_is_string_list(fixup->value, fixup->len))
			return refuse(o, fixup->node, fixup->name, "is no list of strings");
		rc = find_label(o, fixup->node, fixup->name, &phandle);
		for (; !rc && text < (const char *)fixup->value + fixup->len;
		     text += strlen(text) + 1)
			rc = check_place(o, fixup, text, phandle);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- Targets ---- */

uint32_t iol_fdt_overlay_kept(const struct iol_fdt_overlay *o, unsigned int node)
{
	if (o->same[node] < 0 || !iol_fdt_index_phandle_of(&o->over, node))
		return 0;
	return iol_fdt_index_phandle_of(&o->base, (unsigned int)o->same[node]);
}

/* The phandle that node @node of the overlay will have, 0: none. */
static uint32_t later_phandle(const struct iol_fdt_overlay *o, unsigned int node)
{
	uint32_t kept = iol_fdt_overlay_kept(o, node);
	uint32_t phandle = iol_fdt_index_phandle_of(&o->over, node);

	if (kept)
		return kept;
	return phandle ? phandle + o->delta : 0;
}

/* The path that node @node, in the __overlay__ of @f, will have in the tree. */
static char *later_path(const struct iol_fdt_overlay *o, const struct iol_fdt_fragment *f,
			unsigned int node)
{
	g_autofree char *top = iol_fdt_index_path_of(&o->over, f->overlay);
	g_autofree char *path = iol_fdt_index_path_of(&o->over, node);

	return g_strconcat(f->path[1] ? f->path : "", path + strlen(top), NULL);
}

/* Finds the target phandle @f->target in the tree, or in what earlier fragments make. */
static bool find_target_phandle(struct iol_fdt_overlay *o, struct iol_fdt_fragment *f,
				unsigned int earlier)
{
	f->base = iol_fdt_index_phandle(&o->base, f->target);
	if (f->base >= 0) {
		f->path = iol_fdt_index_path_of(&o->base, (unsigned int)f->base);
		return true;
	}
	for (unsigned int i = 0; i < earlier; i++) {
		const struct iol_fdt_fragment *e = fragment_at(o, i);
		unsigned int end = o->over.nodes[e->overlay].end;

		for (unsigned int node = e->overlay; node < end; node++) {
			if (later_phandle(o, node) != f->target)
				continue;
			f->base = o->same[node];
			f->path = later_path(o, e, node);
			return true;
		}
	}
	return false;
}

static bool find_target_path(struct iol_fdt_overlay *o, struct iol_fdt_fragment *f,
			     unsigned int earlier, const char *path)
{
	f->base = iol_fdt_index_alias_path(&o->base, path, strlen(path));
	if (f->base >= 0) {
		f->path = iol_fdt_index_path_of(&o->base, (unsigned int)f->base);
		return true;
	}
	for (unsigned int i = 0; i < earlier && *path == '/'; i++) {
		const struct iol_fdt_fragment *e = fragment_at(o, i);
		const char *prefix = e->path[1] ? e->path : "";
		g_autofree char *top = iol_fdt_index_path_of(&o->over, e->overlay);
		g_autofree char *inside = NULL;

		if (!g_str_has_prefix(path, prefix) || path[strlen(prefix)] != '/')
			continue;
		inside = g_strconcat(top, path + strlen(prefix), NULL);
		if (find_over(o, inside) < 0)
			continue;
		f->path = g_strdup(path);
		return true;
	}
	return false;
}

static int find_target(struct iol_fdt_overlay *o, unsigned int idx)
{
	struct iol_fdt_fragment *f = fragment_at(o, idx);
	const struct iol_fdt_prop *path = iol_fdt_index_prop(&o->over, f->node, "target-path");

	if (f->target > FDT_MAX_PHANDLE)
		return refuse(o, f->node, "target",
			      "0x%" PRIx32
			      " stands for a label, and __fixups__ does not say for which: "
			      "compile the overlay with dtc -@",
			      f->target);
	if (f->target && !find_target_phandle(o, f, idx))
		return refuse(o, f->node, "target",
			      "no node of the tree has the phandle 0x%" PRIx32, f->target);
	if (f->target)
		return 0;
	if (!path)
		return refuse(o, f->node, "target", "0x0 is no phandle");
	if (!find_target_path(o, f, idx, (const char *)path->value))
		return refuse(o, f->node, "target-path",
			      "the tree has no node '%.96s'; `iolite dtb` shows the tree",
			      (const char *)path->value);
	return 0;
}

/* Where the target is a node of the overlay's own: the phandle that it will have. */
static void follow_reference(const struct iol_fdt_overlay *o, struct iol_fdt_fragment *f)
{
	for (unsigned int i = 0; i < o->references->len && !f->has_label; i++) {
		const struct iol_fdt_reference *ref =
			&g_array_index(o->references, struct iol_fdt_reference, i);

		if (ref->node != f->node)
			continue;
		f->target =
			later_phandle(o, (unsigned int)iol_fdt_index_phandle(&o->over, f->target));
		return;
	}
}

/* Finds which nodes of @f's __overlay__ the tree has already. */
static void find_same(const struct iol_fdt_overlay *o, const struct iol_fdt_fragment *f)
{
	unsigned int end = o->over.nodes[f->overlay].end;

	o->same[f->overlay] = f->base;
	for (unsigned int i = f->overlay + 1; i < end; i++) {
		const struct iol_fdt_node *node = &o->over.nodes[i];
		int above = o->same[node->parent];

		if (above >= 0)
			o->same[i] = iol_fdt_index_child(&o->base, (unsigned int)above, node->name,
							 strlen(node->name));
	}
}

static int find_targets(struct iol_fdt_overlay *o)
{
	for (unsigned int i = 0; i < o->fragments->len; i++) {
		struct iol_fdt_fragment *f = fragment_at(o, i);
		int rc;

		follow_reference(o, f);
		rc = find_target(o, i);
		if (rc)
			return rc;
		find_same(o, f);
	}
	return 0;
}

/* ---- __symbols__ ---- */

static int check_symbols(struct iol_fdt_overlay *o)
{
	static const char top_name[] = "/__overlay__";
	int top = find_over(o, symbols);
	const struct iol_fdt_node *node;

	if (top < 0)
		return 0;
	node = &o->over.nodes[top];
	for (unsigned int p = 0; p < node->prop_count; p++) {
		const struct iol_fdt_prop *prop = &o->over.props[node->first_prop + p];
		const char *path = (const char *)prop->value, *rest;
		int fragment;

		if (!iol_fdt_is_string(prop->value, prop->len) || *path != '/')
			return refuse(o, prop->node, prop->name, "is no path of a node");
		rest = strchr(path + 1, '/');
		/* Labels of other nodes than these do not get into the tree. */
		if (!rest || !g_str_has_prefix(rest, top_name) ||
		    (rest[strlen(top_name)] && rest[strlen(top_name)] != '/'))
			continue;
		fragment = iol_fdt_index_child(&o->over, 0, path + 1, (size_t)(rest - path - 1));
		if (fragment < 0 || !fragment_of(o, (unsigned int)fragment, "target"))
			return refuse(o, prop->node, prop->name,
				      "'%.96s' is in no fragment of the overlay", path);
	}
	return 0;
}

int iol_fdt_overlay_check(struct iol_fdt_overlay *o)
{
	int rc;

	o->same = g_new(int, o->over.node_count);
	for (unsigned int i = 0; i < o->over.node_count; i++)
		o->same[i] = -1;
	rc = count_items(o, o->over.node_count + o->over.prop_count);
	if (!rc)
		rc = collect_fragments(o);
	if (!rc)
		rc = check_phandles(o);
	if (!rc)
		rc = check_local_fixups(o);
	if (!rc)
		rc = check_fixups(o);
	if (!rc)
		rc = find_targets(o);
	if (!rc)
		rc = check_symbols(o);
	return rc;
}
