// SPDX-License-Identifier: Apache-2.0
/* Where the control sockets of machines are. See control_find.h. */
#include "control_find.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <iolite/config.h>
#include <iolite/system.h>
#include <iolite/unix_path.h>

#define HOST_FOLDER "/run/iolite"
#define SUFFIX ".sock"

enum {
	FOLDERS_MAX = 2,
	/* A machine that starts binds its socket a moment before it listens: until then it looks like a dead one's. */
	STALE_WAIT_US = 100000,
};

/* Those to look into, the first one first: where machines of this user are, and where root's are. */
static unsigned int folders(char *names[FOLDERS_MAX])
{
	char *own = iol_config_control_folder();
	unsigned int count = 0;

	if (own)
		names[count++] = own;
	if (!own || strcmp(own, HOST_FOLDER) != 0)
		names[count++] = g_strdup(HOST_FOLDER);
	return count;
}

static void free_folders(char *names[FOLDERS_MAX], unsigned int count)
{
	while (count)
		g_free(names[--count]);
}

/* As a configuration's: then it leads out of no folder. */
static int check_name(const char *name, struct iol_error *err)
{
	iol_auto(iol_config_finish) struct iol_config config;
	struct iol_error why;
	int ret;

	iol_config_init(&config);
	ret = iol_config_set_name(&config, name, &why);
	return ret ? iol_error_set(err, ret, "%s; `iolite list` shows the machines that run",
				   why.msg)
		   : 0;
}

static bool is_socket(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISSOCK(st.st_mode);
}

static char *socket_in(const char *folder, const char *name)
{
	g_autofree char *file = g_strconcat(name, SUFFIX, NULL);

	return g_build_filename(folder, file, NULL);
}

int iol_find_machine(const char *name, char **path, struct iol_error *err)
{
	char *names[FOLDERS_MAX];
	unsigned int count;
	int ret;

	*path = NULL;
	ret = strchr(name, '/') ? iol_unix_path_check(name, err) : check_name(name, err);
	if (ret)
		return ret;
	if (strchr(name, '/')) {
		*path = g_strdup(name);
		return 0;
	}
	count = folders(names);
	for (unsigned int i = 0; i < count && !*path; i++) {
		*path = socket_in(names[i], name);
		if (!is_socket(*path))
			g_clear_pointer(path, g_free);
	}
	free_folders(names, count);
	if (!*path)
		return iol_error_set(err, -ENOENT,
				     "no machine named '%.64s' runs here; `iolite list` shows "
				     "those that do",
				     name);
	ret = iol_unix_path_check(*path, err);
	if (ret)
		g_clear_pointer(path, g_free);
	return ret;
}

static void free_found(void *item)
{
	struct iol_found *found = item;

	g_free(found->name);
	g_free(found->path);
	g_free(found);
}

static bool has(const GPtrArray *all, const char *name)
{
	for (guint i = 0; i < all->len; i++) {
		const struct iol_found *found = g_ptr_array_index(all, i);

		if (!strcmp(found->name, name))
			return true;
	}
	return false;
}

static void add_folder(GPtrArray *all, const char *folder, const char *suffix)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *file;

	while (dir && (file = g_dir_read_name(dir))) {
		g_autofree char *name = NULL;
		struct iol_found *found;

		if (!g_str_has_suffix(file, suffix))
			continue;
		name = g_strndup(file, strlen(file) - strlen(suffix));
		if (check_name(name, NULL) || has(all, name))
			continue;
		found = g_new0(struct iol_found, 1);
		found->name = g_steal_pointer(&name);
		found->path = g_build_filename(folder, file, NULL);
		if (is_socket(found->path) && !iol_unix_path_check(found->path, NULL))
			g_ptr_array_add(all, found);
		else
			free_found(found);
	}
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	const struct iol_found *const *first = a, *const *second = b;

	return strcmp((*first)->name, (*second)->name);
}

static GPtrArray *find_all(const char *suffix)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(free_found);
	char *names[FOLDERS_MAX];
	unsigned int count = folders(names);

	for (unsigned int i = 0; i < count; i++)
		add_folder(all, names[i], suffix);
	free_folders(names, count);
	g_ptr_array_sort(all, by_name);
	return all;
}

GPtrArray *iol_find_all(void)
{
	return find_all(SUFFIX);
}

GPtrArray *iol_find_systems(void)
{
	return find_all(IOL_SYSTEM_SUFFIX);
}

static bool nobody_listens(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	iol_auto(iol_fd_close) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	return fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) &&
	       errno == ECONNREFUSED;
}

bool iol_find_remove_stale(const char *path)
{
	struct stat before, after;

	if (lstat(path, &before) || !S_ISSOCK(before.st_mode) || !nobody_listens(path))
		return false;
	g_usleep(STALE_WAIT_US);
	/* Not one that took its place meanwhile. */
	if (!nobody_listens(path) || lstat(path, &after) || before.st_dev != after.st_dev ||
	    before.st_ino != after.st_ino || before.st_ctim.tv_sec != after.st_ctim.tv_sec ||
	    before.st_ctim.tv_nsec != after.st_ctim.tv_nsec)
		return false;
	return !unlink(path);
}
