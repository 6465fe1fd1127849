// SPDX-License-Identifier: Apache-2.0
/*
 * Several serial lines at one terminal, one at a time. Each is a character backend of its own, whose peer is the
 * terminal while it is selected: what the others say is kept in their rings. Runs on the loop's thread.
 *
 * A hostile guest can make its lines say anything, but which one is seen only the person at the terminal says.
 */
#include <iolite/char.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/log.h>

#include "std_streams.h"

enum { LINES_MAX = 9 }; /* a digit each */

struct mux_line;

/* Shared by its lines; the last one frees it. */
struct mux {
	struct iol_loop *loop;
	struct std_streams streams;
	unsigned int count; /* ever made */
	unsigned int users;
	struct mux_line *lines[LINES_MAX]; /* NULL: freed */
	struct mux_line *selected; /* has the terminal, or is about to lose it to the next */
	struct mux_line *next;
	struct iol_post switch_post;
	uint8_t typed[IOL_CHAR_INPUT_BYTES]; /* behind the digit: for the next one */
	unsigned int typed_len;
	bool in_ended, out_failed;
};

struct mux_line {
	struct iol_char chr;
	struct mux *mux;
	unsigned int idx;
};

static struct mux_line *line_of(struct iol_char *chr)
{
	return iol_container_of(chr, struct mux_line, chr);
}

static void show_help(const struct mux *mux)
{
	g_autoptr(GString) text = g_string_new("\nCtrl-A x       stop the machine\n"
					       "Ctrl-A h       this help\n"
					       "Ctrl-A Ctrl-A  send Ctrl-A to the guest\n");

	for (unsigned int i = 0; i < mux->count; i++)
		if (mux->lines[i])
			g_string_append_printf(text, "Ctrl-A %u       %s%s\n", i + 1,
					       mux->lines[i]->chr.name,
					       mux->lines[i] == mux->selected ? ", here" : "");
	std_streams_tell(text->str);
}

static void attach(struct mux_line *line)
{
	const struct mux *mux = line->mux;

	line->chr.terminal = mux->streams.is_terminal;
	iol_char_attach(&line->chr, mux->in_ended ? -1 : mux->streams.in_fd,
			mux->out_failed ? -1 : mux->streams.out_fd);
}

/* The terminal is free, and @line gets it. */
static void give_terminal(struct mux_line *line)
{
	struct mux *mux = line->mux;
	unsigned int len = mux->typed_len;

	mux->selected = line;
	mux->next = NULL;
	mux->typed_len = 0;
	if (len)
		iol_char_inject(&line->chr, mux->typed, len);
	attach(line);
}

static void run_switch(struct iol_post *post)
{
	struct mux *mux = iol_container_of(post, struct mux, switch_post);
	struct mux_line *next = mux->next;
	g_autofree char *text = NULL;

	if (!next || !mux->selected)
		return;
	text = g_strdup_printf("\n[%s]\n", next->chr.name);
	std_streams_tell(text);
	iol_char_detach(&mux->selected->chr); /* which gives it to the next */
}

/* Keys up to one that switches; those behind it are kept for the next line. */
static unsigned int filter_keys(struct iol_char *chr, uint8_t *data, unsigned int len)
{
	struct mux *mux = line_of(chr)->mux;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < len; i++) {
		int key = std_streams_key(&mux->streams, data[i]);
		unsigned int idx = (unsigned int)(key - STD_STREAMS_SELECT - 1);

		if (key >= 0)
			data[kept++] = (uint8_t)key;
		else if (key == STD_STREAMS_HELP)
			show_help(mux);
		if (key > STD_STREAMS_SELECT && key <= STD_STREAMS_SELECT + LINES_MAX &&
		    idx < mux->count && mux->lines[idx] && mux->lines[idx] != mux->selected) {
			mux->next = mux->lines[idx];
			mux->typed_len = len - i - 1;
			memcpy(mux->typed, data + i + 1, mux->typed_len);
			/* Not from within the reading of that line. */
			iol_loop_post(mux->loop, &mux->switch_post);
			break;
		}
	}
	return kept;
}

static void mux_start(struct iol_char *chr)
{
	struct mux_line *line = line_of(chr);

	if (line->mux->selected == line)
		give_terminal(line);
}

static void mux_lost(struct iol_char *chr)
{
	struct mux_line *line = line_of(chr);
	struct mux *mux = line->mux;

	if (chr->in_fd < 0 && mux->next) {
		give_terminal(mux->next);
	} else if (chr->in_fd < 0 && !mux->in_ended) {
		/* The end of the input is not that of the output. */
		mux->in_ended = true;
		attach(line);
	} else if (!mux->out_failed) {
		mux->out_failed = true;
		iol_log(IOL_LOG_WARN, "%s: cannot write the guest's output any more", chr->name);
	}
}

static void mux_stop(struct iol_char *chr)
{
	struct mux *mux = line_of(chr)->mux;

	/* One of them ends when all do. */
	iol_loop_post_cancel(mux->loop, &mux->switch_post);
}

static void mux_free(struct iol_char *chr)
{
	struct mux_line *line = line_of(chr);
	struct mux *mux = line->mux;

	mux->lines[line->idx] = NULL;
	if (mux->selected == line)
		mux->selected = NULL;
	if (mux->next == line)
		mux->next = NULL;
	g_free(line);
	if (--mux->users)
		return;
	std_streams_close(&mux->streams);
	iol_fd_close(&mux->streams.in_fd);
	iol_fd_close(&mux->streams.out_fd);
	g_free(mux);
}

static const struct iol_char_ops mux_ops = {
	.name = "serial mux",
	.start = mux_start,
	.lost = mux_lost,
	.keeps_input = true,
	.stop = mux_stop,
	.free = mux_free,
};

static struct mux_line *add_line(struct mux *mux, const char *name)
{
	struct mux_line *line = g_new0(struct mux_line, 1);

	iol_char_init(&line->chr, &mux_ops, mux->loop);
	g_strlcpy(line->chr.name, name, sizeof(line->chr.name));
	if (mux->streams.is_terminal)
		line->chr.filter = filter_keys;
	line->mux = mux;
	line->idx = mux->count++;
	mux->users++;
	mux->lines[line->idx] = line;
	return line;
}

int iol_char_mux_new(struct iol_loop *loop, struct iol_event_sink *sink, const char *name,
		     struct iol_char **chr, struct iol_error *err)
{
	struct mux *mux = g_new0(struct mux, 1);
	int ret = std_streams_open(&mux->streams, sink, err);

	if (ret) {
		g_free(mux);
		return ret;
	}
	mux->loop = loop;
	mux->switch_post.run = run_switch;
	mux->selected = add_line(mux, name);
	*chr = &mux->selected->chr;
	return 0;
}

int iol_char_mux_join(struct iol_char *first, const struct iol_char_config *config,
		      const char *name, struct iol_char **chr, struct iol_error *err)
{
	struct mux *mux = line_of(first)->mux;
	int ret;

	*chr = NULL;
	if (mux->count == LINES_MAX) {
		ret = iol_error_set(err, -EINVAL, "one line too many for a terminal: up to %d",
				    LINES_MAX);
	} else {
		*chr = &add_line(mux, name)->chr;
		ret = iol_char_configure(chr, config, name, err);
	}
	return ret ? iol_error_prefix(err, "%s", name) : 0;
}
