// SPDX-License-Identifier: Apache-2.0
/*
 * See include/iolite/landlock.h; landlock(7), and Documentation/userspace-api/landlock.rst of the kernel.
 *
 * By raw system calls, with numbers and layouts of our own: the headers of a distribution are older than the kernels that it
 * runs on, and what there is, is known at run time alone. Each ABI adds rights at the end of a set, and fields at the end of
 * the structure.
 */
#include <iolite/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iolite/sandbox.h>

/* The same on all architectures that iolite has. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum {
	CREATE_RULESET_VERSION = 1,
	RULE_PATH_BENEATH = 1,
	RULE_NET_PORT = 2,
};

enum fs_right {
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
};

enum net_right {
	NET_BIND_TCP = 1,
	NET_CONNECT_TCP = 2,
};

enum scope {
	SCOPE_ABSTRACT_UNIX = 1,
	SCOPE_SIGNAL = 2,
};

struct ruleset {
	uint64_t fs;
	uint64_t net; /* ABI 4 */
	uint64_t scoped; /* ABI 6 */
};

/* Packed in the kernel's header, too. */
struct net_port {
	uint64_t allowed;
	uint64_t port;
} __attribute__((packed));

struct path_beneath {
	uint64_t allowed;
	int32_t folder_fd;
} __attribute__((packed));

/* How many rights over files each ABI has, by its number: they are the lowest bits. */
static const unsigned int fs_rights[] = {
	[1] = 13, /* execute, write, read, read a folder, remove two, make seven */
	[2] = 14, /* and to move and link between folders */
	[3] = 15, /* and truncate */
	[4] = 15, [5] = 16, /* and ioctl() of devices */
};

int iol_landlock_abi(void)
{
	static int abi =
		-1; /* the kernel's, and asked for once: what follows from it is all of one mind */

	if (abi < 0) {
		abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
		if (abi < 0)
			abi = 0;
	}
	return abi;
}

static uint64_t all_of_fs(int abi)
{
	const int last = (int)IOL_ARRAY_LEN(fs_rights) - 1;

	return (UINT64_C(1) << fs_rights[abi < last ? abi : last]) - 1;
}

static int create(int abi, const struct ruleset *rules, struct iol_error *err)
{
	size_t bytes = abi >= IOL_LANDLOCK_ABI_SCOPES ? sizeof(*rules)
		       : abi >= IOL_LANDLOCK_ABI_NET  ? offsetof(struct ruleset, scoped)
						      : offsetof(struct ruleset, net);
	long fd = syscall(SYS_landlock_create_ruleset, rules, bytes, 0);

	if (fd < 0)
		return iol_error_errno(err, -errno, "Landlock (ABI %d) makes no rules", abi);
	return (int)fd;
}

static int enter(int fd, struct iol_error *err)
{
	if (syscall(SYS_landlock_restrict_self, fd, 0))
		return iol_error_errno(err, -errno, "Landlock cannot be entered");
	return 0;
}

static int allow_connect(int fd, uint16_t port, struct iol_error *err)
{
	const struct net_port rule = { .allowed = NET_CONNECT_TCP, .port = port };

	if (syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &rule, 0))
		return iol_error_errno(err, -errno, "Landlock does not allow TCP port %u", port);
	return 0;
}

#ifdef IOL_SANDBOX_SANITIZED
static int allow_reading(int fd, const char *path, uint64_t allowed, struct iol_error *err)
{
	struct path_beneath rule = { .allowed = allowed,
				     .folder_fd = open(path, O_PATH | O_CLOEXEC) };
	int ret = 0;

	/* A jail has none. */
	if (rule.folder_fd < 0)
		return 0;
	if (syscall(SYS_landlock_add_rule, fd, RULE_PATH_BENEATH, &rule, 0))
		ret = iol_error_errno(err, -errno, "Landlock does not allow %s", path);
	close(rule.folder_fd);
	return ret;
}

/* Sanitizers look for leaks in /proc at the end, and for the names in their reports in the program. Builds for tests alone. */
static int allow_sanitizers(int fd, struct iol_error *err)
{
	int ret = allow_reading(fd, "/proc", FS_READ_FILE | FS_READ_DIR, err);

	return ret ? ret : allow_reading(fd, "/proc/self/exe", FS_READ_FILE, err);
}
#else
static int allow_sanitizers(int fd, struct iol_error *err)
{
	(void)fd;
	(void)err;
	return 0;
}
#endif

int iol_landlock_scope_signals(struct iol_error *err)
{
	const struct ruleset rules = { .scoped = SCOPE_SIGNAL };
	const int abi = iol_landlock_abi();
	int fd, ret;

	if (abi < IOL_LANDLOCK_ABI_SCOPES)
		return 1;
	fd = create(abi, &rules, err);
	if (fd < 0)
		return fd;
	ret = enter(fd, err);
	iol_fd_close(&fd);
	return ret;
}

int iol_landlock_restrict(const uint16_t *connect_ports, size_t connect_count,
			  struct iol_error *err)
{
	const int abi = iol_landlock_abi();
	/* Of signals there is one scope: another here would leave out the children of the first. */
	const struct ruleset rules = { .fs = abi ? all_of_fs(abi) : 0,
				       .net = NET_BIND_TCP | NET_CONNECT_TCP,
				       .scoped = SCOPE_ABSTRACT_UNIX };
	int fd, ret = 0;

	if (!abi)
		return 1;
	fd = create(abi, &rules, err);
	if (fd < 0)
		return fd;
	ret = allow_sanitizers(fd, err);
	if (abi >= IOL_LANDLOCK_ABI_NET)
		for (size_t i = 0; i < connect_count && !ret; i++)
			ret = allow_connect(fd, connect_ports[i], err);
	if (!ret)
		ret = enter(fd, err);
	iol_fd_close(&fd);
	return ret;
}
