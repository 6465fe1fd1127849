// SPDX-License-Identifier: Apache-2.0
/* Where debuggers come in, with the real session and its model of a machine: what comes out of the socket in the end. */
#include "char_socket_rig.h"

#include "gdb_model_target.h"
#include "vmm/debug.h"

static struct gdb_model model;

struct iol_gdb_target *__wrap_iol_debug_target(struct iol_vm *vm);
struct iol_gdb_target *__wrap_iol_debug_target(struct iol_vm *vm)
{
	(void)vm;
	return &model.target;
}

void __wrap_iol_char_tell(const struct iol_char *chr, const char *text);
void __wrap_iol_char_tell(const struct iol_char *chr, const char *text)
{
	g_test_message("%s: %s", chr->name, text);
}

struct fixture {
	struct rig rig; /* the folder, and its clients */
	struct iol_vm *vm;
	struct iol_config config;
};

static void setup(struct fixture *f, gconstpointer data)
{
	struct iol_error err;
	g_autofree char *path = NULL, *text = NULL;

	rig_setup(&f->rig, data);
	iol_loop_finish(&f->rig.loop);
	path = rig_path(&f->rig, "con");
	text = g_strdup_printf("unix:%s", path);
	gdb_model_init(&model);
	iol_gdb_session_free(model.session);
	f->vm = g_new0(struct iol_vm, 1);
	f->vm->config = &f->config;
	iol_config_init(&f->config);
	f->config.has_gdb = true;
	g_assert_cmpint(iol_char_config_parse(&f->config.gdb, text, &err), ==, 0);
	g_assert_cmpint(iol_loop_init(&f->vm->loop, &err), ==, 0);
	g_assert_cmpint(iol_debug_server_open(f->vm, &err), ==, 0);
	g_assert_cmpint(iol_debug_server_start(f->vm, &err), ==, 0);
	model.session = model.target.session;
}

static void teardown(struct fixture *f, gconstpointer data)
{
	struct iol_error err;

	iol_debug_server_finish(f->vm);
	g_assert_false(model.attached);
	model.session = iol_gdb_session_new(&model.target, &model.link); /* for it to free */
	gdb_model_finish(&model);
	iol_loop_finish(&f->vm->loop);
	iol_char_config_finish(&f->config.gdb);
	iol_config_finish(&f->config);
	g_free(f->vm);
	g_assert_cmpint(iol_loop_init(&f->rig.loop, &err), ==, 0);
	rig_teardown(&f->rig, data);
}

/* Packets of @data... one behind the other, as one write. */
static void say(int fd, const char *data)
{
	g_auto(GStrv) each = g_strsplit(data, " ", -1);

	for (unsigned int i = 0; each[i]; i++) {
		g_autofree char *frame = gdb_model_frame(each[i]);

		peer_says(fd, frame);
	}
}

/* All that comes until @end has come, or, with NULL, the end. */
static char *hear(struct fixture *f, int fd, const char *end)
{
	GString *got = g_string_new(NULL);
	uint64_t limit_ns = now_ns() + 20 * IOL_NS_PER_S;
	char buf[4096];

	while (!end || !g_str_has_suffix(got->str, end)) {
		ssize_t len = read(fd, buf, sizeof(buf));

		if (len > 0)
			g_string_append_len(got, buf, len);
		else if (!len || errno != EAGAIN)
			break;
		if (f->vm->debug_server)
			g_assert_cmpint(iol_loop_turn(&f->vm->loop, false), ==, 0);
		if (now_ns() > limit_ns)
			g_error("'%.200s' came, and then nothing more", got->str);
	}
	return g_string_free(got, FALSE);
}

static void expect(struct fixture *f, int fd, const char *end, const char *all)
{
	g_autofree char *got = hear(f, fd, end);

	g_assert_cmpstr(got, ==, all);
}

static unsigned int count(const char *text, const char *part)
{
	unsigned int n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text += strlen(part);
	}
	return n;
}

/* One attaches, asks and lets go; then another one, which has none of its doings before it. */
static void test_session(struct fixture *f, gconstpointer data)
{
	(void)data;
	for (unsigned int i = 1; i <= 2; i++) {
		int fd = client(&f->rig);

		say(fd, "qRcmd,68656c70"); /* "help" */
		expect(f, fd, "$OK#9a", "+$O68656c70#28$OK#9a");
		g_assert_cmpuint(model.attaches, ==, i);
		g_assert_true(model.attached);
		g_assert_cmpstr(model.command, ==, "help");
		peer_says(fd, "+");
		say(fd, "Z0,10000,1");
		expect(f, fd, "$OK#9a", "+$OK#9a");
		/* It leaves in the middle of a packet. */
		peer_says(fd, "+$m100");
		close(fd);
		TURN_UNTIL(f->vm, model.detaches == i);
		g_assert_cmpuint(model.point_count, ==, 0);
		g_assert_true(model.runs);
	}
}

static void test_lets_go(struct fixture *f, gconstpointer data)
{
	int fd = client(&f->rig);

	(void)data;
	say(fd, "D");
	expect(f, fd, NULL, "+$OK#9a");
	TURN_UNTIL(f->vm, model.detaches == 1);
	close(fd);
}

/* Requests for more than the ring and the socket hold, of a client that reads nothing at first. */
static void test_flow(struct fixture *f, gconstpointer data)
{
	enum { READS = 40 };
	int fd = client(&f->rig);
	g_autofree char *got = NULL;

	(void)data;
	say(fd, "QStartNoAckMode");
	expect(f, fd, "$OK#9a", "+$OK#9a");
	peer_says(fd, "+");
	for (unsigned int i = 0; i < READS; i++)
		say(fd, "m10000,7000");
	say(fd, "D");
	for (unsigned int i = 0; i < 1000; i++)
		g_assert_cmpint(iol_loop_turn(&f->vm->loop, false), ==, 0);
	g_assert_cmpuint(model.detaches, ==, 0);
	got = hear(f, fd, NULL);
	g_assert_true(g_str_has_suffix(got, "$OK#9a"));
	g_assert_cmpuint(count(got, "$"), ==, READS + 1);
	g_assert_cmpuint(strlen(got), ==, READS * (2 * 0x7000 + 4) + strlen("$OK#9a"));
	TURN_UNTIL(f->vm, model.detaches == 1);
	close(fd);
}

/* Text of a command, which goes out in pieces as there is room. */
static void test_much_text(struct fixture *f, gconstpointer data)
{
	int fd = client(&f->rig);
	g_autofree char *got = NULL;

	(void)data;
	model.says = "0123456789abcde\n";
	model.says_times = 40000;
	say(fd, "qRcmd,78");
	for (unsigned int i = 0; i < 1000; i++)
		g_assert_cmpint(iol_loop_turn(&f->vm->loop, false), ==, 0);
	got = hear(f, fd, "$OK#9a");
	g_assert_cmpuint(count(got, "61626364650a"), ==, 40000);
	close(fd);
	TURN_UNTIL(f->vm, model.detaches == 1);
}

/* The machine ends: a client that waits for it to stop hears that it is over. */
static void test_over(struct fixture *f, gconstpointer data)
{
	int fd = client(&f->rig);

	(void)data;
	say(fd, "c");
	TURN_UNTIL(f->vm, model.runs && model.resumes);
	iol_gdb_session_exited(model.session, 0);
	iol_debug_server_finish(f->vm);
	expect(f, fd, NULL, "+$W00#b7");
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{ "/debug-server-gdb/session", test_session },
		{ "/debug-server-gdb/lets-go", test_lets_go },
		{ "/debug-server-gdb/flow", test_flow },
		{ "/debug-server-gdb/much-text", test_much_text },
		{ "/debug-server-gdb/over", test_over },
	};

	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
