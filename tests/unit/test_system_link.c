// SPDX-License-Identifier: Apache-2.0
/* A supervisor's connection to a machine that is played here, and may say anything. */
#include <system/link.h>

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/unix_path.h>

struct rig {
	char *folder, *path;
	struct iol_unix_path_file file;
	int listen_fd, machine; /* the machine's end */
	struct iol_loop loop;
	struct iol_link link;
	GString *heard; /* what the owner was told, a word each */
	bool closes; /* the owner closes the link at the first event */
};

static void answered(struct iol_link *link, enum iol_link_request request, const json_t *result)
{
	struct rig *rig = iol_container_of(link, struct rig, link);
	const char *status = json_string_value(json_object_get(result, "status"));

	g_string_append_printf(rig->heard, "%d%s%s ", (int)request, result ? "+" : "-",
			       status ? status : "");
}

static void event(struct iol_link *link, const char *name, const json_t *data)
{
	struct rig *rig = iol_container_of(link, struct rig, link);
	const char *reason = json_string_value(json_object_get(data, "reason"));

	g_string_append_printf(rig->heard, "%s%s%s ", name, reason ? "=" : "",
			       reason ? reason : "");
	if (rig->closes)
		iol_link_close(link);
}

static void lost(struct iol_link *link)
{
	struct rig *rig = iol_container_of(link, struct rig, link);

	g_string_append(rig->heard, "lost ");
}

static const struct iol_link_ops ops = { answered, event, lost };

static void setup(struct rig *rig, const void *data)
{
	struct iol_error err;

	(void)data;
	memset(rig, 0, sizeof(*rig));
	rig->folder = g_dir_make_tmp("iolite-XXXXXX", NULL);
	rig->path = g_build_filename(rig->folder, "m.sock", NULL);
	rig->heard = g_string_new(NULL);
	g_assert_cmpint(iol_loop_init(&rig->loop, &err), ==, 0);
	iol_link_init(&rig->link, &rig->loop, &ops);
	rig->listen_fd = iol_unix_path_listen(rig->path, 4, &rig->file, &err);
	g_assert_cmpint(rig->listen_fd, >=, 0);
	rig->machine = -1;
}

static void teardown(struct rig *rig, const void *data)
{
	(void)data;
	iol_link_close(&rig->link);
	iol_loop_finish(&rig->loop);
	iol_link_finish(&rig->link);
	iol_unix_path_remove(&rig->file);
	iol_fd_close(&rig->listen_fd);
	iol_fd_close(&rig->machine);
	g_rmdir(rig->folder);
	g_free(rig->folder);
	g_free(rig->path);
	g_string_free(rig->heard, TRUE);
}

static void open_link(struct rig *rig)
{
	g_assert_cmpint(iol_link_open(&rig->link, rig->path, getpid()), ==, 0);
	iol_fd_close(&rig->machine);
	rig->machine = accept4(rig->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	g_assert_cmpint(rig->machine, >=, 0);
}

static void say(struct rig *rig, const char *text, size_t len)
{
	while (len) {
		ssize_t done = send(rig->machine, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (done < 0 && errno == EPIPE)
			return;
		if (done > 0) {
			text += done;
			len -= (size_t)done;
		}
		iol_loop_turn(&rig->loop, false);
	}
}

/* Turns until the owner has heard @wanted, no less and no more. */
static void expect_heard(struct rig *rig, const char *wanted)
{
	gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

	while (strlen(rig->heard->str) < strlen(wanted) && g_get_monotonic_time() < end)
		iol_loop_turn(&rig->loop, false);
	g_assert_cmpstr(rig->heard->str, ==, wanted);
	g_string_truncate(rig->heard, 0);
}

static void say_line(struct rig *rig, const char *line)
{
	say(rig, line, strlen(line));
}

static void test_talk(struct rig *rig, const void *data)
{
	static const char answers[] = "{\"QMP\": {}}\r\n{\"return\": {}, \"id\": 1}\r\n\r\n"
				      "{\"return\": {\"status\": \"paused\"}, \"id\": 2}\r\n";
	char got[512] = "";

	(void)data;
	open_link(rig);
	/* In any pieces. */
	for (size_t i = 0; i < strlen(answers); i++)
		say(rig, answers + i, 1);
	expect_heard(rig, "1+ 2+paused ");
	g_assert_cmpint(recv(rig->machine, got, sizeof(got) - 1, 0), >, 0);
	g_assert_cmpstr(got, ==,
			"{\"execute\": \"qmp_capabilities\", \"id\": 1}\n"
			"{\"execute\": \"query-status\", \"id\": 2}\n");
	g_assert_cmpint(iol_link_send(&rig->link, IOL_LINK_QUIT, NULL), ==, 0);
	say_line(rig, "{\"error\": {\"desc\": \"no\"}, \"id\": 6}\n"
		      "{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-panic\"}}\n"
		      "{\"return\": {}, \"id\": 99}\n{\"return\": {}, \"id\": \"x\"}\n{}\n"
		      "{\"event\": \"STOP\"}\n");
	expect_heard(rig, "6- SHUTDOWN=guest-panic STOP ");
}

/* Another process is no machine of ours, whatever it says. */
static void test_whose(struct rig *rig, const void *data)
{
	(void)data;
	g_assert_cmpint(iol_link_open(&rig->link, rig->path, getppid()), ==, -EPERM);
	g_assert_false(iol_link_is_open(&rig->link));
	g_assert_cmpint(iol_link_open(&rig->link, "/nowhere/at-all", getpid()), ==, -ENOENT);
	g_assert_cmpint(iol_link_send(&rig->link, IOL_LINK_PAUSE, NULL), ==, -ENOTCONN);
}

static void test_nonsense(struct rig *rig, const void *data)
{
	static const char *const lines[] = {
		"hello\n", "[]\n", "5\n", "{\"a\": 1, \"a\": 2}\n", "{\"event\": \"\xff\"}\n", "{\n"
	};

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(lines); i++) {
		g_test_message("%s", lines[i]);
		open_link(rig);
		say_line(rig, lines[i]);
		expect_heard(rig, "lost ");
		g_assert_false(iol_link_is_open(&rig->link));
	}
	/* A line without an end is not kept for ever. */
	open_link(rig);
	for (unsigned int i = 0; i < 1200 && iol_link_is_open(&rig->link); i++) {
		char text[1024];

		memset(text, ' ', sizeof(text));
		say(rig, text, sizeof(text));
	}
	expect_heard(rig, "lost ");
	/* And it works again. */
	open_link(rig);
	say_line(rig, "{\"event\": \"RESUME\"}\n");
	expect_heard(rig, "RESUME ");
}

/* What a machine said last is heard after its end. */
static void test_last_words(struct rig *rig, const void *data)
{
	static const char last[] =
		"{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"host-error\"}}\n";

	(void)data;
	open_link(rig);
	g_assert_cmpint(send(rig->machine, last, strlen(last), 0), ==, (ssize_t)strlen(last));
	iol_fd_close(&rig->machine);
	iol_link_drain(&rig->link);
	expect_heard(rig, "SHUTDOWN=host-error ");
	g_assert_false(iol_link_is_open(&rig->link));
}

/* Its owner may close it whenever it hears of something, and open it again at once. */
static void test_closed_within(struct rig *rig, const void *data)
{
	(void)data;
	open_link(rig);
	rig->closes = true;
	say_line(rig, "{\"event\": \"STOP\"}\n{\"event\": \"RESUME\"}\n");
	expect_heard(rig, "STOP ");
	g_assert_false(iol_link_is_open(&rig->link));
	rig->closes = false;
	for (unsigned int i = 0; i < 20; i++) {
		iol_link_close(&rig->link);
		open_link(rig);
	}
	say_line(rig, "{\"event\": \"RESUME\"}\n");
	expect_heard(rig, "RESUME ");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/system/link/talk", struct rig, NULL, setup, test_talk, teardown);
	g_test_add("/system/link/whose", struct rig, NULL, setup, test_whose, teardown);
	g_test_add("/system/link/nonsense", struct rig, NULL, setup, test_nonsense, teardown);
	g_test_add("/system/link/last-words", struct rig, NULL, setup, test_last_words, teardown);
	g_test_add("/system/link/closed-within", struct rig, NULL, setup, test_closed_within,
		   teardown);
	return g_test_run();
}
