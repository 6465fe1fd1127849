// SPDX-License-Identifier: Apache-2.0
/* Which kind of character backend is made by whom. Runs on the loop's thread. */
#include <iolite/char.h>

#include <errno.h>

static int make(struct iol_loop *loop, struct iol_event_sink *sink,
		const struct iol_char_config *config, const char *name, struct iol_char **chr,
		struct iol_error *err)
{
	switch (config->kind) {
	case IOL_CHAR_STDIO:
		return iol_char_stdio_new(loop, sink, chr, err);
	case IOL_CHAR_PTY:
		return iol_char_pty_new(loop, config, name, chr, err);
	case IOL_CHAR_FILE:
		return iol_char_file_new(loop, config->path, config->append, chr, err);
	case IOL_CHAR_UNIX:
	case IOL_CHAR_TCP:
		return iol_char_socket_new(loop, config, name, chr, err);
	case IOL_CHAR_MUX:
		if (config->over_stdio)
			return iol_char_mux_new(loop, sink, name, chr, err);
		return iol_error_set(err, -EINVAL, "it has no terminal to share");
	case IOL_CHAR_NULL:
	case IOL_CHAR_KIND_COUNT:
		break;
	}
	return iol_char_null_new(loop, chr, err);
}

int iol_char_new(struct iol_loop *loop, struct iol_event_sink *sink,
		 const struct iol_char_config *config, const char *name, struct iol_char **chr,
		 struct iol_error *err)
{
	int ret;

	*chr = NULL;
	ret = make(loop, sink, config, name, chr, err);
	if (!ret)
		ret = iol_char_configure(chr, config, name, err);
	return ret ? iol_error_prefix(err, "%s", name) : 0;
}
