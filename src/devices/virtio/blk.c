// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio block device (virtio-v1.2 5.2) over any block backend. See include/iolite/virtio_blk.h
 * and, clause by clause, docs/conformance.md.
 *
 * A request is a chain of readable bytes (header, then data to write or ranges) and writable ones
 * (data to read, then the status byte), cut into parts anywhere (2.7.4.1). Its status byte is
 * found first (G12), its header is copied and judged (G3), and its data go between guest memory and
 * backend without a copy. What cannot be answered, because there is no status byte or no whole
 * header, breaks the device; all else ends with a status.
 *
 * What the length of a used chain says (2.7.8.2): bytes that were written without a gap from the start
 * of the writable part. The status byte is the last of them, so it counts only when all in front of
 * it was written: a read that failed halfway counts as nothing.
 *
 * Queues are served on the loop's thread; the writeback register is written on vCPU threads.
 *
 * A hostile guest can do what its disk's backend lets it do to its own disk: ranges are held against
 * the limits before they go there, memory was taken at creation, and a queue has no more in flight
 * than entries.
 */
#include <iolite/virtio_blk.h>

#include <errno.h>
#include <glib.h>
#include <linux/virtio_blk.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <iolite/endian.h>

enum {
	SEGMENTS_MAX = 16, /* ranges of one DISCARD or WRITE_ZEROES */
	CONFIG_BYTES = offsetof(struct virtio_blk_config, unused1) + 3,
	WRITEBACK = offsetof(struct virtio_blk_config, wce),
	PCI_CLASS = 0x018000, /* mass storage, other */
	STRIDE_ALIGN = 64,
};

/* 5.2.6, as they lie in guest memory. */
struct header {
	le32 type;
	le32 reserved;
	le64 sector;
};

struct segment {
	le64 sector;
	le32 num_sectors;
	le32 flags;
};

_Static_assert(sizeof(struct header) == sizeof(struct virtio_blk_outhdr), "5.2.6");
_Static_assert(sizeof(struct segment) == sizeof(struct virtio_blk_discard_write_zeroes), "5.2.6");

struct range {
	uint64_t offset_bytes, len_bytes;
	bool unmap;
};

struct blk;

struct request {
	struct iol_block_req block;
	struct blk *blk;
	struct request *next_free;
	uint8_t *status; /* guest memory: written once */
	uint32_t room_bytes; /* writable in front of the status */
	uint32_t written_bytes; /* of them, from the start, when the request succeeds */
	uint16_t queue, head;
	uint64_t started_ns;
	unsigned int range_count, range_next;
	struct range ranges[SEGMENTS_MAX];
	struct iovec iov[]; /* blk->iov_max of them */
};

struct blk {
	struct iol_virtio v;
	struct iol_block *backend;
	struct iol_virtio_blk_counts counts;
	uint64_t now_ns; /* when the clock was last read while a queue is served; 0: not yet */
	void (*failed)(void *owner, enum iol_block_kind kind, int res);
	void *owner;
	char serial[VIRTIO_BLK_ID_BYTES]; /* padded with NULs; 20 characters have none (5.2.6) */
	atomic_bool writeback; /* as the register says */
	uint32_t discard_sectors_max, zeroes_sectors_max; /* of one range; 0: not offered */

	/*
	 * All requests there can ever be, in memory that the host backs on first touch. The one freed
	 * last is used next, so a guest with few in flight touches few.
	 */
	uint8_t *pool;
	size_t pool_bytes, stride_bytes;
	unsigned int pool_count, pool_used; /* that were used at least once */
	unsigned int iov_max;
	struct request *free;
};

static struct blk *blk_of(struct iol_virtio *v)
{
	return iol_container_of(v, struct blk, v);
}

/* --- the pool of requests --- */

static int pool_init(struct blk *blk, const struct iol_virtio_blk_config *config,
		     struct iol_error *err)
{
	size_t bytes = sizeof(struct request) + config->queue_size * sizeof(struct iovec);
	void *pool;

	/* With one to spare: a chain too many is popped to find out that the driver is wrong. */
	blk->pool_count = config->queues * config->queue_size + 1;
	blk->iov_max = config->queue_size;
	blk->stride_bytes = IOL_ALIGN_UP(bytes, STRIDE_ALIGN);
	blk->pool_bytes = blk->pool_count * blk->stride_bytes;
	pool = mmap(NULL, blk->pool_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pool == MAP_FAILED)
		return iol_error_errno(err, -errno,
				       "%zu bytes for requests in flight; give fewer queues",
				       blk->pool_bytes);
	/* A huge page would back all of it at the first touch. Kernels without them refuse. */
	madvise(pool, blk->pool_bytes, MADV_NOHUGEPAGE);
	blk->pool = pool;
	return 0;
}

static struct request *request_get(struct blk *blk)
{
	struct request *r = blk->free;

	if (r) {
		blk->free = r->next_free;
		return r;
	}
	g_assert(blk->pool_used < blk->pool_count);
	r = (void *)(blk->pool + blk->pool_used++ * blk->stride_bytes);
	r->blk = blk;
	return r;
}

static void request_put(struct request *r)
{
	r->next_free = r->blk->free;
	r->blk->free = r;
}

/* --- ends of requests --- */

static void finish(struct request *r, uint8_t status)
{
	uint32_t written = status == VIRTIO_BLK_S_OK ? r->written_bytes : 0;

	*(volatile uint8_t *)r->status = status;
	if (written == r->room_bytes)
		written++;
	iol_virtio_push(&r->blk->v, r->queue, r->head, written);
	request_put(r);
}

/* 5.2.6: "unsupported" may also be found out by trying. */
static uint8_t status_of(int res)
{
	return !res                 ? VIRTIO_BLK_S_OK
	       : res == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP
				    : VIRTIO_BLK_S_IOERR;
}

/* What was done as a whole: the bytes, and where the last of them ends. */
static void measure(const struct request *r, uint64_t *bytes, uint64_t *end)
{
	*bytes = r->block.len_bytes;
	*end = r->block.offset_bytes + r->block.len_bytes;
	if (r->block.kind != IOL_BLOCK_DISCARD && r->block.kind != IOL_BLOCK_WRITE_ZEROES)
		return;
	*bytes = *end = 0;
	for (unsigned int i = 0; i < r->range_count; i++) {
		const struct range *range = &r->ranges[i];

		*bytes += range->len_bytes;
		*end = MAX(*end, range->offset_bytes + range->len_bytes);
	}
}

static unsigned int bin_of(uint64_t ns)
{
	const uint64_t first_ns = iol_virtio_blk_bin_ns(0);
	unsigned int bin;

	if (ns <= first_ns)
		return 0;
	bin = 64U - (unsigned int)__builtin_clzll((ns - 1) / first_ns);
	return MIN(bin, IOL_VIRTIO_BLK_BINS - 1);
}

/*
 * The clock is read once for each request, when it ends, and once when a queue begins to be served: what is begun in one go
 * begins when it does, or when the last request was answered at once. A reading is 20 to 50 ns, without a system call where
 * the host's clock source allows that; a request that the page cache answers may cost little more than a microsecond.
 */
static uint64_t read_clock(struct blk *blk)
{
	blk->now_ns = iol_loop_now_ns();
	return blk->now_ns;
}

static uint64_t begin_ns(struct blk *blk)
{
	return blk->now_ns ? blk->now_ns : read_clock(blk);
}

static void count_success(struct request *r)
{
	struct iol_virtio_blk_counts *counts = &r->blk->counts;
	const enum iol_block_kind kind = r->block.kind;
	const uint64_t ns = read_clock(r->blk) - r->started_ns;
	uint64_t bytes, end;

	measure(r, &bytes, &end);
	counts->kinds[kind].done++;
	counts->kinds[kind].bytes += bytes;
	counts->kinds[kind].time_ns += ns;
	counts->kinds[kind].bins[bin_of(ns)]++;
	if (kind == IOL_BLOCK_WRITE || kind == IOL_BLOCK_WRITE_ZEROES)
		counts->written_end = MAX(counts->written_end, end);
}

/* What is cancelled for a reset is no failure, nor is what the host cannot do. */
static void count_failure(struct request *r)
{
	struct blk *blk = r->blk;
	const int res = r->block.res;

	if (res == -ECANCELED)
		return;
	blk->counts.kinds[r->block.kind].failed++;
	if (blk->failed && res != -EOPNOTSUPP)
		blk->failed(blk->owner, r->block.kind, res);
}

/* The backend is done with all of it. */
static void answered(struct request *r)
{
	if (r->block.res)
		count_failure(r);
	else
		count_success(r);
	finish(r, status_of(r->block.res));
}

static void block_done(struct iol_block_req *block)
{
	answered(iol_container_of(block, struct request, block));
}

static void submit(struct request *r)
{
	r->started_ns = begin_ns(r->blk);
	if (iol_block_submit(r->blk->backend, &r->block))
		answered(r);
}

/* Ends a request that does not come to the backend. */
static void refuse(struct request *r, enum iol_block_kind kind, uint8_t status)
{
	r->blk->counts.kinds[kind].invalid++;
	finish(r, status);
}

/* --- kinds of requests --- */

/*
 * 5.2.6.2: no FLUSH could make a write stable later, or the register says write-through. Where no
 * FLUSH was offered there is no cache, or one that was meant to lose data.
 */
static bool writes_through(const struct blk *blk)
{
	if (!(blk->v.offered >> VIRTIO_BLK_F_FLUSH & 1))
		return false;
	if (iol_virtio_has(&blk->v, VIRTIO_BLK_F_CONFIG_WCE))
		return !atomic_load_explicit(&blk->writeback, memory_order_relaxed);
	return !iol_virtio_has(&blk->v, VIRTIO_BLK_F_FLUSH);
}

static bool in_disk(const struct blk *blk, uint64_t sector, uint64_t count)
{
	uint64_t capacity = blk->backend->limits.size_bytes / IOL_BLOCK_SECTOR_BYTES;

	return sector <= capacity && count <= capacity - sector;
}

/* Sectors are of 512 bytes whatever blk_size is (5.2.5). */
static void read_or_write(struct request *r, const struct iol_chain *chain, uint64_t sector,
			  bool write)
{
	const struct blk *blk = r->blk;
	const enum iol_block_kind kind = write ? IOL_BLOCK_WRITE : IOL_BLOCK_READ;
	uint32_t len = write ? chain->readable_bytes : chain->writable_bytes;

	/* Data for the other direction: to say OK would tell a driver that they were moved. */
	if (write ? chain->writable_bytes : chain->readable_bytes)
		return refuse(r, kind, VIRTIO_BLK_S_IOERR);
	if (write && blk->backend->limits.read_only)
		return refuse(r, kind, VIRTIO_BLK_S_IOERR);
	if (len % IOL_BLOCK_SECTOR_BYTES || !in_disk(blk, sector, len / IOL_BLOCK_SECTOR_BYTES))
		return refuse(r, kind, VIRTIO_BLK_S_IOERR);
	if (!len)
		return finish(r, VIRTIO_BLK_S_OK);
	r->block.kind = kind;
	r->block.stable = write && writes_through(blk);
	r->block.offset_bytes = sector * IOL_BLOCK_SECTOR_BYTES;
	r->block.len_bytes = len;
	r->block.iov = chain->iov + (write ? 0 : chain->readable_count);
	r->block.iov_count = write ? chain->readable_count : chain->writable_count;
	r->block.done = block_done;
	if (r->block.iov_count > blk->backend->limits.iov_max)
		return refuse(r, kind, VIRTIO_BLK_S_IOERR);
	r->written_bytes = write ? 0 : len;
	submit(r);
}

/* Data are not expected but allowed (5.2.6.1); they and the sector mean nothing. */
static void flush(struct request *r)
{
	r->block.kind = IOL_BLOCK_FLUSH;
	r->block.stable = false;
	r->block.offset_bytes = 0;
	r->block.len_bytes = 0;
	r->block.iov = NULL;
	r->block.iov_count = 0;
	r->block.done = block_done;
	submit(r);
}

static void get_id(struct request *r, struct iol_chain *chain)
{
	if (chain->readable_bytes)
		return finish(r, VIRTIO_BLK_S_IOERR);
	r->written_bytes = iol_chain_write(chain, r->blk->serial, sizeof(r->blk->serial));
	finish(r, VIRTIO_BLK_S_OK);
}

/* --- DISCARD and WRITE_ZEROES: ranges, one after another --- */

static void next_range(struct request *r)
{
	while (!r->block.res && r->range_next < r->range_count) {
		const struct range *range = &r->ranges[r->range_next++];

		if (r->blk->v.state != IOL_VIRTIO_RUNNING) {
			r->block.res = -ECANCELED;
			break;
		}
		r->block.offset_bytes = range->offset_bytes;
		r->block.len_bytes = range->len_bytes;
		r->block.unmap = range->unmap;
		if (!iol_block_submit(r->blk->backend, &r->block))
			return;
	}
	answered(r);
}

static void range_done(struct iol_block_req *block)
{
	next_range(iol_container_of(block, struct request, block));
}

/* Whether @segment may be done; an empty one is left out. */
static bool take_range(struct request *r, const struct segment *segment, uint32_t sectors_max)
{
	uint64_t sector = le64_get(segment->sector);
	uint32_t count = le32_get(segment->num_sectors);

	if (count > sectors_max || !in_disk(r->blk, sector, count))
		return false;
	if (count)
		r->ranges[r->range_count++] = (struct range){
			.offset_bytes = sector * IOL_BLOCK_SECTOR_BYTES,
			.len_bytes = (uint64_t)count * IOL_BLOCK_SECTOR_BYTES,
			.unmap = le32_get(segment->flags) & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
		};
	return true;
}

/*
 * Copies the segments and judges their flags (5.2.6.2): VIRTIO_BLK_S_OK, or the status to end with. The
 * number of segments is a guest's and bounded.
 */
static uint8_t take_segments(struct iol_chain *chain, struct segment *segments, unsigned int *count,
			     uint32_t known_flags)
{
	uint32_t flags = 0;

	if (chain->writable_bytes || !chain->readable_bytes ||
	    chain->readable_bytes % sizeof(*segments) ||
	    chain->readable_bytes / sizeof(*segments) > SEGMENTS_MAX)
		return VIRTIO_BLK_S_IOERR;
	for (*count = 0; iol_chain_take_header(chain, &segments[*count], sizeof(*segments));)
		flags |= le32_get(segments[(*count)++].flags);
	return flags & ~known_flags ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_OK;
}

/* Nothing is done unless all can be. */
static void do_ranges(struct request *r, struct iol_chain *chain, bool discard)
{
	const struct blk *blk = r->blk;
	bool read_only = blk->backend->limits.read_only;
	const enum iol_block_kind kind = discard ? IOL_BLOCK_DISCARD : IOL_BLOCK_WRITE_ZEROES;
	unsigned int feature = discard ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES;
	uint32_t sectors_max = discard ? blk->discard_sectors_max : blk->zeroes_sectors_max;
	uint32_t known_flags = discard ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	struct segment segments[SEGMENTS_MAX + 1];
	unsigned int count = 0;
	uint8_t status;

	if (!iol_virtio_has(&blk->v, feature) && !read_only)
		return refuse(r, kind, VIRTIO_BLK_S_UNSUPP);
	status = take_segments(chain, segments, &count, known_flags);
	if (status == VIRTIO_BLK_S_OK && read_only)
		status = VIRTIO_BLK_S_IOERR;
	r->range_count = 0;
	for (unsigned int i = 0; i < count && status == VIRTIO_BLK_S_OK; i++) {
		if (!take_range(r, &segments[i], sectors_max))
			status = VIRTIO_BLK_S_IOERR;
	}
	if (status != VIRTIO_BLK_S_OK)
		return refuse(r, kind, status);
	r->block.kind = kind;
	r->block.stable = writes_through(blk);
	r->block.iov = NULL;
	r->block.iov_count = 0;
	r->block.done = range_done;
	r->block.res = 0;
	r->range_next = 0;
	r->started_ns = begin_ns(r->blk);
	next_range(r);
}

/* --- requests --- */

static void broken(struct request *r, const char *lacks)
{
	struct iol_virtio *v = &r->blk->v;

	iol_virtio_break(v, "queue %u: a request without %s", r->queue, lacks);
	iol_virtio_push(v, r->queue, r->head, 0);
	request_put(r);
}

static void start_request(struct request *r, struct iol_chain *chain)
{
	struct header header;
	uint64_t sector;

	r->status = iol_chain_take_status(chain);
	if (!r->status)
		return broken(r, "a status byte");
	if (!iol_chain_take_header(chain, &header, sizeof(header)))
		return broken(r, "a whole header");
	r->room_bytes = chain->writable_bytes;
	r->written_bytes = 0;
	sector = le64_get(header.sector);
	switch (le32_get(header.type)) {
	case VIRTIO_BLK_T_IN:
		return read_or_write(r, chain, sector, false);
	case VIRTIO_BLK_T_OUT:
		return read_or_write(r, chain, sector, true);
	case VIRTIO_BLK_T_FLUSH:
		return flush(r);
	case VIRTIO_BLK_T_GET_ID:
		return get_id(r, chain);
	case VIRTIO_BLK_T_DISCARD:
		return do_ranges(r, chain, true);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return do_ranges(r, chain, false);
	default:
		return finish(r, VIRTIO_BLK_S_UNSUPP);
	}
}

static bool serve(struct iol_virtio *v, unsigned int queue)
{
	unsigned int budget = v->queues[queue].vq.size;
	struct blk *blk = blk_of(v);

	blk->now_ns = 0;
	while (budget--) {
		struct request *r = request_get(blk);
		struct iol_chain chain;

		if (!iol_virtio_pop(v, queue, &chain, r->iov, blk->iov_max)) {
			request_put(r);
			return false;
		}
		r->queue = (uint16_t)queue;
		r->head = chain.head;
		start_request(r, &chain);
	}
	return true;
}

/* --- configuration space --- */

#define CONFIG_SET(blk, bits, field, value) \
	le##bits##_store((blk)->v.config + offsetof(struct virtio_blk_config, field), value)

static bool offers(const struct blk *blk, unsigned int feature)
{
	return blk->v.offered >> feature & 1;
}

static void set_writeback(struct blk *blk, bool on)
{
	blk->v.config[WRITEBACK] = on;
	atomic_store_explicit(&blk->writeback, on, memory_order_relaxed);
}

static void reset(struct iol_virtio *v)
{
	set_writeback(blk_of(v), offers(blk_of(v), VIRTIO_BLK_F_CONFIG_WCE));
}

/* 5.2.5.2: a driver that cannot flush starts with write-through. */
static void features_ok(struct iol_virtio *v)
{
	if (iol_virtio_has(v, VIRTIO_BLK_F_CONFIG_WCE))
		set_writeback(blk_of(v), iol_virtio_has(v, VIRTIO_BLK_F_FLUSH));
}

/* The only byte that is writable. Without the feature there is no such register (2.5). */
static void config_written(struct iol_virtio *v, unsigned int offset, unsigned int len)
{
	(void)offset;
	(void)len;
	if (iol_virtio_has(v, VIRTIO_BLK_F_CONFIG_WCE))
		set_writeback(blk_of(v), v->config[WRITEBACK]);
	else
		reset(v);
}

void iol_virtio_blk_refresh(struct iol_virtio *v)
{
	struct blk *blk = blk_of(v);
	le64 capacity;

	if (!iol_block_refresh(blk->backend))
		return;
	capacity = le64_of(blk->backend->limits.size_bytes / IOL_BLOCK_SECTOR_BYTES);
	iol_virtio_set_config(v, offsetof(struct virtio_blk_config, capacity), &capacity,
			      sizeof(capacity));
}

struct iol_block *iol_virtio_blk_backend(struct iol_virtio *v)
{
	return blk_of(v)->backend;
}

void iol_virtio_blk_counts(struct iol_virtio *v, struct iol_virtio_blk_counts *counts)
{
	*counts = blk_of(v)->counts;
}

static void fill_topology(struct blk *blk)
{
	const struct iol_block_limits *limits = &blk->backend->limits;
	uint32_t per_physical = limits->physical_block_bytes / limits->logical_block_bytes;
	uint8_t exp = per_physical ? (uint8_t)__builtin_ctz(per_physical) : 0;

	CONFIG_SET(blk, 32, blk_size, limits->logical_block_bytes);
	blk->v.config[offsetof(struct virtio_blk_config, physical_block_exp)] = exp;
	CONFIG_SET(blk, 16, min_io_size, (uint16_t)MIN(UINT32_C(1) << exp, UINT16_MAX));
	CONFIG_SET(blk, 32, opt_io_size, limits->optimal_io_bytes / limits->logical_block_bytes);
}

/* Before there is a transport, hence a driver. */
static void fill_config(struct blk *blk, const struct iol_virtio_blk_config *config)
{
	const struct iol_block_limits *limits = &blk->backend->limits;
	uint32_t align = MAX(limits->discard_align_bytes, limits->logical_block_bytes);
	/* A driver takes one part for the header and one for the status. */
	unsigned int parts = config->queue_size > 2 ? config->queue_size - 2U : 1;

	CONFIG_SET(blk, 64, capacity, limits->size_bytes / IOL_BLOCK_SECTOR_BYTES);
	CONFIG_SET(blk, 32, seg_max, MIN(parts, limits->iov_max));
	fill_topology(blk);
	if (offers(blk, VIRTIO_BLK_F_CONFIG_WCE))
		blk->v.config_writable[WRITEBACK] = 1;
	if (offers(blk, VIRTIO_BLK_F_MQ))
		CONFIG_SET(blk, 16, num_queues, (uint16_t)config->queues);
	if (blk->discard_sectors_max) {
		CONFIG_SET(blk, 32, max_discard_sectors, blk->discard_sectors_max);
		CONFIG_SET(blk, 32, max_discard_seg, SEGMENTS_MAX);
		CONFIG_SET(blk, 32, discard_sector_alignment, align / IOL_BLOCK_SECTOR_BYTES);
	}
	if (blk->zeroes_sectors_max) {
		CONFIG_SET(blk, 32, max_write_zeroes_sectors, blk->zeroes_sectors_max);
		CONFIG_SET(blk, 32, max_write_zeroes_seg, SEGMENTS_MAX);
		blk->v.config[offsetof(struct virtio_blk_config, write_zeroes_may_unmap)] =
			limits->write_zeroes_unmap;
	}
}

/* The most sectors of one range, in whole units of the host, so that a driver that splits at them
 * stays aligned. */
static uint32_t range_sectors_max(const struct iol_block_limits *limits)
{
	uint32_t unit = MAX(limits->discard_align_bytes, limits->logical_block_bytes);
	uint64_t sectors = limits->range_bytes_max / IOL_BLOCK_SECTOR_BYTES;

	sectors = MIN(sectors, UINT32_MAX);
	return (uint32_t)(sectors - sectors % MAX(unit / IOL_BLOCK_SECTOR_BYTES, 1));
}

static uint64_t features_of(const struct blk *blk, unsigned int queues)
{
	const struct iol_block_limits *limits = &blk->backend->limits;
	uint64_t features = UINT64_C(1) << VIRTIO_BLK_F_SEG_MAX |
			    UINT64_C(1) << VIRTIO_BLK_F_BLK_SIZE |
			    UINT64_C(1) << VIRTIO_BLK_F_TOPOLOGY;

	if (limits->volatile_cache)
		features |= UINT64_C(1) << VIRTIO_BLK_F_FLUSH | UINT64_C(1)
									<< VIRTIO_BLK_F_CONFIG_WCE;
	if (limits->read_only)
		features |= UINT64_C(1) << VIRTIO_BLK_F_RO;
	if (queues > 1)
		features |= UINT64_C(1) << VIRTIO_BLK_F_MQ;
	if (blk->discard_sectors_max)
		features |= UINT64_C(1) << VIRTIO_BLK_F_DISCARD;
	if (blk->zeroes_sectors_max)
		features |= UINT64_C(1) << VIRTIO_BLK_F_WRITE_ZEROES;
	return features;
}

/* --- life --- */

static void cancel(struct iol_virtio *v)
{
	iol_block_cancel_all(blk_of(v)->backend);
}

static void blk_free(struct iol_virtio *v)
{
	struct blk *blk = blk_of(v);

	iol_virtio_finish(v);
	iol_block_free(blk->backend);
	munmap(blk->pool, blk->pool_bytes);
	g_free(blk);
}

static const struct iol_virtio_ops ops = {
	.name = "virtio-blk",
	.device_id = VIRTIO_ID_BLOCK,
	.pci_class = PCI_CLASS,
	.features_ok = features_ok,
	.serve = serve,
	.cancel = cancel,
	.reset = reset,
	.config_written = config_written,
	.free = blk_free,
};

int iol_virtio_blk_new(struct iol_block *backend, const struct iol_virtio_blk_config *config,
		       const struct iol_virtio_env *env, struct iol_virtio **v,
		       struct iol_error *err)
{
	const struct iol_block_limits *limits = &backend->limits;
	struct blk *blk = g_new0(struct blk, 1);
	int ret;

	blk->backend = backend;
	blk->failed = config->failed;
	blk->owner = config->owner;
	memcpy(blk->serial, config->serial, strnlen(config->serial, sizeof(blk->serial)));
	if (limits->discard && !limits->read_only)
		blk->discard_sectors_max = range_sectors_max(limits);
	if (limits->write_zeroes && !limits->read_only)
		blk->zeroes_sectors_max = range_sectors_max(limits);
	ret = pool_init(blk, config, err);
	if (!ret) {
		ret = iol_virtio_init(&blk->v, &ops, env, config->name, config->queues,
				      config->queue_size, features_of(blk, config->queues),
				      CONFIG_BYTES, err);
		if (ret)
			munmap(blk->pool, blk->pool_bytes);
	}
	if (ret) {
		g_free(blk);
		return ret;
	}
	fill_config(blk, config);
	*v = &blk->v;
	return 0;
}
