// SPDX-License-Identifier: Apache-2.0
/* Several lines at one terminal: here a pseudo terminal in the place of standard input and output. */
#include "char_rig.h"

#include <stdlib.h>
#include <termios.h>

enum { LINES = 3 };

struct line {
	struct iol_char *chr;
	struct iol_char_user user;
	GString *received;
	unsigned int room;
};

static struct {
	struct iol_loop loop;
	struct iol_event_sink sink;
	unsigned int stops;
	struct line lines[LINES];
	int saved[3]; /* descriptors 0 to 2 */
	int terminal; /* what the person has */
	int fds;
} t;

static unsigned int receive(struct iol_char_user *user, const uint8_t *data, unsigned int len)
{
	struct line *line = iol_container_of(user, struct line, user);
	unsigned int taken = MIN(len, line->room);

	g_string_append_len(line->received, (const char *)data, (gssize)taken);
	line->room -= taken;
	return taken;
}

static void writable(struct iol_char_user *user)
{
	(void)user;
}

static void raise_event(struct iol_event_sink *sink, enum iol_event event)
{
	(void)sink;
	g_assert_cmpint(event, ==, IOL_EVENT_STOP);
	t.stops++;
}

static void open_lines(void)
{
	struct iol_char_config config;
	struct iol_error err = { 0 };

	iol_char_config_init(&config);
	config.ring_bytes = 4096;
	for (unsigned int i = 0; i < LINES; i++) {
		g_autofree char *name = g_strdup_printf("serial%u", i);
		struct line *line = &t.lines[i];

		config.kind = IOL_CHAR_MUX;
		config.over_stdio = !i;
		if (i)
			iol_char_mux_join(t.lines[0].chr, &config, name, &line->chr, &err);
		else
			iol_char_new(&t.loop, &t.sink, &config, name, &line->chr, &err);
		g_assert_cmpstr(err.msg, ==, "");
		line->user = (struct iol_char_user){ .receive = receive, .writable = writable };
		line->received = g_string_new(NULL);
		line->room = 1 << 20;
		iol_char_start(line->chr, &line->user);
	}
}

/* @in and @out become standard input and output, what is said to a person goes nowhere. */
static void take_streams(int in, int out)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fflush(NULL);
	for (int fd = 0; fd < 3; fd++)
		t.saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	g_assert_cmpint(dup2(in, 0), ==, 0);
	g_assert_cmpint(dup2(out, 1), ==, 1);
	g_assert_cmpint(dup2(null, 2), ==, 2);
	close(null);
}

static void give_streams_back(void)
{
	for (int fd = 0; fd < 3; fd++) {
		g_assert_cmpint(dup2(t.saved[fd], fd), ==, fd);
		close(t.saved[fd]);
	}
}

static void begin(void)
{
	struct iol_error err;

	memset(&t, 0, sizeof(t));
	t.fds = count_fds();
	t.sink.raise = raise_event;
	t.terminal = -1;
	g_assert_cmpint(iol_loop_init(&t.loop, &err), ==, 0);
}

static bool begin_terminal(void)
{
	int slave;

	begin();
	t.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t.terminal < 0 || grantpt(t.terminal) || unlockpt(t.terminal)) {
		g_test_skip("no pseudo terminals here");
		iol_loop_finish(&t.loop);
		iol_fd_close(&t.terminal);
		return false;
	}
	slave = open(ptsname(t.terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	g_assert_cmpint(slave, >=, 0);
	take_streams(slave, slave);
	close(slave);
	open_lines();
	return true;
}

static void end(void)
{
	for (unsigned int i = 0; i < LINES; i++) {
		iol_char_free(t.lines[i].chr);
		g_string_free(t.lines[i].received, TRUE);
	}
	iol_loop_finish(&t.loop);
	give_streams_back();
	iol_fd_close(&t.terminal);
	g_assert_cmpint(count_fds(), ==, t.fds);
}

static void type(const char *keys)
{
	g_assert_cmpint(write(t.terminal, keys, strlen(keys)), ==, (ssize_t)strlen(keys));
}

static void say(unsigned int line, const char *text)
{
	unsigned int len = (unsigned int)strlen(text);

	g_assert_cmpuint(iol_char_write(t.lines[line].chr, (const uint8_t *)text, len), ==, len);
}

static void expect_input(unsigned int line, const char *text)
{
	TURN_UNTIL(&t, t.lines[line].received->len >= strlen(text));
	g_assert_cmpstr(t.lines[line].received->str, ==, text);
}

static void expect_output(int fd, const char *text)
{
	char buf[8192] = "";
	size_t len = 0;

	while (len < strlen(text)) {
		ssize_t got = -1;

		TURN_UNTIL(&t, (got = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0);
		len += (size_t)got;
	}
	g_assert_cmpstr(buf, ==, text);
}

static void test_switches(void)
{
	if (!begin_terminal())
		return;
	say(0, "zero ");
	say(1, "one ");
	say(2, "two ");
	expect_output(t.terminal, "zero ");
	type("a\x01"
	     "2b");
	expect_input(0, "a");
	expect_input(1, "b");
	expect_output(t.terminal, "one ");
	say(1, "more");
	expect_output(t.terminal, "more");
	say(0, "meanwhile");
	/* Several in one go; one to itself and one that is not there are nothing. */
	type("c\x01"
	     "2d\x01"
	     "9e\x01"
	     "3f\x01"
	     "1g");
	expect_input(1, "bcde");
	expect_input(2, "f");
	expect_input(0, "ag");
	/* The third one had the terminal in passing. */
	expect_output(t.terminal, "two meanwhile");
	type("\x01\x01\x01"
	     "a\x01hx");
	expect_input(0, "ag\x01\x01x");
	g_assert_cmpuint(t.stops, ==, 0);
	type("\x01x");
	TURN_UNTIL(&t, t.stops == 1);
	end();
}

/* A line whose guest takes nothing and whose output stands still can be left all the same. */
static void test_leave_stuck_line(void)
{
	g_autofree char *much = g_strnfill(4096, 'x');

	if (!begin_terminal())
		return;
	t.lines[0].room = 0;
	type("hello");
	for (unsigned int i = 0; i < 100; i++) {
		iol_char_write(t.lines[0].chr, (const uint8_t *)much, 4096);
		g_assert_cmpint(iol_loop_turn(&t.loop, false), ==, 0);
	}
	type("\x01"
	     "2in");
	expect_input(1, "in");
	say(0, "nobody sees this");
	end();
}

/* What was typed at a line before it was left waits for its guest, here and elsewhere. */
static void test_left_input(void)
{
	if (!begin_terminal())
		return;
	t.lines[0].room = 1;
	/* There and back. */
	type("hello\x01"
	     "2in\x01"
	     "1 again");
	expect_input(1, "in");
	TURN_UNTIL(&t, t.lines[0].chr->in_fd >= 0);
	expect_input(0, "h");
	t.lines[0].room = 1000;
	iol_char_ready(t.lines[0].chr);
	expect_input(0, "hello again");
	/* The guest gets to it while another line is shown. */
	t.lines[0].room = 1;
	type(" world\x01"
	     "2 out");
	expect_input(1, "in out");
	expect_input(0, "hello again ");
	g_assert_cmpint(t.lines[0].chr->in_fd, <, 0);
	t.lines[0].room = 1000;
	iol_char_ready(t.lines[0].chr);
	expect_input(0, "hello again world");
	type("\x01"
	     "1.");
	expect_input(0, "hello again world.");
	end();
}

/* Pipes are standard input and output; @in writes to the one, @out reads from the other. */
static void begin_pipes(int *in, int *out)
{
	int in_ends[2], out_ends[2];

	begin();
	g_assert_cmpint(pipe2(in_ends, O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(out_ends, O_CLOEXEC | O_NONBLOCK), ==, 0);
	take_streams(in_ends[0], out_ends[1]);
	close(in_ends[0]);
	close(out_ends[1]);
	open_lines();
	*in = in_ends[1];
	*out = out_ends[0];
}

/* The end of the input is not that of the output, while some input waits for the device. */
static void test_input_ends_early(void)
{
	int in, out;

	begin_pipes(&in, &out);
	t.lines[0].room = 1;
	g_assert_cmpint(write(in, "a line", 6), ==, 6);
	close(in);
	expect_input(0, "a");
	/* Long enough for a hang-up to be seen. */
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpint(iol_loop_turn(&t.loop, false), ==, 0);
	say(0, "still here");
	expect_output(out, "still here");
	t.lines[0].room = 100;
	iol_char_ready(t.lines[0].chr);
	expect_input(0, "a line");
	TURN_UNTIL(&t, t.lines[0].chr->in_fd < 0 && !t.lines[0].chr->leaving);
	say(0, "as ever");
	expect_output(out, "as ever");
	close(out);
	end();
}

/* Nor once there is none left; but a reader that is gone is the end. */
static void test_pipes(void)
{
	int in, out;

	begin_pipes(&in, &out);
	g_assert_cmpint(write(in,
			      "\x01"
			      "2",
			      2),
			==, 2);
	expect_input(0, "\x01"
			"2"); /* no terminal, no escape key */
	close(in);
	TURN_UNTIL(&t, t.lines[0].chr->in_fd < 0 && !t.lines[0].chr->leaving);
	say(0, "still here");
	expect_output(out, "still here");
	close(out);
	say(0, "gone");
	/* Nothing waits for it, and nothing spins. */
	TURN_UNTIL(&t, t.lines[0].chr->out_fd < 0);
	for (unsigned int i = 0; i < 10000; i++)
		say(0, "nobody reads this");
	end();
}

/* A line that cannot be as it should be does not join, and the others go on. */
static void test_refused_line(void)
{
	struct iol_char_config config;
	struct iol_error err = { 0 };
	struct iol_char *line;

	if (!begin_terminal())
		return;
	iol_char_config_init(&config);
	config.kind = IOL_CHAR_MUX;
	config.log = g_strdup("/nonexistent/log");
	g_assert_cmpint(iol_char_mux_join(t.lines[0].chr, &config, "serial3", &line, &err), ==,
			-ENOENT);
	g_assert_null(line);
	g_assert_nonnull(strstr(err.msg, "serial3: "));
	iol_char_config_finish(&config);
	say(0, "zero");
	expect_output(t.terminal, "zero");
	end();
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/char/mux/switches", test_switches);
	g_test_add_func("/char/mux/left-input", test_left_input);
	g_test_add_func("/char/mux/leave-stuck-line", test_leave_stuck_line);
	g_test_add_func("/char/mux/refused-line", test_refused_line);
	g_test_add_func("/char/mux/pipes", test_pipes);
	g_test_add_func("/char/mux/input-ends-early", test_input_ends_early);
	return g_test_run();
}
