/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device trees from text, for tests: what there is of DTS without labels, references and checks. Nodes and
 * properties may be called anything, be there twice and come in any order:
 *
 *   /memreserve/ 0x1000 0x1000;
 *   / { name = "a", <1 0x2>, [00ff]; empty; node@0 { }; };
 *
 * In strings, \0 is a byte that is 0. A mistake in the text ends the test.
 */
#ifndef IOLITE_TESTS_TREE_TEXT_H
#define IOLITE_TESTS_TREE_TEXT_H

#include <iolite/fdt.h>

/* The tree, as libfdt writes it: not checked. Ends with iol_fdt_blob_finish(). */
struct iol_fdt_blob tree_text(const char *text);

/* The same from @text with its only @old replaced by @with; "" for @old: at its end. */
struct iol_fdt_blob tree_text_with(const char *text, const char *old, const char *with);

/*
 * All nodes and properties, one a line and sorted: two trees with the same lines are equal but for the order
 * of things. Owned by the caller: g_free().
 */
char *tree_lines(const struct iol_fdt_blob *tree);

/* That @tree has the nodes and properties of @text. */
void assert_tree(const struct iol_fdt_blob *tree, const char *text);

#endif
