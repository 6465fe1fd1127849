// SPDX-License-Identifier: Apache-2.0
/*
 * What a machine has counted, in Prometheus' text exposition format. See control_prometheus.h.
 *
 * A metric's lines follow each other, with HELP and TYPE in front of them, and no sample comes twice, whatever the machine says: a
 * reader drops all of a text with one such mistake.
 */
#include "control_prometheus.h"

#include <string.h>

#include <iolite/macros.h>

#include "control_verb.h"

struct writer {
	const struct iol_prometheus *what;
	GString *out;
	GHashTable *seen; /* names of metrics, and samples without their values (char *) */
	const char *metric; /* whose lines are written; NULL: it was there before, and gets none */
};

/* ---- Lines ---- */

/* True: the first time. Steals @text. */
static bool is_new(struct writer *w, char *text)
{
	return g_hash_table_add(w->seen, text);
}

static void begin(struct writer *w, const char *name, const char *type, const char *help)
{
	w->metric = is_new(w, g_strdup(name)) ? name : NULL;
	if (w->metric)
		g_string_append_printf(w->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
				       type);
}

/* Labels of a sample; each in a line of its own would be the same. */
static void add_label(GString *labels, const char *key, const char *value)
{
	g_autofree char *text = iol_control_printable(value ? value : "");

	g_string_append_printf(labels, ",%s=\"", key);
	for (const char *at = text; *at; at++) {
		if (*at == '\\' || *at == '"')
			g_string_append_c(labels, '\\');
		if (*at == '\n')
			g_string_append(labels, "\\n");
		else
			g_string_append_c(labels, *at);
	}
	g_string_append_c(labels, '"');
}

static GString *new_labels(const struct writer *w)
{
	GString *labels = g_string_new(NULL);

	add_label(labels, "machine", w->what->machine);
	g_string_erase(labels, 0, 1); /* the comma */
	return labels;
}

static void sample_text(struct writer *w, const char *suffix, const GString *labels,
			const char *value)
{
	g_autofree char *name = NULL;

	if (!w->metric)
		return;
	name = g_strdup_printf("%s%s{%s}", w->metric, suffix, labels->str);
	if (is_new(w, g_strdup(name)))
		g_string_append_printf(w->out, "%s %s\n", name, value);
}

static void sample_real(struct writer *w, const char *suffix, const GString *labels, double value)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];

	sample_text(w, suffix, labels, g_ascii_formatd(text, sizeof(text), "%.15g", value));
}

/* Of all that is counted nothing is below 0. */
static void sample(struct writer *w, const GString *labels, const json_t *value)
{
	g_autofree char *text = NULL;

	if (json_number_value(value) < 0)
		return;
	if (json_is_integer(value))
		text = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_boolean(value))
		text = g_strdup(json_is_true(value) ? "1" : "0");
	if (text)
		sample_text(w, "", labels, text);
	if (json_is_real(value))
		sample_real(w, "", labels, json_real_value(value));
}

/* ---- What iolite counts ---- */

/* Where a number is: each has labels of its own. */
enum source { MACHINE, DEVICE, DISK, NET, LINE };

/* One that has no HELP is of the metric before it. */
static const struct {
	const char *name, *help;
	enum source source;
	const char *key; /* in the object of the source */
	const char *label, *value; /* one more; NULL: none */
} numbers[] = {
	{ "iolite_uptime_seconds", "Since the machine began to run.", MACHINE, "uptime-seconds",
	  NULL, NULL },
	{ "iolite_resets_total", "Resets of the machine, by whomever.", MACHINE, "resets", NULL,
	  NULL },
	{ "iolite_device_kicks_total", "Kicks of the driver that woke iolite.", DEVICE, "kicks",
	  NULL, NULL },
	{ "iolite_device_interrupts_total", "Interrupts of the device's queues.", DEVICE,
	  "interrupts", NULL, NULL },
	{ "iolite_device_requests_total", "Chains of buffers that the device has given back.",
	  DEVICE, "requests", NULL, NULL },
	{ "iolite_device_requests_in_flight", "Chains of buffers that the device has now.", DEVICE,
	  "in-flight", NULL, NULL },
	{ "iolite_device_bytes_total", "Bytes of the device's buffers, headers included.", DEVICE,
	  "out-bytes", "direction", "out" },
	{ "iolite_device_bytes_total", NULL, DEVICE, "in-bytes", "direction", "in" },
	{ "iolite_device_mistakes_total",
	  "Rules that the guest's driver broke, after which the device waited for a reset.", DEVICE,
	  "mistakes", NULL, NULL },
	{ "iolite_disk_requests_total", "Requests of a disk that were done.", DISK, "requests",
	  NULL, NULL },
	{ "iolite_disk_bytes_total", "Bytes of the requests of a disk that were done.", DISK,
	  "bytes", NULL, NULL },
	{ "iolite_disk_errors_total",
	  "Requests that the host did not do, or that cannot be done (invalid).", DISK, "failed",
	  "cause", "failed" },
	{ "iolite_disk_errors_total", NULL, DISK, "invalid", "cause", "invalid" },
	{ "iolite_net_frames_total", "Frames, rx: to the guest, tx: from it.", NET, "rx-frames",
	  "direction", "rx" },
	{ "iolite_net_frames_total", NULL, NET, "tx-frames", "direction", "tx" },
	{ "iolite_net_bytes_total", "Bytes of frames, rx: to the guest, tx: from it.", NET,
	  "rx-bytes", "direction", "rx" },
	{ "iolite_net_bytes_total", NULL, NET, "tx-bytes", "direction", "tx" },
	{ "iolite_net_dropped_total", "Frames that were lost.", NET, "rx-dropped", "direction",
	  "rx" },
	{ "iolite_net_dropped_total", NULL, NET, "tx-dropped", "direction", "tx" },
	{ "iolite_net_filtered_total", "Frames that the guest does not want to see.", NET,
	  "rx-filtered", NULL, NULL },
	{ "iolite_line_bytes_total", "Bytes of a serial line or console, as the guest sees them.",
	  LINE, "out-bytes", "direction", "out" },
	{ "iolite_line_bytes_total", NULL, LINE, "in-bytes", "direction", "in" },
	{ "iolite_line_dropped_bytes_total", "Output that nobody read.", LINE, "dropped-bytes",
	  NULL, NULL },
	{ "iolite_line_interrupts_total", "Interrupts of a serial line.", LINE, "interrupts", NULL,
	  NULL },
};

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void write_number(struct writer *w, size_t idx, GString *labels, const json_t *object)
{
	if (numbers[idx].label)
		add_label(labels, numbers[idx].label, numbers[idx].value);
	sample(w, labels, json_object_get(object, numbers[idx].key));
	g_string_free(labels, TRUE);
}

static GString *device_labels(const struct writer *w, const json_t *device)
{
	GString *labels = new_labels(w);

	add_label(labels, "device", text_of(device, "id"));
	return labels;
}

static GString *disk_labels(const struct writer *w, const json_t *device, const char *operation)
{
	GString *labels = device_labels(w, device);

	add_label(labels, "operation", operation);
	return labels;
}

static void write_device(struct writer *w, size_t idx, const json_t *device)
{
	json_t *disk = json_object_get(device, "disk"), *kind;
	const json_t *net = json_object_get(device, "net");
	const char *operation;
	GString *labels;

	if (numbers[idx].source == DEVICE) {
		labels = device_labels(w, device);
		add_label(labels, "kind", text_of(device, "kind"));
		write_number(w, idx, labels, device);
	} else if (numbers[idx].source == DISK) {
		json_object_foreach(disk, operation, kind)
			write_number(w, idx, disk_labels(w, device, operation), kind);
	} else if (net) {
		write_number(w, idx, device_labels(w, device), net);
	}
}

static void write_line(struct writer *w, size_t idx, const json_t *line)
{
	GString *labels = new_labels(w);

	add_label(labels, "line", text_of(line, "label"));
	write_number(w, idx, labels, line);
}

static void write_numbers(struct writer *w)
{
	const json_t *devices = json_object_get(w->what->stats, "devices");
	const json_t *lines = json_object_get(w->what->stats, "lines");

	for (size_t n = 0; n < IOL_ARRAY_LEN(numbers); n++) {
		const char *name = numbers[n].name;
		json_t *item;
		size_t i;

		if (numbers[n].help)
			begin(w, name, g_str_has_suffix(name, "_total") ? "counter" : "gauge",
			      numbers[n].help);
		if (numbers[n].source == MACHINE) {
			write_number(w, n, new_labels(w), w->what->stats);
		} else if (numbers[n].source == LINE) {
			json_array_foreach(lines, i, item) write_line(w, n, item);
		} else {
			json_array_foreach(devices, i, item) write_device(w, n, item);
		}
	}
}

static void write_status(struct writer *w)
{
	g_autoptr(GString) labels = new_labels(w);
	const char *status = text_of(w->what->stats, "status");

	begin(w, "iolite_running", "gauge", "Whether the guest's CPUs run: 1, or stand: 0.");
	sample_text(w, "", labels, status && !strcmp(status, "running") ? "1" : "0");
}

static char *cpu_name(const json_t *cpu)
{
	return g_strdup_printf("%" JSON_INTEGER_FORMAT,
			       json_integer_value(json_object_get(cpu, "index")));
}

static void write_exits(struct writer *w)
{
	size_t i;
	json_t *cpu;

	begin(w, "iolite_cpu_exits_total", "counter",
	      "Exits of a CPU from KVM to iolite, by KVM's reasons.");
	json_array_foreach(json_object_get(w->what->stats, "cpus"), i, cpu)
	{
		g_autofree char *name = cpu_name(cpu);
		const char *reason;
		json_t *count;

		json_object_foreach(json_object_get(cpu, "exits"), reason, count)
		{
			g_autoptr(GString) labels = new_labels(w);

			add_label(labels, "cpu", name);
			add_label(labels, "reason", reason);
			sample(w, labels, count);
		}
	}
}

/* ---- How long requests took ---- */

/* Each longer than the one before it. */
static bool are_bounds(const json_t *bounds)
{
	json_int_t last = 0;
	size_t i;
	json_t *bound;

	json_array_foreach(bounds, i, bound)
	{
		if (json_integer_value(bound) <= last)
			return false;
		last = json_integer_value(bound);
	}
	return true;
}

/* Of how many requests of @kind took up to each of @bounds, and longer than the one before it; one more for the rest. */
static void write_histogram(struct writer *w, const GString *labels, const json_t *bounds,
			    const json_t *kind)
{
	const json_t *bins = json_object_get(kind, "latency");
	json_int_t sum = 0;
	size_t i;
	json_t *bin;
	g_autofree char *total = NULL;

	if (!json_array_size(bins) || json_array_size(bins) != json_array_size(bounds) + 1 ||
	    !are_bounds(bounds))
		return;
	json_array_foreach(bins, i, bin)
	{
		double ns = (double)json_integer_value(json_array_get(bounds, i));
		g_autoptr(GString) with_bound = g_string_new(labels->str);
		g_autofree char *text = NULL;
		char le[G_ASCII_DTOSTR_BUF_SIZE];

		g_ascii_formatd(le, sizeof(le), "%.15g", ns / (double)IOL_NS_PER_S);
		add_label(with_bound, "le", i < json_array_size(bounds) ? le : "+Inf");
		if (json_integer_value(bin) > 0)
			sum += MIN(json_integer_value(bin), INT64_MAX - sum);
		text = g_strdup_printf("%" JSON_INTEGER_FORMAT, sum);
		sample_text(w, "_bucket", with_bound, text);
	}
	sample_real(w, "_sum", labels,
		    MAX(json_number_value(json_object_get(kind, "time-ns")), 0) /
			    (double)IOL_NS_PER_S);
	total = g_strdup_printf("%" JSON_INTEGER_FORMAT, sum);
	sample_text(w, "_count", labels, total);
}

static void write_latencies(struct writer *w)
{
	const json_t *bounds = json_object_get(w->what->stats, "latency-ns");
	size_t i;
	json_t *device;

	begin(w, "iolite_disk_request_duration_seconds", "histogram",
	      "How long the host took for requests of a disk.");
	json_array_foreach(json_object_get(w->what->stats, "devices"), i, device)
	{
		const char *operation;
		json_t *kind;

		json_object_foreach(json_object_get(device, "disk"), operation, kind)
		{
			g_autoptr(GString) labels = disk_labels(w, device, operation);

			write_histogram(w, labels, bounds, kind);
		}
	}
}

/* ---- What KVM counts ---- */

static bool is_metric_name(const char *name)
{
	return name && *name &&
	       strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_") == strlen(name);
}

/* By names, lists of what results say of them: [path or null, value]. A machine may say anything, any number of times. */
static json_t *index_results(const json_t *results, bool cpus)
{
	json_t *index = json_object(), *result, *stat;
	size_t i, j;

	json_array_foreach(results, i, result)
	{
		json_t *path = json_object_get(result, "qom-path");

		if (!path == cpus)
			continue;
		json_array_foreach(json_object_get(result, "stats"), j, stat)
		{
			const char *name = text_of(stat, "name");
			json_t *said = name ? json_object_get(index, name) : NULL;

			if (name && !said) {
				said = json_array();
				json_object_set_new(index, name, said);
			}
			json_array_append_new(said, json_pack("[O?, O?]", path,
							      json_object_get(stat, "value")));
		}
	}
	return index;
}

/* @said: of one name, see above. */
static void write_kvm_values(struct writer *w, const json_t *said)
{
	static const char prefix[] = "/machine/cpu/";
	size_t i;
	json_t *one;

	json_array_foreach(said, i, one)
	{
		const char *path = json_string_value(json_array_get(one, 0));
		g_autoptr(GString) labels = new_labels(w);

		if (path)
			add_label(labels, "cpu",
				  g_str_has_prefix(path, prefix) ? path + strlen(prefix) : path);
		sample(w, labels, json_array_get(one, 1));
	}
}

/* "10^-9 seconds"; "": a number. */
static char *unit_of(const json_t *schema)
{
	const char *said = text_of(schema, "unit");
	const char *unit = g_strcmp0(said, "boolean") ? said : NULL;
	json_int_t exponent = json_integer_value(json_object_get(schema, "exponent"));
	g_autofree char *printable = iol_control_printable(unit ? unit : "");

	g_strdelimit(printable, "\n\t\\", '?');
	if (!exponent)
		return g_strdup_printf("%s%s", *printable ? " in " : "", printable);
	return g_strdup_printf(" in %" JSON_INTEGER_FORMAT "^%" JSON_INTEGER_FORMAT " %s",
			       json_integer_value(json_object_get(schema, "base")), exponent,
			       printable);
}

/* Histograms are left out: these have no sum, and bounds of their own. */
static void write_kvm_stat(struct writer *w, const json_t *schema, bool cpus, const json_t *index)
{
	const char *name = text_of(schema, "name"), *type = text_of(schema, "type");
	bool counter = !g_strcmp0(type, "cumulative");
	g_autofree char *metric = NULL, *help = NULL, *unit = NULL;

	if (!is_metric_name(name) ||
	    (!counter && g_strcmp0(type, "instant") != 0 && g_strcmp0(type, "peak") != 0))
		return;
	unit = unit_of(schema);
	metric = g_strdup_printf("iolite_kvm_%s_%s%s", cpus ? "cpu" : "machine", name,
				 counter ? "_total" : "");
	help = g_strdup_printf("KVM's %s of %s%s.", name, cpus ? "a CPU" : "the machine", unit);
	begin(w, metric, counter ? "counter" : "gauge", help);
	if (w->metric)
		write_kvm_values(w, json_object_get(index, name));
	w->metric = NULL;
}

static void write_kvm(struct writer *w)
{
	json_t *index[] = { index_results(w->what->kvm, false), index_results(w->what->kvm, true) };
	size_t i, j;
	json_t *schema, *stat;

	json_array_foreach(w->what->schemas, i, schema)
	{
		const char *target = text_of(schema, "target");
		bool cpus = !g_strcmp0(target, "vcpu");

		if (!cpus && g_strcmp0(target, "vm") != 0)
			continue;
		json_array_foreach(json_object_get(schema, "stats"), j, stat)
			write_kvm_stat(w, stat, cpus, index[cpus]);
	}
	json_decref(index[0]);
	json_decref(index[1]);
}

GString *iol_prometheus_text(const struct iol_prometheus *what)
{
	struct writer w = {
		.what = what,
		.out = g_string_new(NULL),
		.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
	};

	write_status(&w);
	write_numbers(&w);
	write_exits(&w);
	write_latencies(&w);
	write_kvm(&w);
	g_hash_table_unref(w.seen);
	return w.out;
}
