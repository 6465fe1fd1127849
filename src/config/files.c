// SPDX-License-Identifier: Apache-2.0
/*
 * Files that a serial line or the console would write, and what else the machine has in them: as files, not as
 * texts, for there are many ways to write a path. Before any thread; the paths are the user's.
 *
 * It is the user's slip that is to be found before anything is opened and emptied, not an attack: what changes in the
 * folders afterwards is not seen.
 */
#include "config_internal.h"

#include <errno.h>
#include <glib.h>
#include <sys/stat.h>

/* What tells a file from others. Of one that is yet to be made: its folder and its name. */
struct identity {
	bool is_device;
	dev_t dev; /* of a block device: itself */
	ino_t ino;
	char *name; /* NULL: the file is there */
};

static void identity_finish(struct identity *id)
{
	g_free(id->name);
}

enum { LINKS_MAX = 40 }; /* as Linux follows */

/* The file that would be made at @path, which is not there: it may be a link to another place. To be freed. */
static char *follow(const char *path)
{
	char *at = g_strdup(path);

	for (unsigned int i = 0; i < LINKS_MAX; i++) {
		g_autofree char *last = at;
		g_autofree char *target = g_file_read_link(last, NULL);
		g_autofree char *folder = NULL;

		if (!target)
			return g_steal_pointer(&last);
		folder = g_path_get_dirname(last);
		at = g_path_is_absolute(target) ? g_steal_pointer(&target)
						: g_build_filename(folder, target, NULL);
	}
	return at;
}

/* False: it is not what can be overwritten (a terminal, a pipe, a folder), or no place for a file. */
static bool identify(const char *path, struct identity *id)
{
	g_autofree char *made = NULL, *folder = NULL;
	struct stat st;

	*id = (struct identity){ 0 };
	if (!stat(path, &st)) {
		id->is_device = S_ISBLK(st.st_mode);
		id->dev = id->is_device ? st.st_rdev : st.st_dev;
		id->ino = id->is_device ? 0 : st.st_ino;
		return id->is_device || S_ISREG(st.st_mode);
	}
	if (errno != ENOENT)
		return false;
	made = follow(path);
	folder = g_path_get_dirname(made);
	if (stat(folder, &st))
		return false;
	id->dev = st.st_dev;
	id->ino = st.st_ino;
	id->name = g_path_get_basename(made);
	return true;
}

static bool same(const struct identity *a, const struct identity *b)
{
	return a->is_device == b->is_device && a->dev == b->dev && a->ino == b->ino &&
	       !g_strcmp0(a->name, b->name);
}

/* A file that a line writes, and whose it is: "serial0", "serial0's log". */
struct output {
	struct identity id;
	const char *path;
	char *whose;
};

/* Two of each line. */
enum { OUTPUTS_MAX = 2 * (IOL_CONFIG_SERIALS_MAX + 1) };

struct outputs {
	unsigned int count;
	struct output all[OUTPUTS_MAX];
};

static void outputs_finish(struct outputs *outputs)
{
	while (outputs->count) {
		struct output *output = &outputs->all[--outputs->count];

		identity_finish(&output->id);
		g_free(output->whose);
	}
}

/* The one that writes the file @path (or NULL), or NULL. */
static const struct output *find(const struct outputs *outputs, const char *path)
{
	iol_auto(identity_finish) struct identity id = { 0 };

	if (!path || !outputs->count || !identify(path, &id))
		return NULL;
	for (unsigned int i = 0; i < outputs->count; i++)
		if (same(&outputs->all[i].id, &id))
			return &outputs->all[i];
	return NULL;
}

/* -EINVAL: @path (or NULL), which is @what, is what a line writes. */
static int check_path(const struct outputs *outputs, const char *path, const char *what,
		      struct iol_error *err)
{
	const struct output *output = find(outputs, path);

	if (!output)
		return 0;
	return iol_error_set(err, -EINVAL,
			     "%s: '%.64s' is the file of %s ('%.64s') and would be written to: "
			     "give the line another path",
			     output->whose, output->path, what, path);
}

static int add_output(struct outputs *outputs, const char *path, const char *line,
		      const char *suffix, struct iol_error *err)
{
	struct output *output = &outputs->all[outputs->count];
	const struct output *other = find(outputs, path);

	if (other)
		return iol_error_set(err, -EINVAL,
				     "%s%s: '%.64s' belongs to %s ('%.64s') already: give each "
				     "line files of its own",
				     line, suffix, path, other->whose, other->path);
	if (!path || !identify(path, &output->id))
		return 0;
	output->path = path;
	output->whose = g_strconcat(line, suffix, NULL);
	outputs->count++;
	return 0;
}

static int add_line(struct outputs *outputs, const struct iol_char_config *line, const char *name,
		    struct iol_error *err)
{
	const char *path = line->kind == IOL_CHAR_FILE ? line->path : NULL;
	int ret = add_output(outputs, path, name, "", err);

	return ret ? ret : add_output(outputs, line->log, name, "'s log", err);
}

static int add_lines(struct outputs *outputs, const struct iol_config *config,
		     struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < config->serial_count && !ret; i++) {
		g_autofree char *name = g_strdup_printf("serial%u", i);

		ret = add_line(outputs, &config->serials[i], name, err);
	}
	if (!ret && config->has_console)
		ret = add_line(outputs, &config->console, "the console", err);
	return ret;
}

static int check_inputs(const struct outputs *outputs, const struct iol_config *config,
			struct iol_error *err)
{
	int ret = check_path(outputs, config->file, "the configuration", err);

	if (!ret)
		ret = check_path(outputs, config->kernel, "the kernel", err);
	if (!ret)
		ret = check_path(outputs, config->initrd, "the initrd", err);
	if (!ret)
		ret = check_path(outputs, config->dtb, "the device tree", err);
	for (unsigned int i = 0; i < config->dtb_overlay_count && !ret; i++)
		ret = check_path(outputs, config->dtb_overlays[i], "an overlay", err);
	for (unsigned int i = 0; i < config->disk_count && !ret; i++) {
		g_autofree char *what = g_strdup_printf("the disk %s", config->disks[i].id);

		ret = check_path(outputs, config->disks[i].path, what, err);
	}
	return ret;
}

int iol_config_check_files(const struct iol_config *config, struct iol_error *err)
{
	iol_auto(outputs_finish) struct outputs outputs = { 0 };
	int ret = add_lines(&outputs, config, err);

	return ret ? ret : check_inputs(&outputs, config, err);
}
