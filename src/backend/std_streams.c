// SPDX-License-Identifier: Apache-2.0
/*
 * Standard input and output for serial lines. See std_streams.h. Runs on the loop's thread.
 *
 * The descriptors that a shell gave us are shared with it and with our siblings: making those
 * non-blocking would change them for everybody. So a terminal or pipe is opened again through
 * /proc/self/fd, which gives a file description of our own; only where that is refused is the
 * shared one changed, and changed back at the end.
 */
#include "std_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iolite/terminal.h>

enum { ESCAPE_KEY = 0x01 /* Ctrl-A */ };

void std_streams_tell(const char *text)
{
	/* To a person at the terminal, so not through the log and its levels. */
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

int std_streams_key(struct std_streams *streams, uint8_t key)
{
	if (!streams->escaped) {
		streams->escaped = key == ESCAPE_KEY;
		return streams->escaped ? STD_STREAMS_NO_KEY : key;
	}
	streams->escaped = false;
	if (key == 'x')
		streams->sink->raise(streams->sink, IOL_EVENT_STOP);
	else if (key == 'h' || key == '?')
		return STD_STREAMS_HELP;
	else if (key == 'a' || key == ESCAPE_KEY)
		return ESCAPE_KEY;
	else if (key >= '1' && key <= '9')
		return STD_STREAMS_SELECT + (key - '0');
	return STD_STREAMS_NO_KEY;
}

/* A non-blocking descriptor for the file behind @fd, or -1 and errno; EBADF: @fd is not open. */
static int open_nonblocking(int fd, int access, int *shared_flags)
{
	char path[32];
	struct stat st;
	int own, flags, error;

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
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0 && *shared_flags >= 0) {
		error = errno;
		fcntl(fd, F_SETFL, *shared_flags);
		*shared_flags = -1;
		errno = error;
	}
	return own;
}

/* A process may have none; one that it has and cannot use is no reason to be deaf or mute. */
static int open_both(struct std_streams *streams, struct iol_error *err)
{
	streams->in_fd = open_nonblocking(STDIN_FILENO, O_RDONLY, &streams->shared_flags[0]);
	if (streams->in_fd < 0 && errno != EBADF)
		return iol_error_errno(err, -errno, "cannot use standard input");
	streams->out_fd = open_nonblocking(STDOUT_FILENO, O_WRONLY, &streams->shared_flags[1]);
	if (streams->out_fd < 0 && errno != EBADF)
		return iol_error_errno(err, -errno, "cannot use standard output");
	return 0;
}

int std_streams_open(struct std_streams *streams, struct iol_event_sink *sink,
		     struct iol_error *err)
{
	int ret;

	*streams = (struct std_streams){
		.sink = sink, .in_fd = -1, .out_fd = -1, .shared_flags = { -1, -1 }
	};
	ret = open_both(streams, err);
	streams->is_terminal = !ret && isatty(STDIN_FILENO);
	if (streams->is_terminal)
		ret = iol_terminal_raw(STDIN_FILENO, err);
	if (ret) {
		/* The terminal is another's, and stays as that one has it. */
		streams->is_terminal = false;
		std_streams_close(streams);
		iol_fd_close(&streams->in_fd);
		iol_fd_close(&streams->out_fd);
	}
	return ret;
}

void std_streams_close(struct std_streams *streams)
{
	for (int fd = 0; fd < 2; fd++)
		if (streams->shared_flags[fd] >= 0)
			fcntl(fd, F_SETFL, streams->shared_flags[fd]);
	if (streams->is_terminal)
		iol_terminal_restore();
}
