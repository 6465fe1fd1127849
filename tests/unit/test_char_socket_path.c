// SPDX-License-Identifier: Apache-2.0
/* The paths of sockets that character backends listen at: what is there already, whose it is, and who comes first. */
#include "char_socket_rig.h"

#include <sys/file.h>

/* What the next connections to a path meet. */
static int connect_error; /* they fail with it */
static const char *vanishes; /* this file is removed before */
static struct rig *meanwhile; /* its loop turns before the one who connects does anything more */

int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int ret, error;

	if (vanishes)
		g_assert_cmpint(unlink(vanishes), ==, 0);
	if (connect_error) {
		errno = connect_error;
		return -1;
	}
	ret = __real_connect(fd, address, len);
	error = errno;
	if (meanwhile)
		idle_turns(meanwhile, IOL_NS_PER_S / 10);
	errno = error;
	return ret;
}

/* Who listens here stays. */
bool __wrap_iol_leftover_wait(unsigned int *looks);
bool __wrap_iol_leftover_wait(unsigned int *looks)
{
	(void)looks;
	return false;
}

/* Sleeping moves the clock, which stands still otherwise, and takes no time. */
static bool sleeps_move_clock;
static uint64_t slept_ns;

void __real_g_usleep(gulong us);
void __wrap_g_usleep(gulong us);
void __wrap_g_usleep(gulong us)
{
	if (!sleeps_move_clock) {
		__real_g_usleep(us * 10); /* the other thread may take its time */
		return;
	}
	slept_ns += us * IOL_NS_PER_US;
	stopped_at_ns += us * IOL_NS_PER_US;
	g_assert_cmpuint(slept_ns, <, 60 * IOL_NS_PER_S); /* no end of it */
}

static void test_names(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "con"), *other = rig_path(r, "no/con");
	struct sockaddr_un address = address_of(r, "con");
	struct iol_error err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), visitor;

	(void)data;
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(fd, 1), ==, 0);
	g_assert_cmpint(rig_try(r, &err, "unix:%s", path), ==, -EADDRINUSE);
	g_assert_nonnull(strstr(err.msg, path));
	g_assert_nonnull(strstr(err.msg, "is in use: somebody listens there"));
	g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
	close(fd);
	/* Now it is left over. */
	rig_open(r, "unix:%s", path);
	visitor = client(r);
	guest_says(r, "x");
	expect_read(r, visitor, "x");
	close(visitor);
	rig_close(r);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));

	g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
	g_assert_cmpint(rig_try(r, &err, "unix:%s", path), ==, -EEXIST);
	g_assert_nonnull(strstr(err.msg, "is there and is no socket"));
	g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
	g_assert_cmpint(rig_try(r, &err, "unix:%s", other), ==, -ENOENT);

	/* Another one's by the time that ours ends. */
	unlink(path);
	rig_open(r, "unix:%s", path);
	unlink(path);
	g_assert_true(g_file_set_contents(path, "other", -1, NULL));
	rig_close(r);
	g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* One that starts at the path of a machine that runs is refused, and that machine has not had a client. */
static void test_in_use(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "con");
	struct rig second = { .loop = r->loop };
	struct iol_error err;
	int fd;

	(void)data;
	open_rig(r, "");
	guest_says(r, "kept");
	meanwhile = r;
	g_assert_cmpint(rig_try(&second, &err, "unix:%s", path), ==, -EADDRINUSE);
	meanwhile = NULL;
	g_assert_nonnull(strstr(err.msg, "is in use: somebody listens there"));
	fd = client(r);
	expect_read(r, fd, "kept");
	close(fd);
}

/* Bound, listening, or of another type: whoever has it is there. */
static void test_bound(struct rig *r, gconstpointer data)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	g_autofree char *path = rig_path(r, "con");
	struct sockaddr_un address = address_of(r, "con");
	struct iol_error err;

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(types); i++) {
		int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);

		g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
		g_assert_cmpint(rig_try(r, &err, "unix:%s", path), ==, -EADDRINUSE);
		g_assert_nonnull(strstr(err.msg, "is in use: somebody listens there"));
		close(fd);
		g_assert_cmpint(unlink(path), ==, 0);
	}
}

static void leave_over(struct rig *r)
{
	struct sockaddr_un address = address_of(r, "con");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	close(fd);
}

/* The owner ends, and removes its socket, while it is looked at. */
static void test_owner_ends(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "con");

	(void)data;
	leave_over(r);
	vanishes = path;
	open_rig(r, "");
	vanishes = NULL;
	close(client(r));
}

static void test_cannot_tell(struct rig *r, gconstpointer data)
{
	static const int errors[] = { EACCES, EMFILE };
	g_autofree char *path = rig_path(r, "con");
	struct iol_error err;

	(void)data;
	leave_over(r);
	for (size_t i = 0; i < IOL_ARRAY_LEN(errors); i++) {
		g_autofree char *says = g_strdup_printf(
			"cannot tell whether somebody listens at '%s'; remove it if not, or give "
			"another path: %s",
			path, g_strerror(errors[i]));

		connect_error = errors[i];
		g_assert_cmpint(rig_try(r, &err, "unix:%s", path), ==, -errors[i]);
		g_assert_nonnull(strstr(err.msg, says));
		g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
	}
	connect_error = 0;
}

/* Another program that begins to listen at our path. */
struct other {
	const char *path;
	struct sockaddr_un address;
	int fd;
	int folder; /* locked */
};

static int lock_dir(struct rig *r)
{
	int fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
	return fd;
}

static void *replace_late(void *arg)
{
	struct other *other = arg;

	__real_g_usleep(100 * 1000);
	g_assert_cmpint(unlink(other->path), ==, 0);
	g_assert_cmpint(bind(other->fd, (struct sockaddr *)&other->address, sizeof(other->address)),
			==, 0);
	g_assert_cmpint(listen(other->fd, 1), ==, 0);
	iol_fd_close(&other->folder);
	return NULL;
}

/*
 * Two start at once where a socket is left over: the second waits until the first one, which has found it so, has put
 * its own in its place.
 */
static void test_start_together(struct rig *r, gconstpointer data)
{
	g_autofree char *path = rig_path(r, "con");
	struct iol_error err;
	struct other other = { .path = path, .address = address_of(r, "con") };
	GThread *thread;

	(void)data;
	leave_over(r);
	other.folder = lock_dir(r);
	other.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	thread = g_thread_new("other", replace_late, &other);
	g_assert_cmpint(rig_try(r, &err, "unix:%s", path), ==, -EADDRINUSE);
	g_thread_join(thread);
	g_assert_nonnull(strstr(err.msg, "is in use"));
	close(client(r));
	close(other.fd);
}

/* A lock that somebody holds for other reasons is in nobody's way for long, and is waited for once. */
static void test_locked_folder(struct rig *r, gconstpointer data)
{
	int folder;

	(void)data;
	leave_over(r);
	folder = lock_dir(r);
	stopped_at_ns = now_ns();
	sleeps_move_clock = true;
	slept_ns = 0;
	open_rig(r, "");
	g_assert_cmpuint(slept_ns, >, 0);
	g_assert_cmpuint(slept_ns, <, 3 * IOL_NS_PER_S);
	close(client(r));
	rig_close(r);
	slept_ns = 0;
	open_rig(r, "");
	g_assert_cmpuint(slept_ns, ==, 0);
	sleeps_move_clock = false;
	close(client(r));
	close(folder);
}

/* A socket that listens already is another's: it and its file are there when ours has ended. */
static void test_passed(struct rig *r, gconstpointer data)
{
	struct sockaddr_un address = address_of(r, "con");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), early;
	g_autofree char *text = g_strconcat("unix:", address.sun_path, NULL);
	struct iol_char_config config;
	struct iol_error err;

	(void)data;
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(fd, 4), ==, 0);
	early = client(r);
	g_assert_cmpint(iol_char_config_parse(&config, text, &err), ==, 0);
	for (unsigned int i = 0; i < 2; i++) {
		config.listen_fd = fd;
		g_assert_cmpint(iol_char_new(&r->loop, &r->sink, &config, "serial0", &r->chr, &err),
				==, 0);
		iol_char_start(r->chr, &r->user);
		guest_says(r, "x");
		expect_read(r, early, "x");
		close(early);
		rig_close(r);
		early = client(r);
	}
	config.listen_fd = 1 << 20;
	g_assert_cmpint(iol_char_new(&r->loop, &r->sink, &config, "serial0", &r->chr, &err), ==,
			-EBADF);
	iol_char_config_finish(&config);
	close(early);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct rig *r, gconstpointer data);
	} tests[] = {
		{ "/char/socket-path/names", test_names },
		{ "/char/socket-path/in-use", test_in_use },
		{ "/char/socket-path/bound", test_bound },
		{ "/char/socket-path/owner-ends", test_owner_ends },
		{ "/char/socket-path/cannot-tell", test_cannot_tell },
		{ "/char/socket-path/start-together", test_start_together },
		{ "/char/socket-path/locked-folder", test_locked_folder },
		{ "/char/socket-path/passed", test_passed },
	};

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct rig, NULL, rig_setup, tests[i].run, rig_teardown);
	return g_test_run();
}
