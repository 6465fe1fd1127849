/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the network device besides its frames: one with given offloads and pairs, and its configuration space. */
#ifndef IOLITE_TESTS_VIRTIO_NET_LIFE_RIG_H
#define IOLITE_TESTS_VIRTIO_NET_LIFE_RIG_H

#include <glib.h>

#include "virtio_net_rig.h"

#define FIELD(r, field)                                                               \
	iol_virtio_config_read((r)->dev.v, offsetof(struct virtio_net_config, field), \
			       sizeof(((struct virtio_net_config *)0)->field))
#define BIT(feature) NET_RIG_BIT(VIRTIO_NET_F_##feature)

static inline void init(struct net_rig *r, uint32_t offloads, unsigned int pairs)
{
	const struct net_rig_setup setup = {
		.send_offloads = offloads,
		.receive_offloads = offloads,
		.pairs = pairs,
	};

	net_rig_init(r, &setup);
}

static inline void finish(struct net_rig *r)
{
	device_rig_check(&r->dev);
	net_rig_finish(r);
}

#endif
