// SPDX-License-Identifier: Apache-2.0
/* What a supervisor leaves for the next one: its lock, its file, and numbers of processes that may be others' by now. */
#include <system/process.h>
#include <system/state_file.h>

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;

/* In a process of its own: whether the lock is to be had. */
static bool child_gets_lock(void)
{
	struct iol_state_file file;
	int status;
	pid_t child = fork();

	if (!child)
		_exit(iol_state_file_open(&file, folder, "s", NULL) ? 1 : 0);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void test_lock(void)
{
	g_autofree char *path = g_build_filename(folder, "s.lock", NULL);
	struct iol_state_file file;
	struct iol_error err;

	g_assert_cmpint(iol_state_file_open(&file, folder, "s", &err), ==, 0);
	g_assert_false(child_gets_lock());
	/* Left without having ended: the lock is free, the file is there. */
	iol_state_file_close(&file, false);
	g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
	g_assert_true(child_gets_lock());
	g_assert_cmpint(iol_state_file_open(&file, folder, "s", &err), ==, 0);
	iol_state_file_close(&file, true);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	g_assert_cmpint(iol_state_file_open(&file, "/nowhere/at-all", "s", &err), ==, -ENOENT);
	iol_state_file_close(&file, false);
}

static void test_round(void)
{
	const struct iol_state_entry entry = {
		.pid = 4711,
		.ticks = UINT64_C(0x123456789ab),
		.wanted = true,
		.again = true,
		.restarts = 7,
		.end = { IOL_PARTITION_ENDED_SIGNAL, 9 },
	};
	struct iol_state_file file;
	struct iol_state_entry read;
	json_t *partitions = json_object(), *got;

	g_assert_cmpint(iol_state_file_open(&file, folder, "s", NULL), ==, 0);
	g_assert_null(iol_state_file_read(&file));
	iol_state_file_put(partitions, "a", &entry);
	g_assert_cmpint(iol_state_file_write(&file, partitions, NULL), ==, 0);
	got = iol_state_file_read(&file);
	g_assert_false(iol_state_file_entry(got, "b", &read));
	g_assert_true(iol_state_file_entry(got, "a", &read));
	g_assert_cmpint(read.pid, ==, entry.pid);
	g_assert_cmpuint(read.ticks, ==, entry.ticks);
	g_assert_true(read.wanted && read.again && !read.has_run);
	g_assert_cmpuint(read.restarts, ==, 7);
	g_assert_cmpint(read.end.cause, ==, IOL_PARTITION_ENDED_SIGNAL);
	g_assert_cmpint(read.end.number, ==, 9);
	json_decref(got);
	json_decref(partitions);
	iol_state_file_close(&file, true);
}

/* A damaged file is none; what is not as it should be is as if nothing had been said. */
static void test_damaged(void)
{
	static const char *const none[] = { "",          "{", "[]", "null", "{\"partitions\": 5}",
					    "{\"a\": 1}" };
	static const char *const odd[] = {
		"{\"partitions\": {\"a\": {}}}",
		"{\"partitions\": {\"a\": {\"pid\": \"1\", \"cause\": 99, \"wanted\": 1}}}",
		"{\"partitions\": {\"a\": {\"pid\": -5, \"cause\": -3, \"start-ticks\": null}}}",
	};
	struct iol_state_file file;
	struct iol_state_entry entry;

	g_assert_cmpint(iol_state_file_open(&file, folder, "s", NULL), ==, 0);
	for (size_t i = 0; i < IOL_ARRAY_LEN(none); i++) {
		json_t *got;

		g_assert_true(g_file_set_contents(file.path, none[i], -1, NULL));
		got = iol_state_file_read(&file);
		g_assert_false(iol_state_file_entry(got, "a", &entry));
		json_decref(got);
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(odd); i++) {
		json_t *got;

		g_assert_true(g_file_set_contents(file.path, odd[i], -1, NULL));
		got = iol_state_file_read(&file);
		g_assert_true(iol_state_file_entry(got, "a", &entry));
		g_assert_false(entry.wanted);
		g_assert_cmpint(entry.end.cause, >=, IOL_PARTITION_NEVER_RAN);
		g_assert_cmpint(entry.end.cause, <=, IOL_PARTITION_ENDED_LOST);
		g_assert_cmpint(iol_process_open(entry.pid, entry.ticks), ==, -ESRCH);
		json_decref(got);
	}
	iol_state_file_close(&file, true);
}

/* The same number, started at another time, is another process. */
static void test_process(void)
{
	uint64_t ticks = iol_process_start_ticks(getpid());
	struct pollfd ended = { .events = POLLIN };
	pid_t child;
	int fd;

	g_assert_cmpuint(ticks, >, 0);
	fd = iol_process_open(getpid(), ticks);
	g_assert_cmpint(fd, >=, 0);
	close(fd);
	g_assert_cmpint(iol_process_open(getpid(), ticks + 1), ==, -ESRCH);
	g_assert_cmpint(iol_process_open(0, ticks), ==, -ESRCH);
	g_assert_cmpint(iol_process_open(-1, ticks), ==, -ESRCH);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	ended.fd = iol_process_open(child, iol_process_start_ticks(child));
	g_assert_cmpint(ended.fd, >=, 0);
	iol_process_kill(ended.fd);
	g_assert_cmpint(poll(&ended, 1, 60000), ==, 1);
	close(ended.fd);
	g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
	g_assert_cmpuint(iol_process_start_ticks(child), ==, 0);
}

int main(int argc, char **argv)
{
	int ret;

	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("iolite-XXXXXX", NULL);
	g_test_add_func("/system/state/lock", test_lock);
	g_test_add_func("/system/state/round", test_round);
	g_test_add_func("/system/state/damaged", test_damaged);
	g_test_add_func("/system/state/process", test_process);
	ret = g_test_run();
	g_rmdir(folder);
	g_free(folder);
	return ret;
}
