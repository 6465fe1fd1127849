/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to a machine's device tree that a person asked for ("tree" in a configuration), in the manner
 * of Topaz's node-update. Plain data: src/config makes them, src/fdt applies them, in order.
 */
#ifndef IOLITE_TREE_EDIT_H
#define IOLITE_TREE_EDIT_H

#include <stddef.h>
#include <stdint.h>

enum iol_tree_edit_kind {
	IOL_TREE_SET, /* the property gets the parts' bytes; node and ancestors are made if need be */
	IOL_TREE_PREPEND, /* the parts' bytes, which are strings, go before the string list that is there */
	IOL_TREE_DELETE_PROP, /* must be there */
	IOL_TREE_DELETE_NODE, /* must be there; with all below it */
	IOL_TREE_ADD_NODE, /* an empty node, with its ancestors; fine when it is there */
};

/* Bytes as they stand in the tree, or the phandle of the node at a path: a cell. */
struct iol_tree_part {
	uint8_t *bytes; /* owned; NULL: a phandle */
	size_t len;
	char *phandle_of; /* owned; a path, or an alias, as in DTSpec-0.4 2.2.3; NULL: bytes */
};

struct iol_tree_edit {
	enum iol_tree_edit_kind kind;
	char *where; /* owned; for messages: the place in the configuration */
	char *node; /* owned; a path from the root, or one that starts with an alias */
	char *prop; /* owned; NULL for nodes */
	struct iol_tree_part *parts; /* owned */
	size_t part_count;
};

/* Frees what @edit owns. */
void iol_tree_edit_finish(struct iol_tree_edit *edit);

#endif
