// SPDX-License-Identifier: Apache-2.0
/* The console (virtio-v1.2 5.3) over a real backend, between two pipes, and its threads. */
#include <iolite/virtio_console.h>

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include <iolite/log.h>

#include "virtio_small_rig.h"

enum { RX, TX, COLS = 0, EMERG = 8 };

/* Time stands still: no reader is called dead because the test is slow. */
uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return 1;
}

struct line {
	struct device_rig r;
	struct iol_char *chr;
	int to_guest, from_guest; /* the far ends */
	GString *output;
};

static void line_init(struct line *l)
{
	const struct iol_virtio_console_config config = { .name = "test", .cols = 80, .rows = 25 };
	int in[2], out[2];
	struct iol_virtio *v;
	struct iol_error err;

	small_rig_init(&l->r, NULL);
	g_assert_cmpint(pipe2(in, O_NONBLOCK | O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(out, O_NONBLOCK | O_CLOEXEC), ==, 0);
	g_assert_cmpint(iol_char_null_new(l->r.loop, &l->chr, NULL), ==, 0);
	l->chr->in_fd = in[0];
	l->to_guest = in[1];
	l->chr->out_fd = out[1];
	l->from_guest = out[0];
	l->output = g_string_new(NULL);
	if (iol_virtio_console_new(l->chr, &config, &l->r.env, &v, &err))
		g_error("%s", err.msg);
	device_rig_attach(&l->r, v);
	iol_char_start(l->chr, iol_virtio_console_char_user(v));
	device_rig_start(&l->r, UINT64_MAX);
}

static void line_finish(struct line *l)
{
	g_assert_true(device_rig_reset(&l->r));
	iol_char_stop(l->chr, 0);
	device_rig_finish(&l->r);
	iol_char_free(l->chr);
	close(l->to_guest);
	close(l->from_guest);
	g_string_free(l->output, TRUE);
}

/* The length of the next chain that came back; -1: none did. */
static int take(struct line *l, unsigned int queue)
{
	struct virtio_driver_used used;
	int ret = virtio_driver_take_used(&l->r.drivers[queue], &used);

	g_assert_cmpstr(virtio_driver_check(&l->r.drivers[queue]), ==, NULL);
	return ret == 1 ? (int)used.len : -1;
}

/* Takes up to @len bytes of output. */
static void line_drain(struct line *l, size_t len)
{
	char buf[4096];
	ssize_t got = read(l->from_guest, buf, MIN(len, sizeof(buf)));

	if (got > 0)
		g_string_append_len(l->output, buf, got);
}

#define TURN_UNTIL(l, condition, ...)                                              \
	do {                                                                       \
		const gint64 end_ = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;  \
		while (!(condition)) {                                             \
			g_assert_cmpint(iol_loop_turn((l)->r.loop, false), ==, 0); \
			g_assert_cmpint(g_get_monotonic_time(), <, end_);          \
			__VA_ARGS__;                                               \
		}                                                                  \
	} while (0)

/* Ten times what the backend holds, to a reader that takes a little at a time. */
static void test_line_output(void)
{
	enum { BYTES = 640 * 1024 };
	struct line l;

	line_init(&l);
	for (unsigned int i = 0; i < BYTES; i++)
		*device_rig_ptr(&l.r, SMALL_RIG_DATA + i) = (uint8_t)(i * 7 + i / 256);
	device_rig_send(&l.r, TX, SMALL_RIG_DATA, BYTES / 2, false);
	device_rig_send(&l.r, TX, SMALL_RIG_DATA + BYTES / 2, BYTES / 2, false);
	TURN_UNTIL(&l, l.output->len == BYTES, line_drain(&l, 3000));
	TURN_UNTIL(&l, virtio_driver_used_idx(&l.r.drivers[TX]) == 2);
	g_assert_cmpmem(l.output->str, l.output->len, device_rig_ptr(&l.r, SMALL_RIG_DATA), BYTES);
	line_finish(&l);
}

/* Input waits in the backend for buffers, of which there are few and small ones. */
static void test_line_input(void)
{
	enum { BYTES = 2000 };
	unsigned int got = 0, posted = 0;
	uint8_t text[BYTES];
	struct line l;

	line_init(&l);
	for (unsigned int i = 0; i < BYTES; i++)
		text[i] = (uint8_t)(i * 5 + i / 256);
	g_assert_cmpint(write(l.to_guest, text, BYTES), ==, BYTES);
	while (got < BYTES) {
		uint64_t gpa = SMALL_RIG_DATA + posted++ % 16 * 64;
		int len;

		device_rig_send(&l.r, RX, gpa, 7, true);
		TURN_UNTIL(&l, virtio_driver_used_idx(&l.r.drivers[RX]) == (uint16_t)posted);
		len = take(&l, RX);
		g_assert_cmpint(len, >, 0);
		g_assert_cmpmem(device_rig_ptr(&l.r, gpa), (size_t)len, text + got, (size_t)len);
		got += (unsigned int)len;
	}
	g_assert_cmpuint(got, ==, BYTES);
	line_finish(&l);
}

/* --- threads: emergency writes and reads of the size are vCPUs', all else is the loop's --- */

enum { VCPUS = 2, WRITES = 500 };

static gpointer write_emergencies(gpointer data)
{
	struct line *l = data;

	for (unsigned int i = 0; i < WRITES; i++) {
		iol_virtio_config_write(l->r.v, EMERG, 4, '!');
		/* Columns and rows of one and the same size. */
		g_assert_cmpuint(iol_virtio_config_read(l->r.v, COLS, 2) % 16, ==, 0);
		iol_virtio_config_write(l->r.v, COLS, 8, UINT64_MAX);
		iol_virtio_notify(l->r.v, i % 2);
	}
	return NULL;
}

static void test_threads(void)
{
	unsigned int emergencies = 0, rounds = 0, others = 0;
	GThread *threads[VCPUS];
	struct line l;

	line_init(&l);
	memset(device_rig_ptr(&l.r, SMALL_RIG_DATA), '.', 10);
	for (unsigned int i = 0; i < VCPUS; i++)
		threads[i] = g_thread_new("vcpu", write_emergencies, &l);
	for (; rounds < 200; rounds++) {
		iol_virtio_console_set_size(l.r.v, (uint16_t)(rounds * 16), (uint16_t)rounds);
		device_rig_send(&l.r, TX, SMALL_RIG_DATA, 10, false);
		TURN_UNTIL(&l, take(&l, TX) == 0, line_drain(&l, 4096));
	}
	for (unsigned int i = 0; i < VCPUS; i++)
		g_thread_join(threads[i]);
	/* Fewer bytes than the backend has room for: none was lost. */
	TURN_UNTIL(&l, l.output->len == VCPUS * WRITES + rounds * 10, line_drain(&l, 4096));
	for (gsize i = 0; i < l.output->len; i++) {
		emergencies += l.output->str[i] == '!';
		others += l.output->str[i] == '.';
	}
	g_assert_cmpuint(emergencies, ==, VCPUS * WRITES);
	g_assert_cmpuint(others, ==, rounds * 10);
	line_finish(&l);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	iol_log_set_level(IOL_LOG_ERROR);
	g_test_add_func("/virtio-console-line/output", test_line_output);
	g_test_add_func("/virtio-console-line/input", test_line_input);
	g_test_add_func("/virtio-console-line/threads", test_threads);
	return g_test_run();
}
