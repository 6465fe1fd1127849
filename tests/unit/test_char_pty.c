// SPDX-License-Identifier: Apache-2.0
#include "char_rig.h"

#include <stdlib.h>
#include <termios.h>

static char *slave_of(struct rig *r)
{
	g_autofree char *link = rig_path(r, "tty");
	char *name = g_file_read_link(link, NULL);

	g_assert_nonnull(name);
	g_assert_true(g_str_has_prefix(name, "/dev/pts/"));
	return name;
}

static void open_rig(struct rig *r)
{
	g_autofree char *link = rig_path(r, "tty");

	rig_open(r, "pty,link=%s,ring=4K", link);
}

static int attach(struct rig *r)
{
	g_autofree char *name = slave_of(r);
	int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	TURN_UNTIL(r, r->chr->out_fd >= 0);
	return fd;
}

static void detach(struct rig *r, int fd)
{
	g_assert_cmpint(close(fd), ==, 0);
	TURN_UNTIL(r, r->chr->in_fd < 0);
	g_assert_cmpint(r->chr->out_fd, ==, -1);
}

static void test_both_ways(struct rig *r, gconstpointer data)
{
	g_autofree char *link = rig_path(r, "tty");
	int fd;

	(void)data;
	open_rig(r);
	guest_says(r, "early\n");
	fd = attach(r);
	expect_read(r, fd, "early\n");
	guest_says(r, "a\nb\r\x03");
	expect_read(r, fd, "a\nb\r\x03");
	/* Raw: neither echo, nor lines, nor signals. */
	peer_says(fd, "x\r\n\x03\x04\x7f");
	TURN_UNTIL(r, r->received->len == 6);
	g_assert_cmpstr(r->received->str, ==, "x\r\n\x03\x04\x7f");
	detach(r, fd);
	rig_close(r);
	g_assert_false(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
}

static void test_comes_back(struct rig *r, gconstpointer data)
{
	struct termios settings;
	int fd;

	(void)data;
	open_rig(r);
	for (unsigned int i = 0; i < 3; i++) {
		fd = attach(r);
		g_assert_cmpint(tcgetattr(fd, &settings), ==, 0);
		g_assert_cmphex(settings.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
		g_assert_cmphex(settings.c_oflag & OPOST, ==, 0);
		guest_says(r, "to you");
		expect_read(r, fd, "to you");
		settings.c_lflag |= ICANON | ECHO | ISIG;
		g_assert_cmpint(tcsetattr(fd, TCSANOW, &settings), ==, 0);
		detach(r, fd);
		guest_says(r, "kept");
		fd = attach(r);
		expect_read(r, fd, "kept");
		detach(r, fd);
	}
}

/* Hung up, the descriptor is always ready: nobody must wait for it. */
static void test_does_not_spin(struct rig *r, gconstpointer data)
{
	int fd;

	(void)data;
	open_rig(r);
	guest_says(r, "nobody reads this");
	g_assert_cmpuint(idle_turns(r, IOL_NS_PER_S), <, 20);
	fd = attach(r);
	g_assert_cmpuint(idle_turns(r, IOL_NS_PER_S), <, 20);
	detach(r, fd);
	g_assert_cmpuint(idle_turns(r, IOL_NS_PER_S), <, 20);
}

/* One who came, wrote and left between two looks. */
static void test_short_visit(struct rig *r, gconstpointer data)
{
	g_autofree char *name = NULL;
	int fd;

	(void)data;
	open_rig(r);
	name = slave_of(r);
	fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	peer_says(fd, "hi");
	close(fd);
	guest_says(r, "kept");
	TURN_UNTIL(r, r->received->len == 2);
	TURN_UNTIL(r, r->chr->in_fd < 0);
	fd = attach(r);
	expect_read(r, fd, "kept");
	close(fd);
}

/* A guest that takes no input is no reason not to see its output later. */
static void test_guest_takes_no_input(struct rig *r, gconstpointer data)
{
	int fd;

	(void)data;
	r->room = 1;
	open_rig(r);
	fd = attach(r);
	peer_says(fd, "abc");
	TURN_UNTIL(r, r->received->len == 1);
	close(fd);
	TURN_UNTIL(r, r->chr->out_fd < 0);
	guest_says(r, "panic");
	g_assert_cmpuint(idle_turns(r, IOL_NS_PER_S / 2), <, 20);
	fd = attach(r);
	expect_read(r, fd, "panic");
	guest_takes(r, 100);
	TURN_UNTIL(r, r->received->len == 3);
	peer_says(fd, "d");
	TURN_UNTIL(r, r->received->len == 4);
	g_assert_cmpstr(r->received->str, ==, "abcd");
	detach(r, fd);
}

static void test_link(struct rig *r, gconstpointer data)
{
	g_autofree char *link = rig_path(r, "tty"), *other = rig_path(r, "no/tty");
	struct iol_error err;

	(void)data;
	/* That of a machine which died. */
	g_assert_cmpint(symlink("/nonexistent", link), ==, 0);
	open_rig(r);
	g_free(slave_of(r));
	/* Somebody else's by now: it stays. */
	g_assert_cmpint(unlink(link), ==, 0);
	g_assert_cmpint(symlink("/nonexistent", link), ==, 0);
	rig_close(r);
	g_assert_true(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
	unlink(link);

	g_assert_true(g_file_set_contents(link, "precious", -1, NULL));
	g_assert_cmpint(rig_try(r, &err, "pty,link=%s", link), ==, -EEXIST);
	g_assert_nonnull(strstr(err.msg, "is there and is no symbolic link"));
	g_assert_true(g_str_has_prefix(err.msg, "serial0: "));
	g_assert_null(r->chr);
	g_assert_cmpint(rig_try(r, &err, "pty,link=%s", other), ==, -ENOENT);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct rig *r, gconstpointer data);
	} tests[] = {
		{ "/char/pty/both-ways", test_both_ways },
		{ "/char/pty/comes-back", test_comes_back },
		{ "/char/pty/does-not-spin", test_does_not_spin },
		{ "/char/pty/short-visit", test_short_visit },
		{ "/char/pty/guest-takes-no-input", test_guest_takes_no_input },
		{ "/char/pty/link", test_link },
	};
	int master;

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0) {
		g_test_message("no pseudo terminals here: %s", strerror(errno));
		return 77;
	}
	close(master);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct rig, NULL, rig_setup, tests[i].run, rig_teardown);
	return g_test_run();
}
