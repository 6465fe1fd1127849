// SPDX-License-Identifier: Apache-2.0
/* Files as the far end, and as a line's log. */
#include "char_rig.h"

#include <sys/stat.h>

static void expect_file(const char *path, const char *text)
{
	g_autofree char *got = NULL;

	g_assert_true(g_file_get_contents(path, &got, NULL, NULL));
	g_assert_cmpstr(got, ==, text);
}

static void test_output(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "out");
	struct stat st;

	(void)data;
	rig_open(r, "file:%s", path);
	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
	guest_says(r, "one");
	TURN_UNTIL(r, !r->chr->ring_fill);
	expect_file(path, "one");
	rig_close(r);
	rig_open(r, "file:%s", path);
	guest_says(r, "two");
	rig_close(r);
	expect_file(path, "two");
	rig_open(r, "file:%s,append", path);
	guest_says(r, "three");
	rig_close(r);
	expect_file(path, "twothree");
}

/* A machine that could not be made has not taken anything away. */
static void test_not_started(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "out");
	struct iol_error err;

	(void)data;
	g_assert_true(g_file_set_contents(path, "kept", -1, NULL));
	g_assert_cmpint(rig_try(r, &err, "file:%s", path), ==, 0);
	rig_close(r);
	expect_file(path, "kept");
}

static void test_full_disk(struct rig *r, gconstpointer data)
{
	(void)data;
	if (access("/dev/full", W_OK)) {
		g_test_skip("no /dev/full here");
		return;
	}
	rig_open(r, "file:/dev/full");
	guest_says(r, "x");
	TURN_UNTIL(r, r->chr->out_fd < 0);
	for (unsigned int i = 0; i < 100000; i++)
		guest_says(r, "dropped");
	g_assert_cmpuint(r->chr->ring_fill, ==, 0);
}

static void test_refused(struct rig *r, gconstpointer data)
{
	g_autofree char *pipe = rig_path(r, "pipe"), *none = rig_path(r, "no/file");
	struct iol_error err;

	(void)data;
	g_assert_cmpint(rig_try(r, &err, "file:%s", none), ==, -ENOENT);
	g_assert_nonnull(strstr(err.msg, "serial0: cannot write to '"));
	g_assert_nonnull(strstr(err.msg, "make its folder first: No such file or directory"));
	g_assert_cmpint(rig_try(r, &err, "file:%s", r->dir), ==, -EISDIR);
	g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
	g_assert_cmpint(rig_try(r, &err, "file:%s", pipe), ==, -ENXIO);
	g_assert_nonnull(strstr(err.msg, "it is a pipe that nobody reads, or a socket; start its "
					 "reader first or, for a socket, use unix:PATH,connect"));
	g_assert_cmpint(rig_try(r, &err, "null,log=%s", none), ==, -ENOENT);
	g_assert_null(r->chr);
}

/* All output goes into the log once, in order, also what nobody else gets. */
static void test_log(struct rig *r, gconstpointer data)
{
	static const char *const kinds[] = { "null", "pty", "file:/dev/null", "tcp::0" };
	g_autofree char *path = rig_path(r, "log");
	g_autoptr(GString) all = g_string_new("before\n");

	(void)data;
	g_assert_true(g_file_set_contents(path, "before\n", -1, NULL));
	for (unsigned int kind = 0; kind < IOL_ARRAY_LEN(kinds); kind++) {
		g_test_message("%s", kinds[kind]);
		rig_open(r, "%s,log=%s,ring=4K", kinds[kind], path);
		for (unsigned int i = 0; i < 40000; i++) {
			g_autofree char *line = g_strdup_printf("line %u\n", i);
			unsigned int done = 0;

			g_string_append(all, line);
			while (done < strlen(line)) {
				done += iol_char_write(r->chr, (const uint8_t *)line + done,
						       (unsigned int)strlen(line) - done);
				if (i % 1000 == 0 || done < strlen(line))
					g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
			}
		}
		rig_close(r);
		expect_file(path, all->str);
	}
}

/* A log that is full for the moment holds the guest, and lets it go. */
static void test_slow_log(struct rig *r, gconstpointer data)
{
	g_autofree char *pipe = rig_path(r, "pipe");
	g_autofree uint8_t *block = g_malloc0(4096);
	unsigned int turns = 0;
	int reader;

	(void)data;
	g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
	reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	rig_open(r, "null,log=%s", pipe);
	stopped_at_ns = now_ns();
	while (iol_char_write(r->chr, block, 4096) == 4096)
		g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
	/* Not told again and again meanwhile. */
	for (; turns < 100; turns++)
		g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
	g_assert_cmpuint(r->writable_calls, <=, 1);
	r->writable_calls = 0;
	g_assert_cmpint(read(reader, block, 4096), ==, 4096);
	while (read(reader, block, 4096) > 0)
		continue;
	TURN_UNTIL(r, r->writable_calls);
	close(reader);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct rig *r, gconstpointer data);
	} tests[] = {
		{ "/char/file/output", test_output },
		{ "/char/file/not-started", test_not_started },
		{ "/char/file/full-disk", test_full_disk },
		{ "/char/file/refused", test_refused },
		{ "/char/file/log", test_log },
		{ "/char/file/slow-log", test_slow_log },
	};

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct rig, NULL, rig_setup, tests[i].run, rig_teardown);
	return g_test_run();
}
