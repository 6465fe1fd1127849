/* SPDX-License-Identifier: Apache-2.0 */
/* A character backend of any kind, a device that keeps what it receives, and a folder for files. */
#ifndef CHAR_RIG_H
#define CHAR_RIG_H

#include <iolite/char.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The clock, which a test can stop: then a process that had to stand is no stalled reader. */
static uint64_t stopped_at_ns;

uint64_t __real_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return stopped_at_ns ? stopped_at_ns : __real_iol_loop_now_ns();
}

/* For limits. */
static inline uint64_t now_ns(void)
{
	return __real_iol_loop_now_ns();
}

struct rig {
	struct iol_loop loop;
	struct iol_event_sink sink;
	struct iol_char *chr;
	struct iol_char_user user;
	unsigned int room; /* for input */
	unsigned int writable_calls;
	GString *received;
	char *dir;
	int fds; /* open before */
};

static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	g_assert_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static inline unsigned int rig_receive(struct iol_char_user *user, const uint8_t *data,
				       unsigned int len)
{
	struct rig *r = iol_container_of(user, struct rig, user);
	unsigned int taken = MIN(len, r->room);

	g_string_append_len(r->received, (const char *)data, (gssize)taken);
	r->room -= taken;
	return taken;
}

static inline void rig_writable(struct iol_char_user *user)
{
	struct rig *r = iol_container_of(user, struct rig, user);

	r->writable_calls++;
}

static inline void rig_setup(struct rig *r, gconstpointer data)
{
	struct iol_error err;

	(void)data;
	memset(r, 0, sizeof(*r));
	stopped_at_ns = 0;
	r->fds = count_fds();
	r->dir = g_dir_make_tmp("iolite-char-XXXXXX", NULL);
	g_assert_nonnull(r->dir);
	g_assert_cmpint(iol_loop_init(&r->loop, &err), ==, 0);
	r->user.receive = rig_receive;
	r->user.writable = rig_writable;
	r->room = 1 << 20;
	r->received = g_string_new(NULL);
}

static inline void rig_close(struct rig *r)
{
	iol_char_free(r->chr);
	r->chr = NULL;
}

static inline void rig_teardown(struct rig *r, gconstpointer data)
{
	const char *name;
	GDir *dir;

	(void)data;
	rig_close(r);
	iol_loop_finish(&r->loop);
	g_string_free(r->received, TRUE);
	dir = g_dir_open(r->dir, 0, NULL);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(r->dir, name, NULL);

		g_remove(path);
	}
	g_dir_close(dir);
	g_assert_cmpint(g_rmdir(r->dir), ==, 0);
	g_free(r->dir);
	g_assert_cmpint(count_fds(), ==, r->fds);
}

static inline char *rig_path(const struct rig *r, const char *name)
{
	return g_build_filename(r->dir, name, NULL);
}

/* A backend as of -s @fmt; 0 or -errno. */
static inline int G_GNUC_PRINTF(3, 4)
	rig_try(struct rig *r, struct iol_error *err, const char *fmt, ...)
{
	g_autofree char *text = NULL;
	struct iol_char_config config;
	va_list args;
	int ret;

	va_start(args, fmt);
	text = g_strdup_vprintf(fmt, args);
	va_end(args);
	*err = (struct iol_error){ 0 };
	if (iol_char_config_parse(&config, text, err))
		g_error("%s: %s", text, err->msg);
	ret = iol_char_new(&r->loop, &r->sink, &config, "serial0", &r->chr, err);
	g_test_message("%s: %s", text, err->msg);
	iol_char_config_finish(&config);
	return ret;
}

#define rig_open(r, ...)                                                   \
	do {                                                               \
		struct iol_error rig_err;                                  \
		g_assert_cmpint(rig_try(r, &rig_err, __VA_ARGS__), ==, 0); \
		iol_char_start((r)->chr, &(r)->user);                      \
	} while (0)

/* Turns the loop until @condition, at most 20 s. */
#define TURN_UNTIL(r, condition)                                                  \
	do {                                                                      \
		uint64_t end_ns = now_ns() + 20 * IOL_NS_PER_S;                   \
		while (!(condition)) {                                            \
			g_assert_cmpint(iol_loop_turn(&(r)->loop, false), ==, 0); \
			g_assert_cmpuint(now_ns(), <, end_ns);                    \
		}                                                                 \
	} while (0)

static inline void guest_says(struct rig *r, const char *text)
{
	unsigned int len = (unsigned int)strlen(text);

	g_assert_cmpuint(iol_char_write(r->chr, (const uint8_t *)text, len), ==, len);
}

/* The guest has room for @bytes, and says so. */
static inline void guest_takes(struct rig *r, unsigned int bytes)
{
	r->room = bytes;
	iol_char_ready(r->chr);
}

/* All of @text fits into @fd. */
static inline void peer_says(int fd, const char *text)
{
	g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
}

/* All of @text comes out of @fd. */
static inline void expect_read(struct rig *r, int fd, const char *text)
{
	g_autoptr(GString) got = g_string_new(NULL);
	uint64_t end_ns = now_ns() + 20 * IOL_NS_PER_S;
	char buf[4096];

	while (got->len < strlen(text)) {
		ssize_t len = read(fd, buf, MIN(sizeof(buf), strlen(text) - got->len));

		if (len > 0)
			g_string_append_len(got, buf, len);
		if (len == 0 || now_ns() > end_ns)
			g_error("'%s' and then nothing more came, not '%s'", got->str, text);
		g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
	}
	g_assert_cmpstr(got->str, ==, text);
}

static inline void set_nonblocking(int fd)
{
	g_assert_cmpint(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), ==, 0);
}

/* Turns that the loop makes in @ns while nothing happens, which a spinning backend makes many. */
static inline void tick_done(struct iol_op *op, int res)
{
	(void)op;
	(void)res;
}

static inline unsigned int idle_turns(struct rig *r, uint64_t ns)
{
	struct iol_op tick = { .done = tick_done };
	unsigned int turns = 0;

	iol_loop_timeout(&r->loop, &tick, ns);
	for (; tick.in_flight; turns++)
		g_assert_cmpint(iol_loop_turn(&r->loop, true), ==, 0);
	return turns;
}

#endif
