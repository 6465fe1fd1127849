// SPDX-License-Identifier: Apache-2.0
/* The control socket with clients that behave and others, all in one thread. */
#include "control_server_rig.h"

static void test_session(struct fixture *f, gconstpointer data)
{
	struct stat st;
	int fd;

	(void)data;
	g_assert_cmpint(lstat(f->path, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
	fd = connect_client(f);
	expect_part(f, fd, "{\"QMP\": {\"version\": {\"qemu\": ");
	say(f, fd, "{\"execute\": \"count\"}\n");
	expect_part(f, fd, "Expecting capabilities negotiation");
	say(f, fd, HELLO "\n");
	expect(f, fd, "{\"return\": {}}");
	/* In many pieces, and many in one. */
	for (const char *at = "{\"execute\":\"count\",\"id\":\"a\"}"; *at; at++)
		say(f, fd, (const char[]){ *at, 0 });
	expect(f, fd, "{\"return\": 0, \"id\": \"a\"}");
	say(f, fd,
	    "{\"execute\":\"count\",\"id\":1}{\"execute\":\"count\",\"id\":2}\n\n"
	    "{\"execute\":\"none\",\"id\":3}");
	expect(f, fd, "{\"return\": 1, \"id\": 1}");
	expect(f, fd, "{\"return\": 2, \"id\": 2}");
	expect_part(f, fd, "\"id\": 3}");
	close(fd);
}

/* What it still asked before it closed its half is answered. */
static void test_half_closed(struct fixture *f, gconstpointer data)
{
	int fd = connect_client(f);

	(void)data;
	say(f, fd, HELLO "{\"execute\":\"count\"}{\"execute\":\"count\"}{\"execute\":");
	g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
	expect_part(f, fd, "QMP");
	expect(f, fd, "{\"return\": {}}");
	expect(f, fd, "{\"return\": 0}");
	expect(f, fd, "{\"return\": 1}");
	g_assert_null(hear(f, fd));
	close(fd);
}

/* All who have negotiated hear of it, the one who caused it before its answer. */
static void test_events(struct fixture *f, gconstpointer data)
{
	int fds[4], early = connect_client(f);
	g_autofree char *rest = NULL;

	(void)data;
	expect_part(f, early, "QMP");
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = negotiated_client(f);
	say(f, fds[0], "{\"execute\":\"stop\",\"id\":0}");
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		g_autofree char *line = hear(f, fds[i]);

		g_assert_true(g_str_has_prefix(line, "{\"timestamp\": {\"seconds\": "));
		g_assert_true(g_str_has_suffix(line, "\"event\": \"STOP\"}"));
	}
	expect(f, fds[0], "{\"return\": {}, \"id\": 0}");
	iol_control_event(f->control, "STOP", json_pack("{s:i}", "a", 1));
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		expect_part(f, fds[i], "\"data\": {\"a\": 1}");
		close(fds[i]);
	}
	say(f, early, "1 ");
	rest = hear(f, early);
	g_assert_nonnull(strstr(rest, "QMP input must be a JSON object"));
	close(early);
	iol_control_event(NULL, "STOP", json_object());
}

/* One that asks and does not read: no more is taken, others are served, and all comes in the end. */
static void test_slow_reader(struct fixture *f, gconstpointer data)
{
	const unsigned int count = 64;
	int slow = negotiated_client(f), other = negotiated_client(f);
	GString *text = g_string_new(NULL);

	(void)data;
	for (unsigned int i = 0; i < count; i++)
		g_string_append(text, "{\"execute\":\"big\"}");
	say(f, slow, text->str);
	settle(f);
	g_assert_cmpuint(f->calls, >, 0);
	g_assert_cmpuint(f->calls, <, count / 2);
	f->calls = 0;
	say(f, other, "{\"execute\":\"count\"}");
	expect(f, other, "{\"return\": 0}");
	for (unsigned int i = 0; i < count; i++)
		expect_part(f, slow, "{\"return\": \"xxx");
	g_string_free(text, TRUE);
	close(slow);
	close(other);
}

/* One that lets events pile up is sent away; the others hear them all. */
static void test_event_flood(struct fixture *f, gconstpointer data)
{
	int slow = negotiated_client(f), other = negotiated_client(f);
	g_autofree char *text = g_strnfill(512 * 1024, 'x');

	(void)data;
	for (unsigned int i = 0; i < 16; i++) {
		iol_control_event(f->control, "FLOOD", json_string(text));
		expect_part(f, other, "xxx");
	}
	g_assert_cmpuint(drain(f, slow), <, 16 * 512 * 1024);
	say(f, other, "{\"execute\":\"count\"}");
	expect(f, other, "{\"return\": 0}");
	close(slow);
	/* Also where its own command makes the flood. */
	say(f, other, "{\"execute\":\"flood\"}{\"execute\":\"count\"}");
	drain(f, other);
	g_assert_cmpuint(f->calls, ==, 1);
	close(other);
}

/* A client that is gone while its command runs. */
static void test_vanishes(struct fixture *f, gconstpointer data)
{
	int other = negotiated_client(f), fd;

	(void)data;
	for (unsigned int i = 0; i < 20; i++) {
		f->kick_fd = negotiated_client(f);
		say(f, f->kick_fd, "{\"execute\":\"kick\"}{\"execute\":\"count\"");
		expect_part(f, other, "STOP");
		/* In the middle of a request, or of reading. */
		fd = negotiated_client(f);
		say(f, fd, i & 1 ? "{\"execute\":\"co" : "{\"execute\":\"big\"}");
		close(fd);
	}
	say(f, other, "{\"execute\":\"stop\"}");
	expect_part(f, other, "STOP");
	expect(f, other, "{\"return\": {}}");
	close(other);
}

/* One request of each in turn, however many one has sent. */
static void test_fairness(struct fixture *f, gconstpointer data)
{
	int busy = negotiated_client(f), other = negotiated_client(f);
	GString *text = g_string_new(NULL);
	g_autofree char *line = NULL;
	int order = -1;

	(void)data;
	for (unsigned int i = 0; i < 300; i++)
		g_string_append(text, "{\"execute\":\"count\"}");
	/* Both are there before the loop turns. */
	g_assert_cmpint(send(busy, text->str, text->len, 0), ==, (gssize)text->len);
	g_assert_cmpint(send(other, text->str, 19, 0), ==, 19);
	line = hear(f, other);
	sscanf(line, "{\"return\": %d}", &order);
	g_assert_cmpint(order, >=, 0);
	g_assert_cmpint(order, <, 20);
	for (unsigned int i = 0; i < 300; i++)
		expect_part(f, busy, "return");
	g_string_free(text, TRUE);
	close(busy);
	close(other);
}

/* More than there are places for: who has negotiated keeps theirs, who has not makes room. */
/* Who asks meanwhile is served afterwards, and does not have to ask again. */
static void test_command_that_turns(struct fixture *f, gconstpointer data)
{
	int first = negotiated_client(f), second = negotiated_client(f);

	(void)data;
	f->other_fd = first;
	say(f, second, "{\"execute\": \"wait\"}");
	expect(f, second, "{\"return\": true}");
	expect(f, first, "{\"return\": 0}");
	f->other_fd = second;
	say(f, first, "{\"execute\": \"wait\"}");
	expect(f, first, "{\"return\": true}");
	expect(f, second, "{\"return\": 1}");
	close(first);
	close(second);
	settle(f);
}

static void test_full(struct fixture *f, gconstpointer data)
{
	int fds[IOL_CONTROL_CLIENTS_MAX], more;

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(fds) - 1; i++)
		fds[i] = negotiated_client(f);
	more = connect_client(f);
	fds[G_N_ELEMENTS(fds) - 1] = negotiated_client(f);
	expect_part(f, more, "QMP");
	close(more);
	close(fds[G_N_ELEMENTS(fds) - 1]);
	settle(f);
	/* A silent one loses its place. */
	more = connect_client(f);
	expect_part(f, more, "QMP");
	fds[G_N_ELEMENTS(fds) - 1] = negotiated_client(f);
	g_assert_null(hear(f, more));
	close(more);
	/* No place, and none that will be. */
	for (unsigned int i = 0; i < 3; i++) {
		more = connect_client(f);
		expect_part(f, more, "{\"error\": {\"class\": \"GenericError\", \"desc\": ");
		g_assert_null(hear(f, more));
		close(more);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		say(f, fds[i], "{\"execute\":\"count\"}");
		expect_part(f, fds[i], "return");
		close(fds[i]);
	}
	close(negotiated_client(f));
}

/* Of each kind of client in turn: silent, broken, gone, one that never ends, and one that behaves. */
static void play(struct fixture *f, unsigned int which, int *silent)
{
	int fd;

	switch (which % 6) {
	case 0:
		if (*silent >= 0)
			close(*silent);
		*silent = connect_client(f);
		return;
	case 1:
		fd = connect_client(f);
		break;
	case 2:
		fd = connect_client(f);
		if (send(fd, "\001\xff{]}}nonsense\n{\"a\":", 18, MSG_NOSIGNAL) < 0)
			g_error("cannot talk nonsense: %s", g_strerror(errno));
		break;
	case 3:
		fd = negotiated_client(f);
		if (send(fd, "{\"execute\":\"big\"}{\"execute", 25, MSG_NOSIGNAL) < 0)
			g_error("cannot ask: %s", g_strerror(errno));
		break;
	default:
		fd = negotiated_client(f);
		say(f, fd, "{\"execute\":\"count\",\"id\":[]}");
		expect_part(f, fd, "\"id\": []}");
		break;
	}
	close(fd);
	if (which & 1)
		turn(f);
}

/* A thousand, and all through it one that works; nothing is left of them. */
static void test_many(struct fixture *f, gconstpointer data)
{
	int steady = negotiated_client(f), silent = -1;
	unsigned int fds = 0;
	size_t bytes = 0;

	(void)data;
	for (unsigned int i = 0; i < 1000; i++) {
		play(f, i, &silent);
		if (i % 10 == 0) {
			say(f, steady, "{\"execute\":\"count\"}");
			expect_part(f, steady, "return");
		}
		if (i % 100 != 99)
			continue;
		close(silent);
		silent = -1;
		settle(f);
		if (i == 99) {
			fds = fd_count();
			bytes = heap_bytes();
		}
	}
	g_assert_cmpuint(fd_count(), ==, fds);
	g_assert_cmpuint(heap_bytes(), <=, bytes + HEAP_CACHED_BYTES);
	close(steady);
}

/* Hundreds that say nothing and do not go away: whoever has something to say gets in among them. */
static void test_silent(struct fixture *f, gconstpointer data)
{
	int fds[300], steady = negotiated_client(f), fd;

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		fds[i] = connect_client(f);
		if (i % 30 != 29)
			continue;
		fd = negotiated_client(f);
		say(f, fd, "{\"execute\":\"count\"}");
		expect_part(f, fd, "return");
		close(fd);
	}
	say(f, steady, "{\"execute\":\"stop\"}");
	expect_part(f, steady, "STOP");
	expect_part(f, steady, "return");
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
	close(steady);
}

/* Nobody can be let in while descriptors are short, which does not spin; afterwards they are. */
static void test_no_descriptors(struct fixture *f, gconstpointer data)
{
	int steady = negotiated_client(f), waiting = connect_client(f), spare = dup(0);
	struct rlimit limit, low;
	unsigned int turns = 0;
	uint64_t before_ns = passed_ns;

	(void)data;
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	low = limit;
	low.rlim_cur = (rlim_t)spare;
	close(spare);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
	while (passed_ns < before_ns + 5 * IOL_NS_PER_S && turns++ < 100000)
		turn(f);
	say(f, steady, "{\"execute\":\"count\"}");
	expect(f, steady, "{\"return\": 0}");
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	g_assert_cmpuint(passed_ns, >=, before_ns + 5 * IOL_NS_PER_S);
	expect_part(f, waiting, "QMP");
	close(waiting);
	close(steady);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{ "/control-server/session", test_session },
		{ "/control-server/half-closed", test_half_closed },
		{ "/control-server/events", test_events },
		{ "/control-server/slow-reader", test_slow_reader },
		{ "/control-server/event-flood", test_event_flood },
		{ "/control-server/vanishes", test_vanishes },
		{ "/control-server/fairness", test_fairness },
		{ "/control-server/command-that-turns", test_command_that_turns },
		{ "/control-server/full", test_full },
		{ "/control-server/many", test_many },
		{ "/control-server/silent", test_silent },
		{ "/control-server/no-descriptors", test_no_descriptors },
	};

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
