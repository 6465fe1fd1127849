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

static int read_text(struct iol_json *json, const char *text, size_t len)
{
	json_error_t found;
	json_auto_t *value = NULL;

	/* Editors put it there, and RFC 8259 8.1 lets it be ignored. */
	if (len >= strlen(BYTE_ORDER_MARK) && !memcmp(text, BYTE_ORDER_MARK, 3)) {
		text += strlen(BYTE_ORDER_MARK);
		len -= strlen(BYTE_ORDER_MARK);
	}
	if (memchr(text, '\0', len))
		return iol_json_refuse(
			json, NULL,
			"zero bytes, which no JSON has: save it as UTF-8; a kernel is "
			"named with -k, a disk with -d");
	/* jansson bounds the depth. */
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &found);
	if (!value)
		return iol_json_syntax_refuse(json->name, text, len, &found, json->err);
	return iol_json_machine(json, value);
}

int iol_config_load_text(struct iol_config *config, const char *text, size_t len, const char *name,
			 const char *folder, struct iol_error *err)
{
	struct iol_config fresh;
	struct iol_json json = {
		.name = name,
		.folder = folder,
		.config = &fresh,
		.err = err,
	};
	int ret;

	iol_config_init(&fresh);
	ret = read_text(&json, text, len);
	if (ret) {
		iol_config_finish(&fresh);
		return ret;
	}
	iol_config_finish(config);
	*config = fresh;
	return 0;
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

int iol_config_load(struct iol_config *config, const char *path, struct iol_error *err)
{
	const size_t max = IOL_CONFIG_FILE_BYTES_MAX;
	iol_auto(iol_fd_close) int fd = open_file(path);
	g_autofree char *text = NULL;
	g_autofree char *folder = NULL;
	ssize_t len;
	int ret;

	if (fd < 0)
		return iol_error_errno(err, -errno,
				       "%.128s: no configuration file (a kernel is named with -k)",
				       path);
	text = g_malloc(max + 1);
	len = read_all(fd, text, max + 1);
	if (len < 0)
		return iol_error_errno(err, (int)len, "%.128s", path);
	if ((size_t)len > max)
		return iol_error_set(
			err, -EFBIG,
			"%.128s: larger than 1 MiB, which no configuration is: a kernel "
			"is named with -k, a disk with -d",
			path);
	if (strchr(path, '/'))
		folder = g_path_get_dirname(path);
	ret = iol_config_load_text(config, text, (size_t)len, path, folder, err);
	if (!ret)
		config->file = g_strdup(path);
	return ret;
}
