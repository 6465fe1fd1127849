/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gzip file (RFC 1952), or one inside another file, unpacked in steps into whatever memory the caller has:
 * it decides how much that may be, so no file makes us take more. One member; its CRC and length are checked.
 */
#ifndef IOLITE_GZIP_H
#define IOLITE_GZIP_H

#include <iolite/image.h>

struct iol_gzip;

/* True when the two bytes at @offset are those that gzip begins with. */
bool iol_gzip_probe(const struct iol_image *image, uint64_t offset);

/* Reads [offset, offset + bytes) of @image, borrowed. -EINVAL when that is not inside the file. */
int iol_gzip_open(const struct iol_image *image, uint64_t offset, uint64_t bytes,
		  struct iol_gzip **gz, struct iol_error *err);
/* NULL is fine. */
void iol_gzip_close(struct iol_gzip *gz);

/*
 * Unpacks the next @len bytes to @buf; @got gets how many, less only at the end of the data. -EINVAL with a text
 * that starts with the path: damaged, cut short, or with something behind it.
 */
int iol_gzip_read(struct iol_gzip *gz, void *buf, uint64_t len, uint64_t *got,
		  struct iol_error *err);

/*
 * Unpacks all of @image into a file without a name, which @unpacked gets and owns; its path is borrowed from
 * @image. As above; -E2BIG when it has more than @bytes_max, -EINVAL when it has none.
 */
int iol_gzip_unpack(const struct iol_image *image, uint64_t bytes_max, struct iol_image *unpacked,
		    struct iol_error *err);

#endif
