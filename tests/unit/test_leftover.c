// SPDX-License-Identifier: Apache-2.0
/* What a machine that has ended still holds for a moment is waited for: a disk's lock, a socket's path. A port: test_char_socket. */
#include <iolite/leftover.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/unix_path.h>

#include "backend/block_lock.h"

/* Of the second that is waited for. */
enum { KEPT_US = 100 * 1000 };

/*
 * A descriptor that no process has, as those in the table of a ring that is being taken apart: it is under way in a socket,
 * whose ends are closed later.
 */
struct kept {
	int ends[2];
	GThread *thread;
};

static void *let_go(void *opaque)
{
	struct kept *kept = opaque;

	g_usleep(KEPT_US);
	close(kept->ends[0]);
	close(kept->ends[1]);
	return NULL;
}

static void keep(struct kept *kept, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec byte = { .iov_base = control.bytes, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, kept->ends), ==, 0);
	g_assert_cmpint(sendmsg(kept->ends[0], &message, 0), ==, 1);
	close(fd);
}

static void keep_for_a_moment(struct kept *kept, int fd)
{
	keep(kept, fd);
	kept->thread = g_thread_new("let-go", let_go, kept);
}

static void test_bounded(void)
{
	unsigned int looks = 0, waits = 0;
	gint64 start = g_get_monotonic_time();

	while (iol_leftover_wait(&looks))
		waits++;
	g_assert_cmpuint(waits, >, 1);
	g_assert_cmpint(g_get_monotonic_time() - start, >=, G_USEC_PER_SEC);
}

static void test_lock(void)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("iolite-leftover-XXXXXX", &path, NULL);
	int other = open(path, O_RDWR | O_CLOEXEC);
	struct iol_error err;
	struct kept kept;

	g_assert_cmpint(iol_block_lock(other, path, true, &err), ==, 0);
	keep_for_a_moment(&kept, other);
	g_assert_cmpint(iol_block_lock(fd, path, true, &err), ==, 0);
	g_thread_join(kept.thread);

	/* One that stays is somebody's. */
	other = open(path, O_RDWR | O_CLOEXEC);
	keep(&kept, fd);
	g_assert_cmpint(iol_block_lock(other, path, true, &err), ==, -EBUSY);
	g_assert_nonnull(strstr(err.msg, "in use by another process, which has locked it"));
	let_go(&kept);
	close(other);
	g_remove(path);
}

static void test_path(void)
{
	g_autofree char *folder = g_dir_make_tmp("iolite-leftover-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "socket", NULL);
	struct iol_unix_path_file first = { 0 }, second = { 0 };
	struct iol_error err;
	struct kept kept;
	int fd = iol_unix_path_listen(path, 1, &first, &err);

	g_assert_cmpint(fd, >=, 0);
	keep_for_a_moment(&kept, fd);
	fd = iol_unix_path_listen(path, 1, &second, &err);
	g_assert_cmpint(fd, >=, 0);
	g_thread_join(kept.thread);
	close(fd);
	iol_unix_path_remove(&second);
	g_free(first.path);
	g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/leftover/bounded", test_bounded);
	g_test_add_func("/leftover/lock", test_lock);
	g_test_add_func("/leftover/path", test_path);
	return g_test_run();
}
