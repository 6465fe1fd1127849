/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the backend tap share: interfaces as the host makes and deletes them, and frames both ways. */
#ifndef IOLITE_TESTS_NET_TAP_RIG_H
#define IOLITE_TESTS_NET_TAP_RIG_H

#include <iolite/net.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/endian.h>
#include <iolite/log.h>

#include "net_rig.h"

enum { TYPE = 0x88b5 /* for experiments: the host itself sends others */, FRAME_BYTES = 100 };

static inline struct iol_net *new_tap(struct net_fixture *f, struct iol_net_tap_config config)
{
	struct iol_error err = { 0 };
	struct iol_net *net = NULL;

	config.name = "net t";
	config.pairs = config.pairs ? config.pairs : 1;
	if (iol_net_tap_new(&f->loop, &config, &net, &err))
		g_error("%s", err.msg);
	return net;
}

static inline void start_tap(struct net_fixture *f, struct net_device *dev,
			     struct iol_net_tap_config config)
{
	net_device_start(dev, new_tap(f, config));
}

static inline void expect_error(struct net_fixture *f, struct iol_net_tap_config config, int code,
				const char *text)
{
	struct iol_error err = { 0 };
	struct iol_net *net = NULL;
	int ret;

	config.name = "net t";
	ret = iol_net_tap_new(&f->loop, &config, &net, &err);
	net_expect_refused(ret, net, &err, code, text);
}

/* --- the host's side --- */

static inline int control(unsigned long request, struct ifreq *ifr, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	g_strlcpy(ifr->ifr_name, name, IFNAMSIZ);
	ret = ioctl(fd, request, ifr) ? -errno : 0;
	iol_fd_close(&fd);
	return ret;
}

static inline bool is_up(const char *name)
{
	struct ifreq ifr = { 0 };

	return !control(SIOCGIFFLAGS, &ifr, name) && ifr.ifr_flags & IFF_UP;
}

static inline void set_up(const char *name, bool up)
{
	struct ifreq ifr = { .ifr_flags = up ? IFF_UP : 0 };

	g_assert_cmpint(control(SIOCSIFFLAGS, &ifr, name), ==, 0);
}

static inline unsigned int mtu_of(const char *name)
{
	struct ifreq ifr = { 0 };

	g_assert_cmpint(control(SIOCGIFMTU, &ifr, name), ==, 0);
	return (unsigned int)ifr.ifr_mtu;
}

static inline int open_tun(const char *name, unsigned int flags)
{
	struct ifreq ifr = { .ifr_flags = (short)flags };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	g_strlcpy(ifr.ifr_name, name, IFNAMSIZ);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr))
		iol_fd_close(&fd);
	return fd;
}

static inline void make_persistent(const char *name, unsigned int flags)
{
	int fd = open_tun(name, IFF_TAP | IFF_NO_PI | flags);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(ioctl(fd, TUNSETPERSIST, 1), ==, 0);
	iol_fd_close(&fd);
}

static inline void make_up(const char *name, unsigned int flags)
{
	make_persistent(name, flags);
	set_up(name, true);
}

static inline void delete_link(const char *name)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} request = {
		.head = { .nlmsg_len = sizeof(request),
			  .nlmsg_type = RTM_DELLINK,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.info = { .ifi_index = (int)if_nametoindex(name) },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	uint8_t answer[256];
	struct nlmsghdr *head = (void *)answer;
	struct nlmsgerr *error = NLMSG_DATA(head);

	g_assert_cmpint(send(fd, &request, sizeof(request), 0), ==, sizeof(request));
	g_assert_cmpint(recv(fd, answer, sizeof(answer), 0), >, 0);
	g_assert_cmpint(error->error, ==, 0);
	iol_fd_close(&fd);
	g_assert_cmpuint(if_nametoindex(name), ==, 0);
}

/* Sends and receives frames by the interface as the host does. */
static inline int host_end(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htobe16(TYPE),
				       .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

static inline void fill_frame(uint8_t *frame, size_t len, uint8_t seed)
{
	memset(frame, 0xff, 6);
	memset(frame + 6, 0x02, 6);
	be16_store(frame + 12, TYPE);
	for (size_t i = 14; i < len; i++)
		frame[i] = (uint8_t)(i + seed);
}

/* True: @frame came within 200 ms. Others, such as one that was sent twice, are dropped. */
static inline bool came(struct net_device *dev, unsigned int pairs, const uint8_t *frame)
{
	uint64_t end_ns = iol_loop_now_ns() + 200 * IOL_NS_PER_MS;
	uint8_t got[2000];

	do {
		for (unsigned int pair = 0; pair < pairs; pair++) {
			ssize_t len = net_device_receive(dev, pair, got, sizeof(got));

			if (len == FRAME_BYTES && !memcmp(got, frame, FRAME_BYTES))
				return true;
			g_assert_true(len == -EAGAIN || len > 0);
			iol_net_await(dev->net, pair, true, false);
		}
		net_turn(dev->net->loop);
	} while (iol_loop_now_ns() < end_ns);
	return false;
}

/*
 * The host, or device @from where there is one, sends a frame to @dev. More than once if need be: the kernel takes its time
 * until an interface that is up carries frames, and drops them till then.
 */
static inline void expect_frame(struct net_device *from, int host, struct net_device *dev,
				unsigned int pairs, uint8_t seed)
{
	uint8_t frame[FRAME_BYTES];

	fill_frame(frame, sizeof(frame), seed);
	for (unsigned int i = 0; i < 50; i++) {
		if (from)
			g_assert_cmpint(net_device_send(from, 0, frame, sizeof(frame)), ==, 0);
		else
			g_assert_cmpint(send(host, frame, sizeof(frame), 0), ==, sizeof(frame));
		if (came(dev, pairs, frame))
			return;
	}
	g_error("%s: none of 50 frames came", dev->net->name);
}

static inline void expect_from_host(struct net_device *dev, int host, unsigned int pairs,
				    uint8_t seed)
{
	expect_frame(NULL, host, dev, pairs, seed);
}

static inline void expect_at_host(struct net_device *dev, int host, unsigned int pair, uint8_t seed)
{
	struct pollfd pfd = { .fd = host, .events = POLLIN };
	uint8_t frame[FRAME_BYTES], got[2000];
	ssize_t len;

	fill_frame(frame, sizeof(frame), seed);
	g_assert_cmpint(net_device_send(dev, pair, frame, sizeof(frame)), ==, 0);
	/* Its own frames come back to a packet socket, too, and that the interface was down. */
	do {
		g_assert_cmpint(poll(&pfd, 1, 5000), ==, 1);
		len = recv(host, got, sizeof(got), 0);
		g_assert_true(len == sizeof(frame) || (len < 0 && errno == ENETDOWN));
	} while (len < 0 || memcmp(got, frame, sizeof(frame)));
}

/* From the host on any of @pairs, to it by the last. */
static inline void expect_both_ways(struct net_device *dev, const char *name, unsigned int pairs)
{
	int host = host_end(name);

	expect_from_host(dev, host, pairs, 1);
	expect_at_host(dev, host, pairs - 1, 2);
	iol_fd_close(&host);
}

/* The interface goes, and @dev notices by itself. */
static inline void lose_link(struct net_device *dev, const char *name)
{
	delete_link(name);
	iol_net_await(dev->net, 0, true, false);
	NET_TURN_UNTIL(dev->net->loop, !dev->net->link_up);
}

static inline bool make_bridge(const char *name)
{
	char arg[IFNAMSIZ];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	g_strlcpy(arg, name, sizeof(arg));
	ret = ioctl(fd, SIOCBRADDBR, arg);
	iol_fd_close(&fd);
	if (ret)
		return false;
	set_up(name, true);
	return true;
}

/* New interfaces are silent, where that can be had. */
static inline void quieten(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		iol_log(IOL_LOG_INFO, "the host's own frames will come, too");
	iol_fd_close(&fd);
}

/* As net_own_network(), and taps can be made there. */
static inline const char *own_network(void)
{
	const char *unusable = net_own_network();
	int fd;

	if (unusable)
		return unusable;
	quieten();
	fd = open_tun("iol0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	if (fd < 0)
		return "cannot make a tap: needs /dev/net/tun and the right to it";
	iol_fd_close(&fd);
	return NULL;
}

#endif
