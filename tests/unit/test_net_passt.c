// SPDX-License-Identifier: Apache-2.0
/* passt, where it is installed, in a network of the test's own. */
#include <iolite/net.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iolite/endian.h>

#include "net_rig.h"

enum { TYPE_ARP = 0x0806, ADDRESS = 0xc0000202, ROUTER = 0xc0000201 }; /* 192.0.2.0/24 */

static void set_address(struct sockaddr *address, uint32_t ip)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(ip) };

	memcpy(address, &in, sizeof(in));
}

/* What passt looks for: an interface with an address and a default route, a tap that nobody serves. */
static int give_network(void)
{
	struct ifreq ifr = { .ifr_name = "up0", .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct rtentry route = { .rt_dev = ifr.ifr_name, .rt_flags = RTF_UP | RTF_GATEWAY };
	int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	iol_auto(iol_fd_close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = tap >= 0 && fd >= 0 && !ioctl(tap, TUNSETIFF, &ifr);

	set_address(&ifr.ifr_addr, ADDRESS);
	ok = ok && !ioctl(fd, SIOCSIFADDR, &ifr);
	set_address(&ifr.ifr_netmask, 0xffffff00);
	ok = ok && !ioctl(fd, SIOCSIFNETMASK, &ifr);
	ifr.ifr_flags = IFF_UP;
	ok = ok && !ioctl(fd, SIOCSIFFLAGS, &ifr);
	set_address(&route.rt_dst, 0);
	set_address(&route.rt_genmask, 0);
	set_address(&route.rt_gateway, ROUTER);
	ok = ok && !ioctl(fd, SIOCADDRT, &route);
	if (!ok)
		iol_fd_close(&tap);
	return tap;
}

/* Asks who has the router's address: passt says that it does. */
static void check_passes(struct net_device *dev)
{
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 2, 2, 2, 2, 2 }, got[2048];
	uint8_t *arp = frame + 14;
	ssize_t len;

	be16_store(frame + 12, TYPE_ARP);
	be16_store(arp, 1);
	be16_store(arp + 2, 0x0800);
	arp[4] = 6;
	arp[5] = 4;
	be16_store(arp + 6, 1);
	memset(arp + 8, 2, 6);
	be32_store(arp + 14, ADDRESS);
	be32_store(arp + 24, ROUTER);
	g_assert_cmpint(net_device_send(dev, 0, frame, sizeof(frame)), ==, 0);
	do
		len = net_device_wait_frame(dev, 1, got, sizeof(got));
	while (len < 42 || be16_load(got + 12) != TYPE_ARP);
	g_assert_cmpuint(be16_load(got + 20), ==, 2);
	g_assert_cmphex(be32_load(got + 28), ==, ROUTER);
}

static void expect_error(struct net_fixture *f, struct iol_net_stream_config config, int code,
			 const char *text)
{
	unsigned int fds = net_open_fds();
	struct iol_error err = { 0 };
	struct iol_net *net = NULL;
	int ret;

	config.name = "net p";
	ret = iol_net_passt_new(&f->loop, &config, &net, &err);
	net_expect_refused(ret, net, &err, code, text);
	g_assert_cmpuint(net_open_fds(), ==, fds);
}

static void test_errors(struct net_fixture *f, gconstpointer data)
{
	g_autofree char *path = g_strdup(g_getenv("PATH"));

	(void)data;
	expect_error(f, (struct iol_net_stream_config){ .path = "/nonexistent/socket" }, -ENOENT,
		     "no passt listens at /nonexistent/socket");
	g_setenv("PATH", "/nonexistent", TRUE);
	expect_error(f, (struct iol_net_stream_config){ 0 }, -ENOENT, "apt install passt");
	g_setenv("PATH", path, TRUE);
}

/* A program of that name which is found first: a script of the shell's. */
struct other_passt {
	char *dir, *program, *path;
};

static struct other_passt put_passt(const char *script)
{
	struct other_passt other = { .dir = g_dir_make_tmp("iolite-passt-XXXXXX", NULL),
				     .path = g_strdup(g_getenv("PATH")) };
	g_autofree char *text = g_strdup_printf("#!/bin/sh\n%s\n", script);
	g_autofree char *path = g_strdup_printf("%s:%s", other.dir, other.path);

	other.program = g_build_filename(other.dir, "passt", NULL);
	g_assert_true(g_file_set_contents(other.program, text, -1, NULL));
	g_assert_cmpint(chmod(other.program, 0755), ==, 0);
	g_setenv("PATH", path, TRUE);
	return other;
}

static void take_passt_away(struct other_passt *other)
{
	g_setenv("PATH", other->path, TRUE);
	g_assert_cmpint(unlink(other->program), ==, 0);
	g_assert_cmpint(rmdir(other->dir), ==, 0);
	g_free(other->program);
	g_free(other->dir);
	g_free(other->path);
}

/* passt itself, with one more option: it does not start, and says why. */
static void check_refused(struct net_fixture *f, const char *option, const char *text)
{
	g_autofree char *script =
		g_strdup_printf("PATH='%s'\nexec passt \"$@\" %s", g_getenv("PATH"), option);
	struct other_passt other = put_passt(script);

	expect_error(f, (struct iol_net_stream_config){ 0 }, -EIO, text);
	take_passt_away(&other);
}

static void test_bad_arguments(struct net_fixture *f, gconstpointer data)
{
	(void)data;
	check_refused(f, "--no-such-option",
		      "passt did not start: passt: unrecognized option '--no-such-option'");
}

static void test_no_network(struct net_fixture *f, gconstpointer data)
{
	(void)data;
	check_refused(f, "--interface none0", "none0");
}

/* One that leaves its socket and lives on is of no use: it is ended, and said to be. */
static void test_leaves_socket(struct net_fixture *f, gconstpointer data)
{
	struct other_passt other = put_passt("echo $$; read line <&3; exec sleep 1000 3>&-");
	struct iol_net_stream_config config = { .name = "net p" };
	uint8_t frame[60] = { '\n' };
	struct iol_error err = { 0 };
	struct net_device dev;
	struct iol_net *net;

	(void)data;
	if (iol_net_passt_new(&f->loop, &config, &net, &err))
		g_error("%s", err.msg);
	net_device_start(&dev, net);
	g_assert_true(net->link_up);
	g_assert_cmpint(net_device_send(&dev, 0, frame, sizeof(frame)), ==, 0);
	NET_TURN_UNTIL(&f->loop, !net->link_up && !net_child_of(getpid()));
	g_assert_cmpuint(dev.link_changes, ==, 1);
	iol_net_free(net);
	take_passt_away(&other);
}

static void test_ours(struct net_fixture *f, gconstpointer data)
{
	struct iol_net_stream_config config = { .name = "net p" };
	uint8_t frame[60] = { 0 };
	struct iol_error err = { 0 };
	struct net_device dev;
	struct iol_net *net;
	unsigned int fds;

	(void)data;
	net_turn(&f->loop);
	fds = net_open_fds();
	for (unsigned int round = 0; round < 2; round++) {
		if (iol_net_passt_new(&f->loop, &config, &net, &err))
			g_error("%s", err.msg);
		net_device_start(&dev, net);
		g_assert_true(net->link_up);
		g_assert_cmpstr(net->ops->name, ==, "passt");
		check_passes(&dev);
		if (round) {
			g_assert_cmpint(kill(net_child_of(getpid()), SIGKILL), ==, 0);
			NET_TURN_UNTIL(&f->loop, !net->link_up && !net_child_of(getpid()));
			g_assert_cmpuint(dev.link_changes, ==, 1);
			g_assert_cmpint(net_device_send(&dev, 0, frame, sizeof(frame)), ==,
					-ENETDOWN);
			iol_net_await(net, 0, true, true);
			net_turn_for(&f->loop, 40);
		}
		iol_net_free(net);
		g_assert_cmpuint(net_open_fds(), ==, fds);
	}
}

/* The end of a passt that somebody else has started: the path says where. */
static void test_by_path(struct net_fixture *f, gconstpointer data)
{
	g_autofree char *dir = g_dir_make_tmp("iolite-passt-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "socket", NULL);
	char *argv[] = { (char[]){ "passt" },
			 (char[]){ "-f" },
			 (char[]){ "-q" },
			 (char[]){ "-s" },
			 path,
			 NULL };
	struct iol_net_stream_config config = { .name = "net p", .path = path };
	struct iol_error err = { 0 };
	struct net_device dev;
	struct iol_net *net = NULL;
	GPid pid;
	int ret = -ENOENT;

	(void)data;
	g_assert_cmpint(chmod(dir, 0777), ==, 0); /* as root it is somebody else */
	g_assert_true(g_spawn_async(NULL, argv, NULL,
				    G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
				    &pid, NULL));
	for (unsigned int i = 0; i < 500 && ret; i++) {
		ret = iol_net_passt_new(&f->loop, &config, &net, &err);
		if (ret)
			net_turn(&f->loop);
	}
	if (ret)
		g_error("%s", err.msg);
	net_device_start(&dev, net);
	check_passes(&dev);
	g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	iol_net_await(net, 0, true, false);
	NET_TURN_UNTIL(&f->loop, !net->link_up);
	iol_net_free(net);
	unlink(path);
	g_assert_cmpint(rmdir(dir), ==, 0);
}

/* passt puts itself into one, and gives up where it cannot: in a chroot, or where the host forbids them. */
static bool has_user_namespaces(void)
{
	const uid_t nobody = 65534;
	pid_t child = fork();
	int status;

	if (!child) {
		if (!geteuid() && setresuid(nobody, nobody, nobody))
			_exit(1);
		_exit(unshare(CLONE_NEWUSER) != 0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

/* Why passt cannot run here; NULL: it can. */
static const char *why_unusable(void)
{
	g_autofree char *passt = g_find_program_in_path("passt");
	const char *why;

	if (!passt)
		return "passt is not installed";
	if (!has_user_namespaces())
		return "there are no user namespaces here, and passt needs one";
	why = net_own_network();
	if (why)
		return why;
	return give_network() < 0 ? "cannot make a network for passt: needs /dev/net/tun" : NULL;
}

int main(int argc, char **argv)
{
	static const struct net_test without[] = {
		{ "/net-passt/errors", test_errors },
		{ "/net-passt/leaves-socket", test_leaves_socket },
	};
	static const struct net_test tests[] = {
		{ "/net-passt/bad-arguments", test_bad_arguments },
		{ "/net-passt/no-network", test_no_network },
		{ "/net-passt/ours", test_ours },
		{ "/net-passt/by-path", test_by_path },
	};
	const char *unusable = why_unusable();

	g_test_init(&argc, &argv, NULL);
	net_add_tests(without, IOL_ARRAY_LEN(without), NULL); /* need no passt */
	net_add_tests(tests, IOL_ARRAY_LEN(tests), unusable);
	return g_test_run();
}
