// SPDX-License-Identifier: Apache-2.0
/* Child processes of network backends: what they have, how they end, and that none stays. */
#include "backend/net_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_rig.h"

struct fixture {
	struct iol_loop loop;
	struct net_child child;
	int ours, theirs;
	unsigned int ended;
};

static void setup(struct fixture *f, gconstpointer data)
{
	struct iol_error err;
	int pair[2];

	(void)data;
	g_assert_cmpint(iol_loop_init(&f->loop, &err), ==, 0);
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	f->ours = pair[0];
	f->theirs = pair[1];
}

static void teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	iol_net_child_finish(&f->child);
	iol_net_child_finish(&f->child); /* of none */
	g_assert_cmpint(net_child_of(getpid()), ==, 0);
	iol_fd_close(&f->ours);
	iol_fd_close(&f->theirs);
	iol_loop_finish(&f->loop);
}

/* 0 in the child. */
static pid_t start(struct fixture *f, int out, int errors)
{
	struct iol_error err = { 0 };
	pid_t pid = iol_net_child_fork(&f->child, &f->loop, f->theirs, out, errors, &err);

	if (pid < 0)
		g_error("%s", err.msg);
	return pid;
}

static void ended(struct net_child *child)
{
	iol_container_of(child, struct fixture, child)->ended++;
}

static void test_exit_status(struct fixture *f, gconstpointer data)
{
	char reason[IOL_NET_REASON_BYTES];

	(void)data;
	if (!start(f, -1, -1))
		_exit(42);
	iol_net_child_watch(&f->child, ended);
	NET_TURN_UNTIL(&f->loop, f->ended);
	g_assert_cmpint(f->child.pid, ==, 0);
	g_assert_cmpstr(iol_net_child_reason(&f->child, reason), ==, "exit status 42");
	net_turn_for(&f->loop, 40);
	g_assert_cmpuint(f->ended, ==, 1);
}

static void test_kill(struct fixture *f, gconstpointer data)
{
	char reason[IOL_NET_REASON_BYTES];

	(void)data;
	if (!start(f, -1, -1))
		for (;;)
			pause();
	iol_net_child_watch(&f->child, ended);
	iol_net_child_grace(&f->child, 0);
	net_turn(&f->loop);
	g_assert_cmpuint(f->ended, ==, 0);
	iol_net_child_kill(&f->child);
	NET_TURN_UNTIL(&f->loop, f->ended);
	g_assert_cmpstr(iol_net_child_reason(&f->child, reason), ==, "signal 9 (Killed)");
}

/* One that is watched, one that is not, one that has ended by then: teardown finishes them. */
static void test_finish(struct fixture *f, gconstpointer data)
{
	unsigned int fds = net_open_fds();

	(void)data;
	for (unsigned int i = 0; i < 3; i++) {
		if (!start(f, -1, -1)) {
			while (i < 2)
				pause();
			_exit(0);
		}
		if (i == 0)
			iol_net_child_watch(&f->child, ended);
		if (i == 2)
			iol_net_child_grace(&f->child, 10000);
		iol_net_child_finish(&f->child);
		g_assert_cmpint(net_child_of(getpid()), ==, 0);
		g_assert_cmpuint(f->ended, ==, 0);
	}
	g_assert_cmpuint(net_open_fds(), ==, fds);
}

/* What a child finds wrong, as its exit status; 0: all is as promised. */
static int look_around(void)
{
	struct sigaction action;
	sigset_t mask;
	char byte = 'x';

	for (int fd = 0; fd <= IOL_NET_CHILD_FD; fd++)
		if (fcntl(fd, F_GETFD))
			return 10 + fd; /* not open, or closed when a program is executed */
	for (int fd = IOL_NET_CHILD_FD + 1; fd < 200; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 20;
	sigaction(SIGUSR1, NULL, &action);
	if (action.sa_handler != SIG_DFL)
		return 21;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	if (sigismember(&mask, SIGTERM))
		return 22;
	if (getpgrp() != getpid())
		return 23;
	if (read(STDIN_FILENO, &byte, 1))
		return 24;
	return write(IOL_NET_CHILD_FD, &byte, 1) == 1 ? 0 : 25;
}

static void test_surroundings(struct fixture *f, gconstpointer data)
{
	char reason[IOL_NET_REASON_BYTES], byte = 0;
	int extra = fcntl(f->ours, F_DUPFD, 150);
	sigset_t mask;

	(void)data;
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	if (!start(f, -1, -1))
		_exit(look_around());
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	iol_net_child_watch(&f->child, ended);
	NET_TURN_UNTIL(&f->loop, f->ended);
	g_assert_cmpstr(iol_net_child_reason(&f->child, reason), ==, "exit status 0");
	g_assert_cmpint(recv(f->ours, &byte, 1, MSG_DONTWAIT), ==, 1);
	g_assert_cmpint(byte, ==, 'x');
	iol_fd_close(&extra);
}

static ssize_t read_some(int fd, char *text, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	g_assert_cmpint(poll(&pfd, 1, 10000), ==, 1);
	return read(fd, text, size);
}

static void test_execute(struct fixture *f, gconstpointer data)
{
	char *const missing[] = { (char[]){ "no-such-program-77" }, NULL };
	char *const shell[] = { (char[]){ "sh" }, (char[]){ "-c" },
				(char[]){ "echo out; echo err >&2; exit 3" }, NULL };
	char reason[IOL_NET_REASON_BYTES], text[32] = "";
	int out[2], errors[2];

	(void)data;
	g_assert_cmpint(pipe2(out, O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(errors, O_CLOEXEC), ==, 0);
	if (!start(f, out[1], errors[1]))
		iol_net_child_execute(missing);
	g_assert_cmpint(read_some(out[0], text, sizeof(text) - 1), ==, 3);
	g_assert_cmpstr(text, ==, "E2\n"); /* ENOENT */
	iol_net_child_grace(&f->child, 10000);
	g_assert_cmpstr(iol_net_child_reason(&f->child, reason), ==, "exit status 127");

	if (!start(f, out[1], errors[1]))
		iol_net_child_execute(shell);
	memset(text, 0, sizeof(text));
	g_assert_cmpint(read_some(out[0], text, sizeof(text) - 1), ==, 4);
	g_assert_cmpstr(text, ==, "out\n");
	memset(text, 0, sizeof(text));
	g_assert_cmpint(read_some(errors[0], text, sizeof(text) - 1), ==, 4);
	g_assert_cmpstr(text, ==, "err\n");
	iol_net_child_grace(&f->child, 10000);
	g_assert_cmpstr(iol_net_child_reason(&f->child, reason), ==, "exit status 3");
	for (unsigned int i = 0; i < 2; i++) {
		iol_fd_close(&out[i]);
		iol_fd_close(&errors[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{ "/net-child/exit-status", test_exit_status },
		{ "/net-child/kill", test_kill },
		{ "/net-child/finish", test_finish },
		{ "/net-child/surroundings", test_surroundings },
		{ "/net-child/execute", test_execute },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
