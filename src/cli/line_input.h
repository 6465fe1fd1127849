/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that a person types, while something else may happen: what is said meanwhile appears above the line, which stays. On a
 * terminal with libedit (line_edit.c) lines can be edited, recalled and completed; otherwise the terminal does what
 * it does by itself. One at a time: standard input, standard output and signals are the process's.
 */
#ifndef IOL_CLI_LINE_INPUT_H
#define IOL_CLI_LINE_INPUT_H

#include <stdbool.h>

struct iol_line_input;

enum iol_line {
	IOL_LINE_TEXT,
	IOL_LINE_INTERRUPTED, /* Ctrl-C: what was typed is gone */
	IOL_LINE_END, /* Ctrl-D, the end of a file, or a signal that asks to end */
	IOL_LINE_STOPPED, /* by on_fd */
};

enum iol_line_more {
	IOL_LINE_DONE, /* until the descriptor is readable again */
	IOL_LINE_MORE, /* there is more to do, after a look at the keyboard */
	IOL_LINE_STOP, /* stop reading the line */
};

struct iol_line_hooks {
	void *opaque;
	int fd; /* watched while a person types */
	/* It is readable. May call iol_line_input_print(). */
	enum iol_line_more (*on_fd)(void *opaque);
	/* What the last word of @before, the line up to the cursor, may become; NULL or to be freed with g_strfreev(). */
	char **(*complete)(void *opaque, const char *before);
};

/* @history: path of the file with earlier lines; NULL: none. @hooks is copied. */
struct iol_line_input *iol_line_input_new(const char *prompt, const struct iol_line_hooks *hooks,
					  const char *history);
void iol_line_input_free(struct iol_line_input *input); /* NULL is allowed */

/* @line: without its newline, to be freed with g_free(); NULL but for IOL_LINE_TEXT. */
enum iol_line iol_line_input_read(struct iol_line_input *input, char **line);

/* Whole lines of printable text, above what is being typed. */
void iol_line_input_print(struct iol_line_input *input, const char *text);

/* Whether a person types here. */
bool iol_line_input_is_terminal(const struct iol_line_input *input);

/* Readable after Ctrl-C and signals that ask to end, for who waits for something else; and which it was. */
int iol_line_input_interrupt_fd(const struct iol_line_input *input);
enum iol_line iol_line_input_take_interrupt(struct iol_line_input *input);

#endif
