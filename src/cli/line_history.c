// SPDX-License-Identifier: Apache-2.0
/* Lines typed earlier, one each in a file of the user's alone. Several programs may append at once. See line_internal.h. */
#include "line_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iolite/macros.h>

enum { FILE_BYTES_MAX = 1024 * 1024 };

static char **last(char **lines, guint count, guint wanted)
{
	char **kept = g_new0(char *, wanted + 1);

	for (guint i = 0; i < count; i++)
		if (i < count - wanted)
			g_free(lines[i]);
		else
			kept[i - (count - wanted)] = lines[i];
	g_free(lines);
	return kept;
}

/* The file is written anew when it has grown to twice what is kept. */
static void shorten(const char *path, char **lines)
{
	g_autofree char *text = g_strjoinv("\n", lines);
	g_autofree char *whole = g_strconcat(text, "\n", NULL);

	g_file_set_contents_full(path, whole, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}

char **iol_line_history_load(const char *path)
{
	g_autofree char *text = NULL;
	struct stat st;
	char **lines;
	guint count;

	/* Not a pipe that a line never comes from, nor a file without an end. */
	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX ||
	    !g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	g_strchomp(text);
	lines = g_strsplit(text, "\n", -1);
	count = g_strv_length(lines);
	if (count <= LINE_HISTORY_MAX)
		return lines;
	lines = last(lines, count, LINE_HISTORY_MAX);
	if (count > 2 * LINE_HISTORY_MAX)
		shorten(path, lines);
	return lines;
}

void iol_line_history_add(const char *path, const char *line)
{
	g_autofree char *whole = g_strconcat(line, "\n", NULL);
	g_autofree char *folder = g_path_get_dirname(path);
	iol_auto(iol_fd_close) int fd = -1;
	size_t len = strlen(whole);

	if (g_mkdir_with_parents(folder, 0700))
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	/* In one piece, so that lines of others do not get into it. A lost line of history is no matter. */
	if (fd >= 0 && write(fd, whole, len) < 0)
		return;
}
