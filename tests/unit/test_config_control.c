// SPDX-License-Identifier: Apache-2.0
/* Where the control socket is: as an option, in a file, and by the machine's name. */
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_internal.h"

static void load(struct iol_config *config, const char *text, const char *folder)
{
	struct iol_error err = { 0 };

	iol_config_init(config);
	if (iol_config_load_text(config, text, strlen(text), "web.json", folder, &err))
		g_error("'%s' is refused: %s", text, err.msg);
}

static void refuse(const char *text, const char *words)
{
	struct iol_config config;
	struct iol_error err = { 0 };

	iol_config_init(&config);
	g_assert_cmpint(iol_config_set_control(&config, text, &err), ==, -EINVAL);
	if (!strstr(err.msg, words))
		g_error("'%s' says '%s' without '%s'", text, err.msg, words);
	g_assert_null(config.control);
	g_assert_false(config.no_control);
	iol_config_finish(&config);
}

static void test_option(void)
{
	g_autofree char *longest = g_strnfill(107, 'x'), *too_long = g_strnfill(108, 'x');
	struct iol_config config;

	iol_config_init(&config);
	g_assert_null(config.control);
	g_assert_cmpint(iol_config_set_control(&config, "/run/a.sock", NULL), ==, 0);
	g_assert_cmpstr(config.control, ==, "/run/a.sock");
	g_assert_cmpint(iol_config_set_control(&config, "none", NULL), ==, 0);
	g_assert_null(config.control);
	g_assert_true(config.no_control);
	g_assert_cmpint(iol_config_set_control(&config, "./none", NULL), ==, 0);
	g_assert_cmpstr(config.control, ==, "./none");
	g_assert_false(config.no_control);
	g_assert_cmpint(iol_config_set_control(&config, longest, NULL), ==, 0);
	iol_config_finish(&config);
	refuse("", "'' is no path");
	refuse("unix:/run/a", "write it as a path alone");
	refuse("tcp:1234", "write it as a path alone");
	refuse(too_long, "longer than 107 bytes");
}

static void test_file(void)
{
	struct iol_config config;

	load(&config, "{\"control\": \"a.sock\"}", "/srv/web");
	g_assert_cmpstr(config.control, ==, "/srv/web/a.sock");
	iol_config_finish(&config);
	load(&config, "{\"control\": \"/run/a.sock\"}", "/srv/web");
	g_assert_cmpstr(config.control, ==, "/run/a.sock");
	iol_config_finish(&config);
	load(&config, "{\"control\": \"none\", \"name\": \"web1\"}", "/srv/web");
	iol_config_complete(&config);
	g_assert_null(config.control);
	g_assert_true(config.no_control);
	/* An option has the last word. */
	g_assert_cmpint(iol_config_set_control(&config, "b", NULL), ==, 0);
	iol_config_complete(&config);
	g_assert_cmpstr(config.control, ==, "b");
	iol_config_finish(&config);
}

static void test_folder(void)
{
	static const struct {
		bool is_root;
		const char *runtime, *folder;
	} cases[] = {
		{ true, NULL, "/run/iolite" },
		{ true, "/run/user/0", "/run/iolite" },
		{ false, "/run/user/1000", "/run/user/1000/iolite" },
		{ false, "/run/user/1000/", "/run/user/1000/iolite" },
		{ false, NULL, NULL },
		{ false, "", NULL },
		{ false, "run", NULL },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autofree char *folder =
			iol_config_control_folder_of(cases[i].is_root, cases[i].runtime);

		g_assert_cmpstr(folder, ==, cases[i].folder);
	}
}

static void test_by_name(void)
{
	g_autofree char *wanted = NULL, *folder = NULL;
	struct iol_config config;

	g_setenv("XDG_RUNTIME_DIR", "/run/user/7", TRUE);
	folder = iol_config_control_folder();
	g_assert_cmpstr(folder, ==, geteuid() ? "/run/user/7/iolite" : "/run/iolite");
	wanted = g_strconcat(folder, "/web1.sock", NULL);
	load(&config, "{\"name\": \"web1\"}", NULL);
	iol_config_complete(&config);
	g_assert_cmpstr(config.control, ==, wanted);
	iol_config_complete(&config);
	g_assert_cmpstr(config.control, ==, wanted);
	iol_config_finish(&config);
	load(&config, "{}", NULL);
	iol_config_complete(&config);
	g_assert_null(config.control);
	iol_config_finish(&config);
	g_unsetenv("XDG_RUNTIME_DIR");
	if (!geteuid())
		return;
	load(&config, "{\"name\": \"web1\"}", NULL);
	iol_config_complete(&config);
	g_assert_null(config.control);
	iol_config_finish(&config);
}

static void expect_written(const struct iol_config *config, const char *line)
{
	struct iol_error err = { 0 };
	g_autofree char *text = NULL;

	g_assert_cmpint(iol_config_to_json(config, &text, &err), ==, 0);
	if (!line)
		g_assert_null(strstr(text, "\"control\""));
	else
		g_assert_nonnull(strstr(text, line));
}

/* A place that nobody gave is that of whoever starts the machine: as a file, it goes to others, too. */
static void test_written(void)
{
	struct iol_config config;

	g_setenv("XDG_RUNTIME_DIR", "/run/user/7", TRUE);
	load(&config, "{\"name\": \"web1\"}", NULL);
	iol_config_complete(&config);
	g_assert_nonnull(config.control);
	expect_written(&config, NULL);
	g_assert_cmpint(iol_config_set_control(&config, "/run/x.sock", NULL), ==, 0);
	iol_config_complete(&config);
	expect_written(&config, "\"control\": \"/run/x.sock\"");
	g_assert_cmpint(iol_config_set_control(&config, "none", NULL), ==, 0);
	iol_config_complete(&config);
	expect_written(&config, "\"control\": \"none\"");
	iol_config_finish(&config);
	g_unsetenv("XDG_RUNTIME_DIR");
}

/* They become names of files. */
static void test_names(void)
{
	static const char *const names[] = { "",         ".",        "..",    ".x", "a/b",
					     "/etc/web", "../x",     "-x",    "_x", "a b",
					     "a\n",      "\xc3\xa4", "a\x7f", "~" };
	struct iol_config config;

	iol_config_init(&config);
	for (size_t i = 0; i < IOL_ARRAY_LEN(names); i++) {
		struct iol_error err;

		if (iol_config_set_name(&config, names[i], &err) != -EINVAL)
			g_error("'%s' is taken for a name", names[i]);
	}
	g_assert_cmpint(iol_config_set_name(&config, "a..b-_", NULL), ==, 0);
	iol_config_finish(&config);
}

static void check(const char *json, const char *words)
{
	struct iol_error err = { 0 };
	struct iol_config config;
	int ret;

	load(&config, json, "/srv");
	ret = iol_config_check(&config, &err);
	if (words ? ret != -EINVAL || !strstr(err.msg, words) : ret)
		g_error("'%s': %d, '%s'; not '%s'", json, ret, err.msg, words ? words : "");
	iol_config_finish(&config);
}

static void test_beside(void)
{
	g_autofree char *runtime = g_strnfill(100, 'x'),
			*absolute = g_strconcat("/", runtime, NULL);

	check("{\"boot\": {\"kernel\": \"k\"}, \"control\": \"a\", \"serials\": [{\"kind\": "
	      "\"unix\", \"path\": \"b\"}], \"gdb\": {\"listen\": \"unix:c\"}}",
	      NULL);
	check("{\"boot\": {\"kernel\": \"k\"}, \"control\": \"a\", \"serials\": [{\"kind\": "
	      "\"unix\", \"path\": \"a\"}]}",
	      "control: '/srv/a' belongs to serial0 already");
	check("{\"boot\": {\"kernel\": \"k\"}, \"control\": \"a\", \"console\": {\"kind\": "
	      "\"unix\", \"path\": \"a\"}}",
	      "control: '/srv/a' belongs to the console already");
	check("{\"boot\": {\"kernel\": \"k\"}, \"control\": \"a\", \"gdb\": {\"listen\": "
	      "\"unix:../srv/a\"}}",
	      "control: '/srv/a' is where debuggers connect already");
	/* Where the user's own folder is too deep, the place that was made up does not do. */
	g_setenv("XDG_RUNTIME_DIR", absolute, TRUE);
	if (geteuid())
		check("{\"boot\": {\"kernel\": \"k\"}, \"name\": \"web1\"}", "longer than");
	g_unsetenv("XDG_RUNTIME_DIR");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/control/option", test_option);
	g_test_add_func("/config/control/file", test_file);
	g_test_add_func("/config/control/folder", test_folder);
	g_test_add_func("/config/control/by-name", test_by_name);
	g_test_add_func("/config/control/written", test_written);
	g_test_add_func("/config/control/names", test_names);
	g_test_add_func("/config/control/beside", test_beside);
	return g_test_run();
}
