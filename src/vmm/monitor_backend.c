// SPDX-License-Identifier: Apache-2.0
/* What the monitor has to say of disks and network cards, and of what is behind them. Runs on the loop's thread. */
#include "monitor_info.h"

#include <inttypes.h>

#include <iolite/block.h>
#include <iolite/size.h>
#include <iolite/virtio.h>

#include "machine.h"

static void append_place(const struct iol_vm *vm, unsigned int slot, enum iol_transport transport,
			 GString *out)
{
	if (transport == IOL_TRANSPORT_PCI)
		g_string_append_printf(out, "PCI 00:%02x.0", slot);
	else
		g_string_append_printf(out, "virtio-mmio 0x%" PRIx64,
				       vm->virtio_mmio_base +
					       (uint64_t)slot * IOL_LAYOUT_SLOT_BYTES);
}

/* ---- Disks ---- */

static void append_limits(const struct iol_disk_config *disk, GString *out)
{
	if (disk->bytes_per_s)
		g_string_append_printf(out, ", at most %" PRIu64 " bytes/s", disk->bytes_per_s);
	if (disk->requests_per_s)
		g_string_append_printf(out, ", at most %" PRIu64 " requests/s",
				       disk->requests_per_s);
}

static void append_disk(const struct iol_vm *vm, unsigned int idx, GString *out)
{
	const struct iol_disk_config *disk = &vm->config->disks[idx];
	const struct iol_block *blk = iol_disk_backend(vm, idx);
	const struct iol_virtio *v = vm->disks[idx].virtio;
	char size[IOL_SIZE_TEXT_BYTES];

	g_string_append_printf(out, "%s: %s (raw)%s\n  on ", disk->id, disk->path,
			       disk->read_only ? ", read-only" : "");
	append_place(vm, IOL_SLOT_DISKS + idx, disk->transport, out);
	if (blk)
		g_string_append_printf(out, ", %" PRIu64 " bytes (%s), blocks of %" PRIu32,
				       blk->limits.size_bytes,
				       iol_size_format(blk->limits.size_bytes, size),
				       blk->limits.logical_block_bytes);
	g_string_append_printf(out, "\n  cache %s%s%s%s", iol_block_cache_name(disk->cache),
			       disk->direct ? ", direct" : "",
			       blk && blk->limits.discard ? ", discard" : "",
			       disk->lock ? ", locked" : "");
	append_limits(disk, out);
	if (v)
		g_string_append_printf(out, "\n  %u %s, %u in flight", v->queue_count,
				       v->queue_count == 1 ? "queue" : "queues", v->in_flight);
	g_string_append_c(out, '\n');
}

void iol_monitor_block(struct iol_vm *vm, GString *out)
{
	if (!vm->config->disk_count)
		g_string_append(out, "this machine has no disks\n");
	for (unsigned int i = 0; i < vm->config->disk_count; i++)
		append_disk(vm, i, out);
}

/* ---- Network cards ---- */

/* What its kind is to be told of: a name, a path. */
static void append_end(const struct iol_net_config *net, GString *out)
{
	g_string_append(out, iol_net_kind_name(net->kind));
	if (net->ifname)
		g_string_append_printf(out, " %s", net->ifname);
	if (net->bridge)
		g_string_append_printf(out, " on %s", net->bridge);
	if (net->path)
		g_string_append_printf(out, " %s", net->path);
}

static void append_vhost(const struct iol_net_config *net, const struct iol_virtio *v, GString *out)
{
	static const char *const wishes[] = {
		[IOL_NET_VHOST_AUTO] = "auto",
		[IOL_NET_VHOST_ON] = "on",
		[IOL_NET_VHOST_OFF] = "off",
	};
	unsigned int lent = 0;

	if (net->kind != IOL_NET_KIND_TAP && net->kind != IOL_NET_KIND_BRIDGE)
		return;
	for (unsigned int i = 0; v && i < v->queue_count; i++)
		lent += v->queues[i].lent;
	g_string_append_printf(out, ", vhost %s: ", wishes[net->vhost]);
	if (lent)
		g_string_append_printf(out, "the kernel serves %u queues now", lent);
	else
		g_string_append(out, "iolite serves all queues now");
}

static void append_card(const struct iol_vm *vm, unsigned int idx, GString *out)
{
	const struct iol_net_config *net = &vm->config->nets[idx];
	const struct iol_net *backend = vm->cards[idx].net;
	const struct iol_virtio *v = vm->slots[IOL_SLOT_NETS + idx];
	const uint8_t *m = net->mac;

	g_string_append_printf(out, "%s: ", net->id);
	append_end(net, out);
	g_string_append_printf(out, ", link %s%s\n  on ",
			       backend && backend->link_up ? "up" : "down",
			       backend && backend->pulled ? ", cable pulled" : "");
	append_place(vm, IOL_SLOT_NETS + idx, net->transport, out);
	g_string_append_printf(out, ", MAC %02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
			       m[4], m[5]);
	if (net->mtu || (backend && backend->limits.mtu))
		g_string_append_printf(out, ", MTU %u", net->mtu ? net->mtu : backend->limits.mtu);
	g_string_append_printf(out, "\n  %u %s of queues", net->queues,
			       net->queues == 1 ? "pair" : "pairs");
	append_vhost(net, v, out);
	g_string_append_c(out, '\n');
}

void iol_monitor_net(struct iol_vm *vm, GString *out)
{
	if (!vm->config->net_count)
		g_string_append(out, "this machine has no network cards\n");
	for (unsigned int i = 0; i < vm->config->net_count; i++)
		append_card(vm, i, out);
}
