// SPDX-License-Identifier: Apache-2.0
/* The terminal: raw and back, one at a time, its size. check_console.py has it under a machine. */
#include <iolite/terminal.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

/* False: none is to be had here. */
static bool open_pty(int *master, int *slave)
{
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0)
		return false;
	g_assert_cmpint(grantpt(*master) | unlockpt(*master), ==, 0);
	*slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	g_assert_cmpint(*slave, >=, 0);
	return true;
}

static void set_size(int fd, uint16_t cols, uint16_t rows)
{
	const struct winsize size = { .ws_col = cols, .ws_row = rows };

	g_assert_cmpint(ioctl(fd, TIOCSWINSZ, &size), ==, 0);
}

static void test_size(void)
{
	uint16_t cols = 1, rows = 2;
	struct iol_error err;
	int master, slave;

	if (!open_pty(&master, &slave)) {
		g_test_skip("no pseudo terminal here");
		return;
	}
	set_size(master, 100, 40);
	g_assert_false(iol_terminal_size(&cols, &rows));
	g_assert_cmpuint(cols, ==, 1);
	g_assert_cmpuint(rows, ==, 2);
	g_assert_cmpint(iol_terminal_raw(slave, &err), ==, 0);
	g_assert_true(iol_terminal_size(&cols, &rows));
	g_assert_cmpuint(cols, ==, 100);
	g_assert_cmpuint(rows, ==, 40);
	set_size(master, 65535, 0);
	g_assert_true(iol_terminal_size(&cols, &rows));
	g_assert_cmpuint(cols, ==, 65535);
	g_assert_cmpuint(rows, ==, 0);
	iol_terminal_restore();
	g_assert_false(iol_terminal_size(&cols, &rows));
	iol_fd_close(&master);
	iol_fd_close(&slave);
}

static void test_one_at_a_time(void)
{
	struct termios before, now;
	struct iol_error err;
	int master, slave;

	if (!open_pty(&master, &slave)) {
		g_test_skip("no pseudo terminal here");
		return;
	}
	g_assert_cmpint(tcgetattr(slave, &before), ==, 0);
	g_assert_cmpint(iol_terminal_raw(slave, &err), ==, 0);
	g_assert_cmpint(iol_terminal_raw(slave, &err), ==, -EBUSY);
	g_assert_cmpint(tcgetattr(slave, &now), ==, 0);
	g_assert_cmpuint(now.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
	g_assert_cmpuint(now.c_oflag & OPOST, ==, OPOST);
	iol_terminal_restore();
	g_assert_cmpint(tcgetattr(slave, &now), ==, 0);
	g_assert_cmpuint(now.c_lflag, ==, before.c_lflag);
	g_assert_cmpuint(now.c_iflag, ==, before.c_iflag);
	iol_fd_close(&master);
	iol_fd_close(&slave);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/terminal/size", test_size);
	g_test_add_func("/terminal/one-at-a-time", test_one_at_a_time);
	return g_test_run();
}
