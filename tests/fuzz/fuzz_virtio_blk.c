// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio block device: requests of every form over a disk of memory, against a second reading of
 * virtio-v1.2 5.2. Most chains are nearly right, so that their contents count; some are any.
 *
 * Oracles: each chain comes back once (virtio_driver.h), with the status and length that the model
 * says; the device writes to no byte of guest memory but those of the answer, and to no sector
 * but those of the request; after a reset it works; nothing stays in flight.
 */
#include "device.h"
#include "double_fetch.h"

#include <errno.h>
#include <glib.h>

#include <iolite/log.h>

#include "virtio_blk_rig.h"

enum {
	OPS_MAX = 64,
	QUEUES_MAX = 2,
	SECTORS = 64, /* of the disk */
	DISK_BYTES = SECTORS * 512,
	SLOTS = 32,
	OUT_BYTES = 4096, /* payload a request may have for each direction */
	IN_BYTES = 4096,
	AREA_BYTES = 0x4000, /* of a slot: what is read at its start, what is written behind */
	IN_OFFSET = 0x2000,
	RAW_BASE = BLK_RIG_DATA + SLOTS * AREA_BYTES, /* where chains of any form may point */
	RAW_BYTES = 0x40000,
	PATTERN = 0x6b,
	PARTS_MAX = 64,
	ANY_STATUS = 0x100, /* errors were injected meanwhile */
	BREAKS = 0x101,
	SEGMENT_BYTES = 16,
	SEGMENTS_MAX = 16,
	RACED_BYTES = 0x800, /* of the rings, from their start on */
};

struct sent {
	bool live;
	uint32_t type;
	uint64_t sector;
	uint32_t out_len, in_len; /* payload */
	unsigned int expected; /* a status, ANY_STATUS */
	bool sync; /* ended before anything else could happen */
	uint8_t out[16 + OUT_BYTES]; /* what the guest wrote there */
};

struct fuzz {
	struct blk_rig r;
	struct fuzz_input in;
	uint64_t features;
	bool disturbed; /* errors or another size: statuses are not foreseen */
	bool raced; /* memory changes while the device reads it: only a reset puts the books in order */
	struct sent sent[SLOTS];
	int slot_of[QUEUES_MAX][64]; /* by head; -1: a chain of any form */
	uint8_t shadow[DISK_BYTES]; /* the disk as it should be */
};

static uint64_t area(unsigned int slot)
{
	return BLK_RIG_DATA + (uint64_t)slot * AREA_BYTES;
}

/* --- the model --- */

static bool has(const struct fuzz *f, unsigned int feature)
{
	return f->features >> feature & 1;
}

static const uint8_t *segment_at(const struct sent *s, unsigned int i)
{
	return s->out + 16 + i * SEGMENT_BYTES;
}

static bool within(const struct fuzz *f, uint64_t sector, uint64_t count)
{
	uint64_t end;

	return !__builtin_add_overflow(sector, count, &end) &&
	       end <= f->r.mb->blk.limits.size_bytes / 512;
}

static unsigned int expect_ranges(const struct fuzz *f, const struct sent *s, bool discard)
{
	const struct iol_block_limits *limits = &f->r.mb->blk.limits;
	unsigned int count = s->out_len / SEGMENT_BYTES;
	unsigned int feature = discard ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES;

	if (!limits->read_only && !has(f, feature))
		return VIRTIO_BLK_S_UNSUPP;
	if (s->in_len || !count || s->out_len % SEGMENT_BYTES || count > SEGMENTS_MAX)
		return VIRTIO_BLK_S_IOERR;
	for (unsigned int i = 0; i < count; i++)
		if (le32_load(segment_at(s, i) + 12) > (discard ? 0u : 1u))
			return VIRTIO_BLK_S_UNSUPP;
	if (limits->read_only)
		return VIRTIO_BLK_S_IOERR;
	for (unsigned int i = 0; i < count; i++) {
		uint32_t sectors = le32_load(segment_at(s, i) + 8);

		if (!within(f, le64_load(segment_at(s, i)), sectors) ||
		    sectors > limits->range_bytes_max / 512)
			return VIRTIO_BLK_S_IOERR;
	}
	return VIRTIO_BLK_S_OK;
}

static unsigned int expect(const struct fuzz *f, const struct sent *s)
{
	bool write = s->type == VIRTIO_BLK_T_OUT;

	switch (s->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		if ((write ? s->in_len : s->out_len) || (write && f->r.mb->blk.limits.read_only) ||
		    (s->in_len + s->out_len) % 512 ||
		    !within(f, s->sector, (s->in_len + s->out_len) / 512))
			return VIRTIO_BLK_S_IOERR;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_FLUSH:
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		return s->out_len ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
		return expect_ranges(f, s, true);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return expect_ranges(f, s, false);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* What a request that succeeded did to the disk. */
static void apply(struct fuzz *f, const struct sent *s)
{
	if (s->type == VIRTIO_BLK_T_OUT)
		memcpy(f->shadow + s->sector * 512, s->out + 16, s->out_len);
	if (s->type != VIRTIO_BLK_T_DISCARD && s->type != VIRTIO_BLK_T_WRITE_ZEROES)
		return;
	for (unsigned int i = 0; i < s->out_len / SEGMENT_BYTES; i++)
		memset(f->shadow + le64_load(segment_at(s, i)) * 512,
		       s->type == VIRTIO_BLK_T_DISCARD ? 0xdd : 0,
		       le32_load(segment_at(s, i) + 8) * UINT64_C(512));
}

/* How many bytes from the start of the writable part are written with the answer. */
static uint32_t expect_data(const struct sent *s, uint8_t status)
{
	if (status != VIRTIO_BLK_S_OK)
		return 0;
	if (s->type == VIRTIO_BLK_T_IN)
		return s->in_len;
	return s->type == VIRTIO_BLK_T_GET_ID ? MIN(s->in_len, VIRTIO_BLK_ID_BYTES) : 0;
}

/* --- chains that came back --- */

static bool is_untouched(const uint8_t *p, size_t len)
{
	return p[0] == PATTERN && !memcmp(p, p + 1, len - 1);
}

static void check_answer(struct fuzz *f, unsigned int slot, uint32_t used_len)
{
	struct sent *s = &f->sent[slot];
	const uint8_t *in = device_rig_ptr(&f->r.dev, area(slot) + IN_OFFSET);
	uint8_t status = in[s->in_len];
	uint32_t data = expect_data(s, status);

	fuzz_check(s->live);
	s->live = false;
	fuzz_check(status <= VIRTIO_BLK_S_UNSUPP);
	if (s->expected != ANY_STATUS)
		fuzz_check(status == s->expected);
	fuzz_check(used_len == data + (data == s->in_len));
	fuzz_check(!memcmp(device_rig_ptr(&f->r.dev, area(slot)), s->out, 16 + s->out_len));
	if (data < s->in_len)
		fuzz_check(is_untouched(in + data, s->in_len - data));
	fuzz_check(is_untouched(in + s->in_len + 1, IN_BYTES + 1 - s->in_len));
	if (s->sync && s->type == VIRTIO_BLK_T_IN && status == VIRTIO_BLK_S_OK)
		fuzz_check(!memcmp(in, f->shadow + s->sector * 512, data));
	if (s->sync && status == VIRTIO_BLK_S_OK)
		apply(f, s);
}

static void take_all(struct fuzz *f)
{
	struct virtio_driver_used used;

	for (unsigned int i = 0; i < f->r.dev.v->queue_count; i++) {
		while (virtio_driver_take_used(&f->r.dev.drivers[i], &used) > 0)
			if (f->slot_of[i][used.head] >= 0)
				check_answer(f, (unsigned int)f->slot_of[i][used.head], used.len);
		fuzz_check(!virtio_driver_check(&f->r.dev.drivers[i]));
	}
}

/* Nothing is under way after it. */
static void drain(struct fuzz *f)
{
	while (f->r.mb->pending_count) {
		memory_block_end_all(f->r.mb);
		device_rig_settle(&f->r.dev);
	}
	take_all(f);
	fuzz_check(!f->r.dev.v->in_flight);
	if (f->r.dev.v->state == IOL_VIRTIO_RUNNING)
		for (unsigned int i = 0; i < f->r.dev.v->queue_count; i++)
			fuzz_check(virtio_driver_is_drained(&f->r.dev.drivers[i]));
	memcpy(f->shadow, f->r.mb->data, DISK_BYTES);
}

static void restart(struct fuzz *f)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		f->sent[i].live = false;
	f->r.mb->cancelled = false;
	f->features = device_rig_offered(&f->r.dev);
	if (fuzz_u8(&f->in) >= 0xa0)
		f->features &= ~fuzz_number(&f->in, 4);
	device_rig_start(&f->r.dev, f->features);
}

/* By the driver, or by the machine. */
static void reset(struct fuzz *f, bool machine)
{
	struct iol_quiesce quiesce = { .pending = 2 };
	bool waits = f->r.dev.v->in_flight;

	if (machine) {
		fuzz_check(iol_virtio_quiesce(f->r.dev.v, &quiesce) == !waits);
		iol_virtio_cancel(f->r.dev.v);
	} else {
		fuzz_check(device_rig_reset(&f->r.dev) == !waits);
	}
	take_all(f);
	drain(f);
	if (machine) {
		fuzz_check(quiesce.pending == (waits ? 1 : 2));
		iol_virtio_reset(f->r.dev.v);
	}
	fuzz_check(!iol_virtio_status(f->r.dev.v));
	restart(f);
}

/* --- requests --- */

static uint64_t any_sector(struct fuzz_input *in)
{
	uint8_t shift;

	switch (fuzz_u8(in) % 8) {
	case 0:
		return fuzz_number(in, 8);
	case 1:
		return SECTORS - fuzz_u8(in) % 16 + 4;
	case 2:
		shift = fuzz_u8(in) % 64;
		return (UINT64_MAX >> shift) - fuzz_u8(in) % 4;
	default:
		return fuzz_u8(in) % SECTORS;
	}
}

static uint32_t any_type(struct fuzz_input *in)
{
	static const uint8_t types[] = { VIRTIO_BLK_T_IN,      VIRTIO_BLK_T_OUT,
					 VIRTIO_BLK_T_FLUSH,   VIRTIO_BLK_T_GET_ID,
					 VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
	uint8_t which = fuzz_u8(in);

	return which < 240 ? types[which % sizeof(types)] : (uint32_t)fuzz_number(in, 4);
}

static uint32_t any_len(struct fuzz_input *in, uint32_t unit)
{
	uint8_t how = fuzz_u8(in);

	if (how >= 240)
		return fuzz_u16(in) % (OUT_BYTES + 1);
	return MIN(how % 20 * unit, (uint32_t)OUT_BYTES);
}

static void fill_segments(struct fuzz_input *in, struct sent *s)
{
	for (uint32_t i = 0; i < s->out_len / SEGMENT_BYTES; i++) {
		uint8_t *p = s->out + 16 + (size_t)i * SEGMENT_BYTES;
		uint8_t how = fuzz_u8(in);

		le64_store(p, any_sector(in));
		le32_store(p + 8, how < 240 ? fuzz_u8(in) % 16 : (uint32_t)fuzz_number(in, 4));
		le32_store(p + 12, how & 1 ? (how & 0xe ? 1 : (uint32_t)fuzz_number(in, 4)) : 0);
	}
}

static void fill_request(struct fuzz_input *in, struct sent *s)
{
	bool ranges;
	uint8_t odd;

	s->type = any_type(in);
	s->sector = any_sector(in);
	ranges = s->type == VIRTIO_BLK_T_DISCARD || s->type == VIRTIO_BLK_T_WRITE_ZEROES;
	odd = fuzz_u8(in);
	s->out_len = ranges                        ? any_len(in, SEGMENT_BYTES)
		     : s->type == VIRTIO_BLK_T_OUT ? any_len(in, 512)
						   : 0;
	s->in_len = s->type == VIRTIO_BLK_T_IN       ? any_len(in, 512)
		    : s->type == VIRTIO_BLK_T_GET_ID ? any_len(in, 4)
						     : 0;
	if (odd >= 240 && (odd & 1))
		s->out_len = any_len(in, 8);
	if (odd >= 240 && (odd & 2))
		s->in_len = any_len(in, 8);
	memset(s->out, 0, 16);
	le32_store(s->out, s->type);
	le32_store(s->out + 4, odd);
	le64_store(s->out + 8, s->sector);
	memset(s->out + 16, fuzz_u8(in), s->out_len);
	if (ranges)
		fill_segments(in, s);
}

static unsigned int cut(struct virtio_driver_part *parts, uint64_t gpa, uint32_t len, uint32_t step,
			bool write)
{
	unsigned int count = 0;

	if (!step || len / step > PARTS_MAX / 2 - 2)
		step = len;
	while (len) {
		uint32_t bytes = MIN(len, step);

		parts[count++] = (struct virtio_driver_part){ gpa, bytes, write };
		gpa += bytes;
		len -= bytes;
	}
	return count;
}

/* A chain that breaks the device: it waits for a reset, and gets it. */
static void check_broken(struct fuzz *f)
{
	fuzz_check(device_rig_is_broken(&f->r.dev));
	reset(f, fuzz_u8(&f->in) & 1);
}

static void send_request(struct fuzz *f)
{
	unsigned int queue = fuzz_u8(&f->in) % f->r.dev.v->queue_count, slot = 0, count, expected;
	uint8_t how = fuzz_u8(&f->in), step_out = fuzz_u8(&f->in), step_in = fuzz_u8(&f->in);
	bool short_header = how >= 0xf8 && (how & 1), no_status = how >= 0xf8 && (how & 2);
	bool indirect = has(f, VIRTIO_RING_F_INDIRECT_DESC) && (how & 4);
	struct virtio_driver_part parts[PARTS_MAX];
	struct sent *s;
	int head;

	while (slot < SLOTS && f->sent[slot].live)
		slot++;
	if (slot == SLOTS)
		return;
	s = &f->sent[slot];
	fill_request(&f->in, s);
	memcpy(device_rig_ptr(&f->r.dev, area(slot)), s->out, 16 + s->out_len);
	memset(device_rig_ptr(&f->r.dev, area(slot) + IN_OFFSET), PATTERN, IN_BYTES + 2);
	count = cut(parts, area(slot), short_header ? how & 0xf : 16 + s->out_len, step_out, false);
	if (!no_status)
		count += cut(parts + count, area(slot) + IN_OFFSET, s->in_len + 1, step_in, true);
	if (!count || count > f->r.dev.v->queues[0].size_max)
		return;
	head = device_rig_add(&f->r.dev, queue, parts, count, indirect);
	if (head < 0)
		return;
	f->slot_of[queue][head] = (int)slot;
	s->live = true;
	s->sync = !f->r.mb->async && !f->r.dev.v->in_flight && !f->disturbed;
	expected = short_header || no_status ? BREAKS : expect(f, s);
	s->expected = f->disturbed ? ANY_STATUS : expected;
	device_rig_kick(&f->r.dev, queue);
	if (f->raced)
		return;
	if (expected == BREAKS) {
		check_broken(f);
		return;
	}
	fuzz_check(!device_rig_is_broken(&f->r.dev));
	take_all(f);
	if (s->sync) {
		fuzz_check(!s->live);
		fuzz_check(!memcmp(f->shadow, f->r.mb->data, DISK_BYTES));
	}
}

/* Parts of any length in RAM that nothing else uses, some nowhere. */
static void send_any(struct fuzz *f)
{
	unsigned int queue = fuzz_u8(&f->in) % f->r.dev.v->queue_count;
	unsigned int count = fuzz_u8(&f->in) % 12 + 1;
	struct virtio_driver_part parts[12];
	uint8_t flags = fuzz_u8(&f->in);
	int head;

	for (unsigned int i = 0; i < count; i++) {
		uint32_t at = fuzz_u16(&f->in), len = fuzz_u16(&f->in);

		parts[i] = (struct virtio_driver_part){
			.gpa = RAW_BASE + at,
			.len = len % (RAW_BYTES - 0x10000),
			.write = i >= (flags & 7u),
		};
		if (flags >= 0xf0 && i == (flags & 7u))
			parts[i].gpa = BLK_RIG_RAM_BYTES + fuzz_number(&f->in, 8) / 2 - at;
	}
	/* A header that may be right. */
	if (parts[0].gpa < RAW_BASE + RAW_BYTES) {
		le32_store(device_rig_ptr(&f->r.dev, parts[0].gpa), any_type(&f->in));
		le64_store(device_rig_ptr(&f->r.dev, parts[0].gpa + 8), any_sector(&f->in));
	}
	head = device_rig_add(&f->r.dev, queue, parts, count,
			      has(f, VIRTIO_RING_F_INDIRECT_DESC) && (flags & 8));
	if (head < 0)
		return;
	f->slot_of[queue][head] = -1;
	device_rig_kick(&f->r.dev, queue);
	if (f->raced)
		return;
	if (device_rig_is_broken(&f->r.dev))
		check_broken(f);
	take_all(f);
	memcpy(f->shadow, f->r.mb->data, DISK_BYTES);
}

/*
 * Requests that become others while the device looks at them. What is done is then what no model says; but no more than
 * a guest may do, all of it ends, and after a reset all is as ever.
 */
static void race(struct fuzz *f)
{
	uint8_t how = fuzz_u8(&f->in);

	drain(f);
	f->raced = true;
	for (unsigned int i = 0; i <= how % 4; i++)
		double_fetch_arm(&f->in, device_rig_ptr(&f->r.dev, DEVICE_RIG_RINGS), RACED_BYTES);
	for (unsigned int i = 0; i <= how / 4 % 4; i++) {
		if (how & 0x80)
			send_any(f);
		else
			send_request(f);
	}
	double_fetch_disarm();
	while (f->r.mb->pending_count) {
		memory_block_end_all(f->r.mb);
		device_rig_settle(&f->r.dev);
	}
	fuzz_check(!f->r.dev.v->in_flight);
	fuzz_check(memory_block_is_whole(f->r.mb));
	fuzz_reset(&f->r.dev, how & 0x40);
	memcpy(f->shadow, f->r.mb->data, DISK_BYTES);
	f->raced = false;
	restart(f);
}

/* --- all else that happens to a disk --- */

/* Statuses are not foreseen for what is under way, nor for what comes while @on. */
static void disturb(struct fuzz *f, bool on)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		f->sent[i].expected = ANY_STATUS;
	f->disturbed = on;
}

static void set_errors(struct fuzz *f)
{
	static const int errors[] = { 0, -EIO, -ENOSPC, -EOPNOTSUPP };

	f->r.mb->fail_with = errors[fuzz_u8(&f->in) % G_N_ELEMENTS(errors)];
	f->r.mb->fail_kinds = fuzz_u8(&f->in);
	f->r.mb->fail_from = fuzz_u8(&f->in) * UINT64_C(512);
	disturb(f, f->r.mb->fail_with);
	if (!f->r.mb->fail_with)
		drain(f);
}

static void resize(struct fuzz *f)
{
	f->r.mb->next_size_bytes = (fuzz_u8(&f->in) % (SECTORS + 1)) * UINT64_C(512);
	disturb(f, f->disturbed);
	iol_virtio_blk_refresh(f->r.dev.v);
	fuzz_check(iol_virtio_config_read(f->r.dev.v, 0, 8) == f->r.mb->next_size_bytes / 512);
	drain(f);
}

static void write_config(struct fuzz *f)
{
	uint64_t offset = fuzz_u8(&f->in), value = fuzz_number(&f->in, 4);
	uint64_t capacity = iol_virtio_config_read(f->r.dev.v, 0, 8);

	iol_virtio_config_write(f->r.dev.v, offset, 1u << value % 4, value);
	fuzz_check(iol_virtio_config_read(f->r.dev.v, 0, 8) == capacity);
	fuzz_check(iol_virtio_config_read(f->r.dev.v, offsetof(struct virtio_blk_config, wce), 2) <=
		   1);
}

static void set_async(struct fuzz *f)
{
	drain(f);
	f->r.mb->async = fuzz_u8(&f->in) & 1;
}

static void end_one(struct fuzz *f)
{
	uint8_t which = fuzz_u8(&f->in);

	if (!f->r.mb->pending_count)
		return;
	memory_block_end(f->r.mb, which % f->r.mb->pending_count);
	device_rig_settle(&f->r.dev);
	take_all(f);
	memcpy(f->shadow, f->r.mb->data, DISK_BYTES);
}

static void run_op(struct fuzz *f)
{
	uint8_t op = fuzz_u8(&f->in);

	switch (op % 32) {
	case 0:
		reset(f, op & 0x80);
		break;
	case 1:
		set_errors(f);
		break;
	case 2:
		resize(f);
		break;
	case 3:
		write_config(f);
		break;
	case 4:
	case 5:
		set_async(f);
		break;
	case 6:
	case 7:
	case 8:
		send_any(f);
		break;
	case 9:
	case 10:
	case 11:
	case 12:
		end_one(f);
		break;
	case 31:
		race(f);
		break;
	default:
		send_request(f);
		break;
	}
}

static void start(struct fuzz *f)
{
	uint8_t how = fuzz_u8(&f->in), size = fuzz_u8(&f->in);
	struct blk_rig_setup setup = {
		.loop = fuzz_loop(),
		.limits = blk_rig_limits,
		.queues = how & 1 ? QUEUES_MAX : 1,
		.queue_size = (uint16_t)(4 << size % 4),
	};

	setup.limits.size_bytes = DISK_BYTES;
	setup.limits.read_only = (how & 6) == 6;
	setup.limits.volatile_cache = how & 8;
	setup.limits.discard = !(how & 16);
	setup.limits.write_zeroes = !(how & 32);
	setup.limits.range_bytes_max = how & 64 ? 4096 : UINT64_MAX;
	setup.limits.logical_block_bytes = how & 128 ? 4096 : 512;
	blk_rig_init(&f->r, &setup);
	double_fetch_begin(&f->r.dev.memory);
	/* A sector's number is its contents. */
	for (size_t i = 0; i < SECTORS; i++)
		memset(f->r.mb->data + i * 512, (int)i + 1, 512);
	memcpy(f->shadow, f->r.mb->data, DISK_BYTES);
	restart(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz *f = g_new0(struct fuzz, 1);

	iol_log_set_level(IOL_LOG_ERROR);
	f->in = (struct fuzz_input){ data, len };
	start(f);
	for (unsigned int i = 0; i < OPS_MAX && f->in.len; i++)
		run_op(f);
	drain(f);
	fuzz_check(memory_block_is_whole(f->r.mb));
	device_rig_finish(&f->r.dev);
	g_free(f);
	return 0;
}
