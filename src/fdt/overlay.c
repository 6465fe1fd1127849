// SPDX-License-Identifier: Apache-2.0
/*
 * Overlays. See include/iolite/fdt.h. Any thread.
 *
 * Both trees are hostile. iol_fdt_overlay_check() finds whatever is wrong; then libfdt merges, on copies, since it
 * leaves ruins when it runs out of room. Three things are put right in the copy of the overlay: a target-path
 * by alias, which some versions of libfdt follow without end, becomes a path; a node that has a phandle in
 * the tree keeps it, so that what refers to it in the tree still does (labels in an overlay give nodes
 * phandles whether they have one or not); and what refers to such a node in the overlay gets the phandle of
 * the tree.
 */
#include "overlay.h"

#include <errno.h>
#include <libfdt.h>

#include <iolite/endian.h>

#include "work.h"

static void clear_fragment(void *data)
{
	struct iol_fdt_fragment *fragment = data;

	g_free(fragment->path);
}

static int init(struct iol_fdt_overlay *o, const struct iol_fdt_blob *base,
		const struct iol_fdt_blob *overlay)
{
	int rc;

	o->fragments = g_array_new(FALSE, TRUE, sizeof(struct iol_fdt_fragment));
	g_array_set_clear_func(o->fragments, clear_fragment);
	o->references = g_array_new(FALSE, TRUE, sizeof(struct iol_fdt_reference));
	rc = iol_fdt_index_init(&o->base, base, o->err);
	if (rc)
		return rc;
	rc = iol_fdt_index_init(&o->over, overlay, o->err);
	if (rc)
		iol_error_prefix(o->err, "overlay %.96s", o->name);
	return rc;
}

static void finish(struct iol_fdt_overlay *o)
{
	iol_fdt_index_finish(&o->base);
	iol_fdt_index_finish(&o->over);
	g_array_free(o->fragments, TRUE);
	g_array_free(o->references, TRUE);
	g_free(o->same);
}

/* Makes references to a node that keeps its phandle right for when libfdt has added delta. */
static void prepare_references(const struct iol_fdt_overlay *o, void *fdto)
{
	for (unsigned int i = 0; i < o->references->len; i++) {
		const struct iol_fdt_reference *ref =
			&g_array_index(o->references, struct iol_fdt_reference, i);
		int node =
			iol_fdt_index_phandle(&o->over, be32_load(ref->prop->value + ref->offset));
		uint32_t kept = node < 0 ? 0 : iol_fdt_overlay_kept(o, (unsigned int)node);
		be32 cell = be32_of(kept - o->delta);

		if (!kept)
			continue;
		fdt_setprop_inplace_namelen_partial(fdto, o->over.nodes[ref->node].offset,
						    ref->prop->name, (int)strlen(ref->prop->name),
						    ref->offset, &cell, sizeof(cell));
	}
}

/* A path in the place of each target-path that is an alias. From the last one on, as nodes move. */
static int prepare_paths(const struct iol_fdt_overlay *o, struct iol_fdt_work *work)
{
	for (unsigned int i = o->fragments->len; i-- > 0;) {
		const struct iol_fdt_fragment *fragment =
			&g_array_index(o->fragments, struct iol_fdt_fragment, i);
		const struct iol_fdt_prop *prop =
			iol_fdt_index_prop(&o->over, fragment->node, "target-path");
		int rc;

		if (fragment->target || !prop || *prop->value == '/')
			continue;
		do {
			rc = fdt_setprop_string(work->fdt, o->over.nodes[fragment->node].offset,
						"target-path", fragment->path);
		} while (iol_fdt_work_grow(work, rc));
		if (rc)
			return rc;
	}
	return 0;
}

static int prepare(const struct iol_fdt_overlay *o, struct iol_fdt_work *work)
{
	prepare_references(o, work->fdt);
	for (unsigned int node = 0; node < o->over.node_count; node++) {
		if (!iol_fdt_overlay_kept(o, node))
			continue;
		/* One of the two is there. */
		fdt_nop_property(work->fdt, o->over.nodes[node].offset, "phandle");
		fdt_nop_property(work->fdt, o->over.nodes[node].offset, "linux,phandle");
	}
	return prepare_paths(o, work);
}

/* Merges the overlay that was prepared into a copy of @base, with as much room as it takes. */
static int merge(const struct iol_fdt_blob *base, const struct iol_fdt_work *overlay,
		 struct iol_fdt_work *result)
{
	size_t room = overlay->bytes + 1024;
	int rc;

	for (;;) {
		g_autofree void *fdto = g_memdup2(overlay->fdt, overlay->bytes);

		iol_fdt_work_init(result, base, room);
		rc = fdt_overlay_apply(result->fdt, fdto);
		if (rc != -FDT_ERR_NOSPACE || result->bytes >= IOL_FDT_BYTES_MAX)
			return rc;
		iol_fdt_work_finish(result);
		room *= 2;
	}
}

static int apply(struct iol_fdt_overlay *o, struct iol_fdt_blob *blob,
		 const struct iol_fdt_blob *overlay)
{
	struct iol_fdt_work prepared, result = { 0 };
	int rc;

	iol_fdt_work_init(&prepared, overlay, 0);
	rc = prepare(o, &prepared);
	if (!rc)
		rc = merge(blob, &prepared, &result);
	iol_fdt_work_finish(&prepared);
	if (rc) {
		iol_fdt_work_finish(&result);
		return iol_error_set(o->err, -EINVAL, "overlay %.96s: it cannot be applied: %s",
				     o->name, iol_fdt_work_text(rc));
	}
	rc = iol_fdt_work_commit(&result, blob, o->err);
	if (rc)
		iol_error_prefix(o->err, "the tree with overlay %.96s", o->name);
	return rc;
}

int iol_fdt_apply_overlay(struct iol_fdt_blob *blob, const struct iol_fdt_blob *overlay,
			  const char *name, struct iol_error *err)
{
	struct iol_fdt_overlay o = { .name = name, .err = err };
	int rc;

	rc = init(&o, blob, overlay);
	if (!rc)
		rc = iol_fdt_overlay_check(&o);
	if (!rc)
		rc = apply(&o, blob, overlay);
	finish(&o);
	return rc;
}
