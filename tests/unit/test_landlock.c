// SPDX-License-Identifier: Apache-2.0
/* What Landlock leaves to a process: files, sockets and signals by name. The test is who has taken the process over. */
#include <iolite/landlock.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "confined.h"

static char folder[] = "/tmp/iolite-landlock-XXXXXX";
static char file[64], other[64];

static int fail_or_skip(int ret, const struct iol_error *err)
{
	return ret == 1 ? CONFINED_SKIP : confined_failed(ret, err);
}

static int restrict_to(const uint16_t *ports, size_t count)
{
	struct iol_error err = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return CONFINED_FAILED;
	return fail_or_skip(iol_landlock_restrict(ports, count, &err), &err);
}

static bool denied(int ret)
{
	return ret < 0 && errno == EACCES;
}

static int reach_files(void *data)
{
	static char *const argv[] = { NULL };
	int fd = open(file, O_RDWR | O_CLOEXEC), ret = restrict_to(NULL, 0);
	char byte = 'x';

	(void)data;
	if (ret)
		return ret;
	if (!denied(open(file, O_RDONLY)) || !denied(open(file, O_WRONLY)) ||
	    !denied(open("/etc/passwd", O_RDONLY)))
		return 1;
	if (!denied(open(folder, O_RDONLY | O_DIRECTORY)) ||
	    !denied(open("/", O_RDONLY | O_DIRECTORY)))
		return 2;
	if (!denied(open(other, O_WRONLY | O_CREAT, 0600)) || !denied(mkdir(other, 0700)) ||
	    !denied(symlink("/", other)) || !denied(mknod(other, S_IFIFO | 0600, 0)))
		return 3;
	if (!denied(unlink(file)) || !denied(rename(file, other)))
		return 4;
	if (link(file, other) != -1)
		return 5;
	if (!denied(execve("/proc/self/exe", argv, argv)))
		return 6;
	/* What is open goes on. */
	if (pwrite(fd, &byte, 1, 0) != 1 || pread(fd, &byte, 1, 0) != 1 || ftruncate(fd, 0))
		return 7;
	return 0;
}

static int bind_unix_name(const char *name, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path + abstract, name);
	if (bind(fd, (const struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name))))
		return -1;
	return listen(fd, 1) ? -1 : fd;
}

static int connect_abstract(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path + 1, name);
	return connect(fd, (const struct sockaddr *)&address,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
}

static int tcp_listener(uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, len), ==, 0);
	g_assert_cmpint(listen(fd, 4), ==, 0);
	g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &len), ==, 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static int tcp_connect(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret = connect(fd, (struct sockaddr *)&address, sizeof(address));

	iol_fd_close(&fd);
	return ret;
}

static int tcp_bind(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

/* Two ports, of which one is allowed; who connects to a listener that is there is accepted. */
static int reach_tcp(void *data)
{
	uint16_t ports[2];
	int listeners[2] = { tcp_listener(&ports[0]), tcp_listener(&ports[1]) }, ret;

	(void)data;
	if (iol_landlock_abi() < IOL_LANDLOCK_ABI_NET)
		return CONFINED_SKIP;
	ret = restrict_to(&ports[0], 1);
	if (ret)
		return ret;
	if (tcp_connect(ports[0]))
		return 1;
	if (accept(listeners[0], NULL, NULL) < 0)
		return 2;
	if (!denied(tcp_connect(ports[1])))
		return 3;
	return denied(tcp_bind()) ? 0 : 4;
}

static int reach_unix_sockets(void *data)
{
	g_autofree char *theirs = g_strdup_printf("iolite-landlock-%d", (int)getppid());
	g_autofree char *ours = g_strdup_printf("iolite-landlock-%d", (int)getpid());
	int ret;

	(void)data;
	if (iol_landlock_abi() < IOL_LANDLOCK_ABI_SCOPES)
		return CONFINED_SKIP;
	if (connect_abstract(theirs))
		return 1; /* it is there */
	ret = restrict_to(NULL, 0);
	if (ret)
		return ret;
	if (connect_abstract(theirs) != -1 || errno != EPERM)
		return 2;
	if (bind_unix_name(ours, true) < 0 || connect_abstract(ours))
		return 3; /* within the domain */
	return bind_unix_name(other, false) == -1 ? 0 : 4;
}

static void unix_sockets(void)
{
	g_autofree char *name = g_strdup_printf("iolite-landlock-%d", (int)getpid());
	int fd = bind_unix_name(name, true);

	g_assert_cmpint(fd, >=, 0);
	check_confined(reach_unix_sockets, NULL);
	iol_fd_close(&fd);
}

/* It ends with us at the latest, also where we have no right to end it. */
static pid_t waiting_child(void)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) > 0);
	}
	close(ends[0]);
	return pid;
}

/* As iolite: the scope first, then a child, then the rest. */
static int reach_processes(void *data)
{
	pid_t outside = waiting_child(), inside;
	struct iol_error err = { 0 };
	int ret, status;

	(void)data;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return CONFINED_FAILED;
	ret = fail_or_skip(iol_landlock_scope_signals(&err), &err);
	if (ret)
		return ret;
	inside = waiting_child();
	ret = restrict_to(NULL, 0);
	if (ret)
		return ret;
	if (!kill(getppid(), 0) || errno != EPERM || !kill(outside, SIGKILL) || errno != EPERM)
		return 1;
	if (!ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) ||
	    !ptrace(PTRACE_ATTACH, outside, NULL, NULL))
		return 2;
	if (kill(inside, SIGKILL) || waitpid(inside, &status, 0) != inside)
		return 3;
	return WIFSIGNALED(status) && !raise(0) ? 0 : 4;
}

static void files(void)
{
	check_confined(reach_files, NULL);
	g_assert_cmpint(access(other, F_OK), ==, -1);
	g_assert_cmpint(access(file, F_OK), ==, 0);
}

static void tcp(void)
{
	check_confined(reach_tcp, NULL);
}

static void processes(void)
{
	check_confined(reach_processes, NULL);
}

/* Without the promise, and without rights, the kernel refuses: it is said. */
static int unpromised(void *data)
{
	struct iol_error err = { 0 };

	(void)data;
	if (!iol_landlock_abi() || (!geteuid() && setresuid(65534, 65534, 65534)) ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		return CONFINED_SKIP;
	if (iol_landlock_restrict(NULL, 0, &err) != -EPERM)
		return 1;
	return strstr(err.msg, "Landlock cannot be entered") ? 0 : 2;
}

static void without_promise(void)
{
	check_confined(unpromised, NULL);
}

int main(int argc, char **argv)
{
	int fd, ret;

	g_test_init(&argc, &argv, NULL);
	g_assert_nonnull(mkdtemp(folder));
	g_snprintf(file, sizeof(file), "%s/file", folder);
	g_snprintf(other, sizeof(other), "%s/other", folder);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	g_assert_cmpint(fd, >=, 0);
	iol_fd_close(&fd);
	g_test_add_func("/landlock/files", files);
	g_test_add_func("/landlock/tcp", tcp);
	g_test_add_func("/landlock/unix-sockets", unix_sockets);
	g_test_add_func("/landlock/processes", processes);
	g_test_add_func("/landlock/without-promise", without_promise);
	ret = g_test_run();
	unlink(file);
	unlink(other);
	rmdir(folder);
	return ret;
}
