// SPDX-License-Identifier: Apache-2.0
/* Sockets as a character backend: clients that come and go, and TCP. Their paths: test_char_socket_path.c. */
#include "char_socket_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* TCP connections come from the port that they go to, as the kernel may choose. */
static bool from_own_port;
static unsigned int own_port_calls;

int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	const int on = 1;

	if (from_own_port) {
		g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), ==, 0);
		g_assert_cmpint(bind(fd, address, len), ==, 0);
		own_port_calls++;
	}
	return __real_connect(fd, address, len);
}

/* The far end closes @fd. */
static void expect_end(struct rig *r, int fd)
{
	char byte;
	ssize_t len = -1;

	TURN_UNTIL(r, (len = read(fd, &byte, 1)) == 0 || (len < 0 && errno != EAGAIN));
	g_assert_cmpint(len, <=, 0);
}

static void leave(struct rig *r, int fd)
{
	close(fd);
	TURN_UNTIL(r, r->chr->in_fd < 0);
}

static void test_both_ways(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "con");
	struct stat st;
	int fd;

	(void)data;
	open_rig(r, "");
	g_assert_cmpint(lstat(path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
	guest_says(r, "early ");
	fd = client(r);
	expect_read(r, fd, "early ");
	guest_says(r, "late");
	expect_read(r, fd, "late");
	peer_says(fd, "in");
	TURN_UNTIL(r, r->received->len == 2);
	leave(r, fd);
	guest_says(r, "again");
	fd = client(r);
	expect_read(r, fd, "again");
	/* The last words arrive. */
	guest_says(r, "bye");
	iol_char_stop(r->chr, IOL_NS_PER_S);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	expect_read(r, fd, "bye");
	rig_close(r);
	expect_end(r, fd);
	close(fd);
}

/* What nobody was sent is kept, as far as the ring goes; nothing stalls. */
static void test_history(struct rig *r, gconstpointer data)
{
	g_autoptr(GString) all = g_string_new(NULL);
	int fd;

	(void)data;
	open_rig(r, ",ring=4K");
	for (unsigned int i = 0; all->len < 3 * 4096; i++)
		g_string_append_printf(all, "line %u\n", i);
	for (size_t at = 0; at < all->len; at++)
		g_assert_cmpuint(iol_char_write(r->chr, (const uint8_t *)all->str + at, 1), ==, 1);
	fd = client(r);
	expect_read(r, fd, all->str + all->len - 4096);
	leave(r, fd);
	/* One write that is larger than the ring. */
	guest_says(r, all->str);
	fd = client(r);
	expect_read(r, fd, all->str + all->len - 4096);
	guest_says(r, "on");
	expect_read(r, fd, "on");
	g_assert_cmpuint(r->chr->dropped_bytes, ==, 0);
	close(fd);
}

static void test_second_client(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	open_rig(r, "");
	first = client(r);
	guest_says(r, "hello");
	expect_read(r, first, "hello");
	for (unsigned int i = 0; i < 3; i++) {
		second = client(r);
		expect_read(r, second, "iolite: serial0 is in use by another client\r\n");
		expect_end(r, second);
		close(second);
	}
	guest_says(r, "still here");
	expect_read(r, first, "still here");
	leave(r, first);
	second = client(r);
	guest_says(r, "next");
	expect_read(r, second, "next");
	close(second);
}

/* One who left while the guest takes no input is not seen to: the next one may come all the same. */
static void test_left_unseen(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	r->room = 1;
	open_rig(r, "");
	first = client(r);
	peer_says(first, "abc");
	TURN_UNTIL(r, r->received->len == 1);
	close(first);
	g_assert_cmpint(r->chr->in_fd, >=, 0);
	second = client(r);
	guest_says(r, "for you");
	expect_read(r, second, "for you");
	guest_takes(r, 10);
	peer_says(second, "d");
	TURN_UNTIL(r, r->received->len == 2);
	g_assert_cmpstr(r->received->str, ==, "ad");
	close(second);
}

/* The guest is still at what one sent that has left, a little at a time: the next one waits for the end of that. */
static void test_left_and_is_read(struct rig *r, gconstpointer data)
{
	const size_t bytes = 2000;
	g_autofree char *text = g_strnfill(bytes, 'x');
	int first, second;

	(void)data;
	stopped_at_ns = now_ns();
	r->room = 16;
	open_rig(r, "");
	first = client(r);
	g_assert_cmpint(write(first, text, bytes), ==, (ssize_t)bytes);
	close(first);
	TURN_UNTIL(r, r->received->len == 16);
	second = client(r);
	g_assert_cmpint(write(second, "next", 4), ==, 4);
	while (r->received->len < bytes) {
		size_t before = r->received->len;

		for (unsigned int i = 0; i < 10; i++)
			g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
		r->room = 16;
		iol_char_ready(r->chr);
		TURN_UNTIL(r, r->received->len == before + 16);
	}
	g_assert_cmpstr(r->received->str, ==, text);
	r->room = 4;
	iol_char_ready(r->chr);
	TURN_UNTIL(r, r->received->len == bytes + 4);
	g_assert_true(g_str_has_suffix(r->received->str, "xnext"));
	guest_says(r, "for you");
	expect_read(r, second, "for you");
	close(second);
}

/* A guest that takes a byte now and then of what one sent that has left does not keep the next one out for ever. */
static void test_left_and_is_hardly_read(struct rig *r, gconstpointer data)
{
	g_autofree char *text = g_strnfill(2000, 'x');
	const uint64_t step_ns = 900 * (IOL_NS_PER_S / 1000);
	uint64_t came_ns = now_ns();
	int first, second;

	(void)data;
	stopped_at_ns = came_ns;
	r->room = 1;
	open_rig(r, "");
	first = client(r);
	peer_says(first, text);
	close(first);
	TURN_UNTIL(r, r->received->len == 1);
	second = client(r);
	idle_turns(r, IOL_NS_PER_S / 10); /* it is let in */
	for (unsigned int i = 1; i <= 11; i++) {
		g_assert_cmpuint(r->chr->input_len - r->chr->input_pos, >, 0);
		stopped_at_ns = came_ns + i * step_ns;
		guest_takes(r, 1);
		TURN_UNTIL(r, r->received->len == 1 + i);
	}
	guest_says(r, "for you");
	idle_turns(r, IOL_CHAR_STALL_NS + IOL_CHAR_STALL_NS / 5);
	g_assert_cmpuint(r->received->len, ==, 12); /* 9.9 s */
	stopped_at_ns = came_ns + 10 * IOL_NS_PER_S;
	expect_read(r, second, "for you");
	guest_takes(r, 100);
	peer_says(second, "next");
	TURN_UNTIL(r, g_str_has_suffix(r->received->str, "next"));
	g_assert_cmpuint(r->received->len, ==, 12 + 4);
	close(second);
}

/*
 * The next one is let in while there is still something to read of one that has left, of which the guest takes
 * nothing: that keeps it waiting only so long.
 */
static void test_left_and_is_not_read(struct rig *r, gconstpointer data)
{
	const bool *half = data;
	g_autofree char *text = g_strnfill(IOL_CHAR_INPUT_BYTES + 1, 'x');
	int first, second;

	r->room = IOL_CHAR_INPUT_BYTES;
	open_rig(r, "");
	first = client(r);
	TURN_UNTIL(r, r->chr->out_fd >= 0);
	/* Both are seen in one turn, in which the first part is read. */
	g_assert_cmpint(write(first, text, strlen(text)), ==, (ssize_t)strlen(text));
	if (*half)
		g_assert_cmpint(shutdown(first, SHUT_WR), ==, 0);
	else
		iol_fd_close(&first);
	second = client(r);
	TURN_UNTIL(r, r->chr->input_pos < r->chr->input_len);
	TURN_UNTIL(r, r->chr->input_pos == r->chr->input_len);
	guest_says(r, "for you");
	expect_read(r, second, "for you");
	r->room = 100;
	iol_char_ready(r->chr);
	g_assert_cmpint(write(second, "next", 4), ==, 4);
	TURN_UNTIL(r, r->received->len == IOL_CHAR_INPUT_BYTES + 4);
	g_assert_true(g_str_has_suffix(r->received->str, "xnext"));
	iol_fd_close(&first);
	close(second);
}

/* All that a client sent before it left reaches the guest, even when the guest's answers did not get out. */
static void test_sends_and_leaves(struct rig *r, gconstpointer data)
{
	g_autofree char *text = g_strnfill(5000, 'x');
	int fd;

	(void)data;
	r->room = 1;
	open_rig(r, "");
	fd = client(r);
	peer_says(fd, text);
	close(fd);
	TURN_UNTIL(r, r->received->len == 1);
	guest_says(r, "echo");
	TURN_UNTIL(r, r->chr->out_fd < 0);
	guest_takes(r, 10000);
	TURN_UNTIL(r, r->received->len == 5000);
	TURN_UNTIL(r, r->chr->in_fd < 0);
	fd = client(r);
	expect_read(r, fd, "echo");
	close(fd);
}

/* Who leaves as the next one comes is heard out. */
static void test_leaves_and_another_comes(struct rig *r, gconstpointer data)
{
	(void)data;
	open_rig(r, "");
	for (unsigned int i = 1; i <= 20; i++) {
		int first = client(r), second;

		guest_says(r, "a");
		expect_read(r, first, "a");
		peer_says(first, "input");
		close(first);
		second = client(r);
		guest_says(r, "b");
		expect_read(r, second, "b");
		g_assert_cmpuint(r->received->len, ==, 5 * i);
		leave(r, second);
	}
}

static void test_many_visits(struct rig *r, gconstpointer data)
{
	const unsigned int visits = 1000;
	int before;

	(void)data;
	if (getenv("IOLITE_EMULATED")) {
		g_test_skip("a thousand visits need a ring of the kernel's");
		return;
	}
	open_rig(r, ",ring=4K");
	before = count_fds();
	for (unsigned int i = 0; i < visits; i++) {
		int fd = client(r);

		if (i % 3 == 0)
			guest_says(r, "output");
		if (i % 5 == 0)
			peer_says(fd, "input");
		/* Before, while or after it is let in. */
		for (unsigned int turns = i % 4; turns; turns--)
			g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
		close(fd);
	}
	TURN_UNTIL(r, r->received->len == visits);
	TURN_UNTIL(r, r->chr->in_fd < 0);
	g_assert_cmpint(count_fds(), ==, before);
}

/* A vCPU writes while clients come and go: each is sent numbers in their order, and the log has all of them. */
enum { NUMBERS = 40000 };

static void *write_numbers(void *arg)
{
	struct rig *r = arg;

	for (unsigned int i = 0; i < NUMBERS; i++) {
		char text[16];
		int len = snprintf(text, sizeof(text), "%05u\n", i), done = 0;

		while (done < len)
			done += (int)iol_char_write(r->chr, (const uint8_t *)text + done,
						    (unsigned int)(len - done));
	}
	return NULL;
}

/* Whole lines of @text go up; the first and the last may be cut. */
static void check_order(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	unsigned int count = g_strv_length(lines), last = 0;

	for (unsigned int i = 1; i + 1 < count; i++) {
		unsigned int number = (unsigned int)strtoul(lines[i], NULL, 10);

		g_assert_cmpuint(strlen(lines[i]), ==, 5);
		g_assert_true(i == 1 || number > last);
		last = number;
	}
}

static void test_concurrent_writer(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "con"), *log = rig_path(r, "log"), *logged = NULL;
	bool done = false;
	size_t len;
	GThread *thread;

	(void)data;
	rig_open(r, "unix:%s,log=%s,ring=1M", path, log);
	thread = g_thread_new("writer", write_numbers, r);
	while (!done) {
		g_autoptr(GString) got = g_string_new(NULL);
		int fd = client(r);
		char buf[4096];

		while (got->len < 20000 && !done) {
			ssize_t part = read(fd, buf, sizeof(buf));

			if (part > 0)
				g_string_append_len(got, buf, part);
			g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
			done = g_strstr_len(buf, MAX(part, 0), "39999") != NULL;
		}
		check_order(got->str);
		leave(r, fd);
		/* The end may have been sent to one who left before. */
		done = done || (g_file_get_contents(log, &logged, NULL, NULL) &&
				g_str_has_suffix(logged, "39999\n"));
		g_clear_pointer(&logged, g_free);
	}
	g_thread_join(thread);
	rig_close(r);
	g_assert_true(g_file_get_contents(log, &logged, &len, NULL));
	g_assert_cmpuint(len, ==, 6 * NUMBERS);
	for (unsigned int i = 0; i < NUMBERS; i++)
		g_assert_cmpuint(strtoul(logged + 6 * i, NULL, 10), ==, i);
}

/* Fills ring and socket; the last write came back short. */
static void fill(struct rig *r, int *fd)
{
	g_autofree uint8_t *block = g_malloc0(4096);

	*fd = client(r);
	TURN_UNTIL(r, r->chr->out_fd >= 0);
	stopped_at_ns = now_ns();
	do
		g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
	while (iol_char_write(r->chr, block, 4096) == 4096 || r->chr->ring_fill < 4096);
	stopped_at_ns = 0;
}

/* A client that does not read is dead after a second; the newest output is for when it wakes up. */
static void test_dead_reader(struct rig *r, gconstpointer data)
{
	g_autofree uint8_t *block = g_malloc0(4096);
	unsigned int tail = 0;
	char buf[4096];
	int fd;

	(void)data;
	open_rig(r, ",ring=4K");
	fill(r, &fd);
	r->writable_calls = 0;
	TURN_UNTIL(r, r->writable_calls);
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpuint(iol_char_write(r->chr, block, 4000), ==, 4000);
	g_assert_cmpuint(r->chr->dropped_bytes, >, 100 * 4000 - 4096);
	guest_says(r, "newest");
	while (tail < 6) {
		ssize_t len = read(fd, buf, sizeof(buf));

		g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
		for (ssize_t i = 0; i < len; i++)
			tail = buf[i] == "newest"[tail] ? tail + 1 : 0;
	}
	close(fd);
}

/* block=on: it holds the guest, until it reads or leaves. */
static void test_held(struct rig *r, gconstpointer data)
{
	uint8_t byte = 0;
	int fd;

	(void)data;
	open_rig(r, ",ring=4K,block=on");
	fill(r, &fd);
	r->writable_calls = 0;
	idle_turns(r, IOL_CHAR_STALL_NS + IOL_CHAR_STALL_NS / 2);
	g_assert_cmpuint(r->writable_calls, ==, 0);
	g_assert_cmpuint(iol_char_write(r->chr, &byte, 1), ==, 0);
	close(fd);
	TURN_UNTIL(r, r->writable_calls);
	g_assert_cmpuint(iol_char_write(r->chr, &byte, 1), ==, 1);
	g_assert_cmpuint(r->chr->dropped_bytes, ==, 0);
}

static int listener(struct rig *r)
{
	struct sockaddr_un address = address_of(r, "con");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	unlink(address.sun_path);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(fd, 1), ==, 0);
	return fd;
}

static int accept_from(struct rig *r, int listening)
{
	int fd = -1;

	TURN_UNTIL(r, (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
	return fd;
}

static void test_connects(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "con");
	int listening, fd;

	(void)data;
	open_rig(r, ",connect");
	guest_says(r, "early");
	g_assert_cmpuint(idle_turns(r, IOL_NS_PER_S / 2), <, 20);
	listening = listener(r);
	for (unsigned int i = 0; i < 2; i++) {
		fd = accept_from(r, listening);
		expect_read(r, fd, "early");
		peer_says(fd, "in");
		TURN_UNTIL(r, r->received->len == 2 * (i + 1));
		leave(r, fd);
		guest_says(r, "early");
	}
	close(listening);
	rig_close(r);
	/* It is not ours. */
	g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* ---- TCP ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* The port of the only socket that listens. */
static unsigned int port_of(struct rig *r)
{
	(void)r;
	for (int fd = 3; fd < 256; fd++) {
		union address address;
		socklen_t len = sizeof(address), one = sizeof(int);
		int listens = 0;

		if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &one) && listens &&
		    !getsockname(fd, &address.any, &len))
			return ntohs(address.in.sin_port);
	}
	g_assert_not_reached();
}

static int tcp_client(int family, unsigned int port)
{
	union address address = { .any.sa_family = (sa_family_t)family };
	socklen_t len = family == AF_INET ? sizeof(address.in) : sizeof(address.in6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (family == AF_INET)
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address.in6.sin6_addr = in6addr_loopback;
	address.in.sin_port = htons((uint16_t)port);
	if (connect(fd, &address.any, len))
		g_error("connect: %s", strerror(errno));
	set_nonblocking(fd);
	return fd;
}

static void check_tcp(struct rig *r, int family)
{
	int fd = tcp_client(family, port_of(r));

	guest_says(r, "out");
	expect_read(r, fd, "out");
	peer_says(fd, "in");
	TURN_UNTIL(r, r->received->len == 2);
	leave(r, fd);
}

static void test_tcp(struct rig *r, gconstpointer data)
{
	unsigned int port;
	struct iol_error err;
	struct rig second = { .loop = r->loop };

	(void)data;
	rig_open(r, "tcp::0");
	check_tcp(r, AF_INET);
	port = port_of(r);
	g_assert_cmpint(rig_try(&second, &err, "tcp:127.0.0.1:%u", port), ==, -EADDRINUSE);
	g_assert_nonnull(strstr(err.msg, "serial0: cannot listen at 127.0.0.1:"));
	/* At once again, though the last connection is not yet forgotten. */
	rig_close(r);
	rig_open(r, "tcp:127.0.0.1:%u", port);
	g_string_truncate(r->received, 0);
	check_tcp(r, AF_INET);
}

/* A port that its owner's io_uring has for a moment after the owner's end. */
static void *close_late(void *opaque)
{
	g_usleep(100 * 1000);
	close(*(int *)opaque);
	return NULL;
}

static void test_tcp_leftover(struct rig *r, gconstpointer data)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct iol_error err = { 0 };
	GThread *thread;

	(void)data;
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, len), ==, 0);
	g_assert_cmpint(listen(fd, 1), ==, 0);
	g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &len), ==, 0);
	thread = g_thread_new("other", close_late, &fd);
	g_assert_cmpint(rig_try(r, &err, "tcp:127.0.0.1:%u", ntohs(address.sin_port)), ==, 0);
	g_thread_join(thread);
}

static void test_tcp6(struct rig *r, gconstpointer data)
{
	struct iol_error err;
	int ret = rig_try(r, &err, "tcp:[::1]:0");

	(void)data;
	if (ret == -EADDRNOTAVAIL || ret == -EAFNOSUPPORT) {
		g_test_skip("this host has no ::1");
		return;
	}
	g_assert_cmpint(ret, ==, 0);
	iol_char_start(r->chr, &r->user);
	check_tcp(r, AF_INET6);
}

static void test_tcp_connects(struct rig *r, gconstpointer data)
{
	union address address = { .in.sin_family = AF_INET };
	socklen_t len = sizeof(address.in);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), fd;

	(void)data;
	address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	g_assert_cmpint(bind(listening, &address.any, len), ==, 0);
	g_assert_cmpint(getsockname(listening, &address.any, &len), ==, 0);
	/* Refused at first: it does not listen yet. */
	rig_open(r, "tcp::%u,connect", ntohs(address.in.sin_port));
	guest_says(r, "out");
	g_assert_cmpuint(idle_turns(r, IOL_NS_PER_S / 2), <, 20);
	g_assert_cmpint(listen(listening, 1), ==, 0);
	fd = accept_from(r, listening);
	expect_read(r, fd, "out");
	leave(r, fd);
	fd = accept_from(r, listening);
	guest_says(r, "again");
	expect_read(r, fd, "again");
	close(fd);
	close(listening);
}

static void test_tcp_connects_to_itself(struct rig *r, gconstpointer data)
{
	union address address = { .in.sin_family = AF_INET };
	socklen_t len = sizeof(address.in);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), fd;
	const int on = 1;

	(void)data;
	address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* Keeps others from the port. */
	g_assert_cmpint(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), ==, 0);
	g_assert_cmpint(bind(listening, &address.any, len), ==, 0);
	g_assert_cmpint(getsockname(listening, &address.any, &len), ==, 0);
	own_port_calls = 0;
	from_own_port = true;
	rig_open(r, "tcp::%u,connect", ntohs(address.in.sin_port));
	guest_says(r, "out");
	TURN_UNTIL(r, own_port_calls == 2);
	from_own_port = false;
	g_assert_cmpuint(r->received->len, ==, 0);
	g_assert_cmpint(listen(listening, 1), ==, 0);
	fd = accept_from(r, listening);
	expect_read(r, fd, "out");
	close(fd);
	close(listening);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct rig *r, gconstpointer data);
	} tests[] = {
		{ "/char/socket/both-ways", test_both_ways },
		{ "/char/socket/history", test_history },
		{ "/char/socket/second-client", test_second_client },
		{ "/char/socket/left-unseen", test_left_unseen },
		{ "/char/socket/left-and-is-read", test_left_and_is_read },
		{ "/char/socket/left-and-is-hardly-read", test_left_and_is_hardly_read },
		{ "/char/socket/sends-and-leaves", test_sends_and_leaves },
		{ "/char/socket/leaves-and-another-comes", test_leaves_and_another_comes },
		{ "/char/socket/many-visits", test_many_visits },
		{ "/char/socket/concurrent-writer", test_concurrent_writer },
		{ "/char/socket/dead-reader", test_dead_reader },
		{ "/char/socket/held", test_held },
		{ "/char/socket/connects", test_connects },
		{ "/char/socket/tcp", test_tcp },
		{ "/char/socket/tcp-leftover", test_tcp_leftover },
		{ "/char/socket/tcp6", test_tcp6 },
		{ "/char/socket/tcp-connects", test_tcp_connects },
		{ "/char/socket/tcp-connects-to-itself", test_tcp_connects_to_itself },
	};

	static const bool halves[] = { false, true };

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct rig, NULL, rig_setup, tests[i].run, rig_teardown);
	g_test_add("/char/socket/left-and-is-not-read", struct rig, &halves[0], rig_setup,
		   test_left_and_is_not_read, rig_teardown);
	g_test_add("/char/socket/half-left-and-is-not-read", struct rig, &halves[1], rig_setup,
		   test_left_and_is_not_read, rig_teardown);
	return g_test_run();
}
