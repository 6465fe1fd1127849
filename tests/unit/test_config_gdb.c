// SPDX-License-Identifier: Apache-2.0
/* Where debuggers connect, as an option and in a file. */
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

static void load(struct iol_config *config, const char *text, const char *folder)
{
	struct iol_error err = { 0 };

	iol_config_init(config);
	if (iol_config_load_text(config, text, strlen(text), "web.json", folder, &err))
		g_error("'%s' is refused: %s", text, err.msg);
}

static void test_addresses(void)
{
	static const struct {
		const char *text;
		enum iol_char_kind kind;
		const char *path, *host;
		unsigned int port;
		bool expose;
	} cases[] = {
		{ "tcp:1234", IOL_CHAR_TCP, NULL, "127.0.0.1", 1234, false },
		{ "tcp::1234", IOL_CHAR_TCP, NULL, "127.0.0.1", 1234, false },
		{ "tcp:0", IOL_CHAR_TCP, NULL, "127.0.0.1", 0, false },
		{ "tcp:65535,expose", IOL_CHAR_TCP, NULL, "127.0.0.1", 65535, true },
		{ "tcp:localhost:1", IOL_CHAR_TCP, NULL, "127.0.0.1", 1, false },
		{ "tcp:127.0.0.1:1234,expose=off", IOL_CHAR_TCP, NULL, "127.0.0.1", 1234, false },
		{ "tcp:[::1]:1234", IOL_CHAR_TCP, NULL, "::1", 1234, false },
		{ "tcp:0.0.0.0:1234,expose", IOL_CHAR_TCP, NULL, "0.0.0.0", 1234, true },
		{ "tcp:[::]:1234,expose=on", IOL_CHAR_TCP, NULL, "::", 1234, true },
		{ "unix:gdb.sock", IOL_CHAR_UNIX, "gdb.sock", NULL, 0, false },
		{ "unix:/run/a,,b:1", IOL_CHAR_UNIX, "/run/a,b:1", NULL, 0, false },
		{ "unix:tcp:1", IOL_CHAR_UNIX, "tcp:1", NULL, 0, false },
	};
	struct iol_config config;

	iol_config_init(&config);
	g_assert_false(config.has_gdb);
	/* Each in the place of the one before. */
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_error err = { 0 };

		g_test_message("%s", cases[i].text);
		if (iol_config_set_gdb(&config, cases[i].text, &err))
			g_error("'%s' is refused: %s", cases[i].text, err.msg);
		g_assert_true(config.has_gdb);
		g_assert_cmpint(config.gdb.kind, ==, cases[i].kind);
		g_assert_cmpstr(config.gdb.path, ==, cases[i].path);
		g_assert_cmpstr(config.gdb.host, ==, cases[i].host);
		g_assert_cmpuint(config.gdb.port, ==, cases[i].port);
		g_assert_cmpint(config.gdb.expose, ==, cases[i].expose);
		g_assert_false(config.gdb.connect);
	}
	iol_config_finish(&config);
	g_assert_false(config.has_gdb);
}

#define NOWHERE "is nowhere for a debugger to connect: give tcp:PORT, tcp:HOST:PORT or unix:PATH"
#define NOT_OURS "is for serial lines, not for debuggers: leave it out"

/* tests/cli/check_errors.py has these and others, with all that is said. */
static void test_refused(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "'' " NOWHERE },
		{ "foo", "'foo' " NOWHERE },
		{ "foo:1234", "'foo:1234' " NOWHERE },
		{ "TCP:1234", "'TCP:1234' " NOWHERE },
		{ "stdio", "'stdio' " NOWHERE },
		{ "file:a/b", "'file:a/b' " NOWHERE },
		{ "null,", "'null' " NOWHERE },
		{ "1234", "'1234' has no kind: write it as tcp:1234" },
		{ "1234,expose", "'1234' has no kind: write it as tcp:1234" },
		{ ":1234", "':1234' has no kind: write it as tcp:1234" },
		{ "127.0.0.1:1234",
		  "'127.0.0.1:1234' has no kind: write it as tcp:127.0.0.1:1234" },
		{ "./sock", "'./sock' has no kind: write it as unix:./sock" },
		{ "tcp", "'tcp' lacks a port: write it as tcp:PORT" },
		{ "tcp:", "'tcp:' lacks a port" },
		{ "tcp:,expose", "'tcp:' lacks a port" },
		{ "tcp:12x", "'tcp:12x' lacks a port" },
		{ "tcp: 1234", "'tcp: 1234' lacks a port" },
		{ "tcp::", "'' is no port" },
		{ "tcp:99999999999999999999", "'99999999999999999999' is no port" },
		{ "tcp:192.0.2.1:1", "other machines could reach 192.0.2.1, and whoever connects "
				     "has the whole guest" },
		{ "tcp:1,connect", "'connect': 'connect' " NOT_OURS },
		{ "tcp:1,expose,log=x", "'log=x': 'log' " NOT_OURS },
		{ "unix:a,link=b", "'link=b': 'link' " NOT_OURS },
		{ "tcp:1,port=2", "'port=2': there is no 'port', but" },
		{ "tcp:1,expse", "'expse': there is no 'expse': did you mean 'expose'?" },
		{ "tcp:1,=", "'=': there is no ''" },
		{ "tcp:1,expose,expose", "'expose' is given twice" },
		{ "tcp:1,expose=1", "'expose=1' is neither on nor off" },
		{ "tcp:1,,2", "'tcp:1,2' lacks a port" },
	};
	struct iol_config config;

	iol_config_init(&config);
	g_assert_cmpint(iol_config_set_gdb(&config, "tcp:77", NULL), ==, 0);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_error err = { 0 };

		g_test_message("%s", cases[i].text);
		g_assert_cmpint(iol_config_set_gdb(&config, cases[i].text, &err), ==, -EINVAL);
		if (!strstr(err.msg, cases[i].says))
			g_error("'%s': '%s' lacks '%s'", cases[i].text, err.msg, cases[i].says);
		g_assert_cmpint(iol_config_set_gdb(&config, cases[i].text, NULL), ==, -EINVAL);
		/* Nothing changes. */
		g_assert_true(config.has_gdb);
		g_assert_cmpuint(config.gdb.port, ==, 77);
	}
	iol_config_finish(&config);
}

static void test_file(void)
{
	struct iol_config config;

	load(&config, "{\"gdb\": {\"listen\": \"tcp:127.0.0.1:1234\", \"wait\": true}}", "/f");
	g_assert_true(config.has_gdb);
	g_assert_cmpuint(config.gdb.port, ==, 1234);
	g_assert_true(config.gdb_wait);
	/* An option replaces the address, and leaves the wait. */
	g_assert_cmpint(iol_config_set_gdb(&config, "unix:b", NULL), ==, 0);
	g_assert_cmpstr(config.gdb.path, ==, "b");
	g_assert_true(config.gdb_wait);
	g_assert_cmpint(iol_config_set_gdb_wait(&config, "off", NULL), ==, 0);
	g_assert_false(config.gdb_wait);
	g_assert_cmpint(iol_config_set_gdb_wait(&config, "yes", NULL), ==, -EINVAL);
	iol_config_finish(&config);

	load(&config, "{\"gdb\": {\"listen\": \"unix:s,,1\"}}", "/f");
	g_assert_cmpstr(config.gdb.path, ==, "/f/s,1");
	g_assert_false(config.gdb_wait);
	iol_config_finish(&config);
	load(&config, "{\"gdb\": {\"listen\": \"unix:/s\", \"wait\": false}}", "/f");
	g_assert_cmpstr(config.gdb.path, ==, "/s");
	iol_config_finish(&config);
	load(&config, "{\"gdb\": {}}", NULL);
	g_assert_false(config.has_gdb);
	iol_config_finish(&config);
}

/* A folder can make a path too long for a socket. */
static void test_long_folder(void)
{
	static const char text[] = "{\"gdb\": {\"listen\": \"unix:s\"}}";
	g_autofree char *folder = g_strdup_printf("/%0106d", 0);
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_cmpint(iol_config_load_text(&config, text, strlen(text), "web.json", folder, &err),
			==, -EINVAL);
	if (!strstr(err.msg, "gdb.listen: ") || !strstr(err.msg, "longer than 107 bytes"))
		g_error("it says '%s'", err.msg);
	g_assert_false(config.has_gdb);
	iol_config_finish(&config);
}

static void check(const char *json, const char *says)
{
	struct iol_config config;
	struct iol_error err = { 0 };
	int ret;

	g_test_message("%s", json);
	load(&config, json, NULL);
	ret = iol_config_check(&config, &err);
	if (ret != (says ? -EINVAL : 0) || (says && !strstr(err.msg, says)))
		g_error("%s: %d, '%s', not '%s'", json, ret, err.msg, says ? says : "");
	iol_config_finish(&config);
}

#define MACHINE "{\"boot\": {\"kernel\": \"k\"}, "

static void test_beside_others(void)
{
	check(MACHINE "\"gdb\": {\"wait\": true}}",
	      "to wait for a debugger, and none can connect: say where with --gdb");
	check(MACHINE "\"gdb\": {\"wait\": false}}", NULL);
	check(MACHINE "\"gdb\": {\"listen\": \"tcp:1\", \"wait\": true}}", NULL);
	check(MACHINE
	      "\"gdb\": {\"listen\": \"unix:/a\"}, "
	      "\"serials\": [{\"kind\": \"null\"}, {\"kind\": \"unix\", \"path\": \"/a\"}]}",
	      "gdb: '/a' belongs to serial1 already: give each line files of its own");
	check(MACHINE "\"gdb\": {\"listen\": \"unix:/a\"}, "
		      "\"console\": {\"kind\": \"pty\", \"link\": \"/a\"}}",
	      "gdb: '/a' belongs to the console already");
	check(MACHINE "\"gdb\": {\"listen\": \"unix:/a\"}, "
		      "\"console\": {\"kind\": \"unix\", \"path\": \"/b\"}}",
	      NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config-gdb/addresses", test_addresses);
	g_test_add_func("/config-gdb/refused", test_refused);
	g_test_add_func("/config-gdb/file", test_file);
	g_test_add_func("/config-gdb/long-folder", test_long_folder);
	g_test_add_func("/config-gdb/beside-others", test_beside_others);
	return g_test_run();
}
