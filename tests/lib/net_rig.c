// SPDX-License-Identifier: Apache-2.0
#include "net_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct tick {
	struct iol_op op;
	bool done;
};

static void tick_done(struct iol_op *op, int res)
{
	(void)res;
	iol_container_of(op, struct tick, op)->done = true;
}

/* The timer of a turn is always taken back, as it lies on the stack. */
void net_turn(struct iol_loop *loop)
{
	struct tick tick = { .op.done = tick_done };

	iol_loop_timeout(loop, &tick.op, 20 * IOL_NS_PER_MS);
	g_assert_cmpint(iol_loop_turn(loop, true), ==, 0);
	if (!tick.done)
		iol_loop_cancel(loop, &tick.op);
	while (!tick.done)
		g_assert_cmpint(iol_loop_turn(loop, true), ==, 0);
}

void net_turn_for(struct iol_loop *loop, unsigned int ms)
{
	uint64_t end_ns = iol_loop_now_ns() + ms * IOL_NS_PER_MS;

	while (iol_loop_now_ns() < end_ns)
		net_turn(loop);
}

static void readable(struct iol_net_user *user, unsigned int pair)
{
	struct net_device *dev = iol_container_of(user, struct net_device, user);

	g_assert_false(dev->in_call);
	g_assert_cmpuint(pair, <, IOL_NET_PAIRS_MAX);
	dev->readable[pair]++;
}

static void writable(struct iol_net_user *user, unsigned int pair)
{
	struct net_device *dev = iol_container_of(user, struct net_device, user);

	g_assert_false(dev->in_call);
	g_assert_cmpuint(pair, <, IOL_NET_PAIRS_MAX);
	dev->writable[pair]++;
}

static void link_changed(struct iol_net_user *user)
{
	struct net_device *dev = iol_container_of(user, struct net_device, user);

	g_assert_false(dev->in_call);
	dev->link_changes++;
}

void net_device_start(struct net_device *dev, struct iol_net *net)
{
	*dev = (struct net_device){
		.user = { .readable = readable,
			  .writable = writable,
			  .link_changed = link_changed },
		.net = net,
	};
	iol_net_start(net, &dev->user);
}

void net_setup(struct net_fixture *f, gconstpointer data)
{
	struct iol_error err;

	(void)data;
	g_assert_cmpint(iol_loop_init(&f->loop, &err), ==, 0);
}

static void teardown(struct net_fixture *f, gconstpointer data)
{
	(void)data;
	iol_loop_finish(&f->loop);
	g_assert_cmpint(net_child_of(getpid()), ==, 0);
}

static void skip(struct net_fixture *f, gconstpointer why)
{
	(void)f;
	g_test_skip(why);
}

void net_add_tests(const struct net_test *tests, size_t count, const char *unusable)
{
	for (size_t i = 0; i < count; i++)
		g_test_add(tests[i].path, struct net_fixture, unusable, net_setup,
			   unusable ? skip : tests[i].run, teardown);
}

void net_expect_refused(int ret, const struct iol_net *net, const struct iol_error *err, int code,
			const char *text)
{
	if (ret != code || !strstr(err->msg, text))
		g_error("%d \"%s\", expected %d and \"%s\"", ret, err->msg, code, text);
	g_assert_null(net);
	g_assert_cmpint(net_child_of(getpid()), ==, 0);
}

int net_device_send(struct net_device *dev, unsigned int pair, const void *frame, size_t len)
{
	uint8_t header[IOL_NET_HEADER_BYTES] = { 0 };
	g_autofree uint8_t *copy = g_malloc(MAX(len, 1));
	struct iovec iov[2] = { { header, sizeof(header) }, { copy, len } };
	int ret;

	memcpy(copy, frame, len);
	dev->in_call = true;
	ret = iol_net_send(dev->net, pair, iov, 2);
	dev->in_call = false;
	memset(copy, 0xee, len); /* it must have been read by now */
	return ret;
}

ssize_t net_device_receive(struct net_device *dev, unsigned int pair, void *frame, size_t size)
{
	uint8_t header[IOL_NET_HEADER_BYTES];
	struct iovec iov[2] = { { header, sizeof(header) }, { frame, size } };
	ssize_t ret;

	memset(header, 0xaa, sizeof(header));
	dev->in_call = true;
	ret = iol_net_receive(dev->net, pair, iov, 2);
	dev->in_call = false;
	if (ret < 0)
		return ret;
	g_assert_cmpint(ret, >=, (int)sizeof(header));
	for (size_t i = 0; i < sizeof(header); i++)
		g_assert_cmphex(header[i], ==, 0);
	return ret - (ssize_t)sizeof(header);
}

ssize_t net_device_wait_frame(struct net_device *dev, unsigned int pairs, void *frame, size_t size)
{
	uint64_t end_ns = iol_loop_now_ns() + 10 * IOL_NS_PER_S;

	for (;;) {
		for (unsigned int pair = 0; pair < pairs; pair++) {
			ssize_t len = net_device_receive(dev, pair, frame, size);

			if (len != -EAGAIN)
				return len;
			iol_net_await(dev->net, pair, true, false);
		}
		if (iol_loop_now_ns() > end_ns)
			g_error("%s: 10 s without a frame", dev->net->name);
		net_turn(dev->net->loop);
	}
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	iol_fd_close(&fd);
	return ok;
}

static bool own_user(void)
{
	unsigned int uid = getuid(), gid = getgid();
	g_autofree char *uids = g_strdup_printf("0 %u 1", uid);
	g_autofree char *gids = g_strdup_printf("0 %u 1", gid);

	return !unshare(CLONE_NEWUSER | CLONE_NEWNET) &&
	       write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/uid_map", uids) && write_text("/proc/self/gid_map", gids);
}

const char *net_own_network(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	iol_auto(iol_fd_close) int fd = -1;

	if (unshare(CLONE_NEWNET) && !own_user())
		return "needs a network namespace: root, or user namespaces";
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ifr.ifr_flags = IFF_UP;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		return "cannot set up the loopback of a network namespace";
	return NULL;
}

static pid_t parent_of(const char *pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
	g_autofree char *text = NULL;
	const char *behind_name;
	int parent;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	behind_name = strrchr(text, ')');
	return behind_name && sscanf(behind_name, ") %*c %d", &parent) == 1 ? parent : 0;
}

pid_t net_child_of(pid_t parent)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	g_assert_nonnull(dir);
	while (!found && (entry = readdir(dir)))
		if (g_ascii_isdigit(entry->d_name[0]) && parent_of(entry->d_name) == parent)
			found = (pid_t)atoi(entry->d_name);
	closedir(dir);
	return found;
}

void net_expect_status(pid_t pid, const char *line)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
	g_autofree char *text = NULL, *all = NULL, *wanted = g_strdup_printf("\n%s\n", line);

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	all = g_strconcat("\n", text, NULL);
	if (!strstr(all, wanted))
		g_error("no \"%s\" in%s", line, all);
}

static int await_end(pid_t pid)
{
	int status;
	pid_t gone;

	for (unsigned int i = 0; (gone = waitpid(pid, &status, WNOHANG)) <= 0; i++) {
		g_assert_cmpuint(i, <, 1000); /* of 10 ms */
		poll(NULL, 0, 10);
	}
	g_assert_cmpint(gone, ==, pid);
	return status;
}

int net_status_without_parent(pid_t (*start)(void))
{
	pid_t parent, child = 0;
	int ends[2];

	if (getenv("IOLITE_EMULATED")) {
		g_test_skip("qemu-user lets nobody adopt processes");
		return -1;
	}
	g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
	g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
	parent = fork();
	if (!parent) {
		child = start();
		if (write(ends[1], &child, sizeof(child)) == sizeof(child))
			poll(NULL, 0, 20000);
		_exit(1);
	}
	iol_fd_close(&ends[1]); /* so that read() ends with who should write */
	g_assert_cmpint(read(ends[0], &child, sizeof(child)), ==, sizeof(child));
	iol_fd_close(&ends[0]);
	g_assert_cmpint(child, >, 0);
	g_assert_cmpint(kill(parent, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(parent, NULL, 0), ==, parent);
	return await_end(child);
}

unsigned int net_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	g_assert_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* A sanitizer's own where there is one: libc's heap is empty then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
size_t __sanitizer_get_current_allocated_bytes(void);

size_t net_heap_bytes(void)
{
	return __sanitizer_get_current_allocated_bytes();
}
#else
size_t net_heap_bytes(void)
{
	return mallinfo2().uordblks;
}
#endif
