// SPDX-License-Identifier: Apache-2.0
/*
 * Files that go into guest memory. See include/iolite/image.h. Runs on the loop's thread, at start
 * and at each reset.
 *
 * The file may be hostile and may change under us: it is opened without blocking (a FIFO must not
 * hold us), read with pread(2) only, and each range is checked against the size at opening. A file
 * that shrinks afterwards gives an error; one that is rewritten in place feeds the guest other
 * bytes, which is the guest's problem alone.
 */
#include <iolite/image.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a file that is not regular is, in words. */
static const char *kind_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	default:
		return "of an unknown kind";
	}
}

int iol_image_from_fd(struct iol_image *image, int fd, const char *name, struct iol_error *err)
{
	struct stat st;
	int rc;

	*image = (struct iol_image){ .fd = fd, .path = name };
	if (fstat(fd, &st)) {
		rc = iol_error_errno(err, -errno, "%s", name);
	} else if (!S_ISREG(st.st_mode)) {
		rc = iol_error_set(err, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
				   "%s: is %s; a regular file is needed", name,
				   kind_name(st.st_mode));
	} else if (st.st_size <= 0) {
		rc = iol_error_set(err, -EINVAL, "%s: the file is empty", name);
	} else {
		image->size_bytes = (uint64_t)st.st_size;
		return 0;
	}
	iol_image_close(image);
	return rc;
}

static int refuse(const char *path, int code, struct iol_error *err)
{
	switch (code) {
	case -ENOENT:
		return iol_error_errno(err, code, "%s: name a file that is there", path);
	case -EACCES:
		return iol_error_errno(err, code, "%s: let this account read it (chmod, chown)",
				       path);
	default:
		return iol_error_errno(err, code, "%s", path);
	}
}

int iol_image_open(struct iol_image *image, const char *path, struct iol_error *err)
{
	int fd;

	*image = (struct iol_image){ .fd = -1, .path = path };
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return refuse(path, -errno, err);
	return iol_image_from_fd(image, fd, path, err);
}

void iol_image_close(struct iol_image *image)
{
	iol_fd_close(&image->fd);
	image->size_bytes = 0;
}

int iol_image_read(const struct iol_image *image, uint64_t offset, void *buf, uint64_t len,
		   struct iol_error *err)
{
	uint8_t *to = buf;
	ssize_t got;

	if (offset > image->size_bytes || len > image->size_bytes - offset)
		return iol_error_set(err, -EINVAL,
				     "%s: bytes 0x%" PRIx64 " to 0x%" PRIx64
				     " are needed, the file has 0x%" PRIx64 " (truncated?)",
				     image->path, offset, offset + len, image->size_bytes);
	while (len) {
		got = pread(image->fd, to, len, (off_t)offset);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return iol_error_errno(err, -errno, "%s: read at 0x%" PRIx64, image->path,
					       offset);
		}
		if (got == 0)
			return iol_error_set(err, -EIO,
					     "%s: the file became shorter than its 0x%" PRIx64
					     " bytes while in use",
					     image->path, image->size_bytes);
		to += got;
		offset += (uint64_t)got;
		len -= (uint64_t)got;
	}
	return 0;
}

int iol_image_load(const struct iol_image *image, uint64_t offset, uint64_t len,
		   const struct iol_memory *mem, uint64_t gpa, struct iol_error *err)
{
	void *to;

	if (!len)
		return 0;
	to = iol_memory_ptr(mem, gpa, len);
	if (!to)
		return iol_error_set(err, -ENOSPC,
				     "%s: 0x%" PRIx64 " bytes at guest address 0x%" PRIx64
				     " are not all in RAM; give the guest more memory",
				     image->path, len, gpa);
	return iol_image_read(image, offset, to, len, err);
}
