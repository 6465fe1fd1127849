/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in pieces: what the network backends do with iovecs. Runs on the loop's thread. */
#ifndef IOLITE_BACKEND_NET_IOV_H
#define IOLITE_BACKEND_NET_IOV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Sum of the lengths. */
size_t iol_iov_bytes(const struct iovec *iov, unsigned int count);

/* @iov without its first @skip bytes, into @out, which has room for @count parts. Returns how many there are. */
unsigned int iol_iov_skip(struct iovec *out, const struct iovec *iov, unsigned int count,
			  size_t skip);

/* Copies to and from @iov at @offset; what does not fit is left out. Returns the bytes copied. */
size_t iol_iov_scatter(const struct iovec *iov, unsigned int count, size_t offset, const void *data,
		       size_t len);
size_t iol_iov_gather(const struct iovec *iov, unsigned int count, size_t offset, void *data,
		      size_t len);

/*
 * For a backend without offloads. The bytes of the frame in @iov, without the header; -EINVAL: its header asks for
 * checksums or segments, or the frame has no Ethernet header. -EMSGSIZE: longer than @max_bytes.
 */
ssize_t iol_iov_plain_frame(const struct iovec *iov, unsigned int count, size_t max_bytes);

#endif
