// SPDX-License-Identifier: Apache-2.0
/* The serial line with nobody at its far end. Runs on the loop's thread. */
#include <iolite/char.h>

#include <glib.h>

static void null_free(struct iol_char *chr)
{
	g_free(chr);
}

static const struct iol_char_ops null_ops = {
	.name = "serial null",
	.free = null_free,
};

int iol_char_null_new(struct iol_loop *loop, struct iol_char **chr, struct iol_error *err)
{
	(void)err;
	*chr = g_new(struct iol_char, 1);
	iol_char_init(*chr, &null_ops, loop);
	return 0;
}
