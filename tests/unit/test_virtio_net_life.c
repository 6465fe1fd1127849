// SPDX-License-Identifier: Apache-2.0
/*
 * The network device besides its frames (test_virtio_net.c) and its link (test_virtio_net_link.c): features,
 * configuration space, resets, several pairs (virtio-v1.2 5.1.2 to 5.1.5, 5.1.6.5.6).
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <unistd.h>

#include <iolite/log.h>

#include "virtio_net_life_rig.h"

enum {
	HEADER = IOL_NET_HEADER_BYTES,
	FEATURES_OK =
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
	UP = VIRTIO_NET_S_LINK_UP,
};

static uint8_t data[MEMORY_NET_BYTES_MAX], frame[2048];

/* --- features --- */

static const uint64_t always =
	BIT(MAC) | BIT(STATUS) | BIT(MRG_RXBUF) | BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) |
	BIT(CTRL_VLAN) | BIT(CTRL_MAC_ADDR) | BIT(GUEST_ANNOUNCE) |
	NET_RIG_BIT(VIRTIO_F_VERSION_1) | NET_RIG_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
	NET_RIG_BIT(VIRTIO_RING_F_EVENT_IDX);

static void check_offered(uint32_t send, uint32_t receive, unsigned int pairs, unsigned int mtu,
			  uint64_t more)
{
	const struct net_rig_setup setup = {
		.send_offloads = send,
		.receive_offloads = receive,
		.pairs = pairs,
		.mtu = mtu,
	};
	struct net_rig r;

	net_rig_init(&r, &setup);
	g_assert_cmphex(device_rig_offered(&r.dev), ==, always | more);
	g_assert_cmpuint(FIELD(&r, mtu), ==, mtu);
	g_assert_cmpuint(FIELD(&r, max_virtqueue_pairs), ==, pairs > 1 ? pairs : 0);
	g_assert_cmpuint(FIELD(&r, status), ==, UP);
	g_assert_cmpuint(r.dev.v->queue_count, ==, 2 * pairs + 1);
	g_assert_cmpuint(r.dev.v->ops->device_id, ==, 1);
	for (unsigned int i = 0; i < 6; i++)
		g_assert_cmphex(iol_virtio_config_read(r.dev.v, i, 1), ==, net_rig_mac[i]);
	finish(&r);
}

/* 2.2.2: nothing is offered that needs what is not. */
static void test_offered(void)
{
	const uint64_t guest = BIT(GUEST_CSUM) | BIT(CTRL_GUEST_OFFLOADS);

	check_offered(0, 0, 1, 0, 0);
	check_offered(0, 0, 1, 1500, BIT(MTU));
	check_offered(0, 0, 3, 65535, BIT(MTU) | BIT(MQ));
	check_offered(IOL_NET_CSUM, 0, 1, 0, BIT(CSUM));
	check_offered(0, IOL_NET_CSUM, 1, 0, guest);
	check_offered(IOL_NET_TSO4 | IOL_NET_USO | IOL_NET_ECN, IOL_NET_TSO6 | IOL_NET_ECN, 1, 0,
		      0);
	check_offered(IOL_NET_CSUM | IOL_NET_ECN, IOL_NET_CSUM | IOL_NET_ECN, 1, 0,
		      BIT(CSUM) | guest);
	check_offered(IOL_NET_CSUM | IOL_NET_TSO6 | IOL_NET_ECN, IOL_NET_CSUM | IOL_NET_TSO4, 1, 0,
		      BIT(CSUM) | BIT(HOST_TSO6) | BIT(HOST_ECN) | guest | BIT(GUEST_TSO4));
	check_offered(NET_RIG_OFFLOADS, NET_RIG_OFFLOADS, 1, 0,
		      BIT(CSUM) | BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_ECN) | BIT(HOST_USO) |
			      guest | BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(GUEST_ECN) |
			      BIT(GUEST_USO4) | BIT(GUEST_USO6));
}

static void test_each_declined(void)
{
	struct net_rig r;

	for (unsigned int i = 0; i < 64; i++) {
		init(&r, NET_RIG_OFFLOADS, 2);
		net_rig_start(&r, ~NET_RIG_BIT(i));
		net_rig_check_alive(&r);
		g_assert_true(device_rig_reset(&r.dev));
		finish(&r);
	}
}

struct needs {
	uint64_t taken, agreed;
};

/* 5.1.3.1: what a driver takes without what it needs is not agreed on. */
static void test_needs(void)
{
	static const struct needs cases[] = {
		{ BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_VLAN) | BIT(GUEST_ANNOUNCE) |
			  BIT(MQ) | BIT(CTRL_MAC_ADDR) | BIT(CTRL_GUEST_OFFLOADS),
		  0 },
		{ BIT(CTRL_VQ) | BIT(CTRL_RX_EXTRA), BIT(CTRL_VQ) },
		{ BIT(CTRL_VQ) | BIT(MQ), BIT(CTRL_VQ) | BIT(MQ) },
		{ BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_ECN) | BIT(HOST_USO), 0 },
		{ BIT(CSUM) | BIT(HOST_ECN), BIT(CSUM) },
		{ BIT(CSUM) | BIT(HOST_TSO6) | BIT(HOST_ECN),
		  BIT(CSUM) | BIT(HOST_TSO6) | BIT(HOST_ECN) },
		{ BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(GUEST_ECN) | BIT(GUEST_USO4) |
			  BIT(GUEST_USO6),
		  0 },
		{ BIT(GUEST_CSUM) | BIT(GUEST_ECN), BIT(GUEST_CSUM) },
		{ BIT(GUEST_CSUM) | BIT(GUEST_USO4), BIT(GUEST_CSUM) | BIT(GUEST_USO4) },
	};
	const uint64_t v1 = NET_RIG_BIT(VIRTIO_F_VERSION_1);
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 2);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		net_rig_start(&r, cases[i].taken);
		g_assert_cmphex(r.dev.v->features, ==, cases[i].agreed | v1);
		net_rig_check_alive(&r);
		g_assert_true(device_rig_reset(&r.dev));
	}
	finish(&r);
}

/* What the backend is told (both kinds of USO, or none). */
static void test_offloads(void)
{
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 1);
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmphex(r.mn->offloads, ==, NET_RIG_OFFLOADS);
	device_rig_reset(&r.dev);
	net_rig_start(&r, ~BIT(GUEST_USO6));
	g_assert_cmphex(r.mn->offloads, ==, NET_RIG_OFFLOADS & ~IOL_NET_USO);
	device_rig_reset(&r.dev);
	net_rig_start(&r, ~BIT(GUEST_CSUM));
	g_assert_cmphex(r.mn->offloads, ==, 0);
	device_rig_reset(&r.dev);
	/* One does not depend on the other. */
	r.mn->pairs_error = -EINVAL;
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmphex(r.mn->offloads, ==, NET_RIG_OFFLOADS);
	device_rig_reset(&r.dev);
	/* A host that cannot: nothing is left to the driver. */
	r.mn->set_error = -EOPNOTSUPP;
	net_rig_start(&r, UINT64_MAX);
	net_rig_check_alive(&r);
	finish(&r);
}

/* 5.1.4: the driver writes none of it. */
static void test_config_read_only(void)
{
	struct net_rig r;

	init(&r, 0, 2);
	for (unsigned int i = 0; i < 16; i++)
		iol_virtio_config_write(r.dev.v, i, 1, 0xa5);
	for (unsigned int i = 0; i < 6; i++)
		g_assert_cmphex(iol_virtio_config_read(r.dev.v, i, 1), ==, net_rig_mac[i]);
	g_assert_cmpuint(FIELD(&r, status), ==, UP);
	g_assert_cmpuint(FIELD(&r, max_virtqueue_pairs), ==, 2);
	finish(&r);
}

static void check_refused(struct iol_virtio_net_config config, const char *value)
{
	struct iol_loop loop;
	struct iol_memory memory = { 0 };
	const struct iol_virtio_env env = { .loop = &loop, .memory = &memory, .vm_fd = -1 };
	struct memory_net *mn;
	struct iol_virtio *v;
	struct iol_error err;
	bool freed = false;

	g_assert_cmpint(iol_loop_init(&loop, &err), ==, 0);
	mn = memory_net_new(&loop);
	mn->net.limits.pairs = 2;
	mn->freed = &freed;
	config.name = "test";
	g_assert_cmpint(iol_virtio_net_new(&mn->net, &config, &env, &v, &err), ==, -EINVAL);
	g_assert_nonnull(strstr(err.msg, value));
	/* It is still ours. */
	g_assert_false(freed);
	iol_net_free(&mn->net);
	g_assert_true(freed);
	iol_loop_finish(&loop);
}

static void test_refused(void)
{
	const struct iol_virtio_net_config good = {
		.mac = { 0x52, 0x54, 0, 1, 2, 3 },
		.pairs = 1,
		.queue_size = 256,
	};
	struct iol_virtio_net_config config;

#define REFUSE(value, ...)                    \
	do {                                  \
		config = good;                \
		__VA_ARGS__;                  \
		check_refused(config, value); \
	} while (0)
	REFUSE("53:54:00:01:02:03", config.mac[0] = 0x53);
	REFUSE("00:00:00:00:00:00", memset(config.mac, 0, 6));
	REFUSE("0 queue pairs", config.pairs = 0);
	REFUSE("3 queue pairs", config.pairs = 3);
	REFUSE("67", config.mtu = 67);
	REFUSE("65536", config.mtu = 65536);
	REFUSE("0 entries", config.queue_size = 0);
	REFUSE("96 entries", config.queue_size = 96);
	REFUSE("1024 entries", config.queue_size = 1024);
#undef REFUSE
}

/* --- pairs --- */

static uint8_t set_pairs(struct net_rig *r, uint16_t pairs)
{
	le16 value = le16_of(pairs);

	return net_rig_command(r, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &value,
			       sizeof(value));
}

/* 5.1.2: N is 1 without MQ, and the control queue is behind it. */
static void test_ctrl_queue_place(void)
{
	struct net_rig r;
	uint8_t on = 1;

	init(&r, 0, 3);
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(net_rig_ctrl(&r), ==, 6);
	g_assert_cmpuint(net_rig_command(&r, 0, 0, &on, 1), ==, VIRTIO_NET_OK);
	device_rig_reset(&r.dev);
	net_rig_start(&r, ~BIT(MQ));
	g_assert_cmpuint(net_rig_ctrl(&r), ==, 2);
	g_assert_cmpuint(net_rig_command(&r, 0, 0, &on, 1), ==, VIRTIO_NET_OK);
	g_assert_cmpuint(set_pairs(&r, 1), ==, VIRTIO_NET_ERR);
	/* Queues that mean nothing then are left alone, and nobody turns round for them. */
	for (unsigned int i = 3; i < 7; i++) {
		const struct virtio_driver_part part = { NET_RIG_TX, 100, false };

		device_rig_add(&r.dev, i, &part, 1, false);
		device_rig_kick(&r.dev, i);
		g_assert_false(virtio_driver_is_drained(&r.dev.drivers[i]));
	}
	net_rig_check_alive(&r);
	finish(&r);
}

static void test_pairs(void)
{
	struct net_rig r;

	init(&r, 0, 3);
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(r.mn->active_pairs, ==, 1);
	net_rig_frame(frame, net_rig_mac, 60, 1);
	for (unsigned int i = 0; i < 3; i++) {
		net_rig_post(&r, i, 8, 1526);
		net_rig_give(&r, i, frame, 60);
		g_assert_cmpuint(net_rig_receive(&r, i, data), ==, i ? 0 : HEADER + 60);
		net_rig_send(&r, i, NULL, frame, 60);
		g_assert_cmpuint(r.mn->pairs[i].sent_count, ==, !i);
	}
	g_assert_cmpuint(set_pairs(&r, 0), ==, VIRTIO_NET_ERR);
	g_assert_cmpuint(set_pairs(&r, 4), ==, VIRTIO_NET_ERR);
	g_assert_cmpuint(set_pairs(&r, 0xffff), ==, VIRTIO_NET_ERR);
	g_assert_cmpuint(r.mn->active_pairs, ==, 1);
	g_assert_cmpuint(set_pairs(&r, 3), ==, VIRTIO_NET_OK);
	g_assert_cmpuint(r.mn->active_pairs, ==, 3);
	device_rig_settle(&r.dev);
	for (unsigned int i = 1; i < 3; i++) {
		g_assert_cmpuint(net_rig_receive(&r, i, data), ==, HEADER + 60);
		net_rig_send(&r, i, NULL, frame, 60);
		g_assert_cmpuint(r.mn->pairs[i].sent_count, ==, 1);
	}
	/* The first pair alone again: what comes by others stays there. */
	g_assert_cmpuint(set_pairs(&r, 1), ==, VIRTIO_NET_OK);
	for (unsigned int i = 0; i < 3; i++) {
		net_rig_give(&r, i, frame, 60);
		g_assert_cmpuint(net_rig_receive(&r, i, data), ==, i ? 0 : HEADER + 60);
	}
	r.mn->set_error = -EBUSY;
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_ERR);
	r.mn->set_error = 0;
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_OK);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(net_rig_receive(&r, 1, data), ==, HEADER + 60);
	/* A reset: one pair. */
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(r.mn->active_pairs, ==, 1);
	memory_net_clear(r.mn);
	net_rig_check_alive(&r);
	finish(&r);
}

/* After a driver with several pairs one without MQ. */
static void test_pairs_without_mq(void)
{
	struct net_rig r;

	init(&r, 0, 3);
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(set_pairs(&r, 3), ==, VIRTIO_NET_OK);
	for (unsigned int i = 0; i < 3; i++)
		net_rig_post(&r, i, 8, 1526);
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, ~BIT(MQ));
	g_assert_cmpuint(net_rig_ctrl(&r), ==, 2);
	/* The backend still tells of the second pair, whose queue to the driver would be where commands come. */
	net_rig_frame(frame, net_rig_mac, 60, 1);
	for (unsigned int i = 1; i < 3; i++)
		net_rig_give(&r, i, frame, 60);
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC,
					 &(const uint8_t){ 1 }, 1),
			 ==, VIRTIO_NET_OK);
	memory_net_clear(r.mn);
	finish(&r);
}

/* A frame that waits for chains in a queue that is given up. */
static void test_pairs_held(void)
{
	static uint8_t longer[3000];
	struct net_rig r;

	init(&r, 0, 2);
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_OK);
	net_rig_post(&r, 1, 1, 1526);
	net_rig_frame(longer, net_rig_mac, sizeof(longer), 1);
	net_rig_give(&r, 1, longer, sizeof(longer));
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 0);
	g_assert_cmpuint(set_pairs(&r, 1), ==, VIRTIO_NET_OK);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 1);
	net_rig_post(&r, 1, 4, 1526);
	g_assert_cmpuint(net_rig_receive(&r, 1, data), ==, 0);
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_OK);
	net_rig_give(&r, 1, longer, 60);
	g_assert_cmpuint(net_rig_receive(&r, 1, data), ==, HEADER + 60);
	finish(&r);
}

/* "The driver MUST configure the virtqueues before enabling them" */
static void test_pairs_not_there(void)
{
	struct net_rig r;

	init(&r, 0, 2);
	g_assert_cmphex(device_rig_negotiate(&r.dev, UINT64_MAX), ==, FEATURES_OK);
	for (unsigned int i = 0; i < r.dev.v->queue_count; i++) {
		struct virtio_driver_setup setup = { .size = 16 };
		uint64_t end = virtio_driver_layout(&setup, DEVICE_RIG_RINGS + i * 0x10000ULL);

		g_assert_cmpuint(end, <=, DEVICE_RIG_RINGS + (i + 1) * 0x10000ULL);
		g_assert_cmpint(virtio_driver_init(&r.dev.drivers[i], &r.dev.memory, &setup), ==,
				0);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_DESC_LOW,
				       (uint32_t)setup.desc_gpa);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_AVAIL_LOW,
				       (uint32_t)setup.avail_gpa);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_USED_LOW,
				       (uint32_t)setup.used_gpa);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_ENABLED, i != 3);
	}
	iol_virtio_set_status(r.dev.v, FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_ERR);
	g_assert_cmpuint(set_pairs(&r, 1), ==, VIRTIO_NET_OK);
	finish(&r);
}

/* --- a loop that polls --- */

struct until {
	struct iol_op deadline;
	struct iol_loop *loop;
};

static void stop_loop(struct iol_op *op, int res)
{
	(void)res;
	iol_loop_stop(iol_container_of(op, struct until, deadline)->loop);
}

/* Lets the loop run, which polls, until *@count is @want; a few seconds at most. */
static void run_until(struct net_rig *r, const unsigned int *count, unsigned int want)
{
	for (unsigned int i = 0; i < 5000 && *count != want; i++) {
		struct until until = { .deadline.done = stop_loop, .loop = r->dev.loop };

		iol_loop_timeout(r->dev.loop, &until.deadline, IOL_NS_PER_MS);
		g_assert_cmpint(iol_loop_run(r->dev.loop, NULL), ==, 0);
	}
	g_assert_cmpuint(*count, ==, want);
}

/* As a driver does: kicks where the device asks for them. */
static void show(struct net_rig *r, unsigned int queue)
{
	if (virtio_driver_show(&r->dev.drivers[queue]))
		iol_virtio_notify(r->dev.v, queue);
}

static void test_polling(void)
{
	static const uint64_t poll_ns[] = { IOL_NS_PER_S, 50 * IOL_NS_PER_US };
	const struct virtio_driver_part out = { NET_RIG_TX, HEADER + 60, false };
	const struct virtio_driver_part in = { NET_RIG_RX, 1526, true };
	struct virtio_driver_used used;
	struct net_rig r;

	for (unsigned int i = 0; i < 2 * IOL_ARRAY_LEN(poll_ns); i++) {
		struct memory_net_pair *pair;

		init(&r, 0, 1);
		pair = &r.mn->pairs[0];
		net_rig_start(&r, i < 2 ? UINT64_MAX : ~NET_RIG_BIT(VIRTIO_RING_F_EVENT_IDX));
		iol_loop_set_polling(r.dev.loop, poll_ns[i % 2]);
		net_rig_frame(frame, net_rig_mac, 60, 1);
		for (unsigned int n = 1; n <= 50; n++) {
			uint8_t with_header[HEADER + 60] = { 0 };

			r.mn->busy = n % 3 == 0;
			device_rig_add(&r.dev, 1, &out, 1, false);
			show(&r, 1);
			if (r.mn->busy) {
				run_until(&r, &r.dev.v->in_flight, 1);
				memory_net_unblock(r.mn);
			}
			run_until(&r, &pair->sent_count, n);
			g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[1], &used), ==, 1);
			memcpy(with_header + HEADER, frame, 60);
			memory_net_give(r.mn, 0, with_header, sizeof(with_header));
			/* Sometimes the frame is first, sometimes the buffer. */
			if (n % 2)
				run_until(&r, &pair->given_count, 1);
			device_rig_add(&r.dev, 0, &in, 1, false);
			show(&r, 0);
			run_until(&r, &pair->given_count, 0);
			g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[0], &used), ==, 1);
			g_assert_cmpuint(used.len, ==, sizeof(with_header));
		}
		iol_loop_set_polling(r.dev.loop, 0);
		finish(&r);
	}
}

/* --- resets --- */

/* Chains at hand, one that waits to be sent and a frame that waits for chains. */
static void fill_with_work(struct net_rig *r)
{
	static uint8_t longer[9000];

	net_rig_post(r, 0, 3, 100);
	net_rig_frame(longer, net_rig_mac, sizeof(longer), 1);
	net_rig_give(r, 0, longer, sizeof(longer));
	r->mn->busy = true;
	for (unsigned int i = 0; i < 3; i++)
		net_rig_send(r, 0, NULL, longer, 100);
	g_assert_cmpuint(r->dev.v->in_flight, ==, 4);
	g_assert_true(r->mn->pairs[0].await_writable);
}

static void end_work(struct net_rig *r)
{
	g_assert_cmpuint(r->dev.v->in_flight, ==, 0);
	/* Callbacks that were asked for come when nobody waits for them any more. */
	memory_net_unblock(r->mn);
	net_rig_frame(frame, net_rig_mac, 60, 1);
	net_rig_give(r, 0, frame, 60);
	g_assert_cmpuint(r->mn->pairs[0].sent_count, ==, 0);
	g_assert_cmpuint(r->mn->pairs[0].given_count, ==, 1);
	memory_net_clear(r->mn);
}

static void test_reset_with_work(void)
{
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 1);
	for (unsigned int i = 0; i < 3; i++) {
		net_rig_start(&r, UINT64_MAX);
		fill_with_work(&r);
		g_assert_true(device_rig_reset(&r.dev));
		end_work(&r);
		g_assert_cmpuint(virtio_driver_used_idx(&r.dev.drivers[0]), ==, 0);
		g_assert_cmpuint(virtio_driver_used_idx(&r.dev.drivers[1]), ==, 0);
	}
	net_rig_start(&r, UINT64_MAX);
	net_rig_check_alive(&r);
	finish(&r);
}

static void test_quiesce_with_work(void)
{
	struct iol_quiesce quiesce = { .pending = 2 };
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 1);
	net_rig_start(&r, UINT64_MAX);
	fill_with_work(&r);
	g_assert_true(iol_virtio_quiesce(r.dev.v, &quiesce));
	g_assert_cmpuint(quiesce.pending, ==, 2);
	end_work(&r);
	iol_virtio_reset(r.dev.v);
	g_assert_cmphex(iol_virtio_status(r.dev.v), ==, 0);
	net_rig_start(&r, UINT64_MAX);
	net_rig_check_alive(&r);
	finish(&r);
}

/* A frame that waits while all goes. */
static void test_free_with_work(void)
{
	bool freed = false;
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 1);
	r.mn->freed = &freed;
	net_rig_start(&r, UINT64_MAX);
	fill_with_work(&r);
	finish(&r);
	g_assert_true(freed);
}

/* What went through is told at the end, to whoever wants to know. */
static void test_counts_told(void)
{
	int saved = dup(STDERR_FILENO), fds[2];
	char text[1024] = "";
	struct net_rig r;

	init(&r, 0, 1);
	net_rig_start(&r, UINT64_MAX);
	net_rig_check_alive(&r);
	net_rig_send(&r, 0, NULL, frame, 13); /* too short */
	iol_log_set_level(IOL_LOG_INFO);
	g_assert_cmpint(pipe2(fds, O_NONBLOCK), ==, 0);
	dup2(fds[1], STDERR_FILENO);
	finish(&r);
	dup2(saved, STDERR_FILENO);
	iol_log_set_level(IOL_LOG_WARN);
	g_assert_cmpint(read(fds[0], text, sizeof(text) - 1), >, 0);
	g_assert_cmpstr(text, ==,
			"iolite: test: to the guest 3 frames of 1588 bytes, 0 filtered, 0 dropped; "
			"from it 3 frames of 1588 bytes, 1 dropped\n");
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

/* Two things that the host may refuse at a start: each is told with its cause. */
static void test_refusal_told(void)
{
	int saved = dup(STDERR_FILENO), fds[2];
	char text[2048] = "";
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 2);
	g_assert_cmpint(pipe2(fds, O_NONBLOCK), ==, 0);
	dup2(fds[1], STDERR_FILENO);
	r.mn->pairs_error = -EBUSY;
	net_rig_start(&r, UINT64_MAX);
	r.mn->pairs_error = 0;
	g_assert_true(device_rig_reset(&r.dev));
	r.mn->set_error = -EPERM;
	net_rig_start(&r, ~BIT(GUEST_CSUM));
	dup2(saved, STDERR_FILENO);
	g_assert_cmpint(read(fds[0], text, sizeof(text) - 1), >, 0);
	g_assert_nonnull(strstr(text, "net memory cannot be set to one queue pair (Device or "
				      "resource busy); "));
	g_assert_nonnull(strstr(text, "net memory cannot be told which offloads the guest's driver "
				      "takes (Operation not permitted); "));
	net_rig_check_alive(&r);
	finish(&r);
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

struct late {
	struct iol_post post;
	struct memory_net *mn;
	bool came;
};

static void say_late(struct iol_post *post)
{
	struct late *late = iol_container_of(post, struct late, post);

	late->came = true;
	g_assert_null(late->mn->net.user);
	iol_net_set_link(&late->mn->net, false);
}

/* The link goes while the device does, which has to wait for its timer. */
static void test_free_with_link_lost(void)
{
	struct late late = { .post.run = say_late };
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 1);
	net_rig_start(&r, UINT64_MAX);
	fill_with_work(&r);
	late.mn = r.mn;
	iol_loop_post(r.dev.loop, &late.post);
	finish(&r);
	g_assert_true(late.came);
}

/* 5.1.6.5.2.1 and 5.1.6.5.3: filters and the address are as at first. */
static void test_reset_restores(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 }, on = 1;
	struct net_rig r;

	init(&r, 0, 1);
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac,
					 6),
			 ==, VIRTIO_NET_OK);
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, &on,
					 1),
			 ==, VIRTIO_NET_OK);
	g_assert_cmphex(iol_virtio_config_read(r.dev.v, 0, 1), ==, 2);
	g_assert_true(device_rig_reset(&r.dev));
	g_assert_cmphex(iol_virtio_config_read(r.dev.v, 0, 1), ==, net_rig_mac[0]);
	net_rig_start(&r, UINT64_MAX);
	net_rig_check_alive(&r);
	net_rig_post(&r, 0, 1, 1526);
	net_rig_frame(frame, net_rig_broadcast, 60, 1);
	net_rig_give(&r, 0, frame, 60);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, HEADER + 60);
	finish(&r);
}

/* Before DRIVER_OK and after a reset nothing is received (2.1.2). */
static void test_not_running(void)
{
	struct net_rig r;

	init(&r, 0, 1);
	net_rig_frame(frame, net_rig_mac, 60, 1);
	net_rig_give(&r, 0, frame, 60);
	g_assert_cmpuint(r.mn->pairs[0].receives, ==, 0);
	net_rig_start(&r, UINT64_MAX);
	net_rig_post(&r, 0, 1, 1526);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, HEADER + 60);
	finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-net-life/offered", test_offered);
	g_test_add_func("/virtio-net-life/each-declined", test_each_declined);
	g_test_add_func("/virtio-net-life/needs", test_needs);
	g_test_add_func("/virtio-net-life/offloads", test_offloads);
	g_test_add_func("/virtio-net-life/config-read-only", test_config_read_only);
	g_test_add_func("/virtio-net-life/refused", test_refused);
	g_test_add_func("/virtio-net-life/ctrl-queue-place", test_ctrl_queue_place);
	g_test_add_func("/virtio-net-life/pairs", test_pairs);
	g_test_add_func("/virtio-net-life/pairs-without-mq", test_pairs_without_mq);
	g_test_add_func("/virtio-net-life/pairs-held", test_pairs_held);
	g_test_add_func("/virtio-net-life/pairs-not-there", test_pairs_not_there);
	g_test_add_func("/virtio-net-life/polling", test_polling);
	g_test_add_func("/virtio-net-life/reset-with-work", test_reset_with_work);
	g_test_add_func("/virtio-net-life/quiesce-with-work", test_quiesce_with_work);
	g_test_add_func("/virtio-net-life/free-with-work", test_free_with_work);
	g_test_add_func("/virtio-net-life/counts-told", test_counts_told);
	g_test_add_func("/virtio-net-life/refusal-told", test_refusal_told);
	g_test_add_func("/virtio-net-life/free-with-link-lost", test_free_with_link_lost);
	g_test_add_func("/virtio-net-life/reset-restores", test_reset_restores);
	g_test_add_func("/virtio-net-life/not-running", test_not_running);
	return g_test_run();
}
