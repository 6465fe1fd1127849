// SPDX-License-Identifier: Apache-2.0
/*
 * Frames in pieces. See net_iov.h. The parts may be memory of a guest that writes to it meanwhile: every byte is
 * read once, and no length comes out of it.
 */
#include "net_iov.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/net.h>

size_t iol_iov_bytes(const struct iovec *iov, unsigned int count)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

unsigned int iol_iov_skip(struct iovec *out, const struct iovec *iov, unsigned int count,
			  size_t skip)
{
	unsigned int parts = 0;

	for (unsigned int i = 0; i < count; i++) {
		size_t cut = MIN(skip, iov[i].iov_len);

		skip -= cut;
		if (cut == iov[i].iov_len)
			continue;
		out[parts++] = (struct iovec){ .iov_base = (uint8_t *)iov[i].iov_base + cut,
					       .iov_len = iov[i].iov_len - cut };
	}
	return parts;
}

enum direction { TO_IOV, FROM_IOV };

static size_t copy(const struct iovec *iov, unsigned int count, size_t offset, uint8_t *data,
		   size_t len, enum direction direction)
{
	size_t done = 0;

	for (unsigned int i = 0; i < count && done < len; i++) {
		size_t skip = MIN(offset, iov[i].iov_len);
		size_t part = MIN(iov[i].iov_len - skip, len - done);
		uint8_t *at = (uint8_t *)iov[i].iov_base + skip;

		offset -= skip;
		if (part && direction == TO_IOV)
			memcpy(at, data + done, part);
		else if (part)
			memcpy(data + done, at, part);
		done += part;
	}
	return done;
}

size_t iol_iov_scatter(const struct iovec *iov, unsigned int count, size_t offset, const void *data,
		       size_t len)
{
	/* Only read from, in this direction. */
	return copy(iov, count, offset, (uint8_t *)(uintptr_t)data, len, TO_IOV);
}

size_t iol_iov_gather(const struct iovec *iov, unsigned int count, size_t offset, void *data,
		      size_t len)
{
	return copy(iov, count, offset, data, len, FROM_IOV);
}

ssize_t iol_iov_plain_frame(const struct iovec *iov, unsigned int count, size_t max_bytes)
{
	size_t bytes = iol_iov_bytes(iov, count);
	/* flags and gso_type (virtio-v1.2 5.1.6): the rest counts with them only */
	uint8_t head[2] = { 0 };

	if (bytes < IOL_NET_HEADER_BYTES + IOL_NET_ETHERNET_BYTES)
		return -EINVAL;
	iol_iov_gather(iov, count, 0, head, sizeof(head));
	if (head[0] || head[1])
		return -EINVAL;
	bytes -= IOL_NET_HEADER_BYTES;
	return bytes > max_bytes ? -EMSGSIZE : (ssize_t)bytes;
}
