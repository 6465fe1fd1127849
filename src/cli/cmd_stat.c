// SPDX-License-Identifier: Apache-2.0
/* `iolite stat`: what a running machine does, as vmstat(8) tells it of a host; or all that it has counted, for programs. */
#include "cli.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control_prometheus.h"
#include "control_verb.h"

enum {
	LINES_PER_HEADER = 20, /* on a terminal */
	COUNT_MAX = 1000000000,
};
#define INTERVAL_S_MIN 0.1
#define INTERVAL_S_MAX 86400.0

static const char more[] =
	"Without INTERVAL there is one line: what the machine has done since its start, by the second. "
	"With it\nthat line comes first, then one for each INTERVAL of seconds (0.1 to 86400), "
	"COUNT in all, or until\nthe machine ends or Ctrl-C.\n"
	"NAME is a machine's name, or the path of its socket.\n"
	"\n"
	"Columns, all by the second:\n"
	"  exits    of all CPUs from KVM to iolite: in total, for memory-mapped registers (mmio), "
	"for ports (io),\n"
	"           because iolite interrupted the CPU (intr)\n"
	"  devices  kicks by drivers that woke iolite, interrupts to the guest\n"
	"  disks    requests and bytes, read and written\n"
	"  frames   of network cards, to the guest (rx) and from it (tx); not those that vhost moves\n"
	"\n"
	"Examples:\n"
	"  iolite stat web1\n"
	"  iolite stat web1 1\n"
	"  iolite stat web1 --json | jq .devices\n"
	"  iolite stat web1 --prometheus > web1.prom\n"
	"\n"
	"Exit status: 0, also where the machine ended meanwhile, 1 there is no such machine, or it "
	"does not\nanswer, 2 wrong options.\n";

/* ---- Columns ---- */

enum column {
	EXITS,
	MMIO,
	PORTS,
	INTERRUPTED,
	KICKS,
	INTERRUPTS,
	READS,
	READ_BYTES,
	WRITES,
	WRITTEN_BYTES,
	RX_FRAMES,
	TX_FRAMES,
	COLUMNS,
};

static const struct {
	const char *title;
	const char *group; /* that begins here; NULL: none */
	unsigned int unit; /* of "k" */
} columns[COLUMNS] = {
	[EXITS] = { "total", "---------exits---------", 1000 },
	[MMIO] = { "mmio", NULL, 1000 },
	[PORTS] = { "io", NULL, 1000 },
	[INTERRUPTED] = { "intr", NULL, 1000 },
	[KICKS] = { "kicks", "--devices--", 1000 },
	[INTERRUPTS] = { "irqs", NULL, 1000 },
	[READS] = { "read", "---------disks---------", 1000 },
	[READ_BYTES] = { "bytes", NULL, 1024 },
	[WRITES] = { "write", NULL, 1000 },
	[WRITTEN_BYTES] = { "bytes", NULL, 1024 },
	[RX_FRAMES] = { "rx", "--frames---", 1000 },
	[TX_FRAMES] = { "tx", NULL, 1000 },
};

/* What a machine had counted at a time of its own clock. */
struct counts {
	double at_s;
	double values[COLUMNS];
};

static double number(const json_t *object, const char *key)
{
	double value = json_number_value(json_object_get(object, key));

	return value > 0 ? value : 0;
}

static void add_cpus(struct counts *counts, const json_t *cpus)
{
	size_t i;
	json_t *cpu;

	json_array_foreach(cpus, i, cpu)
	{
		json_t *exits = json_object_get(cpu, "exits"), *count;
		const char *reason;

		json_object_foreach(exits, reason, count) counts->values[EXITS] +=
			number(exits, reason);
		counts->values[MMIO] += number(exits, "mmio");
		counts->values[PORTS] += number(exits, "io");
		counts->values[INTERRUPTED] += number(exits, "intr");
	}
}

static void add_devices(struct counts *counts, const json_t *devices)
{
	size_t i;
	json_t *device;

	json_array_foreach(devices, i, device)
	{
		const json_t *disk = json_object_get(device, "disk");
		const json_t *net = json_object_get(device, "net");
		const json_t *read = json_object_get(disk, "read");
		const json_t *write = json_object_get(disk, "write");
		const json_t *zeroes = json_object_get(disk, "write-zeroes");

		counts->values[KICKS] += number(device, "kicks");
		counts->values[INTERRUPTS] += number(device, "interrupts");
		counts->values[READS] += number(read, "requests");
		counts->values[READ_BYTES] += number(read, "bytes");
		counts->values[WRITES] += number(write, "requests") + number(zeroes, "requests");
		counts->values[WRITTEN_BYTES] += number(write, "bytes") + number(zeroes, "bytes");
		counts->values[RX_FRAMES] += number(net, "rx-frames");
		counts->values[TX_FRAMES] += number(net, "tx-frames");
	}
}

static void take_counts(struct counts *counts, const json_t *stats)
{
	size_t i;
	json_t *line;

	memset(counts, 0, sizeof(*counts));
	counts->at_s = number(stats, "uptime-seconds");
	add_cpus(counts, json_object_get(stats, "cpus"));
	add_devices(counts, json_object_get(stats, "devices"));
	json_array_foreach(json_object_get(stats, "lines"), i, line) counts->values[INTERRUPTS] +=
		number(line, "interrupts");
}

/* ---- Lines ---- */

/* Five characters at most, as far as that goes: "99999", "100k", "9765M". */
static void format_rate(double rate, unsigned int unit, char text[32])
{
	static const char letters[] = "kMGTPE";
	const char *letter = letters;
	double value = rint(rate);

	if (value < 100000) {
		snprintf(text, 32, "%.0f", value);
		return;
	}
	for (value /= unit; rint(value) >= 10000 && letter[1]; letter++)
		value /= unit;
	snprintf(text, 32, "%.0f%c", value, *letter);
}

static void print_header(void)
{
	for (int i = 0; i < COLUMNS; i++)
		if (columns[i].group)
			printf("%s%s", i ? " " : "", columns[i].group);
	putchar('\n');
	for (int i = 0; i < COLUMNS; i++)
		printf("%s%5s", i ? " " : "", columns[i].title);
	putchar('\n');
}

/* What was counted between two times, by the second. */
static void print_rates(const struct counts *before, const struct counts *now)
{
	double seconds = now->at_s - before->at_s;

	for (int i = 0; i < COLUMNS; i++) {
		double count = now->values[i] - before->values[i];
		char text[32];

		format_rate(seconds > 0 && count > 0 ? count / seconds : 0, columns[i].unit, text);
		printf("%s%5s", i ? " " : "", text);
	}
	putchar('\n');
	fflush(stdout);
}

/* ---- The machine ---- */

static int ask(struct iol_client *client, json_t **stats, struct iol_error *err)
{
	int ret = iol_client_execute(client, "x-iolite-stats", NULL, stats, err);

	if (ret || json_is_object(*stats))
		return ret;
	json_decref(*stats);
	*stats = NULL;
	return iol_error_set(err, -EPROTO, "the machine does not say what it has counted");
}

/* Of what it need not have; NULL: it has not. */
static int ask_more(struct iol_client *client, const char *question, json_t *args, json_t **answer,
		    struct iol_error *err)
{
	int ret = iol_client_execute(client, question, args, answer, err);

	return ret == -EREMOTEIO ? 0 : ret;
}

/* KVM's of the machine and of its CPUs, in one list. */
static int ask_kvm(struct iol_client *client, json_t **all, struct iol_error *err)
{
	static const char *const targets[] = { "vm", "vcpu" };
	int ret = 0;

	*all = json_array();
	for (size_t i = 0; i < IOL_ARRAY_LEN(targets) && !ret; i++) {
		json_t *answer;

		ret = ask_more(client, "query-stats", json_pack("{s:s}", "target", targets[i]),
			       &answer, err);
		json_array_extend(*all, answer);
		json_decref(answer);
	}
	return ret;
}

/* Line after line until all were printed, or the machine is gone. The wait is for times, so that lines do not come later and later. */
static int watch(struct iol_client *client, double interval_s, unsigned int count,
		 struct iol_error *err)
{
	const bool terminal = isatty(STDOUT_FILENO);
	gint64 next_us = g_get_monotonic_time();
	struct counts before = { 0 }, now;

	for (unsigned int line = 0; line < count; line++) {
		json_t *stats;
		int ret = ask(client, &stats, err);

		if (ret)
			return ret == -ECONNRESET && line ? 0 : ret;
		take_counts(&now, stats);
		json_decref(stats);
		if (!line || (terminal && line % LINES_PER_HEADER == 0))
			print_header();
		print_rates(&before, &now);
		before = now;
		if (line + 1 == count)
			break;
		next_us = MAX(next_us + (gint64)(interval_s * G_USEC_PER_SEC),
			      g_get_monotonic_time());
		ret = iol_client_wait_end(
			client, (unsigned int)((next_us - g_get_monotonic_time()) / 1000), err);
		if (ret != -ETIMEDOUT)
			return ret;
	}
	return 0;
}

static void print_json(const json_t *stats)
{
	char *text = json_dumps(stats, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	puts(text ? text : "{}");
	free(text);
}

static int print_all(struct iol_client *client, const char *name, bool prometheus,
		     struct iol_error *err)
{
	json_t *stats = NULL, *kvm = NULL, *schemas = NULL;
	int ret = ask(client, &stats, err);

	if (!ret)
		ret = ask_kvm(client, &kvm, err);
	if (!ret && prometheus)
		ret = ask_more(client, "query-stats-schemas", NULL, &schemas, err);
	if (!ret && prometheus) {
		const char *own = json_string_value(json_object_get(stats, "name"));
		const struct iol_prometheus what = {
			.machine = own ? own : name,
			.stats = stats,
			.schemas = schemas,
			.kvm = kvm,
		};
		g_autoptr(GString) text = iol_prometheus_text(&what);

		fputs(text->str, stdout);
	} else if (!ret) {
		json_object_set(stats, "kvm", kvm);
		print_json(stats);
	}
	json_decref(stats);
	json_decref(kvm);
	json_decref(schemas);
	return ret;
}

/* ---- The verb ---- */

struct options {
	gboolean json, prometheus;
	double interval_s;
	unsigned int count;
};

/* @args: NAME [INTERVAL [COUNT]] */
static int read_arguments(struct options *o, char *const *args)
{
	char *end;
	guint64 count;

	o->count = 1;
	if (o->json && o->prometheus)
		return iol_cli_fail("stat", IOL_EXIT_USAGE, "give one of --json and --prometheus");
	if (!args[1])
		return 0;
	if (o->json || o->prometheus)
		return iol_cli_fail("stat", IOL_EXIT_USAGE,
				    "%s is printed once: leave INTERVAL out, or the option",
				    o->json ? "--json" : "--prometheus");
	o->count = UINT_MAX;
	o->interval_s = g_ascii_strtod(args[1], &end);
	if (!g_ascii_isdigit(*args[1]) || *end || !(o->interval_s >= INTERVAL_S_MIN) ||
	    o->interval_s > INTERVAL_S_MAX)
		return iol_cli_fail("stat", IOL_EXIT_USAGE,
				    "INTERVAL: '%.64s' is no number of seconds: give 0.1 to %.0f",
				    args[1], INTERVAL_S_MAX);
	if (!args[2])
		return 0;
	if (!g_ascii_string_to_unsigned(args[2], 10, 1, COUNT_MAX, &count, NULL))
		return iol_cli_fail("stat", IOL_EXIT_USAGE,
				    "COUNT: '%.64s' is no number of lines: give 1 to %d", args[2],
				    COUNT_MAX);
	o->count = (unsigned int)count;
	return 0;
}

static int show(const struct options *o, const char *name)
{
	struct iol_client *client;
	struct iol_error err = { 0 };
	int ret, status = iol_control_verb_connect("stat", name, &client);

	if (status)
		return status;
	ret = o->json || o->prometheus ? print_all(client, name, o->prometheus, &err)
				       : watch(client, o->interval_s, o->count, &err);
	if (ret)
		status = iol_control_verb_fail("stat", name, &err);
	iol_client_close(client);
	return status;
}

int iol_cmd_stat(int argc, char **argv)
{
	struct options o = { 0 };
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o.json,
		  "Print all counts as one object; times in seconds or nanoseconds", NULL },
		{ "prometheus", 0, 0, G_OPTION_ARG_NONE, &o.prometheus,
		  "Print all counts for Prometheus (text exposition format)", NULL },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_control_verb verb = { .name = "stat",
					       .arguments = "NAME [INTERVAL [COUNT]]",
					       .does = "show what a running machine does",
					       .entries = entries,
					       .more = more,
					       .args_min = 1,
					       .args_max = 3,
					       .options_anywhere = true };
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = read_arguments(&o, args);
	if (!status)
		status = show(&o, args[0]);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
