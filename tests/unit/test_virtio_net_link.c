// SPDX-License-Identifier: Apache-2.0
/* The network device's link, and that the driver is asked to announce itself (virtio-v1.2 5.1.4, 5.1.6.5.4). */
#include <glib.h>

#include "virtio_net_life_rig.h"

enum {
	HEADER = IOL_NET_HEADER_BYTES,
	UP = VIRTIO_NET_S_LINK_UP,
	ANNOUNCE = VIRTIO_NET_S_ANNOUNCE,
};

static uint8_t data[MEMORY_NET_BYTES_MAX], frame[2048];

static void test_link(void)
{
	struct net_rig r;
	unsigned int interrupts;

	init(&r, 0, 1);
	iol_net_set_link(&r.mn->net, false);
	g_assert_cmpuint(FIELD(&r, status), ==, 0);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 0);
	net_rig_start(&r, ~BIT(GUEST_ANNOUNCE));
	net_rig_post(&r, 0, 2, 1526);
	/* Nobody is asked for frames meanwhile. */
	g_assert_false(r.mn->pairs[0].await_readable);
	net_rig_frame(frame, net_rig_mac, 60, 1);
	net_rig_give(&r, 0, frame, 60);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, 0);
	iol_net_set_link(&r.mn->net, true);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(FIELD(&r, status), ==, UP);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 1);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, HEADER + 60);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 0);
	iol_net_set_link(&r.mn->net, false);
	g_assert_cmpuint(FIELD(&r, status), ==, 0);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 2);
	g_assert_cmpint(net_rig_send(&r, 0, NULL, frame, 60), >=, 0);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 1);
	/* A reset does not change the link. */
	interrupts = r.dev.config_interrupts;
	g_assert_true(device_rig_reset(&r.dev));
	g_assert_cmpuint(FIELD(&r, status), ==, 0);
	iol_net_set_link(&r.mn->net, true);
	g_assert_cmpuint(FIELD(&r, status), ==, UP);
	g_assert_cmpuint(r.dev.config_interrupts, ==, interrupts);
	finish(&r);
}

struct pause {
	struct iol_op op;
	bool over;
};

static void end_pause(struct iol_op *op, int res)
{
	g_assert_cmpint(res, ==, -ETIME);
	iol_container_of(op, struct pause, op)->over = true;
}

static void pause_for(struct net_rig *r, unsigned int ms)
{
	struct pause pause = { .op.done = end_pause };

	iol_loop_timeout(r->dev.loop, &pause.op, ms * IOL_NS_PER_MS);
	while (!pause.over)
		g_assert_cmpint(iol_loop_turn(r->dev.loop, true), ==, 0);
}

/* The link goes and comes back. The driver sees nothing but that at first: without a carrier it could not send. */
static void lose_link(struct net_rig *r)
{
	iol_net_set_link(&r->mn->net, false);
	g_assert_cmpuint(FIELD(r, status), ==, 0);
	iol_net_set_link(&r->mn->net, true);
	g_assert_cmpuint(FIELD(r, status), ==, UP);
}

/* Soon after the link is back, but not at once. */
static void check_announce(struct net_rig *r)
{
	uint64_t start_ns = iol_loop_now_ns();

	lose_link(r);
	while (FIELD(r, status) == UP && iol_loop_now_ns() - start_ns < 10 * IOL_NS_PER_S)
		pause_for(r, 10);
	g_assert_cmpuint(FIELD(r, status), ==, UP | ANNOUNCE);
	g_assert_cmpuint(iol_loop_now_ns() - start_ns, >=, 500 * IOL_NS_PER_MS);
}

static void check_no_announce(struct net_rig *r)
{
	pause_for(r, 700);
	g_assert_cmpuint(FIELD(r, status), ==, UP);
}

/* 5.1.6.5.4 */
static void test_announce(void)
{
	struct net_rig r;

	init(&r, 0, 1);
	net_rig_start(&r, UINT64_MAX);
	r.dev.config_interrupts = 0;
	check_announce(&r);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 3);
	/* Until the driver has said that it did, or cannot any more. */
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_ANNOUNCE, 1, NULL, 0), ==,
			 VIRTIO_NET_ERR);
	g_assert_cmpuint(FIELD(&r, status), ==, UP | ANNOUNCE);
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_ANNOUNCE, 0, NULL, 0), ==,
			 VIRTIO_NET_OK);
	g_assert_cmpuint(FIELD(&r, status), ==, UP);
	check_announce(&r);
	lose_link(&r);
	/* The time counts from the last that the driver heard. */
	pause_for(&r, 300);
	check_announce(&r);
	g_assert_true(device_rig_reset(&r.dev));
	g_assert_cmpuint(FIELD(&r, status), ==, UP);
	/* It is under way while all goes. */
	net_rig_start(&r, UINT64_MAX);
	lose_link(&r);
	finish(&r);
}

/* Drivers that cannot be asked, or are another by then; a link that is down again. */
static void test_announce_not(void)
{
	struct net_rig r;

	init(&r, 0, 1);
	lose_link(&r);
	net_rig_start(&r, ~BIT(GUEST_ANNOUNCE));
	lose_link(&r);
	check_no_announce(&r);
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_ANNOUNCE, 0, NULL, 0), ==,
			 VIRTIO_NET_ERR);
	device_rig_reset(&r.dev);
	net_rig_start(&r, ~BIT(STATUS));
	lose_link(&r);
	check_no_announce(&r);
	device_rig_reset(&r.dev);
	net_rig_start(&r, UINT64_MAX);
	lose_link(&r);
	iol_net_set_link(&r.mn->net, false);
	pause_for(&r, 700);
	g_assert_cmpuint(FIELD(&r, status), ==, 0);
	lose_link(&r);
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, UINT64_MAX);
	check_no_announce(&r);
	finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-net-link/link", test_link);
	g_test_add_func("/virtio-net-link/announce", test_announce);
	g_test_add_func("/virtio-net-link/announce-not", test_announce_not);
	return g_test_run();
}
