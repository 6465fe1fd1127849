// SPDX-License-Identifier: Apache-2.0
/*
 * Formats of `x` and `xp`, and memory in lines. See monitor_format.h.
 *
 * Who asks may be a hostile client, and memory is the guest's: both are bounded, and no byte gets out as it is.
 */
#include "monitor_format.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/endian.h>

enum {
	LINE_BYTES = 16,
	LINE_CHARS = 8, /* of characters, which are wide */
};

/* ---- Formats ---- */

static bool refuse_format(GString *out)
{
	g_string_append(out, "a format is /, a count, one of x d u o c s, and one of the sizes "
			     "b h w g (1, 2, 4, 8 bytes): /8xw\n");
	return false;
}

static bool refuse_count(GString *out)
{
	g_string_append_printf(out,
			       "the count is 1 to what %d bytes hold: QMP's memsave and pmemsave "
			       "write more to a file\n",
			       IOL_MONITOR_EXAMINE_BYTES_MAX);
	return false;
}

static bool take_count(const char **at, struct iol_monitor_format *f, GString *out)
{
	guint64 count = 1;

	if (g_ascii_isdigit(**at))
		count = g_ascii_strtoull(*at, (char **)at, 10);
	if (!count || count > IOL_MONITOR_EXAMINE_BYTES_MAX)
		return refuse_count(out);
	f->count = (unsigned int)count;
	return true;
}

/* 0: it is the letter of no size. */
static unsigned int size_of(char letter)
{
	static const char letters[] = "bhwg";
	const char *at = strchr(letters, letter);

	return at ? 1u << (at - letters) : 0;
}

static bool take_letter(char letter, struct iol_monitor_format *f, GString *out)
{
	unsigned int size = size_of(letter);

	if (letter == 'i') {
		g_string_append(out, "iolite has no disassembler: `gdb open ADDRESS` lets gdb in, "
				     "whose x/i there is\n");
		return false;
	}
	if (size && !f->size_bytes)
		f->size_bytes = size;
	else if (strchr("xduocs", letter) && !f->kind)
		f->kind = letter;
	else
		return refuse_format(out);
	return true;
}

bool iol_monitor_format_parse(const char *text, struct iol_monitor_format *f, GString *out)
{
	const char *at = text && *text == '/' ? text + 1 : "";
	bool by_bytes;

	*f = (struct iol_monitor_format){ .count = 1 };
	if (text && *text != '/')
		return refuse_format(out);
	if (!take_count(&at, f, out))
		return false;
	for (; *at; at++)
		if (!take_letter(*at, f, out))
			return false;
	by_bytes = f->kind == 'c' || f->kind == 's';
	if (by_bytes && f->size_bytes > 1) {
		g_string_append(out, "c and s go by bytes: leave the size out\n");
		return false;
	}
	f->kind = f->kind ? f->kind : 'x';
	if (!f->size_bytes)
		f->size_bytes = by_bytes ? 1 : 4;
	if (f->kind != 's' && f->count > IOL_MONITOR_EXAMINE_BYTES_MAX / f->size_bytes)
		return refuse_count(out);
	return true;
}

/* ---- Addresses ---- */

static bool take_number(const char **at, uint64_t *number)
{
	char *end;

	if (!g_ascii_isdigit(**at))
		return false;
	errno = 0;
	*number = g_ascii_strtoull(*at, &end, 0);
	*at = end;
	return !errno;
}

bool iol_monitor_address_parse(const char *text, char **name, uint64_t *address)
{
	const char *at = text;
	uint64_t number;
	size_t len;
	bool minus;

	*name = NULL;
	*address = 0;
	if (*at == '$') {
		len = strspn(++at, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_");
		if (!len)
			return false;
		*name = g_strndup(at, len);
		at += len;
	} else if (!take_number(&at, address)) {
		return false;
	}
	minus = *at == '-';
	if (*at == '+' || *at == '-') {
		at++;
		if (!take_number(&at, &number))
			at = "?";
		else
			*address += minus ? -number : number;
	}
	if (*at)
		g_clear_pointer(name, g_free);
	return !*at;
}

/* ---- Values ---- */

uint64_t iol_monitor_value(const uint8_t *bytes, unsigned int size, bool big_endian)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value = value << 8 | bytes[big_endian ? i : size - 1 - i];
	return value;
}

/* One character within quotes of that kind. */
static void append_char(GString *out, uint8_t c, char quote)
{
	static const char escaped[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
	const char *at = c ? strchr(escaped, c) : NULL;

	if (at)
		g_string_append_printf(out, "\\%c", letters[at - escaped]);
	else if (c == (uint8_t)quote || c == '\\')
		g_string_append_printf(out, "\\%c", c);
	else if (c < 0x20 || c >= 0x7f)
		g_string_append_printf(out, "\\x%02x", c);
	else
		g_string_append_c(out, (gchar)c);
}

/* As wide as the widest of its size, so that lines are columns. */
static void append_value(GString *out, const struct iol_monitor_format *f, uint64_t value)
{
	unsigned int bits = 8 * f->size_bytes;
	int64_t is_signed = (int64_t)(value << (64 - bits)) >> (64 - bits);
	static const int widths[] = { [1] = 4, [2] = 6, [4] = 11, [8] = 20 };
	gsize before = out->len;

	switch (f->kind) {
	case 'd':
		g_string_append_printf(out, " %*" PRId64, widths[f->size_bytes], is_signed);
		break;
	case 'u':
		g_string_append_printf(out, " %*" PRIu64, widths[f->size_bytes], value);
		break;
	case 'o':
		g_string_append_printf(out, " 0%0*" PRIo64, (int)(bits + 2) / 3, value);
		break;
	case 'c':
		g_string_append(out, " '");
		append_char(out, (uint8_t)value, '\'');
		g_string_append_printf(out, "'%*s", (int)(7 - (out->len - before)), "");
		break;
	default:
		g_string_append_printf(out, " 0x%0*" PRIx64, (int)bits / 4, value);
	}
}

static void append_address(GString *out, uint64_t address)
{
	g_string_append_printf(out, "0x%016" PRIx64 ":", address);
}

static void end_line(GString *out)
{
	while (out->len && out->str[out->len - 1] == ' ')
		g_string_truncate(out, out->len - 1);
	g_string_append_c(out, '\n');
}

/* Exactly @bytes, of which a part may be there: the line of the reader is then about the first that is not. */
static long read_all(const struct iol_monitor_reader *reader, uint64_t address, uint8_t *buf,
		     unsigned int bytes, GString *why)
{
	unsigned int done = 0;

	while (done < bytes) {
		long got;

		if (done && !(address + done)) {
			g_string_append(why, "there is nothing behind the last address\n");
			return done;
		}
		got = reader->read(reader, address + done, buf + done, bytes - done, why);
		if (got <= 0)
			return done ? (long)done : got;
		done += (unsigned int)got;
	}
	return done;
}

static int examine_values(const struct iol_monitor_format *f, uint64_t address,
			  const struct iol_monitor_reader *reader, GString *out)
{
	unsigned int left = f->count * f->size_bytes;
	unsigned int line = f->kind == 'c' ? LINE_CHARS : LINE_BYTES;
	bool wraps = false;

	while (left) {
		g_autoptr(GString) why = g_string_new(NULL);
		unsigned int bytes = MIN(left, line);
		uint8_t buf[LINE_BYTES];
		long got = wraps ? 0 : read_all(reader, address, buf, bytes, why);

		if (wraps)
			g_string_append(why, "there is nothing behind the last address\n");
		if (got >= (long)f->size_bytes) {
			append_address(out, address);
			for (unsigned int at = 0; at + f->size_bytes <= (unsigned long)got;
			     at += f->size_bytes)
				append_value(out, f,
					     iol_monitor_value(buf + at, f->size_bytes,
							       reader->big_endian));
			end_line(out);
		}
		if (why->len) {
			g_string_append(out, why->str);
			return got < 0 ? (int)got : -EFAULT;
		}
		left -= bytes;
		wraps = address > UINT64_MAX - bytes;
		address += bytes;
	}
	return 0;
}

/* From *@address to behind its end; -errno: it goes to where nothing is. */
static int examine_string(uint64_t *address, unsigned int *left,
			  const struct iol_monitor_reader *reader, GString *out)
{
	unsigned int most = MIN(*left, IOL_MONITOR_STRING_BYTES_MAX), done = 0;
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GString) why = g_string_new(NULL);
	uint64_t start = *address;
	const char *end = "...";
	long got = 1;
	uint8_t c;

	for (; done < most && *end; done++) {
		got = read_all(reader, start + done, &c, 1, why);
		if (got <= 0)
			break;
		if (c)
			append_char(text, c, '"');
		else
			end = "";
		if (start + done == UINT64_MAX)
			most = done + 1;
	}
	if (done) {
		append_address(out, start);
		g_string_append_printf(out, " \"%s\"%s\n", text->str, end);
	}
	g_string_append(out, why->str);
	*address += done;
	*left -= done;
	return got < 0 ? (int)got : 0;
}

static int examine_strings(const struct iol_monitor_format *f, uint64_t address,
			   const struct iol_monitor_reader *reader, GString *out)
{
	unsigned int left = IOL_MONITOR_EXAMINE_BYTES_MAX;
	int ret = 0;

	for (unsigned int i = 0; i < f->count && !ret && left; i++) {
		if (i && !address) {
			g_string_append(out, "there is nothing behind the last address\n");
			return -EFAULT;
		}
		ret = examine_string(&address, &left, reader, out);
	}
	return ret;
}

int iol_monitor_examine(const struct iol_monitor_format *format, uint64_t address,
			const struct iol_monitor_reader *reader, GString *out)
{
	if (format->kind == 's')
		return examine_strings(format, address, reader, out);
	return examine_values(format, address, reader, out);
}
