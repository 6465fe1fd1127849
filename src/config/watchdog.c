// SPDX-License-Identifier: Apache-2.0
/*
 * The watchdog: KIND[,autostart=SECONDS], and an object of a file. See include/iolite/config.h. Before any thread; the text is the
 * user's.
 */
#include "keys.h"

#include <errno.h>
#include <glib.h>

/* By enum iol_watchdog_kind, without none. */
static const char *const kinds[] = { "i6300esb", NULL };

static int set_kind(void *target, const char *value, const char *item, struct iol_error *err)
{
	int kind = iol_key_choose(kinds, IOL_ARRAY_LEN(kinds) - 1, value);

	if (kind < 0)
		return iol_key_refuse(err, item, "is no watchdog", "give i6300esb");
	((struct iol_watchdog_config *)target)->kind = (enum iol_watchdog_kind)(kind + 1);
	return 0;
}

static int set_autostart(void *target, const char *value, const char *item, struct iol_error *err)
{
	return iol_key_set_count(&((struct iol_watchdog_config *)target)->autostart_s, 1,
				 IOL_CONFIG_WATCHDOG_SECONDS_MAX, value, item, err);
}

static char *get_kind(const void *target, unsigned int i)
{
	(void)i;
	return g_strdup(kinds[((const struct iol_watchdog_config *)target)->kind - 1]);
}

static char *get_autostart(const void *target, unsigned int i)
{
	(void)i;
	return iol_key_get_count(((const struct iol_watchdog_config *)target)->autostart_s);
}

const struct iol_key iol_watchdog_keys[] = {
	{ .name = "kind",
	  .kind = IOL_VALUE_TEXT,
	  .head = true,
	  .set = set_kind,
	  .get = get_kind,
	  .doc = { .text = "The device.", .values = kinds } },
	{ .name = "autostart",
	  .kind = IOL_VALUE_COUNT,
	  .set = set_autostart,
	  .get = get_autostart,
	  .doc = { .text = "Seconds after which it runs out, counted from each start of the guest; "
			   "without it, the guest starts it.",
		   .min = 1,
		   .max = IOL_CONFIG_WATCHDOG_SECONDS_MAX } },
	{ .name = NULL },
};

int iol_config_set_watchdog(struct iol_config *config, const char *text, struct iol_error *err)
{
	struct iol_watchdog_config watchdog = { 0 };
	const char *rest = text;
	g_autofree char *kind = iol_keys_next(&rest);
	int ret = set_kind(&watchdog, kind, kind, err);

	if (!ret)
		ret = iol_keys_read(iol_watchdog_keys, rest, &watchdog, err);
	if (!ret)
		config->watchdog = watchdog;
	return ret;
}
