// SPDX-License-Identifier: Apache-2.0
/* What all network backends have in common, pieces of frames, and the network with nobody in it. */
#include "backend/net_iov.h"

#include <errno.h>
#include <string.h>

#include "net_rig.h"

static void test_none(void)
{
	struct iol_loop loop;
	struct iol_error err;
	struct net_device dev;
	struct iol_net *net = NULL;
	uint8_t frame[64] = { 0 };

	g_assert_cmpint(iol_loop_init(&loop, &err), ==, 0);
	g_assert_cmpint(iol_net_none_new(&loop, "net none0", &net, &err), ==, 0);
	net_device_start(&dev, net);
	g_assert_cmpstr(net->name, ==, "net none0");
	g_assert_cmpstr(net->ops->name, ==, "none");
	g_assert_false(net->link_up);
	g_assert_cmpuint(net->limits.pairs, ==, 1);
	g_assert_cmphex(net->limits.send_offloads | net->limits.receive_offloads, ==, 0);
	g_assert_cmpint(net_device_send(&dev, 0, frame, sizeof(frame)), ==, 0);
	g_assert_cmpint(net_device_receive(&dev, 0, frame, sizeof(frame)), ==, -EAGAIN);
	iol_net_await(net, 0, true, true);
	net_turn_for(&loop, 50);
	g_assert_cmpuint(dev.readable[0] + dev.writable[0] + dev.link_changes, ==, 0);
	g_assert_cmpint(iol_net_set_offloads(net, 0), ==, 0);
	g_assert_cmpint(iol_net_set_pairs(net, 1), ==, 0);
	iol_net_free(net);
	iol_net_free(NULL);
	iol_loop_finish(&loop);
}

/* ---- The cable ---- */

struct plug_backend {
	struct iol_net net;
	unsigned int calls;
};

static ssize_t plug_receive(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			    unsigned int count)
{
	(void)pair;
	(void)iov;
	(void)count;
	iol_container_of(net, struct plug_backend, net)->calls++;
	return -EAGAIN;
}

static int plug_send(struct iol_net *net, unsigned int pair, const struct iovec *iov,
		     unsigned int count)
{
	(void)pair;
	(void)iov;
	(void)count;
	iol_container_of(net, struct plug_backend, net)->calls++;
	return 0;
}

static int plug_vhost_fd(struct iol_net *net, unsigned int pair)
{
	(void)net;
	(void)pair;
	return 7;
}

static void plug_free(struct iol_net *net)
{
	(void)net;
}

static struct {
	unsigned int calls;
	bool up;
} seen;

static void saw_link(struct iol_net_observer *observer, bool up)
{
	(void)observer;
	seen.calls++;
	seen.up = up;
}

static void expect_link(const struct net_device *dev, bool up, unsigned int changes)
{
	g_assert_cmpint(dev->net->link_up, ==, up);
	g_assert_cmpuint(dev->link_changes, ==, changes);
	g_assert_cmpuint(seen.calls, ==, changes);
	if (changes)
		g_assert_cmpint(seen.up, ==, up);
}

/* Without the cable nothing passes, whatever the host does; with it the link is what it would have been. */
static void test_plug(void)
{
	static const struct iol_net_ops ops = {
		.name = "plug",
		.receive = plug_receive,
		.send = plug_send,
		.vhost_fd = plug_vhost_fd,
		.free = plug_free,
	};
	struct iol_net_observer observer = { .link_changed = saw_link };
	struct plug_backend b = { .calls = 0 };
	struct iovec iov = { .iov_base = NULL, .iov_len = 0 };
	struct net_device dev;

	seen.calls = 0;
	iol_net_init(&b.net, &ops, NULL, "net plug");
	net_device_start(&dev, &b.net);
	b.net.observer = &observer;
	iol_net_plug(&b.net, true);
	expect_link(&dev, true, 0);
	iol_net_plug(&b.net, false);
	iol_net_plug(&b.net, false);
	expect_link(&dev, false, 1);
	g_assert_cmpint(iol_net_send(&b.net, 0, &iov, 1), ==, -ENETDOWN);
	g_assert_cmpint(iol_net_receive(&b.net, 0, &iov, 1), ==, -ENETDOWN);
	g_assert_cmpint(iol_net_vhost_fd(&b.net, 0), ==, -1);
	g_assert_cmpuint(b.calls, ==, 0);
	iol_net_set_link(&b.net, false);
	iol_net_set_link(&b.net, true);
	expect_link(&dev, false, 1);
	iol_net_plug(&b.net, true);
	expect_link(&dev, true, 2);
	g_assert_cmpint(iol_net_send(&b.net, 0, &iov, 1), ==, 0);
	g_assert_cmpint(iol_net_receive(&b.net, 0, &iov, 1), ==, -EAGAIN);
	g_assert_cmpint(iol_net_vhost_fd(&b.net, 0), ==, 7);
	g_assert_cmpuint(b.calls, ==, 2);
	iol_net_plug(&b.net, false);
	iol_net_set_link(&b.net, false);
	iol_net_plug(&b.net, true);
	expect_link(&dev, false, 3);
	iol_net_set_link(&b.net, true);
	expect_link(&dev, true, 4);
	iol_net_free(&b.net);
}

static void test_skip(void)
{
	uint8_t buf[30];
	struct iovec iov[4] = { { buf, 5 }, { buf + 5, 0 }, { buf + 5, 10 }, { buf + 15, 15 } };
	struct iovec out[4];

	for (size_t skip = 0; skip <= sizeof(buf) + 3; skip++) {
		unsigned int parts = iol_iov_skip(out, iov, 4, skip);
		size_t left = skip < sizeof(buf) ? sizeof(buf) - skip : 0;

		g_assert_cmpuint(iol_iov_bytes(out, parts), ==, left);
		if (parts)
			g_assert_true(out[0].iov_base == buf + skip);
		for (unsigned int i = 0; i < parts; i++)
			g_assert_cmpuint(out[i].iov_len, >, 0);
	}
}

static void test_copy(void)
{
	uint8_t buf[20], back[32];
	struct iovec iov[3] = { { buf, 3 }, { buf + 3, 7 }, { buf + 10, 10 } };
	const char *text = "abcdefghijklmnopqrstuvwxyz";

	for (size_t offset = 0; offset <= 22; offset++) {
		for (size_t len = 0; len <= 26; len++) {
			size_t room = offset < 20 ? 20 - offset : 0;

			memset(buf, 0, sizeof(buf));
			g_assert_cmpuint(iol_iov_scatter(iov, 3, offset, text, len), ==,
					 MIN(len, room));
			g_assert_cmpuint(iol_iov_gather(iov, 3, offset, back, len), ==,
					 MIN(len, room));
			g_assert_cmpmem(back, MIN(len, room), text, MIN(len, room));
			for (size_t i = 0; i < 20; i++)
				if (i < offset || i >= offset + len)
					g_assert_cmphex(buf[i], ==, 0);
		}
	}
}

static void test_plain_frame(void)
{
	uint8_t buf[200] = { 0 };
	struct iovec iov[3] = { { buf, 1 }, { buf + 1, 12 }, { buf + 13, 100 } };

	g_assert_cmpint(iol_iov_plain_frame(iov, 3, 101), ==, 101);
	g_assert_cmpint(iol_iov_plain_frame(iov, 3, 100), ==, -EMSGSIZE);
	iov[2].iov_len = 13;
	g_assert_cmpint(iol_iov_plain_frame(iov, 3, 100), ==, 14);
	iov[2].iov_len = 12;
	g_assert_cmpint(iol_iov_plain_frame(iov, 3, 100), ==, -EINVAL);
	g_assert_cmpint(iol_iov_plain_frame(iov, 1, 100), ==, -EINVAL);
	iov[2].iov_len = 100;
	buf[0] = 1; /* NEEDS_CSUM */
	g_assert_cmpint(iol_iov_plain_frame(iov, 3, 101), ==, -EINVAL);
	buf[0] = 0;
	buf[1] = 1; /* GSO_TCPV4 */
	g_assert_cmpint(iol_iov_plain_frame(iov, 3, 101), ==, -EINVAL);
	buf[1] = 0;
	buf[10] = 1; /* num_buffers: the device's */
	g_assert_cmpint(iol_iov_plain_frame(iov, 3, 101), ==, 101);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/net/none", test_none);
	g_test_add_func("/net/plug", test_plug);
	g_test_add_func("/net/iov/skip", test_skip);
	g_test_add_func("/net/iov/copy", test_copy);
	g_test_add_func("/net/iov/plain-frame", test_plain_frame);
	return g_test_run();
}
