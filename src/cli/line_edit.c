// SPDX-License-Identifier: Apache-2.0
/*
 * Lines edited by libedit, with the keys of Emacs or what the user's ~/.editrc says. See line_internal.h.
 *
 * libedit asks for each key; while it waits for one, text may be put above the line: the rows that the line takes are erased, the text
 * is written, and libedit draws the line anew below.
 */
#include "line_internal.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

struct iol_line_edit {
	struct iol_line_input *input;
	EditLine *el;
	History *history;
	bool reading;
	enum iol_line how; /* the line is over, if it is no text */
	mbstate_t state; /* of a character that has come in part */
};

static struct iol_line_edit *edit_of(EditLine *el)
{
	struct iol_line_edit *edit = NULL;

	el_get(el, EL_CLIENTDATA, &edit);
	return edit;
}

static char *prompt_of(EditLine *el)
{
	return edit_of(el)->input->prompt;
}

static void suspend(struct iol_line_edit *edit)
{
	el_set(edit->el, EL_PREP_TERM, 0);
	raise(SIGSTOP);
	el_set(edit->el, EL_PREP_TERM, 1);
	el_resize(edit->el);
	el_set(edit->el, EL_REFRESH);
}

/* A byte of the terminal's. 1: *@c is a character; 0: not yet; -1: there will be none. */
static int read_byte(struct iol_line_edit *edit, wchar_t *c)
{
	char byte;
	ssize_t len = read(STDIN_FILENO, &byte, 1);
	size_t ret;

	if (len < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (len <= 0)
		return -1;
	ret = mbrtowc(c, &byte, 1, &edit->state);
	if (ret == (size_t)-2)
		return 0;
	if (ret == (size_t)-1) {
		memset(&edit->state, 0, sizeof(edit->state));
		return 0;
	}
	return 1;
}

static int next_key(EditLine *el, wchar_t *c)
{
	struct iol_line_edit *edit = edit_of(el);

	for (;;) {
		int ret;

		switch (iol_line_wait(edit->input, &edit->how)) {
		case IOL_LINE_WAKE_OVER:
			return -1;
		case IOL_LINE_WAKE_SUSPEND:
			suspend(edit);
			continue;
		case IOL_LINE_WAKE_SIZE:
			el_resize(el);
			continue;
		case IOL_LINE_WAKE_KEY:
			break;
		}
		ret = read_byte(edit, c);
		if (ret)
			return ret;
	}
}

/* Columns of a terminal that @text takes. */
static unsigned int columns_of(const char *text, gssize len)
{
	g_autofree char *valid = g_utf8_make_valid(text, len);
	unsigned int columns = 0;

	for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (!g_unichar_iszerowidth(c))
			columns += g_unichar_iswide(c) || g_unichar_iscntrl(c) ? 2 : 1;
	}
	return columns;
}

/* Rows between the one where the line begins and the one of the cursor. */
static unsigned int rows_above(struct iol_line_edit *edit)
{
	const LineInfo *line = el_line(edit->el);
	struct winsize size = { .ws_col = 0 };
	unsigned int columns = columns_of(edit->input->prompt, -1) +
			       columns_of(line->buffer, line->cursor - line->buffer);

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		size.ws_col = 80;
	return columns / size.ws_col;
}

void iol_line_edit_print(struct iol_line_edit *edit, const char *text)
{
	unsigned int rows;

	if (!edit->reading) {
		fputs(text, stdout);
		fflush(stdout);
		return;
	}
	rows = rows_above(edit);
	/* ECMA-48: to the first column, up, and erase to the end of the page */
	if (rows)
		printf("\r\033[%uA\033[J%s", rows, text);
	else
		printf("\r\033[J%s", text);
	fflush(stdout);
	el_set(edit->el, EL_REFRESH);
}

/* The longest beginning that all of @words have, at least @len bytes. */
static size_t common_len(char *const *words, size_t len)
{
	size_t common = strlen(words[0]);

	for (unsigned int i = 1; words[i]; i++) {
		size_t same = len;

		while (same < common && words[i][same] == words[0][same])
			same++;
		common = MIN(common, same);
	}
	return common;
}

static void show_words(struct iol_line_edit *edit, char *const *words)
{
	g_autofree char *text = g_strjoinv("  ", (char **)words);
	g_autofree char *line = g_strconcat(text, "\n", NULL);

	iol_line_edit_print(edit, line);
}

static unsigned char complete(EditLine *el, int key)
{
	struct iol_line_edit *edit = edit_of(el);
	const struct iol_line_hooks *hooks = &edit->input->hooks;
	const LineInfo *line = el_line(el);
	g_autofree char *before = g_strndup(line->buffer, (gsize)(line->cursor - line->buffer));
	const char *blank = strrchr(before, ' ');
	size_t len = strlen(blank ? blank + 1 : before);
	g_auto(GStrv) words = hooks->complete ? hooks->complete(hooks->opaque, before) : NULL;
	g_autofree char *more = NULL;

	(void)key;
	if (!words || !words[0])
		return CC_ERROR;
	more = g_strndup(words[0] + len, common_len(words, len) - len);
	if (!words[1]) {
		char *whole = g_strconcat(more, " ", NULL);

		g_free(more);
		more = whole;
	} else if (!*more) {
		show_words(edit, words);
		return CC_NORM;
	}
	return el_insertstr(el, more) ? CC_ERROR : CC_REFRESH;
}

static void load_history(struct iol_line_edit *edit)
{
	g_auto(GStrv) lines = NULL;
	HistEvent event;

	edit->history = history_init();
	if (!edit->history)
		return;
	history(edit->history, &event, H_SETSIZE, LINE_HISTORY_MAX);
	history(edit->history, &event, H_SETUNIQUE, 1);
	el_set(edit->el, EL_HIST, history, edit->history);
	if (edit->input->history_path)
		lines = iol_line_history_load(edit->input->history_path);
	for (char **line = lines; line && *line; line++)
		if (**line)
			history(edit->history, &event, H_ENTER, *line);
}

/* Text of machines is UTF-8, whatever the terminal's language is. */
static void set_locale(void)
{
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

struct iol_line_edit *iol_line_edit_new(struct iol_line_input *input)
{
	const char *terminal = getenv("TERM");
	struct iol_line_edit *edit;

	if (!terminal || !*terminal || !strcmp(terminal, "dumb"))
		return NULL;
	set_locale();
	edit = g_new0(struct iol_line_edit, 1);
	edit->input = input;
	edit->el = el_init("iolite", stdin, stdout, stderr);
	if (!edit->el) {
		g_free(edit);
		return NULL;
	}
	el_set(edit->el, EL_CLIENTDATA, edit);
	el_set(edit->el, EL_PROMPT, prompt_of);
	el_set(edit->el, EL_EDITOR, "emacs");
	el_set(edit->el, EL_SIGNAL, 0);
	load_history(edit);
	el_source(edit->el, NULL);
	el_set(edit->el, EL_GETCFN, next_key);
	/* libedit makes copies of narrow names, and never frees them. */
	el_wset(edit->el, EL_ADDFN, L"iolite-complete", L"Complete a word", complete);
	el_set(edit->el, EL_BIND, "^I", "iolite-complete", NULL);
	el_set(edit->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	return edit;
}

void iol_line_edit_free(struct iol_line_edit *edit)
{
	if (!edit)
		return;
	el_end(edit->el);
	if (edit->history)
		history_end(edit->history);
	g_free(edit);
}

static void remember(struct iol_line_edit *edit, const char *line)
{
	HistEvent event;

	if (edit->history)
		history(edit->history, &event, H_ENTER, line);
	if (edit->input->history_path)
		iol_line_history_add(edit->input->history_path, line);
}

enum iol_line iol_line_edit_read(struct iol_line_edit *edit, char **line)
{
	const char *got;
	int count = 0;

	edit->how = IOL_LINE_END;
	memset(&edit->state, 0, sizeof(edit->state));
	edit->reading = true;
	/* Before the prompt: what is typed from then on is the editor's. */
	el_set(edit->el, EL_PREP_TERM, 1);
	got = el_gets(edit->el, &count);
	edit->reading = false;
	if (!got || count <= 0)
		return edit->how;
	*line = g_strndup(got, (gsize)count);
	g_strchomp(*line);
	if (**line)
		remember(edit, *line);
	return IOL_LINE_TEXT;
}
