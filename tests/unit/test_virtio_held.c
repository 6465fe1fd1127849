// SPDX-License-Identifier: Apache-2.0
/* Chains that a device holds: their order, their parts, and the end of room. */
#include "devices/virtio/held.h"

#include <glib.h>

#include <iolite/log.h>

#include "virtio_small_rig.h"

enum { SIZE = 8 };

/* A device that holds what it gets until the test says otherwise. */
struct holder {
	struct device_rig r;
	struct iol_virtio v;
	struct virtio_held held;
	unsigned int stops, frees;
};

static struct holder *holder_of(struct iol_virtio *v)
{
	return iol_container_of(v, struct holder, v);
}

/* Queue 0 is there to be mistaken for the other one. */
static bool serve(struct iol_virtio *v, unsigned int queue)
{
	while (queue && virtio_held_take(&holder_of(v)->held))
		;
	return false;
}

static void stop(struct iol_virtio *v)
{
	holder_of(v)->stops++;
	virtio_held_push_all(&holder_of(v)->held);
}

static void holder_free(struct iol_virtio *v)
{
	struct holder *h = holder_of(v);

	h->frees++;
	iol_virtio_finish(v);
	virtio_held_finish(&h->held);
}

static const struct iol_virtio_ops ops = {
	.name = "holder",
	.device_id = 42,
	.serve = serve,
	.stop = stop,
	.free = holder_free,
};

static void init(struct holder *h)
{
	struct iol_error err;

	*h = (struct holder){ .stops = 0 };
	small_rig_init(&h->r, NULL);
	if (iol_virtio_init(&h->v, &ops, &h->r.env, "test", 2, SIZE, 0, 0, &err))
		g_error("%s", err.msg);
	virtio_held_init(&h->held, &h->v, 1, SIZE);
	device_rig_attach(&h->r, &h->v);
	device_rig_start(&h->r, UINT64_MAX);
}

static void finish(struct holder *h)
{
	g_assert_cmpstr(virtio_driver_check(&h->r.drivers[1]), ==, NULL);
	small_rig_finish(&h->r);
	g_assert_cmpuint(h->frees, ==, 1);
}

/* Chain @number, of as many parts as a queue has entries, each of its own length. */
static uint16_t send_chain(struct holder *h, unsigned int number)
{
	struct virtio_driver_part parts[SIZE];
	int head;

	for (unsigned int i = 0; i < SIZE; i++)
		parts[i] = (struct virtio_driver_part){
			.gpa = SMALL_RIG_DATA + i * 0x1000,
			.len = 1 + (number * SIZE + i) % 1000,
			.write = i >= number % (SIZE + 1),
		};
	head = device_rig_add(&h->r, 1, parts, SIZE, true);
	g_assert_cmpint(head, >=, 0);
	device_rig_kick(&h->r, 1);
	return (uint16_t)head;
}

static void check_first(struct holder *h, unsigned int number, uint16_t head)
{
	const struct iol_chain *chain = virtio_held_first(&h->held);

	g_assert_nonnull(chain);
	g_assert_cmpuint(chain->head, ==, head);
	g_assert_cmpuint(chain->readable_count, ==, number % (SIZE + 1));
	g_assert_cmpuint(chain->writable_count, ==, SIZE - number % (SIZE + 1));
	for (unsigned int i = 0; i < SIZE; i++) {
		g_assert_cmpuint(chain->iov[i].iov_len, ==, 1 + (number * SIZE + i) % 1000);
		g_assert_true(chain->iov[i].iov_base ==
			      device_rig_ptr(&h->r, SMALL_RIG_DATA + i * 0x1000));
	}
}

/* Any number of them held, round and round. */
static void test_order(void)
{
	uint16_t heads[1000] = { 0 };
	unsigned int sent = 0, pushed = 0;
	struct holder h;

	init(&h);
	g_assert_null(virtio_held_first(&h.held));
	while (sent < 900) {
		unsigned int want = sent % (SIZE + 1);

		while (sent - pushed < want || sent == pushed) {
			heads[sent] = send_chain(&h, sent);
			sent++;
		}
		g_assert_cmpuint(h.held.count, ==, sent - pushed);
		while (pushed < sent && (sent - pushed > want / 2)) {
			struct virtio_driver_used used;
			uint32_t len = pushed % (SIZE + 1) == SIZE ? 0 : 1;

			check_first(&h, pushed, heads[pushed]);
			virtio_held_push(&h.held, len);
			device_rig_settle(&h.r);
			g_assert_cmpint(virtio_driver_take_used(&h.r.drivers[1], &used), ==, 1);
			g_assert_cmpuint(used.head, ==, heads[pushed]);
			g_assert_cmpuint(used.len, ==, len);
			pushed++;
		}
	}
	finish(&h);
}

/* As many as the queue has entries; one more breaks the device and spoils none. */
static void test_full(void)
{
	uint16_t heads[SIZE];
	struct holder h;

	init(&h);
	for (unsigned int i = 0; i < SIZE; i++)
		heads[i] = send_chain(&h, i);
	g_assert_cmpuint(h.held.count, ==, SIZE);
	virtio_driver_put_avail_idx(&h.r.drivers[1], SIZE + 1);
	iol_virtio_notify(&h.v, 1);
	device_rig_settle(&h.r);
	g_assert_true(device_rig_is_broken(&h.r));
	g_assert_cmpuint(h.held.count, ==, SIZE);
	g_assert_cmpuint(h.v.in_flight, ==, SIZE);
	check_first(&h, 0, heads[0]);
	g_assert_null(virtio_held_take(&h.held));
	g_assert_true(device_rig_reset(&h.r));
	g_assert_cmpuint(h.stops, ==, 1);
	g_assert_cmpuint(h.held.count, ==, 0);
	g_assert_cmpuint(h.v.in_flight, ==, 0);
	/* Empty, wherever it was; then full again. */
	device_rig_start(&h.r, UINT64_MAX);
	for (unsigned int i = 0; i < SIZE; i++)
		heads[i] = send_chain(&h, i + 3);
	check_first(&h, 3, heads[0]);
	finish(&h);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	iol_log_set_level(IOL_LOG_ERROR);
	g_test_add_func("/virtio-held/order", test_order);
	g_test_add_func("/virtio-held/full", test_full);
	return g_test_run();
}
