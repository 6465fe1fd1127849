// SPDX-License-Identifier: Apache-2.0
#include "backend/block_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct rig {
	char *path;
	int fd;
};

static void rig_init(struct rig *rig)
{
	rig->fd = g_file_open_tmp("iolite-lock-XXXXXX", &rig->path, NULL);
	g_assert_cmpint(rig->fd, >=, 0);
}

static void rig_finish(struct rig *rig)
{
	close(rig->fd);
	g_remove(rig->path);
	g_free(rig->path);
}

/*
 * A process that locks the file, in the way of one process (@posix) or of one descriptor, and keeps
 * it until it is killed.
 */
static pid_t hold(const char *path, bool posix, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	int ready[2];
	char byte;
	pid_t pid;

	g_assert_cmpint(pipe2(ready, O_CLOEXEC), ==, 0);
	pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (!pid) {
		int fd = open(path, O_RDWR | O_CLOEXEC);

		if (fcntl(fd, posix ? F_SETLK : F_OFD_SETLK, &lock) || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	close(ready[0]);
	return pid;
}

static void release(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_conflict_names_the_holder(void)
{
	g_autofree char *name = NULL;
	struct iol_error err;
	struct rig rig;

	g_assert_true(g_file_get_contents("/proc/self/comm", &name, NULL, NULL));
	rig_init(&rig);
	for (int posix = 0; posix < 2; posix++) {
		pid_t pid = hold(rig.path, posix, F_WRLCK);
		g_autofree char *who =
			g_strdup_printf("%s: in use by process %d (%s), which has locked it",
					rig.path, (int)pid, g_strstrip(name));

		for (int exclusive = 0; exclusive < 2; exclusive++) {
			g_assert_cmpint(iol_block_lock(rig.fd, rig.path, exclusive, &err), ==,
					-EBUSY);
			g_assert_nonnull(strstr(err.msg, who));
		}
		release(pid);
		g_assert_cmpint(iol_block_lock(rig.fd, rig.path, true, &err), ==, 0);
		close(rig.fd);
		rig.fd = open(rig.path, O_RDWR | O_CLOEXEC);
	}
	rig_finish(&rig);
}

/* A second descriptor of the same process conflicts as well: two disks on one file. */
static void test_same_process(void)
{
	struct iol_error err;
	struct rig rig;
	int other;

	rig_init(&rig);
	other = open(rig.path, O_RDWR | O_CLOEXEC);
	g_assert_cmpint(iol_block_lock(rig.fd, rig.path, true, &err), ==, 0);
	g_assert_cmpint(iol_block_lock(other, rig.path, true, &err), ==, -EBUSY);
	g_assert_cmpint(iol_block_lock(other, rig.path, false, &err), ==, -EBUSY);
	close(other);
	rig_finish(&rig);
}

static void test_readers_share(void)
{
	struct iol_error err;
	struct rig rig;
	int reader, writer;
	pid_t pid;

	rig_init(&rig);
	pid = hold(rig.path, false, F_RDLCK);
	reader = open(rig.path, O_RDONLY | O_CLOEXEC);
	writer = open(rig.path, O_RDWR | O_CLOEXEC);
	g_assert_cmpint(iol_block_lock(reader, rig.path, false, &err), ==, 0);
	g_assert_cmpint(iol_block_lock(writer, rig.path, true, &err), ==, -EBUSY);
	release(pid);
	close(reader);
	g_assert_cmpint(iol_block_lock(writer, rig.path, true, &err), ==, 0);
	close(writer);
	rig_finish(&rig);
}

/* What cannot be locked at all is no reason to fail. */
static void test_no_locks_here(void)
{
	struct iol_error err;
	int fd = open("/", O_PATH | O_CLOEXEC);

	g_assert_cmpint(iol_block_lock(fd, "/", true, &err), ==, 0);
	close(fd);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-lock/conflict-names-the-holder", test_conflict_names_the_holder);
	g_test_add_func("/block-lock/same-process", test_same_process);
	g_test_add_func("/block-lock/readers-share", test_readers_share);
	g_test_add_func("/block-lock/no-locks-here", test_no_locks_here);
	return g_test_run();
}
