// SPDX-License-Identifier: Apache-2.0
/*
 * A network by passt(1), which connects a guest to the host's network without privileges: one that runs, at the path of
 * its socket, or one of our own, which gets its end of a socket pair. See net_stream.h for the frames. Runs on the
 * loop's thread.
 *
 * passt is the peer: what it sends is as hostile as anybody's. Ours is ended when it leaves its socket, and with us.
 */
#include "net_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_child.h"

/* To look at its interfaces and to confine itself takes it some 20 ms. */
enum { START_MS = 10000 };

struct net_passt {
	struct net_stream stream;
	struct net_child child;
	bool dropped; /* it went from its socket before it ended */
};

/*
 * What passt says on its standard error, in memory of a fixed size: at its start that is for the error's text, and
 * later nobody's, as it has the system's log.
 */
enum { SAYINGS_BYTES = 16384 };

static void passt_ended(struct net_child *child)
{
	struct net_passt *passt = iol_container_of(child, struct net_passt, child);
	char reason[IOL_NET_REASON_BYTES];

	iol_log(IOL_LOG_WARN, "%s: passt ended: %s%s; the link is down", passt->stream.net.name,
		iol_net_child_reason(child, reason),
		passt->dropped ? ", after it left its socket" : "");
	iol_net_stream_lose(&passt->stream);
}

/* It is of no use without its socket. Mostly it is about to end by itself, for a reason that stands then. */
static void passt_gone(struct net_stream *stream)
{
	struct net_passt *passt = iol_container_of(stream, struct net_passt, stream);

	passt->dropped = passt->child.pid != 0;
	iol_net_child_kill(&passt->child);
}

/*
 * passt writes its process id when it has begun, and it has no other way to tell. Newer ones close all descriptors but
 * the standard ones, and as root it is another user by then: hence its standard output, which everybody may open.
 */
static void __attribute__((noreturn)) become_passt(void)
{
	static char program[] = "passt", foreground[] = "--foreground", quiet[] = "--quiet",
		    socket[] = "--fd", number[] = "3", pid[] = "--pid", where[] = "/dev/stdout";
	char *const argv[] = { program, foreground, quiet, socket, number, pid, where, NULL };

	G_STATIC_ASSERT(IOL_NET_CHILD_FD == 3);
	iol_net_child_execute(argv);
}

static int make_sayings(void)
{
	int fd = memfd_create("passt", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, SAYINGS_BYTES) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK))
		iol_fd_close(&fd);
	return fd;
}

/* The line that tells what was wrong: one that begins with its name, before its help; else the last one. */
static char *telling_line(int sayings)
{
	g_autofree char *text = g_malloc0(SAYINGS_BYTES + 1);
	g_auto(GStrv) lines = NULL;
	const char *found = "";

	if (pread(sayings, text, SAYINGS_BYTES, 0) < 0)
		return g_strdup("");
	lines = g_strsplit(text, "\n", 0);
	for (char **line = lines; *line; line++) {
		if (!**line || g_str_has_prefix(*line, "Failed to send")) /* to a system's log */
			continue;
		found = *line;
		if (g_str_has_prefix(found, "passt: "))
			break;
	}
	return g_strdup(found);
}

static int start_failed(struct net_passt *passt, const char *said, int sayings,
			struct iol_error *err)
{
	g_autofree char *line = NULL;
	char reason[IOL_NET_REASON_BYTES];
	int error = said[0] == 'E' ? atoi(said + 1) : 0;

	/* Its end of the pipe is closed, so it ends or has ended. */
	iol_net_child_grace(&passt->child, 1000);
	iol_net_child_finish(&passt->child);
	if (error == ENOENT)
		return iol_error_set(
			err, -ENOENT,
			"there is no program passt: apt install passt, or give path= of "
			"one that runs");
	if (error)
		return iol_error_errno(err, -error, "cannot start passt");
	line = telling_line(sayings);
	return iol_error_set(err, -EIO, "passt did not start: %s (%s)", line,
			     iol_net_child_reason(&passt->child, reason));
}

/* Until it says that it has begun, or ends. */
static int await_start(struct net_passt *passt, int pipe_fd, int sayings, struct iol_error *err)
{
	uint64_t end_ns = iol_loop_now_ns() + START_MS * IOL_NS_PER_MS, now_ns;
	struct pollfd pfd = { .fd = pipe_fd, .events = POLLIN };
	char said[32] = "";

	do {
		now_ns = iol_loop_now_ns();
		if (now_ns >= end_ns)
			return iol_error_set(err, -ETIMEDOUT, "passt did not start within %d s",
					     START_MS / 1000);
	} while (poll(&pfd, 1, (int)((end_ns - now_ns) / IOL_NS_PER_MS) + 1) <= 0);
	if (read(pipe_fd, said, sizeof(said) - 1) > 0 && g_ascii_isdigit(said[0]))
		return 0;
	return start_failed(passt, said, sayings, err);
}

static int start_passt(struct net_passt *passt, struct iol_error *err)
{
	iol_auto(iol_fd_close) int theirs = -1, in = -1, out = -1, sayings = -1;
	int pair[2], pipes[2], ret;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return iol_error_errno(err, -errno, "cannot make sockets for passt");
	passt->stream.fd = pair[0];
	theirs = pair[1];
	if (pipe2(pipes, O_CLOEXEC))
		return iol_error_errno(err, -errno, "cannot make a pipe for passt");
	in = pipes[0];
	out = pipes[1];
	if (fchmod(out, 0666))
		return iol_error_errno(err, -errno, "cannot open a pipe to passt");

	sayings = make_sayings();
	if (sayings < 0)
		return iol_error_errno(err, -errno, "cannot make memory for passt's messages");

	pid = iol_net_child_fork(&passt->child, passt->stream.net.loop, theirs, out, sayings, err);
	if (!pid)
		become_passt();
	if (pid < 0)
		return (int)pid;
	iol_fd_close(&out);
	ret = await_start(passt, in, sayings, err);
	if (ret)
		return ret;
	passt->stream.gone = passt_gone;
	iol_net_child_watch(&passt->child, passt_ended);
	iol_net_stream_attach(&passt->stream, passt->stream.fd);
	return 0;
}

static void passt_free(struct iol_net *net)
{
	struct net_passt *passt = iol_container_of(net, struct net_passt, stream.net);

	iol_net_child_finish(&passt->child);
	iol_net_stream_finish(&passt->stream);
	g_free(passt);
}

static const struct iol_net_ops passt_ops = {
	.name = "passt",
	.receive = iol_net_stream_receive,
	.send = iol_net_stream_send,
	.await = iol_net_stream_await,
	.free = passt_free,
};

int iol_net_passt_new(struct iol_loop *loop, const struct iol_net_stream_config *config,
		      struct iol_net **net, struct iol_error *err)
{
	struct net_passt *passt = g_new0(struct net_passt, 1);
	int ret;

	iol_net_stream_init(&passt->stream, &passt_ops, loop, config->name);
	if (!config->path) {
		ret = start_passt(passt, err);
	} else {
		ret = iol_net_stream_connect(&passt->stream, config->path, false, err);
		if (ret == -ENOENT || ret == -ECONNREFUSED)
			ret = iol_error_set(err, ret,
					    "no passt listens at %s: start it with passt --socket "
					    "%s, or leave out path to have one started",
					    config->path, config->path);
	}
	if (ret) {
		iol_net_free(&passt->stream.net);
		return ret;
	}
	*net = &passt->stream.net;
	return 0;
}
