// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio network device: queue pairs that the kernel serves in our place (vhost.h). What there is no place for here
 * stays ours: registers, the control queue, interrupts that the kernel cannot deliver by itself.
 *
 * Runs on the loop's thread. A pair is the kernel's while the driver uses it, the link is up and the backend is set to what
 * the driver takes: the kernel does not look at headers. Until then its queues wait; while the link is down, frames that are
 * sent are dropped by us, as without vhost. A kernel that refuses a pair is not asked again before the next DRIVER_OK: all
 * pairs are served by us till then.
 *
 * A hostile guest meets the kernel's code with its rings and descriptors, which are checked there. By resets and commands it
 * can start and stop pairs: system calls on a descriptor of its own machine, one series for each of its steps.
 */
#include "net_internal.h"

#include <glib.h>
#include <linux/virtio_config.h>
#include <string.h>

static unsigned int queue_of(unsigned int pair, unsigned int ring)
{
	return 2 * pair + ring;
}

bool virtio_net_vhost_claims(const struct net_device *n, unsigned int pair)
{
	return n->vhost[0].vhost && !n->vhost_off && pair < n->active_pairs;
}

/* --- features --- */

uint64_t virtio_net_vhost_withheld(const struct net_device *n)
{
	const uint64_t filters = NET_BIT(VIRTIO_NET_F_CTRL_RX) |
				 NET_BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) |
				 NET_BIT(VIRTIO_NET_F_CTRL_VLAN);

	if (!n->vhost[0].vhost)
		return 0;
	return filters | iol_vhost_net_lacks(n->vhost[0].vhost);
}

/* --- one pair --- */

static void mistake(void *opaque)
{
	struct net_vhost *nv = opaque;
	unsigned int pair = (unsigned int)(nv - nv->n->vhost);

	/* Frames that it cannot send, as the tap was deleted, are an error of the ring to it. The link goes down by that. */
	if (iol_net_vhost_fd(nv->n->net, pair) < 0)
		return;
	iol_virtio_break(&nv->n->v,
			 "queue pair %u: the kernel (vhost-net) refuses what is in its rings",
			 pair);
}

static void set_memory(struct iol_vhost_net_setup *setup, const struct iol_memory *memory)
{
	setup->region_count = memory->region_count;
	for (unsigned int i = 0; i < memory->region_count; i++)
		setup->regions[i] = (struct iol_vhost_region){
			.gpa = memory->regions[i].gpa,
			.size_bytes = memory->regions[i].size_bytes,
			.hva = memory->regions[i].hva,
		};
}

static int lend(struct net_device *n, unsigned int pair, unsigned int ring,
		struct iol_vhost_ring *out, struct iol_error *err)
{
	unsigned int queue = queue_of(pair, ring);
	struct iol_virtio_loan loan;
	int ret;

	if (!n->v.queues[queue].vq.size)
		return iol_error_set(err, -EINVAL, "queue %u is not enabled", queue);
	ret = iol_virtio_lend(&n->v, queue, &loan, err);
	if (ret)
		return ret;
	*out = (struct iol_vhost_ring){
		.size = loan.rings.size,
		.avail_idx = loan.rings.avail_idx,
		.desc = loan.rings.desc,
		.avail = loan.rings.avail,
		.used = loan.rings.used,
		.kick_fd = loan.kick_fd,
		.call_fd = loan.call_fd,
	};
	return 0;
}

static int start_pair(struct net_device *n, unsigned int pair, struct iol_error *err)
{
	struct iol_vhost_net_setup setup = {
		.features = n->v.features,
		.tap_fd = iol_net_vhost_fd(n->net, pair),
		.mistake = mistake,
		.opaque = &n->vhost[pair],
	};
	unsigned int lent = 0;
	int ret = 0;

	set_memory(&setup, n->v.memory);
	for (; lent < IOL_VHOST_RINGS && !ret; lent += !ret)
		ret = lend(n, pair, lent, &setup.rings[lent], err);
	if (!ret)
		ret = iol_vhost_net_start(n->vhost[pair].vhost, &setup, err);
	if (ret) {
		while (lent--)
			iol_virtio_take_back(&n->v, queue_of(pair, lent),
					     setup.rings[lent].avail_idx);
		return ret;
	}
	n->vhost[pair].on = true;
	/* What the driver did before has had its kicks already. */
	for (unsigned int i = 0; i < IOL_VHOST_RINGS; i++)
		iol_virtio_notify(&n->v, queue_of(pair, i));
	iol_log(IOL_LOG_DEBUG, "%s: queue pair %u is served by the kernel (vhost-net)", n->v.name,
		pair);
	return 0;
}

static void stop_pair(struct net_device *n, unsigned int pair)
{
	uint16_t avail_idx[IOL_VHOST_RINGS] = { 0 };
	struct iol_error err;
	int ret;

	if (!n->vhost[pair].on)
		return;
	n->vhost[pair].on = false;
	ret = iol_vhost_net_stop(n->vhost[pair].vhost, avail_idx, &err);
	/* Nobody knows where to go on: the driver has to begin anew. */
	if (ret)
		iol_virtio_break(&n->v, "queue pair %u: %s", pair, err.msg);
	for (unsigned int i = 0; i < IOL_VHOST_RINGS; i++)
		iol_virtio_take_back(&n->v, queue_of(pair, i), avail_idx[i]);
}

/* --- all pairs --- */

void virtio_net_vhost_begin(struct net_device *n)
{
	n->vhost_off = !n->vhost[0].vhost;
}

void virtio_net_vhost_stop(struct net_device *n, unsigned int from)
{
	for (unsigned int i = from; i < n->pairs; i++)
		stop_pair(n, i);
	if (!from && n->vhost[0].vhost)
		iol_net_watch(n->net, false);
}

/* What waited for the kernel is ours. */
static void resume_all(struct net_device *n)
{
	for (unsigned int i = 0; i < n->active_pairs; i++)
		for (unsigned int ring = 0; ring < IOL_VHOST_RINGS; ring++)
			iol_virtio_resume(&n->v, queue_of(i, ring));
}

static void refuse(struct net_device *n, const struct iol_error *err)
{
	n->vhost_off = true;
	virtio_net_vhost_stop(n, 0);
	resume_all(n);
	if (err)
		iol_log_limited(&n->log_limit, IOL_LOG_WARN,
				"%s: the kernel's vhost-net does not serve it, iolite does: %s",
				n->v.name, err->msg);
}

/* Frames that come may be more than the driver takes: we drop those, the kernel would not. */
static bool backend_is_set(const struct net_device *n)
{
	return n->host_offloads == virtio_net_backend_offloads(n->guest_offloads);
}

void virtio_net_vhost_follow(struct net_device *n)
{
	if (!net_running(n) || !virtio_net_vhost_claims(n, 0) || n->pairs_due || n->offloads_due)
		return;
	if (!n->net->link_up) {
		virtio_net_vhost_stop(n, 0);
		resume_all(n);
		return;
	}
	if (!backend_is_set(n)) {
		refuse(n, NULL);
		return;
	}
	for (unsigned int i = 0; i < n->active_pairs && !n->vhost_off; i++) {
		struct iol_error err;

		/* None: the link is about to go down. */
		if (!n->vhost[i].on && iol_net_vhost_fd(n->net, i) >= 0 && start_pair(n, i, &err))
			refuse(n, &err);
	}
	if (!n->vhost_off)
		iol_net_watch(n->net, true);
}

void virtio_net_vhost_free(struct net_device *n)
{
	for (unsigned int i = 0; i < n->pairs; i++)
		iol_vhost_net_free(n->vhost[i].vhost);
}
