// SPDX-License-Identifier: Apache-2.0
/*
 * A hostile driver at a split virtqueue: rings, chains and tables of any content, changed while they
 * are read. virtqueue.c and chain.c are compiled into this program once more, with a hook in front of
 * each of their reads of guest memory.
 *
 * An input is a set-up and then a sequence of operations (ops[] below): most make chains as a driver
 * would, with a mistake in few of them; some write words of the rings as the input has them. A part of
 * the input says what changes when: a list of reads after which a byte that is about to be read, or any
 * other one, becomes another.
 */
#include "fuzz.h"
#include "heap.h"

#include <errno.h>
#include <inttypes.h>

#include "devices/virtio/ring.h"
#include "double_fetch.h"
#include "virtio_driver.h"

enum {
	RAM_BYTES = 0x8000, /* rings and tables of the largest queue, and more */
	ISLAND_BYTES = 0x1000,
	RINGS = 0x40,
	QUEUE_MAX = 32,
	OPS_MAX = 512,
	PARTS_MAX = 12,
	/* Of a good chain: index, head, descriptors, one of them that of a table; and some to spare. */
	READS_MAX = QUEUE_MAX + 8,
	HEAP_SLACK_BYTES = 1024,
	CHANGED_BYTES = 0x400, /* from RINGS on */
	STAND_BY = 0x5a,
};

#define ISLAND UINT64_C(0x100000)

struct machine {
	struct iol_memory memory;
	struct virtio_driver driver;
	struct iol_virtqueue_setup setup;
	struct iol_virtqueue vq;
	/* What the device has, by head; parts are kept as they came. */
	unsigned int away_count;
	uint16_t away[QUEUE_MAX];
	uint32_t writable[QUEUE_MAX];
	uint64_t popped, pushed;
	uint16_t published;
	bool hostile; /* the driver's books are void */
	/* What the device has read since a pop began. */
	unsigned int read_count;
	struct iovec reads[READS_MAX];
};

static struct machine m;

/* Before each read of ours. */
static void note_read(const volatile void *p, size_t len)
{
	if (m.read_count < READS_MAX)
		m.reads[m.read_count] = (struct iovec){ (void *)(uintptr_t)p, len };
	m.read_count++;
	double_fetch_read(p, len);
	if (double_fetch_hits())
		m.hostile = true;
}

/* --- what always holds --- */

static void check_queue(void)
{
	unsigned int busy = 0;

	if (!m.vq.size)
		return;
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(m.vq.busy); i++)
		busy += (unsigned int)__builtin_popcountll(m.vq.busy[i]);
	fuzz_check(busy == m.vq.in_flight && busy <= m.vq.size);
	fuzz_check(m.popped == m.pushed + m.vq.in_flight);
	fuzz_check(m.vq.in_flight == m.away_count);
	for (unsigned int i = 0; i < m.away_count; i++)
		fuzz_check(m.vq.busy[m.away[i] / 64] >> m.away[i] % 64 & 1);
	fuzz_check((uint16_t)(m.vq.used_idx - (uint16_t)m.pushed) == 0);
	fuzz_check((uint16_t)(m.vq.avail_idx - (uint16_t)m.popped) == 0);
	fuzz_check((uint16_t)(m.vq.used_idx - m.vq.used_published) <= m.vq.size);
	fuzz_check(m.vq.used_published == m.published);
}

static void check_chain(const struct iol_chain *chain, const struct iovec *iov,
			unsigned int iov_max)
{
	unsigned int count = chain->readable_count + chain->writable_count;
	uint64_t bytes[2] = { 0 };

	fuzz_check(chain->head < m.vq.size && chain->iov == iov && count <= iov_max);
	for (unsigned int i = 0; i < count; i++) {
		fuzz_check(iov[i].iov_len && is_in_ram(&m.memory, iov[i].iov_base, iov[i].iov_len));
		bytes[i >= chain->readable_count] += iov[i].iov_len;
	}
	fuzz_check(bytes[0] == chain->readable_bytes && bytes[1] == chain->writable_bytes);
	fuzz_check(bytes[0] + bytes[1] <= UINT32_MAX);
	for (unsigned int i = count; i < QUEUE_MAX; i++)
		fuzz_check(iov[i].iov_len == STAND_BY);
}

/* G2: nothing of a chain is read twice, lest it be judged as one thing and used as another. */
static void check_reads(void)
{
	fuzz_check(m.read_count <= READS_MAX);
	for (unsigned int i = 0; i < m.read_count; i++) {
		const uint8_t *a = m.reads[i].iov_base;

		for (unsigned int j = 0; j < i; j++) {
			const uint8_t *b = m.reads[j].iov_base;

			fuzz_check(a >= b + m.reads[j].iov_len || b >= a + m.reads[i].iov_len);
		}
	}
}

/* As devices use a chain. */
static void use_chain(struct iol_chain *chain, struct fuzz_input *in)
{
	uint32_t readable = chain->readable_bytes, writable = chain->writable_bytes;
	uint8_t how = fuzz_u8(in), buf[64], *status;
	uint32_t len = how % 64;

	memset(buf, STAND_BY, sizeof(buf));
	fuzz_check(iol_chain_take_header(chain, buf, len) == (len <= readable));
	fuzz_check(chain->readable_bytes == (len <= readable ? readable - len : readable));
	if (how & 0x40) {
		status = iol_chain_take_status(chain);
		fuzz_check(!status == !writable);
		fuzz_check(!status || is_in_ram(&m.memory, status, 1));
		writable -= status ? 1 : 0;
	}
	fuzz_check(chain->writable_bytes == writable);
	if (how & 0x80) {
		fuzz_check(iol_chain_write(chain, buf, len) == (len < writable ? len : writable));
		/* It may have been written over rings and tables. */
		m.hostile = true;
	}
}

/* --- operations --- */

static void op_pop(struct fuzz_input *in)
{
	struct iovec iov[QUEUE_MAX];
	struct iol_error err = { 0 };
	bool was_dead = m.vq.dead;
	struct iol_chain chain;
	uint8_t room = fuzz_u8(in);
	unsigned int iov_max = room < 0xf0 ? QUEUE_MAX : room - 0xf0u;
	int ret;

	for (unsigned int i = 0; i < QUEUE_MAX; i++)
		iov[i].iov_len = STAND_BY;
	m.read_count = 0;
	ret = iol_virtqueue_pop(&m.vq, &chain, iov, iov_max, &err);
	if (ret < 0) {
		fuzz_check_error(&err, ret);
		fuzz_check(ret == -EPROTO && m.vq.dead);
		/* Nobody but the guest is to blame. */
		fuzz_check(was_dead || m.hostile || iov_max < QUEUE_MAX);
		return;
	}
	fuzz_check(!m.vq.dead);
	if (!ret)
		return;
	/* A hostile driver may put a table over another one, or have the device walk in circles. */
	if (!m.hostile)
		check_reads();
	m.popped++;
	fuzz_check((uint16_t)(m.vq.avail_seen - m.vq.avail_idx) < m.vq.size);
	check_chain(&chain, iov, iov_max);
	m.writable[m.away_count] = chain.writable_bytes;
	m.away[m.away_count++] = chain.head;
	use_chain(&chain, in);
}

static void op_push(struct fuzz_input *in)
{
	unsigned int which = fuzz_u8(in);
	uint16_t used = m.vq.used_idx;

	if (!m.away_count)
		return;
	which %= m.away_count;
	iol_virtqueue_push(&m.vq, m.away[which], m.writable[which]);
	if (m.vq.dead || !m.vq.size) {
		fuzz_check(m.vq.used_idx == used);
		return;
	}
	fuzz_check((uint16_t)(used + 1) == m.vq.used_idx);
	m.away_count--;
	m.away[which] = m.away[m.away_count];
	m.writable[which] = m.writable[m.away_count];
	m.pushed++;
}

static void op_publish(struct fuzz_input *in)
{
	uint16_t before = virtio_driver_used_idx(&m.driver);
	bool open = m.vq.size && !m.vq.dead;
	bool news = open && m.vq.used_idx != m.published;
	unsigned int changes = double_fetch_hits();
	bool wanted;

	(void)in;
	wanted = iol_virtqueue_publish(&m.vq);
	fuzz_check(!wanted || news);
	if (news)
		m.published = m.vq.used_idx;
	/* Unless the guest writes there itself. */
	if (changes == double_fetch_hits())
		fuzz_check(virtio_driver_used_idx(&m.driver) == (news ? m.published : before));
}

static void op_kicks(struct fuzz_input *in)
{
	bool want = fuzz_u8(in) & 1;
	bool more = iol_virtqueue_want_kicks(&m.vq, want);

	fuzz_check(!more || (want && !m.vq.dead && iol_virtqueue_pending(&m.vq)));
}

static void op_pending(struct fuzz_input *in)
{
	(void)in;
	fuzz_check(!iol_virtqueue_pending(&m.vq) || (m.vq.size && !m.vq.dead));
}

/* A part somewhere in RAM, seldom elsewhere. */
static struct virtio_driver_part next_part(struct fuzz_input *in, bool write)
{
	uint8_t knob = fuzz_u8(in);
	struct virtio_driver_part part = { .write = write };

	switch (knob) {
	case 0xff: /* anything */
		part.gpa = fuzz_number(in, 8);
		part.len = (uint32_t)fuzz_number(in, 4);
		m.hostile = true;
		return part;
	case 0xfe: /* over an end, or just not */
		part.len = fuzz_u8(in);
		part.gpa = ISLAND + ISLAND_BYTES - fuzz_u8(in);
		m.hostile = true;
		return part;
	case 0xfd: /* the other order */
		part.write = !write;
		m.hostile = true;
		break;
	default:
		break;
	}
	part.len = knob % 8 ? knob * 5u : 0;
	part.gpa = (knob & 0x20 ? ISLAND : RAM_BYTES - UINT64_C(0x800)) + knob;
	return part;
}

/* A chain as a driver makes it: readable parts, writable ones, some of them in a table. */
static void op_add(struct fuzz_input *in)
{
	struct virtio_driver_part parts[PARTS_MAX];
	uint8_t shape = fuzz_u8(in);
	unsigned int count = 1 + shape % PARTS_MAX, readable = fuzz_u8(in) % (count + 1);
	unsigned int direct = shape & 0x80 && m.setup.indirect ? shape / 16 % 8u : count;

	if (direct > count)
		direct = count;
	if (count > m.setup.size)
		count = direct = m.setup.size;
	for (unsigned int i = 0; i < count; i++)
		parts[i] = next_part(in, i >= readable);
	virtio_driver_add(&m.driver, parts, count, direct);
	if (shape & 0x40)
		virtio_driver_show(&m.driver);
}

static void op_show(struct fuzz_input *in)
{
	(void)in;
	virtio_driver_show(&m.driver);
}

static void op_take_used(struct fuzz_input *in)
{
	struct virtio_driver_used used;
	uint8_t count = fuzz_u8(in);

	for (unsigned int i = 0; i <= count % 8; i++) {
		int ret = virtio_driver_take_used(&m.driver, &used);

		fuzz_check(ret >= 0 || m.hostile);
		if (ret <= 0)
			return;
	}
}

static void op_interrupts(struct fuzz_input *in)
{
	uint8_t how = fuzz_u8(in);

	if (how & 0x80)
		virtio_driver_put_used_event(&m.driver, fuzz_u16(in));
	else
		virtio_driver_want_interrupts(&m.driver, how & 1);
}

/* Raw: a descriptor, of the ring or of a table. */
static void op_desc(struct fuzz_input *in)
{
	uint8_t which = fuzz_u8(in), what = fuzz_u8(in);
	uint64_t table = m.setup.desc_gpa;
	struct virtio_driver_desc desc;

	if (which & 0x80)
		table = virtio_driver_table_gpa(&m.driver, what / 8 % m.setup.size);
	desc = virtio_driver_get_desc(&m.driver, table, which % m.setup.size);
	switch (what % 8) {
	case 0:
		desc.addr = fuzz_number(in, 8);
		break;
	case 1:
		desc.len = (uint32_t)fuzz_number(in, 4);
		break;
	case 2:
		desc.flags = fuzz_u16(in);
		break;
	case 3:
		desc.flags = fuzz_u8(in) % 8;
		break;
	case 4:
		desc.next = fuzz_u16(in);
		break;
	case 5:
		desc.next = fuzz_u8(in) % m.setup.size;
		break;
	case 6:
		desc.addr = virtio_driver_table_gpa(&m.driver, fuzz_u8(in) % m.setup.size);
		desc.len = 16u * (fuzz_u8(in) % (m.setup.size + 2u));
		desc.flags |= VRING_DESC_F_INDIRECT;
		break;
	default:
		desc.addr = fuzz_u16(in);
		desc.len = fuzz_u8(in);
		break;
	}
	virtio_driver_put_desc(&m.driver, table, which % m.setup.size, &desc);
	m.hostile = true;
}

/* Raw: words of the rings. */
static void op_words(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in), at = what >= 0x60 && what < 0x70 ? fuzz_u8(in) : 0;

	m.hostile = true;
	if (what < 0x60)
		virtio_driver_put_avail(&m.driver, m.driver.avail_idx++, what % m.setup.size);
	else if (what < 0x70)
		virtio_driver_put_avail(&m.driver, at, fuzz_u16(in));
	else if (what < 0xe0)
		virtio_driver_put_avail_idx(&m.driver, (uint16_t)(m.driver.avail_idx + what % 4));
	else if (what < 0xf0)
		virtio_driver_put_avail_idx(&m.driver, fuzz_u16(in));
	else
		virtio_driver_put_avail_flags(&m.driver, fuzz_u16(in));
}

/* Raw: bytes as the input has them. */
static void op_bytes(struct fuzz_input *in)
{
	uint16_t where = fuzz_u16(in);
	uint8_t want = fuzz_u8(in);
	size_t got;
	const uint8_t *data = fuzz_take(in, want, &got);

	if (got)
		iol_memory_write(&m.memory, where % (RAM_BYTES - 0x100), data, got);
	m.hostile = true;
}

static void op_change(struct fuzz_input *in)
{
	double_fetch_arm(in, m.memory.regions[0].hva + RINGS, CHANGED_BYTES);
}

static void start(struct fuzz_input *in);

static void op_restart(struct fuzz_input *in)
{
	iol_virtqueue_stop(&m.vq);
	fuzz_check(!iol_virtqueue_pending(&m.vq) && !iol_virtqueue_publish(&m.vq));
	if (m.away_count)
		iol_virtqueue_push(&m.vq, m.away[0], 0);
	fuzz_check(virtio_driver_used_idx(&m.driver) == m.published || m.hostile);
	start(in);
}

static void (*const ops[])(struct fuzz_input *in) = {
	op_add,     op_add,   op_add,     op_add,       op_show,      op_show,       op_pop,
	op_pop,     op_pop,   op_pop,     op_push,      op_push,      op_push,       op_publish,
	op_publish, op_kicks, op_pending, op_take_used, op_take_used, op_interrupts, op_desc,
	op_words,   op_bytes, op_change,  op_restart,
};

/* --- set-up --- */

/* A queue, seldom one that cannot be. */
static void start(struct fuzz_input *in)
{
	struct virtio_driver_setup setup = { 0 };
	uint8_t how = fuzz_u8(in), knob = fuzz_u8(in);
	struct iol_error err = { 0 };
	int ret;

	m.vq = (struct iol_virtqueue){ 0 };
	m.away_count = 0;
	m.popped = m.pushed = 0;
	m.published = 0;
	double_fetch_begin(&m.memory);
	m.hostile = false;
	memset(m.memory.regions[0].hva, 0, RAM_BYTES);
	setup.size = (uint16_t)(1u << how % 6);
	setup.event_idx = how & 0x40;
	setup.indirect = how & 0x80;
	virtio_driver_layout(&setup, RINGS);
	fuzz_check(!virtio_driver_init(&m.driver, &m.memory, &setup));
	virtio_driver_queue_setup(&m.driver, &m.setup);
	if (knob >= 0xf8) {
		struct iol_virtqueue_setup odd = m.setup;

		odd.size = knob & 1 ? fuzz_u16(in) : odd.size;
		odd.desc_gpa = knob & 2 ? fuzz_number(in, 8) : odd.desc_gpa;
		odd.used_gpa = knob & 4 ? fuzz_number(in, 8) : odd.used_gpa;
		odd.avail_gpa = fuzz_number(in, 8);
		ret = iol_virtqueue_start(&m.vq, &m.memory, &odd, &err);
		if (ret)
			fuzz_check_error(&err, ret);
		fuzz_check(!ret == !!m.vq.size);
		m.vq = (struct iol_virtqueue){ 0 };
		memset(m.memory.regions[0].hva, 0, RAM_BYTES);
	}
	fuzz_check(!iol_virtqueue_start(&m.vq, &m.memory, &m.setup, &err));
}

/* Whatever happened: started anew, the queue serves a proper driver. */
static void check_works(void)
{
	const struct virtio_driver_part part = { .gpa = ISLAND, .len = 8, .write = true };
	struct fuzz_input none = { (const uint8_t *)"", 0 };
	struct virtio_driver_used used;
	struct iol_chain chain;
	struct iovec iov;
	int head;

	start(&none);
	head = virtio_driver_add(&m.driver, &part, 1, 1);
	fuzz_check(virtio_driver_show(&m.driver));
	fuzz_check(iol_virtqueue_pop(&m.vq, &chain, &iov, 1, NULL) == 1 && chain.head == head);
	iol_virtqueue_push(&m.vq, chain.head, 8);
	fuzz_check(iol_virtqueue_publish(&m.vq));
	fuzz_check(virtio_driver_take_used(&m.driver, &used) == 1 && used.head == head);
	fuzz_check(virtio_driver_is_drained(&m.driver));
}

static void init_once(void)
{
	static const struct iol_memory_region regions[] = {
		{ .gpa = 0, .size_bytes = RAM_BYTES },
		{ .gpa = ISLAND, .size_bytes = ISLAND_BYTES },
	};

	if (!m.memory.mapping)
		fuzz_check(!iol_memory_init(&m.memory, regions, 2, NULL));
	iol_guest_read_hook = note_read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };
	size_t heap;

	init_once();
	heap = heap_bytes();
	memset(m.memory.regions[1].hva, 0, ISLAND_BYTES);
	start(&in);
	for (unsigned int i = 0; in.len && i < OPS_MAX; i++) {
		ops[fuzz_u8(&in) % IOL_ARRAY_LEN(ops)](&in);
		check_queue();
	}
	check_works();
	/* libFuzzer's own threads use the heap too. */
	fuzz_check(heap_bytes() <= heap + HEAP_SLACK_BYTES);
	return 0;
}
