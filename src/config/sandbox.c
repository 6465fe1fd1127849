// SPDX-License-Identifier: Apache-2.0
/* Whether the process is put into a sandbox: "sandbox" of a file, and --sandbox. See include/iolite/config.h. Before any thread. */
#include "config_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

const char *const iol_sandbox_modes[] = { "off", "log", "on", NULL };

int iol_config_set_sandbox(struct iol_config *config, const char *text, struct iol_error *err)
{
	for (int i = 0; iol_sandbox_modes[i]; i++) {
		if (strcmp(text, iol_sandbox_modes[i]) != 0)
			continue;
		config->sandbox = (enum iol_sandbox_mode)(IOL_SANDBOX_OFF + i);
		return 0;
	}
	return iol_error_set(err, -EINVAL, "'%.64s' is no sandbox: give on, log or off", text);
}

char *iol_config_get_sandbox(const struct iol_config *config)
{
	switch (config->sandbox) {
	case IOL_SANDBOX_OFF:
		return g_strdup("off");
	case IOL_SANDBOX_LOG:
		return g_strdup("log");
	case IOL_SANDBOX_ON:
		return g_strdup("on");
	default:
		return NULL; /* "on" would be more: an error where it cannot be had */
	}
}
