// SPDX-License-Identifier: Apache-2.0
/*
 * Files that a serial line or the console would write, and what else the machine has in them: as files, not as
 * texts, for there are many ways to write a path. Before any thread; the paths are the user's.
 *
 * It is the user's slip that is to be found before anything is opened and emptied, not an attack: what changes in the
 * folders afterwards is not seen.
 */
#include "config_internal.h"
#include "file_id.h"
#include "mistakes.h"

#include <errno.h>
#include <glib.h>

/* A file that a line writes, and whose it is: "serial0", "serial0's log". */
struct output {
	struct iol_file_id id;
	const char *path;
	char *whose;
	unsigned int line; /* which of the serial lines, or CONSOLE */
};

/* Two of each line. */
enum { OUTPUTS_MAX = 2 * (IOL_CONFIG_SERIALS_MAX + 1) };

enum { CONSOLE = IOL_CONFIG_SERIALS_MAX };

struct outputs {
	struct iol_mistakes *mistakes;
	const struct iol_json_place *at; /* of the machine */
	unsigned int count;
	struct output all[OUTPUTS_MAX];
};

static void outputs_finish(struct outputs *outputs)
{
	while (outputs->count) {
		struct output *output = &outputs->all[--outputs->count];

		iol_file_id_finish(&output->id);
		g_free(output->whose);
	}
}

/* The one that writes the file @path (or NULL), or NULL. */
static const struct output *find(const struct outputs *outputs, const char *path)
{
	iol_auto(iol_file_id_finish) struct iol_file_id id = { 0 };

	if (!path || !outputs->count || !iol_file_id_of(path, &id))
		return NULL;
	for (unsigned int i = 0; i < outputs->count; i++)
		if (iol_file_id_same(&outputs->all[i].id, &id))
			return &outputs->all[i];
	return NULL;
}

/* Keeps what is wrong with the line @line. */
static void put(const struct outputs *outputs, unsigned int line, struct iol_error *err)
{
	const struct iol_json_place serials = { .up = outputs->at, .key = "serials" },
				    console = { .up = outputs->at, .key = "console" },
				    serial = { .up = &serials, .idx = line };

	iol_mistakes_put_found(outputs->mistakes, line == CONSOLE ? &console : &serial, NULL, err);
}

/* @path (or NULL), which is @what, must not be what a line writes. */
static void check_path(const struct outputs *outputs, const char *path, const char *what)
{
	const struct output *output = find(outputs, path);
	struct iol_error err;

	if (!output)
		return;
	iol_error_set(&err, -EINVAL,
		      "%s: '%.64s' is the file of %s ('%.64s') and would be written to: "
		      "give the line another path",
		      output->whose, output->path, what, path);
	put(outputs, output->line, &err);
}

static void add_output(struct outputs *outputs, const char *path, unsigned int line,
		       const char *suffix)
{
	struct output *output = &outputs->all[outputs->count];
	const struct output *other = find(outputs, path);
	g_autofree char *name =
		line == CONSOLE ? g_strdup("the console") : g_strdup_printf("serial%u", line);
	struct iol_error err;

	if (other) {
		iol_error_set(&err, -EINVAL,
			      "%s%s: '%.64s' belongs to %s ('%.64s') already: give each "
			      "line files of its own",
			      name, suffix, path, other->whose, other->path);
		put(outputs, line, &err);
		return;
	}
	if (!path || !iol_file_id_of(path, &output->id))
		return;
	output->path = path;
	output->whose = g_strconcat(name, suffix, NULL);
	output->line = line;
	outputs->count++;
}

static void add_line(struct outputs *outputs, const struct iol_char_config *line, unsigned int idx)
{
	add_output(outputs, line->kind == IOL_CHAR_FILE ? line->path : NULL, idx, "");
	add_output(outputs, line->log, idx, "'s log");
}

static void check_inputs(const struct outputs *outputs, const struct iol_config *config)
{
	check_path(outputs, config->file, "the configuration");
	check_path(outputs, config->kernel, "the kernel");
	check_path(outputs, config->initrd, "the initrd");
	check_path(outputs, config->dtb, "the device tree");
	for (unsigned int i = 0; i < config->dtb_overlay_count; i++)
		check_path(outputs, config->dtb_overlays[i], "an overlay");
	for (unsigned int i = 0; i < config->disk_count; i++) {
		g_autofree char *what = g_strdup_printf("the disk %s", config->disks[i].id);

		check_path(outputs, config->disks[i].path, what);
	}
}

void iol_config_check_files(const struct iol_config *config, const struct iol_json_place *at,
			    struct iol_mistakes *mistakes)
{
	iol_auto(outputs_finish) struct outputs outputs = { .mistakes = mistakes, .at = at };

	for (unsigned int i = 0; i < config->serial_count; i++)
		add_line(&outputs, &config->serials[i], i);
	if (config->has_console)
		add_line(&outputs, &config->console, CONSOLE);
	check_inputs(&outputs, config);
}
