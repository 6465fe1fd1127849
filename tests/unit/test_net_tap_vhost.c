// SPDX-License-Identifier: Apache-2.0
/* What the backend tap has for a kernel that serves it in our place, in a network of the test's own. */
#include "net_tap_rig.h"

enum { PAIRS = 3 };

static void make(const char *name)
{
	make_persistent(name, IFF_MULTI_QUEUE | IFF_VNET_HDR);
}

static void start(struct net_fixture *f, struct net_device *dev, unsigned int pairs)
{
	start_tap(f, dev, (struct iol_net_tap_config){ .ifname = "iol0", .pairs = pairs });
}

/* Of the pairs in use alone, and each its own. */
static void test_descriptors(struct net_fixture *f, gconstpointer data)
{
	struct net_device dev;

	(void)data;
	make("iol0");
	start(f, &dev, PAIRS);
	for (unsigned int round = 0; round < 2; round++) {
		int fds[PAIRS];

		for (unsigned int pairs = PAIRS; pairs; pairs--) {
			g_assert_cmpint(iol_net_set_pairs(dev.net, pairs), ==, 0);
			for (unsigned int i = 0; i < PAIRS; i++) {
				struct ifreq ifr;

				fds[i] = iol_net_vhost_fd(dev.net, i);
				g_assert_cmpint(fds[i] >= 0, ==, i < pairs);
				if (fds[i] < 0)
					continue;
				g_assert_cmpint(ioctl(fds[i], TUNGETIFF, &ifr), ==, 0);
				g_assert_cmpstr(ifr.ifr_name, ==, "iol0");
				g_assert_true(!i || fds[i] != fds[i - 1]);
			}
		}
		g_assert_cmpint(iol_net_vhost_fd(dev.net, IOL_NET_PAIRS_MAX), ==, -1);
		delete_link("iol0");
		iol_net_watch(dev.net, true);
		NET_TURN_UNTIL(&f->loop, !dev.net->link_up);
		g_assert_cmpint(iol_net_vhost_fd(dev.net, 0), ==, -1);
		iol_net_watch(dev.net, false);
		make("iol0");
		set_up("iol0", true); /* another's: until it is up there is no link */
		NET_TURN_UNTIL(&f->loop, dev.net->link_up);
		g_assert_cmpint(iol_net_vhost_fd(dev.net, 0), >=, 0);
	}
	iol_net_free(dev.net);
	delete_link("iol0");
}

/* Frames that nobody here waits for wake nobody; a deletion is seen. */
static void test_watch(struct net_fixture *f, gconstpointer data)
{
	unsigned int turns = 0;
	struct net_device dev;
	uint64_t end_ns;

	(void)data;
	start(f, &dev, 1);
	iol_net_watch(dev.net, true);
	iol_net_watch(dev.net, true);
	end_ns = iol_loop_now_ns() + 1500 * IOL_NS_PER_MS;
	for (; iol_loop_now_ns() < end_ns; turns++)
		net_turn(&f->loop);
	g_assert_cmpuint(turns, <, 200);
	g_assert_cmpuint(dev.link_changes, ==, 0);
	delete_link("iol0");
	NET_TURN_UNTIL(&f->loop, dev.link_changes == 1);
	g_assert_false(dev.net->link_up);
	/* Not watched: nobody asks. */
	make("iol0");
	NET_TURN_UNTIL(&f->loop, dev.link_changes == 2);
	iol_net_watch(dev.net, false);
	delete_link("iol0");
	net_turn_for(&f->loop, 1500);
	g_assert_cmpuint(dev.link_changes, ==, 2);
	/* With a timer in flight. */
	iol_net_watch(dev.net, true);
	net_turn(&f->loop);
	iol_net_free(dev.net);
}

/* Whoever asks for the descriptor learns that the interface is gone before the watch does. */
static void test_deleted(struct net_fixture *f, gconstpointer data)
{
	struct net_device dev;

	(void)data;
	start(f, &dev, PAIRS);
	delete_link("iol0");
	g_assert_cmpuint(dev.link_changes, ==, 0);
	g_assert_cmpint(iol_net_vhost_fd(dev.net, 1), ==, -1);
	g_assert_cmpuint(dev.link_changes, ==, 0);
	net_turn(&f->loop);
	g_assert_cmpuint(dev.link_changes, ==, 1);
	g_assert_false(dev.net->link_up);
	iol_net_free(dev.net);
}

static void test_others(struct net_fixture *f, gconstpointer data)
{
	struct iol_net *net;

	(void)data;
	g_assert_cmpint(iol_net_none_new(&f->loop, "net n", &net, NULL), ==, 0);
	g_assert_cmpint(iol_net_vhost_fd(net, 0), ==, -1);
	iol_net_watch(net, true);
	iol_net_free(net);
}

int main(int argc, char **argv)
{
	static const struct net_test tests[] = {
		{ "/net-tap-vhost/descriptors", test_descriptors },
		{ "/net-tap-vhost/watch", test_watch },
		{ "/net-tap-vhost/deleted", test_deleted },
		{ "/net-tap-vhost/others", test_others },
	};
	const char *unusable = own_network();

	g_test_init(&argc, &argv, NULL);
	net_add_tests(tests, IOL_ARRAY_LEN(tests), unusable);
	return g_test_run();
}
