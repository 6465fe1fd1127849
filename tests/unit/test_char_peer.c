// SPDX-License-Identifier: Apache-2.0
/*
 * Character backends whose user knows its peers: it is told who comes and goes, sends one away, and nothing of one
 * reaches the next, in either direction.
 */
#include "char_socket_rig.h"

/* The user's story, a letter for each call: + came, - gone, what was received in between. */
static void note_peer(struct iol_char_user *user, bool present)
{
	struct rig *r = iol_container_of(user, struct rig, user);

	g_string_append_c(r->received, present ? '+' : '-');
}

static void open_private(struct rig *r, const char *keys)
{
	g_autofree char *path = rig_path(r, "con");
	struct iol_error err;

	r->user.peer = note_peer;
	g_assert_cmpint(rig_try(r, &err, "unix:%s%s", path, keys), ==, 0);
	r->chr->private_peers = true;
	iol_char_start(r->chr, &r->user);
}

#define EXPECT_STORY(r, story)                                      \
	do {                                                        \
		TURN_UNTIL(r, (r)->received->len >= strlen(story)); \
		g_assert_cmpstr((r)->received->str, ==, story);     \
	} while (0)

/* The far end closes @fd; whatever comes before is thrown away and counted. */
static size_t read_to_end(struct rig *r, int fd)
{
	char buf[4096];
	ssize_t len = -1;
	size_t got = 0;
	uint64_t end_ns = now_ns() + 20 * IOL_NS_PER_S;

	while ((len = read(fd, buf, sizeof(buf))) > 0 || (len < 0 && errno == EAGAIN)) {
		got += len > 0 ? (size_t)len : 0;
		g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
		g_assert_cmpuint(now_ns(), <, end_ns);
	}
	return got;
}

/* The peer at @fd is the one that the guest speaks to, and hears nothing else. */
static void expect_served(struct rig *r, int fd)
{
	guest_says(r, "for you");
	expect_read(r, fd, "for you");
}

static void test_comes_and_goes(struct rig *r, gconstpointer data)
{
	int fd;

	(void)data;
	open_private(r, "");
	guest_says(r, "nobody hears this");
	for (unsigned int i = 0; i < 3; i++) {
		g_string_truncate(r->received, 0);
		fd = client(r);
		EXPECT_STORY(r, "+");
		guest_says(r, "hello");
		expect_read(r, fd, "hello");
		peer_says(fd, "in");
		EXPECT_STORY(r, "+in");
		close(fd);
		EXPECT_STORY(r, "+in-");
	}
	g_assert_cmpuint(r->chr->dropped_bytes, ==, 0);
}

/* The user is not called by the end of the backend, which flushes what it has. */
static void test_stop(struct rig *r, gconstpointer data)
{
	int fd;

	(void)data;
	open_private(r, "");
	fd = client(r);
	EXPECT_STORY(r, "+");
	guest_says(r, "bye");
	iol_char_stop(r->chr, IOL_NS_PER_S);
	expect_read(r, fd, "bye");
	rig_close(r);
	g_assert_cmpuint(read_to_end(r, fd), ==, 0);
	g_assert_cmpstr(r->received->str, ==, "+");
	close(fd);
}

/* One too many hears nothing, and the one that is there is not disturbed. */
static void test_second(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	open_private(r, "");
	first = client(r);
	EXPECT_STORY(r, "+");
	second = client(r);
	g_assert_cmpuint(read_to_end(r, second), ==, 0);
	close(second);
	guest_says(r, "still here");
	expect_read(r, first, "still here");
	g_assert_cmpstr(r->received->str, ==, "+");
	close(first);
	EXPECT_STORY(r, "+-");
}

/* One that left with its input untaken: the next one does not wait for that, and nothing of it is the next one's. */
static void test_input_is_its_own(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	stopped_at_ns = now_ns(); /* nothing becomes old */
	r->room = 1;
	open_private(r, "");
	first = client(r);
	peer_says(first, "abc");
	EXPECT_STORY(r, "+a");
	close(first);
	second = client(r);
	EXPECT_STORY(r, "+a-+");
	peer_says(second, "d");
	guest_takes(r, 10);
	EXPECT_STORY(r, "+a-+d");
	close(second);
}

/* Without a next one, too; also what is in the socket still. */
static void test_input_goes_with_it(struct rig *r, gconstpointer data)
{
	g_autofree char *text = g_strnfill(IOL_CHAR_INPUT_BYTES + 100, 'x');
	int first, second;

	(void)data;
	r->room = 1;
	open_private(r, "");
	first = client(r);
	peer_says(first, text);
	EXPECT_STORY(r, "+x");
	iol_char_hang_up(r->chr);
	g_assert_cmpuint(read_to_end(r, first), ==, 0);
	close(first);
	EXPECT_STORY(r, "+x-");
	second = client(r);
	EXPECT_STORY(r, "+x-+");
	peer_says(second, "d");
	guest_takes(r, 10);
	EXPECT_STORY(r, "+x-+d");
	close(second);
}

/* Fills socket and ring for @fd; how much that was. */
static size_t fill(struct rig *r)
{
	g_autofree uint8_t *block = g_malloc0(4096);
	unsigned int taken;
	size_t bytes = 0;

	TURN_UNTIL(r, r->chr->out_fd >= 0);
	do {
		taken = iol_char_write(r->chr, block, 4096);
		bytes += taken;
		g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
	} while (taken || r->chr->ring_fill < r->chr->ring_bytes);
	g_assert_true(r->chr->out_op.in_flight);
	return bytes;
}

/* What one did not read is not for the next one, whether it leaves or is sent away. */
static void test_output_is_its_own(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	open_private(r, ",ring=4K,block=on");
	first = client(r);
	fill(r);
	close(first);
	EXPECT_STORY(r, "+-");
	g_assert_cmpuint(r->chr->ring_fill, ==, 0);
	guest_says(r, "nobody hears this");
	g_assert_cmpuint(iol_char_room(r->chr), ==, 4096);
	second = client(r);
	EXPECT_STORY(r, "+-+");
	expect_served(r, second);
	close(second);
}

/* The same of output in the ring alone, which was not begun to be sent. */
static void test_output_not_begun(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	open_private(r, "");
	first = client(r);
	EXPECT_STORY(r, "+");
	close(first);
	guest_says(r, "for the first one");
	second = client(r);
	EXPECT_STORY(r, "+-+");
	expect_served(r, second);
	close(second);
}

/* All that was said gets there before the end; what is said back does not come any more. */
static void test_hang_up_is_read(struct rig *r, gconstpointer data)
{
	size_t bytes;
	int fd;

	(void)data;
	open_private(r, ",ring=4K,block=on");
	fd = client(r);
	bytes = fill(r);
	stopped_at_ns = now_ns();
	iol_char_hang_up(r->chr);
	iol_char_hang_up(r->chr);
	g_assert_cmpstr(r->received->str, ==, "+"); /* not from within */
	peer_says(fd, "too late");
	g_assert_cmpuint(read_to_end(r, fd), ==, bytes);
	EXPECT_STORY(r, "+-");
	g_assert_cmpuint(r->chr->dropped_bytes, ==, 0);
	close(fd);
}

/* With nothing to be sent it is at once. */
static void test_hang_up_idle(struct rig *r, gconstpointer data)
{
	int fd;

	(void)data;
	open_private(r, "");
	iol_char_hang_up(r->chr); /* nobody is there */
	for (unsigned int i = 0; i < 2; i++) {
		g_string_truncate(r->received, 0);
		stopped_at_ns = now_ns();
		fd = client(r);
		EXPECT_STORY(r, "+");
		iol_char_hang_up(r->chr);
		g_assert_cmpuint(read_to_end(r, fd), ==, 0);
		EXPECT_STORY(r, "+-");
		close(fd);
	}
}

/* A peer that does not read is cut off, though block=on; the next one waits for that and is let in. */
static void test_hang_up_is_not_read(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	open_private(r, ",ring=4K,block=on");
	first = client(r);
	fill(r);
	stopped_at_ns = now_ns();
	iol_char_hang_up(r->chr);
	second = client(r);
	idle_turns(r, IOL_CHAR_STALL_NS + IOL_CHAR_STALL_NS / 5);
	g_assert_cmpstr(r->received->str, ==, "+");
	stopped_at_ns += IOL_CHAR_STALL_NS;
	EXPECT_STORY(r, "+-+");
	expect_served(r, second);
	close(first);
	close(second);
}

/* One that takes a little now and then is cut off in the end. */
static void test_hang_up_is_hardly_read(struct rig *r, gconstpointer data)
{
	uint64_t began_ns = now_ns();
	int fd;

	(void)data;
	open_private(r, ",ring=16M,block=on");
	fd = client(r);
	fill(r);
	stopped_at_ns = began_ns;
	iol_char_hang_up(r->chr);
	for (unsigned int i = 1; i <= 12; i++) {
		char buf[4096];
		uint64_t before = r->chr->out_pos;

		/* As much as makes the kernel say that there is room. */
		stopped_at_ns = began_ns + i * (IOL_CHAR_STALL_NS * 8 / 10);
		TURN_UNTIL(r, read(fd, buf, sizeof(buf)) < 0 || r->chr->out_pos > before);
		g_assert_cmpstr(r->received->str, ==, "+");
	}
	stopped_at_ns = began_ns + 10 * IOL_CHAR_STALL_NS;
	EXPECT_STORY(r, "+-");
	close(fd);
}

/* A peer that leaves by itself while it is sent away; the next one is not. */
static void test_hang_up_and_leaves(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	open_private(r, ",ring=4K,block=on");
	first = client(r);
	fill(r);
	stopped_at_ns = now_ns();
	iol_char_hang_up(r->chr);
	g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
	close(first);
	second = client(r);
	EXPECT_STORY(r, "+-+");
	stopped_at_ns += 20 * IOL_CHAR_STALL_NS;
	idle_turns(r, IOL_CHAR_STALL_NS + IOL_CHAR_STALL_NS / 5);
	g_assert_cmpstr(r->received->str, ==, "+-+");
	expect_served(r, second);
	close(second);
}

/* Called, and the peer is gone before that is seen to: the next one stays. */
static void test_hang_up_late(struct rig *r, gconstpointer data)
{
	int first, second;

	(void)data;
	open_private(r, "");
	first = client(r);
	EXPECT_STORY(r, "+");
	close(first);
	second = client(r);
	iol_char_detach(r->chr);
	iol_char_hang_up(r->chr); /* it leaves already */
	EXPECT_STORY(r, "+-+");
	expect_served(r, second);
	close(second);
}

static unsigned int hang_up_at_input(struct iol_char_user *user, const uint8_t *data,
				     unsigned int len)
{
	struct rig *r = iol_container_of(user, struct rig, user);

	g_string_append_len(r->received, (const char *)data, 1);
	guest_says(r, "bye");
	iol_char_hang_up(r->chr);
	g_string_append_c(r->received, '.');
	return MIN(len, 1u);
}

/* From within receive(): the rest of the input is nobody's. */
static void test_hang_up_from_receive(struct rig *r, gconstpointer data)
{
	int fd;

	(void)data;
	r->user.receive = hang_up_at_input;
	open_private(r, "");
	for (unsigned int i = 0; i < 2; i++) {
		g_string_truncate(r->received, 0);
		fd = client(r);
		peer_says(fd, "abc");
		expect_read(r, fd, "bye");
		g_assert_cmpuint(read_to_end(r, fd), ==, 0);
		EXPECT_STORY(r, "+a.-");
		close(fd);
	}
}

static unsigned int answer_input(struct iol_char_user *user, const uint8_t *data, unsigned int len)
{
	struct rig *r = iol_container_of(user, struct rig, user);

	guest_says(r, "bye");
	return rig_receive(user, data, len);
}

/* One that has said all that it will say is answered yet, as far as it goes without waiting. */
static void test_half_closed(struct rig *r, gconstpointer data)
{
	int fd;

	(void)data;
	r->user.receive = answer_input;
	open_private(r, ",ring=4K,block=on");
	for (unsigned int i = 0; i < 2; i++) {
		g_string_truncate(r->received, 0);
		fd = client(r);
		EXPECT_STORY(r, "+");
		peer_says(fd, "x");
		g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
		g_assert_cmpuint(read_to_end(r, fd), ==, 3);
		EXPECT_STORY(r, "+x-");
		close(fd);
	}
	/* Said before the end of input is seen, and not sent yet. */
	g_string_truncate(r->received, 0);
	fd = client(r);
	EXPECT_STORY(r, "+");
	g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
	guest_says(r, "bye");
	g_assert_cmpuint(read_to_end(r, fd), ==, 3);
	EXPECT_STORY(r, "+-");
	close(fd);
	/* One that did not read does not begin to. */
	fd = client(r);
	fill(r);
	stopped_at_ns = now_ns();
	iol_char_hang_up(r->chr);
	g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
	EXPECT_STORY(r, "+-+-");
	close(fd);
}

/* Room is what a write takes, and who was told of less hears of more. */
static void test_room(struct rig *r, gconstpointer data)
{
	g_autofree uint8_t *block = g_malloc0(8192);
	char buf[4096];
	int fd;

	(void)data;
	open_private(r, ",ring=8K,block=on");
	g_assert_cmpuint(iol_char_room(r->chr), ==, 8192);
	fd = client(r);
	fill(r);
	g_assert_cmpuint(iol_char_room(r->chr), ==, 0);
	r->writable_calls = 0;
	while (iol_char_room(r->chr) < 8000) {
		unsigned int room = iol_char_room(r->chr), calls = r->writable_calls;

		TURN_UNTIL(r, read(fd, buf, sizeof(buf)) != 0 && r->writable_calls > calls);
		g_assert_cmpuint(iol_char_room(r->chr), >=, room);
	}
	/* A full ring is one short write, and one call. */
	TURN_UNTIL(r, read(fd, buf, sizeof(buf)) < 0 && !r->chr->ring_fill);
	g_assert_cmpuint(iol_char_room(r->chr), ==, 8192);
	r->writable_calls = 0;
	g_assert_cmpuint(iol_char_write(r->chr, block, 8192), ==, 8192);
	g_assert_cmpuint(iol_char_room(r->chr), ==, 0);
	TURN_UNTIL(r, r->writable_calls == 1);
	close(fd);
}

/* Two in one process, each with its own peers. */
static void test_two(struct rig *r, gconstpointer data)
{
	struct rig other;
	int first, second;

	(void)data;
	rig_setup(&other, NULL);
	open_private(r, "");
	open_private(&other, "");
	first = client(r);
	second = client(&other);
	EXPECT_STORY(r, "+");
	EXPECT_STORY(&other, "+");
	guest_says(r, "one");
	guest_says(&other, "two");
	expect_read(r, first, "one");
	expect_read(&other, second, "two");
	iol_char_hang_up(r->chr);
	EXPECT_STORY(r, "+-");
	idle_turns(&other, IOL_NS_PER_MS);
	g_assert_cmpstr(other.received->str, ==, "+");
	guest_says(&other, "on");
	expect_read(&other, second, "on");
	close(first);
	close(second);
	EXPECT_STORY(&other, "+-");
	rig_close(r);
	rig_teardown(&other, NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct rig *r, gconstpointer data);
	} tests[] = {
		{ "/char/peer/comes-and-goes", test_comes_and_goes },
		{ "/char/peer/stop", test_stop },
		{ "/char/peer/second", test_second },
		{ "/char/peer/input-is-its-own", test_input_is_its_own },
		{ "/char/peer/input-goes-with-it", test_input_goes_with_it },
		{ "/char/peer/output-is-its-own", test_output_is_its_own },
		{ "/char/peer/output-not-begun", test_output_not_begun },
		{ "/char/peer/hang-up-is-read", test_hang_up_is_read },
		{ "/char/peer/hang-up-idle", test_hang_up_idle },
		{ "/char/peer/hang-up-is-not-read", test_hang_up_is_not_read },
		{ "/char/peer/hang-up-is-hardly-read", test_hang_up_is_hardly_read },
		{ "/char/peer/hang-up-and-leaves", test_hang_up_and_leaves },
		{ "/char/peer/hang-up-late", test_hang_up_late },
		{ "/char/peer/hang-up-from-receive", test_hang_up_from_receive },
		{ "/char/peer/half-closed", test_half_closed },
		{ "/char/peer/room", test_room },
		{ "/char/peer/two", test_two },
	};

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct rig, NULL, rig_setup, tests[i].run, rig_teardown);
	return g_test_run();
}
