// SPDX-License-Identifier: Apache-2.0
/*
 * The network device over queues that the kernel serves (net_vhost.c), with a kernel that is played (fake_vhost.h):
 * when it gets a pair, when it loses one, and that the driver notices nothing of either.
 */
#include <errno.h>
#include <glib.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "fake_vhost.h"
#include "fd_count.h"
#include "virtio_net_rig.h"

enum { HEADER = IOL_NET_HEADER_BYTES, RX = 0, TX = 1 };

#define BIT(feature) NET_RIG_BIT(VIRTIO_NET_F_##feature)

static uint8_t data[MEMORY_NET_BYTES_MAX], frame[64];
static unsigned int fds;

/* Time goes on, or stands still where a test must not be overtaken by it, however slow the machine is. */
static uint64_t stands_at_ns;

uint64_t __real_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return stands_at_ns ? stands_at_ns : __real_iol_loop_now_ns();
}

static void init(struct net_rig *r, uint32_t offloads, unsigned int pairs)
{
	const struct net_rig_setup setup = {
		.send_offloads = offloads,
		.receive_offloads = offloads,
		.pairs = pairs,
		.vhost = true,
	};

	fds = fd_count();
	fake_vhost_reset();
	net_rig_init(r, &setup);
	r->mn->active_pairs = pairs;
	net_rig_frame(frame, net_rig_mac, 60, 1);
}

static struct fake_vhost_device *device(unsigned int pair)
{
	return &fake_vhost.devices[pair];
}

static bool is_on(unsigned int pair)
{
	const struct fake_vhost_device *d = device(pair);

	g_assert_true((d->rings[RX].backend >= 0) == (d->rings[TX].backend >= 0));
	if (d->rings[RX].backend < 0)
		g_assert_true(fake_vhost_is_idle(d));
	return d->rings[RX].backend >= 0;
}

static void expect_on(unsigned int count, unsigned int of)
{
	for (unsigned int i = 0; i < of; i++)
		g_assert_cmpint(is_on(i), ==, i < count);
}

static void finish(struct net_rig *r)
{
	device_rig_check(&r->dev);
	net_rig_finish(r);
	for (unsigned int i = 0; i < fake_vhost.device_count; i++)
		g_assert_true(fake_vhost_is_idle(device(i)));
	g_assert_cmpuint(fd_count(), ==, fds);
}

/* The driver sends, and the kernel takes it. */
static void check_kernel_sends(struct net_rig *r, unsigned int pair)
{
	unsigned int interrupts = r->dev.queue_interrupts[net_rig_tx(pair)];
	struct virtio_driver_used used;

	while (virtio_driver_take_used(&r->dev.drivers[net_rig_tx(pair)], &used) > 0)
		;
	g_assert_cmpint(net_rig_send(r, pair, NULL, frame, 60), >=, 0);
	g_assert_cmpuint(r->mn->pairs[pair].sends, ==, 0);
	g_assert_true(fake_vhost_serve(device(pair), TX, 0));
	g_assert_false(fake_vhost_serve(device(pair), TX, 0));
	device_rig_settle(&r->dev);
	g_assert_cmpuint(r->dev.queue_interrupts[net_rig_tx(pair)], ==, interrupts + 1);
	g_assert_cmpint(virtio_driver_take_used(&r->dev.drivers[net_rig_tx(pair)], &used), ==, 1);
}

/* No frame is touched by us, in either direction. */
static void check_untouched(const struct net_rig *r)
{
	for (unsigned int i = 0; i < r->pairs; i++) {
		g_assert_cmpuint(r->mn->pairs[i].receives, ==, 0);
		g_assert_cmpuint(r->mn->pairs[i].sends, ==, 0);
		g_assert_false(r->mn->pairs[i].await_readable);
	}
}

static uint8_t set_pairs(struct net_rig *r, uint16_t pairs)
{
	le16 value = le16_of(pairs);

	return net_rig_command(r, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &value,
			       sizeof(value));
}

/* --- at work --- */

static void test_features(void)
{
	const uint64_t filters = BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_VLAN);
	const uint64_t rings = BIT(MRG_RXBUF) | NET_RIG_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
			       NET_RIG_BIT(VIRTIO_RING_F_EVENT_IDX);
	const struct net_rig_setup setup = { .vhost = true };
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 1);
	g_assert_cmphex(device_rig_offered(&r.dev) & filters, ==, 0);
	g_assert_cmphex(device_rig_offered(&r.dev) & rings, ==, rings);
	g_assert_cmphex(device_rig_offered(&r.dev) & BIT(CTRL_MAC_ADDR), !=, 0);
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmphex(device(0)->features, ==, rings | NET_RIG_BIT(VIRTIO_F_VERSION_1));
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, 0);
	g_assert_cmphex(device(0)->features, ==, NET_RIG_BIT(VIRTIO_F_VERSION_1));
	finish(&r);
	/* A kernel that lacks some. */
	fake_vhost_reset();
	fake_vhost.features = NET_RIG_BIT(VIRTIO_F_VERSION_1) | BIT(MRG_RXBUF);
	net_rig_init(&r, &setup);
	g_assert_cmphex(device_rig_offered(&r.dev) & (filters | rings), ==, BIT(MRG_RXBUF));
	finish(&r);
}

static void test_serve(void)
{
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 1);
	g_assert_false(is_on(0));
	net_rig_start(&r, UINT64_MAX);
	g_assert_true(is_on(0));
	g_assert_true(r.mn->watched);
	/* It is to look at what was there before. */
	for (unsigned int i = 0; i < FAKE_VHOST_RINGS; i++) {
		struct pollfd p = { .fd = device(0)->rings[i].kick, .events = POLLIN };

		g_assert_cmpint(poll(&p, 1, 0), ==, 1);
	}
	g_assert_cmpint(device(0)->rings[RX].kick, ==, r.dev.v->queues[0].kick.eventfd);
	g_assert_cmpint(device(0)->rings[TX].kick, ==, r.dev.v->queues[1].kick.eventfd);
	g_assert_cmpuint(device(0)->region_count, ==, 1);
	g_assert_cmphex(device(0)->regions[0].memory_size, ==, NET_RIG_RAM_BYTES);
	g_assert_cmphex(device(0)->regions[0].userspace_addr, ==,
			(uintptr_t)device_rig_ptr(&r.dev, 0));
	check_kernel_sends(&r, 0);
	net_rig_post(&r, 0, 4, 1526);
	net_rig_give(&r, 0, frame, 60);
	check_untouched(&r);
	g_assert_true(fake_vhost_serve(device(0), RX, HEADER + 60));
	device_rig_settle(&r.dev);
	g_assert_cmpuint(r.dev.queue_interrupts[0], ==, 1);
	/* Commands are ours. */
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
					 net_rig_mac, 6),
			 ==, VIRTIO_NET_OK);
	check_untouched(&r);
	g_assert_true(device_rig_reset(&r.dev));
	g_assert_false(is_on(0));
	g_assert_false(r.mn->watched);
	/* A driver after it begins at the start of its rings. */
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(device(0)->rings[TX].base, ==, 0);
	check_kernel_sends(&r, 0);
	finish(&r);
}

/* The kernel has no queue that the host takes away. */
static void expect_off(unsigned int pairs)
{
	for (unsigned int i = pairs; i < fake_vhost.device_count; i++)
		g_assert_false(is_on(i));
}

static void test_pairs(void)
{
	struct net_rig r;

	init(&r, 0, 3);
	r.mn->on_pairs = expect_off;
	net_rig_start(&r, UINT64_MAX);
	expect_on(1, 3);
	g_assert_cmpuint(set_pairs(&r, 3), ==, VIRTIO_NET_OK);
	expect_on(3, 3);
	for (unsigned int i = 0; i < 3; i++)
		check_kernel_sends(&r, i);
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_OK);
	expect_on(2, 3);
	/* What a driver sends by a pair that it gave up is dropped, by us. */
	g_assert_cmpint(net_rig_send(&r, 2, NULL, frame, 60), >=, 0);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 1);
	/* The kernel goes on behind it. */
	g_assert_cmpuint(set_pairs(&r, 3), ==, VIRTIO_NET_OK);
	expect_on(3, 3);
	g_assert_cmpuint(device(2)->rings[TX].base, ==, 2);
	check_kernel_sends(&r, 2);
	/* The host refuses: as before. */
	r.mn->pairs_error = -EBUSY;
	g_assert_cmpuint(set_pairs(&r, 1), ==, VIRTIO_NET_ERR);
	r.mn->pairs_error = 0;
	expect_on(3, 3);
	check_kernel_sends(&r, 1);
	g_assert_cmpuint(set_pairs(&r, 1), ==, VIRTIO_NET_OK);
	g_assert_true(device_rig_reset(&r.dev));
	expect_on(0, 3);
	/* Without MQ queue 2 is for commands. */
	net_rig_start(&r, ~BIT(MQ));
	expect_on(1, 3);
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
					 net_rig_mac, 6),
			 ==, VIRTIO_NET_OK);
	finish(&r);
}

/* The tap is deleted and made again. */
static void test_link(void)
{
	struct net_rig r;
	unsigned int sent;

	init(&r, 0, 2);
	net_rig_start(&r, ~BIT(GUEST_ANNOUNCE));
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_OK);
	check_kernel_sends(&r, 1);
	net_rig_post(&r, 1, 4, 1526);
	g_assert_true(fake_vhost_serve(device(1), RX, HEADER + 60));
	/* Two frames that the kernel has not come to. */
	for (unsigned int i = 0; i < 2; i++)
		g_assert_cmpint(net_rig_send(&r, 1, NULL, frame, 60), >=, 0);
	iol_net_set_link(&r.mn->net, false);
	device_rig_settle(&r.dev);
	expect_on(0, 2);
	g_assert_false(r.mn->watched);
	/* They are lost, as are others, and buffers for what comes stay where they are. */
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 2);
	g_assert_cmpint(net_rig_send(&r, 0, NULL, frame, 60), >=, 0);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 3);
	for (unsigned int i = 0; i < 2; i++) {
		g_assert_cmpuint(r.mn->pairs[i].receives, ==, 0);
		r.mn->pairs[i].sends = 0;
	}
	/* While it is down commands and buffers are taken. */
	net_rig_post(&r, 1, 2, 1526);
	g_assert_cmpuint(set_pairs(&r, 1), ==, VIRTIO_NET_OK);
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_OK);
	iol_net_set_link(&r.mn->net, true);
	device_rig_settle(&r.dev);
	expect_on(2, 2);
	g_assert_true(r.mn->watched);
	g_assert_cmpuint(device(1)->rings[TX].base, ==, 3);
	g_assert_cmpuint(device(1)->rings[RX].base, ==, 1);
	for (sent = 0; fake_vhost_serve(device(1), RX, HEADER + 60); sent++)
		;
	g_assert_cmpuint(sent, ==, 5);
	check_kernel_sends(&r, 0);
	check_kernel_sends(&r, 1);
	/* Down at DRIVER_OK. */
	iol_net_set_link(&r.mn->net, false);
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, ~BIT(GUEST_ANNOUNCE));
	expect_on(0, 2);
	iol_net_set_link(&r.mn->net, true);
	expect_on(1, 2);
	finish(&r);
}

static void tell_mistake(unsigned int pair)
{
	const uint64_t one = 1;

	g_assert_cmpint(write(device(pair)->rings[RX].err, &one, sizeof(one)), ==, sizeof(one));
}

/*
 * The tap is deleted as the driver sends: the kernel calls that a mistake in the ring, and does not give back what it
 * took (vhost_tx_batch()).
 */
static void test_deleted_under_load(void)
{
	struct net_rig r;
	struct virtio_driver_used used;
	int fd;

	init(&r, 0, 1);
	net_rig_start(&r, ~BIT(GUEST_ANNOUNCE));
	check_kernel_sends(&r, 0);
	for (unsigned int i = 0; i < 3; i++)
		g_assert_cmpint(net_rig_send(&r, 0, NULL, frame, 60), >=, 0);
	device(0)->rings[TX].base += 2;
	fd = r.mn->vhost_fd;
	r.mn->vhost_fd = -1;
	tell_mistake(0);
	device_rig_settle(&r.dev);
	g_assert_false(device_rig_is_broken(&r.dev));
	iol_net_set_link(&r.mn->net, false);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 3);
	for (unsigned int i = 0; i < 3; i++)
		g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[net_rig_tx(0)], &used), ==,
				1);
	r.mn->pairs[0].sends = 0;
	r.mn->vhost_fd = fd;
	iol_net_set_link(&r.mn->net, true);
	g_assert_true(is_on(0));
	g_assert_cmpuint(device(0)->rings[TX].base, ==, 4);
	check_kernel_sends(&r, 0);
	/* It still listens. */
	tell_mistake(0);
	device_rig_settle(&r.dev);
	g_assert_true(device_rig_is_broken(&r.dev));
	finish(&r);
}

/* A descriptor is not there any more and the news of it has not come. */
static void test_link_late(void)
{
	struct net_rig r;
	int fd;

	init(&r, 0, 1);
	fd = r.mn->vhost_fd;
	r.mn->vhost_fd = -1;
	net_rig_start(&r, ~BIT(GUEST_ANNOUNCE));
	g_assert_false(is_on(0));
	net_rig_post(&r, 0, 4, 1526);
	g_assert_cmpint(net_rig_send(&r, 0, NULL, frame, 60), >=, 0);
	check_untouched(&r);
	iol_net_set_link(&r.mn->net, false);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 1);
	r.mn->pairs[0].sends = 0;
	r.mn->vhost_fd = fd;
	iol_net_set_link(&r.mn->net, true);
	g_assert_true(is_on(0));
	check_kernel_sends(&r, 0);
	finish(&r);
}

/* --- what the host refuses --- */

static void check_ours(struct net_rig *r)
{
	expect_on(0, r->pairs);
	g_assert_false(r->mn->watched);
	net_rig_check_alive(r);
}

static void test_refused(void)
{
	static const unsigned long requests[] = {
		VHOST_SET_OWNER,      VHOST_SET_MEM_TABLE,   VHOST_SET_VRING_NUM,
		VHOST_SET_VRING_KICK, VHOST_NET_SET_BACKEND,
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(requests); i++) {
		struct net_rig r;

		init(&r, 0, 1);
		fake_vhost.refuse = requests[i];
		fake_vhost.refuse_errno = ENOMEM;
		net_rig_start(&r, UINT64_MAX);
		check_ours(&r);
		/* Nobody asks again, whatever happens. */
		fake_vhost.log[0] = '\0';
		iol_net_set_link(&r.mn->net, false);
		iol_net_set_link(&r.mn->net, true);
		check_ours(&r);
		g_assert_cmpstr(fake_vhost.log, ==, "");
		/* But for the next driver. */
		fake_vhost.refuse = 0;
		g_assert_true(device_rig_reset(&r.dev));
		net_rig_start(&r, UINT64_MAX);
		r.mn->pairs[0].sends = 0;
		check_kernel_sends(&r, 0);
		finish(&r);
	}
}

/* A later pair: none is the kernel's then. */
static void test_pair_refused(void)
{
	struct net_rig r;

	init(&r, 0, 3);
	net_rig_start(&r, UINT64_MAX);
	check_kernel_sends(&r, 0);
	fake_vhost.refuse = VHOST_SET_OWNER;
	fake_vhost.refuse_errno = EAGAIN;
	fake_vhost.refuse_after = 1;
	g_assert_cmpuint(set_pairs(&r, 3), ==, VIRTIO_NET_OK);
	check_ours(&r);
	for (unsigned int i = 0; i < 3; i++) {
		net_rig_post(&r, i, 4, 1526);
		net_rig_give(&r, i, frame, 60);
		g_assert_cmpuint(net_rig_receive(&r, i, data), ==, HEADER + 60);
	}
	finish(&r);
}

/* A driver that has only one queue of the pair. */
static void test_half_a_pair(void)
{
	struct net_rig r;

	init(&r, 0, 1);
	net_rig_start(&r, UINT64_MAX);
	g_assert_true(device_rig_reset(&r.dev));
	device_rig_negotiate(&r.dev, UINT64_MAX);
	for (unsigned int i = 1; i < 3; i++) {
		const struct virtio_driver_setup *s = &r.dev.drivers[i].setup;

		g_assert_cmpint(virtio_driver_init(&r.dev.drivers[i], &r.dev.memory, s), ==, 0);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_SIZE, s->size);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_DESC_LOW,
				       (uint32_t)s->desc_gpa);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_AVAIL_LOW,
				       (uint32_t)s->avail_gpa);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_USED_LOW,
				       (uint32_t)s->used_gpa);
		iol_virtio_queue_write(r.dev.v, i, IOL_VIRTIO_QUEUE_ENABLED, 1);
	}
	iol_virtio_set_status(r.dev.v, 15);
	device_rig_settle(&r.dev);
	g_assert_false(is_on(0));
	g_assert_cmpint(net_rig_send(&r, 0, NULL, frame, 60), >=, 0);
	g_assert_cmpuint(r.mn->pairs[0].sent_count, ==, 1);
	finish(&r);
}

/* Offloads that the host cannot be told: the kernel would pass what the driver cannot do. */
static void test_offloads_refused(void)
{
	struct net_rig r;

	init(&r, NET_RIG_OFFLOADS, 1);
	net_rig_start(&r, UINT64_MAX);
	g_assert_true(is_on(0));
	g_assert_true(device_rig_reset(&r.dev));
	r.mn->set_error = -EBUSY;
	net_rig_start(&r, ~BIT(GUEST_CSUM));
	check_ours(&r);
	r.mn->set_error = 0;
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, ~BIT(GUEST_CSUM));
	g_assert_true(is_on(0));
	finish(&r);
}

/* The host may not be changed before a time that is short, once time goes on. */
static void start_waiting(struct net_rig *r)
{
	stands_at_ns = __real_iol_loop_now_ns();
	init(r, NET_RIG_OFFLOADS, 1);
	r->mn->net.limits.change_ns = 20 * IOL_NS_PER_MS;
	for (unsigned int i = 0; i < 20; i++) {
		net_rig_start(r, i % 2 ? UINT64_MAX : ~BIT(GUEST_CSUM));
		g_assert_true(device_rig_reset(&r->dev));
	}
	net_rig_start(r, r->mn->offloads ? ~BIT(GUEST_CSUM) : UINT64_MAX);
	g_assert_false(is_on(0));
	net_rig_post(r, 0, 4, 1526);
	g_assert_cmpint(net_rig_send(r, 0, NULL, frame, 60), >=, 0);
}

#define TURN_UNTIL(r, condition)                                           \
	stands_at_ns = 0;                                                  \
	for (unsigned int turns_ = 0; !(condition); turns_++) {            \
		g_assert_cmpint(iol_loop_turn((r).dev.loop, true), ==, 0); \
		g_assert_cmpuint(turns_, <, 1000);                         \
	}

/* Neither we nor the kernel serve the driver until it was. */
static void test_changes_wait(void)
{
	struct net_rig r;

	start_waiting(&r);
	check_untouched(&r);
	TURN_UNTIL(r, is_on(0));
	check_untouched(&r);
	g_assert_true(fake_vhost_serve(device(0), TX, 0));
	device_rig_settle(&r.dev);
	check_kernel_sends(&r, 0);
	finish(&r);
	/* Nor when the link has been down meanwhile. */
	start_waiting(&r);
	iol_net_set_link(&r.mn->net, false);
	iol_net_set_link(&r.mn->net, true);
	g_assert_false(is_on(0));
	TURN_UNTIL(r, is_on(0));
	g_assert_cmpuint(r.mn->pairs[0].receives, ==, 0);
	finish(&r);
}

/* Then the kernel refuses, and what waited is ours. */
static void test_changes_wait_refused(void)
{
	struct net_rig r;

	start_waiting(&r);
	fake_vhost.refuse = VHOST_SET_MEM_TABLE;
	fake_vhost.refuse_errno = ENOMEM;
	net_rig_give(&r, 0, frame, 60);
	check_untouched(&r);
	TURN_UNTIL(r, r.mn->pairs[0].sent_count == 1);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, HEADER + 60);
	memory_net_clear(r.mn);
	check_ours(&r);
	finish(&r);
	/* Or the host refuses the change. */
	start_waiting(&r);
	r.mn->set_error = -EBUSY;
	TURN_UNTIL(r, r.mn->pairs[0].sent_count == 1);
	memory_net_clear(r.mn);
	check_ours(&r);
	finish(&r);
}

/* --- broken rules --- */

static void test_mistake(void)
{
	struct net_rig r;

	init(&r, 0, 2);
	net_rig_start(&r, UINT64_MAX);
	g_assert_cmpuint(set_pairs(&r, 2), ==, VIRTIO_NET_OK);
	tell_mistake(1);
	g_assert_cmpint(iol_loop_turn(r.dev.loop, false), ==, 0);
	g_assert_cmpint(iol_loop_turn(r.dev.loop, false), ==, 0);
	g_assert_true(device_rig_is_broken(&r.dev));
	expect_on(0, 2);
	g_assert_false(r.mn->watched);
	iol_net_set_link(&r.mn->net, false);
	iol_net_set_link(&r.mn->net, true);
	expect_on(0, 2);
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, UINT64_MAX);
	g_assert_false(device_rig_is_broken(&r.dev));
	check_kernel_sends(&r, 0);
	finish(&r);
}

/* By the control queue, which is ours. */
static void test_broken(void)
{
	struct net_rig r;

	init(&r, 0, 1);
	net_rig_start(&r, UINT64_MAX);
	device_rig_send(&r.dev, net_rig_ctrl(&r), NET_RIG_CTRL, 2, false);
	g_assert_true(device_rig_is_broken(&r.dev));
	g_assert_false(is_on(0));
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, UINT64_MAX);
	check_kernel_sends(&r, 0);
	finish(&r);
}

static void test_no_base(void)
{
	struct net_rig r;

	init(&r, 0, 1);
	net_rig_start(&r, UINT64_MAX);
	fake_vhost.refuse = VHOST_GET_VRING_BASE;
	fake_vhost.refuse_errno = EIO;
	iol_net_set_link(&r.mn->net, false);
	g_assert_true(device_rig_is_broken(&r.dev));
	fake_vhost.refuse = 0;
	iol_net_set_link(&r.mn->net, true);
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, UINT64_MAX);
	check_kernel_sends(&r, 0);
	finish(&r);
}

/* Resets in a loop, with frames and calls under way. */
static void test_resets(void)
{
	struct net_rig r;
	unsigned int before;

	init(&r, 0, 2);
	net_rig_start(&r, UINT64_MAX);
	before = fd_count();
	for (unsigned int i = 0; i < 100; i++) {
		net_rig_post(&r, 0, 4, 1526);
		fake_vhost_serve(device(0), RX, HEADER + 60);
		if (i % 3 == 1)
			set_pairs(&r, 2);
		if (i % 5 == 2)
			tell_mistake(0);
		g_assert_true(device_rig_reset(&r.dev));
		expect_on(0, 2);
		net_rig_start(&r, UINT64_MAX);
		g_assert_false(device_rig_is_broken(&r.dev));
		expect_on(1, 2);
	}
	/* Call eventfds of the second pair. */
	g_assert_cmpuint(fd_count(), <=, before + 2);
	check_kernel_sends(&r, 0);
	finish(&r);
}

/* --- anything at any time --- */

static void refuse_at_random(GRand *rand)
{
	static const unsigned long requests[] = {
		0,
		0,
		0,
		VHOST_SET_OWNER,
		VHOST_SET_MEM_TABLE,
		VHOST_SET_VRING_ADDR,
		VHOST_SET_VRING_ERR,
		VHOST_NET_SET_BACKEND,
		VHOST_GET_VRING_BASE,
	};

	fake_vhost.refuse = requests[g_rand_int_range(rand, 0, IOL_ARRAY_LEN(requests))];
	fake_vhost.refuse_errno = ENOMEM;
	fake_vhost.refuse_after = (unsigned int)g_rand_int_range(rand, 0, 4);
}

static void restart(struct net_rig *r, GRand *rand)
{
	static const uint64_t features[] = { UINT64_MAX, ~BIT(MQ), ~BIT(GUEST_CSUM), 0,
					     ~NET_RIG_BIT(VIRTIO_RING_F_EVENT_IDX) };

	g_assert_true(device_rig_reset(&r->dev));
	expect_on(0, r->pairs);
	net_rig_start(r, features[g_rand_int_range(rand, 0, IOL_ARRAY_LEN(features))]);
}

/* The device may break by it, and not answer. */
static void try_pairs(struct net_rig *r, uint16_t pairs)
{
	le16 value = le16_of(pairs);
	struct virtio_driver_used used;

	net_rig_start_command(r, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &value,
			      sizeof(value));
	virtio_driver_take_used(&r->dev.drivers[net_rig_ctrl(r)], &used);
}

static void one_step(struct net_rig *r, GRand *rand)
{
	unsigned int pair = (unsigned int)g_rand_int_range(rand, 0, (int)r->pairs);
	struct iol_quiesce quiesce = { .pending = 1 };

	switch (g_rand_int_range(rand, 0, 11)) {
	case 0:
		restart(r, rand);
		break;
	case 1:
		iol_net_set_link(&r->mn->net, g_rand_boolean(rand));
		break;
	case 2:
		if (r->dev.features & BIT(MQ) && !device_rig_is_broken(&r->dev))
			try_pairs(r, (uint16_t)(pair + 1));
		break;
	case 3:
		refuse_at_random(rand);
		break;
	case 4:
		if (is_on(pair))
			tell_mistake(pair);
		break;
	case 5:
		r->mn->set_error = g_rand_int_range(rand, 0, 4) ? 0 : -EBUSY;
		break;
	case 6:
		g_assert_true(iol_virtio_quiesce(r->dev.v, &quiesce));
		expect_on(0, r->pairs);
		iol_virtio_reset(r->dev.v);
		restart(r, rand);
		break;
	case 7:
		net_rig_give(r, pair, frame, 60);
		break;
	case 8:
		fake_vhost_serve(device(pair), RX, HEADER + 60);
		fake_vhost_serve(device(pair), TX, 0);
		break;
	case 9:
		g_assert_cmpint(iol_loop_turn(r->dev.loop, false), ==, 0);
		break;
	default:
		net_rig_send(r, 0, NULL, frame, 60);
		net_rig_post(r, 0, 2, 1526);
		break;
	}
}

/* The fake kernel and the driver's books say what is wrong. */
static void test_random(void)
{
	for (uint32_t seed = 0; seed < 20; seed++) {
		GRand *rand = g_rand_new_with_seed(seed);
		struct net_rig r;

		init(&r, NET_RIG_OFFLOADS, 3);
		r.mn->forget = true;
		net_rig_start(&r, UINT64_MAX);
		for (unsigned int i = 0; i < 300; i++) {
			one_step(&r, rand);
			if (device_rig_is_broken(&r.dev))
				expect_on(0, 3);
		}
		fake_vhost.refuse = 0;
		r.mn->set_error = 0;
		iol_net_set_link(&r.mn->net, true);
		restart(&r, rand);
		r.mn->pairs[0].sends = 0;
		check_kernel_sends(&r, 0);
		finish(&r);
		g_rand_free(rand);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-net-vhost/features", test_features);
	g_test_add_func("/virtio-net-vhost/serve", test_serve);
	g_test_add_func("/virtio-net-vhost/pairs", test_pairs);
	g_test_add_func("/virtio-net-vhost/link", test_link);
	g_test_add_func("/virtio-net-vhost/link/late", test_link_late);
	g_test_add_func("/virtio-net-vhost/link/deleted-under-load", test_deleted_under_load);
	g_test_add_func("/virtio-net-vhost/refused", test_refused);
	g_test_add_func("/virtio-net-vhost/refused/pair", test_pair_refused);
	g_test_add_func("/virtio-net-vhost/refused/half", test_half_a_pair);
	g_test_add_func("/virtio-net-vhost/refused/offloads", test_offloads_refused);
	g_test_add_func("/virtio-net-vhost/changes-wait", test_changes_wait);
	g_test_add_func("/virtio-net-vhost/changes-wait/refused", test_changes_wait_refused);
	g_test_add_func("/virtio-net-vhost/mistake", test_mistake);
	g_test_add_func("/virtio-net-vhost/broken", test_broken);
	g_test_add_func("/virtio-net-vhost/no-base", test_no_base);
	g_test_add_func("/virtio-net-vhost/resets", test_resets);
	g_test_add_func("/virtio-net-vhost/random", test_random);
	return g_test_run();
}
