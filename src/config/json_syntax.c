// SPDX-License-Identifier: Apache-2.0
/*
 * What is no JSON, told to a person: jansson knows where it stopped, this finds out what was probably
 * meant. See json_reader.h; RFC 8259 is the grammar.
 */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_SHOWN_BYTES = 32 };

/* The token at fault. */
struct spot {
	const char *text; /* all of the file */
	size_t start, end;
	char c; /* its first character, 0 behind the end */
	char before; /* the last character before it that is no space; 0: none */
	char token[TOKEN_SHOWN_BYTES + 1];
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What numbers and words are made of. */
static bool is_word(char c)
{
	return g_ascii_isalnum(c) || (c && strchr("+-._", c));
}

/* From the end of a text to its opening quote: one that no backslash or an even number of them precedes. */
static size_t quote_before(const char *text, size_t end)
{
	size_t at = end, slashes;

	while (at) {
		if (text[--at] != '"')
			continue;
		for (slashes = 0; slashes < at && text[at - slashes - 1] == '\\'; slashes++)
			;
		if (!(slashes % 2))
			return at;
	}
	return end;
}

/* The token that jansson stopped behind; of a word, such as 0x10, it may have read a part only. */
static void find_token(struct spot *s, size_t len)
{
	s->start = s->end - 1;
	if (s->text[s->start] == '"') {
		s->start = quote_before(s->text, s->start);
	} else if (is_word(s->text[s->start])) {
		while (s->start && is_word(s->text[s->start - 1]))
			s->start--;
		while (s->end < len && is_word(s->text[s->end]))
			s->end++;
	}
}

static void find_spot(struct spot *s, const char *text, size_t len, const json_error_t *found)
{
	enum json_error_code code = json_error_code(found);
	size_t before, shown;

	*s = (struct spot){ .text = text };
	s->end = MIN((size_t)MAX(found->position, 0), len);
	if (code == json_error_invalid_utf8 ||
	    g_str_has_prefix(found->text, "unexpected newline") ||
	    g_str_has_prefix(found->text, "control character")) {
		/* Inside a text: the character itself. */
		s->start = s->end;
	} else if (g_str_has_prefix(found->text, "invalid escape")) {
		while (s->end && text[s->end - 1] != '\\')
			s->end--;
		s->start = s->end ? s->end - 1 : 0;
	} else if (code == json_error_premature_end_of_input || !s->end) {
		for (s->end = len; s->end && is_space(text[s->end - 1]);)
			s->end--;
		s->start = s->end;
	} else {
		find_token(s, len);
	}
	s->c = s->start < len ? text[s->start] : '\0';
	for (before = s->start; before && is_space(text[before - 1]);)
		before--;
	s->before = before ? text[before - 1] : '\0';
	shown = MIN(s->end - s->start, TOKEN_SHOWN_BYTES);
	memcpy(s->token, text + s->start, shown);
}

static const char *skip_digits(const char *text)
{
	while (g_ascii_isdigit(*text))
		text++;
	return text;
}

/* RFC 8259 6. */
static bool is_number(const char *text)
{
	const char *digits = text + (*text == '-');

	text = *digits == '0' ? digits + 1 : skip_digits(digits);
	if (text != digits && *text == '.' && g_ascii_isdigit(text[1]))
		text = skip_digits(text + 1);
	if (text != digits && (*text == 'e' || *text == 'E')) {
		digits = text + 1 + (text[1] == '+' || text[1] == '-');
		text = skip_digits(digits);
	}
	return text != digits && !*text;
}

/* A word that begins like a number and is none, or NULL. */
static char *explain_number(const struct spot *s)
{
	const char *digits = s->token + (s->c == '-');

	if (!s->c || !strchr("0123456789+-.", s->c) || is_number(s->token))
		return NULL;
	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
		return g_strdup_printf("%s is hexadecimal, which JSON has not: give a decimal "
				       "number, or text in double quotes in a list of cells",
				       s->token);
	return g_strdup_printf("%s is no number as JSON has them: write it as 5, -5 or 0.5, and a "
			       "size in double quotes",
			       s->token);
}

/* A token where a value or a key should be. */
static char *explain_token(const struct spot *s, bool key)
{
	char *number = explain_number(s);

	if (number)
		return number;
	if (s->c == '\'')
		return g_strdup("single quotes: JSON takes double quotes only");
	if (g_ascii_isalpha(s->c) || s->c == '_')
		return g_strdup_printf("%s without quotes: write \"%s\"%s", key ? "a key" : "text",
				       s->token,
				       key ? "" : "; true, false and null are in small letters");
	return g_strdup_printf("a %s is missing before %s", key ? "key" : "value", s->token);
}

/* A token where a comma or the end of an object or list should be. */
static char *explain_separator(const struct spot *s, const char *closing)
{
	char *number = explain_number(s);

	return number ? number
		      : g_strdup_printf("a comma or %s is missing before %s", closing, s->token);
}

static char *explain_end(const struct spot *s)
{
	if (!s->end)
		return g_strdup("empty: the least that a configuration has is {}");
	return g_strdup("it ends too early: a closing quote, } or ] is missing");
}

static char *explain_code(const struct spot *s, enum json_error_code code)
{
	switch (code) {
	case json_error_premature_end_of_input:
		return explain_end(s);
	case json_error_duplicate_key:
		return g_strdup_printf("the key %s is given twice: leave one out", s->token);
	case json_error_numeric_overflow:
		return g_strdup_printf("%s is too large for a number: write it as text where that "
				       "will do, such as \"8T\" or {\"u64\": \"0x...\"}",
				       s->token);
	case json_error_invalid_utf8:
		return g_strdup("this is not UTF-8: save the file in that encoding");
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return g_strdup("a text cannot have a \\u0000: take it away");
	case json_error_stack_overflow:
		return g_strdup("too many { and [ in each other: take some away");
	case json_error_end_of_input_expected:
		return g_strdup_printf("%s stands behind the end of the configuration: take it "
				       "away",
				       s->token);
	default:
		return NULL;
	}
}

static char *explain(const struct spot *s, const json_error_t *found)
{
	static const struct {
		const char *starts, *says;
	} texts[] = {
		{ "unexpected newline", "a text ends with its line: a closing quote is missing "
					"(a line break in a text is \\n)" },
		{ "control character",
		  "a control character in a text: write it as \\t or \\u0009" },
		{ "invalid escape",
		  "a backslash begins an escape such as \\n: write \\\\ for itself" },
	};
	char *known = explain_code(s, json_error_code(found));

	for (size_t i = 0; !known && i < IOL_ARRAY_LEN(texts); i++)
		if (g_str_has_prefix(found->text, texts[i].starts))
			known = g_strdup(texts[i].says);
	if (known)
		return known;
	if (s->c == '/' || s->c == '#')
		return g_strdup("JSON has no comments: take it away");
	if (s->before == ',' && (s->c == '}' || s->c == ']'))
		return g_strdup_printf("a comma before the closing %c: take it away", s->c);
	if (g_str_has_prefix(found->text, "'[' or '{' expected"))
		return g_strdup("no configuration: it is a JSON object and starts with {; a kernel "
				"is named with -k, a disk with -d");
	if (g_str_has_prefix(found->text, "string or '}' expected") ||
	    g_str_has_prefix(found->text, "string expected"))
		return explain_token(s, true);
	if (g_str_has_prefix(found->text, "':' expected"))
		return g_strdup_printf("a colon is missing before %s", s->token);
	if (g_str_has_prefix(found->text, "'}' expected"))
		return explain_separator(s, "}");
	if (g_str_has_prefix(found->text, "']' expected"))
		return explain_separator(s, "]");
	if (g_str_has_prefix(found->text, "invalid token") ||
	    g_str_has_prefix(found->text, "unexpected token"))
		return explain_token(s, s->before == '{');
	return g_strdup_printf("%.100s: correct it", found->text);
}

int iol_json_syntax_refuse(const char *name, const char *text, size_t len,
			   const json_error_t *found, struct iol_error *err)
{
	g_autofree char *says = NULL;
	size_t line = 1, column = 1;
	struct spot s;

	find_spot(&s, text, len, found);
	for (size_t i = 0; i < s.start; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	says = explain(&s, found);
	return iol_error_set(err, -EINVAL, "%s:%zu:%zu: %s", name, line, column, says);
}
