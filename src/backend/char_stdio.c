// SPDX-License-Identifier: Apache-2.0
/*
 * Standard input and output as a serial line. Runs on the loop's thread.
 *
 * The descriptors that a shell gave us are shared with it and with our siblings: making those
 * non-blocking would change them for everybody. So a terminal or pipe is opened again through
 * /proc/self/fd, which gives a file description of our own; only where that is refused is the
 * shared one changed, and changed back at the end.
 */
#include <iolite/char.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iolite/log.h>
#include <iolite/terminal.h>

enum { ESCAPE_KEY = 0x01 /* Ctrl-A */ };

struct char_stdio {
	struct iol_char chr;
	struct iol_event_sink *sink;
	bool escaped; /* the last key was Ctrl-A */
	int shared_flags[2]; /* of descriptors 0 and 1, to restore; -1: not changed */
};

static const char help_text[] = "\n"
				"Ctrl-A x       stop the machine\n"
				"Ctrl-A h       this help\n"
				"Ctrl-A Ctrl-A  send Ctrl-A to the guest\n";

static void show_help(void)
{
	/* To a person at the terminal, so not through the log and its levels. */
	if (write(STDERR_FILENO, help_text, sizeof(help_text) - 1) < 0)
		return;
}

static unsigned int filter_keys(struct iol_char *chr, uint8_t *data, unsigned int len)
{
	struct char_stdio *stdio = iol_container_of(chr, struct char_stdio, chr);
	unsigned int kept = 0;

	for (unsigned int i = 0; i < len; i++) {
		uint8_t key = data[i];

		if (!stdio->escaped) {
			stdio->escaped = key == ESCAPE_KEY;
			if (!stdio->escaped)
				data[kept++] = key;
			continue;
		}
		stdio->escaped = false;
		if (key == 'x')
			stdio->sink->raise(stdio->sink, IOL_EVENT_STOP);
		else if (key == 'h' || key == '?')
			show_help();
		else if (key == 'a' || key == ESCAPE_KEY)
			data[kept++] = ESCAPE_KEY;
	}
	return kept;
}

/* A non-blocking descriptor for the file behind @fd, or -1 when @fd is not open. */
static int open_nonblocking(int fd, int access, int *shared_flags)
{
	char path[32];
	struct stat st;
	int own, flags;

	*shared_flags = -1;
	if (fstat(fd, &st))
		return -1;
	/* Opening a regular file again would lose its offset; it never blocks anyway. */
	if (S_ISREG(st.st_mode))
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own >= 0)
		return own;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK) && !fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		*shared_flags = flags;
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void stdio_free(struct iol_char *chr)
{
	struct char_stdio *stdio = iol_container_of(chr, struct char_stdio, chr);

	for (int fd = 0; fd < 2; fd++)
		if (stdio->shared_flags[fd] >= 0)
			fcntl(fd, F_SETFL, stdio->shared_flags[fd]);
	iol_terminal_restore();
	g_free(stdio);
}

static const struct iol_char_ops stdio_ops = {
	.name = "serial stdio",
	.free = stdio_free,
};

int iol_char_stdio_new(struct iol_loop *loop, struct iol_event_sink *sink, struct iol_char **chr,
		       struct iol_error *err)
{
	struct char_stdio *stdio = g_new0(struct char_stdio, 1);
	int ret;

	iol_char_init(&stdio->chr, &stdio_ops, loop);
	stdio->sink = sink;
	stdio->chr.in_fd = open_nonblocking(STDIN_FILENO, O_RDONLY, &stdio->shared_flags[0]);
	stdio->chr.out_fd = open_nonblocking(STDOUT_FILENO, O_WRONLY, &stdio->shared_flags[1]);
	if (isatty(STDIN_FILENO)) {
		ret = iol_terminal_raw(STDIN_FILENO, err);
		if (ret) {
			iol_char_free(&stdio->chr);
			return ret;
		}
		stdio->chr.filter = filter_keys;
	}
	*chr = &stdio->chr;
	return 0;
}
