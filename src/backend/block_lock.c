// SPDX-License-Identifier: Apache-2.0
/*
 * The lock on a disk's file: an open file description lock (fcntl(2), F_OFD_SETLK) over all of it,
 * which belongs to the descriptor and not to the process, and is gone with either. Runs on the loop's
 * thread, at start.
 */
#include "block_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iolite/leftover.h>
#include <iolite/log.h>

/* Only the descriptor that holds a lock shows it in its fdinfo. */
static bool holds_lock(const char *pid, const char *fd)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/fdinfo/%s", pid, fd);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "\nlock:");
}

static bool has_locked(const char *pid, const struct stat *file)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/fd", pid);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *fd;

	while (dir && (fd = g_dir_read_name(dir))) {
		g_autofree char *link = g_build_filename(path, fd, NULL);
		struct stat st;

		if (!stat(link, &st) && st.st_dev == file->st_dev && st.st_ino == file->st_ino &&
		    holds_lock(pid, fd))
			return true;
	}
	return false;
}

/* The process that holds a lock on @file, as text; NULL: not among those we may look into. */
static char *find_holder(const struct stat *file)
{
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *pid;

	while (dir && (pid = g_dir_read_name(dir))) {
		if (g_ascii_isdigit(pid[0]) && has_locked(pid, file))
			return g_strdup(pid);
	}
	return NULL;
}

/* Who keeps us from @lock, as text; NULL: nobody that we can see. */
static char *holder_of(int fd, struct flock lock)
{
	struct stat st;

	/* The kernel names the owner of the other kind of lock, which belongs to a process. */
	if (!fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK && lock.l_pid > 0)
		return g_strdup_printf("%d", (int)lock.l_pid);
	return fstat(fd, &st) ? NULL : find_holder(&st);
}

static int lock_error(const char *path, const char *pid, struct iol_error *err)
{
	g_autofree char *comm_path = NULL, *comm = NULL;

	if (!pid)
		return iol_error_set(
			err, -EBUSY,
			"%s: in use by another process, which has locked it; end that, or "
			"switch the disk's lock off",
			path);
	comm_path = g_strdup_printf("/proc/%s/comm", pid);
	if (g_file_get_contents(comm_path, &comm, NULL, NULL))
		g_strstrip(comm);
	return iol_error_set(
		err, -EBUSY,
		"%s: in use by process %s (%s), which has locked it; end that, or switch the "
		"disk's lock off",
		path, pid, comm ? comm : "name unknown");
}

int iol_block_lock(int fd, const char *path, bool exclusive, struct iol_error *err)
{
	const struct flock lock = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
	unsigned int looks = 0;
	int ret;

	while ((ret = fcntl(fd, F_OFD_SETLK, &lock) ? -errno : 0) == -EAGAIN || ret == -EACCES) {
		g_autofree char *pid = holder_of(fd, lock);

		if (pid || !iol_leftover_wait(&looks))
			return lock_error(path, pid, err);
	}
	if (!ret)
		return 0;
	iol_log(IOL_LOG_WARN, "%s: cannot be locked: %s; take care that nobody else uses it", path,
		strerror(-ret));
	return 0;
}
