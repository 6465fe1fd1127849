// SPDX-License-Identifier: Apache-2.0
/* What becomes of a machine whose guest is at an end: the values of "lifecycle" and of --on-... */
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

static void test_on_watchdog(void)
{
	static const char *const actions[] = { "reset", "stop", "pause", "none" };
	static const char *const others[] = { "", "RESET", "resets", "off", "stop " };
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_cmpint(config.on_watchdog, ==, IOL_WATCHDOG_RESET);
	for (int i = 0; i < (int)IOL_ARRAY_LEN(actions); i++) {
		g_assert_cmpint(iol_config_set_on_watchdog(&config, actions[i], &err), ==, 0);
		g_assert_cmpint(config.on_watchdog, ==, i);
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(others); i++) {
		g_autofree char *says = g_strdup_printf(
			"'%s' is no action: give reset, stop, pause or none", others[i]);

		g_assert_cmpint(iol_config_set_on_watchdog(&config, others[i], &err), ==, -EINVAL);
		g_assert_cmpstr(err.msg, ==, says);
		g_assert_cmpint(config.on_watchdog, ==, IOL_WATCHDOG_NONE);
	}
	iol_config_finish(&config);
}

static void test_watchdog(void)
{
	static const struct {
		const char *text, *says;
	} others[] = {
		{ "", "'' is no watchdog: give i6300esb" },
		{ "I6300ESB", "'I6300ESB' is no watchdog: give i6300esb" },
		{ "i6300esb,", "a comma with nothing behind it" },
		{ "i6300esb,autostart=", "'autostart=' is out of range: give 1 to 2046" },
		{ "i6300esb,autostart=2047", "'autostart=2047' is out of range: give 1 to 2046" },
		{ "i6300esb,kind=i6300esb", "there is no 'kind', but autostart" },
	};
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_cmpint(config.watchdog.kind, ==, IOL_WATCHDOG_KIND_NONE);
	g_assert_cmpint(iol_config_set_watchdog(&config, "i6300esb,autostart=2046", &err), ==, 0);
	g_assert_cmpint(config.watchdog.kind, ==, IOL_WATCHDOG_KIND_I6300ESB);
	g_assert_cmpuint(config.watchdog.autostart_s, ==, 2046);
	for (size_t i = 0; i < IOL_ARRAY_LEN(others); i++) {
		g_assert_cmpint(iol_config_set_watchdog(&config, others[i].text, &err), ==,
				-EINVAL);
		if (!strstr(err.msg, others[i].says))
			g_error("'%s': %s", others[i].text, err.msg);
		g_assert_cmpuint(config.watchdog.autostart_s, ==, 2046);
	}
	/* It takes the other one's place. */
	g_assert_cmpint(iol_config_set_watchdog(&config, "i6300esb", &err), ==, 0);
	g_assert_cmpuint(config.watchdog.autostart_s, ==, 0);
	iol_config_finish(&config);
}

typedef int (*setter)(struct iol_config *, const char *, struct iol_error *);

/* All but the power-off know the same three. */
static void check_end(setter set, struct iol_config *config, const enum iol_end_action *field,
		      enum iol_end_action first)
{
	static const struct {
		const char *text;
		enum iol_end_action action;
	} good[] = {
		{ "pause", IOL_END_PAUSE },
		{ "reset", IOL_END_RESET },
		{ "exit", IOL_END_EXIT },
	};
	static const char *const bad[] = { "", "Exit", "stop", "none", "exit ", "halt", "resets" };
	struct iol_error err;

	g_assert_cmpint(*field, ==, first);
	for (size_t i = 0; i < IOL_ARRAY_LEN(good); i++) {
		g_assert_cmpint(set(config, good[i].text, &err), ==, 0);
		g_assert_cmpint(*field, ==, good[i].action);
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(bad); i++) {
		g_autofree char *says =
			g_strdup_printf("'%s' is no action: give exit, reset or pause", bad[i]);

		g_assert_cmpint(set(config, bad[i], &err), ==, -EINVAL);
		g_assert_cmpstr(err.msg, ==, says);
		g_assert_cmpint(*field, ==, IOL_END_EXIT);
	}
}

static void test_ends(void)
{
	struct iol_config config;

	iol_config_init(&config);
	check_end(iol_config_set_on_reboot, &config, &config.on_reboot, IOL_END_RESET);
	check_end(iol_config_set_on_panic, &config, &config.on_panic, IOL_END_EXIT);
	check_end(iol_config_set_on_crash, &config, &config.on_crash, IOL_END_EXIT);
	iol_config_finish(&config);
}

/* A machine that is switched off does not come back by itself. */
static void test_poweroff(void)
{
	static const char *const bad[] = { "", "reset", "stop", "pauses", "EXIT" };
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_cmpint(config.on_poweroff, ==, IOL_END_EXIT);
	g_assert_cmpint(iol_config_set_on_poweroff(&config, "pause", &err), ==, 0);
	g_assert_cmpint(config.on_poweroff, ==, IOL_END_PAUSE);
	for (size_t i = 0; i < IOL_ARRAY_LEN(bad); i++) {
		g_autofree char *says =
			g_strdup_printf("'%s' is no action: give exit or pause", bad[i]);

		g_assert_cmpint(iol_config_set_on_poweroff(&config, bad[i], &err), ==, -EINVAL);
		g_assert_cmpstr(err.msg, ==, says);
		g_assert_cmpint(config.on_poweroff, ==, IOL_END_PAUSE);
	}
	g_assert_cmpint(iol_config_set_on_poweroff(&config, "exit", &err), ==, 0);
	g_assert_cmpint(config.on_poweroff, ==, IOL_END_EXIT);
	iol_config_finish(&config);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/lifecycle/on-watchdog", test_on_watchdog);
	g_test_add_func("/config/lifecycle/watchdog", test_watchdog);
	g_test_add_func("/config/lifecycle/ends", test_ends);
	g_test_add_func("/config/lifecycle/on-poweroff", test_poweroff);
	return g_test_run();
}
