// SPDX-License-Identifier: Apache-2.0
/*
 * A child process that a network backend keeps. See net_child.h. Runs on the loop's thread.
 *
 * The child serves a hostile guest and may be hostile itself, once that has taken it over: it gets one
 * descriptor and nothing of the machine's. The pages that io_uring shares with the kernel are left out of its memory, as
 * whoever writes there acts for us. What its user may do it may do, until it gives that up itself: passt does, and
 * net_user_confine.c for libslirp.
 */
#include "net_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A number below IOL_NET_CHILD_FD must not be in the way when descriptors are put into their places. */
static int out_of_the_way(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD, IOL_NET_CHILD_FD + 1);
}

static bool place_descriptors(int fd, int out, int errors)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	fd = out_of_the_way(fd);
	out = out_of_the_way(out >= 0 ? out : null);
	errors = out_of_the_way(errors >= 0 ? errors : STDERR_FILENO);
	null = out_of_the_way(null);
	if (fd < 0 || out < 0 || null < 0)
		return false;
	/* Standard error may be closed, and then stays so. */
	if (errors >= 0 && dup2(errors, STDERR_FILENO) < 0)
		return false;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(fd, IOL_NET_CHILD_FD) < 0)
		return false;
	/* By number: libc's function needs Linux 5.9, and so does this, which has no other meaning before. */
	return syscall(SYS_close_range, IOL_NET_CHILD_FD + 1, ~0U, 0) == 0;
}

/* Handlers of the parent's would run on its behalf; what it blocks and ignores is its own affair. */
static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child, and nothing that takes a lock. False: it has no reason to go on. */
static bool settle_in(pid_t parent, int fd, int out, int errors)
{
	reset_signals();
	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return false;
	/* The parent may have ended before the first of them. */
	return getppid() == parent && place_descriptors(fd, out, errors);
}

/*
 * A way to end the child which needs no right at the time: the child may be another user's by then (net_user_confine.c, passt),
 * and we without capabilities, or another user as well. The kernel sends the signal as for the one that asked for it here
 * (fcntl(2), F_SETOWN), root or the same user, when the pipe becomes readable.
 */
static int make_end(struct net_child *child, struct iol_error *err)
{
	if (pipe2(child->end_fds, O_CLOEXEC | O_NONBLOCK) ||
	    fcntl(child->end_fds[0], F_SETOWN, child->pid) ||
	    fcntl(child->end_fds[0], F_SETSIG, SIGKILL) ||
	    fcntl(child->end_fds[0], F_SETFL, O_ASYNC | O_NONBLOCK))
		return iol_error_errno(err, -errno, "cannot make a pipe that ends process %d",
				       (int)child->pid);
	return 0;
}

pid_t iol_net_child_fork(struct net_child *child, struct iol_loop *loop, int fd, int out,
			 int errors, struct iol_error *err)
{
	pid_t parent = getpid(), pid;

	*child = (struct net_child){ .loop = loop, .pidfd = -1, .end_fds = { -1, -1 } };
	/* Refused for a ring that is none (tests): then there are no such pages. */
	io_uring_ring_dontfork(&loop->ring);
	pid = fork();
	if (!pid) {
		if (!settle_in(parent, fd, out, errors))
			_exit(127);
		return 0;
	}
	if (pid < 0)
		return iol_error_errno(err, -errno, "cannot start a process for the network");
	child->pid = pid;
	child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (child->pidfd < 0) {
		int ret = iol_error_errno(err, -errno, "cannot watch process %d", (int)pid);

		iol_net_child_finish(child);
		return ret;
	}
	if (make_end(child, err)) {
		iol_net_child_finish(child);
		return err->code;
	}
	return pid;
}

void iol_net_child_execute(char *const *argv)
{
	execvp(argv[0], argv);
	dprintf(STDOUT_FILENO, "E%d\n", errno);
	_exit(127);
}

/* True: it has ended, and is gone. */
static bool reap(struct net_child *child, int flags)
{
	pid_t got;

	do
		got = waitpid(child->pid, &child->status, flags);
	while (got < 0 && errno == EINTR);
	if (!got)
		return false;
	if (got < 0)
		child->status = 0; /* somebody ignores SIGCHLD: the kernel took it away */
	child->pid = 0;
	iol_fd_close(&child->pidfd);
	iol_fd_close(&child->end_fds[0]);
	iol_fd_close(&child->end_fds[1]);
	return true;
}

static void child_done(struct iol_op *op, int res)
{
	struct net_child *child = iol_container_of(op, struct net_child, op);

	if (!child->pid || !child->ended || res == -ECANCELED)
		return;
	/* An error of the poll's: there is nothing to wait with, so it ends now. */
	if (res < 0)
		iol_net_child_kill(child);
	if (reap(child, res < 0 ? 0 : WNOHANG))
		child->ended(child);
	else
		iol_loop_poll(child->loop, &child->op, child->pidfd, POLLIN);
}

void iol_net_child_watch(struct net_child *child, void (*ended)(struct net_child *child))
{
	child->ended = ended;
	child->op.done = child_done;
	iol_loop_poll(child->loop, &child->op, child->pidfd, POLLIN);
}

void iol_net_child_kill(struct net_child *child)
{
	/* Where there is no pipe yet we have all our rights. */
	if (child->pid && (child->end_fds[1] < 0 || write(child->end_fds[1], "", 1) != 1))
		kill(child->pid, SIGKILL);
}

void iol_net_child_grace(struct net_child *child, int ms)
{
	struct pollfd pfd = { .fd = child->pidfd, .events = POLLIN };

	if (child->pid && poll(&pfd, 1, ms) > 0)
		reap(child, WNOHANG);
}

void iol_net_child_finish(struct net_child *child)
{
	if (child->op.in_flight) {
		child->ended = NULL;
		iol_loop_cancel(child->loop, &child->op);
		while (child->op.in_flight && iol_loop_turn(child->loop, true) == 0)
			;
	}
	iol_net_child_kill(child);
	if (child->pid)
		reap(child, 0);
}

char *iol_net_child_reason(const struct net_child *child, char text[IOL_NET_REASON_BYTES])
{
	if (WIFSIGNALED(child->status))
		snprintf(text, IOL_NET_REASON_BYTES, "signal %d (%s)", WTERMSIG(child->status),
			 strsignal(WTERMSIG(child->status)));
	else
		snprintf(text, IOL_NET_REASON_BYTES, "exit status %d", WEXITSTATUS(child->status));
	return text;
}
