// SPDX-License-Identifier: Apache-2.0
/* Serial lines as options; test_config_json.c has them in files. */
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static struct iol_char_config parse(const char *text)
{
	struct iol_char_config line;
	struct iol_error err = { 0 };

	if (iol_char_config_parse(&line, text, &err))
		g_error("'%s' is refused: %s", text, err.msg);
	return line;
}

static void test_kinds(void)
{
	static const struct {
		const char *text;
		enum iol_char_kind kind;
		const char *path, *host;
		unsigned int port;
	} cases[] = {
		{ "stdio", IOL_CHAR_STDIO, NULL, NULL, 0 },
		{ "null", IOL_CHAR_NULL, NULL, NULL, 0 },
		{ "pty", IOL_CHAR_PTY, NULL, NULL, 0 },
		{ "file:a", IOL_CHAR_FILE, "a", NULL, 0 },
		{ "file:a,,b:c", IOL_CHAR_FILE, "a,b:c", NULL, 0 },
		{ "file:path=x", IOL_CHAR_FILE, "path=x", NULL, 0 },
		{ "unix:/run/x", IOL_CHAR_UNIX, "/run/x", NULL, 0 },
		{ "tcp:127.0.0.1:4000", IOL_CHAR_TCP, NULL, "127.0.0.1", 4000 },
		{ "tcp:127.9.8.7:65535", IOL_CHAR_TCP, NULL, "127.9.8.7", 65535 },
		{ "tcp::4000", IOL_CHAR_TCP, NULL, "127.0.0.1", 4000 },
		{ "tcp:localhost:0", IOL_CHAR_TCP, NULL, "127.0.0.1", 0 },
		{ "tcp:[::1]:1", IOL_CHAR_TCP, NULL, "::1", 1 },
		{ "tcp:[]:1", IOL_CHAR_TCP, NULL, "127.0.0.1", 1 },
		{ "tcp:0.0.0.0:1,expose", IOL_CHAR_TCP, NULL, "0.0.0.0", 1 },
		{ "tcp:[::]:1,expose=on", IOL_CHAR_TCP, NULL, "::", 1 },
		{ "tcp:192.0.2.1:1,connect", IOL_CHAR_TCP, NULL, "192.0.2.1", 1 },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_char_config line;

		g_test_message("%s", cases[i].text);
		line = parse(cases[i].text);
		g_assert_cmpint(line.kind, ==, cases[i].kind);
		g_assert_cmpstr(line.path, ==, cases[i].path);
		g_assert_cmpstr(line.host, ==, cases[i].host);
		g_assert_cmpuint(line.port, ==, cases[i].port);
		g_assert_cmpuint(line.ring_bytes, ==, IOL_CHAR_RING_BYTES);
		g_assert_false(line.block);
		g_assert_null(line.log);
		iol_char_config_finish(&line);
	}
}

static void test_keys(void)
{
	struct iol_char_config line = parse("pty,link=a,,b,log=c,block=on,ring=4K");

	g_assert_cmpstr(line.link, ==, "a,b");
	g_assert_cmpstr(line.log, ==, "c");
	g_assert_true(line.block);
	g_assert_cmpuint(line.ring_bytes, ==, 4096);
	iol_char_config_finish(&line);
	line = parse("file:a,append,ring=16M,block=off");
	g_assert_true(line.append);
	g_assert_false(line.block);
	g_assert_cmpuint(line.ring_bytes, ==, 16 * IOL_MIB);
	iol_char_config_finish(&line);
	line = parse("file:a,append=off");
	g_assert_false(line.append);
	iol_char_config_finish(&line);
	line = parse("unix:a,connect");
	g_assert_true(line.connect);
	iol_char_config_finish(&line);
	line = parse("unix:a,connect=off");
	g_assert_false(line.connect);
	iol_char_config_finish(&line);
}

#define KINDS "is no kind of serial line: give stdio, null, pty, file, unix, tcp or mux"

static void test_refused(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "'' " KINDS },
		{ "vga", "'vga' " KINDS },
		{ "STDIO", "'STDIO' " KINDS },
		{ ":x", "'' " KINDS },
		{ "stdio ", "'stdio ' " KINDS },
		{ "kind=pty", "'kind=pty' " KINDS },
		{ "stdio:x", "'stdio:x': nothing belongs behind 'stdio'" },
		{ "null:", "'null:': nothing belongs behind 'null'" },
		{ "pty:/x", "'pty:/x': nothing belongs behind 'pty', but keys, as pty,link=PATH" },
		{ "file", "'file' lacks its path: write it as file:PATH" },
		{ "file:", "'file:' lacks its path: write it as file:PATH" },
		{ "unix,connect", "'unix' lacks its path: write it as unix:PATH" },
		{ "tcp",
		  "'' lacks a port: write it as tcp:HOST:PORT, such as tcp:127.0.0.1:4000 or "
		  "tcp::4000" },
		{ "tcp:4000", "'4000' lacks a port: write it as tcp:HOST:PORT" },
		{ "tcp:localhost", "'localhost' lacks a port" },
		{ "tcp::", "'' is no port: give a number up to 65535; 0 is any free one" },
		{ "tcp::65536", "'65536' is no port" },
		{ "tcp::-1", "'-1' is no port" },
		{ "tcp::+1", "'+1' is no port" },
		{ "tcp::4000x", "'4000x' is no port" },
		{ "tcp::1:2", "':1:2' has several colons: write an IPv6 address in brackets" },
		{ "tcp:::1:4000", "'::1:4000' has several colons" },
		{ "tcp:[::1:4000", "'[::1:4000' is no address in brackets and a port" },
		{ "tcp:[::1]4000", "'[::1]4000' is no address in brackets and a port" },
		{ "tcp:[::1]", "'[::1]' is no address in brackets and a port" },
		{ "tcp:[::g]:1", "'::g' is no address: give its digits, such as 127.0.0.1 or ::1; "
				 "names are not looked up" },
		{ "tcp:example.org:1", "'example.org' is no address" },
		{ "tcp:127.1:1", "'127.1' is no address" },
		{ "tcp:0.0.0.0:1",
		  "'tcp:0.0.0.0:1': other machines could reach 0.0.0.0, and whoever "
		  "connects has the console: listen at 127.0.0.1 or ::1, or give "
		  "expose=on if that is meant" },
		{ "tcp:[::]:1", "'tcp:[::]:1': other machines could reach ::" },
		{ "tcp:[::ffff:127.0.0.1]:1", "other machines could reach" },
		{ "tcp:192.0.2.1:1,expose=off", "other machines could reach 192.0.2.1" },
		{ "tcp::0,connect",
		  "'tcp::0': port 0 is for listening: name the port to connect to" },
		{ "tcp::1,connect,expose",
		  "'tcp::1': 'expose' is for listening, not for 'connect': leave one out" },
		{ "mux:", "'mux:' cannot be shared by several lines: give stdio, as mux:stdio" },
		{ "mux:pty", "'mux:pty' cannot be shared" },
		{ "mux,link=x", "'mux': 'link' is for pty, not for mux" },
		{ "pty,append", "'pty': 'append' is for file, not for pty: leave it out" },
		{ "stdio,link=x", "'stdio': 'link' is for pty, not for stdio" },
		{ "file:a,connect", "'file:a': 'connect' is for unix and tcp, not for file" },
		{ "unix:a,expose", "'unix:a': 'expose' is for tcp, not for unix" },
		{ "pty,", "'pty': a comma with nothing behind it" },
		{ "pty,link", "'pty': 'link' lacks its value: write it as link=..." },
		{ "pty,link=", "'pty': 'link=' is no path: name a file" },
		{ "pty,log=", "'pty': 'log=' is no path: name a file" },
		{ "pty,path=x", "'pty': 'path=x': there is no 'path', but connect" },
		{ "pty,lnk=x", "'pty': 'lnk=x': there is no 'lnk': did you mean 'link'?" },
		{ "pty,block", "'pty': 'block' lacks its value" },
		{ "pty,block=yes", "'pty': 'block=yes' is neither on nor off: give on or off" },
		{ "pty,ring=4095", "'pty': 'ring=4095' is no size of a ring: give 4K to 16M" },
		{ "pty,ring=17M", "'pty': 'ring=17M' is no size of a ring" },
		{ "pty,ring=x", "'pty': 'ring=x' is no size of a ring" },
		{ "pty,log=a,log=b", "'pty': 'log=b': 'log' is given twice: leave one out" },
		{ "file:a,log=a", "'file:a': its log is itself: give the log another path" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_char_config line;
		struct iol_error err = { 0 };

		g_test_message("%s", cases[i].text);
		g_assert_cmpint(iol_char_config_parse(&line, cases[i].text, &err), ==, -EINVAL);
		if (!strstr(err.msg, cases[i].says))
			g_error("'%s': '%s' lacks '%s'", cases[i].text, err.msg, cases[i].says);
		g_assert_null(strchr(err.msg, '\n'));
		g_assert_null(line.path);
		g_assert_null(line.log);
		g_assert_cmpint(iol_char_config_parse(&line, cases[i].text, NULL), ==, -EINVAL);
	}
}

static void test_long_path(void)
{
	g_autofree char *longest = g_strdup_printf("unix:/%0106d", 0);
	g_autofree char *longer = g_strdup_printf("%s0", longest);
	struct iol_char_config line = parse(longest);
	struct iol_error err;

	g_assert_cmpuint(strlen(line.path), ==, 107);
	iol_char_config_finish(&line);
	g_assert_cmpint(iol_char_config_parse(&line, longer, &err), ==, -EINVAL);
	g_assert_nonnull(
		strstr(err.msg, "longer than 107 bytes: give a shorter one, such as below /run"));
}

static void check_added(struct iol_config *config, const char *text, const char *says)
{
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_config_add_serial(config, text, &err), ==, says ? -EINVAL : 0);
	if (says)
		g_assert_cmpstr(err.msg, ==, says);
}

static void test_several(void)
{
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	g_assert_cmpuint(config.serial_count, ==, 1);
	check_added(&config, "stdio",
		    "serial0 has standard input and output already: give stdio to one line only");
	check_added(&config, "file:a,log=b", NULL);
	check_added(&config, "unix:b",
		    "'b' belongs to serial1 already: give each line files of its own");
	check_added(&config, "null,log=a",
		    "'a' belongs to serial1 already: give each line files of its own");
	check_added(&config, "null", NULL);
	check_added(&config, "null", NULL);
	check_added(&config, "null", "one serial line too many: a machine has up to 4");
	g_assert_cmpuint(config.serial_count, ==, 4);

	/* Lines that share a terminal. */
	g_assert_cmpint(iol_config_set_serial(&config, "null", &err), ==, 0);
	check_added(&config, "mux",
		    "'mux' has nothing to share: the first of the lines that share a terminal is "
		    "mux:stdio");
	check_added(&config, "mux:stdio", NULL);
	check_added(&config, "mux,log=c", NULL);
	check_added(&config, "mux:stdio",
		    "serial1 has standard input and output already: give stdio to one line only");
	check_added(&config, "stdio",
		    "serial1 has standard input and output already: give stdio to one line only");
	g_assert_true(config.serials[1].over_stdio);
	g_assert_false(config.serials[2].over_stdio);
	g_assert_cmpint(config.serials[2].kind, ==, IOL_CHAR_MUX);

	/* One in the place of all; nothing changes when it is refused. */
	g_assert_cmpint(iol_config_set_serial(&config, "vga", &err), ==, -EINVAL);
	g_assert_cmpuint(config.serial_count, ==, 3);
	g_assert_cmpint(iol_config_set_serial(&config, "mux", &err), ==, -EINVAL);
	g_assert_cmpuint(config.serial_count, ==, 3);
	g_assert_cmpint(iol_config_set_serial(&config, "file:a", &err), ==, 0);
	g_assert_cmpuint(config.serial_count, ==, 1);
	g_assert_cmpint(config.serials[0].kind, ==, IOL_CHAR_FILE);
	iol_config_finish(&config);
}

/* --- files that are somebody else's --- */

static char folder[] = "/tmp/iolite-config-XXXXXX";

static void make_file(const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	g_assert_true(g_file_set_contents(path, "kept", -1, NULL));
}

/* In @folder, which is the working folder. NULL: it may be so. */
static void check_output(const char *serial, const char *second, const char *console,
			 const char *says)
{
	struct iol_config config;
	struct iol_error err = { 0 };

	g_test_message("%s, %s, %s", serial, second, console ? console : "no console");
	iol_config_init(&config);
	g_assert_cmpint(iol_config_load(&config, "c.json", &err), ==, 0);
	g_assert_cmpint(iol_config_set_kernel(&config, "kernel", &err), ==, 0);
	g_assert_cmpint(iol_config_set_initrd(&config, "initrd", &err), ==, 0);
	g_assert_cmpint(iol_config_set_dtb(&config, "tree.dtb", &err), ==, 0);
	g_assert_cmpint(iol_config_add_dtb_overlay(&config, "a.dtbo", &err), ==, 0);
	g_assert_cmpint(iol_config_add_dtb_overlay(&config, "b.dtbo", &err), ==, 0);
	g_assert_cmpint(iol_config_add_disk(&config, "a.img", &err), ==, 0);
	g_assert_cmpint(iol_config_add_disk(&config, "b.img,id=b", &err), ==, 0);
	g_assert_cmpint(iol_config_set_serial(&config, serial, &err), ==, 0);
	g_assert_cmpint(iol_config_add_serial(&config, second, &err), ==, 0);
	if (console)
		g_assert_cmpint(iol_config_set_console(&config, console, &err), ==, 0);
	g_assert_cmpint(iol_config_check(&config, &err), ==, says ? -EINVAL : 0);
	if (says && !g_str_has_prefix(err.msg, says))
		g_error("'%s' does not start with '%s'", err.msg, says);
	iol_config_finish(&config);
}

static void test_output_of_others(void)
{
	static const char *const files[] = { "kernel", "initrd", "tree.dtb", "a.dtbo", "b.dtbo",
					     "a.img",  "b.img",  "old",      "c.json" };
	g_autofree char *before = g_get_current_dir();
	g_autofree char *away = NULL;

	g_assert_nonnull(g_mkdtemp(folder));
	away = g_build_filename(folder, "out", NULL);
	g_assert_cmpint(g_chdir(folder), ==, 0);
	for (size_t i = 0; i < IOL_ARRAY_LEN(files); i++)
		make_file(files[i]);
	g_assert_true(g_file_set_contents("c.json", "{}", -1, NULL));
	g_assert_cmpint(symlink("a.img", "soft"), ==, 0);
	g_assert_cmpint(link("b.img", "hard"), ==, 0);
	g_assert_cmpint(symlink(".", "here"), ==, 0);
	g_assert_cmpint(symlink("out", "to-out") | symlink("here/to-out", "to-it"), ==, 0);
	g_assert_cmpint(symlink(away, "away") | symlink("loop", "loop"), ==, 0);

	check_output("file:a.img", "null", NULL,
		     "serial0: 'a.img' is the file of the disk disk0 ('a.img') and would be "
		     "written to: give the line another path");
	check_output("file:./a.img,append", "null", NULL,
		     "serial0: './a.img' is the file of the "
		     "disk disk0 ('a.img')");
	check_output("null", "file:soft", NULL, "serial1: 'soft' is the file of the disk disk0");
	check_output("null,log=hard", "null", NULL,
		     "serial0's log: 'hard' is the file of the disk b ('b.img')");
	check_output("null", "null", "file:here/kernel",
		     "the console: 'here/kernel' is the file of the kernel ('kernel')");
	check_output("null", "null", "null,log=./initrd",
		     "the console's log: './initrd' is the file of the initrd ('initrd')");
	check_output("file:./tree.dtb", "null", NULL,
		     "serial0: './tree.dtb' is the file of the device tree");
	check_output("file:./b.dtbo", "null", NULL,
		     "serial0: './b.dtbo' is the file of an overlay");
	/* Among themselves, there or not. */
	check_output("file:old", "null,log=./old", NULL,
		     "serial1's log: './old' belongs to serial0 ('old')");
	check_output("file:new", "null,log=here/new", NULL,
		     "serial1's log: 'here/new' belongs to serial0 ('new')");
	check_output("null,log=new", "null", "file:./new",
		     "the console: './new' belongs to serial0's log ('new')");
	check_output("file:new,log=./new", "null", NULL,
		     "serial0's log: './new' belongs to serial0 ('new')");

	/* By links to what is not there yet. */
	check_output("file:to-out", "file:out", NULL,
		     "serial1: 'out' belongs to serial0 ('to-out')");
	check_output("file:out", "null,log=to-it", NULL,
		     "serial1's log: 'to-it' belongs to serial0 ('out')");
	check_output("file:away", "null", "file:to-it",
		     "the console: 'to-it' belongs to serial0 ('away')");
	/* The configuration. */
	check_output("null", "file:./c.json", NULL,
		     "serial1: './c.json' is the file of the configuration ('c.json') and would "
		     "be written to");

	/* What is nobody else's, or nothing that is kept, or shows when it is opened. */
	check_output("file:new", "file:here/newer,log=old", "null,log=newest", NULL);
	check_output("file:/dev/null", "null,log=/dev/../dev/null", NULL, NULL);
	check_output("file:nowhere/x", "null,log=./nowhere/x", NULL, NULL);
	check_output("unix:new", "pty,link=newer", NULL, NULL);
	check_output("file:to-out", "file:new", "file:loop", NULL);

	for (size_t i = 0; i < IOL_ARRAY_LEN(files); i++) {
		g_autofree char *text = NULL;

		g_assert_true(g_file_get_contents(files[i], &text, NULL, NULL));
		g_assert_cmpstr(text, ==, strcmp(files[i], "c.json") ? "kept" : "{}");
		g_assert_cmpint(g_unlink(files[i]), ==, 0);
	}
	g_assert_cmpint(g_unlink("to-out") | g_unlink("to-it") | g_unlink("away"), ==, 0);
	g_assert_cmpint(g_unlink("loop"), ==, 0);
	g_assert_cmpint(g_unlink("soft") | g_unlink("hard") | g_unlink("here"), ==, 0);
	g_assert_cmpint(g_chdir(before), ==, 0);
	g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/char/kinds", test_kinds);
	g_test_add_func("/config/char/keys", test_keys);
	g_test_add_func("/config/char/refused", test_refused);
	g_test_add_func("/config/char/long-path", test_long_path);
	g_test_add_func("/config/char/several", test_several);
	g_test_add_func("/config/char/output-of-others", test_output_of_others);
	return g_test_run();
}
