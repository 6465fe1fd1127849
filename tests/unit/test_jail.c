// SPDX-License-Identifier: Apache-2.0
/* The jail: what is refused before anything is done, and what somebody can do who is in it. */
#include <iolite/jail.h>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <iolite/privileges.h>

#include "confined.h"
#include "fd_count.h"

enum { SOMEBODY = 12345, SOMEBODYS_GROUP = 23456 };

static char folder[] = "/tmp/iolite-jail-XXXXXX";

static bool is_root(void)
{
	return iol_privileges_have(CAP_SETUID) && iol_privileges_have(CAP_SYS_CHROOT) &&
	       iol_privileges_have(CAP_SYS_ADMIN);
}

/* As of a configuration, without its ownership. */
struct asked {
	const char *user, *group, *chroot, *netns;
};

static struct iol_jail_config config_of(const struct asked *asked)
{
	return (struct iol_jail_config){
		.user = (char *)(uintptr_t)asked->user,
		.group = (char *)(uintptr_t)asked->group,
		.chroot = (char *)(uintptr_t)asked->chroot,
		.netns = (char *)(uintptr_t)asked->netns,
	};
}

/* A descriptor of a folder is a way out. */
static bool has_folder_open(void)
{
	struct stat st;

	for (int fd = 0; fd < 256; fd++)
		if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
			return true;
	return false;
}

static int enter(struct iol_jail *jail, const struct iol_jail_config *config)
{
	struct iol_error err = { 0 };
	int ret;

	iol_jail_init(jail);
	ret = iol_jail_open(jail, config, &err);
	if (!ret)
		ret = iol_jail_enter_net(jail, &err);
	if (!ret)
		ret = iol_jail_enter(jail, &err);
	return confined_failed(ret, &err);
}

static int in_folder(void *data)
{
	const struct asked asked = { .user = "12345", .group = "23456", .chroot = folder };
	const struct iol_jail_config config = config_of(&asked);
	static char *const argv[] = { NULL };
	int before = open("/etc/passwd", O_RDONLY | O_CLOEXEC), ret;
	struct stat st, root;
	struct iol_jail jail;
	char byte;

	(void)data;
	if (!is_root())
		return CONFINED_SKIP;
	g_assert_cmpint(stat(folder, &st), ==, 0);
	ret = enter(&jail, &config);
	if (ret)
		return ret;
	if (getuid() != SOMEBODY || getegid() != SOMEBODYS_GROUP || getgroups(0, NULL))
		return 1;
	/* What was open goes on; what is named is in the jail. */
	if (read(before, &byte, 1) != 1 || stat("/", &root) || root.st_dev != st.st_dev ||
	    root.st_ino != st.st_ino)
		return 2;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != ENOENT)
		return 3;
	if (chdir("../../../..") || stat(".", &root) || root.st_ino != st.st_ino ||
	    has_folder_open())
		return 4;
	if (!chroot("/") || !setuid(0) || !setgid(0) || !setgroups(0, NULL) ||
	    !mount("none", "/", "tmpfs", 0, NULL) || !unshare(CLONE_NEWNS))
		return 5;
	if (!kill(getppid(), 0) || !ptrace(PTRACE_ATTACH, getppid(), NULL, NULL))
		return 6;
	if (execve("/bin/true", argv, argv) != -1 || errno != ENOENT)
		return 7;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 8;
	if (mkdir("/made", 0700) != -1)
		return 9; /* its root is another's */
	iol_jail_finish(&jail);
	return 0;
}

static int in_network(void *data)
{
	struct iol_jail_config config = { 0 };
	g_autofree char *path = NULL;
	struct iol_jail jail;
	struct iol_error err = { 0 };
	int ends[2], status, ret;
	struct stat ours, theirs, now;
	pid_t other;
	char byte;

	(void)data;
	if (!is_root() || pipe2(ends, O_CLOEXEC))
		return CONFINED_SKIP;
	other = fork();
	if (!other) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ret = unshare(CLONE_NEWNET);
		if (write(ends[1], ret ? "n" : "y", 1) == 1)
			pause();
		_exit(0);
	}
	if (read(ends[0], &byte, 1) != 1 || byte != 'y')
		return CONFINED_SKIP;
	config.netns = path = g_strdup_printf("/proc/%d/ns/net", (int)other);
	stat("/proc/self/ns/net", &ours);
	stat(path, &theirs);
	iol_jail_init(&jail);
	ret = iol_jail_open(&jail, &config, &err);
	if (ret)
		return confined_failed(ret, &err);
	/* Open is not entered. */
	if (stat("/proc/self/ns/net", &now) || now.st_ino != ours.st_ino)
		return 1;
	ret = iol_jail_enter_net(&jail, &err);
	if (ret)
		return confined_failed(ret, &err);
	if (stat("/proc/self/ns/net", &now) || now.st_ino != theirs.st_ino)
		return 2;
	/* Nothing else was asked for. */
	if (iol_jail_takes_paths(&jail) || iol_jail_enter(&jail, &err) || getuid() ||
	    !iol_privileges_have(CAP_SYS_ADMIN))
		return 3;
	iol_jail_finish(&jail);
	kill(other, SIGKILL);
	return waitpid(other, &status, 0) == other ? 0 : 4;
}

/* Nothing asked for is nothing done. */
static int in_none(void *data)
{
	const struct iol_jail_config config = { 0 };
	struct iol_jail jail;
	uid_t uid = getuid();
	int ret = enter(&jail, &config);

	(void)data;
	if (ret)
		return ret;
	return getuid() == uid && !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) ? 0 : 1;
}

/* A name's own group. */
static int by_name(void *data)
{
	const struct passwd *nobody = getpwnam("nobody");
	const struct asked asked = { .user = "nobody" };
	const struct iol_jail_config config = config_of(&asked);
	uid_t uid = nobody ? nobody->pw_uid : 0;
	gid_t gid = nobody ? nobody->pw_gid : 0;
	struct iol_jail jail;
	int ret;

	(void)data;
	if (!is_root() || !nobody)
		return CONFINED_SKIP;
	ret = enter(&jail, &config);
	if (ret)
		return ret;
	return getuid() == uid && getgid() == gid && getpid() && !access("/", R_OK) ? 0 : 1;
}

static const struct refusal {
	struct asked asked;
	int code;
	const char *text;
} refusals[] = {
	{ { .user = "no-such-user" }, -ENOENT, "user: there is no user 'no-such-user': make it" },
	{ { .user = "nobody", .group = "no-such-group" },
	  -ENOENT,
	  "group: there is no group 'no-such-group': make it" },
	{ { .user = "3999999999" }, -EINVAL, "user: '3999999999' has no entry that names a group" },
	{ { .user = "4294967295", .group = "1" }, -ENOENT, "there is no user '4294967295'" },
	{ { .user = "0" }, -EINVAL, "user: '0' is root, whom a jail does not hold" },
	{ { .user = "root" }, -EINVAL, "user: 'root' is root, whom a jail does not hold" },
	{ { .user = "nobody", .chroot = "/no/such/folder" },
	  -ENOENT,
	  "chroot: cannot open the folder '/no/such/folder', make it first" },
	{ { .user = "nobody", .chroot = "/etc/passwd" },
	  -ENOTDIR,
	  "chroot: cannot open the folder '/etc/passwd'" },
	{ { .user = "nobody", .chroot = "/etc/.." },
	  -EINVAL,
	  "is the root folder, which is no jail" },
	{ { .netns = "no-such-namespace" },
	  -ENOENT,
	  "netns: cannot open '/run/netns/no-such-namespace', make it first (ip netns add" },
	{ { .netns = "/etc/passwd" },
	  -EINVAL,
	  "netns: '/etc/passwd' is no network namespace: give a name of ip netns" },
	{ { .netns = "/proc/self/ns/mnt" },
	  -EINVAL,
	  "'/proc/self/ns/mnt' is no network namespace" },
};

static int refused(void *data)
{
	const struct refusal *r = data;
	const struct iol_jail_config config = config_of(&r->asked);
	struct iol_error err = { 0 };
	unsigned int fds = fd_count();
	struct iol_jail jail;

	if (r->asked.user && !strcmp(r->asked.user, "nobody") && !getpwnam("nobody"))
		return CONFINED_SKIP; /* of level 1 */
	iol_jail_init(&jail);
	if (iol_jail_open(&jail, &config, &err) != r->code || !strstr(err.msg, r->text)) {
		fprintf(stderr, "%d: %s\n", err.code, err.msg);
		return 1;
	}
	/* As it was. */
	return fd_count() == fds && !err.host_fault && !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) ? 0
											       : 2;
}

static const struct refusal without_rights[] = {
	{ { .user = "nobody" }, -EPERM, "user: 'nobody' needs the rights of root (CAP_SETUID)" },
	{ { .chroot = folder }, -EPERM, "needs the rights of root (CAP_SYS_CHROOT): start iolite" },
	{ { .netns = "/proc/self/ns/net" },
	  -EPERM,
	  "netns: '/proc/self/ns/net' needs the rights of root (CAP_SYS_ADMIN)" },
};

static int refused_to_a_plain_user(void *data)
{
	const struct refusal *refusal = data;
	struct iol_error err = { 0 };

	if (refusal->asked.netns && access(refusal->asked.netns, F_OK))
		return CONFINED_SKIP; /* a kernel without network namespaces */
	if (iol_privileges_drop_capabilities(&err))
		return CONFINED_FAILED;
	return refused(data);
}

static void test_folder(void)
{
	check_confined(in_folder, NULL);
}

static void test_network(void)
{
	check_confined(in_network, NULL);
}

static void test_none(void)
{
	check_confined(in_none, NULL);
}

static void test_name(void)
{
	check_confined(by_name, NULL);
}

static void test_refused(gconstpointer data)
{
	check_confined(refused, (void *)(uintptr_t)data);
}

static void test_plain_user(gconstpointer data)
{
	check_confined(refused_to_a_plain_user, (void *)(uintptr_t)data);
}

int main(int argc, char **argv)
{
	int ret;

	if (getenv("IOLITE_EMULATED")) {
		puts("1..0 # SKIP qemu-user changes to no user and no root folder as a kernel does");
		return 77;
	}
	g_test_init(&argc, &argv, NULL);
	g_assert_nonnull(mkdtemp(folder));
	g_assert_cmpint(chmod(folder, 0755), ==, 0);
	g_test_add_func("/jail/folder", test_folder);
	g_test_add_func("/jail/network", test_network);
	g_test_add_func("/jail/none", test_none);
	g_test_add_func("/jail/name", test_name);
	for (unsigned int i = 0; i < G_N_ELEMENTS(refusals); i++) {
		g_autofree char *path = g_strdup_printf("/jail/refused/%u", i);

		g_test_add_data_func(path, &refusals[i], test_refused);
	}
	for (unsigned int i = 0; i < G_N_ELEMENTS(without_rights); i++) {
		g_autofree char *path = g_strdup_printf("/jail/plain-user/%u", i);

		g_test_add_data_func(path, &without_rights[i], test_plain_user);
	}
	ret = g_test_run();
	rmdir(folder);
	return ret;
}
