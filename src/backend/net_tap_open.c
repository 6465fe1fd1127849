// SPDX-License-Identifier: Apache-2.0
/*
 * Opening taps (Documentation/networking/tuntap.rst) and what belongs to that: queues, the header before each frame,
 * the interface's state, size and bridge (netdevice(7)). See net_tap.h. Runs on the loop's thread, before the machine
 * does and when a tap that was lost is back.
 *
 * The names come from the user; neither a guest nor a peer has a say here.
 */
#include "net_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/log.h>
#include <iolite/sandbox.h>

/* Linux 6.2. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* TUNSETQUEUE and TUNSETOFFLOAD take the lock that all settings of the host's interfaces have in common. */
#define CHANGE_NS (100 * IOL_NS_PER_MS)

static const unsigned short tap_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

int iol_tap_set_offloads(int fd, uint32_t offloads)
{
	unsigned int flags = 0;

	if (offloads & IOL_NET_CSUM)
		flags |= TUN_F_CSUM;
	if (offloads & IOL_NET_TSO4)
		flags |= TUN_F_TSO4;
	if (offloads & IOL_NET_TSO6)
		flags |= TUN_F_TSO6;
	if (offloads & IOL_NET_ECN)
		flags |= TUN_F_TSO_ECN;
	if (offloads & IOL_NET_USO)
		flags |= TUN_F_USO4 | TUN_F_USO6;
	return ioctl(fd, TUNSETOFFLOAD, (unsigned long)flags) ? -errno : 0;
}

int iol_tap_attach(struct net_tap_pair *pair, bool attach)
{
	struct ifreq ifr = { .ifr_flags = attach ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

	if (pair->attached == attach)
		return 0;
	if (ioctl(pair->fd, TUNSETQUEUE, &ifr))
		return -errno;
	pair->attached = attach;
	return 0;
}

/* An interface that was deleted leaves its descriptors behind, which can have another one. */
static bool has_interface(int fd)
{
	struct ifreq ifr = { 0 };

	return !ioctl(fd, TUNGETIFF, &ifr);
}

/* What there is has to do, as no more can be opened. */
static bool keeps_descriptors(const struct net_tap *tap)
{
	return iol_sandbox_mode() != IOL_SANDBOX_OFF && !tap->finished && !tap->from_parent;
}

static void part_with(struct net_tap *tap, struct net_tap_pair *pair)
{
	pair->attached = false;
	if (pair->fd < 0)
		return;
	iol_loop_drop(tap->net.loop, pair->fd);
	if (!keeps_descriptors(tap) || tap->spare_count == IOL_NET_PAIRS_MAX ||
	    has_interface(pair->fd)) {
		iol_fd_close(&pair->fd);
		return;
	}
	tap->spares[tap->spare_count++] = pair->fd;
	pair->fd = -1;
}

void iol_tap_close(struct net_tap *tap)
{
	for (unsigned int i = 0; i < IOL_NET_PAIRS_MAX; i++)
		part_with(tap, &tap->pairs[i]);
	if (!tap->finished)
		return;
	while (tap->spare_count)
		iol_fd_close(&tap->spares[--tap->spare_count]);
	iol_fd_close(&tap->control_fd);
	iol_fd_close(&tap->route_fd);
}

/* --- descriptors --- */

static int open_tun(struct net_tap *tap, struct iol_error *err)
{
	int fd = tap->spare_count ? tap->spares[--tap->spare_count]
				  : open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return iol_error_errno(
			err, -errno,
			"no taps here: load the kernel's module (modprobe tun) or, in a "
			"container, pass /dev/net/tun on; cannot open /dev/net/tun");
	if (errno == EACCES || errno == EPERM)
		return iol_error_errno(err, -errno,
				       "no right to use taps: run as root, or have root allow it "
				       "(chmod 0666 /dev/net/tun); cannot open /dev/net/tun");
	return iol_error_errno(err, -errno, "cannot open /dev/net/tun");
}

static int set_iff(int fd, char name[IFNAMSIZ], unsigned int flags)
{
	struct ifreq ifr = { .ifr_flags = (short)flags };

	memcpy(ifr.ifr_name, name, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &ifr))
		return -errno;
	memcpy(name, ifr.ifr_name, IFNAMSIZ);
	return 0;
}

/* What an interface that is there refused, in words. */
static int refused(struct net_tap *tap, int fd, unsigned int pairs, int code, struct iol_error *err)
{
	char name[IFNAMSIZ];

	memcpy(name, tap->ifname, sizeof(name));
	if (code == -EPERM)
		return iol_error_set(err, code,
				     "interface %s is not for this user: run as root, or have root "
				     "make it anew: ip link del %s; ip tuntap add %s mode tap user "
				     "$USER",
				     name, name, name);
	if (code == -EBUSY)
		return iol_error_set(
			err, code,
			"interface %s is in use: another program has it open; end that "
			"one, or name another interface",
			name);
	if (code == -EINVAL && pairs > 1 && !set_iff(fd, name, tap_flags))
		return iol_error_set(
			err, code,
			"interface %s has one queue, and %u are asked for: make it with "
			"ip tuntap add %s mode tap multi_queue, or ask for one",
			name, pairs, name);
	if (code == -EINVAL)
		return iol_error_set(err, code, "interface %s exists and is no tap", name);
	return iol_error_errno(err, code, "cannot use the interface %s", name);
}

/* What we cannot do without and an interface with @flags lacks; NULL: nothing. */
static const char *lacking(unsigned int flags)
{
	if (!(flags & IFF_TAP))
		return "IFF_TAP";
	if (!(flags & IFF_NO_PI))
		return "IFF_NO_PI";
	return flags & IFF_VNET_HDR ? NULL : "IFF_VNET_HDR";
}

/*
 * Whoever opens the first queue says what frames look like, and of one who opens another the kernel does not even look
 * at that. It may be a program that is about to make the interface: it has a queue until it is done.
 */
static int check_first(const struct net_tap *tap, int fd, struct iol_error *err)
{
	struct ifreq ifr = { 0 };
	const char *lacks;

	if (ioctl(fd, TUNGETIFF, &ifr))
		return iol_error_errno(err, -errno, "interface %s: cannot ask for its flags",
				       tap->ifname);
	lacks = lacking((unsigned short)ifr.ifr_flags);
	if (!lacks)
		return 0;
	return iol_error_set(err, -EBUSY,
			     "interface %s is in use: another program has it open, without %s; "
			     "end that one, or name another interface",
			     tap->ifname, lacks);
}

/* The first queue: makes the interface, or opens the one that is there. */
static int open_first(struct net_tap *tap, int fd, unsigned int pairs, unsigned int *flags,
		      struct iol_error *err)
{
	int ret = set_iff(fd, tap->ifname, *flags | IFF_TUN_EXCL);

	tap->made = !ret;
	if (!ret)
		return 0;
	if (ret == -EPERM)
		return iol_error_set(
			err, ret,
			"cannot make the interface %s: run as root, or have root make it "
			"once: ip tuntap add %s mode tap user $USER",
			tap->ifname, strchr(tap->ifname, '%') ? "tap0" : tap->ifname);
	if (ret != -EBUSY)
		return iol_error_errno(err, ret, "cannot make the interface %s", tap->ifname);
	ret = set_iff(fd, tap->ifname, *flags);
	if (ret == -EINVAL && pairs == 1) {
		/* One queue of several is fine. */
		*flags |= IFF_MULTI_QUEUE;
		ret = set_iff(fd, tap->ifname, *flags);
	}
	return ret ? refused(tap, fd, pairs, ret, err) : check_first(tap, fd, err);
}

static int open_queues(struct net_tap *tap, unsigned int pairs, struct iol_error *err)
{
	unsigned int flags = tap_flags | (pairs > 1 ? IFF_MULTI_QUEUE : 0);
	int ret = 0;

	for (unsigned int i = 0; i < pairs && !ret; i++) {
		int fd = open_tun(tap, err);

		if (fd < 0)
			return fd;
		tap->pairs[i].fd = fd;
		tap->pairs[i].attached = true;
		if (!i)
			ret = open_first(tap, fd, pairs, &flags, err);
		else
			ret = set_iff(fd, tap->ifname, flags);
		if (ret && i)
			ret = iol_error_errno(err, ret, "interface %s: cannot open queue %u of %u",
					      tap->ifname, i + 1, pairs);
	}
	return ret;
}

static int check_parents(struct net_tap *tap, int fd, unsigned int pairs, struct iol_error *err)
{
	struct ifreq ifr = { 0 };
	unsigned int flags;
	const char *lacks;

	if (ioctl(fd, TUNGETIFF, &ifr))
		return iol_error_errno(err, -errno, "descriptor %d is no tap", fd);
	flags = (unsigned short)ifr.ifr_flags;
	lacks = lacking(flags);
	if (lacks)
		return iol_error_set(err, -EINVAL,
				     "descriptor %d, interface %s, was opened without %s", fd,
				     ifr.ifr_name, lacks);
	if (pairs > 1 && !(flags & IFF_MULTI_QUEUE))
		return iol_error_set(
			err, -EINVAL,
			"descriptor %d, interface %s, was opened without IFF_MULTI_QUEUE, "
			"and there are %u",
			fd, ifr.ifr_name, pairs);
	if (*tap->ifname && strcmp(tap->ifname, ifr.ifr_name))
		return iol_error_set(err, -EINVAL,
				     "descriptor %d is the interface %s, the one before is %s", fd,
				     ifr.ifr_name, tap->ifname);
	memcpy(tap->ifname, ifr.ifr_name, sizeof(tap->ifname));
	return 0;
}

static int take_parents(struct net_tap *tap, const int *fds, unsigned int pairs,
			struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < pairs && !ret; i++)
		ret = check_parents(tap, fds[i], pairs, err);
	if (ret)
		return ret;
	tap->from_parent = true;
	for (unsigned int i = 0; i < pairs; i++) {
		int flags = fcntl(fds[i], F_GETFL);

		if (flags < 0 || fcntl(fds[i], F_SETFL, flags | O_NONBLOCK) ||
		    fcntl(fds[i], F_SETFD, FD_CLOEXEC))
			return iol_error_errno(err, -errno, "descriptor %d", fds[i]);
		tap->pairs[i].fd = fds[i];
		tap->pairs[i].attached = true;
	}
	return 0;
}

/* --- the interface --- */

/* The header is virtio's newer one, and little-endian whatever the host is. Of all queues at once. */
static int set_header(const struct net_tap *tap, struct iol_error *err)
{
	int size = IOL_NET_HEADER_BYTES, little = 1, fd = tap->pairs[0].fd;

	if (ioctl(fd, TUNSETVNETHDRSZ, &size))
		return iol_error_errno(err, -errno, "interface %s: cannot set its header's size",
				       tap->ifname);
	if (ioctl(fd, TUNSETVNETLE, &little) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		return iol_error_errno(
			err, -errno,
			"interface %s: cannot make its header little-endian; the kernel "
			"needs CONFIG_TUN_VNET_CROSS_LE",
			tap->ifname);
	return 0;
}

/* Older kernels know no segments of UDP; the rest all have. */
static void probe_offloads(struct net_tap *tap)
{
	const uint32_t basic = IOL_NET_CSUM | IOL_NET_TSO4 | IOL_NET_TSO6 | IOL_NET_ECN;
	int fd = tap->pairs[0].fd;

	if (!iol_tap_set_offloads(fd, basic | IOL_NET_USO))
		tap->net.limits.receive_offloads = basic | IOL_NET_USO;
	else if (!iol_tap_set_offloads(fd, basic))
		tap->net.limits.receive_offloads = basic;
	tap->net.limits.send_offloads = tap->net.limits.receive_offloads;
	iol_tap_set_offloads(fd, 0);
}

/* @name was checked, or is the kernel's. */
static void name_of(struct ifreq *ifr, const char *name)
{
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, name, strnlen(name, sizeof(ifr->ifr_name) - 1));
}

static int open_control(struct net_tap *tap)
{
	if (tap->control_fd < 0)
		tap->control_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return tap->control_fd;
}

static int open_route(struct net_tap *tap)
{
	if (tap->route_fd < 0)
		tap->route_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return tap->route_fd;
}

/* As if_nametoindex(), which makes a socket each time. 0: there is none of that name. */
static unsigned int index_of(struct net_tap *tap, const char *name)
{
	struct ifreq ifr;

	name_of(&ifr, name);
	return ioctl(open_control(tap), SIOCGIFINDEX, &ifr) ? 0 : (unsigned int)ifr.ifr_ifindex;
}

/* The index of the interface that @len bytes of an answer say is the master; 0: none. */
static unsigned int master_in(const uint8_t *answer, size_t len)
{
	size_t at = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct ifinfomsg)));
	struct nlmsghdr head;
	struct rtattr attr;
	unsigned int master;

	if (len < at)
		return 0;
	memcpy(&head, answer, sizeof(head));
	if (head.nlmsg_type != RTM_NEWLINK || head.nlmsg_len > len)
		return 0;
	for (; at + RTA_LENGTH(sizeof(master)) <= head.nlmsg_len; at += RTA_ALIGN(attr.rta_len)) {
		memcpy(&attr, answer + at, sizeof(attr));
		if (attr.rta_len < sizeof(attr))
			break;
		if (attr.rta_type != IFLA_MASTER || attr.rta_len != RTA_LENGTH(sizeof(master)))
			continue;
		memcpy(&master, answer + at + RTA_LENGTH(0), sizeof(master));
		return master;
	}
	return 0;
}

/* By rtnetlink(7): /sys may show another network than ours. */
static bool in_bridge(struct net_tap *tap, const char *ifname, const char *bridge)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} request = {
		.head = { .nlmsg_len = sizeof(request),
			  .nlmsg_type = RTM_GETLINK,
			  .nlmsg_flags = NLM_F_REQUEST },
		.info = { .ifi_index = (int)index_of(tap, ifname) },
	};
	uint8_t answer[16384];
	unsigned int master;
	ssize_t len;
	int fd = open_route(tap);

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return false;
	len = recv(fd, answer, sizeof(answer), 0);
	if (len < 0)
		return false;
	master = master_in(answer, (size_t)len);
	return master && master == index_of(tap, bridge);
}

static int join_bridge(struct net_tap *tap, int control, struct iol_error *err)
{
	const char *bridge = tap->bridge;
	struct ifreq ifr;
	bool up;
	int code;

	name_of(&ifr, bridge);
	if (ioctl(control, SIOCGIFFLAGS, &ifr))
		return iol_error_set(err, -errno, "no bridge %s here: ip link add %s type bridge",
				     bridge, bridge);
	up = ifr.ifr_flags & IFF_UP;
	name_of(&ifr, bridge);
	ifr.ifr_ifindex = (int)index_of(tap, tap->ifname);
	code = ioctl(control, SIOCBRADDIF, &ifr) ? -errno : 0;
	if (!code || (code == -EBUSY && in_bridge(tap, tap->ifname, bridge))) {
		if (!up)
			iol_log(IOL_LOG_WARN, "%s: the bridge %s is down: ip link set %s up",
				tap->net.name, bridge, bridge);
		return 0;
	}
	if (code == -EBUSY)
		return iol_error_set(
			err, -EBUSY,
			"interface %s belongs to another bridge than %s: ip link set %s "
			"nomaster",
			tap->ifname, bridge, tap->ifname);
	if (code == -EPERM)
		return iol_error_set(
			err, -EPERM,
			"no right to put %s into the bridge %s: run as root, or have root "
			"do it (ip link set %s master %s up) and leave out the bridge",
			tap->ifname, bridge, tap->ifname, bridge);
	if (code == -EOPNOTSUPP || code == -EINVAL)
		return iol_error_set(err, code, "%s is no bridge: ip link add br0 type bridge",
				     bridge);
	return iol_error_errno(err, code, "cannot put %s into the bridge %s", tap->ifname, bridge);
}

static int set_mtu(const struct net_tap *tap, int control, struct iol_error *err)
{
	struct ifreq ifr;

	name_of(&ifr, tap->ifname);
	ifr.ifr_mtu = (int)tap->mtu;
	if (!ioctl(control, SIOCSIFMTU, &ifr))
		return 0;
	return iol_error_errno(err, -errno, "interface %s: cannot set an MTU of %u", tap->ifname,
			       tap->mtu);
}

/* Whoever makes an interface anew may not be done yet, and the guest is told of a link that has one. */
static int await_up(struct net_tap *tap, struct iol_error *err)
{
	struct ifreq ifr;

	if (tap->ours)
		return 0;
	name_of(&ifr, tap->ifname);
	if (!ioctl(open_control(tap), SIOCGIFFLAGS, &ifr) && ifr.ifr_flags & IFF_UP)
		return 0;
	return iol_error_set(err, -ENETDOWN, "interface %s is down: ip link set %s up", tap->ifname,
			     tap->ifname);
}

/* If it is ours; else that is another's business, and worth a word. */
static int bring_up(const struct net_tap *tap, int control, struct iol_error *err)
{
	struct ifreq ifr;

	name_of(&ifr, tap->ifname);
	if (ioctl(control, SIOCGIFFLAGS, &ifr))
		return iol_error_errno(err, -errno, "interface %s: cannot ask for its state",
				       tap->ifname);
	if (ifr.ifr_flags & IFF_UP)
		return 0;
	if (!tap->ours) {
		iol_log(IOL_LOG_WARN,
			"%s: interface %s is down, no frame passes: ip link set %s up",
			tap->net.name, tap->ifname, tap->ifname);
		return 0;
	}
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &ifr))
		return iol_error_errno(err, -errno, "interface %s: cannot bring it up",
				       tap->ifname);
	return 0;
}

static int set_interface(struct net_tap *tap, struct iol_error *err)
{
	struct ifreq ifr;
	int ret = 0, control;

	control = open_control(tap);
	/* Later it cannot be made. */
	if (*tap->bridge)
		open_route(tap);
	if (control < 0)
		return iol_error_errno(err, -errno, "cannot make a socket to set up %s",
				       tap->ifname);
	if (tap->mtu && tap->ours)
		ret = set_mtu(tap, control, err);
	if (!ret && *tap->bridge)
		ret = join_bridge(tap, control, err);
	if (!ret)
		ret = bring_up(tap, control, err);
	name_of(&ifr, tap->ifname);
	if (!ret && !ioctl(control, SIOCGIFMTU, &ifr))
		tap->net.limits.mtu = (unsigned int)ifr.ifr_mtu;
	return ret;
}

/* --- all of it --- */

static int check_config(const struct iol_net_tap_config *config, struct iol_error *err)
{
	const char *names[] = { config->ifname, config->bridge };

	if (!config->pairs || config->pairs > IOL_NET_PAIRS_MAX)
		return iol_error_set(err, -EINVAL, "%u queues: 1 to %d are possible", config->pairs,
				     IOL_NET_PAIRS_MAX);
	if (config->mtu && (config->mtu < IOL_NET_MTU_MIN || config->mtu > IOL_NET_MTU_MAX))
		return iol_error_set(err, -EINVAL, "an MTU of %u: %d to %d are possible",
				     config->mtu, IOL_NET_MTU_MIN, IOL_NET_MTU_MAX);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(names); i++) {
		if (!names[i])
			continue;
		if (!*names[i] || strlen(names[i]) >= IFNAMSIZ || strpbrk(names[i], "/ \t\n:"))
			return iol_error_set(
				err, -EINVAL,
				"\"%.64s\" is no name of an interface: 1 to %d characters "
				"without spaces, slashes and colons",
				names[i], IFNAMSIZ - 1);
	}
	return 0;
}

int iol_tap_open(struct net_tap *tap, const struct iol_net_tap_config *config,
		 struct iol_error *err)
{
	int ret = check_config(config, err);

	if (ret)
		return ret;
	if (config->fds) {
		ret = take_parents(tap, config->fds, config->pairs, err);
	} else {
		g_strlcpy(tap->ifname, config->ifname ? config->ifname : "tap%d", IFNAMSIZ);
		ret = open_queues(tap, config->pairs, err);
	}
	if (!ret)
		ret = set_header(tap, err);
	if (ret)
		return ret;
	tap->net.limits.pairs = config->pairs;
	tap->net.limits.change_ns = CHANGE_NS;
	probe_offloads(tap);
	g_strlcpy(tap->bridge, config->bridge ? config->bridge : "", sizeof(tap->bridge));
	tap->mtu = config->mtu;
	tap->ours = tap->made || config->bridge;
	return set_interface(tap, err);
}

/* Sets all of it up again on the interface that its descriptors have. */
static int set_again(struct net_tap *tap, struct iol_error *err)
{
	int ret = set_header(tap, err);

	if (ret)
		return ret;
	ret = iol_tap_set_offloads(tap->pairs[0].fd, tap->offloads);
	if (ret)
		return iol_error_errno(err, ret, "interface %s: cannot set its offloads",
				       tap->ifname);
	/* Who made it anew may have left all of this to us, as it was. */
	return set_interface(tap, err);
}

void iol_tap_give_up(struct net_tap *tap)
{
	if (!keeps_descriptors(tap) || !has_interface(tap->pairs[0].fd)) {
		iol_tap_close(tap);
		return;
	}
	for (unsigned int i = 0; i < IOL_NET_PAIRS_MAX; i++)
		iol_tap_attach(&tap->pairs[i], false);
}

int iol_tap_reopen(struct net_tap *tap, struct iol_error *err)
{
	int ret;

	if (tap->pairs[0].fd >= 0 && has_interface(tap->pairs[0].fd)) {
		*err = tap->told;
		return -EBUSY;
	}
	iol_tap_close(tap);
	/* It would be made otherwise: but whoever deleted it wanted it gone. */
	if (!index_of(tap, tap->ifname))
		return -ENODEV;
	ret = await_up(tap, err);
	if (ret)
		return ret;
	ret = open_queues(tap, tap->net.limits.pairs, err);
	if (!ret)
		ret = set_again(tap, err);
	if (ret)
		iol_tap_give_up(tap);
	return ret;
}
