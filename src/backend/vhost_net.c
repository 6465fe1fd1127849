// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's vhost-net, by its ioctls (linux/vhost.h). See include/iolite/vhost.h. Runs on the loop's thread.
 *
 * A descriptor of /dev/vhost-net is one queue pair with a thread of the kernel's of its own, which is made when the pair is
 * first started. The kernel holds on to eventfds and tap as long as they are set, so a stop takes them all back; and it
 * has stopped when the call that takes the tap away returns.
 *
 * A hostile guest reaches the kernel's code for rings and descriptors by what it writes into its memory; nothing of it
 * passes here but that the kernel found a mistake.
 */
#include <iolite/vhost.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	TABLE_BYTES = sizeof(struct vhost_memory) +
		      IOL_VHOST_REGIONS_MAX * sizeof(struct vhost_memory_region),
};

#define BIT(feature) (UINT64_C(1) << (feature))

/* What of a virtio-net device depends on who serves the rings. */
static const uint64_t ring_features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
				      BIT(VIRTIO_RING_F_INDIRECT_DESC) |
				      BIT(VIRTIO_RING_F_EVENT_IDX);

struct iol_vhost_net {
	struct iol_loop *loop;
	int fd;
	uint64_t features; /* of ring_features, those that it has */
	bool owned; /* the kernel's thread is there */
	bool started;
	bool finished;
	void (*mistake)(void *opaque);
	void *opaque;
	int error_fd; /* eventfd: of both rings */
	uint64_t error_count;
	struct iol_op error_op;
	bool error_withdrawn; /* error_op was cancelled at a stop, and is not done yet */
};

/* --- mistakes --- */

static void await_error(struct iol_vhost_net *vhost)
{
	if (!vhost->error_op.in_flight)
		iol_loop_read(vhost->loop, &vhost->error_op, vhost->error_fd, &vhost->error_count,
			      sizeof(vhost->error_count), (uint64_t)-1);
}

/* What was told of a driver before this one is not this one's mistake. */
static void error_done(struct iol_op *op, int res)
{
	struct iol_vhost_net *vhost = iol_container_of(op, struct iol_vhost_net, error_op);

	bool withdrawn = vhost->error_withdrawn;

	vhost->error_withdrawn = false;
	if (vhost->finished || !vhost->started || (res == -ECANCELED && !withdrawn))
		return;
	await_error(vhost);
	if (!withdrawn)
		vhost->mistake(vhost->opaque);
}

/* Nobody writes to it any more. */
static void forget_errors(struct iol_vhost_net *vhost)
{
	struct pollfd left = { .fd = vhost->error_fd, .events = POLLIN };
	uint64_t count;

	if (vhost->error_op.in_flight) {
		vhost->error_withdrawn = true;
		iol_loop_cancel(vhost->loop, &vhost->error_op);
	}
	if (poll(&left, 1, 0) == 1 && read(left.fd, &count, sizeof(count)) < 0)
		return;
}

/* --- life --- */

static int open_device(const char *device, struct iol_error *err)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return iol_error_errno(
			err, -errno,
			"no vhost-net here: load the kernel's module (modprobe vhost_net) or, in "
			"a container, pass %s on; cannot open it",
			device);
	if (errno == EACCES || errno == EPERM)
		return iol_error_errno(err, -errno,
				       "no right to use vhost-net: run as root, or have root allow "
				       "it (chmod 0666 %s); cannot open it",
				       device);
	return iol_error_errno(err, -errno, "cannot open %s", device);
}

static int ask_features(struct iol_vhost_net *vhost, const char *device, struct iol_error *err)
{
	__u64 features;

	if (ioctl(vhost->fd, VHOST_GET_FEATURES, &features))
		return iol_error_errno(err, -errno, "%s: VHOST_GET_FEATURES", device);
	vhost->features = features & ring_features;
	if (vhost->features & BIT(VIRTIO_F_VERSION_1))
		return 0;
	return iol_error_set(err, -EOPNOTSUPP,
			     "%s: this kernel's vhost-net does not know virtio 1.0", device);
}

int iol_vhost_net_new(struct iol_loop *loop, const char *device, struct iol_vhost_net **vhost,
		      struct iol_error *err)
{
	struct iol_vhost_net *new = g_new0(struct iol_vhost_net, 1);
	int ret;

	new->loop = loop;
	new->error_op.done = error_done;
	new->error_fd = -1;
	new->fd = open_device(device, err);
	ret = new->fd < 0 ? new->fd : ask_features(new, device, err);
	if (!ret) {
		/* Blocking: an io_uring read of another one would not wait. */
		new->error_fd = eventfd(0, EFD_CLOEXEC);
		if (new->error_fd < 0)
			ret = iol_error_errno(err, -errno, "%s: cannot create an eventfd", device);
	}
	if (ret) {
		iol_fd_close(&new->fd);
		g_free(new);
		return ret;
	}
	*vhost = new;
	return 0;
}

void iol_vhost_net_free(struct iol_vhost_net *vhost)
{
	uint16_t avail_idx[IOL_VHOST_RINGS];

	if (!vhost)
		return;
	if (vhost->started)
		iol_vhost_net_stop(vhost, avail_idx, NULL);
	vhost->finished = true;
	iol_loop_cancel(vhost->loop, &vhost->error_op);
	while (vhost->error_op.in_flight)
		if (iol_loop_turn(vhost->loop, true) < 0)
			break;
	iol_fd_close(&vhost->error_fd);
	iol_fd_close(&vhost->fd);
	g_free(vhost);
}

uint64_t iol_vhost_net_features(const struct iol_vhost_net *vhost)
{
	return vhost->features;
}

uint64_t iol_vhost_net_lacks(const struct iol_vhost_net *vhost)
{
	return ring_features & ~vhost->features;
}

/* --- rings --- */

static int call(const struct iol_vhost_net *vhost, unsigned long request, const void *arg,
		const char *name, struct iol_error *err)
{
	return ioctl(vhost->fd, request, arg) ? iol_error_errno(err, -errno, "%s", name) : 0;
}

#define CALL(vhost, request, arg, err) call(vhost, request, arg, #request, err)

static int set_memory(const struct iol_vhost_net *vhost, const struct iol_vhost_net_setup *setup,
		      struct iol_error *err)
{
	_Alignas(struct vhost_memory) uint8_t table[TABLE_BYTES] = { 0 };
	struct vhost_memory *memory = (void *)table;

	assert(setup->region_count <= IOL_VHOST_REGIONS_MAX);
	memory->nregions = setup->region_count;
	for (unsigned int i = 0; i < setup->region_count; i++)
		memory->regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = setup->regions[i].gpa,
			.memory_size = setup->regions[i].size_bytes,
			.userspace_addr = (uintptr_t)setup->regions[i].hva,
		};
	return CALL(vhost, VHOST_SET_MEM_TABLE, memory, err);
}

static int set_ring(const struct iol_vhost_net *vhost, unsigned int idx,
		    const struct iol_vhost_ring *ring, struct iol_error *err)
{
	const struct vhost_vring_state size = { .index = idx, .num = ring->size };
	const struct vhost_vring_state base = { .index = idx, .num = ring->avail_idx };
	const struct vhost_vring_addr addr = {
		.index = idx,
		.desc_user_addr = (uintptr_t)ring->desc,
		.avail_user_addr = (uintptr_t)ring->avail,
		.used_user_addr = (uintptr_t)ring->used,
	};
	const struct vhost_vring_file kick = { .index = idx, .fd = ring->kick_fd };
	const struct vhost_vring_file signal = { .index = idx, .fd = ring->call_fd };
	const struct vhost_vring_file error = { .index = idx, .fd = vhost->error_fd };
	int ret = CALL(vhost, VHOST_SET_VRING_NUM, &size, err);

	if (!ret)
		ret = CALL(vhost, VHOST_SET_VRING_BASE, &base, err);
	if (!ret)
		ret = CALL(vhost, VHOST_SET_VRING_ADDR, &addr, err);
	if (!ret)
		ret = CALL(vhost, VHOST_SET_VRING_KICK, &kick, err);
	if (!ret)
		ret = CALL(vhost, VHOST_SET_VRING_CALL, &signal, err);
	if (!ret)
		ret = CALL(vhost, VHOST_SET_VRING_ERR, &error, err);
	if (ret)
		iol_error_prefix(err, "ring %u", idx);
	return ret;
}

static int set_backend(const struct iol_vhost_net *vhost, unsigned int idx, int fd,
		       struct iol_error *err)
{
	const struct vhost_vring_file backend = { .index = idx, .fd = fd };
	int ret = CALL(vhost, VHOST_NET_SET_BACKEND, &backend, err);

	if (ret)
		iol_error_prefix(err, "ring %u", idx);
	return ret;
}

/* The kernel lets go of the eventfds; none of this can be refused. */
static void unset_ring(const struct iol_vhost_net *vhost, unsigned int idx)
{
	const struct vhost_vring_file none = { .index = idx, .fd = VHOST_FILE_UNBIND };

	CALL(vhost, VHOST_SET_VRING_KICK, &none, NULL);
	CALL(vhost, VHOST_SET_VRING_CALL, &none, NULL);
	CALL(vhost, VHOST_SET_VRING_ERR, &none, NULL);
}

static int get_base(const struct iol_vhost_net *vhost, unsigned int idx, uint16_t *avail_idx,
		    struct iol_error *err)
{
	struct vhost_vring_state base = { .index = idx };
	int ret = CALL(vhost, VHOST_GET_VRING_BASE, &base, err);

	if (ret)
		iol_error_prefix(err, "ring %u", idx);
	else
		*avail_idx = (uint16_t)base.num;
	return ret;
}

int iol_vhost_net_stop(struct iol_vhost_net *vhost, uint16_t avail_idx[IOL_VHOST_RINGS],
		       struct iol_error *err)
{
	int ret = 0;

	vhost->started = false;
	for (unsigned int i = 0; i < IOL_VHOST_RINGS; i++)
		set_backend(vhost, i, VHOST_FILE_UNBIND, NULL);
	for (unsigned int i = 0; i < IOL_VHOST_RINGS; i++) {
		if (!ret)
			ret = get_base(vhost, i, &avail_idx[i], err);
		unset_ring(vhost, i);
	}
	forget_errors(vhost);
	return ret;
}

static int set_all(struct iol_vhost_net *vhost, const struct iol_vhost_net_setup *setup,
		   struct iol_error *err)
{
	const __u64 features = setup->features & vhost->features;
	int ret = 0;

	if (!vhost->owned)
		ret = CALL(vhost, VHOST_SET_OWNER, NULL, err);
	if (ret)
		return ret;
	vhost->owned = true;
	ret = CALL(vhost, VHOST_SET_FEATURES, &features, err);
	if (!ret)
		ret = set_memory(vhost, setup, err);
	for (unsigned int i = 0; i < IOL_VHOST_RINGS && !ret; i++)
		ret = set_ring(vhost, i, &setup->rings[i], err);
	return ret;
}

/* Both rings have the tap, or none. */
static int set_backends(struct iol_vhost_net *vhost, struct iol_vhost_net_setup *setup,
			struct iol_error *err)
{
	int ret = set_backend(vhost, IOL_VHOST_RX, setup->tap_fd, err);

	if (ret)
		return ret;
	ret = set_backend(vhost, IOL_VHOST_TX, setup->tap_fd, err);
	if (!ret)
		return 0;
	/* The first may have been served already. */
	set_backend(vhost, IOL_VHOST_RX, VHOST_FILE_UNBIND, NULL);
	get_base(vhost, IOL_VHOST_RX, &setup->rings[IOL_VHOST_RX].avail_idx, NULL);
	return ret;
}

int iol_vhost_net_start(struct iol_vhost_net *vhost, struct iol_vhost_net_setup *setup,
			struct iol_error *err)
{
	int ret;

	assert(!vhost->started);
	ret = set_all(vhost, setup, err);
	if (!ret)
		ret = set_backends(vhost, setup, err);
	if (ret) {
		for (unsigned int i = 0; i < IOL_VHOST_RINGS && vhost->owned; i++)
			unset_ring(vhost, i);
		forget_errors(vhost);
		return ret;
	}
	vhost->mistake = setup->mistake;
	vhost->opaque = setup->opaque;
	vhost->started = true;
	await_error(vhost);
	return 0;
}
