// SPDX-License-Identifier: Apache-2.0
/* The entropy device (virtio-v1.2 5.4), on a clock that moves only when the device waits for it. */
#include <iolite/virtio_rng.h>

#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/random.h>

#include <iolite/log.h>

#include "virtio_hostile.h"
#include "virtio_small_rig.h"

enum { LONGEST = IOL_VIRTIO_RNG_REQUEST_BYTES, QUEUE_SIZE = 8, UNTOUCHED = 0x5a };

/* The linker puts these in the place of the functions. */
static uint64_t now_ns;
static unsigned int timeouts;
static bool hold_timers; /* they do not fire */
static bool really; /* the host's random numbers */
static int fail_with; /* errno, for the next fail_count calls */
static unsigned int fail_count, calls;
static size_t give_max; /* bytes of one call */
static uint8_t next_byte; /* what it gives otherwise: a sequence */

uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return now_ns;
}

void __real_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns)
{
	timeouts++;
	g_assert_cmpuint(ns, >, 0);
	if (!hold_timers)
		now_ns += ns;
	__real_iol_loop_timeout(loop, op, hold_timers ? 3600 * IOL_NS_PER_S : 1);
}

ssize_t __real_getrandom(void *buf, size_t len, unsigned int flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags)
{
	calls++;
	g_assert_cmphex(flags, ==, GRND_NONBLOCK); /* or the loop could stand still */
	if (fail_count) {
		fail_count--;
		errno = fail_with;
		return -1;
	}
	if (really)
		return __real_getrandom(buf, len, flags);
	len = MIN(len, give_max);
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = next_byte++;
	return (ssize_t)len;
}

static void init(struct device_rig *r, uint64_t bytes_per_s)
{
	const struct iol_virtio_rng_config config = { .name = "test", .bytes_per_s = bytes_per_s };
	struct iol_virtio *v;
	struct iol_error err;

	now_ns = 1000;
	timeouts = 0;
	hold_timers = false;
	really = false;
	fail_count = 0;
	give_max = SIZE_MAX;
	small_rig_init(r, NULL);
	if (iol_virtio_rng_new(&config, &r->env, &v, &err))
		g_error("%s", err.msg);
	device_rig_attach(r, v);
	device_rig_start(r, UINT64_MAX);
	calls = 0;
	next_byte = 1;
	memset(device_rig_ptr(r, SMALL_RIG_DATA), UNTOUCHED, SMALL_RIG_DATA_BYTES);
}

static void finish(struct device_rig *r)
{
	device_rig_check(r);
	small_rig_finish(r);
}

/* The next answer, which may have to be waited for; its length. */
static uint32_t take(struct device_rig *r)
{
	const gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	struct virtio_driver_used used = { 0 };

	while (virtio_driver_take_used(&r->drivers[0], &used) != 1) {
		g_assert_cmpstr(virtio_driver_check(&r->drivers[0]), ==, NULL);
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_assert_cmpint(iol_loop_turn(r->loop, false), ==, 0);
	}
	g_assert_cmpuint(used.len, >, 0); /* 5.4.6.2 */
	return used.len;
}

/* A request of @len bytes for the start of the data, and its answer. */
static uint32_t ask(struct device_rig *r, uint32_t len)
{
	virtio_driver_want_interrupts(&r->drivers[0], true);
	device_rig_send(r, 0, SMALL_RIG_DATA, len, true);
	return take(r);
}

static void check_sequence(const struct device_rig *r, uint64_t gpa, uint32_t len, uint8_t first)
{
	const uint8_t *p = device_rig_ptr(r, gpa);

	for (uint32_t i = 0; i < len; i++)
		g_assert_cmphex(p[i], ==, (uint8_t)(first + i));
	g_assert_cmphex(p[len], ==, UNTOUCHED);
}

static void works(void *owner)
{
	struct device_rig *r = owner;
	uint8_t first = next_byte;

	memset(device_rig_ptr(r, SMALL_RIG_DATA), UNTOUCHED, 256);
	g_assert_cmpuint(ask(r, 100), ==, 100);
	check_sequence(r, SMALL_RIG_DATA, 100, first);
}

/* --- answers --- */

static void test_identity(void)
{
	struct device_rig r;

	init(&r, 0);
	g_assert_cmpuint(r.v->ops->device_id, ==, 4); /* chapter 5 */
	g_assert_cmpuint(r.v->queue_count, ==, 1);
	/* 5.4.3, 5.4.4: neither features nor configuration. */
	g_assert_cmphex(device_rig_offered(&r), ==,
			UINT64_C(1) << VIRTIO_F_VERSION_1 |
				UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC |
				UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX);
	for (unsigned int at = 0; at < 16; at += 4) {
		iol_virtio_config_write(r.v, at, 4, UINT32_MAX);
		g_assert_cmphex(iol_virtio_config_read(r.v, at, 4), ==, 0);
	}
	works(&r);
	finish(&r);
}

static void test_features_declined(void)
{
	struct device_rig r;

	init(&r, 0);
	g_assert_true(device_rig_reset(&r));
	device_rig_start(&r, 0);
	works(&r);
	finish(&r);
}

static void test_random(void)
{
	uint8_t first[256];
	struct device_rig r;

	init(&r, 0);
	really = true;
	g_assert_cmpuint(ask(&r, sizeof(first)), ==, sizeof(first));
	memcpy(first, device_rig_ptr(&r, SMALL_RIG_DATA), sizeof(first));
	g_assert_cmpuint(ask(&r, sizeof(first)), ==, sizeof(first));
	g_assert_cmpint(memcmp(first, device_rig_ptr(&r, SMALL_RIG_DATA), sizeof(first)), !=, 0);
	g_assert_cmphex(*device_rig_ptr(&r, SMALL_RIG_DATA + sizeof(first)), ==, UNTOUCHED);
	finish(&r);
}

static void test_lengths(void)
{
	static const uint32_t lens[] = { 1,       2,           63,          64,     LONGEST - 1,
					 LONGEST, LONGEST + 1, 3 * LONGEST, 0x40000 };
	struct device_rig r;

	init(&r, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(lens); i++) {
		uint8_t first = next_byte;

		memset(device_rig_ptr(&r, SMALL_RIG_DATA), UNTOUCHED, SMALL_RIG_DATA_BYTES);
		g_assert_cmpuint(ask(&r, lens[i]), ==, MIN(lens[i], LONGEST));
		check_sequence(&r, SMALL_RIG_DATA, MIN(lens[i], LONGEST), first);
	}
	g_assert_cmpuint(timeouts, ==, 0);
	g_assert_cmpuint(r.queue_interrupts[0], ==, G_N_ELEMENTS(lens));
	finish(&r);
}

/* 2.7.4.1: cut anywhere, with parts of nothing between. */
static void test_layouts(void)
{
	struct device_rig r;

	init(&r, 0);
	for (uint32_t step = 1; step < 40; step++) {
		struct virtio_driver_part parts[QUEUE_SIZE];
		uint8_t first = next_byte;

		for (unsigned int i = 0; i < QUEUE_SIZE; i++)
			parts[i] = (struct virtio_driver_part){ SMALL_RIG_DATA + i * 64,
								i % 3 == 2 ? 0 : step, true };
		memset(device_rig_ptr(&r, SMALL_RIG_DATA), UNTOUCHED, QUEUE_SIZE * 64);
		g_assert_cmpint(device_rig_add(&r, 0, parts, QUEUE_SIZE, step & 1), >=, 0);
		device_rig_kick(&r, 0);
		g_assert_cmpuint(take(&r), ==, 6 * step);
		for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
			check_sequence(&r, parts[i].gpa, parts[i].len, first);
			first = (uint8_t)(first + parts[i].len);
		}
	}
	finish(&r);
}

/* The kernel gave fewer, as it may when a signal comes. */
static void test_short(void)
{
	struct device_rig r;

	init(&r, 0);
	give_max = 1;
	g_assert_cmpuint(ask(&r, 64), ==, 1);
	give_max = 17;
	g_assert_cmpuint(ask(&r, 64), ==, 17);
	finish(&r);
}

/* A queue's worth in one go, in order. */
static void test_many(void)
{
	struct device_rig r;

	init(&r, 0);
	for (unsigned int round = 0; round < 5; round++) {
		uint8_t first = next_byte;

		for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
			const struct virtio_driver_part part = { SMALL_RIG_DATA + i * 256, 100,
								 true };

			g_assert_cmpint(device_rig_add(&r, 0, &part, 1, i & 1), >=, 0);
		}
		device_rig_kick(&r, 0);
		for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
			g_assert_cmpuint(take(&r), ==, 100);
			check_sequence(&r, SMALL_RIG_DATA + i * 256, 100,
				       (uint8_t)(first + i * 100));
		}
	}
	finish(&r);
}

/* --- a host without random numbers --- */

static void check_not_ready(int error)
{
	struct device_rig r;
	uint64_t began_ns;

	init(&r, 0);
	began_ns = now_ns;
	fail_with = error;
	fail_count = 10;
	g_assert_cmpuint(ask(&r, 32), ==, 32);
	check_sequence(&r, SMALL_RIG_DATA, 32, 1);
	/* Waited for by the timer, ten times a second. */
	g_assert_cmpuint(calls, ==, 11);
	g_assert_cmpuint(timeouts, ==, 10);
	g_assert_cmpuint(now_ns - began_ns, ==, IOL_NS_PER_S);
	works(&r);
	finish(&r);
}

static void test_not_ready(void)
{
	static const int errors[] = { EAGAIN, EINTR, EIO };

	for (size_t i = 0; i < G_N_ELEMENTS(errors); i++)
		check_not_ready(errors[i]);
}

static void test_not_ready_at_start(void)
{
	const struct iol_virtio_rng_config config = { .name = "test" };
	struct device_rig r;
	struct iol_virtio *v;
	struct iol_error err;

	init(&r, 0);
	fail_with = EAGAIN;
	fail_count = 1;
	g_assert_cmpint(iol_virtio_rng_new(&config, &r.env, &v, &err), ==, 0);
	v->ops->free(v);
	fail_with = ENOSYS;
	fail_count = 1;
	g_assert_cmpint(iol_virtio_rng_new(&config, &r.env, &v, &err), ==, -ENOSYS);
	g_assert_nonnull(strstr(err.msg, "getrandom"));
	g_assert_nonnull(strstr(err.msg, "leave the device out"));
	finish(&r);
}

/* --- the limit --- */

/* What a guest gets that asks without a pause is the burst, and then the rate. */
static void check_rate(uint64_t bytes_per_s, uint32_t len, unsigned int requests)
{
	const uint64_t burst = MAX(bytes_per_s / 16, 1);
	/* The bucket, in time; in it is room for a byte. */
	const uint64_t full_ns = MAX(IOL_NS_PER_S / 16, (IOL_NS_PER_S - 1) / bytes_per_s + 1);
	uint64_t bytes = 0, began_ns;
	struct device_rig r;

	init(&r, bytes_per_s);
	began_ns = now_ns;
	for (unsigned int i = 0; i < requests; i++) {
		uint32_t got = ask(&r, len);
		uint64_t allowed = (full_ns + now_ns - began_ns) * bytes_per_s; /* in 10^-9 bytes */

		g_assert_cmpuint(got, ==, MIN(MIN(len, burst), 4096));
		bytes += got;
		g_assert_cmpuint(bytes * IOL_NS_PER_S, <=, allowed);
		/* Nobody waits for more than the request needs. */
		if (timeouts)
			g_assert_cmpuint((bytes + 1) * IOL_NS_PER_S, >=, allowed);
	}
	g_assert_cmpuint(bytes, >=, burst);
	g_assert_cmpuint(timeouts, >, 0);
	finish(&r);
}

static void test_rate(void)
{
	check_rate(IOL_VIRTIO_RNG_BYTES_PER_S, 4096, 300);
	check_rate(IOL_VIRTIO_RNG_BYTES_PER_S, 100000, 40);
	check_rate(65536, 64, 300);
	check_rate(1000, 4096, 40);
	check_rate(17, 64, 20);
	check_rate(7, 64, 20);
	check_rate(1, 64, 10);
}

static void test_no_limit(void)
{
	static const uint64_t rates[] = { 0, UINT64_MAX, UINT64_MAX / 2 };

	for (size_t i = 0; i < G_N_ELEMENTS(rates); i++) {
		struct device_rig r;

		init(&r, rates[i]);
		for (unsigned int n = 0; n < 200; n++)
			g_assert_cmpuint(ask(&r, LONGEST), ==, LONGEST);
		g_assert_cmpuint(timeouts, ==, 0);
		finish(&r);
	}
}

/* Spends the burst of 1 MiB/s. */
static void spend_burst(struct device_rig *r)
{
	for (unsigned int i = 0; i < 16; i++)
		g_assert_cmpuint(ask(r, LONGEST), ==, LONGEST);
	g_assert_cmpuint(timeouts, ==, 0);
}

/* Rested, it gets a burst again, and not more. */
static void test_refill(void)
{
	struct device_rig r;

	init(&r, IOL_VIRTIO_RNG_BYTES_PER_S);
	spend_burst(&r);
	now_ns += 3600 * IOL_NS_PER_S;
	spend_burst(&r);
	ask(&r, LONGEST);
	g_assert_cmpuint(timeouts, ==, 1);
	finish(&r);
}

/* A reset does not fill the bucket. */
static void test_reset_keeps_limit(void)
{
	struct device_rig r;

	init(&r, IOL_VIRTIO_RNG_BYTES_PER_S);
	spend_burst(&r);
	g_assert_true(device_rig_reset(&r));
	device_rig_start(&r, UINT64_MAX);
	ask(&r, LONGEST);
	g_assert_cmpuint(timeouts, ==, 1);
	finish(&r);
}

/* While requests wait nothing spins, whatever the guest does to its doorbell. */
static void test_waits_quietly(void)
{
	struct device_rig r;
	uint64_t kicks;

	init(&r, IOL_VIRTIO_RNG_BYTES_PER_S);
	spend_burst(&r);
	calls = 0;
	hold_timers = true;
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		device_rig_send(&r, 0, SMALL_RIG_DATA, 64, true);
	g_assert_cmpuint(r.v->in_flight, ==, QUEUE_SIZE);
	kicks = r.v->counts.kicks;
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpint(iol_loop_turn(r.loop, false), ==, 0);
	g_assert_cmpuint(r.v->counts.kicks, ==, kicks);
	for (unsigned int i = 0; i < 1000; i++)
		iol_virtio_notify(r.v, 0);
	device_rig_settle(&r);
	g_assert_cmpuint(calls, ==, 0);
	g_assert_cmpuint(timeouts, ==, 1);
	g_assert_cmpuint(virtio_driver_used_idx(&r.drivers[0]), ==, 16);
	/* The clock goes on; a kick finds that out as well as the timer. */
	now_ns += IOL_NS_PER_S;
	iol_virtio_notify(r.v, 0);
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		g_assert_cmpuint(take(&r), ==, 64);
	finish(&r); /* with a timer in flight */
}

/* --- resets while requests wait --- */

static bool is_untouched(const struct device_rig *r)
{
	const uint8_t *p = device_rig_ptr(r, SMALL_RIG_DATA);

	return p[0] == UNTOUCHED && !memcmp(p, p + 1, SMALL_RIG_DATA_BYTES - 1);
}

/* @count requests wait; guest memory has only what was there. */
static void begin_waiting(struct device_rig *r, unsigned int count)
{
	spend_burst(r);
	memset(device_rig_ptr(r, SMALL_RIG_DATA), UNTOUCHED, SMALL_RIG_DATA_BYTES);
	hold_timers = true;
	for (unsigned int i = 0; i < count; i++)
		device_rig_send(r, 0, SMALL_RIG_DATA + i * 64, 64, true);
	g_assert_cmpuint(r->v->in_flight, ==, count);
}

static void test_reset_while_waiting(void)
{
	struct device_rig r;

	init(&r, IOL_VIRTIO_RNG_BYTES_PER_S);
	begin_waiting(&r, QUEUE_SIZE);
	g_assert_true(device_rig_reset(&r));
	g_assert_cmpuint(r.v->in_flight, ==, 0);
	now_ns += IOL_NS_PER_S;
	device_rig_settle(&r);
	g_assert_true(is_untouched(&r));
	g_assert_cmpuint(virtio_driver_used_idx(&r.drivers[0]), ==, 16);
	/* The old timer is still there; it does not matter. */
	device_rig_start(&r, UINT64_MAX);
	works(&r);
	finish(&r);
}

static void quiet(struct iol_quiesce *quiesce)
{
	(void)quiesce;
}

static void test_machine_reset_while_waiting(void)
{
	struct iol_quiesce quiesce = { .pending = 1, .done = quiet };
	struct device_rig r;

	init(&r, IOL_VIRTIO_RNG_BYTES_PER_S);
	begin_waiting(&r, 3);
	g_assert_true(iol_virtio_quiesce(r.v, &quiesce));
	iol_virtio_reset(r.v);
	g_assert_cmpuint(iol_virtio_status(r.v), ==, 0);
	device_rig_settle(&r);
	g_assert_true(is_untouched(&r));
	now_ns += IOL_NS_PER_S;
	device_rig_start(&r, UINT64_MAX);
	works(&r);
	finish(&r);
}

/* The timer of before a reset serves those that came after it. */
static void test_timer_over_reset(void)
{
	struct device_rig r;

	init(&r, IOL_VIRTIO_RNG_BYTES_PER_S);
	spend_burst(&r);
	device_rig_send(&r, 0, SMALL_RIG_DATA, 64, true);
	/* Settling does not wait for timers, but one may have come: either way it works. */
	g_assert_true(device_rig_reset(&r));
	device_rig_start(&r, UINT64_MAX);
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpuint(ask(&r, LONGEST), ==, LONGEST);
	finish(&r);
}

/* A broken device writes to no buffer any more. */
static void test_broken_while_waiting(void)
{
	struct device_rig r;

	init(&r, IOL_VIRTIO_RNG_BYTES_PER_S);
	begin_waiting(&r, 3);
	device_rig_send(&r, 0, SMALL_RIG_DATA, 64, false);
	g_assert_true(device_rig_is_broken(&r));
	now_ns += IOL_NS_PER_S;
	iol_virtio_notify(r.v, 0);
	device_rig_settle(&r);
	g_assert_true(is_untouched(&r));
	g_assert_true(device_rig_reset(&r));
	device_rig_start(&r, UINT64_MAX);
	works(&r);
	finish(&r);
}

static void test_overfull(void)
{
	struct device_rig r;

	init(&r, IOL_VIRTIO_RNG_BYTES_PER_S);
	begin_waiting(&r, QUEUE_SIZE);
	virtio_driver_put_avail_idx(&r.drivers[0], (uint16_t)(r.drivers[0].avail_idx + 1));
	iol_virtio_notify(r.v, 0);
	device_rig_settle(&r);
	g_assert_true(device_rig_is_broken(&r));
	g_assert_cmpuint(r.v->in_flight, ==, QUEUE_SIZE);
	g_assert_true(device_rig_reset(&r));
	now_ns += IOL_NS_PER_S;
	device_rig_start(&r, UINT64_MAX);
	works(&r);
	finish(&r);
}

/* --- hostile chains --- */

static void test_hostile(void)
{
	struct device_rig r;

	init(&r, 0);
	hostile_run_all(&r, 0, true, works, &r);
	finish(&r);
}

/* While others wait: with these in the ring and those held. */
static void test_hostile_limited(void)
{
	struct device_rig r;

	init(&r, 4096);
	hostile_run_all(&r, 0, true, works, &r);
	finish(&r);
}

/* 5.4.6.1, 5.4.6.2: what cannot be answered by a byte, or must not be there. */
static void test_unanswerable(void)
{
	static const struct {
		const char *what;
		struct virtio_driver_part parts[2];
		unsigned int count;
	} cases[] = {
		{ "readable", { { SMALL_RIG_DATA, 64, false } }, 1 },
		{ "readable, of one byte", { { SMALL_RIG_DATA, 1, false } }, 1 },
		{ "readable, then writable",
		  { { SMALL_RIG_DATA, 1, false }, { SMALL_RIG_DATA + 64, 64, true } },
		  2 },
		{ "no bytes to write", { { SMALL_RIG_DATA, 0, true } }, 1 },
		{ "no bytes to read", { { SMALL_RIG_DATA, 0, false } }, 1 },
		{ "no bytes at all", { { 0, 0, false }, { UINT64_MAX, 0, true } }, 2 },
	};
	struct device_rig r;

	init(&r, 0);
	for (size_t i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		bool indirect = i & 1;

		g_test_message("%s", cases[i / 2].what);
		calls = 0;
		g_assert_cmpint(device_rig_add(&r, 0, cases[i / 2].parts, cases[i / 2].count,
					       indirect),
				>=, 0);
		device_rig_kick(&r, 0);
		g_assert_true(device_rig_is_broken(&r));
		g_assert_cmpuint(calls, ==, 0);
		g_assert_cmpuint(virtio_driver_used_idx(&r.drivers[0]), ==, 0);
		hostile_recover(&r, works, &r);
	}
	finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	iol_log_set_level(IOL_LOG_ERROR);
	g_test_add_func("/virtio-rng/identity", test_identity);
	g_test_add_func("/virtio-rng/features-declined", test_features_declined);
	g_test_add_func("/virtio-rng/random", test_random);
	g_test_add_func("/virtio-rng/lengths", test_lengths);
	g_test_add_func("/virtio-rng/layouts", test_layouts);
	g_test_add_func("/virtio-rng/short", test_short);
	g_test_add_func("/virtio-rng/many", test_many);
	g_test_add_func("/virtio-rng/not-ready", test_not_ready);
	g_test_add_func("/virtio-rng/not-ready-at-start", test_not_ready_at_start);
	g_test_add_func("/virtio-rng/rate", test_rate);
	g_test_add_func("/virtio-rng/no-limit", test_no_limit);
	g_test_add_func("/virtio-rng/refill", test_refill);
	g_test_add_func("/virtio-rng/reset-keeps-limit", test_reset_keeps_limit);
	g_test_add_func("/virtio-rng/waits-quietly", test_waits_quietly);
	g_test_add_func("/virtio-rng/reset-while-waiting", test_reset_while_waiting);
	g_test_add_func("/virtio-rng/machine-reset-while-waiting",
			test_machine_reset_while_waiting);
	g_test_add_func("/virtio-rng/timer-over-reset", test_timer_over_reset);
	g_test_add_func("/virtio-rng/broken-while-waiting", test_broken_while_waiting);
	g_test_add_func("/virtio-rng/overfull", test_overfull);
	g_test_add_func("/virtio-rng/hostile", test_hostile);
	g_test_add_func("/virtio-rng/hostile-limited", test_hostile_limited);
	g_test_add_func("/virtio-rng/unanswerable", test_unanswerable);
	return g_test_run();
}
