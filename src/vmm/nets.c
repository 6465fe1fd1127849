// SPDX-License-Identifier: Apache-2.0
/*
 * Network cards: from a line of the configuration to a backend and a virtio-net device in its slot. Runs on the
 * loop's thread before the first vCPU runs.
 */
#include <iolite/log.h>
#include <iolite/net.h>
#include <iolite/vhost.h>
#include <iolite/virtio_net.h>

#include <glib.h>
#include <string.h>

#include "control.h"
#include "machine.h"

enum { QUEUE_SIZE = 256 };

static int open_tap(struct iol_vm *vm, const struct iol_net_config *net, const char *name,
		    struct iol_net **out, struct iol_error *err)
{
	const struct iol_net_tap_config tap = {
		.name = name,
		.ifname = net->ifname,
		.bridge = net->bridge,
		.fds = net->fd_count ? net->fds : NULL,
		.pairs = net->queues,
		.mtu = net->mtu,
	};

	return iol_net_tap_new(&vm->loop, &tap, out, err);
}

static int open_user(struct iol_vm *vm, const struct iol_net_config *net, const char *name,
		     struct iol_net **out, struct iol_error *err)
{
	const struct iol_net_user_config user = {
		.name = name,
		.hostname = net->hostname,
		.restricted = net->restricted,
		.ipv4 = net->ipv4,
		.ipv6 = net->ipv6,
		.net4 = net->net4,
		.host4 = net->host4,
		.dns4 = net->dns4,
		.dhcp_start = net->dhcp_start,
		.net6 = net->net6,
		.host6 = net->host6,
		.dns6 = net->dns6,
		.domain = net->domain,
		.forwards = (const char *const *)net->forwards,
		.mtu = net->mtu,
	};

	return iol_net_user_new(&vm->loop, &user, out, err);
}

static int open_stream(struct iol_vm *vm, const struct iol_net_config *net, const char *name,
		       struct iol_net **out, struct iol_error *err)
{
	const struct iol_net_stream_config stream = {
		.name = name,
		.path = net->path,
		.listen = net->listen,
	};

	return net->kind == IOL_NET_KIND_PASST ? iol_net_passt_new(&vm->loop, &stream, out, err)
					       : iol_net_socket_new(&vm->loop, &stream, out, err);
}

static int open_none(struct iol_vm *vm, const struct iol_net_config *net, const char *name,
		     struct iol_net **out, struct iol_error *err)
{
	(void)net;
	return iol_net_none_new(&vm->loop, name, out, err);
}

static int (*const openers[IOL_NET_KIND_COUNT])(struct iol_vm *vm, const struct iol_net_config *net,
						const char *name, struct iol_net **out,
						struct iol_error *err) = {
	[IOL_NET_KIND_NONE] = open_none,    [IOL_NET_KIND_TAP] = open_tap,
	[IOL_NET_KIND_BRIDGE] = open_tap,   [IOL_NET_KIND_USER] = open_user,
	[IOL_NET_KIND_PASST] = open_stream, [IOL_NET_KIND_SOCKET] = open_stream,
};

int iol_nets_open(struct iol_vm *vm, struct iol_error *err)
{
	for (unsigned int i = 0; i < vm->config->net_count; i++) {
		const struct iol_net_config *net = &vm->config->nets[i];
		g_autofree char *name = g_strdup_printf("network %s", net->id);
		int ret = openers[net->kind](vm, net, name, &vm->nets[i], err);

		if (ret)
			return iol_error_prefix(err, "%s", name);
	}
	return 0;
}

static void free_vhost(struct iol_vhost_net **vhost)
{
	for (unsigned int i = 0; i < IOL_NET_PAIRS_MAX; i++) {
		iol_vhost_net_free(vhost[i]);
		vhost[i] = NULL;
	}
}

/* One for each pair, or none. */
static int open_vhost(struct iol_vm *vm, unsigned int idx, struct iol_vhost_net **vhost,
		      struct iol_error *err)
{
	const struct iol_net_config *config = &vm->config->nets[idx];
	struct iol_net *net = vm->nets[idx];
	int ret = 0;

	if (config->vhost == IOL_NET_VHOST_OFF || iol_net_vhost_fd(net, 0) < 0)
		return 0;
	for (unsigned int i = 0; i < net->limits.pairs && !ret; i++)
		ret = iol_vhost_net_new(&vm->loop, IOL_VHOST_NET_DEVICE, &vhost[i], err);
	if (!ret)
		return 0;
	free_vhost(vhost);
	if (config->vhost == IOL_NET_VHOST_ON)
		return iol_error_prefix(err, "vhost=on");
	iol_log(IOL_LOG_DEBUG, "%s: frames are passed by iolite: %s", net->name, err->msg);
	return 0;
}

static void link_changed(struct iol_net_observer *observer, bool up)
{
	struct iol_vm_card *card = iol_container_of(observer, struct iol_vm_card, observer);
	const struct iol_config *config = card->vm->config;

	iol_vm_control_link(card->vm, config->nets[card - card->vm->cards].id, up);
}

/* The backend is the device's now. */
static void keep_card(struct iol_vm *vm, unsigned int idx)
{
	struct iol_vm_card *card = &vm->cards[idx];

	card->vm = vm;
	card->net = vm->nets[idx];
	card->observer.link_changed = link_changed;
	card->net->observer = &card->observer;
	vm->nets[idx] = NULL;
}

static int init_net(struct iol_vm *vm, unsigned int idx, struct iol_error *err)
{
	const struct iol_net_config *net = &vm->config->nets[idx];
	struct iol_virtio_net_config config = {
		.name = net->id,
		.pairs = vm->nets[idx]->limits.pairs,
		.queue_size = QUEUE_SIZE,
		.mtu = net->mtu ? net->mtu : vm->nets[idx]->limits.mtu,
	};
	const struct iol_virtio_env env = iol_machine_virtio_env(vm);
	struct iol_vhost_net *vhost[IOL_NET_PAIRS_MAX] = { NULL };
	struct iol_virtio *v;
	int ret;

	memcpy(config.mac, net->mac, sizeof(config.mac));
	ret = open_vhost(vm, idx, vhost, err);
	config.vhost = vhost[0] ? vhost : NULL;
	if (!ret)
		ret = iol_virtio_net_new(vm->nets[idx], &config, &env, &v, err);
	if (ret) {
		free_vhost(vhost);
	} else {
		keep_card(vm, idx);
		ret = iol_machine_plug(vm, IOL_SLOT_NETS + idx, net->transport, v, err);
	}
	return ret ? iol_error_prefix(err, "network %s", net->id) : 0;
}

int iol_nets_init(struct iol_vm *vm, struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < vm->config->net_count && !ret; i++)
		ret = init_net(vm, i, err);
	return ret;
}

void iol_nets_finish(struct iol_vm *vm)
{
	for (unsigned int i = 0; i < vm->config->net_count; i++) {
		iol_net_free(vm->nets[i]);
		vm->nets[i] = NULL;
		vm->cards[i].net = NULL;
	}
}
