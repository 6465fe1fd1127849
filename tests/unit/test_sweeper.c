// SPDX-License-Identifier: Apache-2.0
/* The process that removes names at the end of a machine. */
#include "sandbox/sweeper.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "confined.h"
#include "fd_count.h"

static char folder[] = "/tmp/iolite-sweeper-XXXXXX";

static char *name_of(const char *name)
{
	return g_build_filename(folder, name, NULL);
}

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	iol_fd_close(&fd);
}

static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static void start(pid_t *pid, int *fd)
{
	struct iol_error err = { 0 };

	if (iol_sweeper_start(pid, fd, &err))
		g_error("%s", err.msg);
}

static void names(void)
{
	g_autofree char *plain = name_of("plain"), *link = name_of("link"), *none = name_of("none");
	g_autofree char *taken = name_of("taken"), *other = name_of("other");
	char *const given[] = { plain, none, link, taken };
	struct iol_error err = { 0 };
	unsigned int fds = fd_count();
	pid_t pid;
	int fd;

	make(plain);
	make(taken);
	make(other);
	g_assert_cmpint(symlink(other, link), ==, 0);
	start(&pid, &fd);
	g_assert_cmpint(iol_sweeper_give(fd, given, G_N_ELEMENTS(given), &err), ==, 0);
	g_assert_true(is_there(plain));
	/* What was not there is not ours, and neither is what took a name. */
	make(none);
	g_assert_cmpint(rename(other, taken), ==, 0);
	make(other);
	iol_sweeper_finish(&pid, &fd);
	g_assert_cmpint(pid, ==, 0);
	g_assert_cmpint(fd, ==, -1);
	g_assert_false(is_there(plain));
	g_assert_false(is_there(link));
	g_assert_true(is_there(none));
	g_assert_true(is_there(taken));
	g_assert_true(is_there(other));
	iol_sweeper_finish(&pid, &fd);
	g_assert_cmpuint(fd_count(), ==, fds);
	unlink(none);
	unlink(taken);
	unlink(other);
}

/* Who takes the machine over has its end of the pipe. */
static void nothing_more(void)
{
	g_autofree char *ours = name_of("ours"), *others = name_of("others");
	char *const first[] = { ours }, *const second[] = { others };
	struct iol_error err = { 0 };
	pid_t pid;
	int fd;

	make(ours);
	make(others);
	start(&pid, &fd);
	g_assert_cmpint(iol_sweeper_give(fd, first, 1, &err), ==, 0);
	iol_sweeper_give(fd, second, 1, &err); /* that it may have ended by then is no matter */
	iol_sweeper_finish(&pid, &fd);
	g_assert_false(is_there(ours));
	g_assert_true(is_there(others));
	unlink(others);
}

/* One that has @ours, which is there, and nothing else. */
static void start_with(char *ours, pid_t *pid, int *fd)
{
	char *const given[] = { ours };
	struct iol_error err = { 0 };

	make(ours);
	start(pid, fd);
	g_assert_cmpint(iol_sweeper_give(*fd, given, 1, &err), ==, 0);
}

/* A machine that was killed leaves its names, and one that never ran has its own end. */
static void killed(void)
{
	g_autofree char *ours = name_of("ours");
	pid_t pid;
	int fd;

	start_with(ours, &pid, &fd);
	close(fd);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	g_assert_true(is_there(ours));
	start(&pid, &fd);
	iol_sweeper_finish(&pid, &fd);
	g_assert_true(is_there(ours));
	unlink(ours);
}

/* Signals to all of a service, or from a terminal, come before the machine's end. */
static void signals(void)
{
	static const int sent[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE };
	g_autofree char *ours = name_of("ours");
	pid_t pid;
	int fd;

	start_with(ours, &pid, &fd);
	/* From then on they are blocked. */
	for (int i = 0; i < 10000 && getpgid(pid) != pid; i++)
		g_usleep(1000);
	for (unsigned int i = 0; i < G_N_ELEMENTS(sent); i++)
		g_assert_cmpint(kill(pid, sent[i]), ==, 0);
	iol_sweeper_finish(&pid, &fd);
	g_assert_false(is_there(ours));
}

/* It is gone: an error, and no end of the machine by SIGPIPE. */
static void gone(void)
{
	g_autofree char *ours = name_of("ours");
	char *const given[] = { ours };
	struct iol_error err = { 0 };
	pid_t pid;
	int fd;

	make(ours);
	start(&pid, &fd);
	kill(pid, SIGKILL);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	g_assert_cmpint(iol_sweeper_give(fd, given, 1, &err), ==, -EPIPE);
	g_assert_nonnull(strstr(err.msg, "removes names at the end is gone"));
	pid = 0;
	iol_sweeper_finish(&pid, &fd);
	unlink(ours);
}

int main(int argc, char **argv)
{
	int ret;

	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN);
	g_assert_nonnull(mkdtemp(folder));
	g_test_add_func("/sweeper/names", names);
	g_test_add_func("/sweeper/nothing-more", nothing_more);
	g_test_add_func("/sweeper/killed", killed);
	g_test_add_func("/sweeper/signals", signals);
	g_test_add_func("/sweeper/gone", gone);
	ret = g_test_run();
	rmdir(folder);
	return ret;
}
