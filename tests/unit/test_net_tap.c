// SPDX-License-Identifier: Apache-2.0
/* The backend tap, in a network of the test's own. Interfaces that go and come back: test_net_tap_lost.c. */
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "net_tap_rig.h"

/* The next frame of ours on any pair. */
static ssize_t wait_frame(struct net_device *dev, unsigned int pairs, uint8_t *frame, size_t size)
{
	ssize_t len;

	do
		len = net_device_wait_frame(dev, pairs, frame, size);
	while (len >= 14 && be16_load(frame + 12) != TYPE);
	return len;
}

static void test_made_by_us(struct net_fixture *f, gconstpointer data)
{
	struct net_device dev;
	unsigned int fds;
	uint8_t got[100];
	int host;

	(void)data;
	net_turn(&f->loop);
	fds = net_open_fds();
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol0", .mtu = 9000 });
	g_assert_true(dev.net->link_up);
	g_assert_true(is_up("iol0"));
	g_assert_cmpuint(mtu_of("iol0"), ==, 9000);
	g_assert_cmpuint(dev.net->limits.mtu, ==, 9000);
	g_assert_cmpuint(dev.net->limits.pairs, ==, 1);
	g_assert_cmphex(dev.net->limits.send_offloads & 15, ==, 15);
	host = host_end("iol0");
	expect_from_host(&dev, host, 1, 1);
	expect_at_host(&dev, host, 0, 2);

	/* Each call comes once. */
	iol_net_await(dev.net, 0, false, true);
	NET_TURN_UNTIL(&f->loop, dev.writable[0] == 1);
	net_turn_for(&f->loop, 40);
	g_assert_cmpuint(dev.writable[0], ==, 1);

	/* Down: what is sent is dropped, and goes on later. */
	set_up("iol0", false);
	g_assert_cmpint(net_device_send(&dev, 0, got, sizeof(got)), ==, -EIO);
	set_up("iol0", true);
	expect_at_host(&dev, host, 0, 3);

	/* Nonsense. */
	g_assert_cmpint(net_device_send(&dev, 1, got, sizeof(got)), ==, -ENETDOWN);
	g_assert_cmpint(net_device_receive(&dev, 1, got, sizeof(got)), ==, -EAGAIN);
	g_assert_cmpint(iol_net_set_pairs(dev.net, 2), ==, -EINVAL);
	g_assert_cmpint(iol_net_set_pairs(dev.net, 0), ==, -EINVAL);
	g_assert_cmpint(iol_net_set_offloads(dev.net, 1 << 20), ==, -EINVAL);
	iol_fd_close(&host);
	iol_net_await(dev.net, 0, true, true);
	iol_net_free(dev.net);
	g_assert_cmpuint(if_nametoindex("iol0"), ==, 0);
	g_assert_cmpuint(net_open_fds(), ==, fds);

	/* The host chooses the name. */
	start_tap(f, &dev, (struct iol_net_tap_config){ 0 });
	g_assert_true(is_up("tap0"));
	iol_net_free(dev.net);
}

static void test_frame_longer_than_buffer(struct net_fixture *f, gconstpointer data)
{
	struct iovec iov[1024];
	g_autofree uint8_t *many = g_malloc0(12 + 1024 * 2);
	uint8_t frame[FRAME_BYTES], got[FRAME_BYTES];
	struct net_device dev;
	ssize_t len;
	int host;

	(void)data;
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol0" });
	host = host_end("iol0");
	expect_from_host(&dev, host, 1, 9);
	fill_frame(frame, sizeof(frame), 0);
	for (int i = 0; i < 2; i++)
		g_assert_cmpint(send(host, frame, sizeof(frame), 0), ==, sizeof(frame));
	len = wait_frame(&dev, 1, got, sizeof(got) - 1);
	while (len != -EMSGSIZE && len != sizeof(frame)) /* the host's own come first */
		len = wait_frame(&dev, 1, got, sizeof(got) - 1);
	g_assert_cmpint(len, ==, -EMSGSIZE);
	g_assert_cmpint(wait_frame(&dev, 1, got, sizeof(got)), ==, sizeof(frame));

	/* As many parts as there may be. */
	for (unsigned int i = 0; i < 1024; i++)
		iov[i] = (struct iovec){ i ? many + 12 + 2 * (size_t)i : many, i ? 2 : 14 };
	g_assert_cmpint(send(host, frame, sizeof(frame), 0), ==, sizeof(frame));
	do {
		iol_net_await(dev.net, 0, true, false);
		net_turn(&f->loop);
		len = iol_net_receive(dev.net, 0, iov, 1024);
	} while (len == -EAGAIN || (len > 0 && be16_load(many + 24) != TYPE));
	g_assert_cmpint(len, ==, 12 + sizeof(frame));
	g_assert_cmpmem(many + 12, sizeof(frame), frame, sizeof(frame));
	iol_fd_close(&host);
	iol_net_free(dev.net);
}

static void test_persistent_stays(struct net_fixture *f, gconstpointer data)
{
	struct net_device dev;

	(void)data;
	make_persistent("iol1", 0);
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol1", .mtu = 4000 });
	g_assert_false(is_up("iol1")); /* another's business */
	g_assert_cmpuint(mtu_of("iol1"), ==, 1500);
	g_assert_cmpuint(dev.net->limits.mtu, ==, 1500);
	set_up("iol1", true);
	expect_both_ways(&dev, "iol1", 1);
	expect_error(f, (struct iol_net_tap_config){ .ifname = "iol1", .pairs = 1 }, -EBUSY,
		     "iol1 is in use");
	iol_net_free(dev.net);
	g_assert_true(is_up("iol1"));
	expect_error(f, (struct iol_net_tap_config){ .ifname = "iol1", .pairs = 2 }, -EINVAL,
		     "has one queue, and 2 are asked for");
	delete_link("iol1");

	/* One queue of an interface that has several. */
	make_up("iol1", IFF_MULTI_QUEUE);
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol1" });
	expect_both_ways(&dev, "iol1", 1);
	iol_net_free(dev.net);
	delete_link("iol1");
}

static void test_queues(struct net_fixture *f, gconstpointer data)
{
	uint8_t frame[FRAME_BYTES] = { 0 };
	struct net_device dev;
	int host;

	(void)data;
	start_tap(f, &dev, (struct iol_net_tap_config){ .ifname = "iol3", .pairs = 4 });
	g_assert_cmpuint(dev.net->limits.pairs, ==, 4);
	host = host_end("iol3");
	for (unsigned int round = 0; round < 3; round++) {
		g_assert_cmpint(iol_net_set_pairs(dev.net, 4), ==, 0);
		for (unsigned int pair = 0; pair < 4; pair++)
			expect_at_host(&dev, host, pair, (uint8_t)pair);
		expect_from_host(&dev, host, 4, 9);
		for (unsigned int pair = 0; pair < 4; pair++)
			iol_net_await(dev.net, pair, true, false);
		net_turn(&f->loop);

		g_assert_cmpint(iol_net_set_pairs(dev.net, 1), ==, 0);
		net_turn_for(&f->loop, 40);
		for (unsigned int pair = 1; pair < 4; pair++) {
			iol_net_await(dev.net, pair, true, true);
			g_assert_cmpint(net_device_send(&dev, pair, frame, sizeof(frame)), ==,
					-ENETDOWN);
			g_assert_cmpint(net_device_receive(&dev, pair, frame, sizeof(frame)), ==,
					-EAGAIN);
		}
		for (uint8_t i = 0; i < 20; i++)
			expect_from_host(&dev, host, 1, i);
		g_assert_true(dev.net->link_up);
	}
	iol_fd_close(&host);
	iol_net_free(dev.net);
	g_assert_cmpuint(if_nametoindex("iol3"), ==, 0);
}

/* A segment of TCP that is to be cut: from one guest to another, nobody cuts it. */
static void send_segment(struct net_device *from, struct net_device *to)
{
	enum { LEN = 5000 };
	struct virtio_net_hdr_v1 header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					    .hdr_len = htole16(54),
					    .gso_size = htole16(1000),
					    .csum_start = htole16(34),
					    .csum_offset = htole16(16) };
	g_autofree uint8_t *frame = g_malloc0(LEN), *got = g_malloc0(LEN);
	struct iovec iov[2] = { { &header, sizeof(header) }, { frame, LEN } };
	uint8_t ip[] = { 0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 9, 8, 7, 10, 9, 8, 6 };
	uint32_t sum = 0;
	ssize_t len;

	memset(frame, 0xff, 6);
	memset(frame + 6, 2, 6);
	be16_store(frame + 12, ETH_P_IP);
	be16_store(ip + 2, LEN - 14);
	for (unsigned int i = 0; i < sizeof(ip); i += 2)
		sum += be16_load(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	be16_store(ip + 10, (uint16_t)~sum);
	memcpy(frame + 14, ip, sizeof(ip));
	frame[46] = 0x50; /* a TCP header of 20 bytes */
	frame[47] = 0x10;
	frame[60] = 0x77;
	g_assert_cmpint(iol_net_send(from->net, 0, iov, 2), ==, 0);

	iov[1].iov_base = got;
	do {
		memset(&header, 0xaa, sizeof(header));
		iol_net_await(to->net, 0, true, false);
		NET_TURN_UNTIL(to->net->loop, to->readable[0]);
		len = iol_net_receive(to->net, 0, iov, 2);
		g_assert_true(len == -EAGAIN || len > 0);
		if (len == -EAGAIN)
			to->readable[0] = 0;
	} while (len != sizeof(header) + LEN);
	g_assert_cmpmem(got + 14, 20, ip, 20);
	g_assert_cmphex(got[60], ==, 0x77);
	g_assert_cmphex(header.flags, ==, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	g_assert_cmphex(header.gso_type, ==, VIRTIO_NET_HDR_GSO_TCPV4);
	g_assert_cmpuint(le16toh(header.gso_size), ==, 1000);
	g_assert_cmpuint(le16toh(header.csum_start), ==, 34);
	g_assert_cmpuint(header.num_buffers, ==, 0);

	/* A header that makes no sense is refused. */
	iov[1].iov_base = frame;
	header.gso_type = 0x77;
	g_assert_cmpint(iol_net_send(from->net, 0, iov, 2), ==, -EINVAL);
}

static void test_bridge(struct net_fixture *f, gconstpointer data)
{
	struct net_device a, b;

	(void)data;
	if (getenv("IOLITE_EMULATED")) {
		g_test_skip("qemu-user knows no bridges");
		return;
	}
	expect_error(
		f, (struct iol_net_tap_config){ .ifname = "iol4", .bridge = "iolbr7", .pairs = 1 },
		-ENODEV, "ip link add iolbr7 type bridge");
	g_assert_cmpuint(if_nametoindex("iol4"), ==, 0);
	expect_error(f, (struct iol_net_tap_config){ .ifname = "iol4", .bridge = "lo", .pairs = 1 },
		     -EOPNOTSUPP, "lo is no bridge");
	if (!make_bridge("iolbr0")) {
		g_test_skip("this kernel has no bridges");
		return;
	}
	start_tap(f, &a, (struct iol_net_tap_config){ .bridge = "iolbr0" });
	make_persistent("iol5", 0);
	start_tap(f, &b, (struct iol_net_tap_config){ .ifname = "iol5", .bridge = "iolbr0" });
	g_assert_true(is_up("iol5"));
	for (uint8_t i = 0; i < 20; i++)
		expect_frame(&a, -1, &b, 1, i);
	g_assert_cmpint(iol_net_set_offloads(b.net, IOL_NET_CSUM | IOL_NET_TSO4), ==, 0);
	b.readable[0] = 0;
	send_segment(&a, &b);
	iol_net_free(a.net);
	iol_net_free(b.net);
	/* It is in the bridge already; and in another's. */
	iol_net_free(
		new_tap(f, (struct iol_net_tap_config){ .ifname = "iol5", .bridge = "iolbr0" }));
	g_assert_true(make_bridge("iolbr1"));
	expect_error(
		f, (struct iol_net_tap_config){ .ifname = "iol5", .bridge = "iolbr1", .pairs = 1 },
		-EBUSY, "belongs to another bridge");
	delete_link("iol5");
	delete_link("iolbr0");
	delete_link("iolbr1");
}

static void test_parents_descriptors(struct net_fixture *f, gconstpointer data)
{
	const unsigned int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
	int fds[2] = { open_tun("iol6", flags), open_tun("iol6", flags) }, other[2], bad[2];
	struct net_device dev;

	(void)data;
	g_assert_cmpint(pipe(other), ==, 0);
	bad[0] = fds[0];
	bad[1] = other[0];
	expect_error(f, (struct iol_net_tap_config){ .fds = bad, .pairs = 2 }, -ENOTTY,
		     "is no tap");
	iol_fd_close(&other[0]);
	other[0] = open_tun("iol7", flags);
	bad[1] = other[0];
	expect_error(f, (struct iol_net_tap_config){ .fds = bad, .pairs = 2 }, -EINVAL,
		     "is the interface iol7, the one before is iol6");
	iol_fd_close(&other[0]);
	other[0] = open_tun("iol7", IFF_TAP | IFF_NO_PI);
	bad[0] = other[0];
	expect_error(f, (struct iol_net_tap_config){ .fds = bad, .pairs = 1 }, -EINVAL,
		     "without IFF_VNET_HDR");
	iol_fd_close(&other[0]);
	other[0] = open_tun("iol7", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	expect_error(f, (struct iol_net_tap_config){ .fds = bad, .pairs = 2 }, -EINVAL,
		     "without IFF_MULTI_QUEUE");
	iol_fd_close(&other[0]);
	iol_fd_close(&other[1]);
	g_assert_cmpint(fcntl(fds[0], F_GETFD), >=, 0); /* still the parent's */

	set_up("iol6", true);
	start_tap(f, &dev, (struct iol_net_tap_config){ .fds = fds, .pairs = 2 });
	expect_both_ways(&dev, "iol6", 2);
	lose_link(&dev, "iol6");
	iol_net_free(dev.net);
}

static void test_errors(struct net_fixture *f, gconstpointer data)
{
	(void)data;
	expect_error(f, (struct iol_net_tap_config){ .ifname = "lo", .pairs = 1 }, -EINVAL,
		     "lo exists and is no tap");
	expect_error(f, (struct iol_net_tap_config){ .ifname = "", .pairs = 1 }, -EINVAL,
		     "no name");
	expect_error(f, (struct iol_net_tap_config){ .ifname = "0123456789abcdef", .pairs = 1 },
		     -EINVAL, "no name");
	expect_error(f, (struct iol_net_tap_config){ .ifname = "a/b", .pairs = 1 }, -EINVAL,
		     "no name");
	expect_error(f, (struct iol_net_tap_config){ .pairs = 0 }, -EINVAL, "0 queues");
	expect_error(f, (struct iol_net_tap_config){ .pairs = 9 }, -EINVAL, "9 queues");
	expect_error(f, (struct iol_net_tap_config){ .pairs = 1, .mtu = 67 }, -EINVAL, "MTU of 67");
	expect_error(f, (struct iol_net_tap_config){ .pairs = 1, .mtu = 65535 }, -EINVAL,
		     "MTU of 65535");
	g_assert_cmpuint(if_nametoindex("tap0"), ==, 0);
}

/* A user without rights. */
static void test_no_right(struct net_fixture *f, gconstpointer data)
{
	struct iol_net_tap_config config = { .name = "net t", .ifname = "iol8", .pairs = 1 };
	int status = -1;
	pid_t pid;

	(void)f;
	(void)data;
	if (getuid()) {
		g_test_skip("needs root to become somebody else");
		return;
	}
	pid = fork();
	if (!pid) {
		struct iol_error err = { 0 };
		struct iol_loop loop;
		struct iol_net *net;
		int ret = -1;

		if (setgid(65534) || setuid(65534) || iol_loop_init(&loop, &err))
			_exit(77);
		ret = iol_net_tap_new(&loop, &config, &net, &err);
		_exit((ret == -EPERM || ret == -EACCES) && strstr(err.msg, "root") ? 0 : 1);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		g_test_skip("cannot become another user with io_uring");
	else
		g_assert_cmphex((unsigned int)status, ==, 0);
}

int main(int argc, char **argv)
{
	static const struct net_test tests[] = {
		{ "/net-tap/made-by-us", test_made_by_us },
		{ "/net-tap/frame-longer-than-buffer", test_frame_longer_than_buffer },
		{ "/net-tap/persistent-stays", test_persistent_stays },
		{ "/net-tap/queues", test_queues },
		{ "/net-tap/bridge", test_bridge },
		{ "/net-tap/parents-descriptors", test_parents_descriptors },
		{ "/net-tap/errors", test_errors },
		{ "/net-tap/no-right", test_no_right },
	};
	const char *unusable = own_network();

	g_test_init(&argc, &argv, NULL);
	net_add_tests(tests, IOL_ARRAY_LEN(tests), unusable);
	return g_test_run();
}
