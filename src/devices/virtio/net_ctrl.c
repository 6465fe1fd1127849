// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio network device: commands of the control queue (virtio-v1.2 5.1.6.5).
 *
 * Runs on the loop's thread. A command is class, command and data, readable, and a byte for the answer, the
 * last one that is writable, which is found first (G12). Data are copied before they are judged (G3) and must be
 * as long as the command says. A command takes effect before it is answered, or is answered by ERR and
 * changes nothing.
 *
 * A hostile guest can set its own filters and offloads. Addresses beyond those that we keep make the filter let
 * more in, which the specification allows. The work of a command is bounded. Changes of offloads and pairs of queues are
 * system calls that may take the host's lock of all its interfaces: where the backend says so, they are rationed, those of
 * DRIVER_OK and those of commands together, and whatever resets come between. Of commands it is one a turn at most, and
 * the queue waits meanwhile: an answer that came early would be a lie (5.1.6.5.6.2). A driver that starts does not wait:
 * the backend is left as it was for a while, and what it leaves to a driver that cannot do it is dropped.
 */
#include "net_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum {
	COMMANDS_PER_TURN = 16, /* (G13) */
	DATA_BYTES_MAX = 16384, /* some 2700 addresses */
	CHANGES_AT_ONCE = 8, /* more than a driver needs to start */
};

/* --- changes that cost the host --- */

/* One was made, or tried. */
static void pay_change(struct net_device *n)
{
	if (n->net->limits.change_ns)
		n->changes_paid_ns =
			MAX(n->changes_paid_ns, iol_loop_now_ns()) + n->net->limits.change_ns;
}

/* How long the next one has to wait; 0: not at all. */
static uint64_t change_wait_ns(const struct net_device *n)
{
	uint64_t free_ns = iol_loop_now_ns() + (CHANGES_AT_ONCE - 1) * n->net->limits.change_ns;

	return n->changes_paid_ns > free_ns ? n->changes_paid_ns - free_ns : 0;
}

/* False: the host may be changed now. Otherwise ctrl_op says when it may. */
static bool await_change(struct net_device *n)
{
	uint64_t wait_ns = change_wait_ns(n);

	if (wait_ns && !n->ctrl_op.in_flight)
		iol_loop_timeout(n->v.loop, &n->ctrl_op, wait_ns);
	return wait_ns;
}

/* @ret is what became of it. One that was refused costs the host as much as one that was made. */
static int set_done(struct net_device *n, int ret, unsigned int *now, unsigned int wanted)
{
	if (ret || wanted != *now)
		pay_change(n);
	if (!ret)
		*now = wanted;
	return ret;
}

static int set_pairs(struct net_device *n, unsigned int pairs)
{
	return set_done(n, iol_net_set_pairs(n->net, pairs), &n->host_pairs, pairs);
}

static int set_offloads(struct net_device *n, uint32_t offloads)
{
	return set_done(n, iol_net_set_offloads(n->net, offloads), &n->host_offloads, offloads);
}

/* --- DRIVER_OK --- */

static void start_pairs(struct net_device *n)
{
	int ret = set_pairs(n, 1);

	n->pairs_due = false;
	if (ret)
		iol_log_limited(&n->log_limit, IOL_LOG_WARN,
				"%s: %s cannot be set to one queue pair (%s); frames to the guest "
				"that come by others are lost: reset the guest's interface, or "
				"give queues=1",
				n->v.name, n->net->name, strerror(-ret));
}

static void start_offloads(struct net_device *n)
{
	int ret = set_offloads(n, virtio_net_backend_offloads(n->guest_offloads));

	n->offloads_due = false;
	if (ret)
		iol_log_limited(&n->log_limit, IOL_LOG_WARN,
				"%s: %s cannot be told which offloads the guest's driver takes "
				"(%s); frames to the guest that need others are lost: reset the "
				"guest's interface, or turn these offloads off on the host",
				n->v.name, n->net->name, strerror(-ret));
}

/* Sets what is due as far as the host may be changed; true when nothing is left. */
static bool set_due(struct net_device *n)
{
	if (n->pairs_due) {
		if (await_change(n))
			return false;
		start_pairs(n);
	}
	if (n->offloads_due) {
		if (await_change(n))
			return false;
		start_offloads(n);
	}
	virtio_net_vhost_follow(n);
	return true;
}

void virtio_net_start_host(struct net_device *n)
{
	n->active_pairs = 1;
	virtio_net_vhost_begin(n);
	n->guest_offloads = virtio_net_sound_offloads(n->v.features);
	n->pairs_due = n->host_pairs != 1;
	n->offloads_due = n->host_offloads != virtio_net_backend_offloads(n->guest_offloads);
	set_due(n);
}

/* --- commands that waited --- */

/* The driver may have gone meanwhile: its features are a vCPU's to write then. */
void virtio_net_ctrl_may_go_on(struct iol_op *op, int res)
{
	struct net_device *n = iol_container_of(op, struct net_device, ctrl_op);

	if (res == -ETIME && net_running(n) && set_due(n))
		iol_virtio_resume(&n->v, virtio_net_ctrl_queue(n));
}

/* All that is left of the data is @len bytes: copies them. */
static bool take_rest(struct iol_chain *chain, void *buf, uint32_t len)
{
	return chain->readable_bytes == len && iol_chain_take_header(chain, buf, len);
}

static bool has(const struct net_device *n, unsigned int feature)
{
	return iol_virtio_has(&n->v, feature);
}

/* --- 5.1.6.5.1 --- */

static bool set_rx_mode(struct net_device *n, uint8_t command, struct iol_chain *chain)
{
	struct net_filter *filter = &n->filter;
	bool *const modes[] = {
		[VIRTIO_NET_CTRL_RX_PROMISC] = &filter->promisc,
		[VIRTIO_NET_CTRL_RX_ALLMULTI] = &filter->allmulti,
		[VIRTIO_NET_CTRL_RX_ALLUNI] = &filter->alluni,
		[VIRTIO_NET_CTRL_RX_NOMULTI] = &filter->nomulti,
		[VIRTIO_NET_CTRL_RX_NOUNI] = &filter->nouni,
		[VIRTIO_NET_CTRL_RX_NOBCAST] = &filter->nobcast,
	};
	bool extra = command > VIRTIO_NET_CTRL_RX_ALLMULTI;
	uint8_t on;

	if (command >= IOL_ARRAY_LEN(modes) ||
	    !has(n, extra ? VIRTIO_NET_F_CTRL_RX_EXTRA : VIRTIO_NET_F_CTRL_RX) ||
	    !take_rest(chain, &on, sizeof(on)))
		return false;
	*modes[command] = on;
	return true;
}

/* --- 5.1.6.5.2 --- */

/* A number of addresses and the addresses; those that are too many are let in all. */
static bool take_macs(struct iol_chain *chain, struct net_macs *macs)
{
	uint8_t mac[IOL_NET_MAC_BYTES];
	uint32_t count;
	le32 entries;

	if (!iol_chain_take_header(chain, &entries, sizeof(entries)))
		return false;
	count = le32_get(entries);
	if (count > chain->readable_bytes / sizeof(mac))
		return false;
	macs->count = 0;
	macs->overflow = count > NET_MACS_MAX;
	for (uint32_t i = 0; i < count; i++) {
		iol_chain_take_header(chain, mac, sizeof(mac));
		if (i < NET_MACS_MAX)
			memcpy(macs->macs[macs->count++], mac, sizeof(mac));
	}
	return true;
}

static bool set_mac_table(struct net_device *n, struct iol_chain *chain)
{
	if (!has(n, VIRTIO_NET_F_CTRL_RX) || !take_macs(chain, &n->unicast) ||
	    !take_macs(chain, &n->multicast) || chain->readable_bytes)
		return false;
	n->filter.unicast = n->unicast;
	n->filter.multicast = n->multicast;
	return true;
}

/* CTRL_RX lets a driver do this too; drivers look at the feature of its own. */
static bool set_mac(struct net_device *n, struct iol_chain *chain)
{
	uint8_t mac[IOL_NET_MAC_BYTES];

	if (!has(n, VIRTIO_NET_F_CTRL_MAC_ADDR) && !has(n, VIRTIO_NET_F_CTRL_RX))
		return false;
	if (!take_rest(chain, mac, sizeof(mac)) || (mac[0] & 1))
		return false;
	memcpy(n->filter.mac, mac, sizeof(mac));
	n->filter.mac_known = true;
	if (has(n, VIRTIO_NET_F_MAC))
		virtio_net_show_mac(n, mac);
	return true;
}

static bool run_mac(struct net_device *n, uint8_t command, struct iol_chain *chain)
{
	switch (command) {
	case VIRTIO_NET_CTRL_MAC_TABLE_SET:
		return set_mac_table(n, chain);
	case VIRTIO_NET_CTRL_MAC_ADDR_SET:
		return set_mac(n, chain);
	default:
		return false;
	}
}

/* --- 5.1.6.5.3 --- */

static bool run_vlan(struct net_device *n, uint8_t command, struct iol_chain *chain)
{
	uint64_t *word, bit;
	unsigned int vlan;
	le16 data;

	if (!has(n, VIRTIO_NET_F_CTRL_VLAN) || !take_rest(chain, &data, sizeof(data)))
		return false;
	vlan = le16_get(data);
	if (vlan >= NET_VLANS)
		return false;
	word = &n->filter.vlans[vlan / 64];
	bit = UINT64_C(1) << vlan % 64;
	switch (command) {
	case VIRTIO_NET_CTRL_VLAN_ADD:
		*word |= bit;
		return true;
	case VIRTIO_NET_CTRL_VLAN_DEL:
		*word &= ~bit;
		return true;
	default:
		return false;
	}
}

/* --- 5.1.6.5.4 --- */

static bool run_announce(struct net_device *n, uint8_t command, const struct iol_chain *chain)
{
	if (!has(n, VIRTIO_NET_F_GUEST_ANNOUNCE) || command != VIRTIO_NET_CTRL_ANNOUNCE_ACK ||
	    chain->readable_bytes)
		return false;
	n->announcing = false;
	virtio_net_show_status(n, false);
	return true;
}

/* --- 5.1.6.5.6 --- */

/* The driver has to set them up before. */
static bool queues_are_there(const struct net_device *n, unsigned int pairs)
{
	for (unsigned int i = 0; i < 2 * pairs; i++)
		if (!n->v.queues[i].vq.size)
			return false;
	return true;
}

static bool run_mq(struct net_device *n, uint8_t command, struct iol_chain *chain)
{
	unsigned int pairs, before = n->active_pairs;
	le16 data;

	if (!has(n, VIRTIO_NET_F_MQ) || command != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
	    !take_rest(chain, &data, sizeof(data)))
		return false;
	pairs = le16_get(data);
	if (!pairs || pairs > n->pairs || !queues_are_there(n, pairs))
		return false;
	virtio_net_vhost_stop(n, pairs);
	if (set_pairs(n, pairs)) {
		virtio_net_vhost_follow(n);
		return false;
	}
	n->active_pairs = pairs;
	virtio_net_vhost_follow(n);
	for (unsigned int i = pairs; i < before; i++)
		virtio_net_drop_held(n, i);
	for (unsigned int i = before; i < pairs; i++)
		virtio_net_run_rx(n, i);
	return true;
}

/* --- 5.1.6.5.8 --- */

static bool run_offloads(struct net_device *n, uint8_t command, struct iol_chain *chain)
{
	uint64_t offloads;
	le64 data;

	if (!has(n, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
	    command != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET || !take_rest(chain, &data, sizeof(data)))
		return false;
	offloads = le64_get(data);
	if (offloads & ~(n->v.features & virtio_net_guest_offloads))
		return false;
	offloads = virtio_net_sound_offloads(offloads);
	if (set_offloads(n, virtio_net_backend_offloads(offloads)))
		return false;
	n->guest_offloads = offloads;
	return true;
}

/* --- commands --- */

static bool run_command(struct net_device *n, struct iol_chain *chain)
{
	struct virtio_net_ctrl_hdr hdr;

	if (chain->readable_bytes > DATA_BYTES_MAX ||
	    !iol_chain_take_header(chain, &hdr, sizeof(hdr)))
		return false;
	switch (hdr.class) {
	case VIRTIO_NET_CTRL_RX:
		return set_rx_mode(n, hdr.cmd, chain);
	case VIRTIO_NET_CTRL_MAC:
		return run_mac(n, hdr.cmd, chain);
	case VIRTIO_NET_CTRL_VLAN:
		return run_vlan(n, hdr.cmd, chain);
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return run_announce(n, hdr.cmd, chain);
	case VIRTIO_NET_CTRL_MQ:
		return run_mq(n, hdr.cmd, chain);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return run_offloads(n, hdr.cmd, chain);
	default:
		return false;
	}
}

/* Any command might be the next change, and they are run in order, behind what DRIVER_OK left to be set. */
static bool has_to_wait(struct net_device *n, unsigned int queue)
{
	bool wait = !set_due(n) || await_change(n);

	if (wait)
		iol_virtio_pause(&n->v, queue);
	return wait;
}

bool virtio_net_serve_ctrl(struct net_device *n, unsigned int queue)
{
	uint64_t paid_ns = n->changes_paid_ns;

	for (unsigned int i = 0; i < COMMANDS_PER_TURN && n->changes_paid_ns == paid_ns; i++) {
		struct iol_chain chain;
		uint8_t *ack;

		if (has_to_wait(n, queue))
			return false;
		if (!iol_virtio_pop(&n->v, queue, &chain, n->ctrl_iov, n->queue_size))
			return false;
		ack = iol_chain_take_status(&chain);
		if (!ack) {
			iol_virtio_break(&n->v, "queue %u: a command without room for its answer",
					 queue);
			iol_virtio_push(&n->v, queue, chain.head, 0);
			return false;
		}
		*(volatile uint8_t *)ack = run_command(n, &chain) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
		/* What was written counts from the start of the writable part (2.7.8.2). */
		iol_virtio_push(&n->v, queue, chain.head, !chain.writable_bytes);
	}
	return true;
}
