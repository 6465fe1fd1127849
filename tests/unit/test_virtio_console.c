// SPDX-License-Identifier: Apache-2.0
/*
 * The console (virtio-v1.2 5.3), over a backend that takes what the test lets it. Over the real one:
 * test_virtio_console_line.c.
 */
#include <iolite/virtio_console.h>

#include <errno.h>
#include <linux/virtio_console.h>
#include <string.h>

#include <iolite/log.h>

#include "virtio_hostile.h"
#include "virtio_small_rig.h"

enum {
	RX,
	TX,
	QUEUE_SIZE = 32,
	UNTOUCHED = 0x5a,
	COLS = 0,
	ROWS = 2,
	PORTS = 4,
	EMERG = 8,
	GO_BYTES = 64 * 1024, /* that the device may output in one go */
};

/* The backend of most tests. */
static struct {
	unsigned int room; /* bytes it takes; UINT_MAX: any number */
	GString *output;
	uint64_t total; /* bytes, also where they are not kept */
	bool keep;
	bool wants_writable;
	unsigned int writes, readies;
	struct iol_loop *stop_at_total; /* stopped when stop_total bytes came */
	uint64_t stop_total;
} far;

unsigned int __wrap_iol_char_write(struct iol_char *chr, const uint8_t *data, unsigned int len);
unsigned int __wrap_iol_char_write(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	unsigned int taken = MIN(len, far.room);

	(void)chr;
	far.writes++;
	if (far.keep)
		g_string_append_len(far.output, (const char *)data, (gssize)taken);
	far.total += taken;
	if (far.room != UINT_MAX)
		far.room -= taken;
	far.wants_writable = far.wants_writable || taken < len;
	if (far.stop_at_total && far.total >= far.stop_total)
		iol_loop_stop(far.stop_at_total);
	return taken;
}

void __wrap_iol_char_ready(struct iol_char *chr);
void __wrap_iol_char_ready(struct iol_char *chr)
{
	(void)chr;
	far.readies++;
}

static void init_stopped(struct device_rig *r)
{
	static struct iol_char no_char;
	const struct iol_virtio_console_config config = { .name = "test", .cols = 80, .rows = 25 };
	struct iol_virtio *v;
	struct iol_error err;

	if (far.output)
		g_string_free(far.output, TRUE);
	memset(&far, 0, sizeof(far));
	far.output = g_string_new(NULL);
	far.room = UINT_MAX;
	far.keep = true;
	small_rig_init(r, NULL);
	if (iol_virtio_console_new(&no_char, &config, &r->env, &v, &err))
		g_error("%s", err.msg);
	device_rig_attach(r, v);
	memset(device_rig_ptr(r, SMALL_RIG_DATA), UNTOUCHED, SMALL_RIG_DATA_BYTES);
}

static void init(struct device_rig *r)
{
	init_stopped(r);
	device_rig_start(r, UINT64_MAX);
}

static void finish(struct device_rig *r)
{
	device_rig_check(r);
	small_rig_finish(r);
}

static struct iol_char_user *user(struct device_rig *r)
{
	return iol_virtio_console_char_user(r->v);
}

static unsigned int receive(struct device_rig *r, const char *text)
{
	unsigned int taken =
		user(r)->receive(user(r), (const uint8_t *)text, (unsigned int)strlen(text));

	device_rig_settle(r);
	return taken;
}

/* The backend has room for @room bytes more and says so. */
static void make_room(struct device_rig *r, unsigned int room)
{
	far.room = room;
	g_assert_true(far.wants_writable);
	far.wants_writable = false;
	user(r)->writable(user(r));
	device_rig_settle(r);
}

/* The length of the next chain that came back; -1: none did. */
static int take(struct device_rig *r, unsigned int queue)
{
	struct virtio_driver_used used;
	int ret = virtio_driver_take_used(&r->drivers[queue], &used);

	g_assert_cmpstr(virtio_driver_check(&r->drivers[queue]), ==, NULL);
	return ret == 1 ? (int)used.len : -1;
}

static void put_text(struct device_rig *r, uint64_t gpa, const char *text)
{
	memcpy(device_rig_ptr(r, gpa), text, strlen(text));
}

static void send_text(struct device_rig *r, uint64_t gpa, const char *text)
{
	put_text(r, gpa, text);
	device_rig_send(r, TX, gpa, (uint32_t)strlen(text), false);
}

static void check_output(const char *text)
{
	g_assert_cmpstr(far.output->str, ==, text);
	g_string_truncate(far.output, 0);
}

static void works(void *owner)
{
	struct device_rig *r = owner;

	g_string_truncate(far.output, 0);
	send_text(r, SMALL_RIG_DATA, "out");
	g_assert_cmpint(take(r, TX), ==, 0);
	check_output("out");
	device_rig_send(r, RX, SMALL_RIG_DATA + 64, 16, true);
	g_assert_cmpuint(receive(r, "in"), ==, 2);
	g_assert_cmpint(take(r, RX), ==, 2);
	g_assert_cmpmem(device_rig_ptr(r, SMALL_RIG_DATA + 64), 2, "in", 2);
}

/* --- what it is --- */

static void test_identity(void)
{
	struct device_rig r;

	init_stopped(&r);
	g_assert_cmpuint(r.v->ops->device_id, ==, 3); /* chapter 5 */
	g_assert_cmpuint(r.v->queue_count, ==, 2); /* 5.3.2, without MULTIPORT */
	g_assert_cmphex(device_rig_offered(&r), ==,
			UINT64_C(1) << VIRTIO_F_VERSION_1 |
				UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC |
				UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX |
				UINT64_C(1) << VIRTIO_CONSOLE_F_SIZE |
				UINT64_C(1) << VIRTIO_CONSOLE_F_EMERG_WRITE);
	/* 2.5.2: readable before FEATURES_OK. */
	g_assert_cmpuint(iol_virtio_config_read(r.v, COLS, 2), ==, 80);
	g_assert_cmpuint(iol_virtio_config_read(r.v, ROWS, 2), ==, 25);
	g_assert_cmpuint(iol_virtio_config_read(r.v, PORTS, 4), ==, 0);
	g_assert_cmpuint(iol_virtio_config_read(r.v, EMERG, 4), ==, 0);
	device_rig_start(&r, UINT64_MAX);
	works(&r);
	g_assert_true(device_rig_reset(&r));
	device_rig_start(&r, 0);
	works(&r);
	/* MULTIPORT was not offered (2.2). */
	g_assert_true(device_rig_reset(&r));
	iol_virtio_set_status(r.v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	iol_virtio_set_driver_features(r.v, 0, 1u << VIRTIO_CONSOLE_F_MULTIPORT);
	iol_virtio_set_driver_features(r.v, 1, 1);
	iol_virtio_set_status(r.v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
					   VIRTIO_CONFIG_S_FEATURES_OK);
	g_assert_cmphex(iol_virtio_status(r.v) & VIRTIO_CONFIG_S_FEATURES_OK, ==, 0);
	small_rig_finish(&r);
}

static void test_size(void)
{
	uint8_t generation;
	struct device_rig r;

	init_stopped(&r);
	iol_virtio_console_set_size(r.v, 100, 30);
	g_assert_cmpuint(r.config_interrupts, ==, 0); /* no driver to tell */
	device_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(iol_virtio_config_read(r.v, COLS, 4), ==, 100 | 30 << 16);
	generation = iol_virtio_config_generation(r.v);
	iol_virtio_console_set_size(r.v, 100, 30);
	g_assert_cmpuint(r.config_interrupts, ==, 0);
	iol_virtio_console_set_size(r.v, 0xfffe, 1);
	g_assert_cmpuint(r.config_interrupts, ==, 1);
	g_assert_cmpuint(iol_virtio_config_read(r.v, COLS, 2), ==, 0xfffe);
	g_assert_cmpuint(iol_virtio_config_read(r.v, ROWS, 2), ==, 1);
	g_assert_cmpuint(iol_virtio_config_generation(r.v), !=, generation);
	/* The driver cannot write it, and a reset does not change it. */
	iol_virtio_config_write(r.v, COLS, 8, UINT64_MAX);
	iol_virtio_config_write(r.v, ROWS, 2, 0);
	g_assert_true(device_rig_reset(&r));
	g_assert_cmpuint(iol_virtio_config_read(r.v, COLS, 8), ==, 0xfffe | 1 << 16);
	finish(&r);
}

/* --- emergency writes --- */

/* 5.3.5.1: at any time, the lower byte. */
static void test_emergency(void)
{
	struct device_rig r;

	init_stopped(&r);
	iol_virtio_config_write(r.v, EMERG, 4, 0x44434241);
	check_output("A");
	iol_virtio_config_write(r.v, EMERG, 1, 'b');
	iol_virtio_config_write(r.v, EMERG, 2, 0xff00 | 'c');
	iol_virtio_config_write(r.v, PORTS, 8, UINT64_C(0x6600000000) | 'x');
	check_output("bcf");
	g_assert_cmpuint(iol_virtio_config_read(r.v, EMERG, 4), ==, 0);
	/* Not the lower byte, or beyond the end. */
	iol_virtio_config_write(r.v, EMERG + 1, 1, 'x');
	iol_virtio_config_write(r.v, EMERG + 2, 2, 'x');
	iol_virtio_config_write(r.v, PORTS, 4, 'x');
	iol_virtio_config_write(r.v, EMERG, 8, 'x');
	iol_virtio_config_write(r.v, EMERG + 4, 4, 'x');
	check_output("");
	/* Also where the feature was declined, while it works, and when the rings are broken. */
	device_rig_start(&r, 0);
	iol_virtio_config_write(r.v, EMERG, 4, 'd');
	virtio_driver_put_avail_idx(&r.drivers[TX], 0x8000);
	iol_virtio_notify(r.v, TX);
	device_rig_settle(&r);
	g_assert_true(device_rig_is_broken(&r));
	iol_virtio_config_write(r.v, EMERG, 4, 'e');
	g_assert_true(device_rig_reset(&r));
	iol_virtio_config_write(r.v, EMERG, 4, 'f');
	check_output("def");
	/* No room: it is lost, and nobody waits. */
	far.room = 0;
	iol_virtio_config_write(r.v, EMERG, 4, 'g');
	make_room(&r, UINT_MAX);
	check_output("");
	device_rig_start(&r, UINT64_MAX);
	works(&r);
	finish(&r);
}

/* --- output --- */

/* 2.7.4.1: cut anywhere, with parts of nothing between. */
static void test_output_layouts(void)
{
	enum { PARTS = 20 };
	struct device_rig r;

	init(&r);
	for (uint32_t step = 1; step < 200; step += 1 + step / 4) {
		g_autoptr(GString) expected = g_string_new(NULL);
		struct virtio_driver_part parts[PARTS];

		for (unsigned int i = 0; i < PARTS; i++) {
			uint32_t len = i % 5 == 3 ? 0 : step;

			parts[i] =
				(struct virtio_driver_part){ SMALL_RIG_DATA + i * 256, len, false };
			memset(device_rig_ptr(&r, parts[i].gpa), (int)('a' + i), 256);
			for (uint32_t n = 0; n < len; n++)
				g_string_append_c(expected, (char)('a' + i));
		}
		g_assert_cmpint(device_rig_add(&r, TX, parts, PARTS, step & 1), >=, 0);
		device_rig_kick(&r, TX);
		g_assert_cmpint(take(&r, TX), ==, 0);
		check_output(expected->str);
	}
	finish(&r);
}

static void test_output_empty(void)
{
	static const struct virtio_driver_part parts[] = { { SMALL_RIG_DATA, 0, false },
							   { UINT64_MAX, 0, true } };
	struct device_rig r;

	init(&r);
	for (unsigned int i = 0; i < 100; i++) {
		g_assert_cmpint(device_rig_add(&r, TX, parts, 1 + i % 2, i & 2), >=, 0);
		device_rig_kick(&r, TX);
		g_assert_cmpint(take(&r, TX), ==, 0);
	}
	check_output("");
	works(&r);
	finish(&r);
}

/* The device takes its turn and lets others have theirs. */
static void test_output_bounded(void)
{
	const struct virtio_driver_part part = { SMALL_RIG_DATA, SMALL_RIG_DATA_BYTES, false };
	const uint64_t all = 4 * UINT64_C(7) * SMALL_RIG_DATA_BYTES;
	struct virtio_driver_part parts[7];
	unsigned int turns = 0;
	struct device_rig r;

	init(&r);
	far.keep = false;
	for (unsigned int i = 0; i < 7; i++)
		parts[i] = part;
	for (unsigned int i = 0; i < 4; i++)
		g_assert_cmpint(device_rig_add(&r, TX, parts, 7, i & 1), >=, 0);
	virtio_driver_show(&r.drivers[TX]);
	iol_virtio_notify(r.v, TX);
	while (far.total < all) {
		uint64_t before = far.total;

		g_assert_cmpint(iol_loop_turn(r.loop, false), ==, 0);
		g_assert_cmpuint(far.total - before, <=, GO_BYTES);
		g_assert_cmpuint(turns++, <, 10000);
	}
	device_rig_settle(&r);
	for (unsigned int i = 0; i < 4; i++)
		g_assert_cmpint(take(&r, TX), ==, 0);
	g_assert_cmpuint(far.total, ==, all);
	finish(&r);
}

static void too_late(struct iol_op *op, int res)
{
	(void)op;
	if (res != -ECANCELED)
		g_error("%" G_GUINT64_FORMAT " bytes came in 30 s", far.total);
}

/* The same where the loop polls: a chain that the device holds is in no ring. */
static void test_output_polled(void)
{
	struct iol_op deadline = { .done = too_late };
	struct device_rig r;

	init(&r);
	far.keep = false;
	iol_loop_set_polling(r.loop, 20 * IOL_NS_PER_MS);
	iol_loop_timeout(r.loop, &deadline, 30 * IOL_NS_PER_S);
	far.stop_at_total = r.loop;
	for (unsigned int i = 0; i < 3; i++) {
		const struct virtio_driver_part part = { SMALL_RIG_DATA, SMALL_RIG_DATA_BYTES,
							 false };

		far.stop_total = far.total + SMALL_RIG_DATA_BYTES;
		g_assert_cmpint(device_rig_add(&r, TX, &part, 1, false), >=, 0);
		if (virtio_driver_show(&r.drivers[TX]))
			iol_virtio_notify(r.v, TX);
		g_assert_cmpint(iol_loop_run(r.loop, NULL), ==, 0);
		g_assert_cmpuint(far.total, ==, far.stop_total);
	}
	iol_loop_cancel(r.loop, &deadline);
	while (deadline.in_flight)
		g_assert_cmpint(iol_loop_turn(r.loop, true), ==, 0);
	iol_loop_set_polling(r.loop, 0);
	finish(&r);
}

/* --- a slow reader --- */

static void test_slow_reader(void)
{
	struct device_rig r;
	uint64_t kicks;

	init(&r);
	far.room = 4;
	send_text(&r, SMALL_RIG_DATA, "0123456789");
	send_text(&r, SMALL_RIG_DATA + 64, "abc");
	g_assert_cmpint(take(&r, TX), ==, -1);
	/* The guest may not do that; what was read was read. */
	put_text(&r, SMALL_RIG_DATA, "xxxxxxxxxx");
	/* Nothing spins. */
	kicks = r.v->counts.kicks;
	far.writes = 0;
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpint(iol_loop_turn(r.loop, false), ==, 0);
	g_assert_cmpuint(r.v->counts.kicks, ==, kicks);
	g_assert_cmpuint(far.writes, ==, 0);
	make_room(&r, 5);
	g_assert_cmpint(take(&r, TX), ==, -1);
	make_room(&r, 1);
	g_assert_cmpint(take(&r, TX), ==, 0);
	make_room(&r, 2);
	g_assert_cmpint(take(&r, TX), ==, -1);
	make_room(&r, 1);
	g_assert_cmpint(take(&r, TX), ==, 0);
	check_output("0123456789abc");
	g_assert_false(far.wants_writable);
	/* Room that nobody waits for. */
	user(&r)->writable(user(&r));
	far.room = UINT_MAX;
	works(&r);
	finish(&r);
}

/* As much as the queue can hold, at a byte a time. */
static void test_slow_reader_full_queue(void)
{
	g_autoptr(GString) expected = g_string_new(NULL);
	struct device_rig r;

	init(&r);
	far.room = 0;
	for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
		g_autofree char *text = g_strdup_printf("<%u>", i);

		send_text(&r, SMALL_RIG_DATA + i * 16, text);
		g_string_append(expected, text);
	}
	g_assert_cmpuint(r.v->in_flight, ==, QUEUE_SIZE);
	for (gsize i = 0; i < expected->len; i++) {
		if (i)
			g_assert_cmpuint(far.output->len, ==, i);
		make_room(&r, 1);
	}
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		g_assert_cmpint(take(&r, TX), ==, 0);
	check_output(expected->str);
	finish(&r);
}

/* More pieces than one, each taken in part. */
static void test_slow_reader_long(void)
{
	struct device_rig r;
	gsize done = 0;

	init(&r);
	far.room = 0;
	for (unsigned int i = 0; i < 10000; i++)
		*device_rig_ptr(&r, SMALL_RIG_DATA + i) = (uint8_t)(i * 7 + i / 256);
	device_rig_send(&r, TX, SMALL_RIG_DATA, 10000, false);
	while (done < 10000) {
		make_room(&r, 777);
		done = far.output->len;
	}
	g_assert_cmpint(take(&r, TX), ==, 0);
	g_assert_cmpmem(far.output->str, far.output->len, device_rig_ptr(&r, SMALL_RIG_DATA),
			10000);
	finish(&r);
}

/* Kicks while the backend is full cost a try each and no more. */
static void test_slow_reader_storm(void)
{
	struct device_rig r;

	init(&r);
	far.room = 1;
	send_text(&r, SMALL_RIG_DATA, "ab");
	far.writes = 0;
	for (unsigned int i = 0; i < 1000; i++)
		iol_virtio_notify(r.v, TX);
	device_rig_settle(&r);
	g_assert_cmpuint(far.writes, <=, 2);
	make_room(&r, UINT_MAX);
	check_output("ab");
	finish(&r);
}

/* --- input --- */

static void test_input(void)
{
	struct device_rig r;

	init(&r);
	for (unsigned int i = 0; i < 3; i++)
		device_rig_send(&r, RX, SMALL_RIG_DATA + i * 64, 4, true);
	g_assert_cmpint(take(&r, RX), ==, -1);
	g_assert_cmpuint(receive(&r, "a"), ==, 1);
	g_assert_cmpint(take(&r, RX), ==, 1);
	g_assert_cmpuint(*device_rig_ptr(&r, SMALL_RIG_DATA), ==, 'a');
	g_assert_cmpuint(*device_rig_ptr(&r, SMALL_RIG_DATA + 1), ==, UNTOUCHED);
	/* More than there is room for; the rest is asked for once there are buffers. */
	g_assert_cmpuint(receive(&r, "bcdefghijkl"), ==, 8);
	g_assert_cmpint(take(&r, RX), ==, 4);
	g_assert_cmpint(take(&r, RX), ==, 4);
	g_assert_cmpmem(device_rig_ptr(&r, SMALL_RIG_DATA + 64), 4, "bcde", 4);
	g_assert_cmpmem(device_rig_ptr(&r, SMALL_RIG_DATA + 128), 4, "fghi", 4);
	g_assert_cmpuint(receive(&r, "jkl"), ==, 0);
	g_assert_cmpuint(far.readies, ==, 0);
	device_rig_send(&r, RX, SMALL_RIG_DATA, 64, true);
	device_rig_send(&r, RX, SMALL_RIG_DATA + 64, 64, true);
	g_assert_cmpuint(far.readies, ==, 1);
	g_assert_cmpuint(receive(&r, "jkl"), ==, 3);
	g_assert_cmpint(take(&r, RX), ==, 3);
	device_rig_send(&r, RX, SMALL_RIG_DATA + 128, 64, true);
	g_assert_cmpuint(far.readies, ==, 1);
	finish(&r);
}

static void test_input_layouts(void)
{
	enum { PARTS = 12 };
	const char *text = "The quick brown fox jumps over the lazy dog";
	struct device_rig r;

	init(&r);
	for (uint32_t step = 1; step < 6; step++) {
		struct virtio_driver_part parts[PARTS];
		size_t done = 0, all = MIN(strlen(text), 9 * step);

		for (unsigned int i = 0; i < PARTS; i++)
			parts[i] = (struct virtio_driver_part){ SMALL_RIG_DATA + i * 64,
								i % 4 == 1 ? 0 : step, true };
		memset(device_rig_ptr(&r, SMALL_RIG_DATA), UNTOUCHED, PARTS * 64);
		g_assert_cmpint(device_rig_add(&r, RX, parts, PARTS, step & 1), >=, 0);
		device_rig_kick(&r, RX);
		g_assert_cmpuint(receive(&r, text), ==, all);
		g_assert_cmpint(take(&r, RX), ==, (int)all);
		for (unsigned int i = 0; i < PARTS; i++) {
			const uint8_t *p = device_rig_ptr(&r, parts[i].gpa);
			size_t len = MIN(parts[i].len, all - done);

			g_assert_cmpmem(p, len, text + done, len);
			g_assert_cmpuint(p[len], ==, UNTOUCHED);
			done += len;
		}
	}
	finish(&r);
}

/* Buffers without room come back when input comes, and take none of it. */
static void test_input_empty_buffers(void)
{
	struct device_rig r;

	init(&r);
	for (unsigned int i = 0; i < 5; i++)
		device_rig_send(&r, RX, SMALL_RIG_DATA, 0, true);
	g_assert_cmpuint(receive(&r, "a"), ==, 0);
	for (unsigned int i = 0; i < 5; i++)
		g_assert_cmpint(take(&r, RX), ==, 0);
	device_rig_send(&r, RX, SMALL_RIG_DATA, 0, true);
	g_assert_cmpuint(far.readies, ==, 1);
	device_rig_send(&r, RX, SMALL_RIG_DATA, 8, true);
	g_assert_cmpuint(receive(&r, "a"), ==, 1);
	g_assert_cmpint(take(&r, RX), ==, 0);
	g_assert_cmpint(take(&r, RX), ==, 1);
	finish(&r);
}

/* What is typed before the guest listens waits. */
static void test_input_early(void)
{
	struct device_rig r;

	init_stopped(&r);
	g_assert_cmpuint(receive(&r, "early"), ==, 0);
	device_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(far.readies, ==, 0);
	device_rig_send(&r, RX, SMALL_RIG_DATA, 8, true);
	g_assert_cmpuint(far.readies, ==, 1);
	g_assert_cmpuint(receive(&r, "early"), ==, 5);
	g_assert_cmpint(take(&r, RX), ==, 5);
	finish(&r);
}

/* All buffers are held while there is no input: nothing spins. */
static void test_input_none(void)
{
	struct device_rig r;
	uint64_t kicks;

	init(&r);
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		device_rig_send(&r, RX, SMALL_RIG_DATA + i * 64, 64, true);
	g_assert_cmpuint(r.v->in_flight, ==, QUEUE_SIZE);
	kicks = r.v->counts.kicks;
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpint(iol_loop_turn(r.loop, false), ==, 0);
	g_assert_cmpuint(r.v->counts.kicks, ==, kicks);
	finish(&r);
}

/* --- resets --- */

static bool is_untouched(const struct device_rig *r, uint64_t gpa, size_t len)
{
	const uint8_t *p = device_rig_ptr(r, gpa);

	return p[0] == UNTOUCHED && !memcmp(p, p + 1, len - 1);
}

static void quiet(struct iol_quiesce *quiesce)
{
	(void)quiesce;
}

static void check_reset(bool machine, bool broken)
{
	struct iol_quiesce quiesce = { .pending = 1, .done = quiet };
	struct device_rig r;

	init(&r);
	far.room = 3;
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		device_rig_send(&r, RX, SMALL_RIG_DATA + 0x1000 + i * 64, 64, true);
	send_text(&r, SMALL_RIG_DATA, "pending");
	send_text(&r, SMALL_RIG_DATA + 64, "behind");
	g_assert_cmpuint(r.v->in_flight, ==, QUEUE_SIZE + 2);
	if (broken) {
		device_rig_send(&r, TX, SMALL_RIG_DATA, 1, true);
		g_assert_true(device_rig_is_broken(&r));
		g_assert_cmpuint(receive(&r, "in"), ==, 0);
	}
	if (machine) {
		g_assert_true(iol_virtio_quiesce(r.v, &quiesce));
		iol_virtio_reset(r.v);
		g_assert_cmpuint(iol_virtio_status(r.v), ==, 0);
	} else {
		g_assert_true(device_rig_reset(&r));
	}
	g_assert_cmpuint(r.v->in_flight, ==, 0);
	/* Nothing more comes of what was there, in either direction. */
	make_room(&r, UINT_MAX);
	check_output("pen");
	g_assert_cmpuint(receive(&r, "in"), ==, 0);
	g_assert_true(is_untouched(&r, SMALL_RIG_DATA + 0x1000, QUEUE_SIZE * 64));
	g_assert_cmpuint(virtio_driver_used_idx(&r.drivers[RX]), ==, 0);
	g_assert_cmpuint(virtio_driver_used_idx(&r.drivers[TX]), ==, 0);
	device_rig_start(&r, UINT64_MAX);
	check_output("");
	works(&r);
	finish(&r);
}

static void test_reset(void)
{
	check_reset(false, false);
	check_reset(true, false);
}

static void test_reset_broken(void)
{
	check_reset(false, true);
	check_reset(true, true);
}

/* --- hostile chains --- */

static void test_hostile(void)
{
	struct device_rig r;

	init(&r);
	hostile_run_all(&r, RX, true, works, &r);
	hostile_run_all(&r, TX, false, works, &r);
	finish(&r);
}

/* 5.3.6.1 */
static void test_wrong_direction(void)
{
	static const struct virtio_driver_part both[] = { { SMALL_RIG_DATA, 1, false },
							  { SMALL_RIG_DATA + 64, 1, true } };
	struct device_rig r;

	init(&r);
	for (unsigned int i = 0; i < 8; i++) {
		unsigned int queue = i & 1 ? TX : RX;
		/* One part of the wrong direction, or one of each. */
		unsigned int first = i & 2 ? 0 : queue == TX, count = i & 2 ? 2 : 1;

		g_assert_cmpint(device_rig_add(&r, queue, both + first, count, i & 4), >=, 0);
		device_rig_kick(&r, queue);
		g_assert_true(device_rig_is_broken(&r));
		g_assert_cmpuint(receive(&r, "in"), ==, 0);
		g_assert_cmpuint(*device_rig_ptr(&r, SMALL_RIG_DATA + 64), ==, UNTOUCHED);
		check_output("");
		hostile_recover(&r, works, &r);
		memset(device_rig_ptr(&r, SMALL_RIG_DATA), UNTOUCHED, 128);
	}
	finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	iol_log_set_level(IOL_LOG_ERROR);
	g_test_add_func("/virtio-console/identity", test_identity);
	g_test_add_func("/virtio-console/size", test_size);
	g_test_add_func("/virtio-console/emergency", test_emergency);
	g_test_add_func("/virtio-console/output/layouts", test_output_layouts);
	g_test_add_func("/virtio-console/output/empty", test_output_empty);
	g_test_add_func("/virtio-console/output/bounded", test_output_bounded);
	g_test_add_func("/virtio-console/output/polled", test_output_polled);
	g_test_add_func("/virtio-console/slow-reader", test_slow_reader);
	g_test_add_func("/virtio-console/slow-reader/full-queue", test_slow_reader_full_queue);
	g_test_add_func("/virtio-console/slow-reader/long", test_slow_reader_long);
	g_test_add_func("/virtio-console/slow-reader/storm", test_slow_reader_storm);
	g_test_add_func("/virtio-console/input", test_input);
	g_test_add_func("/virtio-console/input/layouts", test_input_layouts);
	g_test_add_func("/virtio-console/input/empty-buffers", test_input_empty_buffers);
	g_test_add_func("/virtio-console/input/early", test_input_early);
	g_test_add_func("/virtio-console/input/none", test_input_none);
	g_test_add_func("/virtio-console/reset", test_reset);
	g_test_add_func("/virtio-console/reset/broken", test_reset_broken);
	g_test_add_func("/virtio-console/hostile", test_hostile);
	g_test_add_func("/virtio-console/wrong-direction", test_wrong_direction);
	return g_test_run();
}
