// SPDX-License-Identifier: Apache-2.0
/* Standard input and output as a serial line. Runs on the loop's thread. */
#include <iolite/char.h>

#include <glib.h>

#include "std_streams.h"

struct char_stdio {
	struct iol_char chr;
	struct std_streams streams;
};

static const char help_text[] = "\n"
				"Ctrl-A x       stop the machine\n"
				"Ctrl-A h       this help\n"
				"Ctrl-A Ctrl-A  send Ctrl-A to the guest\n";

static unsigned int filter_keys(struct iol_char *chr, uint8_t *data, unsigned int len)
{
	struct char_stdio *stdio = iol_container_of(chr, struct char_stdio, chr);
	unsigned int kept = 0;

	for (unsigned int i = 0; i < len; i++) {
		int key = std_streams_key(&stdio->streams, data[i]);

		if (key >= 0)
			data[kept++] = (uint8_t)key;
		else if (key == STD_STREAMS_HELP)
			std_streams_tell(help_text);
	}
	return kept;
}

static void stdio_free(struct iol_char *chr)
{
	struct char_stdio *stdio = iol_container_of(chr, struct char_stdio, chr);

	std_streams_close(&stdio->streams);
	g_free(stdio);
}

static const struct iol_char_ops stdio_ops = {
	.name = "serial stdio",
	.free = stdio_free,
};

int iol_char_stdio_new(struct iol_loop *loop, struct iol_event_sink *sink, struct iol_char **chr,
		       struct iol_error *err)
{
	struct char_stdio *stdio = g_new0(struct char_stdio, 1);
	int ret = std_streams_open(&stdio->streams, sink, err);

	if (ret) {
		g_free(stdio);
		return ret;
	}
	iol_char_init(&stdio->chr, &stdio_ops, loop);
	stdio->chr.in_fd = stdio->streams.in_fd;
	stdio->chr.terminal = stdio->streams.is_terminal;
	stdio->chr.out_fd = stdio->streams.out_fd;
	if (stdio->streams.is_terminal)
		stdio->chr.filter = filter_keys;
	*chr = &stdio->chr;
	return 0;
}
