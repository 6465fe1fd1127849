// SPDX-License-Identifier: Apache-2.0
/*
 * Opening a file or block device as a disk: what it is, how large, what the host can do with it.
 * See include/iolite/block.h. Runs on the loop's thread, at start; no guest is near.
 *
 * The path may lead to anything: it is opened without blocking, and nothing in it is looked at.
 */
#include "block_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "block_lock.h"

enum {
	FILE_BLOCK_BYTES = 4096, /* where the host does not say */
	PREFERRED_BYTES_MAX = 64 * 1024, /* of physical_block_bytes */
	IOV_PARTS_MAX = 1024, /* UIO_MAXIOV */
};
/* Larger ranges come in parts, each of which can be cancelled. */
#define RANGE_BYTES_MAX IOL_GIB

static bool is_pow2(uint64_t x)
{
	return x && !(x & (x - 1));
}

static int open_error(const struct iol_block_raw_config *config, int code, struct iol_error *err)
{
	const char *path = config->path;

	switch (-code) {
	case ENOENT:
		return iol_error_set(err, code,
				     "%s: does not exist; create it, such as with truncate -s 10G",
				     path);
	case EISDIR:
		return iol_error_set(err, code,
				     "%s: is a directory; a regular file or block device is needed",
				     path);
	case EACCES:
	case EPERM:
	case EROFS:
		return iol_error_errno(
			err, code, "%s: cannot open it for %s%s", path,
			config->read_only ? "reading" : "writing",
			config->read_only ? "" : "; allow that or make the disk read-only");
	case EBUSY:
		return iol_error_set(
			err, code,
			"%s: in use by the host (mounted or part of a volume); unmount it, "
			"make the disk read-only, or switch its lock off",
			path);
	default:
		return iol_error_errno(err, code, "%s", path);
	}
}

/* O_NONBLOCK is for opening only: with it, reads and writes through the ring would not wait. */
static int open_path(const struct iol_block_raw_config *config, int flags)
{
	int fd = open(config->path, flags | (config->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC |
					    O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, flags & O_DIRECT);
	return fd;
}

static int check_kind(struct iol_block_raw *raw, const struct stat *st, struct iol_error *err)
{
	const char *kind = "of an unknown kind";

	raw->device = S_ISBLK(st->st_mode);
	if (raw->device || S_ISREG(st->st_mode))
		return 0;
	if (S_ISDIR(st->st_mode))
		kind = "a directory";
	else if (S_ISCHR(st->st_mode))
		kind = "a character device";
	else if (S_ISFIFO(st->st_mode))
		kind = "a pipe";
	return iol_error_set(err, -EINVAL, "%s: is %s; a regular file or block device is needed",
			     raw->blk.name, kind);
}

/*
 * A block device that the host itself uses (a mounted file system, a volume) refuses O_EXCL. That
 * takes a second open: for a file, O_EXCL has no meaning. The lock comes first, because it can tell
 * who holds it.
 */
static int claim(struct iol_block_raw *raw, const struct iol_block_raw_config *config,
		 struct iol_error *err)
{
	int ret = iol_block_lock(raw->fd, config->path, !config->read_only, err);
	int fd;

	if (ret || !raw->device || config->read_only)
		return ret;
	fd = open_path(config, O_EXCL);
	if (fd < 0)
		return open_error(config, fd, err);
	iol_fd_close(&raw->fd);
	raw->fd = fd;
	return iol_block_lock(raw->fd, config->path, true, err);
}

int iol_raw_size(const struct iol_block_raw *raw, uint64_t *bytes)
{
	struct stat st;

	if (raw->device)
		return ioctl(raw->fd, BLKGETSIZE64, bytes) ? -errno : 0;
	if (fstat(raw->fd, &st))
		return -errno;
	*bytes = (uint64_t)st.st_size;
	return 0;
}

static int learn_size(struct iol_block_raw *raw, struct iol_error *err)
{
	uint64_t bytes = 0, rest;
	int ret = iol_raw_size(raw, &bytes);

	if (ret)
		return iol_error_errno(err, ret, "%s: cannot read its size", raw->blk.name);
	if (!bytes)
		return iol_error_set(
			err, -EINVAL,
			raw->device ? "%s: has no medium (its size is 0)"
				    : "%s: is empty; give it a size, such as with truncate -s 10G",
			raw->blk.name);
	rest = bytes % IOL_BLOCK_SECTOR_BYTES;
	if (bytes == rest)
		return iol_error_set(err, -EINVAL,
				     "%s: has %" PRIu64 " bytes, less than a sector of 512; "
				     "enlarge it, such as with truncate -s 10G",
				     raw->blk.name, bytes);
	if (rest)
		iol_log(IOL_LOG_WARN,
			"%s: its last %" PRIu64 " bytes are no whole sector of 512 and are ignored",
			raw->blk.name, rest);
	raw->blk.limits.size_bytes = bytes - rest;
	return 0;
}

/* A number from /sys/dev/block/MAJOR:MINOR/queue, which a partition has one level up; 0: unknown. */
static uint64_t queue_limit(dev_t dev, const char *name)
{
	static const char *const places[] = { "queue", "../queue" };

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path = g_strdup_printf("/sys/dev/block/%u:%u/%s/%s", major(dev),
							minor(dev), places[i], name);
		g_autofree char *text = NULL;

		if (g_file_get_contents(path, &text, NULL, NULL))
			return g_ascii_strtoull(text, NULL, 10);
	}
	return 0;
}

static void learn_device_limits(struct iol_block_raw *raw, const struct stat *st)
{
	struct iol_block_limits *limits = &raw->blk.limits;
	unsigned int physical = 0, optimal = 0;
	int logical = 0;

	limits->logical_block_bytes = IOL_BLOCK_SECTOR_BYTES;
	if (!ioctl(raw->fd, BLKSSZGET, &logical) && logical > 0 && is_pow2((uint64_t)logical))
		limits->logical_block_bytes = (uint32_t)logical;
	limits->physical_block_bytes = limits->logical_block_bytes;
	if (!ioctl(raw->fd, BLKPBSZGET, &physical) && is_pow2(physical))
		limits->physical_block_bytes = MAX(physical, limits->logical_block_bytes);
	if (!ioctl(raw->fd, BLKIOOPT, &optimal))
		limits->optimal_io_bytes = optimal;
	raw->discard = queue_limit(st->st_rdev, "discard_max_bytes") != 0;
	limits->discard_align_bytes = (uint32_t)queue_limit(st->st_rdev, "discard_granularity");
	raw->punch = true;
}

/* Whether holes can be made, asked beyond the end of the file, where it changes nothing. */
static bool can_punch(const struct iol_block_raw *raw)
{
	uint64_t offset = IOL_ALIGN_UP(raw->blk.limits.size_bytes, 64 * IOL_KIB) + 64 * IOL_KIB;

	return !fallocate(raw->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			  FILE_BLOCK_BYTES);
}

static void learn_file_limits(struct iol_block_raw *raw, const struct stat *st)
{
	struct iol_block_limits *limits = &raw->blk.limits;
	uint64_t preferred = (uint64_t)st->st_blksize;

	limits->logical_block_bytes = IOL_BLOCK_SECTOR_BYTES;
	if (!is_pow2(preferred) || preferred < IOL_BLOCK_SECTOR_BYTES)
		preferred = FILE_BLOCK_BYTES;
	limits->physical_block_bytes = (uint32_t)MIN(preferred, PREFERRED_BYTES_MAX);
	raw->punch = !limits->read_only && can_punch(raw);
	limits->discard_align_bytes = raw->punch ? limits->physical_block_bytes : 0;
}

static void learn_limits(struct iol_block_raw *raw, const struct iol_block_raw_config *config,
			 const struct stat *st)
{
	struct iol_block_limits *limits = &raw->blk.limits;

	limits->read_only = config->read_only;
	limits->volatile_cache = !config->read_only && config->cache == IOL_BLOCK_WRITEBACK;
	if (raw->device)
		learn_device_limits(raw, st);
	else
		learn_file_limits(raw, st);
	raw->zero_range = true;
	limits->write_zeroes = !config->read_only;
	limits->discard =
		!config->read_only && config->discard && (raw->device ? raw->discard : raw->punch);
	/* Who switched discard off wants the place kept. */
	limits->write_zeroes_unmap = limits->discard && raw->punch;
	if (!limits->discard)
		limits->discard_align_bytes = 0;
	limits->range_bytes_max = RANGE_BYTES_MAX;
	limits->iov_max = IOV_PARTS_MAX;
}

/* The smallest of the usual blocks that a direct read takes; 0: none. */
static uint32_t probe_alignment(int fd)
{
	void *buf;
	uint32_t found = 0;

	if (posix_memalign(&buf, FILE_BLOCK_BYTES, FILE_BLOCK_BYTES))
		return 0;
	for (uint32_t block = IOL_BLOCK_SECTOR_BYTES; block <= FILE_BLOCK_BYTES; block *= 2) {
		if (pread(fd, buf, block, 0) < 0)
			continue;
		found = block;
		break;
	}
	free(buf);
	return found;
}

static void learn_alignment(struct iol_block_raw *raw)
{
	uint32_t probed;

#ifdef STATX_DIOALIGN
	struct statx stx;

	if (!statx(raw->direct_fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) &&
	    (stx.stx_mask & STATX_DIOALIGN)) {
		raw->direct_offset_align = stx.stx_dio_offset_align;
		raw->direct_mem_align = stx.stx_dio_mem_align;
		return;
	}
#endif
	/* Before Linux 6.1, or a file system that does not say: memory as strictly as offsets. */
	probed = probe_alignment(raw->direct_fd);
	raw->direct_offset_align = raw->device ? raw->blk.limits.logical_block_bytes : probed;
	raw->direct_mem_align = raw->direct_offset_align;
}

static int direct_error(const char *path, int code, struct iol_error *err)
{
	return iol_error_set(err, code,
			     "%s: its file system cannot go past the page cache (O_DIRECT); "
			     "switch direct off",
			     path);
}

static int open_direct(struct iol_block_raw *raw, const struct iol_block_raw_config *config,
		       const struct stat *st, struct iol_error *err)
{
	struct iol_block_limits *limits = &raw->blk.limits;
	struct stat again;

	raw->direct_fd = open_path(config, O_DIRECT);
	if (raw->direct_fd == -EINVAL)
		return direct_error(config->path, -EINVAL, err);
	if (raw->direct_fd < 0)
		return open_error(config, raw->direct_fd, err);
	if (fstat(raw->direct_fd, &again))
		return iol_error_errno(err, -errno, "%s", config->path);
	if (again.st_ino != st->st_ino || again.st_dev != st->st_dev ||
	    again.st_rdev != st->st_rdev)
		return iol_error_set(err, -EAGAIN,
				     "%s: was replaced while it was opened; try again",
				     config->path);
	learn_alignment(raw);
	if (!is_pow2(raw->direct_offset_align) || !is_pow2(raw->direct_mem_align))
		return direct_error(config->path, -EOPNOTSUPP, err);
	/* The guest had better know, but not lose the end of its disk over it. */
	if (!raw->device && !(limits->size_bytes & (raw->direct_offset_align - 1)) &&
	    raw->direct_offset_align > limits->logical_block_bytes) {
		limits->logical_block_bytes = raw->direct_offset_align;
		limits->physical_block_bytes =
			MAX(limits->physical_block_bytes, limits->logical_block_bytes);
	}
	return 0;
}

int iol_raw_open(struct iol_block_raw *raw, const struct iol_block_raw_config *config,
		 struct iol_error *err)
{
	struct stat st;
	int ret;

	raw->fd = open_path(config, 0);
	if (raw->fd < 0)
		return open_error(config, raw->fd, err);
	if (fstat(raw->fd, &st))
		return iol_error_errno(err, -errno, "%s", config->path);
	ret = check_kind(raw, &st, err);
	if (!ret && config->lock)
		ret = claim(raw, config, err);
	if (!ret)
		ret = learn_size(raw, err);
	if (ret)
		return ret;
	learn_limits(raw, config, &st);
	return config->direct ? open_direct(raw, config, &st, err) : 0;
}
