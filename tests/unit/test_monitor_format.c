// SPDX-License-Identifier: Apache-2.0
/* Formats and addresses of `x` and `xp`, and what is shown of memory: all kinds and sizes, in both byte orders. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/macros.h>

#include "vmm/monitor_format.h"

/* Memory of a few bytes at @base; what is behind is not there, and says so. */
struct memory {
	struct iol_monitor_reader reader;
	uint64_t base;
	const uint8_t *bytes;
	size_t len;
	unsigned int piece; /* as much as is read at once */
	unsigned int reads;
};

static long read_some(const struct iol_monitor_reader *reader, uint64_t address, uint8_t *buf,
		      unsigned int bytes, GString *out)
{
	struct memory *m = iol_container_of(reader, struct memory, reader);
	uint64_t offset = address - m->base, got;

	m->reads++;
	if (offset >= m->len) {
		g_string_append_printf(out, "nothing at 0x%" PRIx64 "\n", address);
		return -EFAULT;
	}
	got = MIN(MIN(m->piece, bytes), m->len - offset);
	memcpy(buf, m->bytes + offset, got);
	return (long)got;
}

static char *examine(const char *format, uint64_t address, struct memory *m, int ret)
{
	GString *out = g_string_new(NULL);
	struct iol_monitor_format f;

	if (!iol_monitor_format_parse(format, &f, out))
		g_error("%s: %s", format, out->str);
	m->reader.read = read_some;
	m->piece = m->piece ? m->piece : 1000;
	g_assert_cmpint(iol_monitor_examine(&f, address, &m->reader, out), ==, ret);
	return g_string_free(out, FALSE);
}

static const uint8_t some[32] = {
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xfe, 'H',  'i',  '\n', '\'', '"',  '\\',
	0x1b, 0x7f, 0x80, 0xff, 0,    'z',  0,    0,    0,    0x80,
};

#define A "0x0000000000001000:"
#define B "0x0000000000001010:"

static const struct {
	const char *format;
	uint64_t address;
	bool big_endian;
	const char *text;
} shown[] = {
	{ NULL, 0x1000, false, A " 0x67452301\n" },
	{ NULL, 0x1000, true, A " 0x01234567\n" },
	{ "/", 0x1000, true, A " 0x01234567\n" },
	{ "/xb", 0x1000, false, A " 0x01\n" },
	{ "/bx", 0x1001, true, "0x0000000000001001: 0x23\n" },
	{ "/2xh", 0x1000, false, A " 0x2301 0x6745\n" },
	{ "/2xh", 0x1000, true, A " 0x0123 0x4567\n" },
	{ "/g", 0x1000, false, A " 0xefcdab8967452301\n" },
	{ "/1gx", 0x1000, true, A " 0x0123456789abcdef\n" },
	{ "/5xw", 0x1000, false,
	  A " 0x67452301 0xefcdab89 0xffffffff 0xfeffffff\n" B " 0x270a6948\n" },
	{ "/3db", 0x1006, false, "0x0000000000001006:  -51  -17   -1\n" },
	{ "/2dh", 0x1006, true, "0x0000000000001006: -12817     -1\n" },
	{ "/2d", 0x1004, false, "0x0000000000001004:  -271733879          -1\n" },
	{ "/dg", 0x1008, true, "0x0000000000001008:                   -2\n" },
	{ "/dg", 0x1008, false, "0x0000000000001008:   -72057594037927937\n" },
	{ "/2ub", 0x1007, false, "0x0000000000001007:  239  255\n" },
	{ "/uh", 0x1008, false, "0x0000000000001008:  65535\n" },
	{ "/uw", 0x1008, false, "0x0000000000001008:  4294967295\n" },
	{ "/ug", 0x1008, true, "0x0000000000001008: 18446744073709551614\n" },
	{ "/2ob", 0x1007, false, "0x0000000000001007: 0357 0377\n" },
	{ "/oh", 0x1000, true, A " 0000443\n" },
	{ "/ow", 0x1008, false, "0x0000000000001008: 037777777777\n" },
	{ "/og", 0x1000, true, A " 00004432126361152746757\n" },
	{ "/10c", 0x1010, false,
	  B " 'H'     'i'     '\\n'    '\\''    '\"'     '\\\\'    '\\x1b'  '\\x7f'\n"
	    "0x0000000000001018: '\\x80'  '\\xff'\n" },
	{ "/cb", 0x101a, true, "0x000000000000101a: '\\x00'\n" },
	{ "/s", 0x1010, false, B " \"Hi\\n'\\\"\\\\\\x1b\\x7f\\x80\\xff\"\n" },
	{ "/3s", 0x101a, true,
	  "0x000000000000101a: \"\"\n0x000000000000101b: \"z\"\n0x000000000000101d: \"\"\n" },
};

static void test_shown(void)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(shown); i++) {
		for (unsigned int piece = 1; piece < 20; piece += 3) {
			struct memory m = {
				.reader = { .big_endian = shown[i].big_endian },
				.base = 0x1000,
				.bytes = some,
				.len = sizeof(some),
				.piece = piece,
			};
			g_autofree char *text = examine(shown[i].format, shown[i].address, &m, 0);

			if (strcmp(text, shown[i].text) != 0)
				g_error("%s at 0x%lx shows\n%snot\n%s", shown[i].format,
					(unsigned long)shown[i].address, text, shown[i].text);
		}
	}
}

/* What is there is shown, then what is not is named. */
static void test_ends(void)
{
	static const struct {
		const char *format;
		uint64_t base;
		unsigned int len;
		const char *text;
	} cases[] = {
		{ "/4xw", 0x1000, 0, "nothing at 0x1000\n" },
		{ "/4xw", 0x1000, 7, A " 0x67452301\nnothing at 0x1007\n" },
		{ "/xg", 0x1000, 7, "nothing at 0x1007\n" },
		{ "/8xw", 0x1000, 16,
		  A " 0x67452301 0xefcdab89 0xffffffff 0xfeffffff\nnothing at 0x1010\n" },
		{ "/s", 0x1000, 2, A " \"\\x01#\"...\nnothing at 0x1002\n" },
		{ "/2s", 0x1000, 0, "nothing at 0x1000\n" },
		{ "/4xb", UINT64_MAX - 1, 2,
		  "0xfffffffffffffffe: 0x01 0x23\nthere is nothing behind the last address\n" },
		{ "/xw", UINT64_MAX - 1, 2, "there is nothing behind the last address\n" },
		{ "/5xw", UINT64_MAX - 15, 16,
		  "0xfffffffffffffff0: 0x67452301 0xefcdab89 0xffffffff 0xfeffffff\n"
		  "there is nothing behind the last address\n" },
		{ "/2s", UINT64_MAX - 1, 2,
		  "0xfffffffffffffffe: \"\\x01#\"...\nthere is nothing behind the last address\n" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct memory m = { .base = cases[i].base, .bytes = some, .len = cases[i].len };
		g_autofree char *text = examine(cases[i].format, cases[i].base, &m, -EFAULT);

		g_assert_cmpstr(text, ==, cases[i].text);
	}
}

/* However much is asked for, of memory without an end. */
static void test_bounded(void)
{
	g_autofree uint8_t *bytes = g_malloc(64 * 1024);
	static const char *const formats[] = { "/16384xb", "/16384c", "/4096dw", "/16384s" };

	memset(bytes, 'a', 64 * 1024);
	for (size_t i = 0; i < IOL_ARRAY_LEN(formats); i++) {
		struct memory m = { .bytes = bytes, .len = 64 * 1024 };
		g_autofree char *text = examine(formats[i], 0, &m, 0);

		g_assert_cmpuint(strlen(text), <, 256 * 1024);
		g_assert_cmpuint(m.reads, <=, IOL_MONITOR_EXAMINE_BYTES_MAX);
		if (formats[i][6] == 's') /* cut, and goes on behind the cut */
			g_assert_nonnull(strstr(text, "aaa\"...\n0x0000000000000400: \"aaa"));
	}
}

static void test_mistakes(void)
{
	static const struct {
		const char *format, *part;
	} cases[] = {
		{ "x", "a format is" },
		{ "8xw", "a format is" },
		{ "/8xwx", "a format is" },
		{ "/8xwb", "a format is" },
		{ "/w8", "a format is" },
		{ "/8xw ", "a format is" },
		{ "/-1xw", "a format is" },
		{ "/\xff", "a format is" },
		{ "/z", "a format is" },
		{ "/0xw", "the count is 1 to" },
		{ "/4097xw", "the count is 1 to" },
		{ "/16385c", "the count is 1 to" },
		{ "/99999999999999999999xb", "the count is 1 to" },
		{ "/4i", "no disassembler" },
		{ "/ch", "leave the size out" },
		{ "/wc", "leave the size out" },
		{ "/sg", "leave the size out" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autoptr(GString) out = g_string_new(NULL);
		struct iol_monitor_format f;

		if (iol_monitor_format_parse(cases[i].format, &f, out))
			g_error("%s is a format", cases[i].format);
		if (!strstr(out->str, cases[i].part) || !g_str_has_suffix(out->str, "\n"))
			g_error("%s: %s", cases[i].format, out->str);
	}
}

static void test_addresses(void)
{
	static const struct {
		const char *text;
		bool good;
		const char *name;
		uint64_t address;
	} cases[] = {
		{ "0", true, NULL, 0 },
		{ "4096", true, NULL, 4096 },
		{ "0xffffFFFF80000000", true, NULL, UINT64_C(0xffffffff80000000) },
		{ "0xffffffffffffffff", true, NULL, UINT64_MAX },
		{ "010", true, NULL, 8 },
		{ "0x10+0x8", true, NULL, 0x18 },
		{ "0x10-8", true, NULL, 8 },
		{ "$pc", true, "pc", 0 },
		{ "$r15+16", true, "r15", 16 },
		{ "$rsp-8", true, "rsp", (uint64_t)-8 },
		{ "$k_gs_base", true, "k_gs_base", 0 },
		{ "", false, NULL, 0 },
		{ "$", false, NULL, 0 },
		{ "$+1", false, NULL, 0 },
		{ "$pc+", false, NULL, 0 },
		{ "$pc+x", false, NULL, 0 },
		{ "$pc*2", false, NULL, 0 },
		{ "x", false, NULL, 0 },
		{ "-1", false, NULL, 0 },
		{ "0x10x", false, NULL, 0 },
		{ "1+2+3", false, NULL, 0 },
		{ "0x10000000000000000", false, NULL, 0 },
		{ "\xff", false, NULL, 0 },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autofree char *name = NULL;
		uint64_t address;

		if (iol_monitor_address_parse(cases[i].text, &name, &address) != cases[i].good)
			g_error("'%s' is taken for an address: %d", cases[i].text, !cases[i].good);
		g_assert_cmpstr(name, ==, cases[i].name);
		if (cases[i].good)
			g_assert_cmphex(address, ==, cases[i].address);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/monitor-format/shown", test_shown);
	g_test_add_func("/monitor-format/ends", test_ends);
	g_test_add_func("/monitor-format/bounded", test_bounded);
	g_test_add_func("/monitor-format/mistakes", test_mistakes);
	g_test_add_func("/monitor-format/addresses", test_addresses);
	return g_test_run();
}
