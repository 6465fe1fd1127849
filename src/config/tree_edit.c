// SPDX-License-Identifier: Apache-2.0
/* Changes to the device tree, as data. See include/iolite/tree_edit.h. */
#include <iolite/tree_edit.h>

#include <glib.h>
#include <string.h>

void iol_tree_edit_finish(struct iol_tree_edit *edit)
{
	for (size_t i = 0; i < edit->part_count; i++) {
		g_free(edit->parts[i].bytes);
		g_free(edit->parts[i].phandle_of);
	}
	g_free(edit->parts);
	g_free(edit->where);
	g_free(edit->node);
	g_free(edit->prop);
	memset(edit, 0, sizeof(*edit));
}
