// SPDX-License-Identifier: Apache-2.0
/*
 * See include/iolite/jail.h. The order of iol_jail_enter() is what the kernel asks for: chroot(2) and the change of groups need
 * rights that the change of user takes. No descriptor of a folder stays open, which would be a way out (fchdir(2)).
 */
#include <iolite/jail.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <iolite/privileges.h>

/* Of ip-netns(8). */
#define NETNS_FOLDER "/run/netns"

void iol_jail_init(struct iol_jail *jail)
{
	*jail = (struct iol_jail){ .root_fd = -1, .netns_fd = -1 };
}

/* True: all of @text is a number of a user or group; the highest one means none. */
static bool is_number(const char *text, unsigned int *number)
{
	guint64 value;

	if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX - 1, &value, NULL))
		return false;
	*number = (unsigned int)value;
	return true;
}

static int need(unsigned int capability, const char *key, const char *value, const char *name,
		struct iol_error *err)
{
	if (iol_privileges_have(capability))
		return 0;
	return iol_error_set(err, -EPERM,
			     "%s: '%.64s' needs the rights of root (%s): start iolite as root, or "
			     "leave %s out",
			     key, value, name, key);
}

static int find_group(struct iol_jail *jail, struct iol_error *err)
{
	const char *name = jail->config->group;
	const struct group *group;

	if (is_number(name, &jail->gid))
		return 0;
	group = getgrnam(name);
	if (!group)
		return iol_error_set(err, -ENOENT,
				     "group: there is no group '%.64s': make it (groupadd --system "
				     "NAME), or give another or its number",
				     name);
	jail->gid = group->gr_gid;
	return 0;
}

static int find_user(struct iol_jail *jail, struct iol_error *err)
{
	const char *name = jail->config->user;
	const bool number = is_number(name, &jail->uid);
	const struct passwd *user = number ? getpwuid(jail->uid) : getpwnam(name);

	if (!user && !number)
		return iol_error_set(err, -ENOENT,
				     "user: there is no user '%.64s': make it (useradd --system "
				     "NAME), or give another or its number",
				     name);
	if (user) {
		jail->uid = user->pw_uid;
		jail->gid = user->pw_gid;
	} else if (!jail->config->group) {
		return iol_error_set(err, -EINVAL,
				     "user: '%.64s' has no entry that names a group: give one, as "
				     "in user=%.64s:GROUP",
				     name, name);
	}
	jail->has_user = true;
	return jail->config->group ? find_group(jail, err) : 0;
}

static int open_user(struct iol_jail *jail, struct iol_error *err)
{
	const char *name = jail->config->user;
	int ret;

	if (!name)
		return 0;
	ret = find_user(jail, err);
	if (!ret && !jail->uid)
		ret = iol_error_set(err, -EINVAL,
				    "user: '%.64s' is root, whom a jail does not hold: give a user "
				    "that has no rights, such as one made for this machine",
				    name);
	if (!ret)
		ret = need(CAP_SETUID, "user", name, "CAP_SETUID", err);
	return ret ? ret : need(CAP_SETGID, "user", name, "CAP_SETGID", err);
}

static int open_root(struct iol_jail *jail, struct iol_error *err)
{
	const char *path = jail->config->chroot;
	struct stat st, root;

	if (!path)
		return 0;
	jail->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (jail->root_fd < 0)
		return iol_error_errno(err, -errno, "chroot: cannot open the folder '%.128s'%s",
				       path, errno == ENOENT ? ", make it first" : "");
	if (fstat(jail->root_fd, &st) || stat("/", &root))
		return iol_error_errno(err, -errno, "chroot: cannot look at '%.128s'", path);
	if (st.st_dev == root.st_dev && st.st_ino == root.st_ino)
		return iol_error_set(
			err, -EINVAL,
			"chroot: '%.64s' is the root folder, which is no jail: give an "
			"empty folder",
			path);
	return need(CAP_SYS_CHROOT, "chroot", path, "CAP_SYS_CHROOT", err);
}

static int open_netns(struct iol_jail *jail, struct iol_error *err)
{
	const char *name = jail->config->netns;
	g_autofree char *path = NULL;
	struct statfs fs;
	int kind;

	if (!name)
		return 0;
	path = strchr(name, '/') ? g_strdup(name) : g_build_filename(NETNS_FOLDER, name, NULL);
	jail->netns_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (jail->netns_fd < 0)
		return iol_error_errno(err, -errno, "netns: cannot open '%.128s'%s", path,
				       errno == ENOENT ? ", make it first (ip netns add NAME)"
						       : "");
	/* Only of nsfs: another file may take that ioctl() for something else. */
	kind = fstatfs(jail->netns_fd, &fs) || (unsigned long)fs.f_type != NSFS_MAGIC
		       ? 0
		       : ioctl(jail->netns_fd, NS_GET_NSTYPE);
	if (kind != CLONE_NEWNET)
		return iol_error_set(err, -EINVAL,
				     "netns: '%.128s' is no network namespace: give a name of ip "
				     "netns, or a path such as /proc/PID/ns/net",
				     path);
	return need(CAP_SYS_ADMIN, "netns", name, "CAP_SYS_ADMIN", err);
}

static int open_all(struct iol_jail *jail, struct iol_error *err)
{
	int ret = open_user(jail, err);

	if (!ret)
		ret = open_root(jail, err);
	if (!ret)
		ret = open_netns(jail, err);
	return ret;
}

int iol_jail_open(struct iol_jail *jail, const struct iol_jail_config *config,
		  struct iol_error *err)
{
	int ret;

	jail->config = config;
	ret = open_all(jail, err);
	if (ret)
		iol_jail_finish(jail);
	return ret;
}

bool iol_jail_takes_paths(const struct iol_jail *jail)
{
	return jail->has_user || jail->root_fd >= 0;
}

int iol_jail_enter_net(struct iol_jail *jail, struct iol_error *err)
{
	if (jail->netns_fd < 0)
		return 0;
	if (setns(jail->netns_fd, CLONE_NEWNET)) {
		iol_error_errno(err, -errno, "netns: cannot enter '%.128s'", jail->config->netns);
		err->host_fault = true;
		return err->code;
	}
	iol_fd_close(&jail->netns_fd);
	return 0;
}

static int enter_root(struct iol_jail *jail, struct iol_error *err)
{
	if (jail->root_fd < 0)
		return 0;
	/* By the descriptor: what the path leads to may have changed. */
	if (fchdir(jail->root_fd) || chroot(".") || chdir("/"))
		return iol_error_errno(err, -errno, "chroot: cannot enter '%.128s'",
				       jail->config->chroot);
	iol_fd_close(&jail->root_fd);
	return 0;
}

static int enter_user(struct iol_jail *jail, struct iol_error *err)
{
	if (!jail->has_user)
		return 0;
	/* As long as there is the right to. */
	iol_privileges_drop_bounding();
	if (iol_privileges_become(jail->uid, jail->gid, true, err) ||
	    iol_privileges_drop_capabilities(err))
		return iol_error_prefix(err, "user");
	return 0;
}

int iol_jail_enter(struct iol_jail *jail, struct iol_error *err)
{
	int ret = enter_root(jail, err);

	if (!ret)
		ret = enter_user(jail, err);
	if (!ret && (jail->has_user || jail->config->chroot))
		ret = iol_privileges_allow_none_new(err);
	if (ret)
		err->host_fault = true;
	return ret;
}

void iol_jail_finish(struct iol_jail *jail)
{
	iol_fd_close(&jail->root_fd);
	iol_fd_close(&jail->netns_fd);
}
