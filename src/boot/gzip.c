// SPDX-License-Identifier: Apache-2.0
/*
 * gzip files in steps. See include/iolite/gzip.h. (RFC 1951, RFC 1952, by zlib.) Runs on the loop's thread.
 *
 * The file is hostile. zlib keeps some 40 KiB of its own and writes nowhere but into the buffer that it is
 * given; how much comes out is its caller's to limit.
 */
#include <iolite/gzip.h>

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <iolite/size.h>

enum {
	INPUT_BYTES = 64 * 1024,
	GZIP_ONLY = 16, /* inflateInit2: a gzip header, no other */
	READ_ONCE_MAX = 1 << 30, /* zlib counts in unsigned int */
};

struct iol_gzip {
	const struct iol_image *image;
	uint64_t offset, bytes; /* of what was not yet read from the file */
	z_stream z;
	bool at_end; /* of the member, which was found to be good */
	uint8_t input[INPUT_BYTES];
};

bool iol_gzip_probe(const struct iol_image *image, uint64_t offset)
{
	uint8_t magic[2];

	return !iol_image_read(image, offset, magic, sizeof(magic), NULL) && magic[0] == 0x1f &&
	       magic[1] == 0x8b;
}

int iol_gzip_open(const struct iol_image *image, uint64_t offset, uint64_t bytes,
		  struct iol_gzip **gz, struct iol_error *err)
{
	struct iol_gzip *new;

	if (offset > image->size_bytes || bytes > image->size_bytes - offset)
		return iol_error_set(err, -EINVAL,
				     "%s: truncated: 0x%" PRIx64 " bytes of gzip data at 0x%" PRIx64
				     " are needed, the file has 0x%" PRIx64 " bytes",
				     image->path, bytes, offset, image->size_bytes);
	new = g_new0(struct iol_gzip, 1);
	new->image = image;
	new->offset = offset;
	new->bytes = bytes;
	if (inflateInit2(&new->z, MAX_WBITS + GZIP_ONLY) != Z_OK) {
		g_free(new);
		return iol_error_set(err, -ENOMEM, "%s: no memory to unpack it", image->path);
	}
	*gz = new;
	return 0;
}

void iol_gzip_close(struct iol_gzip *gz)
{
	if (!gz)
		return;
	inflateEnd(&gz->z);
	g_free(gz);
}

static int refill(struct iol_gzip *gz, struct iol_error *err)
{
	uint64_t len = MIN(gz->bytes, INPUT_BYTES);
	int rc;

	if (gz->z.avail_in)
		return 0;
	if (!len)
		return iol_error_set(err, -EINVAL, "%s: the gzip data are cut short",
				     gz->image->path);
	rc = iol_image_read(gz->image, gz->offset, gz->input, len, err);
	if (rc)
		return rc;
	gz->offset += len;
	gz->bytes -= len;
	gz->z.next_in = gz->input;
	gz->z.avail_in = (unsigned int)len;
	return 0;
}

/* One step of zlib's, to a buffer with room. */
static int step(struct iol_gzip *gz, struct iol_error *err)
{
	uint64_t rest;
	int rc = refill(gz, err);

	if (rc)
		return rc;
	rc = inflate(&gz->z, Z_NO_FLUSH);
	if (rc == Z_OK)
		return 0;
	if (rc != Z_STREAM_END)
		return iol_error_set(err, rc == Z_MEM_ERROR ? -ENOMEM : -EINVAL,
				     "%s: the gzip data are damaged: %s", gz->image->path,
				     gz->z.msg ? gz->z.msg : zError(rc));
	rest = gz->z.avail_in + gz->bytes;
	if (rest)
		return iol_error_set(err, -EINVAL,
				     "%s: 0x%" PRIx64
				     " bytes follow the gzip data, which nothing reads",
				     gz->image->path, rest);
	gz->at_end = true;
	return 0;
}

int iol_gzip_read(struct iol_gzip *gz, void *buf, uint64_t len, uint64_t *got,
		  struct iol_error *err)
{
	uint8_t *to = buf;
	int rc;

	*got = 0;
	while (len && !gz->at_end) {
		unsigned int room = (unsigned int)MIN(len, READ_ONCE_MAX);

		gz->z.next_out = to;
		gz->z.avail_out = room;
		rc = step(gz, err);
		if (rc)
			return rc;
		room -= gz->z.avail_out;
		to += room;
		len -= room;
		*got += room;
	}
	return 0;
}

static int write_all(int fd, const uint8_t *from, uint64_t len, const char *path,
		     struct iol_error *err)
{
	while (len) {
		ssize_t put = write(fd, from, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return iol_error_errno(err, -errno, "%s: no memory to unpack it", path);
		from += put;
		len -= (uint64_t)put;
	}
	return 0;
}

static int unpack_to(struct iol_gzip *gz, uint64_t bytes_max, int fd, struct iol_error *err)
{
	char max[IOL_SIZE_TEXT_BYTES];
	g_autofree uint8_t *chunk = g_malloc(INPUT_BYTES);
	const char *path = gz->image->path;
	uint64_t total = 0, got;
	int rc;

	do {
		rc = iol_gzip_read(gz, chunk, INPUT_BYTES, &got, err);
		total += got;
		if (!rc && total > bytes_max)
			rc = iol_error_set(
				err, -E2BIG,
				"%s: unpacked: more than %s; unpack it first (gzip -d), and "
				"strip it (strip -g)",
				path, iol_size_format(bytes_max, max));
		if (!rc)
			rc = write_all(fd, chunk, got, path, err);
	} while (!rc && got == INPUT_BYTES);
	if (!rc && !total)
		rc = iol_error_set(err, -EINVAL, "%s: unpacked: there is nothing in it", path);
	return rc;
}

int iol_gzip_unpack(const struct iol_image *image, uint64_t bytes_max, struct iol_image *unpacked,
		    struct iol_error *err)
{
	struct iol_gzip *gz = NULL;
	int fd, rc;

	*unpacked = (struct iol_image){ .fd = -1 };
	fd = memfd_create("unpacked", MFD_CLOEXEC);
	if (fd < 0)
		return iol_error_errno(err, -errno, "%s: no memory to unpack it", image->path);
	rc = iol_gzip_open(image, 0, image->size_bytes, &gz, err);
	if (!rc)
		rc = unpack_to(gz, bytes_max, fd, err);
	iol_gzip_close(gz);
	if (!rc)
		return iol_image_from_fd(unpacked, fd, image->path, err);
	close(fd);
	return rc;
}
