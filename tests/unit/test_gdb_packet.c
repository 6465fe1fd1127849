// SPDX-License-Identifier: Apache-2.0
/* Packets on the wire, and what they are made of. */
#include <glib.h>
#include <string.h>

#include "gdb/packet.h"
#include "gdb/text.h"
#include "gdb_model_target.h"

/* Events as letters, packets with their data in brackets. */
static char *events_of(const char *wire, size_t bytes, size_t step)
{
	struct gdb_packet *p = g_new0(struct gdb_packet, 1);
	GString *text = g_string_new(NULL);

	for (size_t at = 0; at < bytes;) {
		size_t piece = MIN(step, bytes - at), done = 0;

		while (done < piece) {
			enum gdb_event event;
			size_t taken = iol_gdb_packet_take(p, (const uint8_t *)wire + at + done,
							   piece - done, &event);

			g_assert_cmpuint(taken, >, 0);
			g_assert_cmpuint(taken, <=, piece - done);
			done += taken;
			if (event == GDB_EVENT_NONE)
				continue;
			g_string_append_c(text, ".PLMG+-I"[event]);
			if (event == GDB_EVENT_PACKET) {
				g_string_append_c(text, '[');
				g_string_append_len(text, (const char *)p->data, (gssize)p->bytes);
				g_string_append_c(text, ']');
			}
		}
		at += piece;
	}
	g_free(p);
	return g_string_free(text, FALSE);
}

static void check_events(const char *wire, const char *want)
{
	for (size_t step = 1; step <= strlen(wire); step++) {
		g_autofree char *got = events_of(wire, strlen(wire), step);

		g_test_message("in pieces of %zu", step);
		g_assert_cmpstr(got, ==, want);
	}
}

static void test_framing(void)
{
	check_events("+$g#67", "+P[g]");
	check_events("$#00", "P[]");
	check_events("$a#61$b#62\003$c#63-", "P[a]P[b]IP[c]-");
	/* Upper and lower case; noise in between. */
	check_events("$~K#c9abc#12$~K#C9", "P[~K]P[~K]");
	check_events("$a#62", "G");
	check_events("$a#6x", "G");
	check_events("$a#x1", "G");
	check_events("$a##1", "G");
	/* Within a packet these are data. */
	check_events("$+-\003*#9b", "G");
	check_events("$+-\003*#85", "P[+-\003*]");
}

static void test_a_lost_end(void)
{
	check_events("$abc$a#61", "P[a]");
	check_events("$abc#$a#61", "P[a]");
	check_events("$abc#2$a#61", "P[a]");
	check_events("$abc}$a#61", "P[a]");
	check_events("$$$$$$a#61", "P[a]");
}

static void test_escapes(void)
{
	check_events("$}\003}\004}]}\n#62", "P[#$}*]");
	/* Whatever is behind it. */
	check_events("$}a#de", "P[A]");
	check_events("$}}#fa", "P[]]");
	check_events("$a}#de", "M");
	check_events("$a}#df", "G");
}

static char *big(size_t data_bytes, const char *end)
{
	char *text = g_malloc(data_bytes + 16);
	uint8_t sum = 0;

	text[0] = '$';
	memset(text + 1, 'm', data_bytes);
	for (size_t i = 0; i < data_bytes; i++)
		sum = (uint8_t)(sum + 'm');
	g_snprintf(text + 1 + data_bytes, 15, "#%02x%s", sum, end);
	return text;
}

static void test_sizes(void)
{
	g_autofree char *fits = big(IOL_GDB_PACKET_BYTES, "$a#61");
	g_autofree char *more = big(IOL_GDB_PACKET_BYTES + 1, "$a#61");
	g_autofree char *much = big(8 * IOL_GDB_PACKET_BYTES, "$a#61");
	g_autofree char *wrong = big(IOL_GDB_PACKET_BYTES + 1, "$a#61");
	g_autofree char *lost = big(IOL_GDB_PACKET_BYTES + 1, "$a#61");
	g_autofree char *got = events_of(fits, strlen(fits), 1000), *all = NULL;
	g_autofree char *got_more = events_of(more, strlen(more), 1000);
	g_autofree char *got_much = events_of(much, strlen(much), 1000);
	g_autofree char *got_wrong = NULL, *got_lost = NULL;

	g_assert_cmpuint(strlen(got), ==, IOL_GDB_PACKET_BYTES + 3 + 4);
	all = g_strnfill(IOL_GDB_PACKET_BYTES, 'm');
	g_assert_cmpmem(got + 2, IOL_GDB_PACKET_BYTES, all, IOL_GDB_PACKET_BYTES);
	g_assert_cmpstr(got_more, ==, "LP[a]");
	g_assert_cmpstr(got_much, ==, "LP[a]");
	/* Escapes among what is too much. */
	memcpy(much + 2 * IOL_GDB_PACKET_BYTES, "}]", 2);
	g_free(got_much);
	got_much = events_of(much, strlen(much), 1000);
	g_assert_cmpstr(got_much, ==, "LP[a]");
	wrong[1] = 'n';
	got_wrong = events_of(wrong, strlen(wrong), 1000);
	g_assert_cmpstr(got_wrong, ==, "GP[a]");
	*strchr(lost, '#') = '+';
	got_lost = events_of(lost, strlen(lost), 1000);
	g_assert_cmpstr(got_lost, ==, "P[a]");
}

/* Escapes count: it is what is on the wire that is limited. */
static void test_size_of_escapes(void)
{
	g_autofree char *text = big(IOL_GDB_PACKET_BYTES, "");
	g_autofree char *got = NULL, *got_more = NULL, *more = big(IOL_GDB_PACKET_BYTES + 1, "");

	/* The same sum. */
	memcpy(text + IOL_GDB_PACKET_BYTES - 1, "}]", 2);
	got = events_of(text, strlen(text), 4096);
	g_assert_cmpuint(strlen(got), ==, IOL_GDB_PACKET_BYTES + 3 - 1);
	memcpy(more + IOL_GDB_PACKET_BYTES, "}]", 2);
	got_more = events_of(more, strlen(more), 4096);
	g_assert_cmpstr(got_more, ==, "L");
}

static struct gdb_cursor cursor(char *text)
{
	return (struct gdb_cursor){ (uint8_t *)text, (uint8_t *)text + strlen(text) };
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
		const char *rest;
	} cases[] = {
		{ "0", true, 0, "" },
		{ "fFz", true, 255, "z" },
		{ "ffffffffffffffff", true, UINT64_MAX, "" },
		{ "0000000000000000001", true, 1, "" },
		{ "10000000000000000", false, 0, "10000000000000000" },
		{ "", false, 0, "" },
		{ "-1", false, 0, "-1" },
		{ " 1", false, 0, " 1" },
		{ "0x1", true, 0, "x1" },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup(cases[i].text);
		struct gdb_cursor c = cursor(text);
		uint64_t value = 0;

		g_test_message("'%s'", text);
		g_assert_cmpint(iol_gdb_cursor_number(&c, &value), ==, cases[i].good);
		g_assert_cmphex(value, ==, cases[i].value);
		g_assert_cmpstr((const char *)c.at, ==, cases[i].rest);
	}
}

static void test_threads(void)
{
	static const struct {
		const char *text;
		bool good;
		int thread;
	} cases[] = {
		{ "0", true, GDB_THREAD_ANY },
		{ "-1", true, GDB_THREAD_ALL },
		{ "1", true, 0 },
		{ "7fffffff", true, 0x7ffffffe },
		{ "80000000", false, 0 },
		{ "ffffffffffffffff", false, 0 },
		{ "p1.1", false, 0 },
		{ "-2", false, 0 },
		{ "", false, 0 },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup(cases[i].text);
		struct gdb_cursor c = cursor(text);
		int thread = 0;

		g_test_message("'%s'", text);
		g_assert_cmpint(iol_gdb_cursor_thread(&c, &thread), ==, cases[i].good);
		g_assert_cmpint(thread, ==, cases[i].thread);
	}
}

static void test_hexadecimal_in_place(void)
{
	struct gdb_reply *r = g_new0(struct gdb_reply, 1);
	uint8_t *place;

	iol_gdb_reply_begin(r);
	iol_gdb_reply_text(r, "x");
	place = iol_gdb_reply_hex_place(r, 4);
	memcpy(place, "\x01\xab\x10\xff", 4);
	iol_gdb_reply_hex_put(r, 4, 3);
	iol_gdb_reply_finish(r);
	g_assert_cmpmem(r->frame, r->frame_bytes, "$x01ab10#fd", 11);
	/* All of the room, to the last byte. */
	iol_gdb_reply_begin(r);
	place = iol_gdb_reply_hex_place(r, IOL_GDB_PACKET_BYTES / 2);
	for (unsigned int i = 0; i < IOL_GDB_PACKET_BYTES / 2; i++)
		place[i] = (uint8_t)i;
	iol_gdb_reply_hex_put(r, IOL_GDB_PACKET_BYTES / 2, IOL_GDB_PACKET_BYTES / 2);
	iol_gdb_reply_finish(r);
	g_assert_cmpuint(r->frame_bytes, ==, sizeof(r->frame));
	for (unsigned int i = 0; i < IOL_GDB_PACKET_BYTES / 2; i++) {
		g_assert_cmpint(g_ascii_xdigit_value((char)r->frame[1 + 2 * i]), ==, i >> 4 & 15);
		g_assert_cmpint(g_ascii_xdigit_value((char)r->frame[2 + 2 * i]), ==, i & 15);
	}
	g_assert_false(r->cut);
	g_free(r);
}

static void test_a_full_reply(void)
{
	struct gdb_reply *r = g_new0(struct gdb_reply, 1);
	size_t put = 0;

	iol_gdb_reply_begin(r);
	while (iol_gdb_reply_binary(r, put % 2 ? '#' : 'a'))
		put++;
	/* Neither half an escape nor less than there is room for. */
	g_assert_cmpuint(r->bytes, ==, put + put / 2);
	g_assert_cmpuint(r->bytes, >=, IOL_GDB_PACKET_BYTES - 1);
	g_assert_false(r->cut);
	iol_gdb_reply_hex(r, (const uint8_t *)"a", 1);
	g_assert_true(r->cut);
	iol_gdb_reply_finish(r);
	g_assert_cmpuint(r->frame_bytes, <=, sizeof(r->frame));
	iol_gdb_reply_begin(r);
	g_assert_false(r->cut);
	for (unsigned int i = 0; i < IOL_GDB_PACKET_BYTES / 16; i++)
		iol_gdb_reply_number(r, UINT64_MAX);
	g_assert_false(r->cut);
	iol_gdb_reply_number(r, 0);
	g_assert_true(r->cut);
	g_assert_cmpuint(r->bytes, ==, IOL_GDB_PACKET_BYTES);
	g_free(r);
}

static void test_registers(void)
{
	static const struct iol_gdb_register a[] = { { "a", 64, NULL, NULL },
						     { "b", 8, NULL, NULL } };
	static const struct iol_gdb_register b[] = { { "c", 80, NULL, NULL } };
	static const struct iol_gdb_feature fa = { "fa", NULL, a, 2 },
					    none = { "none", NULL, a, 0 },
					    fb = { "fb", NULL, b, 1 };
	static const struct iol_gdb_description d = { "x", 3, { &fa, &none, &fb }, 2, 0 };
	size_t offset;

	g_assert_cmpuint(iol_gdb_register_count(&d), ==, 3);
	g_assert_cmpuint(iol_gdb_registers_bytes(&d), ==, 19);
	g_assert_cmpuint(iol_gdb_general_bytes(&d), ==, 9);
	g_assert_true(iol_gdb_register_at(&d, 0, &offset) == &a[0]);
	g_assert_cmpuint(offset, ==, 0);
	g_assert_true(iol_gdb_register_at(&d, 1, &offset) == &a[1]);
	g_assert_cmpuint(offset, ==, 8);
	g_assert_true(iol_gdb_register_at(&d, 2, &offset) == &b[0]);
	g_assert_cmpuint(offset, ==, 9);
	g_assert_null(iol_gdb_register_at(&d, 3, &offset));
	g_assert_null(iol_gdb_register_at(&d, UINT32_MAX, &offset));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/gdb/packet/framing", test_framing);
	g_test_add_func("/gdb/packet/a_lost_end", test_a_lost_end);
	g_test_add_func("/gdb/packet/escapes", test_escapes);
	g_test_add_func("/gdb/packet/sizes", test_sizes);
	g_test_add_func("/gdb/packet/size_of_escapes", test_size_of_escapes);
	g_test_add_func("/gdb/packet/numbers", test_numbers);
	g_test_add_func("/gdb/packet/threads", test_threads);
	g_test_add_func("/gdb/packet/hexadecimal_in_place", test_hexadecimal_in_place);
	g_test_add_func("/gdb/packet/a_full_reply", test_a_full_reply);
	g_test_add_func("/gdb/packet/registers", test_registers);
	return g_test_run();
}
