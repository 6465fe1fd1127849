// SPDX-License-Identifier: Apache-2.0
#include <iolite/error.h>
#include <iolite/log.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

static void test_set_and_prefix(void)
{
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_error_set(&err, -EINVAL, "value %d", 7), ==, -EINVAL);
	g_assert_cmpint(err.code, ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, "value 7");
	g_assert_cmpint(iol_error_prefix(&err, "disk %s", "a"), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, "disk a: value 7");
	g_assert_cmpint(iol_error_errno(&err, -ENOENT, "open"), ==, -ENOENT);
	g_assert_cmpstr(err.msg, ==, "open: No such file or directory");
}

static void test_null_is_allowed(void)
{
	g_assert_cmpint(iol_error_set(NULL, -EIO, "x"), ==, -EIO);
	g_assert_cmpint(iol_error_errno(NULL, -EIO, "x"), ==, -EIO);
}

static void test_hostile_text_stays_one_line(void)
{
	struct iol_error err;

	iol_error_set(&err, -EINVAL, "%s", "a\nb\033[2Jc\177\xc3\xa4");
	g_assert_cmpstr(err.msg, ==, "a?b?[2Jc?\xc3\xa4");
}

static void test_long_text_is_cut(void)
{
	struct iol_error err;
	g_autofree char *text = g_strnfill(4000, 'x');

	iol_error_set(&err, -EINVAL, "%s", text);
	g_assert_cmpuint(strlen(err.msg), ==, sizeof(err.msg) - 1);
	iol_error_prefix(&err, "%s", text);
	g_assert_cmpuint(strlen(err.msg), ==, sizeof(err.msg) - 1);
	iol_error_errno(&err, -EMFILE, "%s", text);
	g_assert_cmpuint(strlen(err.msg), ==, sizeof(err.msg) - 1);
}

/* Runs @fn with standard error in a pipe; returns what was written. */
static char *captured(void (*fn)(void))
{
	static char text[4096];
	int saved = dup(STDERR_FILENO), fds[2];
	ssize_t len;

	g_assert_cmpint(pipe2(fds, O_NONBLOCK), ==, 0);
	dup2(fds[1], STDERR_FILENO);
	fn();
	dup2(saved, STDERR_FILENO);
	len = read(fds[0], text, sizeof(text) - 1);
	text[MAX(len, 0)] = '\0';
	close(saved);
	close(fds[0]);
	close(fds[1]);
	return text;
}

static void log_two(void)
{
	iol_log(IOL_LOG_WARN, "one %s", "\033]0;evil\n");
	iol_log(IOL_LOG_INFO, "two");
}

static void test_log_levels(void)
{
	g_assert_cmpstr(captured(log_two), ==, "iolite: one ?]0;evil?\n");
	iol_log_set_level(IOL_LOG_INFO);
	g_assert_cmpstr(captured(log_two), ==, "iolite: one ?]0;evil?\niolite: two\n");
	iol_log_set_level(IOL_LOG_ERROR);
	g_assert_cmpstr(captured(log_two), ==, "");
	iol_log_set_level(IOL_LOG_WARN);
}

static void log_flood(void)
{
	struct iol_log_limit limit = { .burst = 2 };

	for (int i = 0; i < 1000; i++)
		iol_log_limited(&limit, IOL_LOG_WARN, "line %d", i);
	limit.window_start_ns = 1; /* long ago */
	iol_log_limited(&limit, IOL_LOG_WARN, "later");
}

static void test_log_limit(void)
{
	g_assert_cmpstr(
		captured(log_flood), ==,
		"iolite: line 0\niolite: line 1\niolite: later (998 such lines left out)\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/error/set-and-prefix", test_set_and_prefix);
	g_test_add_func("/error/null-is-allowed", test_null_is_allowed);
	g_test_add_func("/error/hostile-text-stays-one-line", test_hostile_text_stays_one_line);
	g_test_add_func("/error/long-text-is-cut", test_long_text_is_cut);
	g_test_add_func("/log/levels", test_log_levels);
	g_test_add_func("/log/limit", test_log_limit);
	return g_test_run();
}
