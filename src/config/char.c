// SPDX-License-Identifier: Apache-2.0
/*
 * Serial lines and consoles: KIND[:ARGUMENT][,key[=value]...] and its twin in a file. See
 * include/iolite/char_config.h. Before any thread; the text is the user's.
 */
#include "keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/size.h>
#include <iolite/unix_path.h>

enum { PORT_MAX = 65535 };

static const char loopback[] = "127.0.0.1";

static const char *const kinds[] = {
	[IOL_CHAR_STDIO] = "stdio", [IOL_CHAR_NULL] = "null",
	[IOL_CHAR_PTY] = "pty",     [IOL_CHAR_FILE] = "file",
	[IOL_CHAR_UNIX] = "unix",   [IOL_CHAR_TCP] = "tcp",
	[IOL_CHAR_MUX] = "mux",     NULL,
};

/* What not every kind has. */
enum key {
	KEY_PATH,
	KEY_HOST,
	KEY_PORT,
	KEY_LINK,
	KEY_APPEND,
	KEY_CONNECT,
	KEY_EXPOSE,
	KEY_OVER,
	KEY_COUNT
};

#define KIND(name) (UINT32_C(1) << IOL_CHAR_##name)

static const struct {
	const char *name, *whose;
	uint32_t kinds;
} special[KEY_COUNT] = {
	[KEY_PATH] = { "path", "file and unix", KIND(FILE) | KIND(UNIX) },
	[KEY_HOST] = { "host", "tcp", KIND(TCP) },
	[KEY_PORT] = { "port", "tcp", KIND(TCP) },
	[KEY_LINK] = { "link", "pty", KIND(PTY) },
	[KEY_APPEND] = { "append", "file", KIND(FILE) },
	[KEY_CONNECT] = { "connect", "unix and tcp", KIND(UNIX) | KIND(TCP) },
	[KEY_EXPOSE] = { "expose", "tcp", KIND(TCP) },
	[KEY_OVER] = { "over", "mux", KIND(MUX) },
};

static void note(struct iol_char_config *line, enum key key)
{
	line->given |= UINT32_C(1) << key;
}

static bool has(const struct iol_char_config *line, enum key key)
{
	return line->given >> key & 1;
}

static int set_kind(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;
	int kind = iol_key_choose(kinds, IOL_CHAR_KIND_COUNT, value);

	if (kind < 0)
		return iol_key_refuse(err, item, "is no kind of serial line",
				      "give stdio, null, pty, file, unix, tcp or mux");
	line->kind = (enum iol_char_kind)kind;
	return 0;
}

static int set_file(char **field, const char *value, const char *item, struct iol_error *err)
{
	if (!*value)
		return iol_key_refuse(err, item, "is no path", "name a file");
	g_free(*field);
	*field = g_strdup(value);
	return 0;
}

static int set_path(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;

	note(line, KEY_PATH);
	return set_file(&line->path, value, item, err);
}

static int set_link(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;

	note(line, KEY_LINK);
	return set_file(&line->link, value, item, err);
}

static int set_log(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;

	return set_file(&line->log, value, item, err);
}

static int set_host(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;
	const char *host = *value && strcmp(value, "localhost") ? value : loopback;
	struct in6_addr address;

	if (inet_pton(AF_INET, host, &address) != 1 && inet_pton(AF_INET6, host, &address) != 1)
		return iol_key_refuse(err, item, "is no address",
				      "give its digits, such as 127.0.0.1 or ::1; names are not "
				      "looked up");
	note(line, KEY_HOST);
	g_free(line->host);
	line->host = g_strdup(host);
	return 0;
}

static int set_port(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;
	uint64_t port;

	if (!iol_number_parse(value, 10, 0, PORT_MAX, &port))
		return iol_key_refuse(err, item, "is no port",
				      "give a number up to 65535; 0 is any free one");
	note(line, KEY_PORT);
	line->port = (unsigned int)port;
	return 0;
}

static int set_over(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;

	note(line, KEY_OVER);
	if (strcmp(value, "stdio"))
		return iol_key_refuse(err, item, "cannot be shared by several lines",
				      "give stdio, as mux:stdio");
	line->over_stdio = true;
	return 0;
}

static int set_append(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;

	note(line, KEY_APPEND);
	return iol_key_set_bool(&line->append, value, item, err);
}

static int set_connect(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;

	note(line, KEY_CONNECT);
	return iol_key_set_bool(&line->connect, value, item, err);
}

static int set_expose(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;

	note(line, KEY_EXPOSE);
	return iol_key_set_bool(&line->expose, value, item, err);
}

static int set_block(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;

	return iol_key_set_bool(&line->block, value, item, err);
}

static int set_ring(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_char_config *line = target;
	uint64_t bytes;

	if (iol_size_parse(value, &bytes, NULL) || bytes < IOL_CHAR_RING_MIN ||
	    bytes > IOL_CHAR_RING_MAX)
		return iol_key_refuse(err, item, "is no size of a ring",
				      "give 4K to 16M; without the key it is 64K");
	line->ring_bytes = (uint32_t)bytes;
	return 0;
}

/* --- the other way round: what the kind has --- */

static bool is_of(const struct iol_char_config *line, enum key key)
{
	return special[key].kinds >> line->kind & 1;
}

#define GETTER(name, call)                                    \
	static char *name(const void *target, unsigned int i) \
	{                                                     \
		const struct iol_char_config *line = target;  \
                                                              \
		(void)i;                                      \
		return call;                                  \
	}

GETTER(get_kind, g_strdup(kinds[line->kind]))
GETTER(get_path, g_strdup(line->path))
GETTER(get_host, is_of(line, KEY_HOST) ? g_strdup(line->host ? line->host : loopback) : NULL)
GETTER(get_port, is_of(line, KEY_PORT) ? g_strdup_printf("%u", line->port) : NULL)
GETTER(get_over, line->over_stdio ? g_strdup("stdio") : NULL)
GETTER(get_connect, is_of(line, KEY_CONNECT) ? iol_key_get_bool(line->connect) : NULL)
GETTER(get_expose, is_of(line, KEY_EXPOSE) ? iol_key_get_bool(line->expose) : NULL)
GETTER(get_append, is_of(line, KEY_APPEND) ? iol_key_get_bool(line->append) : NULL)
GETTER(get_link, g_strdup(line->link))
GETTER(get_log, g_strdup(line->log))
GETTER(get_block, iol_key_get_bool(line->block))
GETTER(get_ring, iol_key_get_size(line->ring_bytes))

static const char *const shared[] = { "stdio", NULL };

const struct iol_key iol_char_keys[] = {
	{ .name = "kind",
	  .kind = IOL_VALUE_TEXT,
	  .head = true,
	  .set = set_kind,
	  .get = get_kind,
	  .doc = { .text = "What is at its far end.", .values = kinds } },
	{ .name = "path",
	  .kind = IOL_VALUE_PATH,
	  .head = true,
	  .set = set_path,
	  .get = get_path,
	  .doc.text = "file, unix: where it is." },
	{ .name = "host",
	  .kind = IOL_VALUE_TEXT,
	  .head = true,
	  .set = set_host,
	  .get = get_host,
	  .doc = { .text = "tcp: an address in digits.", .fallback = "\"127.0.0.1\"" } },
	{ .name = "port",
	  .kind = IOL_VALUE_COUNT,
	  .head = true,
	  .set = set_port,
	  .get = get_port,
	  .doc = { .text = "tcp; 0: any free one.", .max = PORT_MAX } },
	{ .name = "over",
	  .kind = IOL_VALUE_TEXT,
	  .head = true,
	  .set = set_over,
	  .get = get_over,
	  .doc = { .text = "mux: the terminal, for the first of the lines that share it.",
		   .values = shared } },
	{ .name = "connect",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_connect,
	  .get = get_connect,
	  .doc = { .text = "unix, tcp: whether it connects to somebody who listens.",
		   .fallback = "false" } },
	{ .name = "expose",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_expose,
	  .get = get_expose,
	  .doc = { .text = "tcp: whether other machines may connect.", .fallback = "false" } },
	{ .name = "append",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_append,
	  .get = get_append,
	  .doc = { .text = "file: whether what it has is kept.", .fallback = "false" } },
	{ .name = "link",
	  .kind = IOL_VALUE_PATH,
	  .set = set_link,
	  .get = get_link,
	  .doc.text = "pty: a symbolic link to it." },
	{ .name = "log",
	  .kind = IOL_VALUE_PATH,
	  .set = set_log,
	  .get = get_log,
	  .doc.text = "A file that gets a copy of the output." },
	{ .name = "block",
	  .kind = IOL_VALUE_FLAG,
	  .set = set_block,
	  .get = get_block,
	  .doc = { .text = "Whether a reader that stops reading holds the guest.",
		   .fallback = "false" } },
	{ .name = "ring",
	  .kind = IOL_VALUE_SIZE,
	  .set = set_ring,
	  .get = get_ring,
	  .doc = { .text = "How much output waits for a reader, 4K to 16M.",
		   .fallback = "\"64K\"" } },
	{ .name = NULL },
};

void iol_char_config_init(struct iol_char_config *line)
{
	*line = (struct iol_char_config){ .kind = IOL_CHAR_STDIO,
					  .ring_bytes = IOL_CHAR_RING_BYTES };
}

void iol_char_config_finish(struct iol_char_config *line)
{
	g_free(line->path);
	g_free(line->host);
	g_free(line->link);
	g_free(line->log);
	memset(line, 0, sizeof(*line));
}

/* HOST:PORT, [HOST]:PORT, :PORT */
static int parse_address(struct iol_char_config *line, const char *text, struct iol_error *err)
{
	const char *colon = strrchr(text, ':'), *from = text, *to = colon;
	g_autofree char *host = NULL;
	int ret;

	if (!colon)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' lacks a port: write it as tcp:HOST:PORT, such as "
				     "tcp:127.0.0.1:4000 or tcp::4000",
				     text);
	if (*text == '[') {
		from++;
		to = memchr(from, ']', (size_t)(colon - from));
		if (!to || to + 1 != colon)
			return iol_error_set(err, -EINVAL,
					     "'%.64s' is no address in brackets and a port: write "
					     "it as tcp:[::1]:4000",
					     text);
	} else if (memchr(text, ':', (size_t)(colon - text))) {
		return iol_error_set(err, -EINVAL,
				     "'%.64s' has several colons: write an IPv6 address in "
				     "brackets, such as tcp:[::1]:4000",
				     text);
	}
	host = g_strndup(from, (gsize)(to - from));
	ret = set_host(line, host, host, err);
	return ret ? ret : set_port(line, colon + 1, colon + 1, err);
}

/* What comes first: the kind and what it needs. */
static int parse_head(struct iol_char_config *line, const char *head, struct iol_error *err)
{
	const char *colon = strchr(head, ':');
	g_autofree char *kind = colon ? g_strndup(head, (gsize)(colon - head)) : g_strdup(head);
	int ret = set_kind(line, kind, kind, err);

	if (ret)
		return ret;
	switch (line->kind) {
	case IOL_CHAR_FILE:
	case IOL_CHAR_UNIX:
		if (!colon || !colon[1])
			return iol_error_set(err, -EINVAL,
					     "'%s' lacks its path: write it as %s:PATH", head,
					     kind);
		return set_path(line, colon + 1, head, err);
	case IOL_CHAR_MUX:
		return colon ? set_over(line, colon + 1, head, err) : 0;
	case IOL_CHAR_TCP:
		return parse_address(line, colon ? colon + 1 : "", err);
	default:
		break;
	}
	if (colon)
		return iol_error_set(
			err, -EINVAL, "'%.64s': nothing belongs behind '%s'%s", head, kind,
			line->kind == IOL_CHAR_PTY ? ", but keys, as pty,link=PATH" : "");
	return 0;
}

int iol_char_config_parse_as(struct iol_char_config *line, const char *text,
			     int (*check)(const struct iol_char_config *, struct iol_error *),
			     struct iol_error *err)
{
	g_autofree char *head = iol_keys_next(&text);
	int ret;

	iol_char_config_init(line);
	ret = parse_head(line, head, err);
	if (!ret) {
		ret = iol_keys_read(iol_char_keys, text, line, err);
		if (!ret)
			ret = check(line, err);
		if (ret)
			iol_error_prefix(err, "'%.64s'", head);
	}
	if (ret)
		iol_char_config_finish(line);
	return ret;
}

int iol_char_config_parse(struct iol_char_config *line, const char *text, struct iol_error *err)
{
	return iol_char_config_parse_as(line, text, iol_char_config_check, err);
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool iol_char_config_is_exposed(const struct iol_char_config *line)
{
	return line->kind == IOL_CHAR_TCP && line->host && !is_loopback(line->host);
}

static int check_tcp(const struct iol_char_config *line, struct iol_error *err)
{
	if (!has(line, KEY_PORT))
		return iol_error_set(err, -EINVAL, "no port: give one, such as \"port\": 4000");
	if (line->connect && !line->port)
		return iol_error_set(err, -EINVAL,
				     "port 0 is for listening: name the port to connect to");
	if (line->connect && line->expose)
		return iol_error_set(err, -EINVAL,
				     "'expose' is for listening, not for 'connect': leave one out");
	if (!line->connect && !line->expose && iol_char_config_is_exposed(line))
		return iol_error_set(err, -EINVAL,
				     "other machines could reach %s, and whoever connects has the "
				     "console: listen at 127.0.0.1 or ::1, or give expose=on if "
				     "that is meant",
				     line->host);
	return 0;
}

static int check_path(const struct iol_char_config *line, struct iol_error *err)
{
	if (!line->path)
		return iol_error_set(err, -EINVAL,
				     "no path: give one, such as \"path\": \"console\"");
	if (line->kind == IOL_CHAR_UNIX) {
		int ret = iol_unix_path_check(line->path, err);

		if (ret)
			return ret;
	}
	if (line->log && !strcmp(line->log, line->path))
		return iol_error_set(err, -EINVAL, "its log is itself: give the log another path");
	return 0;
}

int iol_char_config_check(const struct iol_char_config *line, struct iol_error *err)
{
	for (unsigned int i = 0; i < KEY_COUNT; i++)
		if (has(line, i) && !(special[i].kinds >> line->kind & 1))
			return iol_error_set(err, -EINVAL,
					     "'%s' is for %s, not for %s: leave it out",
					     special[i].name, special[i].whose, kinds[line->kind]);
	switch (line->kind) {
	case IOL_CHAR_FILE:
	case IOL_CHAR_UNIX:
		return check_path(line, err);
	case IOL_CHAR_TCP:
		return check_tcp(line, err);
	default:
		return 0;
	}
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* A file that @b and @a both would make or write, or NULL. */
static const char *shared_path(const struct iol_char_config *a, const struct iol_char_config *b)
{
	const char *const ours[] = { a->path, a->link, a->log };

	for (size_t i = 0; i < IOL_ARRAY_LEN(ours); i++)
		if (same(ours[i], b->path) || same(ours[i], b->link) || same(ours[i], b->log))
			return ours[i];
	return NULL;
}

static bool has_stdio(const struct iol_char_config *line)
{
	return line->kind == IOL_CHAR_STDIO || line->over_stdio;
}

static int refuse_mux(struct iol_error *err)
{
	return iol_error_set(err, -EINVAL,
			     "'mux' has nothing to share: the first of the lines that share a "
			     "terminal is mux:stdio");
}

static bool has_mux(const struct iol_config *config)
{
	for (unsigned int i = 0; i < config->serial_count; i++)
		if (config->serials[i].kind == IOL_CHAR_MUX)
			return true;
	return false;
}

/* @line beside @other, which is called @name. */
static int check_other(const struct iol_char_config *other, const char *name,
		       const struct iol_char_config *line, struct iol_error *err)
{
	const char *path = shared_path(other, line);

	if (has_stdio(other) && has_stdio(line))
		return iol_error_set(err, -EINVAL,
				     "%s has standard input and output already: give stdio to one "
				     "line only",
				     name);
	if (path)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' belongs to %s already: give each line files of its "
				     "own",
				     path, name);
	return 0;
}

static int check_serials(const struct iol_config *config, const struct iol_char_config *line,
			 struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < config->serial_count && !ret; i++) {
		g_autofree char *name = g_strdup_printf("serial%u", i);

		ret = check_other(&config->serials[i], name, line, err);
	}
	if (!ret && line->kind == IOL_CHAR_MUX && !line->over_stdio && !has_mux(config))
		ret = refuse_mux(err);
	return ret;
}

int iol_config_append_serial(struct iol_config *config, struct iol_char_config *line,
			     struct iol_error *err)
{
	int ret;

	if (config->serial_count == IOL_CONFIG_SERIALS_MAX)
		ret = iol_error_set(err, -EINVAL,
				    "one serial line too many: a machine has up to %d",
				    IOL_CONFIG_SERIALS_MAX);
	else
		ret = check_serials(config, line, err);
	if (ret) {
		iol_char_config_finish(line);
		return ret;
	}
	config->serials[config->serial_count++] = *line;
	memset(line, 0, sizeof(*line));
	return 0;
}

void iol_config_clear_serials(struct iol_config *config)
{
	while (config->serial_count)
		iol_char_config_finish(&config->serials[--config->serial_count]);
}

int iol_config_add_serial(struct iol_config *config, const char *text, struct iol_error *err)
{
	struct iol_char_config line;
	int ret = iol_char_config_parse(&line, text, err);

	return ret ? ret : iol_config_append_serial(config, &line, err);
}

int iol_config_set_serial(struct iol_config *config, const char *text, struct iol_error *err)
{
	struct iol_char_config line;
	int ret = iol_char_config_parse(&line, text, err);

	if (!ret && line.kind == IOL_CHAR_MUX && !line.over_stdio) {
		ret = refuse_mux(err);
		iol_char_config_finish(&line);
	}
	if (ret)
		return ret;
	iol_config_clear_serials(config);
	return iol_config_append_serial(config, &line, err);
}

/* What it must not have in common with serial lines shows in the end: those of a file may be replaced by options. */
void iol_config_put_console(struct iol_config *config, struct iol_char_config *line)
{
	if (config->has_console)
		iol_char_config_finish(&config->console);
	config->console = *line;
	config->has_console = true;
	memset(line, 0, sizeof(*line));
}

int iol_config_set_console(struct iol_config *config, const char *text, struct iol_error *err)
{
	struct iol_char_config line;
	int ret = iol_char_config_parse(&line, text, err);

	if (!ret)
		iol_config_put_console(config, &line);
	return ret;
}

int iol_config_check_console(const struct iol_config *config, struct iol_error *err)
{
	return config->has_console ? check_serials(config, &config->console, err) : 0;
}

int iol_char_config_check_beside(const struct iol_config *config,
				 const struct iol_char_config *line, struct iol_error *err)
{
	int ret = check_serials(config, line, err);

	if (!ret && config->has_console)
		ret = check_other(&config->console, "the console", line, err);
	return ret;
}
