// SPDX-License-Identifier: Apache-2.0
/*
 * What becomes of a machine whose guest is at an end: "lifecycle" of a file, and --on-... options. See
 * include/iolite/config.h. Before any thread.
 */
#include "config_internal.h"

#include <errno.h>
#include <string.h>

/* The place of @text among @names, which NULL ends, or -1. */
static int place_of(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(text, names[i]))
			return i;
	return -1;
}

const char *const iol_end_actions[] = {
	[IOL_END_EXIT] = "exit",
	[IOL_END_RESET] = "reset",
	[IOL_END_PAUSE] = "pause",
	NULL,
};

const char *const iol_poweroff_actions[] = { "exit", "pause", NULL };

const char *const iol_watchdog_actions[] = {
	[IOL_WATCHDOG_RESET] = "reset",
	[IOL_WATCHDOG_STOP] = "stop",
	[IOL_WATCHDOG_PAUSE] = "pause",
	[IOL_WATCHDOG_NONE] = "none",
	NULL,
};

static int set_end(enum iol_end_action *field, const char *text, struct iol_error *err)
{
	int action = place_of(text, iol_end_actions);

	if (action < 0)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is no action: give exit, reset or pause", text);
	*field = (enum iol_end_action)action;
	return 0;
}

int iol_config_set_on_reboot(struct iol_config *config, const char *text, struct iol_error *err)
{
	return set_end(&config->on_reboot, text, err);
}

int iol_config_set_on_panic(struct iol_config *config, const char *text, struct iol_error *err)
{
	return set_end(&config->on_panic, text, err);
}

int iol_config_set_on_crash(struct iol_config *config, const char *text, struct iol_error *err)
{
	return set_end(&config->on_crash, text, err);
}

int iol_config_set_on_poweroff(struct iol_config *config, const char *text, struct iol_error *err)
{
	if (place_of(text, iol_poweroff_actions) < 0)
		return iol_error_set(err, -EINVAL, "'%.64s' is no action: give exit or pause",
				     text);
	return set_end(&config->on_poweroff, text, err);
}

int iol_config_set_on_watchdog(struct iol_config *config, const char *text, struct iol_error *err)
{
	int action = place_of(text, iol_watchdog_actions);

	if (action < 0)
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is no action: give reset, stop, pause or none", text);
	config->on_watchdog = (enum iol_watchdog_action)action;
	return 0;
}
