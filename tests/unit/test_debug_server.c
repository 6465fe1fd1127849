// SPDX-License-Identifier: Apache-2.0
/*
 * Where debuggers come in, with a session that is a model: what it is given, what it sends, and that each client has
 * its beginning and its end. The real session has tests of its own.
 */
#include "char_socket_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include "fd_count.h"
#include "vmm/debug.h"

/* It answers each 'x' with block_bytes of '#', 'q' by hanging up, and everything else by itself. */
struct iol_gdb_session {
	struct iol_gdb_target *target;
	struct iol_gdb_link *link;
	GString *story; /* of all its clients */
	size_t block_bytes;
	bool present;
	bool keeps_quiet; /* about what it received */
	bool waits; /* for room */
	const char *last_words;
};

static struct iol_gdb_session model;
static struct iol_gdb_target target;
static bool has_target;

struct iol_gdb_target *__wrap_iol_debug_target(struct iol_vm *vm);
struct iol_gdb_target *__wrap_iol_debug_target(struct iol_vm *vm)
{
	(void)vm;
	return has_target ? &target : NULL;
}

/* Of a machine that lives. */
static unsigned int made;

int __wrap_iol_debug_make(struct iol_vm *vm, struct iol_error *err);
int __wrap_iol_debug_make(struct iol_vm *vm, struct iol_error *err)
{
	(void)vm;
	made++;
	return has_target ? 0 : iol_error_set(err, -ENOTSUP, "there is nothing to debug here");
}

struct iol_gdb_session *__wrap_iol_gdb_session_new(struct iol_gdb_target *of,
						   struct iol_gdb_link *link);
struct iol_gdb_session *__wrap_iol_gdb_session_new(struct iol_gdb_target *of,
						   struct iol_gdb_link *link)
{
	g_assert_true(of == &target);
	model.target = of;
	model.link = link;
	of->session = &model;
	return &model;
}

void __wrap_iol_gdb_session_free(struct iol_gdb_session *session);
void __wrap_iol_gdb_session_free(struct iol_gdb_session *session)
{
	g_assert_false(session->present);
	session->target->session = NULL;
	g_string_append_c(session->story, '.');
}

void __wrap_iol_gdb_session_begin(struct iol_gdb_session *session);
void __wrap_iol_gdb_session_begin(struct iol_gdb_session *session)
{
	g_assert_false(session->present);
	session->present = true;
	session->waits = false;
	g_string_append_c(session->story, '+');
}

void __wrap_iol_gdb_session_end(struct iol_gdb_session *session);
void __wrap_iol_gdb_session_end(struct iol_gdb_session *session)
{
	if (!session->present)
		return;
	if (session->last_words)
		session->link->send(session->link, (const uint8_t *)session->last_words,
				    strlen(session->last_words));
	session->present = false;
	g_string_append_c(session->story, '-');
}

size_t __wrap_iol_gdb_session_receive(struct iol_gdb_session *session, const uint8_t *data,
				      size_t bytes);
size_t __wrap_iol_gdb_session_receive(struct iol_gdb_session *session, const uint8_t *data,
				      size_t bytes)
{
	size_t i;

	g_assert_true(session->present);
	for (i = 0; i < bytes; i++) {
		size_t answer = data[i] == 'x' ? session->block_bytes : 1;
		g_autofree uint8_t *block = g_malloc(answer);

		session->waits = session->link->room(session->link) < answer;
		if (session->waits)
			break;
		memset(block, data[i] == 'x' ? '#' : data[i], answer);
		session->link->send(session->link, block, answer);
		if (!session->keeps_quiet)
			g_string_append_c(session->story, (gchar)data[i]);
		if (data[i] == 'q') {
			session->link->hang_up(session->link);
			return bytes;
		}
	}
	return i;
}

bool __wrap_iol_gdb_session_writable(struct iol_gdb_session *session);
bool __wrap_iol_gdb_session_writable(struct iol_gdb_session *session)
{
	return session->link->room(session->link) >= session->block_bytes;
}

static GString *said; /* to the person, and to the log at IOL_LOG_INFO and above */

void __wrap_iol_char_tell(const struct iol_char *chr, const char *text);
void __wrap_iol_char_tell(const struct iol_char *chr, const char *text)
{
	g_string_append_printf(said, "%s: %s\n", chr->name, text);
}

iol_printf(2, 3) void __wrap_iol_log(enum iol_log_level level, const char *fmt, ...);
void __wrap_iol_log(enum iol_log_level level, const char *fmt, ...)
{
	va_list args;

	if (level > IOL_LOG_INFO)
		return;
	va_start(args, fmt);
	g_string_append_vprintf(said, fmt, args);
	va_end(args);
	g_string_append_c(said, '\n');
}

/* A machine of which there is only what a server needs; of the rig the folder and its clients. */
struct fixture {
	struct rig rig;
	struct iol_vm *vm;
	struct iol_config config;
};

static void setup(struct fixture *f, gconstpointer data)
{
	struct iol_error err;

	rig_setup(&f->rig, data);
	iol_loop_finish(&f->rig.loop);
	f->vm = g_new0(struct iol_vm, 1);
	f->vm->config = &f->config;
	iol_config_init(&f->config);
	g_assert_cmpint(iol_loop_init(&f->vm->loop, &err), ==, 0);
	has_target = true;
	said = g_string_new(NULL);
	model = (struct iol_gdb_session){ .story = g_string_new(NULL), .block_bytes = 65536 };
}

static void teardown(struct fixture *f, gconstpointer data)
{
	struct iol_error err;

	iol_debug_server_finish(f->vm);
	iol_debug_server_finish(f->vm);
	iol_loop_finish(&f->vm->loop);
	iol_char_config_finish(&f->config.gdb);
	iol_config_finish(&f->config);
	g_free(f->vm);
	g_string_free(model.story, TRUE);
	g_string_free(said, TRUE);
	g_assert_null(target.session);
	g_assert_cmpint(iol_loop_init(&f->rig.loop, &err), ==, 0);
	rig_teardown(&f->rig, data);
}

/* As of the option. */
static void configure(struct fixture *f, const char *text)
{
	struct iol_error err;

	if (iol_char_config_parse(&f->config.gdb, text, &err))
		g_error("%s: %s", text, err.msg);
	f->config.has_gdb = true;
}

static void start(struct fixture *f, const char *text)
{
	struct iol_error err = { 0 };

	configure(f, text);
	if (iol_debug_server_open(f->vm, &err) || iol_debug_server_start(f->vm, &err))
		g_error("%s: %s", text, err.msg);
}

static void start_at_path(struct fixture *f)
{
	g_autofree char *path = rig_path(&f->rig, "con");
	g_autofree char *text = g_strdup_printf("unix:%s", path);

	start(f, text);
}

#define EXPECT_STORY(f, text)                                          \
	do {                                                           \
		TURN_UNTIL((f)->vm, model.story->len >= strlen(text)); \
		g_assert_cmpstr(model.story->str, ==, text);           \
	} while (0)

/* @bytes come out of @fd, or fewer and the end, while the server runs (@f) or is gone (NULL). */
static size_t read_bytes(struct fixture *f, int fd, size_t bytes)
{
	uint64_t end_ns = now_ns() + 20 * IOL_NS_PER_S;
	char buf[4096];
	size_t got = 0;

	while (got < bytes) {
		ssize_t len = read(fd, buf, MIN(sizeof(buf), bytes - got));

		got += len > 0 ? (size_t)len : 0;
		if (!len || (len < 0 && errno != EAGAIN))
			break;
		if (f)
			g_assert_cmpint(iol_loop_turn(&f->vm->loop, false), ==, 0);
		g_assert_cmpuint(now_ns(), <, end_ns);
	}
	return got;
}

static void test_none(struct fixture *f, gconstpointer data)
{
	struct iol_error err;

	(void)data;
	g_assert_cmpint(iol_debug_server_open(f->vm, &err), ==, 0);
	g_assert_cmpint(iol_debug_server_start(f->vm, &err), ==, 0);
	g_assert_null(f->vm->debug_server);
	g_assert_null(model.link);
	g_assert_cmpstr(said->str, ==, "");
}

/* Mistakes are found before there is a machine. */
static void test_mistakes(struct fixture *f, gconstpointer data)
{
	g_autofree char *path = rig_path(&f->rig, "con");
	struct iol_error err;

	(void)data;
	g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
	configure(f, "tcp::1,connect");
	g_assert_cmpint(iol_debug_server_open(f->vm, &err), ==, -EINVAL);
	f->config.gdb.connect = false;
	f->config.gdb.kind = IOL_CHAR_UNIX;
	f->config.gdb.path = g_strdup(path);
	g_assert_cmpint(iol_debug_server_open(f->vm, &err), ==, -EEXIST);
	g_assert_true(g_str_has_prefix(err.msg, "gdb: "));
	g_assert_null(f->vm->debug_server);
	g_unlink(path);
	/* Or it cannot be debugged. */
	has_target = false;
	g_assert_cmpint(iol_debug_server_open(f->vm, &err), ==, 0);
	g_assert_cmpint(iol_debug_server_start(f->vm, &err), ==, -ENOTSUP);
	iol_debug_server_finish(f->vm);
	g_assert_null(f->vm->debug_server);
	g_string_append_c(model.story, '.');
}

/* Whoever comes before the start is let in then, and begins anew each time. */
static void test_clients(struct fixture *f, gconstpointer data)
{
	g_autofree char *path = rig_path(&f->rig, "con");
	g_autofree char *text = g_strdup_printf("unix:%s", path);
	g_autofree char *says = g_strdup_printf("gdb: target remote %s\n", path);
	struct iol_error err;
	int fd, second;

	(void)data;
	configure(f, text);
	g_assert_cmpint(iol_debug_server_open(f->vm, &err), ==, 0);
	fd = client(&f->rig);
	peer_says(fd, "a");
	g_assert_cmpint(iol_loop_turn(&f->vm->loop, false), ==, 0);
	g_assert_cmpint(iol_debug_server_start(f->vm, &err), ==, 0);
	g_assert_nonnull(strstr(said->str, says));
	g_string_truncate(said, 0);
	EXPECT_STORY(f, "+a");
	g_assert_cmpuint(read_bytes(f, fd, 1), ==, 1);
	/* One at a time; the second one hears nothing. */
	second = client(&f->rig);
	g_assert_cmpuint(read_bytes(f, second, 1), ==, 0);
	close(second);
	g_assert_cmpstr(said->str, ==,
			"gdb: a debugger connected\ngdb: a second client is turned away\n");
	g_string_truncate(said, 0);
	close(fd);
	EXPECT_STORY(f, "+a-");
	g_assert_cmpstr(said->str, ==, "gdb: the debugger is gone\n");
	fd = client(&f->rig);
	EXPECT_STORY(f, "+a-+");
	close(fd);
	EXPECT_STORY(f, "+a-+-");
	iol_debug_server_finish(f->vm);
	g_assert_cmpstr(model.story->str, ==, "+a-+-.");
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* A client that asks and does not read: the session waits, memory is bounded, and all comes in the end. */
static void test_slow_reader(struct fixture *f, gconstpointer data)
{
	const size_t count = 64;
	g_autofree char *text = g_strnfill(count, 'x');
	int fd;

	(void)data;
	start_at_path(f);
	fd = client(&f->rig);
	peer_says(fd, text);
	TURN_UNTIL(f->vm, model.waits);
	stopped_at_ns = now_ns() + 100 * IOL_NS_PER_S; /* it is never called dead */
	g_assert_cmpuint(model.story->len, <, 1 + count);
	g_assert_cmpuint(read_bytes(f, fd, count * model.block_bytes), ==,
			 count * model.block_bytes);
	g_assert_cmpuint(model.story->len, ==, 1 + count);
	close(fd);
	TURN_UNTIL(f->vm, model.story->len == 2 + count);
}

/* A stop that finds no room ends the client, rather than be half sent. */
static void test_no_room(struct fixture *f, gconstpointer data)
{
	g_autofree char *text = g_strnfill(64, 'x');
	g_autofree uint8_t *block = g_malloc0(65536);
	int fd;

	(void)data;
	start_at_path(f);
	fd = client(&f->rig);
	model.keeps_quiet = true;
	peer_says(fd, text);
	TURN_UNTIL(f->vm, model.waits);
	stopped_at_ns = now_ns();
	for (unsigned int i = 0; i < 8; i++)
		model.link->send(model.link, block, 65536);
	g_assert_nonnull(strstr(said->str, "gdb: the debugger is sent away"));
	stopped_at_ns += IOL_CHAR_STALL_NS;
	EXPECT_STORY(f, "+-");
	close(fd);
}

static void test_hang_up(struct fixture *f, gconstpointer data)
{
	int fd;

	(void)data;
	start_at_path(f);
	for (unsigned int i = 0; i < 2; i++) {
		g_string_truncate(model.story, 0);
		fd = client(&f->rig);
		peer_says(fd, "abqc");
		g_assert_cmpuint(read_bytes(f, fd, 10), ==, 3);
		EXPECT_STORY(f, "+abq-");
		close(fd);
	}
}

/* The end of the machine: the client is ended, and gets what was said last. */
static void test_finish(struct fixture *f, gconstpointer data)
{
	int fd;

	(void)data;
	model.last_words = "$W00#b7";
	start_at_path(f);
	fd = client(&f->rig);
	EXPECT_STORY(f, "+");
	peer_says(fd, "not read any more");
	iol_debug_server_finish(f->vm);
	g_assert_cmpstr(model.story->str, ==, "+-.");
	g_assert_cmpuint(read_bytes(NULL, fd, 100), ==, strlen(model.last_words));
	close(fd);
}

/* One that does not read does not keep the machine from its end. */
static void test_finish_unread(struct fixture *f, gconstpointer data)
{
	g_autofree char *text = g_strnfill(64, 'x');
	int fd;

	(void)data;
	model.keeps_quiet = true;
	start_at_path(f);
	fd = client(&f->rig);
	peer_says(fd, text);
	TURN_UNTIL(f->vm, model.waits);
	iol_debug_server_finish(f->vm);
	g_assert_cmpstr(model.story->str, ==, "+-.");
	close(fd);
}

/* A machine that lives: who is there is sent away, and nothing is left of the server, as often as one likes. */
static void test_open_and_close(struct fixture *f, gconstpointer data)
{
	g_autofree char *path = rig_path(&f->rig, "con");
	g_autofree char *address = g_strdup_printf("unix:%s", path);
	struct iol_error err;
	unsigned int fds;
	int fd;

	(void)data;
	made = 0;
	g_assert_cmpint(iol_debug_server_close(f->vm, &err), ==, -ENOENT);
	g_assert_null(iol_debug_server_where(f->vm));
	fds = fd_count();
	for (unsigned int i = 0; i < 3; i++) {
		g_autofree char *where = NULL;

		g_string_truncate(model.story, 0);
		g_assert_cmpint(iol_debug_server_open_at(f->vm, address, 0, &err), ==, 0);
		where = iol_debug_server_where(f->vm);
		g_assert_cmpstr(where, ==, address);
		g_assert_cmpint(iol_debug_server_open_at(f->vm, "tcp:0", 0, &err), ==, -EBUSY);
		g_assert_nonnull(strstr(err.msg, address));
		g_assert_false(iol_debug_server_has_client(f->vm));
		fd = client(&f->rig);
		peer_says(fd, "ab");
		EXPECT_STORY(f, "+ab");
		g_assert_true(iol_debug_server_has_client(f->vm));
		g_assert_cmpint(iol_debug_server_close(f->vm, &err), ==, 0);
		g_assert_cmpstr(model.story->str, ==, "+ab-.");
		g_assert_cmpuint(read_bytes(NULL, fd, 10), ==, 2);
		close(fd);
		g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
		g_assert_null(f->vm->debug_server);
		g_assert_cmpuint(fd_count(), ==, fds);
	}
	g_assert_cmpuint(made, ==, 3);
}

/* Nothing is half open then. */
static void test_open_mistakes(struct fixture *f, gconstpointer data)
{
	static const char *const bad[] = {
		"",        "stdio",         "tcp:0.0.0.0:0",       "unix:con",
		"tcp:x:y", "tcp:0,connect", "unix:/nowhere/at/all"
	};
	unsigned int fds = fd_count();
	struct iol_error err;

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(bad); i++) {
		if (iol_debug_server_open_at(f->vm, bad[i], 0, &err) >= 0)
			g_error("'%s' is taken", bad[i]);
		g_assert_cmpstr(err.msg, !=, "");
		g_assert_null(f->vm->debug_server);
	}
	has_target = false;
	g_assert_cmpint(iol_debug_server_open_at(f->vm, "tcp:0", 0, &err), ==, -ENOTSUP);
	f->vm->lifecycle.state = IOL_STATE_STOPPED;
	g_assert_cmpint(iol_debug_server_open_at(f->vm, "tcp:0", 0, &err), ==, -EBUSY);
	g_assert_null(f->vm->debug_server);
	g_assert_cmpuint(fd_count(), ==, fds);
}

/* Over TCP, at a port that the kernel chose and the person is told of. */
static void test_tcp(struct fixture *f, gconstpointer data)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	unsigned int port = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)data;
	start(f, "tcp::0");
	for (const char *at = said->str; at && !port; at = strchr(at + 1, 'g'))
		sscanf(at, "gdb: target remote 127.0.0.1:%u\n", &port);
	if (!port)
		g_error("the port is not told: %s", said->str);
	g_assert_null(strstr(said->str, "gdb is on"));
	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	set_nonblocking(fd);
	peer_says(fd, "aq");
	g_assert_cmpuint(read_bytes(f, fd, 10), ==, 2);
	EXPECT_STORY(f, "+aq-");
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{ "/debug-server/none", test_none },
		{ "/debug-server/mistakes", test_mistakes },
		{ "/debug-server/clients", test_clients },
		{ "/debug-server/slow-reader", test_slow_reader },
		{ "/debug-server/no-room", test_no_room },
		{ "/debug-server/hang-up", test_hang_up },
		{ "/debug-server/finish", test_finish },
		{ "/debug-server/finish-unread", test_finish_unread },
		{ "/debug-server/tcp", test_tcp },
		{ "/debug-server/open-and-close", test_open_and_close },
		{ "/debug-server/open-mistakes", test_open_mistakes },
	};

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
