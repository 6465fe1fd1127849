/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An overlay that is about to be applied. libfdt gives no more than a number when it cannot apply one, and
 * trusts it where it must not: offsets in __local_fixups__ and __fixups__, and strings without an end. So
 * everything that it is going to look at is looked at before.
 */
#ifndef IOL_FDT_OVERLAY_H
#define IOL_FDT_OVERLAY_H

#include <glib.h>

#include "index.h"

/* A node of the overlay that says where its child __overlay__ goes. */
struct iol_fdt_fragment {
	unsigned int node, overlay;
	uint32_t target; /* the phandle that "target" will hold, 0: none */
	bool has_label; /* __fixups__ says so */
	int base; /* the node of the tree that it changes, -1: one that an earlier fragment makes */
	char *path; /* owned; that node's */
};

/* A cell of the overlay with a phandle of its own, which moves with all of them. */
struct iol_fdt_reference {
	unsigned int node;
	const struct iol_fdt_prop *prop;
	uint32_t offset;
};

struct iol_fdt_overlay {
	const char *name; /* for messages */
	struct iol_fdt_index base, over;
	uint32_t delta; /* what libfdt adds to the overlay's phandles */
	unsigned int items;
	GArray *fragments; /* of struct iol_fdt_fragment, in the overlay's order */
	GArray *references; /* of struct iol_fdt_reference */
	int *same; /* by node of the overlay: the node of the tree that it is, -1: none so far */
	struct iol_error *err;
};

/* Holds @overlay->over against @overlay->base, and fills the arrays. -EINVAL with the place. */
int iol_fdt_overlay_check(struct iol_fdt_overlay *overlay);

/* The phandle of the tree's node that @node of the overlay is, when both have one. 0: no. It is to remain. */
uint32_t iol_fdt_overlay_kept(const struct iol_fdt_overlay *overlay, unsigned int node);

#endif
