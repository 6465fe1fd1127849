// SPDX-License-Identifier: Apache-2.0
/*
 * The language in which tests order faults of a disk: items with semicolons between them.
 *
 *   log=PATH       writes down what completed (block_fault_log.h)
 *   log-stable     for a disk that writes through: what is written down is stable
 *   seed=N         of the dice, default 1
 *   WHICH=WHAT     a rule; of several that fit, the first counts
 *
 * WHICH is a kind (read, write, flush, discard, zeroes, any), then in this order, each left out or not:
 *   :N :N-M :N- :*  the requests of that kind, counted from 1; default all
 *   @FROM-TO        those that touch these bytes (suffixes K M G T; TO is not included)
 *   %P              P of 100 of them, by the dice; up to one decimal
 *
 * WHAT is one of these, or slow and another with a plus sign between them:
 *   EIO ENOSPC ...  the request fails with that, and does not happen
 *   slow:DELAY      it begins later: 50ms, 2s, 100us
 *   short:BYTES     it happens in pieces of that many bytes
 *   never           it does not happen, and ends only when it is cancelled
 *   lost            it does not happen, but is said to have
 *
 * Such as: write:3=EIO;flush:2-4=EIO;read=slow:50ms;write@1M-2M=ENOSPC;any:7=never
 */
#include "block_fault_spec.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include <iolite/size.h>

static const char *const kinds[] = { "read", "write", "flush", "discard", "zeroes", "any" };

enum { ERRNO_MAX = 133 };

/* Takes @word off the beginning of *@text. */
static bool skip(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len))
		return false;
	*text += len;
	return true;
}

static bool take_number(const char **text, uint64_t *number)
{
	char *end;

	if (!g_ascii_isdigit(**text))
		return false;
	errno = 0;
	*number = g_ascii_strtoull(*text, &end, 10);
	*text = end;
	return !errno;
}

static bool take_size(const char **text, uint64_t *bytes)
{
	size_t len = strspn(*text, "0123456789KMGTkmgt");
	g_autofree char *size = g_strndup(*text, len);

	*text += len;
	return !iol_size_parse(size, bytes, NULL);
}

static bool take_kind(const char **text, unsigned int *kind)
{
	for (*kind = 0; *kind < G_N_ELEMENTS(kinds); (*kind)++)
		if (skip(text, kinds[*kind]))
			return true;
	return false;
}

static bool take_count(const char **text, struct iol_fault_rule *rule)
{
	if (!skip(text, ":") || skip(text, "*"))
		return true;
	if (!take_number(text, &rule->first) || !rule->first)
		return false;
	if (!skip(text, "-")) {
		rule->last = rule->first;
		return true;
	}
	if (!g_ascii_isdigit(**text))
		return true;
	return take_number(text, &rule->last) && rule->last >= rule->first;
}

static bool take_range(const char **text, struct iol_fault_rule *rule)
{
	if (!skip(text, "@"))
		return true;
	rule->ranged = true;
	return take_size(text, &rule->begin_bytes) && skip(text, "-") &&
	       take_size(text, &rule->end_bytes) && rule->end_bytes > rule->begin_bytes;
}

static bool take_share(const char **text, struct iol_fault_rule *rule)
{
	uint64_t percent, tenths = 0;

	if (!skip(text, "%"))
		return true;
	if (!take_number(text, &percent) || percent > 100)
		return false;
	if (skip(text, ".") && (!take_number(text, &tenths) || tenths > 9))
		return false;
	rule->per_mille = (uint32_t)(percent * 10 + tenths);
	return rule->per_mille <= 1000;
}

static bool take_delay(const char **text, uint64_t *ns)
{
	uint64_t number, unit;

	if (!take_number(text, &number) || number > 1000000)
		return false;
	if (skip(text, "us"))
		unit = 1000;
	else if (skip(text, "ms"))
		unit = IOL_NS_PER_MS;
	else if (skip(text, "s"))
		unit = IOL_NS_PER_S;
	else
		return false;
	*ns = number * unit;
	return true;
}

static bool take_errno(const char **text, int *error)
{
	for (int code = 1; code <= ERRNO_MAX; code++) {
		const char *name = strerrorname_np(code);

		if (name && !strcmp(*text, name)) {
			*text += strlen(name);
			*error = -code;
			return true;
		}
	}
	return false;
}

static bool take_what(const char **text, struct iol_fault_rule *rule)
{
	uint64_t bytes;

	if (skip(text, "slow:")) {
		if (rule->delay_ns || !take_delay(text, &rule->delay_ns) || !rule->delay_ns)
			return false;
		return !skip(text, "+") || take_what(text, rule);
	}
	if (skip(text, "short:")) {
		if (!take_size(text, &bytes) || !bytes || bytes % IOL_BLOCK_SECTOR_BYTES ||
		    bytes > IOL_GIB)
			return false;
		rule->piece_bytes = (uint32_t)bytes;
		return true;
	}
	if (skip(text, "never"))
		return rule->never = true;
	if (skip(text, "lost"))
		return rule->lost = true;
	return take_errno(text, &rule->error);
}

static bool parse_rule(const char *text, struct iol_fault_rule *rule)
{
	*rule = (struct iol_fault_rule){ .first = 1, .last = UINT64_MAX, .per_mille = 1000 };
	return take_kind(&text, &rule->kind) && take_count(&text, rule) &&
	       take_range(&text, rule) && take_share(&text, rule) && skip(&text, "=") &&
	       take_what(&text, rule) && !*text;
}

static bool parse_item(struct iol_fault_spec *spec, const char *item)
{
	if (skip(&item, "log=")) {
		g_free(spec->log_path);
		spec->log_path = g_strdup(item);
		return *item;
	}
	if (skip(&item, "seed="))
		return take_number(&item, &spec->seed) && !*item;
	if (!strcmp(item, "log-stable"))
		return spec->log_stable = true;
	return parse_rule(item, &spec->rules[spec->rule_count++]);
}

int iol_fault_spec_parse(struct iol_fault_spec *spec, const char *text, struct iol_error *err)
{
	g_auto(GStrv) items = g_strsplit(text, ";", 0);

	*spec = (struct iol_fault_spec){ .seed = 1 };
	spec->rules = g_new0(struct iol_fault_rule, g_strv_length(items) + 1);
	for (char **item = items; *item; item++) {
		if (!**item || parse_item(spec, *item))
			continue;
		iol_fault_spec_finish(spec);
		return iol_error_set(
			err, -EINVAL,
			"fault \"%s\" is not understood; faults are such as write:3=EIO, "
			"read=slow:50ms, write@1M-2M=ENOSPC, any:7=never, log=PATH, with "
			"semicolons between them",
			*item);
	}
	return 0;
}

void iol_fault_spec_finish(struct iol_fault_spec *spec)
{
	g_free(spec->rules);
	g_free(spec->log_path);
	*spec = (struct iol_fault_spec){ 0 };
}
