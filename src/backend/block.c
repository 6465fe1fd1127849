// SPDX-License-Identifier: Apache-2.0
/*
 * What all block backends have in common: the check of a request against the limits, and the count
 * of what is in flight. See include/iolite/block.h. All of it runs on the loop's thread.
 *
 * A hostile guest chooses ranges and parts of requests: nothing that is not within the limits gets
 * to a backend.
 */
#include <iolite/block.h>

#include <assert.h>
#include <errno.h>
#include <glib.h>

void iol_block_init(struct iol_block *blk, const struct iol_block_ops *ops, struct iol_loop *loop,
		    const char *name)
{
	*blk = (struct iol_block){ .ops = ops, .loop = loop, .name = g_strdup(name) };
}

static bool range_ok(const struct iol_block *blk, const struct iol_block_req *req)
{
	const uint64_t size = blk->limits.size_bytes;

	return !(req->offset_bytes % IOL_BLOCK_SECTOR_BYTES) &&
	       !(req->len_bytes % IOL_BLOCK_SECTOR_BYTES) && req->offset_bytes <= size &&
	       req->len_bytes <= size - req->offset_bytes;
}

/* The parts of a read or write make up its length. */
static bool parts_ok(const struct iol_block *blk, const struct iol_block_req *req)
{
	uint64_t sum = 0;

	if (req->iov_count > blk->limits.iov_max)
		return false;
	/* The parts are memory that exists: their sum does not wrap. */
	for (unsigned int i = 0; i < req->iov_count; i++)
		sum += req->iov[i].iov_len;
	return sum == req->len_bytes;
}

static int check(const struct iol_block *blk, const struct iol_block_req *req)
{
	const struct iol_block_limits *limits = &blk->limits;

	if (req->kind == IOL_BLOCK_FLUSH)
		return 0;
	if (!range_ok(blk, req))
		return -EINVAL;
	if (limits->read_only && req->kind != IOL_BLOCK_READ)
		return -EROFS;
	switch (req->kind) {
	case IOL_BLOCK_READ:
	case IOL_BLOCK_WRITE:
		return parts_ok(blk, req) ? 0 : -EINVAL;
	case IOL_BLOCK_DISCARD:
		if (!limits->discard)
			return -EOPNOTSUPP;
		break;
	case IOL_BLOCK_WRITE_ZEROES:
		if (!limits->write_zeroes)
			return -EOPNOTSUPP;
		break;
	default:
		return -EINVAL;
	}
	return req->len_bytes <= limits->range_bytes_max ? 0 : -EINVAL;
}

bool iol_block_submit(struct iol_block *blk, struct iol_block_req *req)
{
	req->owner = blk;
	req->next = NULL;
	req->done_bytes = 0;
	req->state = 0;
	req->tag = 0;
	req->res = check(blk, req);
	/* Nothing to transfer is nothing that can fail; no backend sees such a request. */
	if (req->res || (req->kind != IOL_BLOCK_FLUSH && !req->len_bytes))
		return true;
	blk->in_flight++;
	if (!blk->ops->submit(blk, req))
		return false;
	assert(blk->in_flight);
	blk->in_flight--;
	return true;
}

void iol_block_complete(struct iol_block *blk, struct iol_block_req *req, int res)
{
	req->res = res;
	/* Whoever handed it on is done with it too, before the caller may send the next. */
	for (; blk; blk = blk->wrapper) {
		assert(blk->in_flight);
		blk->in_flight--;
	}
	req->done(req);
}

void iol_block_cancel_all(struct iol_block *blk)
{
	if (blk->ops->cancel_all)
		blk->ops->cancel_all(blk);
}

bool iol_block_refresh(struct iol_block *blk)
{
	return blk->ops->refresh && blk->ops->refresh(blk);
}

int iol_block_grow(struct iol_block *blk, uint64_t size_bytes)
{
	if (blk->limits.read_only)
		return -EROFS;
	return blk->ops->grow ? blk->ops->grow(blk, size_bytes) : -ENOTSUP;
}

void iol_block_free(struct iol_block *blk)
{
	char *name;

	if (!blk)
		return;
	assert(!blk->in_flight);
	name = blk->name;
	blk->ops->free(blk);
	g_free(name);
}
