// SPDX-License-Identifier: Apache-2.0
/*
 * Files and block devices as block backends: the data path. See include/iolite/block.h. All of it
 * runs on the loop's thread but the discards of block devices (block_discard.c).
 *
 * Reads that the page cache can serve are done at once, with preadv2(RWF_NOWAIT), which costs less
 * than a turn of the ring; the rest, and all that may wait, goes through the ring. Nothing is mapped:
 * a file that is cut short gives an error and no signal.
 *
 * With O_DIRECT, requests whose place or memory does not fit its alignment go through the page cache
 * by a second descriptor. That is coherent: the kernel writes dirty pages of a range back before it
 * reads or writes that range directly, and drops cached pages after a direct write. fdatasync
 * concerns the file, not the descriptor, so one covers both.
 *
 * A request goes through steps, each one operation of the ring; short transfers are continued by the
 * same step. A hostile guest chooses requests; a hostile host file may shrink, vanish or fail.
 */
#include "block_raw.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a request in flight waits for; the low bits of its state. */
enum step {
	STEP_TRANSFER, /* READ, WRITE */
	STEP_FLUSH,
	STEP_PUNCH, /* DISCARD of a file, WRITE_ZEROES with unmap */
	STEP_ZERO_RANGE,
	STEP_ZERO_WRITE, /* where the host can do neither of these */
	STEP_DISCARD, /* block devices, on the discarder's thread */
	STEP_SYNC, /* makes a discard or zeroes stable */
	STEP_MASK = 0xff,
	STATE_TRY = 0x100, /* counts what the kernel interrupted without progress */
	STATE_TRIES_MASK = 0xff00,
	STATE_CANCELLED = 0x10000,
};

enum { TRIES_MAX = 32, AGAIN = 1 /* from step_done(): the request goes on */ };

static struct iol_block_raw *raw_of(struct iol_block *blk)
{
	return iol_container_of(blk, struct iol_block_raw, blk);
}

static enum step step_of(const struct iol_block_req *req)
{
	return (enum step)(req->state & STEP_MASK);
}

/* The next step starts with all its tries. */
static int go_to(struct iol_block_req *req, enum step step)
{
	req->state = (req->state & STATE_CANCELLED) | step;
	return AGAIN;
}

static bool is_stable(const struct iol_block_raw *raw, const struct iol_block_req *req)
{
	if (raw->cache == IOL_BLOCK_UNSAFE)
		return false;
	return req->stable || raw->cache == IOL_BLOCK_WRITETHROUGH;
}

/* ---- Messages ---- */

static void log_result(struct iol_block_raw *raw, const struct iol_block_req *req, int res)
{
	static const char *const kinds[] = { "read", "write", "flush", "discard",
					     "write of zeroes" };
	const uint32_t bit = UINT32_C(1) << req->kind;
	bool failed = res < 0;

	static_assert(G_N_ELEMENTS(kinds) == IOL_BLOCK_KIND_COUNT, "a name for each kind");
	if (res == -ECANCELED || failed == !!(raw->failing & bit))
		return;
	raw->failing ^= bit;
	if (!failed)
		iol_log_limited(&raw->log_limit, IOL_LOG_WARN, "%s: %s works again", raw->blk.name,
				kinds[req->kind]);
	else if (req->kind != IOL_BLOCK_FLUSH)
		iol_log_limited(&raw->log_limit, IOL_LOG_WARN,
				"%s: %s of %" PRIu64 " bytes at byte %" PRIu64
				" failed: %s; the guest was told",
				raw->blk.name, kinds[req->kind], req->len_bytes, req->offset_bytes,
				strerror(-res));
}

/* Every end of a request comes through here; returns @res. */
static int settle(struct iol_block_raw *raw, const struct iol_block_req *req, int res)
{
	if (res < 0 || raw->failing)
		log_result(raw, req, res);
	return res;
}

/*
 * The kernel tells of pages that it failed to write once and then forgets them: a second fdatasync
 * that succeeds would prove nothing.
 */
static void fail_flushes(struct iol_block_raw *raw, int res)
{
	if (raw->flush_failed)
		return;
	raw->flush_failed = true;
	iol_log(IOL_LOG_ERROR,
		"%s: flush failed: %s; what the guest wrote since the last flush may be lost, every "
		"later flush fails too; check the host's disk, then restart the machine",
		raw->blk.name, strerror(-res));
}

/* ---- Reads and writes ---- */

/* Notes that @bytes were transferred: the parts begin where the rest begins. */
static void advance(struct iol_block_req *req, uint64_t bytes)
{
	req->done_bytes += bytes;
	while (bytes) {
		struct iovec *iov = &req->iov[req->tag];

		if (bytes < iov->iov_len) {
			iov->iov_base = (char *)iov->iov_base + bytes;
			iov->iov_len -= bytes;
			return;
		}
		bytes -= iov->iov_len;
		req->tag++;
	}
}

static bool fits_direct(const struct iol_block_raw *raw, const struct iol_block_req *req)
{
	uint64_t place = req->offset_bytes + req->done_bytes, memory = 0;

	for (unsigned int i = (unsigned int)req->tag; i < req->iov_count; i++) {
		memory |= (uintptr_t)req->iov[i].iov_base;
		place |= req->iov[i].iov_len;
	}
	return !(place & (raw->direct_offset_align - 1)) && !(memory & (raw->direct_mem_align - 1));
}

static void start_transfer(struct iol_block_raw *raw, struct iol_block_req *req)
{
	const struct iol_loop_file *file = &raw->file;
	const struct iovec *iov = req->iov + req->tag;
	unsigned int count = req->iov_count - (unsigned int)req->tag;
	uint64_t offset = req->offset_bytes + req->done_bytes;

	if (raw->direct_fd >= 0 && fits_direct(raw, req))
		file = &raw->direct_file;
	/* ext4 among others takes no cached write without a worker: its journal may make it wait. */
	req->op.by_worker = req->kind == IOL_BLOCK_WRITE && file == &raw->file;
	if (req->kind == IOL_BLOCK_READ)
		iol_loop_readv(raw->blk.loop, &req->op, file, iov, count, offset, 0);
	else
		iol_loop_writev(raw->blk.loop, &req->op, file, iov, count, offset,
				is_stable(raw, req) ? RWF_DSYNC : 0);
}

/* Tries what needs no waiting. True: @req is whole; else the ring has the rest to do. */
static bool transfer_now(struct iol_block_raw *raw, struct iol_block_req *req)
{
	const bool is_read = req->kind == IOL_BLOCK_READ;
	bool *nowait = is_read ? &raw->nowait_read : &raw->nowait_write;
	ssize_t len;

	if (!*nowait || raw->direct_fd >= 0 || (!is_read && is_stable(raw, req)))
		return false;
	if (is_read)
		len = preadv2(raw->fd, req->iov, (int)req->iov_count, (off_t)req->offset_bytes,
			      RWF_NOWAIT);
	else
		len = pwritev2(raw->fd, req->iov, (int)req->iov_count, (off_t)req->offset_bytes,
			       RWF_NOWAIT);
	if (len < 0) {
		/* Other errors come again through the ring, whose word counts. */
		if (errno == EOPNOTSUPP)
			*nowait = false;
		return false;
	}
	advance(req, (uint64_t)len);
	return req->done_bytes == req->len_bytes;
}

static int transfer_done(struct iol_block_raw *raw, struct iol_block_req *req, int res)
{
	if (res > 0) {
		advance(req, (uint64_t)res);
		return req->done_bytes == req->len_bytes ? 0 : go_to(req, STEP_TRANSFER);
	}
	/* The end of a file that shrank, or a write without progress. */
	if (res == 0)
		return -EIO;
	/*
	 * The failed sync of a stable write may have consumed the one report of a failed write-back
	 * that the next flush should have given.
	 */
	if (res == -EIO && req->kind == IOL_BLOCK_WRITE && is_stable(raw, req))
		fail_flushes(raw, res);
	return res;
}

/* ---- Discards and zeroes ---- */

static bool is_unsupported(int res)
{
	return res == -EOPNOTSUPP || res == -ENOSYS || res == -ENOTTY;
}

/* A range was given back or zeroed. */
static int range_done(const struct iol_block_raw *raw, struct iol_block_req *req)
{
	return is_stable(raw, req) ? go_to(req, STEP_SYNC) : 0;
}

/* A block device takes only whole blocks of its own. */
static bool range_fits(const struct iol_block_raw *raw, const struct iol_block_req *req)
{
	return !raw->device ||
	       !((req->offset_bytes | req->len_bytes) & (raw->blk.limits.logical_block_bytes - 1));
}

/* The best way to zero a range that the host has not refused yet. */
static enum step zero_step(const struct iol_block_raw *raw, const struct iol_block_req *req)
{
	if (range_fits(raw, req) && req->unmap && raw->punch)
		return STEP_PUNCH;
	if (range_fits(raw, req) && raw->zero_range)
		return STEP_ZERO_RANGE;
	return STEP_ZERO_WRITE;
}

static int range_step_done(struct iol_block_raw *raw, struct iol_block_req *req, int res)
{
	if (res >= 0)
		return range_done(raw, req);
	if (!is_unsupported(res))
		return res;
	switch (step_of(req)) {
	case STEP_PUNCH:
		raw->punch = false;
		break;
	case STEP_ZERO_RANGE:
		raw->zero_range = false;
		break;
	default:
		raw->discard = false;
		break;
	}
	/* A discard is a hint: that it cannot be followed is no failure. */
	return req->kind == IOL_BLOCK_DISCARD ? 0 : go_to(req, zero_step(raw, req));
}

/* Private and read-only, so that all of it is the kernel's one page of zeros. */
static const void *map_zeros(struct iol_block_raw *raw)
{
	void *zeros;

	if (raw->zeros)
		return raw->zeros;
	zeros = mmap(NULL, IOL_RAW_ZERO_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (zeros != MAP_FAILED)
		raw->zeros = zeros;
	return raw->zeros;
}

static int zero_write_done(const struct iol_block_raw *raw, struct iol_block_req *req, int res)
{
	if (res <= 0)
		return res ? res : -EIO;
	req->done_bytes += (uint64_t)res;
	return req->done_bytes == req->len_bytes ? range_done(raw, req)
						 : go_to(req, STEP_ZERO_WRITE);
}

static void start_zero_write(struct iol_block_raw *raw, struct iol_block_req *req)
{
	uint64_t left = req->len_bytes - req->done_bytes;

	iol_loop_write(raw->blk.loop, &req->op, raw->fd, raw->zeros,
		       (unsigned int)MIN(left, IOL_RAW_ZERO_BYTES),
		       req->offset_bytes + req->done_bytes);
}

/* Only whole blocks of a device can be discarded; the rest keeps its contents, as a hint may. */
static bool discard_range(const struct iol_block_raw *raw, const struct iol_block_req *req,
			  uint64_t *offset, uint64_t *len)
{
	const uint64_t block = raw->blk.limits.logical_block_bytes;
	uint64_t end = IOL_ALIGN_DOWN(req->offset_bytes + req->len_bytes, block);

	*offset = IOL_ALIGN_UP(req->offset_bytes, block);
	*len = end > *offset ? end - *offset : 0;
	return *len != 0;
}

/* ---- Steps ---- */

static void op_done(struct iol_op *op, int res);

static void wait_for_ring(struct iol_block_raw *raw, struct iol_block_req *req)
{
	req->op.done = op_done;
	req->next = NULL;
	*raw->waiting_tail = req;
	raw->waiting_tail = &req->next;
}

/* Requests mostly end in the order in which they began: the search is short. */
static void stop_waiting(struct iol_block_raw *raw, struct iol_block_req *req)
{
	struct iol_block_req **link = &raw->waiting;

	while (*link != req)
		link = &(*link)->next;
	*link = req->next;
	if (raw->waiting_tail == &req->next)
		raw->waiting_tail = link;
}

/* Whole blocks; there is at least one, see begin(). */
static void start_discard(struct iol_block_raw *raw, struct iol_block_req *req)
{
	uint64_t offset, len;

	discard_range(raw, req, &offset, &len);
	iol_discarder_submit(raw->discarder, req, offset, len);
}

static void start_step(struct iol_block_raw *raw, struct iol_block_req *req)
{
	struct iol_loop *loop = raw->blk.loop;

	if (step_of(req) == STEP_DISCARD) {
		start_discard(raw, req);
		return;
	}
	wait_for_ring(raw, req);
	req->op.by_worker = false;
	switch (step_of(req)) {
	case STEP_TRANSFER:
		start_transfer(raw, req);
		break;
	case STEP_PUNCH:
		iol_loop_fallocate(loop, &req->op, &raw->file,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, req->offset_bytes,
				   req->len_bytes);
		break;
	case STEP_ZERO_RANGE:
		iol_loop_fallocate(loop, &req->op, &raw->file,
				   FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, req->offset_bytes,
				   req->len_bytes);
		break;
	case STEP_ZERO_WRITE:
		start_zero_write(raw, req);
		break;
	default: /* STEP_FLUSH, STEP_SYNC */
		iol_loop_fdatasync(loop, &req->op, &raw->file);
		break;
	}
}

static int sync_done(struct iol_block_raw *raw, int res)
{
	if (res >= 0 || res == -ECANCELED)
		return res;
	fail_flushes(raw, res);
	return -EIO;
}

/* What follows from the result of a step: AGAIN, or the result of the request. */
static int step_done(struct iol_block_raw *raw, struct iol_block_req *req, int res)
{
	if (res == -EINTR || res == -EAGAIN) {
		req->state += STATE_TRY;
		if ((req->state & STATE_TRIES_MASK) < TRIES_MAX * STATE_TRY)
			return AGAIN;
	}
	switch (step_of(req)) {
	case STEP_TRANSFER:
		return transfer_done(raw, req, res);
	case STEP_FLUSH:
	case STEP_SYNC:
		return sync_done(raw, res);
	case STEP_ZERO_WRITE:
		return zero_write_done(raw, req, res);
	default:
		return range_step_done(raw, req, res);
	}
}

/* Goes on with @req after a step that ended with @res. */
static void go_on(struct iol_block_raw *raw, struct iol_block_req *req, int res)
{
	int ret = step_done(raw, req, res);

	if (ret == AGAIN && (req->state & STATE_CANCELLED))
		ret = -ECANCELED;
	if (ret == AGAIN && step_of(req) == STEP_ZERO_WRITE && !map_zeros(raw))
		ret = -ENOMEM;
	if (ret == AGAIN)
		start_step(raw, req);
	else
		iol_block_complete(&raw->blk, req, settle(raw, req, ret));
}

static void op_done(struct iol_op *op, int res)
{
	struct iol_block_req *req = iol_container_of(op, struct iol_block_req, op);
	struct iol_block_raw *raw = raw_of(req->owner);

	stop_waiting(raw, req);
	go_on(raw, req, res);
}

void iol_raw_discarded(struct iol_block_req *req, int res)
{
	go_on(raw_of(req->owner), req, res);
}

/* The end at once of a request that needs no step; AGAIN: start the step that is in its state. */
static int begin_flush(struct iol_block_raw *raw, struct iol_block_req *req)
{
	if (raw->flush_failed)
		return -EIO;
	if (!raw->blk.limits.volatile_cache)
		return 0;
	return go_to(req, STEP_FLUSH);
}

static int begin_discard(struct iol_block_raw *raw, struct iol_block_req *req)
{
	uint64_t offset, len;

	if (!raw->device)
		return raw->punch ? go_to(req, STEP_PUNCH) : 0;
	if (!raw->discard || !discard_range(raw, req, &offset, &len))
		return 0;
	if (!raw->discarder)
		raw->discarder = iol_discarder_new(raw->blk.loop, raw->fd);
	return raw->discarder ? go_to(req, STEP_DISCARD) : 0;
}

static int begin(struct iol_block_raw *raw, struct iol_block_req *req)
{
	switch (req->kind) {
	case IOL_BLOCK_FLUSH:
		return begin_flush(raw, req);
	case IOL_BLOCK_DISCARD:
		return begin_discard(raw, req);
	case IOL_BLOCK_WRITE_ZEROES:
		go_to(req, zero_step(raw, req));
		return step_of(req) == STEP_ZERO_WRITE && !map_zeros(raw) ? -ENOMEM : AGAIN;
	default:
		return transfer_now(raw, req) ? 0 : go_to(req, STEP_TRANSFER);
	}
}

static bool raw_submit(struct iol_block *blk, struct iol_block_req *req)
{
	struct iol_block_raw *raw = raw_of(blk);
	int ret = begin(raw, req);

	if (ret != AGAIN) {
		req->res = settle(raw, req, ret);
		return true;
	}
	start_step(raw, req);
	return false;
}

static void raw_cancel_all(struct iol_block *blk)
{
	struct iol_block_raw *raw = raw_of(blk);

	for (struct iol_block_req *req = raw->waiting; req; req = req->next) {
		req->state |= STATE_CANCELLED;
		iol_loop_cancel(blk->loop, &req->op);
	}
	if (raw->discarder)
		iol_discarder_cancel(raw->discarder);
}

static bool raw_refresh(struct iol_block *blk)
{
	struct iol_block_raw *raw = raw_of(blk);
	uint64_t bytes = 0, old_bytes = blk->limits.size_bytes;
	int ret = iol_raw_size(raw, &bytes);

	if (ret) {
		iol_log_limited(&raw->log_limit, IOL_LOG_WARN,
				"%s: cannot read its size: %s; it stays %" PRIu64 " bytes",
				blk->name, strerror(-ret), old_bytes);
		return false;
	}
	bytes = IOL_ALIGN_DOWN(bytes, IOL_BLOCK_SECTOR_BYTES);
	if (bytes == old_bytes)
		return false;
	blk->limits.size_bytes = bytes;
	if (bytes < old_bytes)
		iol_log(IOL_LOG_WARN,
			"%s: shrank from %" PRIu64 " to %" PRIu64
			" bytes under the guest; requests beyond the end fail",
			blk->name, old_bytes, bytes);
	else
		iol_log(IOL_LOG_INFO, "%s: grew from %" PRIu64 " to %" PRIu64 " bytes", blk->name,
			old_bytes, bytes);
	return true;
}

/* A block device has the size that its own tools gave it. */
static int raw_grow(struct iol_block *blk, uint64_t size_bytes)
{
	struct iol_block_raw *raw = raw_of(blk);
	uint64_t bytes;
	int ret = iol_raw_size(raw, &bytes);

	if (ret || bytes >= size_bytes)
		return ret;
	if (raw->device)
		return -ENOTSUP;
	return ftruncate(raw->fd, (off_t)size_bytes) ? -errno : 0;
}

static void raw_free(struct iol_block *blk)
{
	struct iol_block_raw *raw = raw_of(blk);

	assert(!raw->waiting);
	iol_sandbox_hook_cancel(&raw->begin);
	iol_discarder_free(raw->discarder);
	/* The ring may hold the file a little longer than we do; the lock must not last as long. */
	if (raw->fd >= 0)
		fcntl(raw->fd, F_OFD_SETLK, &(struct flock){ .l_type = F_UNLCK });
	iol_loop_file_finish(blk->loop, &raw->file);
	iol_loop_file_finish(blk->loop, &raw->direct_file);
	iol_fd_close(&raw->fd);
	iol_fd_close(&raw->direct_fd);
	if (raw->zeros)
		munmap((void *)(uintptr_t)raw->zeros, IOL_RAW_ZERO_BYTES);
	g_free(raw);
}

static const struct iol_block_ops raw_ops = {
	.name = "raw",
	.submit = raw_submit,
	.cancel_all = raw_cancel_all,
	.refresh = raw_refresh,
	.grow = raw_grow,
	.free = raw_free,
};

static void make_discarder(struct iol_sandbox_hook *hook)
{
	struct iol_block_raw *raw = iol_container_of(hook, struct iol_block_raw, begin);

	raw->discarder = iol_discarder_new(raw->blk.loop, raw->fd);
}

int iol_block_raw_new(struct iol_loop *loop, const struct iol_block_raw_config *config,
		      struct iol_block **blk, struct iol_error *err)
{
	struct iol_block_raw *raw = g_new0(struct iol_block_raw, 1);
	int ret;

	iol_block_init(&raw->blk, &raw_ops, loop, config->path);
	raw->fd = raw->direct_fd = -1;
	raw->file.slot = raw->direct_file.slot = -1;
	raw->cache = config->cache;
	raw->waiting_tail = &raw->waiting;
	raw->log_limit.burst = 4;
	ret = iol_raw_open(raw, config, err);
	if (ret) {
		iol_block_free(&raw->blk);
		return ret;
	}
	iol_loop_file_init(loop, &raw->file, raw->fd);
	if (raw->direct_fd >= 0)
		iol_loop_file_init(loop, &raw->direct_file, raw->direct_fd);
	raw->nowait_read = true;
	raw->nowait_write = true;
	raw->begin.run = make_discarder;
	if (raw->device && raw->discard)
		iol_sandbox_at_begin(&raw->begin);
	*blk = &raw->blk;
	return 0;
}
