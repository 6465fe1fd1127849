// SPDX-License-Identifier: Apache-2.0
/* Where a control socket is: its path, what is there already, what is left, and one that was passed. */
#include "control_server_rig.h"

static int try_second(struct fixture *f, const char *path, struct iol_error *err)
{
	struct iol_control_config config = config_of(f);
	struct iol_control *second = NULL;
	int ret;

	config.path = path;
	ret = iol_control_new(&f->loop, &config, &second, err);
	iol_control_free(second, 0);
	return ret;
}

static void test_paths(struct fixture *f, gconstpointer data)
{
	g_autofree char *file = g_build_filename(f->folder, "file", NULL);
	g_autofree char *none = g_build_filename(f->folder, "no", "ctl", NULL);
	g_autofree char *name = g_strnfill(200, 'x');
	g_autofree char *lengthy = g_build_filename(f->folder, name, NULL);
	struct iol_error err;

	(void)data;
	g_assert_cmpint(try_second(f, f->path, &err), ==, -EADDRINUSE);
	g_assert_true(g_str_has_prefix(err.msg, "control: "));
	g_assert_nonnull(strstr(err.msg, "is in use"));
	/* Whom it belongs to has noticed nothing. */
	close(negotiated_client(f));
	g_assert_true(g_file_set_contents(file, "precious", -1, NULL));
	g_assert_cmpint(try_second(f, file, &err), ==, -EEXIST);
	g_assert_true(g_file_test(file, G_FILE_TEST_IS_REGULAR));
	g_unlink(file);
	g_assert_cmpint(try_second(f, none, &err), ==, -ENOENT);
	g_assert_nonnull(strstr(err.msg, "folder"));
	g_assert_cmpint(try_second(f, lengthy, &err), ==, -EINVAL);
	g_assert_nonnull(strstr(err.msg, "shorter"));
	g_assert_cmpint(try_second(f, "", &err), ==, -EINVAL);
}

/* One that was killed leaves its socket behind, which is in nobody's way. */
static void test_killed(struct fixture *f, gconstpointer data)
{
	g_autofree char *path = g_build_filename(f->folder, "stale", NULL);
	struct iol_control_config config = config_of(f);
	struct iol_control *second;
	struct iol_error err;
	int ready[2], status;
	char c;
	pid_t pid;

	(void)data;
	config.path = path;
	g_assert_cmpint(pipe(ready), ==, 0);
	pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (!pid) {
		if (iol_control_new(&f->loop, &config, &second, &err) || write(ready[1], "", 1) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	g_assert_cmpint(read(ready[0], &c, 1), ==, 1);
	close(ready[0]);
	g_assert_cmpint(try_second(f, path, &err), ==, -EADDRINUSE);
	g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
	if (try_second(f, path, &err))
		g_error("%s: %s", path, err.msg);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* Who comes before the start is let in then. */
static void test_before_start(struct fixture *f, gconstpointer data)
{
	struct iol_control_config config = config_of(f);
	struct iol_error err;
	char c;
	int fd;

	(void)data;
	iol_control_free(f->control, 0);
	g_assert_cmpint(iol_control_new(&f->loop, &config, &f->control, &err), ==, 0);
	fd = connect_client(f);
	settle(f);
	g_assert_cmpint(recv(fd, &c, 1, MSG_DONTWAIT), ==, -1);
	iol_control_start(f->control);
	expect_part(f, fd, "QMP");
	close(fd);
}

/* The last words reach who reads them; who does not is not waited for longer than allowed. */
static void test_end(struct fixture *f, gconstpointer data)
{
	struct iol_control_config config = config_of(f);
	g_autofree char *text = g_strnfill(1024 * 1024, 'x');
	int fd = negotiated_client(f), slow = negotiated_client(f), early = connect_client(f);
	struct iol_error err;

	(void)data;
	expect_part(f, early, "QMP");
	iol_control_event(f->control, "FLOOD", json_string(text));
	expect_part(f, fd, "FLOOD");
	iol_control_event(f->control, "STOP", NULL);
	iol_control_free(f->control, IOL_NS_PER_MS * 20);
	g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
	expect_part(NULL, fd, "STOP");
	g_assert_null(hear(NULL, fd));
	g_assert_null(hear(NULL, early));
	close(fd);
	close(slow);
	close(early);
	g_assert_cmpint(iol_control_new(&f->loop, &config, &f->control, &err), ==, 0);
}

/* A socket that was passed is another's, but clients see who serves them; those who came before are served, too. */
static void test_passed(struct fixture *f, gconstpointer data)
{
	struct iol_control_config config = config_of(f);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), early, late,
	    status;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct iol_error err;
	pid_t maker;

	(void)data;
	iol_control_free(f->control, 0);
	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	maker = fork();
	if (!maker)
		_exit(listen(fd, 1) ? 1 : 0);
	g_assert_cmpint(waitpid(maker, &status, 0), ==, maker);
	g_assert_cmpint(status, ==, 0);
	early = try_connect(f);
	g_assert_cmpint(early, >=, 0);
	config.fd = fd;
	g_assert_cmpint(iol_control_new(&f->loop, &config, &f->control, &err), ==, 0);
	iol_control_start(f->control);
	expect_part(f, early, "QMP");
	late = negotiated_client(f);
	g_assert_cmpint(getsockopt(late, SOL_SOCKET, SO_PEERCRED, &peer, &len), ==, 0);
	g_assert_cmpint(peer.pid, ==, getpid());
	iol_control_free(f->control, 0);
	close(early);
	close(late);
	/* It listens yet, and has its name. */
	early = try_connect(f);
	g_assert_cmpint(early, >=, 0);
	close(early);
	config.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(iol_control_new(&f->loop, &config, &f->control, &err), ==, -ENOTSOCK);
	g_assert_nonnull(strstr(err.msg, "cannot listen with the socket that was passed"));
	close(config.fd);
	close(fd);
	config.fd = 0;
	g_assert_cmpint(iol_control_new(&f->loop, &config, &f->control, &err), ==, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{ "/control-server-path/paths", test_paths },
		{ "/control-server-path/killed", test_killed },
		{ "/control-server-path/before-start", test_before_start },
		{ "/control-server-path/end", test_end },
		{ "/control-server-path/passed", test_passed },
	};

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
