// SPDX-License-Identifier: Apache-2.0
/*
 * Lines that a person types. See line_input.h.
 *
 * Signals come through descriptors: there is no moment between a look at a flag and the wait in which one gets lost.
 */
#include "line_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <iolite/macros.h>

static int take_signal(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

enum iol_line iol_line_input_take_interrupt(struct iol_line_input *input)
{
	enum iol_line how = IOL_LINE_INTERRUPTED;
	int number;

	while ((number = take_signal(input->interrupt_fd)))
		if (number != SIGINT)
			how = IOL_LINE_END;
	return how;
}

enum iol_line_wake iol_line_wait(struct iol_line_input *input, enum iol_line *how)
{
	struct pollfd fds[] = {
		{ .fd = input->interrupt_fd, .events = POLLIN },
		{ .fd = input->display_fd, .events = POLLIN },
		{ .fd = input->hooks.fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	enum iol_line_more more = IOL_LINE_DONE;

	for (;;) {
		if (poll(fds, IOL_ARRAY_LEN(fds), more == IOL_LINE_MORE ? 0 : -1) < 0) {
			if (errno == EINTR)
				continue;
			*how = IOL_LINE_END;
			return IOL_LINE_WAKE_OVER;
		}
		if (fds[0].revents) {
			*how = iol_line_input_take_interrupt(input);
			return IOL_LINE_WAKE_OVER;
		}
		if (fds[1].revents)
			return take_signal(input->display_fd) == SIGTSTP ? IOL_LINE_WAKE_SUSPEND
									 : IOL_LINE_WAKE_SIZE;
		if (fds[2].revents || more == IOL_LINE_MORE)
			more = input->hooks.on_fd(input->hooks.opaque);
		if (more == IOL_LINE_STOP) {
			*how = IOL_LINE_STOPPED;
			return IOL_LINE_WAKE_OVER;
		}
		if (fds[3].revents)
			return IOL_LINE_WAKE_KEY;
	}
}

/* From what was read to the first newline. */
static bool take_typed(struct iol_line_input *input, char **line)
{
	char *end = memchr(input->typed->str, '\n', input->typed->len);
	gsize len;

	if (!end && input->typed->len < LINE_BYTES_MAX)
		return false;
	len = end ? (gsize)(end - input->typed->str) : input->typed->len;
	*line = g_strndup(input->typed->str, len);
	g_string_erase(input->typed, 0, (gssize)(end ? len + 1 : len));
	return true;
}

static enum iol_line read_plain(struct iol_line_input *input, char **line)
{
	enum iol_line how = IOL_LINE_END;

	if (input->terminal) {
		fputs(input->prompt, stdout);
		fflush(stdout);
	}
	while (!take_typed(input, line)) {
		char buf[4096];
		ssize_t len;

		switch (iol_line_wait(input, &how)) {
		case IOL_LINE_WAKE_OVER:
			g_string_truncate(input->typed, 0);
			return how;
		case IOL_LINE_WAKE_SUSPEND:
			raise(SIGSTOP);
			continue;
		case IOL_LINE_WAKE_SIZE:
			continue;
		case IOL_LINE_WAKE_KEY:
			break;
		}
		len = read(STDIN_FILENO, buf, sizeof(buf));
		if (len > 0)
			g_string_append_len(input->typed, buf, len);
		else if (len < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		else if (!input->typed->len)
			return IOL_LINE_END;
		else /* a last line without its end */
			g_string_append_c(input->typed, '\n');
	}
	return IOL_LINE_TEXT;
}

enum iol_line iol_line_input_read(struct iol_line_input *input, char **line)
{
	enum iol_line how;

	*line = NULL;
	how = input->edit ? iol_line_edit_read(input->edit, line) : read_plain(input, line);
	/* A terminal that does its own editing shows Ctrl-C by itself. */
	if (input->terminal && how != IOL_LINE_TEXT)
		puts(input->edit && how == IOL_LINE_INTERRUPTED ? "^C" : "");
	fflush(stdout);
	return how;
}

void iol_line_input_print(struct iol_line_input *input, const char *text)
{
	if (input->edit) {
		iol_line_edit_print(input->edit, text);
		return;
	}
	fputs(text, stdout);
	fflush(stdout);
}

bool iol_line_input_is_terminal(const struct iol_line_input *input)
{
	return input->terminal;
}

int iol_line_input_interrupt_fd(const struct iol_line_input *input)
{
	return input->interrupt_fd;
}

static void take_signals(struct iol_line_input *input)
{
	sigset_t ending, display, all;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGQUIT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigemptyset(&display);
	sigaddset(&display, SIGWINCH);
	sigaddset(&display, SIGTSTP);
	sigorset(&all, &ending, &display);
	sigprocmask(SIG_BLOCK, &all, &input->signals_before);
	input->interrupt_fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	input->display_fd = signalfd(-1, &display, SFD_CLOEXEC | SFD_NONBLOCK);
}

struct iol_line_input *iol_line_input_new(const char *prompt, const struct iol_line_hooks *hooks,
					  const char *history)
{
	struct iol_line_input *input = g_new0(struct iol_line_input, 1);

	input->hooks = *hooks;
	input->prompt = g_strdup(prompt);
	input->history_path = g_strdup(history);
	input->terminal = isatty(STDIN_FILENO);
	input->typed = g_string_new(NULL);
	take_signals(input);
	if (input->terminal && isatty(STDOUT_FILENO))
		input->edit = iol_line_edit_new(input);
	return input;
}

void iol_line_input_free(struct iol_line_input *input)
{
	if (!input)
		return;
	iol_line_edit_free(input->edit);
	iol_fd_close(&input->interrupt_fd);
	iol_fd_close(&input->display_fd);
	sigprocmask(SIG_SETMASK, &input->signals_before, NULL);
	g_string_free(input->typed, TRUE);
	g_free(input->history_path);
	g_free(input->prompt);
	g_free(input);
}
