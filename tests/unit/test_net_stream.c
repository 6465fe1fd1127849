// SPDX-License-Identifier: Apache-2.0
/* The backend socket: two of them facing each other, and peers that do what they like. */
#include <iolite/net.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <iolite/endian.h>
#include <iolite/log.h>

#include "net_rig.h"

struct fixture {
	struct iol_loop loop;
	char *dir, *path;
};

static void setup(struct fixture *f, gconstpointer data)
{
	struct iol_error err;

	(void)data;
	g_assert_cmpint(iol_loop_init(&f->loop, &err), ==, 0);
	f->dir = g_dir_make_tmp("iolite-net-XXXXXX", NULL);
	g_assert_nonnull(f->dir);
	f->path = g_build_filename(f->dir, "socket", NULL);
}

static void teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	iol_loop_finish(&f->loop);
	unlink(f->path);
	g_assert_cmpint(rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

static struct iol_net *new_socket(struct fixture *f, bool listens)
{
	struct iol_net_stream_config config = {
		.name = listens ? "net listener" : "net connecter",
		.path = f->path,
		.listen = listens,
	};
	struct iol_error err = { 0 };
	struct iol_net *net = NULL;

	if (iol_net_socket_new(&f->loop, &config, &net, &err))
		g_error("%s", err.msg);
	return net;
}

static void expect_error(struct fixture *f, const char *path, bool listens, int code,
			 const char *text)
{
	struct iol_net_stream_config config = { .name = "net x", .path = path, .listen = listens };
	struct iol_error err = { 0 };
	struct iol_net *net = NULL;
	int ret;

	ret = iol_net_socket_new(&f->loop, &config, &net, &err);
	net_expect_refused(ret, net, &err, code, text);
}

/* A peer of the test's own. */
static int connect_peer(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

/* Two ends that are connected. */
static void start_both(struct fixture *f, struct net_device *listener, struct net_device *connecter)
{
	net_device_start(listener, new_socket(f, true));
	net_device_start(connecter, new_socket(f, false));
	NET_TURN_UNTIL(&f->loop, listener->net->link_up && connecter->net->link_up);
}

/* Starts @dev, and a peer of the test's own is connected to it. */
static int start_with_peer(struct fixture *f, struct net_device *dev)
{
	int peer;

	net_device_start(dev, new_socket(f, true));
	peer = connect_peer(f);
	NET_TURN_UNTIL(&f->loop, dev->net->link_up);
	return peer;
}

static void send_length(int fd, uint32_t len)
{
	be32 head = be32_of(len);

	g_assert_cmpint(send(fd, &head, sizeof(head), MSG_NOSIGNAL), ==, sizeof(head));
}

static void fill_frame(uint8_t *frame, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		frame[i] = (uint8_t)((i + seed) * 2654435761u >> 24);
}

static const size_t sizes[] = { 14, 15, 60, 1514, 9014, IOL_NET_FRAME_MAX - 1, IOL_NET_FRAME_MAX };

static void test_frames_of_all_sizes(struct fixture *f, gconstpointer data)
{
	g_autofree uint8_t *frame = g_malloc(IOL_NET_FRAME_MAX + 1);
	g_autofree uint8_t *got = g_malloc(IOL_NET_FRAME_MAX + 1);
	struct net_device a, b;

	(void)data;
	net_device_start(&a, new_socket(f, true));
	g_assert_false(a.net->link_up);
	g_assert_cmpint(net_device_send(&a, 0, "0123456789abcdef", 16), ==, -ENETDOWN);
	net_device_start(&b, new_socket(f, false));
	NET_TURN_UNTIL(&f->loop, a.net->link_up && b.net->link_up);
	g_assert_cmpuint(a.link_changes, ==, 1);
	for (unsigned int i = 0; i < 4 * G_N_ELEMENTS(sizes); i++) {
		size_t len = sizes[i % G_N_ELEMENTS(sizes)];
		struct net_device *from = i & 1 ? &a : &b, *to = i & 1 ? &b : &a;

		fill_frame(frame, len, i);
		g_assert_cmpint(net_device_send(from, 0, frame, len), ==, 0);
		memset(got, 0, len);
		g_assert_cmpint(net_device_wait_frame(to, 1, got, IOL_NET_FRAME_MAX), ==, len);
		g_assert_cmpmem(got, len, frame, len);
	}
	/* Too long for whoever receives: gone, and the next one comes whole. */
	g_assert_cmpint(net_device_send(&a, 0, frame, 1000), ==, 0);
	g_assert_cmpint(net_device_send(&a, 0, frame, 999), ==, 0);
	g_assert_cmpint(net_device_wait_frame(&b, 1, got, 999), ==, -EMSGSIZE);
	g_assert_cmpint(net_device_wait_frame(&b, 1, got, 999), ==, 999);
	/* What is no frame. */
	g_assert_cmpint(net_device_send(&a, 0, frame, 13), ==, -EINVAL);
	g_assert_cmpint(net_device_send(&a, 0, frame, IOL_NET_FRAME_MAX + 1), ==, -EMSGSIZE);
	g_assert_cmpint(net_device_send(&a, 1, frame, 60), ==, -EINVAL);
	iol_net_free(b.net);
	NET_TURN_UNTIL(&f->loop, !a.net->link_up);
	iol_net_free(a.net);
	g_assert_cmpint(access(f->path, F_OK), !=, 0);
}

/* Many parts, of which the first is header and frame at once: one part more than the kernel takes. */
static void test_most_parts(struct fixture *f, gconstpointer data)
{
	enum { PARTS = 1024, BYTES = PARTS * 3 };
	g_autofree uint8_t *out = g_malloc0(13 + BYTES), *in = g_malloc0(13 + BYTES);
	struct iovec iov[PARTS];
	struct net_device a, b;
	ssize_t len;

	(void)data;
	start_both(f, &a, &b);
	fill_frame(out + 12, BYTES, 7);
	for (unsigned int i = 0; i < PARTS; i++)
		iov[i] = (struct iovec){ i ? out + 12 + 3 * (size_t)i : out, i ? 3 : 15 };
	g_assert_cmpint(iol_net_send(a.net, 0, iov, PARTS), ==, 0);
	for (unsigned int i = 0; i < PARTS; i++)
		iov[i].iov_base = in + ((uint8_t *)iov[i].iov_base - out);
	iol_net_await(b.net, 0, true, false);
	NET_TURN_UNTIL(&f->loop, b.readable[0]);
	len = iol_net_receive(b.net, 0, iov, PARTS);
	while (len == -EAGAIN) {
		net_turn(&f->loop);
		len = iol_net_receive(b.net, 0, iov, PARTS);
	}
	g_assert_cmpint(len, ==, 12 + BYTES);
	g_assert_cmpmem(in + 12, BYTES, out + 12, BYTES);
	iol_net_free(a.net);
	iol_net_free(b.net);
}

/* A reader that does not read: frames are refused, none is lost or cut, and there is a call when there is room. */
static void test_back_pressure(struct fixture *f, gconstpointer data)
{
	g_autofree uint8_t *frame = g_malloc(IOL_NET_FRAME_MAX);
	g_autofree uint8_t *got = g_malloc(IOL_NET_FRAME_MAX);
	unsigned int sent = 0, received = 0;
	struct net_device a, b;

	(void)data;
	start_both(f, &a, &b);
	for (unsigned int round = 0; round < 3; round++) {
		int ret = 0;

		for (unsigned int i = 0; i < 10000 && !ret; i++) {
			fill_frame(frame, 40000, sent);
			ret = net_device_send(&a, 0, frame, 40000);
			sent += !ret;
		}
		g_assert_cmpint(ret, ==, -EAGAIN);
		a.writable[0] = 0;
		iol_net_await(a.net, 0, false, true);
		iol_net_await(a.net, 0, false, true);
		net_turn_for(&f->loop, 40);
		g_assert_cmpuint(a.writable[0], ==, 0);
		while (received < sent) {
			fill_frame(frame, 40000, received);
			g_assert_cmpint(net_device_wait_frame(&b, 1, got, 40000), ==, 40000);
			g_assert_cmpmem(got, 40000, frame, 40000);
			received++;
		}
		NET_TURN_UNTIL(&f->loop, a.writable[0]);
		net_turn_for(&f->loop, 20);
		g_assert_cmpuint(a.writable[0], ==, 1);
	}
	iol_net_free(a.net);
	iol_net_free(b.net);
}

/* Frames that are in the buffer already have their call, too. */
static void test_await_with_frames_in_hand(struct fixture *f, gconstpointer data)
{
	uint8_t frame[100] = { 1, 2, 3 }, got[100];
	struct net_device a;
	int peer;

	(void)data;
	peer = start_with_peer(f, &a);
	for (int i = 0; i < 3; i++) {
		send_length(peer, sizeof(frame));
		g_assert_cmpint(send(peer, frame, sizeof(frame), 0), ==, sizeof(frame));
	}
	for (unsigned int i = 0; i < 3; i++) {
		iol_net_await(a.net, 0, true, false);
		NET_TURN_UNTIL(&f->loop, a.readable[0] == i + 1);
		g_assert_cmpint(net_device_receive(&a, 0, got, sizeof(got)), ==, 100);
		g_assert_cmpmem(got, 100, frame, 100);
	}
	iol_net_await(a.net, 0, true, false);
	net_turn_for(&f->loop, 40);
	g_assert_cmpuint(a.readable[0], ==, 3);
	g_assert_cmpint(net_device_receive(&a, 0, got, sizeof(got)), ==, -EAGAIN);
	/* The end of it with a frame on the way: the frame first. */
	send_length(peer, sizeof(frame));
	g_assert_cmpint(send(peer, frame, sizeof(frame), 0), ==, sizeof(frame));
	iol_fd_close(&peer);
	g_assert_cmpint(net_device_wait_frame(&a, 1, got, sizeof(got)), ==, 100);
	NET_TURN_UNTIL(&f->loop, net_device_receive(&a, 0, got, sizeof(got)) == -ENETDOWN);
	NET_TURN_UNTIL(&f->loop, !a.net->link_up);
	iol_net_free(a.net);
}

/* A peer that is gone and has left something for nobody to read: the next one has its place. */
static void test_dead_peer(struct fixture *f, gconstpointer data)
{
	uint8_t frame[100] = { 1, 2, 3 }, got[100];
	struct net_device a;
	int peer, next;

	(void)data;
	net_device_start(&a, new_socket(f, true));
	for (unsigned int round = 0; round < 3; round++) {
		peer = connect_peer(f);
		NET_TURN_UNTIL(&f->loop, a.net->link_up);
		if (round)
			send_length(peer, sizeof(frame));
		if (round == 2) { /* a frame in the buffer, and another one behind it */
			g_assert_cmpint(send(peer, frame, sizeof(frame), 0), ==, sizeof(frame));
			send_length(peer, sizeof(frame));
			g_assert_cmpint(send(peer, frame, sizeof(frame), 0), ==, sizeof(frame));
			g_assert_cmpint(net_device_receive(&a, 0, got, sizeof(got)), ==, 100);
		} else {
			g_assert_cmpint(send(peer, "x", 1, 0), ==, 1);
		}
		iol_fd_close(&peer);
		next = connect_peer(f);
		NET_TURN_UNTIL(&f->loop, a.link_changes == 4 * round + 3);
		g_assert_true(a.net->link_up);
		send_length(next, sizeof(frame));
		g_assert_cmpint(send(next, frame, sizeof(frame), 0), ==, sizeof(frame));
		g_assert_cmpint(net_device_wait_frame(&a, 1, got, sizeof(got)), ==, 100);
		iol_fd_close(&next);
		NET_TURN_UNTIL(&f->loop, !a.net->link_up);
	}
	iol_net_free(a.net);
}

static void test_hostile_lengths(struct fixture *f, gconstpointer data)
{
	static const uint32_t lengths[] = {
		0, 1, 13, IOL_NET_FRAME_MAX + 1, 0x00100000, 0x7fffffff, 0x80000000, 0xffffffff
	};
	struct net_device a;
	uint8_t got[64];

	(void)data;
	net_device_start(&a, new_socket(f, true));
	for (unsigned int i = 0; i < G_N_ELEMENTS(lengths); i++) {
		int peer = connect_peer(f);
		ssize_t len;

		NET_TURN_UNTIL(&f->loop, a.net->link_up);
		send_length(peer, lengths[i]);
		len = net_device_wait_frame(&a, 1, got, sizeof(got));
		if (len != -ENETDOWN)
			g_error("length %u: %zd", lengths[i], len);
		NET_TURN_UNTIL(&f->loop, !a.net->link_up);
		net_turn(&f->loop); /* polls of it are taken back, which closes it */
		g_assert_cmpint(recv(peer, got, 1, 0), <=, 0);
		iol_fd_close(&peer);
	}
	g_assert_cmpuint(a.link_changes, ==, 2 * G_N_ELEMENTS(lengths));
	iol_net_free(a.net);
}

/* One byte at a time. */
static void test_dribble(struct fixture *f, gconstpointer data)
{
	uint8_t record[4 + 20] = { 0, 0, 0, 20, 0xde, 0xad }, got[64];
	struct net_device a;
	int peer;

	(void)data;
	peer = start_with_peer(f, &a);
	for (unsigned int i = 0; i < sizeof(record); i++) {
		g_assert_cmpint(net_device_receive(&a, 0, got, sizeof(got)), ==, -EAGAIN);
		g_assert_cmpint(send(peer, record + i, 1, 0), ==, 1);
	}
	g_assert_cmpint(net_device_wait_frame(&a, 1, got, sizeof(got)), ==, 20);
	g_assert_cmpmem(got, 20, record + 4, 20);
	iol_fd_close(&peer);
	iol_net_free(a.net);
}

/* Nothing grows with the peers that came and went; some of them leave while a frame is half sent. */
static void test_reconnect(struct fixture *f, gconstpointer data)
{
	enum { ROUNDS = 1000, WARM = 20 };
	unsigned int fds = 0;
	struct net_device a;
	size_t heap = 0;

	(void)data;
	iol_log_set_level(IOL_LOG_ERROR);
	net_device_start(&a, new_socket(f, true));
	for (unsigned int i = 0; i < ROUNDS; i++) {
		int peer = connect_peer(f);

		NET_TURN_UNTIL(&f->loop, a.net->link_up);
		iol_net_await(a.net, 0, true, i & 1);
		if (i & 2)
			send_length(peer, 1000);
		iol_fd_close(&peer);
		for (unsigned int n = 0; a.net->link_up && n < 1000; n++) {
			uint8_t got[64];

			g_assert_cmpint(net_device_receive(&a, 0, got, sizeof(got)), <, 0);
			net_turn(&f->loop);
		}
		g_assert_false(a.net->link_up);
		if (i == WARM) {
			fds = net_open_fds();
			heap = net_heap_bytes();
		}
	}
	net_turn(&f->loop);
	g_assert_cmpuint(net_open_fds(), <=, fds + 1);
	g_assert_cmpuint(net_heap_bytes(), <=, heap + 4096);
	g_assert_cmpuint(a.link_changes, ==, 2 * ROUNDS);
	iol_net_free(a.net);
	iol_log_set_level(IOL_LOG_WARN);
}

/* Who connects tries again; who awaits before has its call afterwards. */
static void test_connect_again(struct fixture *f, gconstpointer data)
{
	uint8_t frame[60] = { 0 }, got[64];
	struct net_device a, b;

	(void)data;
	net_device_start(&a, new_socket(f, false));
	g_assert_false(a.net->link_up);
	iol_net_await(a.net, 0, true, true);
	for (int i = 0; i < 2; i++) {
		net_device_start(&b, new_socket(f, true));
		NET_TURN_UNTIL(&f->loop, a.net->link_up && b.net->link_up);
		a.readable[0] = 0;
		iol_net_await(a.net, 0, true, false);
		g_assert_cmpint(net_device_send(&b, 0, frame, sizeof(frame)), ==, 0);
		NET_TURN_UNTIL(&f->loop, a.readable[0]);
		g_assert_cmpint(net_device_receive(&a, 0, got, sizeof(got)), ==, 60);
		iol_net_free(b.net);
		NET_TURN_UNTIL(&f->loop, !a.net->link_up);
		iol_net_await(a.net, 0, true, true);
	}
	g_assert_cmpuint(a.writable[0], >=, 1);
	iol_net_free(a.net);
}

static void test_errors(struct fixture *f, gconstpointer data)
{
	g_autofree char *longest = g_strnfill(200, 'x');
	g_autofree char *file = g_build_filename(f->dir, "file", NULL);
	struct iol_net *net = new_socket(f, true), *other;
	int fd;

	(void)data;
	expect_error(f, NULL, true, -EINVAL, "path=");
	expect_error(f, "", true, -EINVAL, "empty");
	expect_error(f, longest, true, -EINVAL, "longer than 107 bytes: give");
	expect_error(f, longest, false, -EINVAL, "longer than 107");
	expect_error(f, f->path, true, -EADDRINUSE, f->path);
	expect_error(f, "/nonexistent/socket", true, -ENOENT, "/nonexistent/socket");
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	iol_fd_close(&fd);
	expect_error(f, file, true, -EEXIST, "is no socket");
	unlink(file);
	iol_net_free(net);

	/* One that nobody listens at any more is replaced, and one that is not ours stays. */
	net = new_socket(f, true);
	g_assert_cmpint(unlink(f->path), ==, 0);
	other = new_socket(f, true);
	iol_net_free(net);
	g_assert_cmpint(access(f->path, F_OK), ==, 0);
	g_assert_cmpint(link(f->path, file), ==, 0);
	iol_net_free(other);
	g_assert_cmpint(rename(file, f->path), ==, 0);
	iol_net_free(new_socket(f, true));
	g_assert_cmpint(access(f->path, F_OK), !=, 0);
}

static void test_descriptors(struct fixture *f, gconstpointer data)
{
	struct iol_net *a, *b;
	unsigned int fds;
	struct stat st;

	(void)data;
	a = new_socket(f, true);
	g_assert_cmpint(lstat(f->path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
	iol_net_free(a);
	net_turn(&f->loop);
	fds = net_open_fds();
	a = new_socket(f, true);
	b = new_socket(f, false);
	NET_TURN_UNTIL(&f->loop, a->link_up);
	iol_net_await(a, 0, true, true);
	iol_net_free(a);
	iol_net_free(b);
	g_assert_cmpuint(net_open_fds(), ==, fds);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{ "/net-stream/frames-of-all-sizes", test_frames_of_all_sizes },
		{ "/net-stream/most-parts", test_most_parts },
		{ "/net-stream/back-pressure", test_back_pressure },
		{ "/net-stream/await-with-frames-in-hand", test_await_with_frames_in_hand },
		{ "/net-stream/dead-peer", test_dead_peer },
		{ "/net-stream/hostile-lengths", test_hostile_lengths },
		{ "/net-stream/dribble", test_dribble },
		{ "/net-stream/reconnect", test_reconnect },
		{ "/net-stream/connect-again", test_connect_again },
		{ "/net-stream/errors", test_errors },
		{ "/net-stream/descriptors", test_descriptors },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
