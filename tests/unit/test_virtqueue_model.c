// SPDX-License-Identifier: Apache-2.0
/*
 * Every state of small virtqueues: what virtqueue.c and chain.c make of it is what the model says
 * (tests/lib/virtqueue_model.h).
 *
 * Chains are enumerated lazily: a descriptor takes its values, one after the other, only when the
 * model has come to it. Fields that mean nothing in a descriptor (an index without NEXT, WRITE on what
 * refers to a table) take all their values as well, but a chain goes on only from the first one.
 * Descriptors that were not decided hold poison.
 */
#include <iolite/virtqueue.h>

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/endian.h>

#include "virtqueue_model.h"

enum {
	NEXT = 1,
	WRITE = 2,
	INDIRECT = 4,
	UNKNOWN = 0xfff8,
	DESC_BYTES = 16,
/* Queues up to this size; without optimisation, with a sanitizer or emulated 4 would take minutes. */
#if defined(__OPTIMIZE__) && !defined(FEWER_STATES) && !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__)
	SIZE_MAX_TRIED = 4,
	STEPS = 7, /* of the sequences of operations */
#else
	SIZE_MAX_TRIED = 2,
	STEPS = 6,
#endif
	RINGS = 0x1000, /* and all that lies behind them, up to DATA */
	RINGS_BYTES = 0x400,
	TABLE = 0x2004, /* not even aligned */
	DATA = 0x5000,
};

/* Large enough for a part of 2^32 - 1 bytes, on a 64-bit host; what is not touched is not there. */
#define RAM_BYTES (UINTPTR_MAX > UINT32_MAX ? 6 * IOL_GIB : 1 * IOL_GIB)
/* A small second region with nothing around it. */
#define ISLAND (UINT64_C(1) << 40)
#define ISLAND_END (ISLAND + 4096)

struct place {
	uint64_t addr;
	uint32_t len;
};

static const struct place buffers[] = {
	{ UINT64_MAX, 0 }, /* empty, and nowhere */
	{ ISLAND_END - 1, 1 }, /* the last byte */
	{ DATA, 48 },           { 0, UINT32_MAX }, /* all that a chain may have */
	{ ISLAND_END - 8, 9 }, /* over the end */
	{ UINT64_MAX - 7, 16 }, /* wraps */
};

struct state {
	struct iol_memory memory;
	struct virtio_driver driver;
	struct iol_virtqueue fresh, vq;
	struct virtqueue_model model;
	/* Chosen descriptors of the ring and of the table. */
	struct virtio_driver_desc chosen[2][VIRTQUEUE_MODEL_SIZE_MAX];
	bool decided[2][VIRTQUEUE_MODEL_SIZE_MAX];
	unsigned int idle; /* decided ones with other than the first values in meaningless fields */
	uint32_t table_entries;
	uint64_t operations; /* of sequences */
	uint64_t count, chains; /* pops that were compared, and those that took a chain */
};

static bool get_desc(void *opaque, uint64_t table, uint64_t idx, struct virtio_driver_desc *desc)
{
	struct state *s = opaque;
	bool indirect = table != s->driver.setup.desc_gpa;

	if (!s->decided[indirect][idx])
		return false;
	*desc = s->chosen[indirect][idx];
	return true;
}

static void init(struct state *s, uint16_t size, bool event_idx, bool indirect)
{
	static const struct iol_memory_region regions[] = {
		{ .gpa = 0, .size_bytes = RAM_BYTES },
		{ .gpa = ISLAND, .size_bytes = ISLAND_END - ISLAND },
	};
	struct virtio_driver_setup setup = {
		.size = size,
		.event_idx = event_idx,
		.indirect = indirect,
	};
	struct iol_virtqueue_setup queue;

	memset(s, 0, sizeof(*s));
	g_assert_cmpuint(virtio_driver_layout(&setup, RINGS), <=, RINGS + RINGS_BYTES);
	g_assert_cmpint(iol_memory_init(&s->memory, regions, 2, NULL), ==, 0);
	g_assert_cmpint(virtio_driver_init(&s->driver, &s->memory, &setup), ==, 0);
	virtio_driver_queue_setup(&s->driver, &queue);
	g_assert_cmpint(iol_virtqueue_start(&s->fresh, &s->memory, &queue, NULL), ==, 0);
	s->vq = s->fresh;
	s->model = (struct virtqueue_model){
		.size = size,
		.indirect = indirect,
		.event_idx = event_idx,
		.parts_max = size,
		.memory = &s->memory,
		.desc_gpa = setup.desc_gpa,
		.desc = get_desc,
		.opaque = s,
	};
}

static void finish(struct state *s)
{
	iol_memory_finish(&s->memory);
}

/* --- comparison --- */

static int expected(enum virtqueue_model_result result)
{
	switch (result) {
	case VIRTQUEUE_MODEL_NONE:
		return 0;
	case VIRTQUEUE_MODEL_CHAIN:
		return 1;
	default:
		return -EPROTO;
	}
}

static void print_state(const struct state *s)
{
	g_test_message("size %u, indirect %d, parts_max %u, avail_idx %u, taken %" PRIu64
		       ", published %" PRIu64 ", head %u",
		       s->model.size, s->model.indirect, s->model.parts_max, s->model.avail_idx,
		       s->model.taken, s->model.published, s->model.head);
	for (unsigned int t = 0; t < 2; t++) {
		for (unsigned int i = 0; i < VIRTQUEUE_MODEL_SIZE_MAX; i++) {
			const struct virtio_driver_desc *d = &s->chosen[t][i];

			if (s->decided[t][i])
				g_test_message("%s %u: addr %#" PRIx64 " len %u flags %#x next %u",
					       t ? "table" : "ring", i, d->addr, d->len, d->flags,
					       d->next);
		}
	}
}

static bool same_chain(const struct state *s, const struct iol_chain *chain)
{
	const struct virtqueue_model *m = &s->model;
	uint64_t bytes[2] = { 0 };
	unsigned int count[2] = { 0 };

	for (unsigned int i = 0; i < m->part_count; i++) {
		const struct virtio_driver_part *part = &m->parts[i];
		const struct iovec *iov = &chain->iov[count[0] + count[1]];

		if (!part->len)
			continue;
		if (iov->iov_base != iol_memory_ptr(&s->memory, part->gpa, part->len) ||
		    iov->iov_len != part->len)
			return false;
		bytes[part->write] += part->len;
		count[part->write]++;
	}
	return chain->head == m->head && chain->readable_count == count[0] &&
	       chain->writable_count == count[1] && chain->readable_bytes == bytes[0] &&
	       chain->writable_bytes == bytes[1];
}

/* Pops from the queue, as the model just did with @result. */
static void compare_pop(struct state *s, enum virtqueue_model_result result)
{
	struct iovec iov[VIRTQUEUE_MODEL_SIZE_MAX];
	struct iol_chain chain;
	int ret = iol_virtqueue_pop(&s->vq, &chain, iov, s->model.parts_max, NULL);

	s->count++;
	s->chains += ret == 1;
	if (ret == expected(result) && s->vq.dead == s->model.dead &&
	    (ret != 1 || same_chain(s, &chain)))
		return;
	print_state(s);
	g_error("pop: %d, and the model says %d", ret, expected(result));
}

/* --- chains --- */

static void explore(struct state *s);

static uint64_t table_gpa(const struct state *s, bool indirect)
{
	return indirect ? TABLE : s->driver.setup.desc_gpa;
}

/* Whoever looks at this one is told by a broken rule. */
static void put_poison(struct state *s, bool indirect, unsigned int idx)
{
	const struct virtio_driver_desc poison = { UINT64_MAX, UINT32_MAX, NEXT, UINT16_MAX };

	virtio_driver_put_desc(&s->driver, table_gpa(s, indirect), idx, &poison);
}

static void choose(struct state *s, bool indirect, unsigned int idx, uint16_t flags, uint16_t next,
		   const struct place *place, bool idle)
{
	const struct virtio_driver_desc desc = { place->addr, place->len, flags, next };

	s->chosen[indirect][idx] = desc;
	virtio_driver_put_desc(&s->driver, table_gpa(s, indirect), idx, &desc);
	s->idle += idle;
	explore(s);
	s->idle -= idle;
}

/* All of @flags, and with unknown ones added: every time in the smallest queues, else by turns. */
static void choose_flags(struct state *s, bool indirect, unsigned int idx, uint16_t flags,
			 uint16_t next, const struct place *place, bool idle)
{
	bool each = s->model.size <= 2;

	if (each || s->count % 2)
		choose(s, indirect, idx, flags, next, place, idle);
	if (each || !(s->count % 2))
		choose(s, indirect, idx, flags | UNKNOWN, next, place, idle || each);
}

static void choose_buffers(struct state *s, bool indirect, unsigned int idx, uint16_t flags,
			   uint16_t next, bool idle)
{
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(buffers); i++)
		choose_flags(s, indirect, idx, flags, next, &buffers[i], idle);
}

static void choose_tables(struct state *s, bool indirect, unsigned int idx, uint16_t flags,
			  uint16_t next, bool idle)
{
	const uint16_t size = s->model.size;
	const struct place wrong[] = {
		{ TABLE, 0 },
		{ TABLE, DESC_BYTES - 1 },
		{ TABLE, DESC_BYTES + 1 },
		{ TABLE, DESC_BYTES * (size + 1u) },
		{ TABLE, UINT32_MAX - (DESC_BYTES - 1) },
		{ ISLAND_END - DESC_BYTES + 1, DESC_BYTES },
		{ UINT64_MAX - (DESC_BYTES - 1), DESC_BYTES },
		{ UINT64_MAX - (DESC_BYTES - 2), DESC_BYTES },
	};
	uint32_t before = s->table_entries;

	for (unsigned int i = 0; i < IOL_ARRAY_LEN(wrong); i++)
		choose_flags(s, indirect, idx, flags, next, &wrong[i], idle);
	for (uint32_t entries = 1; entries <= size; entries++) {
		const struct place table = { TABLE, entries * DESC_BYTES };

		if (!indirect)
			s->table_entries = entries;
		choose_flags(s, indirect, idx, flags, next, &table, idle);
	}
	s->table_entries = before;
}

/* Descriptor @idx of the ring or of the table takes all values. */
static void choose_all(struct state *s, bool indirect, unsigned int idx)
{
	const uint32_t entries = indirect ? s->table_entries : s->model.size;

	s->decided[indirect][idx] = true;
	for (uint16_t flags = 0; flags < 8; flags++) {
		for (uint32_t next = 0; next <= entries + 1; next++) {
			uint16_t link = next > entries ? UINT16_MAX : (uint16_t)next;
			bool idle = next && !(flags & NEXT);

			if (flags & INDIRECT)
				choose_tables(s, indirect, idx, flags, link, idle || flags & WRITE);
			else
				choose_buffers(s, indirect, idx, flags, link, idle);
		}
	}
	s->decided[indirect][idx] = false;
	put_poison(s, indirect, idx);
}

static void explore(struct state *s)
{
	enum virtqueue_model_result result;

	s->model.dead = false;
	s->model.taken = s->model.promised = 0;
	memset(s->model.away, 0, sizeof(s->model.away));
	result = virtqueue_model_pop(&s->model);
	if (result == VIRTQUEUE_MODEL_UNDECIDED) {
		bool indirect = s->model.undecided_table != s->driver.setup.desc_gpa;

		if (!s->idle)
			choose_all(s, indirect, (unsigned int)s->model.undecided_idx);
		return;
	}
	s->vq = s->fresh;
	compare_pop(s, result);
}

static void report(const struct state *s)
{
	g_test_message("size %u, indirect %d, event_idx %d, parts_max %u: %" PRIu64
		       " pops, %" PRIu64 " of them legal; %" PRIu64 " operations",
		       s->model.size, s->model.indirect, s->model.event_idx, s->model.parts_max,
		       s->count, s->chains, s->operations);
	g_assert_cmpuint(s->chains, <, s->count);
}

static void explore_chains(uint16_t size, bool indirect, unsigned int parts_max)
{
	struct state s;

	init(&s, size, false, indirect);
	s.model.parts_max = parts_max;
	for (unsigned int i = 0; i < size; i++) {
		put_poison(&s, false, i);
		put_poison(&s, true, i);
	}
	s.model.avail_idx = 1;
	virtio_driver_put_avail_idx(&s.driver, 1);
	/* In the largest queue the tables are explored from one head: others would say the same. */
	for (uint16_t head = indirect && size == 4 ? size - 1 : 0; head <= size; head++) {
		s.model.avail[0] = head;
		virtio_driver_put_avail(&s.driver, 0, head);
		explore(&s);
	}
	report(&s);
	finish(&s);
}

static void test_chains(void)
{
	for (uint16_t size = 1; size <= SIZE_MAX_TRIED; size *= 2) {
		explore_chains(size, false, size);
		explore_chains(size, true, size);
	}
	/* A device with less room than the queue allows. */
	for (unsigned int parts_max = 0; parts_max < 2; parts_max++) {
		explore_chains(2, false, parts_max);
		explore_chains(2, true, parts_max);
	}
}

/* --- the available index --- */

/* As if @base chains had come and gone. */
static void set_base(struct state *s, uint16_t base)
{
	s->vq = s->fresh;
	s->vq.avail_idx = s->vq.avail_seen = base;
	s->vq.used_idx = s->vq.used_published = base;
	s->model.dead = false;
	s->model.taken = s->model.promised = base;
	s->model.pushed = s->model.published = base;
	s->model.avail_idx = s->model.used_idx = base;
	memset(s->model.away, 0, sizeof(s->model.away));
	virtio_driver_put_avail_idx(&s->driver, base);
}

/* Single parts, one for each head. */
static void put_singles(struct state *s)
{
	for (uint16_t i = 0; i < s->model.size; i++) {
		s->chosen[0][i] = (struct virtio_driver_desc){
			.addr = DATA + i,
			.len = i + 1u,
			.flags = i % 2 ? WRITE : 0,
		};
		s->decided[0][i] = true;
		virtio_driver_put_desc(&s->driver, s->driver.setup.desc_gpa, i, &s->chosen[0][i]);
	}
}

static void test_avail_idx(void)
{
	static const uint16_t bases[] = { 0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff };
	struct state s;

	for (uint16_t size = 1; size <= 4; size *= 2) {
		init(&s, size, false, false);
		put_singles(&s);
		for (uint16_t i = 0; i < size; i++) {
			s.model.avail[i] = size - 1 - i;
			virtio_driver_put_avail(&s.driver, i, s.model.avail[i]);
		}
		for (unsigned int b = 0; b < IOL_ARRAY_LEN(bases); b++) {
			for (uint32_t idx = 0; idx <= UINT16_MAX; idx++) {
				set_base(&s, bases[b]);
				s.model.avail_idx = (uint16_t)idx;
				virtio_driver_put_avail_idx(&s.driver, (uint16_t)idx);
				for (uint16_t i = 0; i <= size; i++)
					compare_pop(&s, virtqueue_model_pop(&s.model));
			}
		}
		report(&s);
		finish(&s);
	}
}

/* --- sequences of operations --- */

static void show(struct state *s, uint16_t head)
{
	struct virtqueue_model *m = &s->model;

	virtio_driver_put_avail(&s->driver, m->avail_idx, head);
	m->avail[m->avail_idx % m->size] = head;
	virtio_driver_put_avail_idx(&s->driver, ++m->avail_idx);
}

static void push(struct state *s, uint16_t head)
{
	iol_virtqueue_push(&s->vq, head, head + 100u);
	virtqueue_model_push(&s->model, head);
}

static void publish(struct state *s)
{
	struct virtqueue_model *m = &s->model;
	const uint8_t *elems = iol_memory_ptr(&s->memory, s->driver.setup.used_gpa + 4, 8);
	uint64_t from = m->published;
	bool wanted = virtqueue_model_publish(m);

	g_assert_cmpint(iol_virtqueue_publish(&s->vq), ==, wanted);
	for (; from < m->published; from++) {
		const uint8_t *elem = elems + 8 * (from % m->size);

		g_assert_cmpuint(le32_load(elem), ==, m->used[from % m->size]);
		g_assert_cmpuint(le32_load(elem + 4), ==, m->used[from % m->size] + 100u);
	}
}

static void want_kicks(struct state *s, bool want)
{
	bool more = virtqueue_model_want_kicks(&s->model, want);

	g_assert_cmpint(iol_virtqueue_want_kicks(&s->vq, want), ==, more);
}

/* What the driver sees is what the model shows. */
static void check_shown(const struct state *s)
{
	const struct virtqueue_model *m = &s->model;
	unsigned int away = 0;

	g_assert_cmpuint(virtio_driver_used_idx(&s->driver), ==, m->used_idx);
	g_assert_cmpuint(virtio_driver_used_flags(&s->driver), ==, m->no_notify);
	if (m->event_idx)
		g_assert_cmpuint(virtio_driver_avail_event(&s->driver), ==, m->avail_event);
	for (unsigned int i = 0; i < m->size; i++)
		away += m->away[i];
	g_assert_cmpuint(s->vq.in_flight, ==, away);
	g_assert_cmpint(s->vq.dead, ==, m->dead);
}

/* Operation @op; false: there are no more, or it is not for this state. */
static bool operate(struct state *s, unsigned int op)
{
	const uint16_t size = s->model.size;

	if (op <= size) {
		show(s, (uint16_t)op);
		return true;
	}
	op -= size + 1u;
	if (op < size) {
		if (!s->model.away[op])
			return false;
		push(s, (uint16_t)op);
		return true;
	}
	switch (op - size) {
	case 0:
		compare_pop(s, virtqueue_model_pop(&s->model));
		break;
	case 1:
		publish(s);
		break;
	case 2:
		want_kicks(s, true);
		break;
	case 3:
		want_kicks(s, false);
		break;
	default:
		/* The driver takes one back, which it must not. */
		virtio_driver_put_avail_idx(&s->driver, --s->model.avail_idx);
		break;
	}
	return true;
}

static void explore_steps(struct state *s, unsigned int steps)
{
	const unsigned int ops = 2u * s->model.size + 6;
	const struct virtqueue_model model = s->model;
	const struct iol_virtqueue vq = s->vq;
	uint8_t rings[RINGS_BYTES], *p = iol_memory_ptr(&s->memory, RINGS, RINGS_BYTES);
	/* Tables are not used here. */
	size_t bytes = s->driver.setup.tables_gpa - RINGS;

	memcpy(rings, p, bytes);
	for (unsigned int op = 0; op < ops; op++) {
		if (!operate(s, op))
			continue;
		s->operations++;
		check_shown(s);
		if (steps > 1)
			explore_steps(s, steps - 1);
		s->model = model;
		s->vq = vq;
		memcpy(p, rings, bytes);
	}
}

static void explore_sequences(uint16_t size, bool event_idx, uint16_t base, uint16_t used_event,
			      unsigned int steps)
{
	struct state s;

	init(&s, size, event_idx, false);
	put_singles(&s);
	set_base(&s, base);
	iol_le_store(iol_memory_ptr(&s.memory, s.driver.setup.used_gpa + 2, 2), 2, base);
	s.model.used_event = used_event;
	virtio_driver_put_used_event(&s.driver, used_event);
	s.model.no_interrupt = used_event & 1;
	virtio_driver_put_avail_flags(&s.driver, used_event & 1);
	explore_steps(&s, steps);
	report(&s);
	finish(&s);
}

static void test_sequences(void)
{
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		for (uint16_t event = 0; event < 2; event++) {
			explore_sequences(1, event_idx, 0, event, STEPS);
			explore_sequences(2, event_idx, 0xffff, (uint16_t)(0xffff + event), STEPS);
			explore_sequences(4, event_idx, 0xfffe, (uint16_t)(0xffff + event),
					  STEPS - 1);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtqueue_model/chains", test_chains);
	g_test_add_func("/virtqueue_model/avail_idx", test_avail_idx);
	g_test_add_func("/virtqueue_model/sequences", test_sequences);
	return g_test_run();
}
