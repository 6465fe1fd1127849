// SPDX-License-Identifier: Apache-2.0
/*
 * Output into a file: a serial line's, or the copy that its log is. Runs on the loop's thread. A guest chooses how
 * much is written: a full disk ends it (see drain() in char.c), a quota or a file system of its own is the
 * host's to give.
 */
#include <iolite/char.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>

/* Consoles show secrets; an existing file keeps its own mode. */
enum { FILE_MODE = 0600 };

static void file_free(struct iol_char *chr)
{
	g_free(chr);
}

static const struct iol_char_ops file_ops = {
	.name = "serial file",
	.free = file_free,
};

int iol_char_file_new(struct iol_loop *loop, const char *path, bool append, struct iol_char **chr,
		      struct iol_error *err)
{
	/* Without waiting for the reader of a pipe or for a modem. */
	int fd = open(path,
		      O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
			      (append ? O_APPEND : O_TRUNC),
		      FILE_MODE);
	struct stat st;

	if (fd < 0 && errno == ENXIO)
		return iol_error_errno(err, -errno,
				       "cannot write to '%s': it is a pipe that nobody reads, or "
				       "a socket; start its reader first",
				       path);
	if (fd < 0)
		return iol_error_errno(err, -errno, "cannot write to '%s'", path);
	*chr = g_new(struct iol_char, 1);
	iol_char_init(*chr, &file_ops, loop);
	(*chr)->out_fd = fd;
	/* A file takes everything or fails: what stands still then is this process, for want of a processor. */
	(*chr)->hold = !fstat(fd, &st) && S_ISREG(st.st_mode);
	return 0;
}
