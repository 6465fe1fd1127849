// SPDX-License-Identifier: Apache-2.0
#include "backend/block_fault_spec.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static void parse(struct iol_fault_spec *spec, const char *text)
{
	struct iol_error err;

	if (iol_fault_spec_parse(spec, text, &err))
		g_error("%s: %s", text, err.msg);
}

static void test_rules(void)
{
	static const struct {
		const char *text;
		struct iol_fault_rule rule;
	} cases[] = {
		{ "write:3=EIO",
		  { .kind = IOL_BLOCK_WRITE,
		    .first = 3,
		    .last = 3,
		    .per_mille = 1000,
		    .error = -EIO } },
		{ "flush:2-4=ENOSPC",
		  { .kind = IOL_BLOCK_FLUSH,
		    .first = 2,
		    .last = 4,
		    .per_mille = 1000,
		    .error = -ENOSPC } },
		{ "read:*=slow:50ms",
		  { .kind = IOL_BLOCK_READ,
		    .first = 1,
		    .last = UINT64_MAX,
		    .per_mille = 1000,
		    .delay_ns = 50000000 } },
		{ "discard:5-=slow:2s+EOPNOTSUPP",
		  { .kind = IOL_BLOCK_DISCARD,
		    .first = 5,
		    .last = UINT64_MAX,
		    .per_mille = 1000,
		    .delay_ns = 2000000000,
		    .error = -EOPNOTSUPP } },
		{ "zeroes%0.5=lost",
		  { .kind = IOL_BLOCK_WRITE_ZEROES,
		    .first = 1,
		    .last = UINT64_MAX,
		    .per_mille = 5,
		    .lost = true } },
		{ "write:5@1M-2M%10=short:1024",
		  { .kind = IOL_BLOCK_WRITE,
		    .first = 5,
		    .last = 5,
		    .ranged = true,
		    .begin_bytes = IOL_MIB,
		    .end_bytes = 2 * IOL_MIB,
		    .per_mille = 100,
		    .piece_bytes = 1024 } },
		{ "any:7=slow:100us+never",
		  { .kind = IOL_FAULT_ANY,
		    .first = 7,
		    .last = 7,
		    .per_mille = 1000,
		    .delay_ns = 100000,
		    .never = true } },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_fault_spec spec;
		const struct iol_fault_rule *want = &cases[i].rule, *got;

		g_test_message("%s", cases[i].text);
		parse(&spec, cases[i].text);
		g_assert_cmpuint(spec.rule_count, ==, 1);
		got = &spec.rules[0];
		g_assert_cmpuint(got->kind, ==, want->kind);
		g_assert_cmpuint(got->first, ==, want->first);
		g_assert_cmpuint(got->last, ==, want->last);
		g_assert_cmpint(got->ranged, ==, want->ranged);
		g_assert_cmpuint(got->begin_bytes, ==, want->begin_bytes);
		g_assert_cmpuint(got->end_bytes, ==, want->end_bytes);
		g_assert_cmpuint(got->per_mille, ==, want->per_mille);
		g_assert_cmpuint(got->delay_ns, ==, want->delay_ns);
		g_assert_cmpint(got->error, ==, want->error);
		g_assert_cmpuint(got->piece_bytes, ==, want->piece_bytes);
		g_assert_cmpint(got->never, ==, want->never);
		g_assert_cmpint(got->lost, ==, want->lost);
		iol_fault_spec_finish(&spec);
	}
}

static void test_items(void)
{
	struct iol_fault_spec spec;

	parse(&spec, "");
	g_assert_cmpuint(spec.rule_count, ==, 0);
	g_assert_null(spec.log_path);
	iol_fault_spec_finish(&spec);
	parse(&spec, "seed=77;read=EIO;;log=/a=b;log-stable;write=EIO;");
	g_assert_cmpuint(spec.rule_count, ==, 2);
	g_assert_cmpuint(spec.rules[0].kind, ==, IOL_BLOCK_READ);
	g_assert_cmpuint(spec.rules[1].kind, ==, IOL_BLOCK_WRITE);
	g_assert_cmpuint(spec.seed, ==, 77);
	g_assert_true(spec.log_stable);
	g_assert_cmpstr(spec.log_path, ==, "/a=b");
	iol_fault_spec_finish(&spec);
}

static void test_mistakes(void)
{
	static const char *const texts[] = {
		"x",
		"read",
		"read=",
		"read=EWHAT",
		"read=EIO2",
		"reads=EIO",
		"read:0=EIO",
		"read:=EIO",
		"read:4-3=EIO",
		"read:1-2-3=EIO",
		"read@1M=EIO",
		"read@2M-1M=EIO",
		"read@1M-1M=EIO",
		"read@-1=EIO",
		"read@1X-2X=EIO",
		"read%=EIO",
		"read%101=EIO",
		"read%1.23=EIO",
		"read%100.1=EIO",
		"read=slow",
		"read=slow:",
		"read=slow:5",
		"read=slow:5m",
		"read=slow:0ms",
		"read=slow:1s+",
		"read=slow:1s+slow:1s",
		"read=short:",
		"read=short:0",
		"read=short:513",
		"read=neverever",
		"seed=",
		"seed=x",
		"log=",
		"log-stable=1",
		"read:99999999999999999999=EIO",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *text = g_strdup_printf("write=EIO;%s", texts[i]);
		g_autofree char *quoted = g_strdup_printf("\"%s\"", texts[i]);
		struct iol_fault_spec spec;
		struct iol_error err;

		g_test_message("%s", texts[i]);
		g_assert_cmpint(iol_fault_spec_parse(&spec, text, &err), ==, -EINVAL);
		g_assert_nonnull(strstr(err.msg, quoted));
		g_assert_nonnull(strstr(err.msg, "such as write:3=EIO"));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-fault-spec/rules", test_rules);
	g_test_add_func("/block-fault-spec/items", test_items);
	g_test_add_func("/block-fault-spec/mistakes", test_mistakes);
	return g_test_run();
}
