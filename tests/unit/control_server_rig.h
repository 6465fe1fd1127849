/* SPDX-License-Identifier: Apache-2.0 */
/* A control socket with a few commands, and clients of it, all in one thread. Needs iol_loop_now_ns() and _timeout() wrapped. */
#ifndef CONTROL_SERVER_RIG_H
#define CONTROL_SERVER_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iolite/control.h>
#include <iolite/loop.h>

#include "fd_count.h"
#include "heap.h"

#define HELLO "{\"execute\": \"qmp_capabilities\"}"

/* Timers are over at once, and the clock goes on by what they were for. */
static uint64_t passed_ns;

uint64_t __real_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return __real_iol_loop_now_ns() + passed_ns;
}

void __real_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns)
{
	passed_ns += ns;
	__real_iol_loop_timeout(loop, op, IOL_NS_PER_US * 100);
}

struct fixture {
	struct iol_loop loop;
	struct iol_control *control;
	char *folder, *path;
	unsigned int calls;
	int kick_fd; /* a command closes it */
	int other_fd; /* who asks for something while a command turns the loop */
};

static inline int run_count(void *machine, const json_t *args, json_t **result,
			    struct iol_error *err)
{
	struct fixture *f = machine;

	(void)args, (void)err;
	*result = json_integer(f->calls++);
	return 0;
}

/* Brings an event about, as commands do. */
static inline int run_stop(void *machine, const json_t *args, json_t **result,
			   struct iol_error *err)
{
	struct fixture *f = machine;

	(void)args, (void)result, (void)err;
	iol_control_event(f->control, "STOP", NULL);
	return 0;
}

static inline int run_flood(void *machine, const json_t *args, json_t **result,
			    struct iol_error *err)
{
	struct fixture *f = machine;
	g_autofree char *text = g_strnfill(1024 * 1024, 'x');

	(void)args, (void)result, (void)err;
	for (unsigned int i = 0; i < 8; i++)
		iol_control_event(f->control, "FLOOD", json_string(text));
	return 0;
}

static inline int run_big(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	g_autofree char *text = g_strnfill(100 * 1024, 'x');
	struct fixture *f = machine;

	(void)args, (void)err;
	f->calls++;
	*result = json_string(text);
	return 0;
}

static inline int run_kick(void *machine, const json_t *args, json_t **result,
			   struct iol_error *err)
{
	struct fixture *f = machine;

	(void)args, (void)result, (void)err;
	close(f->kick_fd);
	iol_control_event(f->control, "STOP", NULL);
	return 0;
}

/* As commands that end something and wait for it. */
static inline int run_wait(void *machine, const json_t *args, json_t **result,
			   struct iol_error *err)
{
	static const char request[] = "{\"execute\": \"count\"}";
	struct fixture *f = machine;
	unsigned int before = f->calls;

	(void)args, (void)err;
	g_assert_cmpint(write(f->other_fd, request, strlen(request)), ==, (ssize_t)strlen(request));
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpint(iol_loop_turn(&f->loop, false), ==, 0);
	*result = json_boolean(f->calls == before);
	return 0;
}

static const struct iol_control_command commands[] = {
	{ "count", NULL, run_count },
	{ "stop", NULL, run_stop },
	{ "flood", NULL, run_flood },
	{ "big", NULL, run_big },
	{ "kick", NULL, run_kick },
	{ "wait", NULL, run_wait },
	{ 0 },
};

static const char *const events[] = { "STOP", "FLOOD", NULL };

static inline struct iol_control_config config_of(struct fixture *f)
{
	return (struct iol_control_config){
		.path = f->path,
		.commands = commands,
		.events = events,
		.machine = f,
		.name = "test",
	};
}

static inline void setup(struct fixture *f, gconstpointer data)
{
	struct iol_control_config config;
	struct iol_error err;

	(void)data;
	f->folder = g_dir_make_tmp("iolite-control-XXXXXX", NULL);
	f->path = g_build_filename(f->folder, "ctl", NULL);
	g_assert_cmpint(iol_loop_init(&f->loop, &err), ==, 0);
	config = config_of(f);
	if (iol_control_new(&f->loop, &config, &f->control, &err))
		g_error("%s: %s", f->path, err.msg);
	iol_control_start(f->control);
}

static inline void teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	iol_control_free(f->control, 0);
	iol_loop_finish(&f->loop);
	g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
	g_unlink(f->path);
	g_rmdir(f->folder);
	g_free(f->path);
	g_free(f->folder);
}

/* -1: nobody listens, or too many wait to be let in. */
static inline int try_connect(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	g_assert_cmpint(fd, >=, 0);
	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	iol_fd_close(&fd);
	return -1;
}

static inline void turn(struct fixture *f)
{
	g_assert_cmpint(iol_loop_turn(&f->loop, false), ==, 0);
}

static inline int connect_client(struct fixture *f)
{
	int fd;

	while ((fd = try_connect(f)) < 0)
		turn(f);
	return fd;
}

static inline void say(struct fixture *f, int fd, const char *text)
{
	size_t len = strlen(text), at = 0;

	while (at < len) {
		ssize_t sent = send(fd, text + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			g_error("cannot say '%.40s': %s", text, g_strerror(errno));
		at += sent > 0 ? (size_t)sent : 0;
		turn(f);
	}
}

#define WAIT_LIMIT_NS (60 * IOL_NS_PER_S)

/* What is there up to the end of a line: > 0 bytes of it, 0 at the end of the connection, -1 with errno. */
static inline ssize_t recv_line(int fd, GString *line)
{
	char buf[16384];
	ssize_t len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK);
	const char *end = len > 0 ? memchr(buf, '\n', (size_t)len) : NULL;

	if (len <= 0)
		return len;
	len = recv(fd, buf, end ? (size_t)(end + 1 - buf) : (size_t)len, MSG_DONTWAIT);
	g_string_append_len(line, buf, len);
	return len;
}

/* The next line without its end, or NULL at the end of the connection. */
static inline char *hear(struct fixture *f, int fd)
{
	uint64_t end_ns = __real_iol_loop_now_ns() + WAIT_LIMIT_NS;
	GString *line = g_string_new(NULL);

	while (!g_str_has_suffix(line->str, "\r\n")) {
		ssize_t len = recv_line(fd, line);

		if (len > 0)
			continue;
		if (!len || errno != EAGAIN) {
			g_assert_cmpstr(line->str, ==, "");
			g_string_free(line, TRUE);
			return NULL;
		}
		if (f)
			turn(f);
		if (__real_iol_loop_now_ns() > end_ns)
			g_error("no end of a line within a minute: '%.100s'", line->str);
	}
	g_string_truncate(line, line->len - 2);
	return g_string_free(line, FALSE);
}

static inline void expect(struct fixture *f, int fd, const char *says)
{
	g_autofree char *line = hear(f, fd);

	g_assert_cmpstr(line, ==, says);
}

static inline void expect_part(struct fixture *f, int fd, const char *part)
{
	g_autofree char *line = hear(f, fd);

	if (!line || !strstr(line, part))
		g_error("'%s' is not in '%s'", part, line ? line : "the end");
}

static inline int negotiated_client(struct fixture *f)
{
	int fd = connect_client(f);

	expect_part(f, fd, "{\"QMP\": ");
	say(f, fd, HELLO);
	expect(f, fd, "{\"return\": {}}");
	return fd;
}

/* Reads to the end. */
static inline size_t drain(struct fixture *f, int fd)
{
	uint64_t end_ns = __real_iol_loop_now_ns() + WAIT_LIMIT_NS;
	char buf[4096];
	size_t all = 0;
	ssize_t len;

	for (;;) {
		len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (!len || (len < 0 && errno != EAGAIN))
			return all;
		all += len > 0 ? (size_t)len : 0;
		turn(f);
		g_assert_cmpuint(__real_iol_loop_now_ns(), <, end_ns);
	}
}

/* Until nothing moves any more. */
static inline void settle(struct fixture *f)
{
	for (unsigned int i = 0; i < 100; i++)
		turn(f);
}

#endif
