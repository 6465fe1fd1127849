/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as arrays of nodes and properties: one walk over the structure block that believes nothing, then
 * every lookup is a binary search. An index refers to the tree's bytes and ends with their next change.
 *
 * What the walk guarantees, and every other file of this folder relies on: all blocks lie inside the tree
 * and apart; one root; at most IOL_FDT_DEPTH_MAX levels and IOL_FDT_ITEMS_MAX nodes and properties; a node's
 * properties come before its children; names are at most NAME_BYTES_MAX long, have characters that DTS can
 * say, and are unique in their node.
 */
#ifndef IOL_FDT_INDEX_H
#define IOL_FDT_INDEX_H

#include <iolite/fdt.h>

struct iol_fdt_prop {
	unsigned int node;
	uint32_t len;
	const char *name;
	const uint8_t *value;
};

struct iol_fdt_node {
	const char *name; /* "" for the root */
	int offset; /* as libfdt counts */
	unsigned int parent; /* the root's is itself, 0 */
	unsigned int end; /* the node behind the last one below this */
	unsigned int depth; /* the root's is 1 */
	unsigned int first_prop, prop_count;
};

struct iol_fdt_phandle {
	uint32_t value;
	unsigned int node;
};

struct iol_fdt_index {
	struct iol_fdt_node *nodes; /* as they come in the tree, the root first */
	struct iol_fdt_prop *props; /* likewise */
	unsigned int *nodes_by_name; /* by parent, then name */
	unsigned int *props_by_name; /* by node, then name */
	struct iol_fdt_phandle *phandles; /* by value, then node */
	unsigned int node_count, prop_count, phandle_count;
};

/* Checks @blob and makes its index. -EINVAL: what is wrong, and at which byte or node. */
int iol_fdt_index_init(struct iol_fdt_index *index, const struct iol_fdt_blob *blob,
		       struct iol_error *err);
/* Zeroed is fine. */
void iol_fdt_index_finish(struct iol_fdt_index *index);

/*
 * The child of @node that @name, @len characters, means to libfdt: the first one that is called so, or
 * so with any unit address if @name has none. -1: none.
 */
int iol_fdt_index_child(const struct iol_fdt_index *index, unsigned int node, const char *name,
			size_t len);

/* The node at the absolute path @path, @len characters. -1: none, or no absolute path. */
int iol_fdt_index_path(const struct iol_fdt_index *index, const char *path, size_t len);

/* The same for a path that may start with an alias (DTSpec-0.4 3.3). */
int iol_fdt_index_alias_path(const struct iol_fdt_index *index, const char *path, size_t len);

/* NULL: @node has no such property. */
const struct iol_fdt_prop *iol_fdt_index_prop(const struct iol_fdt_index *index, unsigned int node,
					      const char *name);

/* The first node with this phandle, -1: none. */
int iol_fdt_index_phandle(const struct iol_fdt_index *index, uint32_t value);

/* The phandle of @node, 0: none. */
uint32_t iol_fdt_index_phandle_of(const struct iol_fdt_index *index, unsigned int node);

/* The path of @node. Owned by the caller: g_free(). */
char *iol_fdt_index_path_of(const struct iol_fdt_index *index, unsigned int node);

enum { IOL_FDT_PATH_TEXT_BYTES = 160 };

/* The path of @node for a message: the end of it if it is long. Returns @text. */
const char *iol_fdt_index_text(const struct iol_fdt_index *index, unsigned int node,
			       char text[IOL_FDT_PATH_TEXT_BYTES]);

/* Whether @value is one string, and nothing behind it. */
bool iol_fdt_is_string(const uint8_t *value, size_t len);

/* Whether @value is strings, at least one. */
bool iol_fdt_is_string_list(const uint8_t *value, size_t len);

#endif
