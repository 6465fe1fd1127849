// SPDX-License-Identifier: Apache-2.0
/*
 * Transcripts of whole sessions: what goes wrong on the way, who speaks out of turn, what there
 * is no room for.
 */
#include <glib.h>
#include <string.h>

#include "gdb_model_target.h"

static void start(struct gdb_model *m)
{
	gdb_model_init(m);
	iol_gdb_session_begin(m->session);
}

/* What was sent since the last look, byte for byte. */
#define check_sent(m, want)                                \
	do {                                               \
		g_assert_cmpstr((m)->sent->str, ==, want); \
		g_string_set_size((m)->sent, 0);           \
	} while (0)

static const struct iol_gdb_stop step_of_2 = { IOL_GDB_STOPPED_STEP, 1, 0 };

static void test_malformed(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_say(&m, "$m10000,4#00");
	check_sent(&m, "-");
	gdb_model_say(&m, "$m10000,4#be");
	check_sent(&m, "+$00010203#86");
	gdb_model_say(&m, "$m10000,4}#3b");
	check_sent(&m, "+$E16#ac");
	gdb_model_say(&m, "noise\r\n$qC#b4");
	check_sent(&m, "+$QC1#c5");
	gdb_model_say(&m, "$QStartNoAckMode#b0");
	check_sent(&m, "+$OK#9a");
	/* There is no asking again any more, and no silence either. */
	gdb_model_say(&m, "$qC#b5");
	check_sent(&m, "$E54#ae");
	gdb_model_say(&m, "$qC#b4");
	check_sent(&m, "$QC1#c5");
	gdb_model_finish(&m);
}

static void test_asked_again(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_say(&m, "-+-");
	check_sent(&m, "");
	gdb_model_say(&m, "$qC#b4-");
	check_sent(&m, "+$QC1#c5$QC1#c5");
	gdb_model_say(&m, "-");
	check_sent(&m, "$QC1#c5");
	/* A packet of the client's that was garbled leaves the reply as it is. */
	gdb_model_say(&m, "$zzz#00-");
	check_sent(&m, "-$QC1#c5");
	gdb_model_say(&m, "+--");
	check_sent(&m, "");
	/* A stop reply, too. */
	gdb_model_say(&m, "$c#63");
	check_sent(&m, "+");
	gdb_model_stop(&m, &step_of_2);
	check_sent(&m, "$T05thread:2;#d8");
	gdb_model_say(&m, "-");
	check_sent(&m, "$T05thread:2;#d8");
	/* The last reply that is acknowledged is the one to the request for none. */
	gdb_model_say(&m, "+$QStartNoAckMode#b0-");
	check_sent(&m, "+$OK#9a$OK#9a");
	gdb_model_say(&m, "+$qC#b4-+-");
	check_sent(&m, "$QC2#c6");
	/* And with the next client there are acknowledgements again. */
	iol_gdb_session_end(m.session);
	iol_gdb_session_begin(m.session);
	gdb_model_say(&m, "-$qC#b4");
	check_sent(&m, "+$QC2#c6");
	gdb_model_finish(&m);
}

static void test_oversized(void)
{
	struct gdb_model m;
	g_autofree char *data = g_strnfill(IOL_GDB_PACKET_BYTES + 1, '0');

	start(&m);
	memcpy(data, "M10000,8000:", 12);
	gdb_model_expect(&m, data, "E07");
	g_assert_cmpuint(m.writes, ==, 0);
	data[IOL_GDB_PACKET_BYTES] = '\0';
	/* This one fits, but has not the length that it says. */
	gdb_model_expect(&m, data, "E16");
	memcpy(data, "M10000,7ffa:", 12);
	gdb_model_expect(&m, data, "OK");
	gdb_model_finish(&m);
}

static void test_truncated(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_say(&m, "$M10000,4:aabb");
	check_sent(&m, "");
	gdb_model_say(&m, "$M10000,2:aabb#5c");
	check_sent(&m, "+$OK#9a");
	gdb_model_say(&m, "$M10000,4:ccdd");
	/* The client vanishes in the middle; the next one begins anew. */
	iol_gdb_session_end(m.session);
	g_assert_false(m.attached);
	gdb_model_say(&m, "$qC#b4");
	iol_gdb_session_begin(m.session);
	check_sent(&m, "");
	gdb_model_say(&m, "ccdd#00$m10000,2#bc");
	check_sent(&m, "+$aabb#86");
	gdb_model_finish(&m);
	g_assert_cmpuint(m.attaches, ==, 2);
}

static void test_interrupts(void)
{
	struct gdb_model m;

	start(&m);
	/* While it stands: nothing. */
	gdb_model_say(&m, "\003\003$qC#b4\003");
	check_sent(&m, "+$QC1#c5");
	g_assert_cmpuint(m.interrupts, ==, 0);
	gdb_model_say(&m, "+$c#63\003\003");
	check_sent(&m, "+");
	g_assert_cmpuint(m.interrupts, ==, 1);
	/* A stop of another kind was faster; what the interrupt was for is done. */
	gdb_model_stop(&m, &step_of_2);
	check_sent(&m, "$T05thread:2;#d8");
	gdb_model_say(&m, "\003+$c#63");
	g_assert_cmpuint(m.interrupts, ==, 1);
	check_sent(&m, "+");
	/* At once, and from within the call. */
	m.stops_in_interrupt = true;
	m.next_stop = (struct iol_gdb_stop){ IOL_GDB_STOPPED_INTERRUPT, 2, 0 };
	gdb_model_say(&m, "\003");
	check_sent(&m, "$T02thread:3;#d6");
	g_assert_cmpuint(m.interrupts, ==, 2);
	/* Behind a packet that has no business here, and within one. */
	gdb_model_say(&m, "+$c#63$X10000,1:\003#2d$g#67\003");
	check_sent(&m, "+-+$E10#a6$T02thread:3;#d6");
	g_assert_cmpuint(m.interrupts, ==, 3);
	gdb_model_finish(&m);
}

static void test_out_of_turn(void)
{
	struct gdb_model m;

	start(&m);
	gdb_model_expect(&m, "c", NULL);
	gdb_model_expect(&m, "c", "E10");
	gdb_model_expect(&m, "vCont;c", "E10");
	gdb_model_expect(&m, "m10000,1", "E10");
	gdb_model_expect(&m, "?", "E10");
	gdb_model_expect(&m, "qRcmd,68", "E10");
	gdb_model_expect(&m, "Hg1", "E10");
	gdb_model_expect(&m, "unknown", "E10");
	gdb_model_expect(&m, "vCont?", "vCont;c;C;s;S");
	g_assert_cmpuint(m.resumes, ==, 1);
	gdb_model_stop(&m, &step_of_2);
	check_sent(&m, "$T05thread:2;#d8");
	/* Nobody asked for this one. */
	iol_gdb_session_stopped(m.session, &step_of_2);
	check_sent(&m, "");
	gdb_model_expect(&m, "c", NULL);
	gdb_model_say(&m, "$D#44");
	check_sent(&m, "+$OK#9a");
	g_assert_true(m.hung_up);
	g_assert_false(m.attached);
	iol_gdb_session_stopped(m.session, &step_of_2);
	check_sent(&m, "");
	gdb_model_finish(&m);
	g_assert_cmpuint(m.detaches, ==, 1);
}

static void test_begin_and_end_twice(void)
{
	struct gdb_model m;

	start(&m);
	iol_gdb_session_begin(m.session);
	g_assert_cmpuint(m.attaches, ==, 1);
	gdb_model_expect(&m, "c", NULL);
	iol_gdb_session_end(m.session);
	iol_gdb_session_end(m.session);
	g_assert_cmpuint(m.detaches, ==, 1);
	iol_gdb_session_stopped(m.session, &step_of_2);
	check_sent(&m, "");
	g_assert_true(iol_gdb_session_writable(m.session));
	iol_gdb_session_begin(m.session);
	gdb_model_expect(&m, "?", "T02thread:1;");
	gdb_model_finish(&m);
	iol_gdb_session_free(NULL);
}

static void test_no_room(void)
{
	static const char text[] = "$m10000,8000#52$qC#b4";
	struct gdb_model m;
	g_autofree char *answer = NULL, *ack = NULL;
	size_t taken, bytes;

	start(&m);
	m.capacity = IOL_GDB_OUT_BYTES - 1;
	g_assert_false(iol_gdb_session_writable(m.session));
	g_assert_cmpuint(
		iol_gdb_session_receive(m.session, (const uint8_t *)text, sizeof(text) - 1), ==, 0);
	m.capacity = IOL_GDB_OUT_BYTES;
	g_assert_true(iol_gdb_session_writable(m.session));
	/* The first answer leaves no room for a second one. */
	taken = iol_gdb_session_receive(m.session, (const uint8_t *)text, sizeof(text) - 1);
	g_assert_cmpuint(taken, ==, sizeof(text) - 1 - strlen("$qC#b4"));
	g_assert_false(iol_gdb_session_writable(m.session));
	ack = gdb_model_take(&m, &bytes);
	answer = gdb_model_take(&m, &bytes);
	g_assert_cmpuint(bytes, ==, 1 + IOL_GDB_PACKET_BYTES);
	g_assert_true(iol_gdb_session_writable(m.session));
	gdb_model_say(&m, text + taken);
	check_sent(&m, "+$QC1#c5");
	/* A stop comes whether or not there is room. */
	gdb_model_expect(&m, "c", NULL);
	m.capacity = 0;
	gdb_model_stop(&m, &step_of_2);
	check_sent(&m, "$T05thread:2;#d8");
	gdb_model_finish(&m);
}

/*
 * Takes what is there, and gives the session room again, until it is through: the text that came.
 */
static GString *drain(struct gdb_model *m, size_t *most)
{
	GString *text = g_string_new(NULL);
	bool over = false;

	*most = 0;
	while (!over) {
		char *part;
		size_t bytes;

		*most = MAX(*most, m->sent->len);
		g_assert_cmpuint(m->sent->len, >, 0);
		while ((part = gdb_model_take(m, &bytes))) {
			g_assert_false(over);
			over = !strcmp(part, "$OK");
			for (size_t i = 2; !over && i + 1 < bytes; i += 2)
				g_string_append_c(text, (char)(g_ascii_xdigit_value(part[i]) << 4 |
							       g_ascii_xdigit_value(part[i + 1])));
			g_free(part);
		}
		iol_gdb_session_writable(m->session);
	}
	return text;
}

static void test_much_output(void)
{
	static const char next[] = "$qC#b4";
	struct gdb_model m;
	GString *text;
	size_t most;

	start(&m);
	m.capacity = IOL_GDB_OUT_BYTES;
	m.says = "0123456789abcdef";
	m.says_times = 10000;
	gdb_model_say(&m, "$qRcmd,68#91");
	/* The client waits for the end, and what it says before that waits, too. */
	g_assert_false(iol_gdb_session_writable(m.session));
	g_assert_cmpuint(iol_gdb_session_receive(m.session, (const uint8_t *)next, 6), ==, 0);
	text = drain(&m, &most);
	g_assert_cmpuint(text->len, ==, 160000);
	for (unsigned int i = 0; i < text->len; i++)
		g_assert_cmpint(text->str[i], ==, m.says[i % 16]);
	g_assert_cmpuint(most, <=, m.capacity);
	gdb_model_say(&m, next);
	check_sent(&m, "+$QC1#c5");
	g_string_free(text, TRUE);
	/* More than a person reads. */
	m.says_times = 100000;
	gdb_model_say(&m, "$qRcmd,68#91");
	text = drain(&m, &most);
	g_assert_true(g_str_has_suffix(text->str, "def\n(the rest, beyond 1 MiB, was left out)\n"));
	g_assert_cmpuint(text->len, <, 1024 * 1024 + 64);
	g_string_free(text, TRUE);
	/* And a client that does not stay for it. */
	m.says_times = 100000;
	gdb_model_say(&m, "$qRcmd,68#91");
	gdb_model_finish(&m);
}

/* The machine ends while there is output of the command that ended it. */
static void test_end_behind_output(void)
{
	struct gdb_model m;
	GString *text;
	size_t most;

	start(&m);
	m.capacity = IOL_GDB_OUT_BYTES;
	m.says_times = 200000;
	m.exits_in_monitor = true;
	gdb_model_say(&m, "$qRcmd,68#91");
	g_assert_false(m.hung_up);
	text = drain(&m, &most);
	g_assert_cmpuint(text->len, ==, 200000);
	g_assert_true(m.hung_up);
	gdb_model_say(&m, "$qC#b4");
	check_sent(&m, "");
	g_string_free(text, TRUE);
	gdb_model_finish(&m);
}

/* As a real gdb speaks, in pieces of any size. */
static void test_pieces(void)
{
	static const char wire[] =
		"+$qSupported:swbreak+#8b$QStartNoAckMode#b0+$vCont?#49$?#3f$Z0,10000,1#04$vCont;c#a8\003"
		"$g#67$z0,10000,1#24$D#44";
	g_autofree char *whole = NULL;

	for (size_t piece = sizeof(wire) - 1; piece; piece--) {
		struct gdb_model m;

		start(&m);
		m.stops_in_interrupt = true;
		for (size_t at = 0; at < sizeof(wire) - 1; at += piece) {
			size_t bytes = MIN(piece, sizeof(wire) - 1 - at);

			g_assert_cmpuint(iol_gdb_session_receive(m.session,
								 (const uint8_t *)wire + at, bytes),
					 ==, bytes);
		}
		g_assert_true(m.hung_up);
		g_assert_cmpuint(m.interrupts, ==, 1);
		if (!whole)
			whole = g_strdup(m.sent->str);
		g_assert_cmpstr(m.sent->str, ==, whole);
		g_assert_nonnull(strstr(whole, "$T05thread:1;#"));
		gdb_model_finish(&m);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/gdb/flow/malformed", test_malformed);
	g_test_add_func("/gdb/flow/asked_again", test_asked_again);
	g_test_add_func("/gdb/flow/oversized", test_oversized);
	g_test_add_func("/gdb/flow/truncated", test_truncated);
	g_test_add_func("/gdb/flow/interrupts", test_interrupts);
	g_test_add_func("/gdb/flow/out_of_turn", test_out_of_turn);
	g_test_add_func("/gdb/flow/begin_and_end_twice", test_begin_and_end_twice);
	g_test_add_func("/gdb/flow/no_room", test_no_room);
	g_test_add_func("/gdb/flow/much_output", test_much_output);
	g_test_add_func("/gdb/flow/end_behind_output", test_end_behind_output);
	g_test_add_func("/gdb/flow/pieces", test_pieces);
	return g_test_run();
}
