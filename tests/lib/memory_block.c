// SPDX-License-Identifier: Apache-2.0
/* A block backend of memory. See memory_block.h. */
#include "memory_block.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum {
	GUARD_BYTES = 4096,
	GUARD = 0xc5,
	SPOILED = 0xa5,
};

static struct memory_block *memory_of(struct iol_block *blk)
{
	return iol_container_of(blk, struct memory_block, blk);
}

static void move(struct memory_block *mb, struct iol_block_req *req)
{
	uint8_t *at = mb->data + req->offset_bytes;

	for (unsigned int i = 0; i < req->iov_count; i++) {
		struct iovec *part = &req->iov[i];

		if (req->kind == IOL_BLOCK_READ)
			memcpy(part->iov_base, at, part->iov_len);
		else
			memcpy(at, part->iov_base, part->iov_len);
		at += part->iov_len;
	}
	g_assert(at == mb->data + req->offset_bytes + req->len_bytes);
	memset(req->iov, SPOILED, req->iov_count * sizeof(*req->iov));
}

/* What iol_block_submit() is there to keep away must not come. */
static void judge(const struct memory_block *mb, const struct iol_block_req *req)
{
	const struct iol_block_limits *limits = &mb->blk.limits;

	g_assert(req->done);
	if (req->kind == IOL_BLOCK_FLUSH)
		return;
	g_assert(req->len_bytes && req->offset_bytes <= limits->size_bytes &&
		 req->len_bytes <= limits->size_bytes - req->offset_bytes);
	if (req->kind != IOL_BLOCK_READ)
		g_assert(!limits->read_only);
	if (req->kind == IOL_BLOCK_READ || req->kind == IOL_BLOCK_WRITE)
		g_assert(req->iov_count && req->iov_count <= limits->iov_max);
	else
		g_assert(!req->iov_count && req->len_bytes <= limits->range_bytes_max);
}

static int carry_out(struct memory_block *mb, struct iol_block_req *req)
{
	if (mb->cancelled)
		return -ECANCELED;
	if (mb->fail_with && (mb->fail_kinds >> req->kind & 1) &&
	    req->offset_bytes >= mb->fail_from)
		return mb->fail_with;
	/* The disk may have shrunk meanwhile. */
	if (req->offset_bytes + req->len_bytes > mb->blk.limits.size_bytes)
		return -EIO;
	if (req->kind == IOL_BLOCK_READ || req->kind == IOL_BLOCK_WRITE)
		move(mb, req);
	else if (req->kind != IOL_BLOCK_FLUSH)
		memset(mb->data + req->offset_bytes, req->kind == IOL_BLOCK_DISCARD ? 0xdd : 0,
		       req->len_bytes);
	return 0;
}

static bool submit(struct iol_block *blk, struct iol_block_req *req)
{
	struct memory_block *mb = memory_of(blk);
	struct iol_block_req **link = &mb->pending;

	judge(mb, req);
	mb->seen[mb->seen_count++ % MEMORY_BLOCK_SEEN] = (struct memory_block_seen){
		.kind = req->kind,
		.stable = req->stable,
		.unmap = req->unmap,
		.offset_bytes = req->offset_bytes,
		.len_bytes = req->len_bytes,
		.iov_count = req->iov_count,
	};
	if (!mb->async) {
		req->res = carry_out(mb, req);
		return true;
	}
	while (*link)
		link = &(*link)->next;
	req->next = NULL;
	*link = req;
	mb->pending_count++;
	return false;
}

static void cancel_all(struct iol_block *blk)
{
	memory_of(blk)->cancels++;
	memory_of(blk)->cancelled = true;
}

static bool refresh(struct iol_block *blk)
{
	struct memory_block *mb = memory_of(blk);

	if (blk->limits.size_bytes == mb->next_size_bytes)
		return false;
	blk->limits.size_bytes = mb->next_size_bytes;
	return true;
}

static void memory_free(struct iol_block *blk)
{
	struct memory_block *mb = memory_of(blk);

	g_assert(!mb->pending_count);
	if (mb->freed)
		*mb->freed = true;
	g_free(mb->data - GUARD_BYTES);
	g_free(mb);
}

static const struct iol_block_ops ops = {
	.name = "memory",
	.submit = submit,
	.cancel_all = cancel_all,
	.refresh = refresh,
	.free = memory_free,
};

struct memory_block *memory_block_new(struct iol_loop *loop, const struct iol_block_limits *limits)
{
	struct memory_block *mb = g_new0(struct memory_block, 1);

	iol_block_init(&mb->blk, &ops, loop, "memory");
	mb->blk.limits = *limits;
	mb->data_bytes = limits->size_bytes;
	mb->next_size_bytes = limits->size_bytes;
	mb->data = (uint8_t *)g_malloc0(mb->data_bytes + (gsize)2 * GUARD_BYTES) + GUARD_BYTES;
	memset(mb->data - GUARD_BYTES, GUARD, GUARD_BYTES);
	memset(mb->data + mb->data_bytes, GUARD, GUARD_BYTES);
	return mb;
}

const struct memory_block_seen *memory_block_seen(const struct memory_block *mb, unsigned int idx)
{
	unsigned int first =
		mb->seen_count > MEMORY_BLOCK_SEEN ? mb->seen_count - MEMORY_BLOCK_SEEN : 0;

	g_assert(first + idx < mb->seen_count);
	return &mb->seen[(first + idx) % MEMORY_BLOCK_SEEN];
}

void memory_block_end(struct memory_block *mb, unsigned int idx)
{
	struct iol_block_req **link = &mb->pending, *req;

	g_assert(idx < mb->pending_count);
	while (idx--)
		link = &(*link)->next;
	req = *link;
	*link = req->next;
	mb->pending_count--;
	iol_block_complete(&mb->blk, req, carry_out(mb, req));
}

void memory_block_end_all(struct memory_block *mb)
{
	while (mb->pending_count)
		memory_block_end(mb, 0);
}

static bool guard_is_whole(const uint8_t *guard)
{
	return guard[0] == GUARD && !memcmp(guard, guard + 1, GUARD_BYTES - 1);
}

bool memory_block_is_whole(const struct memory_block *mb)
{
	return guard_is_whole(mb->data - GUARD_BYTES) && guard_is_whole(mb->data + mb->data_bytes);
}
