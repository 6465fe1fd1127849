// SPDX-License-Identifier: Apache-2.0
/* What each packet of a debugger's does, over a model of a machine. */
#include <glib.h>
#include <string.h>

#include "gdb_model_target.h"

static void start(struct gdb_model *m)
{
	gdb_model_init(m);
	m->stopped_thread = 1;
	iol_gdb_session_begin(m->session);
	g_assert_true(m->attached);
}

/* The whole of a document, read in pieces of @piece bytes. */
static char *document(struct gdb_model *m, const char *object, size_t piece)
{
	GString *text = g_string_new(NULL);
	bool more = true;

	while (more) {
		g_autofree char *ask =
			g_strdup_printf("qXfer:%s:%zx,%zx", object, text->len, piece);
		g_autofree char *answer = gdb_model_ask(m, ask);

		g_assert_true(*answer == 'm' || *answer == 'l');
		g_assert_cmpuint(strlen(answer + 1), <=, piece);
		more = *answer == 'm';
		g_string_append(text, answer + 1);
	}
	return g_string_free(text, FALSE);
}

static char *hex_of(const uint8_t *data, size_t bytes)
{
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < bytes; i++)
		g_string_append_printf(text, "%02x", data[i]);
	return g_string_free(text, FALSE);
}

static void test_handshake(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_say(&m, "+");
	gdb_model_expect(
		&m, "qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;xmlRegisters=i386",
		"PacketSize=10000;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;"
		"swbreak+;hwbreak+;vContSupported+;binary-upload+");
	gdb_model_expect(&m, "vMustReplyEmpty", "");
	gdb_model_expect(&m, "QStartNoAckMode", "OK");
	m.no_ack = true;
	gdb_model_expect(&m, "!", "");
	gdb_model_expect(&m, "QNonStop:0", "");
	gdb_model_expect(&m, "qTStatus", "");
	gdb_model_expect(&m, "", "");
	gdb_model_expect(&m, "qAttached", "1");
	gdb_model_expect(&m, "qSymbol::", "OK");
	gdb_model_expect(&m, "?", "T02thread:2;");
	gdb_model_expect(&m, "qC", "QC2");
	gdb_model_expect(&m, "qSupportedX", "E16");
	gdb_model_expect(&m, "?x", "");
	gdb_model_expect(&m, "gx", "");
	gdb_model_expect(&m, "qCx", "");
	gdb_model_finish(&m);
}

static void test_threads(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_expect(&m, "qfThreadInfo", "m1,2,3");
	gdb_model_expect(&m, "qsThreadInfo", "l");
	gdb_model_expect(&m, "qThreadExtraInfo,1",
			 "435055233020"
			 "68616c746564");
	gdb_model_expect(&m, "qThreadExtraInfo,4", "E16");
	gdb_model_expect(&m, "qThreadExtraInfo,0", "E16");
	gdb_model_expect(&m, "T1", "OK");
	gdb_model_expect(&m, "T3", "OK");
	gdb_model_expect(&m, "T4", "E16");
	gdb_model_expect(&m, "T0", "E16");
	gdb_model_expect(&m, "T-1", "E16");
	gdb_model_expect(&m, "T", "E16");
	gdb_model_expect(&m, "T1z", "E16");
	gdb_model_expect(&m, "Tp1.1", "E16");
	gdb_model_expect(&m, "Hg3", "OK");
	gdb_model_expect(&m, "qC", "QC3");
	gdb_model_expect(&m, "Hg0", "OK");
	gdb_model_expect(&m, "qC", "QC3");
	gdb_model_expect(&m, "Hg-1", "OK");
	gdb_model_expect(&m, "Hg4", "E16");
	gdb_model_expect(&m, "Hg80000000", "E16");
	gdb_model_expect(&m, "Hgp1.1", "E16");
	gdb_model_expect(&m, "Hc-1", "OK");
	gdb_model_expect(&m, "Hc0", "OK");
	gdb_model_expect(&m, "Hc4", "E16");
	gdb_model_expect(&m, "Hx1", "E16");
	gdb_model_expect(&m, "H", "E16");
	gdb_model_expect(&m, "qC", "QC3");
	gdb_model_finish(&m);
}

static void test_registers(void)
{
	struct gdb_model m;
	g_autofree char *general = NULL, *set = NULL, *shorter = NULL;

	start(&m);
	general = hex_of(m.registers[1], GDB_MODEL_GENERAL_BYTES);
	gdb_model_expect(&m, "g", general);
	gdb_model_expect(&m, "Hg1", "OK");
	gdb_model_expect(&m, "p2", "0c0d0e0f10111213");
	gdb_model_expect(&m, "p4", "2425");
	gdb_model_expect(&m, "p5", "E16");
	gdb_model_expect(&m, "p", "E16");
	gdb_model_expect(&m, "p2z", "E16");
	gdb_model_expect(&m, "p10000000000000002", "E16");
	gdb_model_expect(&m, "p100000002", "E16");
	gdb_model_expect(&m, "P4=aBCd", "OK");
	gdb_model_expect(&m, "p4", "abcd");
	g_assert_cmpuint(m.registers[0][35], ==, 35);
	gdb_model_expect(&m, "P4=ab", "E16");
	gdb_model_expect(&m, "P4=abcdef", "E16");
	gdb_model_expect(&m, "P4=abcg", "E16");
	gdb_model_expect(&m, "P4", "E16");
	gdb_model_expect(&m, "P5=abcd", "E16");
	set = g_strdup_printf("G%s", general);
	gdb_model_expect(&m, set, "OK");
	gdb_model_expect(&m, "g", general);
	/* Those that are not general stayed. */
	gdb_model_expect(&m, "p4", "abcd");
	shorter = g_strndup(set, strlen(set) - 2);
	gdb_model_expect(&m, shorter, "E16");
	set[3] = 'x';
	gdb_model_expect(&m, set, "E16");
	m.fail = -5;
	gdb_model_expect(&m, "g", "E05");
	gdb_model_expect(&m, "p0", "E05");
	gdb_model_expect(&m, "P4=abcd", "E05");
	set[3] = '0';
	gdb_model_expect(&m, set, "E05");
	gdb_model_finish(&m);
}

static void test_memory(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_expect(&m, "m10000,4", "00010203");
	gdb_model_expect(&m, "m0,4", "E0e");
	/* The last four bytes. */
	gdb_model_expect(&m, "m27ffc,100", "83828180");
	gdb_model_expect(&m, "m10000,0", "E16");
	gdb_model_expect(&m, "m10000", "E16");
	gdb_model_expect(&m, "m,4", "E16");
	gdb_model_expect(&m, "m10000,4,", "E16");
	gdb_model_expect(&m, "m10000000000010000,4", "E16");
	gdb_model_expect(&m, "m-1,4", "E16");
	/* No range goes past the last address. */
	gdb_model_expect(&m, "mffffffffffffffff,ffffffffffffffff", "E0e");
	g_assert_cmpuint(m.last_read_bytes, ==, 1);
	gdb_model_expect(&m, "m0,ffffffffffffffff", "E0e");
	g_assert_cmpuint(m.last_read_bytes, ==, IOL_GDB_PACKET_BYTES / 2);
	gdb_model_expect(&m, "M10001,2:fFeE", "OK");
	gdb_model_expect(&m, "m10000,4", "00ffee03");
	gdb_model_expect(&m, "M10000,2:ff", "E16");
	gdb_model_expect(&m, "M10000,2:ffeedd", "E16");
	gdb_model_expect(&m, "M10000,1:fg", "E16");
	gdb_model_expect(&m, "M10000,1:f", "E16");
	gdb_model_expect(&m, "M10000,1", "E16");
	gdb_model_expect(&m, "M0,1:00", "E0e");
	gdb_model_expect(&m, "Mffffffffffffffff,2:0000", "E0e");
	gdb_model_expect(&m, "M10000,0:", "OK");
	gdb_model_expect(&m, "X0,0:", "OK");
	g_assert_cmpuint(m.writes, ==, 2);
	gdb_model_expect(&m, "X10000,3:a}\003c", "OK");
	gdb_model_expect(&m, "m10000,4", "61236303");
	gdb_model_expect(&m, "X10000,3:ab", "E16");
	gdb_model_expect(&m, "X10000,3", "E16");
	gdb_model_expect(&m, "x10000,3", "ba#c");
	gdb_model_expect(&m, "x10041,2", "bAB");
	gdb_model_expect(&m, "x0,0", "b");
	gdb_model_expect(&m, "x0,1", "E0e");
	gdb_model_expect(&m, "x10000", "E16");
	m.fail = -14;
	gdb_model_expect(&m, "x10000,1", "E0e");
	gdb_model_expect(&m, "X10000,1:a", "E0e");
	gdb_model_expect(&m, "m10000,1", "E0e");
	gdb_model_finish(&m);
}

/* As much as a packet holds, with no byte of the next. */
static void test_memory_at_once(void)
{
	struct gdb_model m;
	g_autofree char *want = NULL, *got = NULL;
	GString *write = g_string_new("M10001,7ff0:");

	start(&m);
	want = hex_of(m.memory + 1, IOL_GDB_PACKET_BYTES / 2);
	got = gdb_model_ask(&m, "m10001,10000");
	g_assert_cmpuint(strlen(got), ==, IOL_GDB_PACKET_BYTES);
	g_assert_cmpstr(got, ==, want);
	for (unsigned int i = 0; i < 0x7ff0; i++)
		g_string_append_printf(write, "%02x", (i & 0xff) ^ 0x5a);
	gdb_model_expect(&m, write->str, "OK");
	for (unsigned int i = 0; i < 0x7ff0; i++)
		g_assert_cmpuint(m.memory[1 + i], ==, (i & 0xff) ^ 0x5a);
	g_string_free(write, TRUE);
	gdb_model_finish(&m);
}

/* Bytes that are escaped, all of them, and as many as are answered at once. */
static void test_binary_at_once(void)
{
	struct gdb_model m;
	g_autofree char *got = NULL;

	start(&m);
	memset(m.memory, '#', sizeof(m.memory));
	m.memory[1] = '*';
	m.memory[2] = '}';
	got = gdb_model_ask(&m, "x10001,ffffffff");
	g_assert_cmpuint(strlen(got), ==, 1 + (IOL_GDB_PACKET_BYTES - 1) / 2);
	g_assert_true(g_str_has_prefix(got, "b*}####"));
	gdb_model_finish(&m);
}

static void test_points(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_expect(&m, "Z0,10000,1", "OK");
	gdb_model_expect(&m, "Z2,10010,8", "OK");
	g_assert_cmpuint(m.point_count, ==, 2);
	g_assert_cmpuint(m.points[1].kind, ==, IOL_GDB_WATCH_WRITE);
	g_assert_cmpuint(m.points[1].address, ==, 0x10010);
	g_assert_cmpuint(m.points[1].bytes, ==, 8);
	gdb_model_expect(&m, "z0,10000,1", "OK");
	gdb_model_expect(&m, "z0,10000,1", "OK");
	g_assert_cmpuint(m.point_count, ==, 1);
	gdb_model_expect(&m, "Z5,10000,1", "");
	gdb_model_expect(&m, "zff,10000,1", "");
	gdb_model_expect(&m, "Z", "E16");
	gdb_model_expect(&m, "Z0", "E16");
	gdb_model_expect(&m, "Z0,1", "E16");
	gdb_model_expect(&m, "Z0,1,", "E16");
	gdb_model_expect(&m, "Z0,1,1;X1,22", "E16");
	gdb_model_expect(&m, "Z3,1,0", "E16");
	gdb_model_expect(&m, "Z4,ffffffffffffffff,2", "E16");
	gdb_model_expect(&m, "Z4,ffffffffffffffff,1", "OK");
	m.fail = -95;
	gdb_model_expect(&m, "Z1,10000,1", "");
	m.fail = -28;
	gdb_model_expect(&m, "Z1,10000,1", "E1c");
	m.fail = -14;
	gdb_model_expect(&m, "Z0,0,1", "E0e");
	gdb_model_finish(&m);
	g_assert_cmpuint(m.detaches, ==, 1);
}

/* @actions: a character per thread: 'S' steps, 'C' goes on, '-' stands. */
static void check_actions(struct gdb_model *m, const char *packet, const char *actions)
{
	g_autofree char *none = gdb_model_ask(m, packet);
	g_autofree char *stop = NULL;
	size_t bytes;

	g_test_message("%s", packet);
	g_assert_cmpstr(none, ==, NULL);
	g_assert_true(m->runs);
	for (unsigned int i = 0; i < GDB_MODEL_THREADS; i++)
		g_assert_cmpint("-CS"[m->actions[i]], ==, actions[i]);
	gdb_model_stop(m, &(struct iol_gdb_stop){ IOL_GDB_STOPPED_STEP, 1, 0 });
	stop = gdb_model_take(m, &bytes);
	g_assert_cmpstr(stop, ==,
			actions[1] == '-' && actions[0] == '-' ? "$T05thread:3;"
			: actions[1] == '-'                    ? "$T05thread:1;"
							       : "$T05thread:2;");
	gdb_model_say(m, "+");
}

static void test_resume(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_expect(&m, "vCont?", "vCont;c;C;s;S");
	check_actions(&m, "c", "CCC");
	check_actions(&m, "s", "CSC");
	check_actions(&m, "C05", "CCC");
	check_actions(&m, "S05", "CSC");
	check_actions(&m, "vCont;c", "CCC");
	check_actions(&m, "vCont;s:2;c", "CSC");
	check_actions(&m, "vCont;s:3", "--S");
	check_actions(&m, "vCont;s:3;c:1;c:3", "C-S");
	check_actions(&m, "vCont;C05:1;S05:-1", "CSS");
	check_actions(&m, "vCont;c;s:1", "CCC");
	check_actions(&m, "vCont;s:0", "-S-");
	gdb_model_expect(&m, "Hc3", "OK");
	check_actions(&m, "s", "--S");
	check_actions(&m, "c", "--C");
	gdb_model_expect(&m, "Hc0", "OK");
	gdb_model_expect(&m, "Hg3", "OK");
	check_actions(&m, "s", "CCS");
	/* The stop's thread is selected now. */
	gdb_model_expect(&m, "qC", "QC2");
	g_assert_cmpuint(m.resumes, ==, 14);
	gdb_model_finish(&m);
}

/* A stop of all is not said of a thread that stood. */
static void test_stop_of_a_resumed_thread(void)
{
	struct gdb_model m;

	start(&m);
	m.stops_in_resume = true;
	m.next_stop = (struct iol_gdb_stop){ IOL_GDB_STOPPED_INTERRUPT, 0, 0 };
	gdb_model_expect(&m, "vCont;c:3;s:2", "T02thread:2;");
	gdb_model_expect(&m, "?", "T02thread:2;");
	gdb_model_expect(&m, "qC", "QC2");
	m.next_stop.thread = 2;
	gdb_model_expect(&m, "vCont;c:3;s:2", "T02thread:3;");
	gdb_model_finish(&m);
}

static void test_resume_refused(void)
{
	static const char *const packets[] = { "vCont;",
					       "vCont;t",
					       "vCont;x",
					       "vCont;c:4",
					       "vCont;c:p1.1",
					       "vCont;c;",
					       "vCont;C",
					       "vCont;C:1",
					       "vCont;c:1,",
					       "vCont;s:1;t:2",
					       "vCont;r10,20:1;",
					       "vCont;Cfff:1",
					       "C",
					       "S",
					       "Cz",
					       "vCont;c:",
					       "vCont;;c",
					       "C100",
					       "vCont;s:80000000" };
	struct gdb_model m;

	start(&m);
	for (unsigned int i = 0; i < G_N_ELEMENTS(packets); i++) {
		g_test_message("%s", packets[i]);
		gdb_model_expect(&m, packets[i], "E16");
	}
	gdb_model_expect(&m, "c10000", "E5f");
	gdb_model_expect(&m, "s10000", "E5f");
	gdb_model_expect(&m, "C05;10000", "E5f");
	gdb_model_expect(&m, "vCont", "");
	g_assert_cmpuint(m.resumes, ==, 0);
	m.fail = -5;
	gdb_model_expect(&m, "c", "E05");
	gdb_model_expect(&m, "?", "T02thread:2;");
	m.fail = 0;
	gdb_model_expect(&m, "c", NULL);
	gdb_model_finish(&m);
}

static void test_stop_replies(void)
{
	static const struct {
		struct iol_gdb_stop stop;
		const char *old_client, *new_client;
	} cases[] = {
		{ { IOL_GDB_STOPPED_SOFT_BREAK, 0, 0 }, "T05thread:1;", "T05swbreak:;thread:1;" },
		{ { IOL_GDB_STOPPED_HARD_BREAK, 1, 0 }, "T05thread:2;", "T05hwbreak:;thread:2;" },
		{ { IOL_GDB_STOPPED_WATCH_WRITE, 2, UINT64_MAX },
		  "T05watch:ffffffffffffffff;thread:3;",
		  "T05watch:ffffffffffffffff;thread:3;" },
		{ { IOL_GDB_STOPPED_WATCH_READ, 0, 0x1234 },
		  "T05rwatch:1234;thread:1;",
		  "T05rwatch:1234;thread:1;" },
		{ { IOL_GDB_STOPPED_WATCH_ACCESS, 0, 0 },
		  "T05awatch:0;thread:1;",
		  "T05awatch:0;thread:1;" },
		{ { IOL_GDB_STOPPED_STEP, 0, 0 }, "T05thread:1;", "T05thread:1;" },
		{ { IOL_GDB_STOPPED_INTERRUPT, 0, 0 }, "T02thread:1;", "T02thread:1;" },
		{ { IOL_GDB_STOPPED_PAUSED, 0, 0 }, "T11thread:1;", "T11thread:1;" },
		{ { IOL_GDB_STOPPED_RESET, 0, 0 }, "T05thread:1;", "T05thread:1;" },
	};
	struct gdb_model m;

	start(&m);
	m.stops_in_resume = true;
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		m.next_stop = cases[i].stop;
		g_free(gdb_model_ask(&m, "qSupported:swbreak-;hwbreak;xswbreak+;hwbreak++"));
		gdb_model_expect(&m, "c", cases[i].old_client);
		gdb_model_expect(&m, "?", cases[i].old_client);
	}
	gdb_model_finish(&m);
	start(&m);
	m.stops_in_resume = true;
	g_free(gdb_model_ask(&m, "qSupported:swbreak+;hwbreak+"));
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		m.next_stop = cases[i].stop;
		gdb_model_expect(&m, "c", cases[i].new_client);
		gdb_model_expect(&m, "?", cases[i].new_client);
	}
	gdb_model_finish(&m);
}

static void test_documents(void)
{
	static const char *const objects[] = { "features:read:target.xml",
					       "memory-map:read:", "threads:read:" };
	static const char *const parts[] = {
		"<architecture>i386:x86-64</architecture>\n<feature name=\"org.iolite.core\">\n<flags id=",
		"<memory type=\"ram\" start=\"0x100000000\" length=\"0x1000\"/>\n</memory-map>\n",
		"<thread id=\"3\" core=\"2\" name=\"CPU#2\">&lt;&amp;&quot;#$}*??&gt;</thread>\n</threads>\n",
	};
	struct gdb_model m;

	start(&m);
	m.info = "<&\"#$}*\x01\xff>";
	for (unsigned int i = 0; i < G_N_ELEMENTS(objects); i++) {
		g_autofree char *whole = document(&m, objects[i], 0xfff0);
		g_autofree char *pieces = document(&m, objects[i], 7);
		g_autofree char *at_end =
			g_strdup_printf("qXfer:%s:%zx,10", objects[i], strlen(whole));
		g_autofree char *behind =
			g_strdup_printf("qXfer:%s:%zx,10", objects[i], strlen(whole) + 1);

		g_assert_cmpstr(whole, ==, pieces);
		g_assert_nonnull(strstr(whole, parts[i]));
		gdb_model_expect(&m, at_end, "l");
		gdb_model_expect(&m, behind, "E16");
	}
	gdb_model_expect(&m, "qXfer:features:read:other.xml:0,100", "E00");
	gdb_model_expect(&m, "qXfer:features:read:target.xml", "E00");
	gdb_model_expect(&m, "qXfer:features:read:target.xml:0", "E16");
	gdb_model_expect(&m, "qXfer:features:read:target.xml:0,0", "E16");
	gdb_model_expect(&m, "qXfer:threads:read:x:0,100", "E00");
	gdb_model_expect(&m, "qXfer:threads:write::0:xx", "");
	gdb_model_expect(&m, "qXfer:siginfo:read::0,100", "");
	gdb_model_finish(&m);
}

static void test_registers_are_numbered(void)
{
	struct gdb_model m;
	g_autofree char *text = NULL;

	start(&m);
	text = document(&m, "features:read:target.xml", 0x1000);
	g_assert_nonnull(
		strstr(text, "<reg name=\"r0\" bitsize=\"64\" regnum=\"0\" group=\"general\"/>"));
	g_assert_nonnull(strstr(text, "<reg name=\"v0\" bitsize=\"128\" regnum=\"3\" "
				      "type=\"uint128\" group=\"vector\"/>"));
	gdb_model_finish(&m);
}

/*
 * All that came, as text: packets 'O' are put together, other things stand in lines of their own.
 */
static char *monitor_text(struct gdb_model *m)
{
	GString *text = g_string_new(NULL);
	char *part;
	size_t bytes;

	while ((part = gdb_model_take(m, &bytes))) {
		if (g_str_has_prefix(part, "$O") && part[2] != 'K')
			for (char *at = part + 2; *at; at += 2)
				g_string_append_c(text, (char)(g_ascii_xdigit_value(at[0]) << 4 |
							       g_ascii_xdigit_value(at[1])));
		else
			g_string_append_printf(text, "[%s]", part);
		g_free(part);
	}
	return g_string_free(text, FALSE);
}

static void check_monitor(struct gdb_model *m, const char *hex, const char *want)
{
	g_autofree char *packet = g_strdup_printf("qRcmd,%s", hex);
	g_autofree char *frame = gdb_model_frame(packet), *text = NULL;

	gdb_model_say(m, frame);
	text = monitor_text(m);
	g_assert_cmpstr(text, ==, want);
}

static void test_monitor(void)
{
	struct gdb_model m;

	start(&m);
	check_monitor(&m, "68656c7020", "[+]help [$OK]");
	g_assert_cmpstr(m.command, ==, "help ");
	check_monitor(&m, "", "[+][$OK]");
	g_assert_cmpuint(m.monitors, ==, 2);
	check_monitor(&m, "6", "[+][$E16]");
	check_monitor(&m, "6x", "[+][$E16]");
	check_monitor(&m, "610062", "[+][$E16]");
	g_assert_cmpuint(m.monitors, ==, 2);
	/* A person sees why, and no "Protocol error". */
	m.fail = -22;
	check_monitor(&m, "68", "[+]h[$OK]");
	m.says_times = 0;
	check_monitor(&m, "68", "[+]failed: Invalid argument\n[$OK]");
	m.fail = 0;
	check_monitor(&m, "68", "[+][$OK]");
	gdb_model_finish(&m);
}

static void test_monitor_ends_machine(void)
{
	struct gdb_model m;

	start(&m);
	m.exits_in_monitor = true;
	check_monitor(&m, "71", "[+]q[$OK]");
	g_assert_true(m.hung_up);
	gdb_model_finish(&m);
}

static void test_monitor_ends_session(void)
{
	struct gdb_model m;

	start(&m);
	m.ends_in_monitor = true;
	check_monitor(&m, "71", "[+]");
	g_assert_false(m.attached);
	gdb_model_finish(&m);
	g_assert_cmpuint(m.detaches, ==, 1);
}

static void test_letting_go(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_expect(&m, "D;1", "E16");
	gdb_model_expect(&m, "Z0,10000,1", "OK");
	gdb_model_say(&m, "$D#44");
	g_assert_cmpstr(m.sent->str, ==, "+$OK#9a");
	g_assert_true(m.hung_up);
	g_assert_false(m.attached);
	g_assert_cmpuint(m.point_count, ==, 0);
	/* Nothing that it says now is heard. */
	gdb_model_say(&m, "$k#6b$m0,1#fa\003-+");
	g_assert_cmpstr(m.sent->str, ==, "+$OK#9a");
	g_assert_cmpuint(m.kills, ==, 0);
	gdb_model_finish(&m);
	g_assert_cmpuint(m.detaches, ==, 1);
}

static void test_kill(void)
{
	static const char *const packets[] = { "k", "vKill;1" };

	for (unsigned int i = 0; i < G_N_ELEMENTS(packets); i++)
		for (unsigned int runs = 0; runs < 2; runs++)
			for (unsigned int exits = 0; exits < 2; exits++) {
				struct gdb_model m;
				g_autofree char *frame = gdb_model_frame(packets[i]);

				start(&m);
				m.exits_in_kill = exits;
				if (runs)
					gdb_model_expect(&m, "c", NULL);
				gdb_model_say(&m, frame);
				g_assert_cmpstr(m.sent->str, ==, i ? "+$OK#9a" : "+");
				g_assert_cmpuint(m.kills, ==, 1);
				g_assert_true(m.hung_up);
				iol_gdb_session_exited(m.session, 3);
				gdb_model_finish(&m);
			}
}

/* The link may be done with the client before hang_up() returns, and the machine within resume(). */
static void test_gone_at_once(void)
{
	static const char *const packets[] = { "D", "k", "vKill;1", "c", "qRcmd,71" };

	for (unsigned int i = 0; i < G_N_ELEMENTS(packets); i++) {
		struct gdb_model m;
		g_autofree char *frame = gdb_model_frame(packets[i]);

		start(&m);
		m.ends_in_hang_up = true;
		m.exits_in_resume = true;
		m.exits_in_monitor = true;
		gdb_model_say(&m, frame);
		g_test_message("%s", packets[i]);
		g_assert_true(m.hung_up);
		g_assert_false(m.attached);
		g_assert_cmpuint(m.detaches, ==, 1);
		gdb_model_say(&m, "$qC#b4");
		g_assert_null(strstr(m.sent->str, "QC"));
		gdb_model_finish(&m);
	}
}

static void test_exit(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_expect(&m, "vKill;x", "E16");
	gdb_model_expect(&m, "c", NULL);
	iol_gdb_session_exited(m.session, 0x4a);
	g_assert_cmpstr(m.sent->str, ==, "$W4a#ec");
	g_assert_true(m.hung_up);
	gdb_model_finish(&m);
	/* It waits for nothing, and would take "W" for the answer to what it asks next. */
	start(&m);
	iol_gdb_session_exited(m.session, 1);
	g_assert_cmpuint(m.sent->len, ==, 0);
	g_assert_true(m.hung_up);
	gdb_model_finish(&m);
	gdb_model_init(&m);
	iol_gdb_session_exited(m.session, 1);
	g_assert_false(m.hung_up);
	gdb_model_finish(&m);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/gdb/session/handshake", test_handshake);
	g_test_add_func("/gdb/session/threads", test_threads);
	g_test_add_func("/gdb/session/registers", test_registers);
	g_test_add_func("/gdb/session/memory", test_memory);
	g_test_add_func("/gdb/session/memory_at_once", test_memory_at_once);
	g_test_add_func("/gdb/session/binary_at_once", test_binary_at_once);
	g_test_add_func("/gdb/session/points", test_points);
	g_test_add_func("/gdb/session/resume", test_resume);
	g_test_add_func("/gdb/session/stop_of_a_resumed_thread", test_stop_of_a_resumed_thread);
	g_test_add_func("/gdb/session/resume_refused", test_resume_refused);
	g_test_add_func("/gdb/session/stop_replies", test_stop_replies);
	g_test_add_func("/gdb/session/documents", test_documents);
	g_test_add_func("/gdb/session/registers_are_numbered", test_registers_are_numbered);
	g_test_add_func("/gdb/session/monitor", test_monitor);
	g_test_add_func("/gdb/session/monitor_ends_machine", test_monitor_ends_machine);
	g_test_add_func("/gdb/session/monitor_ends_session", test_monitor_ends_session);
	g_test_add_func("/gdb/session/letting_go", test_letting_go);
	g_test_add_func("/gdb/session/kill", test_kill);
	g_test_add_func("/gdb/session/gone_at_once", test_gone_at_once);
	g_test_add_func("/gdb/session/exit", test_exit);
	return g_test_run();
}
