// SPDX-License-Identifier: Apache-2.0
/* Files as what they are, not as texts. See file_id.h. Before any thread; the paths are the user's. */
#include "file_id.h"

#include <errno.h>
#include <glib.h>
#include <sys/stat.h>

void iol_file_id_finish(struct iol_file_id *id)
{
	g_free(id->name);
}

enum { LINKS_MAX = 40 }; /* as Linux follows */

/* The file that would be made at @path, which is not there: it may be a link to another place. To be freed. */
static char *follow(const char *path)
{
	char *at = g_strdup(path);

	for (unsigned int i = 0; i < LINKS_MAX; i++) {
		g_autofree char *last = at;
		g_autofree char *target = g_file_read_link(last, NULL);
		g_autofree char *folder = NULL;

		if (!target)
			return g_steal_pointer(&last);
		folder = g_path_get_dirname(last);
		at = g_path_is_absolute(target) ? g_steal_pointer(&target)
						: g_build_filename(folder, target, NULL);
	}
	return at;
}

bool iol_file_id_of(const char *path, struct iol_file_id *id)
{
	g_autofree char *made = NULL, *folder = NULL;
	struct stat st;

	*id = (struct iol_file_id){ 0 };
	if (!stat(path, &st)) {
		id->is_device = S_ISBLK(st.st_mode);
		id->dev = id->is_device ? st.st_rdev : st.st_dev;
		id->ino = id->is_device ? 0 : st.st_ino;
		return id->is_device || S_ISREG(st.st_mode);
	}
	if (errno != ENOENT)
		return false;
	made = follow(path);
	folder = g_path_get_dirname(made);
	if (stat(folder, &st))
		return false;
	id->dev = st.st_dev;
	id->ino = st.st_ino;
	id->name = g_path_get_basename(made);
	return true;
}

bool iol_file_id_same(const struct iol_file_id *a, const struct iol_file_id *b)
{
	return a->is_device == b->is_device && a->dev == b->dev && a->ino == b->ino &&
	       !g_strcmp0(a->name, b->name);
}
