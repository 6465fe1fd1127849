// SPDX-License-Identifier: Apache-2.0
/* Interfaces of the backend tap that somebody deletes, and that come back. */
#include <stdlib.h>

#include "net_tap_rig.h"

static void test_deleted_and_made_again(struct net_fixture *f, gconstpointer data)
{
	uint8_t frame[FRAME_BYTES] = { 0 };
	struct net_device dev;

	(void)data;
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol2" });
	for (unsigned int round = 0; round < 2; round++) {
		unsigned int turns = 0;
		uint64_t end_ns;

		iol_net_await(dev.net, 0, true, false);
		net_turn(&f->loop);
		delete_link("iol2");
		/* Noticed by the poll the first time, by a call the second. */
		if (round)
			g_assert_cmpint(net_device_send(&dev, 0, frame, sizeof(frame)), ==,
					-ENETDOWN);
		for (unsigned int i = 0; dev.net->link_up && i < 500; i++) {
			if (dev.readable[0]) /* a frame of the host's own */
				net_device_receive(&dev, 0, frame, sizeof(frame));
			iol_net_await(dev.net, 0, true, false);
			net_turn(&f->loop);
		}
		g_assert_cmpuint(dev.link_changes, ==, 2 * round + 1);
		g_assert_cmpint(net_device_send(&dev, 0, frame, sizeof(frame)), ==, -ENETDOWN);
		g_assert_cmpint(net_device_receive(&dev, 0, frame, sizeof(frame)), ==, -ENETDOWN);
		g_assert_cmpint(iol_net_set_offloads(dev.net, IOL_NET_CSUM), ==, 0);
		iol_net_await(dev.net, 0, true, true);
		/* It does not spin, and does not make what was deleted. */
		end_ns = iol_loop_now_ns() + 1200 * IOL_NS_PER_MS;
		for (; iol_loop_now_ns() < end_ns; turns++)
			net_turn(&f->loop);
		g_assert_cmpuint(turns, <, 200);
		g_assert_cmpuint(if_nametoindex("iol2"), ==, 0);

		make_up("iol2", 0);
		NET_TURN_UNTIL(&f->loop, dev.net->link_up);
		NET_TURN_UNTIL(&f->loop, dev.writable[0] == round + 1);
		expect_both_ways(&dev, "iol2", 1);
	}
	iol_net_free(dev.net);
	delete_link("iol2");
}

/* Queues that are set before anybody has noticed that the interface is gone. */
static void test_queues_of_deleted(struct net_fixture *f, gconstpointer data)
{
	uint8_t frame[FRAME_BYTES] = { 0 };
	struct net_device dev;
	int host;

	(void)data;
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol3", .pairs = 4 });
	for (unsigned int round = 0; round < 2; round++) {
		/* Fewer the first time, more the second. */
		unsigned int pairs = round ? 3 : 1;

		delete_link("iol3");
		g_assert_cmpint(iol_net_set_pairs(dev.net, pairs), ==, 0);
		NET_TURN_UNTIL(&f->loop, !dev.net->link_up);
		make_up("iol3", IFF_MULTI_QUEUE);
		NET_TURN_UNTIL(&f->loop, dev.net->link_up);
		for (unsigned int pair = 0; pair < 4; pair++)
			g_assert_cmpint(net_device_send(&dev, pair, frame, sizeof(frame)), ==,
					pair < pairs ? 0 : -ENETDOWN);
		host = host_end("iol3");
		for (uint8_t i = 0; i < 20; i++)
			expect_from_host(&dev, host, pairs, i);
		iol_fd_close(&host);
	}
	g_assert_cmpuint(dev.link_changes, ==, 4);
	iol_net_free(dev.net);
	delete_link("iol3");
}

/*
 * It is there before whoever makes it has done all. For as long as theirs is the first queue, it is they who say what
 * frames look like; and until it is up there is no link.
 */
static void test_found_half_made(struct net_fixture *f, gconstpointer data)
{
	struct net_device dev;
	int maker, host;

	(void)data;
	make_up("iol3", IFF_MULTI_QUEUE);
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol3", .pairs = 4 });
	lose_link(&dev, "iol3");
	maker = open_tun("iol3", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	g_assert_cmpint(maker, >=, 0);
	expect_error(
		f, (struct iol_net_tap_config){ .ifname = "iol3", .pairs = 2 }, -EBUSY,
		"interface iol3 is in use: another program has it open, without IFF_VNET_HDR; end that one, or "
		"name another interface");
	net_turn_for(&f->loop, 1200);
	g_assert_false(dev.net->link_up);
	g_assert_cmpint(ioctl(maker, TUNSETPERSIST, 1), ==, 0);
	iol_fd_close(&maker);
	net_turn_for(&f->loop, 1200);
	g_assert_false(dev.net->link_up);
	set_up("iol3", true);
	NET_TURN_UNTIL(&f->loop, dev.net->link_up);
	host = host_end("iol3");
	for (unsigned int pair = 0; pair < 4; pair++)
		expect_at_host(&dev, host, pair, (uint8_t)pair);
	for (uint8_t i = 0; i < 20; i++)
		expect_from_host(&dev, host, 4, i);
	iol_fd_close(&host);
	iol_net_free(dev.net);
	delete_link("iol3");
}

/* What is ours is set again on an interface that another made: MTU, bridge, state. */
static void test_made_again_bare(struct net_fixture *f, gconstpointer data)
{
	bool bridges = !getenv("IOLITE_EMULATED") && make_bridge("iolbr2");
	struct net_device a, b;

	(void)data;
	start_tap(f, &a,
		  (struct iol_net_tap_config){
			  .ifname = "iol9", .mtu = 4000, .bridge = bridges ? "iolbr2" : NULL });
	lose_link(&a, "iol9");
	make_persistent("iol9", 0);
	NET_TURN_UNTIL(&f->loop, a.net->link_up);
	g_assert_true(is_up("iol9"));
	g_assert_cmpuint(mtu_of("iol9"), ==, 4000);
	if (bridges) {
		start_tap(f, &b, (struct iol_net_tap_config){ .bridge = "iolbr2" });
		expect_frame(&b, -1, &a, 1, 1);
		iol_net_free(b.net);
		delete_link("iolbr2");
	}
	iol_net_free(a.net);
	delete_link("iol9");
}

/* How often @text is in what comes from @fd; all of it that has come is read. */
static unsigned int count_texts(int fd, const char *text)
{
	char got[4096] = "";
	ssize_t len = read(fd, got, sizeof(got) - 1);
	unsigned int count = 0;

	for (const char *at = got; len > 0 && (at = strstr(at, text)); at++)
		count++;
	return count;
}

/* An interface that is there again and cannot be had: one word about it, and another try each second. */
static void test_made_again_busy(struct net_fixture *f, gconstpointer data)
{
	int saved = dup(STDERR_FILENO), fds[2], other;
	unsigned int told = 0;
	struct net_device dev;

	(void)data;
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol9" });
	lose_link(&dev, "iol9");
	other = open_tun("iol9", IFF_TAP | IFF_NO_PI);
	g_assert_cmpint(ioctl(other, TUNSETPERSIST, 1), ==, 0);
	g_assert_cmpint(pipe2(fds, O_NONBLOCK | O_CLOEXEC), ==, 0);
	dup2(fds[1], STDERR_FILENO);
	for (unsigned int i = 0; !told && i < 1000; i++) {
		net_turn(&f->loop);
		told = count_texts(fds[0], "the link stays down: interface iol9 is in use");
	}
	net_turn_for(&f->loop, 2500);
	told += count_texts(fds[0], "iol9");
	dup2(saved, STDERR_FILENO);
	g_assert_cmpuint(told, ==, 1);
	g_assert_false(dev.net->link_up);
	iol_fd_close(&other);
	NET_TURN_UNTIL(&f->loop, dev.net->link_up);
	iol_fd_close(&saved);
	iol_fd_close(&fds[0]);
	iol_fd_close(&fds[1]);
	iol_net_free(dev.net);
	delete_link("iol9");
}

int main(int argc, char **argv)
{
	static const struct net_test tests[] = {
		{ "/net-tap-lost/deleted-and-made-again", test_deleted_and_made_again },
		{ "/net-tap-lost/queues/of-deleted", test_queues_of_deleted },
		{ "/net-tap-lost/queues/found-half-made", test_found_half_made },
		{ "/net-tap-lost/made-again/bare", test_made_again_bare },
		{ "/net-tap-lost/made-again/busy", test_made_again_busy },
	};
	const char *unusable = own_network();

	g_test_init(&argc, &argv, NULL);
	net_add_tests(tests, IOL_ARRAY_LEN(tests), unusable);
	return g_test_run();
}
