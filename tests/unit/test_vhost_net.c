// SPDX-License-Identifier: Apache-2.0
/* What the kernel's vhost-net is told, and in which order; a kernel that is played (fake_vhost.h). */
#include <iolite/vhost.h>

#include <errno.h>
#include <glib.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake_vhost.h"
#include "fd_count.h"

#define BIT(feature) (UINT64_C(1) << (feature))

static const char started[] = "FEATURES MEM "
			      "NUM0=256 BASE0=7 ADDR0 KICK0=on CALL0=on ERR0=on "
			      "NUM1=128 BASE1=65535 ADDR1 KICK1=on CALL1=on ERR1=on "
			      "BACKEND0=on BACKEND1=on ";
static const char stopped[] = "BACKEND0=off BACKEND1=off "
			      "GETBASE0 KICK0=off CALL0=off ERR0=off "
			      "GETBASE1 KICK1=off CALL1=off ERR1=off ";

struct fixture {
	struct iol_loop loop;
	struct iol_vhost_net *vhost;
	struct fake_vhost_device *device;
	struct iol_vhost_net_setup setup;
	int fds[2 * IOL_VHOST_RINGS + 1];
	unsigned int mistakes;
};

static void mistake(void *opaque)
{
	((struct fixture *)opaque)->mistakes++;
}

/* An address as a number that is none of ours. */
static void *address(uintptr_t value)
{
	return (void *)value;
}

static void setup(struct fixture *f, const void *data)
{
	struct iol_error err;

	(void)data;
	fake_vhost_reset();
	if (iol_loop_init(&f->loop, &err) ||
	    iol_vhost_net_new(&f->loop, "/dev/null", &f->vhost, &err))
		g_error("%s", err.msg);
	f->device = &fake_vhost.devices[0];
	for (size_t i = 0; i < IOL_ARRAY_LEN(f->fds); i++)
		f->fds[i] = eventfd(0, EFD_CLOEXEC);
	f->setup = (struct iol_vhost_net_setup){
		.features = UINT64_MAX,
		.regions = { { 0, 0x8000000, address(0x70000000) },
			     { 0x90000000, 0x1000, address(0x80000000) } },
		.region_count = 2,
		.rings = { { 256, 7, address(0x70001000), address(0x70002000), address(0x70003000),
			     f->fds[0], f->fds[1] },
			   { 128, UINT16_MAX, address(0x70004000), address(0x70005002),
			     address(0x70006004), f->fds[2], f->fds[3] } },
		.tap_fd = f->fds[4],
		.mistake = mistake,
		.opaque = f,
	};
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	iol_vhost_net_free(f->vhost);
	g_assert_true(fake_vhost_is_idle(f->device));
	g_assert_cmpuint(f->loop.in_flight, ==, 1); /* its own wake-up */
	for (size_t i = 0; i < IOL_ARRAY_LEN(f->fds); i++)
		iol_fd_close(&f->fds[i]);
	iol_loop_finish(&f->loop);
}

static void expect_log(const char *first, const char *second)
{
	g_autofree char *all = g_strconcat(first, second, NULL);

	g_assert_cmpstr(fake_vhost.log, ==, all);
	fake_vhost.log[0] = '\0';
}

static void start(struct fixture *f)
{
	struct iol_error err;

	if (iol_vhost_net_start(f->vhost, &f->setup, &err))
		g_error("%s", err.msg);
}

static void settle(struct fixture *f)
{
	for (unsigned int i = 0; i < 4; i++)
		g_assert_cmpint(iol_loop_turn(&f->loop, false), ==, 0);
}

static void test_order(struct fixture *f, const void *data)
{
	const struct fake_vhost_ring *rings = f->device->rings;
	uint16_t idx[IOL_VHOST_RINGS];

	(void)data;
	expect_log("", "");
	start(f);
	expect_log("OWNER ", started);
	g_assert_cmphex(f->device->features, ==,
			BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
				BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX));
	g_assert_cmpuint(f->device->region_count, ==, 2);
	g_assert_cmphex(f->device->regions[1].guest_phys_addr, ==, 0x90000000);
	g_assert_cmphex(f->device->regions[1].memory_size, ==, 0x1000);
	g_assert_cmphex(f->device->regions[1].userspace_addr, ==, 0x80000000);
	for (unsigned int i = 0; i < IOL_VHOST_RINGS; i++) {
		const struct iol_vhost_ring *ring = &f->setup.rings[i];

		g_assert_cmphex(rings[i].addr.desc_user_addr, ==, (uintptr_t)ring->desc);
		g_assert_cmphex(rings[i].addr.avail_user_addr, ==, (uintptr_t)ring->avail);
		g_assert_cmphex(rings[i].addr.used_user_addr, ==, (uintptr_t)ring->used);
		g_assert_cmpint(rings[i].kick, ==, ring->kick_fd);
		g_assert_cmpint(rings[i].call, ==, ring->call_fd);
		g_assert_cmpint(rings[i].backend, ==, f->setup.tap_fd);
	}
	f->device->rings[0].base = 9;
	f->device->rings[1].base = 3;
	g_assert_cmpint(iol_vhost_net_stop(f->vhost, idx, NULL), ==, 0);
	expect_log(stopped, "");
	g_assert_cmpuint(idx[0], ==, 9);
	g_assert_cmpuint(idx[1], ==, 3);
	g_assert_true(fake_vhost_is_idle(f->device));
	/* Again; the kernel's thread is there. */
	start(f);
	expect_log(started, "");
	iol_vhost_net_free(f->vhost);
	f->vhost = NULL;
	expect_log(stopped, "");
}

/* What the driver did not take is not turned on. */
static void test_features(struct fixture *f, const void *data)
{
	(void)data;
	f->setup.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_CSUM);
	start(f);
	g_assert_cmphex(f->device->features, ==, BIT(VIRTIO_F_VERSION_1));
	g_assert_cmphex(iol_vhost_net_lacks(f->vhost), ==, 0);
	iol_vhost_net_free(f->vhost);
	fake_vhost.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC);
	g_assert_cmpint(iol_vhost_net_new(&f->loop, "/dev/null", &f->vhost, NULL), ==, 0);
	g_assert_cmphex(iol_vhost_net_lacks(f->vhost), ==,
			BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_RING_F_EVENT_IDX));
	g_assert_cmphex(iol_vhost_net_features(f->vhost), ==, fake_vhost.features);
}

/* Each call that can be refused, in either ring: nothing is left, and it starts afterwards. */
static void test_refused(struct fixture *f, const void *data)
{
	static const struct {
		unsigned long request;
		unsigned int after;
		const char *name;
	} cases[] = {
		{ VHOST_SET_OWNER, 0, "VHOST_SET_OWNER" },
		{ VHOST_SET_FEATURES, 0, "VHOST_SET_FEATURES" },
		{ VHOST_SET_MEM_TABLE, 0, "VHOST_SET_MEM_TABLE" },
		{ VHOST_SET_VRING_NUM, 0, "ring 0: VHOST_SET_VRING_NUM" },
		{ VHOST_SET_VRING_BASE, 1, "ring 1: VHOST_SET_VRING_BASE" },
		{ VHOST_SET_VRING_ADDR, 1, "ring 1: VHOST_SET_VRING_ADDR" },
		{ VHOST_SET_VRING_KICK, 0, "ring 0: VHOST_SET_VRING_KICK" },
		{ VHOST_SET_VRING_CALL, 1, "ring 1: VHOST_SET_VRING_CALL" },
		{ VHOST_SET_VRING_ERR, 1, "ring 1: VHOST_SET_VRING_ERR" },
		{ VHOST_NET_SET_BACKEND, 0, "ring 0: VHOST_NET_SET_BACKEND" },
		{ VHOST_NET_SET_BACKEND, 1, "ring 1: VHOST_NET_SET_BACKEND" },
	};
	unsigned int fds = fd_count();

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_error err;

		fake_vhost.refuse = cases[i].request;
		fake_vhost.refuse_after = cases[i].after;
		fake_vhost.refuse_errno = ENOMEM;
		g_assert_cmpint(iol_vhost_net_start(f->vhost, &f->setup, &err), ==, -ENOMEM);
		if (!g_str_has_prefix(err.msg, cases[i].name))
			g_error("\"%s\", expected %s", err.msg, cases[i].name);
		g_assert_true(fake_vhost_is_idle(f->device));
		g_assert_cmpuint(f->setup.rings[0].avail_idx, ==, 7);
		settle(f);
		g_assert_cmpuint(f->loop.in_flight, ==, 1);
	}
	g_assert_cmpuint(fd_count(), ==, fds);
	fake_vhost.refuse = 0;
	start(f);
}

/* The first ring was served when the second is refused. */
static void test_refused_late(struct fixture *f, const void *data)
{
	(void)data;
	fake_vhost.refuse = VHOST_NET_SET_BACKEND;
	fake_vhost.refuse_after = 1;
	fake_vhost.refuse_errno = EBUSY;
	fake_vhost.advance = 5;
	g_assert_cmpint(iol_vhost_net_start(f->vhost, &f->setup, NULL), ==, -EBUSY);
	g_assert_cmpuint(f->setup.rings[IOL_VHOST_RX].avail_idx, ==, 12);
	g_assert_cmpuint(f->setup.rings[IOL_VHOST_TX].avail_idx, ==, UINT16_MAX);
}

static void test_no_base(struct fixture *f, const void *data)
{
	uint16_t idx[IOL_VHOST_RINGS];
	struct iol_error err;

	(void)data;
	start(f);
	fake_vhost.refuse = VHOST_GET_VRING_BASE;
	fake_vhost.refuse_errno = EIO;
	fake_vhost.refuse_after = 1;
	g_assert_cmpint(iol_vhost_net_stop(f->vhost, idx, &err), ==, -EIO);
	g_assert_nonnull(strstr(err.msg, "ring 1: VHOST_GET_VRING_BASE"));
	g_assert_true(fake_vhost_is_idle(f->device));
}

static void signal_error(struct fixture *f)
{
	const uint64_t one = 1;

	g_assert_cmpint(write(f->device->rings[1].err, &one, sizeof(one)), ==, sizeof(one));
}

static void test_mistakes(struct fixture *f, const void *data)
{
	uint16_t idx[IOL_VHOST_RINGS];

	(void)data;
	start(f);
	settle(f);
	g_assert_cmpuint(f->mistakes, ==, 0);
	signal_error(f);
	settle(f);
	g_assert_cmpuint(f->mistakes, ==, 1);
	signal_error(f);
	settle(f);
	g_assert_cmpuint(f->mistakes, ==, 2);
	/* Not of the one before, whether it was read at the stop or not. */
	for (unsigned int i = 0; i < 4; i++) {
		signal_error(f);
		if (i & 1)
			io_uring_submit_and_get_events(&f->loop.ring);
		iol_vhost_net_stop(f->vhost, idx, NULL);
		if (i & 2)
			settle(f);
		start(f);
		settle(f);
		g_assert_cmpuint(f->mistakes, ==, 2);
	}
	signal_error(f);
	settle(f);
	g_assert_cmpuint(f->mistakes, ==, 3);
}

static void expect_none(struct iol_loop *loop, const char *device, int code, const char *text)
{
	unsigned int fds = fd_count();
	struct iol_vhost_net *vhost = NULL;
	struct iol_error err;

	g_assert_cmpint(iol_vhost_net_new(loop, device, &vhost, &err), ==, code);
	if (!strstr(err.msg, text) || !strstr(err.msg, device))
		g_error("\"%s\", expected \"%s\"", err.msg, text);
	g_assert_null(vhost);
	g_assert_cmpuint(fd_count(), ==, fds);
}

static void test_new(struct fixture *f, const void *data)
{
	(void)data;
	expect_none(&f->loop, "/nonexistent/vhost-net", -ENOENT, "modprobe vhost_net");
	expect_none(&f->loop, "/proc", -EISDIR, "cannot open");
	fake_vhost.features = UINT64_MAX & ~BIT(VIRTIO_F_VERSION_1);
	expect_none(&f->loop, "/dev/null", -EOPNOTSUPP, "virtio 1.0");
	fake_vhost.refuse = VHOST_GET_FEATURES;
	fake_vhost.refuse_errno = ENOTTY;
	expect_none(&f->loop, "/dev/null", -ENOTTY, "VHOST_GET_FEATURES");
	iol_vhost_net_free(NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct fixture *f, const void *data);
	} tests[] = {
		{ "/vhost-net/order", test_order },
		{ "/vhost-net/features", test_features },
		{ "/vhost-net/refused", test_refused },
		{ "/vhost-net/refused-late", test_refused_late },
		{ "/vhost-net/no-base", test_no_base },
		{ "/vhost-net/mistakes", test_mistakes },
		{ "/vhost-net/new", test_new },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
