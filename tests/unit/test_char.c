// SPDX-License-Identifier: Apache-2.0
#include <iolite/char.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The clock, which a test can stop: then a process that had to stand is no stalled reader. */
static uint64_t stopped_at_ns;
static uint64_t step_ns; /* by which a stopped one goes on each time that it is read */

uint64_t __real_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	if (!stopped_at_ns)
		return __real_iol_loop_now_ns();
	stopped_at_ns += step_ns;
	return stopped_at_ns;
}

/* A backend between two pipes, and a device that takes @room bytes at most. */
struct fixture {
	struct iol_loop loop;
	struct iol_char chr;
	struct iol_char_user user;
	int to_guest, from_guest; /* the far ends */
	unsigned int room;
	unsigned int writable_calls;
	GString *received;
	bool stop_on_writable;
};

static void no_free(struct iol_char *chr)
{
	(void)chr;
}

static const struct iol_char_ops test_ops = { .name = "test", .free = no_free };

static void free_log(struct iol_char *chr)
{
	g_free(chr);
}

static const struct iol_char_ops log_ops = { .name = "log", .free = free_log };

static unsigned int receive(struct iol_char_user *user, const uint8_t *data, unsigned int len)
{
	struct fixture *f = iol_container_of(user, struct fixture, user);
	unsigned int taken = MIN(len, f->room);

	g_string_append_len(f->received, (const char *)data, (gssize)taken);
	f->room -= taken;
	return taken;
}

static void writable(struct iol_char_user *user)
{
	struct fixture *f = iol_container_of(user, struct fixture, user);

	f->writable_calls++;
	if (f->stop_on_writable)
		iol_loop_stop(&f->loop);
}

static void expect_counts(struct fixture *f, uint64_t out_bytes, uint64_t in_bytes,
			  uint64_t dropped_bytes)
{
	struct iol_char_counts counts;

	iol_char_counts(&f->chr, &counts);
	g_assert_cmpuint(counts.out_bytes, ==, out_bytes);
	g_assert_cmpuint(counts.in_bytes, ==, in_bytes);
	g_assert_cmpuint(counts.dropped_bytes, ==, dropped_bytes);
}

static void setup(struct fixture *f, gconstpointer data)
{
	struct iol_error err;
	int in[2], out[2];

	(void)data;
	stopped_at_ns = step_ns = 0;
	g_assert_cmpint(pipe2(in, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_assert_cmpint(pipe2(out, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_assert_cmpint(iol_loop_init(&f->loop, &err), ==, 0);
	iol_char_init(&f->chr, &test_ops, &f->loop);
	f->chr.in_fd = in[0];
	f->chr.out_fd = out[1];
	f->to_guest = in[1];
	f->from_guest = out[0];
	f->user.receive = receive;
	f->user.writable = writable;
	f->room = 1 << 20;
	f->received = g_string_new(NULL);
	iol_char_start(&f->chr, &f->user);
}

static void teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	iol_char_free(&f->chr);
	iol_loop_finish(&f->loop);
	iol_fd_close(&f->to_guest);
	iol_fd_close(&f->from_guest);
	g_string_free(f->received, TRUE);
}

/* Turns the loop until @condition, at most 5 s. */
#define TURN_UNTIL(f, condition)                                                  \
	do {                                                                      \
		uint64_t end_ns = iol_loop_now_ns() + 5 * IOL_NS_PER_S;           \
		while (!(condition)) {                                            \
			g_assert_cmpint(iol_loop_turn(&(f)->loop, false), ==, 0); \
			g_assert_cmpuint(iol_loop_now_ns(), <, end_ns);           \
		}                                                                 \
	} while (0)

static void test_output(struct fixture *f, gconstpointer data)
{
	char buf[16] = "";

	(void)data;
	g_assert_cmpuint(iol_char_write(&f->chr, (const uint8_t *)"hello ", 6), ==, 6);
	g_assert_cmpuint(iol_char_write(&f->chr, (const uint8_t *)"world", 5), ==, 5);
	TURN_UNTIL(f, !f->chr.ring_fill);
	g_assert_cmpint(read(f->from_guest, buf, sizeof(buf)), ==, 11);
	g_assert_cmpstr(buf, ==, "hello world");
}

static void test_input_waits_for_room(struct fixture *f, gconstpointer data)
{
	(void)data;
	f->room = 3;
	g_assert_cmpint(write(f->to_guest, "abcdef", 6), ==, 6);
	TURN_UNTIL(f, f->received->len == 3);
	g_assert_false(f->chr.in_op.in_flight); /* no input while some waits */
	f->room = 2;
	iol_char_ready(&f->chr);
	TURN_UNTIL(f, f->received->len == 5);
	f->room = 100;
	iol_char_ready(&f->chr);
	iol_char_ready(&f->chr);
	TURN_UNTIL(f, f->received->len == 6);
	g_assert_cmpint(write(f->to_guest, "ghi", 3), ==, 3);
	TURN_UNTIL(f, f->received->len == 9);
	g_assert_cmpstr(f->received->str, ==, "abcdefghi");
	expect_counts(f, 0, 9, 0);
}

static void test_end_of_input(struct fixture *f, gconstpointer data)
{
	(void)data;
	g_assert_cmpint(write(f->to_guest, "x", 1), ==, 1);
	iol_fd_close(&f->to_guest);
	TURN_UNTIL(f, !f->chr.in_op.in_flight && f->received->len == 1);
	/* Output goes on. */
	g_assert_cmpuint(iol_char_write(&f->chr, (const uint8_t *)"y", 1), ==, 1);
	TURN_UNTIL(f, !f->chr.ring_fill);
	expect_counts(f, 1, 1, 0);
}

static unsigned int escapes;

static unsigned int take_out_escapes(struct iol_char *chr, uint8_t *data, unsigned int len)
{
	unsigned int kept = 0;

	(void)chr;
	for (unsigned int i = 0; i < len; i++)
		if (data[i] == '!')
			escapes++;
		else
			data[kept++] = data[i];
	return kept;
}

/* A guest that takes no input does not keep the person at the terminal from the escape keys. */
static void test_escape_from_deaf_guest(struct fixture *f, gconstpointer data)
{
	g_autofree char *many = g_strnfill(3 * IOL_CHAR_INPUT_BYTES, 'x');

	(void)data;
	escapes = 0;
	f->chr.filter = take_out_escapes;
	f->room = 1;
	g_assert_cmpint(write(f->to_guest, "abc", 3), ==, 3);
	TURN_UNTIL(f, f->received->len == 1);
	g_assert_false(f->chr.in_op.in_flight);
	g_assert_cmpint(write(f->to_guest, "d!e", 3), ==, 3);
	TURN_UNTIL(f, escapes == 1);
	g_assert_cmpint(write(f->to_guest, many, strlen(many)), ==, (ssize_t)strlen(many));
	g_assert_cmpint(write(f->to_guest, "!", 1), ==, 1);
	TURN_UNTIL(f, escapes == 2);
	/* What had room is not lost, and all is as before. */
	f->room = 1000;
	iol_char_ready(&f->chr);
	TURN_UNTIL(f, f->received->len == 1 + IOL_CHAR_INPUT_BYTES);
	g_assert_true(g_str_has_prefix(f->received->str, "abcdexxx"));
	g_assert_cmpint(write(f->to_guest, "yz", 2), ==, 2);
	TURN_UNTIL(f, f->received->len == 3 + IOL_CHAR_INPUT_BYTES);
	g_assert_true(g_str_has_suffix(f->received->str, "xyz"));
}

static unsigned int write_pattern(struct iol_char *chr, uint32_t *next, unsigned int bytes)
{
	unsigned int done = 0;

	while (done < bytes) {
		uint8_t byte = (uint8_t)(*next * 2654435761u >> 24);

		if (!iol_char_write(chr, &byte, 1))
			break;
		(*next)++;
		done++;
	}
	return done;
}

static void check_pattern(const uint8_t *buf, ssize_t len, uint32_t *next)
{
	for (ssize_t i = 0; i < len; i++)
		g_assert_cmphex(buf[i], ==, (uint8_t)((*next)++ * 2654435761u >> 24));
}

/* A reader slower than the writer loses nothing: 1 MiB through a 64 KiB ring. */
static void test_slow_reader_loses_nothing(struct fixture *f, gconstpointer data)
{
	uint32_t written = 0, read_back = 0;
	uint8_t buf[4000];

	(void)data;
	stopped_at_ns = iol_loop_now_ns();
	while (read_back < IOL_MIB) {
		ssize_t len;

		if (written < IOL_MIB)
			write_pattern(&f->chr, &written, IOL_MIB - written);
		g_assert_cmpint(iol_loop_turn(&f->loop, false), ==, 0);
		len = read(f->from_guest, buf, sizeof(buf));
		check_pattern(buf, len, &read_back);
	}
	g_assert_cmpuint(f->chr.dropped_bytes, ==, 0);
	g_assert_cmpuint(f->writable_calls, >, 0);
}

/* Nobody reads: writes come back short, then, after the stall, are dropped; memory stays bounded. */
static void test_dead_reader_does_not_block(struct fixture *f, gconstpointer data)
{
	g_autofree uint8_t *block = g_malloc0(IOL_CHAR_RING_BYTES);
	uint64_t start_ns = iol_loop_now_ns();
	unsigned int taken = 1;

	(void)data;
	while (taken) { /* fill the pipe and the ring */
		taken = iol_char_write(&f->chr, block, IOL_CHAR_RING_BYTES);
		g_assert_cmpint(iol_loop_turn(&f->loop, false), ==, 0);
	}
	g_assert_cmpuint(f->chr.ring_fill, ==, IOL_CHAR_RING_BYTES);
	g_assert_cmpuint(f->writable_calls, <=, 2);
	f->writable_calls = 0;
	TURN_UNTIL(f, f->writable_calls); /* the device is told after the stall ... */
	g_assert_cmpuint(iol_loop_now_ns() - start_ns, >=, IOL_CHAR_STALL_NS);
	for (int i = 0; i < 100; i++) /* ... and its output vanishes without waiting */
		g_assert_cmpuint(iol_char_write(&f->chr, block, 1000), ==, 1000);
	g_assert_cmpuint(f->chr.dropped_bytes, >, 0);
	g_assert_cmpuint(f->chr.ring_fill, ==, IOL_CHAR_RING_BYTES);

	/* Once somebody reads again, nothing is dropped any more. */
	f->chr.dropped_bytes = 0;
	for (int i = 0; i < 64; i++)
		if (read(f->from_guest, block, IOL_CHAR_RING_BYTES) < 0)
			break;
	TURN_UNTIL(f, f->chr.ring_fill < IOL_CHAR_RING_BYTES);
	g_assert_cmpuint(iol_char_write(&f->chr, block, 1), ==, 1);
	g_assert_cmpuint(f->chr.dropped_bytes, ==, 0);
	while (read(f->from_guest, block, IOL_CHAR_RING_BYTES) > 0)
		g_assert_cmpint(iol_loop_turn(&f->loop, false), ==, 0);
}

static void test_reader_gone(struct fixture *f, gconstpointer data)
{
	(void)data;
	iol_fd_close(&f->from_guest);
	g_assert_cmpuint(iol_char_write(&f->chr, (const uint8_t *)"x", 1), ==, 1);
	TURN_UNTIL(f, f->chr.out_fd < 0);
	for (int i = 0; i < 1000; i++)
		g_assert_cmpuint(iol_char_write(&f->chr, (const uint8_t *)"0123456789", 10), ==,
				 10);
	g_assert_cmpuint(f->chr.ring_fill, ==, 0);
}

static void test_stop_sends_last_words(struct fixture *f, gconstpointer data)
{
	char buf[8] = "";

	(void)data;
	g_assert_cmpuint(iol_char_write(&f->chr, (const uint8_t *)"bye", 3), ==, 3);
	iol_char_stop(&f->chr, IOL_NS_PER_S);
	g_assert_cmpint(read(f->from_guest, buf, sizeof(buf)), ==, 3);
	g_assert_cmpstr(buf, ==, "bye");
}

/* Fills @chr, whose reader takes nothing. */
static void fill(struct fixture *f, struct iol_char *chr)
{
	g_autofree uint8_t *block = g_malloc0(IOL_CHAR_RING_BYTES);

	do
		g_assert_cmpint(iol_loop_turn(&f->loop, false), ==, 0);
	while (iol_char_write(chr, block, IOL_CHAR_RING_BYTES) || !chr->ring_fill);
}

/* Where nobody reads the line, nor its log, both are given up within one time. */
static void test_stop_takes_one_time(struct fixture *f, gconstpointer data)
{
	const uint64_t wait_ns = 20 * IOL_NS_PER_MS;
	struct iol_char *log = g_new(struct iol_char, 1);
	uint64_t start_ns;
	int out[2];

	(void)data;
	stopped_at_ns = iol_loop_now_ns();
	g_assert_cmpint(pipe2(out, O_CLOEXEC | O_NONBLOCK), ==, 0);
	iol_char_init(log, &log_ops, &f->loop);
	log->out_fd = out[1];
	iol_char_start(log, &f->chr.log_user);
	fill(f, &f->chr);
	fill(f, log);
	f->chr.log = log;
	start_ns = stopped_at_ns;
	step_ns = IOL_NS_PER_MS;
	iol_char_stop(&f->chr, wait_ns);
	g_assert_true(log->stopped);
	g_assert_cmpuint(stopped_at_ns - start_ns, >=, wait_ns);
	g_assert_cmpuint(stopped_at_ns - start_ns, <, wait_ns + wait_ns / 2);
	close(out[0]);
}

/* A vCPU writes while the loop drains: what ThreadSanitizer is for. */
struct writer {
	struct fixture *f;
	uint32_t next;
	_Atomic bool done;
};

static void *write_from_thread(void *arg)
{
	struct writer *w = arg;

	while (w->next < IOL_MIB / 4)
		if (!write_pattern(&w->f->chr, &w->next, 1))
			sched_yield();
	w->done = true;
	return NULL;
}

static void test_concurrent_writer(struct fixture *f, gconstpointer data)
{
	struct writer w = { .f = f };
	uint32_t read_back = 0;
	uint8_t buf[4000];
	pthread_t thread;

	(void)data;
	stopped_at_ns = iol_loop_now_ns();
	pthread_create(&thread, NULL, write_from_thread, &w);
	while (read_back < IOL_MIB / 4) {
		ssize_t len;

		g_assert_cmpint(iol_loop_turn(&f->loop, false), ==, 0);
		len = read(f->from_guest, buf, sizeof(buf));
		check_pattern(buf, len, &read_back);
	}
	pthread_join(thread, NULL);
	g_assert_true(w.done);
	g_assert_cmpuint(f->chr.dropped_bytes, ==, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{ "/char/output", test_output },
		{ "/char/input-waits-for-room", test_input_waits_for_room },
		{ "/char/end-of-input", test_end_of_input },
		{ "/char/escape-from-deaf-guest", test_escape_from_deaf_guest },
		{ "/char/slow-reader-loses-nothing", test_slow_reader_loses_nothing },
		{ "/char/dead-reader-does-not-block", test_dead_reader_does_not_block },
		{ "/char/reader-gone", test_reader_gone },
		{ "/char/stop-sends-last-words", test_stop_sends_last_words },
		{ "/char/stop-takes-one-time", test_stop_takes_one_time },
		{ "/char/concurrent-writer", test_concurrent_writer },
	};

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
