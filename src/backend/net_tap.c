// SPDX-License-Identifier: Apache-2.0
/*
 * A tap (Documentation/networking/tuntap.rst): frames to and from an interface of the host, by read and write, with the
 * header that says what is left to do of checksums and segments. See include/iolite/net.h. Runs on the loop's thread.
 *
 * A hostile guest chooses frames and headers: the kernel reads them once and refuses a header that makes no sense.
 * A hostile neighbour in the host's network chooses what comes; its length is bounded by where it is read to. Nothing is
 * kept between calls. Whoever administers the host may delete the interface at any time: then it is looked for
 * once a second.
 */
#include "net_tap.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iolite/log.h>

#include "net_iov.h"

static struct net_tap *tap_of(struct iol_net *net)
{
	return iol_container_of(net, struct net_tap, net);
}

/* What follows is done at the end of the turn, as a call of the device's may be under way. */
static void lose(struct net_tap *tap)
{
	if (tap->lost)
		return;
	tap->lost = true;
	iol_loop_at_turn_end(tap->net.loop, &tap->turn_end);
}

/* The kernel's words for a descriptor whose interface was deleted; macvtap's. */
static bool says_lost(int error)
{
	return error == EBADFD || error == ENODEV || error == ENOLINK;
}

static int failed(struct net_tap *tap, int error)
{
	if (!says_lost(error))
		return -error;
	lose(tap);
	return -ENETDOWN;
}

/* TUNSETQUEUE has one error for all that is wrong: this asks. The first pair's descriptor always has the interface. */
static bool is_gone(const struct net_tap_pair *p)
{
	struct ifreq ifr;

	return ioctl(p->fd, TUNGETIFF, &ifr) != 0;
}

/* The pair, or NULL: it has no queue now. */
static struct net_tap_pair *usable(struct net_tap *tap, unsigned int pair)
{
	return pair < tap->net.limits.pairs && tap->pairs[pair].attached ? &tap->pairs[pair] : NULL;
}

/* Parts as many as the kernel takes leave none for the byte that tells of a longer frame. */
static ssize_t read_bounced(struct net_tap *tap, int fd, const struct iovec *iov,
			    unsigned int count)
{
	ssize_t len = read(fd, tap->bounce, sizeof(tap->bounce));

	if (len > 0)
		iol_iov_scatter(iov, count, 0, tap->bounce, (size_t)len);
	return len;
}

static ssize_t read_parts(int fd, const struct iovec *iov, unsigned int count)
{
	struct iovec parts[IOV_MAX];
	char more;

	memcpy(parts, iov, count * sizeof(*iov));
	parts[count] = (struct iovec){ .iov_base = &more, .iov_len = 1 };
	return readv(fd, parts, (int)count + 1);
}

static ssize_t tap_receive(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			   unsigned int count)
{
	/* The kernel leaves out num_buffers. */
	static const uint8_t none[2];
	struct net_tap *tap = tap_of(net);
	struct net_tap_pair *p = usable(tap, pair);
	ssize_t len;

	if (tap->lost)
		return -ENETDOWN;
	if (!p)
		return -EAGAIN;
	if (!count || count > IOV_MAX)
		return -EINVAL;
	do
		len = count < IOV_MAX ? read_parts(p->fd, iov, count)
				      : read_bounced(tap, p->fd, iov, count);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return failed(tap, errno);
	if ((size_t)len > iol_iov_bytes(iov, count))
		return -EMSGSIZE;
	if (len < IOL_NET_HEADER_BYTES + IOL_NET_ETHERNET_BYTES)
		return -EBADMSG;
	iol_iov_scatter(iov, count, IOL_NET_HEADER_BYTES - sizeof(none), none, sizeof(none));
	return len;
}

static int tap_send(struct iol_net *net, unsigned int pair, const struct iovec *iov,
		    unsigned int count)
{
	struct net_tap *tap = tap_of(net);
	struct net_tap_pair *p = usable(tap, pair);
	ssize_t len;

	if (tap->lost || !p)
		return -ENETDOWN;
	if (iol_iov_bytes(iov, count) > IOL_NET_HEADER_BYTES + IOL_NET_FRAME_MAX)
		return -EMSGSIZE;
	do
		len = writev(p->fd, iov, (int)count);
	while (len < 0 && errno == EINTR);
	return len < 0 ? failed(tap, errno) : 0;
}

/* --- waiting --- */

static void arm(struct net_tap_pair *p)
{
	struct iol_loop *loop = p->tap->net.loop;

	/* A queue that is detached is always ready, and has nothing. */
	if (p->tap->lost || !p->attached)
		return;
	if (p->want_read || p->want_write)
		iol_loop_keep(loop, p->fd);
	if (p->want_read && !p->read_op.in_flight)
		iol_loop_poll(loop, &p->read_op, p->fd, POLLIN);
	if (p->want_write && !p->write_op.in_flight)
		iol_loop_poll(loop, &p->write_op, p->fd, POLLOUT);
}

static void tap_await(struct iol_net *net, unsigned int pair, bool readable, bool writable)
{
	struct net_tap *tap = tap_of(net);

	if (pair >= net->limits.pairs || tap->finished)
		return;
	tap->pairs[pair].want_read |= readable;
	tap->pairs[pair].want_write |= writable;
	arm(&tap->pairs[pair]);
}

/* False: the poll that ended with @res says nothing about frames. */
static bool counts(struct net_tap_pair *p, int res)
{
	struct net_tap *tap = p->tap;

	if (tap->finished || tap->lost || !p->attached || res == -ECANCELED)
		return false;
	if (res > 0 && !(res & (POLLERR | POLLHUP)))
		return true;
	/* Deleted; or a poll from before the queue was detached, which is to be asked for again. */
	if (is_gone(p))
		lose(tap);
	else
		arm(p);
	return false;
}

static unsigned int number_of(const struct net_tap_pair *p)
{
	return (unsigned int)(p - p->tap->pairs);
}

static void read_done(struct iol_op *op, int res)
{
	struct net_tap_pair *p = iol_container_of(op, struct net_tap_pair, read_op);
	struct iol_net_user *user = p->tap->net.user;

	if (!counts(p, res) || !p->want_read || !user)
		return;
	p->want_read = false;
	user->readable(user, number_of(p));
}

static void write_done(struct iol_op *op, int res)
{
	struct net_tap_pair *p = iol_container_of(op, struct net_tap_pair, write_op);
	struct iol_net_user *user = p->tap->net.user;

	if (!counts(p, res) || !p->want_write || !user)
		return;
	p->want_write = false;
	user->writable(user, number_of(p));
}

static void cancel_polls(struct net_tap *tap)
{
	for (unsigned int i = 0; i < IOL_NET_PAIRS_MAX; i++) {
		iol_loop_cancel(tap->net.loop, &tap->pairs[i].read_op);
		iol_loop_cancel(tap->net.loop, &tap->pairs[i].write_op);
	}
}

static bool polls_in_flight(const struct net_tap *tap)
{
	for (unsigned int i = 0; i < IOL_NET_PAIRS_MAX; i++)
		if (tap->pairs[i].read_op.in_flight || tap->pairs[i].write_op.in_flight)
			return true;
	return false;
}

/* --- an interface that goes and comes back --- */

/*
 * Deletion wakes who polls for frames, not who polls for errors only; and who polls for frames is woken by each of them,
 * also where the kernel takes them in our place. So it is asked once a second.
 */
static void arm_watch(struct net_tap *tap)
{
	if (tap->watched && !tap->watch_op.in_flight)
		iol_loop_timeout(tap->net.loop, &tap->watch_op, IOL_NS_PER_S);
}

static void watch_done(struct iol_op *op, int res)
{
	struct net_tap *tap = iol_container_of(op, struct net_tap, watch_op);

	if (tap->finished || res == -ECANCELED)
		return;
	if (tap->watched && !tap->lost && is_gone(&tap->pairs[0]))
		lose(tap);
	arm_watch(tap);
}

static void tap_watch(struct iol_net *net, bool on)
{
	struct net_tap *tap = tap_of(net);

	tap->watched = on;
	arm_watch(tap);
}

/* As is_gone(), but without the lock of all interfaces: a guest can have this asked. A macvtap never says it like that. */
static bool is_cut_off(const struct net_tap_pair *p)
{
	struct pollfd fd = { .fd = p->fd };

	return poll(&fd, 1, 0) > 0 && (fd.revents & POLLERR);
}

static int tap_vhost_fd(struct iol_net *net, unsigned int pair)
{
	struct net_tap *tap = tap_of(net);
	struct net_tap_pair *p = usable(tap, pair);

	if (!p || tap->lost)
		return -1;
	if (!is_cut_off(p))
		return p->fd;
	lose(tap);
	return -1;
}

static void turn_end(struct iol_turn_end *end)
{
	struct net_tap *tap = iol_container_of(end, struct net_tap, turn_end);

	cancel_polls(tap);
	iol_tap_close(tap);
	iol_log(IOL_LOG_WARN, "%s: interface %s was deleted; the link is down%s", tap->net.name,
		tap->ifname, tap->from_parent ? "" : " until there is one of that name again");
	if (!tap->from_parent)
		iol_loop_timeout(tap->net.loop, &tap->retry_op, IOL_NS_PER_S);
	iol_net_set_link(&tap->net, false);
}

/* 0 or -errno; then what was attached is as before. */
static int attach_first(struct net_tap *tap, unsigned int pairs)
{
	unsigned int before = 0;
	int ret = 0;

	while (before < IOL_NET_PAIRS_MAX && tap->pairs[before].attached)
		before++;
	for (unsigned int i = 0; i < tap->net.limits.pairs && !ret; i++)
		ret = iol_tap_attach(&tap->pairs[i], i < pairs);
	if (!ret)
		return 0;
	for (unsigned int i = 0; i < tap->net.limits.pairs; i++)
		iol_tap_attach(&tap->pairs[i], i < before);
	return ret;
}

/* 0: the interface is there, and all is set. */
static int come_back(struct net_tap *tap, struct iol_error *err)
{
	int ret = iol_tap_reopen(tap, err);

	if (ret)
		return ret;
	ret = attach_first(tap, tap->active);
	if (!ret)
		return 0;
	iol_tap_give_up(tap);
	return iol_error_errno(err, ret, "interface %s: cannot set its queues", tap->ifname);
}

/* Once for each reason: it is tried again every second. */
static void tell(struct net_tap *tap, const struct iol_error *err)
{
	if (*err->msg && strcmp(err->msg, tap->told.msg))
		iol_log(IOL_LOG_WARN, "%s: the link stays down: %s", tap->net.name, err->msg);
	tap->told = *err;
}

static void retry_done(struct iol_op *op, int res)
{
	struct net_tap *tap = iol_container_of(op, struct net_tap, retry_op);
	struct iol_error err = { 0 };

	if (tap->finished || res == -ECANCELED)
		return;
	if (polls_in_flight(tap) || come_back(tap, &err)) {
		tell(tap, &err);
		iol_loop_timeout(tap->net.loop, &tap->retry_op, IOL_NS_PER_S);
		return;
	}
	tap->lost = false;
	tap->told = err;
	iol_log(IOL_LOG_INFO, "%s: interface %s is there again; the link is up", tap->net.name,
		tap->ifname);
	for (unsigned int i = 0; i < tap->net.limits.pairs; i++)
		arm(&tap->pairs[i]);
	iol_net_set_link(&tap->net, true);
}

/* --- settings --- */

static int tap_set_offloads(struct iol_net *net, uint32_t offloads)
{
	struct net_tap *tap = tap_of(net);
	int ret = 0;

	if (offloads & ~net->limits.receive_offloads)
		return -EINVAL;
	if (!tap->lost && offloads != tap->offloads)
		ret = iol_tap_set_offloads(tap->pairs[0].fd, offloads);
	if (ret && says_lost(-ret)) {
		lose(tap);
		ret = 0;
	}
	/* Of an interface that is lost: for when it is back. */
	if (!ret)
		tap->offloads = offloads;
	return ret;
}

static int tap_set_pairs(struct iol_net *net, unsigned int pairs)
{
	struct net_tap *tap = tap_of(net);
	int ret = 0;

	if (!pairs || pairs > net->limits.pairs)
		return -EINVAL;
	if (!tap->lost)
		ret = attach_first(tap, pairs);
	if (ret && is_gone(&tap->pairs[0])) {
		lose(tap);
		ret = 0;
	}
	if (ret)
		return ret;
	/* Of an interface that is lost: for when it is back. */
	tap->active = pairs;
	for (unsigned int i = 0; i < pairs; i++)
		arm(&tap->pairs[i]);
	return 0;
}

/* --- life --- */

static void tap_free(struct iol_net *net)
{
	struct net_tap *tap = tap_of(net);

	tap->finished = true;
	iol_loop_turn_end_cancel(net->loop, &tap->turn_end);
	cancel_polls(tap);
	iol_loop_cancel(net->loop, &tap->retry_op);
	iol_loop_cancel(net->loop, &tap->watch_op);
	while (polls_in_flight(tap) || tap->retry_op.in_flight || tap->watch_op.in_flight)
		if (iol_loop_turn(net->loop, true) < 0)
			break;
	/* One that stays is left as it was. */
	if (tap->pairs[0].fd >= 0 && !tap->made)
		iol_tap_set_offloads(tap->pairs[0].fd, 0);
	iol_tap_close(tap);
	g_free(tap);
}

static const struct iol_net_ops tap_ops = {
	.name = "tap",
	.receive = tap_receive,
	.send = tap_send,
	.await = tap_await,
	.set_offloads = tap_set_offloads,
	.set_pairs = tap_set_pairs,
	.vhost_fd = tap_vhost_fd,
	.watch = tap_watch,
	.free = tap_free,
};

int iol_net_tap_new(struct iol_loop *loop, const struct iol_net_tap_config *config,
		    struct iol_net **net, struct iol_error *err)
{
	struct net_tap *tap = g_new0(struct net_tap, 1);
	int ret;

	iol_net_init(&tap->net, &tap_ops, loop, config->name);
	tap->control_fd = tap->route_fd = -1;
	tap->turn_end.run = turn_end;
	tap->retry_op.done = retry_done;
	tap->watch_op.done = watch_done;
	for (unsigned int i = 0; i < IOL_NET_PAIRS_MAX; i++) {
		tap->pairs[i].tap = tap;
		tap->pairs[i].fd = -1;
		tap->pairs[i].read_op.done = read_done;
		tap->pairs[i].write_op.done = write_done;
	}
	ret = iol_tap_open(tap, config, err);
	if (ret) {
		/* They stay the parent's. */
		for (unsigned int i = 0; config->fds && i < IOL_NET_PAIRS_MAX; i++)
			tap->pairs[i].fd = -1;
		iol_net_free(&tap->net);
		return ret;
	}
	tap->active = config->pairs;
	*net = &tap->net;
	return 0;
}
