// SPDX-License-Identifier: Apache-2.0
/*
 * Output into a file: a serial line's, or the copy that its log is. Runs on the loop's thread. A guest chooses how
 * much is written: a full disk ends it (see char_output.c), a quota or a file system of its own is the
 * host's to give.
 */
#include <iolite/char.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iolite/log.h>

/* Consoles show secrets; an existing file keeps its own mode. */
enum { FILE_MODE = 0600 };

struct char_file {
	struct iol_char chr;
	bool empties; /* a regular file, at the start */
};

static struct char_file *file_of(struct iol_char *chr)
{
	return iol_container_of(chr, struct char_file, chr);
}

/* Not before: a machine that cannot be made leaves the output of the last one alone. */
static void file_start(struct iol_char *chr)
{
	if (file_of(chr)->empties && ftruncate(chr->out_fd, 0))
		iol_log(IOL_LOG_WARN, "%s: cannot empty its file: %s", chr->name, strerror(errno));
}

static void file_free(struct iol_char *chr)
{
	g_free(file_of(chr));
}

static const struct iol_char_ops file_ops = {
	.name = "serial file",
	.start = file_start,
	.free = file_free,
};

static int refuse(const char *path, struct iol_error *err)
{
	int code = -errno;

	switch (code) {
	case -ENXIO:
		return iol_error_errno(err, code,
				       "cannot write to '%s': it is a pipe that nobody reads, or "
				       "a socket; start its reader first or, for a socket, use "
				       "unix:PATH,connect",
				       path);
	case -ENOENT:
		return iol_error_errno(err, code, "cannot write to '%s': make its folder first",
				       path);
	default:
		return iol_error_errno(err, code, "cannot write to '%s'", path);
	}
}

int iol_char_file_new(struct iol_loop *loop, const char *path, bool append, struct iol_char **chr,
		      struct iol_error *err)
{
	/* Without waiting for the reader of a pipe or for a modem. */
	int fd = open(path,
		      O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
			      (append ? O_APPEND : 0),
		      FILE_MODE);
	struct char_file *file;
	struct stat st;
	bool is_file;

	if (fd < 0)
		return refuse(path, err);
	is_file = !fstat(fd, &st) && S_ISREG(st.st_mode);
	file = g_new0(struct char_file, 1);
	file->empties = is_file && !append;
	iol_char_init(&file->chr, &file_ops, loop);
	file->chr.out_fd = fd;
	/* A file takes everything or fails: what stands still then is this process, for want of a processor. */
	file->chr.hold = is_file;
	*chr = &file->chr;
	return 0;
}
