// SPDX-License-Identifier: Apache-2.0
/* See fake_vhost.h. */
#include "fake_vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iolite/endian.h>

struct fake_vhost fake_vhost;

void fake_vhost_reset(void)
{
	memset(&fake_vhost, 0, sizeof(fake_vhost));
	fake_vhost.features =
		UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF |
		UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC |
		UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX | UINT64_C(1) << VHOST_NET_F_VIRTIO_NET_HDR;
}

static void note(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

static void note(const char *fmt, ...)
{
	size_t at = strlen(fake_vhost.log);
	va_list ap;

	va_start(ap, fmt);
	g_vsnprintf(fake_vhost.log + at, sizeof(fake_vhost.log) - at, fmt, ap);
	va_end(ap);
	g_strlcat(fake_vhost.log, " ", sizeof(fake_vhost.log));
}

static struct fake_vhost_device *find(int fd)
{
	/* The last of that number: the ones before were closed. */
	for (unsigned int i = fake_vhost.device_count; i--;)
		if (fake_vhost.devices[i].fd == fd)
			return &fake_vhost.devices[i];
	g_error("descriptor %d was not asked for its features", fd);
}

static int add_device(int fd, __u64 *features)
{
	struct fake_vhost_device *d = &fake_vhost.devices[fake_vhost.device_count++];

	g_assert_cmpuint(fake_vhost.device_count, <=, FAKE_VHOST_DEVICES);
	*d = (struct fake_vhost_device){ .fd = fd };
	for (unsigned int i = 0; i < FAKE_VHOST_RINGS; i++)
		d->rings[i] = (struct fake_vhost_ring){
			.kick = -1, .call = -1, .err = -1, .backend = -1
		};
	*features = fake_vhost.features;
	return 0;
}

static struct fake_vhost_ring *ring_of(struct fake_vhost_device *d, unsigned int idx)
{
	g_assert_cmpuint(idx, <, FAKE_VHOST_RINGS);
	return &d->rings[idx];
}

static int set_memory(struct fake_vhost_device *d, const struct vhost_memory *memory)
{
	note("MEM");
	g_assert_cmpuint(memory->nregions, <=, FAKE_VHOST_REGIONS);
	d->region_count = memory->nregions;
	memcpy(d->regions, memory->regions, memory->nregions * sizeof(d->regions[0]));
	return 0;
}

static int set_state(struct fake_vhost_device *d, unsigned long request,
		     const struct vhost_vring_state *state)
{
	struct fake_vhost_ring *ring = ring_of(d, state->index);
	bool num = request == VHOST_SET_VRING_NUM;

	note("%s%u=%u", num ? "NUM" : "BASE", state->index, state->num);
	if (ring->backend >= 0)
		return EBUSY;
	if (num)
		ring->num = state->num;
	else
		ring->base = state->num;
	return 0;
}

static int set_addr(struct fake_vhost_device *d, const struct vhost_vring_addr *addr)
{
	note("ADDR%u", addr->index);
	if (addr->avail_user_addr % 2 || addr->used_user_addr % 4 || addr->flags)
		return EINVAL;
	ring_of(d, addr->index)->addr = *addr;
	return 0;
}

static int set_file(struct fake_vhost_device *d, unsigned long request,
		    const struct vhost_vring_file *file)
{
	struct fake_vhost_ring *ring = ring_of(d, file->index);
	const struct {
		unsigned long request;
		const char *name;
		int *fd;
	} files[] = {
		{ VHOST_SET_VRING_KICK, "KICK", &ring->kick },
		{ VHOST_SET_VRING_CALL, "CALL", &ring->call },
		{ VHOST_SET_VRING_ERR, "ERR", &ring->err },
		{ VHOST_NET_SET_BACKEND, "BACKEND", &ring->backend },
	};
	size_t i = 0;

	while (files[i].request != request)
		i++;
	note("%s%u=%s", files[i].name, file->index, file->fd < 0 ? "off" : "on");
	if (file->fd >= 0 && fcntl(file->fd, F_GETFD) < 0)
		return EBADF;
	g_assert_cmpint(file->fd, >=, -1);
	*files[i].fd = file->fd;
	if (request == VHOST_NET_SET_BACKEND && file->fd >= 0)
		ring->base += fake_vhost.advance;
	return 0;
}

static int get_base(struct fake_vhost_device *d, struct vhost_vring_state *state)
{
	note("GETBASE%u", state->index);
	g_assert_cmpint(ring_of(d, state->index)->backend, ==, -1);
	state->num = ring_of(d, state->index)->base;
	return 0;
}

static int handle(struct fake_vhost_device *d, unsigned long request, void *arg)
{
	if (request == VHOST_SET_OWNER) {
		note("OWNER");
		g_assert_false(d->owned);
		d->owned = true;
		return 0;
	}
	if (!d->owned)
		return EPERM;
	switch (request) {
	case VHOST_SET_FEATURES:
		note("FEATURES");
		d->features = *(const __u64 *)arg;
		return d->features & ~fake_vhost.features ? EOPNOTSUPP : 0;
	case VHOST_SET_MEM_TABLE:
		return set_memory(d, arg);
	case VHOST_SET_VRING_NUM:
	case VHOST_SET_VRING_BASE:
		return set_state(d, request, arg);
	case VHOST_SET_VRING_ADDR:
		return set_addr(d, arg);
	case VHOST_GET_VRING_BASE:
		return get_base(d, arg);
	default:
		return set_file(d, request, arg);
	}
}

/* To take things back is never refused. */
static bool is_refused(unsigned long request, const void *arg)
{
	const struct vhost_vring_file *file = arg;
	bool is_file = request == VHOST_SET_VRING_KICK || request == VHOST_SET_VRING_CALL ||
		       request == VHOST_SET_VRING_ERR || request == VHOST_NET_SET_BACKEND;

	if (request != fake_vhost.refuse || (is_file && file->fd < 0))
		return false;
	return !fake_vhost.refuse_after || !fake_vhost.refuse_after--;
}

int fake_vhost_ioctl(int fd, unsigned long request, void *arg)
{
	int error;

	if (is_refused(request, arg))
		error = fake_vhost.refuse_errno;
	else if (request == VHOST_GET_FEATURES)
		error = add_device(fd, arg);
	else
		error = handle(find(fd), request, arg);
	errno = error;
	return error ? -1 : 0;
}

bool fake_vhost_serve(struct fake_vhost_device *device, unsigned int ring, uint32_t len)
{
	struct fake_vhost_ring *r = &device->rings[ring];
	struct vring_avail *avail = (void *)(uintptr_t)r->addr.avail_user_addr;
	struct vring_used *used = (void *)(uintptr_t)r->addr.used_user_addr;
	uint16_t base = (uint16_t)r->base, slot = r->num ? (uint16_t)(base % r->num) : 0;
	const uint64_t one = 1;

	if (r->backend < 0 || le16_get((le16){ avail->idx }) == base)
		return false;
	used->ring[slot].id = le32_of(le16_get((le16){ avail->ring[slot] })).raw;
	used->ring[slot].len = le32_of(len).raw;
	r->base = (uint16_t)(base + 1);
	used->idx = le16_of((uint16_t)r->base).raw;
	g_assert_cmpint(write(r->call, &one, sizeof(one)), ==, sizeof(one));
	return true;
}

bool fake_vhost_is_idle(const struct fake_vhost_device *device)
{
	for (unsigned int i = 0; i < FAKE_VHOST_RINGS; i++) {
		const struct fake_vhost_ring *r = &device->rings[i];

		if (r->kick >= 0 || r->call >= 0 || r->err >= 0 || r->backend >= 0)
			return false;
	}
	return true;
}
