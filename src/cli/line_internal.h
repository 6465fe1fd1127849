/* SPDX-License-Identifier: Apache-2.0 */
/* Between line_input.c, which waits and reads, and line_edit.c, which has libedit edit what is read. */
#ifndef IOL_CLI_LINE_INTERNAL_H
#define IOL_CLI_LINE_INTERNAL_H

#include <glib.h>
#include <signal.h>

#include "line_input.h"

enum { LINE_BYTES_MAX = 64 * 1024, LINE_HISTORY_MAX = 1000 };

struct iol_line_edit;

struct iol_line_input {
	struct iol_line_hooks hooks;
	char *prompt;
	char *history_path;
	bool terminal;
	struct iol_line_edit *edit; /* NULL: none */
	int interrupt_fd; /* signals that end a line */
	int display_fd; /* signals that concern the display */
	sigset_t signals_before;
	GString *typed; /* without libedit: what came and is no line yet */
};

enum iol_line_wake {
	IOL_LINE_WAKE_KEY, /* standard input is readable */
	IOL_LINE_WAKE_SIZE, /* the terminal has another size */
	IOL_LINE_WAKE_SUSPEND, /* Ctrl-Z */
	IOL_LINE_WAKE_OVER, /* the line is over: see @how */
};

/* Waits for one of these, and tells the hook of its descriptor meanwhile. */
enum iol_line_wake iol_line_wait(struct iol_line_input *input, enum iol_line *how);

/* Earlier lines, the oldest first; NULL: none. To be freed with g_strfreev(). */
char **iol_line_history_load(const char *path);
void iol_line_history_add(const char *path, const char *line);

#ifdef IOLITE_LIBEDIT
/* libedit's part. NULL: this terminal cannot do it. */
struct iol_line_edit *iol_line_edit_new(struct iol_line_input *input);
void iol_line_edit_free(struct iol_line_edit *edit);
enum iol_line iol_line_edit_read(struct iol_line_edit *edit, char **line);
void iol_line_edit_print(struct iol_line_edit *edit, const char *text);
#else /* there is never one */
static inline struct iol_line_edit *iol_line_edit_new(struct iol_line_input *input)
{
	(void)input;
	return NULL;
}

static inline void iol_line_edit_free(struct iol_line_edit *edit)
{
	(void)edit;
}

static inline enum iol_line iol_line_edit_read(struct iol_line_edit *edit, char **line)
{
	(void)edit;
	(void)line;
	return IOL_LINE_END;
}

static inline void iol_line_edit_print(struct iol_line_edit *edit, const char *text)
{
	(void)edit;
	(void)text;
}
#endif

#endif
