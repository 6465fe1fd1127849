// SPDX-License-Identifier: Apache-2.0
/* A supervisor's lock and state. See state_file.h. */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A supervisor that was killed keeps its lock until the kernel is done with it. */
enum { LOCK_LOOK_US = 10 * 1000, LOCK_LOOKS_MAX = 200, FILE_BYTES_MAX = 1024 * 1024 };

/* fcntl(2), "Open file description locks": it is gone with the last one who has it open. */
static int lock_whole(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* The lock of the file that is at the path now: another supervisor may just have removed it. */
static int try_lock(struct iol_state_file *file)
{
	struct stat ours, there;
	int ret;

	file->lock_fd = open(file->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->lock_fd < 0)
		return -errno;
	ret = lock_whole(file->lock_fd);
	if (!ret && (fstat(file->lock_fd, &ours) || stat(file->lock_path, &there) ||
		     ours.st_ino != there.st_ino || ours.st_dev != there.st_dev))
		ret = -EBUSY;
	if (ret)
		iol_fd_close(&file->lock_fd);
	return ret;
}

int iol_state_file_open(struct iol_state_file *file, const char *folder, const char *name,
			struct iol_error *err)
{
	int ret = -EBUSY;

	*file = (struct iol_state_file){
		.path = g_strdup_printf("%s/%s.state", folder, name),
		.lock_path = g_strdup_printf("%s/%s.lock", folder, name),
		.lock_fd = -1,
	};
	for (unsigned int i = 0; i < LOCK_LOOKS_MAX && ret == -EBUSY; i++) {
		if (i)
			g_usleep(LOCK_LOOK_US);
		ret = try_lock(file);
	}
	if (ret == -EBUSY)
		return iol_error_set(err, ret,
				     "the system '%.64s' has a supervisor already: `iolite down "
				     "%.64s` ends it, or give this one another name",
				     name, name);
	return ret ? iol_error_errno(err, ret, "%s", file->lock_path) : 0;
}

json_t *iol_state_file_read(const struct iol_state_file *file)
{
	g_autofree char *text = NULL;
	json_auto_t *whole = NULL;
	gsize len;

	if (!g_file_get_contents(file->path, &text, &len, NULL) || len > FILE_BYTES_MAX)
		return NULL;
	whole = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	return json_incref(json_object_get(whole, "partitions"));
}

bool iol_state_file_entry(const json_t *partitions, const char *name, struct iol_state_entry *entry)
{
	const json_t *value = json_object_get(partitions, name);

	if (!json_is_object(value))
		return false;
	*entry = (struct iol_state_entry){
		.pid = (pid_t)json_integer_value(json_object_get(value, "pid")),
		.ticks = (uint64_t)json_integer_value(json_object_get(value, "start-ticks")),
		.wanted = json_is_true(json_object_get(value, "wanted")),
		.has_run = json_is_true(json_object_get(value, "has-run")),
		.again = json_is_true(json_object_get(value, "again")),
		.restarts = (unsigned int)json_integer_value(json_object_get(value, "restarts")),
		.end.cause = (enum iol_partition_cause)CLAMP(
			json_integer_value(json_object_get(value, "cause")),
			IOL_PARTITION_NEVER_RAN, IOL_PARTITION_ENDED_LOST),
		.end.number = (int)json_integer_value(json_object_get(value, "cause-number")),
	};
	return true;
}

void iol_state_file_put(json_t *partitions, const char *name, const struct iol_state_entry *entry)
{
	json_object_set_new(partitions, name,
			    json_pack("{s:I, s:I, s:b, s:b, s:b, s:I, s:i, s:i}", "pid",
				      (json_int_t)entry->pid, "start-ticks",
				      (json_int_t)entry->ticks, "wanted", (int)entry->wanted,
				      "has-run", (int)entry->has_run, "again", (int)entry->again,
				      "restarts", (json_int_t)entry->restarts, "cause",
				      (int)entry->end.cause, "cause-number", entry->end.number));
}

/* Who is killed in the middle leaves the last one: the name is taken when all is there (rename(2)). */
static int replace(const char *path, const char *text, size_t len)
{
	g_autofree char *temporary = g_strconcat(path, ".new", NULL);
	iol_auto(iol_fd_close) int fd =
		open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t done;

	if (fd < 0)
		return -errno;
	errno = EIO; /* less than all */
	done = write(fd, text, len);
	if (done != (ssize_t)len || rename(temporary, path))
		return -errno;
	return 0;
}

int iol_state_file_write(const struct iol_state_file *file, json_t *partitions,
			 struct iol_error *err)
{
	json_auto_t *whole =
		json_pack("{s:i, s:O}", "supervisor", (int)getpid(), "partitions", partitions);
	char *text = json_dumps(whole, JSON_INDENT(1));
	int ret = replace(file->path, text, strlen(text));

	g_free(text);
	return ret ? iol_error_errno(err, ret, "%s", file->path) : 0;
}

void iol_state_file_close(struct iol_state_file *file, bool done)
{
	/* Under the lock: whoever waits for it looks whether its file is still there. */
	if (done && file->lock_fd >= 0) {
		unlink(file->path);
		unlink(file->lock_path);
	}
	iol_fd_close(&file->lock_fd);
	g_clear_pointer(&file->path, g_free);
	g_clear_pointer(&file->lock_path, g_free);
}
