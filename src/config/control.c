// SPDX-License-Identifier: Apache-2.0
/*
 * Where a machine's control socket is: a path, "none", or in the folder of such sockets by the machine's name. See
 * include/iolite/config.h. Before any thread; the text is the user's.
 */
#include "config_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include <iolite/unix_path.h>

/* $XDG_RUNTIME_DIR is there for the user alone, and may be absent (XDG Base Directory Specification); a relative one counts as absent. */
char *iol_config_control_folder_of(bool is_root, const char *runtime_dir)
{
	if (is_root)
		return g_strdup("/run/iolite");
	if (!runtime_dir || !g_path_is_absolute(runtime_dir))
		return NULL;
	return g_build_filename(runtime_dir, "iolite", NULL);
}

char *iol_config_control_folder(void)
{
	return iol_config_control_folder_of(!geteuid(), g_getenv("XDG_RUNTIME_DIR"));
}

int iol_config_set_control_in(struct iol_config *config, const char *text, const char *folder,
			      struct iol_error *err)
{
	bool none = !strcmp(text, "none");
	g_autofree char *path = NULL;
	int ret;

	if (!*text)
		return iol_error_set(err, -EINVAL,
				     "'' is no path: give that of a socket to be made, or none");
	if (g_str_has_prefix(text, "unix:") || g_str_has_prefix(text, "tcp:"))
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is no path: write it as a path alone, such as "
				     "/run/web1.sock",
				     text);
	if (!none) {
		path = folder && !g_path_is_absolute(text) ? g_build_filename(folder, text, NULL)
							   : g_strdup(text);
		ret = iol_unix_path_check(path, err);
		if (ret)
			return iol_error_prefix(err, "'%.64s'", path);
	}
	g_free(config->control);
	config->control = g_steal_pointer(&path);
	config->control_made = false;
	config->no_control = none;
	return 0;
}

int iol_config_set_control(struct iol_config *config, const char *text, struct iol_error *err)
{
	return iol_config_set_control_in(config, text, NULL, err);
}

char *iol_config_get_control(const struct iol_config *config)
{
	if (config->no_control)
		return g_strdup("none");
	return config->control && !config->control_made ? iol_path_full(config->control) : NULL;
}

void iol_config_complete_control(struct iol_config *config)
{
	g_autofree char *folder = NULL, *file = NULL;

	if (config->control || config->no_control || !config->name)
		return;
	folder = iol_config_control_folder();
	if (!folder)
		return;
	file = g_strconcat(config->name, ".sock", NULL);
	config->control = g_build_filename(folder, file, NULL);
	config->control_made = true;
}

static bool same_path(const char *a, const char *b)
{
	g_autofree char *whole_a = g_canonicalize_filename(a, NULL);
	g_autofree char *whole_b = g_canonicalize_filename(b, NULL);

	return !strcmp(whole_a, whole_b);
}

int iol_config_check_control(const struct iol_config *config, struct iol_error *err)
{
	const struct iol_char_config line = {
		.kind = IOL_CHAR_UNIX,
		.path = config->control,
	};
	int ret;

	if (!config->control)
		return 0;
	ret = iol_unix_path_check(config->control, err);
	if (ret)
		return iol_error_prefix(err, "'%.64s'", config->control);
	ret = iol_char_config_check_beside(config, &line, err);
	if (ret)
		return ret;
	if (config->has_gdb && config->gdb.kind == IOL_CHAR_UNIX &&
	    same_path(config->gdb.path, config->control))
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is where debuggers connect already: give each a path "
				     "of its own",
				     config->control);
	return 0;
}
