// SPDX-License-Identifier: Apache-2.0
/*
 * A configuration as a JSON file. The file is a person's: merely mistaken, so the limits are generous,
 * but there are limits. See include/iolite/config.h and json_reader.h. Before any thread.
 */
#include "json_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* Editors put a mark there, and RFC 8259 8.1 lets it be ignored. */
static size_t mark_bytes(const char *text, size_t len)
{
	size_t mark = strlen(BYTE_ORDER_MARK);

	return len >= mark && !memcmp(text, BYTE_ORDER_MARK, mark) ? mark : 0;
}

json_t *iol_json_read(const char *text, size_t len, json_error_t *found)
{
	size_t mark = mark_bytes(text, len);

	/* jansson bounds the depth. */
	return json_loadb(text + mark, len - mark, JSON_REJECT_DUPLICATES, found);
}

json_t *iol_json_parse(const struct iol_json *json, const char *name, const char *text, size_t len)
{
	g_autofree char *shown = NULL;
	size_t mark = mark_bytes(text, len);
	json_error_t found;
	json_t *value;

	text += mark;
	len -= mark;
	iol_mistakes_set_file(json->mistakes, name, NULL, 0);
	if (memchr(text, '\0', len)) {
		iol_json_refuse(json, NULL,
				"zero bytes, which no JSON has: save it as UTF-8; a kernel is "
				"named with -k, a disk with -d");
		return NULL;
	}
	value = iol_json_read(text, len, &found);
	if (value) {
		/* Where there is no file there are no places. */
		iol_mistakes_set_file(json->mistakes, name, *name ? text : NULL, len);
		return value;
	}
	shown = iol_mistakes_where(json->mistakes, NULL);
	iol_json_syntax_refuse(shown, text, len, &found, json->err);
	iol_mistakes_add(json->mistakes, json->err->msg);
	return NULL;
}

/* What options say on top of it. */
static void apply(struct iol_json *json, json_t *whole, char *const *sets)
{
	for (; sets && *sets; sets++) {
		g_autofree char *path = NULL;

		if (iol_json_set(whole, *sets, &path, json->err)) {
			iol_error_prefix(json->err, "--set %.64s", *sets);
			iol_mistakes_add(json->mistakes, json->err->msg);
		} else {
			iol_mistakes_set_option(json->mistakes, path);
		}
	}
}

static void read_text(struct iol_json *json, const char *name, const char *text, size_t len,
		      char *const *sets)
{
	json_auto_t *whole = NULL;

	whole = iol_json_parse(json, name, text, len);
	if (!whole)
		return;
	if (json_is_object(whole))
		apply(json, whole, sets);
	iol_json_machine(json, NULL, whole, iol_json_machine_keys);
}

void iol_config_load_text_all(struct iol_config *config, const char *text, size_t len,
			      const char *name, const char *folder, char *const *sets,
			      struct iol_mistakes *mistakes)
{
	struct iol_error err = { 0 };
	struct iol_json json = {
		.folder = folder,
		.config = config,
		.err = &err,
		.mistakes = mistakes,
	};

	iol_config_finish(config);
	iol_config_init(config);
	read_text(&json, name, text, len, sets);
}

/* Takes @fresh for @config if there was no mistake. */
static int take(struct iol_config *config, struct iol_config *fresh, struct iol_mistakes *mistakes,
		struct iol_error *err)
{
	int ret = iol_mistakes_first(mistakes, err);

	iol_mistakes_free(mistakes);
	if (ret) {
		iol_config_finish(fresh);
		return ret;
	}
	iol_config_finish(config);
	*config = *fresh;
	return 0;
}

int iol_config_load_text(struct iol_config *config, const char *text, size_t len, const char *name,
			 const char *folder, struct iol_error *err)
{
	struct iol_mistakes *mistakes = iol_mistakes_new();
	struct iol_config fresh;

	iol_config_init(&fresh);
	iol_config_load_text_all(&fresh, text, len, name, folder, NULL, mistakes);
	return take(config, &fresh, mistakes, err);
}

/* A pipe that nobody writes to is empty, not a place to wait: opened so, and read blocking. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && fcntl(fd, F_SETFL, 0))
		iol_fd_close(&fd);
	return fd;
}

/* Up to @max bytes of what @fd has; -errno. */
static ssize_t read_all(int fd, char *buf, size_t max)
{
	size_t len = 0;
	ssize_t got;

	do {
		got = read(fd, buf + len, max - len);
		if (got > 0)
			len += (size_t)got;
	} while ((got > 0 && len < max) || (got < 0 && errno == EINTR));
	return got < 0 ? -errno : (ssize_t)len;
}

char *iol_config_read_file(const char *path, size_t *len, struct iol_error *err)
{
	const size_t max = IOL_CONFIG_FILE_BYTES_MAX;
	iol_auto(iol_fd_close) int fd = open_file(path);
	g_autofree char *text = NULL;
	ssize_t got;

	if (fd < 0) {
		iol_error_errno(err, -errno,
				"%.128s: no configuration file (a kernel is named with -k)", path);
		return NULL;
	}
	text = g_malloc(max + 1);
	got = read_all(fd, text, max + 1);
	if (got < 0) {
		iol_error_errno(err, (int)got, "%.128s", path);
		return NULL;
	}
	if ((size_t)got > max) {
		iol_error_set(err, -EFBIG,
			      "%.128s: larger than 1 MiB, which no configuration is: a kernel "
			      "is named with -k, a disk with -d",
			      path);
		return NULL;
	}
	*len = (size_t)got;
	return g_steal_pointer(&text);
}

/* -errno: the file could not be read, and @config is as before. */
static int load(struct iol_config *config, const char *path, char *const *sets,
		struct iol_mistakes *mistakes, struct iol_error *err)
{
	g_autofree char *folder = strchr(path, '/') ? g_path_get_dirname(path) : NULL;
	g_autofree char *text = NULL;
	size_t len = 0;

	text = iol_config_read_file(path, &len, err);
	if (!text)
		return err->code;
	iol_config_load_text_all(config, text, len, path, folder, sets, mistakes);
	config->file = g_strdup(path);
	iol_mistakes_keep_text(mistakes, g_steal_pointer(&text));
	return 0;
}

void iol_config_load_all(struct iol_config *config, const char *path, char *const *sets,
			 struct iol_mistakes *mistakes)
{
	struct iol_error err = { 0 };

	if (!path)
		iol_config_load_text_all(config, "{}", 2, "", NULL, sets, mistakes);
	else if (load(config, path, sets, mistakes, &err))
		iol_mistakes_add(mistakes, err.msg);
}

int iol_config_load(struct iol_config *config, const char *path, struct iol_error *err)
{
	struct iol_mistakes *mistakes = iol_mistakes_new();
	struct iol_config fresh;
	struct iol_error found = { 0 };
	int ret;

	iol_config_init(&fresh);
	ret = load(&fresh, path, NULL, mistakes, &found);
	if (!ret)
		return take(config, &fresh, mistakes, err);
	iol_mistakes_free(mistakes);
	iol_config_finish(&fresh);
	return iol_error_set(err, ret, "%s", found.msg);
}
